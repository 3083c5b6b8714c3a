"""The reach follows the client's strength while playing: down as it tires, up only to what it was. Pure.

Calibration page 2.9. The host calls `played` after every gesture and hands what it answers to the decider's "reach".
"""

from __future__ import annotations

from reachnote.calibration import robust
from reachnote_play import REACH

KEPT = 12
ENOUGH = 5
TARGET = 0.7  # of the last peaks
DOWN, UP = 0.04, 0.02  # at most, a gesture
LOWEST = 0.45


class Adaptation:
    """Today's reach as a share of the calibrated one, in REACH-ths. `frozen`: it stays where it is."""

    def __init__(self) -> None:
        self.frozen = False
        self.reach = REACH
        self._peaks: list[int] = []

    def played(self, tall: int) -> int:
        """A gesture ended; `tall` is its greatest rise. The reach to play with from now on."""
        self._peaks = [*self._peaks[1 - KEPT :], tall]
        if not self.frozen and len(self._peaks) >= ENOUGH:
            aim = robust.share(self._peaks, TARGET)
            step = min(max(aim - self.reach, -DOWN * self.reach), UP * self.reach)
            self.reach = round(min(max(self.reach + step, LOWEST * REACH), REACH))
        return self.reach
