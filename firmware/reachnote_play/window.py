# The moving average of the slow path, over time and not over a number of readings, so that it suits any rate.

from array import array

from reachnote_play import TIME_MASK


class Window:
    """Mean of the last `span_us`; `back(us)` is the place that long ago. Room for `room` readings, made once."""

    def __init__(self, room, span_us):
        self.span = span_us
        self._room = room
        self._x = array("i", [0] * room)
        self._t = array("i", [0] * room)
        self._head = 0  # where the next reading goes
        self._count = 0  # readings under the average
        self._held = 0  # readings kept, so that a longer span finds its past
        self._sum = 0

    def clear(self):
        self._count = self._held = self._sum = 0

    def push(self, now, x):
        """Take one reading; the mean over the span."""
        head = self._head
        room = self._room
        xs = self._x
        if self._count == room:
            self._sum -= xs[head]
            self._count -= 1
        xs[head] = x
        self._t[head] = now
        self._sum += x
        count = self._count + 1
        self._head = head + 1 if head + 1 < room else 0
        if self._held < room:
            self._held += 1
        if not self.span:
            self._count = 1
            self._sum = x
            return x
        ts = self._t
        span = self.span
        tail = head - count + 1
        if tail < 0:
            tail += room
        while count > 1 and (now - ts[tail]) & TIME_MASK >= span:
            self._sum -= xs[tail]
            count -= 1
            tail = tail + 1 if tail + 1 < room else 0
        self._count = count
        return self._sum // count

    def widen(self, span):
        """Change the span; a longer one takes in what is still held."""
        self.span = span
        if not self._held:
            return
        room = self._room
        head = self._head - 1
        if head < 0:
            head += room
        now = self._t[head]
        while self._count < self._held:
            at = head - self._count
            if at < 0:
                at += room
            if (now - self._t[at]) & TIME_MASK >= span:
                break
            self._sum += self._x[at]
            self._count += 1

    def rate(self, foot, top, span):
        """How fast the place rose from `foot` to `top` when it last did, at most `span` us ago, in places a second (0: unknown).

        Between two readings it is taken to have moved evenly, so that when a reading happens to fall changes little.
        """
        held = self._held
        if held < 2:
            return 0
        room = self._room
        xs = self._x
        ts = self._t
        newer = self._head - 1
        if newer < 0:
            newer += room
        now = ts[newer]
        after = 0  # of the newer of two readings: how long ago
        begun = 0
        reached = 0
        n = 1
        while n < held and after < span:
            older = newer - 1 if newer else room - 1
            before = (now - ts[older]) & TIME_MASK
            low = xs[older]
            high = xs[newer]
            if low < top <= high:
                reached = before - ((before - after >> 6) * (top - low) // (high - low) << 6)
            begun = before
            if low <= foot:
                if high > foot:
                    begun = before - ((before - after >> 6) * (foot - low) // (high - low) << 6)
                    low = foot
                foot = low
                break
            newer = older
            after = before
            n += 1
        else:
            foot = xs[newer]
        took = begun - reached
        return _per_second(top - foot, took if took > 64 else 64)


def _per_second(d, dt):
    # d * 1e6 / dt without leaving 31 bits: 1e6 / 64 = 15625.
    return d * 15625 // (dt >> 6)
