"""Notes that are heard, kept and played again."""

from __future__ import annotations

from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.model import Event, Kind, note_off, note_on
from reachnote.tune import ECHO, Capture, Heard, Player


def brief(events: list[Event]) -> list[tuple[str, float, int, int]]:
    return [(Kind(e.kind).name, e.time, e.channel, e.a) for e in events]


def test_what_is_kept_begins_with_its_first_note_and_open_notes_end_now():
    capture = Capture()
    capture.take([note_off(2, 59, 0, 4.0), note_on(2, 60, 70, 0, 5.0, 1), note_on(3, 60, 71, 1, 5.5, 2)])
    capture.take([note_off(2, 60, 0, 6.0), Event(Kind.CONTROL, 2, 1, 1, 0, 1, 6.0)])
    assert capture.notes(8.0) == [Heard(0.0, 1.0, 2, 60, 70, 1), Heard(0.5, 2.5, 3, 60, 71, 2)]


def test_a_note_that_is_struck_again_ends_first_and_none_is_too_short_to_hear():
    capture = Capture()
    capture.take([note_on(2, 60, 70, 0, 5.0), note_on(2, 60, 70, 0, 5.0), note_off(2, 60, 0, 6.0)])
    assert [(note.at, note.lasts) for note in capture.notes(8.0)] == [(0.0, 0.02), (0.0, 1.0)]


def test_a_voice_without_a_sound_leaves_nothing():
    capture = Capture()
    capture.take([note_on(2, 60, 70, 0, 5.0, 0), note_off(2, 60, 0, 6.0, 0)])
    assert len(capture) == 0


def test_a_tune_plays_when_it_is_due_however_late_it_is_asked():
    player = Player(ECHO)
    notes = [Heard(0.0, 0.5, 2, 60, 70, 1), Heard(0.5, 0.5, 2, 60, 60, 1), Heard(0.75, 1.0, 3, 64, 50, 3)]
    assert brief(player.begin(notes, 10.0)) == [("NOTE_ON", 10.0, 2, 60)]
    assert player.due == 10.5 and player.playing
    events = player.tick(30.0)
    assert brief(events) == [
        ("NOTE_OFF", 10.5, 2, 60),
        ("NOTE_ON", 10.5, 2, 60),
        ("NOTE_ON", 10.75, 3, 64),
        ("NOTE_OFF", 11.0, 2, 60),
        ("NOTE_OFF", 11.75, 3, 64),
    ]
    assert {event.source for event in events} == {ECHO}
    assert [event.outputs for event in events] == [1, 1, 3, 1, 3]
    assert player.due == inf and not player.playing


def test_what_is_stopped_ends_and_what_is_forgotten_is_not_ended_again():
    player = Player(ECHO)
    player.begin([Heard(0.0, 5.0, 2, 60, 70, 1)], 10.0)
    assert brief(player.stop(11.0)) == [("NOTE_OFF", 11.0, 2, 60)]
    assert player.stop(12.0) == [] and player.due == inf
    player.begin([Heard(0.0, 5.0, 2, 60, 70, 1)], 20.0)
    player.forget()
    assert player.stop(21.0) == []


NOTES = st.lists(
    st.builds(
        Heard, st.floats(0, 5), st.floats(0.02, 3), st.integers(2, 3), st.integers(60, 62), st.integers(1, 127), st.just(1)
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(NOTES, NOTES, st.floats(0, 10))
def test_every_note_that_begins_ends(first, second, stopped):
    player, sounding = Player(ECHO), set()
    for event in (
        player.begin(first, 0.0) + player.tick(2.0) + player.begin(second, 2.0) + player.tick(stopped + 2.0) + player.stop(99.0)
    ):
        place = (event.channel, event.a)
        assert (place in sounding) is (event.kind == Kind.NOTE_OFF)
        sounding.symmetric_difference_update({place})
    assert not sounding
