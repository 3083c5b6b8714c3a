# Device models for the bench, one file a device: what its data sheet says, seen from its pins.
#
# Each is moved by `hand`, position(t_s) -> number, and has faults to throw: plain attributes that are False or True,
# set by hand or by throw({"absent": [30, 35], "stuck": True}): from 30 s to 35 s, always.
# Each file has wire(sensor, attach_pin, attach_adc, attach_i2c): a model for a sensor of wiring.json, attached.


class Device:
    FAULTS = ("absent", "stuck")

    def __init__(self, hand):
        self.hand = hand
        self._seed = 12345
        self._thrown = []
        for fault in self.FAULTS:
            setattr(self, fault, False)

    def throw(self, faults):
        for fault in faults:
            if fault not in self.FAULTS:
                raise ValueError("there is no fault '%s' here; there are: %s" % (fault, ", ".join(self.FAULTS)))
            when = faults[fault]
            if isinstance(when, (list, tuple)):
                self._thrown.append((fault, when[0] * 1000000, when[1] * 1000000))
            else:
                setattr(self, fault, bool(when))

    def keep_faults(self, us):
        """Throw and release what throw() planned; every access to a device begins with it."""
        for fault, begin, end in self._thrown:
            setattr(self, fault, begin <= us < end)

    def position(self, us):
        return self.hand(us / 1000000)

    def chance(self):
        """-1 .. 1, bell-shaped, the same in every run."""
        total = 0
        for _ in range(4):
            self._seed = (self._seed * 75 + 74) % 65537
            total += self._seed
        return total / 131072 - 1
