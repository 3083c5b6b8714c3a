# Honeywell MPRLS0025PA00001A on I2C. The hand gives the absolute pressure in Pa.
#
# Honeywell data sheet 32332628, MPR series: answers 1 ms after power; AA 00 00 starts a measurement of about 5 ms,
# during which the status is busy and the counts are those before; status bit 6 powered, 5 busy, 2 integrity, 0 math
# saturation; 24-bit counts, 10 % to 90 % for 0 to 25 psi.
# Faults: absent (no acknowledge), stuck (the same counts), saturated (math saturation), integrity.

from hand import Still
from models import Device

PSI_PA = 6894.757293168
LOWEST, HIGHEST = 0x19999A, 0xE66666
START_US = 1000


class Mprls(Device):
    FAULTS = ("absent", "stuck", "saturated", "integrity")

    def __init__(self, hand, noise=1.5, conversion_us=5000):
        super().__init__(hand)
        self.noise = noise  # Pa
        self.conversion_us = conversion_us
        self._powered_us = -START_US
        self._begun_us = -1
        self._counts = 0

    def counts_of(self, pa):
        counts = LOWEST + int(pa / PSI_PA * (HIGHEST - LOWEST) / 25 + 0.5)
        return min(max(counts, 0), 0xFFFFFF)

    def write(self, us, data):
        if not self._here(us):
            return False
        self._finish(us)
        if len(data) >= 3 and data[0] == 0xAA and data[1] == 0 and data[2] == 0 and self._begun_us < 0:
            self._begun_us = us
        return True

    def read(self, us, buffer):
        if not self._here(us):
            return False
        self._finish(us)
        busy = 0x20 if self._begun_us >= 0 else 0
        state = 0x40 | busy | (4 if self.integrity else 0) | (1 if self.saturated else 0)
        answer = (state, self._counts >> 16 & 255, self._counts >> 8 & 255, self._counts & 255)
        for n in range(len(buffer)):
            buffer[n] = answer[n] if n < 4 else 255
        return True

    def _here(self, us):
        self.keep_faults(us)
        if self.absent:
            self._powered_us = us
            self._begun_us = -1
            return False
        return us - self._powered_us >= START_US

    def _finish(self, us):
        if self._begun_us < 0 or us - self._begun_us < self.conversion_us:
            return
        taken_us = self._begun_us + self.conversion_us
        self._begun_us = -1
        if self.saturated:
            self._counts = 0xFFFFFF
        elif not self.stuck:
            self._counts = self.counts_of(self.position(taken_us) + self.chance() * self.noise)


def wire(sensor, attach_pin, attach_adc, attach_i2c):
    model = Mprls(Still(101325))
    attach_i2c(sensor.get("bus", "i2c0"), sensor.get("address", 0x18), model)
    return model
