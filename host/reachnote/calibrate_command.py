"""`reachnote calibrate`: the dialogue of `calibration.dialogue` in a terminal, by the keyboard alone."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from typing import Any

from reachnote import calibrating, journal
from reachnote.ask import NotRunning, Session
from reachnote.calibrate_view import picture
from reachnote.calibrating import keep, sensors_of, stored_of
from reachnote.calibration import words
from reachnote.calibration.dialogue import Dialogue
from reachnote.calibration.excerpt import Excerpt, Shown
from reachnote.calibration.fit import Fit, fit_excerpt
from reachnote.calibration.pads import fit_pad
from reachnote.calibration.steps import MODES, Sensor
from reachnote.commands import Trouble
from reachnote.listening import heard_of
from reachnote.profile import Calibration, ProfileProblem, client_code

FRAME_S = 1 / 15
START_S = 15.0
SOON_S = 2.0  # for a board with more than switches, once one is there
KEYS = {
    "\n": "next", "\r": "next", " ": "next", "b": "back", "x": "drop", "a": "assist", "y": "yes", "n": "no",
    "e": "easier", "h": "harder", "k": "keep", "q": "leave", "\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down",
}  # fmt: skip


def add(subparsers: Any) -> None:
    """The words of the command."""
    command = subparsers.add_parser("calibrate", help="fit a sensor to a client's comfortable movement")
    command.add_argument("--client", default=None, metavar="CODE", help="a code for the client, never a name; keeps the result")
    command.add_argument("--sensor", default="", metavar="BOARD/SENSOR", help="which sensor, when there are several")
    modes = ", ".join(mode.replace(" ", "-") for mode in MODES)
    command.add_argument("--mode", default="guided", metavar="MODE", help=f"one of {modes}")
    command.add_argument("--from", dest="journal", default="", metavar="JOURNAL", help="from a recorded session")
    command.add_argument("--rest", action="append", default=[], metavar="A-B", help="with --from: seconds of rest")
    command.add_argument("--gesture", action="append", default=[], metavar="A-B", help="with --from: seconds of a gesture")
    command.add_argument("--link", action="append", default=[], metavar="LINK", help="for the session that is begun if none runs")
    command.add_argument("--out", action="append", default=[], metavar="OUT", help="likewise")
    command.add_argument("--json", action="store_true", help="the result as one JSON object")
    command.set_defaults(run=calibrate)


def calibrate(arguments: argparse.Namespace) -> int:
    mode = arguments.mode.replace("-", " ") if arguments.mode != "therapist-set" else arguments.mode
    if mode not in MODES:
        raise Trouble(f"There is no mode '{arguments.mode}'. Write one of {', '.join(m.replace(' ', '-') for m in MODES)}.", 2)
    try:
        client = client_code(arguments.client) if arguments.client else ""
        if arguments.journal:
            return _from_journal(arguments, client)
        if not sys.stdin.isatty() or not sys.stdout.isatty():
            raise Trouble("Calibrating needs a terminal with a keyboard. From a recording: reachnote calibrate --from JOURNAL", 2)
        with _session(arguments, client) as session:
            return Terminal(session, arguments, client, mode).run()
    except ProfileProblem as problem:
        raise Trouble(str(problem)) from None
    except NotRunning:
        raise Trouble("The session has ended meanwhile, so nothing was kept.", 3) from None


# ---------------------------------------------------------------- keeping


def result(sensor: Sensor, fit: Fit, sentences: list[str], kept: Calibration | None) -> dict:
    """What a program is told."""
    facts = {name: value for name, value in fit.facts.items() if value == value and abs(value) != float("inf")}
    return {
        "board": sensor.board, "sensor": sensor.name, "kind": sensor.kind, "unit": sensor.unit, "rest": fit.rest, "span": fit.span,
        "grade": fit.grade, "reason": fit.reason, "sentences": sentences, "facts": facts, "parameters": fit.parameters,
        "kept": kept.number if kept else None,
    }  # fmt: skip


# ---------------------------------------------------------------- from a recording


def _from_journal(arguments: argparse.Namespace, client: str) -> int:
    try:
        with open(arguments.journal, encoding="ascii", errors="replace") as file:
            _, entries = journal.read(file, arguments.journal)
            found = heard_of(entries)
    except OSError as problem:
        raise Trouble(f"The journal {arguments.journal} cannot be read ({problem.strerror}). Check its name.") from None
    except journal.JournalProblem as problem:
        raise Trouble(str(problem)) from None
    names = [name for name, (sensor, _) in found.items() if sensor.kind != "switch"]
    sensor, readings = found[_chosen(arguments.sensor, names)]
    first = readings[0].time if readings else 0.0
    rests = [(first + a, first + b) for a, b in map(_span, arguments.rest)]
    shown = [Shown(first + a, first + b) for a, b in map(_span, arguments.gesture)]
    last = readings[-1].time if readings else first
    for span in [*rests, *((s.start, s.end) for s in shown)]:
        if span[1] > last + 0.5:
            raise Trouble(f"The recording of {sensor.name} is {last - first:.0f} s long; {span[1] - first:g} s is beyond its end.", 2)
    excerpt = Excerpt([r.time for r in readings], [r.raw for r in readings], [r.status for r in readings], rests, shown)
    if sensor.kind == "impact":
        fit = fit_pad(excerpt, 1)
    else:
        fit = fit_excerpt(excerpt, sensor.kind, sensor.direction, None, (sensor.low, sensor.high))
    sentences = words.sentences(fit.grade, fit.reason, fit.facts)
    kept = keep(client, sensor, fit, "while playing" if not shown else "guided", 1.0)
    if arguments.json:
        print(json.dumps(result(sensor, fit, sentences, kept)))
    else:
        print(f"{sensor.board}, {sensor.name}: {' '.join(sentences)}")
        print(f"Kept for {client}." if kept else "Nothing is kept; with --client CODE it is.")
    return 0


def _span(text: str) -> tuple[float, float]:
    start, dash, end = text.partition("-")
    try:
        span = float(start), float(end)
    except ValueError:
        span = (1.0, 0.0)
    if not dash or not 0 <= span[0] < span[1]:
        raise Trouble(f"'{text}' is no stretch of time. Write seconds from the beginning, like 2-10.", 2)
    return span


def _chosen(wanted: str, names: list[str]) -> str:
    if not names:
        raise Trouble("There is no sensor to calibrate: no board with anything but switches is there. Switches need none.")
    fits = [name for name in names if wanted in (name, name.partition("/")[2])] if wanted else names
    if len(fits) == 1:
        return fits[0]
    what = f"There is no sensor '{wanted}'" if wanted and not fits else "There are several sensors"
    raise Trouble(f"{what}. Write --sensor and one of: {', '.join(repr(name) for name in names)}.", 2)


# ---------------------------------------------------------------- the session


@contextlib.contextmanager
def _session(arguments: argparse.Namespace, client: str) -> Iterator[Session]:
    """The running session, or one of our own that ends with us."""
    running = None
    with contextlib.suppress(NotRunning):
        running = Session()
    if running is not None:
        with running:
            yield running
        return
    more = [word for name in ("link", "out") for spec in getattr(arguments, name) for word in (f"--{name}", spec)]
    more += ["--client", client] if client else []
    command = [sys.executable, "-m", "reachnote", "play", "--json", *more]
    print("No session runs, so one is begun for this; it ends with it.", flush=True)
    own = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        with _awaited(own) as session:
            yield session
    finally:
        own.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            own.wait(10.0)
        own.stderr.close()


def _awaited(own: subprocess.Popen[str]) -> Session:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with contextlib.suppress(NotRunning):
            return Session()
        if own.poll() is not None:
            raise Trouble(own.stderr.read().strip() or "The session ended at once.")
        time.sleep(0.05)
    raise Trouble("The session did not begin. Look what is missing: reachnote check")


def _only_one(sensor: Sensor) -> int:
    """Hold the lock of this sensor's one calibration; Trouble when another window has it."""
    try:
        return calibrating.only_one(sensor)
    except calibrating.Taken as taken:
        raise Trouble(f"{taken} Go on there, or leave it with Q.") from None


class Terminal:
    """One dialogue on one terminal."""

    def __init__(self, session: Session, arguments: argparse.Namespace, client: str, mode: str) -> None:
        self._session = session
        self._arguments = arguments
        self._mode = mode
        self._keys = b""
        self._drawn = 0
        state = self._status()
        self._client = client or str(state.get("client") or "")
        self._number = 0

    def run(self) -> int:
        sensor = self._sensor()
        lock = _only_one(sensor)
        stored = stored_of(self._client, sensor)
        talk = Dialogue(sensor, self._mode, (stored.rest, stored.span) if stored else None)
        if self._mode == "as last time" and stored is None:
            raise Trouble(f"There is no calibration of {self._client or 'this client'} yet. Write: reachnote calibrate")
        old = termios.tcgetattr(0)
        try:
            tty.setcbreak(0)
            self._talk(talk, stored)
        except KeyboardInterrupt:
            talk.press("leave")
            self._send(talk, stored)
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, old)
            os.close(lock)
        return self._end(talk, sensor, stored)

    # ------------------------------------------------------------ which sensor

    def _status(self) -> dict:
        return self._session.ask("status")["status"]

    def _sensor(self) -> Sensor:
        end = time.monotonic() + START_S
        told = False
        while True:
            state = self._status()
            boards = any(board["state"] == "ready" for board in state.get("boards", []))
            found = sensors_of(state)
            if found or time.monotonic() > end - (START_S - SOON_S if boards else 0.0):
                break
            if not told:
                told = True
                print("Looking for a board ...", flush=True)
            time.sleep(0.2)
        if len(found) > 1 and not self._arguments.sensor:
            return found[self._asked(list(found))]
        return found[_chosen(self._arguments.sensor, list(found))]

    def _asked(self, names: list[str]) -> str:
        print("Which sensor?")
        for n, name in enumerate(names, 1):
            print(f"  {n}  {name.replace('/', ', ')}")
        while True:
            try:
                said = input("Number: ").strip()
            except EOFError:
                raise Trouble("No sensor was chosen, so nothing was changed.") from None
            if said.isdigit() and 1 <= int(said) <= len(names):
                return names[int(said) - 1]

    # ------------------------------------------------------------ talking

    def _talk(self, talk: Dialogue, stored: Calibration | None) -> None:
        sensor = talk.sensor
        self._session.ask("feed", levels_hz=0)
        next_listen = next_frame = 0.0
        hearing = calibrating.Hearing(talk, time.monotonic())
        feed = self._session.follow(0.02)
        while not talk.done:
            now = time.monotonic()
            if now >= next_listen:
                next_listen = now + calibrating.LISTEN_EVERY_S
                self._say(calibrating.listen(sensor))
            thing = next(feed, "over")
            if thing == "over":
                raise NotRunning
            if thing and thing.get("feed") == "readings":
                hearing.readings(thing["readings"], now)
            away = hearing.away(now)
            hearing.tick(now)
            for key in self._pressed():
                if not away or key == "leave":
                    talk.press(key)
            self._send(talk, stored)
            if now >= next_frame:
                next_frame = now + FRAME_S
                self._draw(talk, away)
        self._say(calibrating.listen(sensor, on=False))
        self._draw(talk)

    def _pressed(self) -> list[str]:
        while select.select([0], [], [], 0)[0]:
            more = os.read(0, 64)
            if not more:
                return ["leave"]
            self._keys += more
        text, self._keys = self._keys.decode("utf-8", "ignore"), b""
        found = []
        while text:
            size = 3 if text.startswith(("\x1b[", "\x1bO")) else 1
            word, text = KEYS.get(text[:size].lower() if size == 1 else text[:size]), text[size:]
            if word:
                found.append(word)
        return found

    def _send(self, talk: Dialogue, stored: Calibration | None) -> None:
        for thing in calibrating.orders_of(talk, stored):
            self._say({"do": "order", **thing})

    def _say(self, request: dict) -> None:
        self._session.tell(request)

    # ------------------------------------------------------------ drawing

    def _draw(self, talk: Dialogue, away: str = "") -> None:
        lines = picture(talk, self._client, shutil.get_terminal_size((80, 24)).columns, away)
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        sys.stdout.write(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        sys.stdout.flush()
        self._drawn = len(lines)

    def _end(self, talk: Dialogue, sensor: Sensor, stored: Calibration | None) -> int:
        if talk.fit is None:
            print(" ".join(talk.sentences) if talk.keep_stored or self._mode == "as last time" else "Nothing was changed.")
            return 0
        try:
            kept = keep(self._client, sensor, talk.fit, talk.mode, talk.factor)
        except ProfileProblem as problem:
            print(f"{problem}\nIt plays in this session all the same.", file=sys.stderr)
            return 1
        if self._arguments.json:
            print(json.dumps(result(sensor, talk.fit, talk.sentences, kept)))
        elif kept:
            earlier = f" Earlier ones: reachnote clients history {self._client}" if kept.number > 1 else ""
            print(f"Kept for {self._client}.{earlier}")
        else:
            print("It plays until the session ends. To keep it, name a client: reachnote calibrate --client CODE")
        return 0
