"""How loud a note begins."""

from __future__ import annotations

import sys
from itertools import pairwise
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))

from decider_movement import Client, Press, decider_of, fit_of, presses

from reachnote.calibration.trial import place
from reachnote.loudness import Loudness, curved
from reachnote_play import ONSET, REACH, TIME_MASK

CURVES = ("gentle", "linear", "firm")


def test_a_fixed_velocity_is_the_ceiling_whatever_comes():
    loudness = Loudness("fixed", ceiling=77)
    assert {loudness.velocity(strength, peak) for strength in (0.0, 0.5, 1.0) for peak in (0.0, 1.0)} == {77}


def test_from_speed_no_strength_is_the_floor_and_the_fullest_the_ceiling():
    loudness = Loudness("speed", 40, 110)
    assert [loudness.velocity(strength, 0.9) for strength in (0.0, 0.5, 1.0)] == [40, 75, 110]


def test_from_peak_the_strength_does_not_count():
    loudness = Loudness("peak", 20, 100)
    assert [loudness.velocity(1.0, peak) for peak in (0.0, 0.25, 1.0)] == [20, 40, 100]


@pytest.mark.parametrize(
    ("curve", "wanted"),
    [("gentle", [0, 50, 73, 89, 100]), ("linear", [0, 25, 50, 75, 100]), ("firm", [0, 11, 33, 63, 100])],
)
def test_the_curves_are_what_they_are_called(curve, wanted):
    assert [round(100 * curved(curve, n / 4)) for n in range(5)] == wanted


@pytest.mark.parametrize("curve", CURVES)
def test_more_movement_is_never_softer(curve):
    velocities = [Loudness(floor=1, ceiling=127, curve=curve).velocity(n / 2000) for n in range(2001)]
    assert all(a <= b for a, b in pairwise(velocities))
    assert (velocities[0], velocities[-1]) == (1, 127)
    assert set(velocities) == set(range(1, 128))


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("movement", [-1.0, -inf, nan])
def test_less_than_no_movement_and_what_is_no_number_count_as_none(curve, movement):
    assert Loudness("speed", 33, 99, curve).velocity(movement) == 33
    assert Loudness("peak", 33, 99, curve).velocity(0.5, movement) == 33


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("movement", [1.0001, 7.0, inf])
def test_more_than_the_full_movement_counts_as_full(curve, movement):
    assert Loudness("speed", 33, 99, curve).velocity(movement) == 99


def test_floor_and_ceiling_may_be_the_same():
    assert {Loudness("speed", 64, 64).velocity(n / 10) for n in range(11)} == {64}


@pytest.mark.parametrize(
    ("settings_said", "said"),
    [
        (("louder",), "velocity from = 'louder'; known are fixed, speed, peak."),
        (("speed", 0, 90), "floor = 0; write a whole number from 1 to 127"),
        (("speed", 1, 128), "ceiling = 128; write a whole number from 1 to 127"),
        (("speed", 91, 90), "floor = 91 is above ceiling = 90; write a floor that is not"),
        (("speed", 1, 90, "gentel"), "curve = 'gentel'; known are gentle, linear, firm. Did you mean 'gentle'?"),
    ],
)
def test_what_is_not_allowed_is_told_with_what_is(settings_said, said):
    with pytest.raises(ValueError) as found:
        Loudness(*settings_said)
    assert str(found.value) == said


ANY = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["fixed", "speed", "peak"]), st.integers(1, 127), st.integers(1, 127), st.sampled_from(CURVES), ANY, ANY, ANY
)
def test_a_velocity_is_within_floor_and_ceiling_whatever_comes(source, one, other, curve, strength, more, peak):
    floor, ceiling = sorted((one, other))
    loudness = Loudness(source, floor, ceiling, curve)
    softer, louder = loudness.velocity(strength, peak), loudness.velocity(more, peak)
    assert 1 <= floor <= softer <= ceiling <= 127
    if strength <= more:
        assert softer <= louder
    assert loudness.velocity(strength, peak) == softer


# ---------------------------------------------------------------- the same movement twice (R25)


@pytest.fixture(scope="module")
def calibrated() -> tuple:
    return fit_of(Client(presses(6), 26, rate_hz=250.0, noise=0.002))


@pytest.mark.parametrize(("rise", "height"), [(0.25, 1.0), (0.25, 0.6), (0.4, 0.8)])
@pytest.mark.parametrize("curve", CURVES)
def test_the_same_movement_twice_is_as_loud_within_five(calibrated, rise, height, curve):
    """At 250 readings a second, noise of 0.2 % of the reach, and twelve places between two readings to begin at."""
    loudness = Loudness("speed", 40, 110, curve)
    velocities = []
    for n in range(12):
        client = Client([Press(1.5 + n / 3000, 0.3, height, rise)], 2.2, rate_hz=250.0, noise=0.002, seed=100 + n)
        decider = decider_of(calibrated)
        for at, value in zip(client.t, client.v, strict=True):
            if decider.take(round(at * 1e6) & TIME_MASK, place(value, calibrated.rest, calibrated.span)) & ONSET:
                velocities.append(loudness.velocity(decider.strength / REACH))
    assert len(velocities) == 12
    assert max(velocities) - min(velocities) <= 5
    assert 40 < min(velocities) <= max(velocities) < 110
