"""A song: its keys, its steps, how it is learnt, the TOML that people write, and the file that it becomes."""

from __future__ import annotations

import io
import random
from dataclasses import replace

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.model import Event, Kind, note_off, note_on, order
from reachnote.smf_bytes import take_to_smf, to_smf, variable_length
from reachnote.song import (
    Control,
    Note,
    Part,
    Song,
    SongChord,
    Word,
    accompanied,
    chord_up,
    guess_bpm,
    guess_key,
    learn,
    steps,
    transposed,
    untangled,
    way_to,
)
from reachnote.song_text import SongProblem, read_key, read_length, read_song_text
from reachnote.tempo import Metre

TUNE = Song(
    title="Tune",
    notes=(Note(0.0, 1.0, 60), Note(1.0, 1.0, 64), Note(2.0, 2.0, 67), Note(4.0, 1.5, 65), Note(6.0, 2.0, 60)),
    tempo=((0.0, 90.0),),
    chords=(SongChord(0.0, 4.0, "C"), SongChord(4.0, 2.0, "G7/B"), SongChord(6.0, 2.0, "C")),
    words=(Word(0.0, "Here"), Word(1.0, "we"), Word(2.0, "are"), Word(4.0, "a-"), Word(6.0, "gain")),
    phrases=(0.0, 4.0),
)
WITH_DRUMS = replace(TUNE, parts=(Part("melody"), Part("kit", 10)), notes=(*TUNE.notes, Note(7.0, 0.5, 38, 90, 1)))


# ---------------------------------------------------------------- keys


def test_a_song_moves_with_its_chords_and_its_key_and_its_drums_stay():
    song = transposed(WITH_DRUMS, 2)
    assert [note.key for note in song.notes] == [62, 66, 69, 67, 62, 38]
    assert [chord.name for chord in song.chords] == ["D", "A7/C#", "D"]
    assert song.tonic == 2


def test_a_key_beyond_the_keyboard_moves_back_by_octaves():
    song = transposed(replace(TUNE, notes=(Note(0, 1, 120), Note(1, 1, 2))), 12)
    assert [note.key for note in song.notes] == [120, 14]
    assert [note.key for note in transposed(replace(TUNE, notes=(Note(0, 1, 2),)), -5).notes] == [9]


@pytest.mark.parametrize(("tonic", "way"), [(0, 0), (1, 1), (6, 6), (7, -5), (11, -1)])
def test_the_way_to_another_key_is_the_shorter_one(tonic, way):
    assert way_to(TUNE, tonic) == way


@pytest.mark.parametrize(
    ("name", "up", "is_now"), [("C", 2, "D"), ("Am7", 3, "Cm7"), ("Bb/D", 2, "C/E"), ("F#m7b5", 1, "Gm7b5"), ("?", 2, "?")]
)
def test_a_chord_is_named_anew(name, up, is_now):
    assert chord_up(name, up) == is_now


def major(tonic: int) -> list[Note]:
    return [Note(n, 2.0 if step in (0, 7) else 1.0, 60 + tonic + step) for n, step in enumerate((0, 2, 4, 5, 7, 9, 11, 12, 7, 0))]


@pytest.mark.parametrize("tonic", range(12))
def test_the_key_of_a_plain_tune_is_found(tonic):
    assert guess_key(major(tonic)) == (tonic, "major")
    assert guess_key([Note(n, 1.0, 60 + tonic + step) for n, step in enumerate((0, 2, 3, 5, 7, 8, 7, 3, 0))]) == (tonic, "minor")


def test_no_notes_have_a_key_all_the_same():
    assert guess_key([]) == (0, "major")


# ---------------------------------------------------------------- what a song knows of itself


def test_the_main_tempo_is_the_one_that_lasts():
    assert TUNE.bpm == 90.0
    assert replace(TUNE, tempo=((0.0, 60.0), (2.0, 100.0), (7.0, 60.0))).bpm == 100.0
    assert replace(TUNE, tempo=((0.0, 60.0), (3.0, 100.0), (6.0, 60.0))).bpm == 60.0


def test_a_song_ends_with_its_last_note_or_chord():
    assert TUNE.length == 8.0
    assert replace(TUNE, chords=(SongChord(6.0, 4.0, "C"),)).length == 10.0
    assert Song().length == 0.0


@pytest.mark.parametrize(
    ("parts", "tune"),
    [
        ((Part("Piano", 1), Part("Vocals", 2), Part("Bass", 3)), 1),  # by its name
        ((Part("Piano", 1), Part("", 2), Part("Bass", 3)), 0),  # the highest that plays enough
        ((Part("Melody drums", 10), Part("", 2), Part("", 3)), 1),  # drums never
    ],
)
def test_the_tune_is_found(parts, tune):
    notes = []
    for n in range(20):
        notes += [Note(n, 1, 72, part=0), Note(n, 1, 60, part=1), Note(n, 1, 40, part=2)]
    assert replace(TUNE, parts=parts, notes=untangled(notes)).melody == tune


def test_a_high_part_with_a_few_notes_is_not_the_tune():
    notes = [Note(n, 1, 60 + n % 5, part=0) for n in range(40)] + [Note(0, 1, 100, part=1)]
    assert Song(notes=untangled(notes), parts=(Part(), Part())).melody == 0


# ---------------------------------------------------------------- order


def test_a_note_that_is_struck_while_it_sounds_ends_there_first():
    assert untangled([Note(1, 1, 60), Note(0, 4, 60), Note(0, 4, 64)]) == (Note(0, 1, 60), Note(0, 4, 64), Note(1, 1, 60))


def test_of_two_struck_at_once_the_longer_stays():
    assert untangled([Note(0, 1, 60, 90), Note(0, 3, 60, 50)]) == (Note(0, 3, 60, 50),)
    assert untangled([Note(0, 1, 60, part=0), Note(0, 3, 60, part=1)]) == (Note(0, 1, 60, part=0), Note(0, 3, 60, part=1))


# ---------------------------------------------------------------- steps


def test_a_note_is_a_step_and_so_are_notes_that_start_together():
    song = replace(TUNE, notes=(Note(0, 1, 60), Note(0.01, 1, 64), Note(1, 1, 62)), chords=())
    assert [[note.key for note in step.notes] for step in steps(song)] == [[60, 64], [62]]
    assert [(step.beat, step.end) for step in steps(TUNE)] == [(0.0, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 8.0)]


def test_a_phrase_goes_from_mark_to_mark():
    assert [([n.key for n in s.notes], s.beat, s.end) for s in steps(TUNE, "phrase")] == [
        ([60, 64, 67], 0.0, 4.0), ([65, 60], 4.0, 8.0),
    ]  # fmt: skip


def test_without_marks_a_phrase_goes_from_rest_to_rest_and_else_every_two_bars():
    rests = Song(notes=(Note(0, 1, 60), Note(1, 1, 62), Note(4, 1, 64), Note(5, 1, 65)))
    assert [step.beat for step in steps(rests, "phrase")] == [0.0, 4.0]
    plain = Song(notes=tuple(Note(n, 1, 60) for n in range(20)))
    assert [step.beat for step in steps(plain, "phrase")] == [0.0, 8.0, 16.0]


def test_a_chord_of_the_chord_line_is_a_step():
    assert [([n.key for n in s.notes], s.chord, s.end) for s in steps(TUNE, "chord")] == [
        ([48, 52, 55], "C", 4.0), ([59, 62, 65, 67], "G7/B", 6.0), ([48, 52, 55], "C", 8.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("song", "by", "said"),
    [
        (TUNE, "bar", "step by 'bar'; write one of note, phrase, chord"),
        (replace(TUNE, chords=()), "chord", "'Tune' has no chords to step through"),
        (Song("Nothing"), "note", "'Nothing' has no notes to step through"),
        (Song("Nothing"), "phrase", "'Nothing' has no phrases to step through"),
    ],
)
def test_what_cannot_be_stepped_is_told(song, by, said):
    with pytest.raises(ValueError, match=said):
        steps(song, by)


def test_the_accompaniment_strikes_its_chord_again_at_every_bar_line():
    song = accompanied(replace(TUNE, chords=(SongChord(1.0, 8.0, "C"),), metre=(Metre(1.0, 3, 4),)), channel=5)
    struck = sorted({(note.beat, note.length) for note in song.notes if note.part == 1})
    assert struck == [(1.0, 3.0), (4.0, 3.0), (7.0, 2.0)]
    assert song.parts[1] == Part("chords", 5)


# ---------------------------------------------------------------- a song taught by playing it


def keyboard(tune: list[tuple[float, float, int]], start: float = 1000.0) -> list[Event]:
    """(start, length, key) in seconds as a keyboard sends it."""
    events = [note_on(1, key, 70, 9, start + at) for at, _, key in tune]
    events += [note_off(1, key, 9, start + at + lasts) for at, lasts, key in tune]
    return sorted(events, key=lambda event: event.time)


def test_a_song_is_learnt_with_its_own_time():
    song = learn(keyboard([(0.0, 0.4, 60), (0.5, 0.4, 62), (1.07, 0.9, 64)]), "Ours", bpm=120.0)
    assert song.title == "Ours" and song.tempo == ((0.0, 120.0),)
    assert [(round(n.beat, 6), round(n.length, 6), n.key, n.velocity) for n in song.notes] == [
        (0.0, 0.8, 60, 70), (1.0, 0.8, 62, 70), (2.14, 1.8, 64, 70),
    ]  # fmt: skip


def test_fingers_of_one_moment_strike_together():
    song = learn(keyboard([(0.0, 1.0, 60), (0.02, 1.0, 64), (0.035, 1.0, 67), (0.5, 1.0, 62)]), bpm=60.0)
    assert [note.beat for note in song.notes] == [0.0, 0.0, 0.0, 0.5]
    assert len(steps(song)) == 2


def test_phrases_begin_after_gaps():
    tune = [(n * 0.5, 0.45, 60 + n) for n in range(4)] + [(3.2 + n * 0.5, 0.45, 60 + n) for n in range(4)]
    song = learn(keyboard(tune), bpm=60.0)
    assert song.phrases == pytest.approx((0.0, 3.2))
    assert [len(step.notes) for step in steps(song, "phrase")] == [4, 4]
    assert learn(keyboard(tune), bpm=60.0, gap_s=5.0).phrases == (0.0,)


def test_slow_short_playing_is_one_phrase():
    assert learn(keyboard([(n * 1.0, 0.2, 60 + n) for n in range(6)])).phrases == (0.0,)


def test_a_key_that_was_never_let_go_ends_with_the_last_event():
    song = learn([note_on(1, 60, 70, 9, 10.0), note_on(1, 62, 70, 9, 11.0), note_off(1, 62, 9, 12.0)], bpm=60.0)
    assert [(note.key, note.length) for note in song.notes] == [(60, 2.0), (62, 1.0)]


def test_a_note_on_without_velocity_is_a_note_off_and_other_events_are_passed_over():
    events = [
        note_on(1, 60, 70, 9, 10.0),
        Event(Kind.CONTROL, 1, 64, 127, 9, 1, 10.2),
        order(Kind.BEAT, 10.3),
        Event(Kind.NOTE_ON, 1, 60, 0, 9, 1, 10.5),
        note_off(1, 60, 9, 10.9),
    ]
    assert [note.length for note in learn(events, bpm=60.0).notes] == [0.5]


def test_nothing_played_is_no_song():
    with pytest.raises(ValueError, match="Nothing was played, so there is no song"):
        learn([order(Kind.BEAT, 1.0)])


@pytest.mark.parametrize("bpm", [60, 72, 84, 96, 110, 126, 140])
def test_the_tempo_of_playing_is_guessed(bpm):
    chance = random.Random(bpm)
    beats = [1, 1, 0.5, 0.5, 1, 2, 1, 1, 0.5, 0.5, 1, 2, 1, 1, 1, 1]
    found = guess_bpm([beat * 60 / bpm + chance.gauss(0, 0.012) for beat in beats])
    assert found == pytest.approx(bpm, rel=0.03)


def test_no_playing_has_a_tempo_all_the_same():
    assert guess_bpm([]) == 120.0
    assert learn(keyboard([(0.0, 1.0, 60)])).tempo == ((0.0, 120.0),)


# ---------------------------------------------------------------- written by people

SONG = """
title = "Two bars"
origin = "Ours."
free = "Ours."
key = "G"
mode = "mixolydian"
tempo = 80
metre = "3/4"
pickup = "1/2"
[[phrase]]
notes = "D4 | G4 - B4"
lengths = "1/2 | 1 1 1"
chords = "- | G C C"
words = "Oh | my _"
[[phrase]]
notes = "A4 F#4 D4"
lengths = "3/2 0.5 1/2"
chords = "D7"
"""


def test_every_line_of_a_song_is_read():
    song = read_song_text(SONG, "two.toml")
    assert (song.title, song.origin, song.free, song.tonic, song.mode) == ("Two bars", "Ours.", "Ours.", 7, "mixolydian")
    assert (song.tempo, song.metre) == (((0.0, 80.0),), (Metre(0.5, 3, 4),))
    assert [(note.beat, note.length, note.key) for note in song.notes] == [
        (0.0, 0.5, 62), (0.5, 1.0, 67), (2.5, 1.0, 71), (3.5, 1.5, 69), (5.0, 0.5, 66), (5.5, 0.5, 62),
    ]  # fmt: skip
    assert song.chords == (SongChord(0.5, 1.0, "G"), SongChord(1.5, 2.0, "C"), SongChord(3.5, 2.5, "D7"))
    assert song.words == (Word(0.0, "Oh"), Word(0.5, "my"))
    assert song.phrases == (0.0, 3.5)


def phrase(**lines: str) -> str:
    return "[[phrase]]\n" + "".join(f'{key} = "{line}"\n' for key, line in lines.items())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "my.toml: this is not TOML"),
        ("#" * 70_000, "my.toml: longer than a song can be (64 KiB)."),
        ("format = 2", "my.toml: format = 2; this program reads format 1."),
        ("titel = 'x'", "my.toml: song has an unknown key 'titel'; known are format, title, origin, free, key, mode"),
        ("title = 'x'", "my.toml: write each phrase of the song under its own [[phrase]], and at least one."),
        ("phrase = 3", "write each phrase of the song under its own [[phrase]]"),
        ("[[phrase]]\n" * 401, "my.toml: 401 phrases; a song has at most 400."),
        ("key = 'H'\n" + phrase(notes="C4"), "my.toml: key: 'H' is not a key; write one of C, C#"),
        ("mode = 'majr'\n" + phrase(notes="C4"), "my.toml: mode = 'majr'; known are major, minor"),
        ("mode = 'majr'\n" + phrase(notes="C4"), "Did you mean 'major'?"),
        ("tempo = 20\n" + phrase(notes="C4"), "my.toml: tempo = 20; write a number from 40 to 180."),
        ("velocity = 0.5\n" + phrase(notes="C4"), "my.toml: velocity = 0.5; write a whole number from 1 to 127."),
        ("metre = '4'\n" + phrase(notes="C4"), "my.toml: metre = '4'; write beats and unit of a bar, as 3/4 or 6/8."),
        ("metre = '3/5'\n" + phrase(notes="C4"), "my.toml: metre = '3/5'; write beats"),
        ("pickup = 4\n" + phrase(notes="C4"), "my.toml: pickup = 4; it is shorter than a bar."),
        ("pickup = 'x'\n" + phrase(notes="C4"), "my.toml: pickup: 'x' is not a length; write quarter notes as 1, 0.5"),
        (phrase(notes=""), "my.toml: phrase 1: it has no notes."),
        (phrase(note="C4"), "my.toml: phrase 1 has an unknown key 'note'; known are notes, lengths, chords, words. Did you mean"),
        (
            phrase(notes="C4 D4", lengths="1"),
            "my.toml: phrase 1: 2 notes but 1 lengths; write one length for each note and rest.",
        ),
        (
            phrase(notes="C4 X4 C4 C4"),
            "my.toml: phrase 1, bar 1: 'X4' is not a note; write a key and its octave as C4, F#3 or Bb5",
        ),
        (phrase(notes="C4 c4 C4 C4"), "'c4' is not a note"),
        (phrase(notes="C4 C C4 C4"), "'C' is not a note"),
        (
            phrase(notes="C4", lengths="0"),
            "my.toml: phrase 1, bar 1: '0' is not a length; write quarter notes as 1, 0.5, 1/2 or 3/2",
        ),
        (phrase(notes="C4", lengths="1e9"), "'1e9' is not a length"),
        (phrase(notes="C4", lengths="65"), "'65' is not a length"),
        (
            phrase(notes="C4 C4 C4 | C4", lengths="1 1 1 | 4"),
            "my.toml: phrase 1: a bar line after 3 of the 4 quarter notes of bar 1 of the song.",
        ),
        (
            phrase(notes="C4 C4 | C4", lengths="4 1 | 3"),
            "my.toml: phrase 1: a bar line after 1 of the 4 quarter notes of bar 2 of the song.",
        ),
        (
            phrase(notes="C4", lengths="4") + phrase(notes="C4 C4 | C4 C4", lengths="4 | 1 1 2"),
            "my.toml: phrase 2: 2 notes but 1 lengths in bar 2 of the song.",
        ),
        (phrase(notes="C4 C4 C4"), "my.toml: the last bar, 1, holds 3 of 4 quarter notes."),
        (
            phrase(notes="C4 - C4 C4", words="Hal- le- lu- jah"),
            "my.toml: phrase 1: 4 words but 3 notes that sound; write one for each, _ where a syllable goes on.",
        ),
        (phrase(notes="C4 C4 C4 C4", chords="Cx"), "my.toml: phrase 1, bar 1: 'Cx' is not a chord"),
        (phrase(notes="C4 C4 C4 C4", chords="C | F"), "my.toml: phrase 1: the chord line has 2 bars but the notes have 1."),
        (phrase(notes="C4", lengths="4", chords="C | | C"), "the chord line has 3 bars but the notes have 1"),
        (phrase(notes="C4 C4", lengths="4 4", chords="C |"), "the chord line has 1 bars but the notes have 2"),
        (
            phrase(notes="C4 C4 C4", lengths="4 4 4", chords="C | | C"),
            "an empty bar in the chord line; write - where there is no chord",
        ),
        ("[[phrase]]\nnotes = 3", "my.toml: phrase 1: notes = 3; write one line in quotes"),
    ],
)
def test_what_is_wrong_with_a_song_is_told_with_its_place(text, said):
    with pytest.raises(SongProblem) as found:
        read_song_text(text, "my.toml")
    assert said in str(found.value)


@pytest.mark.parametrize(
    ("word", "key"), [("C4", 60), ("C-1", 0), ("G9", 127), ("Bb3", 58), ("Cb4", 59), ("B#3", 60), ("F##4", 67), ("E♭4", 63)]
)
def test_a_note_is_a_letter_and_an_octave(word, key):
    assert read_key(word) == key


def test_lengths_are_exact():
    assert sum(read_length(word) for word in ("1/3", "1/3", "1/3", "0.1", "0.9")) == 2


def test_the_last_chord_again():
    song = read_song_text(phrase(notes="C4 C4", lengths="4 4", chords="Am | %"), "m")
    assert song.chords == (SongChord(0.0, 4.0, "Am"), SongChord(4.0, 4.0, "Am"))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="CDEFGABb#4_-|%/ 0123.m7", max_size=40), st.text(alphabet="0123/.| ", max_size=30), st.text(max_size=20))
def test_any_lines_are_a_song_or_a_sentence(notes, lengths, chords):
    lines = {"notes": notes, "lengths": lengths, "chords": chords.replace("'", "")}
    text = "[[phrase]]\n" + "".join(f"{key} = '''\n{line}'''\n" for key, line in lines.items())
    try:
        read_song_text(text.replace("\0", ""), "my.toml")
    except SongProblem as found:
        assert str(found).startswith("my.toml")


# ---------------------------------------------------------------- the file that it becomes


def parsed(data: bytes) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(data), charset="utf-8")


def notes_of(track: mido.MidiTrack) -> list[tuple[int, int, int, int]]:
    """(start, length, key, velocity) in ticks, in the order of their starts."""
    tick, on, found = 0, {}, []
    for said in track:
        tick += said.time
        if said.type == "note_on":
            assert said.note not in on
            on[said.note] = (tick, said.velocity)
        elif said.type == "note_off":
            start, velocity = on.pop(said.note)
            found.append((start, tick - start, said.note, velocity))
    assert not on
    return sorted(found)


def test_a_song_becomes_a_file_that_mido_reads():
    song = replace(
        WITH_DRUMS,
        title="Grüße",
        parts=(Part("melody", 3, 12), Part("kit", 10)),
        controls=(Control(2.0, 0, Kind.CONTROL, 7, 90), Control(3.0, 0, Kind.BEND, 0, 64)),
        tempo=((0.0, 90.0), (4.0, 45.0)),
        metre=(Metre(0.0, 6, 8),),
        tonic=9,
        mode="minor",
    )
    file = parsed(to_smf(song))
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 480, 3)
    about = [str(said.dict()) for said in file.tracks[0]]
    for words in ("Grüße", "'key': 'Am'", "666667", "1333333", "'numerator': 6", "chord G7/B", "'text': 'phrase'", "gain"):
        assert any(words in line for line in about), words
    assert notes_of(file.tracks[1]) == [
        (0, 480, 60, 80),
        (480, 480, 64, 80),
        (960, 960, 67, 80),
        (1920, 720, 65, 80),
        (2880, 960, 60, 80),
    ]
    assert notes_of(file.tracks[2]) == [(3360, 240, 38, 90)]
    channels = {said.channel for said in file.tracks[1] if not said.is_meta}
    assert channels == {2}  # mido counts from 0
    sent = [(said.type, said.dict().get("program"), said.dict().get("control")) for said in file.tracks[1] if not said.is_meta]
    assert sent[0] == ("program_change", 11, None)
    assert ("control_change", None, 7) in sent and ("pitchwheel", None, None) in sent


def test_a_pickup_becomes_a_short_first_bar():
    file = parsed(to_smf(replace(TUNE, metre=(Metre(1.5, 3, 4),))))
    found = [(said.time, said.numerator, said.denominator) for said in file.tracks[0] if said.type == "time_signature"]
    assert found[0] == (0, 3, 8) and found[1][1:] == (3, 4)


@st.composite
def songs(draw):
    parts = draw(st.lists(st.builds(Part, st.text(max_size=8), st.integers(1, 16), st.integers(0, 128)), min_size=1, max_size=3))
    note = st.builds(
        Note,
        st.integers(0, 4000).map(lambda tick: tick / 480),
        st.integers(1, 2000).map(lambda tick: tick / 480),
        st.integers(0, 127),
        st.integers(1, 127),
        st.integers(0, len(parts) - 1),
    )
    return Song(notes=untangled(draw(st.lists(note, max_size=60))), parts=tuple(parts))


def equal_notes(song: Song) -> None:
    file = parsed(to_smf(song))
    for number in range(len(song.parts)):
        wanted = [
            (round(n.beat * 480), round(n.length * 480), n.key, n.velocity) for n in untangled(song.notes) if n.part == number
        ]
        assert notes_of(file.tracks[number + 1]) == sorted(wanted)


@settings(max_examples=100, deadline=None)
@given(songs())
def test_any_song_is_read_back_the_same(song):
    equal_notes(song)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(songs())
def test_ten_thousand_songs_are_read_back_the_same(song):
    equal_notes(song)


def test_a_take_becomes_a_file_with_a_track_for_each_source():
    events = [
        note_on(3, 64, 80, 2, 1000.25),
        note_on(2, 60, 64, 7, 1000.0),
        order(Kind.BEAT, 1000.1),
        note_off(2, 60, 7, 1000.5),
        Event(Kind.PROGRAM, 3, 11, 0, 2, 1, 1000.2),
        Event(Kind.PRESSURE, 3, 99, 0, 2, 1, 1000.3),
        note_off(3, 65, 2, 1000.4),  # never began
        note_on(3, 67, 70, 2, 1001.0),  # never ends
    ]
    file = parsed(take_to_smf(events, {7: "Blaue Matte"}, "A take", tail_s=2.0))
    assert [track.name for track in file.tracks] == ["A take", "", "Blaue Matte"]
    assert notes_of(file.tracks[2]) == [(0, 480, 60, 64)]
    assert notes_of(file.tracks[1]) == [(240, 720, 64, 80), (960, 0, 67, 70)]
    assert [said.type for said in file.tracks[1]][:1] == ["program_change"]
    assert file.length == pytest.approx(3.0, abs=0.002)


def test_what_happened_in_one_tick_stays_in_its_order():
    events = [note_on(1, 60, 80, 1, 5.0), note_off(1, 60, 1, 5.0001), note_on(1, 60, 90, 1, 5.0002), note_off(1, 60, 1, 6.0)]
    assert notes_of(parsed(take_to_smf(events)).tracks[1]) == [(0, 0, 60, 80), (0, 960, 60, 90)]


def test_an_empty_take_is_a_file():
    assert len(parsed(take_to_smf([])).tracks) == 1


@pytest.mark.parametrize(
    ("number", "bytes_"), [(0, "00"), (127, "7f"), (128, "8100"), (0x0FFFFFFF, "ffffff7f"), (1 << 40, "ffffff7f")]
)
def test_a_number_of_variable_length(number, bytes_):
    assert variable_length(number).hex() == bytes_
