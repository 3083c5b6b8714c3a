"""The calibration dialogue for a page: what `reachnote calibrate` is in a terminal, in messages.

    a page asks (with an `id`)                  and is answered
    reach-look     board, sensor                `client`, `stored` (when it was calibrated, or null), `number` (which of theirs that is)
    reach-begin    board, sensor, mode          ok, or why not
    reach-key      key                          one of the `keys` it was told
    reach-leave                                 nothing is kept
    reach-undo     board, sensor                the calibration before plays again: `says`
    reach-restore  board, sensor, number        this one of the client's calibrations plays again: `says`
    reach-sounded  board, sensor, try           ok; then comes {"desk": "reach-sounded", ..}: `seconds`, `as_set` and `as_tried`:
                                                [[from, to], ...] of the last minute, `notes` of both; or ok false and `text`

While a dialogue goes on, its page hears {"desk": "reach", ..} with what changed, at most 30 times a second: `step`, `prompt`,
`keys` [{key, says}], `note`, `away`; `level`, `rest`, `easy`, `full` (places on one scale: 0 is rest, 1 the full reach that was
shown); `progress` 0-1, `count` of movements, `meant`, `not_meant`; `sentences`, `grade`, `numbers`; and at the end `done` with
`says` and `kept`. To the dialogue's own keys comes `try`: on to trying it. One dialogue at a time: the session listens to one
sensor.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from reachnote import calibrating, client_orders, profiles
from reachnote.ask import NotRunning
from reachnote.calibration.dialogue import Dialogue
from reachnote.calibration.steps import MODES, Sensor
from reachnote.desk.answers.reach_shown import Places, known_keys, picture, press
from reachnote.desk.relay import Page, Relay
from reachnote.profile import Calibration, Profile, ProfileProblem, current, restore, undo

FRAME_S = 1 / 30
TRIED = ("easier", "harder", "more-sensitive", "less-sensitive")
THERE = "Finish it there, or leave it, then begin here."
ANEW = "Calibrate anew; it takes half a minute."
GONE = "The page went, so nothing was begun."
SURPRISE = "Something unexpected happened in the desk, so nothing was kept. Sound goes on. Begin again."
NO_SESSION = "No session is running just now."
ENDED = "The session has ended meanwhile, so nothing was kept."
OTHER_CLIENT = "Another client plays now, so this calibration was left. Nothing was kept."


class Refused(Exception):
    """Why a page's wish is not done, in a sentence."""


class Reach:
    """`answer` is for `server.app(answers=...)`."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._course: Course | None = None
        self._playing: str | None = None  # who plays, as the news say it: a status may be a second old
        self._beginning = asyncio.Lock()
        self._tasks: set[asyncio.Task] = set()
        self._answers: dict[str, Callable[[Page, dict], Coroutine[Any, Any, dict]]] = {
            "reach-look": self._look, "reach-begin": self._begin, "reach-leave": self._leave,
            "reach-undo": self._undo, "reach-restore": self._restore,
        }  # fmt: skip
        relay.hears.append(self._hear)
        relay.left.append(self._left)

    async def answer(self, page: Page, thing: dict) -> bool:
        """True when `thing` was about a calibration. What takes a while goes on beside: no other request waits for it."""
        do = thing.get("do")
        if do == "reach-key":
            self._reply(page, thing, self._key(page, str(thing.get("key"))))
        elif do == "reach-sounded":
            self._start(self._sounded(page, thing))
            self._reply(page, thing, {"ok": True})
        elif isinstance(do, str) and do in self._answers:
            self._start(self._answered(page, thing, self._answers[do](page, thing)))
        else:
            return False
        return True

    # ------------------------------------------------------------ what a page wants

    def _key(self, page: Page, key: str) -> dict:
        course = self._course
        if course is None or course.page is not page:
            return {"ok": False, "text": "No calibration is going on here. Begin one first."}
        course.keys.append(key)
        return {"ok": True}

    async def _leave(self, page: Page, _: dict) -> dict:
        course = self._course
        if course is not None and course.page is page:
            await course.leave()
        return {"ok": True}

    async def _look(self, _: Page, thing: dict) -> dict:
        client, sensor = await self._meant(thing)
        stored = await asyncio.to_thread(calibrating.stored_of, client, sensor)
        return {"ok": True, "client": client, "stored": stored.date if stored else None, "number": stored.number if stored else 0}

    async def _begin(self, page: Page, thing: dict) -> dict:
        mode = thing.get("mode", "guided")
        if mode not in MODES:
            raise Refused(f"There is no such way to calibrate. Choose one of: {', '.join(MODES)}.")
        async with self._beginning:
            client, sensor = await self._meant(thing)
            await self._leave(page, thing)
            if self._course is not None:
                other = self._course.talk.sensor
                raise Refused(f"{other.board}, {other.name} is being calibrated on another page. {THERE}")
            stored = await asyncio.to_thread(calibrating.stored_of, client, sensor)
            if mode == "as last time" and stored is None:
                raise Refused(f"There is no calibration of {client or 'this client'} with this sensor yet. {ANEW}")
            try:
                lock = calibrating.only_one(sensor)
            except calibrating.Taken as taken:
                raise Refused(f"{taken} {THERE}") from None
            if page.number not in self._relay.pages:  # it went meanwhile: nobody would ever leave this dialogue
                os.close(lock)
                raise Refused(GONE)
            talk = Dialogue(sensor, mode, (stored.rest, stored.span) if stored else None)
            course = self._course = Course(self._relay, page, talk, client, stored)
            course.task = self._start(self._run(course, lock))
        return {"ok": True, "client": client, "stored": stored.date if stored else None, "number": stored.number if stored else 0}

    async def _undo(self, page: Page, thing: dict) -> dict:
        course = self._course
        if course is not None and course.page is page:
            await course.leave()
            return {"ok": True, "says": "Nothing was changed."}
        client, sensor = await self._meant(thing)
        order, says = await asyncio.to_thread(_undone, client, sensor)
        self._relay.tell({"do": "order", **order})
        return {"ok": True, "says": says}

    async def _restore(self, _: Page, thing: dict) -> dict:
        client, sensor = await self._meant(thing)
        number = thing.get("number")
        if not client or isinstance(number, bool) or not isinstance(number, int):
            raise Refused("There is no such calibration, so nothing was changed.")
        order, says = await asyncio.to_thread(_restored, client, sensor, number)
        self._relay.tell({"do": "order", **order})
        return {"ok": True, "says": says}

    async def _sounded(self, page: Page, thing: dict) -> None:
        said: dict = {}
        try:
            _, sensor = await self._meant(thing)
            said = {"ok": True, **await asyncio.to_thread(_sounded, sensor, self._tried(page, sensor, thing.get("try")))}
        except Refused as why:
            said = {"ok": False, "text": str(why)}
        except NotRunning:
            said = {"ok": False, "text": NO_SESSION}
        except Exception:
            traceback.print_exc(file=sys.stderr)
            said = {"ok": False, "text": SURPRISE}
        page.say(json.dumps({"desk": "reach-sounded", "board": thing.get("board"), "sensor": thing.get("sensor"), **said}))

    def _tried(self, page: Page, sensor: Sensor, word: object) -> list[dict]:
        """What the dialogue that goes on has found, and on top of it what `word` asks for."""
        where = {"board": sensor.board, "sensor": sensor.name}
        course, found = self._course, []
        if course is not None and course.page is page and course.talk.sensor == sensor:
            talk, fit = course.talk, course.talk.fit
            if fit is not None and fit.span:
                reach = {"rest": fit.rest, "span": fit.span, "rate_hz": fit.rate_hz, "parameters": dict(fit.parameters)}
                found.append({"order": "tune", **where, **reach, "factor": talk.factor})
        return [*found, {"order": word, **where}] if word in TRIED else found

    # ------------------------------------------------------------ how

    async def _meant(self, thing: Mapping) -> tuple[str, Sensor]:
        """(the session's client, the sensor that is meant)."""
        status = (await self._relay.inquire({"do": "status"}))["status"]
        sensor = calibrating.sensors_of(status, ("ready", "quiet")).get(f"{thing.get('board')}/{thing.get('sensor')}")
        if sensor is None:
            raise Refused("This sensor is not there to calibrate. Plug its board in and choose it again; a switch needs none.")
        client = status.get("client") if self._playing is None else self._playing
        return str(client or ""), sensor

    async def _run(self, course: Course, lock: int) -> None:
        try:
            await course.run()
        except Exception:
            traceback.print_exc(file=sys.stderr)
            course.page.say(json.dumps({"desk": "reach", "done": True, "kept": None, "says": SURPRISE}))
        finally:
            os.close(lock)
            self._course = None

    async def _answered(self, page: Page, thing: dict, doing: Coroutine[Any, Any, dict]) -> None:
        try:
            reply = await doing
        except (Refused, ProfileProblem) as why:
            reply = {"ok": False, "text": str(why)}
        except NotRunning:
            reply = {"ok": False, "text": NO_SESSION}
        except Exception:
            traceback.print_exc(file=sys.stderr)
            reply = {"ok": False, "text": SURPRISE}
        self._reply(page, thing, reply)

    def _start(self, doing: Coroutine[Any, Any, None]) -> asyncio.Task:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    def _reply(page: Page, thing: dict, reply: dict) -> None:
        page.say(json.dumps({"id": thing.get("id"), **reply}))

    def _hear(self, thing: dict) -> bool:
        if thing.get("desk") == "session":
            self._playing = None
        elif thing.get("news") == "client" and "client" in thing:
            self._playing = str(thing["client"])
        if self._course is not None:
            self._course.hear(thing)
        return thing.get("feed") == "readings"

    def _left(self, page: Page) -> None:
        if self._course is not None and self._course.page is page:
            self._course.keys.append("leave")


class Course:
    """One dialogue of one page. `keys` and what is heard wait for the next frame, which is worked out beside the server."""

    def __init__(self, relay: Relay, page: Page, talk: Dialogue, client: str, stored: Calibration | None) -> None:
        self.page = page
        self.talk = talk
        self.keys: list[str] = []
        self.task: asyncio.Task | None = None
        self._relay = relay
        self._client = client
        self._stored = stored
        self._name = f"{talk.sensor.board}/{talk.sensor.name}"
        self._hearing = calibrating.Hearing(talk, time.monotonic())
        self._waiting: list[tuple[float, float, int]] = []
        self._over = ""
        self._places = Places(talk, stored if talk.mode == "as last time" else None)
        self._told: dict = {}

    def hear(self, thing: dict) -> None:
        """A line of the session."""
        if thing.get("feed") == "readings" and thing.get("sensor") == self._name:
            self._waiting += [(at, raw, status) for at, raw, status in thing["readings"]]
        elif thing.get("desk") == "session" and not thing["there"]:
            self._over = ENDED
        elif thing.get("news") == "client" and thing.get("client", self._client) != self._client:
            self._over = OTHER_CLIENT

    async def leave(self) -> None:
        """End it without keeping anything, and wait until that is done."""
        self.keys.append("leave")
        if self.task is not None:
            await asyncio.wait([self.task])

    async def run(self) -> None:
        """Until the dialogue is done, or cannot go on."""
        sensor = self.talk.sensor
        where = {"board": sensor.board, "sensor": sensor.name, "kind": sensor.kind}
        self._tell({**where, "mode": self.talk.mode, "client": self._client, "done": False})
        listen = 0.0
        while not self.talk.done and not self._over:
            now = time.monotonic()
            if now >= listen:
                listen = now + calibrating.LISTEN_EVERY_S
                self._relay.tell(calibrating.listen(sensor))
            readings, self._waiting = self._waiting, []
            keys, self.keys = self.keys, []
            orders, seen = await asyncio.to_thread(self._frame, readings, keys, now)
            for thing in orders:
                self._relay.tell({"do": "order", **thing})
            self._tell(seen)
            await asyncio.sleep(max(FRAME_S - (time.monotonic() - now), 0.0))
        self._relay.tell(calibrating.listen(sensor, on=False))
        if self._over:
            self._tell({"done": True, "kept": None, "says": self._over})
        else:
            self._tell({"done": True, **await asyncio.to_thread(self._end)})

    def _frame(self, readings: list[tuple[float, float, int]], keys: list[str], now: float) -> tuple[list[dict], dict]:
        talk, hearing = self.talk, self._hearing
        if readings:
            hearing.readings(readings, now)
        away = hearing.away(now)
        if not away:
            hearing.tick(now)
        for key in keys:
            if key == "leave" or (not away and key in known_keys(talk)):
                press(talk, key)
        orders = calibrating.orders_of(talk, self._stored)
        self._places.ordered(orders)
        if talk.done:
            return orders, {}
        return orders, {**picture(talk), "away": away, **self._places.now(readings[-1][1] if readings else None)}

    def _end(self) -> dict:
        talk = self.talk
        if talk.fit is None:
            return {"kept": None, "says": " ".join(talk.sentences) or "Nothing was changed."}
        try:
            kept = calibrating.keep(self._client, talk.sensor, talk.fit, talk.mode, talk.factor)
        except ProfileProblem as problem:
            return {"kept": None, "says": f"{problem} It plays in this session all the same."}
        if kept is None:
            return {"kept": None, "says": "It plays until the session ends. To keep it, choose a client first."}
        return {"kept": {"client": self._client, "number": kept.number}, "says": f"Kept for {self._client}."}

    def _tell(self, seen: dict) -> None:
        new = {name: value for name, value in seen.items() if name not in self._told or self._told[name] != value}
        self._told |= new
        if new:
            self.page.say(json.dumps({"desk": "reach", **new}))


# ---------------------------------------------------------------- the profile, the last minute


def _undone(client: str, sensor: Sensor) -> tuple[dict, str]:
    if not client:
        return _plays(sensor, None)
    date = calibrating.today()
    return _plays(sensor, profiles.change(client, sensor.board, lambda held: undo(held, sensor.name, date)))


def _restored(client: str, sensor: Sensor, number: int) -> tuple[dict, str]:
    date = calibrating.today()
    return _plays(sensor, profiles.change(client, sensor.board, lambda held: restore(held, sensor.name, number, date)))


def _plays(sensor: Sensor, profile: Profile | None) -> tuple[dict, str]:
    """The order that makes a sensor play as its profile says now, and what to say of it."""
    where = {"board": sensor.board, "sensor": sensor.name}
    made = current(profile, sensor.name) if profile else None
    if profile is None or made is None:
        return {"order": "plain", **where}, f"{sensor.board}, {sensor.name} plays with its own range again."
    order = {**client_orders.of_calibration(made, **where), "factor": profile.settings.factor}
    return order, f"{sensor.board}, {sensor.name} plays with an earlier calibration again."


def _sounded(sensor: Sensor, tried: list[dict]) -> dict:
    from reachnote import programme
    from reachnote.adjust_command import recorded
    from reachnote.commands import Trouble, recorded_orders
    from reachnote.journal import JournalProblem
    from reachnote.preview import Played, sounded
    from reachnote.scene import SceneProblem

    try:
        facts, entries = recorded("")
        scene = programme.load(str(facts.get("scene", "five-notes")))[0][0]
        before = recorded_orders(facts)
        as_set, seconds = sounded(entries, scene, before)
        as_tried, _ = sounded(entries, scene, before, tried) if tried else (as_set, seconds)
    except (Trouble, JournalProblem, SceneProblem) as problem:
        raise Refused(str(problem)) from None
    name = f"{sensor.board}/{sensor.name}"
    both = {word: found.get(name, Played()) for word, found in (("as_set", as_set), ("as_tried", as_tried))}
    told = {word: [[round(a, 2), round(b, 2)] for a, b in played.gestures] for word, played in both.items()}
    return {"seconds": round(seconds, 2), **told, "notes": {word: played.notes for word, played in both.items()}}
