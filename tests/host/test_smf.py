"""Foreign MIDI files: what is read of them, and that the worst of them ends in one sentence, soon."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote import smf, smf_child
from reachnote.model import Kind
from reachnote.smf import carried, open_song, read_song
from reachnote.smf_bytes import to_smf
from reachnote.smf_child import Unreadable
from reachnote.song import Control, Note, Part, Song, accompanied
from reachnote.song_text import SongProblem
from reachnote.tempo import Metre

CHILD = Path(smf_child.__file__)
END = b"\x00\xff\x2f\x00"
NOTE = b"\x00\x90\x3c\x50\x81\x70\x80\x3c\x40"  # 240 ticks of C4


def vlq(number: int) -> bytes:
    out = [number & 127]
    while number := number >> 7:
        out.append(number & 127 | 128)
    return bytes(reversed(out))


def smf_of(*tracks: bytes, kind: int = 1, division: int = 480) -> bytes:
    head = b"MThd" + struct.pack(">LHHH", 6, kind, len(tracks), division)
    return head + b"".join(b"MTrk" + struct.pack(">L", len(track)) + track for track in tracks)


def song_of(data: bytes) -> Song:
    """What the child's code makes of the bytes, in this process."""
    return smf._song(json.loads(json.dumps(smf_child.read(data))), "name")


def mido_file(*tracks: list, kind: int = 1, ticks: int = 480) -> bytes:
    out = io.BytesIO()
    mido.MidiFile(type=kind, ticks_per_beat=ticks, tracks=[mido.MidiTrack(track) for track in tracks]).save(file=out)
    return out.getvalue()


def on(key: int, after: int = 0, velocity: int = 80, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=key, velocity=velocity, time=after, channel=channel)


def off(key: int, after: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=key, time=after, channel=channel)


def control(number: int, value: int, after: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, time=after)


# ---------------------------------------------------------------- good files


@pytest.mark.parametrize("name", ["amazing-grace", "row-row-row-your-boat"])
def test_a_song_of_ours_comes_back_as_it_was(tmp_path, name):
    song = accompanied(open_song(name), channel=10 if name == "x" else 4, program=20)
    (tmp_path / "song.mid").write_bytes(to_smf(song))
    back = read_song(tmp_path / "song.mid")
    assert (back.notes, back.parts, back.chords, back.words, back.phrases) == (
        song.notes, song.parts, song.chords, song.words, song.phrases,
    )  # fmt: skip
    assert (back.title, back.tonic, back.mode, back.tempo) == (song.title, song.tonic, song.mode, song.tempo)


@pytest.mark.parametrize("name", sorted(carried()))
def test_every_carried_song_comes_back_as_it_was(name):
    song = accompanied(open_song(name))
    back = song_of(to_smf(song))
    assert (back.notes, back.chords, back.words, back.tempo) == (song.notes, song.chords, song.words, song.tempo)


def test_format_0_is_split_by_channel():
    data = mido_file([on(60), on(38, 0, 90, 9), off(60, 480), off(38, 0, 9)], kind=0)
    song = song_of(data)
    assert song.parts == (Part("", 1), Part("", 10))
    assert song.notes == (Note(0.0, 1.0, 38, 90, 1), Note(0.0, 1.0, 60, 80, 0))


def test_format_1_plays_its_tracks_together_and_takes_their_names():
    named = mido.MetaMessage("track_name", name="Vocals")
    song = song_of(
        mido_file(
            [mido.MetaMessage("track_name", name="Song")], [named, on(60, 96), off(60, 96)], [on(48), off(48, 192)], ticks=96
        )
    )
    assert song.title == "Song"
    assert song.parts == (Part("Vocals", 1), Part("", 1))
    assert song.notes == (Note(0.0, 2.0, 48, 80, 1), Note(1.0, 1.0, 60, 80, 0))


def test_format_2_plays_its_patterns_one_after_the_other():
    song = song_of(mido_file([on(60), off(60, 500)], [on(62), off(62, 480)], kind=2))
    assert [(note.beat, note.key) for note in song.notes] == [(0.0, 60), (4.0, 62)]


def test_tempo_and_metre_changes_are_kept():
    about = [
        mido.MetaMessage("set_tempo", tempo=500_000),
        mido.MetaMessage("time_signature", numerator=6, denominator=8),
        mido.MetaMessage("set_tempo", tempo=833_333, time=960),
        mido.MetaMessage("time_signature", numerator=3, denominator=4, time=480),
        mido.MetaMessage("set_tempo", tempo=461_538, time=0),
    ]
    song = song_of(mido_file(about, [on(60), off(60, 2400)]))
    assert song.tempo == ((0.0, 120.0), (2.0, 72.0), (3.0, 130.0))
    assert song.metre == (Metre(0.0, 6, 8), Metre(3.0, 3, 4))


def test_a_tempo_between_the_hundredths_is_kept_as_it_is():
    song = song_of(mido_file([mido.MetaMessage("set_tempo", tempo=3_333_334), on(60), off(60, 10)]))
    assert 60e6 / song.tempo[0][1] == pytest.approx(3_333_334, abs=0.6)


@pytest.mark.parametrize(("frames", "ticks", "beats_a_second"), [(24, 20, 2.0), (25, 40, 2.0), (29, 100, 2.0), (30, 80, 2.0)])
def test_time_code_counts_two_beats_a_second(frames, ticks, beats_a_second):
    rate = (30_000 / 1001 if frames == 29 else frames) * ticks
    track = b"\x00\x90\x3c\x50" + vlq(round(10 * rate)) + b"\x80\x3c\x40" + END
    song = song_of(smf_of(track, division=(256 - frames) << 8 | ticks))
    assert song.notes[0].length == pytest.approx(10 * beats_a_second, rel=1e-4)
    assert song.tempo == ((0.0, 120.0),)


def test_the_pedal_is_in_the_lengths_of_the_notes():
    song = song_of(
        mido_file([on(60), control(64, 127, 120), off(60, 120), on(62), off(62, 240), control(64, 0, 480), on(64), off(64, 240)])
    )
    assert [(n.key, n.beat, n.length) for n in song.notes] == [(60, 0.0, 2.0), (62, 0.5, 1.5), (64, 2.0, 0.5)]
    assert song.controls == ()


def test_notes_that_never_end_end_with_their_track():
    song = song_of(mido_file([on(60), control(64, 127), on(62, 240), off(62, 240), mido.MetaMessage("end_of_track", time=480)]))
    assert [(n.key, n.length) for n in song.notes] == [(60, 2.0), (62, 1.5)]


def test_a_key_struck_twice_before_it_is_let_go_ends_in_between():
    song = song_of(mido_file([on(60), on(60, 240), off(60, 240), off(60, 240)]))
    assert [(n.beat, n.length) for n in song.notes] == [(0.0, 0.5), (0.5, 1.0)]


def test_programs_and_harmless_controls_are_kept_and_the_others_not():
    change = mido.Message("program_change", program=40)
    later = mido.Message("program_change", program=41, time=240)
    bend = mido.Message("pitchwheel", pitch=100)
    song = song_of(mido_file([change, control(7, 90), control(123, 0), control(120, 0), on(60), bend, later, off(60, 0)]))
    assert song.parts == (Part("", 1, 41),)
    assert song.controls == (
        Control(0.0, 0, Kind.CONTROL, 7, 90), Control(0.0, 0, Kind.BEND, (8192 + 100) & 127, (8192 + 100) >> 7),
        Control(0.5, 0, Kind.PROGRAM, 41, 0),
    )  # fmt: skip


def test_the_key_is_the_files_own_or_a_guess():
    tune = [m for step in (0, 4, 7, 12, 7, 4, 0) for m in (on(62 + step), off(62 + step, 240))]
    signed = mido.MetaMessage("key_signature", key="F#m")
    assert (song_of(mido_file([signed, *tune])).tonic, song_of(mido_file([signed, *tune])).mode) == (6, "minor")
    assert (song_of(mido_file(tune)).tonic, song_of(mido_file(tune)).mode) == (2, "major")


def test_words_are_kept_in_utf8_and_latin_without_what_does_not_print():
    track = b"".join(b"\x00\xff\x05" + vlq(len(w)) + w for w in ("Frè".encode(), "Grü".encode("latin-1"), b"\x1b[2Jx", b"\\Hal-"))
    song = song_of(smf_of(track + NOTE + END))
    assert sorted(word.text for word in song.words) == ["Frè", "Grü", "Hal-", "[2Jx"]


def test_running_status_unknown_chunks_and_bytes_behind_are_fine():
    track = b"\x00\x90\x3c\x50\x81\x70\x3c\x00\x00\x3e\x50\x81\x70\x3e\x00" + END
    data = smf_of(track)
    data = data[:14] + b"XFIH" + struct.pack(">L", 3) + b"abc" + data[14:] + b"\0\0garbage"
    assert [note.key for note in song_of(data).notes] == [60, 62]


def test_a_midi_file_in_a_riff_is_read():
    data = smf_of(NOTE + END)
    assert song_of(b"RIFF" + struct.pack("<L", len(data) + 12) + b"RMIDdata" + struct.pack("<L", len(data)) + data).notes


def test_meta_events_that_would_upset_mido_are_passed_over():
    bad = (
        b"\x00\xff\x59\x02\x0c\x05"
        + b"\x00\xff\x59\x01\x00"
        + b"\x00\xff\x51\x03\x00\x00\x00"
        + b"\x00\xff\x58\x04\x00\xff\x01\x08"
    )
    bad += b"\x00\xff\x58\x04\x04\xc8\x18\x08" + b"\x00\xff\x54\x05\xff\xff\xff\xff\xff" + b"\x00\xff\x7f\x03\x01\x02\x03"
    bad += b"\x00\xf0\x05\x7e\x7f\x09\x01\xf7" + b"\x00\xa0\x3c\x40"
    song = song_of(smf_of(bad + NOTE + END))
    assert (song.tempo, song.metre, len(song.notes)) == (((0.0, 120.0),), (Metre(0.0, 4, 4),), 1)


def test_a_huge_wait_after_the_last_note_is_no_harm():
    assert song_of(smf_of(NOTE + b"\xff\xff\xff\x7f\xff\x2f\x00")).length == 0.5


# ---------------------------------------------------------------- hostile files

MANY_NOTES = b"\x00\x90\x3c\x40" + b"\x01\x3c\x00\x01\x3c\x40" * 60_000
HOSTILE = {
    "nothing": (b"", "is not a MIDI file: it does not begin with MThd"),
    "not MIDI": (b"%PDF-1.7 " * 1000, "is not a MIDI file"),
    "a header alone": (b"MThd\0\0\0\6\0\1\0\1\1\xe0", "has no tracks"),
    "half a header": (b"MThd\0\0\0\6\0\1", "is damaged: its header is not whole"),
    "a header of 4 GiB": (b"MThd\xff\xff\xff\xff" + b"\0" * 100, "is damaged: its header is not whole"),
    "format 3": (smf_of(NOTE + END, kind=3), "is of MIDI file format 3; there are 0, 1 and 2"),
    "no division": (smf_of(NOTE + END, division=0), "is damaged: its beat has no length"),
    "an unknown time code": (smf_of(NOTE + END, division=0xD0FF), "is damaged: its time code is unknown"),
    "a time code without ticks": (smf_of(NOTE + END, division=0xE700), "is damaged: its time code is unknown"),
    "endless 0xFF": (smf_of(b"\xff" * 2_000_000), "is damaged: a number has more than four bytes"),
    "endless 0x80": (smf_of(b"\x80" * 2_000_000), "is damaged: a number has more than four bytes"),
    "endless running status": (smf_of(MANY_NOTES + END), "has more than 100000 events"),
    "endless meta events": (smf_of(b"\x00\xff\x01\x00" * 500_000 + END), "has more than 100000 events"),
    "deep meta events": (smf_of(b"\x00\xff\x7f" * 100_000 + END), "is damaged"),
    "a meta event of 2**28": (smf_of(b"\x00\xff\x01\xff\xff\xff\x7fabc"), "is damaged: a track ends inside an event"),
    "a sysex of 2**28": (smf_of(b"\x00\xf0\xff\xff\xff\x7fabc"), "is damaged: a track ends inside an event"),
    "a huge wait": (smf_of(b"\xff\xff\xff\x7f\x90\x3c\x50\x10\x80\x3c\x40" + END), "is longer than a song can be"),
    "many waits": (smf_of((b"\xff\xff\x7f\x90\x3c\x50\x10\x80\x3c\x40") * 1000 + END), "is longer than a song can be"),
    "waits that add up": (smf_of(b"\xff\xff\xff\x7f\xff\x7f\x00" * 40 + NOTE + END), "is longer than a song can be"),
    "running status of nothing": (smf_of(b"\x00\x3c\x50"), "is damaged: a message has no beginning"),
    "a message that files cannot hold": (smf_of(b"\x00\xf8"), "is damaged: 0xf8 stands where a message begins"),
    "values above 127": (smf_of(b"\x00\x90\x90\x90"), "is damaged: a message has a value above 127"),
    "cut off": (smf_of(NOTE + END)[:-3], "is damaged: a track is cut off"),
    "cut off inside an event": (smf_of(b"\x00\x90\x3c"), "is damaged: a track ends inside an event"),
    "many tracks": (smf_of(*[END] * 300), "has more than 256 tracks"),
    "many tempos": (smf_of(b"\x01\xff\x51\x03\x07\xa1\x20" * 6_000 + NOTE + END), "has more than 5000 changes of tempo"),
    "many parts": (smf_of(*[b"".join(bytes((0, 0xC0 | c, 1)) for c in range(16)) + END] * 20), "has more than 256 parts"),
    "no notes": (smf_of(b"\x00\xb0\x07\x64" + END), "has no notes"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_one_sentence_soon(tmp_path, name):
    data, said = HOSTILE[name]
    path = tmp_path / "hostile.mid"
    path.write_bytes(data)
    begun = time.monotonic()
    with pytest.raises(SongProblem) as found:
        read_song(path)
    assert time.monotonic() - begun < 6.0
    assert str(found.value).startswith(f"'{path}' {said}")
    assert str(found.value).endswith("Choose another file, or save it anew from the program that made it.")


def test_a_gigabyte_of_nothing_is_refused(tmp_path):
    path = tmp_path / "sparse.mid"
    with open(path, "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(SongProblem, match="is larger than a song can be"):
        read_song(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")
    for path, said in (
        (tmp_path / "pipe.mid", "is not a file"),
        (tmp_path, "is not a file"),
        (tmp_path / "none.mid", "cannot be opened"),
        ("/dev/zero", "is not a file"),
        ("a\0b.mid", "cannot be read"),
    ):
        with pytest.raises(SongProblem, match=said):
            read_song(path)


def test_a_song_at_the_limit_is_still_read(tmp_path):
    path = tmp_path / "large.mid"
    path.write_bytes(smf_of(b"\x00\x90\x3c\x40" + b"\x01\x3c\x00\x01\x3c\x40" * 24_000 + b"\x01\x3c\x00" + END))
    begun = time.monotonic()
    assert len(read_song(path).notes) == 24_001
    assert time.monotonic() - begun < 6.0


STAND_INS = {
    "sleeps": ("import time\ntime.sleep(60)", "takes too long to read, so it was left alone"),
    "never stops talking": ("while True: print('x' * 10000)", "could not be read as a song"),
    "dies": ("import os\nos.abort()", "could not be read as a song"),
    "says nothing": ("", "could not be read as a song"),
    "says something else": ("print('[1, 2]')", "could not be read as a song"),
    "says half of it": ('print(\'{"song": {"beats": 1}}\')', "could not be read as a song"),
    "divides by nothing": (
        'print(\'{"song": {"beats": 1, "ticks": 0, "notes": [[0, 1, 60, 80, 0]]}}\')',
        "could not be read as a song",
    ),
}


@pytest.mark.parametrize("name", STAND_INS)
def test_whatever_the_child_does_the_answer_is_a_sentence(tmp_path, monkeypatch, name):
    code, said = STAND_INS[name]
    (tmp_path / "child.py").write_text(code)
    monkeypatch.setattr(smf, "_CHILD", tmp_path / "child.py")
    monkeypatch.setattr(smf, "PATIENCE_S", 1.0)
    begun = time.monotonic()
    with pytest.raises(SongProblem, match=said):
        read_song("some.mid")
    assert time.monotonic() - begun < 3.0


def test_a_child_that_says_too_much_is_not_listened_to(tmp_path, monkeypatch):
    (tmp_path / "child.py").write_text("print('{\"problem\": \"' + 'x' * 100000 + '\"}')")
    monkeypatch.setattr(smf, "_CHILD", tmp_path / "child.py")
    monkeypatch.setattr(smf, "MOST_SAID", 1000)
    with pytest.raises(SongProblem, match="could not be read as a song"):
        read_song("some.mid")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems bound memory differently or not at all")
def test_the_child_bounds_its_memory_and_its_time():
    code = f"import runpy, resource; runpy.run_path({str(CHILD)!r})['bound']()\n"
    code += "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0])\nbytearray(1 << 29)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=20)
    assert done.stdout.split() == [str(256 << 20), "4"]
    assert done.returncode == 1 and "MemoryError" in done.stderr


@pytest.mark.long
def test_a_child_that_spins_is_ended_within_six_seconds(tmp_path, monkeypatch):
    spin = f"import runpy\nrunpy.run_path({str(CHILD)!r})['bound']()\nwhile True: pass"
    (tmp_path / "child.py").write_text(spin)
    monkeypatch.setattr(smf, "_CHILD", tmp_path / "child.py")
    begun = time.monotonic()
    with pytest.raises(SongProblem, match="takes too long to read"):
        read_song("some.mid")
    assert time.monotonic() - begun < 6.0


# ---------------------------------------------------------------- any bytes

GOOD = [to_smf(accompanied(open_song(name))) for name in ("hello", "sakura")]
SEEDS = GOOD + [data for data, _ in HOSTILE.values() if len(data) < 20_000]


def damaged(chance: random.Random) -> bytes:
    """A good or a hostile file with bytes changed, taken out, put in or doubled anywhere."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = bytes((chance.randrange(256),))
            case 1:
                del data[at : at + chance.randint(1, 30)]
            case 2:
                data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 10)))
            case _:
                other = chance.randrange(len(data) + 1)
                data[at:at] = data[other : other + 40]
    return bytes(data)


def slightly_damaged(chance: random.Random) -> bytes:
    """A good file with a few bytes of its tracks changed, its lengths right and its header any that is possible."""
    tracks = [bytearray(track) for track in smf_child.chunks(chance.choice(GOOD))[2]]
    for _ in range(chance.randint(1, 6)):
        track = chance.choice(tracks)
        track[chance.randrange(len(track))] = chance.randrange(256 if chance.random() < 0.2 else 128)
    division = chance.choice((1, 24, 480, 32767, 0xE728, 0xE350))
    return smf_of(*map(bytes, tracks), kind=chance.randrange(3), division=division)


def read_or_refused(data: bytes) -> bool:
    try:
        song = song_of(data)
    except Unreadable:
        return False
    for note in song.notes:
        assert 0 <= note.key <= 127 and 1 <= note.velocity <= 127 and note.beat >= 0 and note.length > 0
        assert 0 <= note.part < len(song.parts) and 1 <= song.parts[note.part].channel <= 16
    assert song.tempo[0][0] == 0.0 and all(5 <= bpm <= 1000 for _, bpm in song.tempo)
    assert song.bars.of(song.length)[0] >= 0 and song.bpm and song.melody < len(song.parts)
    assert song_of(to_smf(song)).notes or song.length > 30_000
    return True


def many_damaged(count: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(count):
        read_or_refused(damaged(chance))
    read = sum(read_or_refused(slightly_damaged(chance)) for _ in range(count))
    assert read > count / 10  # else only the doors were tried


def test_a_hundred_damaged_files_are_songs_or_refused():
    many_damaged(50, 1)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ten_thousand_damaged_files_are_songs_or_refused():
    many_damaged(5_000, 2)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from([b"", b"MThd\0\0\0\6\0\1\0\1\1\xe0", b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\x20"])
)
def test_any_bytes_are_a_song_or_refused(data, head):
    read_or_refused(head + data)
