# Zones: steps of the reach with a margin at every edge and a time to stay (calibration page, 1.5 and 2.5).
#
# They begin a little below where a gesture starts: what cannot sound needs no zone.

from reachnote_play import REACH


class Zones:
    """`step(dt, level)` is True when the zone changed; `zone` counts from 0, -1 before the first."""

    def __init__(self, p):
        self.zone = -1
        self.count = p["zones"]
        self.margin = p["zone_margin"]
        self.dwell = p["dwell"]
        self.first = 0  # the level at which zone 0 begins
        self._next = -1
        self._stayed = 0

    def start(self, level):
        """The zone that a gesture begins in."""
        self.zone = self._of(level) if self.count else -1
        self._next = self.zone

    def step(self, dt, level, dwell):
        wide = REACH - self.first
        where = (level - self.first) * self.count
        margin = self.margin * wide >> 13
        zone = self.zone
        if zone * wide - margin <= where < (zone + 1) * wide + margin:
            self._next = zone
            return False
        new = self._of(level)
        if new == zone:
            return False
        if new != self._next:
            self._next = new
            self._stayed = 0
        else:
            self._stayed += dt
        if self._stayed < dwell:
            return False
        self.zone = new
        return True

    def _of(self, level):
        zone = (level - self.first) * self.count // (REACH - self.first)
        return 0 if zone < 0 else self.count - 1 if zone >= self.count else zone
