"""What holds for any movement: the decider's properties."""

from __future__ import annotations

import random
import sys
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from decider_movement import Client, Press, decider_of, fit_of, play, presses

from reachnote.calibration.adapt import Adaptation
from reachnote.calibration.trial import place
from reachnote_play import CEILING, ONSET, REACH, RELEASE, TIME_MASK, ZONE
from reachnote_play.contact import Contact
from reachnote_play.decider import Decider
from reachnote_play.impact import Impact
from reachnote_play.parameters import IMPACT_TABLE, SWITCH_TABLE, TABLE, bounded, defaults


def after(client: Client, gestures: int) -> int:
    return sum(t <= client.presses[gestures - 1].end + 0.3 for t in client.t)


@pytest.mark.parametrize("scale,shift", [(2.0, 0.0), (0.37, 12345.6), (1000.0, -77.7), (1.0, 1e6)])
@pytest.mark.parametrize("tremor", [0.0, 0.12])
def test_scaling_or_shifting_input_and_limits_changes_no_event(scale, shift, tremor):
    plain = Client(presses(24), 75, tremor=(tremor, 4.6))
    moved = Client(presses(24), 75, tremor=(tremor, 4.6))
    moved.v = [scale * v + shift for v in plain.v]
    events = []
    for client in (plain, moved):
        fit = fit_of(client)
        n = after(client, 5)
        events.append(play(fit, decider_of(fit), client.t[n:], client.v[n:]))
    assert len(events[0]) > 30
    assert events[0] == events[1]


@pytest.mark.parametrize("seed", range(12))
def test_onsets_and_releases_alternate_whatever_comes(seed):
    chance = random.Random(seed)
    fit = {"zones": chance.choice([0, 7]), "jolt": chance.choice([0, 90000]), "window": chance.choice([0, 120000])}
    decider, now, sounding = Decider(fit, None, 40), 0, False
    x = 0
    for _ in range(6000):
        now = now + chance.choice([0, 1, 4000, 4000, 20000, 700000, -3000]) & TIME_MASK
        x = chance.choice([x, x + chance.randint(-3000, 3000), chance.randint(-40000, 40000), 0, REACH])
        done = decider.take(now, min(max(x, -CEILING), CEILING), chance.choice([0] * 12 + [2, 3, 4, 6, 8, 10]))
        if chance.random() < 0.01:
            decider.set(*chance.choice([("reach", 5000), ("reach", 8192), ("onset", 1500), ("window", 90000), ("zones", 3)]))
        assert not (done & ONSET and done & RELEASE)
        if done & ONSET:
            assert not sounding
            sounding = True
        if done & RELEASE:
            assert sounding
            sounding = False
        if done & ZONE:
            assert sounding
        assert decider.sounding == sounding
        assert 0 <= decider.level <= 3 * CEILING
        assert 0 <= decider.strength <= REACH
        if chance.random() < 0.005:
            assert decider.let_go() == (RELEASE if sounding else 0)
            sounding = False


@pytest.mark.parametrize("step", [-1.2, -0.5, -0.2, 0.1, 0.2, 0.3, 0.6, 1.0, 1.3])
@pytest.mark.parametrize("when", ["rest", "press"])
def test_a_constant_added_in_mid_session_causes_at_most_one_event(step, when):
    client = Client([*presses(5), Press(26, 30)], 60)
    fit = fit_of(client)
    n = after(client, 5)
    at = 24.5 if when == "rest" else 30.0
    until = 25.9 if when == "rest" else 55.0
    moved = [v + (step * fit.span if t >= at else 0.0) for t, v in zip(client.t, client.v, strict=True)]
    events = play(fit, decider_of(fit), client.t[n:], moved[n:])
    assert sum(at <= t < until for t, _ in events) <= 1


def test_memory_stays_what_it_was():
    decider, now = Decider({"zones": 5, "window": 80000}, None, 64), 0
    chance = random.Random(1)

    def run(count: int) -> None:
        nonlocal now
        for _ in range(count):
            now = now + 4000 & TIME_MASK
            decider.take(now, chance.randint(-2000, 9000))

    run(2000)
    tracemalloc.start()
    run(1000)
    before = tracemalloc.get_traced_memory()[0]
    run(20000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 2000


def test_the_reach_never_leaves_its_bounds():
    chance = random.Random(2)
    adaptation = Adaptation()
    for k in range(3000):
        reach = adaptation.played(chance.choice([0, 500, 30000, chance.randint(0, 20000)]) if k % 500 > 60 else 100)
        assert 0.45 * REACH - 1 <= reach <= REACH
    tired = Adaptation()
    for _ in range(60):
        tired.played(REACH // 2)
    assert tired.reach < 0.55 * REACH
    for _ in range(200):
        tired.played(3 * REACH)
    assert tired.reach == REACH
    tired.frozen = True
    for _ in range(30):
        tired.played(100)
    assert tired.reach == REACH


def test_a_press_of_two_minutes_sounds_for_two_minutes_and_keeps_its_level():
    client = Client([*presses(5), Press(25, 120, 0.9)], 160)
    fit = fit_of(client)
    n = after(client, 5)
    decider = decider_of(fit)
    levels = []
    events = []
    for t, v in zip(client.t[n:], client.v[n:], strict=True):
        events += play(fit, decider, [t], [v])
        if 26 < t < 144:
            levels.append(decider.level)
    assert [what for _, what in events if 24 < _ < 150] == ["on", "off"]
    (start, _), (end, _) = events[-2:]
    assert start < 25.3
    assert end > 145.2
    assert levels[-1] >= 0.95 * levels[0]


@pytest.mark.parametrize("name,value", [("reach", 6000), ("reach", 11000), ("onset", 3000), ("onset", 1000), ("window", 200000)])
def test_a_parameter_changed_in_a_held_note_neither_ends_nor_restarts_it_nor_makes_the_level_jump(name, value):
    client = Client([*presses(5), Press(25, 4)], 34, noise=0.0)
    fit = fit_of(client)
    n = after(client, 5)
    decider = decider_of(fit)
    events, levels = [], []
    for t, v in zip(client.t[n:], client.v[n:], strict=True):
        if abs(t - 27) < 0.001:
            decider.set(name, value)
        events += play(fit, decider, [t], [v])
        if 26.5 < t < 28:
            levels.append(decider.level)
    assert [what for t, what in events if 24.5 < t < 34] == ["on", "off"]
    assert max(abs(b - a) for a, b in pairwise(levels)) < 0.25 * REACH
    changed = levels[-1] / levels[0]
    assert changed == pytest.approx(REACH / value if name == "reach" else 1.0, rel=0.03)
    at_100_ms = levels[int(0.6 * client.rate_hz)]
    assert at_100_ms == pytest.approx(levels[-1], rel=0.1)


def test_every_parameter_is_in_the_table_with_bounds():
    for table in (TABLE, IMPACT_TABLE, SWITCH_TABLE):
        for name, unit, default, low, high, words in table:
            assert low <= default <= high, name
            assert unit and words
            assert bounded(name, -(1 << 40), table) == low
            assert bounded(name, 1 << 40, table) == high
        assert len(defaults(table)) == len(table)
    with pytest.raises(KeyError):
        Decider().set("volume", 3)


def test_what_is_held_at_the_start_stays_silent_until_it_rested():
    decider = Decider()
    now = 0
    for k in range(200):
        now += 20000
        assert decider.take(now, REACH) == 0, k
    for x in (0, 0, 0, 0, REACH, REACH, REACH):
        now += 20000
        done = decider.take(now, x)
    assert decider.sounding or done & ONSET


def test_a_lost_sensor_lets_go_and_a_hand_that_left_its_reach_may_come_back_sounding():
    for status, again in ((3, True), (6, False)):
        decider, now, log = Decider(), 0, 0
        for x, s in [(0, 0)] * 20 + [(REACH, 0)] * 20 + [(0, status)] * 30 + [(REACH, 0)] * 20:
            now += 20000
            done = decider.take(now, x, s)
            if done & ONSET:
                log += 1
            if s and not decider.sounding and done & RELEASE:
                log += 100
        assert log == (102 if again else 101)


def test_a_saturated_sensor_holds_its_note():
    decider, now, released = Decider(), 0, False
    for x, s in [(0, 0)] * 20 + [(REACH, 0)] * 20 + [(REACH, 4)] * 300:
        now += 20000
        released = released or bool(decider.take(now, x, s) & RELEASE)
    assert decider.sounding and not released


def test_a_switch_on_the_wire_loses_no_press_and_invents_none():
    switch, now, edges, wanted, got = Contact(), 0, 0, 0, 0
    chance = random.Random(4)
    pressed = 0
    switch.step(0, 0, 0)
    for _ in range(3000):
        now = now + 4000 & TIME_MASK
        flips = chance.choice([0, 0, 0, 0, 0, 1, 2])
        for _ in range(flips):
            pressed = 1 - pressed
            edges = edges + 1 & 255
            wanted += pressed
        done = switch.step(now, pressed << 20 | edges << 12 | 2, 0)
        got += bool(done & ONSET)
        assert switch.sounding == bool(pressed)
    assert got == wanted


def test_a_pad_on_the_wire_sounds_every_hit_and_nothing_at_the_start():
    pad, got = Impact(), []
    for k, (hits, peak) in enumerate([(5, 4000), (5, 4000), (6, 3000), (6, 3000), (7, 500), (8, 4095)]):
        done = pad.step(k * 100000, hits << 20 | peak << 8 | 4, 0)
        if done & ONSET:
            got.append(pad.strength)
    assert len(got) == 3
    assert got[1] < got[0] < got[2]


def test_a_gap_lets_go_and_what_is_held_after_it_stays_silent_until_it_rested():
    decider, now, log = Decider(), 0, []
    for x, gap in (
        [(0, 0)] * 20 + [(REACH, 0)] * 20 + [(REACH, 10_000_000)] + [(REACH, 0)] * 20 + [(0, 0)] * 20 + [(REACH, 0)] * 9
    ):
        now = now + 20000 + gap & TIME_MASK
        done = decider.take(now, x)
        if done:
            log.append(done)
    assert log == [ONSET, RELEASE, ONSET]


def test_zones_change_with_a_margin_and_after_their_dwell():
    decider, now, seen = Decider({"zones": 4, "median": 1, "dwell": 100000, "calm": 8}), 0, []
    for x in [0] * 20 + [3000] * 20 + [3450] * 20 + [4400] * 4 + [3000] * 20 + [4400] * 20 + [8000] * 20:
        now += 20000
        done = decider.take(now, x)
        if done:
            seen.append((done, decider.zone))
    assert seen == [(ONSET, 0), (ZONE, 1), (ZONE, 3)]


@pytest.mark.parametrize("rate", [10, 50, 250])
def test_stronger_presses_are_told_stronger(rate):
    heights = [0.5, 0.7, 0.9, 1.1, 1.3]
    client = Client(
        [*presses(5), *(Press(25 + 3 * k, 0.5, h, 0.3) for k, h in enumerate(heights))], 42, rate_hz=rate, noise=0.003
    )
    fit = fit_of(client)
    decider, strengths = decider_of(fit), []
    n = after(client, 5)
    for t, v in zip(client.t[n:], client.v[n:], strict=True):
        if play(fit, decider, [t], [v]) and decider.sounding:
            strengths.append(decider.strength)
    assert len(strengths) == 5
    assert strengths[0] < strengths[2] < strengths[4]


@pytest.mark.parametrize("rate", [50, 100, 250])
def test_the_same_movement_again_is_as_strong_and_a_quicker_one_is_no_softer(rate):
    """R25: within 5 of a velocity between 40 and 90, whenever in the movement a reading happens to fall."""
    middle = []
    for rise in (0.4, 0.2, 0.1, 0.06):
        chance = random.Random(5)
        shown = presses(6, every=3.0)
        again = [Press(30 + 2.0 * k + chance.uniform(0.0, 0.02), 0.4, 1.0, rise) for k in range(40)]
        client = Client([*shown, *again], 112, rate_hz=rate, noise=0.004)
        fit = fit_of(client, 6)
        decider, found = decider_of(fit), []
        for at, value in zip(client.t, client.v, strict=True):
            if at > 28 and decider.take(round(at * 1e6) & TIME_MASK, place(value, fit.rest, fit.span)) & ONSET:
                found.append(round(40 + 50 * decider.strength / REACH))
        assert len(found) == 40
        middle.append(sorted(found)[20])
        assert max(found) - middle[-1] <= 5 and middle[-1] - min(found) <= 5, (rise, found)
    assert middle == sorted(middle) and middle[-1] - middle[0] >= 20
