# A reachnote board. The only file that reads the clock.
#
# One bare loop: a tick each millisecond steps every sensor; a line leaves at the line rate, or at once on an edge.

import gc
import os
import sys
import time

from reachnote_board import VERSION, wiring
from reachnote_board.console import BLOCK, Console
from reachnote_board.plausible import later
from reachnote_board.sampler import Sampler
from reachnote_board.sensors import since
from reachnote_wire import TIME_MASK, Packer, native_writer
from reachnote_wire import VERSION as WIRE

TICK_US = 1000
COLLECT_US = 10000000
ticks_us = time.ticks_us


def clock():
    return ticks_us() & TIME_MASK


def identity():
    import machine

    return "".join("%02x" % b for b in machine.unique_id())


class Board:
    """Everything between the sensors and the link; `step()` is one tick."""

    def __init__(self, folder="", stdin=None, stdout=None):
        self.worst_us = 0
        self.ticks = 0
        self._wiring = None
        self._sampler = None
        self._sensors = []
        self._facts = {
            "wire": WIRE,
            "firmware": VERSION,
            "uid": identity(),
            "boot": "".join("%02x" % b for b in os.urandom(4)),
            "chip": sys.platform,
            "interpreter": "%s %s" % (sys.implementation.name, ".".join(str(n) for n in sys.implementation.version[:3])),
        }
        self._last = clock()
        self._collected = self._last
        self._fault = None
        self._read_wiring(folder)
        self.link = self._open_link(stdin or sys.stdin, stdout or sys.stdout)

    def _read_wiring(self, folder):
        try:
            self._wiring = wiring.load(folder + "wiring.json")
        except (OSError, ValueError) as fault:
            self._fault = str(fault) if isinstance(fault, ValueError) else "this board has no wiring yet: reachnote flash"
            return
        self._sensors = wiring.sensors_of(self._wiring, clock)
        packer = Packer(len(self._sensors), native_writer(), BLOCK)
        self._sampler = Sampler(self._sensors, packer, self._wiring.get("rate_hz", 250))

    def _open_link(self, stdin, stdout):
        network = self._wiring and self._wiring.get("network")
        if network:
            from reachnote_board.wifi import open_link

            try:
                return open_link(network, self.hello, self.set_option, self._facts["uid"])
            except (ValueError, OSError) as fault:
                self._fault = "the network cannot be used (%s); this board speaks over USB" % fault
        return Console(stdin, stdout, self.hello, self.set_option)

    def hello(self):
        if self._fault is not None:
            self.link.trouble("", self._fault)
        if self._wiring is None:
            return self._facts
        self._facts["worst_tick_us"] = self.worst_us
        self.worst_us = 0
        return wiring.hello_of(self._wiring, self._sensors, self._facts)

    def set_option(self, name, value):
        if name != "rate_hz" or not isinstance(value, int) or not 10 <= value <= 1000 or self._sampler is None:
            return "set: this board knows rate_hz, 10 to 1000"
        self._wiring["rate_hz"] = value
        self._sampler.period_us = 1000000 // value
        return None

    def step(self):
        now = clock()
        gap = since(now, self._last)
        self._last = now
        if gap > self.worst_us:
            self.worst_us = gap
        self.ticks += 1
        link = self.link
        link.step(now)
        sampler = self._sampler
        if sampler is None:
            return
        if sampler.step(now):
            link.send(sampler.packer.buffer)
            # Just after a line is the longest quiet stretch there is.
            if since(now, self._collected) > COLLECT_US:
                self._collected = now
                gc.collect()
        elif sampler.trouble is not None:
            link.trouble(self._sensors[sampler.first_trouble].name, sampler.trouble)
            sampler.trouble = None

    def run(self):
        gc.collect()
        due = clock()
        while True:
            self.step()
            due = later(due, TICK_US)
            rest = since(due, clock())
            if rest > 0:
                time.sleep_us(rest)
            elif rest < -TICK_US * 4:
                due = clock()


def run(folder=""):
    Board(folder).run()


if __name__ == "__main__":
    run()
