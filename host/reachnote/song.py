"""A song: notes, chords, words and phrases in beats; its key, its steps, and how one is learnt from playing. Pure.

A beat is a quarter note. Beat 0 is where the song begins; a pickup is what comes before the first metre's beat.
Keys are MIDI keys, channels 1..16 (10 is drums), programs 1..128 as people count.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import log2
from typing import NamedTuple

from reachnote.chords import Chord, keys_of, named, parse_chord
from reachnote.model import Event, Kind
from reachnote.music import DRUM_CHANNEL, into_range
from reachnote.tempo import Bars, Metre

STEPS = ("note", "phrase", "chord")
TOGETHER = 1 / 32  # notes this near, in beats, start together
SAME_MOMENT_S = 0.04  # fingers this near, in seconds, struck together
PHRASE_BARS = 2  # a phrase of a song that has neither marks nor rests
CHORD_LOWEST = 48  # chords of a chord line lie from C3 up
CHORD_VELOCITY = 60

_MELODY = re.compile(r"melod|vocal|voice|lead|sing|tune", re.IGNORECASE)


class Note(NamedTuple):
    """A note of a part (an index into the song's parts)."""

    beat: float
    length: float
    key: int
    velocity: int = 80
    part: int = 0


class Control(NamedTuple):
    """What a part sends between its notes: `kind` CONTROL, PROGRAM, PRESSURE or BEND with `a` and `b` as in model.Event."""

    beat: float
    part: int
    kind: int
    a: int
    b: int = 0


class Part(NamedTuple):
    """Who plays: a name, a MIDI channel, the program it begins with (0: the synth's own)."""

    name: str = ""
    channel: int = 1
    program: int = 0


class SongChord(NamedTuple):
    """A chord by its written name ("Am", "G7/B")."""

    beat: float
    length: float
    name: str


class Word(NamedTuple):
    """A syllable that is sung at `beat`; it ends in "-" where the word goes on."""

    beat: float
    text: str


@dataclass(frozen=True)
class Song:
    """Everything in order of its beats. `tempo` is ((beat, bpm), ...), the first at beat 0.0; `phrases` where each begins."""

    title: str = ""
    notes: tuple[Note, ...] = ()
    parts: tuple[Part, ...] = (Part("melody"),)
    tonic: int = 0
    mode: str = "major"
    tempo: tuple[tuple[float, float], ...] = ((0.0, 120.0),)
    metre: tuple[Metre, ...] = (Metre(0.0, 4, 4),)
    chords: tuple[SongChord, ...] = ()
    words: tuple[Word, ...] = ()
    phrases: tuple[float, ...] = ()
    controls: tuple[Control, ...] = ()
    origin: str = ""
    free: str = ""  # why everybody may play it

    @property
    def length(self) -> float:
        """Where the last note or chord ends, in beats."""
        ends = [note.beat + note.length for note in self.notes] + [chord.beat + chord.length for chord in self.chords]
        return max(ends, default=0.0)

    @property
    def bpm(self) -> float:
        """The tempo that most of the song has."""
        ends = [beat for beat, _ in self.tempo[1:]] + [max(self.length, self.tempo[-1][0])]
        lasts: dict[float, float] = {}
        for (beat, bpm), end in zip(self.tempo, ends, strict=True):
            lasts[bpm] = lasts.get(bpm, 0.0) + end - beat
        return max(lasts, key=lambda bpm: lasts[bpm])

    @property
    def bars(self) -> Bars:
        return Bars(self.metre)

    def drums(self, part: int) -> bool:
        return self.parts[part].channel == DRUM_CHANNEL

    @property
    def melody(self) -> int:
        """The part that has the tune: by its name, else the highest of those that play a good share of the notes."""
        counts = [0] * len(self.parts)
        heights = [0] * len(self.parts)
        for note in self.notes:
            counts[note.part] += 1
            heights[note.part] += note.key
        pitched = [n for n in range(len(self.parts)) if counts[n] and not self.drums(n)]
        named = [n for n in pitched if _MELODY.search(self.parts[n].name)]
        busy = [n for n in pitched if counts[n] * 4 * len(pitched) >= len(self.notes)]
        return max(named or busy or pitched or [0], key=lambda n: (heights[n] / max(counts[n], 1), -n))


# ---------------------------------------------------------------- keys


def transposed(song: Song, semitones: int) -> Song:
    """The song so many semitones higher, with its chords; drums stay. A key beyond 0..127 moves back by octaves."""
    if not semitones:
        return song
    notes = [n if song.drums(n.part) else n._replace(key=into_range(n.key + semitones)) for n in song.notes]
    chords = (chord._replace(name=chord_up(chord.name, semitones)) for chord in song.chords)
    return replace(song, notes=untangled(notes), chords=tuple(chords), tonic=(song.tonic + semitones) % 12)


def way_to(song: Song, tonic: int) -> int:
    """The shorter way from the song's key to the pitch class `tonic`: -5 to 6 semitones."""
    return (tonic - song.tonic + 5) % 12 - 5


def chord_up(name: str, semitones: int) -> str:
    """ "Am7/G", 2 -> "Bm7/A"; what is no chord's name stays."""
    try:
        chord = parse_chord(name)
    except ValueError:
        return name
    bass = None if chord.bass is None else (chord.bass + semitones) % 12
    return named((chord.root + semitones) % 12, chord.intervals, bass).name


# How well each pitch class above the tonic fits a key: Krumhansl and Kessler, Psychological Review 89 (1982), 334-368.
_MAJOR_FIT = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR_FIT = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def guess_key(notes: Iterable[Note]) -> tuple[int, str]:
    """(tonic, "major" or "minor") that fits the notes best, each weighed by its length; (0, "major") for none."""
    weights = [0.0] * 12
    for note in notes:
        weights[note.key % 12] += note.length
    mean = sum(weights) / 12
    found, best = (0, "major"), 0.0
    for mode, fit in (("major", _MAJOR_FIT), ("minor", _MINOR_FIT)):
        middle = sum(fit) / 12
        spread = sum((f - middle) ** 2 for f in fit) ** 0.5
        for tonic in range(12):
            likeness = sum((weights[(tonic + n) % 12] - mean) * (fit[n] - middle) for n in range(12)) / spread
            if likeness > best + 1e-9:
                found, best = (tonic, mode), likeness
    return found


# ---------------------------------------------------------------- notes in order


def untangled(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The notes in order; one that is struck while it sounds ends there first, of two struck at once the longer stays."""
    kept: list[Note] = []
    last: dict[tuple[int, int], int] = {}
    for note in sorted(notes):
        place = (note.part, note.key)
        before = last.get(place)
        if before is not None and kept[before].beat + kept[before].length > note.beat:
            if note.beat - kept[before].beat < 1e-9:
                kept[before] = note if note.length > kept[before].length else kept[before]
                continue
            kept[before] = kept[before]._replace(length=note.beat - kept[before].beat)
        last[place] = len(kept)
        kept.append(note)
    return tuple(kept)


# ---------------------------------------------------------------- steps


class Step(NamedTuple):
    """What one activation plays: notes of the song, and the beats from its beginning to that of the next step."""

    beat: float
    end: float
    notes: tuple[Note, ...]
    chord: str = ""


def steps(song: Song, by: str = "note", part: int | None = None) -> tuple[Step, ...]:
    """The song as steps of one of STEPS, of `part` (its melody when None).

    note: what starts together is one step. phrase: from mark to mark; without marks from rest to rest, else every
    two bars. chord: each chord of the chord line, in close position from C3 up. ValueError when `by` is another word,
    or the song has none of it.
    """
    if by not in STEPS:
        raise ValueError(f"step by '{by}'; write one of {', '.join(STEPS)}")
    if by == "chord":
        found = [Step(c.beat, c.beat + c.length, chord_notes(c, song.melody), c.name) for c in song.chords]
    else:
        tune = [note for note in song.notes if note.part == (song.melody if part is None else part)]
        found = [] if not tune else _by_phrase(song, tune) if by == "phrase" else _by_note(song, tune)
    if not found:
        raise ValueError(f"'{song.title}' has no {by}s to step through")
    return tuple(found)


def chord_notes(chord: SongChord, part: int, lowest: int = CHORD_LOWEST) -> tuple[Note, ...]:
    """A chord of the chord line as notes of `part`, in close position from the MIDI key `lowest` up. ValueError as parse_chord."""
    keys = keys_of(parse_chord(chord.name), lowest)
    return tuple(Note(chord.beat, chord.length, key, CHORD_VELOCITY, part) for key in keys)


def chords_of(chords: Iterable[SongChord], way: int) -> list[tuple[float, Chord]]:
    """(beat, chord) of a chord line, so many semitones higher; a name that is no chord is left out."""
    found = []
    for chord in chords:
        with contextlib.suppress(ValueError):
            found.append((chord.beat, parse_chord(chord_up(chord.name, way))))
    return found


def accompanied(song: Song, channel: int = 2, program: int = 0) -> Song:
    """The song with one part more, "chords": its chord line, struck when a chord begins and again at every bar line."""
    part, bars, notes = len(song.parts), song.bars, []
    for chord in song.chords:
        beat, end = chord.beat, chord.beat + chord.length
        while beat < end - TOGETHER:
            until = min(bars.next_line(beat + TOGETHER), end)
            notes += chord_notes(SongChord(beat, until - beat, chord.name), part)
            beat = until
    parts = (*song.parts, Part("chords", channel, program))
    return replace(song, parts=parts, notes=untangled((*song.notes, *notes)))


def _by_note(song: Song, tune: list[Note]) -> list[Step]:
    groups: list[list[Note]] = []
    for note in tune:
        if groups and note.beat - groups[-1][0].beat <= TOGETHER:
            groups[-1].append(note)
        else:
            groups.append([note])
    return _closed([(group[0].beat, tuple(group)) for group in groups], song.length)


def _by_phrase(song: Song, tune: list[Note]) -> list[Step]:
    marks = song.phrases or _breaths(song, tune)
    groups: dict[float, list[Note]] = {}
    for note in tune:
        mark = max((m for m in marks if m <= note.beat + TOGETHER), default=0.0)
        groups.setdefault(mark, []).append(note)
    return _closed([(min(mark, group[0].beat), tuple(group)) for mark, group in groups.items()], song.length)


def _closed(begun: list[tuple[float, tuple[Note, ...]]], end: float) -> list[Step]:
    ends = [beat for beat, _ in begun[1:]] + [end]
    return [Step(beat, until, notes) for (beat, notes), until in zip(begun, ends, strict=True)]


def _breaths(song: Song, tune: list[Note]) -> list[float]:
    """Where a phrase begins when nobody marked it: after a rest of a beat or more, else every two bars."""
    starts = [tune[0].beat] if tune else []
    sounding = 0.0
    for before, note in pairwise(tune):
        sounding = max(sounding, before.beat + before.length)
        if note.beat - sounding >= 1.0:
            starts.append(note.beat)
    if len(starts) > 1:
        return starts
    bars, beats, bar = song.bars, [0.0], 1 + PHRASE_BARS
    while bars.line(bar) < song.length:
        beats.append(bars.line(bar))
        bar += PHRASE_BARS
    return beats


# ---------------------------------------------------------------- a song taught by playing it


def learn(events: Iterable[Event], title: str = "", bpm: float = 0.0, gap_s: float = 0.0) -> Song:
    """The song that somebody played once on a keyboard: NOTE_ON and NOTE_OFF events with their times; others are passed over.

    The time that the player took is kept exactly: beats are seconds times `bpm` / 60, and the bpm is guessed when it is
    0. Fingers within 40 ms strike together. A phrase begins after a silence of `gap_s` seconds; 0 takes the
    longer of 0.5 s and one and a half times the usual time from start to start. A note that was never let go
    ends with the last event. ValueError when there is no note.
    """
    played = _played(events)
    if not played:
        raise ValueError("Nothing was played, so there is no song. Play it once, then end the teaching.")
    starts = sorted({start for start, *_ in played})
    apart = [after - before for before, after in pairwise(starts)]
    bpm = bpm or guess_bpm(apart)
    gap_s = gap_s or max(0.5, 1.5 * _middle(apart) if apart else 0.0)
    first, rate = starts[0], bpm / 60.0
    notes = untangled(Note((on - first) * rate, (off - on) * rate, key, velocity) for on, off, key, velocity in played)
    phrases, silent = [0.0], first
    for start, together in groupby(played, key=lambda one: one[0]):
        if start - silent >= gap_s and start > first:
            phrases.append((start - first) * rate)
        silent = max([silent, *(off for _, off, _, _ in together)])
    tonic, mode = guess_key(notes)
    return Song(title, notes, tempo=((0.0, bpm),), tonic=tonic, mode=mode, phrases=tuple(phrases))


def _played(events: Iterable[Event]) -> list[tuple[float, float, int, int]]:
    """(start, end, key, velocity), in order, starts of one moment made one."""
    held: dict[tuple[int, int], list[Event]] = {}
    found: list[tuple[float, float, int, int]] = []
    now = moment = -1e18
    for event in sorted(events, key=lambda one: one.time):
        now = event.time
        place = (event.channel, event.a)
        if event.kind == Kind.NOTE_ON and event.b:
            moment = moment if now - moment <= SAME_MOMENT_S else now
            held.setdefault(place, []).append(event._replace(time=moment))
        elif event.kind in (Kind.NOTE_ON, Kind.NOTE_OFF) and held.get(place):
            on = held[place].pop(0)
            found.append((on.time, max(now, on.time + 0.01), on.a, on.b))
    for ons in held.values():
        found += [(on.time, max(now, on.time + 0.01), on.a, on.b) for on in ons]
    return sorted(found)


def guess_bpm(apart: Sequence[float]) -> float:
    """The tempo, 50 to 160, in which these seconds from start to start come nearest to half beats, most to whole ones; 120 for none."""
    seconds = [s for s in apart if 0.05 < s < 4.0]
    if not seconds:
        return 120.0

    def strangeness(bpm: float) -> float:
        halves = [s * bpm / 30.0 for s in seconds]
        off = sum(min(abs(h - max(round(h), 1)), 0.5) for h in halves) / len(halves)
        return off + 0.1 * abs(log2(_middle(halves) / 2))

    return float(min(range(50, 161), key=lambda bpm: (round(strangeness(bpm), 6), abs(bpm - 100))))


def _middle(numbers: Sequence[float]) -> float:
    """The upper median."""
    return sorted(numbers)[len(numbers) // 2]
