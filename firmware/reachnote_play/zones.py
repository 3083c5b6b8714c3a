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
        self.shares = p.get("shares", ())  # where zones of their own widths end, in 1024ths of the whole, the last one left out
        self._next = -1
        self._stayed = 0

    def start(self, level):
        """The zone that a gesture begins in."""
        self.zone = self._of(level) if self.count else -1
        self._next = self.zone

    def step(self, dt, level, dwell):
        wide = REACH - self.first
        where = self._where(level, wide)
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

    def _where(self, level, wide):
        # The place among zones that all are `wide`.
        if not self.shares:
            return (level - self.first) * self.count
        zone = 0
        low = self.first
        for share in self.shares:
            high = self.first + (wide * share >> 10)
            if level < high:
                break
            low = high
            zone += 1
        else:
            high = REACH
        return zone * wide + (level - low) * wide // (high - low)

    def _of(self, level):
        wide = REACH - self.first
        zone = self._where(level, wide) // wide
        return 0 if zone < 0 else self.count - 1 if zone >= self.count else zone
