"""What the desk costs beside the notes, and how quick its page is: a session, a desk and Debian's Chromium, all of their own.

    python3 tools/bench/desk.py [--json] [--only NAME]

Everything is real: pseudo-terminals, engine, outlet, control, desk, sockets, a browser. Milliseconds unless a name says
otherwise. tests/system/test_desk_live.py holds the same figures against their limits.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), *(str(ROOT / part) for part in ("tests", "host", "protocols"))]
from tools import prepare  # noqa: E402

PAGES = 5
SCENE = "format = 1\n" + "".join(
    f'[[voice]]\nsensor = "board pads/s{n}"\nnotes = 1\noctave = {3 + n}\noutputs = ["raw"]\n' for n in range(4)
) + '[[voice]]\nfor = ["all"]\noutputs = ["rest"]\n'
"""The pads alone are heard by the receiver, and each by a key of its own: with so many sensors, channels are shared."""
KEYS = [48, 60, 72, 84]
SIZE = {"width": 1280, "height": 720}

# Registered before the page's own: it looks at what the frame before left in the canvas.
LOOK = """() => {
  const one = document.createElement("canvas");
  one.width = one.height = 1;
  const pen = one.getContext("2d", { willReadFrequently: true });
  const soon = new MessageChannel();
  const now = () => performance.timeOrigin + performance.now();
  const probe = (window.probe = { spot: null, ink: null, drawn: [], shown: [], full: { drawn: false, shown: false } });
  const look = (when) => {
    const canvas = document.querySelector("reach-bars canvas");
    if (!probe.spot || !canvas) return;
    pen.clearRect(0, 0, 1, 1);
    pen.drawImage(canvas, ...probe.spot, 1, 1, 0, 0, 1, 1);
    probe.ink = [...pen.getImageData(0, 0, 1, 1).data];
    const full = probe.ink.slice(0, 3).some((ink, n) => Math.abs(ink - probe.track?.[n]) > 24);
    if (full !== probe.full[when]) probe[when].push([now(), (probe.full[when] = full)]);
  };
  soon.port1.onmessage = () => look("drawn");
  const frame = () => {
    requestAnimationFrame(frame);
    look("shown");
    soon.port2.postMessage(0);
  };
  frame();
}"""
# The bar of the sensor that a meter is named after, a little below its half, near the left edge, where no shape is drawn.
SPOT = """(name) => {
  const canvas = document.querySelector("reach-bars canvas");
  const names = [...document.querySelectorAll("reach-bars [role=meter]")].map((meter) => meter.getAttribute("aria-label"));
  const each = canvas.clientWidth / names.length;
  const wide = Math.min(each * 0.62, 150);
  const x = Math.round((names.indexOf(name) + 0.5) * each - wide / 2 + 5);
  const room = canvas.clientHeight - 8 - Math.min(wide * 0.78, 84) - 16;
  const y = Math.round(4 + room / 2);
  const at = canvas.getBoundingClientRect();
  if (names.indexOf(name) < 0 || devicePixelRatio !== 1) throw new Error(names.join());
  window.probe.spot = [x, y];
  return { x: Math.round(at.x + x), y: Math.round(at.y + y), bars: names.length };
}"""
EARLY = """
addEventListener("keydown", (event) => (window.keyed ??= []).push(performance.timeOrigin + event.timeStamp), { capture: true });
window.long = [];
window.watching = new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) long.push([startTime, duration]);
});
watching.observe({ type: "longtask", buffered: true });
window.frames = { drawn: 0 };
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...where) {
  if (this.canvas.parentElement?.localName === "reach-bars") frames.drawn += 1;
  return clear.apply(this, where);
};
"""


def percentiles(name: str, values: list[float]) -> dict:
    from support.running import percentile

    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "worst": 1.0}
    return {f"{name}_{called}_ms": round(percentile(values, share), 3) for called, share in shares.items()}


# ---------------------------------------------------------------- what stands


@contextlib.contextmanager
def table(*more: str, **how: object) -> Iterator:
    """A session with its boards and a receiver (support.desks.Desk), ready."""
    from support.desks import Desk

    with tempfile.TemporaryDirectory(prefix="rn-table-") as folder:
        (Path(folder) / "scene.toml").write_text(SCENE)
        desk = Desk(Path(folder), *[word.replace("SCENE", f"{folder}/scene.toml") for word in more], **how)  # type: ignore[arg-type]
        try:
            desk.ready(len(desk.boards) + (how.get("first", "desk") == "desk"), 40)  # and the page's pointer
            yield desk
        finally:
            desk.stop()


APART = ("--scene", "SCENE", "--out", "rest=page:")


class Window:
    """A browser and its page on the screen Play. `renderers()` are the numbers of its processes that draw."""

    def __init__(self, door) -> None:
        from tools.screenshots import chromium

        self._open = contextlib.ExitStack()
        self.browser = self._open.enter_context(chromium())
        self.door = door
        self.context = self.browser.new_context(viewport=SIZE, locale="en-GB")
        self.context.add_init_script(EARLY)
        self.page = self.open()

    def open(self):
        """A new page, on Play."""
        self.page = self.context.new_page()
        self.page.goto(f"http://{self.door.host}/enter?token={self.door.token}")
        self.page.wait_for_selector("main h1")
        self.page.evaluate(LOOK)
        self.page.evaluate("location.hash = 'play'")
        self.page.wait_for_selector("reach-bars .bar-label")
        return self.page

    def renderers(self) -> list[int]:
        return [process["id"] for process in self._processes() if process["type"] == "renderer"]

    def behind(self) -> None:
        """Take what processor time is left: without a graphics processor a page that opens fills both cores of a small computer."""
        for process in self._processes():
            with contextlib.suppress(OSError):
                Path(f"/proc/{process['id']}/autogroup").write_text("19")

    def _processes(self) -> list[dict]:
        session = self.browser.new_browser_cdp_session()
        try:
            return session.send("SystemInfo.getProcessInfo")["processInfo"]
        finally:
            session.detach()

    def ahead(self) -> tuple[float, float]:
        """How far the page's clock is ahead of ours, in seconds, and how sure that is."""
        best = (0.0, float("inf"))
        for _ in range(30):
            asked = time.time()
            there = self.page.evaluate("performance.timeOrigin + performance.now()") / 1000
            unsure = (time.time() - asked) / 2
            if unsure < best[1]:
                best = (there - asked - unsure, unsure)
        return best

    def pixel(self, place: dict) -> tuple[int, int, int]:
        """One pixel of a picture of the window."""
        picture = self.page.screenshot(clip={"x": place["x"], "y": place["y"], "width": 1, "height": 1})
        data, at = b"", 8
        while at < len(picture):
            (length,) = struct.unpack(">I", picture[at : at + 4])
            if picture[at + 4 : at + 8] == b"IDAT":
                data += picture[at + 8 : at + 8 + length]
            at += length + 12
        red, green, blue = zlib.decompress(data)[1:4]  # of a single pixel every filter leaves the values as they are
        return red, green, blue

    def close(self) -> None:
        self._open.close()


    # ------------------------------------------------------------ what `Apart` asks for

    def again(self, crashed: bool = False) -> None:
        """Another page in the place of this one, which is closed before; one that crashed is closed after."""
        before = self.page
        if not crashed:
            before.close()
        self.open()
        if crashed:
            before.close()

    def ask(self, script: str) -> object:
        return self.page.evaluate(script)


class Apart:
    """A Window in a process of its own: what drives a browser keeps Python busy, and a board must not wait for that."""

    def __init__(self, door) -> None:
        from multiprocessing import get_context

        context = get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, door.host, door.token), daemon=True)
        self._process.start()
        self._answer()

    def do(self, name: str, *words: object) -> object:
        """What the Window's method of that name answers."""
        self._pipe.send((name, words))
        return self._answer()

    def close(self) -> None:
        self._pipe.send(("close", ()))
        self._process.join(20)

    def _answer(self) -> object:
        well, said = self._pipe.recv()
        assert well, said
        return said


def _serve(pipe, host: str, token: str) -> None:
    from types import SimpleNamespace

    window = Window(SimpleNamespace(host=host, token=token))
    window.behind()
    pipe.send((True, None))
    while True:
        name, words = pipe.recv()
        try:
            said = getattr(window, name)(*words)
            if name == "close":
                return
            pipe.send((True, said))
        except Exception as problem:
            pipe.send((False, repr(problem)))


# ---------------------------------------------------------------- beside the notes


def share(seconds: float = 20.0) -> dict:
    """Processor time of the desk with five pages, each told of 16 sensors that move (and of the others that there are)."""
    from support.desks import busy_s
    from support.pages import Pages
    from support.playing import Sway

    with table(pressure=(8, 8)) as desk, contextlib.closing(Sway(desk.ribbons)):
        with contextlib.closing(Pages(desk.door(), PAGES)) as pages:
            time.sleep(1.0)
            pages.so_far()
            pid = desk.desk()
            began, busy = time.monotonic(), busy_s(pid)
            time.sleep(seconds)
            spent = (busy_s(pid) - busy) / (time.monotonic() - began)
            told = pages.so_far()
        notes = len(desk.receiver.notes_on(began))
    return {
        "desk_share": round(spent, 4),
        "pages": len(told),
        "sensors": min(page["sensors"] for page in told),
        "moving": min(page["moving"] for page in told),
        "levels_hz_least": min(page["levels_hz"] for page in told),
        "levels_hz_most": max(page["levels_hz"] for page in told),
        "gap_ms": max(page["gap_ms"] for page in told),
        "notes_per_s": round(notes / seconds, 1),
    }


def note_path(blocks: int = 8, block_s: float = 17.0) -> dict:
    """From a press to its note in turns: without a desk, and with one and five pages. 16 sensors move all the time."""
    from support.playing import Hand, Sway

    late: dict[str, list[float]] = {"alone": [], "beside": []}
    amiss: dict[str, list[str]] = {"alone": [], "beside": []}
    levels: list[float] = []
    with contextlib.ExitStack() as open_now:
        desk = open_now.enter_context(table(*APART, first="play", sensors=4, pressure=(6, 6)))
        open_now.enter_context(contextlib.closing(Sway(desk.ribbons)))
        hand = open_now.enter_context(contextlib.closing(Hand(desk.board, desk.receiver, KEYS)))
        for block in range(blocks):
            arm = ("alone", "beside")[block % 2]
            with contextlib.ExitStack() as there:
                pages = there.enter_context(open_pages(desk)) if arm == "beside" else None
                time.sleep(1.0)
                if pages is not None:
                    pages.so_far()
                began = time.monotonic()
                time.sleep(block_s)
                ended = time.monotonic()
                if pages is not None:
                    levels += [page["levels_hz"] for page in pages.so_far()]
            time.sleep(0.5)
            heard = hand.heard(began, ended)
            late[arm] += heard.late_ms
            amiss[arm] += heard.amiss
    found = percentiles("alone", late["alone"]) | percentiles("beside", late["beside"])
    more = round(found["beside_p99_ms"] - found["alone_p99_ms"], 3)
    counts = {"presses_alone": len(late["alone"]), "presses_beside": len(late["beside"]), "levels_hz_least": min(levels)}
    return {**found, "p99_more_ms": more, **counts, "amiss": len(amiss["alone"]) + len(amiss["beside"])}


@contextlib.contextmanager
def open_pages(desk) -> Iterator:
    """Five pages of `reachnote desk` beside a session."""
    from support.desks import Door, address_of
    from support.pages import Pages
    from support.running import until

    with open(desk.folder / "beside", "w+") as said:
        process = desk.command("desk", "--no-browser", stdout=said, stderr=subprocess.STDOUT)
        try:
            text = until(lambda: "token=" in (now := (desk.folder / "beside").read_text()) and now, 20, "the desk's address")
            with contextlib.closing(Pages(Door(*address_of(str(text))), PAGES)) as pages:
                yield pages
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)


# ---------------------------------------------------------------- what is seen


def to_pixel(count: int = 200) -> dict:
    """From a board's line to the pixel of its bar: `drawn` when it is in the canvas, `shown` when the next frame begins.

    16 sensors move. A picture of the window proves that the pixel is seen. The clocks agree within `unsure_ms`.
    """
    from support.playing import Sway

    chance = random.Random(20261121)
    with table(pressure=(8, 8), sensors=1) as desk, contextlib.closing(Window(desk.door())) as window:
        page, ribbon = window.page, desk.ribbons[0]
        place = page.evaluate(SPOT, "board ribbon0, s0")
        with contextlib.closing(Sway(desk.ribbons, but=frozenset({(0, 0)}))):
            ribbon.move(0, 0)
            time.sleep(0.7)
            empty = window.pixel(place)
            page.evaluate("() => (probe.track = probe.ink)")
            ribbon.move(0, 1000)
            time.sleep(1.0)
            filled = window.pixel(place)
            proof = max(abs(a - b) for a, b in zip(empty, filled, strict=True))
            ahead, unsure = window.ahead()
            ribbon.move(0, 0)
            time.sleep(1.0)
            page.evaluate("() => { probe.drawn = []; probe.shown = []; frames.drawn = 0; }")
            began, moved = time.monotonic(), []
            for n in range(count):
                moved.append((time.time() + ahead, n % 2 == 0))
                ribbon.move(0, 1000 if n % 2 == 0 else 0)
                time.sleep(chance.uniform(0.2, 0.3))
            frames = page.evaluate("frames.drawn") / (time.monotonic() - began)
            seen = page.evaluate("({drawn: probe.drawn, shown: probe.shown})")
    found: dict = {"bars": place["bars"], "frames_hz": round(frames, 1), "unsure_ms": round(1000 * unsure, 2), "proof": proof}
    for when in ("drawn", "shown"):
        delays = answered(moved, [(at / 1000, full) for at, full in seen[when]])
        found |= percentiles(when, delays) | {f"{when}_of": len(delays)}
    return {**found, "moves": count}


def answered(moved: list[tuple[float, bool]], seen: list[tuple[float, bool]], within: float = 0.2) -> list[float]:
    """Milliseconds from every move to the first change that shows it."""
    found = []
    for at, full in moved:
        first = next((when for when, showed in seen if at - 0.001 <= when < at + within and showed is full), None)
        if first is not None:
            found.append(1000 * (first - at))
    return found


def long_tasks(seconds: float = 60.0) -> dict:
    """What kept the page's thread busy for longer than 50 ms, while it loads and while 16 sensors move on Play."""
    from support.playing import Sway

    with table(pressure=(8, 8), sensors=1) as desk, contextlib.closing(Window(desk.door())) as window:
        page = window.page
        with contextlib.closing(Sway(desk.ribbons)):
            time.sleep(2.0)
            loaded = page.evaluate("() => { frames.drawn = 0; return performance.now(); }")
            began = time.monotonic()
            time.sleep(seconds)
            frames = page.evaluate("frames.drawn") / (time.monotonic() - began)
            notes = len(desk.receiver.notes_on(began))
        ended = page.evaluate("performance.now()")
        page.evaluate("() => { setTimeout(() => { const end = performance.now() + 120; while (performance.now() < end); }); }")
        time.sleep(0.5)
        tasks = page.evaluate("long")
    loading = [length for at, length in tasks if at < loaded]
    playing = [length for at, length in tasks if loaded <= at < ended]
    return {
        "tasks_over_50_ms": len(playing),
        "longest_ms": max(playing, default=0.0),
        "while_loading": len(loading),
        "while_loading_longest_ms": max(loading, default=0.0),
        "planted": sum(length >= 110 for at, length in tasks if at >= ended - 5),
        "frames_hz": round(frames, 1),
        "notes_per_s": round(notes / seconds, 1),
        "seconds": seconds,
    }


# ---------------------------------------------------------------- silence


def hold(desk, switches: int, seconds: float) -> None:
    """Press the first switches, and go on once they have sounded for so long: a slow computer may take a board for gone meanwhile."""
    for _ in range(20):
        for switch in range(switches):
            desk.board.press(switch)
        end = time.monotonic() + 1.0
        while len(desk.receiver.sounding) < switches and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(seconds)
        if len(desk.receiver.sounding) == switches:
            return
        let_go(desk, switches)
        time.sleep(0.2)
    raise AssertionError(f"{switches} notes never sounded for {seconds} s: this computer has no time for a board")


def let_go(desk, switches: int) -> None:
    for switch in range(switches):
        desk.board.press(switch, False)


def escape(count: int = 200, alone: int = 25) -> dict:
    """From Esc to the last of eight ends of notes at the receiver.

    `asked` is from our asking the browser to press the key, `key` from the key's own time in the browser. `alone` of the presses
    come by themselves, the others within two seconds of another, which also resets synths.
    """
    asked, keyed, times = [], [], []
    with table(sensors=8) as desk, contextlib.closing(Window(desk.door())) as window:
        page, receiver = window.page, desk.receiver
        ahead, unsure = window.ahead()
        wall = time.time() - time.monotonic()
        for n in range(count):
            hold(desk, 8, 2.1 if n % (count // alone) == 0 else 0.03)
            times.append(time.monotonic())
            page.keyboard.press("Escape")
            ended = receiver.ended_at()
            asked.append(1000 * (ended - times[-1]))
            keyed.append(ended)
            let_go(desk, 8)
            time.sleep(0.1)
        pressed = [at / 1000 - ahead - wall for at in page.evaluate("keyed")]
    assert len(pressed) == count, "the page met another number of keys"
    own = [1000 * (end - at) for end, at in zip(keyed, pressed, strict=True)]
    return {**percentiles("asked", asked), **percentiles("key", own), "presses": count, "unsure_ms": round(1000 * unsure, 2)}


def silence(count: int = 20) -> dict:
    """While every process that draws the page stands still: from `reachnote silence` to the end of the note.

    `command` is from the start of that process, `request` from a request of a program that runs already.
    """
    found: dict[str, list[float]] = {"command": [], "request": []}
    with table() as desk, contextlib.closing(Window(desk.door())) as window:
        frozen = window.renderers()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            for n in range(2 * count):
                hold(desk, 1, 0.1)
                how = ("command", "request")[n % 2]
                began = time.monotonic()
                if how == "command":
                    process = desk.command("silence", stdout=subprocess.DEVNULL)
                    ended = desk.receiver.ended_at(10)
                    assert process.wait(10) == 0
                else:
                    assert desk.ask("silence")["ok"]
                    ended = desk.receiver.ended_at()
                found[how].append(1000 * (ended - began))
                let_go(desk, 1)
                time.sleep(0.15)
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
    bare = []
    for _ in range(5):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(1000 * (time.monotonic() - began))
    figures = percentiles("command", found["command"]) | percentiles("request", found["request"])
    return {**figures, "python_alone_ms": round(min(bare), 1), "frozen": len(frozen)}


PARTS: dict[str, Callable[[], dict]] = {
    part.__name__: part for part in (share, note_path, to_pixel, long_tasks, escape, silence)
}


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--json", action="store_true", help="one object on one line")
    words.add_argument("--only", choices=PARTS, action="append", help="only this part; can be given again")
    given = words.parse_args()
    python = prepare.environment("test")
    if Path(sys.prefix).resolve() != prepare.VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
    found = {name: PARTS[name]() for name in given.only or PARTS}
    if given.json:
        print(json.dumps(found))
    else:
        for name, values in found.items():
            print(name, *[f"    {key:24} {value}" for key, value in values.items()], sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
