# An HC-SR04: two models, `trigger` and `echo`, of one device. The hand gives the distance in mm.
#
# HC-SR04 data sheet: a trigger of at least 10 us sends eight cycles of 40 kHz; then echo is high for as long as the
# sound was under way, there and back at 343 m/s; without an echo it falls after `timeout_us` (38 ms; on some
# makes 200 ms). A trigger while echo is high is not heard.
# Faults: absent (no echo pulse at all), stuck (echo high), no_target.

from hand import Still
from models import Device

BURST_US = 450  # from the end of the trigger to the beginning of echo
MM_US = 2000 / 343
NEAREST, FARTHEST = 20, 4000


class Trigger:
    def __init__(self, device):
        self._device = device
        self._high_us = -1

    def level(self, us):
        return 1 if self._high_us >= 0 else 0

    def drive(self, us, level):
        if level:
            self._high_us = us
        elif self._high_us >= 0:
            if us - self._high_us >= 10:
                self._device.ping(us)
            self._high_us = -1

    def next_edge(self, after_us):
        return -1


class Hcsr04(Device):
    FAULTS = ("absent", "stuck", "no_target")

    def __init__(self, hand, timeout_us=38000):
        super().__init__(hand)
        self.timeout_us = timeout_us
        self.trigger = Trigger(self)
        self.echo = self
        self._rise_us = -1
        self._fall_us = -1

    def ping(self, us):
        self.keep_faults(us)
        if self.absent or us < self._fall_us:
            return
        mm = self.position(us)
        heard = NEAREST <= mm <= FARTHEST and not self.no_target
        self._rise_us = us + BURST_US
        self._fall_us = self._rise_us + (int(mm * MM_US + 0.5) if heard else self.timeout_us)

    def level(self, us):
        self.keep_faults(us)
        return 1 if self.stuck or self._rise_us <= us < self._fall_us else 0

    def next_edge(self, after_us):
        if self.stuck:
            return -1
        if self._rise_us > after_us:
            return self._rise_us
        return self._fall_us if self._fall_us > after_us else -1

    def drive(self, us, level):
        pass


def wire(sensor, attach_pin, attach_adc, attach_i2c):
    model = Hcsr04(Still(sensor.get("rest_mm", 500)))
    attach_pin(sensor["trigger"], model.trigger)
    attach_pin(sensor["echo"], model.echo)
    return model
