"""The carried songs: the right notes, whole bars, a chord line as long as the tune, and why everybody may play them."""

from __future__ import annotations

import tomllib
from fractions import Fraction

import pytest

from reachnote.chords import parse_chord
from reachnote.smf import carried, open_song
from reachnote.song import steps
from reachnote.song_text import SongProblem

OURS = ("hello", "goodbye")
SONGS = sorted(carried())

FIRST_PHRASES = {  # the MIDI keys of the first phrase, and the lengths of its notes in quarter notes
    "frere-jacques": ([60, 62, 64, 60, 60, 62, 64, 60], [1, 1, 1, 1, 1, 1, 1, 1]),
    "ah-vous-dirai-je-maman": ([60, 60, 67, 67, 69, 69, 67], [1, 1, 1, 1, 1, 1, 2]),
    "au-clair-de-la-lune": ([67, 67, 67, 69, 71, 69, 67, 71, 69, 69, 67], [1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 4]),
    "row-row-row-your-boat": ([60, 60, 60, 62, 64], [1.5, 1.5, 1, 0.5, 1.5]),
    "ode-to-joy": (
        [64, 64, 65, 67, 67, 65, 64, 62, 60, 60, 62, 64, 64, 62, 62],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.5, 0.5, 2],
    ),
    "amazing-grace": ([62, 67, 71, 67, 71, 69, 67, 64, 62], [1, 2, 0.5, 0.5, 2, 1, 2, 1, 2]),
    "auld-lang-syne": (
        [62, 67, 67, 67, 71, 69, 67, 69, 71, 67, 67, 71, 74, 76],
        [1, 1.5, 0.5, 1, 1, 1.5, 0.5, 1, 1, 1.5, 0.5, 1, 1, 3],
    ),
    "greensleeves": (
        [69, 72, 74, 76, 77, 76, 74, 71, 67, 69, 71, 72, 69, 69, 68, 69, 71, 68, 64],
        [0.5, 1, 0.5, 0.75, 0.25, 0.5, 1, 0.5, 0.75, 0.25, 0.5, 1, 0.5, 0.75, 0.25, 0.5, 1, 0.5, 1],
    ),
    "brahms-lullaby": ([69, 69, 72, 69, 69, 72], [0.5, 0.5, 1.5, 0.5, 1, 2]),
    "sakura": ([69, 69, 71, 69, 69, 71], [1, 1, 2, 1, 1, 2]),
    "hello": ([67, 72, 67, 71], [1, 2, 1, 2]),
    "goodbye": ([72, 69, 70, 67], [1, 2, 1, 2]),
}


def written(name: str) -> dict:
    return tomllib.loads(carried()[name].read_text("utf-8"))


def test_there_are_ten_old_songs_a_hello_and_a_goodbye():
    assert set(FIRST_PHRASES) == set(SONGS)
    assert len(SONGS) == 12 and set(OURS) < set(SONGS)


@pytest.mark.parametrize("name", SONGS)
def test_the_first_phrase_has_the_right_notes(name):
    first = steps(open_song(name), "phrase")[0].notes
    keys, lengths = FIRST_PHRASES[name]
    assert [note.key for note in first] == keys
    assert [note.length for note in first] == lengths


@pytest.mark.parametrize("name", SONGS)
def test_every_bar_adds_up_to_the_metre(name):
    """Counted from what is written, without the reader: every bar line stands where a bar ends, and none is missing."""
    table = written(name)
    count, unit = map(int, table["metre"].split("/"))
    bar, pickup = Fraction(4 * count, unit), Fraction(str(table.get("pickup", 0)))
    beat, begun = Fraction(0), [Fraction(0)]
    for phrase in table["phrase"]:
        lengths = phrase.get("lengths") or " ".join("|" if word == "|" else "1" for word in phrase["notes"].split())
        for word in lengths.split():
            if word == "|":
                assert (beat - pickup) % bar == 0
            else:
                left = (pickup - beat) if beat < pickup else bar - (beat - pickup) % bar
                assert Fraction(word) <= left or word == "5"  # two long notes of Amazing Grace are tied over a bar line
                beat += Fraction(word)
                begun.append(beat)
    assert (beat - pickup) % bar == (bar - pickup if pickup else 0)
    lines = {pickup + n * bar for n in range(100) if pickup + n * bar < beat}
    assert len(lines - set(begun)) == (2 if name == "amazing-grace" else 0)
    assert (beat - pickup) // bar + (pickup > 0) in (8, 12, 14, 16)


@pytest.mark.parametrize("name", SONGS)
def test_the_chord_line_lasts_as_long_as_the_tune(name):
    song = open_song(name)
    written_length = sum(
        Fraction(word)
        for phrase in written(name)["phrase"]
        for word in (phrase.get("lengths") or " ".join("1" for word in phrase["notes"].split() if word != "|")).split()
        if word != "|"
    )
    assert sum(chord.length for chord in song.chords) == pytest.approx(float(written_length), abs=1e-9)
    end = 0.0
    for chord in song.chords:
        assert chord.beat == pytest.approx(end, abs=1e-9)
        end = chord.beat + chord.length


@pytest.mark.parametrize("name", SONGS)
def test_most_of_the_tune_lies_in_its_chords(name):
    """By length: a chord line that slipped by a bar would not."""
    song = open_song(name)
    inside = 0.0
    for note in song.notes:
        chord = next(c for c in reversed(song.chords) if c.beat <= note.beat)
        inside += note.length if note.key % 12 in parse_chord(chord.name).classes else 0.0
    assert inside / sum(note.length for note in song.notes) > 0.6


@pytest.mark.parametrize("name", SONGS)
def test_a_song_says_where_it_comes_from_and_why_it_is_free(name):
    song = open_song(name)
    assert song.title and len(song.origin) > 20
    assert "Ours" in song.free if name in OURS else "public domain everywhere" in song.free
    assert song.words and 40 <= song.bpm <= 180


@pytest.mark.parametrize("name", SONGS)
def test_a_tune_is_narrow_enough_to_sing(name):
    keys = [note.key for note in open_song(name).notes]
    assert max(keys) - min(keys) <= 17
    assert min(keys) >= 53 and max(keys) <= 79


def test_a_song_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(SongProblem) as found:
        open_song("ode-to-joi")
    said = str(found.value)
    assert said.startswith("There is no song 'ode-to-joi'. Carried songs: ah-vous-dirai-je-maman, amazing-grace")
    assert said.endswith("Did you mean 'ode-to-joy'?")


def test_a_song_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(SongProblem, match="No such file"):
        open_song(str(tmp_path / "mine.toml"))
    (tmp_path / "raw.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SongProblem, match="it is not text"):
        open_song(str(tmp_path / "raw.toml"))
    (tmp_path / "bad.toml").write_text("titel = 'x'")
    with pytest.raises(SongProblem, match=r"^bad\.toml: song has an unknown key 'titel'"):
        open_song(str(tmp_path / "bad.toml"))
