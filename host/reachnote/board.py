"""One board's side of the conversation: bodies of wire lines in, readings and news out. Pure.

The board introduces itself (hello) and is believed; before its hello its readings are ignored.
"""

from __future__ import annotations

import json
import math
import struct
from binascii import unhexlify
from dataclasses import dataclass, field

import reachnote_wire as wire
from reachnote.clock import BoardClock
from reachnote.model import Reading
from reachnote.sentences import UPDATE_BOARD

SPOKEN = (1,)  # every released version of the wire
_TEXT = 64  # characters of a name


class HelloProblem(Exception):
    """A hello that cannot be used; the text is for a person."""


@dataclass(frozen=True)
class SensorInfo:
    """What a hello says of one sensor. Raw values are 0 .. 2**24-1; `per_unit` raw counts make one `unit`."""

    name: str
    kind: str
    unit: str = ""
    per_unit: float = 1.0
    low: int = 0
    high: int = (1 << 24) - 1
    rest: float = 0.0
    reach: float = (1 << 24) - 1
    rate_hz: float = 0.0
    floats: bool = False


@dataclass(frozen=True)
class Hello:
    """A board's introduction. Every field but `uid` and `sensors` has a default, so old and new boards load."""

    uid: str
    sensors: tuple[SensorInfo, ...]
    wire: int = 1
    firmware: str = ""
    boot: str = ""
    name: str = ""
    instrument: str = ""
    chip: str = ""
    rate_hz: float = 250.0
    interpreter: str = ""
    build: str = ""


@dataclass
class Counts:
    """What a board's link brought, since the session began."""

    lines: int = 0
    lost: int = 0
    damaged: int = 0
    noise: int = 0
    refused: int = 0
    hellos: int = 0
    errors: int = 0
    early: int = 0


def read_hello(text: str) -> Hello:
    """A hello's JSON as `Hello`. HelloProblem says in words what is wrong and which side to update."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise HelloProblem("A board introduced itself in a way this program cannot read.") from None
    if not isinstance(said, dict):
        raise HelloProblem("A board introduced itself in a way this program cannot read.")
    version = said.get("wire")
    name = _text(said.get("name")) or "A board"
    if type(version) is not int or version not in SPOKEN:
        newer = type(version) is int and version > max(SPOKEN)
        cure = "Update this program: pip install --upgrade reachnote" if newer else f"Update the board: {UPDATE_BOARD}"
        raise HelloProblem(
            f"{name} speaks version {_text(version) or 'unknown'} of the wire; this program speaks {max(SPOKEN)}. {cure}"
        )
    listed = said.get("sensors")
    if not isinstance(listed, list) or not 0 < len(listed) <= wire.MAX_SENSORS:
        raise HelloProblem(f"{name} names no sensors. Write its wiring again: reachnote flash --instrument hardware/NAME")
    sensors = tuple(_sensor(entry, n, name) for n, entry in enumerate(listed))
    uid = _text(said.get("uid"))
    if not uid:
        raise HelloProblem(f"{name} has no identity of its own. Update the board: {UPDATE_BOARD}")
    return Hello(
        uid=uid,
        sensors=sensors,
        wire=version,
        firmware=_text(said.get("firmware")),
        boot=_text(said.get("boot")),
        name=_text(said.get("name")) or uid[-6:],
        instrument=_text(said.get("instrument")),
        chip=_text(said.get("chip")),
        rate_hz=_number(said.get("rate_hz"), 250.0, 1.0, 1000.0),
        interpreter=_text(said.get("interpreter")),
        build=_text(said.get("build")),
    )


def _sensor(entry: object, n: int, board: str) -> SensorInfo:
    if not isinstance(entry, dict):
        raise HelloProblem(f"{board} describes its sensor {n + 1} in a way this program cannot read.")
    top = float((1 << 24) - 1)
    low = _number(entry.get("min"), 0.0, 0.0, top)
    high = _number(entry.get("max"), top, 0.0, top)
    kind = entry.get("kind")
    return SensorInfo(
        name=_text(entry.get("name")) or f"sensor {n + 1}",
        kind=kind if kind in wire.KINDS else "voltage",
        unit=_text(entry.get("unit")),
        per_unit=_number(entry.get("per_unit"), 1.0, 1e-6, 1e9),
        low=int(min(low, high)),
        high=int(max(low, high)),
        rest=_number(entry.get("rest"), low, 0.0, top),
        reach=_number(entry.get("reach"), high, 0.0, top),
        rate_hz=_number(entry.get("rate_hz"), 0.0, 0.0, 1e6),
        floats=entry.get("floats") is True,
    )


def _text(value: object, limit: int = _TEXT) -> str:
    if not isinstance(value, (str, int, float)):  # a nested one may be too deep to print
        return ""
    return "".join(c for c in str(value)[:limit] if c.isprintable())


def _number(value: object, default: float, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    try:
        number = float(value)
    except OverflowError:
        return default
    return min(max(number, low), high) if math.isfinite(number) else default


@dataclass
class Board:
    """A conversation with whatever sends on one link. `numbers` are the session's sensor numbers, set by it.

    `take(body, arrival)` returns the readings of a reading line (also kept in `readings`), and None for everything
    else; news waits in `hello` (with `fresh` True), `problem` and `said` for the session to pick up.
    `silence` is True once somebody held the board's own button.
    """

    hello: Hello | None = None
    fresh: bool = False
    problem: str | None = None
    said: list[tuple[str, str]] = field(default_factory=list)
    silence: bool = False
    counts: Counts = field(default_factory=Counts)
    clock: BoardClock = field(default_factory=BoardClock)
    numbers: list[int] = field(default_factory=list)
    lag: float = 0.0
    last_line: float = 0.0
    _seq: int = -1
    _asked: int = 0
    _length: int = 0
    _unpack: struct.Struct | None = None

    def take(self, body: bytes, arrival: float) -> list[Reading] | None:
        if body[0] == 0x72:  # r
            return self._reading(body, arrival)
        letter = body[:1]
        if letter == b"h":
            self._introduced(body[1:].decode("ascii", "replace"))
        elif letter == b"e":
            self._error(body[1:].decode("ascii", "replace"))
        elif letter == b"q":
            self._ask_silence(body[1:].decode("ascii", "replace"))
        else:
            self.counts.refused += 1
        return None

    def _reading(self, body: bytes, arrival: float) -> list[Reading] | None:
        if len(body) != self._length or self._unpack is None:
            if self.hello is None:
                self.counts.early += 1
            else:
                self.counts.refused += 1
            return None
        try:
            seq, time_us, *words = self._unpack.unpack(unhexlify(body[1:]))
        except ValueError:
            self.counts.refused += 1
            return None
        counts = self.counts
        counts.lines += 1
        if self._seq >= 0:
            gap = (seq - self._seq - 1) & 0xFFFF
            if gap < 0x8000:  # else it came twice, was overtaken, or the board began anew
                counts.lost += gap
        self._seq = seq
        time = self.clock.host_time(time_us, arrival)
        self.lag = arrival - time
        self.last_line = arrival
        return [
            Reading(number, time, word & 0xFFFFFF, word >> 24, time_us) for number, word in zip(self.numbers, words, strict=False)
        ]

    def _introduced(self, text: str) -> None:
        self.counts.hellos += 1
        try:
            hello = read_hello(text)
        except HelloProblem as problem:
            self.problem = str(problem)
            return
        self.problem = None
        if self.hello == hello:
            return
        if self.hello is None or hello.boot != self.hello.boot or hello.uid != self.hello.uid:
            self.clock.restart()
            self._seq = -1
            self._asked = 0
        count = len(hello.sensors)
        self._length = 1 + 12 + 8 * count
        self._unpack = struct.Struct(f">HI{count}I")
        self.hello = hello
        self.fresh = True

    def _ask_silence(self, text: str) -> None:
        # Said three times over, for a line may be lost: the number tells one silence from the next.
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None
        asked = said.get("asked") if isinstance(said, dict) else None
        if type(asked) is not int:
            self.counts.refused += 1
        elif asked != self._asked:
            self._asked = asked
            self.silence = True

    def _error(self, text: str) -> None:
        self.counts.errors += 1
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return
        if isinstance(said, dict):
            self.said.append((_text(said.get("sensor")), _text(said.get("text"), 200)))
            del self.said[:-16]
