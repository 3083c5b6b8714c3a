# From sensors to one line a tick of the line rate. Told the time, asks nothing, allocates nothing.

from reachnote_board.plausible import later
from reachnote_board.sensors import HALF, Sensor
from reachnote_wire import FAULT, TIME_MASK

EARLY_US = 1000  # an edge sends a line at once, but never two lines within one tick


class Sampler:
    """Steps every sensor each tick and says when a line is due.

    `step(now)` returns True when `packer.buffer` holds a fresh line: every `period_us`, or early on an edge.
    A driver that raises is marked FAULT and left alone; the sentence stays in its `why`.
    A new sentence of `sensors[first_trouble]` waits in `trouble` until somebody sets that to None.
    """

    def __init__(self, sensors, packer, rate_hz):
        self.sensors = sensors
        self.packer = packer
        self.period_us = 1000000 // rate_hz
        self.trouble = None
        self.first_trouble = 0
        self._asked = 0
        self._due = -1
        self._last = 0
        self._early = False
        # Whoever has something to report anew may have an edge. These go first, and where one has an edge
        # the others' step is left out once, for whoever plays waits for the line.
        self._quick = [sensor for sensor in sensors if type(sensor).report is not Sensor.report]
        self._slow = [sensor for sensor in sensors if type(sensor).report is Sensor.report]
        self._left_out = False
        self._dead = bytearray(len(sensors))

    def step(self, now):
        sensor = None
        try:
            for sensor in self._quick:
                sensor.step(now)
                if sensor.edge:
                    sensor.edge = False
                    self._early = True
            self._left_out = self._early and not self._left_out
            if not self._left_out:
                for sensor in self._slow:
                    sensor.step(now)
        except Exception as fault:
            self._give_up(sensor, fault)
        due = self._due
        if due < 0:
            self._due = due = now
        late = now - due & TIME_MASK
        if late >= HALF:  # not yet
            if not self._early or now - self._last & TIME_MASK < EARLY_US:
                return False
        else:
            # Keep the beat; after a stall start a new one instead of catching up.
            self._due = later(due if late < self.period_us else now, self.period_us)
        self._early = False
        self._last = now
        self._pack(now)
        if self.trouble is None:
            self._ask_one()
        return True

    def _pack(self, now):
        sensor = None
        try:
            for sensor in self._quick:
                sensor.report(now)
        except Exception as fault:
            self._give_up(sensor, fault)
        packer = self.packer
        status = packer.status
        value = packer.value
        dead = self._dead
        i = 0
        for sensor in self.sensors:
            if not dead[i]:
                status[i] = sensor.status
                value[i] = sensor.value
            i += 1
        packer.pack(now)

    def _ask_one(self):
        # One sensor a line: all of 32 within 130 ms.
        i = self._asked = (self._asked + 1) % len(self.sensors)
        sensor = self.sensors[i]
        if sensor.trouble is not None:
            self.trouble = sensor.trouble
            self.first_trouble = i
            sensor.trouble = None

    def _give_up(self, sensor, fault):
        i = self.sensors.index(sensor)
        (self._quick if sensor in self._quick else self._slow).remove(sensor)
        self._dead[i] = 1
        self.packer.status[i] = FAULT
        self.packer.value[i] = 0
        sensor.trouble = sensor.why = "%s stopped: %s" % (sensor.name, fault)
