"""`therapist:PORT NAME`: the therapist's own keyboard. Its messages come as `m` bodies (protocols/wire.md), clock included.

It is no board and has no sensors: harmony follows it, pedals are found on it, and a scene may pass it on (reachnote.therapist).
When the keyboard goes, its keys and its pedal come up first. `therapist:virtual` is a port of our own, to which programs connect.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from reachnote.links import Opened
from reachnote.links._port import PortLink, Sensing, Source, only_options, port_wanted
from reachnote.links.midi_in import connector
from reachnote.midi_system import plain_name

SCHEME = "therapist"
EXAMPLE = "therapist:Digital Piano"
SAYS = "the therapist's own MIDI keyboard: its chords, its pedals, its clock"

_LONGEST = 3  # bytes of a message; system-exclusive ones are not for us
_PEDALS = (64, 66, 67)
_ACTIVE_SENSING = 0xFE


def open_link(target: str, options: dict[str, str], wake: Callable[[], None]) -> TherapistLink:
    """The link; a port that is not there yet is waited for. LinkProblem when the spec can never work."""
    only_options(SCHEME, options, ("api",), EXAMPLE)
    wanted = port_wanted(SCHEME, target, EXAMPLE)
    return TherapistLink(connector("reachnote therapist", SCHEME, options.get("api")), wanted, wake)


class TherapistLink(PortLink):
    """See reachnote.links.Link. A key is how many times the keyboard came; its channel is called "therapist: NAME"."""

    label = "keyboard"

    def __init__(
        self,
        make: Callable[[], Source],
        wanted: str,
        wake: Callable[[], None],
        clock: Callable[[], float] | None = time.monotonic,
    ) -> None:
        self._times = 0
        self._down: set[tuple[int, int]] = set()  # (channel 0..15, key)
        self._pressed: set[tuple[int, int]] = set()  # (channel 0..15, controller) of pedals
        self._sensing = Sensing()
        super().__init__(make, wanted, wake, clock)

    def came(self, name: str) -> None:
        self._times += 1
        self._sensing = Sensing()
        self.feed.tell(Opened(self._times, f"therapist: {plain_name(name) or 'virtual'}", self.feed.fileno))

    def heard(self, message: bytes, now: float) -> None:
        self._sensing.heard(message, now)
        if len(message) > _LONGEST or message[0] == _ACTIVE_SENSING or message[0] < 0x80:
            return
        self._follow(message)
        self.feed.put(self._times, b"m" + message.hex().encode())

    def went(self, now: float) -> None:
        self._let_all_up()
        self.feed.end(self._times)

    def beat(self, now: float) -> None:
        if self._sensing.lost(now):
            self._let_all_up()

    def _follow(self, message: bytes) -> None:
        kind, channel = message[0] & 0xF0, message[0] & 15
        if len(message) < 3:
            return
        if kind == 0x90 and message[2]:
            self._down.add((channel, message[1]))
        elif kind in (0x80, 0x90):
            self._down.discard((channel, message[1]))
        elif kind == 0xB0 and message[1] in _PEDALS:
            (self._pressed.add if message[2] else self._pressed.discard)((channel, message[1]))

    def _let_all_up(self) -> None:
        for channel, key in sorted(self._down):
            self.feed.put(self._times, b"m" + bytes((0x80 | channel, key, 64)).hex().encode())
        for channel, pedal in sorted(self._pressed):
            self.feed.put(self._times, b"m" + bytes((0xB0 | channel, pedal, 0)).hex().encode())
        self._down.clear()
        self._pressed.clear()
