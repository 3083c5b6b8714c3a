"""Whatever clients do, in whatever order, with whatever scene: everything that begins ends, and nothing goes round the guard.

Two families. `Player` hands gestures, levels and time to an ensemble of up to four voices; `Room` hands wire lines, orders
and plugs to a session. Behind both stand the ledger with its guard and a receiver that counts.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reachnote_wire as wire
from reachnote import gestures as gesture_kinds
from reachnote import limits, music, programme
from reachnote.chords import parse_chord, parse_line
from reachnote.ensemble import Ensemble, known
from reachnote.harmony import MOST_SHIFT
from reachnote.ledger import Ledger
from reachnote.limits import Limits, pack_limits
from reachnote.model import Event, Gesture, Kind, Move, order
from reachnote.pedals import ACTIONS
from reachnote.scene import Scene, read_scene
from reachnote.session import Session
from reachnote.voice_rule import SOURCES, SPREADS, VoiceRule, read_voice
from support.boards import hello_text
from support.guarding import Watch
from support.invented import Receiver

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
BY_THEMSELVES = ("momentary", "one-shot", "repeat-while-held", "dwell")
"""Modes in which everything ends once everybody has let go."""
BUSY = 3000  # wake-ups of one pause: who wants more never rests


# ---------------------------------------------------------------- what hears it


class Far:
    """The ledger with its guard, a receiver that counts, and who watches the limits."""

    def __init__(self, preset: Limits) -> None:
        self.ledger, self.receiver, self.watch = Ledger(), Receiver(), Watch(preset)
        self.ledger.take(order(Kind.LIMITS, 0.0), pack_limits(preset, preset=True))
        self.clock = 0.0

    def take(self, events: list[Event], now: float) -> None:
        for event in events:
            assert event.time <= now + 1e-9, "nothing is played before its time"
            self.clock = max(self.clock, event.time)
            for sent in self.ledger.take(event):
                assert sent.kind <= Kind.BEND and 1 <= sent.channel <= 16 and 0 <= sent.a <= 127 and 0 <= sent.b <= 127
                self.receiver.take(sent._replace(outputs=1))
                self.watch.take(sent._replace(time=self.clock))

    def is_silent(self) -> None:
        assert self.receiver.unpaired() == {}
        assert self.ledger.sounding() == []


# ---------------------------------------------------------------- scenes


def some(**keys: st.SearchStrategy) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries({}, optional=keys)


triggers = st.one_of(
    st.sampled_from(["momentary", "latch", "start/stop", "start/pause"]),
    st.builds(lambda more: {"mode": "momentary", **more}, some(accept_s=st.sampled_from([0.05, 0.4]))),
    st.builds(
        lambda more: {"mode": "one-shot", **more},
        some(length_s=st.sampled_from([0.05, 1.0]), again=st.sampled_from(["ignore", "restart"])),
    ),
    st.builds(
        lambda more: {"mode": "repeat-while-held", **more},
        some(
            every_s=st.sampled_from([0.05, 0.3]),
            every_beats=st.sampled_from([0.0, 0.25, 1.0]),
            share=st.sampled_from([0.05, 0.5, 1.0]),
        ),
    ),
    st.builds(lambda keep: {"mode": "sustain-n", "keep": keep}, st.integers(1, 4)),
    st.just({"mode": "start/pause", "while_held": True}),
    st.builds(lambda s: {"mode": "dwell", "dwell_s": s}, st.sampled_from([0.0, 0.3])),
)
loudness = st.one_of(
    st.integers(1, 127),
    st.builds(
        lambda source, floor: {"from": source, "floor": floor, "ceiling": 127},
        st.sampled_from(["fixed", "speed", "peak"]),
        st.integers(1, 127),
    ),
)
some_controls = st.lists(
    st.sampled_from(
        [
            {"send": "bend", "semitones": 12},
            {"send": "cc 7"},
            {"send": "cc 11", "from": 100, "to": 10},
            {"send": "cc14 1"},
            {"send": "pressure"},
        ]
    ),
    max_size=3,
)
voices = some(
    play=st.sampled_from(["step", "zones"]),
    notes=st.sampled_from([1, 2, 5, 64]),
    order=st.sampled_from(["forward", "back", "there-and-back", "random"]),
    restart_s=st.sampled_from([0.0, 0.5]),
    source=st.sampled_from(SOURCES),
    octave=st.integers(0, 8),
    chord=st.sampled_from(["note", "triad", "ninth"]),
    inversion=st.integers(0, 4),
    spread=st.sampled_from(SPREADS),
    gesture=st.sampled_from(sorted(gesture_kinds.kinds())),
    trigger=triggers,
    quantise=st.sampled_from([0, 40, 100]),
    grid=st.sampled_from([0.125, 1.0, 4.0]),
    voices=st.sampled_from([1, 2, 8]),
    velocity=loudness,
    transpose=st.sampled_from([0, 0, -36, 36]),
    controls=some_controls,
    channel=st.sampled_from([0, 0, 3, 10]),
    program=st.sampled_from([0, 12]),
    bank=st.sampled_from([0, 129]),
)


def voice_of(written: dict) -> VoiceRule:
    """A rule of these keys; what does not belong beside its source is left out."""
    written = dict(written)
    if written.get("source") == "keys":
        written["keys"] = "C-1 E4 F#4 G9"
    if written.get("source", "scale") not in ("scale", "chord"):
        written.pop("chord", None)
    return read_voice(written)


rules = st.builds(voice_of, voices)
scenes = st.builds(
    lambda tonic, scale, line, tempo, transpose, activity, rules: Scene(
        "S",
        tonic,
        music.SCALES[scale],
        tuple(rules),
        chords=parse_line(line) if line else (),
        tempo=tempo,
        transpose=transpose,
        activity=activity,
        options={"surprise": 0.5} if activity == "free-play" and tonic % 2 else {},
    ),
    st.integers(0, 11),
    st.sampled_from(["major pentatonic", "chromatic", "hirajoshi", "minor"]),
    st.sampled_from(["", "C Am F G", "Bb7 C/E"]),
    st.sampled_from([20.0, 90.0, 300.0]),
    st.sampled_from([0, 0, -36, 7]),
    st.sampled_from(["free-play", "free-play", *sorted(known())]),
    st.lists(rules, min_size=1, max_size=3),
)
presets = st.sampled_from([limits.STAGE, limits.STANDARD, limits.CHILD, limits.VERY_QUIET])


# ---------------------------------------------------------------- an ensemble


SONG = programme.load_song("hello", Path(), "here")


class Player:
    """An ensemble with a voice for each sensor. `late`: nobody wakes it between two steps."""

    def __init__(self, scene: Scene, preset: Limits, seed: int, late: bool) -> None:
        self.ensemble = Ensemble([(scene, SONG)], ["one"], seed)
        self.far, self.late, self.now = Far(preset), late, 0.0
        self.said: list[Event] = []
        for number, rule in enumerate(scene.voices):
            # Each voice is the one that names its sensor, as rule_for would find it.
            self.ensemble.scene = Scene("S", scene.tonic, scene.scale, (rule,), transpose=scene.transpose)
            self.take(self.ensemble.voice("B", f"s{number}", "pressure", number, 0).begin(0.0))
        self.ensemble.scene = scene

    def take(self, events: list[Event]) -> None:
        self.said += events
        self.far.take(events, self.now)

    def wait(self, seconds: float, late: bool | None = None) -> None:
        """Time passes; it is woken whenever it asked to be."""
        until = self.now + seconds
        if not (self.late if late is None else late):
            for _ in range(BUSY):
                if self.ensemble.due > until:
                    break
                self.now = max(self.now, self.ensemble.due)
                self.take(self.ensemble.tick(self.now))
            else:
                raise AssertionError("it is woken for ever")
        self.now = until
        if late is None or not late:
            self.take(self.ensemble.tick(until))

    def step(self, step: tuple) -> None:
        what, number, value, pause = step
        self.wait(pause)
        ensemble, now = self.ensemble, self.now
        voice = ensemble.voices[number % len(ensemble.voices)]
        if isinstance(what, Move):
            strength = 0.0 if what is Move.RELEASE else value
            zone = -1 if what is Move.RELEASE or not voice.zones else int(value * (voice.zones - 1))
            self.take(ensemble.gesture(Gesture(voice.sensor, now, what, strength, zone), voice))
        elif what == "level":
            self.take(voice.level(value, now))
        elif what == "transpose":
            ensemble.harmony.transpose(int((value - 0.5) * 2 * MOST_SHIFT))
        elif what == "chord":
            ensemble.harmony.follow(parse_chord(["C", "F#m7b5", "G13", "Bb/D"][int(value * 3)]))
        elif what == "tempo":
            ensemble.tempo.change(20 + 280 * value, now)
        elif what == "stop":
            self.take(voice.stop(now) + ensemble.let_go(voice, now))
        elif what == "unplug":
            voice.forget()
            self.take([*ensemble.let_go(voice, now), order(Kind.RELEASE, now, voice.sensor)])
        elif what == "silence":
            for one in ensemble.voices:
                one.forget()
            ensemble.forget(now)
            self.take([order(Kind.RELEASE_ALL, now)])
        else:
            self.take(ensemble.asked(what, now))

    def let_go(self) -> None:
        """Everybody lets go, and waits: only what stays by its mode may still sound."""
        for voice in self.ensemble.voices:
            self.take(self.ensemble.gesture(Gesture(voice.sensor, self.now, Move.RELEASE, 0.0, -1), voice))
        self.wait(130.0, late=False)
        for voice in self.ensemble.voices:
            if voice.rule.trigger in BY_THEMSELVES:
                assert voice.sounding == (), voice.rule
        if self.ensemble.scene.activity == "free-play":
            assert self.ensemble.due == float("inf")

    def end(self) -> None:
        """The scene ends; no order of the session helps the voices."""
        self.take(self.ensemble.end(self.now))
        for voice in self.ensemble.voices:
            self.take(voice.stop(self.now))


places = st.floats(0.0, 1.0)
asked = st.sampled_from(["next-chord", "next-chord", "phrase-end", "prompt", "again"])
whats = st.one_of(
    st.sampled_from([Move.ONSET, Move.ONSET, Move.ONSET, Move.RELEASE, Move.RELEASE, Move.ZONE, Move.ZONE]),
    st.sampled_from(["level", "level", "transpose", "chord", "tempo", "stop", "unplug", "silence"]),
    asked,
)
steps = st.tuples(whats, st.integers(0, 3), places, st.sampled_from([0.0, 0.0, 0.001, 0.02, 0.1, 0.3, 0.9, 3.0, 20.0]))
stories = st.tuples(scenes, presets, st.integers(0, 3), st.booleans(), st.lists(steps, min_size=30, max_size=50))


def begun_and_ended(events: list[Event]) -> dict[tuple[int, int, int], int]:
    """What the voices themselves said, per source, channel and key: starts less ends, as a synth of their own would count."""
    found: dict[tuple[int, int, int], int] = {}
    for event in events:
        place = (event.source, event.channel, event.a)
        if event.kind == Kind.NOTE_ON:
            found[place] = found.get(place, 0) + 1
        elif event.kind == Kind.NOTE_OFF:
            assert found.get(place, 0) > 0, "what ends had begun, on that key"
            found[place] -= 1
        elif event.kind in (Kind.RELEASE, Kind.RELEASE_ALL):
            found = {place: count for place, count in found.items() if place[0] != event.source and event.kind == Kind.RELEASE}
    return {place: count for place, count in found.items() if count}


def played(story: tuple) -> Player:
    scene, preset, seed, late, steps = story
    player = Player(scene, preset, seed, late)
    for step in steps:
        player.step(step)
    player.let_go()
    player.end()
    return player


def ensemble_holds(story: tuple) -> None:
    player = played(story)
    player.far.is_silent()
    if player.ensemble.scene.activity == "free-play":  # others may end again what an order has ended
        assert begun_and_ended(player.said) == {}
    assert player.far.watch.broken == []
    assert played(story).said == player.said


@QUICK
@given(stories)
def test_what_an_ensemble_begins_it_ends(story):
    ensemble_holds(story)


@pytest.mark.long
@pytest.mark.timeout(3600)
@LONG
@given(stories)
def test_what_an_ensemble_begins_it_ends_in_ten_thousand_stories(story):
    ensemble_holds(story)


# ---------------------------------------------------------------- a session


SENSORS = [
    {"kind": "switch"},
    {"kind": "pressure", "min": 0, "max": 1000, "rest": 0, "reach": 1000, "rate_hz": 50},
    {"kind": "distance", "min": 0, "max": 4000, "rest": 500, "reach": 50, "rate_hz": 50},
]
REST, REACH = (0, 0, 500), (0, 1000, 50)
LINE_S = 0.02
TEXTS = (
    "[[voice]]\nfor = 'all'",
    "chords = 'C Am F G'\n[[voice]]\nfor = 'switch'\nsource = 'chord'\nchord = 3\ntrigger = 'latch'\n"
    "[[voice]]\nfor = ['pressure', 'distance']\nsource = 'chord'\nplay = 'zones'\nnotes = 9\ncontrols = [{send = 'cc 11', from = 40}]",
    "tempo = 140\n[[voice]]\nfor = 'all'\nquantise = 100\ngrid = 1.0\ntrigger = {mode = 'repeat-while-held', every_beats = 0.25}",
    "[[voice]]\nfor = 'switch'\nsteers = 'next-scene'\n[[voice]]\nfor = 'distance'\nsteers = 'transpose'\n"
    "[[voice]]\nfor = 'pressure'\ntrigger = {mode = 'sustain-n', keep = 4}\nsource = 'clusters'\nchannel = 5",
    "[[voice]]\nfor = 'switch'\nsteers = 'stop'\n[[voice]]\nfor = ['pressure', 'distance']\nsource = 'noise'\n"
    "trigger = 'start/pause'\ncontrols = [{send = 'bend', home = 0}, {send = 'pressure'}]",
    "[[voice]]\nfor = 'switch'\nsteers = 'softer'\n[[voice]]\nfor = 'distance'\nsource = 'drums'\ntrigger = {mode = 'one-shot', length_s = 3}\n"
    "[[voice]]\nfor = 'pressure'\nkeys = 'C4 E4'\nsource = 'keys'\ngesture = {name = 'long-press', hold_s = 0.1}\nvelocity = {from = 'peak'}",
    "[activity]\nname = 'choices'\nhold_s = 0.3\npause_s = 0.5\n[[voice]]\nfor = 'all'",
    "[activity]\nname = 'call-and-response'\necho = true\ncue = true\nrest_s = 0.3\n[[voice]]\nfor = 'all'\nnotes = 3",
)
READ = [read_scene(f"name = 'scene {n}'\n{text}", "test.toml") for n, text in enumerate(TEXTS)]


class Room:
    """One board of three sensors at a session with a plan of scenes."""

    def __init__(self, plan: list[int], preset: Limits, seed: int) -> None:
        self.session = Session(READ[plan[0]], ["one"], plan=[(READ[n], None) for n in plan], seed=seed)
        self.far, self.now, self.said = Far(preset), 0.0, []
        self.packer = wire.Packer(3)
        self.packer.status[:] = bytes([wire.OK] * 3)
        self.places = [0.0, 0.0, 0.0]
        self.edges = 0
        self.edge_at = -10.0
        self.plugged = False
        self.plug()
        self.wait(0.3)

    def plug(self) -> None:
        self.session.opened(0, "port", self.now)
        self.session.bytes_in(0, wire.frame(wire.HELLO, hello_text("b", SENSORS)), self.now)
        self.plugged = True
        self.drain()

    def unplug(self) -> None:
        self.session.closed(0, self.now)
        self.plugged = False
        self.drain()
        if self.session.music.scene.activity == "free-play":  # an echo goes on
            self.far.is_silent()

    def drain(self) -> None:
        session = self.session
        self.said += session.out
        self.far.take(session.out, self.now)
        for waiting in (session.out, session.news, session.gestures, session.writes, session.declared):
            waiting.clear()

    def wait(self, seconds: float) -> None:
        """Lines and ticks come, and what is due is woken for."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now = min(self.now + LINE_S, until)
            for _ in range(BUSY):
                if self.session.due > self.now:
                    break
                self.session.on_time(self.now)
                self.drain()
            else:
                raise AssertionError("it is woken for ever")
            if self.plugged:
                self.line()
            self.session.tick(self.now)
            self.drain()

    def line(self) -> None:
        packer = self.packer
        age_us = max(int((self.now - self.edge_at) * 1e6), 0)
        packer.value[0] = wire.switch_value(self.places[0] > 0.5, self.edges, age_us)
        for n in (1, 2):
            packer.value[n] = round(REST[n] + self.places[n] * (REACH[n] - REST[n]))
        packer.pack(int(self.now * 1e6) & wire.TIME_MASK)
        self.session.bytes_in(0, bytes(packer.buffer), self.now)
        self.drain()

    def step(self, step: tuple) -> None:
        what, value, pause = step
        session, now = self.session, self.now
        if isinstance(what, int):
            if what == 0 and (value > 0.5) != (self.places[0] > 0.5):
                self.edges += 1
                self.edge_at = now
            self.places[what] = value
        elif what == "scene":
            n = int(value * (len(TEXTS) - 1))
            session.order({"order": "scene", "name": "put", "text": TEXTS[n]}, now)
            self.drain()
            self.far.is_silent()
        elif what == "plug":
            if self.plugged:
                self.unplug()
            else:
                self.plug()
        elif what == "sleep":
            self.now += 0.7
            session.tick(self.now)
        elif what in ("transpose", "chord", "tempo"):
            said = {"by": int(value * 24) - 12, "chord": "Dm7", "bpm": 20 + int(value * 280)}
            session.order({"order": what, **said}, now)
        else:
            session.order({"order": "pedal", "action": what}, now)
            self.drain()
            if what in ("silence", "stop"):
                self.far.is_silent()
        self.drain()
        self.wait(pause)

    def end(self) -> None:
        self.session.end(self.now)
        self.drain()


moves = st.sampled_from([0, 0, 0, 1, 1, 2, 2])
orders = st.sampled_from(["scene", "scene", "plug", "sleep", "transpose", "chord", "tempo", *ACTIONS])
room_steps = st.tuples(
    st.one_of(moves, moves, moves, orders),
    st.sampled_from([0.0, 1.0, 0.0, 1.0, 0.3, 0.7]),
    st.sampled_from([0.0, 0.02, 0.06, 0.2, 0.5]),
)
evenings = st.tuples(
    st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=3),
    presets,
    st.integers(0, 3),
    st.lists(room_steps, min_size=25, max_size=40),
)


def an_evening(evening: tuple) -> Room:
    plan, preset, seed, steps = evening
    room = Room(plan, preset, seed)
    for step in steps:
        room.step(step)
    room.end()
    return room


def session_holds(evening: tuple) -> None:
    room = an_evening(evening)
    room.far.is_silent()
    assert room.far.watch.broken == []
    assert an_evening(evening).said == room.said


@QUICK
@given(evenings)
def test_a_session_ends_silent_whatever_happens_in_it(evening):
    session_holds(evening)


@pytest.mark.long
@pytest.mark.timeout(3600)
@LONG
@given(evenings)
def test_a_session_ends_silent_in_ten_thousand_evenings(evening):
    session_holds(evening)
