"""What a calibration listens to: a stretch of readings and what the therapist knows about it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from reachnote.calibration import robust
from reachnote_wire import USABLE

GAP_S = 0.5
SLOW_HZ = 30  # below this an impulse is one reading, above it may be a few


@dataclass(frozen=True)
class Shown:
    """A stretch that holds one gesture. Assisted and dropped ones count for nothing."""

    start: float
    end: float
    assisted: bool = False
    dropped: bool = False


@dataclass(frozen=True)
class Excerpt:
    """Readings of one sensor: seconds, raw values and wire statuses (none given: all ok), and the marked stretches."""

    times: Sequence[float]
    raw: Sequence[float]
    statuses: Sequence[int] | None = None
    rests: Sequence[tuple[float, float]] = ()
    gestures: Sequence[Shown] = ()


@dataclass(frozen=True)
class Series:
    """The usable readings in order of time, turned so that more is more movement."""

    t: list[float] = field(default_factory=list)
    v: list[float] = field(default_factory=list)
    step_s: float = 0.02
    lost: float = 0.0  # share of readings that said nothing
    at_rail: float = 0.0  # share at the ends of what the sensor can tell

    @property
    def rate_hz(self) -> float:
        return 1.0 / self.step_s

    def between(self, start: float, end: float) -> list[float]:
        return [v for t, v in zip(self.t, self.v, strict=True) if start <= t <= end]


def despike(values: Sequence[float], half: int = 3, sigmas: float = 6.0) -> list[bool]:
    """Hampel's identifier: True of every value that its neighbours bear out."""
    middles = robust.baseline(values, 2 * half)
    off = [abs(v - m) for v, m in zip(values, middles, strict=True)]
    extent = robust.share(values, 0.9) - robust.share(values, 0.1)
    limit = max(sigmas * robust.SIGMA * robust.median(off), 0.2 * extent)
    return [d <= limit for d in off] if limit > 0 else [True] * len(values)


def series_of(excerpt: Excerpt, direction: int, rails: tuple[float, float] | None = None, despiked: bool = False) -> Series:
    """Sort out what cannot be used. `rails` are the raw ends of the sensor; `despiked` leaves out single impulses."""
    rows = []
    total = lost = railed = 0
    statuses = excerpt.statuses if excerpt.statuses is not None else [0] * len(excerpt.times)
    for t, v, status in zip(excerpt.times, excerpt.raw, statuses, strict=False):
        total += 1
        if status not in USABLE or not math.isfinite(v) or not math.isfinite(t):
            lost += 1
            continue
        if rails is not None and not rails[0] < v < rails[1]:
            railed += 1
        rows.append((float(t), float(v) * direction))
    rows.sort(key=lambda row: row[0])
    times = [t for t, _ in rows]
    if despiked:
        seconds = rows[-1][0] - rows[0][0] if rows else 0.0
        kept = despike([v for _, v in rows], 3 if seconds and len(rows) / seconds > SLOW_HZ else 1)
        lost += len(rows) - sum(kept)
        rows = [row for row, good in zip(rows, kept, strict=True) if good]
        times = [t for t, _ in rows]
    steps = sorted(b - a for a, b in pairwise(times) if 0 < b - a < GAP_S)
    step = steps[len(steps) // 2] if steps else 0.02
    return Series(times, [v for _, v in rows], min(max(step, 0.0005), GAP_S), lost / max(1, total), railed / max(1, len(rows)))
