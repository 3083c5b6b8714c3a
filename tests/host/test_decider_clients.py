"""What clients need of the chain: clean play, tremor, wringing, soft play; each calibrated as the dialogue does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from decider_movement import Client, Press, decider_of, f1, fit_of, heard, play, presses


def run(client: Client, gestures: int = 5):
    fit = fit_of(client, gestures)
    n = sum(t <= client.presses[gestures - 1].end + 0.3 for t in client.t)
    return fit, play(fit, decider_of(fit), client.t[n:], client.v[n:]), client.presses[gestures:]


@pytest.mark.parametrize("hz", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("tall", [0.2, 0.35, 0.5])
def test_wringing_stays_silent_while_presses_sound(tall, hz):
    client = Client(presses(45, every=5), 240, wringing=(tall, hz), seed=int(10 * hz + 100 * tall))
    _, events, wanted = run(client)
    hits, false = heard(events, wanted)
    turns = (client.t[-1] - client.presses[4].end - sum(p.end - p.start for p in wanted)) * hz
    assert hits >= 0.95 * len(wanted)
    assert false <= 0.05 * turns


@pytest.mark.parametrize("size,hz", [(0.03, 5.0), (0.08, 4.2), (0.12, 6.0), (0.2, 4.5)])
def test_tremor_stays_silent_while_presses_sound(size, hz):
    _, events, wanted = run(Client(presses(40, every=4), 180, tremor=(size, hz)))
    assert f1(events, wanted) >= 0.97


def test_smoothing_is_only_what_the_rest_needs():
    still = fit_of(Client(presses(6), 30))
    noisy = fit_of(Client(presses(6), 30, noise=0.1))
    shaking = fit_of(Client(presses(6), 30, tremor=(0.15, 5.0)))
    assert still.parameters["window"] == 0
    assert 50000 < noisy.parameters["window"] < 250000
    assert 150000 < shaking.parameters["window"] < 250000
    assert still.facts["delay_s"] < noisy.facts["delay_s"]


def test_three_gestures_cost_as_good_as_nothing_against_six():
    for tremor in ((0.0, 5.0), (0.1, 4.6)):
        client = Client(presses(60, low=0.5, high=1.1), 190, tremor=tremor, seed=8)
        n = sum(t <= client.presses[5].end + 0.3 for t in client.t)
        scores = []
        for gestures in (3, 6):
            fit = fit_of(client, gestures)
            events = play(fit, decider_of(fit), client.t[n:], client.v[n:])
            scores.append(f1(events, client.presses[6:]))
        assert scores[0] >= scores[1] - 0.02


def test_a_spasm_stays_silent_and_a_quick_press_sounds():
    spasms = [Press(40 + 3 * k, 0.0, 1.0, 0.05, 0.05) for k in range(10)]
    client = Client([*presses(8, every=3), *spasms], 75)
    client.presses = [*presses(8, every=3), *spasms]
    fit = fit_of(client)
    n = sum(t <= client.presses[4].end + 0.3 for t in client.t)
    events = play(fit, decider_of(fit), client.t[n:], client.v[n:])
    assert heard(events, client.presses[5:8])[0] == 3
    assert heard(events, spasms)[0] <= 1


def test_quick_repeats_of_a_quick_client_all_sound():
    quick = [Press(8.5 + 0.3 * k, 0.06, 1.0, 0.08, 0.08) for k in range(60)]
    _, events, wanted = run(Client(quick, 28, rate_hz=100), 6)
    assert f1(events, wanted) >= 0.97


def test_half_way_releases_play_on():
    held = [Press(8.5 + 2.5 * k, 0.5) for k in range(20)]
    client = Client(held, 60)
    client.v = [max(v, client.rest + 0.35 * client.span) if t > 22 else v for t, v in zip(client.t, client.v, strict=True)]
    fit = fit_of(client)
    n = sum(t <= 20.8 for t in client.t)
    events = play(fit, decider_of(fit), client.t[n:], client.v[n:])
    assert heard(events, client.presses[6:])[0] == 14


@pytest.mark.parametrize("fall", [0.2, 0.4, 1.0, 2.5])
@pytest.mark.parametrize("tall", [1.5, 2.5, 5.0])
def test_a_press_far_beyond_the_reach_is_one_gesture_however_slowly_it_is_let_go(tall, fall):
    usual = presses(6, every=3.0)
    far = [Press(30.0 + 6.0 * n, 0.5, tall, 0.25, fall) for n in range(8)]
    again = [Press(80.0 + 2.5 * n, 0.5) for n in range(6)]
    _, events, wanted = run(Client([*usual, *far, *again], 100), 6)
    assert [kind for _, kind in events].count("on") == len(wanted) == 14
    assert heard(events, wanted)[0] == 14


@pytest.mark.parametrize("rest", [0.9, 1.2])
def test_a_hand_that_comes_half_way_back_from_far_beyond_plays_on_from_there(rest):
    usual = presses(6, every=3.0)
    far = [Press(30.0 + 2.5 * n, 0.6, 3.0, 0.25, 0.5) for n in range(12)]
    client = Client([*usual, *far], 62)
    client.v = [max(v, client.rest + rest * client.span) if t > 31 else v for t, v in zip(client.t, client.v, strict=True)]
    _, events, wanted = run(client, 6)
    assert heard(events, wanted)[0] == 12 and [kind for _, kind in events].count("on") == 12
