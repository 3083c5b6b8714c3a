"""The keeper: starts the engine, shows what it says, starts it again after a crash, ends it with us.

What the processes behind us write to stderr goes to `trouble.txt` in the runtime folder: people are told in sentences.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from reachnote import runtime
from reachnote.ask import NotRunning, Session
from reachnote.settings import Settings
from reachnote.view import View

RESTART_S = 0.5
START_S = 10.0  # then a person is told that nobody can watch this session
CRASHES, CRASHES_S = 5, 30.0  # so many in so short a time: starting again does not help
WELL_S = 3.0  # what crashes sooner may crash by what it was asked for: the next one begins without that
TROUBLE_BYTES = 256 * 1024
TAKEN = 4


def trouble_path() -> Path:
    """Where it is written what no sentence can say."""
    return runtime.folder() / "trouble.txt"


def open_trouble() -> BinaryIO | None:
    """`trouble_path` to append to, begun anew when it grew long; None where nothing can be written."""
    with contextlib.suppress(OSError):
        path = trouble_path()
        long = path.exists() and path.stat().st_size > TROUBLE_BYTES
        return open(path, "wb" if long else "ab")
    return None


def next_take(spec: str) -> str:
    """The spec of a MIDI file with the next number, so that what was saved before a crash is kept; others unchanged."""
    scheme, _, path = spec.partition(":")
    if scheme != "file":
        return spec
    there = Path(path).expanduser()
    stem, n = re.sub(r"-\d+$", "", there.stem), 2
    while (fresh := there.with_name(f"{stem}-{n}{there.suffix}")).exists() or Path(f"{fresh}.part").exists():
        n += 1
    return f"{scheme}:{fresh}"


def fresh_take(spec: str) -> str:
    """The spec of a MIDI file that is not there yet: an older take is never overwritten."""
    scheme, _, path = spec.partition(":")
    return next_take(spec) if scheme == "file" and Path(path).expanduser().exists() else spec


class Keeper:
    def __init__(self, settings: Settings, as_json: bool, view: bool) -> None:
        self._settings = settings
        self._json = as_json
        self._view = View() if view and not as_json and sys.stdout.isatty() else None
        self._engine: subprocess.Popen | None = None
        self._ending = False
        self._crashes: deque[float] = deque(maxlen=CRASHES)

    def run(self) -> int:
        """Until the session has ended; the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)
        if runtime.state_folder() is None:
            self._print("The home folder cannot be written, so client and scene are not remembered for next time. Playing works.")
        try:
            return self._keep()
        finally:
            if self._view is not None:
                self._view.close()

    def _keep(self) -> int:
        while True:
            engine = self._start()
            began = time.monotonic()
            self._follow(engine)
            code = engine.wait()
            if code == TAKEN:
                print(_taken(), file=sys.stderr)
            if code in (0, TAKEN):
                return code
            if self._ending:
                return 0
            self._crashes.append(time.monotonic())
            self._settings.again = time.monotonic() - began > WELL_S
            if len(self._crashes) == CRASHES and self._crashes[-1] - self._crashes[0] < CRASHES_S:
                said = f"reachnote cannot go on: it stopped {CRASHES} times. What happened is written in {trouble_path()}"
                print(said, file=sys.stderr)
                return 1
            recorded, self._settings.record = self._settings.record, ""
            self._settings.outputs = [(name, next_take(spec)) for name, spec in self._settings.outputs]
            self._print(
                "reachnote stopped by surprise and starts again now. Nothing sounds by itself. "
                f"What happened is written in {trouble_path()}"
            )
            if recorded:
                self._print(f"The recording {recorded} ended there. Begin another: reachnote record FILE")
            time.sleep(RESTART_S)
            if self._ending:
                return 0

    def _start(self) -> subprocess.Popen:
        trouble = open_trouble()
        self._engine = subprocess.Popen(
            [sys.executable, "-m", "reachnote.engine", json.dumps(asdict(self._settings))],
            stdin=subprocess.PIPE,
            stderr=trouble or subprocess.DEVNULL,
            start_new_session=True,
        )
        if trouble is not None:
            trouble.close()
        if self._ending:
            self._end()
        return self._engine

    def _end(self, *_: object) -> None:
        self._ending = True
        if self._engine is not None:
            with contextlib.suppress(ProcessLookupError):
                self._engine.send_signal(signal.SIGTERM)

    # ------------------------------------------------------------ what is said

    def _follow(self, engine: subprocess.Popen) -> None:
        first = True
        while engine.poll() is None:
            session = self._connect(engine)
            if session is None:
                self._nobody_can_watch(engine)
                return
            with session, contextlib.suppress(NotRunning):
                self._watch(session, engine, first)
            first = False

    def _watch(self, session: Session, engine: subprocess.Popen, first: bool) -> None:
        session.ask("feed", levels_hz=20 if self._view or self._json else 0)
        reply = session.ask("status")  # after the feed began, so that no news falls between
        if self._view is not None:
            self._view.status(reply["status"])
        if first and not self._settings.record and self._view is None:  # the view has it in its first line
            self._print("Not recording.")
        for thing in reply.get("news", []) if first else []:
            self._show({"feed": "news", **thing})
        for thing in session.follow(0.2):
            if thing is not None:
                self._show(thing)
            elif engine.poll() is not None:
                return
            if self._view is not None:
                self._view.draw()

    def _connect(self, engine: subprocess.Popen) -> Session | None:
        """A connection to this very engine; None when it ended or nobody can be reached."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and engine.poll() is None:
            with contextlib.suppress(NotRunning):
                session = Session()
                with contextlib.suppress(NotRunning):
                    if session.ask("status")["status"].get("pid") == engine.pid:
                        return session
                session.close()
            time.sleep(0.02)
        return None

    def _nobody_can_watch(self, engine: subprocess.Popen) -> None:
        if engine.poll() is None:
            self._print(
                "reachnote plays, but other programs cannot watch it or silence it. Ctrl-C ends it in silence. "
                f"What happened is written in {trouble_path()}"
            )
            recording = self._settings.record
            self._print(f"Recording to {recording}." if recording else "Not recording.")

    def _show(self, thing: dict) -> None:
        if thing.get("news") == "client" and isinstance(thing.get("client"), str):
            self._settings.client = thing["client"]  # after a crash the same client plays on
        if self._json:
            print(json.dumps(thing), flush=True)
        elif self._view is not None:
            self._view.take(thing)
        elif thing.get("feed") == "news" and thing.get("text"):
            self._print(thing["text"])

    def _print(self, text: str) -> None:
        if self._json:
            print(json.dumps({"feed": "news", "news": "said", "text": text}), flush=True)
        elif self._view is not None:
            self._view.take({"feed": "news", "text": text})
        else:
            print(text, flush=True)


def _taken() -> str:
    holder = ""
    with contextlib.suppress(OSError):
        holder = runtime.lock_path().read_text("ascii", "replace").strip()
    return f"reachnote is already running{f' (process {holder})' if holder else ''}. Stop it first: reachnote stop"
