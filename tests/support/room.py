"""A scene's music in invented time: an ensemble with voices, its ledger and a receiver behind it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from reachnote.ensemble import Ensemble
from reachnote.guard import THERAPIST
from reachnote.ledger import Ledger
from reachnote.model import Event, Gesture, Kind, Move, order
from reachnote.scene import read_scene
from reachnote.song import Song
from reachnote.voices import Voice
from support.invented import Receiver

START = 1000.0
SWITCHES = ("Pads/left", "Pads/right")


class Room:
    """Sensors are "board/name"; times are seconds after START. `events` is what left the music, `receiver` hears the rest."""

    def __init__(self, scene: str, song: Song | None = None, sensors: Sequence[str] = SWITCHES, seed: int = 0, **more) -> None:
        self.music = Ensemble([(read_scene(scene, "test.toml"), song)], ("one",), seed, **more)
        self.ledger = Ledger()
        self.receiver = Receiver()
        self.events: list[Event] = []
        self.now = START
        self.sensors = sensors
        self.voices: list[Voice] = []
        self._plug()

    def _plug(self) -> None:
        self.voices = [self.music.voice(*name.split("/"), "switch", n, 0) for n, name in enumerate(self.sensors)]

    @property
    def activity(self):
        return self.music.activity

    @property
    def news(self) -> list[dict]:
        return self.music.news

    # ------------------------------------------------------------ what happens

    def take(self, events: list[Event]) -> list[Event]:
        for event in events:
            self.events.append(event)
            for sent in self.ledger.take(event):
                self.receiver.take(sent)
        return events

    def wait(self, until: float) -> None:
        """Time passes until START + `until`; the music is woken when it wants to be."""
        for _ in range(10_000):
            due = self.music.due
            if due > START + until:
                break
            self.now = max(self.now, due)
            self.take(self.music.tick(self.now))
        else:
            raise AssertionError("the music wants to be woken for ever")
        self.now = max(self.now, START + until)

    def did(
        self, move: Move, time: float, sensor: int = 0, zone: int = -1, strength: float = 0.5, late: float = 0.0
    ) -> list[Event]:
        """A gesture at `time` that is heard of `late` seconds after."""
        self.wait(time + late)
        strength = 0.0 if move is Move.RELEASE else strength
        voice = self.voices[sensor]
        return self.take(self.music.gesture(Gesture(sensor, START + time, move, strength, zone), voice))

    def press(self, time: float, sensor: int = 0, lasts: float = 0.1, strength: float = 0.5) -> None:
        self.did(Move.ONSET, time, sensor, strength=strength)
        self.did(Move.RELEASE, time + lasts, sensor)

    def heard(self, time: float, *message: int) -> list[Event]:
        self.wait(time)
        return self.take(self.music.heard(bytes(message), START + time))

    def key(self, time: float, key: int, lasts: float, velocity: int = 80) -> None:
        """A key of the therapist's keyboard, on channel 1."""
        self.heard(time, 0x90, key, velocity)
        self.heard(time + lasts, 0x80, key, 64)

    def pedal(self, time: float, action: str) -> list[Event]:
        self.wait(time)
        return self.take(self.music.asked(action, START + time))

    def lost(self, time: float, sensor: int) -> None:
        """A board is gone: what the session does then."""
        self.wait(time)
        self.voices[sensor].forget()
        self.take([order(Kind.RELEASE, self.now, sensor), order(Kind.SOFTEN, self.now, sensor)])
        self.take(self.music.let_go(self.voices[sensor], self.now))

    def silence(self, time: float) -> None:
        self.wait(time)
        for voice in self.voices:
            voice.forget()
        self.music.forget(self.now)
        self.take([order(Kind.SILENCE, self.now)])

    def end(self, time: float) -> None:
        """The scene's end: the activity ends what it began, each voice what is its own; nobody sweeps up behind them."""
        self.wait(time)
        self.take(self.music.end(self.now))
        for voice in self.voices:
            self.take(voice.stop(self.now))
        self.take([order(Kind.RELEASE, self.now, THERAPIST)])  # what was passed on is nobody's here

    def begin_again(self) -> None:
        """The same scene once more."""
        self.music.change(self.now)
        self._plug()

    # ------------------------------------------------------------ what was heard

    def ons(self) -> list[tuple[float, int]]:
        """(time after START, key) of every note that began."""
        return [(round(e.time - START, 6), e.a) for e in self.events if e.kind == Kind.NOTE_ON and e.outputs]

    def pitches(self) -> list[int]:
        return [key for _, key in self.ons()]

    def told(self, news: str) -> list[dict]:
        return [{**said, "time": round(said["time"] - START, 6)} for said in self.news if said["news"] == news]

    def nothing_hangs(self) -> None:
        assert self.receiver.unpaired() == {}
        assert self.ledger.sounding() == []


ACTIONS = ("phrase-end", "again", "next", "swap", "prompt", "next-chord")


def any_story(room: Room, seed: int, steps: int = 40) -> None:
    """A random order of gestures, the therapist's messages, pedals, losses, silences, waits and ends, then the end."""
    chance = Random(seed)
    time = 0.0
    for _ in range(steps):
        time += chance.choice((0.0, 0.004, 0.05, 0.2, 0.6, 1.5, 8.0)) * chance.random()
        what = chance.random()
        sensor = chance.randrange(len(room.voices))
        if what < 0.5:
            move = chance.choice((Move.ONSET, Move.ONSET, Move.RELEASE, Move.RELEASE, Move.ZONE))
            zone = chance.randrange(8) if room.voices[sensor].zones else -1
            room.did(move, time, sensor, zone, chance.random(), late=chance.choice((0.0, 0.0, 0.004, 0.09)))
            time = max(time, room.now - START)
        elif what < 0.75:
            room.heard(time, *_message(chance))
        elif what < 0.85:
            room.pedal(time, chance.choice(ACTIONS))
        elif what < 0.88:
            room.lost(time, sensor)
        elif what < 0.90:
            room.silence(time)
        elif what < 0.93:
            room.music.harmony.transpose(chance.randrange(-12, 13))
        elif what < 0.95:
            room.end(time)
            room.begin_again()
        else:
            time += 12.0 * chance.random()
            room.wait(time)
    room.end(time + chance.choice((0.0, 0.1, 3.0)))


def _message(chance: Random) -> tuple[int, ...]:
    kind = chance.random()
    key, channel = chance.choice((60, 62, 64, 67)), chance.randrange(3)
    if kind < 0.45:
        return (0x90 | channel, key, chance.randrange(128))
    if kind < 0.8:
        return (0x80 | channel, key, 64)
    if kind < 0.9:
        return (0xB0 | channel, chance.choice((1, 64, 66, 123)), chance.choice((0, 127)))
    if kind < 0.95:
        return (0xE0 | channel, chance.randrange(128), chance.randrange(128))
    return tuple(chance.randrange(256) for _ in range(1 + chance.randrange(3)))
