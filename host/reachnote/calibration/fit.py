"""From a few seconds of play to everything the decider needs, by robust statistics. Pure; never raises for bad input.

    fit = fit_excerpt(excerpt, kind="distance", direction=-1)
    fit.grade, fit.reason, fit.parameters, fit.rest, fit.span

Calibration page, section 2. What that page computes from a formula and what can be tried out is tried out: the
smallest safe onset is the smallest at which the very decider that will play stays silent over the rest and sounds on
the client's own gestures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise

from reachnote.calibration import grade as grading
from reachnote.calibration import robust
from reachnote.calibration.excerpt import Excerpt, Series, Shown, series_of
from reachnote.calibration.trial import Trial
from reachnote_play import CEILING, REACH

K_NOISE = 4.2  # onset over smoothed noise, in its sigmas
F_ON = 0.28  # onset as a share of the reach
F_ON_MOST = 0.60
SLOWEST_STEP_S = 0.25
MOVED = 5.0  # times as lively as the quiet seconds of a rest: the client moved
ENOUGH_REST_S = 3
ENOUGH_FOUND = 5  # gestures that nobody marked, to count as shown
LONGEST_WINDOW_S = 0.34
SUSTAINED_S = 0.13  # a peak lasts at least this long: a spasm does not
SHORT_S = 0.25
BURST = 1.6  # of the middle peak: what stands out higher, for shorter than SUSTAINED_S, is no gesture
FASTEST = 31.9  # reaches a second; beyond this no speed is looked at
QUICKEST_S = 0.22  # apart are the taps of people who tap fast
QUICKER = 1.4  # than the client's own rhythm is a tremor at least
OWN_HALF = 0.7  # of the client's shortest gesture is a half wave of tremor at most
LEAST_RATE_HZ = 3.0  # of tremor
MATTERS = 0.36  # of the onset: the half height from which a tremor matters
SHAKES_SHARE = 0.3  # of the rest in which the guard acts: then it shakes always


@dataclass(frozen=True)
class Fit:
    """What fits one sensor to one client. Places are raw units of the sensor; `span` has the sensor's direction."""

    kind: str
    rest: float
    span: float
    rate_hz: float
    parameters: dict[str, int]
    facts: dict[str, float] = field(default_factory=dict)
    grade: str = "D"
    reason: str = "nothing"
    checks: dict[str, str] = field(default_factory=dict)
    why: tuple[str, ...] = ()


def fit_excerpt(
    excerpt: Excerpt,
    kind: str,
    direction: int = 1,
    hint: float | None = None,
    rails: tuple[float, float] | None = None,
) -> Fit:
    """The fit of a continuous sensor. `direction` -1: movement makes the number smaller. `hint`: a reach that a person set."""
    series = series_of(excerpt, 1 if direction >= 0 else -1, rails, kind == "distance")
    if len(series.v) < 3:
        return _nothing(kind, direction, hint, series)
    turned = 1 if direction >= 0 else -1
    fitting = _Fitting(series, excerpt, kind, turned, hint)
    fit = fitting.fit()
    if hint or excerpt.gestures:
        return fit
    found = fitting.found()
    if len(found) < ENOUGH_FOUND:
        return fit
    return _Fitting(series, replace(excerpt, gestures=found), kind, turned, None).fit()


def _nothing(kind: str, direction: int, hint: float | None, series: Series) -> Fit:
    span = math.copysign(hint if hint and hint > 0 else 1.0, direction)
    rest = series.v[0] * (1 if direction >= 0 else -1) if series.v else 0.0
    return Fit(kind, rest, span, series.rate_hz, {}, {"lost": series.lost}, "D", "no_readings")


class _Fitting:
    """One fit on its way, step by step; each step fills what the next one needs."""

    def __init__(self, series: Series, excerpt: Excerpt, kind: str, direction: int, hint: float | None) -> None:
        self.series = series
        self.kind = kind
        self.direction = direction
        self.hint = hint if hint and hint > 0 and math.isfinite(hint) else None
        self.shown = _apart([g for g in excerpt.gestures if not g.assisted and not g.dropped and g.end > g.start])
        self.others = [g for g in excerpt.gestures if g.assisted or g.dropped]
        self.rests = [(a, b) for a, b in excerpt.rests if b > a]
        self.p: dict[str, int] = {}
        self.facts: dict[str, float] = {}

    def found(self) -> list[Shown]:
        """Gestures that nobody marked: what the fit so far would have sounded, the upper group if there are two (3)."""
        trial = Trial(self.series, self.r0, self.reach, self.p)
        played = [(a, b, tall) for a, b, tall in trial.gestures(self.p) if tall > 0]
        least = math.exp(robust.parting([math.log(tall) for _, _, tall in played]))
        return [Shown(a, b) for a, b, tall in played if tall >= least]

    def fit(self) -> Fit:
        self._rest()
        self._range()
        self._gate()
        self._times()
        trial = Trial(self.series, self.r0, self.reach, self.p)
        self._tremor(trial)
        self._window()
        self._onset(trial)
        self._strength(trial)
        self._calm()
        return self._graded(trial)

    # ------------------------------------------------------------ rest, noise, range (2.2)

    def _rest(self) -> None:
        s = self.series
        kept: list[list[float]] = []
        self.rests = self._quiet(self.rests)
        for a, b in self.rests:
            stretch = s.between(a, b)
            if len(stretch) >= 3:
                kept.append(stretch)
        self.rest_known = bool(kept)
        if kept:
            values = [v for stretch in kept for v in stretch]
        elif self.shown:
            values = self._outside()
            kept = [values]
        else:
            middle = robust.median(s.v)
            low = [v for v in s.v if v <= middle]
            values = [robust.densest(low)]
            kept = []
        self.r0 = robust.median(values)
        self.rest_stretches = kept
        if self.rest_known:
            self.white = max(robust.white_noise(stretch) for stretch in kept)
            self.wobble = max(robust.wobble(stretch, s.rate_hz) for stretch in kept)
        else:  # second differences: blind to movement, which is smooth, and to most of the gestures
            second = [abs(a - 2 * b + c) for a, b, c in zip(s.v, s.v[1:], s.v[2:], strict=False)]
            self.white = robust.share(second, 0.3) / 0.385 / math.sqrt(6)
            self.wobble = self.white

    def _quiet(self, rests: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """The rests without the seconds in which the client moved, if there are still enough seconds then."""
        seconds = [(a + k, min(a + k + 1.0, b)) for a, b in rests for k in range(max(1, round(b - a)))]
        heard = [(second, self.series.between(*second)) for second in seconds]
        heard = [(second, values) for second, values in heard if len(values) >= 3]
        seconds = [second for second, _ in heard]
        spreads = [robust.spread(values) for _, values in heard]
        limit = MOVED * robust.share(spreads, 0.25)
        calm = [second for second, spread in zip(seconds, spreads, strict=True) if spread <= limit]
        if len(calm) == len(seconds) or len(calm) < ENOUGH_REST_S:
            return rests
        out: list[tuple[float, float]] = []
        for a, b in calm:
            if out and abs(out[-1][1] - a) < 1e-6:
                out[-1] = (out[-1][0], b)
            else:
                out.append((a, b))
        return out

    def _outside(self) -> list[float]:
        marked = [*self.shown, *self.others]
        out = [
            v
            for t, v in zip(self.series.t, self.series.v, strict=True)
            if not any(g.start - 0.05 <= t <= g.end + 0.05 for g in marked)
        ]
        return out if len(out) >= 3 else [robust.share(self.series.v, 0.1)]

    def _range(self) -> None:
        s = self.series
        stretches = [s.between(g.start, g.end) for g in self.shown]
        self.gestures = [(g, v) for g, v in zip(self.shown, stretches, strict=True) if self._is_there(g, v)]
        peaks = [self._sustained(v) for _, v in self.gestures]
        if len(peaks) >= 3:  # a burst inside a gesture, or marked as one
            middle = robust.median(peaks)
            for i, (_, values) in enumerate(self.gestures):
                calm = [v for v in values if v - self.r0 <= BURST * middle]
                high = (len(values) - len(calm)) * s.step_s
                if len(calm) > 0.6 * len(values) and 0 < high <= SUSTAINED_S * 1.2:
                    peaks[i] = self._sustained(calm)
            kept = [
                (g, p)
                for g, p in zip(self.gestures, peaks, strict=True)
                if p > 0.1 * middle and not (p > BURST * middle and g[0].end - g[0].start < SHORT_S)
            ]
            self.gestures = [g for g, _ in kept]
            peaks = [p for _, p in kept]
        self.peaks = [p for p in peaks if p > 0]
        depths = [self.r0 - robust.share(v, 0.1) for v in stretches if v]
        heights = [self._sustained(v) for v in stretches if v]
        self.reversed = bool(depths) and robust.median(depths) > 2 * max(robust.median(heights), self.wobble)
        if self.hint:
            reach = self.hint
        elif self.peaks:
            reach = robust.median(self.peaks)
        else:
            reach = robust.share(s.v, 0.98) - self.r0
        least = max(3 * self.wobble, 6 * self.white / math.sqrt(max(1.0, LONGEST_WINDOW_S * s.rate_hz)))
        extent = robust.share(s.v, 0.98) - robust.share(s.v, 0.02)
        self.too_small = reach <= least
        if not self.hint:
            reach = max(reach, least)
        self.reach = max(reach, 1e-9 * max(1.0, abs(self.r0), extent), extent * 1e-3, 1e-12)

    def _is_there(self, g: Shown, values: list[float]) -> bool:
        """Whether a gesture's readings are there: a short one of which most were impulses is none."""
        due = round((g.end - g.start) / self.series.step_s)
        return bool(values) and (g.end - g.start >= SHORT_S or due < 4 or len(values) >= 0.7 * due * (1 - self.series.lost))

    def _sustained(self, values: list[float]) -> float:
        """The height that a gesture keeps for a tenth of its length."""
        return robust.share(values, 0.9) - self.r0

    # ------------------------------------------------------------ gate and times

    def _gate(self) -> None:
        p, step = self.p, self.series.step_s
        rise = self._fastest()
        self.fastest = rise
        if self.kind == "distance":
            p["lowest"] = -int(1.2 * REACH)
            p["highest"] = int(1.45 * REACH)
            speed = max(12.0, 2 * rise)
            p["speed"] = _whole(speed * REACH) if speed < FASTEST else 0
            p["median"] = 3
        else:
            p["median"] = 3 if step <= 0.012 else 1
        p["hold"] = _whole(max(0.25, 2.5 * step) * 1e6)

    def _fastest(self) -> float:
        """The steepest rise within the gestures, over about 20 ms, in reaches a second."""
        steepest = []
        for g, _ in self.gestures:
            steepest.append(self._steepest(g))
        return max(steepest) if steepest else 0.0

    def _steepest(self, g: Shown, span_s: float = 0.0195) -> float:
        s = self.series
        best = 0.0
        back = 0
        for i, t in enumerate(s.t):
            if t < g.start - 0.3:
                back = i
                continue
            if t > g.end:
                break
            while back + 1 < i and t - s.t[back + 1] >= span_s:
                back += 1
            dt = t - s.t[back]
            if 0 < dt <= max(3 * span_s, 2.5 * s.step_s):
                best = max(best, (s.v[i] - s.v[back]) / dt)
        return best / self.reach

    def _times(self) -> None:
        p = self.p
        starts = [g.start for g, _ in self.gestures]
        gaps = [b[0].start - a[0].end for a, b in pairwise(self.gestures)]
        gaps = [gap for gap in gaps if gap > 0]
        lengths = [g.end - g.start for g, _ in self.gestures]
        apart = [b - a for a, b in pairwise(starts) if b > a]
        self.own_rate = 1.0 / robust.median(apart) if apart else 0.0
        p["refractory"] = _whole(min(max(0.35 * robust.share(gaps, 0.1), 0.015), 0.1) * 1e6) if gaps else 30000
        if apart:
            p["apart"] = _whole(min(0.5 * robust.median(apart), QUICKEST_S) * 1e6)
        if lengths:
            jolt = max(1.25 * self.fastest, 4.0)
            p["jolt"] = _whole(jolt * REACH) if jolt < FASTEST else 0  # a client as quick as a spasm: no telling apart
            p["jolt_wait"] = _whole(min(0.12, 0.3 * min(lengths)) * 1e6)
        # Tremor is what goes to and fro quicker than the client ever does: than its rhythm, than its shortest gesture.
        half = min(0.5 / max(LEAST_RATE_HZ, QUICKER * self.own_rate), OWN_HALF * min(lengths, default=1.0))
        p["tremor_half"] = _whole(half * 1e6)
        p["listen"] = _whole(0.9 * self.series.step_s * 1e6) if self.series.step_s > 0.033 else 0

    # ------------------------------------------------------------ tremor (2.4), smoothing (2.3), onset (2.5)

    def _tremor(self, trial: Trial) -> None:
        p = self.p
        p["tremor_size"] = _whole(MATTERS * F_ON * REACH)
        p["tremor_tall"] = _whole(0.6 * REACH)
        self.shakes_s = 0.0
        self.alike = False
        if self.series.step_s > 0.04:
            p["tremor"] = 0
            return
        spans = [(g.start - 0.15, g.end) for g, _ in self.gestures]
        self.alike = trial.heard(p, spans) < 0.9 * trial.heard({**p, "tremor": 0}, spans)
        if self.alike:
            p["tremor"] = 0
            return
        at_rest = trial.guarded(p, self._rest_spans())
        if at_rest.share > SHAKES_SHARE:
            self.shakes_s = at_rest.period_s
            p["envelope"] = _whole(at_rest.size)

    def _rest_spans(self) -> list[tuple[float, float]]:
        return self.rests if self.rest_known else []

    def _window(self) -> None:
        noise = self.white / self.reach
        by_noise = (K_NOISE * noise / (0.6 * F_ON)) ** 2 * self.series.step_s
        window = min(max(by_noise, self.shakes_s), LONGEST_WINDOW_S)
        self.window = 0.0 if window <= self.series.step_s else window
        self.p["window"] = _whole(self.window * 1e6)

    def _onset(self, trial: Trial) -> None:
        n = max(1.0, self.window / self.series.step_s)
        noise = self.white / self.reach
        least = max(F_ON, K_NOISE * noise / math.sqrt(n))
        chosen = min(least, F_ON_MOST)
        spans = self._rest_spans()
        self.p["fast"] = _whole(0.1 * REACH)
        while spans and chosen < F_ON_MOST:
            self.p["onset"] = _whole(0.8 * chosen * REACH)
            if trial.starts(self.p, spans) == 0:
                break
            chosen *= 1.12
        self.p["onset"] = _whole(min(chosen, F_ON_MOST) * REACH)
        self.p["tremor_size"] = _whole(MATTERS * self.p["onset"])

    # ------------------------------------------------------------ strength, level

    def _strength(self, trial: Trial) -> None:
        efforts = trial.efforts(self.p, [(g.start - 0.3, g.end) for g, _ in self.gestures])
        if efforts:
            self.p["soft"] = _whole(min(efforts) / 1.6)
            self.p["strong"] = _whole(max(efforts) * 1.6)
        elif self.p["listen"]:
            self.p["soft"], self.p["strong"] = self.p["onset"], 2 * REACH

    def _calm(self) -> None:
        n = max(1.0, self.window / self.series.step_s)
        calm = max(0.01, 2.5 * self.white / self.reach / math.sqrt(n), self.wobble / self.reach)
        self.p["calm"] = _whole(min(calm, 0.12) * REACH)

    # ------------------------------------------------------------ grade

    def _graded(self, trial: Trial) -> Fit:
        p = self.p
        onset = p["onset"] / REACH
        peaks = [peak / self.reach for peak in self.peaks]
        spans = self._rest_spans()
        seconds = sum(min(b - a, len(self.series.between(a, b)) * self.series.step_s) for a, b in spans)
        facts = self.facts
        facts.update(
            seconds_of_rest=seconds,
            gestures=len(self.gestures),
            wobble=self.wobble / self.reach,
            noise=self.white / self.reach,
            onset=onset,
            window_s=self.window,
            lost=self.series.lost,
            at_rail=self.series.at_rail,
            own_rate_hz=self.own_rate,
            fastest=self.fastest,
            tremor_hz=1.0 / self.shakes_s if self.shakes_s else 0.0,
        )
        if peaks:
            mean = sum(peaks) / len(peaks)
            facts["middle_peak"] = robust.median(peaks)
            facts["weakest"] = min(peaks) / onset
            facts["variation"] = math.sqrt(sum((q - mean) ** 2 for q in peaks) / len(peaks)) / mean
        levels = [robust.median(stretch) / self.reach for stretch in self.rest_stretches] if self.rest_known else []
        between = (max(levels) - min(levels)) / 2 if len(levels) > 1 else 0.0
        facts["separation"] = facts.get("middle_peak", 1.0) / max(1e-6, math.hypot(facts["wobble"], between))
        loud = {**p, "onset": _whole(0.8 * p["onset"])}
        starts = trial.starts(loud, spans) if spans else 0
        facts["false_starts"] = starts
        facts["false_per_min"] = grading.at_most(starts) * 60.0 / seconds if seconds > 0 else math.inf
        facts["delay_s"] = self._delay(trial) + p.get("accept", 0) * 1e-6 + self.series.step_s
        letter, reason, checks = grading.grade(facts, self.hint is not None, self._troubles())
        place = self.r0 * self.direction
        return Fit(self.kind, place, self.reach * self.direction, self.series.rate_hz, dict(p), facts, letter, reason, checks)

    def _delay(self, trial: Trial) -> float:
        """What smoothing and guards cost the client's own gestures; without any, half the window."""
        spans = [(g.start - 0.15, g.end) for g, _ in self.gestures]
        bare = {**self.p, "window": 0, "envelope": 0, "tremor": 0, "jolt": 0, "listen": 0, "fast": 0}
        with_it, without = trial.firsts(self.p, spans), trial.firsts(bare, spans)
        costs = [max(0.0, a - b) for a, b in zip(with_it, without, strict=True) if a is not None and b is not None]
        return robust.median(costs) if costs else self.window / 2

    def _troubles(self) -> list[str]:
        """Words for what no threshold can better."""
        s = self.series
        found = {
            "constant": max(s.v) == min(s.v),
            "rail": s.at_rail > 0.5,
            "reversed": self.reversed,
            "too_slow": s.step_s > SLOWEST_STEP_S,
            "too_small": self.too_small,
        }
        return [word for word, true in found.items() if true]


def _apart(shown: list[Shown]) -> list[Shown]:
    """Without what lies mostly within a longer one: a burst marked inside a gesture is no gesture of its own."""
    return [g for g in shown if not any(_within(g, other) for other in shown)]


def _within(g: Shown, other: Shown) -> bool:
    length = g.end - g.start
    return other.end - other.start > length and min(g.end, other.end) - max(g.start, other.start) > length / 2


def _whole(value: float) -> int:
    return int(min(max(value, -CEILING * 1000), 2**29)) if math.isfinite(value) else 0
