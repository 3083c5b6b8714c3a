"""reachnote, and reachnote desk: a session with its page, or a page for the session that runs already.

The listening socket, the token and the cookie belong to this process. The desk itself is a process that may end as it likes: it is
started again behind the same door, so that an open page finds it again by itself, and it ends with this process.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reachnote import commands, midi_system, runtime
from reachnote.ask import NotRunning, Session
from reachnote.commands import Trouble
from reachnote.desk import USUAL_PORT, listen
from reachnote.desk.gate import Gate
from reachnote.keeper import CRASHES, RESTART_S, open_trouble, trouble_path
from reachnote.outputs import schemes, sound

READY_S = 10.0
END_S = 2.0
BROWSER_S = 10.0
BEHIND = 5
AGAIN_S = 30.0  # between two sentences about a desk that stopped
BESIDE = "A session is running already; the desk is open beside it. Ctrl-C closes the desk, and the session goes on."
UNUSED = "The session plays as it was started: what this command says of it is not used. To begin anew: reachnote stop"
ANOTHER = "The desk is open already; this opens another page of it."
HELD = "Another reachnote is just opening the desk and does not go on. Close it, then start again: reachnote"
OPENS = "The desk opens in your browser. If it does not: reachnote desk --no-browser"
STUCK = "The desk does not open; playing goes on without it. What happened is written in {}"
NO_PORT = "The desk cannot be opened: this computer gives no port. Close programs that you do not need, then start again."
AGAIN = "The desk stopped by surprise and opens again now. Playing goes on; an open page comes back by itself."


def add(subparsers: Any, playing: Callable[[Any], None]) -> None:
    """Add `desk` to the commands of __main__; `playing` adds the words of `play`."""
    desk = subparsers.add_parser("desk", help="play, with a page in the browser; so does reachnote alone")
    playing(desk)
    desk.add_argument("--no-browser", action="store_true", help="only print the page's address")
    desk.set_defaults(run=run, view=False)


def run(arguments: argparse.Namespace) -> int:
    """The exit code: of the session that was begun here, else 0."""
    say = _as_json if arguments.json else _as_text
    held = claim()
    if held is None:
        _unused(arguments)
        return _another_page(not arguments.no_browser, say)
    desk = Desk(held, say)
    desk.start(lambda: show(desk.gate, not arguments.no_browser, say))
    try:
        if _session_runs():
            return _beside(arguments, say)
        _usual(arguments)
        return commands.play(arguments)
    finally:
        desk.end()


def _as_text(text: str) -> None:
    print(text, flush=True)


def _as_json(text: str) -> None:
    print(json.dumps({"feed": "news", "news": "said", "text": text}), flush=True)


# ---------------------------------------------------------------- the session


def _usual(arguments: argparse.Namespace) -> None:
    """What the desk plays with where nothing else was said: boards on USB, the page's own pointer, and sound that is heard."""
    if arguments.resume and not arguments.link and not arguments.out:
        return
    arguments.link = arguments.link or ["serial:auto"]
    if "page:" not in arguments.link:
        arguments.link = [*arguments.link, "page:"]
    arguments.out = arguments.out or usual_outputs()


def usual_outputs() -> list[str]:
    """The page's own sound; with it this computer's where it can make any, else a MIDI port where there can be one."""
    more = ["sound:"] if sound.can_sound() else ["midi:virtual"] if midi_system.answers() else []
    return ["page:", *more] if "page" in schemes() else more or ["midi:virtual"]


def _session_runs() -> bool:
    try:
        Session().close()
    except NotRunning:
        return False
    return True


def _unused(arguments: argparse.Namespace) -> None:
    if arguments.link or arguments.out or arguments.scene or arguments.client or arguments.record:
        print(UNUSED, file=sys.stderr)


def _beside(arguments: argparse.Namespace, say: Callable[[str], None]) -> int:
    say(BESIDE)
    _unused(arguments)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    return 0


# ---------------------------------------------------------------- one desk for everybody who asks


def door_path() -> Path:
    """Held as long as a desk is open, and readable by its owner alone: it says where the door is, with its token."""
    return runtime.folder() / "desk"


def claim() -> int | None:
    """The descriptor that holds `door_path`, None when another desk does."""
    fd = os.open(door_path(), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    os.ftruncate(fd, 0)
    return fd


def _another_page(browser: bool, say: Callable[[str], None]) -> int:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError, KeyError):
            told = json.loads(door_path().read_text("ascii"))
            say(ANOTHER)
            opening = show(Gate(told["port"], told["token"]), browser, say)
            if opening is not None:
                opening.join(BROWSER_S)
            return 0
        time.sleep(0.05)
    raise Trouble(HELD)


def show(gate: Gate, browser: bool, say: Callable[[str], None]) -> threading.Thread | None:
    """Open the page in the browser, on a thread, or say where it is."""
    if not browser or not _browser():
        say(f"The desk is open. Its address, for a browser on this computer: {gate.address}")
        return None
    say(OPENS)

    def opened() -> None:
        # Everybody on this computer can read a browser's command line, so the address in it is good only once.
        if not webbrowser.open(gate.ticket(time.monotonic())):
            say(f"No browser opens here. Open this address in one: {gate.address}")

    opening = threading.Thread(target=opened, name="browser", daemon=True)
    opening.start()
    return opening


def _browser() -> bool:
    """Is there a browser with a window? One for a terminal would take this one."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


class Desk:
    """One launch: the door stays, the process behind it is started again whenever it ends. `held` is what `claim` answered."""

    def __init__(self, held: int, say: Callable[[str], None]) -> None:
        self._held = held
        self._say = say
        try:
            self._socket = listen(USUAL_PORT)
        except OSError:
            raise Trouble(NO_PORT) from None
        self.gate = Gate(self._socket.getsockname()[1])
        self._ending = threading.Event()
        self._alone = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._thread = threading.Thread(target=self._keep, name="desk", daemon=True)
        self._ready: Callable[[], object] = lambda: None

    def start(self, ready: Callable[[], object]) -> None:
        """`ready` is called once, from a thread, when the first page can be opened."""
        self._ready = ready
        self._thread.start()

    def end(self) -> None:
        """Close the desk; whoever asks next may open another one."""
        with self._alone:
            self._ending.set()
            process = self._process
            if process is not None and process.stdin is not None:
                process.stdin.close()  # which is how it hears of the end
        if process is not None:
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(END_S)
        self._let_go()

    def _keep(self) -> None:
        stuck, told = 0, -AGAIN_S
        while (process := self._begin()) is not None:
            assert process.stdout is not None
            opened = bool(process.stdout.readline())
            if opened and not self._ending.is_set():
                ready, self._ready = self._ready, lambda: None
                ready()
            process.wait()
            _close(process)
            if self._ending.is_set():
                return
            stuck = 0 if opened else stuck + 1
            if stuck == CRASHES:  # it never opened: starting again does not help
                self._say(STUCK.format(trouble_path()))
                self._let_go()
                return
            now = time.monotonic()
            if opened and now - told >= AGAIN_S:
                told = now
                self._say(AGAIN)
            self._ending.wait(RESTART_S)

    def _begin(self) -> subprocess.Popen | None:
        with self._alone:
            if self._ending.is_set():
                return None
            trouble = open_trouble()
            fd = self._socket.fileno()
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", "reachnote.desk", f"fd:{fd}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=trouble or subprocess.DEVNULL,
                pass_fds=(fd,),
                start_new_session=True,
            )
            if trouble is not None:
                trouble.close()
            _behind(process.pid)
            told = {"port": self.gate.port, "token": self.gate.token, "pass": self.gate.pass_}
            assert process.stdin is not None
            with contextlib.suppress(OSError):  # it ended already
                os.write(process.stdin.fileno(), json.dumps(told).encode() + b"\n")
            if os.fstat(self._held).st_size == 0:
                os.pwrite(self._held, json.dumps({"port": self.gate.port, "token": self.gate.token}).encode(), 0)
            return process

    def _let_go(self) -> None:
        held, self._held = self._held, -1
        if held >= 0:
            os.ftruncate(held, 0)
            os.close(held)
            self._socket.close()


def _close(process: subprocess.Popen) -> None:
    for end in (process.stdin, process.stdout):
        if end is not None:
            end.close()


def _behind(pid: int) -> None:
    """The desk waits while notes are on their way; Linux weighs whole sessions of processes first, and it has one of its own."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, min(os.getpriority(os.PRIO_PROCESS, 0) + BEHIND, 19))
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(BEHIND))
