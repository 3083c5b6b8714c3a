"""Every file of gestures/: what goes out is whole, whatever comes in; and each kind's own rule, note by note."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote import gestures
from reachnote.gestures import double_press, long_press
from reachnote.model import Gesture, Move

MOVES = (Move.ONSET, Move.RELEASE, Move.ZONE)
KINDS = sorted(gestures.kinds())

steps = st.tuples(
    st.sampled_from([*MOVES, *MOVES, "tick", "tick", "let go"]),
    st.sampled_from([0.0, 0.01, 0.06, 0.3, 0.5, 0.8, 2.0]),
    st.integers(0, 7),
)
stories = st.lists(steps, min_size=5, max_size=30)


def at_the_ends(name: str, which: int) -> dict:
    """Every option at its default (0), its least (1) or its most (2)."""
    return {key: bounds[which] for key, bounds in gestures.kinds()[name].OPTIONS.items()}


def told(name: str, which: int, story: list) -> list[tuple[float, list[Gesture], bool]]:
    """(time, what went out, whether it was ended by others) of every step, and of the last release and a long wait."""
    recogniser, now, found = gestures.begin(name, at_the_ends(name, which)), 0.0, []
    for what, pause, zone in [*story, (Move.RELEASE, 0.1, 0), ("tick", 30.0, 0)]:
        now += pause
        if what == "let go":
            recogniser.let_go()
            found.append((now, [], True))
            assert recogniser.due == gestures.NEVER
        elif what == "tick":
            found.append((now, recogniser.tick(now), False))
        else:
            released = what is Move.RELEASE
            did = Gesture(3, now, what, 0.0 if released else 0.5, -1 if released else zone)
            found.append((now, recogniser.take(did), False))
        assert recogniser.due > now or recogniser.due == gestures.NEVER
    return found


def goes_out_whole(name: str, which: int, story: list) -> None:
    held, last = False, 0.0
    for now, out, ended in told(name, which, story):
        if ended:
            held = False
        for did in out:
            assert did.sensor == 3 and last <= did.time <= now
            last = did.time
            if name != "plain":  # which hands on what comes, as it comes
                assert held or did.move is Move.ONSET, "a zone or a release without an onset"
                assert not (held and did.move is Move.ONSET), "an onset before the release of the one before"
            held = did.move is not Move.RELEASE if did.move is not Move.ZONE else held
    assert not held


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=300, deadline=None)
@given(which=st.integers(0, 2), story=stories)
def test_every_onset_that_goes_out_has_a_release_and_times_are_in_order(name, which, story):
    goes_out_whole(name, which, story)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=10_000, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 2), stories)
def test_every_onset_that_goes_out_has_a_release_in_ten_thousand_stories(name, which, story):
    goes_out_whole(name, which, story)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), stories)
def test_nothing_goes_out_after_let_go_before_an_onset(name, story):
    recogniser, now = gestures.begin(name, {}), 0.0
    for what, pause, zone in story:
        now += pause
        if isinstance(what, Move):
            recogniser.take(Gesture(0, now, what, 0.5, zone))
    recogniser.let_go()
    assert recogniser.due == gestures.NEVER
    assert recogniser.tick(now + 60.0) == []
    if name != "plain":
        assert recogniser.take(Gesture(0, now + 61.0, Move.ZONE, 0.5, 1)) == []
        assert recogniser.take(Gesture(0, now + 62.0, Move.RELEASE, 0.0, -1)) == []


@pytest.mark.parametrize("name", KINDS)
def test_a_file_says_its_name_and_what_it_is_and_bounds_its_options(name):
    module = gestures.kinds()[name]
    assert name == module.NAME and module.__name__.rpartition(".")[2] == name.replace("-", "_")
    assert module.SAYS.endswith(".") and "\n" not in module.SAYS
    for default, least, most in module.OPTIONS.values():
        assert least <= default <= most


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("long-pres", {}, "gesture = 'long-pres'; known are double-press, long-press, plain. Did you mean 'long-press'?"),
        ("long-press", {"hold": 1}, "gesture 'long-press': option = 'hold'; known are hold_s. Did you mean 'hold_s'?"),
        ("long-press", {"hold_s": 0}, "hold_s = 0; write a number from 0.05 to 10"),
        ("double-press", {"within_s": "1"}, "within_s = '1'; write a number from 0.1 to 5"),
    ],
)
def test_what_cannot_be_is_said_with_what_is_allowed(name, options, says):
    with pytest.raises(ValueError) as problem:
        gestures.begin(name, options)
    assert str(problem.value) == says


# ---------------------------------------------------------------- each kind


def on(time, zone=-1):
    return Gesture(0, time, Move.ONSET, 0.5, zone)


def off(time):
    return Gesture(0, time, Move.RELEASE, 0.0, -1)


def zone(time, to):
    return Gesture(0, time, Move.ZONE, 0.5, to)


def test_plain_hands_on_what_comes():
    plain = gestures.begin("plain", {})
    assert [plain.take(did) for did in (on(1), zone(2, 3), off(4))] == [[on(1)], [zone(2, 3)], [off(4)]]


def test_a_long_press_counts_when_it_was_held_with_the_zone_of_that_moment():
    it = long_press.begin({"hold_s": 0.5})
    assert it.take(on(1.0, 0)) == [] and it.due == 1.5
    assert it.take(zone(1.2, 4)) == []
    assert it.tick(1.6) == [on(1.5, 4)]
    assert it.take(zone(2.0, 5)) == [zone(2.0, 5)]
    assert it.take(off(3.0)) == [off(3.0)]


def test_a_short_press_is_no_long_press():
    it = long_press.begin({"hold_s": 0.5})
    assert it.take(on(1.0)) + it.take(off(1.49)) == []
    assert it.due == gestures.NEVER


def test_a_long_press_that_nobody_woke_for_counts_before_its_release():
    it = long_press.begin({"hold_s": 0.5})
    it.take(on(1.0))
    assert it.take(off(2.0)) == [on(1.5), off(2.0)]


def test_two_presses_within_the_time_count_as_one():
    it = double_press.begin({"within_s": 0.8})
    assert it.take(on(1.0)) + it.take(off(1.1)) == []
    assert it.take(on(1.8)) + it.take(off(2.0)) == [on(1.8), off(2.0)]
    assert it.take(on(2.1)) + it.take(off(2.2)) == [], "the third one begins anew"


def test_two_presses_too_far_apart_do_not_count():
    it = double_press.begin({"within_s": 0.8})
    it.take(on(1.0))
    it.take(off(1.1))
    assert it.take(on(1.81)) == []


@pytest.mark.parametrize("name", ["long-press", "double-press"])
def test_an_onset_without_a_release_before_it_ends_what_counted(name):
    it = gestures.begin(name, {})
    begun = it.take(on(1.0)) + it.take(on(1.1)) + it.tick(2.0)
    assert [did.move for did in begun] == [Move.ONSET]
    assert it.take(on(5.0))[0] == off(5.0)
