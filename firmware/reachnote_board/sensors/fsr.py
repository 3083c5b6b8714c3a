# A force-sensing resistor between the supply and an ADC input, with a resistor R_m from there to ground.
#
# Force is about proportional to conductance (Interlink FSR 400 series integration guide: force curves, divider):
#   V = Vcc * R_m / (R_m + R_fsr)   so   G = 1 / R_fsr = V / (Vcc - V) / R_m
# The raw value is 16000 * V / (Vcc - V): the same integers for every R_m, whose size is in per_unit.
#
# An FSR that nobody touches reads 0, and so does one that is unplugged: this wiring cannot tell them apart, so 0 is
# rest however long it lasts. A shorted one reads full scale and is SATURATED.

from reachnote_board.plausible import HIGH, Watch, number, whole
from reachnote_board.sensors import REQUIRED, Sensor

SCALE = 16000  # times 65535 stays below 2**30, a small integer on a 32-bit board
V_REF = 3.3
NEAREST = 64  # Vcc - V is never taken for less, so the value fits 24 bits


class Driver(Sensor):
    OPTIONS = {
        "pin": (REQUIRED, "GPIO number of the ADC input"),
        "r_m_ohm": (10000, "resistor from the input to ground, ohm, 100 to 1000000"),
        "v": (3.3, "supply of the divider, V, 1 to 5; the ADC's full scale is 3.3 V"),
        "reach": (200, "conductance of a full reach, uS, 1 to 10000"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._adc = hardware.adc(whole(self, "pin", 0, 99))
        self._per_unit = SCALE * number(self, "r_m_ohm", 100, 1000000) / 1e6
        self._top = round(65535 * number(self, "v", 1, 5) / V_REF)
        self._reach = max(1, min(0xFFFFFF, round(number(self, "reach", 1, 10000) * self._per_unit)))
        self._watch = Watch("top", min(HIGH, self._top * 998 // 1000))
        self._sum = 0
        self._taken = 0

    def describe(self):
        return {
            "kind": "force",
            "unit": "uS",
            "per_unit": self._per_unit,
            "min": 0,
            "max": SCALE * 65535 // NEAREST,
            "rest": 0,
            "reach": self._reach,
            "rate_hz": 250,
        }

    def step(self, now):
        self._sum += self._adc.read_u16()
        self._taken += 1
        if self._taken == 4:
            raw = self._sum >> 2
            self._sum = 0
            self._taken = 0
            self.status = self._watch.judge(raw, now)
            rest = self._top - raw
            if rest < NEAREST:
                rest = NEAREST
            # In two parts, for the product of both would leave 30 bits.
            self.value = raw // rest * SCALE + raw % rest * SCALE // rest
