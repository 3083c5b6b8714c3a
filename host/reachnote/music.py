"""Scales, keys and what is played without a scale, as numbers. Pure.

A key is a MIDI key number 0..127; octave 4 starts at 60 (C4, middle C). A scale is its pitch classes
above the tonic, ascending, in semitones. `read_scale` finds one by its name or reads one that a person wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from reachnote.unknown import listed, nearest

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
ACCIDENTALS = {"": 0, "#": 1, "b": -1, "##": 2, "bb": -2}
HIGHEST = 127

SCALES = {
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),  # the rising form, both ways
    "harmonic major": (0, 2, 4, 5, 7, 8, 11),
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "major blues": (0, 2, 3, 4, 7, 9),
    "egyptian": (0, 2, 5, 7, 10),
    "hirajoshi": (0, 2, 3, 7, 8),
    "in-sen": (0, 1, 5, 7, 10),
    "iwato": (0, 1, 5, 6, 10),
    "kumoi": (0, 2, 3, 7, 9),
    "ritusen": (0, 2, 5, 7, 9),
    "pelog": (0, 1, 3, 7, 8),
    "chinese": (0, 4, 6, 7, 11),
    "lydian dominant": (0, 2, 4, 6, 7, 9, 10),
    "phrygian dominant": (0, 1, 4, 5, 7, 8, 10),
    "altered": (0, 1, 3, 4, 6, 8, 10),
    "bebop dominant": (0, 2, 4, 5, 7, 9, 10, 11),
    "bebop major": (0, 2, 4, 5, 7, 8, 9, 11),
    "hungarian minor": (0, 2, 3, 6, 7, 8, 11),
    "double harmonic": (0, 1, 4, 5, 7, 8, 11),
    "neapolitan minor": (0, 1, 3, 5, 7, 8, 11),
    "neapolitan major": (0, 1, 3, 5, 7, 9, 11),
    "enigmatic": (0, 1, 4, 6, 8, 10, 11),
    "whole tone": (0, 2, 4, 6, 8, 10),
    "augmented": (0, 3, 4, 7, 8, 11),
    "half-whole octatonic": (0, 1, 3, 4, 6, 7, 9, 10),
    "whole-half octatonic": (0, 2, 3, 5, 6, 8, 9, 11),
    "chromatic": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
}

ALSO = {  # other names that people know
    "pentatonic": "major pentatonic",
    "natural minor": "minor",
    "jazz minor": "melodic minor",
    "minor blues": "blues",
    "insen": "in-sen",
    "yo": "ritusen",
    "acoustic": "lydian dominant",
    "spanish": "phrygian dominant",
    "freygish": "phrygian dominant",
    "super locrian": "altered",
    "gypsy minor": "hungarian minor",
    "byzantine": "double harmonic",
    "octatonic": "whole-half octatonic",
}

SOURCES = ("clusters", "drums", "noise")  # what gives notes and is no scale: `clusters`, `DRUMS`, `NOISE`

DRUM_CHANNEL = 10
DRUMS = {  # General MIDI level 1 percussion keys; the first 5, 8 or 12 are a kit in themselves
    "bass drum": 36,
    "snare": 38,
    "closed hi-hat": 42,
    "low tom": 45,
    "crash cymbal": 49,
    "high tom": 50,
    "open hi-hat": 46,
    "ride cymbal": 51,
    "low floor tom": 41,
    "side stick": 37,
    "hand clap": 39,
    "tambourine": 54,
    "low conga": 64,
    "open high conga": 63,
    "low bongo": 61,
    "high bongo": 60,
    "cowbell": 56,
    "maracas": 70,
    "cabasa": 69,
    "claves": 75,
    "low wood block": 77,
    "high wood block": 76,
    "low agogo": 68,
    "high agogo": 67,
    "open triangle": 81,
    "mute triangle": 80,
    "low timbale": 66,
    "high timbale": 65,
    "mute high conga": 62,
    "short guiro": 73,
    "long guiro": 74,
    "open cuica": 79,
    "mute cuica": 78,
    "vibraslap": 58,
    "high floor tom": 43,
    "low-mid tom": 47,
    "high-mid tom": 48,
    "pedal hi-hat": 44,
    "electric snare": 40,
    "acoustic bass drum": 35,
    "splash cymbal": 55,
    "chinese cymbal": 52,
    "crash cymbal 2": 57,
    "ride cymbal 2": 59,
    "ride bell": 53,
    "short whistle": 71,
    "long whistle": 72,
}

NOISE_KEYS = (36, 48, 60, 72, 84)
NOISE = {  # General MIDI level 1 programs, 1..128 as people count
    # A voice of noise sends the program once on its own channel (never the drums') and plays NOISE_KEYS: the effect slow
    # and deep at 36, as recorded at 60, quick and high at 84. No scale, chord or transposition means anything here. Most
    # go on until Note Off, so the voice's trigger mode is one that ends its notes.
    "fret noise": 121,
    "breath noise": 122,
    "seashore": 123,
    "bird tweet": 124,
    "telephone ring": 125,
    "helicopter": 126,
    "applause": 127,
    "gunshot": 128,
}

_LONGEST_TEXT = 200
_NOTE = re.compile(r"([A-G])(##|bb|#|b|)")
_DEGREE = re.compile(r"(##|bb|#|b|)([1-8])")
_MAJOR = SCALES["major"]


# ---------------------------------------------------------------- keys


def plain_accidentals(text: str) -> str:
    """`text` with the printed signs for sharp and flat as # and b."""
    return text.replace("♯", "#").replace("♭", "b")


def pitch_class(name: str) -> int:
    """0..11 of a key's name ("C", "F#", "Bb", "E♭", "Cb"). ValueError lists the names."""
    found = _NOTE.fullmatch(plain_accidentals(name))
    if not found:
        raise ValueError(f"'{name}' is not a key; write one of {', '.join(PITCH_CLASSES)}")
    return (LETTERS[found[1]] + ACCIDENTALS[found[2]]) % 12


def note_name(key: int) -> str:
    """60 -> "C4"."""
    return f"{PITCH_CLASSES[key % 12]}{key // 12 - 1}"


def into_range(key: int, low: int = 0, high: int = HIGHEST) -> int:
    """`key` moved by octaves until it lies in low..high; where no octave of it does, as near above `low` as there is."""
    if key > high:
        key -= 12 * -((high - key) // 12)
    return key if key >= low else key + 12 * -((key - low) // 12)


def keys_between(classes: Iterable[int], low: int = 0, high: int = HIGHEST) -> tuple[int, ...]:
    """Every MIDI key in low..high, and in 0..127, whose pitch class is one of `classes`, ascending."""
    wanted = {one % 12 for one in classes}
    return tuple(key for key in range(max(low, 0), min(high, HIGHEST) + 1) if key % 12 in wanted)


def nearest_key(key: int, classes: Iterable[int]) -> int:
    """The MIDI key nearest to `key` whose pitch class is one of `classes`; of two as near the lower. ValueError of none."""
    found = keys_between(classes)
    if not found:
        raise ValueError("no pitch classes, so no key is near")
    return min(found, key=lambda one: (abs(one - key), one))


# ---------------------------------------------------------------- scales


def degree(tonic: int, scale: tuple[int, ...], n: int) -> int:
    """The MIDI key of the n-th scale degree (0 = tonic, may be negative) above the MIDI key `tonic`."""
    octave, step = divmod(n, len(scale))
    return tonic + 12 * octave + scale[step]


def scale_classes(tonic: int, scale: tuple[int, ...]) -> tuple[int, ...]:
    """The pitch classes of a scale on a tonic (MIDI key or pitch class), from the tonic up."""
    return tuple((tonic + step) % 12 for step in scale)


class Scale(NamedTuple):
    """A scale as it was asked for: `name` is what was written where it has none of its own, `tonic` 0..11 or None if not said."""

    name: str
    steps: tuple[int, ...]
    tonic: int | None = None


def read_scale(text: str) -> Scale:
    """The scale that `text` names or spells out. ValueError says what was found, what is allowed and the nearest name.

    A name of SCALES or ALSO in any case; or the steps upward within one octave, with spaces or commas between,
    as semitones "0 2 4 7 9", as notes "D E F# A B" (the first is the tonic, and is returned), or as degrees against
    the major scale "1 b3 4 5 b7". The tonic's octave at the end (12, D, 8) is understood and left out.
    """
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"a scale of {len(text)} letters; {_LONGEST_TEXT} are enough for any")
    name = " ".join(text.replace("_", " ").lower().split())
    name = ALSO.get(name, name)
    if name in SCALES:
        return Scale(name, SCALES[name])
    words = plain_accidentals(text).replace(",", " ").split()
    if words and _NOTE.fullmatch(words[0]):
        return _from_notes(" ".join(words), words)
    if words and words[0].isdecimal():
        return Scale(" ".join(words), _from_numbers(words))
    raise ValueError(_unknown_scale(text, name))


def _unknown_scale(text: str, name: str) -> str:
    if name in SOURCES:
        return f"'{name}' gives notes that are not of a scale; here a scale is needed, the nearest is 'chromatic'"
    spelt = 'semitones "0 2 4 7 9", notes "C D E G A" or degrees "1 2 3 5 6"'
    return f"'{text}' is not a scale; known are {listed(SCALES)}; or write {spelt}.{nearest(name, (*SCALES, *ALSO))}"


def _from_notes(name: str, words: list[str]) -> Scale:
    for n, word in enumerate(words):
        if not _NOTE.fullmatch(word):
            raise ValueError(f"note {n + 1} of the scale, '{word}', is not a note; write C D E F G A B, with # or b after it")
    tonic = pitch_class(words[0])
    steps = [(pitch_class(word) - tonic) % 12 for word in words]
    if len(steps) > 1 and steps[-1] == 0:
        steps[-1] = 12
    return Scale(name, _rising(words, steps), tonic)


def _from_numbers(words: list[str]) -> tuple[int, ...]:
    if words[0] == "0":
        return _rising(words, [_semitone(n, word) for n, word in enumerate(words)])
    if words[0] == "1":
        return _rising(words, [_degree_step(n, word) for n, word in enumerate(words)])
    raise ValueError(f"the scale begins with '{words[0]}'; begin with its tonic: 0 for semitones, 1 for degrees, or a note")


def _semitone(n: int, word: str) -> int:
    if not word.isdecimal() or len(word) > 2 or int(word) > 12:
        raise ValueError(f"step {n + 1} of the scale, '{word}', is not semitones above the tonic; write 0 to 11")
    return int(word)


def _degree_step(n: int, word: str) -> int:
    found = _DEGREE.fullmatch(word)
    if not found:
        raise ValueError(f"step {n + 1} of the scale, '{word}', is not a degree; write 1 to 7, with # or b before it")
    octave, place = divmod(int(found[2]) - 1, 7)
    return 12 * octave + _MAJOR[place] + ACCIDENTALS[found[1]]


def _rising(words: list[str], steps: list[int]) -> tuple[int, ...]:
    for before, after, one, two in zip(steps, steps[1:], words, words[1:], strict=False):
        if after == before:
            raise ValueError(f"'{one}' and '{two}' in the scale are the same note; write each once")
        if after < before:
            raise ValueError(f"'{two}' comes after '{one}' in the scale but lies below it; write upward within one octave")
    if steps[-1] > 12:
        raise ValueError(f"'{words[-1]}' in the scale is above the tonic's octave; write upward within one octave")
    return tuple(steps[:-1] if steps[-1] == 12 else steps)


# ---------------------------------------------------------------- sources that are no scale


def drum_key(name: str) -> int:
    """The percussion key of a drum's name in DRUMS. ValueError lists the names and says the nearest."""
    plain = " ".join(name.lower().split())
    if plain not in DRUMS:
        raise ValueError(f"'{name}' is not a drum; known are {listed(DRUMS)}.{nearest(plain, DRUMS)}")
    return DRUMS[plain]


def cluster(centre: int, size: int = 3) -> tuple[int, ...]:
    """`size` (2..12) neighbouring semitones around `centre`; an even number has one more below it than above.

    At the ends of the keyboard the whole group moves inward, so that it always has all its notes. ValueError for another size.
    """
    if not 2 <= size <= 12:
        raise ValueError(f"a cluster of {size} notes; write 2 to 12")
    lowest = min(max(centre - size // 2, 0), HIGHEST + 1 - size)
    return tuple(range(lowest, lowest + size))


def clusters(lowest: int, count: int, size: int = 3) -> tuple[tuple[int, ...], ...]:
    """`count` clusters, the first from the MIDI key `lowest` up, each beginning where the last one ended.

    Those that would pass the top of the keyboard stand octaves lower. ValueError as for `cluster`.
    """
    starts = (into_range(lowest + n * size, 0, HIGHEST + 1 - size) for n in range(count))
    return tuple(cluster(start + size // 2, size) for start in starts)
