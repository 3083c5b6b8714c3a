"""A song that plays by itself while clients play over it: when it begins, where it ends, what it leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reachnote.backing import channels_beside
from reachnote.chords import parse_chord
from reachnote.guard import BACKING
from reachnote.model import Kind
from reachnote.music import pitch_class
from reachnote.scene import SceneProblem
from reachnote.smf import open_song
from reachnote.song import accompanied, way_to
from support.room import START, Room, any_story

SCENE = """
key = "{key}"
tempo = {tempo}
song = "frere-jacques"
[activity]
name = "play-along"
{more}
[[voice]]
sensor = "left"
notes = 1
channel = 2
[[voice]]
source = "chord"
notes = 1
channel = 3
"""
SONG = open_song("frere-jacques")
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def room(key: str = "C", tempo: int = 120, more: str = "", song=SONG) -> Room:
    return Room(SCENE.format(key=key, tempo=tempo, more=more), song=song)


def of_song(there: Room, kind: Kind = Kind.NOTE_ON) -> list[tuple[float, int]]:
    """(seconds after START, key)."""
    return [(event.time - START, event.a) for event in there.events if event.source == BACKING and event.kind == kind]


def test_nothing_sounds_before_somebody_plays():
    there = room()
    there.wait(60.0)
    assert of_song(there) == []


@pytest.mark.parametrize("key", ["C", "F#", "Bb"])
@pytest.mark.parametrize("tempo", [40, 120, 180])
def test_it_begins_with_the_first_press_and_every_note_is_in_its_place(tempo, key):
    there = room(key, tempo)
    there.press(5.0)
    there.wait(5.0 + SONG.length * 60 / tempo + 1.0)
    way = way_to(SONG, pitch_class(key))
    wanted = sorted((5.0 + note.beat * 60 / tempo, note.key + way) for note in SONG.notes)
    found = sorted(of_song(there))
    assert [key for _, key in found] == [key for _, key in wanted]
    assert [time for time, _ in found] == pytest.approx([time for time, _ in wanted], abs=0.005)


def test_it_is_over_at_its_end_and_begins_again_after_the_pause():
    there = room(more="pause_s = 2.0")
    there.press(1.0)
    end = 1.0 + SONG.length / 2
    there.wait(end + 2.5)
    assert [(said["what"], said["time"]) for said in there.told("song")] == [
        ("begun", 1.0),
        ("over", pytest.approx(end)),
        ("begun", pytest.approx(end + 2.0)),
    ]


def test_without_again_the_next_press_begins_it_anew():
    there = room(more="again = false")
    there.press(1.0)
    there.wait(100.0)
    assert [said["what"] for said in there.told("song")] == ["begun", "over"]
    there.press(101.0)
    assert [said["what"] for said in there.told("song")] == ["begun", "over", "begun"]


def test_what_plays_the_chord_of_the_moment_fits_the_song():
    there = room(NOTES[SONG.tonic], 60)
    there.press(1.0)
    for n in range(1, int(SONG.length)):
        there.wait(1.0 + n + 0.5)
        wanted = [chord.name for chord in SONG.chords if chord.beat <= n + 0.5][-1]
        assert there.music.status()["chord"] == parse_chord(wanted).name


def test_the_tune_can_be_left_to_the_clients():
    there = room(more="tune = false")
    there.press(1.0)
    there.wait(20.0)
    way = way_to(SONG, 0)
    wanted = sorted((1.0 + note.beat / 2, note.key + way) for note in accompanied(SONG).notes if note.part != SONG.melody)
    found = sorted(of_song(there))
    assert [key for _, key in found] == [key for time, key in wanted if time <= 20.0]


def test_it_is_as_loud_as_asked():
    loud, soft = room(), room(more="level = 0.2")
    for there in (loud, soft):
        there.press(1.0)
        there.wait(4.0)
    velocities = [[event.b for event in there.events if event.source == BACKING and event.kind == Kind.NOTE_ON] for there in (loud, soft)]
    assert [round(velocity * 0.2 / 0.7) for velocity in velocities[0]] == pytest.approx(velocities[1], abs=1)


def test_it_follows_a_transposition_and_ends_notes_on_the_key_they_began_with():
    there = room("C", 40)
    there.press(1.0)
    there.wait(1.2)
    there.music.harmony.transpose(5)
    there.wait(15.0)
    there.end(16.0)
    there.nothing_hangs()
    way = way_to(SONG, 0)
    first, *others = sorted(of_song(there))
    assert first[1] == SONG.notes[0].key + way
    assert others[0][1] == sorted(SONG.notes)[1].key + way + 5


def test_the_pedals_end_it_and_begin_it_anew():
    there = room()
    there.press(1.0)
    there.pedal(2.2, "next")
    assert [said["what"] for said in there.told("song")] == ["begun", "ended"]
    there.wait(30.0)
    sounded = len(of_song(there))
    there.pedal(31.0, "again")
    there.wait(33.0)
    assert len(of_song(there)) > sounded and there.told("song")[-1]["what"] == "begun"


def test_silence_ends_it_until_somebody_plays():
    there = room()
    there.press(1.0)
    there.silence(2.2)
    before = len(of_song(there))
    there.wait(60.0)
    assert len(of_song(there)) == before
    there.press(61.0)
    there.wait(62.0)
    assert len(of_song(there)) > before


def test_it_keeps_clear_of_the_clients_channels():
    there = room()
    there.press(1.0)
    there.wait(3.0)
    assert {event.channel for event in there.events if event.source == BACKING}.isdisjoint({2, 3})


def test_a_part_has_its_own_channel_where_nobody_else_does():
    assert channels_beside({1, 4, 10}, {2, 3}) == {1: 1, 4: 4, 10: 10}
    assert channels_beside({2, 3}, {2, 3, 16}) == {2: 15, 3: 14}
    assert channels_beside({5}, range(1, 17)) == {5: 1}


@pytest.mark.parametrize("seed", range(60))
def test_no_order_of_things_leaves_a_note_on(seed):
    there = room(more="chords = true\npause_s = 0.5")
    any_story(there, seed)
    there.nothing_hangs()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("level = 2", "level = 2; write a number from 0.1 to 1"),
        ("tune = 1", "tune = 1"),
        ("tune = false", "has only its tune and no chords; leave tune out"),
    ],
)
def test_options_that_cannot_be_are_told(more, words):
    with pytest.raises(SceneProblem) as problem:
        room(more=more, song=replace(SONG, chords=(), notes=tuple(n for n in SONG.notes if n.part == SONG.melody)))
    assert words in str(problem.value)


def test_a_scene_without_a_song_is_told():
    with pytest.raises(SceneProblem, match='the activity "play-along" needs a song'):
        Room('[activity]\nname = "play-along"\n[[voice]]')
