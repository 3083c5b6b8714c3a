"""A song in steps: order exact whatever the presses, who steps, what plays along, where it begins again."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.backing import SOURCE
from reachnote.model import Kind, Move
from reachnote.music import PITCH_CLASSES
from reachnote.scene import SceneProblem
from reachnote.song import Note, Part, Song, SongChord, steps, way_to
from reachnote.song_text import read_song_text
from support.room import START, SWITCHES, Room, any_story

SONGS = Path(__file__).resolve().parents[2] / "host" / "reachnote" / "songs"
FIVE = ("frere-jacques", "amazing-grace", "ode-to-joy", "greensleeves", "hello")
VOICES = '[[voice]]\nfor = ["all"]\n'
SCALE = Song("Scale", tuple(Note(float(n), 1.0, 60 + n) for n in range(8)), phrases=(0.0, 4.0))


def song(name: str) -> Song:
    return read_song_text((SONGS / f"{name}.toml").read_text("utf-8"), name)


def scene(options: str = "", voices: str = VOICES, top: str = "tempo = 60") -> str:
    return f'{top}\n[activity]\nname = "song"\n{options}\n{voices}'


def backing(room: Room) -> list[tuple[float, int, int]]:
    """(time, channel, key) of every note that the backing began."""
    on = [event for event in room.events if event.kind == Kind.NOTE_ON and event.source == SOURCE]
    return [(round(event.time - START, 6), event.channel, event.a) for event in on]


def stepped(room: Room) -> list[int]:
    """The keys that the sensors began."""
    return [event.a for event in room.events if event.kind == Kind.NOTE_ON and event.source != SOURCE]


# ---------------------------------------------------------------- the order


def pressed_through(room: Room, count: int, chance: Random, rest: float = 0.0) -> None:
    """`count` presses that count, with double presses, early ones, long holds and pauses of 30 s between."""
    time = 0.0
    for _ in range(count):
        gap = rest + chance.choice((0.31, 0.5, 1.0, 30.0))
        again = chance.choice((0, 0, 1, 3))
        room.press(time, lasts=0.04 if again else chance.choice((0.03, 0.2, gap - 0.01)))
        for n in range(again):
            room.press(time + 0.05 + 0.06 * n, lasts=0.02)  # a tremor: not later than 0.3 s
        time += gap


@pytest.mark.parametrize("name", FIVE)
@pytest.mark.parametrize("by", ["note", "chord"])
def test_a_whole_song_comes_in_its_order_whatever_the_presses(name, by):
    played, chance = song(name), Random(name + by)
    key = chance.choice(PITCH_CLASSES)
    room = Room(scene(f'by = "{by}"', top=f'key = "{key}"\ntempo = 90'), played)
    parts = steps(played, by)
    pressed_through(room, len(parts), chance)
    way = way_to(played, PITCH_CLASSES.index(key))
    assert stepped(room) == [note.key + way for step in parts for note in step.notes]
    room.wait(2000.0)
    room.end(2000.0)
    room.nothing_hangs()


@pytest.mark.parametrize("name", FIVE)
def test_a_whole_song_comes_in_its_order_phrase_by_phrase(name):
    played, chance = song(name), Random(name)
    room = Room(scene('by = "phrase"', top=f'key = "{PITCH_CLASSES[played.tonic]}"\ntempo = 120'), played)
    parts = steps(played, "phrase")
    longest = max(step.end - step.beat for step in parts) * 0.5
    pressed_through(room, len(parts), chance, rest=longest)
    room.wait(2000.0)
    assert stepped(room) == [note.key for step in parts for note in step.notes]


def test_the_song_waits_for_ever_and_goes_on_where_it_was():
    room = Room(scene(), SCALE)
    room.press(0.0)
    room.press(86_400.0)
    assert room.ons() == [(0.0, 60), (86_400.0, 61)]


def test_every_press_counts_from_forgive_s_on():
    room = Room(scene("forgive_s = 0.5"), SCALE)
    for time in (0.0, 0.49, 0.5, 0.99, 1.0):
        room.press(time, lasts=0.005)
    assert room.ons() == [(0.0, 60), (0.5, 61), (1.0, 62)]


def test_a_note_lasts_as_written_at_the_scenes_tempo_and_longer_while_it_is_held():
    room = Room(scene(top="tempo = 120"), SCALE)
    room.press(0.0, lasts=0.1)
    room.did(Move.ONSET, 2.0)
    room.did(Move.RELEASE, 5.0)
    room.wait(6.0)
    assert [round(e.time - START, 6) for e in room.events if e.kind == Kind.NOTE_OFF] == [0.5, 5.0]


def test_the_loudness_is_the_clients():
    room = Room(scene(), SCALE)
    room.press(0.0, strength=0.0)
    room.press(1.0, strength=1.0)
    assert [e.b for e in room.events if e.kind == Kind.NOTE_ON] == [38, 70]  # the voice's velocity is 70


def test_zones_and_what_has_no_voice_step_nothing():
    room = Room(scene(voices='[[voice]]\nsensor = "Pads/left"\nplay = "zones"\nnotes = 8\n'), SCALE)
    room.did(Move.ONSET, 0.0, zone=0)
    for zone in range(1, 8):
        room.did(Move.ZONE, 0.5 * zone, zone=zone)
    room.press(10.0, sensor=1)
    assert room.pitches() == [60]


def test_a_long_press_steps_where_the_voice_asks_for_one():
    room = Room(scene(voices=VOICES + 'trigger = {mode = "dwell", dwell_s = 1.0}\n'), SCALE)
    room.press(0.0, lasts=0.9)
    room.press(2.0, lasts=1.5)
    assert room.ons() == [(3.0, 60)]
    room = Room(scene(voices=VOICES + 'gesture = {name = "long-press", hold_s = 0.5}\n'), SCALE)
    room.press(0.0, lasts=0.4)
    room.press(2.0, lasts=1.0)
    assert room.ons() == [(2.5, 60)]


# ---------------------------------------------------------------- its end


def test_it_rests_after_the_end_and_starts_over():
    room = Room(scene("pause_s = 2"), SCALE)
    for n in range(8):
        room.press(float(n))
    room.press(9.0)  # rest: the last note ended at 8
    room.wait(10.5)
    room.press(11.0)
    assert room.pitches() == [60, 61, 62, 63, 64, 65, 66, 67, 60]
    assert [(said["what"], said["time"]) for said in room.told("song")] == [("over", 7.0)]


def test_next_ends_it_and_the_next_press_begins_it_anew():
    room = Room(scene("pause_s = 2"), SCALE)
    room.press(0.0)
    room.press(1.0)
    room.pedal(1.5, "next")
    assert room.ledger.sounding() == []
    room.press(3.4)
    room.press(4.0)
    assert room.pitches() == [60, 61, 60]
    assert [said["what"] for said in room.told("song")] == ["ended"]


def test_again_goes_to_the_beginning_of_the_phrase_and_from_there_to_the_one_before():
    room = Room(scene(), SCALE)
    for n in range(6):
        room.press(float(n))
    room.pedal(6.0, "again")
    room.press(7.0)
    room.pedal(8.0, "again")
    room.pedal(8.0, "again")
    room.press(9.0)
    assert room.pitches()[6:] == [64, 60]


def test_again_after_the_last_note_plays_the_last_phrase_without_a_rest():
    room = Room(scene("pause_s = 60"), SCALE)
    for n in range(8):
        room.press(float(n))
    room.pedal(8.0, "again")
    room.press(8.1)
    assert room.pitches()[8:] == [64]


def test_again_ends_a_phrase_that_plays():
    room = Room(scene('by = "phrase"'), SCALE)
    room.press(0.0)
    room.wait(2.5)
    room.pedal(2.5, "again")
    room.press(2.6)
    assert room.ons() == [(0.0, 60), (1.0, 61), (2.0, 62), (2.6, 60)]


# ---------------------------------------------------------------- several sensors


def test_any_sensor_steps_on_its_own_channel():
    room = Room(scene(), SCALE)
    for n, sensor in enumerate((0, 1, 1, 0)):
        room.press(float(n), sensor)
    on = [(e.channel, e.a, e.source) for e in room.events if e.kind == Kind.NOTE_ON]
    assert on == [(2, 60, 0), (3, 61, 1), (3, 62, 1), (2, 63, 0)]
    room.end(9.0)
    room.nothing_hangs()


def test_only_the_sensor_that_stepped_last_holds_the_note():
    room = Room(scene(), SCALE)
    room.did(Move.ONSET, 0.0, 0)
    room.did(Move.ONSET, 2.0, 1)
    room.did(Move.RELEASE, 2.5, 0)
    room.wait(4.0)
    assert room.ledger.sounding() == [(3, 61)]
    room.did(Move.RELEASE, 5.0, 1)
    assert room.ledger.sounding() == []


def test_a_press_that_does_not_count_takes_nothing_over():
    room = Room(scene(), SCALE)
    room.did(Move.ONSET, 0.0, 0)
    room.press(0.1, 1)
    room.wait(4.0)
    assert room.ledger.sounding() == [(2, 60)]
    room = Room(scene('by = "phrase"'), SCALE)
    room.press(0.0, 0)
    room.press(1.5, 1)
    room.wait(4.0)
    assert {e.channel for e in room.events if e.kind == Kind.NOTE_ON} == {2}


def test_in_turns_each_sensor_waits_for_the_others():
    room = Room(scene("turns = true"), SCALE, sensors=(*SWITCHES, "Box/ball"))
    for n, sensor in enumerate((1, 1, 0, 2, 1, 0, 0, 1)):
        room.press(float(n), sensor)
    on = [(e.source, e.a) for e in room.events if e.kind == Kind.NOTE_ON]
    assert on == [(1, 60), (2, 61), (0, 62), (1, 63)]
    assert room.activity.status()["turn"] == "Box/ball"


def test_in_turns_nobody_waits_for_a_board_that_is_gone():
    room = Room(scene("turns = true"), SCALE)
    room.press(0.0, 0)
    room.lost(0.5, 1)
    room.press(1.0, 0)
    room.press(2.0, 1)  # back again
    room.press(3.0, 1)
    room.press(4.0, 0)
    assert [(e.source, e.a) for e in room.events if e.kind == Kind.NOTE_ON] == [(0, 60), (0, 61), (1, 62), (0, 63)]


# ---------------------------------------------------------------- key, chord, words


def test_everything_transposes_with_the_scene_and_what_sounds_ends_as_it_began():
    room = Room(scene("backing = true"), song("frere-jacques"))
    room.did(Move.ONSET, 0.0)
    room.music.harmony.transpose(3)
    room.did(Move.RELEASE, 0.5)
    room.press(1.5)
    assert stepped(room) == [60, 65]
    room.wait(60.0)
    room.nothing_hangs()


def test_the_chord_of_the_moment_is_the_songs():
    played = Song("x", SCALE.notes, chords=(SongChord(0.0, 2.0, "C"), SongChord(2.0, 6.0, "Am")))
    room = Room(scene(top='key = "D"'), played)
    chords = []
    for n in range(3):
        room.press(float(n))
        chords.append(room.music.status()["chord"])
    assert chords == ["D", "D", "Bm"]


def test_the_page_shows_where_it_is():
    room = Room(scene('by = "phrase"'), song("frere-jacques"))
    status = room.music.status()
    assert (status["song"], status["step"], status["of"], status["words"]) == (
        "Frère Jacques",
        1,
        4,
        "Frè- re Jac- ques, Frè- re Jac- ques,",
    )


# ---------------------------------------------------------------- backing


def test_the_backing_plays_up_to_the_next_step_and_waits():
    room = Room(scene("backing = true"), song("frere-jacques"))
    room.press(0.0)
    room.wait(30.0)
    assert {time for time, _, _ in backing(room)} == {0.0}
    for n in range(4):
        room.press(30.0 + n)
    room.wait(60.0)
    assert {time for time, _, _ in backing(room)} == {0.0, 33.0}  # the bar line is the fourth step's


def test_the_backing_is_the_other_parts_on_channels_that_no_sensor_has():
    notes = [Note(float(n), 1.0, 72 + n, part=0) for n in range(4)] + [Note(float(n), 1.0, 48, part=1) for n in range(4)]
    notes += [Note(float(n), 0.5, 36, part=2) for n in range(4)]
    parts = (Part("melody", 1), Part("bass", 2, 33), Part("drums", 10))
    room = Room(scene("backing = true"), Song("x", tuple(sorted(notes)), parts))
    room.press(0.0)
    assert backing(room) == [(0.0, 10, 36), (0.0, 16, 48)]
    assert [(e.channel, e.a) for e in room.events if e.kind == Kind.PROGRAM] == [(16, 32)]


def test_by_chord_it_is_the_tune_that_waits():
    room = Room(scene('by = "chord"\nbacking = true', top="tempo = 100"), song("frere-jacques"))
    room.press(0.0)
    room.wait(30.0)
    assert len(stepped(room)) == 3
    assert [key for _, _, key in backing(room)] == [60, 62, 64, 60]


def test_the_backing_is_softer_than_it_is_written():
    played = song("frere-jacques")
    loud = []
    for level in (1.0, 0.5):
        room = Room(scene(f"backing = true\nbacking_level = {level}"), played)
        room.press(0.0)
        loud.append([e.b for e in room.events if e.kind == Kind.NOTE_ON and e.source == SOURCE])
    assert loud[1] == [round(0.5 * velocity) for velocity in loud[0]]


def test_silence_ends_the_backing_and_the_next_press_goes_on_with_both():
    room = Room(scene('by = "phrase"\nbacking = true'), song("frere-jacques"))
    room.press(0.0)
    room.silence(2.5)
    before = len(room.events)
    room.wait(30.0)
    assert room.events[before:] == []
    room.press(31.0)
    room.wait(31.1)
    assert stepped(room)[-1] == 64 and backing(room)[-1][0] == 31.0
    room.end(60.0)
    room.nothing_hangs()


def test_no_note_of_a_phrase_begins_on_a_board_that_is_gone():
    room = Room(scene('by = "phrase"'), SCALE)
    room.press(0.0)
    room.lost(1.5, 0)
    room.wait(30.0)
    assert room.ons() == [(0.0, 60), (1.0, 61)]
    room.nothing_hangs()


# ---------------------------------------------------------------- bad input


def test_what_cannot_be_is_said():
    with pytest.raises(SceneProblem, match='needs a song: write song = "frere-jacques"'):
        Room(scene())
    with pytest.raises(SceneProblem, match=r"by = 'notes'; known are note, phrase, chord\. Did you mean 'note'"):
        Room(scene('by = "notes"'), SCALE)
    with pytest.raises(SceneProblem, match="'Scale' has no chords to step through"):
        Room(scene('by = "chord"'), SCALE)
    with pytest.raises(SceneProblem, match="'Scale' has only its tune; leave backing out"):
        Room(scene("backing = true"), SCALE)
    with pytest.raises(SceneProblem, match="forgive_s = 6; write a number from 0 to 5"):
        Room(scene("forgive_s = 6"), SCALE)


def test_chords_that_nobody_can_read_are_passed_over():
    played = Song("x", SCALE.notes, chords=(SongChord(0.0, 8.0, "N.C."),))
    room = Room(scene(), played)
    room.press(0.0)
    assert room.pitches() == [60]


# ---------------------------------------------------------------- any order


def any_order(seed: int) -> None:
    by = ("note", "phrase", "chord")[seed % 3]
    more = ("", "backing = true", "turns = true", "backing = true\nturns = true\npause_s = 0")[seed // 3 % 4]
    voices = ("", 'gesture = "long-press"', 'trigger = {mode = "momentary", accept_s = 0.2}', 'play = "zones"\nnotes = 8')[
        seed // 12 % 4
    ]
    text = scene(f'by = "{by}"\n{more}', VOICES + voices, "tempo = 240")
    rooms = [Room(text, song(FIVE[seed % 5]), (*SWITCHES, "Box/ball"), seed) for _ in range(2 if seed % 10 == 0 else 1)]
    for room in rooms:
        any_story(room, seed, 45)
        room.nothing_hangs()
    assert rooms[0].events == rooms[-1].events and rooms[0].news == rooms[-1].news


SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_in_any_order_everything_that_began_ends(seed):
    any_order(seed)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=10_000, deadline=None)
@given(SEEDS)
def test_in_any_order_everything_that_began_ends_in_ten_thousand_orders(seed):
    any_order(seed)
