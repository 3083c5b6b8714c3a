"""Teach one control: the sweep, and what ends it."""

from __future__ import annotations

from reachnote.model import Event, Kind
from reachnote.teaching import Teaching, sweep


def test_a_sweep_goes_up_and_down_once_a_second():
    assert [sweep(since) for since in (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)] == [0, 64, 127, 64, 0, 127]


def test_one_controller_moves_fifty_times_a_second():
    teaching = Teaching()
    assert teaching.ask(2, 74, 10.0)
    assert teaching.tick(10.0) == [Event(Kind.CONTROL, 2, 74, 0, 0, 0xFFFF, 10.0)]
    assert teaching.tick(10.01) == [] and teaching.due == 10.02
    assert teaching.tick(10.02) == [Event(Kind.CONTROL, 2, 74, 5, 0, 0xFFFF, 10.02)]


def test_it_ends_five_seconds_after_the_last_asking():
    teaching = Teaching()
    teaching.ask(2, 74, 10.0)
    assert not teaching.ask(2, 74, 12.0)
    assert teaching.tick(16.9) != [] and teaching.on
    assert teaching.tick(17.0) == [] and not teaching.on
    assert teaching.status() is None


def test_another_one_begins_anew():
    teaching = Teaching()
    teaching.ask(2, 74, 10.0)
    assert teaching.ask(3, 1, 10.3)
    assert teaching.tick(10.3) == [Event(Kind.CONTROL, 3, 1, 0, 0, 0xFFFF, 10.3)]
    assert teaching.status() == {"channel": 3, "controller": 1}


def test_ended_it_says_whether_it_was_on():
    teaching = Teaching()
    assert not teaching.end()
    teaching.ask(2, 74, 10.0)
    assert teaching.end() and teaching.due == float("inf")
