"""A board's clock in host seconds. Pure.

A line cannot arrive before it was sent, so the smallest arrival-minus-board-time seen lately is the best
estimate of the offset (the minimum filter that NTP and Klipper's clock synchronisation rest on). The estimate
is the lower of two half windows, so it forgets in at most two; between updates it may only rise
by `DRIFT` of the elapsed time, which covers the crystals of both ends.
"""

from __future__ import annotations

from reachnote_wire import TIME_MASK

HALF_WINDOW = 2.0  # seconds; times 200 ppm, twice, it bounds the error
DRIFT = 300e-6  # seconds a second: both crystals at their worst
LONGEST_GAP = 500.0  # seconds without a line after which the wrapped clock is ambiguous: start anew

_WRAP = TIME_MASK + 1
_HALF = _WRAP >> 1


class BoardClock:
    """Maps a board's wrapped microseconds to host seconds; `offset` is None until the first line."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything: the board was reset, or another one took its place."""
        self.offset: float | None = None
        self._last_us = 0
        self._board = 0.0
        self._before = 0.0
        self._window = 0.0
        self._window_end = 0.0
        self._arrival = 0.0

    def host_time(self, time_us: int, arrival: float) -> float:
        """Host seconds at which the board stamped `time_us`, for a line that arrived at `arrival`.

        Never later than `arrival`. A line that was held up keeps its true, earlier time.
        """
        if self.offset is None or arrival - self._arrival > LONGEST_GAP:
            self._begin(time_us, arrival)
            return arrival
        step = ((time_us - self._last_us + _HALF) & TIME_MASK) - _HALF
        self._last_us = time_us
        self._board += step * 1e-6
        gap = arrival - self._board
        if gap < self._window:
            self._window = gap
        if arrival >= self._window_end:
            self._before = self._window
            self._window = gap
            self._window_end = arrival + HALF_WINDOW
        elapsed = arrival - self._arrival
        self._arrival = arrival
        best = self._before if self._before < self._window else self._window
        limit = self.offset + DRIFT * elapsed if elapsed > 0.0 else self.offset
        self.offset = best if best < limit else limit
        return self._board + self.offset

    def _begin(self, time_us: int, arrival: float) -> None:
        self._last_us = time_us
        self._board = time_us * 1e-6
        self.offset = self._before = self._window = arrival - self._board
        self._window_end = arrival + HALF_WINDOW
        self._arrival = arrival
