"""The session: from bytes of any number of boards to events. Pure; told the time by whoever runs it.

Call `opened`, `bytes_in` / `bodies_in`, `closed` as links do, and `tick` every 10 ms or so, always with times that
do not go back. What follows is collected, in order, in

    out        list[Event]              for the outlet
    declared   list[(source, text)]     names, to be told the outlet before `out`
    writes     list[(link, letter, text)]   for the boards
    gestures   list[Gesture]            for whoever watches
    news       list[dict]               rare: boards, troubles; plain JSON values
    limits     list[str]                texts for the guard (reachnote.limits.pack_limits), to be told before `out`
"""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Iterable, Sequence

import reachnote_wire as wire
from reachnote import orders, sentences
from reachnote.beside_music import BESIDE, BesideMusic
from reachnote.board import Board, Hello
from reachnote.chain import Chain, OrderProblem
from reachnote.comparison import KINDS, Comparison
from reachnote.ensemble import STEER_CHANGES, Ensemble
from reachnote.limits import LimitsProblem
from reachnote.model import Event, Gesture, Kind, Move, Reading, order
from reachnote.music_orders import WANTED, MusicOrders
from reachnote.pedals import PROMPTS, Binding, PedalProblem, Pedals
from reachnote.scene import Scene, SceneProblem
from reachnote.song import Song
from reachnote.song_text import SongProblem
from reachnote.tempo import NEVER, ClockIn
from reachnote.therapist import message_of
from reachnote.transport import Sender
from reachnote_play import REACH

STALE_S = 0.1  # what happened longer ago than this never starts a note
SERIAL_QUIET_S = 0.07  # a serial board that sends nothing for this long has let go
NETWORK_QUIET_S = 0.45
STALL_S = 0.05  # a tick this late means that we slept, not the boards
FROZEN_S = 0.4  # a tick this late means that the outlet has let go of everything
ASK_S = 1.0
PATIENCE_S = 4.0
TROUBLE_S = 0.3
WAITS_S = 2.0  # held this long without sounding, and a person is told why
LEVEL_S = 1 / 60
MAX_SENSORS = 512
MAX_LINKS = 64
WITHOUT = KINDS[1]
MUSIC = (*WANTED, *BESIDE)
"""Orders that concern everybody, or the music; the others are for sensors."""
ALWAYS = ("softer", "stop")
"""What a client's own sensor asks for counts however late it comes."""
CLOCKS = ("none", "send", "follow")
"""MIDI clock: neither; ours goes to every MIDI output; that of the therapist's port is our beat."""
_PROGRAM, _POSITION, _REAL_TIME = 0xC0, 0xF2, 0xF8


class Seat:
    """What belongs to one board, by its identity: it returns to the same seat after a replug."""

    def __init__(self, number: int, hello: Hello, chains: list[Chain]) -> None:
        self.number = number
        self.hello = hello
        self.chains = chains
        self.link: int | None = None


class Conversation:
    """One open link and the board behind it."""

    def __init__(self, name: str, quiet_s: float, now: float) -> None:
        self.name = name
        self.quiet_s = quiet_s
        self.board = Board()
        self.splitter = wire.Splitter()
        self.seat: Seat | None = None
        self.since = now
        self.next_keep_alive = now
        self.next_ask = now
        self.quiet = True
        self.told = False
        self.plays = name.startswith("therapist")  # a therapist's keyboard: there is no board behind it


class Session:
    """All boards, one scene, the events that follow."""

    def __init__(
        self,
        scene: Scene,
        outputs: Sequence[str] = (),
        levels: array | memoryview | None = None,
        plan: Sequence[tuple[Scene, Song | None]] = (),
        seed: int = 0,
        pedals: Iterable[Binding] = (),
        clock: str = "none",
    ) -> None:
        self._beats = ClockIn() if clock == "follow" else None
        self._sender = Sender() if clock == "send" else None
        self.music = Ensemble(plan or [(scene, None)], outputs, seed, beats=self._beats)
        self.pedals = Pedals(pedals)
        self.prompt = PROMPTS[0]
        self.limits: list[str] = []
        self.wanted = MusicOrders(self)
        self.wanted.limit()
        self.levels = levels if levels is not None else array("d", bytes(8 * MAX_SENSORS))
        self.show_levels = False
        self.out: list[Event] = []
        self.declared: list[tuple[int, str]] = []
        self.writes: list[tuple[int, str, str]] = []
        self.gestures: list[Gesture] = []
        self.news: list[dict] = []
        self.readings = 0
        self.stale = 0  # starts that came too late to sound
        self._kept: dict[tuple[str, str], list[dict]] = {}  # orders for sensors of boards that may come
        self._pedal_places: dict[int, tuple[str, str]] = {}  # sensors that are pedals: board and sensor
        self.beside = BesideMusic(self)
        self._conversations: dict[int, Conversation] = {}
        self._seats: dict[str, Seat] = {}
        self.chains: list[Chain] = []
        self.comparison = Comparison()
        self._scene_since = NEVER
        self._strangers_told = False
        self._last_tick = 0.0
        self._next_levels = 0.0
        self._next_trouble = 0.0
        self._sent_levels: dict[int, int] = {}

    # ------------------------------------------------------------ links

    def opened(self, link: int, name: str, now: float, network: bool = False) -> None:
        """A link is open; `network` ones are allowed a longer silence."""
        if len(self._conversations) >= MAX_LINKS:
            return
        self._conversations[link] = Conversation(name, NETWORK_QUIET_S if network else SERIAL_QUIET_S, now)

    def bytes_in(self, link: int, chunk: bytes, arrival: float) -> None:
        """Bytes of a serial link, in any chunking; `arrival` is when they were read."""
        talk = self._conversations.get(link)
        if talk is not None:
            bodies = talk.splitter.feed(chunk)
            if bodies:
                self._bodies(link, talk, bodies, arrival)

    def bodies_in(self, link: int, bodies: list[bytes], arrival: float) -> None:
        """Bodies of a link that carries whole messages."""
        talk = self._conversations.get(link)
        if talk is not None:
            self._bodies(link, talk, bodies, arrival)

    def closed(self, link: int, now: float) -> None:
        """A link is gone: its board's notes end, and only its."""
        talk = self._conversations.pop(link, None)
        if talk is None or talk.seat is None or talk.seat.link != link:
            return
        talk.seat.link = None
        self._let_go(talk.seat, now)
        self._tell("gone", talk.seat, sentences.board_gone(talk.seat.hello.name))

    # ------------------------------------------------------------ time

    def tick(self, now: float) -> None:
        """Whatever time alone brings about. Call it after every link was read."""
        late, self._last_tick = now - self._last_tick, now
        if late > FROZEN_S:
            self.release_all(now)
        if self._sender is not None and self._sender.due == NEVER:
            self.out += self._sender.begin(self.music.tempo, now)
        if self.due <= now:
            self.on_time(now)
        for link, talk in self._conversations.items():
            if now >= talk.next_keep_alive:
                talk.next_keep_alive = now + wire.KEEP_ALIVE_MS / 1000
                self.writes.append((link, wire.KEEP_ALIVE, ""))
            if talk.plays:
                continue
            if talk.seat is None:
                self._waiting(link, talk, now)
            elif not talk.quiet and late < STALL_S and now - talk.board.last_line > talk.quiet_s:
                talk.quiet = True
                self._let_go(talk.seat, now)
                self._tell("quiet", talk.seat, sentences.board_quiet(talk.seat.hello.name))
        if now >= self._next_trouble:
            self._next_trouble = now + 0.2
            self._look_for_trouble(now)
        if self.show_levels and now >= self._next_levels:
            self._next_levels = now + LEVEL_S
            self._send_levels(now)

    def release_all(self, now: float) -> None:
        """End everything and start nothing before it rested: after a freeze, at a scene's end."""
        self.beside.forget()
        for chain in self.chains:
            if chain.number not in self._pedal_places:  # a foot that is down comes up later
                chain.let_go(now)
                chain.voice.forget()
        self.music.forget(now)
        if self._sender is not None:
            self.out += self._sender.halt(now)
        self.out.append(order(Kind.RELEASE_ALL, now))

    def end(self, now: float) -> None:
        """The session ends, or this scene: end everything, and leave synths as they were."""
        self.out += self.music.end(now)
        self.release_all(now)

    def silence(self, now: float, twice: bool = False) -> None:
        """A person asked for silence."""
        self.beside.silence(now)
        self.release_all(now)
        self.out.append(order(Kind.SILENCE, now, b=2 if twice else 1))

    # ------------------------------------------------------------ what people ask for while they play

    @property
    def due(self) -> float:
        """When `on_time` is wanted, between ticks; inf for never."""
        due = min(self.music.due, self.beside.due)
        if self._sender is not None:
            due = min(due, self._sender.due)
        if self._beats is not None:
            due = min(due, self._beats.due)
        return due

    def on_time(self, now: float) -> None:
        """What is due by now: the clock, notes of a song, repetitions, what waited for the beat."""
        if self._sender is not None:
            self.out += self._sender.tick(now)
        if self._beats is not None and self._beats.tick(now):
            self.news.append({"news": "clock", "state": "lost", "text": sentences.CLOCK_LOST})
        played = self.music.tick(now)
        if not self.beside.hushes:
            self.out += played
        self._music_news()
        if self.beside.due <= now:
            self.beside.on_time(now)

    def asked(self, action: str, now: float) -> None:
        """Something that a pedal, a key, the page or a sensor that steers asks for: a word of ACTIONS, or ''."""
        if action in STEER_CHANGES:
            self._another_scene(1 if action == "next-scene" else -1, now)
        elif action == "silence":
            self.silence(now)
        elif action == "stop":
            self.release_all(now)
            self.out.append(order(Kind.STOP, now))
        elif action == "mark":
            self.news.append({"news": "mark", "time": now, "text": "A moment is marked."})
        elif action == "softer":
            self.out.append(order(Kind.SOFTER, now))
        elif action == "lift":
            self.out.append(order(Kind.LIFT, now))
        elif action == "pause":
            self.beside.pause(not self.beside.paused, now)
        elif action.startswith("prompt"):
            self._prompted(action, now)
        elif action:
            self.out += self.music.asked(action, now)
        self._music_news()

    def _prompted(self, action: str, now: float) -> None:
        at = PROMPTS.index(self.prompt) + 1 if action == "prompt" else PROMPTS.index(action.removeprefix("prompt-"))
        self.prompt = PROMPTS[at % len(PROMPTS)]
        self.news.append({"news": "prompt", "time": now, "level": self.prompt, "text": sentences.PROMPTED[self.prompt]})
        if self.prompt != PROMPTS[0]:
            self.out += self.music.asked("prompt", now)

    def put_scene(self, scene: Scene, song: Song | None, now: float) -> None:
        """Play another scene from now on. SceneProblem when it cannot be played; then the present one goes on."""
        self.music.put(scene, song)
        self._change_scene(now)

    def _recalled(self, program: int, now: float) -> None:
        """A Program Change: the scene of that place in the plan."""
        count = len(self.music.plan)
        if program >= count:
            self.news.append({"news": "scene", "text": sentences.no_such_place(program + 1, count)})
        elif program != self.music.at:
            self._another_scene(program - self.music.at, now)

    def _another_scene(self, by: int, now: float) -> None:
        if self.music.go(by):
            self._change_scene(now)
        else:
            where = "last" if by > 0 else "first"
            self.news.append({"news": "scene", "text": f"This is the {where} scene of the plan; it goes on."})

    def _change_scene(self, now: float) -> None:
        self.end(now)
        self.music.change(now)
        self.wanted.limit()
        if self._sender is not None:
            self.out += self._sender.begin(self.music.tempo, now)
        self._strangers_told, self._scene_since = False, NEVER
        self.revoice(now)
        self.news.append({"news": "scene", "text": f"Now: {self.music.scene.name}.", "scene": self.music.scene.name})

    def revoice(self, now: float) -> None:
        """Every sensor gets the voice that scene and outputs give it now. Nothing sounds."""
        for seat in self._seats.values():
            for chain in seat.chains:
                voice = self.music.voice(seat.hello.name, chain.info.name, chain.info.kind, chain.number, seat.number)
                chain.revoice(voice)
                self.out += voice.begin(now)

    def _music_news(self) -> None:
        if self.music.news:
            self.news += self.music.news
            self.music.news.clear()

    # ------------------------------------------------------------ what people set

    def order(self, thing: dict, now: float) -> None:
        """Carry out an order (`reachnote.orders`); what came of it is news. One for a board that is not there is kept."""
        board, sensor = thing.get("board"), thing.get("sensor")
        if thing.get("order") == "block":
            self._block(thing, now)
            return
        if thing.get("order") in MUSIC:
            self._music_order(thing, now)
            return
        if thing.get("order") == "tune" and board and sensor:
            self._kept[str(board), str(sensor)] = [thing]
        elif thing.get("order") == "plain":
            self._kept.pop((str(board), str(sensor)), None)
        found = orders.find(self.boards_and_chains(), thing)
        said = {"news": "order", "id": thing.get("id"), "order": thing.get("order"), "ok": True}
        try:
            if orders.ends(thing):
                for _, chain in found:
                    self._end(chain, now)
            said["text"] = orders.carry_out(thing, found)
        except OrderProblem as problem:
            said |= {"ok": False, "text": str(problem)}
        if thing.get("id") is not None:
            self.news.append(said)

    def _music_order(self, thing: dict, now: float) -> None:
        said = {"news": "order", "id": thing.get("id"), "order": thing["order"], "ok": True}
        try:
            said["text"] = (self.beside if thing["order"] in BESIDE else self.wanted).order(thing, now)
        except (ValueError, SceneProblem, SongProblem, LimitsProblem, PedalProblem) as problem:
            said |= {"ok": False, "text": f"{str(problem).rstrip('.')}."}
        if thing.get("id") is not None:
            self.news.append(said)

    def _block(self, thing: dict, now: float) -> None:
        kind = thing.get("kind")
        said = {"news": "order", "id": thing.get("id"), "order": "block", "ok": True}
        if kind in KINDS:
            self.release_all(now)
            self.comparison.begin(kind)
            said["text"] = f"A block {kind} has begun. End it: reachnote compare end"
        elif kind == "end":
            self.release_all(now)
            self.comparison.end()
            said["text"] = self.comparison.told()
            self.comparison = Comparison()
        else:
            said |= {"ok": False, "text": f"A block is {' or '.join(KINDS)}, or it is to end."}
        self.news.append(said)

    def present_orders(self) -> list[dict]:
        """What brings a fresh session to where this one is."""
        kept = [thing for things in self._kept.values() for thing in things]
        there = [(name, chain.info.name) for name, chain in self.boards_and_chains()]
        waiting = [thing for thing in kept if (thing["board"], thing["sensor"]) not in there]
        return self.wanted.present() + waiting + [thing for name, chain in self.boards_and_chains() for thing in orders.present(name, chain)]

    def listen(self, board: str, sensor: str, on: bool) -> None:
        """Collect every reading of a sensor in its chain's `heard` (for whoever calibrates), or stop."""
        for _, chain in orders.find(self.boards_and_chains(), {"board": board, "sensor": sensor}):
            chain.listening = on
            chain.heard.clear()

    def boards_and_chains(self) -> list[tuple[str, Chain]]:
        """(board's name, chain) of every sensor that was ever there."""
        return [(seat.hello.name, chain) for seat in self._seats.values() for chain in seat.chains]

    def _end(self, chain: Chain, now: float) -> None:
        did = chain.let_go(now)
        if did is not None:
            self._did(chain, did, now)

    # ------------------------------------------------------------ readings

    def _bodies(self, link: int, talk: Conversation, bodies: list[bytes], arrival: float) -> None:
        board = talk.board
        for body in bodies:
            if body[0] == 0x6D:  # m
                self._heard(talk, body, arrival)
                continue
            readings = board.take(body, arrival)
            if readings is None:
                self._said(link, talk, arrival)
            elif talk.seat is not None:
                if talk.quiet:
                    self._woke(link, talk)
                self.readings += len(readings)
                self._readings(talk.seat.chains, readings, arrival)

    def _heard(self, talk: Conversation, body: bytes, arrival: float) -> None:
        message = message_of(body)
        if message is None:
            talk.board.counts.refused += 1
            return
        talk.plays = True
        if message[0] >= _REAL_TIME or message[0] == _POSITION:
            self._clocked(message, arrival)
            return
        if self.pedals.owns(message):
            self.asked(self.pedals.midi(message, arrival), arrival)
            return
        if self.beside.hushes:
            return
        if message[0] & 0xF0 == _PROGRAM and len(message) > 1 and len(self.music.plan) > 1:
            self._recalled(message[1], arrival)
            return
        self.out += self.music.heard(message, arrival)
        self._music_news()

    def _clocked(self, message: bytes, arrival: float) -> None:
        if self._beats is not None and self._beats.take(message, arrival) == "found":
            self.news.append({"news": "clock", "state": "found", "text": sentences.CLOCK_FOUND})

    def _pedalled(self, place: tuple[str, str], did: Gesture, arrival: float) -> None:
        board, sensor = place
        down = did.move is not Move.RELEASE
        action = self.pedals.switch(board, sensor, down, did.time) or self.pedals.key(sensor, down, did.time)
        self.asked(action, arrival)

    def _readings(self, chains: list[Chain], readings: list[Reading], arrival: float) -> None:
        published = self.levels
        for chain, reading in zip(chains, readings, strict=False):
            found = chain.take(reading)
            published[chain.number] = level = chain.level
            if chain.voice.follows and not self.beside.hushes:
                self.out += chain.voice.level(level, reading.time)
            for did in found:
                self._did(chain, did, arrival)

    def _did(self, chain: Chain, did: Gesture, arrival: float) -> None:
        if (place := self._pedal_places.get(did.sensor)) is not None:
            self._pedalled(place, did, arrival)
            return
        if did.move is not Move.RELEASE and arrival - did.time > STALE_S and chain.voice.rule.steers not in ALWAYS:
            self.stale += 1
            chain.let_go(arrival)
            self.out += chain.voice.stop(arrival)
            self.out += self.music.let_go(chain.voice, arrival)
            return
        self.gestures.append(did)
        if self.beside.hushes:
            return
        if did.move is Move.ONSET:
            self.beside.played(arrival)
        if self._sender is not None and did.move is Move.ONSET and not self._sender.running:
            self.out += self._sender.wake(arrival)
        if self.comparison.kind:
            self.comparison.take(did)
            if self.comparison.kind == WITHOUT:
                return
        if chain.voice.rule.steers:
            self.asked(self.music.steered(did, chain.voice), arrival)
        else:
            self.out += self.music.gesture(did, chain.voice)

    # ------------------------------------------------------------ boards

    def _said(self, link: int, talk: Conversation, now: float) -> None:
        board = talk.board
        if board.said and talk.seat is None:
            for _, text in board.said:
                talk.told = True
                self.news.append({"news": "problem", "link": talk.name, "text": f"A board says: {text}"})
            board.said.clear()
        if board.problem is not None:
            if not talk.told:
                talk.told = True
                self.news.append({"news": "problem", "link": talk.name, "text": board.problem})
            return
        if board.fresh:
            board.fresh = False
            self._introduced(link, talk, now)
        if board.silence and talk.seat is not None:
            board.silence = False
            self.silence(now)
            self._tell("silence", talk.seat, sentences.silence_asked(talk.seat.hello.name))
        if board.said and talk.seat is not None:
            for sensor, text in board.said:
                who = f"{talk.seat.hello.name}, {sensor}" if sensor else talk.seat.hello.name
                self._tell("board-error", talk.seat, f"{who}: {text}")
            board.said.clear()

    def _introduced(self, link: int, talk: Conversation, now: float) -> None:
        hello = talk.board.hello
        assert hello is not None
        seat = self._seats.get(hello.uid)
        if seat is not None and seat.link not in (None, link) and seat.link in self._conversations:
            told, talk.told = talk.told, True
            talk.board.hello = None
            if told:
                return
            text = f"{hello.name} is already connected another way; the second connection is ignored."
            self.news.append({"news": "problem", "link": talk.name, "text": text})
            return
        if talk.seat is not None and talk.seat is not seat:  # another board on the same link
            self._let_go(talk.seat, now)
            talk.seat.link = None
        if seat is not None and seat.hello.sensors == hello.sensors:
            self._let_go(seat, now)
            seat.hello = hello
            for chain in seat.chains:
                chain.restart()
        elif seat is not None and seat.hello.sensors == hello.sensors[: len(seat.hello.sensors)]:
            self._let_go(seat, now)
            seat.chains += self._new_chains(hello, len(seat.chains), seat.number, now) or []
            seat.hello = hello
            for chain in seat.chains:
                chain.restart()
        else:
            if seat is not None:
                self._let_go(seat, now)
            seat = self._new_seat(hello, now)
        if seat is None:
            return
        seat.link = link
        talk.seat = seat
        talk.quiet = True
        talk.board.numbers = [chain.number for chain in seat.chains]
        self._tell("ready", seat, sentences.board_ready(hello.name, len(hello.sensors)))

    def _new_seat(self, hello: Hello, now: float) -> Seat | None:
        chains = self._new_chains(hello, 0, len(self._seats), now)
        if chains is None:
            return None
        seat = Seat(len(self._seats), hello, chains)
        self._seats[hello.uid] = seat
        return seat

    def resteer(self, board: str, sensor: str, now: float) -> None:
        """A switch does something else from now on (`pedals`): what sounds there ends."""
        for seat in self._seats.values():
            for chain in seat.chains:
                if (seat.hello.name, chain.info.name) == (board, sensor):
                    self._end_sensor(chain, now)
                    self._place_pedal(board, sensor, chain.number)
                    voice = self.music.voice(board, sensor, chain.info.kind, chain.number, seat.number)
                    chain.revoice(voice)
                    self.out += voice.begin(now)

    def _place_pedal(self, board: str, sensor: str, number: int) -> None:
        if self.pedals.owns_switch(board, sensor):
            self._pedal_places[number] = (board, sensor)
            self.music.muted.add(number)
        else:
            self._pedal_places.pop(number, None)
            self.music.muted.discard(number)

    def _new_chains(self, hello: Hello, known: int, seat: int, now: float) -> list[Chain] | None:
        """A chain for each sensor of a board after the first `known`; None when there are too many."""
        first = len(self.chains)
        infos = hello.sensors[known:]
        if first + len(infos) > MAX_SENSORS:
            self.news.append({"news": "problem", "link": "", "text": f"{hello.name}: too many sensors for one session."})
            return None
        chains = []
        for number, info in enumerate(infos, first):
            self._place_pedal(hello.name, info.name, number)
            voice = self.music.voice(hello.name, info.name, info.kind, number, seat)
            chain = Chain(number, info, voice, hello.rate_hz)
            for thing in self._kept.get((hello.name, info.name), ()):
                with contextlib.suppress(OrderProblem):
                    orders.carry_out(thing, [(hello.name, chain)])
            chains.append(chain)
            self.declared.append((number, f"{hello.name}/{info.name}"))
            self.out += voice.begin(now)
        self.chains += chains
        return chains

    def _let_go(self, seat: Seat, now: float) -> None:
        for chain in seat.chains:
            self._end_sensor(chain, now)

    def _end_sensor(self, chain: Chain, now: float) -> None:
        did = chain.let_go(now)
        if did is not None and (place := self._pedal_places.get(chain.number)) is not None:
            self._pedalled(place, did, now)
        elif did is not None:
            self.gestures.append(did)
        chain.voice.forget()
        chain.level = self.levels[chain.number] = 0.0
        self.out += self.music.let_go(chain.voice, now)
        self.out.append(order(Kind.RELEASE, now, chain.number))
        self.out.append(order(Kind.SOFTEN, now, chain.number))

    def _woke(self, link: int, talk: Conversation) -> None:
        talk.quiet = False
        self.writes.append((link, wire.ASK_HELLO, ""))  # it may have been reset meanwhile
        assert talk.seat is not None
        if talk.told:
            self._tell("back", talk.seat, sentences.board_back(talk.seat.hello.name))
        talk.told = True

    def _waiting(self, link: int, talk: Conversation, now: float) -> None:
        if now >= talk.next_ask:
            talk.next_ask = now + ASK_S
            self.writes.append((link, wire.ASK_HELLO, ""))
        if not talk.told and now - talk.since > PATIENCE_S:
            talk.told = True
            self.news.append({"news": "problem", "link": talk.name, "text": sentences.no_hello(talk.name)})

    # ------------------------------------------------------------ telling

    def _look_for_strangers(self, now: float) -> None:
        # A scene that names a sensor which nobody has is most likely misspelt; boards get a moment to come first.
        if not self.chains or self._strangers_told:
            return
        if self._scene_since == NEVER:
            self._scene_since = now
        elif now - self._scene_since > PATIENCE_S:
            self._strangers_told = True
            there = [(name, chain.info.name) for name, chain in self.boards_and_chains()]
            for rule in self.music.scene.voices:
                if rule.sensor and not any(rule.sensor in (f"{board}/{sensor}", sensor) for board, sensor in there):
                    text = sentences.no_such_sensor(rule.sensor, [f"{board}/{sensor}" for board, sensor in there])
                    self.news.append({"news": "problem", "link": "", "text": text})

    def _look_for_trouble(self, now: float) -> None:
        self._look_for_strangers(now)
        for talk in self._conversations.values():
            if talk.seat is None or talk.quiet:
                continue
            for chain in talk.seat.chains:
                if not chain.waiting or chain.waits_since == NEVER:
                    chain.waits_since = now
                elif now - chain.waits_since > WAITS_S and not chain.waits_told:
                    chain.waits_told = True
                    name = talk.seat.hello.name
                    self._tell("waits", talk.seat, sentences.waits(name, chain.info.name, chain.info.kind), chain)
                for word in chain.notices(now):
                    text = sentences.notice(word, talk.seat.hello.name, chain.info.name)
                    self._tell(word, talk.seat, text, chain)
                if chain.status != chain.told and now - chain.status_since >= TROUBLE_S:
                    chain.told = chain.status
                    name = talk.seat.hello.name
                    text = sentences.of_status(name, chain.info.name, chain.info.kind, chain.status)
                    self._tell("sensor", talk.seat, text or f"{name}, {chain.info.name} is fine.", chain)

    def _tell(self, news: str, seat: Seat, text: str, chain: Chain | None = None) -> None:
        said = {"news": news, "board": seat.hello.name, "uid": seat.hello.uid, "text": text}
        if chain is not None:
            said["sensor"] = chain.info.name
            said["status"] = wire.STATUS_WORDS[chain.status] if chain.status < len(wire.STATUS_WORDS) else "unknown"
        self.news.append(said)

    def _send_levels(self, now: float) -> None:
        for chain in self.chains:
            value = int(chain.level * 16383)
            if self._sent_levels.get(chain.number) != value:
                self._sent_levels[chain.number] = value
                self.out.append(Event(Kind.LEVEL, 0, value & 127, value >> 7, chain.number, 0xFFFF, now))

    def status(self) -> list[dict]:
        """Every board of the session, as plain JSON values."""
        boards = []
        for seat in self._seats.values():
            talk = self._conversations.get(seat.link) if seat.link is not None else None
            counts = talk.board.counts if talk else None
            boards.append(
                {
                    "uid": seat.hello.uid,
                    "name": seat.hello.name,
                    "instrument": seat.hello.instrument,
                    "firmware": seat.hello.firmware,
                    "interpreter": seat.hello.interpreter,
                    "chip": seat.hello.chip,
                    "link": talk.name if talk else None,
                    "state": "unplugged" if talk is None else "quiet" if talk.quiet else "ready",
                    "lines": counts.lines if counts else 0,
                    "lost": counts.lost if counts else 0,
                    "damaged": talk.splitter.damaged if talk else 0,
                    "noise": talk.splitter.noise if talk else 0,
                    "sensors": [
                        {
                            "number": chain.number,
                            "name": chain.info.name,
                            "kind": chain.info.kind,
                            "unit": chain.info.unit,
                            "per_unit": chain.info.per_unit,
                            "rest": chain.info.rest,
                            "full": chain.info.reach,
                            "low": chain.info.low,
                            "high": chain.info.high,
                            "rate_hz": chain.info.rate_hz,
                            "channel": chain.voice.channel,
                            "status": _word(chain.status),
                            "calibrated": chain.calibrated,
                            "reach": round(chain.adaptation.reach / REACH, 3),
                            "factor": round(chain.factor, 3),
                            "frozen": chain.adaptation.frozen,
                            "steers": chain.voice.rule.steers or self.pedals.of_switch(seat.hello.name, chain.info.name),
                            "controls": chain.voice.controllers,
                        }
                        for chain in seat.chains
                    ],
                }
            )
        return boards


def _word(status: int) -> str:
    return wire.STATUS_WORDS[status] if status < len(wire.STATUS_WORDS) else "unknown"
