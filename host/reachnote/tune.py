"""A few notes that are heard, kept, and played again: a client's answer, a cue, what a choice sounds like. Pure.

    capture = Capture()
    capture.take(events)            what a voice plays, on its way out
    notes = capture.notes(now)      in seconds from the first of them

    player = Player(ECHO)
    events = player.begin(notes, now)
    events = player.tick(now)       not needed before `player.due`
    events = player.stop(now)

Every event carries the time at which it is due, from the beginning and never summed. What the player starts it ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reachnote.model import Event, Kind, note_off, note_on
from reachnote.timeline import NEVER, Timeline

STEPPED, ECHO, CUE, PREVIEW = 65_001, 65_002, 65_003, 65_004
"""Sources of what activities play themselves: no sensor has these numbers, and the guard knows each by itself."""

MOST_NOTES = 256
SHORTEST_S = 0.02


class Heard(NamedTuple):
    """A note of a tune: seconds from its beginning, how long, on which channel and outputs."""

    at: float
    lasts: float
    channel: int
    key: int
    velocity: int
    outputs: int


class Capture:
    """Notes as they are played, at most `MOST_NOTES`; ends without a beginning are passed over."""

    def __init__(self) -> None:
        self._notes: list[tuple[float, float, int, int, int, int]] = []  # begin, end, then as Heard
        self._open: dict[tuple[int, int, int], int] = {}  # (source, channel, key) -> place in the list

    def __len__(self) -> int:
        return len(self._notes)

    @property
    def full(self) -> bool:
        return len(self._notes) >= MOST_NOTES

    def clear(self) -> None:
        self._notes.clear()
        self._open.clear()

    def take(self, events: Iterable[Event]) -> None:
        """Keep the notes among these."""
        for event in events:
            place = (event.source, event.channel, event.a)
            if event.kind == Kind.NOTE_ON:
                self._close(place, event.time)
                if not self.full and event.outputs:
                    self._open[place] = len(self._notes)
                    self._notes.append((event.time, NEVER, event.channel, event.a, event.b, event.outputs))
            elif event.kind == Kind.NOTE_OFF:
                self._close(place, event.time)

    def let_go(self, source: int, time: float) -> None:
        """Every note of this source ended."""
        for place in [place for place in self._open if place[0] == source]:
            self._close(place, time)

    def notes(self, now: float) -> list[Heard]:
        """The notes from the first on; those that still sound end `now`."""
        for place in tuple(self._open):
            self._close(place, now)
        ordered = sorted(self._notes)
        first = ordered[0][0] if ordered else 0.0
        return [Heard(on - first, max(off - on, SHORTEST_S), *rest) for on, off, *rest in ordered]

    def _close(self, place: tuple[int, int, int], time: float) -> None:
        at = self._open.pop(place, None)
        if at is not None:
            on, _, *rest = self._notes[at]
            self._notes[at] = (on, max(time, on), *rest)  # type: ignore[assignment]


class Player:
    """Plays one tune at a time as `source`."""

    def __init__(self, source: int) -> None:
        self.source = source
        self._later: Timeline[tuple[bool, int, Heard]] = Timeline(2 * MOST_NOTES)
        self._sounding: dict[tuple[int, int], tuple[int, int]] = {}  # (channel, key) -> (which note, outputs)

    @property
    def due(self) -> float:
        return self._later.due

    @property
    def playing(self) -> bool:
        """Something of it is still to begin or to end."""
        return len(self._later) > 0

    def begin(self, notes: Sequence[Heard], now: float) -> list[Event]:
        """Play these from now on; what played before ends."""
        events = self.stop(now)
        for n, note in enumerate(notes[:MOST_NOTES]):
            self._later.add(now + note.at, (True, n, note))
            self._later.add(now + note.at + note.lasts, (False, n, note))
        return events + self.tick(now)

    def tick(self, now: float) -> list[Event]:
        """What is due until now, in order."""
        events: list[Event] = []
        for time, (begins, n, note) in self._later.take(now):
            place = (note.channel, note.key)
            held = self._sounding.get(place)
            if held is not None and (begins or held[0] == n):
                del self._sounding[place]
                events.append(note_off(*place, self.source, time, held[1]))
            if begins:
                self._sounding[place] = (n, note.outputs)
                events.append(note_on(*place, note.velocity, self.source, time, note.outputs))
        return events

    def stop(self, now: float) -> list[Event]:
        """End it."""
        events = [note_off(*place, self.source, now, outputs) for place, (_, outputs) in self._sounding.items()]
        self.forget()
        return events

    def forget(self) -> None:
        """Somebody else ended everything: nothing is ended again."""
        self._later.clear()
        self._sounding.clear()
