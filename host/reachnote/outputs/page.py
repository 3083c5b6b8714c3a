"""`page:`: what the desk's page plays itself (protocols/desk.md, "The page's own sound").

Every desk that is open has a seat: a Unix datagram socket of its own in the runtime folder (`reachnote.runtime.sound_paths`).
A datagram is the time at which it was made (milliseconds of the monotonic clock, 32 bits, big-endian) and whole MIDI messages. At
every beat 0xFE says that the outlet lives; whoever misses it is to fall silent. 0xFF says that what sounds ends and what every
channel was last told follows: to a seat just taken, and to a desk that could not follow.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator

from reachnote import runtime
from reachnote.model import Event

from . import OutputProblem
from ._spec import only_options
from .midi import to_bytes

SCHEME = "page"
EXAMPLE = "page:"
SAYS = "the desk's page itself, once a person turned its sound on there"

HEARD = ".heard"
"""Behind a seat's path: a file that is there while a page of this desk listens."""
ALIVE, RESET = b"\xfe", b"\xff"
LOOK_EVERY = 0.25
"""Seconds between two looks for a desk in an empty seat."""
LATE_S = 0.1
"""A desk that takes nothing for so long starts anew; its pages are silent by then."""

_PROGRAM, _BEND, _CONTROL = 0xC0, 0xE0, 0xB0
_DATA, _PARAMETER_FINE, _PARAMETER, _RESET_CONTROLS = 6, 100, 101, 121
_STAYS = (7, 11, 64)
_HEARD = frozenset((*_STAYS, _DATA, _PARAMETER_FINE, _PARAMETER, 120, _RESET_CONTROLS, 123))
_LENGTHS = {_PROGRAM: 2, 0xD0: 2}


def stamp(message: bytes, now: float) -> bytes:
    """`message` as it goes to a page, made at `now`."""
    return (int(now * 1000) & 0xFFFFFFFF).to_bytes(4, "big") + message


def messages(data: bytes) -> Iterator[bytes]:
    """The whole MIDI messages of a datagram behind its time; a piece at its end is left out."""
    at = 4
    while at < len(data):
        length = 1 if data[at] >= 0xF0 else _LENGTHS.get(data[at] & 0xF0, 3)
        if at + length <= len(data):
            yield data[at : at + length]
        at += length


class Channels:
    """What every channel was last told: program, volume, expression, pedal, bend and its range, as MIDI messages."""

    def __init__(self) -> None:
        self._last: dict[bytes, bytes] = {}
        self._parameter: dict[int, tuple[int, int]] = {}

    def take(self, message: bytes) -> None:
        status = message[0] & 0xF0
        if message == RESET:
            self._last.clear()
        elif status in (_PROGRAM, _BEND):
            self._last[message[:1]] = message
        elif status == _CONTROL:
            self._control(message[0] & 15, message[1], message[2])

    def _control(self, channel: int, number: int, value: int) -> None:
        head = bytes((_CONTROL | channel,))
        if number in _STAYS:
            self._last[head + bytes((number,))] = head + bytes((number, value))
        elif number in (_PARAMETER, _PARAMETER_FINE):
            coarse, fine = self._parameter.get(channel, (127, 127))
            self._parameter[channel] = (value, fine) if number == _PARAMETER else (coarse, value)
        elif number == _DATA and self._parameter.get(channel) == (0, 0):
            chosen = [(_PARAMETER, 0), (_PARAMETER_FINE, 0), (_DATA, value)]
            self._last[head + bytes((_DATA,))] = b"".join(head + bytes(pair) for pair in chosen)
        elif number == _RESET_CONTROLS:
            for key in (head + b"\x0b", head + b"\x40", bytes((_BEND | channel,))):
                self._last.pop(key, None)

    def all(self) -> bytes:
        """Everything as one run of messages."""
        return b"".join(self._last.values())


class Seat:
    """One desk, where there is one. Nothing here waits: what does not leave at once goes with the next, or not at all."""

    def __init__(self, path: str, channels: Channels, clock: Callable[[], float]) -> None:
        self.dropped = 0
        self._path, self._channels, self._clock = path, channels, clock
        self._socket: socket.socket | None = None
        self._waiting = b""
        self._since = 0.0
        self._greeted = False

    def put(self, message: bytes) -> None:
        if self._socket is None:
            return
        if not self._greeted:
            self.dropped += message != ALIVE
            return
        now = self._clock()
        if not self._waiting:
            self._since = now
        self._waiting += message
        if self._send(stamp(self._waiting, self._since)):
            self._waiting = b""
        elif now - self._since > LATE_S:
            self.dropped += sum(1 for kept in messages(stamp(self._waiting, now)) if kept != ALIVE)
            self._waiting, self._greeted = b"", False

    def beat(self) -> None:
        if self._socket is not None and not self._greeted:
            self._greeted = self._send(stamp(RESET + self._channels.all(), self._clock()))
        self.put(ALIVE)

    def look(self) -> None:
        """Take up with a desk that opened."""
        if self._socket is not None or not os.path.exists(self._path):
            return
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.setblocking(False)
        try:
            made.connect(self._path)
        except OSError:
            made.close()
            return
        self._socket, self._waiting, self._greeted = made, b"", False

    @property
    def heard(self) -> bool:
        """True while a page of that desk turned its sound on."""
        return self._socket is not None and os.path.exists(self._path + HEARD)

    def close(self) -> None:
        there, self._socket = self._socket, None
        if there is not None:
            there.close()

    def _send(self, packet: bytes) -> bool:
        """True when it left. A desk that is gone leaves its seat empty."""
        if self._socket is None:
            return False
        try:
            self._socket.send(packet)
        except BlockingIOError:
            return False
        except OSError:
            self.close()
            return False
        return True


class PageOutput:
    """See reachnote.outputs.Output. Nobody there is no trouble: the sound of a page is turned on by whoever wants it."""

    wants_levels = False

    def __init__(self, paths: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._channels = Channels()
        self._seats = [Seat(path, self._channels, clock) for path in paths]
        self._next_look = float("-inf")

    @property
    def dropped(self) -> int:
        return sum(seat.dropped for seat in self._seats)

    def send(self, event: Event, text: str = "") -> None:
        message = to_bytes(event)
        if not message or not _heard(message):
            return
        self._channels.take(message)
        for seat in self._seats:
            seat.put(message)

    def beat(self, now: float) -> None:
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY
            for seat in self._seats:
                seat.look()
        for seat in self._seats:
            seat.beat()

    def trouble(self) -> str | None:
        return None

    def listens(self) -> bool:
        """See reachnote.outputs.listens."""
        return any(seat.heard for seat in self._seats)

    def lost_and_found(self) -> bool:
        return False

    def close(self) -> None:
        self._next_look = float("inf")
        for seat in self._seats:
            seat.close()


def _heard(message: bytes) -> bool:
    status = message[0] & 0xF0
    return status in (0x80, 0x90, _PROGRAM, _BEND) or (status == _CONTROL and message[1] in _HEARD)


def check(target: str, options: dict[str, str]) -> None:
    """OutputProblem when more is written than `page:`."""
    only_options(options, (), EXAMPLE)
    if target.strip():
        what = f"The page has no parts, so {target.strip()!r} names nothing there."
        raise OutputProblem(f"{what} Write {EXAMPLE} and nothing behind it.")


def open_output(target: str, options: dict[str, str], name: str) -> PageOutput:
    """Nothing need be there yet: desks come and go."""
    check(target, options)
    if not hasattr(socket, "AF_UNIX"):
        raise OutputProblem("This system has no way from reachnote to its page. Install a synthesizer and write midi:ITS NAME")
    return PageOutput([str(path) for path in runtime.sound_paths()])
