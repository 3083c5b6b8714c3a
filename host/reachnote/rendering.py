"""A whole session in invented time: simulated clients move invented boards, and the real session plays. Pure.

    clients = lambda seed, **own: client_of("weak", seed, **own)     firmware/desktop/clients.py, loaded by whoever calls
    take = rendered(programme.load("five-notes"), clients, seconds=20.0, seed=1)
    take.events     the MIDI messages that left the ledger, in order
    take.names      {source: "board/sensor"}

A board has a sensor for each voice of the scene, every continuous one fitted to its client as a calibration would. The
boards say hello and send lines of the wire, so the decider plays. A therapist steps the chords of a scene, and goes
through a plan in equal shares. The same plan, clients and seed give the same events on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import reachnote_wire as wire
from reachnote.calibration.excerpt import Excerpt, Shown
from reachnote.calibration.fit import fit_excerpt
from reachnote.ledger import Ledger
from reachnote.limits import STANDARD, Limits, pack_limits
from reachnote.lists import Chance
from reachnote.model import Event, Kind, order
from reachnote.scene import Scene
from reachnote.session import Session
from reachnote.song import Song
from reachnote.voice_rule import VoiceRule

LINE_MS = 10  # and a tick after each
MOST_DUE = 10_000  # between two lines: who asks for more has no end
TAIL_S = 1.0  # of quiet after the last release
CHORD_BEATS = 8
BOARD = "Board"
PLAIN = ("switch", "pressure", "distance")
"""What a board of somebody who was not asked has."""
_REST_S, _SHOWN = 8.0, 4  # of the calibration: seconds of rest, then gestures


class Client(Protocol):
    """A simulated client, as firmware/desktop/clients.py makes them: its place at a time, 0 rest, 1 a full movement."""

    usual: float

    def __call__(self, time: float) -> float: ...

    def gestures(self, since: float, until: float) -> list[tuple[float, float]]: ...


Clients = Callable[..., Client]
"""`clients(seed)` and `clients(seed, first_s=8.0)`, who rests first."""


class Model(NamedTuple):
    """A kind of sensor: what rest and a full movement read, the ends of what it reads, its scatter (sigma), its rate."""

    unit: str
    rest: int
    full: int
    low: int
    high: int
    scatter: float
    rate_hz: int


MODELS = {  # as the shipped drivers and the calibration page have them
    "pressure": Model("Pa", 101325, 105325, 0, 172369, 3.0, 100),
    "distance": Model("mm", 500, 200, 0, 1360, 2.3, 50),
    "voltage": Model("V", 7944, 37731, 0, 65535, 60.0, 100),
    "force": Model("uS", 0, 9000, 0, 65535, 20.0, 100),
}


class Part(NamedTuple):
    """A sensor of an invented board."""

    board: str
    name: str
    kind: str


@dataclass
class Take:
    """What was played; `events` leave at the guard's time, which never goes back. `refused` notes the guard did not let through; `readings` and `gestures` are counts."""

    events: list[Event] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    news: list[dict] = field(default_factory=list)
    readings: int = 0
    gestures: int = 0
    refused: int = 0

    @property
    def notes(self) -> int:
        return sum(event.kind == Kind.NOTE_ON for event in self.events)


def parts_of(scene: Scene) -> tuple[Part, ...]:
    """A sensor for each voice: the one that it names, else one of a kind that it is for. A scene without any has PLAIN."""
    found: dict[tuple[str, str], Part] = {}
    for rule in scene.voices:
        if rule.sensor:
            board, slash, name = rule.sensor.rpartition("/")
            found.setdefault((board or BOARD, name), Part(board if slash else BOARD, name, _kind(rule)))
    plain = [rule for rule in scene.voices if not rule.sensor]
    taken = {kind for rule in plain for kind in (PLAIN if "all" in rule.kinds else rule.kinds[:1])}
    for kind in (kind for kind in wire.KINDS if kind in (taken or (() if found else PLAIN))):
        found.setdefault((BOARD, kind), Part(BOARD, kind, kind))
    return tuple(found.values())


def boards_of(scenes: Sequence[Scene]) -> dict[str, tuple[Part, ...]]:
    """The boards of all scenes of a plan by name, each sensor once, in the order in which they are plugged in."""
    parts = {(part.board, part.name): part for scene in reversed(scenes) for part in parts_of(scene)}
    ordered = [parts[part.board, part.name] for scene in scenes for part in parts_of(scene)]
    names = dict.fromkeys(part.board for part in ordered)
    return {name: tuple(dict.fromkeys(part for part in ordered if part.board == name))[: wire.MAX_SENSORS] for name in names}


def _kind(rule: VoiceRule) -> str:
    """What a voice that names its sensor is played with."""
    if "all" not in rule.kinds:
        return rule.kinds[0]
    return "distance" if rule.zones or rule.controls else "switch"


# ---------------------------------------------------------------- sensors


class _Switch:
    """Pressed beyond half of what is full for its client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._half = client.usual / 2
        self._pressed = False
        self._edges = 0
        self._since = -10_000

    def describe(self) -> dict:
        return {"rate_hz": 1000}

    def raw(self, ms: int) -> int:
        pressed = self._client(ms / 1000) > self._half
        if pressed is not self._pressed:
            self._pressed, self._since = pressed, ms
            self._edges += 1
        return wire.switch_value(pressed, self._edges, (ms - self._since) * 1000)


class _Pad:
    """A hit at every press, the harder the quicker the place rises."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._half = client.usual / 2
        self._down = True  # the first look is no hit
        self._hits = self._peak = 0
        self._since = -10_000

    def describe(self) -> dict:
        return {"min": 0, "max": 4095, "rest": 0, "reach": 2400, "rate_hz": 1000}

    def raw(self, ms: int) -> int:
        place = self._client(ms / 1000)
        if place > self._half and not self._down:
            speed = (place - self._client(ms / 1000 - 0.02)) / (0.2 * max(self._half * 2, 0.01))
            self._hits += 1
            self._peak = 300 + round(2100 * min(max(speed, 0.0), 1.0))
            self._since = ms
        self._down = place > self._half
        return wire.impact_value(self._hits, self._peak, (ms - self._since) * 1000)


class _Place:
    """A continuous sensor: a place of its client as it reads, at its own rate."""

    def __init__(self, client: Client, model: Model, chance: Chance) -> None:
        self._client = client
        self._model = model
        self._chance = chance
        self._every_ms = 1000 // model.rate_hz
        self._value = model.rest

    def describe(self) -> dict:
        model = self._model
        ends = {"unit": model.unit, "min": model.low, "max": model.high}
        return {**ends, "rest": model.rest, "reach": model.full, "rate_hz": model.rate_hz}

    def raw(self, ms: int) -> int:
        if ms % self._every_ms == 0:
            self._value = _read(self._client(ms / 1000), self._model, self._chance)
        return self._value


def _read(place: float, model: Model, chance: Chance) -> int:
    value = model.rest + place * (model.full - model.rest) + model.scatter * _scatter(chance)
    return min(max(round(value), model.low), model.high)


def _scatter(chance: Chance) -> float:
    """About a normal number: three even ones of one draw, their sum of sigma 1."""
    bits = chance.bits()
    return ((bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF)) / 32768.0 - 3.0


def fitted(clients: Clients, kind: str, seed: int) -> dict:
    """What a calibration of this client at this sensor finds, as an order "tune" without its place."""
    model, chance = MODELS[kind], Chance(seed)
    client = clients(seed, first_s=_REST_S + 0.5)
    until = 30.0
    while len(shown := client.gestures(0.0, until)[:_SHOWN]) < _SHOWN and until < 300.0:
        until *= 2
    end = shown[-1][1] + 0.3
    times = [n / model.rate_hz for n in range(int(end * model.rate_hz))]
    raw = [_read(client(time), model, chance) for time in times]
    rest = max(shown[0][0] - 0.2, 0.1)
    excerpt = Excerpt(times, raw, None, [(max(rest - _REST_S, 0.0), rest)], [Shown(*one) for one in shown])
    fit = fit_excerpt(excerpt, kind, 1 if model.full > model.rest else -1)
    return {"order": "tune", "rest": fit.rest, "span": fit.span, "rate_hz": fit.rate_hz, "parameters": dict(fit.parameters)}


# ---------------------------------------------------------------- boards


class _Board:
    """Sensors behind one link."""

    def __init__(self, link: int, name: str, parts: Sequence[Part], clients: Clients, seed: int) -> None:
        self.link = link
        self.name = name
        self.parts = parts
        self._packer = wire.Packer(len(parts))
        self._sensors = [self._made(part, clients, seed + n) for n, part in enumerate(parts)]
        self.tunes = [
            {**fitted(clients, part.kind, seed + n), "board": name, "sensor": part.name}
            for n, part in enumerate(parts)
            if part.kind in MODELS
        ]

    @staticmethod
    def _made(part: Part, clients: Clients, seed: int) -> _Switch | _Pad | _Place:
        client = clients(seed)
        if part.kind in MODELS:
            return _Place(client, MODELS[part.kind], Chance(seed))
        return _Pad(client) if part.kind == "impact" else _Switch(client)

    def hello(self) -> bytes:
        described = [
            {"name": part.name, "kind": part.kind, **sensor.describe()}
            for part, sensor in zip(self.parts, self._sensors, strict=True)
        ]
        said = {"wire": 1, "uid": f"b{self.link}", "boot": "1", "name": self.name, "rate_hz": 1000 // LINE_MS}
        return wire.frame(wire.HELLO, wire.ascii_json({**said, "sensors": described}))

    def line(self, ms: int) -> bytes:
        packer = self._packer
        for n, sensor in enumerate(self._sensors):
            packer.status[n] = wire.OK
            packer.value[n] = sensor.raw(ms)
        packer.pack(ms * 1000 & wire.TIME_MASK)
        return bytes(packer.buffer)


# ---------------------------------------------------------------- the session


def rendered(
    plan: Sequence[tuple[Scene, Song | None]],
    clients: Clients,
    seconds: float,
    seed: int = 1,
    limits: Limits = STANDARD,
) -> Take:
    """`seconds` of play, then the end of everything and TAIL_S of quiet. SceneProblem of a scene that cannot be played."""
    named = sorted({name for scene, _ in plan for rule in scene.voices for name in rule.outputs})
    session = Session(plan[0][0], named or ["file"], plan=plan, seed=seed)
    boards = [
        _Board(n, name, parts, clients, 1000 * seed + wire.MAX_SENSORS * n)
        for n, (name, parts) in enumerate(boards_of([scene for scene, _ in plan]).items())
    ]
    table = _Table(session, boards, limits)
    end_ms = round(seconds * 1000)
    for ms in range(0, end_ms, LINE_MS):
        if ms and len(plan) > 1 and ms * len(plan) // end_ms != (ms - LINE_MS) * len(plan) // end_ms:
            session.asked("next-scene", ms / 1000)
        table.step(ms)
    return table.end(end_ms)


class _Table:
    """The boards, the session that hears them, a therapist beside it, and the ledger."""

    def __init__(self, session: Session, boards: Sequence[_Board], limits: Limits) -> None:
        self._session = session
        self._boards = boards
        self._ledger = Ledger()
        self._take = Take()
        self._tempo = session.music.tempo
        self._beat = self._waited = self._time = 0.0
        self._ledger.take(order(Kind.LIMITS, 0.0), pack_limits(limits, preset=True))
        for board in boards:
            for tune in board.tunes:
                session.order(tune, 0.0)
            session.opened(board.link, board.name, 0.0)
            session.bytes_in(board.link, board.hello(), 0.0)

    def step(self, ms: int) -> None:
        session, now = self._session, ms / 1000
        self._wait(now)
        self._step_chords(now)
        for board in self._boards:
            session.bytes_in(board.link, board.line(ms), now)
        session.tick(now)
        self._drain()

    def _wait(self, now: float) -> None:
        """What is due before `now` happens when it is due, as the engine wakes for it."""
        session = self._session
        time = self._waited
        for _ in range(MOST_DUE):
            if session.due > now:
                break
            time = max(session.due, time)
            session.on_time(time)
            self._drain()
        self._waited = now

    def _step_chords(self, now: float) -> None:
        music = self._session.music
        if music.tempo is not self._tempo:
            self._tempo, self._beat = music.tempo, music.tempo.beat_at(now)
        if music.harmony.line and music.tempo.beat_at(now) - self._beat >= CHORD_BEATS:
            self._beat += CHORD_BEATS
            self._session.asked("next-chord", now)

    def _drain(self) -> None:
        session, take = self._session, self._take
        for source, text in session.declared:
            take.names[source] = text
        for text in session.limits:
            self._ledger.take(order(Kind.LIMITS, self._time), text)
        for event in session.out:
            self._time = max(event.time, self._time)
            take.events += [
                sent if sent.time == self._time else sent._replace(time=self._time) for sent in self._ledger.take(event)
            ]
        take.gestures += len(session.gestures)
        take.news += session.news
        for waiting in (session.out, session.declared, session.limits, session.writes, session.gestures, session.news):
            waiting.clear()

    def end(self, ms: int) -> Take:
        """Everything ends, as when a session does."""
        now = ms / 1000
        self._wait(now)
        self._session.end(now)
        self._drain()
        self._take.readings = self._session.readings
        self._take.refused = self._ledger.guard.refused
        return self._take
