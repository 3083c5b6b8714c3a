# Any voltage on an ADC: a slide, a bend sensor, a joystick axis, a reflex light sensor.
#
# One reading a tick, four make a value (250 values/s). At an end of the range for 0.5 s it is SATURATED; the very
# same value for 1.5 s is STUCK, for an ADC has noise of its own; jumps to and fro over a quarter of the range
# are NOISY, which is how an open input looks beside mains wiring.

from reachnote_board.plausible import Watch, choice, number, whole
from reachnote_board.sensors import REQUIRED, Sensor


class Driver(Sensor):
    OPTIONS = {
        "pin": (REQUIRED, "GPIO number of the ADC input"),
        "rails": ("both", 'ends at which a healthy sensor never rests: "both", "top", "bottom", "none"'),
        "v_ref": (3.3, "voltage of a full-scale reading, V, 0.5 to 5.5"),
        "rest_v": (0, "voltage where nobody plays, V, 0 to v_ref"),
        "reach_v": (3.3, "voltage of a full reach, V, 0 to v_ref, not rest_v"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._adc = hardware.adc(whole(self, "pin", 0, 99))
        self._watch = Watch(choice(self, "rails", ("both", "top", "bottom", "none")))
        self._per_volt = 65535 / number(self, "v_ref", 0.5, 5.5)
        self._rest = self._raw_of("rest_v")
        self._reach = self._raw_of("reach_v")
        if self._rest == self._reach:
            raise ValueError("sensor '%s': rest_v and reach_v are the same" % self.name)
        self._sum = 0
        self._taken = 0

    def _raw_of(self, key):
        return min(65535, round(number(self, key, 0, 5.5) * self._per_volt))

    def describe(self):
        return {
            "kind": "voltage",
            "unit": "V",
            "per_unit": self._per_volt,
            "min": 0,
            "max": 65535,
            "rest": self._rest,
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
            self.value = raw
