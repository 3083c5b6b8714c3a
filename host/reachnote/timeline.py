"""Things that are due later, in order of time; what comes first at the same time stays first. Pure."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
NEVER = float("inf")


class Timeline(Generic[Thing]):
    """At most `most` things wait; what is beyond is refused and counted."""

    def __init__(self, most: int = 4096) -> None:
        self.refused = 0
        self._most = most
        self._number = 0
        self._waiting: list[tuple[float, int, Thing]] = []

    def add(self, time: float, thing: Thing) -> bool:
        """False when too many wait."""
        if len(self._waiting) >= self._most:
            self.refused += 1
            return False
        heapq.heappush(self._waiting, (time, self._number, thing))
        self._number += 1
        return True

    @property
    def due(self) -> float:
        """When the first of them is due."""
        return self._waiting[0][0] if self._waiting else NEVER

    def take(self, now: float) -> list[tuple[float, Thing]]:
        """(time, thing) of everything that is due by `now`, in order."""
        found = []
        while self._waiting and self._waiting[0][0] <= now:
            time, _, thing = heapq.heappop(self._waiting)
            found.append((time, thing))
        return found

    def clear(self) -> None:
        self._waiting.clear()

    def __len__(self) -> int:
        return len(self._waiting)
