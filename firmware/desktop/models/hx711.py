# An Avia HX711 with a load cell: two models, `clock` (PD_SCK) and `data` (DOUT), of one device. The hand gives the force in N.
#
# HX711 data sheet, serial interface, reset and power-down: data low when a conversion waits, 24 clocks shift it out, the
# 25th puts data high; 25, 26, 27 clocks: channel A 128, B 32, A 64 from the next on; after a change four periods to
# settle. A clock high for more than 60 us switches off; back low it begins anew on A 128.
# Faults: absent (data pulled up), stuck (the same conversion), saturated, deaf (the clock line is broken).

from hand import Still
from models import Device

GAINS = {25: 128, 26: 32, 27: 64}
OFF_US = 60
HIGHEST = 0x7FFFFF


class Clock:
    def __init__(self, device):
        self._device = device
        self._level = 0

    def level(self, us):
        return self._level

    def drive(self, us, level):
        if level != self._level:
            self._level = level
            self._device.clocked(us, level)

    def next_edge(self, after_us):
        return -1


class Hx711(Device):
    FAULTS = ("absent", "stuck", "saturated", "deaf")

    def __init__(self, hand, rated_n=49, mv_per_v=1, zero=123456, noise=40, period_us=12500):
        super().__init__(hand)
        self.rated_n = rated_n
        self.mv_per_v = mv_per_v
        self.zero = zero  # counts at gain 128 with nothing on the cell
        self.noise = noise
        self.period_us = period_us
        self.clock = Clock(self)
        self.data = self
        self._high_us = -1
        self._counts = 0
        self.power_on(0)

    def power_on(self, us):
        self.gain = 128
        self._settled = 128
        self._ready = False
        self._pulses = 0
        self._next_us = us + 4 * self.period_us

    def level(self, us):
        self.keep_faults(us)
        if self.absent:
            self.power_on(us)
            return 1
        self._convert(us)
        if 0 <= self._high_us < us - OFF_US or not self._ready or self._pulses > 24:
            return 1
        return self._counts >> 24 - self._pulses & 1 if self._pulses else 0

    def drive(self, us, level):
        pass

    def next_edge(self, after_us):
        return -1

    def clocked(self, us, level):
        self.keep_faults(us)
        if self.deaf or self.absent:
            return
        self._convert(us)
        if level:
            self._high_us = us
            if self._ready:
                self._pulses += 1
                self.gain = GAINS.get(self._pulses, self.gain)
            return
        if us - self._high_us > OFF_US:
            self.power_on(us)
        self._high_us = -1

    def _convert(self, us):
        if us < self._next_us or 0 < self._pulses < 25 or self._high_us >= 0:
            return
        if self.gain != self._settled:
            self._settled = self.gain
            self._next_us += 3 * self.period_us
            self._ready = False
            return self._convert(us)
        done_us = self._next_us + (us - self._next_us) // self.period_us * self.period_us
        self._next_us = done_us + self.period_us
        if not self.stuck:
            self._counts = self.counts_of(self.position(done_us)) & 0xFFFFFF
        self._ready = True
        self._pulses = 0

    def counts_of(self, newton):
        if self.saturated:
            return HIGHEST
        if self._settled == 32:  # channel B, with nothing connected to it
            newton = 0
        at_128 = newton * self.mv_per_v / self.rated_n * 128 / 500 * (HIGHEST + 1) + self.zero
        counts = int((at_128 * self._settled / 128) + 0.5) if at_128 >= 0 else -int(-at_128 * self._settled / 128 + 0.5)
        return max(-HIGHEST - 1, min(counts + int(self.chance() * self.noise), HIGHEST))


def wire(sensor, attach_pin, attach_adc, attach_i2c):
    model = Hx711(Still(0), sensor.get("rated_n", 49), sensor.get("mv_per_v", 1))
    attach_pin(sensor["clock"], model.clock)
    attach_pin(sensor["data"], model)
    return model
