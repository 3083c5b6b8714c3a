# The gate: what a movement cannot do never reaches the statistics (calibration page, 2.1).

from reachnote_play import REACH

NOTHING = 1 << 29  # in place of a place: hold the last one

AGREE = REACH * 15 // 100
SLACK = REACH // 20
SUSPECTS = 3  # this many doubted readings that agree are a new position


class Gate:
    """Plausible places, human speed, the middle of three (or five), hold, no target. One per sensor."""

    def __init__(self, p):
        self.lost = True  # nothing to hold any more
        self._last = 0  # the last believed reading
        self._a = self._b = self._c = self._d = 0  # the readings before, newest first
        self._silent = 0
        self._doubted = 0
        self._suspect = 0
        self.hold = p["hold"]
        self.lowest = p["lowest"]
        self.highest = p["highest"]
        self.speed = p["speed"]
        self.median = p["median"]

    def miss(self, dt):
        """A reading that says nothing; True once the sensor has been silent for too long."""
        self._silent += dt
        if self._silent > self.hold and not self.lost:
            self.lost = True
            self._doubted = 0
        return self.lost

    def take(self, dt, x):
        """The place to believe, or NOTHING. `dt` is at most 250000."""
        doubt = False
        if x < self.lowest:
            self._doubted = 0
            self.miss(dt)
            return NOTHING
        if self.lost:
            if x > self.highest:
                doubt = True
        elif x > self.highest:
            doubt = True
        elif self.speed:
            d = x - self._last
            if d < 0:
                d = -d
            t = self._silent + dt
            if d > SLACK and t < 131072 and d > SLACK + (self.speed * (t >> 6) >> 14):
                doubt = True
        if doubt:
            d = x - self._suspect
            self._suspect = x
            if self._doubted and -AGREE < d < AGREE:
                self._doubted += 1
            else:
                self._doubted = 1
            if self._doubted < SUSPECTS:
                self.miss(dt)
                return NOTHING
            self._a = self._b = self._c = self._d = x
        elif self.lost:
            self._a = self._b = self._c = self._d = x
        self._doubted = 0
        self._silent = 0
        self.lost = False
        self._last = x
        if self.median == 1:
            return x
        a = self._a
        b = self._b
        if self.median == 5:
            m = _middle(x, a, b, self._c, self._d)
            self._d = self._c
            self._c = b
        elif a < b:
            m = a if x < a else b if x > b else x
        else:
            m = b if x < b else a if x > a else x
        self._b = a
        self._a = x
        return m


def _middle(a, b, c, d, e):
    # Median of five without a list: drop the least of two pairs' lesser and the greatest of their greater.
    if a > b:
        a, b = b, a
    if c > d:
        c, d = d, c
    if a < c:
        a = e
        if a > b:
            a, b = b, a
    else:
        c = e
        if c > d:
            c, d = d, c
    if a < c:
        return b if b < c else c
    return d if d < a else a
