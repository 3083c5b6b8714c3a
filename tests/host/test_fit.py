"""The fit: bad input ends in a grade and a word; a burst, an assisted or a dropped gesture moves no end."""

from __future__ import annotations

import math
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from decider_movement import Client, fit_of, presses

from reachnote.calibration import grade, robust
from reachnote.calibration.excerpt import Excerpt, Shown
from reachnote.calibration.fit import fit_excerpt
from reachnote.calibration.pads import fit_pad
from reachnote.calibration.trial import place
from reachnote_play.entry import Entry
from reachnote_play.parameters import TABLE, bounded

GOOD = Client(presses(6), 26)


def excerpt() -> Excerpt:
    return GOOD.excerpt(6)


def spoil(change) -> Excerpt:
    e = excerpt()
    chance = random.Random(5)
    return replace(e, raw=[change(t, v, chance) for t, v in zip(e.times, e.raw, strict=True)])


BAD = {
    "nothing": (Excerpt((), ()), "no_readings", "D"),
    "not a number": (spoil(lambda t, v, c: math.nan), "no_readings", "D"),
    "never usable": (replace(excerpt(), statuses=[6] * len(GOOD.t)), "no_readings", "D"),
    "no rest": (replace(excerpt(), rests=()), "rest", "C"),
    "no marks": (replace(excerpt(), rests=(), gestures=()), "rest", "C"),
    "one gesture": (replace(excerpt(), gestures=excerpt().gestures[:1]), "few_gestures", "C"),
    "constant": (spoil(lambda t, v, c: 7.0), "constant", "D"),
    "reversed": (spoil(lambda t, v, c: -v), "reversed", "D"),
    "at its rails": (spoil(lambda t, v, c: 0.0 if v < 600 else 4095.0), "rail", "D"),
    "half spoiled": (spoil(lambda t, v, c: v + c.choice([0, 1]) * c.uniform(-900, 900)), None, "D"),
    "dropouts": (spoil(lambda t, v, c: math.nan if c.random() < 0.05 else v), "lost", "B"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_ends_in_a_grade_and_a_word(name):
    given, reason, letter = BAD[name]
    fit = fit_excerpt(given, "pressure", rails=(0.0, 4095.0) if name == "at its rails" else None)
    assert fit.grade == letter
    assert fit.reason and (reason is None or fit.reason == reason)
    assert math.isfinite(fit.rest) and math.isfinite(fit.span) and fit.span != 0
    known = {row[0] for row in TABLE}
    assert set(fit.parameters) <= known
    for given_name, value in fit.parameters.items():
        assert isinstance(bounded(given_name, value), int)


@pytest.mark.parametrize("kind", ["pressure", "distance"])
@pytest.mark.parametrize("rate", [5, 9, 50, 1000])
def test_any_rate_is_fitted_and_told(kind, rate):
    fit = fit_of(Client(presses(4), 20, rate_hz=rate), 4, kind)
    assert fit.grade in "ABCD" and fit.reason
    assert fit.span == pytest.approx(300, rel=0.35)
    if rate == 5:
        assert fit.grade == "D"
    if rate >= 50:
        assert fit.grade == "A"


def test_jittered_times_and_a_gap_are_survived():
    e = excerpt()
    chance = random.Random(2)
    shaken = fit_excerpt(replace(e, times=[t + chance.uniform(-0.03, 0.03) for t in e.times]), "pressure")
    later = [Shown(g.start + 10, g.end + 10) for g in e.gestures]
    torn = fit_excerpt(Excerpt([t if t < 5 else t + 10 for t in e.times], e.raw, None, ((0.0, 5.0),), later), "pressure")
    plain = fit_excerpt(e, "pressure")
    for fit in (shaken, torn):
        assert fit.grade == "A"
        assert fit.span == pytest.approx(plain.span, rel=0.02)


@pytest.mark.parametrize("seconds", [0.06, 0.09, 0.12])
@pytest.mark.parametrize("where", ["rest", "gesture"])
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("gestures", [3, 6])
def test_a_burst_moves_no_end(seconds, where, marked, gestures):
    e = GOOD.excerpt(gestures)
    plain = fit_excerpt(e, "pressure")
    at = 4.0 if where == "rest" else e.gestures[1].start + 0.2
    raw = [v + (900 if at <= t < at + seconds else 0) for t, v in zip(e.times, e.raw, strict=True)]
    extra = [Shown(at - 0.02, at + seconds + 0.02)] if marked else []
    fit = fit_excerpt(replace(e, raw=raw, gestures=[*extra, *e.gestures]), "pressure")
    assert abs(fit.rest - plain.rest) < 0.02 * plain.span
    assert abs(fit.rest + fit.span - plain.rest - plain.span) < 0.02 * plain.span


@pytest.mark.parametrize("way", ["assisted", "dropped"])
def test_assisted_and_dropped_gestures_change_nothing(way):
    e = GOOD.excerpt(6)
    marked = [*e.gestures[:4], *(replace(g, **{way: True}) for g in e.gestures[4:])]
    with_them = fit_excerpt(replace(e, gestures=marked), "pressure")
    without = fit_excerpt(replace(e, gestures=e.gestures[:4]), "pressure")
    assert with_them.parameters == without.parameters
    assert (with_them.rest, with_them.span, with_them.grade) == (without.rest, without.span, without.grade)


def test_a_rest_in_which_the_client_moved_keeps_its_quiet_seconds():
    moved = spoil(lambda t, v, c: v + (c.uniform(-900, 900) if t < 4 else 0))
    plain, fit = fit_excerpt(excerpt(), "pressure"), fit_excerpt(moved, "pressure")
    assert fit.rest == pytest.approx(plain.rest, abs=0.02 * plain.span)
    assert fit.parameters["onset"] == plain.parameters["onset"]


def test_a_reach_set_by_a_person_is_kept():
    e = replace(excerpt(), gestures=())
    assert fit_excerpt(e, "pressure", hint=123.0).span == 123.0
    assert fit_excerpt(replace(e, raw=[-v for v in e.raw]), "distance", -1, hint=123.0).span == -123.0


def test_more_wobble_never_betters_the_grade():
    letters = [fit_of(Client(presses(6), 26, noise=noise), 6).grade for noise in (0.01, 0.05, 0.1, 0.2, 0.5)]
    assert letters == sorted(letters)
    assert letters[0] == "A" and letters[-1] == "D"


def test_the_upper_bound_of_a_count():
    assert grade.at_most(0) == pytest.approx(3.0, abs=0.01)  # the rule of three
    assert grade.at_most(3) == pytest.approx(7.754, abs=0.01)


def test_robust_readings_stand_half_of_the_values():
    values = [float(v) for v in range(100)]
    spoiled = [v if k % 5 < 3 else 1e6 for k, v in enumerate(values)]
    assert 0 <= robust.median(spoiled) <= 99
    assert robust.densest([5.0, 5.1, 5.05, 5.02, 900, 2, 77]) == pytest.approx(5.05, abs=0.1)
    assert robust.white_noise([float(k) for k in range(50)]) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("hits", [0, 1, 4])
def test_a_pad_is_fitted_from_few_hits(hits):
    chance = random.Random(3)
    t = [k / 1000 for k in range(5000)]
    marks = [Shown(1.0 + k, 1.04 + k) for k in range(hits)]
    v = [abs(chance.gauss(0, 0.0005)) + sum(0.1 * math.exp(-(s - m.start) / 0.01) for m in marks if s >= m.start) for s in t]
    fit = fit_pad(Excerpt(t, v, None, (), marks))
    assert fit.grade == {0: "D", 1: "C", 4: "A"}[hits]
    assert fit.reason


@pytest.mark.parametrize("rest,span", [(500.25, 300), (900, -600), (8_000_000, 3_000_000), (10, 1 << 23), (5, 3)])
def test_the_whole_number_entry_places_as_the_exact_one_does(rest, span):
    entry = Entry(rest, span)
    for k in range(-20, 31):
        raw = int(rest + span * k / 10)
        assert entry.place(raw) == pytest.approx(place(raw, rest, span), abs=3, rel=5e-4)
