"""Gestures as presses: kinds of gesture and times to hold are those of the voice."""

from __future__ import annotations

from math import inf

import pytest

from reachnote.model import Gesture, Move
from reachnote.presses import Press, Presses
from reachnote.triggers import Options
from reachnote.voice_rule import VoiceRule


def did(move: Move, time: float, zone: int = -1) -> Gesture:
    return Gesture(0, time, move, 0.0 if move is Move.RELEASE else 0.5, zone)


def all_of(presses: Presses, *gestures: Gesture, until: float = 100.0) -> list[Press]:
    return [press for gesture in gestures for press in presses.take(gesture)] + presses.tick(until)


ONSET, ZONE, RELEASE = did(Move.ONSET, 1.0), did(Move.ZONE, 1.2, 3), did(Move.RELEASE, 2.0)


def test_an_onset_is_a_press_and_zones_are_none():
    presses = Presses(VoiceRule())
    assert all_of(presses, ONSET, ZONE, RELEASE) == [Press(1.0, True, 0.5), Press(2.0, False)]
    assert presses.due == inf


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (VoiceRule(options=Options(accept_s=0.5)), [Press(1.5, True, 0.5), Press(2.0, False)]),
        (VoiceRule(options=Options(accept_s=1.0)), [Press(2.0, True, 0.5), Press(2.0, False)]),
        (VoiceRule(options=Options(accept_s=1.1)), []),
        (VoiceRule(trigger="dwell", options=Options(dwell_s=0.8)), [Press(1.8, True, 0.5), Press(2.0, False)]),
        (VoiceRule(trigger="latch", options=Options(dwell_s=9.0)), [Press(1.0, True, 0.5), Press(2.0, False)]),
        (VoiceRule(gesture="long-press", gesture_options={"hold_s": 0.6}), [Press(1.6, True, 0.5), Press(2.0, False)]),
    ],
)
def test_a_press_counts_once_it_was_held_as_long_as_the_voice_asks(rule, found):
    assert all_of(Presses(rule), ONSET, RELEASE) == found


def test_it_wakes_when_the_press_counts():
    presses = Presses(VoiceRule(options=Options(accept_s=0.5)))
    assert presses.take(ONSET) == [] and presses.due == 1.5
    assert presses.tick(1.49) == []
    assert presses.tick(1.6) == [Press(1.5, True, 0.5)]
    assert presses.take(RELEASE) == [Press(2.0, False)]


def test_an_onset_without_a_release_before_releases_first():
    presses = Presses(VoiceRule())
    assert all_of(presses, ONSET, did(Move.ONSET, 1.5)) == [Press(1.0, True, 0.5), Press(1.5, False), Press(1.5, True, 0.5)]


def test_after_letting_go_nothing_follows():
    presses = Presses(VoiceRule(options=Options(accept_s=0.5)))
    presses.take(ONSET)
    presses.let_go()
    assert all_of(presses, RELEASE) == []
