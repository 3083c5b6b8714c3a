"""Scenes that people write: what is read, and what a person is told when it cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote import programme
from reachnote.harmony import Harmony
from reachnote.model import Gesture, Kind, Move
from reachnote.scene import Scene, SceneProblem, read_scene
from reachnote.voice_rule import VoiceRule
from reachnote.voices import Voice, channel_for, output_mask

CARRIED = [path for path in programme.carried().values() if not programme.is_plan(path.read_text("utf-8"))]
MAJOR = (0, 2, 4, 7, 9)


def problem(text: str) -> str:
    with pytest.raises(SceneProblem) as found:
        read_scene(text, "mine.toml")
    return str(found.value)


@pytest.mark.parametrize("path", CARRIED, ids=lambda path: path.stem)
def test_every_carried_scene_is_read(path):
    scene = read_scene(path.read_text("utf-8"), path.name)
    assert scene.name
    assert scene.voices


def test_an_empty_file_is_a_scene_without_voices():
    assert read_scene("", "mine.toml") == Scene("mine.toml", 0, MAJOR, ())


def test_every_key_of_a_voice_is_read():
    text = """
    format = 1
    name = "Evening"
    key = "Bb"
    scale = "minor pentatonic"
    [[voice]]
    for = ["switch", "impact"]
    play = "zones"
    octave = 3
    notes = 7
    velocity = 99
    program = 12
    outputs = ["synth"]
    """
    scene = read_scene(text, "mine.toml")
    assert (scene.name, scene.tonic, scene.scale) == ("Evening", 10, (0, 3, 5, 7, 10))
    assert scene.voices == (VoiceRule(("switch", "impact"), "", "zones", 3, 7, 99, 12, ("synth",)),)


def test_a_voice_that_names_a_sensor_comes_before_its_kind_and_its_kind_before_all():
    text = "".join(
        f"[[voice]]\n{line}\n"
        for line in ("for = 'all'\nnotes = 1", "for = 'switch'\nnotes = 2", "sensor = 'Pads/left'\nnotes = 3")
    )
    scene = read_scene(text, "mine.toml")
    found = [
        scene.rule_for(*who) for who in (("Pads", "left", "switch"), ("Pads", "right", "switch"), ("Pads", "right", "impact"))
    ]
    assert [rule.notes for rule in found] == [3, 2, 1]
    assert read_scene("[[voice]]\nfor = 'switch'", "m").rule_for("Pads", "x", "pressure") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("key = ", "mine.toml: this is not TOML"),
        ("format = 2", "mine.toml: format = 2; this program reads format 1."),
        (
            "keys = 'C'",
            "mine.toml: scene has an unknown key 'keys'; known are format, name, says, key, scale, chords, tempo, song, transpose, limits, keyboard, thru, activity, voice. Did you mean 'key'?",
        ),
        ("key = 'H'", "mine.toml: key: 'H' is not a key; write one of C, C#"),
        ("scale = 'major pentatonc'", "Did you mean 'major pentatonic'?"),
        ("scale = ['major']", "mine.toml: scale = ['major']; write text in quotes."),
        ("voice = 3", "mine.toml: write each voice under its own [[voice]]."),
        ("[[voice]]\nfor = 'swich'", "mine.toml: voice 1: for = 'swich'; known are all, switch"),
        ("[[voice]]\nfor = 5", "mine.toml: voice 1: for = 5; known are all, switch"),
        ("[[voice]]\nfor = [['switch']]", "mine.toml: voice 1: for = ['switch']; known are all, switch"),
        (
            "[[voice]]\n[[voice]]\nplay = 'steps'",
            "mine.toml: voice 2: play = 'steps'; known are step, zones. Did you mean 'step'?",
        ),
        ("[[voice]]\nvelocity = 128", "mine.toml: voice 1: velocity = 128; write a whole number from 1 to 127."),
        ("[[voice]]\nvelocity = 70.5", "velocity = 70.5; write a whole number from 1 to 127."),
        ("[[voice]]\nnotes = 0", "notes = 0; write a whole number from 1 to 64."),
        ("[[voice]]\noctave = true", "octave = True; write a whole number from 0 to 8."),
        ("[[voice]]\nprogram = 129", "program = 129; write a whole number from 0 to 128."),
        ("[[voice]]\noutputs = 'synth'", "outputs = 'synth'; write a list of output names."),
        (
            "[[voice]]\nvelocty = 1",
            "mine.toml: voice 1: unknown key 'velocty'; known are for, sensor, play, notes, widths",
        ),
        ("#" * 70_000, "mine.toml: longer than a scene can be (64 KiB)."),
        ("[[voice]]\nnotes = " + "9" * 5_000, "mine.toml: this is not TOML"),
        ("a = " + "[" * 5_000, "mine.toml: this is not TOML"),
    ],
)
def test_what_cannot_be_used_is_told_with_the_place_and_what_is_allowed(text, words):
    assert words in problem(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="[]{}voicefr=\"'\n ,0123456789.-#", max_size=80))
def test_any_text_is_a_scene_or_a_sentence(text):
    try:
        read_scene(text, "mine.toml")
    except SceneProblem as found:
        assert str(found).startswith("mine.toml")


# ---------------------------------------------------------------- voices


def test_the_first_fourteen_sensors_have_a_channel_of_their_own_never_1_and_never_10():
    assert [channel_for(n, 0) for n in range(14)] == [2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16]
    assert [channel_for(14 + n, 3) for n in range(3)] == [5, 5, 5]


def test_outputs_are_a_mask_by_their_names():
    assert output_mask(("b",), ("a", "b", "c")) == 0b010
    assert output_mask(("c", "a"), ("a", "b", "c")) == 0b101
    assert output_mask((), ("a", "b")) == 0xFFFF


@pytest.mark.parametrize(("octave", "notes", "keys"), [(4, 5, (60, 62, 64, 67, 69)), (0, 2, (12, 14)), (8, 3, (108, 110, 112))])
def test_the_notes_of_a_voice_climb_the_scale(octave, notes, keys):
    assert Voice(VoiceRule(octave=octave, notes=notes), Harmony(0, MAJOR), 0, 2, 1).keys == keys


def test_no_key_is_above_127():
    keys = Voice(VoiceRule(octave=8, notes=64), Harmony(11, MAJOR), 0, 2, 1).keys
    assert max(keys) <= 127 and {key % 12 for key in keys} == {(11 + step) % 12 for step in MAJOR}


def test_a_voice_sounds_one_note_at_a_time():
    voice = Voice(VoiceRule(), Harmony(0, MAJOR), 0, 2, 1)
    first = voice.gesture(Gesture(0, 1.0, Move.ONSET, 0.7, -1))
    then = voice.gesture(Gesture(0, 2.0, Move.RELEASE, 0.0, -1)) + voice.gesture(Gesture(0, 2.0, Move.ONSET, 0.7, -1))
    assert [(Kind(e.kind).name, e.a) for e in first + then] == [("NOTE_ON", 60), ("NOTE_OFF", 60), ("NOTE_ON", 62)]
    voice.forget()
    assert voice.stop(3.0) == []
