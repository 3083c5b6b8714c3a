"""Simulated clients at simulated sensors: a calibration as the dialogue takes it, then play through the product's chain."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware.desktop.clients import FULL_MM, Client, client_of

from reachnote.calibration import robust
from reachnote.calibration.adapt import Adaptation
from reachnote.calibration.excerpt import Excerpt, Shown
from reachnote.calibration.fit import Fit, fit_excerpt
from reachnote.calibration.trial import place, room_for
from reachnote_play import ONSET, RELEASE, TIME_MASK
from reachnote_play.decider import Decider

REST_S = 8.0
FIRST_S = 8.7
EARLY_S, LATE_S = 0.15, 0.05  # an onset this long before and after a gesture still belongs to it, as in the bench


class Sensor(NamedTuple):
    """One kind of sensor: what rest and a full movement read, how much a reading scatters (sigma), the smallest step."""

    kind: str
    rate_hz: float
    rest: float
    full: float
    noise: float
    step: float

    @property
    def direction(self) -> int:
        return 1 if self.full > 0 else -1


SENSORS = {
    "pressure": Sensor("pressure", 100, 101325, 4000, 3.0, 1.0),  # Pa, a bulb on an MPRLS
    "distance": Sensor("distance", 50, 500, -FULL_MM, 2.3, 1.0),  # mm, a VL53L1X
    "voltage": Sensor("voltage", 250, 0.4, 1.5, 0.003, 0.0008),  # V, a slider at a 12-bit input
}


@dataclass
class Session:
    """A client at a sensor from 0 to `seconds`: rest, then gestures."""

    client: Client
    sensor: Sensor
    seconds: float
    seed: int = 1
    t: list[float] = field(default_factory=list)
    v: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        s = self.sensor
        self.t = [i / s.rate_hz for i in range(int(self.seconds * s.rate_hz))]
        moved = (s.rest + s.full * self.client(t) for t in self.t)
        self.v = [round((x + chance.gauss(0, s.noise)) / s.step) * s.step for x in moved]
        self.gestures = self.client.gestures(0, self.seconds)

    def excerpt(self, gestures: int) -> Excerpt:
        """8 s of rest just before the first gesture, and so many gestures, marked."""
        shown = self.gestures[:gestures]
        n = self.index(self.calibrated(gestures))
        rest_end = shown[0][0] - 0.2
        marks = [Shown(*g) for g in shown]
        return Excerpt(self.t[:n], self.v[:n], None, [(max(0.0, rest_end - REST_S), rest_end)], marks)

    def calibrated(self, gestures: int) -> float:
        return self.gestures[gestures - 1][1] + 0.3

    def index(self, t: float) -> int:
        return min(len(self.t), int(t * self.sensor.rate_hz) + 1)

    def fit(self, gestures: int = 5) -> Fit:
        return self.fit_of(self.excerpt(gestures))

    def fit_of(self, excerpt: Excerpt) -> Fit:
        return fit_excerpt(excerpt, self.sensor.kind, self.sensor.direction)

    def play(self, fit: Fit, since: float) -> Played:
        """From `since` on with that fit, the reach following the client as the host lets it."""
        n = self.index(since)
        return play(fit, self.t[n:], self.v[n:], [g for g in self.gestures if g[0] >= since], since)


@dataclass
class Played:
    """Onsets and releases of a stretch, beside what was meant."""

    onsets: list[float]
    releases: list[float]
    levels: list[tuple[float, int]]
    wanted: list[tuple[float, float]]
    since: float
    until: float

    @property
    def heard(self) -> int:
        return sum(any(a - EARLY_S <= t <= b + LATE_S for t in self.onsets) for a, b in self.wanted)

    @property
    def false(self) -> list[float]:
        return [t for t in self.onsets if not any(a - EARLY_S <= t <= b + LATE_S for a, b in self.wanted)]

    @property
    def f1(self) -> float:
        return 2 * self.heard / max(1, len(self.onsets) + len(self.wanted))

    @property
    def rest_s(self) -> float:
        return self.until - self.since - sum(b - a + EARLY_S + LATE_S for a, b in self.wanted)


def play(fit: Fit, t: list[float], v: list[float], wanted: list[tuple[float, float]], since: float = 0.0) -> Played:
    decider, adaptation = Decider(dict(fit.parameters), None, room_for(fit.rate_hz)), Adaptation()
    rest, span = fit.rest, fit.span
    played = Played([], [], [], wanted, since, t[-1] if t else since)
    next_level = 0.0
    for at, value in zip(t, v, strict=True):
        done = decider.take(round(at * 1e6) & TIME_MASK, place(value, rest, span))
        if done & RELEASE:
            played.releases.append(at)
            decider.set("reach", adaptation.played(decider.tall))
        if done & ONSET:
            played.onsets.append(at)
        if at >= next_level:
            next_level = at + 0.1
            played.levels.append((at, decider.level))
    return played


def session(name: str, seed: int = 1, seconds: float = 120.0, sensor: str = "pressure", **own: object) -> Session:
    """A client of the library who rests first, long enough to be calibrated."""
    client = client_of(name, seed, **{"first_s": FIRST_S, **own})
    return Session(client, SENSORS["distance" if name == "fifteen-mm" else sensor], seconds, seed)


def separation(fitted: Session, seconds: float = 60.0) -> float:
    """Middle peak over whole rest wobble (calibration page 2.2), told from what is meant and not from the fit."""
    s = fitted.sensor
    client = fitted.client
    chance = random.Random(fitted.seed + 1)
    peaks = []
    wobbles = []
    for a, b in client.gestures(0, seconds):
        peaks.append(max(client(a + (b - a) * k / 50) for k in range(51)) * abs(s.full))
    for a, b in client.rests(0, seconds):
        n = int((b - a) * s.rate_hz)
        rest = [client(a + i / s.rate_hz) * s.full + chance.gauss(0, s.noise) for i in range(n)]
        off = [abs(x - y) for x, y in zip(rest, robust.baseline(rest, int(s.rate_hz)), strict=True)]
        wobbles += off
    wobble = max(robust.SIGMA * robust.median(wobbles), robust.share(wobbles, 0.99) / 2.6)
    return robust.median(peaks) / wobble


def overlap(times: list[float], spans: list[tuple[float, float]]) -> int:
    """In how many of the spans any of the times lies."""
    return sum(any(a <= t <= b for t in times) for a, b in spans)
