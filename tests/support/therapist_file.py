"""A therapist at a keyboard, as MIDI messages with the truth beside them. Deterministic: a seed is one performance.

    performance = therapist_file(seed=1)
    performance.messages     [(seconds, MIDI message), ...] in order
    performance.changes      60 changes of harmony: 40 struck chords, 20 broken ones with a melody and the sustain pedal
    performance.rests        5 stretches in which nothing is played: the last chord stands
    performance.unclear      5 stretches with no chord in them (a modal tune, a cluster, octaves, one note): the last chord stands

A change has `start`, its first note; `clear`, the note that makes it clear (a struck chord's last note, of a broken one the
note with which root, third and fifth have sounded since `start`); and `chord` as people write it.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

from reachnote.chords import parse_chord

LINES = (
    "C Am F G C Em F G",
    "Dm G C Am Dm E Am A",
    "Eb Cm Ab Bb Eb Gm Ab Bb",
    "G Bm Em C G D Em C",
    "Fm Bbm C Fm Db Ab Eb Fm",
    "A F#m D E A C#m Bm E",
)
SEVENTHS = "C7 Fmaj7 Dm7 G7 Cmaj7 Am7 Dm7 G7"
STEP_WAYS = ("close", "wide", "with bass", "rolled", "turned", "legato", "staccato", "pedalled")
PEDAL_DOWN, PEDAL_UP = bytes((0xB0, 64, 127)), bytes((0xB0, 64, 0))


class Change(NamedTuple):
    start: float
    clear: float
    chord: str
    way: str

    @property
    def classes(self) -> set[int]:
        return set(parse_chord(self.chord).classes)


class Stretch(NamedTuple):
    start: float
    end: float
    way: str


class Performance(NamedTuple):
    messages: list[tuple[float, bytes]]
    changes: list[Change]
    rests: list[Stretch]
    unclear: list[Stretch]

    @property
    def end(self) -> float:
        return self.messages[-1][0]

    def write(self, path: Path) -> None:
        """The messages as a Standard MIDI File (480 ticks a beat, 120 BPM)."""
        import mido

        file = mido.MidiFile(ticks_per_beat=480)
        track = mido.MidiTrack()
        file.tracks.append(track)
        ticks = 0
        for time, message in self.messages:
            at = round(time * 960)
            track.append(mido.Message.from_bytes(message, time=at - ticks))
            ticks = at
        file.save(path)


class Player:
    """Two hands and a foot. `now` is where the music is; everything is played a little early or late."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = 1.0
        self.feet: list[tuple[float, bytes]] = []
        self.notes: list[tuple[int, float, float, int]] = []  # key, start, end, velocity
        self.changes: list[Change] = []
        self.rests: list[Stretch] = []
        self.unclear: list[Stretch] = []

    # ------------------------------------------------------------ notes

    def note(self, key: int, start: float, length: float, velocity: int = 70) -> None:
        self.notes.append((key, start, start + length, max(1, min(127, velocity + self.chance.randint(-12, 12)))))

    def messages(self) -> list[tuple[float, bytes]]:
        """Everything in order; a key comes up before it goes down again."""
        found = list(self.feet)
        notes = sorted(self.notes, key=lambda note: note[1])
        for n, (key, start, end, velocity) in enumerate(notes):
            again = next((other[1] for other in notes[n + 1 :] if other[0] == key), end + 1.0)
            if again - start < 0.03:
                continue  # both hands on one key
            end = min(end, again - 0.02)
            found.append((start, bytes((0x90, key, velocity))))
            found.append((end, bytes((0x80, key, 64)) if self.chance.random() < 0.5 else bytes((0x90, key, 0))))
        return sorted(found, key=lambda told: told[0])

    def late(self, most: float = 0.012) -> float:
        return self.chance.uniform(0.0, most)

    def pedal(self, down: bool, time: float) -> None:
        self.feet.append((time, PEDAL_DOWN if down else PEDAL_UP))

    # ------------------------------------------------------------ struck chords

    def struck(self, chord: str, way: str, seconds: float) -> None:
        """One chord, all its notes together (rolled: within 60 ms), once or in repeated beats."""
        keys = voiced(chord, way, self.chance)
        begin = self.now
        times = [begin + (n * 0.06 / len(keys) if way == "rolled" else self.late()) for n in range(len(keys))]
        length = {"staccato": 0.12, "legato": seconds + 0.03}.get(way, seconds - 0.06)
        beats = self.chance.choice((1, 1, 2, 4)) if way in ("close", "with bass") else 1
        for key, time in zip(keys, times, strict=True):
            self.note(key, time, length / beats - 0.03 if beats > 1 else length)
            for beat in range(1, beats):
                self.note(key, begin + beat * seconds / beats + self.late(), length / beats - 0.03)
        self.pedal(False, begin + 0.02)
        if way == "pedalled":  # changed just after the chord, as people do
            self.pedal(True, begin + 0.12)
            self.pedal(False, begin + seconds + 0.03)
        self.changes.append(Change(min(times), max(times), chord, way))
        self.now += seconds

    # ------------------------------------------------------------ broken chords

    def broken(self, chord: str, seconds: float) -> None:
        """One bar: the left hand breaks the chord, the right plays a tune with passing notes, the pedal holds it all."""
        chance = self.chance
        begin = self.now
        low = voiced(chord, chance.choice(("low", "low", "close")), chance)
        shape = chance.choice(((0, 2, 1, 2, 0, 2, 1, 2), (0, 1, 2, 1, 0, 1, 2, 1), (0, 2, 1, 0, 2, 1, 0, 2)))
        step = seconds / len(shape)
        self.pedal(False, begin + chance.choice((-0.02, 0.03, 0.09)))  # with the new bass, or just after it
        self.pedal(True, begin + 0.16)
        heard: dict[int, float] = {}
        for n, place in enumerate(shape):
            time = begin + n * step + self.late()
            self.note(low[place], time, step * chance.uniform(0.7, 1.05), 62)
            heard.setdefault(low[place] % 12, time)
        self.tune(chord, begin, seconds)
        self.changes.append(Change(begin, max(heard.values()), chord, "broken"))
        self.now += seconds

    def tune(self, chord: str, begin: float, seconds: float) -> None:
        """A melody between A4 and C6: chord tones on the beats, passing notes between them."""
        chance = self.chance
        tones = [key for key in range(69, 85) if key % 12 in parse_chord(chord).classes[:3]]
        rhythm = chance.choice(((1.0,), (0.375, 0.125, 0.5), (0.5, 0.25, 0.25), (0.25, 0.125, 0.25, 0.125, 0.25)))
        at, key = 0.0, chance.choice(tones)
        for n, part in enumerate(rhythm):
            if n % 2 == 0:
                key = min(tones, key=lambda tone: abs(tone - key - chance.choice((-4, 0, 4))))
            else:
                key += chance.choice((-2, -1, 1, 2))  # a passing note
            self.note(key, begin + at * seconds + self.late(), part * seconds * 0.95, 78)
            at += part

    # ------------------------------------------------------------ rests, and what is no chord

    def rest(self, seconds: float) -> None:
        self.pedal(False, self.now)
        self.rests.append(Stretch(self.now + 0.1, self.now + seconds, "rest"))
        self.now += seconds

    def no_chord(self, way: str) -> None:
        begin = self.now
        self.pedal(False, begin)
        if way == "dorian tune":
            for n, key in enumerate((62, 64, 65, 64, 62, 60, 62, 64)):
                self.note(key, begin + 0.3 + n * 0.4, 0.36)
        elif way == "phrygian tune high up":
            for n, key in enumerate((76, 77, 79, 77, 76, 74, 76)):
                self.note(key, begin + 0.3 + n * 0.3, 0.28)
        elif way == "cluster":
            for beat in range(3):
                for key in (60, 61, 62, 63, 64):
                    self.note(key, begin + 0.3 + beat + self.late(), 0.8)
        elif way == "octaves":
            for n, key in enumerate((48, 50, 52, 53)):
                self.note(key, begin + 0.3 + n * 0.6, 0.5)
                self.note(key + 12, begin + 0.3 + n * 0.6 + self.late(), 0.5)
        else:  # one note, again and again
            for n in range(6):
                self.note(57, begin + 0.3 + n * 0.45, 0.3)
        self.unclear.append(Stretch(begin + 0.1, begin + 3.9, way))
        self.now = begin + 4.0


def voiced(chord: str, way: str, chance: random.Random) -> list[int]:
    """MIDI keys of a chord, lowest first."""
    written = parse_chord(chord)
    root = 48 + written.root - 12 * (written.root > 7)
    if way in ("wide", "low"):  # root, fifth, tenth; low: what a left hand breaks under a tune
        third, fifth = written.intervals[1], written.intervals[2]
        root -= 12 * (way == "low")
        return [root, root + fifth, root + 12 + third, *(root + 12 + i for i in written.intervals[3:])]
    close = [root + 12 * (way != "close") + interval for interval in written.intervals]
    if way == "turned":
        for _ in range(chance.choice((1, 2))):
            close.append(close.pop(0) + 12)
    if way in ("with bass", "pedalled"):
        close.insert(0, root - 12)
    return close


def therapist_file(seed: int = 1) -> Performance:
    """The performance of a seed: 40 struck and 20 broken changes in mixed order, 5 rests and 5 stretches without a chord."""
    player = Player(seed)
    chance = player.chance
    ways = ["broken"] * 20 + [STEP_WAYS[n % len(STEP_WAYS)] for n in range(40)]
    chance.shuffle(ways)
    words: list[str] = []
    while len(words) < 60:
        words += chance.choice((*LINES, SEVENTHS)).split()
    pauses = [*("rest" for _ in range(5)), "dorian tune", "phrygian tune high up", "cluster", "octaves", "one note"]
    chance.shuffle(pauses)
    last = ""
    for n, way in enumerate(ways):
        chord = plain_triad(words[n]) if way == "broken" else words[n]
        if last and parse_chord(chord).root == parse_chord(last).root:  # another harmony each time
            chord = {"C": "F", "F": "Bb", "G": "C", "D": "G", "A": "D", "E": "A", "B": "E"}[chord[0]]
        if way == "broken":
            player.broken(chord, chance.uniform(1.6, 3.2))
        else:
            player.struck(chord, way, chance.uniform(0.8, 2.4))
        last = chord
        if n % 6 == 5:
            pause = pauses.pop()
            if pause == "rest":
                player.rest(chance.uniform(2.0, 8.0))
            else:
                player.no_chord(pause)
    player.pedal(False, player.now)
    return Performance(player.messages(), player.changes, player.rests, player.unclear)


def plain_triad(chord: str) -> str:
    """The triad of a chord: "Fmaj7" to "F", "Dm7" to "Dm"."""
    written = parse_chord(chord)
    root = chord[:2] if chord[1:2] in ("b", "#") else chord[:1]
    return root + ("m" if written.intervals[1] == 3 else "")
