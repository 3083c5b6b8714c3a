"""The journal: one session as JSON lines, to be replayed. Pure; see protocols/files.md.

The first line is a JSON object, the header. Every other line is a JSON array, in order of arrival:

    ["o", 12.345678, 3, "/dev/ttyACM0", false]               link 3 opened: name, is it a network link
    ["l", 12.345901, 3, "$r0001..."]                         a line of link 3, verbatim
    ["e", 12.345950, 1, 2, 60, 70, 0, 65535, 12.3459]        an event: kind channel a b source outputs time
    ["s", 14.0, {"order": "easier", ...}]                    something was set (`reachnote.orders`)
    ["c", 20.0, 3]                                           link 3 closed
    ["z", 21.3, 21.1]                                        this machine gave us no time since 21.1

Times are seconds of the host's monotonic clock. Bytes of a line stand for the first 256 characters of Unicode.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reachnote.model import Event

FORMAT = 1
LONGEST_LINE = 64 * 1024


class JournalProblem(Exception):
    """A file that is not a journal this program reads; the text is for a person."""


class Opened(NamedTuple):
    time: float
    link: int
    name: str
    network: bool


class Line(NamedTuple):
    time: float
    link: int
    line: bytes


class Left(NamedTuple):
    """An event that left for the outlet."""

    time: float
    event: Event


class Ordered(NamedTuple):
    """Something that people set while the session ran."""

    time: float
    thing: dict


class Closed(NamedTuple):
    time: float
    link: int


class Stalled(NamedTuple):
    """Nothing was read, and nobody looked at a clock, from `since` on."""

    time: float
    since: float


Entry = Opened | Line | Left | Ordered | Closed | Stalled


def header(facts: dict) -> str:
    """The header line."""
    return json.dumps({"reachnote-journal": FORMAT, **facts}) + "\n"


def write(entry: Entry) -> str:
    """One entry as its line."""
    return json.dumps(_array(entry), separators=(",", ":")) + "\n"


def _array(entry: Entry) -> list:
    time = round(entry.time, 6)
    if isinstance(entry, Line):
        return ["l", time, entry.link, entry.line.decode("latin-1")]
    if isinstance(entry, Left):
        *fields, at = entry.event
        return ["e", time, *(int(f) for f in fields), round(at, 6)]
    if isinstance(entry, Opened):
        return ["o", time, entry.link, entry.name, entry.network]
    if isinstance(entry, Ordered):
        return ["s", time, entry.thing]
    if isinstance(entry, Stalled):
        return ["z", time, round(entry.since, 6)]
    return ["c", time, entry.link]


def read(lines: Iterable[str], where: str) -> tuple[dict, Iterator[Entry]]:
    """Header and entries. JournalProblem when the header is not a journal's; a torn or strange line is left out."""
    lines = iter(lines)
    first = next(lines, "")
    try:
        facts = json.loads(first[:LONGEST_LINE])
        version = facts["reachnote-journal"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise JournalProblem(f"{where} is not a journal of a reachnote session.") from None
    if version != FORMAT:
        raise JournalProblem(
            f"{where} is a journal of format {version}; this program reads format {FORMAT}. "
            "Update this program: pip install --upgrade reachnote"
        )
    return facts, _entries(lines)


def _entries(lines: Iterable[str]) -> Iterator[Entry]:
    for line in lines:
        if len(line) > LONGEST_LINE:
            continue
        try:
            entry = _entry(json.loads(line))
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
            continue
        if entry is not None and math.isfinite(entry.time):
            yield entry


def _entry(said: list) -> Entry | None:
    what, time = said[0], float(said[1])
    if what == "l":
        return Line(time, int(said[2]), str(said[3]).encode("latin-1"))
    if what == "e":
        *fields, at = said[2:]
        return Left(time, Event(*(int(f) for f in fields), float(at)))
    if what == "o":
        return Opened(time, int(said[2]), str(said[3]), bool(said[4]))
    if what == "s" and isinstance(said[2], dict):
        return Ordered(time, said[2])
    if what == "c":
        return Closed(time, int(said[2]))
    if what == "z" and math.isfinite(since := float(said[2])):
        return Stalled(time, since)
    return None
