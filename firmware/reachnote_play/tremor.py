# The tremor guard: is the hand shaking, how fast, how far (calibration page, 2.4).
#
# Half waves about a running mean are timed as they pass. Six in a row of like length, faster than this client ever
# repeats a gesture, taller than what could start one but smaller than a gesture, are tremor. The same rule as a spectrum
# over a second would give (after the zero-crossing criterion of wearable tremor detection), at a few operations a step.

from array import array

from reachnote_play import REACH

FASTEST_HALF = 41000  # 12 Hz, the top of the bands of action and rest tremor
HALVES = 6
STAYS = 2500000
ALERT = 60000000
MEAN_US = 150000


class Tremor:
    """`step` every 10 to 25 ms. `left` > 0 while there is tremor: then `period` in us and `size`, its half height."""

    def __init__(self, p):
        self.left = 0
        self.alert = 0  # > 0 for a minute after
        self.changed = False  # one of these is not what it was
        self.period = 0
        self.size = 0
        self._mean = 0  # times 16
        self._sign = 0
        self._since = 0
        self._top = 0
        self._least_top = 0
        self._at = 0
        self._halves = array("i", [0] * HALVES)
        self._tops = array("i", [0] * HALVES)
        self.longest = p["tremor_half"]
        self.least = p["tremor_size"]
        self.most = p["tremor_tall"]

    def clear(self):
        self.left = self._sign = self._since = self._top = 0
        self.changed = True
        for i in range(HALVES):
            self._halves[i] = 0

    def forget(self):
        """The waves so far were playing."""
        for i in range(HALVES):
            self._halves[i] = 0

    def step(self, dt, x):
        if self.left:
            self.left = self.left - dt if self.left > dt else 0
            self.changed = not self.left
        elif self.alert:
            self.alert = self.alert - dt if self.alert > dt else 0
            self.changed = not self.alert
        mean = self._mean
        if dt > 60000:
            dt = 60000
        mean += ((x << 4) - mean) * (dt >> 6) // ((MEAN_US + dt) >> 6)
        self._mean = mean
        h = x - (mean >> 4)
        since = self._since + dt
        if since < 1 << 29:
            self._since = since
        if h < 0:
            h = -h
            sign = -1
        else:
            sign = 1
        if sign == self._sign or h < self._least_top:
            if h > self._top:
                self._top = h
            if since > self.longest + 60000:  # too long for one half wave: whatever went before is over
                self._halves[self._at] = 0
                self._least_top = self.least >> 2
            return
        self._halves[self._at] = since
        self._tops[self._at] = self._top
        self._at = self._at + 1 if self._at + 1 < HALVES else 0
        # A lobe much smaller than the wave before it is part of that wave: playing is lopsided, tremor is not.
        n = self._top * 3 >> 3
        self._least_top = n if n > self.least >> 2 else self.least >> 2
        self._sign = sign
        self._since = 0
        self._top = h
        self._judge()

    def _judge(self):
        halves = self._halves
        total = 0
        least = 1 << 29
        most = 0
        for i in range(HALVES):
            n = halves[i]
            total += n
            if n < least:
                least = n
            if n > most:
                most = n
        mean = total // HALVES
        if least < FASTEST_HALF // 2 or mean < FASTEST_HALF or mean > self.longest or most > 2 * mean or least * 3 < mean:
            return
        tallest = second = 0
        for i in range(HALVES):
            n = self._tops[i]
            if n > tallest:
                second = tallest
                tallest = n
            elif n > second:
                second = n
        if second < self.least or tallest > self.most:
            return
        self.left = STAYS
        self.alert = ALERT
        self.changed = True
        self.period = 2 * mean
        self.size = second if second < REACH else REACH
