"""What can be chosen: a name, a symbol, and what it sounds like. Read from a scene's `choices`. Pure.

    choices = [
        {name = "calm", symbol = "☁", keys = "G4 E4 C4", lengths = "1 1 2", velocity = 45},
        {name = "bells", symbol = "🔔", program = 15},
        {name = "verse", symbol = "♪", phrase = 1, sensor = "Blue pads/left"},
    ]

`keys` are played one after the other, those with + between them together, "-" is a rest; `lengths` are in beats, one for each
(1/2 when left out). `phrase` is one of the scene's song, from 1. `program` sounds with it, or with three notes of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from reachnote import allowed
from reachnote.music import into_range
from reachnote.song import Song, steps, way_to
from reachnote.tune import Heard
from reachnote.voice_rule import VoiceProblem, read_voice

KEYS = ("name", "symbol", "keys", "lengths", "phrase", "program", "velocity", "sensor")
FEWEST, MOST = 2, 5
MOST_NOTES = 32
VELOCITY = 60
PROGRAM_KEYS = "C4 E4 G4"
REST = "-"
LETTING_GO = 0.95  # of its length a note sounds

MOODS: tuple[Mapping, ...] = (
    {"name": "calm", "symbol": "☁", "keys": "G4 E4 C4", "lengths": "1 1 2", "velocity": 45},
    {"name": "happy", "symbol": "☀", "keys": "C5 E5 G5 E5 C6", "lengths": "1/2 1/2 1/2 1/2 1", "velocity": 65},
    {"name": "strong", "symbol": "⚡", "keys": "C3+G3 C3+G3 C3+G3+C4", "lengths": "1/2 1/2 2", "velocity": 85},
    {"name": "sad", "symbol": "☂", "keys": "C4 Eb4 D4 C4", "lengths": "1 1 1 2", "velocity": 50},
)
"""Four moods as small musical gestures. They are written on C and stand on the tonic of the scene."""


@dataclass(frozen=True)
class Choice:
    """`notes`: (beat, length, key, velocity). `program` 1..128, 0 for none. `sensor` "" where the order decides."""

    name: str
    symbol: str
    notes: tuple[tuple[float, float, int, int], ...]
    program: int = 0
    sensor: str = ""

    def tune(self, bpm: float, shift: int, level: float, channel: int, outputs: int) -> list[Heard]:
        """The notes in seconds at a tempo, `shift` semitones higher, at `level` of their velocities."""
        beat = 60.0 / bpm
        return [
            Heard(at * beat, lasts * beat, channel, into_range(key + shift), max(int(level * velocity), 1), outputs)
            for at, lasts, key, velocity in self.notes
        ]


def read_choices(found: object, song: Song | None, tonic: int) -> tuple[Choice, ...]:
    """The choices of a scene. ValueError says which one, what was found and what is allowed."""
    if not isinstance(found, Sequence) or isinstance(found, str) or not FEWEST <= len(found) <= MOST:
        raise ValueError(
            f'choices = {found!r}; write a list of {FEWEST} to {MOST} tables, as in [{{name = "calm", keys = "G4 C4"}}]'
        )
    shift = (tonic + 5) % 12 - 5 if found is MOODS else 0
    choices = []
    for n, table in enumerate(found):
        try:
            choices.append(_choice(table, song, tonic, shift))
        except (ValueError, VoiceProblem) as problem:
            raise ValueError(f"choice {n + 1}: {str(problem).rstrip('.')}") from None
    names = [choice.name for choice in choices]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two choices are called '{name}'; give each its own name")
    if len({bool(choice.sensor) for choice in choices}) > 1:
        raise ValueError("some choices name a sensor and some do not; name one for each, or none")
    return tuple(choices)


def _choice(table: object, song: Song | None, tonic: int, shift: int) -> Choice:
    if not isinstance(table, Mapping):
        raise ValueError(f'{table!r}; write a table, as in {{name = "calm", keys = "G4 E4 C4"}}')
    for key in table:
        allowed.word("choice", key, KEYS)
    velocity = allowed.whole("velocity", table.get("velocity", VELOCITY), 1, 127)
    program = allowed.whole("program", table.get("program", 0), 0, 128)
    if "keys" in table and "phrase" in table:
        raise ValueError("it has keys and a phrase; write one of them")
    if "phrase" in table:
        notes = _phrase(table["phrase"], song, tonic, velocity)
    elif "keys" in table or program:
        notes = _notes(table.get("keys", PROGRAM_KEYS), table.get("lengths"), velocity)
    else:
        raise ValueError('it has no sound; write keys = "G4 E4 C4", phrase = 1 or program = 15')
    up = tuple((at, lasts, into_range(key + shift), loud) for at, lasts, key, loud in notes)
    return Choice(_text(table, "name", 40), _text(table, "symbol", 16, ""), up, program, _text(table, "sensor", 200, ""))


def _text(table: Mapping, key: str, most: int, otherwise: str | None = None) -> str:
    found = table.get(key, otherwise)
    if not isinstance(found, str) or len(found) > most or (otherwise is None and not found):
        raise ValueError(f"{key} = {found!r}; write text in quotes, at most {most} letters")
    return found


def _notes(found: object, lengths: object, velocity: int) -> list[tuple[float, float, int, int]]:
    words = found.split() if isinstance(found, str) else []
    if not 1 <= len(words) <= MOST_NOTES or all(word == REST for word in words):
        raise ValueError(f'keys = {found!r}; write 1 to {MOST_NOTES} keys in quotes, as in "C4 E4+G4 - C5"')
    lasting = _lengths(lengths, len(words))
    notes, beat = [], 0.0
    for word, length in zip(words, lasting, strict=True):
        if word != REST:
            keys = read_voice({"source": "keys", "keys": word.replace("+", " ")}).keys
            notes += [(beat, LETTING_GO * length, key, velocity) for key in dict.fromkeys(keys)]
        beat += length
    return notes


def _lengths(found: object, count: int) -> list[float]:
    if found is None:
        return [0.5] * count
    try:
        read = [float(Fraction(word)) for word in found.split()] if isinstance(found, str) else []
    except (ValueError, ZeroDivisionError):
        read = []
    if len(read) != count or not all(1 / 16 <= length <= 16 for length in read):
        raise ValueError(f'lengths = {found!r}; write a length in beats for each of the {count} keys, as in "1 1/2 1/2"')
    return read


def _phrase(found: object, song: Song | None, tonic: int, velocity: int) -> list[tuple[float, float, int, int]]:
    if song is None:
        raise ValueError(f'phrase = {found!r}, but the scene has no song; write song = "frere-jacques" above [activity]')
    phrases = steps(song, "phrase")
    step = phrases[allowed.whole("phrase", found, 1, len(phrases)) - 1]
    way, loudest = way_to(song, tonic), max(note.velocity for note in step.notes)
    return [
        (note.beat - step.beat, note.length, into_range(note.key + way), max(velocity * note.velocity // loudest, 1))
        for note in step.notes[:256]
    ]
