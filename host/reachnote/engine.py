"""The engine: the process in which readings become notes. One thread does all of it in order.

    python -m reachnote.engine SETTINGS      (JSON, see Settings)

It polls the links' file descriptors, hands what it reads to the pure session, and writes what follows to the outlet's
pipe. Records and control are processes of their own; the engine writes to them without waiting.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import mmap
import os
import selectors
import signal
import subprocess
import sys
import time

import reachnote_wire as wire
from reachnote import client_orders, programme, runtime
from reachnote.beside import Beside
from reachnote.cabling import Cabling
from reachnote.limits import name_of
from reachnote.model import Kind, order
from reachnote.moment import USUAL_S, Heard
from reachnote.outputs import OutputProblem
from reachnote.outputs import check as check_output
from reachnote.outputs import named as named_outputs
from reachnote.pedals import read_bindings
from reachnote.pipe import pack, pack_name, pack_text
from reachnote.profile import ProfileProblem, client_code
from reachnote.records import frames
from reachnote.scene import SceneProblem
from reachnote.session import FROZEN_S, MAX_SENSORS, STALL_S, Session
from reachnote.settings import Settings, remember

TICK_S = 0.01
BEAT_S = 0.1
FLUSH_S = 0.05
STATUS_S = 1.0
COLLECT_S = 5.0
BACKLOG = 1 << 20  # bytes kept for an outlet that does not read
WATCH_BACKLOG = 1 << 18  # bytes kept for records or control: beyond that they miss something, and it is counted
TWICE_S = 2.0  # silence asked for again within this resets the synths as well
LISTEN_S = 5.0  # after the last asking
MOST_LISTENED = 8
READY_S = 3.0  # to open the outputs before the first board is let in
MOST_OUTPUTS = 16
CLOSING_S = 0.3  # an outlet gives back its ports within this
LEAVE_S = 60.0  # an outlet may need this to render and save


class Taken(Exception):
    """Another reachnote is running."""


class Engine:
    """The session between its links and the pipes to outlet, records and control."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self.settings = settings
        self.session = session
        self._selector = selectors.DefaultSelector()
        self._cabling = Cabling(settings.links, session, self._selector, self._to_records, self._news, self._send)
        self._ending = False
        self._recording = False
        self._batch = bytearray()
        self._shown = bytearray()
        self._records: Beside | None = None
        self._control: Beside | None = None
        self._outlet: Beside | None = None
        self._outlet_ready = False
        self._silenced = float("-inf")
        self._listened: dict[tuple[str, str], list] = {}  # board and sensor: since when, and the orders that it played by
        self._next_tick = self._next_beat = self._next_flush = self._next_status = self._next_collect = 0.0
        self._names: list[tuple[int, str]] = []
        self._heard = Heard()
        self._asked = False  # for something since the orders were kept

    # ------------------------------------------------------------ start and end

    def start(self) -> None:
        self._start_outlet()
        self._start_control()
        self._start_records()
        self._await_outlet()
        self._fit_client()
        if self.settings.again:
            self._go_on()
        else:
            runtime.orders_path().unlink(missing_ok=True)
        self._cabling.start()
        if self.settings.record:
            self._record(self.settings.record)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_end)
        with contextlib.suppress(OSError, ValueError):
            self._selector.register(0, selectors.EVENT_READ, self._parent_gone)

    def _fit_client(self) -> None:
        if self.settings.limits:
            self._order({"order": "limits", "preset": self.settings.limits}, time.monotonic())
        found, told = client_orders.of_client(self.settings.client)
        for thing in found:
            self._order(thing, time.monotonic())
        for text in told:
            self._news({"news": "client", "text": text})

    def _go_on(self) -> None:
        """After a crash: what people had asked for meanwhile."""
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            for thing in json.loads(runtime.orders_path().read_text("utf-8"))["orders"]:
                self._order(thing, time.monotonic())

    def _keep_orders(self) -> None:
        self._asked = False
        with contextlib.suppress(OSError):
            path = runtime.orders_path()
            kept = {"outputs": self.settings.outputs, "orders": self.session.present_orders()}
            new = path.with_suffix(".new")
            new.touch(0o600)
            new.write_text(json.dumps(kept), "utf-8")
            new.replace(path)

    def _another_client(self, code: str, now: float) -> None:
        """From now on this client plays; "" for nobody. What was of the former one is kept and put away."""
        try:
            code = client_code(code) if code else ""
        except ProfileProblem as problem:
            self._news({"news": "client", "text": str(problem)})
            return
        with contextlib.suppress(ProfileProblem):
            client_orders.learnt(self.settings.client, self.session.music.facts)
        self.settings.client = code
        remember(self.settings)
        found, told = client_orders.of_client(code)
        self.session.release_all(now)
        for board, chain in self.session.boards_and_chains():
            self._order({"order": "plain", "board": board, "sensor": chain.info.name}, now)
        if not any(thing["order"] == "client" for thing in found):
            found.insert(0, {"order": "client", "music": {}})
        for thing in found:
            self._order(thing, now)
        self._send()
        self._tell_control({"state": self._state()})
        for text in [*told, f"{code} plays." if code else "Nobody is named; every sensor plays with its own range."]:
            self._news({"news": "client", "client": code, "text": text})

    def _await_outlet(self) -> None:
        # Opening outputs takes a moment; a first note must not wait for it.
        deadline = time.monotonic() + READY_S
        while not self._outlet_ready and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                key.data(key.fd)

    def run(self) -> None:
        """Until somebody asks for the end."""
        runtime.hurry()
        gc.collect()
        gc.freeze()
        gc.disable()
        select = self._selector.select
        monotonic = time.monotonic
        now = monotonic()
        due = self.session.due
        while not self._ending:
            ready = select(max(min(self._next_tick, due) - now, 0.0))
            now = monotonic()
            late = now - self._next_tick
            if late > STALL_S - TICK_S:
                self._to_records(frames.STALLED, 0, now, frames.SINCE.pack(self._next_tick - TICK_S))
            if late > FROZEN_S:  # we slept: let go of everything before anything new is heard
                self._tick(now)
            for key, _ in ready:
                key.data(key.fd)
                if self.session.out:  # a note does not wait for what other boards have to say
                    self._send()
            now = monotonic()
            due = self.session.due
            if now >= due:
                self.session.on_time(now)
                if self.session.out:
                    self._send()
                due = self.session.due
            if now >= self._next_tick:
                self._tick(now)
                now = monotonic()
                due = self.session.due

    def end(self) -> None:
        """Release everything, let the outlet finish, close."""
        now = time.monotonic()
        self.session.end(now)
        self._send()
        self._cabling.close()
        with contextlib.suppress(ProfileProblem):  # the next session learns it anew
            client_orders.learnt(self.settings.client, self.session.music.facts)
        self._show_control()
        self._flush_records(now)
        self._end_outlet(now)
        for other in (self._records, self._control):
            if other is not None:
                other.flush()
                other.close()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    other.process.wait(5.0)
        for path in (runtime.levels_path(), runtime.orders_path()):  # the last levels are movement: they must not stay behind
            with contextlib.suppress(OSError):
                path.unlink()

    def _end_outlet(self, now: float) -> None:
        # Its final figures and sentences still reach whoever watches.
        outlet = self._outlet
        if outlet is None:
            return
        outlet.write(pack([order(Kind.CLOSE, now)]))
        while outlet.waiting and not outlet.broken and time.monotonic() < now + 1.0:
            outlet.flush()
            time.sleep(0.005)
        outlet.close()
        while outlet.process.poll() is None and time.monotonic() < now + LEAVE_S:
            self._hear(outlet)
            if self._control is not None:
                self._control.flush()
            time.sleep(0.01)
        self._hear(outlet)

    def _asked_to_end(self, *_: object) -> None:
        self._ending = True

    def _parent_gone(self, fd: int) -> None:
        # Whoever started us holds the other end of our standard input for as long as it lives.
        if not os.read(fd, 4096):
            self._ending = True
            self._selector.unregister(fd)

    # ------------------------------------------------------------ out

    def _send(self) -> None:
        session = self.session
        outlet = self._outlet
        if outlet is None:
            session.out.clear()
            return
        if session.limits:
            for text in session.limits:
                self._limit(outlet, text)
            session.limits.clear()
        if session.declared:
            for source, text in session.declared:
                outlet.write(pack_name(source, text, time.monotonic()))
            self._names += session.declared
            session.declared.clear()
        data = pack(session.out)
        self._heard.take(session.out)
        session.out.clear()
        outlet.write(data)
        if self._records is not None:
            self._batch += frames.HEAD.pack(frames.EVENTS, 0, len(data), time.monotonic())
            self._batch += data
        self._shown += data

    def _limit(self, outlet: Beside, text: str) -> None:
        # Control shows what sounds, so it guards alike; a journal has the order that led to it.
        data = pack_text(Kind.LIMITS, 0, text, time.monotonic())
        outlet.write(data)
        self._shown += data

    def _tick(self, now: float) -> None:
        self._next_tick = now + TICK_S
        session = self.session
        session.tick(now)
        if now >= self._next_beat:
            self._next_beat = now + BEAT_S
            session.out.append(order(Kind.BEAT, now))
        if session.out or session.limits:
            self._send()
        for number, letter, text in session.writes:
            self._cabling.write(number, letter, text)
        session.writes.clear()
        self._show_control()
        if session.news:
            news, session.news = session.news, []
            self._tell_control({"state": self._state()})
            for thing in news:
                self._news(thing)
        if now >= self._next_flush:
            self._rarely(now)

    def _show_control(self) -> None:
        # Once a tick: waking whoever watches must not compete with the outlet for the processor.
        session = self.session
        if session.gestures:
            if self._control is not None:
                self._control.write(frames.watch(frames.GESTURES, frames.pack_gestures(session.gestures)))
            session.gestures.clear()
        if self._listened:
            self._show_listened()
        if self._shown:
            if self._control is not None:
                self._control.write(frames.watch(frames.EVENTS, bytes(self._shown)))
            self._shown.clear()

    def _listen(self, board: str, sensor: str, on: bool, now: float) -> None:
        """Whoever calibrates a sensor asks for its readings again and again, until they say that they are done."""
        if not on:
            self._listened.pop((board, sensor), None)
        elif (board, sensor) in self._listened:
            self._listened[board, sensor][0] = now
        elif len(self._listened) < MOST_LISTENED:
            self._listened[board, sensor] = [now, self._played_by(board, sensor)]
        self.session.listen(board, sensor, on and (board, sensor) in self._listened)

    def _played_by(self, board: str, sensor: str) -> list[dict]:
        where = {"board": board, "sensor": sensor}
        found = [thing for thing in self.session.present_orders() if thing.items() >= where.items() and thing["order"] != "steer"]
        return found or [{"order": "plain", **where}]

    def _forsaken(self, board: str, sensor: str, now: float) -> None:
        """Who calibrated is gone without a word: what they tried is over, the sensor plays as before."""
        _, before = self._listened[board, sensor]
        self._listen(board, sensor, False, now)
        if self._played_by(board, sensor) != before:
            for thing in before:
                self._order(thing, now)
            self._send()

    def _show_listened(self) -> None:
        for chain in self.session.chains:
            if chain.listening and chain.heard:
                if self._control is not None:
                    self._control.write(frames.watch(frames.READINGS, frames.pack_readings(chain.heard)))
                chain.heard.clear()
        now = time.monotonic()
        for (board, sensor), (since, _) in list(self._listened.items()):
            if now - since > LISTEN_S:
                self._forsaken(board, sensor, now)

    def _rarely(self, now: float) -> None:
        self._next_flush = now + FLUSH_S
        self._flush_records(now)
        for writer in (self._outlet, self._control):
            if writer is not None:
                writer.flush()
        if self._outlet is None or self._outlet.broken:
            self._start_outlet()
        if self._asked:
            self._keep_orders()
        if now >= self._next_status:
            self._next_status = now + STATUS_S
            self._tell_control({"state": self._state()})
            if self._control is not None and self._control.broken:
                self._start_control()
            if self._records is not None and self._records.broken:
                self._start_records()
        if now >= self._next_collect and not any(c.sounding for c in self.session.chains):
            self._next_collect = now + COLLECT_S
            gc.collect()

    # ------------------------------------------------------------ the other processes

    def _begin(self, old: Beside | None, module: str, limit: int, *words: str, wide: bool = False) -> Beside:
        if old is not None:
            self._leave(old)
        new = Beside(module, limit, *words, wide=wide)
        self._selector.register(new.talk, selectors.EVENT_READ, lambda _: self._hear(new))
        return new

    def _leave(self, old: Beside) -> None:
        with contextlib.suppress(KeyError):  # its end may have been heard already
            self._selector.unregister(old.talk)
        old.let_go()

    def _hear(self, other: Beside) -> None:
        said = other.lines()
        if said is None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(other.talk)
            return
        for thing in said:
            if other is self._control:
                self._commanded(thing)
            else:
                self._outlet_ready = self._outlet_ready or thing.get("news") == "outlet"
                self._news(thing)

    def _start_outlet(self) -> None:
        if self._outlet is not None:
            self.session.release_all(time.monotonic())
            self.session.out.clear()
        specs = [spec for _, spec in self.settings.outputs]
        self._outlet = self._begin(self._outlet, "reachnote.outlet", BACKLOG, self.settings.name, *specs)
        for source, text in self._names:
            self._outlet.write(pack_name(source, text, time.monotonic()))
        for text in self.session.wanted.present_limits():
            self._limit(self._outlet, text)
        self.session.show_levels = any(spec.startswith("osc:") for spec in specs)

    def _start_control(self) -> None:
        path = str(runtime.control_path())
        self._control = self._begin(self._control, "reachnote.control", WATCH_BACKLOG, path)
        for text in self.session.wanted.present_limits():
            self._shown += pack_text(Kind.LIMITS, 0, text, time.monotonic())
        self._tell_control({"state": self._state()})

    def _start_records(self) -> None:
        self._records = self._begin(self._records, "reachnote.records", 8 * WATCH_BACKLOG, wide=True)
        if self._recording:
            self._record(self.settings.record)

    def _commanded(self, thing: dict) -> None:
        now = time.monotonic()
        what = thing.get("do")
        if what == "silence":
            again = now - self._silenced < TWICE_S
            self._silenced = now
            self.session.silence(now, again or bool(thing.get("twice")))
            self._send()
        elif what == "record":
            self._record(str(thing.get("path") or ""))
        elif what == "order":
            self._order({key: value for key, value in thing.items() if key != "do"}, now)
            self._send()
        elif what == "client":
            self._another_client(str(thing.get("code") or ""), now)
        elif what == "listen":
            self._listen(str(thing.get("board")), str(thing.get("sensor")), thing.get("on") is not False, now)
        elif what == "last":
            facts = {"scene": self.settings.scene, "client": self.settings.client, **self._setup(), "orders": self.session.present_orders()}
            self._to_records(frames.LAST, 0, now, json.dumps({"path": thing.get("path"), "facts": facts}).encode())
        elif what == "stop":
            self._ending = True

    # ------------------------------------------------------------ telling

    def _to_records(self, kind: int, number: int, now: float, data: bytes) -> None:
        if self._records is not None:
            self._batch += frames.HEAD.pack(kind, number, len(data), now)
            self._batch += data

    def _flush_records(self, now: float) -> None:
        if self._records is None:
            return
        if self._batch:
            data, self._batch = bytes(self._batch), bytearray()
            self._records.write(data)
        self._records.flush()

    def _order(self, thing: dict, now: float) -> None:
        if thing.get("order") == "scene" and "text" not in thing:
            try:
                thing = {**programme.order_of(str(thing.get("name")), [name for name, _ in self.settings.outputs]), "id": thing.get("id")}
            except SceneProblem as problem:
                self._news({"news": "order", "id": thing.get("id"), "order": "scene", "ok": False, "text": str(problem)})
                return
        if thing.get("order") == "outputs":
            self._reroute(thing, now)
            return
        if thing.get("order") == "moment":
            seconds = thing.get("seconds", USUAL_S)
            notes = self._heard.notes(now, seconds if isinstance(seconds, (int, float)) else USUAL_S)
            thing = {"order": "moment", "notes": notes, "id": thing.get("id")}
        self.session.order(thing, now)
        self._asked = True
        kept = {key: value for key, value in thing.items() if key != "id"}
        self._to_records(frames.ORDER, 0, now, json.dumps(kept).encode())

    def _reroute(self, thing: dict, now: float) -> None:
        """The sound goes elsewhere from now on: what sounds ends, an outlet with the new outputs takes over."""
        said = {"news": "order", "id": thing.get("id"), "order": "outputs", "ok": True}
        try:
            specs = _asked_outputs(thing.get("outputs"))
        except OutputProblem as problem:
            self._news({**said, "ok": False, "text": str(problem)})
            return
        self.session.end(now)
        self._send()
        if self._outlet is not None:
            self._outlet.write(pack([order(Kind.CLOSE, now)]))
            self._outlet.flush()
            with contextlib.suppress(subprocess.TimeoutExpired):  # one that has much to save closes by itself
                self._outlet.process.wait(CLOSING_S)
        self.settings.outputs = specs
        self.session.music.outputs = tuple(name for name, _ in specs)
        self._asked = True
        self._outlet_ready = False
        self._start_outlet()
        self.session.revoice(now)
        self._send()
        remember(self.settings)
        self._tell_control({"state": self._state()})
        self._news({**said, "text": f"The sound goes to {', '.join(spec for _, spec in specs)}."})

    def _record(self, path: str) -> None:
        self.settings.record = path
        self._recording = bool(path)
        header = {
            "path": path,
            "scene": self.settings.scene,
            "client": self.settings.client,
            "outputs": [name for name, _ in self.settings.outputs],
            "seed": 0,
            **self._setup(),
        }
        self._to_records(frames.RECORD if path else frames.STOP, 0, time.monotonic(), json.dumps(header).encode())
        for thing in self.session.present_orders() if path else []:
            self._to_records(frames.ORDER, 0, time.monotonic(), json.dumps(thing).encode())
        if path:  # a journal that begins in the middle needs every board's introduction
            self.session.writes += [(number, wire.ASK_HELLO, "") for number in self._cabling.numbers]
        self._tell_control({"state": self._state()})

    def _setup(self) -> dict:
        """What a session was begun with, beside its scene: a replay needs it."""
        return {"pedals": self.settings.pedals, "clock": self.settings.clock}

    def _news(self, thing: dict) -> None:
        if thing.get("news") == "record-failed":
            self._recording = False
            self._tell_control({"state": self._state()})
        self._tell_control({"news": thing})

    def _tell_control(self, thing: dict) -> None:
        if self._control is not None:
            self._control.write(frames.watch(frames.WORDS, json.dumps(thing).encode()))

    def _state(self) -> dict:
        return {
            "pid": os.getpid(),
            "time": time.monotonic(),
            "scene": self.settings.scene,
            "client": self.settings.client,
            "recording": self.settings.record if self._recording else "",
            "outputs": [{"name": name, "spec": spec} for name, spec in self.settings.outputs],
            "links": self.settings.links,
            "boards": self.session.status(),
            "readings": self.session.readings,
            "stale": self.session.stale,
            "block": self.session.comparison.kind,
            "music": self.session.music.status(),
            "limits": name_of(self.session.wanted.preset),
            "clock": self.settings.clock,
            "pedals": self.settings.pedals,
            "prompt": self.session.prompt,
            "teaching": self.session.beside.teaching.status(),
            "paused": self.session.beside.paused,
            "missed_by_records": self._records.dropped if self._records else 0,
            "missed_by_control": self._control.dropped if self._control else 0,
        }


def _asked_outputs(said: object) -> list[tuple[str, str]]:
    """(name, spec) of every output that is asked for; OutputProblem says what is wrong."""
    if not isinstance(said, list) or not 1 <= len(said) <= MOST_OUTPUTS or not all(isinstance(text, str) for text in said):
        raise OutputProblem(f'outputs: write 1 to {MOST_OUTPUTS}, as in ["page:", "midi:virtual"]. The sound goes where it went.')
    found = named_outputs(dict.fromkeys(said))
    for _, spec in found:
        check_output(spec)
    return found


def _outputs(settings: Settings) -> list[tuple[str, str]]:
    """Those that were given, or after a crash those that were chosen meanwhile."""
    given = [(name, spec) for name, spec in settings.outputs]
    if not settings.again:
        return given
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, OutputProblem):
        kept = [(str(name), str(spec)) for name, spec in json.loads(runtime.orders_path().read_text("utf-8"))["outputs"]]
        for _, spec in kept:
            check_output(spec)
        # One that writes a file has another name by now, so that the last take stays.
        fresh = dict(given)
        return [(name, fresh.get(name, spec) if spec.startswith("file:") else spec) for name, spec in kept] or given
    return given


def only_one() -> int:
    """Hold the lock of this user's one running engine; Taken with its process number otherwise."""
    fd = os.open(runtime.lock_path(), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(fd, 32).decode("ascii", "replace").strip()
        os.close(fd)
        raise Taken(holder) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, str(os.getpid()).encode(), 0)
    return fd


def levels_page() -> memoryview:
    """Every sensor's level as doubles in a file that whoever watches may map."""
    size = 8 * MAX_SENSORS
    path = runtime.levels_path()
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(fd, size)
    page = memoryview(mmap.mmap(fd, size)).cast("d")
    os.close(fd)
    for n in range(MAX_SENSORS):
        page[n] = 0.0
    return page


def main() -> int:
    settings = Settings(**json.loads(sys.argv[1]))
    settings.outputs = _outputs(settings)
    try:
        lock = only_one()
    except Taken as taken:
        print(f"reachnote is already running (process {taken}). Stop it first: reachnote stop", file=sys.stderr)
        return 4
    plan = programme.load(settings.scene)
    bindings = read_bindings("\n".join(settings.pedals), "pedal")
    names = [name for name, _ in settings.outputs]
    session = Session(plan[0][0], names, levels_page(), plan, pedals=bindings, clock=settings.clock)
    engine = Engine(settings, session)
    engine.start()
    remember(settings)
    try:
        engine.run()
    finally:
        engine.end()
        os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
