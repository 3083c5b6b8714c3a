"""A moment that sounds again: what is kept of the last minute, and how it is played."""

from __future__ import annotations

import pytest

from reachnote.guard import MOMENT
from reachnote.model import Event, Kind, note_off, note_on, order
from reachnote.moment import Heard, Moment, MomentProblem


def heard(*events) -> Heard:
    found = Heard()
    found.take(events)
    return found


def test_notes_come_with_their_place_and_length_from_the_first_one_on():
    kept = heard(note_on(2, 60, 70, 0, 100.0), note_off(2, 60, 0, 100.5), note_on(3, 64, 80, 1, 101.0, 0b1), note_off(3, 64, 1, 101.25))
    assert kept.notes(102.0) == [[0.0, 2, 60, 70, 0.5, 0xFFFF], [1.0, 3, 64, 80, 0.25, 1]]


def test_controls_and_levels_push_no_note_out():
    kept = heard(note_on(2, 60, 70, 0, 100.0), note_off(2, 60, 0, 100.5))
    kept.take([Event(kind, 2, 1, 64, 0, 0xFFFF, 100.6) for kind in (Kind.CONTROL, Kind.LEVEL, Kind.BEND, Kind.BEAT) for _ in range(5000)])
    assert kept.notes(102.0) == [[0.0, 2, 60, 70, 0.5, 0xFFFF]]


def test_what_began_before_the_moment_is_not_of_it():
    kept = heard(note_on(2, 60, 70, 0, 100.0), note_off(2, 60, 0, 100.5), note_on(2, 62, 70, 0, 110.0), note_off(2, 62, 0, 110.5))
    assert kept.notes(115.0, 8.0) == [[0.0, 2, 62, 70, 0.5, 0xFFFF]]


def test_a_note_that_still_sounds_lasts_until_now():
    assert heard(note_on(2, 60, 70, 0, 100.0)).notes(102.0) == [[0.0, 2, 60, 70, 2.0, 0xFFFF]]


@pytest.mark.parametrize("end", [Kind.RELEASE_ALL, Kind.SILENCE, Kind.STOP])
def test_silence_ends_every_note_of_it(end):
    kept = heard(note_on(2, 60, 70, 0, 100.0), note_on(3, 60, 70, 1, 100.0), order(end, 100.4))
    assert [note[4] for note in kept.notes(102.0)] == [0.4, 0.4]


def test_the_end_of_one_sensor_ends_its_notes_alone():
    kept = heard(note_on(2, 60, 70, 0, 100.0), note_on(3, 60, 70, 1, 100.0), order(Kind.RELEASE, 100.4, 1))
    assert [note[4] for note in kept.notes(101.0)] == [1.0, 0.4]


def test_a_repeated_moment_is_not_repeated():
    assert heard(note_on(2, 60, 70, MOMENT, 100.0)).notes(101.0) == []


def test_it_sounds_again_with_its_own_time():
    moment = Moment()
    assert moment.begin([[0.0, 2, 60, 70, 0.5, 1], [1.0, 3, 64, 80, 0.25, 1]], 50.0) == 2
    assert moment.runs and moment.due == 50.0
    assert moment.tick(50.0) == [note_on(2, 60, 70, MOMENT, 50.0, 1)]
    assert moment.due == 50.5
    assert moment.tick(50.51) == [note_off(2, 60, MOMENT, 50.51, 1)]
    assert moment.tick(51.3) == [note_on(3, 64, 80, MOMENT, 51.3, 1), note_off(3, 64, MOMENT, 51.3, 1)]
    assert not moment.runs


def test_it_ends_at_once():
    moment = Moment()
    moment.begin([[0.0, 2, 60, 70, 0.5, 1]], 50.0)
    moment.end()
    assert moment.tick(60.0) == [] and not moment.runs


def test_without_notes_there_is_no_moment():
    with pytest.raises(MomentProblem, match="Nothing was played just now"):
        Moment().begin([], 0.0)


@pytest.mark.parametrize(
    "note",
    [[0, 0, 60, 70, 1, 1], [0, 2, 128, 70, 1, 1], [0, 2, 60, 0, 1, 1], [-1, 2, 60, 70, 1, 1], [0, 2, 60, 70, 61, 1], [float("nan"), 2, 60, 70, 1, 1], "note", [1, 2]],
)
def test_what_is_no_note_is_refused(note):
    with pytest.raises(MomentProblem, match="no moment"):
        Moment().begin([note], 0.0)
