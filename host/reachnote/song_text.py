"""A song written by a person: the text of a TOML file in musical words. Pure.

    format = 1
    title = "Amazing Grace"
    origin = "..."               # where it comes from
    free = "..."                 # why everybody may play it
    key = "G"                    # the tonic
    mode = "major"               # any scale of seven notes by its name
    tempo = 80                   # quarter notes a minute, 40 to 180
    metre = "3/4"
    pickup = "1"                 # quarter notes before the first bar line
    velocity = 80                # 1..127

    [[phrase]]
    notes   = "D4 | G4 B4 G4"    # key and octave, C4 is middle C; - is a rest
    lengths = "1  | 2 1/2 1/2"   # one for each note, in quarter notes: 1, 0.5, 1/2, 3/2; all 1 when left out
    chords  = "-  | G"           # bar by bar; the chords of a bar share it equally, % is the last one again, - is none
    words   = "A- | ma- zing _"  # one for each note that sounds; _ where the syllable before goes on

Bar lines stand between the bars; they may be left out of `lengths`, where they stand they must be right. The song
ends with a full bar, or with what the pickup leaves of it.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction

from reachnote.chords import parse_chord
from reachnote.music import ACCIDENTALS, LETTERS, SCALES, pitch_class, plain_accidentals
from reachnote.song import Note, Part, Song, SongChord, Word
from reachnote.tempo import Metre
from reachnote.unknown import listed, nearest, only_known

_SONG_KEYS = ("format", "title", "origin", "free", "key", "mode", "tempo", "metre", "pickup", "velocity", "phrase")
_PHRASE_KEYS = ("notes", "lengths", "chords", "words")
_LIMIT = 64 * 1024
_MOST_PHRASES = 400
_LONGEST = 64  # quarter notes
_SLOWEST, _QUICKEST = 40, 180
_UNITS = (1, 2, 4, 8, 16)
MODES = tuple(name for name, steps in SCALES.items() if len(steps) == 7)
HOLD, REST, AGAIN = "_", "-", "%"

_KEY = re.compile(r"([A-G])(##|bb|#|b|)(-1|[0-9])")
_LENGTH = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,4}|/[1-9][0-9]?)?")


class SongProblem(Exception):
    """A song that cannot be used: file, place, what was found, what is allowed."""


@dataclass(frozen=True)
class _Bars:
    metre: Metre
    pickup: Fraction

    @property
    def bar(self) -> Fraction:
        return Fraction(4 * self.metre.count, self.metre.unit)

    def number(self, beat: Fraction) -> int:
        """Of the bar that holds `beat`; 0 is the pickup."""
        return (beat - self.pickup) // self.bar + 1

    def left(self, beat: Fraction) -> Fraction:
        """From `beat` to the next bar line, a whole bar on one; in the pickup to its end."""
        return (self.pickup - beat) if beat < self.pickup else self.bar - (beat - self.pickup) % self.bar


def read_song_text(text: str, where: str) -> Song:
    """The song written in `text`; `where` names the file in what a person is told. SongProblem otherwise."""
    if len(text) > _LIMIT:
        raise SongProblem(f"{where}: longer than a song can be ({_LIMIT // 1024} KiB).")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        raise SongProblem(f"{where}: this is not TOML: {problem}") from None
    only_known(table, _SONG_KEYS, where, "song", SongProblem)
    if table.get("format", 1) != 1:
        raise SongProblem(f"{where}: format = {table['format']!r}; this program reads format 1.")
    phrases = table.get("phrase", [])
    if not isinstance(phrases, list) or not phrases or not all(isinstance(one, dict) for one in phrases):
        raise SongProblem(f"{where}: write each phrase of the song under its own [[phrase]], and at least one.")
    if len(phrases) > _MOST_PHRASES:
        raise SongProblem(f"{where}: {len(phrases)} phrases; a song has at most {_MOST_PHRASES}.")
    return _Reader(table, where).song(phrases)


def read_key(word: str) -> int:
    """ "C4" -> 60, "Bb3" -> 58; ValueError says what is allowed."""
    found = _KEY.fullmatch(plain_accidentals(word))
    key = 12 * (int(found[3]) + 1) + LETTERS[found[1]] + ACCIDENTALS[found[2]] if found else -1
    if not 0 <= key <= 127:
        raise ValueError(f"'{word}' is not a note; write a key and its octave as C4, F#3 or Bb5, or - for a rest")
    return key


def read_length(word: str) -> Fraction:
    """ "1", "0.5", "3/2" quarter notes; ValueError says what is allowed."""
    length = Fraction(word) if _LENGTH.fullmatch(word) else Fraction(0)
    if not 0 < length <= _LONGEST:
        raise ValueError(f"'{word}' is not a length; write quarter notes as 1, 0.5, 1/2 or 3/2, at most {_LONGEST}")
    return length


class _Reader:
    """Reads one song; `beat` is how far it has come."""

    def __init__(self, table: dict, where: str) -> None:
        self.table, self.where, self.here = table, where, where
        self.beat = Fraction(0)
        self.notes: list[Note] = []
        self.chords: list[SongChord] = []
        self.words: list[Word] = []
        self.phrases: list[float] = []
        metre, pickup = self._metre(), self._pickup()
        self.bars = _Bars(metre._replace(beat=float(pickup)), pickup)
        if pickup >= self.bars.bar:
            raise self._wrong("pickup", table["pickup"], "it is shorter than a bar")
        self.velocity = self._number("velocity", 80, 1, 127, int)
        self.last_chord = ""

    def song(self, phrases: list[dict]) -> Song:
        table = self.table
        mode = table.get("mode", "major")
        if not isinstance(mode, str) or mode not in MODES:
            raise self._wrong("mode", mode, f"known are {listed(MODES)}", nearest(mode, MODES))
        try:
            tonic = pitch_class(str(table.get("key", "C")))
        except ValueError as problem:
            raise SongProblem(f"{self.where}: key: {problem}.") from None
        bpm = float(self._number("tempo", 100, _SLOWEST, _QUICKEST, (int, float)))
        for n, phrase in enumerate(phrases):
            self.here = f"{self.where}: phrase {n + 1}"
            only_known(phrase, _PHRASE_KEYS, self.where, f"phrase {n + 1}", SongProblem)
            self._phrase(phrase)
        self._ends_well()
        return Song(
            title=str(table.get("title", self.where))[:200],
            notes=tuple(self.notes),
            parts=(Part("melody"),),
            tonic=tonic,
            mode=mode,
            tempo=((0.0, bpm),),
            metre=(self.bars.metre,),
            chords=tuple(self.chords),
            words=tuple(self.words),
            phrases=tuple(self.phrases),
            origin=str(table.get("origin", "")),
            free=str(table.get("free", "")),
        )

    # ------------------------------------------------------------ a phrase

    def _phrase(self, phrase: dict) -> None:
        begins = self.beat
        keys = self._line(phrase, "notes")
        lengths = self._line(phrase, "lengths") or [["1"] * len(bar) for bar in keys]
        self._same_bars(keys, lengths)
        self.phrases.append(float(begins))
        sung: list[float] = []
        words = iter([word for bar in keys for word in bar])
        for n, bar in enumerate(lengths):
            for word in bar:
                self._note(next(words), word, sung)
            if n + 1 < len(lengths):
                self._bar_line()
        self._words(phrase, sung)
        self._chords(phrase, begins)

    def _note(self, key_said: str, length_said: str, sung: list[float]) -> None:
        try:
            length = read_length(length_said)
            key = -1 if key_said == REST else read_key(key_said)
        except ValueError as problem:
            raise SongProblem(f"{self.here}, bar {self.bars.number(self.beat)}: {problem}.") from None
        if key >= 0:
            sung.append(float(self.beat))
            self.notes.append(Note(float(self.beat), float(length), key, self.velocity))
        self.beat += length

    def _same_bars(self, keys: list[list[str]], lengths: list[list[str]]) -> None:
        notes, counts = sum(map(len, keys)), sum(map(len, lengths))
        if not notes:
            raise SongProblem(f"{self.here}: it has no notes.")
        if len(keys) > 1 and len(lengths) > 1:
            for n, (one, other) in enumerate(zip(keys, lengths, strict=False)):
                if len(one) != len(other):
                    at = self.bars.number(self.beat) + n
                    raise SongProblem(f"{self.here}: {len(one)} notes but {len(other)} lengths in bar {at} of the song.")
        if notes != counts:
            raise SongProblem(f"{self.here}: {notes} notes but {counts} lengths; write one length for each note and rest.")

    def _bar_line(self) -> None:
        left = self.bars.left(self.beat)
        if left != self.bars.bar:
            bar = self.bars.number(self.beat)
            whole = self.bars.pickup if bar == 0 else self.bars.bar
            raise SongProblem(
                f"{self.here}: a bar line after {_said(whole - left)} of the {_said(whole)} quarter notes of bar {bar} of the song."
            )

    def _ends_well(self) -> None:
        over = (self.beat - self.bars.pickup) % self.bars.bar
        if over not in (0, self.bars.bar - self.bars.pickup):
            raise SongProblem(
                f"{self.where}: the last bar, {self.bars.number(self.beat)}, holds {_said(over)} of {_said(self.bars.bar)} "
                f"quarter notes."
            )

    def _words(self, phrase: dict, sung: list[float]) -> None:
        said = [word for bar in self._line(phrase, "words") for word in bar]
        if said and len(said) != len(sung):
            raise SongProblem(
                f"{self.here}: {len(said)} words but {len(sung)} notes that sound; write one for each, {HOLD} where a syllable goes on."
            )
        self.words += [Word(beat, word) for beat, word in zip(sung, said, strict=False) if word != HOLD]

    def _chords(self, phrase: dict, begins: Fraction) -> None:
        bars, beat, n = self._line(phrase, "chords"), begins, 0
        while bars and beat < self.beat:
            length = min(self.bars.left(beat), self.beat - beat)
            if n < len(bars):
                self._chord_bar(bars[n], beat, length)
            beat, n = beat + length, n + 1
        if bars and n != len(bars):
            raise SongProblem(f"{self.here}: the chord line has {len(bars)} bars but the notes have {n}.")

    def _chord_bar(self, names: list[str], beat: Fraction, length: Fraction) -> None:
        if not names:
            raise SongProblem(f"{self.here}: an empty bar in the chord line; write - where there is no chord.")
        share, before = length / len(names), ""
        for n, word in enumerate(names):
            name = self._chord_name(word, beat)
            if name and name == before:  # "G G C": the first two are one chord
                self.chords[-1] = self.chords[-1]._replace(length=float(beat + share * (n + 1)) - self.chords[-1].beat)
            elif name:
                self.chords.append(SongChord(float(beat + share * n), float(share), name))
            before = name

    def _chord_name(self, word: str, beat: Fraction) -> str:
        if word == REST:
            return ""
        if word == AGAIN and self.last_chord:
            return self.last_chord
        try:
            self.last_chord = parse_chord(word).name
        except ValueError as problem:
            raise SongProblem(f"{self.here}, bar {self.bars.number(beat)}: {problem}.") from None
        return self.last_chord

    # ------------------------------------------------------------ single values

    def _line(self, phrase: dict, key: str) -> list[list[str]]:
        """The words of a line, bar by bar; nothing for a line that is left out."""
        said = phrase.get(key, "")
        if not isinstance(said, str):
            raise SongProblem(f'{self.here}: {key} = {said!r}; write one line in quotes, as {key} = "...".')
        return [bar.split() for bar in said.strip().strip("|").split("|")] if said.strip() else []

    def _metre(self) -> Metre:
        said = self.table.get("metre", "4/4")
        count, _, unit = said.partition("/") if isinstance(said, str) else ("", "", "")
        if not (count.isdecimal() and unit.isdecimal() and len(said) < 6 and 1 <= int(count) <= 32 and int(unit) in _UNITS):
            raise self._wrong("metre", said, "write beats and unit of a bar, as 3/4 or 6/8")
        return Metre(0.0, int(count), int(unit))

    def _pickup(self) -> Fraction:
        said = self.table.get("pickup", 0)
        if said == 0 and not isinstance(said, bool):
            return Fraction(0)
        try:
            return read_length(str(said))
        except ValueError as problem:
            raise SongProblem(f"{self.where}: pickup: {problem}.") from None

    def _number(self, key: str, default: int, low: int, high: int, kinds: type | tuple[type, ...]) -> int | float:
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            raise self._wrong(key, value, f"write a {'whole ' if kinds is int else ''}number from {low} to {high}")
        return value

    def _wrong(self, key: str, value: object, allowed: str, near: str = "") -> SongProblem:
        return SongProblem(f"{self.where}: {key} = {value!r}; {allowed}.{near}")


def _said(beats: Fraction) -> str:
    return str(beats.numerator) if beats.denominator == 1 else f"{float(beats):g}"
