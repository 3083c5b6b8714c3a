"""Who listens whether what left was inside its limits, told only the limits and the messages."""

from __future__ import annotations

from reachnote.guard import MANY
from reachnote.limits import Limits
from reachnote.model import Event, Kind


class Bucket:
    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.left, self.time = rate, burst, burst, float("-inf")

    def poured(self, time: float) -> bool:
        """False when there was one note too many."""
        if self.time > float("-inf"):
            self.left = min(self.burst, self.left + (time - self.time) * self.rate)
        self.time = time
        self.left -= 1.0
        return self.left > -1e-6


class Watch:
    """`broken` is what was wrong, in words. Times must not go back; of several outputs one is listened to."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.broken: list[str] = []
        self._sounding: set[tuple[int, int]] = set()
        self._sources: dict[int, Bucket] = {}
        self._all = Bucket(limits.total_rate, limits.total_burst)
        self._last = float("-inf")

    def take(self, event: Event) -> None:
        limits, place = self.limits, (event.channel, event.a)
        self._wrong(event.time < self._last, "a time goes back", event)
        self._last = event.time
        if event.kind == Kind.NOTE_OFF:
            self._sounding.discard(place)
        elif event.kind == Kind.CONTROL and event.a in (7, 11):
            self._wrong(event.b > limits.control, "a level above its ceiling", event)
        elif event.kind == Kind.NOTE_ON:
            self._wrong(event.b > limits.loudest or event.b < 1, "too loud", event)
            self._wrong(not limits.lowest <= event.a <= limits.highest, "outside the band", event)
            self._wrong(place in self._sounding, "struck while it sounds", event)
            self._wrong(len(self._sounding) >= limits.at_once, "too many at once", event)
            if event.source not in self._sources:
                self._sources[event.source] = Bucket(limits.source_rate, limits.source_burst)
                self._wrong(event.b > limits.first, "a first sound that startles", event)
            if event.source not in MANY:
                self._wrong(not self._sources[event.source].poured(event.time), "too many of one source", event)
            self._wrong(not self._all.poured(event.time), "too many of all", event)
            self._sounding.add(place)

    def _wrong(self, really: bool, words: str, event: Event) -> None:
        if really:
            self.broken.append(f"{words}: {event}")
