"""A familiar song in steps: it waits for ever, forgives, rests at its end, and its backing waits with it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.backing import Backing
from reachnote.model import Event, Kind
from reachnote.smf import carried, open_song
from reachnote.song import Note, Part, Song, SongChord, accompanied, steps
from reachnote.stepper import Stepper
from reachnote.tempo import NEVER, Tempo

TUNE = Song(
    title="Tune",
    notes=(Note(0, 1, 60, 80), Note(1, 1, 62, 90), Note(2, 2, 64, 100), Note(4, 1, 65, 80), Note(6, 2, 67, 80)),
    tempo=((0.0, 60.0),),
    chords=(SongChord(0.0, 4.0, "C"), SongChord(4.0, 4.0, "F")),
    phrases=(0.0, 4.0),
)


def run(player: Stepper, until: float) -> list[Event]:
    """What it plays when it is called exactly when it is due."""
    played: list[Event] = []
    while player.due <= until:
        played += player.tick(player.due)
    return played


def said(events: list[Event]) -> list[tuple[str, float, int]]:
    words = {Kind.NOTE_ON: "on", Kind.NOTE_OFF: "off"}
    return [(words[e.kind], round(e.time, 6), e.a) for e in events if e.kind in words]


def starts(events: list[Event]) -> list[int]:
    return [e.a for e in events if e.kind == Kind.NOTE_ON]


def tap(player: Stepper, at: float, held: float = 0.1, velocity: int = 0) -> list[Event]:
    return run(player, at) + player.press(at, velocity) + run(player, at + held) + player.release(at + held)


# ---------------------------------------------------------------- by note


def test_each_press_plays_the_next_note_however_long_it_takes():
    player, events, now = Stepper(TUNE), [], 0.0
    for wait in (0.5, 30.0, 3600.0, 1.0, 2.0):
        now += wait
        events += tap(player, now)
    assert starts(events) == [60, 62, 64, 65, 67]


def test_a_short_press_sounds_as_long_as_it_is_written():
    player = Stepper(TUNE)
    assert said(tap(player, 10.0) + run(player, 20.0)) == [("on", 10.0, 60), ("off", 11.0, 60)]


def test_a_held_note_sounds_as_long_as_it_is_held():
    player = Stepper(TUNE)
    assert said(tap(player, 10.0, held=25.0) + run(player, 60.0)) == [("on", 10.0, 60), ("off", 35.0, 60)]


def test_the_next_note_ends_the_one_before():
    player = Stepper(TUNE)
    assert said(tap(player, 10.0) + tap(player, 10.4)) == [("on", 10.0, 60), ("off", 10.4, 60), ("on", 10.4, 62)]


def test_a_press_is_as_loud_as_it_was_and_else_as_the_song_has_it():
    player = Stepper(TUNE)
    events = tap(player, 1.0, velocity=33) + tap(player, 3.0)
    assert [e.b for e in events if e.kind == Kind.NOTE_ON] == [33, 90]


def test_a_double_press_is_forgiven():
    player = Stepper(TUNE, forgive_s=0.5)
    events = []
    for at in (1.0, 1.12, 1.49, 2.0, 2.3, 9.0):
        events += tap(player, at, held=0.05)
    assert starts(events) == [60, 62, 64]
    player.press(9.2)
    assert player.took == "forgiven"
    player.press(9.5)
    assert player.took == "step"


def test_whoever_never_stops_pressing_still_moves_on():
    player, events = Stepper(TUNE, forgive_s=0.5), []
    for n in range(20):
        events += tap(player, 10.0 + n * 0.15, held=0.05)
    assert starts(events) == [60, 62, 64, 65, 67]


def test_nothing_is_forgiven_when_that_is_wanted():
    player = Stepper(TUNE, forgive_s=0.0)
    assert starts(tap(player, 1.0, 0.01) + tap(player, 1.02, 0.01)) == [60, 62]


def test_the_key_can_change_while_a_note_sounds():
    player = Stepper(TUNE, transpose=2)
    events = player.press(1.0)
    player.transpose = -3
    events += tap(player, 2.0)
    assert said(events)[:3] == [("on", 1.0, 62), ("off", 2.0, 62), ("on", 2.0, 59)]


# ---------------------------------------------------------------- the end


def test_at_the_end_the_song_rings_out_rests_and_begins_anew():
    player, events = Stepper(TUNE, pause_s=3.0), []
    for n in range(5):
        events += tap(player, n * 1.0)  # the last one sounds from 4.0 to 6.0
    assert player.finishing
    for at in (4.5, 6.1, 8.9):
        assert starts(player.press(at)) == []
        assert player.took == "resting"
        player.release(at + 0.05)
    run(player, 9.0)
    assert not player.finishing and player.index == 0
    assert starts(tap(player, 9.1)) == [60]


def test_the_rest_begins_when_the_last_note_is_let_go():
    player = Stepper(Song(notes=(Note(0, 1, 60),), tempo=((0.0, 60.0),)), pause_s=2.0)
    player.press(10.0)
    run(player, 30.0)
    assert player.due == NEVER
    player.release(30.0)
    assert player.due == 32.0
    player.tick(32.0)
    assert starts(player.press(32.0)) == [60]


def test_without_a_pause_the_next_press_begins_anew():
    player, events = Stepper(TUNE, pause_s=0.0), []
    for n in range(6):
        events += tap(player, n * 10.0)
    assert starts(events) == [60, 62, 64, 65, 67, 60]


# ---------------------------------------------------------------- back and again


def test_back_plays_the_last_step_again_and_again_begins_anew():
    player = Stepper(TUNE)
    events = tap(player, 1.0) + tap(player, 2.0) + tap(player, 3.0)
    player.back()
    events += tap(player, 4.0)
    player.back(2)
    events += tap(player, 5.0)
    player.again()
    events += tap(player, 6.0)
    player.go(99)
    events += tap(player, 7.0)
    assert starts(events) == [60, 62, 64, 64, 62, 60, 67]


def test_back_from_the_end_plays_the_last_step_again_at_once():
    player, events = Stepper(TUNE), []
    for n in range(5):
        events += tap(player, n * 1.0)
    player.back()
    assert starts(tap(player, 4.2)) == [67]
    player.go(-5)
    assert player.index == 0


def test_where_we_are_can_be_asked():
    player = Stepper(TUNE)
    assert (player.count, player.index, player.step) == (5, 0, None)
    tap(player, 1.0)
    assert (player.index, player.step) == (1, steps(TUNE)[0])


# ---------------------------------------------------------------- by chord, by phrase


def test_each_press_plays_the_next_chord():
    player = Stepper(TUNE, "chord", channel=5)
    events = tap(player, 0.0) + tap(player, 10.0)
    assert said(events) == [
        ("on", 0, 48), ("on", 0, 52), ("on", 0, 55), ("off", 4, 48), ("off", 4, 52), ("off", 4, 55),
        ("on", 10, 53), ("on", 10, 57), ("on", 10, 60),
    ]  # fmt: skip
    assert {e.channel for e in events} == {5}


def test_each_press_plays_the_next_phrase_in_time():
    player = Stepper(TUNE, "phrase", beats=Tempo(120.0))
    events = tap(player, 0.0) + run(player, 50.0)
    assert said(events) == [
        ("on", 0, 60), ("off", 0.5, 60), ("on", 0.5, 62), ("off", 1, 62), ("on", 1, 64), ("off", 2, 64),
    ]  # fmt: skip
    assert said(tap(player, 100.0) + run(player, 200.0)) == [
        ("on", 100, 65), ("off", 100.5, 65), ("on", 101, 67), ("off", 102, 67),
    ]  # fmt: skip


def test_a_press_into_a_phrase_is_forgiven_until_its_last_note():
    player = Stepper(TUNE, "phrase", forgive_s=0.3)  # the last note of the first phrase begins at 2.0 and ends at 4.0
    events = tap(player, 0.0)
    for at in (0.9, 1.5, 2.1):
        events += tap(player, at)
        assert player.took == "forgiven"
    events += tap(player, 2.5)
    assert player.took == "step"
    assert said(events)[-2:] == [("off", 2.5, 64), ("on", 2.5, 65)]


def test_a_phrase_is_as_loud_as_the_press():
    player = Stepper(TUNE, "phrase")
    assert [e.b for e in tap(player, 0.0, velocity=50) + run(player, 9.0) if e.kind == Kind.NOTE_ON] == [40, 45, 50]


def test_the_last_phrase_rings_out_before_the_rest():
    player = Stepper(TUNE, "phrase", pause_s=1.0)
    tap(player, 0.0)
    run(player, 10.0)
    tap(player, 10.0)
    run(player, 14.9)
    assert player.finishing  # 10 + 4 beats + the pause
    run(player, 15.0)
    assert not player.finishing and player.index == 0


def test_a_phrase_does_not_change_the_sound_of_the_clients_channel():
    song = Song(notes=TUNE.notes, parts=(Part("melody", 1, 40),), phrases=(0.0,), tempo=TUNE.tempo)
    assert Kind.PROGRAM not in [e.kind for e in tap(Stepper(song, "phrase"), 0.0)]


# ---------------------------------------------------------------- with a backing that waits


def with_backing(by: str = "note") -> Stepper:
    song, tempo = accompanied(TUNE, channel=9), Tempo(60.0)
    return Stepper(song, by, beats=tempo, backing=Backing(song, tempo, parts=frozenset({1})))


def test_the_backing_waits_where_the_next_step_begins():
    player = with_backing()
    events = tap(player, 10.0) + run(player, 500.0)
    assert [e.channel for e in events if e.kind == Kind.NOTE_ON] == [2, 9, 9, 9]
    for at in (500.0, 600.0):
        assert [e.channel for e in tap(player, at) if e.kind == Kind.NOTE_ON] == [2]
    run(player, 700.0)
    assert [e.channel for e in tap(player, 700.0) if e.kind == Kind.NOTE_ON] == [2, 9, 9, 9]  # the F of beat 4


def test_the_backing_follows_whoever_is_ahead():
    player = with_backing()
    events = []
    for at in (0.0, 0.4, 0.8, 1.2):
        events += tap(player, at, held=0.05)
    struck = [(round(e.time, 3), e.a) for e in events if e.kind == Kind.NOTE_ON and e.channel == 9]
    assert struck == [(0.0, 48), (0.0, 52), (0.0, 55), (1.2, 53), (1.2, 57), (1.2, 60)]


def test_the_backing_rings_out_at_the_end_and_begins_anew():
    player = with_backing()
    now = 0.0
    for _ in range(5):
        tap(player, now)
        run(player, now + 30)
        now += 40.0
    assert not player.finishing
    assert [e.channel for e in tap(player, now) if e.kind == Kind.NOTE_ON] == [2, 9, 9, 9]


def test_stopping_ends_the_tune_and_the_backing():
    player = with_backing("phrase")
    events = tap(player, 0.0) + run(player, 1.5) + player.stop(1.5)
    assert unpaired(events) == {}
    assert player.stop(2.0) == [] and player.due == NEVER


# ---------------------------------------------------------------- any order


def unpaired(events: list[Event]) -> dict[tuple[int, int], int]:
    counts: dict[tuple[int, int], int] = {}
    for e in events:
        if e.kind in (Kind.NOTE_ON, Kind.NOTE_OFF):
            n = counts.get((e.channel, e.a), 0) + (1 if e.kind == Kind.NOTE_ON else -1)
            counts[e.channel, e.a] = n if n in (0, 1) else 99
    return {place: n for place, n in counts.items() if n}


@pytest.mark.parametrize("name", ["hello", "amazing-grace", "frere-jacques", "greensleeves", "ode-to-joy"])
def test_five_songs_with_double_presses_long_pauses_and_early_ones_keep_their_notes_in_order(name):
    song, chance = open_song(name), random.Random(name)
    player, events, now = Stepper(song, forgive_s=0.25, pause_s=2.0), [], 0.0
    while len(starts(events)) < len(song.notes):
        now += chance.choice((0.3, 0.35, 0.6, 1.0, 2.0, 30.0))
        events += tap(player, now, held=0.04)
        for _ in range(chance.choice((0, 0, 1, 2))):
            now += 0.08
            events += tap(player, now, held=0.04)
    assert starts(events) == [note.key for note in song.notes]


@pytest.mark.parametrize("name", sorted(carried()))
@pytest.mark.parametrize("by", ["note", "phrase", "chord"])
def test_every_carried_song_can_be_stepped_through_and_ends(name, by):
    song = accompanied(open_song(name), channel=9)
    tempo = Tempo(song.bpm)
    player = Stepper(song, by, beats=tempo, part=0, backing=Backing(song, tempo, parts=frozenset({1})), pause_s=1.0)
    events, now = [], 0.0
    for _ in range(player.count):
        events += tap(player, now)
        assert player.took == "step"
        events += run(player, now + 60.0)
        now += 60.0
    assert unpaired(events) == {} and player.index == 0 and not player.finishing


MOVES = st.one_of(
    st.tuples(st.sampled_from(["press", "release", "tick"]), st.floats(0.0, 3.0)),
    st.tuples(st.sampled_from(["back", "again", "stop", "go"]), st.just(0.0)),
    st.tuples(st.just("transpose"), st.integers(-70, 70)),
    st.tuples(st.just("tempo"), st.floats(40.0, 180.0)),
)


def any_order(by: str, moves: list[tuple[str, float]]) -> None:
    song, tempo, now, events = accompanied(TUNE, channel=9), Tempo(60.0), 0.0, []
    player = Stepper(song, by, beats=tempo, part=0, backing=Backing(song, tempo, parts=frozenset({1})), pause_s=0.5)
    for what, value in moves:
        if what in ("press", "release", "tick", "stop"):
            now += value
            events += getattr(player, what)(now)
        elif what == "transpose":
            player.transpose = int(value)
        elif what == "tempo":
            events += player.tick(now)
            tempo.change(value, now)
        else:
            player.go(3) if what == "go" else getattr(player, what)()
        assert 0 <= player.index < player.count
    events += player.stop(now)
    assert unpaired(events) == {}
    assert all(0 <= e.a <= 127 and e.time <= now for e in events)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["note", "phrase", "chord"]), st.lists(MOVES, max_size=30))
def test_no_order_of_presses_leaves_a_note_on(by, moves):
    any_order(by, moves)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(st.sampled_from(["note", "phrase", "chord"]), st.lists(MOVES, max_size=40))
def test_ten_thousand_orders_of_presses_leave_no_note_on(by, moves):
    any_order(by, moves)
