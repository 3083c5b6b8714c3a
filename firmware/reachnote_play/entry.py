# From a sensor's raw number to a place in the client's reach, once, at the entry: (raw - rest) * REACH / span. Integers
# only. What is not in proportion to the movement (an FSR, a Sharp ranger) is straightened by its driver on the board.

from reachnote_play import CEILING, REACH


class Entry:
    """`place(raw)` of a whole number `raw`. `rest` and `span` may be fractions; span's sign is the sensor's direction."""

    def __init__(self, rest, span):
        if not span:
            span = 1
        most = int(abs(span) * CEILING / REACH) + 1
        self._rest = int(rest)
        self._most = most
        coarse = 0
        while most >> coarse > 1 << 17:
            coarse += 1
        fine = 0
        gain = REACH * (1 << coarse) / abs(span)
        while fine < 24 and (most >> coarse) * gain * (2 << fine) < (1 << 29) and gain * (2 << fine) < (1 << 29):
            fine += 1
        self._coarse = coarse
        self._fine = fine
        self._gain = int(gain * (1 << fine) + 0.5)
        if span < 0:
            self._gain = -self._gain
        self._offset = int((rest - int(rest)) * REACH / span)

    def place(self, raw):
        d = raw - self._rest
        most = self._most
        if d > most:
            d = most
        elif d < -most:
            d = -most
        x = ((d >> self._coarse) * self._gain >> self._fine) - self._offset
        return CEILING if x > CEILING else -CEILING if x < -CEILING else x
