"""music21, the independent authority on scales and chords that the tests ask.

It is installed without most of what it asks for (tools/locks/alone.in): `requests`, with which it would fetch scores,
is stood in for while it is imported, so it can fetch nothing.
"""

from __future__ import annotations

import contextlib
import io
import sys
import types


def _import() -> types.ModuleType:
    there = sys.modules.get("requests")
    sys.modules["requests"] = there or types.ModuleType("requests")
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # it names the optional packages that it misses
            import music21
            import music21.chord
            import music21.harmony
            import music21.interval
            import music21.midi.percussion
            import music21.pitch
            import music21.roman
            import music21.scale
    finally:
        if there is None:
            del sys.modules["requests"]
    return music21


music21 = _import()

# music21 writes a flat as "-". The twelve keys as people spell them, C first.
TONICS = ("C", "D-", "D", "E-", "E", "F", "F#", "G", "A-", "A", "B-", "B")


def keys_up(scale: object, tonic: str, octave: int = 4) -> list[int]:
    """The MIDI keys of one octave of a music21 scale from its tonic up, the tonic's octave left out."""
    low, high = f"{tonic}{octave}", f"{tonic}{octave + 1}"
    return [pitch.midi for pitch in scale.getPitches(low, high, direction=music21.scale.Direction.ASCENDING)][:-1]


def keys_spelt(intervals: str, tonic: str, octave: int = 4) -> list[int]:
    """The MIDI keys of intervals above a tonic, "P1 M2 m3", as music21 spells and counts them."""
    start = music21.pitch.Pitch(f"{tonic}{octave}")
    return [music21.interval.Interval(word).transposePitch(start).midi for word in intervals.split()]
