# From sensors to one line a tick of the line rate. Told the time, asks nothing, allocates nothing.

from reachnote_board.plausible import later
from reachnote_board.sensors import since
from reachnote_wire import FAULT

EARLY_US = 1000  # an edge sends a line at once, but never two lines within one tick


class Sampler:
    """Steps every sensor each tick and says when a line is due.

    `step(now)` returns True when `packer.buffer` holds a fresh line: every `period_us`, or early on an edge.
    A driver that raises is marked FAULT and left alone; its sentence waits in `trouble`.
    """

    def __init__(self, sensors, packer, rate_hz):
        self.sensors = sensors
        self.packer = packer
        self.period_us = 1000000 // rate_hz
        self.trouble = None
        self.first_trouble = 0
        self._due = None
        self._last = None
        self._dead = bytearray(len(sensors))

    def step(self, now):
        early = False
        i = 0
        for sensor in self.sensors:
            if not self._dead[i]:
                try:
                    sensor.step(now)
                except Exception as fault:
                    self._give_up(i, fault)
                if sensor.edge:
                    sensor.edge = False
                    early = True
                if sensor.trouble is not None and self.trouble is None:
                    self.trouble = sensor.trouble
                    self.first_trouble = i
                    sensor.trouble = None
            i += 1
        if self._due is None:
            self._due = now
        late = since(now, self._due)
        if late < 0 and not (early and since(now, self._last) >= EARLY_US):
            return False
        if late >= 0:
            # Keep the beat; after a stall start a new one instead of catching up.
            step = self.period_us if late < self.period_us else late + self.period_us
            self._due = later(self._due, step)
        self._last = now
        self._pack(now)
        return True

    def _pack(self, now):
        status = self.packer.status
        value = self.packer.value
        i = 0
        for sensor in self.sensors:
            if not self._dead[i]:
                sensor.report(now)
                status[i] = sensor.status
                value[i] = sensor.value
            i += 1
        self.packer.pack(now)

    def _give_up(self, i, fault):
        self._dead[i] = 1
        self.packer.status[i] = FAULT
        self.packer.value[i] = 0
        self.trouble = "%s stopped: %s" % (self.sensors[i].name, fault)
        self.first_trouble = i
