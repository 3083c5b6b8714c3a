"""An onset counts once it was held for a while: brushing past does nothing."""

from __future__ import annotations

from collections.abc import Mapping

from reachnote.gestures import NEVER, release
from reachnote.model import Gesture, Move

NAME = "long-press"
SAYS = "A press counts once it was held for a while."
OPTIONS = {"hold_s": (0.5, 0.05, 10.0)}


def begin(options: Mapping) -> LongPress:
    return LongPress(options["hold_s"])


class LongPress:
    """`hold_s`: from the onset until it counts; the voice hears of it with the zone of that moment."""

    def __init__(self, hold_s: float) -> None:
        self.due = NEVER
        self._hold_s = hold_s
        self._held: Gesture | None = None
        self._passes = False

    def take(self, did: Gesture) -> list[Gesture]:
        found = self.tick(did.time)
        if did.move is Move.ONSET:
            if self._passes:
                found.append(release(did.sensor, did.time))
            self._held, self._passes = did, False
            self.due = did.time + self._hold_s
        elif did.move is Move.RELEASE:
            passed = self._passes
            self.let_go()
            if passed:
                found.append(did)
        elif self._passes:
            found.append(did)
        elif self._held is not None:
            self._held = self._held._replace(zone=did.zone)
        return found

    def tick(self, now: float) -> list[Gesture]:
        if now < self.due or self._held is None:
            return []
        counts = self._held._replace(time=self.due)
        self.due, self._passes = NEVER, True
        return [counts]

    def let_go(self) -> None:
        self.due, self._held, self._passes = NEVER, None, False
