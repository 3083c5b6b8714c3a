# An ability switch between a pin with pull-up and ground. The hand gives 1 pressed, 0 not.
#
# `bounce_us`: how long the contact stays after a change, in turn the new and the old way, before it rests in the
# new one: (300, 200, 1500, 400) chatters for 2.4 ms.
# Faults: absent (unplugged), stuck (keeps what it was), shorted. closed=True: a normally-closed switch.

from hand import Still
from models import Device


class Switch(Device):
    FAULTS = ("absent", "stuck", "shorted")

    def __init__(self, hand, closed=False, bounce_us=()):
        super().__init__(hand)
        self.closed = closed
        self.bounce_us = bounce_us
        self._pressed = None
        self._changed_us = 0

    def level(self, us):
        self.keep_faults(us)
        if self.absent:
            return 1
        if self.shorted:
            return 0
        if not self.stuck:
            pressed = 1 if self.position(us) > 0.5 else 0
            if self._pressed is None:
                self._pressed = pressed
                self._changed_us = us - 1000000
            elif pressed != self._pressed:
                self._pressed = pressed
                self._changed_us = us
        contact = self._bounced(us) ^ (1 if self.closed else 0)
        return 1 - contact

    def _bounced(self, us):
        since = us - self._changed_us
        way = self._pressed or 0
        for lasts in self.bounce_us:
            if since < lasts:
                return way
            since -= lasts
            way = 1 - way
        return self._pressed or 0

    def drive(self, us, level):
        pass

    def next_edge(self, after_us):
        return -1  # the board looks at switches, it does not wait for them


def wire(sensor, attach_pin, attach_adc, attach_i2c):
    model = Switch(Still(0), sensor.get("contact") == "closed")
    attach_pin(sensor["pin"], model)
    return model
