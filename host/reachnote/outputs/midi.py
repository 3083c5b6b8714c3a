"""MIDI ports of this computer: a port of our own, or one that a synthesizer or a music program opened."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from reachnote.model import Event, Kind, Transport

from . import OutputProblem
from ._backlog import Backlog
from ._joins import Joins
from ._ports import Port, connector, find
from ._spec import only_options

SCHEME = "midi"
EXAMPLE = "midi:virtual"
SAYS = "a MIDI port named reachnote (midi:virtual), or the port of a synthesizer or music program (midi:ITS NAME)"

LOOK_EVERY = 1.0
"""Seconds between two looks for a lost port."""

_STATUS = {
    Kind.NOTE_ON: (0x90, 3),
    Kind.NOTE_OFF: (0x80, 3),
    Kind.CONTROL: (0xB0, 3),
    Kind.PROGRAM: (0xC0, 2),
    Kind.PRESSURE: (0xD0, 2),
    Kind.BEND: (0xE0, 3),
}
_TRANSPORTS = frozenset(Transport)


def to_bytes(event: Event) -> bytes:
    """`event` as one whole MIDI message (never running status); b"" when it is none or has no channel.

    Values outside 0..127 are brought to the nearest end. This is the only place where channels count from 0.
    """
    if event.kind == Kind.TRANSPORT:
        return _transport(event)
    known = _STATUS.get(event.kind)
    if known is None or not 1 <= event.channel <= 16:
        return b""
    status, length = known
    a = min(127, max(0, event.a))
    if length == 2:
        return bytes((status | event.channel - 1, a))
    return bytes((status | event.channel - 1, a, min(127, max(0, event.b))))


def _transport(event: Event) -> bytes:
    if event.a not in _TRANSPORTS:
        return b""
    status = bytes((event.a | 0x80,))
    if event.a != Transport.POSITION:
        return status
    place = min(event.source, 16383)
    return status + bytes((place & 127, place >> 7))


class MidiOutput:
    """One port. While it is not there, endings and the latest controls wait, new notes are dropped.

    `make` opens a connection to the MIDI system (`_ports.Port`) or raises; `wanted` None publishes a port of our own.
    """

    wants_levels = False

    def __init__(self, make: Callable[[], Port], wanted: str | None, name: str) -> None:
        self._make = make
        self._wanted = wanted
        self._joins = Joins(name) if wanted is None else None
        self._name = name
        self._port: Port | None = None
        self._there = ""
        self._trouble: str | None = None
        self._returned = False
        self._closed = False
        self._lost_messages = 0
        self._backlog = Backlog(stale=-1.0)
        self._next_look = 0.0
        self._now = float("-inf")
        self._open()

    @property
    def dropped(self) -> int:
        return self._lost_messages + self._backlog.dropped

    def send(self, event: Event, text: str = "") -> None:
        message = to_bytes(event)
        if not message:
            return
        if self._port is not None:
            try:
                self._port.send(message)
                return
            except Exception as reason:
                self._lose(_sentence(reason))
        if message[0] < 0xF0:  # a beat that has passed helps nobody
            self._keep(message)

    def beat(self, now: float) -> None:
        self._now = now
        if self._closed or now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY
        if self._port is not None and not self._still_there():
            self._lose(self._gone())
        elif self._joins is not None:
            self._joins.look()
        if self._port is None and self._open():
            self._returned = True
            self._flush(now)

    def trouble(self) -> str | None:
        return self._trouble

    def listens(self) -> bool:
        """See reachnote.outputs.listens: of a port of our own, whether anybody joined it."""
        return self._port is not None and (self._joins is None or self._joins.heard)

    def lost_and_found(self) -> bool:
        returned, self._returned = self._returned, False
        return returned

    def close(self) -> None:
        self._closed = True
        if self._joins is not None:
            self._joins.close()
        port, self._port = self._port, None
        if port is not None:
            _let_go(port)

    def _open(self) -> bool:
        port = None
        try:
            port = self._make()
            if self._wanted is None:
                self._joins.open_port(lambda: port.publish(self._name))
            else:
                names = port.destinations()
                self._there = find(self._wanted, names)
                port.connect(self._there, self._name)
        except Exception as reason:
            self._trouble = _sentence(reason)
            if port is not None:
                _let_go(port)
            return False
        self._port, self._trouble = port, None
        return True

    def _still_there(self) -> bool:
        try:
            return self._port.alive() and (self._wanted is None or self._there in self._port.destinations())
        except Exception:
            return False

    def _gone(self) -> str:
        what = "The MIDI system of this computer" if self._wanted is None else f"'{self._wanted}'"
        return f"{what} went away, so nothing sounds there. Start it or plug it in again; playing goes on by itself."

    def _lose(self, sentence: str) -> None:
        port, self._port = self._port, None
        self._trouble = sentence
        if self._joins is not None:
            self._joins.let_go()
        if port is not None:
            _let_go(port)

    def _keep(self, message: bytes) -> None:
        if self._closed:
            self._lost_messages += 1
        else:
            self._backlog.put(message, self._now)

    def _flush(self, now: float) -> None:
        while self._port is not None and (message := self._backlog.take(now)) is not None:
            try:
                self._port.send(message)
            except Exception as reason:
                self._backlog.put(message, now)
                self._lose(_sentence(reason))


def _let_go(port: Port) -> None:
    with contextlib.suppress(Exception):
        port.close()


def _sentence(reason: Exception) -> str:
    if isinstance(reason, OutputProblem):
        return str(reason)
    what = f"The MIDI system of this computer did not take the port ({reason}), so nothing sounds there."
    return f"{what} It is tried again every second."


def check(target: str, options: dict[str, str]) -> str:
    """The port that is wanted; OutputProblem when it is written wrongly."""
    only_options(options, ("api",), EXAMPLE)
    wanted = target.strip()
    if not wanted or not wanted.isprintable():
        raise OutputProblem(f"No MIDI port is named, so nothing was opened. Write {EXAMPLE} or midi: and the name of a port.")
    return wanted


def open_output(target: str, options: dict[str, str], name: str) -> MidiOutput:
    """`target` is `virtual` or a port's name; option api=alsa or api=jack (Linux).

    A port that is not there yet is waited for. OutputProblem when the name can never fit, or no MIDI library is installed.
    """
    wanted = check(target, options)
    make = connector(name, options.get("api"))
    return MidiOutput(make, None if wanted.lower() == "virtual" else wanted, name)
