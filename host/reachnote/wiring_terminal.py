"""The wiring check in a terminal: what it shows, the keyboard, and where the readings come from.

They come straight from the board, or, when a session runs, from its control stream (protocols/control.md); then only
the asked sensor's readings come, and of the others the gestures tell whether they moved.
"""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import textwrap
import time
import tty
from typing import Protocol, TextIO

from reachnote.ask import NotRunning, Session
from reachnote.board import Hello, SensorInfo
from reachnote.hearing import Heard, Hearing
from reachnote.wiring_check import Sheet, WiringCheck

FRAME_S = 1 / 15
LISTEN_EVERY_S = 2.0
BAR = 40
OVER = {"over": True}
KEYS = {"\n": "next", "\r": "next", " ": "next", "a": "again", "q": "leave"}


class Source(Protocol):
    """Where a board's readings come from. `poll` waits for a moment at most."""

    hello: Hello

    def poll(self, check: WiringCheck) -> None:
        """Hand the check what came."""


class Straight:
    """A board on a link of our own."""

    def __init__(self, hearing: Hearing, heard: Heard) -> None:
        self._hearing = hearing
        self._heard = heard
        assert heard.talk.board.hello is not None
        self.hello = heard.talk.board.hello

    def poll(self, check: WiringCheck) -> None:
        self._hearing.once()
        self._find_again(check)
        talk = self._heard.talk
        if talk.restarted:
            talk.restarted = False
            check.restart()
        for sensor, text in talk.board.said:
            check.told(sensor, text)
        talk.board.said.clear()
        for reading in talk.readings:
            check.reading(reading.sensor, reading.time, reading.raw, reading.status)
        talk.readings.clear()

    def _find_again(self, check: WiringCheck) -> None:
        # A board that was pulled out comes back on another channel.
        if self._heard.open:
            return
        for other in self._hearing.channels:
            if other.open and (hello := other.talk.board.hello) is not None and hello.uid == self.hello.uid:
                self._heard = other
                check.restart()
                return


class Running:
    """A board of the running session. NotRunning when that ends."""

    def __init__(self, session: Session, board: dict) -> None:
        self.hello = hello_of(board)
        self._session = session
        self._names = {f"{self.hello.name}/{info.name}": n for n, info in enumerate(self.hello.sensors)}
        self._listens = -1
        self._next_listen = 0.0
        session.ask("feed", levels_hz=0)
        self._feed = session.follow(0.02)

    def poll(self, check: WiringCheck) -> None:
        now = time.monotonic()
        if check.number != self._listens or now >= self._next_listen:
            self._listens, self._next_listen = check.number, now + LISTEN_EVERY_S
            sensor = self.hello.sensors[check.number].name
            self._session.tell({"do": "listen", "board": self.hello.name, "sensor": sensor})
        while time.monotonic() - now < FRAME_S:
            thing = next(self._feed, OVER)
            if thing is OVER:
                raise NotRunning
            if thing is None:
                break
            self._take(check, thing)

    def _take(self, check: WiringCheck, thing: dict) -> None:
        n = self._names.get(str(thing.get("sensor")), -1)
        if thing.get("feed") == "readings" and n >= 0:
            for at, raw, status in thing["readings"]:
                check.reading(n, at, raw, status)
        elif thing.get("feed") == "gesture" and n >= 0 and thing.get("move") == "release":
            check.moved(n, thing["time"])
        elif thing.get("news") == "ready" and thing.get("uid") == self.hello.uid:
            check.restart()


def hello_of(board: dict) -> Hello:
    """A board of a session's status as its hello."""
    names = {"name": "name", "kind": "kind", "unit": "unit", "per_unit": "per_unit", "low": "low", "high": "high", "rest": "rest"}
    names |= {"reach": "full", "rate_hz": "rate_hz"}
    sensors = tuple(SensorInfo(**{name: sensor[key] for name, key in names.items()}) for sensor in board["sensors"])
    facts = {name: board.get(name, "") for name in ("firmware", "instrument", "chip", "interpreter")}
    return Hello(uid=board["uid"], sensors=sensors, name=board["name"], **facts)


# ---------------------------------------------------------------- the picture


def picture(check: WiringCheck, board: str, width: int) -> list[str]:
    """The check as lines of at most `width` characters."""
    sheet = check.sheet
    count = len(sheet.lines)
    head = f"Wiring of {board}: sensor {check.number + 1} of {count}, {sheet.lines[check.number].sensor}"
    size = max(min(BAR, width - 10), 4)
    full = round(check.level * size)
    left = f"   {check.left_s:.0f} s" if check.left_s is not None else ""
    keys = "Enter: next   A: again   Q: end" if check.step == "told" else "Enter: skip   Q: end"
    out = [*_wrapped(head, width, ""), "", *_wrapped(check.prompt, width, "  "), ""]
    out += [f"  {'█' * full}{'·' * (size - full)}{left}", "", f"  {keys}"]
    return [line[:width].rstrip() for line in out]


def _wrapped(text: str, width: int, deep: str) -> list[str]:
    wrapped = textwrap.wrap(text, max(width - 1, 12), initial_indent=deep, subsequent_indent=deep, break_on_hyphens=False)
    return wrapped or [""]


class Walk:
    """One wiring check on one terminal; the picture goes to `out`."""

    def __init__(self, source: Source, check: WiringCheck, out: TextIO) -> None:
        self._source = source
        self._check = check
        self._out = out
        self._drawn = 0

    def run(self) -> Sheet:
        """Go through it. What was not reached says so on the sheet. NotRunning when the session ended meanwhile."""
        check = self._check
        old = termios.tcgetattr(0)
        try:
            tty.setcbreak(0)
            self._loop()
        except KeyboardInterrupt:
            check.press("leave")
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, old)
            self._draw([])
        return check.sheet

    def _loop(self) -> None:
        check, next_frame = self._check, 0.0
        while check.step != "over":
            self._source.poll(check)
            now = time.monotonic()
            check.tick(now)
            for key in self._pressed():
                check.press(key)
            if now >= next_frame:
                next_frame = now + FRAME_S
                self._draw(picture(check, self._source.hello.name, shutil.get_terminal_size((80, 24)).columns))

    def _pressed(self) -> list[str]:
        keys = b""
        while select.select([0], [], [], 0)[0]:
            more = os.read(0, 64)
            if not more:
                return ["leave"]
            keys += more
        return [KEYS[key] for key in keys.decode("utf-8", "ignore").lower() if key in KEYS]

    def _draw(self, lines: list[str]) -> None:
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        self._out.write(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._out.flush()
        self._drawn = len(lines)


def on_a_terminal(out: TextIO = sys.stdout) -> bool:
    """Whether there is a keyboard, and something to show on."""
    return sys.stdin.isatty() and out.isatty()
