"""The music of a session: the scenes of its plan, the harmony and tempo that everybody shares, voices, the activity. Pure.

The session hands it gestures, levels, what the therapist plays and asks for, and the time; it answers events in order.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType

from reachnote import activities, allowed
from reachnote.activities import Activity, ActivityProblem, Table
from reachnote.controls import Pace
from reachnote.harmony import Harmony
from reachnote.lists import Chance
from reachnote.model import Event, Gesture, Move
from reachnote.mpe import Members
from reachnote.scene import Scene, SceneProblem
from reachnote.song import Song
from reachnote.tempo import Beats, Tempo
from reachnote.therapist import Listener, thru
from reachnote.voice_rule import VoiceRule
from reachnote.voices import Voice, channel_for, output_mask

NEVER = float("inf")
MUTE = VoiceRule(kinds=())
STEER_CHANGES = ("next-scene", "previous-scene")
"""What the session carries out itself, since notes have to end first."""


@cache
def known() -> Mapping[str, ModuleType]:
    """Every activity by its NAME."""
    found = [importlib.import_module(f"{activities.__name__}.{i.name}") for i in pkgutil.iter_modules(activities.__path__)]
    return {module.NAME: module for module in found}


def begin_activity(scene: Scene, table: Table) -> Activity:
    """The activity of a scene. SceneProblem names what is wrong, what is allowed and the nearest."""
    try:
        module = known()[allowed.word("activity", scene.activity, known())]
        for key in scene.options:
            allowed.word(f"activity '{scene.activity}': option", key, module.OPTIONS)
        return module.begin(table, {**module.OPTIONS, **scene.options})
    except (ValueError, ActivityProblem) as problem:
        raise SceneProblem(f"{scene.name}: {str(problem).rstrip('.')}.") from None


class Ensemble:
    """One scene at a time of `plan` ([(scene, its song or None)]); `seed` is all the chance there is.

    `facts` are of the client, from earlier sessions (`Table.facts`); activities add to them. `beats`, another machine's clock,
    takes the place of the scenes' own tempo.
    """

    def __init__(
        self,
        plan: Sequence[tuple[Scene, Song | None]],
        outputs: Sequence[str] = (),
        seed: int = 0,
        facts: dict | None = None,
        beats: Beats | None = None,
    ) -> None:
        self.outputs = tuple(outputs)
        self.plan = list(plan)
        self.at = 0
        self.seed = seed
        self.news: list[dict] = []
        self.voices: list[Voice] = []  # by the sensor's number
        self.facts: dict = {} if facts is None else facts
        self.transpose = 0  # of the client, whatever the scene
        self.listener = Listener()
        self.follows = beats is not None
        self.tempo: Tempo | Beats = beats or Tempo(90.0)
        self.muted: set[int] = set()  # sensors that are pedals: no scene gives them a voice
        self._awake: dict[Voice, None] = {}  # those that want to be asked about the time; the others are not, line after line
        self.names: dict[int, str] = {}
        self._begin(0.0)

    def _begin(self, now: float) -> None:
        scene, song = self.plan[self.at]
        self.scene = scene
        if not self.follows:
            self.tempo = Tempo(scene.tempo, now)
        self.harmony = Harmony(scene.tonic, scene.scale, scene.chords)
        self.harmony.transpose(self.base)
        self.paces: dict[int, Pace] = {}
        self.zones: dict[tuple[str, int], Members] = {}  # of MPE, by side and outputs
        self._free = scene.channels
        self.table = Table(
            harmony=self.harmony,
            tempo=self.tempo,
            chance=Chance(self.seed),
            voices=lambda: self.voices,
            say=self.news.append,
            song=song,
            facts=self.facts,
            names=self.names,
            began=now,
        )
        self.activity = begin_activity(scene, self.table)

    @property
    def base(self) -> int:
        """Semitones that scene and client bring along; what is steered counts from there."""
        return self.scene.transpose + self.transpose

    def fit(self, facts: Mapping, transpose: int) -> None:
        """Another client: what was learnt earlier, and the place of the voice. Nothing may sound; the beat goes on."""
        self.facts = self.table.facts = dict(facts)
        self.transpose = transpose
        self.harmony.transpose(self.base)
        self.activity = begin_activity(self.scene, self.table)

    # ------------------------------------------------------------ scenes

    def go(self, by: int) -> bool:
        """Another scene of the plan, `by` further; False at either end. Call `change` then."""
        at = self.at + by
        if not 0 <= at < len(self.plan):
            return False
        self.at = at
        return True

    def put(self, scene: Scene, song: Song | None) -> None:
        """A scene that is not of the plan takes the present one's place in it."""
        begin_activity(scene, Table(Harmony(scene.tonic, scene.scale), Tempo(scene.tempo), Chance(0), song=song))
        self.plan[self.at] = (scene, song)

    def end(self, now: float) -> list[Event]:
        """What the activity began ends, and controls go back; the voices' own notes are ended by whoever changes the scene."""
        events = self.activity.end(now) + [event for voice in self.voices for event in voice.leave(now)]
        return events + [event for zone in self.zones.values() for event in zone.leave(now)]

    def change(self, now: float) -> None:
        """Begin the scene that `go` or `put` chose. Voices have to be made anew."""
        self.voices.clear()
        self._awake.clear()
        self._begin(now)

    def voice(self, board: str, sensor: str, kind: str, number: int, seat: int) -> Voice:
        """The voice of a sensor in this scene; one that makes no sound where the scene has none for it."""
        rule = MUTE if number in self.muted else self.scene.rule_for(board, sensor, kind) or MUTE
        channel = channel_for(number, seat, self._free)
        mask = 0 if rule is MUTE else output_mask(rule.outputs, self.outputs)
        pace = self.paces.setdefault(rule.channel or channel, Pace())
        chance = Chance(self.seed * 1000 + number)
        voice = Voice(rule, self.harmony, number, channel, mask, self.tempo, chance, pace, self._members(rule, mask))
        while len(self.voices) <= number:
            self.voices.append(voice)
        self._awake.pop(self.voices[number], None)
        self.voices[number] = voice
        self.names[number] = f"{board}/{sensor}"
        return voice

    def _members(self, rule: VoiceRule, mask: int) -> Members | None:
        """The MPE zone that a voice shares with others of its outputs."""
        if rule.mpe is None:
            return None
        place = (rule.mpe.side, mask)
        if place not in self.zones:
            self.zones[place] = Members(rule.mpe, 0, mask)
        return self.zones[place]

    # ------------------------------------------------------------ what comes

    def gesture(self, did: Gesture, voice: Voice) -> list[Event]:
        """The events of a client's gesture. One of a sensor that steers goes to `steered` instead."""
        events = self.activity.gesture(did, voice)
        if voice.due < NEVER:  # only a gesture can wake a voice
            self._awake[voice] = None
        return events

    def steered(self, did: Gesture, voice: Voice) -> str:
        """What a sensor that steers asks for, a word of voice_rule.STEERS; '' for nothing that others have to carry out."""
        rule = voice.rule
        if rule.steers == "transpose":
            if did.move is not Move.RELEASE:
                step = rule.steps[min(max(did.zone, 0), len(rule.steps) - 1)]
                self.harmony.transpose(self.base + step)
            return ""
        return rule.steers if did.move is Move.ONSET else ""

    def heard(self, message: bytes, time: float) -> list[Event]:
        """A MIDI message of the therapist: the harmony follows it, and it is passed on where the scene says so."""
        self.listener.take(time, message)
        if self.scene.keyboard == "transposes" and message[0] & 0xF0 == 0x90 and len(message) > 2 and message[2]:
            self.harmony.transpose(self.base + (message[1] - self.scene.tonic + 5) % 12 - 5)
        passed = thru(message, time) if self.scene.thru else None
        return [*([passed] if passed else []), *self.activity.heard(message, time)]

    def asked(self, action: str, time: float) -> list[Event]:
        """Something that the therapist asked for by key, pedal or page."""
        if action == "next-chord":
            self.harmony.step()
        return self.activity.pedal(action, time)

    def let_go(self, voice: Voice, now: float) -> list[Event]:
        """A sensor is gone or was let go of without a release, and its notes were ended by others."""
        return self.activity.let_go(voice, now)

    def forget(self, now: float) -> None:
        """Everything was ended by others: nobody begins anything before somebody plays."""
        self.activity.forget(now)

    def tick(self, now: float) -> list[Event]:
        """What time alone brings about, at `due` or later."""
        events: list[Event] = []
        if self.listener.due <= now:
            heard = self.listener.tick(now)
            if self.scene.keyboard == "harmony":
                self.harmony.follow(heard)
        if self.activity.due <= now:
            events += self.activity.tick(now)
        for voice in sorted(self._awake, key=lambda one: one.sensor):
            if voice.due <= now:
                played = voice.tick(now)
                events += self.activity.played(played, voice)
                events += played
            if voice.due == NEVER:
                del self._awake[voice]
        for paced in (*self.paces.values(), *self.zones.values()):
            if paced.due <= now:
                events += paced.tick(now)
        return events

    @property
    def due(self) -> float:
        """When `tick` is wanted."""
        due = min(self.activity.due, self.listener.due)
        for voice in self._awake:
            due = min(due, voice.due)
        for pace in self.paces.values():
            if pace.waiting and pace.free < due:
                due = pace.free
        for zone in self.zones.values():
            due = min(due, zone.due)
        return due

    def status(self) -> dict:
        """What is shown: scene, chord, key, what the activity says."""
        chord = self.harmony.chord
        return {
            "scene": self.scene.name,
            "says": self.scene.says,
            "at": self.at,
            "plan": [scene.name for scene, _ in self.plan],
            "activity": self.scene.activity,
            "chord": chord.name if chord else "",
            "transpose": self.harmony.shift,
            "tempo": self.tempo.bpm,
            **self.activity.status(),
        }
