"""Statistics that one bad sample, or half of them, cannot move. Pure.

Median and median absolute deviation tolerate half of the values being wrong, mean and extremes none (calibration page 1.1).
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

SIGMA = 1.4826  # of a median absolute deviation, for Gaussian noise


def median(values: Iterable[float]) -> float:
    """The middle value; 0.0 of nothing."""
    return share(values, 0.5)


def share(values: Iterable[float], part: float) -> float:
    """The value below which `part` (0..1) of the values lie, straight between neighbours; 0.0 of nothing."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    at = part * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def spread(values: Sequence[float]) -> float:
    """Standard deviation by the median absolute deviation."""
    middle = median(values)
    return SIGMA * median(abs(v - middle) for v in values)


def white_noise(values: Sequence[float]) -> float:
    """Standard deviation of what nothing around it foretells: by third differences, which are blind to movement and
    nearly so to tremor, while white noise grows by sqrt(20).

    Of coarse steps the median difference may be 0: then the trimmed mean difference counts.
    """
    third = zip(values, values[1:], values[2:], values[3:], strict=False)
    steps = sorted(abs(a - 3 * b + 3 * c - d) for a, b, c, d in third)
    if not steps:
        return 0.0
    kept = steps[: max(1, int(0.98 * len(steps)))]
    by_median = SIGMA * median(steps)
    by_mean = sum(kept) / len(kept) * math.sqrt(math.pi / 2)
    return max(by_median, by_mean) / math.sqrt(20)


def baseline(values: Sequence[float], width: int) -> list[float]:
    """Running median over `width` values, centred."""
    half = max(1, width // 2)
    window: list[float] = []
    out = []
    n = len(values)
    for v in values[:half]:
        insort(window, v)
    for i in range(n):
        if i + half < n:
            insort(window, values[i + half])
        if i - half - 1 >= 0:
            del window[bisect_left(window, values[i - half - 1])]
        out.append(window[len(window) // 2])
    return out


def wobble(values: Sequence[float], rate_hz: float) -> float:
    """Whole wobble of a rest about its slow drift, after section 2.2.

    The larger of the median reading and what all but a twentieth stay below in most seconds: a burst spoils its own.
    """
    if len(values) < 3:
        return 0.0
    second = max(3, int(rate_hz))
    off = [abs(v - b) for v, b in zip(values, baseline(values, second), strict=True)]
    blocks = [off[i : i + second] for i in range(0, len(off), second)]
    tall = [share(block, 0.95) for block in blocks if 2 * len(block) >= second] or [share(off, 0.95)]
    return max(SIGMA * median(off), share(tall, 0.6) / 1.96)


def densest(values: Iterable[float]) -> float:
    """Half-sample mode (Robertson and Cryer 1974): where the values lie closest together."""
    kept = sorted(values)
    while len(kept) > 3:
        half = (len(kept) + 1) // 2
        at = min(range(len(kept) - half + 1), key=lambda i: kept[i + half - 1] - kept[i])
        kept = kept[at : at + half]
    return median(kept)


def parting(values: Sequence[float]) -> float:
    """Where two groups part (Otsu 1979), if they are told apart at all (d' > 1.5); else below every value."""
    ordered = sorted(values)
    n = len(ordered)
    if n < 4:
        return ordered[0] if ordered else 0.0
    total = sum(ordered)
    best, at, low = -1.0, 0, 0.0
    for k in range(1, n):
        low += ordered[k - 1]
        gap = (total - low) / (n - k) - low / k
        between = k * (n - k) * gap * gap
        if between > best:
            best, at = between, k
    lower, upper = ordered[:at], ordered[at:]
    gap = sum(upper) / len(upper) - sum(lower) / len(lower)
    within = math.sqrt((_square(lower) + _square(upper)) / n)
    return ordered[at] if gap > 1.5 * within and len(upper) >= 3 else ordered[0]


def _square(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values)
