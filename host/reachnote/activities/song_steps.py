"""A familiar song in steps: each press plays the next note, phrase or chord, and the song waits for ever. Pure.

Any sensor of the scene steps, on its own channel and as loud as it is pressed; what it does besides pressing (zones, the
level) changes nothing. A press too many is passed over. The keys follow the scene's key, the lengths its tempo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from reachnote import backing as backings
from reachnote.activities import NEVER, Activity, ActivityProblem, Table, takes_part
from reachnote.allowed import number, word, yes
from reachnote.backing import Backing, channels_beside
from reachnote.model import Event, Gesture, Kind
from reachnote.music import DRUM_CHANNEL, into_range
from reachnote.presses import Press, Presses
from reachnote.song import STEPS, Song, Step, accompanied, chords_of, steps, way_to
from reachnote.stepper import Stepper
from reachnote.tune import STEPPED
from reachnote.voices import Voice

NAME = "song"
SAYS = "Each press plays the next note, phrase or chord of a song, which waits as long as it takes."
OPTIONS = {
    "by": "note",
    "forgive_s": 0.3,
    "backing": False,
    "backing_level": 0.7,
    "turns": False,
    "pause_s": 3.0,
}

CHORDS_CHANNEL = 1
_NEAR = 1e-6  # of a beat


def begin(table: Table, options: Mapping) -> Activity:
    """`by`: note, phrase or chord. `forgive_s` (0 to 5): a press so soon after one that counted does not count.

    `backing`: the song's other parts, or its chords, play along and wait too, at `backing_level` (0.1 to 1) of their
    velocities; by chord it is the tune that waits. `turns`: the sensors step in turn. `pause_s` (0 to 60): the rest after
    the last step. The scene has to name a song.
    """
    if table.song is None:
        raise ActivityProblem('the activity "song" needs a song: write song = "frere-jacques" above [activity]')
    try:
        kept = {key: yes(key, options[key]) for key in ("backing", "turns")} | {
            "by": word("by", options["by"], STEPS),
            "forgive_s": number("forgive_s", options["forgive_s"], 0.0, 5.0),
            "backing_level": number("backing_level", options["backing_level"], 0.1, 1.0),
            "pause_s": number("pause_s", options["pause_s"], 0.0, 60.0),
        }
        return SongSteps(table, kept, table.song)
    except ValueError as problem:
        raise ActivityProblem(str(problem)) from None


class _Place(NamedTuple):
    """Where a note of the song sounds."""

    channel: int
    key: int
    source: int
    outputs: int


class SongSteps(Activity):
    def __init__(self, table: Table, options: Mapping, song: Song) -> None:
        super().__init__(table, options)
        by = options["by"]
        self._song = song
        self._way = way_to(song, table.harmony.tonic)
        self._steps = steps(song, by, song.melody)
        self._phrases = [step.beat for step in steps(song, "phrase", song.melody)]
        self._chords = chords_of(song.chords, self._way)
        self._backing = self._made_backing(song, by) if options["backing"] else None
        self._stepper = Stepper(
            song,
            by,
            beats=table.tempo,
            backing=self._backing,
            part=song.melody,
            forgive_s=options["forgive_s"],
            pause_s=options["pause_s"],
            source=STEPPED,
        )
        self._presses: dict[int, Presses] = {}
        self._voice: Voice | None = None  # whose step was the last
        self._holds = False  # that sensor is still pressed
        self._turn = -1  # the sensor whose turn it is; -1 anybody's
        self._away: set[int] = set()
        self._sounding: dict[tuple[int, int, int], _Place] = {}  # (source, channel, key) of the song -> where it sounds
        self._channels: dict[int, int] = {}  # of the backing: the song's channel -> one that no voice has
        self._rests_until = -NEVER

    def _made_backing(self, song: Song, by: str) -> Backing:
        """What plays along: everything but what the client plays. ValueError when that is nothing."""
        parts = set(range(len(song.parts)))
        if by != "chord":
            parts.discard(song.melody)
            if not any(note.part in parts for note in song.notes):
                parts.add(len(song.parts))
                song = accompanied(song, CHORDS_CHANNEL)
        if not any(note.part in parts for note in song.notes):
            raise ValueError(f"backing = true, but '{song.title}' has only its tune; leave backing out")
        return Backing(song, self.table.tempo, self._way, frozenset(parts), loudness=self.options["backing_level"])

    # ------------------------------------------------------------ what comes

    def gesture(self, did: Gesture, voice: Voice) -> list[Event]:
        events = self.tick(did.time)
        if takes_part(voice):
            self._away.discard(voice.sensor)
            presses = self._presses.get(voice.sensor)
            if presses is None:
                presses = self._presses[voice.sensor] = Presses(voice.rule)
            for press in presses.take(did):
                events += self._pressed(press, voice)
        return events

    def pedal(self, action: str, time: float) -> list[Event]:
        events = self.tick(time)
        if action == "again":
            if self.options["by"] == "phrase":
                events += self._placed(self._stepper.stop(time))
            self._stepper.go(self._phrase_before())
            self._rests_until = -NEVER
        elif action == "next":
            events += self._placed(self._stepper.stop(time))
            self._stepper.go(0)
            self._rests_until = time + self.options["pause_s"]
            self._say(time, "ended")
        return events

    @property
    def due(self) -> float:
        return min([self._stepper.due, *(presses.due for presses in self._presses.values())])

    def tick(self, now: float) -> list[Event]:
        events: list[Event] = []
        if any(presses.due <= now for presses in self._presses.values()):
            waited = [(press, voice) for voice in self._waiting(now) for press in self._presses[voice.sensor].tick(now)]
            for press, voice in sorted(waited, key=lambda one: one[0].time):
                events += self._pressed(press, voice)
        return events + self._placed(self._stepper.tick(now))

    def end(self, now: float) -> list[Event]:
        return self._placed(self._stepper.stop(now))

    def forget(self, now: float) -> None:
        for presses in self._presses.values():
            presses.let_go()
        self._stepper.stop(now)
        self._sounding.clear()
        self._holds = False

    def let_go(self, voice: Voice, now: float) -> list[Event]:
        self._away.add(voice.sensor)
        if voice.sensor in self._presses:
            self._presses[voice.sensor].let_go()
        if self._voice is None or self._voice.sensor != voice.sensor:
            return []
        self._holds = False
        if self.options["by"] == "phrase":  # nothing more of it may begin on a board that is gone
            return self._placed(self._stepper.stop(now))
        return self._placed(self._stepper.release(now))

    def status(self) -> dict:
        stepper = self._stepper
        step = self._steps[stepper.index]
        words = " ".join(word.text for word in self._song.words if step.beat - _NEAR <= word.beat < step.end - _NEAR)
        whose = self.table.names.get(self._turn, "") if self.options["turns"] else ""
        return {"song": self._song.title, "step": stepper.index + 1, "of": stepper.count, "words": words, "turn": whose}

    # ------------------------------------------------------------ presses

    def _waiting(self, now: float) -> Sequence[Voice]:
        there = {voice.sensor: voice for voice in self.table.voices()}
        return [there[n] for n, presses in self._presses.items() if presses.due <= now and n in there]

    def _pressed(self, press: Press, voice: Voice) -> list[Event]:
        stepper = self._stepper
        mine = self._voice is not None and self._voice.sensor == voice.sensor
        if not press.down:
            if not (mine and self._holds):
                return []
            self._holds = False
            return self._placed(stepper.release(press.time))
        if press.time < self._rests_until or not self._may(voice):
            return []
        if self._backing is not None and not self._backing.playing:
            self._free_channels()
        stepper.transpose = self._way + self.table.harmony.shift
        before, self._voice = self._voice, voice
        events = stepper.press(press.time, voice.velocity(press.strength))
        if stepper.took == "step":
            self._holds = True
            self._stepped(press.time, voice)
        else:
            self._voice = before
        return self._placed(events)

    def _stepped(self, time: float, voice: Voice) -> None:
        step = self._stepper.step
        assert step is not None
        self._follow(step)
        line = self._line()
        after = [sensor for sensor in line if sensor > voice.sensor] or line
        self._turn = after[0] if len(line) > 1 else -1
        if self._stepper.finishing:
            self._say(time, "over")

    def _may(self, voice: Voice) -> bool:
        return not self.options["turns"] or self._turn in (-1, voice.sensor) or self._turn not in self._line()

    def _line(self) -> list[int]:
        """The sensors in the order of their turns, those that are there."""
        there = {voice.sensor for voice in self.table.voices() if takes_part(voice)}
        return sorted(there - self._away)

    def _follow(self, step: Step) -> None:
        """The chord of the moment is the song's."""
        self.table.harmony.follow(next((chord for beat, chord in reversed(self._chords) if beat <= step.beat + _NEAR), None))

    def _phrase_before(self) -> int:
        """The first step of the phrase that was played last; asked again, of the one before."""
        at = self._stepper.count if self._stepper.finishing else self._stepper.index
        played = self._steps[max(at - 1, 0)].beat
        begins = max((beat for beat in self._phrases if beat <= played + _NEAR), default=0.0)
        return next(n for n, step in enumerate(self._steps) if step.beat >= begins - _NEAR)

    def _say(self, time: float, what: str) -> None:
        text = f"'{self._song.title}' was played to its end." if what == "over" else f"'{self._song.title}' was ended here."
        self.table.say({"news": "song", "song": self._song.title, "what": what, "time": time, "text": text})

    # ------------------------------------------------------------ where it sounds

    def _placed(self, events: Sequence[Event]) -> list[Event]:
        """The stepper's events as they sound: steps on the channel of who pressed, the backing beside all voices."""
        return [found for event in events if (found := self._one(event)) is not None]

    def _one(self, event: Event) -> Event | None:
        own = (event.source, event.channel, event.a)
        if event.kind == Kind.NOTE_ON:
            place = self._sounding[own] = self._place(event)
        elif event.kind == Kind.NOTE_OFF:
            place = self._sounding.pop(own, None)
            if place is None:
                return None
        else:
            return event._replace(channel=self._channels.get(event.channel, event.channel))
        return event._replace(channel=place.channel, a=place.key, source=place.source, outputs=place.outputs)

    def _place(self, event: Event) -> _Place:
        if event.source == backings.SOURCE:
            drums = event.channel == DRUM_CHANNEL
            key = event.a if drums else into_range(event.a + self.table.harmony.shift)
            return _Place(self._channels.get(event.channel, event.channel), key, event.source, event.outputs)
        voice = self._voice
        assert voice is not None
        return _Place(voice.channel, event.a, voice.sensor, voice.outputs)

    def _free_channels(self) -> None:
        """A channel for each part of the backing."""
        taken = {voice.channel for voice in self.table.voices() if takes_part(voice)}
        self._channels = channels_beside({part.channel for part in self._song.parts} | {CHORDS_CHANNEL}, taken)
