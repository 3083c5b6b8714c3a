"""FluidSynth sounds what sessions of simulated clients play: a song, chords that follow, two clients; judged by their pitches."""

from __future__ import annotations

import shutil
import wave
from itertools import pairwise
from pathlib import Path

import pytest

from reachnote import programme
from reachnote.keep_piece import keep
from reachnote.model import Event, Kind
from reachnote.outputs.sound import find_soundfont
from reachnote.render_command import clients
from reachnote.rendering import CHORD_BEATS, Take, rendered
from reachnote.smf_bytes import take_to_smf
from support.jack import pitches

pytest.importorskip("numpy", reason="numpy is not installed here")
pytestmark = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or find_soundfont() is None, reason="FluidSynth or its sounds are not installed here"
)

RATE, LEAST_S, EDGE_S = 48_000, 0.16, 0.06
SONG = """
key = "D"
tempo = 60
song = "sakura"
[activity]
name = "song"
[[voice]]
sensor = "Box/go"
program = 80
for = "switch"
"""
CHORDS = """
chords = "C Am F G"
[[voice]]
for = "switch"
source = "chord"
notes = 4
octave = 5
program = 80
trigger = {mode = "one-shot", length_s = 0.6, again = "restart"}
"""
TWO = """
key = "G"
scale = "major"
[[voice]]
sensor = "Left box/one"
octave = 4
program = 80
trigger = {mode = "one-shot", length_s = 0.9, again = "restart"}
[[voice]]
sensor = "Right box/two"
octave = 6
notes = 3
program = 80
trigger = {mode = "one-shot", length_s = 0.9, again = "restart"}
"""


def sounded(text: str, folder: Path, who: str = "steady", seconds: float = 40.0) -> tuple[Take, object]:
    """(what was played, the left channel of what FluidSynth made of it)."""
    import numpy

    take = rendered([programme.read(text, "test")], clients(who), seconds)
    keep(take_to_smf(take.events, take.names), folder / "take.wav")
    with wave.open(str(folder / "take.wav")) as file:
        assert file.getframerate() == RATE
        return take, numpy.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[:, 0] / 32768.0


def stretches(events: list[Event]) -> list[tuple[float, float, tuple[int, ...]]]:
    """(from, to, keys that sound) between all changes."""
    sounding: dict[tuple[int, int], int] = {}
    found, last = [], 0.0
    for event in sorted((e for e in events if e.kind in (Kind.NOTE_ON, Kind.NOTE_OFF)), key=lambda e: e.time):
        if event.time - last > LEAST_S + 2 * EDGE_S:
            found.append((last + EDGE_S, event.time - EDGE_S / 6, tuple(sorted(sounding.values()))))
        last = event.time
        if event.kind == Kind.NOTE_ON:
            sounding[event.channel, event.a] = event.a
        else:
            sounding.pop((event.channel, event.a), None)
    return found


def hertz(key: int) -> float:
    return 440.0 * 2 ** ((key - 69) / 12)


def check(take: Take, sound, most: int) -> int:
    """Every stretch with 1 to `most` different notes has their pitches in it; how many stretches that were."""
    count = 0
    for begin, end, keys in stretches(take.events):
        if not 1 <= len(set(keys)) <= most or any(b % 12 == a % 12 for a, b in pairwise(sorted(set(keys)))):
            continue  # notes an octave apart share their overtones
        piece = sound[int(begin * RATE) : int(end * RATE)]
        found = pitches(piece, RATE, len(set(keys)), 100.0, 2500.0)
        assert found == [pytest.approx(hertz(key), rel=0.025) for key in sorted(set(keys))], (begin, end, keys)
        count += 1
    return count


def test_a_song_stepped_by_a_client_sounds_its_pitches(tmp_path):
    take, sound = sounded(SONG, tmp_path)
    assert check(take, sound, 1) >= 10


def test_a_session_that_follows_chords_sounds_the_chord_of_the_moment(tmp_path):
    take, sound = sounded(CHORDS, tmp_path)
    assert check(take, sound, 1) >= 8
    chords = {0: {0, 4, 7}, 1: {9, 0, 4}, 2: {5, 9, 0}, 3: {7, 11, 2}}
    bars = CHORD_BEATS * 60 / 90
    for event in take.events:
        if event.kind == Kind.NOTE_ON:
            assert event.a % 12 in chords[int(event.time / bars + 1e-6) % 4], event


def test_two_clients_are_both_heard(tmp_path):
    take, sound = sounded(TWO, tmp_path, seconds=60.0)
    assert {event.channel for event in take.events if event.kind == Kind.NOTE_ON} == {2, 3}
    assert check(take, sound, 2) >= 8
    assert any(len(set(keys)) == 2 for _, _, keys in stretches(take.events))
