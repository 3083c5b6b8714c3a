"""What all voices share of the music: key, scale, the chord of the moment, how far everything is transposed. Pure.

    harmony = Harmony(0, SCALES["major"])
    harmony.follow(parse_chord("Am"), now)     the next notes fit it; what sounds goes on
    keys = harmony.keys("scale", octave=4, count=5)

With no chord, or unclear harmony, the last one stands; without any the key's own chord does.
"""

from __future__ import annotations

from collections.abc import Sequence

from reachnote import chords, music
from reachnote.chords import Chord

MOST_SHIFT = 72  # semitones


class Harmony:
    """`tonic` 0..11, `scale` semitones above it, `shift` semitones that everything is transposed by."""

    def __init__(self, tonic: int, scale: tuple[int, ...], line: Sequence[Chord] = ()) -> None:
        self.tonic = tonic
        self.scale = scale
        self.shift = 0
        self.line = tuple(line)
        self.at = 0
        self.chord: Chord | None = self.line[0] if self.line else None
        self.changes = 0  # so that a voice knows when its keys are old

    # ------------------------------------------------------------ what changes it

    def follow(self, chord: Chord | None) -> bool:
        """Take this chord for the notes from now on; True when it is another one. None: the last one stands."""
        if chord is None or chord == self.chord:
            return False
        self.chord = chord
        self.changes += 1
        return True

    def step(self, by: int = 1) -> Chord | None:
        """The next chord of the line that a therapist steps through; round and round."""
        if not self.line:
            return None
        self.at = (self.at + by) % len(self.line)
        self.follow(self.line[self.at])
        return self.chord

    def transpose(self, shift: int) -> None:
        """Move every note from now on to `shift` semitones from where it is written."""
        self.shift = min(max(shift, -MOST_SHIFT), MOST_SHIFT)
        self.changes += 1

    # ------------------------------------------------------------ what it gives

    def sounding_chord(self) -> Chord:
        """The chord of the moment, or the key's own triad."""
        return self.chord or chords.in_key(self.tonic, self.scale, 0, 3)

    def keys(self, source: str, octave: int, count: int) -> tuple[int, ...]:
        """`count` keys upwards from the octave: degrees of the "scale", or tones of the "chord" of the moment."""
        base = 12 * (octave + 1)
        if source == "chord":
            tones = chords.tones(self.sounding_chord(), base, music.HIGHEST)
            found = [tones[min(n, len(tones) - 1)] for n in range(count)] if tones else [base] * count
        else:
            found = [music.degree(base + self.tonic, self.scale, n) for n in range(count)]
        return tuple(self.placed(key) for key in found)

    def placed(self, key: int) -> int:
        """A written key as it sounds: transposed, and by octaves within what MIDI has."""
        return music.into_range(key + self.shift)

    def degree_chord(self, degree: int, size: int) -> Chord:
        """The chord of `size` notes on a degree of the scale."""
        return chords.in_key(self.tonic, self.scale, degree, size)
