# A piezo pad behind a peak hold, on an ADC input. The hand gives the pad's own voltage above rest in V, as it is hit.
#
# The circuit in reachnote_board/sensors/piezo.py: a 22 nF capacitor takes the highest voltage and loses it through 1 MOhm
# with a time constant of 22 ms; idle at 0.25 V. Numbers are whole microvolts, so that every interpreter gives the same.
# Faults: absent (the pad's plug is out: 0 V), stuck, saturated (shorted to the supply), noisy (an open input beside mains
# wiring).

from hand import Still
from models import Device

STEP_US = 100
SPAN_US = 60000  # before that the pad's past no longer counts
FALL_US = 22000
FULL_UV = 3300000


class Piezo(Device):
    FAULTS = ("absent", "stuck", "saturated", "noisy")

    def __init__(self, hand, idle_v=0.25, noise=2):
        super().__init__(hand)
        self.idle_uv = int(idle_v * 1000000)
        self.noise = noise  # steps of a 12-bit ADC
        self._held_uv = self.idle_uv
        self._seen_us = 0
        self._kept = 0

    def volts(self, us):
        self.keep_faults(us)
        if self.stuck:
            return self._kept
        self._hold(us)
        volts = self._held_uv / 1000000 + self.chance() * self.noise * 3.3 / 4095
        if self.absent:
            volts = 0
        elif self.saturated:
            volts = 3.3
        elif self.noisy:
            volts = 3.3 * (us // 10000 % 2)
        self._kept = min(max(volts, 0), 3.3)
        return self._kept

    def _hold(self, us):
        if us - self._seen_us > SPAN_US:
            self._seen_us = us - SPAN_US
            self._held_uv = self.idle_uv
        while self._seen_us + STEP_US <= us:
            self._seen_us += STEP_US
            self._held_uv -= (self._held_uv - self.idle_uv) * STEP_US // FALL_US
            pad_uv = self.idle_uv + int(self.position(self._seen_us) * 1000000)
            if pad_uv > self._held_uv and not self.absent:
                self._held_uv = min(pad_uv, FULL_UV)


def wire(sensor, attach_pin, attach_adc, attach_i2c):
    model = Piezo(Still(0), sensor.get("idle_v", 0.25))
    attach_adc(sensor["pin"], model)
    return model
