"""Scales and keys as numbers. Pure.

A key is a MIDI key number 0..127; octave 4 starts at 60 (C4, middle C). A scale is its pitch classes
above the tonic, ascending, in semitones.
"""

from __future__ import annotations

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}

SCALES = {
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
}


def pitch_class(name: str) -> int:
    """0..11 of a key's name ("C", "F#", "Bb"). ValueError lists the names."""
    name = FLATS.get(name, name)
    if name not in PITCH_CLASSES:
        raise ValueError(f"'{name}' is not a key; write one of {', '.join(PITCH_CLASSES)}")
    return PITCH_CLASSES.index(name)


def degree(tonic: int, scale: tuple[int, ...], n: int) -> int:
    """The MIDI key of the n-th scale degree (0 = tonic, may be negative) above the MIDI key `tonic`."""
    octave, step = divmod(n, len(scale))
    return tonic + 12 * octave + scale[step]


def note_name(key: int) -> str:
    """60 -> "C4"."""
    return f"{PITCH_CLASSES[key % 12]}{key // 12 - 1}"
