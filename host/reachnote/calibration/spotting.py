"""Finds gestures in what a client shows while calibrating, before anything is known but the rest. Pure.

spotter = Spotter(direction, least)
spotter.rest(values)                  once the rest is known
spotter.reading(t, v)                 True when a gesture has just ended
spotter.shown                         the gestures so far, as excerpts want them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reachnote.calibration import robust
from reachnote.calibration.excerpt import Shown

CLEAR = 6.0  # times as high as the rest wobbles
SHARE = 0.25  # of the middle peak so far
SHORTEST_S = 0.04
CALM_S = 0.12  # below the threshold for this long: the gesture has ended


WINDOW_S = 0.5
LIVELY = 4.0  # times as lively as the quiet quarter: movement


def calm_stretches(rows: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The stretches of (time, place) rows in which nothing but the rest's own wobble happened, in half seconds.

    Quiet is what is not livelier than `LIVELY` times the quietest quarter, and where most of the quiet is: a held movement is
    quiet elsewhere. Someone who never is still is as still as ever everywhere.
    """
    windows: dict[int, list[float]] = {}
    for t, v in rows:
        windows.setdefault(int(t / WINDOW_S), []).append(v)
    full = {n: values for n, values in windows.items() if len(values) >= 3}
    if not full:
        return []
    wide = {n: max(values) - min(values) for n, values in full.items()}
    limit = LIVELY * robust.share(wide.values(), 0.25)
    quiet = [n for n in full if wide[n] <= limit]
    middles = {n: robust.median(full[n]) for n in quiet}
    low = robust.share(middles.values(), 0.25)
    kept = sorted(n for n in quiet if abs(middles[n] - low) <= max(limit, 1e-9))
    out: list[tuple[float, float]] = []
    for n in kept:
        if out and abs(out[-1][1] - n * WINDOW_S) < 1e-6:
            out[-1] = (out[-1][0], (n + 1) * WINDOW_S)
        else:
            out.append((n * WINDOW_S, (n + 1) * WINDOW_S))
    first, last = rows[0][0], rows[-1][0]  # the outermost windows may reach beyond what was heard
    return [(max(a, first), min(b, last)) for a, b in out]


class Spotter:
    """Marks stretches that rise clearly above rest. `least`: what no gesture is smaller than, in raw units."""

    def __init__(self, direction: int, least: float) -> None:
        self.shown: list[Shown] = []
        self.peaks: list[float] = []
        self.level = 0.0  # how far above rest, as a share of the middle peak
        self._turn = 1 if direction >= 0 else -1
        self._least = least
        self._rest = 0.0
        self._noise = 0.0
        self._since = self._last = -1.0
        self._peak = 0.0
        self._recent: list[float] = []

    def rest(self, values: Sequence[float]) -> None:
        """The readings of the rest."""
        self._rest = robust.median([v * self._turn for v in values])
        self._noise = robust.spread([v * self._turn for v in values])

    @property
    def place(self) -> float:
        """Rest in raw units."""
        return self._rest * self._turn

    @property
    def reach(self) -> float:
        """The middle peak so far; before the first, a guess that lets a small movement sound."""
        counted = [p for p, s in zip(self.peaks, self.shown, strict=True) if not s.dropped and not s.assisted]
        return robust.median(counted) if counted else max(2.5 * CLEAR * self._noise, 4 * self._least)

    @property
    def threshold(self) -> float:
        return max(CLEAR * self._noise, self._least, SHARE * self.reach if self.peaks else 0.0)

    def reading(self, t: float, v: float) -> bool:
        """One usable reading, in order; the middle of three counts, so that a single impulse is no gesture."""
        self._recent = [*self._recent[-2:], v * self._turn - self._rest]
        rise = sorted(self._recent)[len(self._recent) // 2]
        self.level = rise / self.reach if self.reach else 0.0
        if rise >= self.threshold:
            if self._since < 0:
                self._since, self._peak = t, 0.0
            self._peak = max(self._peak, rise)
            self._last = t
        elif self._since >= 0 and rise < 0.6 * self.threshold and t - self._last > CALM_S:
            return self._ended()
        return False

    def hit(self, t: float, peak: float) -> None:
        """A pad's hit, which the board has already found."""
        self.shown.append(Shown(t - 0.02, t + 0.02))
        self.peaks.append(peak)
        self.level = peak / self.reach

    @property
    def moving(self) -> bool:
        return self._since >= 0

    def _ended(self) -> bool:
        start, self._since = self._since, -1.0
        if self._last - start < SHORTEST_S:
            return False
        self.shown.append(Shown(start - 0.1, self._last + 0.05))
        self.peaks.append(self._peak)
        return True

    def mark_last(self, assisted: bool | None = None, dropped: bool | None = None) -> bool:
        """Change what counts of the last gesture that still does; False when there is none."""
        for n in range(len(self.shown) - 1, -1, -1):
            last = self.shown[n]
            if not last.dropped and (not last.assisted or assisted is False):
                self.shown[n] = replace(
                    last,
                    assisted=last.assisted if assisted is None else assisted,
                    dropped=last.dropped if dropped is None else dropped,
                )
                return True
        return False

    @property
    def counted(self) -> int:
        return sum(1 for s in self.shown if not s.assisted and not s.dropped)
