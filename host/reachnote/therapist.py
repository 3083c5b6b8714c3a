"""The therapist in the music: what a keyboard plays as harmony, and thru. Pure.

`Listener` hears MIDI messages and knows the chord of the moment: at once for a chord that is struck, and for a broken one, melody
and pedal and all, with the note that makes it clear. While nothing is clear the last chord stands, through any rest.
"""

from __future__ import annotations

import collections
import math
from binascii import unhexlify

from reachnote.chords import Chord, named, recognise, recognise_weighted
from reachnote.guard import THERAPIST
from reachnote.model import ALL_OUTPUTS, Event, Kind

NEVER = math.inf

GATHER_S = 0.035  # a chord's notes come one after the other; so long nothing is decided
AGAIN_S = 0.08  # and decided once more: by then a note has some length
STRUCK_S = 0.07  # notes this close together were meant as one chord
OPEN_S = 0.06  # a bare fifth is one only if nothing is added for so long

# What a note says of the harmony, as a weight up to 1.
HELD_S, PEDALLED_S = 4.0, 2.5  # how fast a note that sounds loses weight: under a finger, under the pedal
LEFT_S = 0.8  # and one that was let go
CHANGED_S = 0.15  # a key that went down no longer than this before the pedal came up belongs to what comes
SHORT, FULL_LENGTH_S = 0.6, 0.4  # weight of a note that has just begun, and when it counts fully
NEAR, FAR, FAR_WEIGHT = 16, 28, 0.35  # semitones above the bass: full weight up to the first, the last from the second on
STILL = 0.3  # of the heaviest note's weight: while its triad has that over the same bass, a chord goes on
PRESENT = 0.5  # of the heaviest note's weight: less is no evidence for a note of a triad
SURE = 0.8  # score of a chord whose triad does not sound all at once
ADDED = 0.8  # of the triad's mean weight: less is no evidence for a seventh

MELODY_GAP = 7  # semitones above its neighbour from which a top note is melody
PAST = 48  # ended notes that are remembered
FIFTH, SEVENTHS, OCTAVE = 7, (10, 11), 12

_PEDAL = 64
_ALL_OFF = (120, 123)
_KINDS = {
    0x8: Kind.NOTE_OFF,
    0x9: Kind.NOTE_ON,
    0xB: Kind.CONTROL,
    0xC: Kind.PROGRAM,
    0xD: Kind.PRESSURE,
    0xE: Kind.BEND,
}


def message_of(body: bytes) -> bytes | None:
    """The MIDI message of the body of an `m` line (protocols/wire.md), None when it is none."""
    try:
        message = unhexlify(body[1:])
    except ValueError:
        return None
    if body[:1] != b"m" or not 1 <= len(message) <= 3 or message[0] < 0x80 or not message[1:].isascii():
        return None
    return message


def thru(message: bytes, time: float, outputs: int = ALL_OUTPUTS, channel: int = 0) -> Event | None:
    """What a therapist plays, as an event for the outlet; `channel` 1..16 moves it there, 0 leaves it on its own.

    None for what is not passed on: poly pressure, system and clock messages. Its source is THERAPIST, so the guard hears ten
    fingers and a RELEASE of that source ends them.
    """
    kind = _KINDS.get(message[0] >> 4)
    if kind is None or len(message) < (2 if kind in (Kind.PROGRAM, Kind.PRESSURE) else 3):
        return None
    a, b = message[1], message[2] if len(message) > 2 else 0
    if kind == Kind.NOTE_ON and not b:
        kind, b = Kind.NOTE_OFF, 64
    return Event(kind, channel or (message[0] & 15) + 1, a, b, THERAPIST, outputs, time)


class _Note:
    """One note that was struck; `end` is infinity while it sounds.

    A note of a chord that was `struck` as a whole says nothing more once it ended; an `old` one is of the harmony before.
    """

    __slots__ = ("end", "key", "old", "start", "struck")

    def __init__(self, key: int, start: float) -> None:
        self.key = key
        self.start = start
        self.end = NEVER
        self.old = self.struck = False

    def weight(self, now: float, bass: int, fade_s: float) -> float:
        """How much it says of the harmony now; `bass` is the lowest key, `fade_s` how fast it fades since it began or ended."""
        height = min(max((self.key - bass - NEAR) / (FAR - NEAR), 0.0), 1.0)
        length = min(min(now, self.end) - self.start, FULL_LENGTH_S) / FULL_LENGTH_S
        since = now - self.end if self.end < now else now - self.start
        return (1.0 - height * (1.0 - FAR_WEIGHT)) * (SHORT + (1.0 - SHORT) * length) * math.exp(-since / fade_s)


class Listener:
    """The chord of the moment, from MIDI messages of any channel.

    Hand every message to `take` and call `tick` when `due` has come (or every 10 ms); `tick` answers a new chord, None while the
    last one stands. `chord` is None until the first was heard.
    """

    def __init__(self, chord: Chord | None = None) -> None:
        self.chord = chord
        self.due = NEVER
        self._held: dict[int, _Note] = {}
        self._pedalled: dict[int, _Note] = {}
        self._past: collections.deque[_Note] = collections.deque(maxlen=PAST)
        self._pedal = False
        self._bass = -1  # pitch class of the lowest key when the chord was decided
        self._struck = -NEVER  # the last onset
        self._looked = True  # and it was looked at once

    # ------------------------------------------------------------ what is played

    def take(self, time: float, message: bytes) -> None:
        """One MIDI message."""
        kind = message[0] & 0xF0
        if kind == 0x90 and len(message) > 2 and message[2]:
            self._on(message[1], time)
        elif kind in (0x80, 0x90) and len(message) > 1:
            self._off(message[1], time)
        elif kind == 0xB0 and len(message) > 2:
            if message[1] == _PEDAL:
                self._step_on_pedal(message[2] >= 64, time)
            elif message[1] in _ALL_OFF:
                self.let_go(time)

    def let_go(self, time: float) -> None:
        """The keyboard went away, or said that nothing sounds: the chord stays."""
        for sounding in (self._held, self._pedalled):
            for note in list(sounding.values()):
                self._end(note, time)
            sounding.clear()
        self._pedal = False

    def keys(self) -> list[int]:
        """Every key that sounds, under a finger or the pedal, from the lowest up."""
        return sorted(self._held.keys() | self._pedalled.keys())

    def _on(self, key: int, time: float) -> None:
        for sounding in (self._held, self._pedalled):
            former = sounding.pop(key, None)
            if former is not None:
                self._end(former, time)
        if key < self._lowest(time, key + 1):
            self._turn(time)
        self._held[key] = _Note(key, time)
        self._struck = time
        self._looked = False
        self.due = time + GATHER_S

    def _off(self, key: int, time: float) -> None:
        note = self._held.pop(key, None)
        if note is None:
            return
        if self._pedal:
            self._pedalled[key] = note
        else:
            self._end(note, time)

    def _step_on_pedal(self, down: bool, time: float) -> None:
        if self._pedal and not down:
            for note in self._pedalled.values():
                self._end(note, time)
            self._pedalled.clear()
            self._turn(time)
            self.due = min(self.due, time + GATHER_S)
        self._pedal = down

    def _turn(self, time: float) -> None:
        """A new bass, or a changed pedal: what was broken before belongs to the harmony before."""
        held = (note for note in self._held.values() if not note.struck)
        for note in (*self._past, *self._pedalled.values(), *held):
            if note.start < time - CHANGED_S:
                note.old = True

    def _lowest(self, now: float, none: int) -> int:
        """The lowest key that sounds, or was let go a moment ago; `none` where there is none."""
        recent = [note.key for note in self._past if not note.old and now - note.end < LEFT_S]
        return min((*self._held, *self._pedalled, *recent), default=none)

    def _end(self, note: _Note, time: float) -> None:
        note.end = time
        if not note.struck:
            self._past.append(note)

    # ------------------------------------------------------------ what it means

    def tick(self, now: float) -> Chord | None:
        """The new chord when there is one since the last call, else None."""
        if now < self.due:
            return None
        self.due = NEVER if self._looked else self._struck + AGAIN_S
        self._looked = True
        found = self._chord_struck(now) or self._chord_gathered(now)
        if found is None:
            return None
        if self._held or self._pedalled:
            self._bass = min((*self._held, *self._pedalled)) % OCTAVE
        if found == self.chord:
            return None
        self.chord = found
        return found

    def _chord_struck(self, now: float) -> Chord | None:
        """The chord of the notes that were struck together, or are held down together with the last of them."""
        if now - self._struck > AGAIN_S + GATHER_S:
            return None
        since = self._struck - STRUCK_S
        last = [note for notes in (self._held, self._pedalled) for note in notes.values() if note.start >= since]
        together = sorted(note.key for note in last)
        if _differ(together) >= 3:
            for note in last:
                note.struck = True
            self._past.clear()
            below = _without_melody(together)
            return recognise(below if _differ(below) >= 3 else together, self.chord)
        down = _without_melody(sorted(self._held))
        if _differ(down) >= 3 and any(self._held[key].start >= since for key in down):
            return recognise(down, self.chord)
        return self._open_fifth(together, now)

    def _open_fifth(self, together: list[int], now: float) -> Chord | None:
        if len(together) != 2 or len(self._held) + len(self._pedalled) > 2 or now - self._struck < OPEN_S:
            return None
        if together[1] - together[0] not in (FIFTH, OCTAVE - FIFTH):
            return None
        found = recognise(together, self.chord)
        return found if found is not None and len(found.intervals) == 2 else None

    def _chord_gathered(self, now: float) -> Chord | None:
        """The chord of all that sounds and sounded lately, each note by its weight; each of its notes must have been heard."""
        bass = self._lowest(now, -1)
        if bass < 0:
            return None
        weights = [0.0] * OCTAVE
        for notes, fade_s in ((self._held.values(), HELD_S), (self._pedalled.values(), PEDALLED_S), (self._past, LEFT_S)):
            for note in notes:
                one = note.key % OCTAVE
                if not note.old:
                    weights[one] = max(weights[one], note.weight(now, bass, fade_s))
        if self._goes_on(weights, bass):
            return None
        found = recognise_weighted(weights, bass % OCTAVE, self.chord)
        if found is None:
            return None
        chord, score = found
        sounding = {key % OCTAVE for key in (*self._held, *self._pedalled)}
        if score < SURE and not sounding.issuperset(chord.classes[:3]):
            return None
        return self._core(_over_its_bass(chord, weights, bass % OCTAVE), weights, bass % OCTAVE)

    def _goes_on(self, weights: list[float], bass: int) -> bool:
        """True while all of the last chord's triad is there over the bass that it began with: the rest is a tune above it."""
        if self.chord is None or bass % OCTAVE != self._bass:
            return False
        return min(weights[one] for one in self.chord.classes[:3]) >= STILL * max(weights)

    def _core(self, chord: Chord, weights: list[float], bass: int) -> Chord | None:
        """`chord` as triad or seventh, without a seventh that is hardly there; None where its triad is hardly there."""
        own = [weights[one] for one in chord.classes]
        if min(own[:3]) < PRESENT * max(weights):
            return None
        enough = ADDED * sum(own[:3]) / 3
        kept = tuple(s for n, s in enumerate(chord.intervals) if n < 3 or (s in SEVENTHS and own[n] >= enough))
        return chord if len(kept) == len(own) else named(chord.root, kept, bass)


def _over_its_bass(chord: Chord, weights: list[float], bass: int) -> Chord:
    """The triad over the bass where all of it is there: the sixth or seventh that would make it another chord is a tune's."""
    if chord.root == bass:
        return chord
    enough = PRESENT * max(weights)
    third = next((third for third in (4, 3) if weights[(bass + third) % OCTAVE] >= enough), 0)
    return named(bass, (0, third, FIFTH)) if third and weights[(bass + FIFTH) % OCTAVE] >= enough else chord


def _differ(keys: list[int]) -> int:
    """How many different notes these are."""
    return len({key % OCTAVE for key in keys})


def _without_melody(keys: list[int]) -> list[int]:
    """`keys` (rising) without a top note that lies far above the others."""
    return keys[:-1] if len(keys) > 1 and keys[-1] - keys[-2] >= MELODY_GAP else keys
