# A voltage on an ADC input. The hand gives V, or with r_m_ohm the conductance in uS of a force-sensing resistor
# that makes a divider with that resistor: V = vcc * G * R_m / (1 + G * R_m).
#
# `noise` in steps of a 12-bit ADC. Faults: absent (nothing on the input: a resistor to ground reads 0, an open input
# picks up the mains), stuck, saturated (at full scale), noisy (a loose contact).

from hand import Still
from models import Device

STEP_V = 3.3 / 4095


class Divider(Device):
    FAULTS = ("absent", "stuck", "saturated", "noisy")

    def __init__(self, hand, r_m_ohm=None, vcc=3.3, noise=2):
        super().__init__(hand)
        self.r_m_ohm = r_m_ohm
        self.vcc = vcc
        self.noise = noise
        self._kept = 0

    def volts(self, us):
        self.keep_faults(us)
        if self.stuck:
            return self._kept
        if self.saturated:
            volts = self.vcc
        elif self.absent:
            volts = 0 if self.r_m_ohm else self._mains(us)
        elif self.noisy:
            volts = self.vcc * (us // 4000 % 2)
        else:
            volts = self._healthy(us)
        self._kept = min(max(volts, 0), self.vcc)
        return self._kept

    def _healthy(self, us):
        volts = self.position(us)
        if self.r_m_ohm:
            ratio = max(volts, 0) * self.r_m_ohm / 1000000
            volts = self.vcc * ratio / (1 + ratio)
            if volts == 0:
                return 0
        return volts + self.chance() * self.noise * STEP_V

    def _mains(self, us):
        # 50 Hz, clipped by the input's diodes.
        return self.vcc if us // 10000 % 2 else 0


def wire(sensor, attach_pin, attach_adc, attach_i2c):
    force = sensor["driver"] == "fsr"
    rest = 0 if force else sensor.get("rest_v", 0)
    model = Divider(Still(rest), sensor.get("r_m_ohm", 10000) if force else None, sensor.get("v", 3.3))
    attach_adc(sensor["pin"], model)
    return model
