"""Plays a stretch of a calibration to the decider itself, to see what it would have done. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reachnote.calibration import robust
from reachnote.calibration.excerpt import Series
from reachnote_play import CEILING, ONSET, REACH, RELEASE, TIME_MASK
from reachnote_play.decider import Decider


@dataclass(frozen=True)
class Guarded:
    """How much of a stretch the tremor guard takes for tremor."""

    share: float = 0.0
    period_s: float = 0.0
    size: float = 0.0  # REACH-ths


class Trial:
    """The excerpt in places of a reach, ready to be played any number of times."""

    def __init__(self, series: Series, rest: float, reach: float, base: Mapping[str, int]) -> None:
        self._t = [int(t * 1e6) & TIME_MASK for t in series.t]
        self._s = series.t
        self._x = [place(v, rest, reach) for v in series.v]
        self._room = room_for(series.rate_hz)

    def _decider(self, parameters: Mapping[str, int]) -> Decider:
        return Decider(dict(parameters), None, self._room)

    def starts(self, parameters: Mapping[str, int], spans: Sequence[tuple[float, float]]) -> int:
        """Onsets within the spans, each played alone."""
        count = 0
        for a, b in spans:
            decider = self._decider(parameters)
            for now, t, x in zip(self._t, self._s, self._x, strict=True):
                if a <= t <= b and decider.take(now, x) & ONSET:
                    count += 1
        return count

    def heard(self, parameters: Mapping[str, int], spans: Sequence[tuple[float, float]]) -> int:
        """How many of the spans a gesture starts in."""
        return sum(first is not None for first in self.firsts(parameters, spans))

    def gestures(self, parameters: Mapping[str, int]) -> list[tuple[float, float, int]]:
        """Start, end and greatest rise of everything that sounds, the excerpt played whole."""
        decider = self._decider(parameters)
        out = []
        start = 0.0
        for now, t, x in zip(self._t, self._s, self._x, strict=True):
            done = decider.take(now, x)
            if done & ONSET:
                start = t
            elif done & RELEASE:
                out.append((start, t, decider.tall))
        return out

    def firsts(self, parameters: Mapping[str, int], spans: Sequence[tuple[float, float]]) -> list[float | None]:
        """When the first gesture starts in each span, the excerpt played whole."""
        decider = self._decider(parameters)
        found: list[float | None] = [None] * len(spans)
        for now, t, x in zip(self._t, self._s, self._x, strict=True):
            if decider.take(now, x) & ONSET:
                for k, (a, b) in enumerate(spans):
                    if a <= t <= b and found[k] is None:
                        found[k] = t
        return found

    def efforts(self, parameters: Mapping[str, int], spans: Sequence[tuple[float, float]]) -> list[int]:
        """The effort of every onset within the spans."""
        decider = self._decider(parameters)
        out = []
        for now, t, x in zip(self._t, self._s, self._x, strict=True):
            if decider.take(now, x) & ONSET and any(a <= t <= b for a, b in spans) and decider.effort > 0:
                out.append(decider.effort)
        return out

    def guarded(self, parameters: Mapping[str, int], spans: Sequence[tuple[float, float]]) -> Guarded:
        """Share of the spans' time in which the guard acts, the middle period and size of what it saw."""
        if not spans:
            return Guarded()
        decider = self._decider({**parameters, "tremor": 1, "onset": REACH})
        inside = acting = 0
        periods, sizes = [], []
        for now, t, x in zip(self._t, self._s, self._x, strict=True):
            decider.take(now, x)
            if any(a <= t <= b for a, b in spans):
                inside += 1
                if decider.tremor.left > 0:
                    acting += 1
                    periods.append(decider.tremor.period)
                    sizes.append(decider.tremor.size)
        return Guarded(acting / max(1, inside), robust.median(periods) * 1e-6, robust.median(sizes))


def place(value: float, rest: float, span: float) -> int:
    """Where a measured value lies in the reach: the one entry for values that are no whole numbers."""
    x = (value - rest) * REACH / span
    return round(min(max(x, -CEILING), CEILING))


def room_for(rate_hz: float) -> int:
    """Readings that the longest window holds at this rate."""
    return min(max(int(0.36 * rate_hz) + 4, 8), 1024)
