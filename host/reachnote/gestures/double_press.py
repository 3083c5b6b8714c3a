"""Two onsets shortly after each other count as one, a single one does not: for who often presses without meaning it."""

from __future__ import annotations

from collections.abc import Mapping

from reachnote.gestures import NEVER, release
from reachnote.model import Gesture, Move

NAME = "double-press"
SAYS = "Two presses within a moment count; one alone does not."
OPTIONS = {"within_s": (0.8, 0.1, 5.0)}


def begin(options: Mapping) -> DoublePress:
    return DoublePress(options["within_s"])


class DoublePress:
    """`within_s`: from the first onset to the second."""

    due = NEVER

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._first = -NEVER
        self._passes = False

    def take(self, did: Gesture) -> list[Gesture]:
        if did.move is Move.ONSET:
            ended = [release(did.sensor, did.time)] if self._passes else []
            self._passes = did.time - self._first <= self._within_s
            self._first = -NEVER if self._passes else did.time
            return [*ended, did] if self._passes else ended
        if did.move is Move.RELEASE:
            passed, self._passes = self._passes, False
            return [did] if passed else []
        return [did] if self._passes else []

    def tick(self, now: float) -> list[Gesture]:
        return []

    def let_go(self) -> None:
        self._first, self._passes = -NEVER, False
