"""Movement for the decider's tests: a client at a sensor, in shares of a reach, and a place to play it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from reachnote.calibration.excerpt import Excerpt, Shown
from reachnote.calibration.fit import Fit, fit_excerpt
from reachnote.calibration.trial import place, room_for
from reachnote_play import ONSET, RELEASE, TIME_MASK
from reachnote_play.decider import Decider


def ease(u: float) -> float:
    """Minimum-jerk rise from 0 to 1 (Flash and Hogan 1985)."""
    u = min(max(u, 0.0), 1.0)
    return u * u * u * (10 - 15 * u + 6 * u * u)


@dataclass
class Press:
    start: float
    hold: float = 0.6
    height: float = 1.0
    rise: float = 0.25
    fall: float = 0.3

    @property
    def end(self) -> float:
        return self.start + self.rise + self.hold + self.fall

    def at(self, t: float) -> float:
        return self.height * (ease((t - self.start) / self.rise) - ease((t - self.end + self.fall) / self.fall))


@dataclass
class Client:
    """Presses over a rest with noise, tremor (half height, Hz) and wringing (whole height, Hz)."""

    presses: list[Press]
    seconds: float
    rate_hz: float = 50.0
    noise: float = 0.01
    tremor: tuple[float, float] = (0.0, 5.0)
    wringing: tuple[float, float] = (0.0, 1.5)
    rest: float = 500.0
    span: float = 300.0
    seed: int = 1
    t: list[float] = field(default_factory=list)
    v: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        size, hz = self.tremor
        tall, pace = self.wringing
        phase = turn = 0.0
        for i in range(int(self.seconds * self.rate_hz)):
            t = i / self.rate_hz
            phase += hz * (1 + 0.1 * math.sin(0.7 * t)) / self.rate_hz
            turn += pace * (1 + 0.15 * math.sin(0.9 * t + 1)) / self.rate_hz
            x = max((p.at(t) for p in self.presses if p.start <= t <= p.end), default=0.0)
            x += size * math.sin(2 * math.pi * phase) + tall * (0.5 - 0.5 * math.cos(2 * math.pi * turn))
            self.t.append(t)
            self.v.append(self.rest + self.span * (x + chance.gauss(0, self.noise)))

    def excerpt(self, gestures: int, rest_s: float = 8.0) -> Excerpt:
        """The start of it, up to that many presses; `rest_s` of rest just before the first."""
        shown = self.presses[:gestures]
        end = shown[-1].end + 0.3 if shown else rest_s
        first = self.presses[0].start - 0.2 if self.presses else rest_s
        n = sum(t <= end for t in self.t)
        marks = [Shown(p.start, p.end) for p in shown]
        return Excerpt(self.t[:n], self.v[:n], None, [(max(0.0, first - rest_s), first)], marks)


def presses(count: int, every: float = 2.5, seed: int = 3, low: float = 0.8, high: float = 1.1) -> list[Press]:
    """Presses from 8.5 s on, of chance lengths, heights and speeds."""
    chance = random.Random(seed)
    made = []
    for k in range(count):
        start, hold, height = 8.5 + k * every + chance.uniform(0, 0.5), chance.uniform(0.3, 0.9), chance.uniform(low, high)
        made.append(Press(start, hold, height, chance.uniform(0.18, 0.45)))
    return made


def decider_of(fit: Fit, **more: int) -> Decider:
    return Decider({**fit.parameters, **more}, None, room_for(fit.rate_hz))


def play(fit: Fit, decider: Decider, t: list[float], v: list[float]) -> list[tuple[float, str]]:
    """('on' or 'off', with times) of a stretch of movement."""
    out = []
    for at, value in zip(t, v, strict=True):
        done = decider.take(round(at * 1e6) & TIME_MASK, place(value, fit.rest, fit.span))
        if done & ONSET:
            out.append((at, "on"))
        if done & RELEASE:
            out.append((at, "off"))
    return out


def fit_of(client: Client, gestures: int = 5, kind: str = "pressure") -> Fit:
    return fit_excerpt(client.excerpt(gestures), kind)


def heard(events: list[tuple[float, str]], wanted: list[Press]) -> tuple[int, int]:
    """How many of the presses sound, and how many onsets belong to none."""
    ons = [t for t, what in events if what == "on"]
    hits = sum(any(p.start - 0.1 <= t <= p.end for t in ons) for p in wanted)
    return hits, sum(not any(p.start - 0.1 <= t <= p.end for p in wanted) for t in ons)


def f1(events: list[tuple[float, str]], wanted: list[Press]) -> float:
    hits = heard(events, wanted)[0]
    ons = sum(what == "on" for _, what in events)
    return 2 * hits / max(1, ons + len(wanted)) if ons >= hits else 0.0
