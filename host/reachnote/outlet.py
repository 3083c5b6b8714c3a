"""The outlet: a tiny process that owns the outputs and the ledger of sounding notes.

    python -m reachnote.outlet EVENTS_FD TALK_FD SPEC...

reads records (`reachnote.pipe`) from EVENTS_FD and says what people should know as JSON lines on TALK_FD.
A keeper forks a worker that does all of it; when the worker dies, the keeper forks the next one at once, which
first ends every note in the mirror of the ledger and takes over the guard as it was. Pipe closed: release, close, end.
Nothing on the pipe for `SILENT_S`: release.
"""

from __future__ import annotations

import contextlib
import gc
import heapq
import itertools
import json
import mmap
import os
import select
import signal
import sys
import time
from collections.abc import Callable

from reachnote import runtime
from reachnote.ledger import Ledger
from reachnote.model import Event, Kind, order
from reachnote.outputs import Output, OutputProblem, listens, open_output
from reachnote.pipe import Unpacker

NEVER = float("inf")
SILENT_S = 0.5  # without a heartbeat for this long the engine is taken for dead
BEAT_S = 0.02
LOOK_S = 0.5
UNHEARD_S = 2.0  # a port of our own learns within 1 s who joined it
NOBODY_HEARS = (
    "Notes are played, but nothing hears them. Turn the sound on in the page, start the program that is to sound, "
    "or join it to the port reachnote."
)
GUARDED = (Kind.LIMITS, Kind.SOFTER, Kind.STOP, Kind.LIFT)  # orders that change where the guard stands
PAGE_BYTES = 1 << 14  # for what a worker's guard leaves to the next one
AGAIN_S = (0.1, 0.3, 1.0)
"""When the endings of a former worker's notes are said again: a connection just made may lose what is sent first (JACK)."""


class Missing:
    """Stands where an output could not be opened, and says why."""

    wants_levels = False

    def __init__(self, why: str) -> None:
        self.dropped = 0
        self._why = why

    def send(self, event: Event, text: str = "") -> None:
        self.dropped += 1

    def beat(self, now: float) -> None:
        pass

    def trouble(self) -> str | None:
        return self._why

    def lost_and_found(self) -> bool:
        return False

    def close(self) -> None:
        pass


class Unheard:
    """Notes that nobody hears: told once, some UNHEARD_S after the first of them, and once more when somebody does."""

    def __init__(self) -> None:
        self.played = False  # since the last look
        self.next = 0.0
        self._since = NEVER
        self._told = False

    def look(self, heard: bool, now: float) -> dict | None:
        """Now and then; `heard`: is there an output that somebody listens to? The news, if there is any."""
        self.next = now + LOOK_S
        played, self.played = self.played, False
        if heard:
            told, self._told, self._since = self._told, False, NEVER
            return {"news": "heard", "text": "The notes are heard now."} if told else None
        if played and self._since == NEVER:
            self._since = now
        if self._told or now - self._since < UNHEARD_S:
            return None
        self._told = True
        return {"news": "unheard", "text": NOBODY_HEARS}


class Outlet:
    """Outputs, ledger, mirror. `mirror[(channel - 1) * 128 + key]` is the mask of outputs on which a note sounds.

    `page` outlives this process: what the guard must not forget, as text that ends with a zero byte.
    """

    def __init__(
        self, specs: list[str], name: str, mirror: memoryview, say: Callable[[dict], None], page: mmap.mmap | bytearray | None = None
    ) -> None:
        self.ledger = Ledger()
        self._mirror = mirror
        self._page = page if page is not None else bytearray(PAGE_BYTES)
        self._say = say
        self._troubles: list[str | None] = [None] * len(specs)
        self.outputs: list[Output] = [self._open(spec, name) for spec in specs]
        self._levels = [n for n, output in enumerate(self.outputs) if output.wants_levels]
        self.sent = 0
        self._left: list[tuple[int, int, int]] = []
        self._again: list[float] = []
        self._latencies: list[float] = []
        self._unheard = Unheard()
        self._coming: list[tuple[float, int, Event]] = []
        self._order = itertools.count()

    def adopt(self, now: float) -> int:
        """Guard as a former worker did, and end what it left sounding. Returns how many notes that were."""
        kept = bytes(self._page[: self._page.find(b"\0")])
        if kept:
            self.ledger.guard.restore(kept.decode("ascii", "replace"), now)
        left = [n for n in range(16 * 128) if self._mirror[n]]
        for n in left:
            self.ledger.adopt(n // 128 + 1, n % 128, self._mirror[n])
        if left:
            self._left = [(n // 128 + 1, n % 128, self._mirror[n]) for n in left]
            self._again = [now + later for later in AGAIN_S]
            self._play(self.ledger.release_all(now))
        return len(left)

    def take(self, event: Event, text: str) -> None:
        """One record from the engine."""
        if event.kind in (Kind.LEVEL, Kind.NAME):
            for output in self.outputs:
                if event.kind == Kind.NAME or output.wants_levels:
                    output.send(event, text)
            return
        now = time.monotonic()
        if event.time > now:
            if event.kind == Kind.TRANSPORT:  # told a moment ahead, so that the beat waits for nobody
                heapq.heappush(self._coming, (event.time, next(self._order), event))
                return
            event = event._replace(time=now)  # a moment that has not come would stop the guard's clock
        self._play(self.ledger.take(event, text))
        if event.kind == Kind.NOTE_ON:
            self._latencies.append(time.monotonic() - event.time)
            self._unheard.played = True
        elif event.kind in GUARDED:
            self._guarded()

    @property
    def due(self) -> float:
        """When `on_time` is wanted; inf for never."""
        return self._coming[0][0] if self._coming else NEVER

    def on_time(self, now: float) -> None:
        """Send what was told ahead and is due."""
        while self._coming and self._coming[0][0] <= now:
            self._play([heapq.heappop(self._coming)[2]])

    def release_all(self) -> None:
        self.ledger.guard.soften_all()
        self._play(self.ledger.release_all(time.monotonic()))

    def _guarded(self) -> None:
        guard = self.ledger.guard
        kept = guard.kept().encode("ascii") + b"\0"
        self._page[: len(kept)] = kept
        self._say({"news": "guard", **guard.figures(), "text": guard.sentence()})

    def beat(self, now: float) -> None:
        """Let outputs flush and look for lost ports; tell what changed."""
        if self._again and now >= self._again[0]:
            del self._again[0]
            self._end_again(now)
        for n, output in enumerate(self.outputs):
            output.beat(now)
            if output.lost_and_found():
                self._found_again(n, now)
            trouble = output.trouble()
            if trouble != self._troubles[n]:
                self._troubles[n] = trouble
                self._say({"news": "output", "output": n, "text": trouble or "The output is back."})
        if now >= self._unheard.next:
            told = self._unheard.look(any(map(listens, self.outputs)), now)
            if told:
                self._say(told)

    def figures(self) -> dict:
        """Counts since the last call's, for whoever watches."""
        latencies, self._latencies = self._latencies, []
        return {
            "news": "figures",
            "ons": self.ledger.ons,
            "offs": self.ledger.offs,
            "refused": self.ledger.guard.refused,
            "guard": self.ledger.guard.figures(),
            "dropped": sum(output.dropped for output in self.outputs),
            "latencies_ms": [round(1000 * s, 3) for s in latencies[-200:]],
        }

    def close(self) -> None:
        self.release_all()
        self._play(self.ledger.take(order(Kind.LIFT, time.monotonic())))  # a shared synth is not left quieter than it was
        for output in self.outputs:
            output.close()

    def _play(self, events: list[Event]) -> None:
        mirror = self._mirror
        for event in events:
            kind = event.kind
            place = (event.channel - 1) * 128 + event.a
            if kind == Kind.NOTE_ON:
                mirror[place] |= event.outputs
            mask = event.outputs
            for n, output in enumerate(self.outputs):
                if mask >> n & 1:
                    output.send(event)
            if kind == Kind.NOTE_OFF:
                mirror[place] &= ~mask & 0xFFFF
        self.sent += len(events)

    def _end_again(self, now: float) -> None:
        sounding = self.ledger.sounding()
        for channel, key, mask in self._left:
            if (channel, key) in sounding:
                continue
            for n, output in enumerate(self.outputs):
                if mask >> n & 1:
                    output.send(Event(Kind.NOTE_OFF, channel, key, 64, 0, mask, now))

    def _found_again(self, n: int, now: float) -> None:
        # A receiver that came back may still hold what sounded when it went.
        for channel, key in self.ledger.sounding():
            self.outputs[n].send(Event(Kind.NOTE_OFF, channel, key, 64, 0, 0xFFFF, now))
        for event in self.ledger.guard.levels.again(n, now):
            self.outputs[n].send(event)

    def _open(self, spec: str, name: str) -> Output:
        try:
            return open_output(spec, name)
        except OutputProblem as problem:
            why = str(problem)
        except Exception as problem:  # a library's own surprise must not cost the other outputs
            why = f"{spec} could not be opened: {problem}. The other outputs play on."
        return Missing(why)


def work(events: int, talk: int, specs: list[str], name: str, mirror: memoryview, page: mmap.mmap) -> None:
    """The worker's life: until the pipe closes or CLOSE comes."""

    def say(thing: dict) -> None:
        with contextlib.suppress(OSError):
            os.write(talk, json.dumps(thing).encode() + b"\n")

    outlet = Outlet(specs, name, mirror, say, page)
    adopted = outlet.adopt(time.monotonic())
    if adopted:
        say({"news": "adopted", "notes": adopted, "text": f"{adopted} notes were ended after the outlet restarted."})
    outlet.beat(time.monotonic())
    say({"news": "outlet", "pid": os.getpid(), "outputs": len(outlet.outputs)})
    runtime.hurry()
    gc.collect()
    gc.freeze()
    gc.disable()
    unpacker = Unpacker()
    heard = time.monotonic()
    next_beat = heard
    next_figures = heard
    alive = False
    while True:
        ready, _, _ = select.select([events], [], [], max(min(BEAT_S, outlet.due - time.monotonic()), 0.0))
        if outlet.due < NEVER:
            outlet.on_time(time.monotonic())
        if ready:
            chunk = os.read(events, 4096)
            if not chunk:
                break
            for event, text in unpacker.feed(chunk):
                if event.kind == Kind.CLOSE:
                    outlet.close()
                    say(outlet.figures())
                    os._exit(0)
                outlet.take(event, text)
            heard = time.monotonic()
            alive = True
        now = time.monotonic()
        if alive and now - heard > SILENT_S:
            alive = False
            outlet.release_all()
        if now >= next_beat:
            next_beat = now + BEAT_S
            outlet.beat(now)
        if now >= next_figures:
            next_figures = now + 1.0
            say(outlet.figures())
    outlet.close()
    os._exit(0)


def keep(events: int, talk: int, specs: list[str], name: str) -> int:
    """The keeper's life: one worker after another until one ends by itself."""
    mirror = open_mirror()
    page = mmap.mmap(-1, PAGE_BYTES)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the pipe's end is the order to go
    while True:
        born = time.monotonic()
        child = os.fork()
        if child == 0:
            _die_with_parent()
            try:
                work(events, talk, specs, name, mirror, page)
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(3)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            return 0
        if time.monotonic() - born < 0.2:
            time.sleep(0.2)


def open_mirror() -> memoryview:
    """The mirror of the ledger as 2048 masks, kept in a file of the runtime folder."""
    path = runtime.ledger_path()
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(fd, runtime.LEDGER_BYTES)
    mirror = memoryview(mmap.mmap(fd, runtime.LEDGER_BYTES)).cast("H")
    os.close(fd)
    for n in range(len(mirror)):
        if mirror[n]:  # of a former outlet whose outputs may have stood in another order
            mirror[n] = 0xFFFF
    return mirror


def _die_with_parent() -> None:
    # A worker without its keeper could never be replaced: the engine starts a new pair instead.
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        pass


def main() -> int:
    events, talk = int(sys.argv[1]), int(sys.argv[2])
    return keep(events, talk, sys.argv[4:], sys.argv[3])


if __name__ == "__main__":
    sys.exit(main())
