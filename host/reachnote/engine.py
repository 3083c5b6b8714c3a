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
from dataclasses import asdict, dataclass, field
from pathlib import Path

import reachnote_wire as wire
from reachnote import runtime
from reachnote.links import Gone, Link, LinkProblem, Opened, Said, open_link
from reachnote.model import Kind, order
from reachnote.pipe import pack, pack_name
from reachnote.records import frames
from reachnote.scene import SceneProblem, read_scene
from reachnote.session import MAX_SENSORS, Session

TICK_S = 0.01
BEAT_S = 0.1
FLUSH_S = 0.05
STATUS_S = 1.0
COLLECT_S = 5.0
BACKLOG = 1 << 20  # bytes kept for an outlet that does not read
WATCH_BACKLOG = 1 << 18  # bytes kept for records or control: beyond that they miss something, and it is counted
TWICE_S = 2.0  # silence asked for again within this resets the synths as well
READY_S = 3.0  # to open the outputs before the first board is let in
LEAVE_S = 60.0  # an outlet may need this to render and save


@dataclass
class Settings:
    """What a run of the engine is given."""

    links: list[str] = field(default_factory=lambda: ["serial:auto"])
    outputs: list[tuple[str, str]] = field(default_factory=lambda: [("midi", "midi:virtual")])
    scene: str = "five-notes"
    client: str = ""
    record: str = ""
    name: str = "reachnote"


class Taken(Exception):
    """Another reachnote is running."""


class Writer:
    """A non-blocking pipe to another of our processes. What it cannot take now waits; beyond `limit` it is dropped."""

    def __init__(self, fd: int, limit: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.dropped = 0
        self.broken = False
        self._limit = limit
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        if self._waiting:
            if len(self._waiting) + len(data) > self._limit:
                self.dropped += 1
                return
            self._waiting += data
            self.flush()
            return
        try:
            sent = os.write(self.fd, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.broken = True
            return
        if sent < len(data):
            self._waiting += data[sent:]

    def flush(self) -> None:
        while self._waiting:
            try:
                sent = os.write(self.fd, self._waiting[:65536])
            except BlockingIOError:
                return
            except OSError:
                self.broken = True
                return
            del self._waiting[:sent]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fd)


class Engine:
    """Links, session, and the pipes to outlet, records and control."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self.settings = settings
        self.session = session
        self._selector = selectors.DefaultSelector()
        self._links: list[Link] = []
        self._channels: dict[int, tuple[Link, object]] = {}  # session link number -> where to write
        self._numbers: dict[tuple[int, object], int] = {}  # (link index, key) -> session link number
        self._polled: dict[int, tuple[Link, int]] = {}  # fileno -> link, its index
        self._next_number = 0
        self._ending = False
        self._recording = False
        self._batch = bytearray()
        self._shown = bytearray()
        self._records: Writer | None = None
        self._children: list[subprocess.Popen] = []
        self._control: Writer | None = None
        self._outlet: Writer | None = None
        self._outlet_process: subprocess.Popen | None = None
        self._outlet_talk = -1
        self._outlet_ready = False
        self._silenced = float("-inf")
        self._heard: dict[int, bytes] = {}
        self._next_tick = self._next_beat = self._next_flush = self._next_status = self._next_collect = 0.0
        self._names: list[tuple[int, str]] = []
        self._said: list[dict] = []
        wake_read, self._wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(wake_read, selectors.EVENT_READ, self._woken)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    # ------------------------------------------------------------ start and end

    def start(self) -> None:
        self._start_outlet()
        self._start_control()
        self._start_records()
        self._await_outlet()
        for spec in self.settings.links:
            try:
                link = open_link(spec, self._wake)
            except LinkProblem as problem:
                self._news({"news": "problem", "link": spec, "text": str(problem)})
                continue
            self._links.append(link)
        for index, link in enumerate(self._links):
            self._changes(index, link)
        if self.settings.record:
            self._record(self.settings.record)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_end)
        with contextlib.suppress(OSError, ValueError):
            self._selector.register(0, selectors.EVENT_READ, self._parent_gone)

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
        while not self._ending:
            for key, _ in select(max(self._next_tick - now, 0.0)):
                key.data(key.fd)
            now = monotonic()
            if self.session.out:
                self._send()
            if now >= self._next_tick:
                self._tick(now)
                now = monotonic()

    def end(self) -> None:
        """Release everything, let the outlet finish, close."""
        now = time.monotonic()
        self.session.release_all(now)
        self._send()
        if self._outlet is not None:
            self._outlet.write(pack([order(Kind.CLOSE, now)]))
            deadline = now + 1.0
            while self._outlet._waiting and time.monotonic() < deadline:
                self._outlet.flush()
                time.sleep(0.005)
            self._outlet.close()
        for link in self._links:
            link.close()
        self._show_control()
        self._flush_records(now)
        for writer in (self._records, self._control):
            if writer is not None:
                writer.flush()
        self._hear_the_last()
        for writer in (self._records, self._control):
            if writer is not None:
                writer.close()
        for child in self._children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5.0)
        with contextlib.suppress(OSError):  # the last levels are movement: they must not stay behind
            os.unlink(runtime.levels_path())

    def _hear_the_last(self) -> None:
        # The outlet's final figures and sentences still reach whoever watches.
        deadline = time.monotonic() + LEAVE_S
        process = self._outlet_process
        while process is not None and process.poll() is None and time.monotonic() < deadline:
            self._outlet_said(self._outlet_talk)
            if self._control is not None:
                self._control.flush()
            time.sleep(0.01)
        self._outlet_said(self._outlet_talk)

    def _asked_to_end(self, *_: object) -> None:
        self._ending = True

    def _parent_gone(self, fd: int) -> None:
        # Whoever started us holds the other end of our standard input for as long as it lives.
        if not os.read(fd, 4096):
            self._ending = True
            self._selector.unregister(fd)

    # ------------------------------------------------------------ links

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"x")

    def _woken(self, fd: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(fd, 4096)
        for index, link in enumerate(self._links):
            self._changes(index, link)

    def _changes(self, index: int, link: Link) -> None:
        now = time.monotonic()
        for change in link.changes():
            if isinstance(change, Opened):
                self._opened(index, link, change, now)
            elif isinstance(change, Gone):
                self._gone(index, link, change.key, now)
            elif isinstance(change, Said):
                self._news({"news": "problem", "link": self.settings.links[index], "text": change.text})

    def _opened(self, index: int, link: Link, change: Opened, now: float) -> None:
        number, self._next_number = self._next_number, self._next_number + 1
        self._numbers[index, change.key] = number
        self._channels[number] = (link, change.key)
        self.session.opened(number, change.name, now, link.network)
        self._to_records(frames.OPENED, number, now, json.dumps([change.name, link.network]).encode())
        if change.fileno >= 0 and change.fileno not in self._polled:
            self._polled[change.fileno] = (link, index)
            self._selector.register(change.fileno, selectors.EVENT_READ, self._readable)

    def _gone(self, index: int, link: Link, key: object, now: float) -> None:
        number = self._numbers.pop((index, key), None)
        if number is not None:
            self._channels.pop(number, None)
            self.session.closed(number, now)
            self._to_records(frames.CLOSED, number, now, b"")

    def _readable(self, fileno: int) -> None:
        link, index = self._polled[fileno]
        found = link.read(fileno)
        arrival = time.monotonic()
        if found is None:
            self._unplugged(fileno, link, index, arrival)
            return
        if link.network:
            self._changes(index, link)
        for key, data in found:
            number = self._numbers.get((index, key))
            if number is None:
                continue
            if link.network:
                self.session.bodies_in(number, [data], arrival)
                data = wire.frame(chr(data[0]), data[1:].decode("ascii", "replace"))
            else:
                self.session.bytes_in(number, data, arrival)
            if self._records is not None:
                self._batch += frames.HEAD.pack(frames.CHUNK, number, len(data), arrival)
                self._batch += data

    def _unplugged(self, fileno: int, link: Link, index: int, now: float) -> None:
        self._selector.unregister(fileno)
        del self._polled[fileno]
        for (at, key), number in list(self._numbers.items()):
            if at == index and self._channels[number][0] is link and link.fileno_of(key) == fileno:
                self._gone(index, link, key, now)
                link.drop(key)
        self._send()

    # ------------------------------------------------------------ out

    def _send(self) -> None:
        session = self.session
        outlet = self._outlet
        if outlet is None:
            session.out.clear()
            return
        if session.declared:
            for source, text in session.declared:
                outlet.write(pack_name(source, text, time.monotonic()))
            self._names += session.declared
            session.declared.clear()
        data = pack(session.out)
        session.out.clear()
        outlet.write(data)
        if self._records is not None:
            self._batch += frames.HEAD.pack(frames.EVENTS, 0, len(data), time.monotonic())
            self._batch += data
        self._shown += data

    def _tick(self, now: float) -> None:
        self._next_tick = now + TICK_S
        session = self.session
        session.tick(now)
        if now >= self._next_beat:
            self._next_beat = now + BEAT_S
            session.out.append(order(Kind.BEAT, now))
        if session.out:
            self._send()
        for number, letter, text in session.writes:
            where = self._channels.get(number)
            if where is not None:
                where[0].write(where[1], letter, text)
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
        if self._shown:
            if self._control is not None:
                self._control.write(frames.watch(frames.EVENTS, bytes(self._shown)))
            self._shown.clear()

    def _rarely(self, now: float) -> None:
        self._next_flush = now + FLUSH_S
        self._flush_records(now)
        for writer in (self._outlet, self._control):
            if writer is not None:
                writer.flush()
        if self._outlet is None or self._outlet.broken:
            self._start_outlet()
        if now >= self._next_status:
            self._next_status = now + STATUS_S
            self._tell_control({"state": self._state()})
            if self._control is not None and self._control.broken:
                self._start_control()
            if self._records is not None and self._records.broken:
                self._start_records()
        if now >= self._next_collect and not any(c.onset.sounding for c in self.session.chains):
            self._next_collect = now + COLLECT_S
            gc.collect()

    # ------------------------------------------------------------ the other processes

    def _spawn(self, module: str, fds: list[int], *words: str) -> subprocess.Popen:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, fds), *words],
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        for fd in fds:
            os.close(fd)
        return child

    def _start_outlet(self) -> None:
        if self._outlet is not None:
            self._outlet.close()
            with contextlib.suppress(KeyError):  # the outlet's end of it may have been seen already
                self._selector.unregister(self._outlet_talk)
            self._heard.pop(self._outlet_talk, None)
            os.close(self._outlet_talk)
            self.session.release_all(time.monotonic())
            self.session.out.clear()
        events_read, events_write = os.pipe()
        talk_read, talk_write = os.pipe()
        os.set_blocking(talk_write, False)
        os.set_blocking(talk_read, False)
        specs = [spec for _, spec in self.settings.outputs]
        self._outlet_process = self._spawn("reachnote.outlet", [events_read, talk_write], self.settings.name, *specs)
        self._outlet = Writer(events_write, BACKLOG)
        self._outlet_talk = talk_read
        self._selector.register(talk_read, selectors.EVENT_READ, self._outlet_said)
        for source, text in self._names:
            self._outlet.write(pack_name(source, text, time.monotonic()))
        self.session.show_levels = any(spec.startswith("osc:") for spec in specs)

    def _start_control(self) -> None:
        if self._control is not None:
            self._control.close()
        down_read, down_write = os.pipe()
        up_read, up_write = os.pipe()
        self._children.append(self._spawn("reachnote.control", [down_read, up_write], str(runtime.control_path())))
        self._control = Writer(down_write, WATCH_BACKLOG)
        os.set_blocking(up_read, False)
        self._selector.register(up_read, selectors.EVENT_READ, self._commanded)
        self._tell_control({"state": self._state()})

    def _start_records(self) -> None:
        if self._records is not None:
            self._records.close()
        down_read, down_write = os.pipe()
        up_read, up_write = os.pipe()
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(down_write, fcntl.F_SETPIPE_SZ, 1 << 20)
        self._children.append(self._spawn("reachnote.records", [down_read, up_write]))
        self._records = Writer(down_write, 8 * WATCH_BACKLOG)
        os.set_blocking(up_read, False)
        self._selector.register(up_read, selectors.EVENT_READ, self._outlet_said)
        if self._recording:
            self._record(self.settings.record)

    def _lines(self, fd: int) -> list[dict]:
        try:
            chunk = os.read(fd, 65536)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        if not chunk:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(fd)
            return []
        *whole, rest = (self._heard.pop(fd, b"") + chunk).split(b"\n")
        if rest:
            self._heard[fd] = rest[-65536:]
        found = []
        for line in whole:
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def _outlet_said(self, fd: int) -> None:
        for thing in self._lines(fd):
            self._outlet_ready = self._outlet_ready or thing.get("news") == "outlet"
            self._news(thing)

    def _commanded(self, fd: int) -> None:
        now = time.monotonic()
        for thing in self._lines(fd):
            what = thing.get("do")
            if what == "silence":
                again = now - self._silenced < TWICE_S
                self._silenced = now
                self.session.silence(now, again or bool(thing.get("twice")))
                self._send()
            elif what == "record":
                self._record(str(thing.get("path") or ""))
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

    def _record(self, path: str) -> None:
        self.settings.record = path
        self._recording = bool(path)
        header = {
            "path": path,
            "scene": self.settings.scene,
            "client": self.settings.client,
            "outputs": [name for name, _ in self.settings.outputs],
            "seed": 0,
        }
        self._to_records(frames.RECORD if path else frames.STOP, 0, time.monotonic(), json.dumps(header).encode())
        if path:  # a journal that begins in the middle needs every board's introduction
            self.session.writes += [(number, wire.ASK_HELLO, "") for number in self._channels]
        self._tell_control({"state": self._state()})

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
            "missed_by_records": self._records.dropped if self._records else 0,
            "missed_by_control": self._control.dropped if self._control else 0,
        }


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


def load_scene(name: str) -> tuple[str, str]:
    """Text and shown name of a scene: a carried one by its name, or a file by its path. SceneProblem otherwise."""
    carried = Path(__file__).parent / "scenes" / f"{name}.toml"
    path = carried if carried.exists() else Path(name)
    try:
        return path.read_text("utf-8"), path.name if path is carried else str(path)
    except (OSError, UnicodeDecodeError) as problem:
        known = ", ".join(sorted(p.stem for p in carried.parent.glob("*.toml")))
        raise SceneProblem(f"There is no scene '{name}' ({problem}). Carried scenes: {known}; or write a file's path.") from None


def remember(settings: Settings) -> None:
    """Keep client and scene for a restart. A home that cannot be written is no reason to stop."""
    folder = runtime.state_folder()
    if folder is None:
        return
    kept = asdict(settings)
    kept["record"] = ""  # recording is never resumed by itself
    with contextlib.suppress(OSError):
        new = folder / "last.json.new"
        new.write_text(json.dumps(kept, indent=1))
        new.replace(folder / "last.json")


def remembered() -> Settings | None:
    """The settings of the last run, or None."""
    folder = runtime.state_folder()
    if folder is None:
        return None
    try:
        kept = json.loads((folder / "last.json").read_text())
        words = {key: str(kept[key]) for key in ("scene", "client", "name") if key in kept}
        links = [str(spec) for spec in kept["links"]]
        outputs = [(str(name), str(spec)) for name, spec in kept["outputs"]]
        return Settings(links=links, outputs=outputs, **words)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def main() -> int:
    settings = Settings(**json.loads(sys.argv[1]))
    settings.outputs = [(name, spec) for name, spec in settings.outputs]
    try:
        lock = only_one()
    except Taken as taken:
        print(f"reachnote is already running (process {taken}). Stop it first: reachnote stop", file=sys.stderr)
        return 4
    text, where = load_scene(settings.scene)
    session = Session(read_scene(text, where), [name for name, _ in settings.outputs], levels_page())
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
