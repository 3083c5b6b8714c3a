# The level that controls hear: still at rest and while holding, quick in motion, no chatter.
#
# Far from the moving average the place itself counts, near it the average does; then a play as wide as the calm wobble,
# as between two gears. This keeps what One Euro (Casiez, Roussel, Vogel 2012) is for, its small lag in motion, without a
# derivative or a division a reading.

from reachnote_play import REACH

DEAD = REACH * 6 // 100
GLIDE = 65536  # us: a changed reach is taken over in about this time


class Control:
    """`step(x, s, calm)` moves the level; `level` is 0 .. CEILING, REACH at full reach."""

    def __init__(self, reach):
        self.level = 0
        self.base = 0  # of the level: the floor's wander, as far as the level follows it
        self.reach = reach
        self._y = 0

    def clear(self):
        self.level = self._y = 0

    def step(self, x, s, calm):
        d = x - s
        if d > calm:
            s = x - calm
        elif d < -calm:
            s = x + calm
        y = self._y
        band = calm >> 1
        if s > y + band:
            y = s - band
        elif s < y - band:
            y = s + band
        else:
            return
        self._y = y
        self.show()

    def show(self):
        v = self._y - self.base
        if v < DEAD:
            v = 0
        elif v < DEAD << 1:
            v = (v - DEAD) << 1
        if v and self.reach != REACH:
            v = v * REACH // self.reach
        self.level = v

    def follow(self, dt, floor, drift, reach, still):
        """Every tick: glide to the reach of the day and, while nothing sounds, to the floor."""
        change = False
        if self.reach != reach:
            d = (reach - self.reach) * (dt >> 8) // (GLIDE >> 8)
            self.reach = reach if -16 < d < 16 or dt >= GLIDE else self.reach + d
            change = True
        if still:
            to = drift if floor > drift else -drift if floor < -drift else floor
            d = to - self.base
            if d > 3 or d < -3:
                self.base += d * (dt >> 10) // 2048 or (1 if d > 0 else -1)
                change = True
        if change:
            self.show()
