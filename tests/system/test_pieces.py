"""`reachnote keep` and `reachnote teach`: a piece to take home, and a song taught by playing it, beside a running session."""

from __future__ import annotations

import subprocess
import sys
import time
import wave

import mido
import pytest

from reachnote import journal
from reachnote.journal import Left, Line, Opened
from reachnote.model import note_off, note_on
from reachnote.outputs.sound import find_soundfont
from reachnote.smf import read_song
from support.boards import PtyBoard
from support.running import Receiver, Running, until


def said(run: Running, *words: str) -> tuple[int, str]:
    done = run.command(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text, _ = done.communicate(timeout=60)
    return done.returncode, text


@pytest.fixture
def table():
    board, receiver = PtyBoard(), Receiver()
    board.stream(250)
    with Running([f"serial:{board.path}"], [receiver.spec]) as run:
        run.ready(1)
        time.sleep(0.3)
        yield board, receiver, run
    board.unplug()
    receiver.close()


def test_what_was_just_played_is_kept_as_notes_and_as_sound(table, tmp_path):
    board, receiver, run = table
    for n in range(6):
        board.press(0, n % 2 == 0)
        time.sleep(0.15)
    until(lambda: len(receiver.notes_off()) == 3, 5.0, "three notes")
    code, text = said(run, "keep", str(tmp_path / "ours.mid"))
    assert (code, text) == (0, f"{tmp_path / 'ours.mid'}: 3 notes, 3 s.\n")
    kept = [(m.note, m.velocity) for m in mido.MidiFile(tmp_path / "ours.mid") if m.type == "note_on" and m.velocity]
    assert kept == [(m.a, m.b) for m in receiver.notes_on()]
    code, text = said(run, "keep", str(tmp_path / "ours.mid"))
    assert (code, text) == (2, f"{tmp_path / 'ours.mid'} is there already and is kept as it is. Choose another name.\n")
    if find_soundfont() is None:
        pytest.skip("FluidSynth's sounds are not installed here")
    assert said(run, "keep", str(tmp_path / "ours.wav"))[0] == 0
    with wave.open(str(tmp_path / "ours.wav")) as file:
        assert 2.0 < file.getnframes() / file.getframerate() < 6.0


def test_with_nothing_played_there_is_nothing_to_keep_or_to_teach(table, tmp_path):
    _, _, run = table
    code, text = said(run, "keep", str(tmp_path / "a.mid"))
    assert (code, text) == (1, "Nothing sounded in that time, so there is no piece to keep.\n")
    code, text = said(run, "teach", str(tmp_path / "a.mid"))
    assert code == 1 and text.startswith("Nothing was played on the therapist's keyboard, so there is no song.")
    assert list(tmp_path.iterdir()) == []


def test_a_song_is_taught_by_playing_it_once_and_can_be_stepped(table, tmp_path):
    _, _, run = table
    entries: list[journal.Entry] = [Opened(1.0, 0, "therapist: Piano", False)]
    for n, key in enumerate((60, 62, 64, 65, 67)):
        for message, at in ((bytes((0x90, key, 80)), 2.0 + 0.5 * n), (bytes((0x80, key, 64)), 2.4 + 0.5 * n)):
            entries.append(Line(at, 0, framed(message)))
    tape = tmp_path / "tape.jsonl"
    tape.write_text(journal.header({}) + "".join(journal.write(entry) for entry in entries))
    code, text = said(run, "teach", str(tmp_path / "ours.mid"), str(tape), "--tempo", "120")
    assert code == 0 and text.startswith(f"{tmp_path / 'ours.mid'}: 5 notes in 1 phrase, 120 beats a minute.\n")
    song = read_song(tmp_path / "ours.mid")
    assert [note.key for note in song.notes] == [60, 62, 64, 65, 67]
    (tmp_path / "mine.toml").write_text('song = "ours.mid"\n[activity]\nname = "song"\n[[voice]]\n')
    assert said(run, "check", "--scene", str(tmp_path / "mine.toml"))[0] in (0, 1)


def framed(message: bytes) -> bytes:
    import reachnote_wire as wire

    return wire.frame("m", message.hex())[:-1]


def test_a_recording_is_kept_without_a_session(tmp_path):
    entries = [Left(1.0, note_on(2, 60, 70, 0, 1.0)), Left(1.5, note_off(2, 60, 0, 1.5)), Left(2.0, note_on(2, 64, 70, 0, 2.0))]
    tape = tmp_path / "tape.jsonl"
    tape.write_text(journal.header({}) + "".join(journal.write(entry) for entry in entries))
    done = subprocess.run([sys.executable, "-m", "reachnote", "keep", str(tmp_path / "a.mid"), str(tape)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [m for m in mido.MidiFile(tmp_path / "a.mid") if m.type in ("note_on", "note_off")]
    assert [m.note for m in found] == [60, 60, 64, 64]


@pytest.mark.parametrize("name", ["hello", "sakura"])
def test_a_carried_song_is_kept(tmp_path, name):
    done = subprocess.run([sys.executable, "-m", "reachnote", "keep", str(tmp_path / "a.mid"), "--song", name], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len([m for m in mido.MidiFile(tmp_path / "a.mid") if m.type == "note_on"]) > 10
