"""Chords against music21 on every root; written, on the degrees of scales, laid out on the keyboard, and recognised."""

from __future__ import annotations

from functools import cache
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reachnote.chords import (
    QUALITIES,
    RARITY,
    SPELLINGS,
    Chord,
    in_key,
    keys_of,
    named,
    nearest_tone,
    parse_chord,
    parse_line,
    recognise,
    recognise_weighted,
    tones,
)
from reachnote.music import SCALES, degree
from support.theory import TONICS, music21

PEOPLE = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

# How music21 writes the same chord after its root.
FIGURES = {
    "": "",
    "m": "m",
    "dim": "dim",
    "aug": "+",
    "sus2": "sus2",
    "sus4": "sus4",
    "5": "power",
    "6": "6",
    "m6": "m6",
    "7": "7",
    "maj7": "maj7",
    "m7": "m7",
    "mMaj7": "mM7",
    "m7b5": "ø7",
    "dim7": "dim7",
    "aug7": "+7",
    "augMaj7": "+M7",
    "7b5": "dom7dim5",
    "7sus4": "7sus4",
    "9": "9",
    "maj9": "M9",
    "m9": "m9",
    "mMaj9": "mM9",
    "add9": "add9",
    "madd9": "madd9",
    "6/9": "6add9",
    "7b9": "7b9",
    "7#9": "7#9",
    "m7b9": "m7addb9",
    "m7b5b9": "ø7addb9",
    "dim7b9": "dim7addb9",
    "augMaj9": "+M9",
    "aug9": "+9",
    "maj7#9": "maj7add#9",
    "9sus4": "7sus4add9",
    "m7add11": "m7add11",
    "11": "11",
    "m11": "m11",
    "13": "13",
}

# Chords that are the same notes as another; without more to go by, the bass decides what they are called.
SYMMETRIC = {"aug": 4, "dim7": 3, "7b5": 6}
TWINS = {"6": (9, "m7"), "m6": (9, "m7b5"), "sus2": (7, "sus4"), "6/9": (9, "m7add11")}


@cache
def figure(root: int, quality: str) -> music21.harmony.ChordSymbol:
    return music21.harmony.ChordSymbol(TONICS[root] + FIGURES[quality])


def classes(keys: object) -> set[int]:
    return {key % 12 for key in keys}


def problem(text: str) -> str:
    with pytest.raises(ValueError) as found:
        parse_chord(text)
    return str(found.value)


# ---------------------------------------------------------------- against music21


def test_every_quality_is_checked_against_music21():
    assert list(FIGURES) == list(QUALITIES)


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_written_chord_has_music21s_notes_on_every_root(quality):
    for root, name in enumerate(PEOPLE):
        chord, theirs = parse_chord(name + quality), figure(root, quality)
        assert chord.root == theirs.root().pitchClass == root
        assert sorted(chord.classes) == sorted(pitch.pitchClass for pitch in theirs.pitches), name
        assert len(set(chord.classes)) == len(chord.intervals)


@pytest.mark.parametrize("quality", QUALITIES)
def test_an_inversion_has_music21s_keys_in_close_position_on_every_root(quality):
    for root in range(12):
        chord, theirs = named(root, QUALITIES[quality]), figure(root, quality)
        spelt = {pitch.pitchClass: pitch.name for pitch in theirs.pitches}
        for inversion, lowest in enumerate(chord.classes):
            if inversion == 0 and chord.intervals[-1] > 12:
                continue  # a ninth stays above the octave in root position: the next test
            bass = music21.pitch.Pitch(f"{spelt[lowest]}0")
            others = [pitch for pitch in theirs.pitches if pitch.pitchClass != lowest]
            closed = sorted(pitch.midi for pitch in music21.chord.Chord([bass, *others]).closedPosition().pitches)
            ours = keys_of(chord, 48, inversion)
            assert [key - ours[0] for key in ours] == [key - closed[0] for key in closed], (root, inversion)
            assert ours[0] % 12 == lowest and 48 <= ours[0] < 60


# music21 sets the ninth of these three inside the octave; their notes are checked above.
@pytest.mark.parametrize("quality", [name for name in QUALITIES if name not in ("mMaj9", "augMaj9", "aug9")])
def test_a_root_position_has_music21s_keys_with_ninths_above_the_octave_on_every_root(quality):
    for root in range(12):
        ours = keys_of(named(root, QUALITIES[quality]), 48)
        theirs = [pitch.midi for pitch in figure(root, quality).pitches]
        start = figure(root, quality).root().midi
        # music21 sets some additions below the root; as steps above it they are the same
        assert [key - ours[0] for key in ours] == sorted(key - start if key >= start else key - start + 12 for key in theirs)


def test_a_slash_chord_has_music21s_bass_on_every_root():
    for root, above in product(range(12), (2, 3, 7, 10)):  # one that is no note of the chord, and each that is
        bass = (root + above) % 12
        chord = parse_chord(f"{PEOPLE[root]}m7/{PEOPLE[bass]}")
        theirs = music21.harmony.ChordSymbol(f"{TONICS[root]}m7/{TONICS[bass]}")
        assert (chord.root, keys_of(chord, 48)[0] % 12) == (root, theirs.bass().pitchClass)
        assert classes(keys_of(chord, 48)) == {pitch.pitchClass for pitch in theirs.pitches}


@pytest.mark.parametrize(
    ("mode", "romans"),
    [("major", ("I", "ii", "iii", "IV", "V", "vi", "viio")), ("minor", ("i", "iio", "III", "iv", "v", "VI", "VII"))],
)
def test_triads_and_sevenths_in_every_key_are_music21s_roman_numerals(mode, romans):
    for tonic, called in enumerate(TONICS):
        key = music21.key.Key(called, mode)
        for n, roman in enumerate(romans):
            for size, more in ((3, ""), (4, "7")):
                half = roman.replace("o", "/o") if size == 4 else roman
                theirs = music21.roman.RomanNumeral(half + more, key)
                ours = in_key(tonic, SCALES[mode], n, size)
                assert ours.root == theirs.root().pitchClass
                assert set(ours.classes) == {pitch.pitchClass for pitch in theirs.pitches}, (called, roman, size)


@pytest.mark.parametrize("name", [name for name in SCALES if len(SCALES[name]) == 7])
def test_ninths_in_every_key_are_every_second_note_of_the_scale(name):
    for tonic in range(12):
        for n in range(-7, 14):
            keys = [degree(48 + tonic, SCALES[name], n + 2 * k) for k in range(5)]
            for size in (3, 4, 5):
                chord = in_key(tonic, SCALES[name], n, size)
                assert set(chord.classes) == classes(keys[:size])
                assert keys_of(chord, 48)[0] % 12 == keys[0] % 12


# ---------------------------------------------------------------- written


@pytest.mark.parametrize(
    ("text", "root", "intervals", "bass"),
    [
        ("C", 0, (0, 4, 7), None),
        ("Cmaj", 0, (0, 4, 7), None),
        ("CM", 0, (0, 4, 7), None),
        ("Am", 9, (0, 3, 7), None),
        ("Amin", 9, (0, 3, 7), None),
        ("A-", 9, (0, 3, 7), None),
        ("Bdim", 11, (0, 3, 6), None),
        ("Bo", 11, (0, 3, 6), None),
        ("B°", 11, (0, 3, 6), None),
        ("F+", 5, (0, 4, 8), None),
        ("Faug", 5, (0, 4, 8), None),
        ("Dsus2", 2, (0, 2, 7), None),
        ("Dsus4", 2, (0, 5, 7), None),
        ("Dsus", 2, (0, 5, 7), None),
        ("G5", 7, (0, 7), None),
        ("C6", 0, (0, 4, 7, 9), None),
        ("Cm6", 0, (0, 3, 7, 9), None),
        ("C6/9", 0, (0, 4, 7, 9, 14), None),
        ("C69", 0, (0, 4, 7, 9, 14), None),
        ("C6/9/E", 0, (0, 4, 7, 9, 14), 4),
        ("G7", 7, (0, 4, 7, 10), None),
        ("Bbmaj7", 10, (0, 4, 7, 11), None),
        ("BbM7", 10, (0, 4, 7, 11), None),
        ("B♭Δ", 10, (0, 4, 7, 11), None),
        ("BbΔ7", 10, (0, 4, 7, 11), None),
        ("BbMaj7", 10, (0, 4, 7, 11), None),
        ("Dm7", 2, (0, 3, 7, 10), None),
        ("Dmin7", 2, (0, 3, 7, 10), None),
        ("D-7", 2, (0, 3, 7, 10), None),
        ("CmMaj7", 0, (0, 3, 7, 11), None),
        ("Cm(maj7)", 0, (0, 3, 7, 11), None),
        ("F#m7b5", 6, (0, 3, 6, 10), None),
        ("F#m7♭5", 6, (0, 3, 6, 10), None),
        ("F#m7(b5)", 6, (0, 3, 6, 10), None),
        ("F#ø", 6, (0, 3, 6, 10), None),
        ("F#ø7", 6, (0, 3, 6, 10), None),
        ("G#dim7", 8, (0, 3, 6, 9), None),
        ("G#o7", 8, (0, 3, 6, 9), None),
        ("G#°7", 8, (0, 3, 6, 9), None),
        ("E7#5", 4, (0, 4, 8, 10), None),
        ("E+7", 4, (0, 4, 8, 10), None),
        ("E7sus4", 4, (0, 5, 7, 10), None),
        ("A9", 9, (0, 4, 7, 10, 14), None),
        ("Amaj9", 9, (0, 4, 7, 11, 14), None),
        ("Am9", 9, (0, 3, 7, 10, 14), None),
        ("Cadd9", 0, (0, 4, 7, 14), None),
        ("C(add9)", 0, (0, 4, 7, 14), None),
        ("E7#9", 4, (0, 4, 7, 10, 15), None),
        ("C/E", 0, (0, 4, 7), 4),
        ("C/C", 0, (0, 4, 7), None),
        ("D/C", 2, (0, 4, 7), 0),
        ("F#m7b5/A", 6, (0, 3, 6, 10), 9),
        ("Ab/E♭", 8, (0, 4, 7), 3),
        ("Cbmaj7", 11, (0, 4, 7, 11), None),
        ("E(0,3,6,8)", 4, (0, 3, 6, 8), None),
        (" Am ", 9, (0, 3, 7), None),
    ],
)
def test_a_chord_is_read_in_the_spellings_that_people_use(text, root, intervals, bass):
    chord = parse_chord(text)
    assert chord == Chord(root, intervals, bass)
    assert chord.name == text.strip()


def test_two_spellings_of_a_chord_are_one_chord():
    assert parse_chord("C-7") == parse_chord("Cm7") == named(0, (0, 3, 7, 10))
    assert parse_chord("Db") == parse_chord("C#") != parse_chord("Db/F")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no chord is written; write one as Am, C7 or F#m7b5/A"),
        ("H7", "'H7' is not a chord: the German H is written B here, and the German B is written Bb"),
        ("am", "'am' is not a chord: write its root as a capital, Am; a minor chord has an m after it"),
        ("xyz", "'xyz' is not a chord: it begins with its root, one of C D E F G A B with # or b after it"),
        ("Cmoj7", "'Cmoj7' is not a chord: 'moj7' stands after its root; known are m, dim, aug, sus2, sus4, 5, 6, m6, 7, maj7"),
        ("Cmoj7", "Did you mean 'maj7'?"),
        ("CM13", "'M13' stands after its root"),
        ("C/X", "'C/X' is not a chord: after the slash stands the bass, one of C D E F G A B with # or b after it"),
        ("C/e", "after the slash stands the bass"),
        ("C(0,3,2)", "'C(0,3,2)' is not a chord: write its semitones rising from 0 to at most 36, as C(0,3,6,8)"),
        ("C(3,5)", "write its semitones rising from 0"),
        ("C(0,37)", "write its semitones rising from 0 to at most 36"),
        ("C" * 41, "a chord of 41 letters; write one as Am, C7 or F#m7b5/A"),
    ],
)
def test_what_is_no_chord_is_told_with_what_is_allowed(text, words):
    assert words in problem(text)


def test_every_chord_that_is_named_is_read_back_as_itself():
    for (quality, steps), root, bass in product(QUALITIES.items(), range(12), (None, *range(12))):
        chord = named(root, steps, bass)
        assert parse_chord(chord.name) == chord, quality


@pytest.mark.parametrize(
    ("root", "quality", "bass", "name"),
    [
        (10, "", None, "Bb"),
        (10, "m7", 1, "Bbm7/Db"),
        (1, "m", None, "C#m"),
        (1, "", None, "Db"),
        (9, "", 1, "A/C#"),
        (4, "7", 8, "E7/G#"),
        (5, "m", 8, "Fm/Ab"),
        (0, "7", 10, "C7/Bb"),
        (2, "", 0, "D/C"),
        (3, "m", 6, "Ebm/Gb"),
        (6, "m7b5", 9, "F#m7b5/A"),
        (8, "m", 11, "G#m/B"),
    ],
)
def test_a_chord_is_named_as_people_write_it(root, quality, bass, name):
    assert named(root, QUALITIES[quality], bass).name == name


def test_a_line_of_chords_is_read_with_bar_lines_commas_and_repeats():
    names = [chord.name for chord in parse_line("C Am F G | Dm7, G7 | % %|C6/9/E")]
    assert names == ["C", "Am", "F", "G", "Dm7", "G7", "G7", "G7", "C6/9/E"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a chord line of 0 chords; write 1 to 512, as C Am F G"),
        (" | | ", "a chord line of 0 chords"),
        ("C Am Fsus9 G", "chord 3 of the line: 'Fsus9' is not a chord: 'sus9' stands after its root"),
        ("% C", "chord 1 of the line: '%' is not a chord"),
        ("C " * 513, "a chord line of 513 chords; write 1 to 512"),
        ("C" * 4001, "a chord line of 4001 letters; write at most 4000"),
    ],
)
def test_a_line_that_cannot_be_read_is_told_with_the_number_of_the_chord(text, words):
    with pytest.raises(ValueError) as found:
        parse_line(text)
    assert words in str(found.value)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=45)
    | st.tuples(st.sampled_from(PEOPLE), st.sampled_from(sorted(SPELLINGS)), st.text("/()b#0,9ABmM", max_size=6)).map("".join)
)
def test_any_text_is_a_chord_or_a_sentence(text):
    try:
        chord = parse_chord(text)
    except ValueError as found:
        assert str(found)
        return
    assert 0 <= chord.root <= 11 and chord.intervals[0] == 0 and chord.bass != chord.root
    assert list(chord.intervals) == sorted(set(chord.intervals))


# ---------------------------------------------------------------- on the degrees of a scale


@pytest.mark.parametrize(
    ("scale", "size", "names"),
    [
        ("major", 3, "C Dm Em F G Am Bdim"),
        ("major", 4, "Cmaj7 Dm7 Em7 Fmaj7 G7 Am7 Bm7b5"),
        ("major", 5, "Cmaj9 Dm9 Em7b9 Fmaj9 G9 Am9 Bm7b5b9"),
        ("harmonic minor", 4, "CmMaj7 Dm7b5 EbaugMaj7 Fm7 G7 Abmaj7 Bdim7"),
        ("harmonic minor", 5, "CmMaj9 Dm7b5b9 EbaugMaj9 Fm9 G7b9 Abmaj7#9 Bdim7b9"),
        ("major pentatonic", 3, "C Dsus4 C/E Gsus4 Am"),
        ("major pentatonic", 4, "C6 D7sus4 Cadd9/E Cadd9/G Am7"),
        ("major pentatonic", 5, "C6/9 D9sus4 C6/9/E C6/9/G Am7add11"),
        ("minor pentatonic", 4, "Cm7 Eb6 F7sus4 Ebadd9/G Ebadd9/Bb"),
        ("in-sen", 4, "C7sus4 Gm7b5/Db C7sus4/F Gm7b5 Bbm6"),
        ("blues", 3, "Cm Eb Fsus4 F#(0,4,6) Eb/G Bbsus4"),
        ("hirajoshi", 3, "Cm Gsus4/D Cm/Eb Gsus4 Ab"),
        ("chromatic", 4, "C7 Db7 D7 Eb7 E7 F7 F#7 G7 Ab7 A7 Bb7 B7"),
        ("half-whole octatonic", 4, "C7 C#dim7 Eb7 Edim7 F#7 Gdim7 A7 Bbdim7"),
        ("whole-half octatonic", 4, "Cdim7 D7 Ebdim7 F7 F#dim7 Ab7 Adim7 B7"),
        ("bebop dominant", 4, "C7 Dm7 Em7 Fmaj7 G7 Am7 Bbmaj7 Bm7b5"),
        ("augmented", 4, "Cmaj7 EmMaj7/D# Emaj7 G#mMaj7/G Abmaj7 CmMaj7/B"),
        ("whole tone", 5, "Caug9 Daug9 Eaug9 F#aug9 Abaug9 Bbaug9"),
        ("whole tone", 3, "Caug Daug Eaug F#aug Abaug Bbaug"),
    ],
)
def test_the_chords_of_a_scale_have_their_names(scale, size, names):
    assert " ".join(in_key(0, SCALES[scale], n, size).name for n in range(len(SCALES[scale]))) == names


def test_a_degree_below_the_tonic_or_past_the_octave_is_the_same_chord():
    assert in_key(0, SCALES["major"], -1) == in_key(0, SCALES["major"], 6) == in_key(0, SCALES["major"], 13)
    assert in_key(11, SCALES["major"], -1).name == "Bbdim"


def test_a_scale_with_few_notes_gives_as_many_as_it_has():
    assert set(in_key(0, (0, 7), 0, 3).classes) == {0, 7}
    assert in_key(5, (0,), 0, 4).classes == (5,)
    assert set(in_key(0, (0, 3, 7, 10), 0, 4).classes) == {0, 3, 7, 10}


@pytest.mark.parametrize("size", [0, 8])
def test_a_chord_of_no_or_too_many_notes_is_told(size):
    with pytest.raises(ValueError, match=f"a chord of {size} notes; write 1 to 7"):
        in_key(0, SCALES["major"], 0, size)


def test_every_chord_on_every_degree_of_every_scale_is_of_the_scale_and_can_be_read_back():
    for scale, size in product(SCALES.values(), range(1, 8)):
        for n in range(len(scale)):
            chord = in_key(2, scale, n, size)
            assert set(chord.classes) <= {(2 + step) % 12 for step in scale}
            assert len(set(chord.classes)) == min(size, len(scale))
            assert parse_chord(chord.name) == chord


# ---------------------------------------------------------------- on the keyboard


@pytest.mark.parametrize(
    ("text", "inversion", "spread", "keys"),
    [
        ("C", 0, "close", (48, 52, 55)),
        ("C", 1, "close", (52, 55, 60)),
        ("C", 2, "close", (55, 60, 64)),
        ("C", 3, "close", (48, 52, 55)),
        ("C", -1, "close", (55, 60, 64)),
        ("C", 0, "open", (48, 55, 64)),
        ("C", 0, "wide", (48, 67, 76)),
        ("Cmaj7", 0, "close", (48, 52, 55, 59)),
        ("Cmaj7", 3, "close", (59, 60, 64, 67)),
        ("Cmaj7", 0, "open", (48, 55, 59, 64)),
        ("Cmaj7", 0, "wide", (48, 67, 71, 76)),
        ("C9", 0, "close", (48, 52, 55, 58, 62)),
        ("C9", 0, "open", (48, 55, 58, 62, 64)),
        ("C9", 4, "close", (50, 52, 55, 58, 60)),
        ("C5", 0, "close", (48, 55)),
        ("C5", 0, "open", (48, 67)),
        ("C5", 1, "wide", (55, 84)),
        ("C/E", 0, "close", (52, 55, 60)),
        ("C/E", 1, "close", (52, 60, 67)),
        ("C/D", 0, "close", (50, 52, 55, 60)),
        ("C/D", 1, "close", (50, 55, 60, 64)),
        ("C/D", 0, "open", (50, 55, 60, 64)),
        ("C(0)", 5, "wide", (48,)),
    ],
)
def test_a_chord_is_laid_out_with_its_inversion_and_spread(text, inversion, spread, keys):
    assert keys_of(parse_chord(text), 48, inversion, spread) == keys


def test_the_lowest_key_is_at_or_next_above_what_is_asked():
    chord = parse_chord("C")
    assert [keys_of(chord, lowest)[0] for lowest in (47, 48, 49, 60)] == [48, 48, 60, 60]


def test_what_would_pass_the_top_of_the_keyboard_stands_octaves_lower():
    assert keys_of(parse_chord("C"), 120) == (120, 124, 127)
    assert keys_of(parse_chord("C"), 121) == (120, 124, 127)
    assert keys_of(parse_chord("C7"), 120) == (108, 112, 115, 118)
    assert keys_of(parse_chord("C13"), 127, 0, "wide") == (84, 103, 106, 110, 112, 113, 117)


def test_an_unknown_spread_is_told_with_the_nearest():
    with pytest.raises(ValueError) as found:
        keys_of(parse_chord("C"), 48, 0, "widde")
    assert str(found.value) == "spread 'widde'; known are close, open, wide. Did you mean 'wide'?"


QUALITY = st.sampled_from(sorted(QUALITIES))
ROOT = st.integers(0, 11)
BASS = st.none() | ROOT


@settings(max_examples=200, deadline=None)
@given(ROOT, QUALITY, BASS, st.integers(0, 127), st.integers(-10, 10), st.sampled_from(["close", "open", "wide"]))
def test_a_layout_has_every_note_once_on_the_keyboard_and_the_bass_lowest(root, quality, bass, lowest, inversion, spread):
    chord = named(root, QUALITIES[quality], bass)
    keys = keys_of(chord, lowest, inversion, spread)
    wanted = set(chord.classes) | ({chord.bass} - {None})
    assert list(keys) == sorted(keys) and keys[0] >= 0 and keys[-1] <= 127
    assert sorted(key % 12 for key in keys) == sorted(wanted)
    if chord.bass is not None:
        assert keys[0] % 12 == chord.bass
    assert keys[0] >= lowest or keys[-1] + 12 > 127


def test_tones_are_all_keys_of_the_chord_in_a_range_without_a_foreign_bass():
    assert tones(parse_chord("Am"), 57, 72) == (57, 60, 64, 69, 72)
    assert tones(parse_chord("C/D"), 60, 67) == (60, 64, 67)
    assert tones(parse_chord("G9"), 55, 59) == (55, 57, 59)


def test_the_nearest_tone_is_the_lower_of_two_as_near():
    chord = parse_chord("C")
    assert [nearest_tone(key, chord) for key in (60, 61, 62, 63, 66, 127)] == [60, 60, 60, 64, 67, 127]


# ---------------------------------------------------------------- recognised


def unsure(quality: str) -> bool:
    return quality in SYMMETRIC or quality in TWINS or quality in {twin for _, twin in TWINS.values()}


@pytest.mark.parametrize("spread", ["close", "open", "wide"])
@pytest.mark.parametrize("quality", RARITY)
def test_every_quality_is_recognised_in_every_inversion_on_every_root(quality, spread):
    for root in range(12):
        chord = named(root, QUALITIES[quality])
        for inversion, bass in enumerate(chord.classes):
            found = recognise(keys_of(chord, 36, inversion, spread))
            assert found and set(found.classes) == set(chord.classes), (root, inversion)
            assert keys_of(found, 36)[0] % 12 == bass
            if inversion == 0 or not unsure(quality):
                assert found == named(root, chord.intervals, bass)


def test_what_has_a_twin_is_called_by_its_bass():
    for (quality, (above, twin)), root in product(TWINS.items(), range(12)):
        one, other = named(root, QUALITIES[quality]), named((root + above) % 12, QUALITIES[twin])
        assert set(one.classes) == set(other.classes)
        assert recognise(keys_of(one, 48)) == one
        assert recognise(keys_of(other, 48)) == other


def test_a_symmetric_chord_is_called_by_its_bass():
    for (quality, step), root in product(SYMMETRIC.items(), range(12)):
        keys = [key + step for key in keys_of(named(root, QUALITIES[quality]), 48)]
        assert recognise(keys) == named((root + step) % 12, QUALITIES[quality])


def test_what_has_a_twin_keeps_the_last_root_when_the_bass_moves():
    last = parse_chord("Am7")
    assert recognise((48, 52, 55, 57)).name == "C6"
    assert recognise((48, 52, 55, 57), last).name == "Am7/C"
    assert recognise((48, 52, 55, 57), parse_chord("C")).name == "C6"


def test_the_roots_of_triads_and_sevenths_are_those_that_music21_finds():
    plain = ("", "m", "dim", "7", "maj7", "m7", "mMaj7", "m7b5")
    for quality, root in product(plain, range(12)):
        chord = named(root, QUALITIES[quality])
        spelt = {pitch.pitchClass: pitch.name for pitch in figure(root, quality).pitches}
        for inversion in range(len(chord.intervals)):
            keys = keys_of(chord, 48, inversion)
            theirs = music21.chord.Chord([f"{spelt[key % 12]}{octave}" for octave, key in enumerate(keys)])
            assert recognise(keys, last=chord).root == theirs.root().pitchClass


def test_a_chord_that_goes_on_is_the_last_one_itself():
    last = parse_chord("Amin")
    assert recognise((45, 60, 64), last) is last


@settings(max_examples=100, deadline=None)
@given(ROOT, st.sampled_from(sorted(RARITY)), st.data())
def test_doubled_notes_change_nothing(root, quality, data):
    chord = named(root, QUALITIES[quality])
    more = data.draw(st.lists(st.sampled_from(tones(chord, 60, 108)), max_size=12))
    held = [*keys_of(chord, 36), *more]
    assert recognise(held) == chord
    assert recognise(reversed(held)) == chord


# The 12 notes beside C and Cm, in the order of the piano: what is heard when the note is held with the triad above a bass C.
BESIDE_C = ("C", "C", "Cadd9", None, "C", "C", "C", "C", "C", "C6", "C7", "Cmaj7")
BESIDE_CM = ("Cm", "Cm", "Cmadd9", "Cm", None, "Cm", "Cm", "Cm", "Abmaj7/C", "Cm6", "Cm7", "CmMaj7")


@pytest.mark.parametrize(("triad", "heard"), [("", BESIDE_C), ("m", BESIDE_CM)])
def test_one_passing_note_beside_a_triad_is_passed_over_or_makes_a_known_chord(triad, heard):
    for root in range(12):
        held = keys_of(named(root, QUALITIES[triad]), 48)
        for note, name in enumerate(heard):
            found = recognise([*held, 72 + root + note])
            if name is None:
                assert found is None
                continue
            wanted = parse_chord(name)
            bass = None if wanted.bass is None else (wanted.bass + root) % 12
            assert found == Chord((wanted.root + root) % 12, wanted.intervals, bass), (root, note)


@pytest.mark.parametrize(
    ("held", "name"),
    [
        ((43, 59, 65), "G7"),  # without its fifth
        ((47, 53, 67), "G7/B"),
        ((50, 60, 65), "Dm7"),
        ((48, 52, 58, 62), "C9"),
        ((48, 59, 64), "Cmaj7"),
        ((43, 57, 60, 65), "Fadd9/G"),
        ((48, 62, 66, 69), "D7/C"),
        ((42, 60, 64, 67), "C/F#"),  # a bass that is no note of the chord
        ((36, 43, 52, 60, 64, 67, 76), "C"),
        ((43, 59, 62, 65, 72), "G7"),  # with a passing C
        ((50, 53, 57, 60, 64), "Dm9"),
        ((45, 60, 64, 67, 71), "Am9"),
        ((48, 53, 55, 64), "C"),  # the fourth is passing beside the third
    ],
)
def test_what_a_therapist_holds_is_recognised(held, name):
    assert recognise(held).name == name


@pytest.mark.parametrize(
    "held",
    [
        (),
        (60,),
        (48, 60, 72),
        (60, 61),
        (60, 62),
        (60, 66),
        (60, 70),
        (60, 61, 62),
        (60, 62, 64),  # a run of melody
        (60, 62, 64, 65),  # which is Dm9 without its fifth too, but not over D
        (60, 62, 65),
        (60, 63, 64, 67),  # both thirds
        (48, 52, 55, 61, 66),  # two passing notes
        tuple(range(60, 72)),
        (48, 50, 52, 53, 55, 57, 59),  # the whole scale under the pedal
    ],
)
def test_unclear_harmony_is_none_so_that_the_last_one_stands(held):
    assert recognise(held) is None


@pytest.mark.parametrize(
    ("held", "last", "name"),
    [
        ((48, 55), None, "C5"),
        ((43, 48), None, "C5/G"),
        ((48, 52), None, "C"),
        ((52, 60), None, "C/E"),
        ((57, 60), None, "Am"),
        ((48, 57), None, "Am/C"),
        ((48, 55), "Cm7", "Cm7"),  # what it has of the last one's notes goes on as the last one
        ((48, 51), "Cm7", "Cm7"),
        ((53, 57), "Dm7", "Dm7"),
        ((60, 70), "C7", "C7"),
        ((48, 55), "F", "C5"),
        ((48, 52), "Cm", "C"),
        ((55, 59), "C7", "G"),
        ((60, 61), "C", None),
    ],
)
def test_two_notes_keep_the_last_chord_or_imply_one(held, last, name):
    found = recognise(held, parse_chord(last) if last else None)
    assert (found and found.name) == name


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(30, 90), max_size=8), st.integers(-12, 12))
@example({48, 52, 55, 56}, 5)
def test_what_is_heard_moves_with_the_keys(held, by):
    found, moved = recognise(held), recognise({key + by for key in held})
    assert (found is None) == (moved is None)
    if found:
        assert {(one + by) % 12 for one in found.classes} == set(moved.classes)


def test_an_augmented_major_seventh_is_heard_as_the_triad_in_it():
    assert "augMaj7" not in RARITY
    assert recognise((52, 56, 59, 60)).name == "E"  # C augMaj7 over E: E with a passing C


# ---------------------------------------------------------------- recognised by weight


def weights(**shares: float) -> list[float]:
    names = {"C": 0, "Cs": 1, "D": 2, "Eb": 3, "E": 4, "F": 5, "Fs": 6, "G": 7, "Ab": 8, "A": 9, "Bb": 10, "B": 11}
    found = [0.0] * 12
    for name, share in shares.items():
        found[names[name]] = share
    return found


@pytest.mark.parametrize(
    ("heard", "bass", "name", "score"),
    [
        (weights(C=1, E=1, G=1), 0, "C", 1.0),
        (weights(C=1, E=1, G=1), None, "C", 1.0),
        (weights(C=7, E=7, G=7), 4, "C/E", 0.95),
        (weights(C=1, E=1, G=1, F=1), 0, "C", 0.75),
        (weights(G=1, B=1, F=1), 7, "G7", 0.9),
        (weights(C=3, E=2, G=2, D=0.5, F=0.5), 0, "C", 7 / 8),
        (weights(A=4, C=2, E=2, B=0.5, D=0.5), 9, "Am", 8 / 9),
        (weights(D=3, F=2, A=2, C=2, E=0.3), 2, "Dm7", 9 / 9.3),
        (weights(C=2, F=2, G=2), 0, "Csus4", 0.91),
        (weights(C=4, E=4, G=4, A=0.6), 0, "C", 12 / 12.6),
    ],
)
def test_a_broken_chord_with_melody_is_recognised_with_its_score(heard, bass, name, score):
    chord, found = recognise_weighted(heard, bass)
    assert (chord.name, found) == (name, pytest.approx(score))


@pytest.mark.parametrize(
    "heard",
    [
        weights(),
        weights(C=1),
        weights(C=1, G=1),
        weights(C=1, E=1),
        [1.0] * 12,
        weights(C=1, D=1, E=1, F=1),
        weights(C=1, Eb=1, E=1, G=1),
    ],
)
def test_weights_that_fit_nothing_or_two_chords_are_none(heard):
    assert recognise_weighted(heard, 0) is None


@pytest.mark.parametrize("heard", [[1.0] * 11, [1.0] * 13, [-0.1, *[1.0] * 11]])
def test_weights_are_twelve_and_none_is_negative(heard):
    with pytest.raises(ValueError, match=f"{len(heard)} weights; 12 are needed"):
        recognise_weighted(heard)


@settings(max_examples=100, deadline=None)
@given(ROOT, st.sampled_from(["", "m", "7", "m7", "maj7"]), st.data())
def test_a_broken_chord_with_a_short_passing_note_keeps_its_notes(root, quality, data):
    chord = named(root, QUALITIES[quality])
    heard = [0.0] * 12
    for one in chord.classes:
        heard[one] = data.draw(st.floats(0.7, 1.3))
    passing = data.draw(st.sampled_from([one for one in range(12) if one not in chord.classes]))
    heard[passing] = data.draw(st.floats(0.0, 0.1))
    found = recognise_weighted(heard, root)
    assert found is not None
    assert set(found[0].classes) == set(chord.classes)
