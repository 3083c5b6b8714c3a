"""The calibration report's rivals: how others turn a sensor into sounds, each set on the same excerpt as reachnote.

A method is called with a `Task` and answers `(sounds, settings)`: [(on, off)] in seconds over the task's played part, and
what it was set to. All are causal. The first five have fixed numbers, the last three are tuned by `careful`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise, product

PRE_S, POST_S = 0.15, 0.05  # an onset this long before or after a labelled gesture still belongs to it
# A careful person leaves room: the excerpt again, moved off its rest by up to half the reach either way. Of seven ways to
# leave room that were tried, among them none and weaker and stronger gestures, this one served the rivals best here.
ROOM = tuple(k / 10 for k in range(-5, 6) if k)


@dataclass
class Task:
    """One stretch to calibrate on, one to play. Times in seconds, values in the sensor's own unit."""

    part: str  # "rest", "gestures", "simulated"
    group: str
    name: str
    person: str
    kind: str
    direction: int
    excerpt: tuple[list[float], list[float]]
    played: tuple[list[float], list[float]]
    rest: list[tuple[float, float]]
    shown: list[tuple[float, float]]
    hint: float | None = None
    labels: list[tuple[float, float]] = field(default_factory=list)
    ignored: list[tuple[float, float]] = field(default_factory=list)

    @property
    def minutes(self) -> float:
        t = self.played[0]
        return (t[-1] - t[0]) / 60


Sounds = list[tuple[float, float]]
Method = Callable[[Task], tuple[Sounds, dict]]


# ---------------------------------------------------------------- scoring


def match(sounds: Sounds, labels: list[tuple[float, float]], ignored: Iterable[tuple[float, float]] = ()) -> dict:
    """Each gesture takes its first onset; further ones in it are `again`, the rest `false`. Latencies in ms."""
    first: list[float | None] = [None] * len(labels)
    verdicts = []
    for on, _ in sounds:
        inside = [k for k, (a, b) in enumerate(labels) if a - PRE_S <= on <= b + POST_S]
        free = [k for k in inside if first[k] is None]
        if free:
            first[free[0]] = on
        brief = any(a - PRE_S <= on <= b + 0.2 for a, b in ignored)
        verdicts.append("hit" if free else "again" if inside else "brief" if brief else "false")
    late = [1000 * (on - a) for on, (a, _) in zip(first, labels, strict=True) if on is not None]
    counts = {word: verdicts.count(word) for word in ("hit", "false", "again")}
    return {"n": len(labels), **counts, "late": late, "verdicts": verdicts}


def f1(score: dict) -> float:
    """Of hits, false onsets and repeats; 1.0 where there was nothing to find and nothing sounded."""
    found = 2 * score["hit"]
    total = found + score["false"] + score["again"] + score["n"] - score["hit"]
    return found / total if total else 1.0


# ---------------------------------------------------------------- filters and triggers


def moving_average(t: list[float], v: list[float], span: float) -> list[float]:
    out, total, tail = [], 0.0, 0
    for k, x in enumerate(v):
        total += x
        while t[tail] < t[k] - span:
            total -= v[tail]
            tail += 1
        out.append(total / (k - tail + 1))
    return out


def one_euro(t: list[float], v: list[float], least: float = 1.0, beta: float = 1.0) -> list[float]:
    """Casiez, Roussel, Vogel 2012, of values scaled to the range; the derivative's cutoff is 1 Hz."""

    def weight(cutoff: float, dt: float) -> float:
        r = 2 * math.pi * cutoff * dt
        return r / (r + 1)

    out, y, speed = [v[0]], v[0], 0.0
    for (t0, _), (t1, x) in pairwise(zip(t, v, strict=True)):
        dt = max(1e-4, t1 - t0)
        speed += weight(1.0, dt) * ((x - y) / dt - speed)
        y += weight(least + beta * abs(speed), dt) * (x - y)
        out.append(y)
    return out


def median_of_three(v: list[float]) -> list[float]:
    return [sorted(v[max(0, k - 2) : k + 1])[k > 1] for k in range(len(v))]


def plausible(v: list[float], low: float = -0.5, high: float = 1.5) -> list[float]:
    """Readings outside the range by half of it hold the last one."""
    out, last = [], 0.0
    for x in v:
        last = x if low <= x <= high else last
        out.append(last)
    return out


def above(t: list[float], v: list[float], on: float, off: float) -> Sounds:
    """Sounds from `on` upward until below `off`; what is above at the start has to come down first."""
    out: Sounds = []
    start = None
    ready = False
    for now, x in zip(t, v, strict=True):
        if start is None:
            if x < on:
                ready = True
            elif ready:
                start = now
        elif x < off:
            out.append((start, now))
            start = None
    if start is not None:
        out.append((start, t[-1]))
    return out


def timed(sounds: Sounds, accept: float, ignore: float, t: list[float]) -> Sounds:
    """Switch access: heard at the first reading once it lasted `accept`; what starts within `ignore` of the last end is not."""
    out: Sounds = []
    last = -math.inf
    for on, off in sounds:
        if on - last < ignore:
            continue
        heard = t[min(bisect_left(t, on + accept - 1e-9), len(t) - 1)] if accept else on
        if heard < off or not accept:
            out.append((heard, off))
            last = off
    return out


# ---------------------------------------------------------------- fixed numbers


def _scaled(task: Task) -> tuple[list[float], list[float], dict]:
    """Naive scaling: least and greatest of the excerpt are 0 and 1, as almost every instrument does it."""
    turned = [task.direction * v for v in task.excerpt[1]]
    low, high = min(turned), max(turned)
    if task.hint:
        low = sum(turned) / len(turned)
        high = low + task.hint
    span = max(high - low, 1e-9)
    t, v = task.played
    scaled = [min(max((task.direction * x - low) / span, 0.0), 1.0) for x in v]
    return t, scaled, {"low": low, "high": high}


def naive(threshold: float) -> Method:
    def play(task: Task) -> tuple[Sounds, dict]:
        t, v, settings = _scaled(task)
        return above(t, v, threshold, threshold), settings

    return play


def smoothed(threshold: float = 0.5, span: float = 0.1) -> Method:
    def play(task: Task) -> tuple[Sounds, dict]:
        t, v, settings = _scaled(task)
        return above(t, moving_average(t, v, span), threshold, threshold), settings

    return play


def euro(threshold: float = 0.5) -> Method:
    def play(task: Task) -> tuple[Sounds, dict]:
        t, v, settings = _scaled(task)
        return above(t, one_euro(t, v), threshold, threshold), settings

    return play


# ---------------------------------------------------------------- tuned on the excerpt


@dataclass(frozen=True)
class Heard:
    """What a careful person has before them: the excerpt, its rest and the top of its middle gesture as 0 and 1."""

    t: list[float]
    v: list[float]
    shown: list[tuple[float, float]]
    low: float
    span: float


def listen(task: Task) -> Heard:
    t, v = task.excerpt
    turned = [task.direction * x for x in v]
    shown = task.shown
    still = [x for now, x in zip(t, turned, strict=True) if any(a <= now <= b for a, b in task.rest)]
    low = _share(still, 0.5) if still else _share(turned, 0.1)
    if task.hint and not shown:
        t, turned, shown = rehearsed(t, turned, low, task.hint)
    tops = [_share([x for now, x in zip(t, turned, strict=True) if a <= now <= b], 0.9) for a, b in shown]
    span = task.hint or max(_share(tops, 0.5) - low, 1e-9)
    return Heard(t, [(x - low) / span for x in turned], shown, low, span)


def rehearsed(t: list[float], v: list[float], low: float, reach: float) -> tuple[list[float], list[float], list]:
    """A reach set by hand counts as four easy gestures of that height, put onto the excerpt's own rest."""
    step = max((t[-1] - t[0]) / max(1, len(t) - 1), 1e-3)
    there_and_back = v + v[::-1]
    times = [k * step for k in range(int(10 / step))]
    shown = [(start, start + 1.0) for start in (2.0, 4.0, 6.0, 8.0)]
    rest = [there_and_back[k % len(there_and_back)] for k in range(len(times))]
    pressed = [max(_ease((x - a) / 0.3) - _ease((x - a - 0.8) / 0.3) for a, _ in shown) for x in times]
    return times, [x + reach * p for x, p in zip(rest, pressed, strict=True)], shown


def _ease(u: float) -> float:
    u = min(max(u, 0.0), 1.0)
    return u * u * u * (10 - 15 * u + 6 * u * u)


def _share(values: list[float], part: float) -> float:
    ordered = sorted(values) or [0.0]
    return ordered[round(part * (len(ordered) - 1))]


Way = Callable[[list[float], list[float], dict], Sounds]


class Careful:
    """Tries every setting on the excerpt: best F1, then least false onsets, then most room, then soonest."""

    def __init__(self, way: Way, smooth: Callable, grid: dict[str, tuple], room: tuple[float, ...] = ROOM) -> None:
        self.way = way
        self.smooth = smooth
        self.grid = grid
        self.room = room

    def soonest(self) -> Careful:
        """The same without leaving room."""
        return Careful(self.way, self.smooth, self.grid, ())

    def __call__(self, task: Task) -> tuple[Sounds, dict]:
        heard = listen(task)
        settings = self.tuned(heard)
        t, v = task.played
        placed = [(task.direction * x - heard.low) / heard.span for x in v]
        return self.way(t, self.smooth(t, placed, settings), settings), settings

    def tuned(self, heard: Heard) -> dict:
        names = list(self.grid)
        choices = [dict(zip(names, values, strict=True)) for values in product(*self.grid.values())]
        smoothed: dict[tuple, list[float]] = {}

        def played(setting: dict, offset: float = 0.0) -> dict:
            key = (setting["smooth"], offset)
            if key not in smoothed:
                smoothed[key] = self.smooth(heard.t, [x + offset for x in heard.v], setting)
            return match(self.way(heard.t, smoothed[key], setting), heard.shown)

        def room(setting: dict) -> float:
            return round(sum(f1(played(setting, offset)) for offset in self.room), 6)

        scores = [(s, played(s)) for s in choices]
        best = max((f1(score), -score["false"]) for _, score in scores)
        equal = [(s, score) for s, score in scores if (f1(score), -score["false"]) == best]
        return max(equal, key=lambda pair: (room(pair[0]), -_middle(pair[1]["late"])))[0]


def _middle(late: list[float]) -> float:
    return _share(late, 0.5) if late else math.inf


def _averaged(t: list[float], v: list[float], setting: dict) -> list[float]:
    return moving_average(t, v, setting["smooth"]) if setting["smooth"] else v


def _ranged(t: list[float], v: list[float], setting: dict) -> list[float]:
    v = median_of_three(plausible(v))
    return moving_average(t, v, setting["smooth"]) if setting["smooth"] else v


def by_hysteresis(t: list[float], v: list[float], setting: dict) -> Sounds:
    return above(t, v, setting["on"], setting["on"] * setting["off"])


def by_timing(t: list[float], v: list[float], setting: dict) -> Sounds:
    return timed(above(t, v, setting["level"], setting["level"]), setting["accept"], setting["ignore"], t)


def by_range(t: list[float], v: list[float], setting: dict) -> Sounds:
    """Far mark `far`, near mark 1: sounds past the far mark by `edge` of the range, once it stayed `dwell`."""
    edge = setting["edge"] * (1 - setting["far"])
    return timed(above(t, v, setting["far"] + edge, setting["far"] - edge), setting["dwell"], 0.0, t)


SMOOTH = (0.0, 0.05, 0.1, 0.2)
hysteresis = Careful(
    by_hysteresis, _averaged, {"on": tuple(k / 20 for k in range(2, 19)), "off": (0.3, 0.5, 0.65, 0.8, 0.9), "smooth": SMOOTH}
)
timing = Careful(
    by_timing,
    _averaged,
    {
        "level": tuple(k / 20 for k in range(2, 19)),
        "accept": (0.0, 0.02, 0.05, 0.1, 0.2, 0.3),
        "ignore": (0.0, 0.05, 0.1, 0.2, 0.3, 0.5),
        "smooth": (0.0, 0.1),
    },
)
distance_range = Careful(
    by_range,
    _ranged,
    {
        "far": tuple(k / 20 for k in range(2, 17)),
        "edge": (0.0, 0.05, 0.1, 0.15, 0.25),
        "dwell": (0.0, 0.04, 0.08, 0.16),
        "smooth": (0.0, 0.1),
    },
)

RIVALS: dict[str, Method] = {
    "naive, threshold 0.5": naive(0.5),
    "naive, threshold 0.2": naive(0.2),
    "moving average 100 ms": smoothed(),
    "One Euro": euro(),
    "hand-set hysteresis": hysteresis,
    "accept / ignore repeat": timing,
    "manual distance range": distance_range,
}
CAREFUL = {"hand-set hysteresis": hysteresis, "accept / ignore repeat": timing, "manual distance range": distance_range}
SOONEST: dict[str, Method] = {f"{name}, soonest": method.soonest() for name, method in CAREFUL.items()}
