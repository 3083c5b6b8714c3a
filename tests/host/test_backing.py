"""A song that plays by itself: on time at any tempo and in any key, waiting, jumping, and never leaving a note on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.backing import SOURCE, Backing, Pace
from reachnote.model import Event, Kind
from reachnote.smf import open_song
from reachnote.song import Control, Note, Part, Song, accompanied, transposed, way_to
from reachnote.tempo import CLOCK, NEVER, ClockIn, Tempo

TUNE = Song(
    notes=(Note(0.0, 1.0, 60), Note(1.0, 1.0, 60), Note(1.0, 2.0, 64), Note(3.0, 1.0, 67), Note(6.0, 2.0, 72)),
    tempo=((0.0, 120.0),),
)


def run(backing: Backing, until: float) -> list[Event]:
    """What it plays when it is called exactly when it is due."""
    played: list[Event] = []
    while backing.due <= until:
        due = backing.due
        played += backing.tick(due)
        assert backing.due > due
    return played


def said(events: list[Event], start: float = 0.0) -> list[tuple[str, float, int]]:
    words = {Kind.NOTE_ON: "on", Kind.NOTE_OFF: "off"}
    return [(words[e.kind], round(e.time - start, 6), e.a) for e in events if e.kind in words]


def unpaired(events: list[Event]) -> dict[tuple[int, int], int]:
    """Ons less offs of each channel and key; a second on without an off between is told as 99."""
    counts: dict[tuple[int, int], int] = {}
    for e in events:
        if e.kind in (Kind.NOTE_ON, Kind.NOTE_OFF):
            n = counts.get((e.channel, e.a), 0) + (1 if e.kind == Kind.NOTE_ON else -1)
            counts[e.channel, e.a] = n if n in (0, 1) else 99
    return {place: n for place, n in counts.items() if n}


# ---------------------------------------------------------------- on time


def test_notes_begin_and_end_when_they_are_written():
    backing = Backing(TUNE, Tempo(60.0, start=100.0))
    events = backing.start(100.5) + run(backing, 200.0)
    assert said(events, 100.5) == [
        ("on", 0.0, 60), ("off", 1.0, 60), ("on", 1.0, 60), ("on", 1.0, 64), ("off", 2.0, 60), ("off", 3.0, 64),
        ("on", 3.0, 67), ("off", 4.0, 67), ("on", 6.0, 72), ("off", 8.0, 72),
    ]  # fmt: skip
    assert {(e.channel, e.source, e.b) for e in events if e.kind == Kind.NOTE_ON} == {(1, SOURCE, 80)}
    assert backing.ended and backing.due == NEVER


@pytest.mark.parametrize("bpm", [40, 63, 97, 120, 180])
@pytest.mark.parametrize("tonic", range(12))
def test_a_song_is_on_time_at_every_tempo_and_in_every_key(bpm, tonic):
    song = accompanied(open_song("greensleeves"), channel=3)
    up = way_to(song, tonic)
    backing = Backing(song, Tempo(float(bpm), start=5000.0), transpose=up)
    events = backing.start(5000.0) + run(backing, 5000.0 + song.length * 60 / bpm + 1)
    heard = sorted((e.time, e.a, e.channel) for e in events if e.kind == Kind.NOTE_ON)
    wanted = sorted((5000.0 + n.beat * 60 / bpm, n.key + up, song.parts[n.part].channel) for n in song.notes)
    assert [one[1:] for one in heard] == [one[1:] for one in wanted]
    assert max(abs(a[0] - b[0]) for a, b in zip(heard, wanted, strict=True)) < 1e-6
    assert unpaired(events) == {}
    first = heard[1][1]  # after the pickup, the tonic's third stands under the tune
    assert (first - tonic) % 12 in (0, 3, 7)


def test_late_calls_change_no_times():
    one, other = Backing(TUNE, Tempo(97.0)), Backing(TUNE, Tempo(97.0))
    exact = one.start(0.0) + run(one, 20.0)
    late, now = other.start(0.0), 0.0
    while now < 20.0:
        now += 0.013
        late += other.tick(now)
    assert [(e.time, e.kind, e.a) for e in late] == [(e.time, e.kind, e.a) for e in exact]


def test_a_change_of_tempo_moves_what_is_to_come():
    tempo = Tempo(60.0)
    backing = Backing(TUNE, tempo)
    events = backing.start(0.0) + run(backing, 2.0)
    tempo.change(120.0, 2.0)
    events += run(backing, 20.0)
    assert said(events)[4:] == [
        ("off", 2.0, 60), ("off", 2.5, 64), ("on", 2.5, 67), ("off", 3.0, 67), ("on", 4.0, 72), ("off", 5.0, 72),
    ]  # fmt: skip


def test_tempo_changes_of_the_song_stay_in_proportion():
    song = replace(TUNE, tempo=((0.0, 100.0), (1.0, 50.0), (3.0, 100.0)))
    assert song.bpm == 100.0
    backing = Backing(song, Tempo(60.0))  # the song's 100 becomes 60, its 50 becomes 30
    events = backing.start(0.0) + run(backing, 20.0)
    assert [one for one in said(events) if one[0] == "on"] == [
        ("on", 0.0, 60), ("on", 1.0, 60), ("on", 1.0, 64), ("on", 5.0, 67), ("on", 8.0, 72),
    ]  # fmt: skip


def test_a_pace_goes_there_and_back():
    pace = Pace(replace(TUNE, tempo=((0.0, 90.0), (0.5, 45.0), (2.0, 90.0), (2.0, 180.0), (4.0, 90.0))))
    for beat in (0.0, 0.25, 0.5, 1.0, 2.0, 3.3, 4.0, 100.0):
        assert pace.beat(pace.straight(beat)) == pytest.approx(beat, abs=1e-9)


# ---------------------------------------------------------------- who plays


def test_drums_are_not_transposed_and_channels_can_be_chosen():
    song = Song(notes=(Note(0, 1, 60), Note(0, 1, 38, part=1)), parts=(Part("tune", 2, 12), Part("kit", 10)))
    backing = Backing(song, Tempo(60.0), transpose=3, channels={0: 7})
    events = backing.start(0.0) + run(backing, 9.0)
    assert [(e.kind, e.channel, e.a) for e in events] == [
        (Kind.PROGRAM, 7, 11), (Kind.NOTE_ON, 10, 38), (Kind.NOTE_ON, 7, 63), (Kind.NOTE_OFF, 7, 63), (Kind.NOTE_OFF, 10, 38),
    ]  # fmt: skip


def test_parts_can_be_left_out_and_loudness_changed_while_it_plays():
    song = Song(notes=(Note(0, 1, 60), Note(1, 1, 62), Note(0, 2, 40, part=1)), parts=(Part(), Part("", 2)))
    backing = Backing(song, Tempo(60.0), parts=frozenset({0}))
    events = backing.start(0.0) + run(backing, 0.5)
    backing.loudness = 0.5
    events += run(backing, 9.0)
    assert [(e.a, e.b) for e in events if e.kind == Kind.NOTE_ON] == [(60, 80), (62, 40)]
    backing.loudness = 0.0
    assert [e.b for e in backing.start(20.0) + run(backing, 30.0) if e.kind == Kind.NOTE_ON] == [1, 1]


def test_two_parts_that_share_a_channel_and_a_key_never_leave_it_on():
    song = Song(notes=(Note(0, 4, 60), Note(1, 1, 60, part=1)), parts=(Part(), Part()))
    backing = Backing(song, Tempo(60.0))
    assert said(backing.start(0.0) + run(backing, 9.0)) == [("on", 0, 60), ("off", 1, 60), ("on", 1, 60), ("off", 2, 60)]


def test_starting_in_the_middle_sets_what_was_set_before():
    controls = (
        Control(0.0, 0, Kind.CONTROL, 7, 100),
        Control(1.0, 0, Kind.CONTROL, 7, 50),
        Control(1.0, 0, Kind.PROGRAM, 40),
        Control(3.0, 0, Kind.BEND, 0, 64),
    )
    backing = Backing(replace(TUNE, controls=controls), Tempo(60.0))
    events = backing.start(10.0, beat=3.0) + run(backing, 30.0)
    assert [(e.kind, e.a, e.b, e.time) for e in events[:4]] == [
        (Kind.CONTROL, 7, 50, 10.0), (Kind.PROGRAM, 40, 0, 10.0), (Kind.BEND, 0, 64, 10.0), (Kind.NOTE_ON, 67, 80, 10.0),
    ]  # fmt: skip


# ---------------------------------------------------------------- waiting and stopping


def test_a_song_waits_for_ever_and_goes_on_where_it_was():
    backing = Backing(TUNE, Tempo(60.0))
    events = backing.start(0.0) + run(backing, 1.5)
    backing.wait(1.5)
    events += run(backing, 1000.0)
    assert said(events)[-2:] == [("off", 2.0, 60), ("off", 3.0, 64)]  # what sounds ends as it is written
    assert backing.position(900.0) == 1.5 and backing.due == NEVER
    backing.resume(1000.0)
    assert said(run(backing, 2000.0), 1000.0) == [("on", 1.5, 67), ("off", 2.5, 67), ("on", 4.5, 72), ("off", 6.5, 72)]


def test_a_song_waits_by_itself_before_a_beat():
    backing = Backing(TUNE, Tempo(60.0))
    events = backing.start(0.0, until=1.0) + run(backing, 50.0)
    assert said(events) == [("on", 0.0, 60), ("off", 1.0, 60)]
    assert backing.position(50.0) == 1.0
    backing.play_to(3.0, 50.0)
    assert [one[:2] for one in said(run(backing, 99.0), 50.0)] == [("on", 0.0), ("on", 0.0), ("off", 1.0), ("off", 2.0)]
    backing.play_to(NEVER, 100.0)
    assert said(run(backing, 200.0), 100.0)[0] == ("on", 0.0, 67)


def test_a_song_that_has_not_come_so_far_goes_on_without_a_jump():
    backing = Backing(TUNE, Tempo(60.0))
    backing.start(0.0, until=3.0)
    run(backing, 1.2)
    backing.play_to(6.0, 1.2)
    assert ("on", 3.0, 67) in said(run(backing, 9.0))


def test_a_jump_leaves_out_or_repeats_and_keeps_waiting_or_playing():
    backing = Backing(TUNE, Tempo(60.0))
    backing.start(0.0)
    run(backing, 0.5)
    backing.jump(3.0, 0.5)
    assert said(run(backing, 2.0), 0.5) == [("on", 0.0, 67), ("off", 0.5, 60), ("off", 1.0, 67)]
    backing.wait(2.0)
    backing.jump(0.0, 3.0)
    assert run(backing, 50.0) == [] and backing.position(50.0) == 0.0
    backing.resume(50.0)
    assert said(run(backing, 50.5), 50.0) == [("on", 0.0, 60)]


def test_stopping_ends_every_note_once():
    backing = Backing(TUNE, Tempo(60.0))
    events = backing.start(0.0) + run(backing, 1.5) + backing.stop(1.5)
    assert said(events)[-2:] == [("off", 1.5, 60), ("off", 1.5, 64)]
    assert unpaired(events) == {}
    assert (backing.stop(1.6), run(backing, 99.0), backing.due) == ([], [], NEVER)
    assert said(backing.start(99.0) + backing.tick(99.0), 99.0) == [("on", 0.0, 60)]


def test_what_somebody_else_ended_is_not_ended_again():
    backing = Backing(TUNE, Tempo(60.0))
    backing.start(0.0)
    run(backing, 1.5)
    backing.forget()
    assert backing.stop(1.6) == []


def test_a_clock_that_stands_still_ends_what_sounds_and_the_song_goes_on_with_it():
    clock = ClockIn(keep=False)
    backing = Backing(TUNE, clock)
    for n in range(25):
        clock.take(CLOCK, 10.0 + n / 48)
    events = backing.start(10.5)
    for n in range(1, 30):
        clock.take(CLOCK, 10.5 + n / 48)
        events += backing.tick(10.5 + n / 48)
    assert clock.tick(13.0) == "lost"
    events += backing.tick(13.0)
    assert unpaired(events) == {}
    assert backing.due == NEVER
    for n in range(1, 200):
        clock.take(CLOCK, 60.0 + n / 48)
        events += backing.tick(60.0 + n / 48)
    assert [one[2] for one in said(events) if one[0] == "on"] == [60, 60, 64, 67, 72]
    assert unpaired(events) == {}


def test_a_song_follows_a_clock_from_outside():
    clock = ClockIn()
    backing, events = Backing(TUNE, clock), []
    for n in range(24 * 12):
        now = 10.0 + n * 60 / 96 / 24
        events += run(backing, now)  # whatever is due between two CLOCKs
        clock.take(CLOCK, now)
        if n == 24:
            events += backing.start(now)
    starts = [one[1] for one in said(events, 10.0 + 60 / 96) if one[0] == "on"]
    assert starts == pytest.approx([beat * 60 / 96 for beat in (0, 1, 1, 3, 6)], abs=1e-5)


# ---------------------------------------------------------------- any order

ORDERS = st.one_of(
    st.tuples(st.just("run"), st.floats(0.0, 5.0)),
    st.tuples(st.sampled_from(["start", "jump", "play_to"]), st.floats(0.0, 9.0)),
    st.tuples(st.sampled_from(["wait", "resume", "stop"]), st.just(0.0)),
    st.tuples(st.just("tempo"), st.floats(40.0, 180.0)),
)
DENSE = accompanied(
    Song(
        notes=tuple(Note(n / 4, 1 + n % 5 / 2, 60 + n * 7 % 12, part=n % 2) for n in range(40)),
        parts=(Part("", 2), Part("", 2)),
        tempo=((0.0, 100.0), (4.0, 50.0), (7.0, 120.0)),
    ),
    channel=2,
)


def any_order(orders: list[tuple[str, float]]) -> None:
    tempo, now, last = Tempo(100.0), 0.0, 0.0
    backing, events = Backing(transposed(DENSE, 1), tempo), []
    for what, value in orders:
        if what == "run":
            now += value
            events += backing.tick(now)
        elif what == "tempo":
            events += backing.tick(now)
            tempo.change(value, now)
        elif what == "start":
            events += backing.start(now, value, until=value + 3.0)
        elif what == "stop":
            events += backing.stop(now)
        elif what == "jump":
            backing.jump(value, now)
        elif what == "play_to":
            backing.play_to(value, now)
        else:
            getattr(backing, what)(now)
        assert backing.position(now) >= 0.0
    events += backing.stop(now)
    assert unpaired(events) == {}
    for event in events:
        assert event.time <= now and 0 <= event.a <= 127 and 1 <= event.channel <= 16
        last = max(last, event.time)


@settings(max_examples=300, deadline=None)
@given(st.lists(ORDERS, max_size=30))
def test_no_order_of_things_leaves_a_note_on(orders):
    any_order(orders)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(st.lists(ORDERS, max_size=40))
def test_ten_thousand_orders_of_things_leave_no_note_on(orders):
    any_order(orders)
