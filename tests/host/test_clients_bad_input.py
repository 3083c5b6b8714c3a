"""A spoiled calibration of any client ends in a grade and a reason, and what was fitted can be played."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from client_sessions import FIRST_S, SENSORS, Session, play, session
from firmware.desktop.clients import NAMES, client_of

from reachnote.calibration.excerpt import Excerpt, Shown
from reachnote.calibration.fit import Fit, fit_excerpt
from reachnote_play import REACH
from reachnote_play.parameters import TABLE, bounded

REASONS = {"fine", "separation", "weakest", "variation", "false_starts", "delay", "rest", "few_gestures", "lost", "no_readings",
           "constant", "rail", "reversed", "too_slow", "too_small"}  # fmt: skip
PARAMETERS = {row[0] for row in TABLE}


SOON = ("steady", "weak", "clonus")  # every other client is spoiled in the long run


def values(e: Excerpt, change: Callable[[float, random.Random], float]) -> Excerpt:
    chance = random.Random(11)
    return replace(e, raw=[change(v, chance) for v in e.raw])


def times(e: Excerpt, change: Callable[[float, random.Random], float]) -> Excerpt:
    chance = random.Random(12)
    return replace(e, times=[change(t, chance) for t in e.times])


def later(e: Excerpt, at: float, by: float) -> Excerpt:
    """Nothing is heard for `by` seconds from `at` on; the marks after it keep their gestures."""

    def moved(t: float) -> float:
        return t if t < at else t + by

    marks = [Shown(moved(g.start), moved(g.end)) for g in e.gestures]
    return replace(times(e, lambda t, c: moved(t)), gestures=marks, rests=[(moved(a), moved(b)) for a, b in e.rests])


def torn(e: Excerpt, start: float, end: float) -> Excerpt:
    """Without the readings of that stretch, marked or not."""
    kept = [(t, v) for t, v in zip(e.times, e.raw, strict=True) if not start <= t < end]
    return replace(e, times=[t for t, _ in kept], raw=[v for _, v in kept])


def middle(e: Excerpt) -> float:
    return (min(e.raw) + max(e.raw)) / 2


def spoil_half(e: Excerpt) -> Excerpt:
    """Every second gesture is a jerk of noise, every second second of rest too."""
    tall = max(e.raw) - min(e.raw)
    spoiled = [(g.start, g.end) for g in e.gestures[::2]] + [(k, k + 1) for k in range(0, 8, 2)]
    chance = random.Random(13)
    raw = [
        v + (chance.uniform(-1, 1) * tall if any(a <= t <= b for a, b in spoiled) else 0)
        for t, v in zip(e.times, e.raw, strict=True)
    ]
    return replace(e, raw=raw)


# What is done to an excerpt, and the letter and the word in which it ends for a client without trouble ("": any).
BAD: dict[str, tuple[Callable[[Excerpt], Excerpt], str, str]] = {
    "no rest": (lambda e: replace(e, rests=()), "C", "rest"),
    "rest of nothing": (lambda e: replace(e, rests=[(3.0, 3.0), (5.0, 2.0)]), "C", "rest"),
    "rest elsewhere": (lambda e: replace(e, rests=[(900.0, 908.0)]), "C", "rest"),
    "no gesture": (lambda e: replace(e, gestures=()), "C", "few_gestures"),
    "one gesture": (lambda e: replace(e, gestures=e.gestures[:1]), "C", "few_gestures"),
    "gestures elsewhere": (lambda e: replace(e, gestures=[Shown(900 + k, 901 + k) for k in range(4)]), "C", "few_gestures"),
    "gesture backwards": (lambda e: replace(e, gestures=[Shown(g.end, g.start) for g in e.gestures]), "C", "few_gestures"),
    "one reading": (lambda e: replace(e, times=e.times[:1], raw=e.raw[:1]), "D", "no_readings"),
    "constant": (lambda e: values(e, lambda v, c: 512.0), "D", "constant"),
    "rails": (lambda e: values(e, lambda v, c: 0.0 if v < middle(e) else 1e6), "D", "rail"),
    "clipped at the top": (lambda e: values(e, lambda v, c: min(v, middle(e))), "", ""),
    "nan": (lambda e: values(e, lambda v, c: math.nan), "D", "no_readings"),
    "infinite": (lambda e: values(e, lambda v, c: c.choice((math.inf, -math.inf))), "D", "no_readings"),
    "some nan": (lambda e: values(e, lambda v, c: math.nan if c.random() < 0.3 else v), "", ""),
    "dropouts": (lambda e: values(e, lambda v, c: math.nan if c.random() < 0.05 else v), "B", "lost"),
    "reversed": (lambda e: values(e, lambda v, c: 2 * e.raw[0] - v), "D", "reversed"),
    "jittered": (lambda e: times(e, lambda t, c: t + c.uniform(-0.02, 0.02)), "A", "fine"),
    "stamps stand": (lambda e: times(e, lambda t, c: 4.0), "", ""),
    "stamps backwards": (lambda e: times(e, lambda t, c: -t), "C", "rest"),
    "stamps nan": (lambda e: times(e, lambda t, c: math.nan), "D", "no_readings"),
    "10 s gap in the rest": (lambda e: later(e, 4.0, 10.0), "A", "fine"),
    "10 s gap between gestures": (lambda e: later(e, e.gestures[0].end + 0.2, 10.0), "A", "fine"),
    "10 s gap in a gesture": (lambda e: torn(e, e.gestures[1].start + 0.2, e.gestures[1].start + 10.2), "", ""),
    "half spoiled": (spoil_half, "", ""),
    "every status bad": (lambda e: replace(e, statuses=[7] * len(e.times)), "D", "no_readings"),
    "statuses missing": (lambda e: replace(e, statuses=[0] * 20), "", ""),
}  # fmt: skip


def rails_of(what: str) -> tuple[float, float] | None:
    return (0.0, 1e6) if what == "rails" else None


def fitted(client: Session, e: Excerpt, what: str = "") -> Fit:
    return fit_excerpt(e, client.sensor.kind, client.sensor.direction, rails=rails_of(what))


def sound(fit: Fit) -> None:
    """A fit that anything can be done with."""
    assert fit.grade in "ABCD" and fit.reason in REASONS
    assert fit.grade == "A" or fit.reason != "fine"
    assert math.isfinite(fit.rest) and math.isfinite(fit.span) and fit.span != 0
    assert set(fit.parameters) <= PARAMETERS
    assert all(bounded(name, value) == bounded(name, bounded(name, value)) for name, value in fit.parameters.items())


@pytest.mark.parametrize("kind", SENSORS)
@pytest.mark.parametrize("what", BAD)
def test_a_client_without_trouble_gets_the_letter_and_the_word(kind, what):
    client = session("steady", 3, 30, kind)
    spoil, letter, reason = BAD[what]
    fit = fitted(client, spoil(client.excerpt(4)), what)
    sound(fit)
    if letter:
        assert (fit.grade, fit.reason) == (letter, reason)


@pytest.mark.parametrize("name", [n if n in SOON else pytest.param(n, marks=pytest.mark.long) for n in NAMES])
def test_no_client_spoiled_in_any_way_ends_in_an_exception_and_every_fit_can_be_played(name):
    client = session(name, 2, 60, "distance", **({"gap": (9.5, 10.0)} if name == "late" else {}))
    end = client.index(20.0)
    for what, (spoil, _, _) in BAD.items():
        e = spoil(client.excerpt(4))
        fit = fitted(client, e, what)
        sound(fit)
        played = play(fit, client.t[:end], client.v[:end], client.gestures)
        assert len(played.onsets) - len(played.releases) in (0, 1)
        assert all(0 <= level < 16 * REACH for _, level in played.levels)


@pytest.mark.parametrize("rate", [5, 10, 1000])
@pytest.mark.parametrize("kind", SENSORS)
@pytest.mark.parametrize("name", ["steady", "weak", "rest-tremor", "fifteen-mm"])
def test_any_rate_ends_in_a_grade(rate, kind, name):
    client = Session(client_of(name, 2, first_s=FIRST_S), SENSORS[kind]._replace(rate_hz=rate), 20, 2)
    fit = client.fit(3)
    sound(fit)
    assert fit.rate_hz == pytest.approx(rate)
    assert fit.grade == "D" if rate == 5 else fit.grade in "ABCD"


def test_silent_seconds_are_no_rest():
    client = session("steady", 3, 30)
    e = client.excerpt(4)
    assert fitted(client, e).facts["seconds_of_rest"] == pytest.approx(8.0, abs=0.1)
    gap = fitted(client, later(e, 4.0, 10.0))
    assert gap.facts["seconds_of_rest"] == pytest.approx(8.0, abs=0.1)
    assert gap.rest == pytest.approx(fitted(client, e).rest, abs=0.005 * client.sensor.full)
    end = e.rests[0][1]
    assert fitted(client, torn(e, 0.0, end - 2.5)).facts["seconds_of_rest"] == pytest.approx(2.5, abs=0.1)
    assert fitted(client, torn(e, 0.0, end + 0.05)).checks["rest"] == "C"


def test_half_a_calibration_spoiled_is_no_silent_bad_profile():
    """Either the fit is nearly the one of the good half, or the grade says that it is not."""
    for kind in SENSORS:
        client = session("steady", 3, 40, kind)
        plain, fit = client.fit(6), fitted(client, spoil_half(client.excerpt(6)))
        near = abs(fit.rest - plain.rest) < 0.1 * abs(plain.span) and abs(fit.span - plain.span) < 0.25 * abs(plain.span)
        assert near or fit.grade in "CD", kind
