"""The last minute of notes, and how a moment of it sounds again. Pure.

`Heard` listens along; what it heard is handed to `Moment` as an order, so that a journal has the notes themselves.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable

from reachnote.guard import MOMENT
from reachnote.model import Event, Kind, note_off, note_on
from reachnote.timeline import Timeline

MOST_S = 60.0
USUAL_S = 20.0
KEPT, MOST_NOTES = 6000, 1000
SHORTEST_S = 0.03
_ENDS_ALL = (Kind.RELEASE_ALL, Kind.SILENCE, Kind.STOP)
_OURS = frozenset((Kind.NOTE_ON, Kind.NOTE_OFF, Kind.RELEASE, *_ENDS_ALL))


class MomentProblem(ValueError):
    """A moment that cannot sound again; the text says why."""


class Heard:
    """The notes that were asked of the outlet lately. What moves all the time is passed over: it would push them out."""

    def __init__(self) -> None:
        self._ring: collections.deque[Event] = collections.deque(maxlen=KEPT)

    def take(self, events: Iterable[Event]) -> None:
        """Events as they leave for the outlet."""
        for event in events:
            if event.kind in _OURS:
                self._ring.append(event)

    def notes(self, now: float, seconds: float = USUAL_S) -> list[list]:
        """[start, channel, key, velocity, length, outputs] of every note begun in the last `seconds`, from the first one on.

        Times are seconds. What a repeated moment played is left out, so that it does not grow by being repeated.
        """
        found: list[list] = []
        held: dict[tuple[int, int, int], list] = {}
        since = now - min(max(seconds, 1.0), MOST_S)
        for event in self._ring:
            if event.source == MOMENT or not since <= event.time <= now:
                continue
            if event.kind == Kind.NOTE_ON:
                note = [event.time, event.channel, event.a, event.b, now - event.time, event.outputs]
                held[event.source, event.channel, event.a] = note
                found.append(note)
                continue
            for place in [place for place in held if _ends(event, place)]:
                note = held.pop(place)
                note[4] = event.time - note[0]
        found.sort(key=lambda note: note[0])
        first = found[0][0] if found else 0.0
        return [[round(note[0] - first, 3), *note[1:4], round(max(note[4], SHORTEST_S), 3), note[5]] for note in found[-MOST_NOTES:]]


def _ends(event: Event, place: tuple[int, int, int]) -> bool:
    if event.kind in _ENDS_ALL:
        return True
    source, channel, key = place
    return event.source == source and (event.kind == Kind.RELEASE or (event.channel, event.a) == (channel, key))


class Moment:
    """A moment that sounds again, once. Ask `tick` when `due`; `end` when anybody plays."""

    def __init__(self) -> None:
        self._waiting: Timeline[Event] = Timeline(2 * MOST_NOTES)

    @property
    def due(self) -> float:
        return self._waiting.due

    @property
    def runs(self) -> bool:
        return len(self._waiting) > 0

    def begin(self, notes: object, now: float) -> int:
        """Play `notes` (`Heard.notes`) from now on. How many they are; MomentProblem where they are none, or not notes."""
        read = [_read(note) for note in notes] if isinstance(notes, list) and len(notes) <= MOST_NOTES else []
        if not read:
            raise MomentProblem("Nothing was played just now, so there is nothing to play again. Play first")
        self._waiting.clear()
        for start, channel, key, velocity, length, outputs in read:
            self._waiting.add(now + start, note_on(channel, key, velocity, MOMENT, now + start, outputs))
            self._waiting.add(now + start + length, note_off(channel, key, MOMENT, now + start + length, outputs))
        return len(read)

    def tick(self, now: float) -> list[Event]:
        """What is due by now."""
        return [event._replace(time=now) for _, event in self._waiting.take(now)]

    def end(self) -> None:
        """No more of it. Whoever calls releases the source MOMENT."""
        self._waiting.clear()


def _read(note: object) -> tuple[float, int, int, int, float, int]:
    try:
        start, channel, key, velocity, length, outputs = note  # type: ignore[misc]
        kept = float(start), int(channel), int(key), int(velocity), float(length), int(outputs)
    except (TypeError, ValueError, OverflowError):
        raise MomentProblem("That is no moment, so nothing is played") from None
    start, channel, key, velocity, length, outputs = kept
    well = 0 <= start <= MOST_S and 1 <= channel <= 16 and 0 <= key < 128 and 1 <= velocity < 128 and 0 < length <= MOST_S
    if not (well and 0 <= outputs <= 0xFFFF):
        raise MomentProblem("That is no moment, so nothing is played")
    return kept
