"""The shipped firmware at the bench in invented time, in this process: what a board reads, without a board or a clock.

    there = Workbench([{"name": "left", "driver": "switch", "pin": 14}])
    there.models["left"].shorted = True
    there.run(2.0, take)           # take(n, time, raw, status) for every reading

A hand is any callable of the seconds since the start: `there.models["left"].hand = lambda t: t > 3`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import reachnote_wire as wire
from reachnote.board import Board, Hello, read_hello
from reachnote.model import Reading

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
for folder in (FIRMWARE, FIRMWARE / "desktop"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

import bench  # noqa: E402
from reachnote_board import wiring as board_wiring  # noqa: E402
from reachnote_board.hardware import Hardware  # noqa: E402
from reachnote_board.sampler import Sampler  # noqa: E402

BUSES = {"i2c0": {"sda": 4, "scl": 5, "freq": 400000}}
TICK_US = 1000


class Workbench:
    """One board: `models` by the sensor's name, `now` in seconds since power-on."""

    def __init__(self, sensors: list[dict], name: str = "Board", instrument: str = "", rate_hz: int = 250) -> None:
        self.us = 0
        bench.begin(lambda: self.us & wire.TIME_MASK)
        wiring = {"format": 1, "name": name, "instrument": instrument, "rate_hz": rate_hz, "buses": BUSES, "sensors": sensors}
        self.models = {
            sensor["name"]: bench.wire(bench.MODELS[sensor["driver"]], sensor, {})
            for sensor in sensors
            if sensor["driver"] in bench.MODELS
        }
        made = board_wiring.sensors_of(wiring, Hardware(BUSES, lambda: self.us & wire.TIME_MASK))
        facts = {"wire": 1, "uid": "bench", "boot": "1", "firmware": "0.1.0"}
        text = wire.ascii_json(board_wiring.hello_of(wiring, board_wiring.describe(made), facts))
        self.hello: Hello = read_hello(text)
        self.said = [(sensor.name, sensor.why) for sensor in made if getattr(sensor, "why", None)]
        self._board = Board()
        self._board.take(f"h{text}".encode(), 0.0)
        self._board.numbers = list(range(len(made)))
        self._sampler = Sampler(made, wire.Packer(len(made)), rate_hz)
        self._splitter = wire.Splitter()

    @property
    def now(self) -> float:
        return self.us * 1e-6

    def run(self, seconds: float, take: Callable[[Reading], None], each: Callable[[float], None] = lambda now: None) -> None:
        """Run so long; `each(now)` 20 times a second."""
        end = self.us + round(seconds * 1e6)
        while self.us < end:
            if self._sampler.step(self.us & wire.TIME_MASK):
                for body in self._splitter.feed(bytes(self._sampler.packer.buffer)):
                    for reading in self._board.take(body, self.now) or ():
                        take(reading)
            if self.us % 50_000 == 0:
                each(self.now)
            self.us += TICK_US

    def readings(self, seconds: float) -> list[Reading]:
        """What it reads in so long."""
        found: list[Reading] = []
        self.run(seconds, found.append)
        return found


def plain(thing: object) -> object:
    """As a program on the other side of a pipe gets it."""
    return json.loads(json.dumps(thing))
