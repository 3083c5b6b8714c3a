# One driver of the firmware on the desktop's bench, in invented time. Runs under CPython and MicroPython.

import bench
from reachnote_board.hardware import Hardware
from reachnote_board.sampler import Sampler
from reachnote_wire import TIME_MASK, Packer

BUSES = {"i2c0": {"sda": 4, "scl": 5}, "i2c1": {"sda": 6, "scl": 7, "freq": 100000}}


class Time:
    def __init__(self, us=0):
        self.us = us

    def clock(self):
        return self.us & TIME_MASK


class Rig:
    """`sensor` (driver) wired to `model`; `run(ms)` steps it each 1 ms tick and reports every `every` ticks.

    `log` collects (ms, status, value) at each change of status or value, and at each edge.
    """

    def __init__(self, sensor, model=None, start_us=0, **options):
        options["driver"] = sensor
        options["name"] = options.get("name", "it")
        self.time = Time(start_us)
        bench.begin(self.time.clock)
        self.model = None
        if model:
            self.model = bench.wire(model, options, {})
        self.hardware = Hardware(BUSES, self.time.clock)
        self.driver = driver_class(sensor)(options, self.hardware)
        self.start_us = start_us
        self.log = []
        self.troubles = []
        self.edges = 0
        self._last = None

    @property
    def ms(self):
        return (self.time.us - self.start_us) // 1000

    def run(self, ms, every=1):
        driver = self.driver
        for _ in range(ms):
            now = self.time.clock()
            driver.step(now)
            edge = driver.edge
            if edge:
                driver.edge = False
                self.edges += 1
            if driver.trouble:
                self.troubles.append(driver.trouble)
                driver.trouble = None
            if edge or self.ms % every == 0:
                driver.report(now)
                seen = (driver.status, driver.value)
                if edge or seen != self._last:
                    self._last = seen
                    self.note(self.ms, driver.status, driver.value)
            self.time.us += 1000
        return self

    def note(self, ms, status, value):
        self.log.append((ms, status, value))

    def until(self, status, within_ms):
        """Runs until the driver has that status; the ms it took, or None."""
        begin = self.ms
        while self.ms - begin < within_ms:
            self.run(1)
            if self.driver.status == status:
                return self.ms - begin
        return None

    @property
    def status(self):
        return self.driver.status

    @property
    def value(self):
        self.driver.report(self.time.clock())
        return self.driver.value


def driver_class(name):
    return __import__("reachnote_board.sensors." + name, None, None, ("Driver",)).Driver


def whole_board(rig, rate_hz=250):
    """A sampler with the rig's driver as its only sensor."""
    return Sampler([rig.driver], Packer(1), rate_hz)
