# A Sharp GP2Y0A21YK0F, GP2Y0A02YK0F or GP2Y0A41SK0F on an ADC input. The hand gives the distance in mm.
#
# Sharp's data sheets: points of the figure "output against distance" (white paper), which falls again, to nothing, nearer than
# the range; timing chart: one measurement each 38.3 ms (16.5 ms), whose voltage stands until the next.
# Faults: absent (nothing on the input but 100 kOhm to ground), stuck, saturated (shorted to the supply), noisy (an open
# input beside mains wiring), no_target.

from hand import Still
from models import Device

CURVES = {
    "GP2Y0A21": (38300, (
        (0, 0), (60, 3.13), (70, 3.0), (80, 2.75), (100, 2.31), (120, 1.99), (150, 1.64), (200, 1.31), (250, 1.08),
        (300, 0.92), (400, 0.74), (500, 0.61), (600, 0.52), (700, 0.45), (800, 0.41), (2000, 0.2),
    )),
    "GP2Y0A02": (38300, (
        (0, 0), (150, 2.75), (200, 2.51), (300, 1.99), (400, 1.52), (500, 1.25), (600, 1.04), (700, 0.87), (800, 0.79),
        (900, 0.74), (1000, 0.69), (1100, 0.6), (1200, 0.55), (1300, 0.5), (1400, 0.47), (1500, 0.45), (3000, 0.25),
    )),
    "GP2Y0A41": (16500, (
        (0, 0), (30, 3.03), (40, 2.72), (50, 2.33), (60, 2.01), (70, 1.76), (80, 1.55), (90, 1.4), (100, 1.25),
        (120, 1.04), (140, 0.92), (160, 0.82), (180, 0.73), (200, 0.66), (250, 0.53), (300, 0.42), (400, 0.31), (800, 0.2),
    )),
}  # fmt: skip


class SharpIr(Device):
    FAULTS = ("absent", "stuck", "saturated", "noisy", "no_target")

    def __init__(self, hand, part="GP2Y0A21", noise=0.01):
        super().__init__(hand)
        self.period_us, self.curve = CURVES[part]
        self.noise = noise  # V
        self._kept = 0
        self._turn = -1
        self._held = 0

    def volts(self, us):
        self.keep_faults(us)
        if self.stuck:
            return self._kept
        turn = us // self.period_us
        if turn != self._turn:
            self._turn = turn
            self._held = self.volts_at(1e9 if self.no_target else self.position(turn * self.period_us))
        volts = self._held + self.chance() * self.noise
        if self.absent:
            volts = 0
        elif self.saturated:
            volts = 3.3
        elif self.noisy:
            volts = 3.3 * (us // 10000 % 2)
        self._kept = min(max(volts, 0), 3.3)
        return self._kept

    def volts_at(self, mm):
        before, volts = self.curve[0]
        for place, there in self.curve:
            if mm <= place:
                return volts if place == before else volts + (there - volts) * (mm - before) / (place - before)
            before, volts = place, there
        return volts


def wire(sensor, attach_pin, attach_adc, attach_i2c):
    part = sensor.get("part")
    if part not in CURVES:
        part = "GP2Y0A21"
    model = SharpIr(Still(sensor.get("rest_mm", CURVES[part][1][-4][0])), part)
    attach_adc(sensor["pin"], model)
    return model
