"""The journal: one session as text, to be replayed. Pure; see protocols/files.md.

One JSON header line, then one record a line, in order of arrival:

    o 12.345678 3 {"name": "/dev/ttyACM0", "network": false}     link 3 opened
    l 12.345901 3 $r0001...                                       a line of link 3, verbatim
    e 12.345950 1 2 60 70 0 65535 12.345900                       an event: kind channel a b source outputs time
    c 20.000000 3                                                 link 3 closed

Times are seconds of the host's monotonic clock. A line that is not printable ASCII is written with \\xNN escapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reachnote.model import Event

FORMAT = 1
LONGEST_LINE = 64 * 1024


class JournalProblem(Exception):
    """A file that is not a journal this program reads; the text is for a person."""


class Entry(NamedTuple):
    """One record. `what` is o, l, e or c; `data` the line, the JSON of an opening, or the event's fields."""

    what: str
    time: float
    link: int
    data: str


def header(facts: dict) -> str:
    """The header line."""
    return json.dumps({"reachnote-journal": FORMAT, **facts}) + "\n"


def printable(line: bytes) -> str:
    """A line as journal text; what is not printable ASCII, and the backslash, is escaped."""
    text = line.decode("latin-1")
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(c if " " <= c <= "~" and c != "\\" else f"\\x{ord(c):02x}" for c in text)


def verbatim(text: str) -> bytes:
    """The bytes of `printable`'s text."""
    if "\\" not in text:
        return text.encode("latin-1", "replace")
    return text.encode("latin-1", "replace").decode("unicode_escape").encode("latin-1", "replace")


def entry(what: str, time: float, link: int, data: str) -> str:
    return f"{what} {time:.6f} {link} {data}\n"


def event_entry(event: Event, time: float) -> str:
    kind, channel, a, b, source, outputs, at = event
    return f"e {time:.6f} {kind} {channel} {a} {b} {source} {outputs} {at:.6f}\n"


def read(lines: Iterable[str], where: str) -> tuple[dict, Iterator[Entry]]:
    """Header and entries. JournalProblem when the header is not a journal's; a torn last line is left out."""
    lines = iter(lines)
    first = next(lines, "")
    try:
        facts = json.loads(first[:LONGEST_LINE])
        if facts["reachnote-journal"] not in (FORMAT,):
            raise JournalProblem(
                f"{where} is a journal of format {facts['reachnote-journal']}; this program reads format {FORMAT}. "
                "Update this program: pip install --upgrade reachnote"
            )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise JournalProblem(f"{where} is not a journal of a reachnote session.") from None
    return facts, _entries(lines)


def _entries(lines: Iterable[str]) -> Iterator[Entry]:
    for line in lines:
        if len(line) > LONGEST_LINE or not line.endswith("\n"):
            continue
        what, _, rest = line[:-1].partition(" ")
        time, _, rest = rest.partition(" ")
        link, _, data = rest.partition(" ")
        try:
            if what in ("o", "l", "c"):
                yield Entry(what, float(time), int(link), data)
            elif what == "e":
                yield Entry(what, float(time), 0, rest)
        except ValueError:
            continue
