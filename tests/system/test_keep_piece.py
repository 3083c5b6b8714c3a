"""Keep this piece: FluidSynth makes a sound file of a song and of a take, judged by its sound; or one sentence says why not."""

from __future__ import annotations

import shutil
import wave
from dataclasses import replace
from pathlib import Path

import pytest

from reachnote import keep_piece
from reachnote.keep_piece import KeepProblem, keep
from reachnote.model import Event, Kind, note_off, note_on
from reachnote.outputs.sound import find_soundfont
from reachnote.smf import open_song, read_song
from reachnote.smf_bytes import take_to_smf, to_smf
from reachnote.song import Part, transposed
from support.jack import pitch, pitches

pytest.importorskip("numpy", reason="numpy is not installed here")
needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or find_soundfont() is None, reason="FluidSynth or its sounds are not installed here"
)

OCARINA = 80  # as people count: nearly a pure tone
RATE = 48_000


def heard(path: Path):
    """The left channel as floats -1 .. 1."""
    import numpy

    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        return numpy.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[:, 0] / 32768.0


def hertz(key: int) -> float:
    return 440.0 * 2 ** ((key - 69) / 12)


def between(sound, begin: float, end: float):
    return sound[int(begin * RATE) : int(end * RATE)]


def on_ocarina(song):
    return replace(song, parts=(Part("melody", 2, OCARINA),))


@needs_fluidsynth
@pytest.mark.parametrize(("name", "up"), [("hello", 0), ("sakura", 0), ("sakura", 3)])
def test_a_song_is_kept_with_its_pitches_in_their_places(tmp_path, name, up):
    song = transposed(on_ocarina(open_song(name)), up)
    keep(to_smf(song), tmp_path / "song.wav")
    sound, beat = heard(tmp_path / "song.wav"), 60.0 / song.bpm
    for note in song.notes:
        begin, end = note.beat * beat, (note.beat + note.length) * beat
        middle = between(sound, begin + 0.4 * (end - begin), begin + 0.95 * (end - begin))
        assert pitch(middle, RATE) == pytest.approx(hertz(note.key), rel=0.02), note
    assert abs(sound).max() < 0.9
    assert len(sound) / RATE >= song.length * beat
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


@needs_fluidsynth
def test_a_take_is_kept_with_its_chords_and_its_rests(tmp_path):
    events = [Event(Kind.PROGRAM, 3, OCARINA - 1, 0, 1, 1, 500.0)]
    events += [note_on(3, key, 90, 1, 500.0) for key in (60, 64, 67)] + [note_off(3, key, 1, 502.0) for key in (60, 64, 67)]
    events += [note_on(3, 69, 90, 1, 505.0), note_off(3, 69, 1, 506.0)]
    keep(events, tmp_path / "take.wav")
    sound = heard(tmp_path / "take.wav")
    assert pitches(between(sound, 0.5, 1.9), RATE, 3) == pytest.approx([hertz(key) for key in (60, 64, 67)], rel=0.02)
    assert abs(between(sound, 4.0, 4.9)).max() < 0.02 * abs(sound).max()
    assert pitch(between(sound, 5.2, 5.9), RATE) == pytest.approx(440.0, rel=0.02)


@needs_fluidsynth
def test_a_file_of_ours_sounds_the_same_when_it_went_through_the_guarded_reader(tmp_path):
    (tmp_path / "ode.mid").write_bytes(to_smf(on_ocarina(open_song("ode-to-joy"))))
    again = to_smf(read_song(tmp_path / "ode.mid"))
    for name, data in (("one", (tmp_path / "ode.mid").read_bytes()), ("two", again)):
        keep(data, tmp_path / f"{name}.wav")
    assert abs(heard(tmp_path / "one.wav") - heard(tmp_path / "two.wav")).max() < 1e-3


@needs_fluidsynth
def test_an_older_file_stays_until_the_new_one_is_whole(tmp_path):
    (tmp_path / "take.wav").write_bytes(b"older")
    with pytest.raises(KeepProblem, match="FluidSynth stopped early"):
        keep(b"no MIDI file", tmp_path / "take.wav")
    assert (tmp_path / "take.wav").read_bytes() == b"older"
    keep(take_to_smf([note_on(1, 60, 80, 1, 0.0), note_off(1, 60, 1, 0.5)]), tmp_path / "take.wav")
    assert abs(heard(tmp_path / "take.wav")).max() > 0.001


def test_what_is_missing_is_told(tmp_path, monkeypatch):
    wav = tmp_path / "take.wav"
    monkeypatch.setattr(keep_piece.shutil, "which", lambda _: None)
    with pytest.raises(KeepProblem, match=r"FluidSynth is not installed\. On Debian and Ubuntu: sudo apt install fluidsynth"):
        keep(b"", wav)
    monkeypatch.setattr(keep_piece.shutil, "which", lambda _: "/usr/bin/fluidsynth")
    with pytest.raises(KeepProblem, match="there is no SoundFont, so FluidSynth has no instruments"):
        keep(b"", wav, soundfont=str(tmp_path / "none.sf2"))
    (tmp_path / "text.sf2").write_text("no sounds in here")
    with pytest.raises(KeepProblem, match="is not a SoundFont"):
        keep(b"", wav, soundfont=str(tmp_path / "text.sf2"))


@needs_fluidsynth
def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(KeepProblem, match=r"was not made \(No such file or directory\)\. Choose another place\."):
        keep(take_to_smf([]), tmp_path / "nowhere" / "take.wav")
