# A reachnote board. The only file that reads the clock.
#
# One bare loop: a tick each millisecond steps every sensor; a line leaves at the line rate, or at once on an edge.

import gc
import os
import sys
import time

from reachnote_board import VERSION, slots, wiring
from reachnote_board.button import Button, reader_of
from reachnote_board.console import BLOCK, Console
from reachnote_board.hardware import Hardware
from reachnote_board.lamp import Lamp, lamp_of
from reachnote_board.plausible import later
from reachnote_board.sampler import Sampler
from reachnote_board.sensors import since
from reachnote_wire import TIME_MASK, Packer, native_writer
from reachnote_wire import VERSION as WIRE

TICK_US = 1000
COLLECT_US = 30000000  # what a tick takes from the heap when an absent sensor raises lasts for minutes
ticks_us = time.ticks_us
sleep_us = time.sleep_us


def clock():
    return ticks_us() & TIME_MASK


def identity():
    import machine

    return "".join("%02x" % b for b in machine.unique_id())


class Board:
    """Everything between the sensors and the link; `step()` is one tick."""

    def __init__(self, folder="", stdin=None, stdout=None, build=""):
        self.worst_us = 0
        self.link = None
        self._wiring = None
        self._sampler = None
        self._sensors = []
        self._described = []
        self._facts = {
            "wire": WIRE,
            "firmware": VERSION,
            "build": build,
            "uid": identity(),
            "boot": "".join("%02x" % b for b in os.urandom(4)),
            "chip": sys.platform,
            "interpreter": "%s %s" % (sys.implementation.name, ".".join(str(n) for n in sys.implementation.version[:3])),
        }
        self._last = clock()
        self._collected = self._last
        self._untidy = False
        self._unheard = False
        self._fault = None
        self._button = Button(None)
        self._lamp = None
        self._read_wiring(folder)
        self.link = self._open_link(stdin or sys.stdin, stdout or sys.stdout)

    def _read_wiring(self, folder):
        try:
            self._wiring, self._fault = slots.load(folder)
        except (OSError, ValueError) as fault:
            unwired = "this board has no wiring yet: reachnote flash --instrument hardware/NAME"
            self._fault = str(fault) if isinstance(fault, ValueError) else unwired
            self._lamp = Lamp(lamp_of(sys.platform))
            return
        hardware = Hardware(self._wiring.get("buses"), clock)
        self._sensors = wiring.sensors_of(self._wiring, hardware)
        try:
            self._button = Button(reader_of(self._wiring, hardware))
        except (ValueError, TypeError) as fault:
            self._fault = "silence_pin in the wiring cannot be used (%s)" % fault
        self._described = wiring.describe(self._sensors)
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
        for sensor in self._sensors:
            why = getattr(sensor, "why", None)
            if why is not None and self.link is not None:
                self.link.trouble(sensor.name, why)
        self._facts["worst_tick_us"] = self.worst_us
        self.worst_us = 0
        return wiring.hello_of(self._wiring, self._described, self._facts)

    def set_option(self, name, value):
        if name != "rate_hz" or not isinstance(value, int) or not 10 <= value <= 1000 or self._sampler is None:
            return "set: this board knows rate_hz, 10 to 1000"
        self._wiring["rate_hz"] = value
        self._sampler.period_us = 1000000 // value
        return None

    def step(self):
        now = ticks_us() & TIME_MASK
        gap = now - self._last & TIME_MASK
        self._last = now
        if gap > self.worst_us:
            self.worst_us = gap
        sampler = self._sampler
        link = self.link
        if self._lamp is not None:
            self._lamp.step(now)
        if self._untidy:
            # A tick of its own, just after a line.
            self._untidy = False
            gc.collect()
            return
        # The line first: whoever plays waits for it. And the tick that has one is long enough.
        lined = False
        if sampler is not None:
            lined = sampler.step(now)
            if lined:
                link.send(sampler.packer.buffer)
                if since(now, self._collected) > COLLECT_US:
                    self._collected = now
                    self._untidy = True
            elif sampler.trouble is not None and getattr(link, "streaming", True):
                link.trouble(self._sensors[sampler.first_trouble].name, sampler.trouble)
                sampler.trouble = None
        if not lined:
            asked = self._button.step(now)
            if asked:
                link.silence(asked)
        self._unheard = lined and not self._unheard
        if not self._unheard:
            link.step(now)

    def run(self):
        gc.collect()
        step = self.step
        due = self._last = clock()
        while True:
            step()
            due = later(due, TICK_US)
            rest = since(due, clock())
            if rest > 0:
                sleep_us(rest)
            elif rest < -TICK_US * 4:
                due = clock()


def run(folder="", build=""):
    Board(folder, build=build).run()


if __name__ == "__main__":
    run()
