"""Voices: how one sensor sounds. Pure.

Gestures come in, events go out. Between them lie, in this order: the kind of gesture that counts, the trigger (when notes
start and end), the list or zone (which note), the harmony of the moment (which keys), the grid (when exactly), the
loudness, and how many notes may sound at once. What a voice started it ends, on the keys that it began with.

Channels are 1..16. Channel 10 is kept for drums and channel 1 for what concerns everybody.
"""

from __future__ import annotations

from collections.abc import Sequence

from reachnote import chords, gestures, music
from reachnote.controls import CENTRE, Control, Pace, program_events
from reachnote.harmony import Harmony
from reachnote.lists import Chance, NoteList
from reachnote.model import ALL_OUTPUTS, Event, Gesture, Move, note_off, note_on
from reachnote.mpe import BEND_RANGE, Members
from reachnote.tempo import Beats, Tempo, quantise
from reachnote.timeline import Timeline
from reachnote.triggers import Act, Does, Trigger
from reachnote.voice_rule import CHANNELS, VoiceRule

SOFTEST = 0.55
SHORTEST_S = 0.05  # of a note whose gesture was over before the grid let it begin
CLUSTER = 3


def channel_for(sensor: int, board: int, free: Sequence[int] = CHANNELS) -> int:
    """A channel of `free` for each sensor while they last, then one for each board."""
    return free[sensor] if sensor < len(free) else free[board % len(free)]


def output_mask(wanted: tuple[str, ...], outputs: tuple[str, ...]) -> int:
    """Bit n for the n-th of `outputs` that is wanted; all of them when none is named."""
    if not wanted:
        return ALL_OUTPUTS
    return sum(1 << n for n, name in enumerate(outputs) if name in wanted)


class Voice:
    """One sensor's way from gestures to notes. `sensor` is its number, and the source of every event."""

    def __init__(
        self,
        rule: VoiceRule,
        harmony: Harmony,
        sensor: int,
        channel: int,
        outputs: int,
        tempo: Beats | None = None,
        chance: Chance | None = None,
        pace: Pace | None = None,
        members: Members | None = None,
    ) -> None:
        self.rule = rule
        self.sensor = sensor
        self._members = members  # of an MPE zone, shared with the other voices of the zone
        self._shape: tuple[Control, ...] = ()  # what moves each of its notes alone
        self.channel = rule.channel or (music.DRUM_CHANNEL if rule.source == "drums" else channel)
        self.outputs = outputs
        self.zones = rule.zones
        self.shares = rule.shares
        self._harmony = harmony
        self._tempo = tempo or Tempo(90.0)
        self._list = NoteList(rule.notes, rule.order, rule.restart_s, chance or Chance(sensor))
        for _ in range(2 * sensor % rule.notes if rule.order == "forward" and not rule.restart_s else 0):
            self._list.next(0.0)  # voices beside each other do not all begin on the same note
        self._trigger = Trigger(rule.trigger, rule.options, self._tempo)
        self._recogniser = gestures.begin(rule.gesture, rule.gesture_options)
        self._sounding: dict[int, tuple[int, ...]] = {}  # token -> keys, oldest first
        self._velocities: dict[int, int] = {}
        self._paused: dict[int, tuple[tuple[int, ...], int]] = {}
        self._later: Timeline[tuple[str, int]] = Timeline(64)
        self._early: dict[int, tuple[float, tuple[int, ...], int]] = {}  # tokens that wait for the grid: when, keys, velocity
        self._own = 0  # tokens of what an activity plays itself
        self._notes: tuple[tuple[int, ...], ...] = ()
        self._made_at = -1
        self._wander = 0
        self.peak = 0.0  # the highest level since the onset
        self._level = 0.0
        pace = pace or Pace()
        self.controls = tuple(one.made(pace, self.channel, sensor, outputs) for one in rule.controls)
        if members is not None and rule.mpe is not None:
            self.channel, self._shape, self.controls = rule.mpe.master, self.controls, ()
        self.follows = bool(rule.controls) or (rule.loudness is not None and rule.loudness.source == "peak")
        self._rests = True

    # ------------------------------------------------------------ what comes

    @property
    def controllers(self) -> list[int]:
        """The controller numbers that it sends."""
        return sorted({one.number for one in (*self.controls, *self._shape) if one.kind in ("cc", "cc14")})

    def begin(self, time: float) -> list[Event]:
        """What a synth must know before the first note: bank and program, then where controls rest."""
        rule = self.rule
        program = rule.program or (music.NOISE["seashore"] if rule.source == "noise" else 0)
        found = self._members.begin(time) if self._members is not None else []
        found += program_events(program, self.channel, time, self.sensor, self.outputs, rule.bank or -1)
        for control in self.controls:
            found += control.begin(time)
        return found

    def level(self, level: float, time: float) -> list[Event]:
        """Where the client is, 0..1: what the controls make of it. Needed only of a voice that `follows`."""
        self._level = level
        if level > self.peak:
            self.peak = level
        found: list[Event] = []
        if self._rests and level <= 0.0:
            return found
        self._rests = level <= 0.0
        if self._shape and self._members is not None:
            shape = self._shaped()
            for token, keys in self._sounding.items():
                for key in keys:
                    found += self._members.move((self.sensor, token, key), time, **shape)
        for control in self.controls:
            found += control.home(time) if self._rests else control.level(level, time)
        return found

    def _shaped(self) -> dict[str, int]:
        """Bend, pressure and timbre of a note at the level of now."""
        found = {}
        for control in self._shape:
            value = round(control.at_rest + min(max(self._level, 0.0), 1.0) * (control.at_full - control.at_rest))
            if control.kind == "bend":
                value = CENTRE + round((value - CENTRE) * control.semitones / BEND_RANGE)
            found["timbre" if control.kind == "cc" else control.kind] = value
        return found

    def gesture(self, did: Gesture) -> list[Event]:
        """What follows from a gesture of this voice's sensor."""
        events: list[Event] = []
        self._until(did.time, events)
        if did.move is Move.ONSET:
            self.peak = self._level
        for counted in self._recogniser.take(did):
            for act in self._trigger.take(counted):
                self._act(act, events)
        self._until(did.time, events)
        return events

    @property
    def due(self) -> float:
        """When `tick` is wanted, if nothing comes before; inf for never."""
        return min(self._trigger.due, self._recogniser.due, self._later.due)

    def tick(self, now: float) -> list[Event]:
        """What time alone brings about."""
        events: list[Event] = []
        for counted in self._recogniser.tick(now):
            for act in self._trigger.take(counted):
                self._act(act, events)
        for act in self._trigger.tick(now):
            self._act(act, events)
        self._until(now, events)
        return events

    def _until(self, now: float, events: list[Event]) -> None:
        """What waited for the grid."""
        for time, (what, token) in self._later.take(now):
            if what == "stop":
                self._end(token, time, events)
            elif token in self._early:
                _, keys, velocity = self._early.pop(token)
                self._start(token, keys, velocity, time, events)

    def leave(self, time: float) -> list[Event]:
        """Another scene comes, or the end: what the controls changed goes back to where a synth has it by itself."""
        return [event for control in self.controls for event in control.leave(time)]

    def stop(self, time: float) -> list[Event]:
        """End everything that this voice began."""
        events: list[Event] = []
        self._trigger.let_go(time)
        for token in tuple(self._sounding):
            self._end(token, time, events)
        self._clear()
        return events

    def forget(self) -> None:
        """The outlet already ended everything: do not end it again."""
        if self._members is not None:
            for token, keys in self._sounding.items():
                for key in keys:
                    self._members.drop((self.sensor, token, key))
        self._sounding.clear()
        self._velocities.clear()
        self._trigger.forget()
        for control in self.controls:
            control.forget()
        self._clear()

    def _clear(self) -> None:
        self._later.clear()
        self._early.clear()
        self._paused.clear()
        self._recogniser.let_go()

    # ------------------------------------------------------------ what activities ask for

    @property
    def sounding(self) -> tuple[int, ...]:
        """The keys that this voice holds now, oldest first."""
        return tuple(key for keys in self._sounding.values() for key in keys)

    def play(self, keys: Sequence[int], strength: float, time: float) -> tuple[int, list[Event]]:
        """Begin these keys, as written (not transposed again); (token to end them with, events)."""
        self._own -= 1
        events: list[Event] = []
        self._start(self._own, tuple(keys), self.velocity(strength), time, events)
        return self._own, events

    def end(self, token: int, time: float) -> list[Event]:
        """End what `play` began; a token that does not sound changes nothing."""
        events: list[Event] = []
        self._end(token, time, events)
        return events

    def wander(self, chance: Chance) -> None:
        """The next note is another one than the one that is due."""
        if self.rule.notes > 1:
            self._wander = 1 + chance.below(self.rule.notes - 1)

    def velocity(self, strength: float) -> int:
        """1..127. Without a loudness of its own: the rule's at full strength, `SOFTEST` of it at none."""
        loudness = self.rule.loudness
        if loudness is None:
            return max(round(self.rule.velocity * (SOFTEST + (1.0 - SOFTEST) * strength)), 1)
        return loudness.velocity(strength, self.peak)

    # ------------------------------------------------------------ notes

    @property
    def keys(self) -> tuple[int, ...]:
        """The lowest key of each of its notes, in the harmony of the moment."""
        return tuple(keys[0] for keys in self.notes())

    def notes(self) -> tuple[tuple[int, ...], ...]:
        """The keys of each of its notes, in the harmony of the moment."""
        if self._made_at != self._harmony.changes:
            self._made_at = self._harmony.changes
            self._notes = tuple(self._made())
        return self._notes

    def _made(self) -> list[tuple[int, ...]]:
        rule, harmony = self.rule, self._harmony
        base = 12 * (rule.octave + 1)
        if rule.source == "drums":
            kit = rule.keys or tuple(music.DRUMS.values())
            return [(kit[n % len(kit)],) for n in range(rule.notes)]
        if rule.source == "noise":
            return [(music.NOISE_KEYS[n % len(music.NOISE_KEYS)],) for n in range(rule.notes)]
        if rule.source == "clusters":
            return [tuple(map(self._placed, keys)) for keys in music.clusters(base + harmony.tonic, rule.notes, CLUSTER)]
        if rule.source == "keys":
            return [(self._placed(key),) for key in rule.keys]
        if rule.chord > 1 and rule.source == "scale":
            return [self._chord(base, n) for n in range(rule.notes)]
        if rule.chord > 1:
            tones = [self._up(key) for key in harmony.keys("chord", rule.octave, rule.notes + rule.chord - 1)]
            return [tuple(dict.fromkeys(tones[n : n + rule.chord])) for n in range(rule.notes)]
        written = harmony.keys(rule.source, rule.octave, rule.notes)
        return [(self._up(key),) for key in written]

    def _chord(self, base: int, n: int) -> tuple[int, ...]:
        rule, harmony = self.rule, self._harmony
        chord = harmony.degree_chord(n, rule.chord)
        lowest = music.degree(base + harmony.tonic, harmony.scale, n)
        return tuple(map(self._placed, chords.keys_of(chord, min(lowest, music.HIGHEST), rule.inversion, rule.spread)))

    def _up(self, key: int) -> int:
        return music.into_range(key + self.rule.transpose)

    def _placed(self, key: int) -> int:
        return self._up(key + self._harmony.shift)

    # ------------------------------------------------------------ acts

    def _act(self, act: Act, events: list[Event]) -> None:
        if act.does is Does.START:
            self._begin_note(act, events)
        elif act.does is Does.STOP:
            early = self._early.get(act.token)
            if early is None:
                self._end(act.token, act.time, events)
            elif not self._later.add(early[0] + SHORTEST_S, ("stop", act.token)):  # over before the grid let it begin:
                del self._early[act.token]  # it is moved, and dropped only where nothing could end it
        elif act.does is Does.PAUSE and act.token in self._early:
            _, keys, velocity = self._early.pop(act.token)
            self._paused[act.token] = (keys, velocity)
        elif act.does is Does.PAUSE and act.token in self._sounding:
            held = self._sounding[act.token], self._velocities[act.token]
            self._end(act.token, act.time, events)
            self._paused[act.token] = held
        elif act.does is Does.RESUME and act.token in self._paused:
            self._start(act.token, *self._paused.pop(act.token), act.time, events)

    def _begin_note(self, act: Act, events: list[Event]) -> None:
        rule, notes = self.rule, self.notes()
        if rule.play == "zones" and act.zone >= 0:
            at = min(act.zone, len(notes) - 1)
        else:
            at = self._list.next(act.time)
        if self._wander:
            at, self._wander = (at + self._wander) % len(notes), 0
        velocity = self.velocity(act.strength)
        begins = quantise(act.time, self._tempo, rule.grid, rule.quantise / 100) if rule.quantise else act.time
        if begins > act.time and self._later.add(begins, ("start", act.token)):
            self._early[act.token] = (begins, notes[at], velocity)
        else:
            self._start(act.token, notes[at], velocity, act.time, events)

    def _start(self, token: int, keys: tuple[int, ...], velocity: int, time: float, events: list[Event]) -> None:
        keys = tuple(dict.fromkeys(keys))[: self.rule.voices]
        while self._sounding and len(self.sounding) + len(keys) > self.rule.voices:
            self._end(next(iter(self._sounding)), time, events)
        for key in keys:
            if self._members is not None:
                place = (self.sensor, token, key)
                events += self._members.start(place, key, velocity, time, source=self.sensor, **self._shaped())
                continue
            if key in self.sounding:
                events.append(note_off(self.channel, key, self.sensor, time, self.outputs))
            events.append(note_on(self.channel, key, velocity, self.sensor, time, self.outputs))
        self._sounding[token] = keys
        self._velocities[token] = velocity

    def _end(self, token: int, time: float, events: list[Event]) -> None:
        keys = self._sounding.pop(token, ())
        self._velocities.pop(token, None)
        self._paused.pop(token, None)
        for key in keys:
            if self._members is not None:
                events += self._members.end((self.sensor, token, key), time)
            else:
                self._off(key, time, events)
        if keys:
            self._list.ended(time)

    def _off(self, key: int, time: float, events: list[Event]) -> None:
        # Two starts may share a key: it ends with the last of them.
        if not any(key in keys for keys in self._sounding.values()):
            events.append(note_off(self.channel, key, self.sensor, time, self.outputs))
