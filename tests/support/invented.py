"""A session, its ledger and a receiver in invented time: nothing here knows a clock, a port or a process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reachnote_wire as wire
from reachnote.ledger import Ledger
from reachnote.model import Event, Kind, order
from reachnote.scene import read_scene
from reachnote.session import Session
from support.boards import hello_text

SCENE = """
format = 1
name = "Test"
key = "C"
scale = "major pentatonic"
[[voice]]
for = ["switch", "impact"]
octave = 5
velocity = 70
[[voice]]
for = ["pressure", "force", "voltage"]
octave = 4
velocity = 70
[[voice]]
for = ["distance"]
play = "zones"
octave = 4
notes = 8
velocity = 70
"""

OUTPUTS = 3  # outputs that the receiver tells apart


class Receiver:
    """What a synth at the far end of each output hears: it counts, per output, channel and key."""

    def __init__(self) -> None:
        self.ons: dict[tuple[int, int, int], int] = {}
        self.offs: dict[tuple[int, int, int], int] = {}
        self.loudest = 0
        self.heard: list[Event] = []

    def take(self, event: Event) -> None:
        self.heard.append(event)
        if event.kind not in (Kind.NOTE_ON, Kind.NOTE_OFF):
            return
        counts = self.ons if event.kind == Kind.NOTE_ON else self.offs
        for output in range(OUTPUTS):
            if event.outputs >> output & 1:
                place = (output, event.channel, event.a)
                counts[place] = counts.get(place, 0) + 1
        if event.kind == Kind.NOTE_ON:
            self.loudest = max(self.loudest, event.b)

    def sounding(self, output: int = 0) -> list[tuple[int, int]]:
        """(channel, key) of every note that has more ons than offs."""
        return sorted((c, k) for (o, c, k), n in self.ons.items() if o == output and n > self.offs.get((o, c, k), 0))

    def unpaired(self) -> dict[tuple[int, int, int], int]:
        """Places whose ons and offs differ, with the difference."""
        places = self.ons.keys() | self.offs.keys()
        found = {p: self.ons.get(p, 0) - self.offs.get(p, 0) for p in places}
        return {p: n for p, n in found.items() if n}


class InventedBoard:
    """A board at a table. Its clock is `ppm` off, began at `zero_us`, and wraps as a real one does."""

    def __init__(self, table: Table, uid: str, sensors: list[dict], ppm: float = 0.0, zero_us: int = 123_456_789) -> None:
        self.table = table
        self.uid = uid
        self.sensors = sensors
        self.boot = "1"
        self.ppm = ppm
        self.zero_us = zero_us
        self.packer = wire.Packer(len(sensors))
        self.edges = [0] * len(sensors)
        self.edge_at = [-10.0] * len(sensors)
        self.pressed = [False] * len(sensors)
        self.link = -1
        self.streams = True
        self.fresh = 0  # lines that arrived at once since the last hello or reset: the session knows our clock
        self.name = f"port of {uid}"

    # ------------------------------------------------------------ plugging

    def plug(self, network: bool = False) -> InventedBoard:
        self.fresh = 0
        self.link = self.table.next_link()
        self.table.boards[self.link] = self
        self.table.session.opened(self.link, self.name, self.table.now, network)
        return self

    def unplug(self) -> None:
        link, self.link = self.link, -1
        del self.table.boards[link]
        self.table.session.closed(link, self.table.now)
        self.table.drain()

    def reset(self) -> None:
        """A brown-out: everything the board knew is gone, its port stays."""
        self.boot = str(int(self.boot) + 1)
        self.packer = wire.Packer(len(self.sensors))
        self.edges = [0] * len(self.sensors)
        self.zero_us = -int(self.table.now * 1e6)
        self.fresh = 0

    # ------------------------------------------------------------ moving

    def press(self, sensor: int = 0, pressed: bool = True, send: bool = True) -> None:
        """An edge now; its line leaves at once unless `send` is False."""
        self.pressed[sensor] = pressed
        self.edges[sensor] += 1
        self.edge_at[sensor] = self.table.now
        if send:
            self.send(self.line())

    def tap(self, sensor: int = 0, seconds: float = 0.05) -> None:
        self.press(sensor, True)
        self.table.run(seconds)
        self.press(sensor, False)

    def move(self, sensor: int, raw: int, status: int = wire.OK) -> None:
        self.packer.value[sensor] = raw
        self.packer.status[sensor] = status

    # ------------------------------------------------------------ lines

    def time_us(self, at: float) -> int:
        return int(at * 1e6 * (1 + self.ppm * 1e-6) + self.zero_us) & wire.TIME_MASK

    def line(self, at: float | None = None) -> bytes:
        """The reading line of this moment (or of `at`)."""
        at = self.table.now if at is None else at
        for n, sensor in enumerate(self.sensors):
            if sensor["kind"] == "switch":
                age_us = max(int((at - self.edge_at[n]) * 1e6), 0)
                self.packer.value[n] = wire.switch_value(self.pressed[n], self.edges[n], age_us)
        self.packer.pack(self.time_us(at))
        return bytes(self.packer.buffer)

    def send(self, data: bytes) -> None:
        self.table.session.bytes_in(self.link, data, self.table.now)
        self.table.drain()

    def hello(self, **more: object) -> None:
        self.fresh = 0
        self.send(wire.frame(wire.HELLO, hello_text(self.uid, self.sensors, self.boot, **more)))


class Table:
    """Boards, the session that hears them, and the receiver of what the ledger lets through."""

    def __init__(
        self, outputs: tuple[str, ...] = ("one",), scene: str = SCENE, start: float = 1000.0, plan: Sequence[str] = (), **more: Any
    ) -> None:
        scenes = [read_scene(text, "test.toml") for text in plan or (scene,)]
        self.session = Session(scenes[0], outputs, plan=[(one, None) for one in scenes], **more)
        self.ledger = Ledger()
        self.receiver = Receiver()
        self.boards: dict[int, InventedBoard] = {}
        self.news: list[dict] = []
        self.orders: list[Event] = []
        self.sent: list[Event] = []  # all that left the session
        self._ms = int(start * 1000)
        self._next_link = 0

    @property
    def now(self) -> float:
        return self._ms / 1000

    def next_link(self) -> int:
        self._next_link += 1
        return self._next_link - 1

    def board(self, uid: str = "b1", sensors: list[dict] | None = None, **more: object) -> InventedBoard:
        """A board that has been plugged in, introduced and at rest for half a second."""
        board = InventedBoard(self, uid, sensors or [{"kind": "switch"}], **more)
        board.plug()
        self.run(0.5)
        return board

    def run(self, seconds: float) -> None:
        """Time passes: every streaming board sends a line each 4 ms, the session ticks each 10 ms."""
        for _ in range(round(seconds * 1000)):
            self._ms += 1
            if self._ms % 4 == 0:
                for board in list(self.boards.values()):
                    if board.streams:
                        board.send(board.line())
                        board.fresh += 1
            if self.session.due <= self.now:
                self.session.on_time(self.now)
                self.drain()
            if self._ms % 10 == 0:
                self.tick()

    def keyboard(self) -> int:
        """A therapist's keyboard; the number of its link."""
        link = self.next_link()
        self.session.opened(link, "therapist: Piano", self.now)
        return link

    def play(self, link: int, message: bytes) -> None:
        """A MIDI message of that keyboard, now."""
        self.session.bodies_in(link, [b"m" + message.hex().encode()], self.now)
        self.drain()

    def asleep(self, seconds: float) -> None:
        """The computer does nothing for so long: no tick, and nothing is read."""
        self._ms += round(seconds * 1000)

    def tick(self) -> None:
        self.session.tick(self.now)
        self.drain()
        asked = [link for link, letter, _ in self.session.writes if letter == wire.ASK_HELLO]
        self.session.writes.clear()
        for link in asked:
            if link in self.boards and self.boards[link].streams:
                self.boards[link].hello()

    def drain(self) -> None:
        session = self.session
        for text in session.limits:
            self.ledger.take(order(Kind.LIMITS, 0.0), text)
        session.limits.clear()
        self.sent += session.out
        for event in session.out:
            if event.kind >= Kind.LEVEL:
                self.orders.append(event)
            for sent in self.ledger.take(event):
                self.receiver.take(sent)
        session.out.clear()
        self.news += session.news
        session.news.clear()
        session.gestures.clear()
        session.declared.clear()

    # ------------------------------------------------------------ what was heard

    def notes(self) -> list[tuple[str, int, int, int]]:
        """("on" or "off", channel, key, velocity) in order."""
        words = {Kind.NOTE_ON: "on", Kind.NOTE_OFF: "off"}
        return [(words[e.kind], e.channel, e.a, e.b) for e in self.receiver.heard if e.kind in words]

    def sounding(self) -> list[tuple[int, int]]:
        return self.receiver.sounding()

    def told(self, news: str) -> list[str]:
        return [n["text"] for n in self.news if n["news"] == news]
