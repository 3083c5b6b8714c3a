"""Scales against music21 and against published tables, in every key; scales that people write; drums, clusters and noise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.music import (
    ALSO,
    DRUM_CHANNEL,
    DRUMS,
    NOISE,
    NOISE_KEYS,
    PITCH_CLASSES,
    SCALES,
    SOURCES,
    Scale,
    cluster,
    clusters,
    degree,
    drum_key,
    into_range,
    keys_between,
    nearest_key,
    note_name,
    pitch_class,
    read_scale,
    scale_classes,
)
from support.theory import TONICS, keys_spelt, keys_up, music21

M21 = music21.scale

# What music21 makes by itself, and, of those that are a mode of one it makes, how far above the tonic that one's tonic is.
MADE = {
    "major": (M21.MajorScale, "P1"),
    "minor": (M21.MinorScale, "P1"),
    "harmonic minor": (M21.HarmonicMinorScale, "P1"),
    "melodic minor": (M21.MelodicMinorScale, "P1"),
    "ionian": (M21.MajorScale, "P1"),
    "dorian": (M21.DorianScale, "P1"),
    "phrygian": (M21.PhrygianScale, "P1"),
    "lydian": (M21.LydianScale, "P1"),
    "mixolydian": (M21.MixolydianScale, "P1"),
    "aeolian": (M21.MinorScale, "P1"),
    "locrian": (M21.LocrianScale, "P1"),
    "lydian dominant": (M21.MelodicMinorScale, "P5"),
    "altered": (M21.MelodicMinorScale, "m2"),
    "phrygian dominant": (M21.HarmonicMinorScale, "P4"),
    "whole tone": (M21.WholeToneScale, "P1"),
    "half-whole octatonic": (lambda tonic: M21.OctatonicScale(tonic, 1), "P1"),
    "whole-half octatonic": (lambda tonic: M21.OctatonicScale(tonic, 2), "P1"),
    "chromatic": (M21.ChromaticScale, "P1"),
}

# As the Tonal library lists them (tonaljs/tonal, packages/scale-type/data.ts); a comment says what it calls it if not so.
TONAL = {
    "major pentatonic": "P1 M2 M3 P5 M6",
    "minor pentatonic": "P1 m3 P4 P5 m7",
    "egyptian": "P1 M2 P4 P5 m7",
    "hirajoshi": "P1 M2 m3 P5 m6",
    "in-sen": "P1 m2 P4 P5 m7",
    "iwato": "P1 m2 P4 d5 m7",
    "kumoi": "P1 M2 m3 P5 M6",
    "ritusen": "P1 M2 P4 P5 M6",
    "pelog": "P1 m2 m3 P5 m6",
    "chinese": "P1 M3 A4 P5 M7",
    "blues": "P1 m3 P4 d5 P5 m7",
    "major blues": "P1 M2 m3 M3 P5 M6",
    "augmented": "P1 A2 M3 P5 A5 M7",
    "whole tone": "P1 M2 M3 A4 A5 m7",
    "major": "P1 M2 M3 P4 P5 M6 M7",
    "minor": "P1 M2 m3 P4 P5 m6 m7",
    "harmonic minor": "P1 M2 m3 P4 P5 m6 M7",
    "melodic minor": "P1 M2 m3 P4 P5 M6 M7",
    "harmonic major": "P1 M2 M3 P4 P5 m6 M7",
    "ionian": "P1 M2 M3 P4 P5 M6 M7",
    "dorian": "P1 M2 m3 P4 P5 M6 m7",
    "phrygian": "P1 m2 m3 P4 P5 m6 m7",
    "lydian": "P1 M2 M3 A4 P5 M6 M7",
    "mixolydian": "P1 M2 M3 P4 P5 M6 m7",
    "aeolian": "P1 M2 m3 P4 P5 m6 m7",
    "locrian": "P1 m2 m3 P4 d5 m6 m7",
    "lydian dominant": "P1 M2 M3 A4 P5 M6 m7",
    "phrygian dominant": "P1 m2 M3 P4 P5 m6 m7",
    "altered": "P1 m2 A2 M3 A4 m6 m7",
    "hungarian minor": "P1 M2 m3 A4 P5 m6 M7",
    "double harmonic": "P1 m2 M3 P4 P5 m6 M7",  # double harmonic major
    "neapolitan major": "P1 m2 m3 P4 P5 M6 M7",  # "neopolitan"
    "neapolitan minor": "P1 m2 m3 P4 P5 m6 M7",  # balinese
    "enigmatic": "P1 m2 M3 d5 m6 m7 M7",
    "bebop dominant": "P1 M2 M3 P4 P5 M6 m7 M7",  # bebop
    "bebop major": "P1 M2 M3 P4 P5 A5 M6 M7",
    "half-whole octatonic": "P1 m2 m3 M3 A4 P5 M6 m7",  # half-whole diminished
    "whole-half octatonic": "P1 M2 m3 P4 d5 m6 M6 M7",  # whole-half diminished
    "chromatic": "P1 m2 M2 m3 M3 P4 d5 P5 m6 M6 m7 M7",
}

# As SuperCollider lists them (SCClassLibrary/Common/Collections/Scale.sc).
SUPERCOLLIDER = {
    "minor pentatonic": (0, 3, 5, 7, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "ritusen": (0, 2, 5, 7, 9),
    "egyptian": (0, 2, 5, 7, 10),
    "kumoi": (0, 2, 3, 7, 9),
    "hirajoshi": (0, 2, 3, 7, 8),
    "iwato": (0, 1, 5, 6, 10),
    "chinese": (0, 4, 6, 7, 11),
    "pelog": (0, 1, 3, 7, 8),
    "augmented": (0, 3, 4, 7, 8, 11),
    "harmonic major": (0, 2, 4, 5, 7, 8, 11),
    "altered": (0, 1, 3, 4, 6, 8, 10),  # super locrian
    "hungarian minor": (0, 2, 3, 6, 7, 8, 11),
    "double harmonic": (0, 1, 4, 5, 7, 8, 11),  # bhairav
    "neapolitan minor": (0, 1, 3, 5, 7, 8, 11),
    "neapolitan major": (0, 1, 3, 5, 7, 9, 11),
    "enigmatic": (0, 1, 4, 6, 8, 10, 11),
    "phrygian dominant": (0, 1, 4, 5, 7, 8, 10),  # spanish
    "half-whole octatonic": (0, 1, 3, 4, 6, 7, 9, 10),  # diminished
    "whole-half octatonic": (0, 2, 3, 5, 6, 8, 9, 11),  # diminished 2
}

# What music21 calls the notes, whichever of them is the tonic (its table of set classes).
SET_NAMES = {
    "major pentatonic": "major pentatonic",
    "minor pentatonic": "major pentatonic",
    "egyptian": "major pentatonic",
    "ritusen": "major pentatonic",
    "hirajoshi": "Hirajoshi pentatonic",
    "iwato": "Iwato",
    "kumoi": "Kumoi pentachord",
    "pelog": "Balinese Pelog pentatonic",
    "blues": "blues scale",
    "major blues": "blues scale",
    "harmonic major": "harmonic major scale (inverted)",
    "hungarian minor": "Hungarian minor",
    "double harmonic": "double harmonic scale",
    "neapolitan minor": "Neapolitan-minor mode",
    "neapolitan major": "Neapolitan-major mode",
    "enigmatic": "Enigmatic heptatonic",
    "augmented": "Messiaen's truncated mode 3",
}

HEARD = {  # what music21 knows of the percussion keys: instrument and which of them
    "acoustic bass drum": ("Bass Drum", "acoustic"),
    "bass drum": ("Bass Drum", "1"),
    "side stick": ("Snare Drum", "side"),
    "snare": ("Snare Drum", "acoustic"),
    "electric snare": ("Snare Drum", "electric"),
    "low floor tom": ("Tom-Tom", "low floor"),
    "closed hi-hat": ("Hi-Hat Cymbal", "closed"),
    "high floor tom": ("Tom-Tom", "high floor"),
    "pedal hi-hat": ("Hi-Hat Cymbal", "pedal"),
    "low tom": ("Tom-Tom", "low"),
    "open hi-hat": ("Hi-Hat Cymbal", "open"),
    "low-mid tom": ("Tom-Tom", "low-mid"),
    "high-mid tom": ("Tom-Tom", "high-mid"),
    "crash cymbal": ("Crash Cymbals", "1"),
    "high tom": ("Tom-Tom", "high"),
    "tambourine": ("Tambourine", None),
    "cowbell": ("Cowbell", None),
    "crash cymbal 2": ("Crash Cymbals", "2"),
    "vibraslap": ("Vibraslap", None),
    "high bongo": ("Bongo Drums", "high"),
    "low bongo": ("Bongo Drums", "low"),
    "mute high conga": ("Conga Drum", "mute high"),
    "open high conga": ("Conga Drum", "open high"),
    "low conga": ("Conga Drum", "low"),
    "high timbale": ("Timbales", "high"),
    "low timbale": ("Timbales", "low"),
    "high agogo": ("Agogo", None),
    "low agogo": ("Agogo", None),
    "maracas": ("Maracas", None),
    "short whistle": ("Whistle", None),
    "long whistle": ("Whistle", None),
    "high wood block": ("Woodblock", "high"),
    "low wood block": ("Woodblock", "low"),
    "mute triangle": ("Triangle", "mute"),
    "open triangle": ("Triangle", "open"),
}


def ours(name: str, tonic: int) -> list[int]:
    """The MIDI keys of one octave from the tonic up, as a voice takes them."""
    return [degree(60 + tonic, SCALES[name], n) for n in range(len(SCALES[name]))]


def set_names(keys: list[int]) -> tuple[str, ...]:
    chord = music21.chord.Chord(keys)
    return tuple(music21.chord.tables.addressToCommonNames(chord.chordTablesAddress))


# ---------------------------------------------------------------- against other tables


def test_every_scale_has_an_independent_table_and_there_are_at_least_24():
    assert set(SCALES) == set(MADE) | set(TONAL)
    assert len(set(SCALES.values())) >= 24


@pytest.mark.parametrize("name", MADE)
def test_a_scale_that_music21_makes_has_the_same_keys_in_every_key(name):
    maker, above = MADE[name]
    for tonic, called in enumerate(TONICS):
        start = music21.interval.Interval(above).transposePitch(music21.pitch.Pitch(f"{called}4"))
        assert ours(name, tonic) == keys_up(maker(start), called), called


@pytest.mark.parametrize("name", TONAL)
def test_a_scale_has_the_keys_that_tonal_spells_in_every_key(name):
    for tonic, called in enumerate(TONICS):
        assert ours(name, tonic) == keys_spelt(TONAL[name], called), called


def test_the_scales_that_supercollider_has_too_are_the_same():
    assert {name: SCALES[name] for name in SUPERCOLLIDER} == SUPERCOLLIDER


@pytest.mark.parametrize("name", SET_NAMES)
def test_music21_calls_the_notes_of_a_scale_by_its_name(name):
    assert SET_NAMES[name] in set_names(ours(name, 0))
    assert SET_NAMES[name] in set_names(ours(name, 6))


def test_the_checks_catch_the_wrong_major_pentatonic_that_another_program_ships():
    wrong = [60, 64, 65, 67, 71]  # 0 4 5 7 11
    assert wrong != keys_spelt(TONAL["major pentatonic"], "C") == [60, 62, 64, 67, 69]
    assert "major pentatonic" not in set_names(wrong)
    assert tuple(key - 60 for key in wrong) not in SCALES.values()


def test_every_scale_rises_from_its_tonic_within_one_octave():
    for name, steps in SCALES.items():
        assert steps[0] == 0 and list(steps) == sorted(set(steps)) and steps[-1] <= 11, name


@pytest.mark.parametrize("name", SCALES)
def test_degrees_go_on_over_and_under_the_octave(name):
    size = len(SCALES[name])
    for tonic in range(12):
        up, down = [[degree(60 + tonic, SCALES[name], n + k * size) for n in range(size)] for k in (1, -1)]
        assert up == [key + 12 for key in ours(name, tonic)]
        assert down == [key - 12 for key in ours(name, tonic)]


def test_other_names_are_of_scales_that_are_there():
    assert set(ALSO.values()) <= set(SCALES)
    assert not set(ALSO) & set(SCALES)


# ---------------------------------------------------------------- keys


def test_a_key_is_read_with_sharps_flats_and_printed_signs():
    found = [pitch_class(name) for name in ("C", "F#", "Gb", "B♭", "E♯", "Cb", "F##", "Abb")]
    assert found == [0, 6, 6, 10, 5, 11, 7, 7]


@pytest.mark.parametrize("name", ["", "H", "c", "C4", "C ", "#", "C###", "Cb#"])
def test_what_is_no_key_is_told_with_the_keys(name):
    with pytest.raises(ValueError) as found:
        pitch_class(name)
    assert str(found.value) == f"'{name}' is not a key; write one of C, C#, D, D#, E, F, F#, G, G#, A, A#, B"


def test_a_note_is_named_with_its_octave():
    assert [note_name(key) for key in (0, 60, 61, 127)] == ["C-1", "C4", "C#4", "G9"]


def test_a_key_out_of_range_comes_in_by_octaves_and_keeps_its_name():
    assert [into_range(key) for key in (-1, 0, 127, 128, 140)] == [11, 0, 127, 116, 116]
    assert [into_range(key, 60, 71) for key in (59, 60, 71, 72, 100)] == [71, 60, 71, 60, 64]
    assert into_range(61, 62, 64) == 73  # no C# from 62 to 64: the next above


def test_keys_of_pitch_classes_are_found_between_two_keys_both_included():
    assert keys_between((0, 4, 7), 60, 72) == (60, 64, 67, 72)
    assert keys_between((0,), 120, 500) == (120,)
    assert keys_between((), 0, 127) == () == keys_between((0,), 61, 60)


def test_the_nearest_key_is_found_and_the_lower_of_two_as_near():
    assert [nearest_key(key, (0, 4)) for key in (60, 61, 62, 63, 127, 0, -9)] == [60, 60, 60, 64, 124, 0, 0]
    with pytest.raises(ValueError):
        nearest_key(60, ())


def test_the_pitch_classes_of_a_scale_start_with_its_tonic():
    assert scale_classes(9, SCALES["minor"]) == (9, 11, 0, 2, 4, 5, 7)


# ---------------------------------------------------------------- scales that people write


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("major pentatonic", Scale("major pentatonic", (0, 2, 4, 7, 9))),
        (" Harmonic  MINOR ", Scale("harmonic minor", (0, 2, 3, 5, 7, 8, 11))),
        ("whole_tone", Scale("whole tone", (0, 2, 4, 6, 8, 10))),
        ("gypsy minor", Scale("hungarian minor", (0, 2, 3, 6, 7, 8, 11))),
        ("yo", Scale("ritusen", (0, 2, 5, 7, 9))),
        ("0 2 4 7 9", Scale("0 2 4 7 9", (0, 2, 4, 7, 9))),
        ("0,2, 4,7,9,12", Scale("0 2 4 7 9 12", (0, 2, 4, 7, 9))),
        ("0", Scale("0", (0,))),
        ("C D E G A", Scale("C D E G A", (0, 2, 4, 7, 9), 0)),
        ("D E F# A B D", Scale("D E F# A B D", (0, 2, 4, 7, 9), 2)),
        ("Bb Db Eb E F Ab", Scale("Bb Db Eb E F Ab", (0, 3, 5, 6, 7, 10), 10)),
        ("A♭ B♭ C", Scale("Ab Bb C", (0, 2, 4), 8)),
        ("G", Scale("G", (0,), 7)),
        ("1 b3 4 5 b7", Scale("1 b3 4 5 b7", (0, 3, 5, 7, 10))),
        ("1 2 ♭3 #4 5 6 7 8", Scale("1 2 b3 #4 5 6 7 8", (0, 2, 3, 6, 7, 9, 11))),
        ("1 b2 bb3 4", Scale("1 b2 bb3 4", (0, 1, 2, 5))),
    ],
)
def test_a_scale_is_read_by_name_or_from_semitones_notes_or_degrees(text, read):
    assert read_scale(text) == read


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is not a scale; known are major pentatonic, minor pentatonic, major, minor,"),
        ("major pentatonc", "Did you mean 'major pentatonic'?"),
        ("hirajosi", "Did you mean 'hirajoshi'?"),
        ("gipsy minor", "Did you mean 'gypsy minor'?"),
        ("hirajosi", 'or write semitones "0 2 4 7 9", notes "C D E G A" or degrees "1 2 3 5 6".'),
        ("drums", "'drums' gives notes that are not of a scale; here a scale is needed, the nearest is 'chromatic'"),
        ("2 4 7", "the scale begins with '2'; begin with its tonic: 0 for semitones, 1 for degrees, or a note"),
        ("0 2 x", "step 3 of the scale, 'x', is not semitones above the tonic; write 0 to 11"),
        ("0 2 14", "step 3 of the scale, '14', is not semitones above the tonic; write 0 to 11"),
        ("0 -1", "step 2 of the scale, '-1', is not semitones above the tonic; write 0 to 11"),
        ("0 2.5", "step 2 of the scale, '2.5', is not semitones above the tonic; write 0 to 11"),
        ("0 4 2", "'2' comes after '4' in the scale but lies below it; write upward within one octave"),
        ("0 2 2", "'2' and '2' in the scale are the same note; write each once"),
        ("C D H", "note 3 of the scale, 'H', is not a note; write C D E F G A B, with # or b after it"),
        ("A minor", "note 2 of the scale, 'minor', is not a note"),
        ("C G E", "'E' comes after 'G' in the scale but lies below it"),
        ("C D# Eb", "'D#' and 'Eb' in the scale are the same note; write each once"),
        ("C D C E", "'C' comes after 'D' in the scale but lies below it"),
        ("1 3 9", "step 3 of the scale, '9', is not a degree; write 1 to 7, with # or b before it"),
        ("1 b1", "'b1' comes after '1' in the scale but lies below it"),
        ("1 2 #8", "'#8' in the scale is above the tonic's octave; write upward within one octave"),
        ("0 " + "1 " * 100, "a scale of 202 letters; 200 are enough for any"),
    ],
)
def test_what_is_no_scale_is_told_with_the_place_and_what_is_allowed(text, words):
    with pytest.raises(ValueError) as found:
        read_scale(text)
    assert words in str(found.value)


@pytest.mark.parametrize("name", SCALES)
def test_every_scale_written_out_in_semitones_or_notes_is_read_as_the_same(name):
    steps = SCALES[name]
    assert read_scale(" ".join(map(str, steps))).steps == steps
    for tonic in range(12):
        notes = [PITCH_CLASSES[one] for one in scale_classes(tonic, steps)]
        assert read_scale(" ".join(notes)) == Scale(" ".join(notes), steps, tonic)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789 ,ABCDEFGH#b♭♯majorin-_", max_size=60) | st.text(max_size=60))
def test_any_text_is_a_scale_or_a_sentence(text):
    try:
        name, steps, tonic = read_scale(text)
    except ValueError as found:
        assert str(found)
        return
    assert name and steps[0] == 0 and list(steps) == sorted(set(steps)) and steps[-1] <= 11
    assert tonic is None or 0 <= tonic <= 11


# ---------------------------------------------------------------- sources that are no scale


def test_no_source_has_the_name_of_a_scale():
    assert SOURCES == ("clusters", "drums", "noise")
    assert not set(SOURCES) & (set(SCALES) | set(ALSO))


def test_drums_are_the_47_keys_of_general_midi_once_each_on_channel_10():
    assert DRUM_CHANNEL == 10
    assert sorted(DRUMS.values()) == list(range(35, 82))


def test_the_first_drums_are_a_kit():
    assert list(DRUMS)[:5] == ["bass drum", "snare", "closed hi-hat", "low tom", "crash cymbal"]
    assert list(DRUMS.values())[:5] == [36, 38, 42, 45, 49]


def test_drums_are_what_music21_hears_under_their_keys():
    mapper = music21.midi.percussion.PercussionMapper()
    heard = {name: mapper.midiPitchToInstrument(music21.pitch.Pitch(midi=DRUMS[name])) for name in HEARD}
    found = {name: (one.instrumentName, getattr(one, "modifier", None)) for name, one in heard.items()}
    assert found == HEARD


def test_a_drum_is_found_by_its_name_and_another_is_told_the_nearest():
    assert (drum_key("snare"), drum_key(" Closed  Hi-Hat ")) == (38, 42)
    with pytest.raises(ValueError) as found:
        drum_key("snair")
    assert str(found.value).startswith("'snair' is not a drum; known are bass drum, snare,")
    assert str(found.value).endswith("Did you mean 'snare'?")


def test_a_cluster_is_neighbouring_semitones_around_its_centre():
    assert [cluster(60, size) for size in (2, 3, 4, 5)] == [(59, 60), (59, 60, 61), (58, 59, 60, 61), (58, 59, 60, 61, 62)]
    assert (cluster(0), cluster(127)) == ((0, 1, 2), (125, 126, 127))
    for size in (1, 13):
        with pytest.raises(ValueError, match=f"a cluster of {size} notes; write 2 to 12"):
            cluster(60, size)


def test_clusters_follow_each_other_without_a_gap_and_without_sharing_a_key():
    assert clusters(48, 4) == ((48, 49, 50), (51, 52, 53), (54, 55, 56), (57, 58, 59))
    assert clusters(60, 2, 5) == ((60, 61, 62, 63, 64), (65, 66, 67, 68, 69))


@given(st.integers(-20, 140), st.integers(1, 64), st.integers(2, 12))
def test_every_cluster_is_whole_and_on_the_keyboard(lowest, count, size):
    found = clusters(lowest, count, size)
    assert len(found) == count
    for keys in found:
        assert keys == tuple(range(keys[0], keys[0] + size))
        assert keys[0] >= 0 and keys[-1] <= 127


def test_noise_is_the_eight_effects_of_general_midi_at_five_speeds():
    assert list(NOISE.values()) == [121, 122, 123, 124, 125, 126, 127, 128]
    assert list(NOISE)[2:4] == ["seashore", "bird tweet"]
    assert NOISE_KEYS == (36, 48, 60, 72, 84)
