"""Simulated clients play what they mean: wringing, a press of two minutes, three gestures against six, bursts, help."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from client_sessions import SENSORS, Session, overlap, play, session
from firmware.desktop.clients import NAMES

from reachnote.calibration import robust
from reachnote.calibration.excerpt import Excerpt, Shown

KINDS = tuple(SENSORS)


def kind_of(seed: int) -> str:
    return KINDS[seed % 3]


# ---------------------------------------------------------------- wringing


def wrung(seed: int, wide: float = 0.0, **own: object) -> tuple[int, int, int, int]:
    """Presses that sound, presses, strokes that sound, strokes; calibrated by 3 to 6 presses, marked `wide` too wide."""
    gestures = 3 + seed % 4
    client = session("wringing", seed, 150, kind_of(seed), **own)
    e = client.excerpt(gestures)
    marks = [Shown(g.start - wide, g.end + wide) for g in e.gestures]
    played = client.play(client.fit_of(replace(e, gestures=marks)), client.calibrated(gestures))
    rests = client.client.rests(played.since, played.until)
    strokes = [s for s in client.client.besides(played.since, played.until) if any(a <= s[0] and s[1] <= b for a, b in rests)]
    return played.heard, len(played.wanted), overlap(played.false, strokes), len(strokes)


@pytest.mark.parametrize("hz", [pytest.param(1.0, marks=pytest.mark.long), 1.5, pytest.param(2.0, marks=pytest.mark.long)])
@pytest.mark.parametrize("tall", [0.2, 0.35, 0.5])
def test_wringing_hardly_sounds_and_purposeful_presses_do(tall, hz):
    heard, presses, sounded, strokes = map(
        sum, zip(*(wrung(n, stroke_hz=hz, stroke_height=tall) for n in range(4)), strict=True)
    )
    assert presses > 60 and strokes > 200
    assert heard >= 0.95 * presses
    assert sounded <= 0.05 * strokes


@pytest.mark.parametrize("wide", [pytest.param(0.4, marks=pytest.mark.long), 0.8])
def test_strokes_inside_the_marks_of_a_therapist_change_nothing_of_it(wide):
    heard, presses, sounded, strokes = map(sum, zip(*(wrung(n, wide) for n in range(8)), strict=True))
    assert presses > 120 and strokes > 500
    assert heard >= 0.95 * presses
    assert sounded <= 0.05 * strokes


# ---------------------------------------------------------------- a press of two minutes

CREEP = 0.05 / math.log10(121)  # 5 % in 120 s


LONG_PRESSES = [
    ("steady", "pressure"),
    ("weak", "voltage"),
    ("slow-release", "pressure"),
    ("fifteen-mm", "distance"),
    ("fatigue", "pressure"),
    ("rest-tremor", "distance"),
]


@pytest.mark.parametrize("name,kind", LONG_PRESSES)
@pytest.mark.parametrize("creep", [pytest.param(-CREEP, marks=pytest.mark.long), pytest.param(0.0, marks=pytest.mark.long), CREEP])
def test_a_press_of_120_s_sounds_for_120_s_and_keeps_its_level(name, kind, creep):
    fit = session(name, 1, 40, kind).fit(4)
    long = session(name, 1, 150, kind, hold=120.0, creep=creep, gap=20.0, first_s=10.0)
    start, _ = long.gestures[0]
    played = play(fit, long.t, long.v, long.gestures)
    assert len(played.onsets) == 1
    assert start - 0.15 <= played.onsets[0] <= start + 1.0
    assert played.releases[0] - played.onsets[0] >= 120
    level = [robust.median(v for t, v in played.levels if a <= t <= a + 5) for a in (start + 2, start + 114)]
    moved = [robust.median(long.client(a + k / 20) for k in range(100)) for a in (start + 2, start + 114)]
    assert level[1] >= 0.95 * level[0] * min(1.0, moved[1] / moved[0])


# ---------------------------------------------------------------- three gestures against six

SEEDS = {"few": range(1, 4), "many": range(1, 13)}
LEAST_F1 = {"spasm": 0.93, "clonus": 0.93}  # what is never seen at rest sounds at times


def scores(seeds: range) -> Iterator[tuple[str, float, float]]:
    """Of every client, F1 with three and with six gestures shown, over the same play."""
    for name in NAMES:
        pooled = {3: [0, 0], 6: [0, 0]}
        for seed in seeds:
            client = session(name, seed, {"late": 280, "re-emerging-tremor": 180}.get(name, 110), kind_of(seed))
            for gestures, sums in pooled.items():
                played = client.play(client.fit(gestures), client.calibrated(6))
                sums[0] += 2 * played.heard
                sums[1] += len(played.onsets) + len(played.wanted)
        three, six = (hits / total for hits, total in pooled.values())
        yield name, three, six


@pytest.mark.long
@pytest.mark.parametrize("seeds", ["few", pytest.param("many", marks=[pytest.mark.long, pytest.mark.timeout(300)])])
def test_three_gestures_and_8_s_of_rest_are_as_good_as_six(seeds):
    for name, three, six in scores(SEEDS[seeds]):
        print(f"{name:20} F1 {three:.3f} with three gestures, {six:.3f} with six")
        assert three >= six - 0.02, name
        assert three >= LEAST_F1.get(name, 0.98), name


# ---------------------------------------------------------------- what must move nothing


def burst(client: Session, e: Excerpt, at: float, seconds: float) -> list[float]:
    tall = 3 * client.client.usual * client.sensor.full
    return [v + (tall if at <= t < at + seconds else 0) for t, v in zip(e.times, e.raw, strict=True)]


SPOILED = [
    ("steady", "pressure"),
    ("steady", "voltage"),
    ("weak", "distance"),
    ("large", "pressure"),
    ("slow-release", "distance"),
    ("rest-tremor", "distance"),
]


@pytest.mark.parametrize("name,kind", SPOILED)
@pytest.mark.parametrize("seconds", [pytest.param(0.06, marks=pytest.mark.long), 0.12])
def test_a_burst_of_three_times_the_range_moves_rest_and_reach_by_less_than_2_percent(name, kind, seconds):
    client = session(name, 4, 60, kind)
    for gestures in (3, 6):
        e = client.excerpt(gestures)
        plain = client.fit_of(e)
        for at in (4.0, e.gestures[1].start + 0.4, (e.gestures[2].start + e.gestures[2].end) / 2):
            spoiled = replace(e, raw=burst(client, e, at, seconds))
            extra = Shown(at - 0.02, at + seconds + 0.02)
            for marks in (e.gestures, [extra, *e.gestures]):
                fit = client.fit_of(replace(spoiled, gestures=marks))
                assert abs(fit.rest - plain.rest) < 0.02 * abs(plain.span)
                assert abs(fit.span - plain.span) < 0.02 * abs(plain.span)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["assisted", "dropped"])
def test_assisted_and_dropped_gestures_change_nothing(name, way):
    client = session(name, 2, 300 if name == "late" else 120)
    e = client.excerpt(6)
    marked = [*e.gestures[:4], *(replace(g, **{way: True}) for g in e.gestures[4:])]
    with_them, without = (client.fit_of(replace(e, gestures=g)) for g in (marked, e.gestures[:4]))
    assert with_them == without
