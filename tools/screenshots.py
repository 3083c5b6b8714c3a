"""Every screen of the desk as a picture: a session with simulated boards, a desk and Debian's Chromium, all of its own.

    python3 tools/screenshots.py --out DIR [--only NAME]

Makes DIR/LOOK/SCREEN.png for every look (light, dark, high contrast, forced colours, dark room, 200 % text) and screen.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), *(str(ROOT / part) for part in ("tests", "host", "protocols"))]

import reachnote_wire as wire  # noqa: E402
from support.boards import DISTANCE, PRESSURE, SWITCH, PtyBoard, hello_text  # noqa: E402
from support.running import Receiver, Running  # noqa: E402

SIZE = {"width": 1280, "height": 720}
PAGE = ROOT / "host" / "reachnote" / "desk" / "page"
SCREENS = ("today", "connect", "client", "reach", "sound", "play", "finish", "help", "look", "musician")
SESSION = {
    "since": 31,
    "minutes": [0, 4, 12, 9, 15, 22, 18, 6, 0, 11, 19, 24, 30, 26, 21, 8, 3, 14, 17, 25, 28, 22, 12, 9, 5, 11, 16, 13, 7, 2, 1],
}


class Look(NamedTuple):
    """How a context of the browser is made, and what was chosen on the page."""

    context: dict
    kept: dict


LOOKS = {
    "light": Look({"color_scheme": "light"}, {}),
    "dark": Look({"color_scheme": "dark"}, {}),
    "high": Look({"color_scheme": "light"}, {"look": "high"}),
    "forced": Look({"forced_colors": "active"}, {}),
    "room": Look({"color_scheme": "dark"}, {"look": "room"}),
    "large": Look({"color_scheme": "light"}, {"text": "200"}),
}


class NamedBoard(PtyBoard):
    """A simulated board that says its own name."""

    def __init__(self, name: str, sensors: list[dict], path: str) -> None:
        self.name = name
        super().__init__(name.lower().replace(" ", "-")[:32], sensors, path)

    def hello(self) -> None:
        self.send(wire.frame(wire.HELLO, hello_text(self.uid, self.sensors, self.boot, name=self.name)))


class Room:
    """Boards, a session, its receiver and a desk. `address` lets one browser in."""

    def __init__(self, *boards: tuple[str, list[dict]]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rn-desk-"))
        self.receiver = Receiver()
        self.boards = [NamedBoard(name, sensors, str(self.folder / f"port{n}")) for n, (name, sensors) in enumerate(boards)]
        for board in self.boards:
            board.stream(100)
        self.run = Running([f"serial:{board.link_path}" for board in self.boards], [self.receiver.spec]).ready(
            len(self.boards), 30.0
        )
        self.desk: subprocess.Popen | None = None
        self.open()

    def open(self) -> None:
        """Start the desk."""
        command = [sys.executable, "-m", "reachnote.desk", "0"]
        self.desk = subprocess.Popen(command, env=self.run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.desk.stdout is not None
        self.address = self.desk.stdout.readline().strip()
        self.origin = self.address.partition("/enter")[0]

    def shut(self) -> None:
        """End the desk, and wait for it."""
        if self.desk is not None:
            assert self.desk.stdin is not None and self.desk.stdout is not None
            self.desk.stdin.close()
            self.desk.wait(10)
            self.desk.stdout.close()
            self.desk = None

    def close(self) -> None:
        self.shut()
        self.run.stop()
        for board in self.boards:
            if board.master >= 0:
                board.close()
        self.receiver.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def room() -> Room:
    """Two boards with everything that a desk has to show."""
    ball = {**PRESSURE, "name": "ball"}
    hand = {**DISTANCE, "name": "hand"}
    return Room(("Blue pads", [{**SWITCH, "name": "left"}, {**SWITCH, "name": "right"}]), ("Green ribbon", [ball, hand]))


@contextlib.contextmanager
def chromium() -> Iterator[object]:
    """Debian's Chromium, headless."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium")
    if found is None:
        raise FileNotFoundError("Chromium is not there. Install it: apt-get install chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def page_of(browser: object, there: Room, look: str = "light", **kept: str) -> object:
    """A page of the desk that has settled: the socket is open and the session was heard. `kept` is what was chosen before."""
    how = LOOKS[look]
    context = browser.new_context(viewport=SIZE, locale="en-GB", reduced_motion="reduce", **how.context)  # type: ignore[attr-defined]
    chosen = {f"reachnote-{key}": value for key, value in {**how.kept, **kept}.items()}
    context.add_init_script(f"for (const [key, value] of Object.entries({json.dumps(chosen)})) localStorage.setItem(key, value);")
    page = context.new_page()
    page.goto(there.address)
    settled(page, len(there.boards))
    return page


def holds(page: object, script: str, seconds: float = 10.0) -> None:
    """Wait until `script` is true in the page; the page's own policy forbids Playwright's way of waiting."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(script):  # type: ignore[attr-defined]
        if time.monotonic() > deadline:
            raise AssertionError(f"never within {seconds} s: {script}")
        time.sleep(0.02)


def settled(page: object, boards: int) -> None:
    """Wait until the frame shows so many boards."""
    names = f"document.querySelectorAll('.chips .chip-name').length === {boards}"
    holds(page, names if boards <= 2 else f"document.querySelector('.chips')?.textContent.includes({boards})")


def to(page: object, screen: str) -> None:
    """Go to a screen and wait until it is drawn."""
    page.evaluate(f"location.hash = '{screen}'")  # type: ignore[attr-defined]
    page.wait_for_selector(f".screen-{screen} > *")  # type: ignore[attr-defined]
    page.wait_for_timeout(250)  # type: ignore[attr-defined]


def picture(page: object, folder: Path, name: str) -> None:
    """The window as it is; where text is so large that it scrolls, a window as high as the page."""
    folder.mkdir(parents=True, exist_ok=True)
    high = page.evaluate("document.documentElement.scrollHeight")  # type: ignore[attr-defined]
    page.set_viewport_size({**SIZE, "height": max(high, SIZE["height"])})  # type: ignore[attr-defined]
    page.wait_for_timeout(150)  # type: ignore[attr-defined]
    page.screenshot(path=str(folder / f"{name}.png"))  # type: ignore[attr-defined]
    page.set_viewport_size(SIZE)  # type: ignore[attr-defined]


def every_screen(browser: object, there: Room, look: str, out: Path, only: str) -> None:
    """All pictures of one look."""
    folder = out / look
    page = page_of(browser, there, look)
    since = f"Date.now() - {SESSION['since']} * 60000"
    kept = f"{{since: {since}, ended: 0, marks: [], minutes: {json.dumps(SESSION['minutes'])}}}"
    page.context.add_init_script(f"sessionStorage.setItem('reachnote-session', JSON.stringify({kept}))")  # type: ignore[attr-defined]
    page.reload()  # type: ignore[attr-defined]
    settled(page, len(there.boards))
    for screen in SCREENS:
        if only and screen != only:
            continue
        to(page, screen)
        if screen == "play":
            sounding(page, there)
        if screen == "help":
            page.locator(".small-tile").first.click()  # type: ignore[attr-defined]
            page.wait_for_timeout(700)  # type: ignore[attr-defined]
        picture(page, folder, screen)
        if screen == "play":
            page.locator(".lock").click()  # type: ignore[attr-defined]
            page.wait_for_timeout(200)  # type: ignore[attr-defined]
            picture(page, folder, "play-locked")
            page.locator(".lock").click(delay=2300)  # type: ignore[attr-defined]
            there.boards[0].press(0, False)
            there.boards[1].move(0, 0)
    if not only or only == "trouble":
        to(page, "connect")
        there.boards[0].unplug()
        page.wait_for_selector("trouble-bar:not([hidden])")  # type: ignore[attr-defined]
        page.wait_for_timeout(400)  # type: ignore[attr-defined]
        picture(page, folder, "trouble")
        to(page, "sound")
        picture(page, folder, "trouble-sound")
        there.boards[0].plug()
        there.boards[0].stream(100)
        holds(page, "document.querySelectorAll('.chip.is-ready').length === 2")
    page.context.close()  # type: ignore[attr-defined]


def sounding(page: object, there: Room) -> None:
    """Press and squeeze until notes are named on the page: a slow computer may have taken the board for gone meanwhile."""
    for _ in range(10):
        there.boards[0].press(0, False)
        there.boards[1].move(0, 0)
        page.wait_for_timeout(200)  # type: ignore[attr-defined]
        there.boards[0].press(0, True)
        there.boards[1].move(0, 700)
        page.wait_for_timeout(500)  # type: ignore[attr-defined]
        if page.evaluate("[...document.querySelectorAll('.bar-note')].filter((note) => note.textContent).length > 1"):  # type: ignore[attr-defined]
            return


def others(browser: object, there: Room, out: Path) -> None:
    """What is the same in every look: the clients' view, and the longest words that we have."""
    page = page_of(browser, there, "dark")
    page.goto(f"{there.origin}/client.html")  # type: ignore[attr-defined]
    page.wait_for_selector("svg")  # type: ignore[attr-defined]
    there.boards[1].move(0, 800)
    page.wait_for_timeout(800)  # type: ignore[attr-defined]
    picture(page, out / "others", "clients")
    there.boards[1].move(0, 0)
    page.context.close()  # type: ignore[attr-defined]
    page = page_of(browser, there, language="de", notes="german")
    for screen in SCREENS:
        to(page, screen)
        picture(page, out / "others", f"de-{screen}")
    page.context.close()  # type: ignore[attr-defined]


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the pictures go")
    words.add_argument("--only", default="", metavar="NAME", help="only this screen, or `trouble`")
    words.add_argument("--look", choices=LOOKS, action="append", help="only this look; can be given again")
    given = words.parse_args()
    began = time.monotonic()
    with room() as there, chromium() as browser:
        for look in given.look or LOOKS:
            every_screen(browser, there, look, given.out, given.only)
        if not given.only and not given.look:
            others(browser, there, given.out)
    count = len(list(given.out.rglob("*.png")))
    print(f"{count} pictures in {given.out}, {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
