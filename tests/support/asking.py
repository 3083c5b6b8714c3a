"""Commands as people type them, with what they say; nothing that they say may be a stack trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from support.boards import PtyBoard
from support.running import PATHS, Receiver, Running

# The owner of a file that nobody may use is refused like anybody else; root must let that privilege go first.
OBEDIENT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    def values(self) -> list:
        """Standard output as one JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def place(folder: Path, **more: str) -> dict[str, str]:
    """An environment whose runtime, state and home folders are inside `folder`."""
    own = {"REACHNOTE_RUNTIME": folder / "run", "REACHNOTE_STATE": folder / "state", "HOME": folder / "home"}
    (folder / "home").mkdir(parents=True, exist_ok=True)
    return {**os.environ, "PYTHONPATH": PATHS, **{name: str(path) for name, path in own.items()}, **more}


def ask(env: dict[str, str], *words: str, before: tuple[str, ...] = (), seconds: float = 30.0, cwd: Path | None = None) -> Answer:
    """One `reachnote` command to its end; `before` is put in front of it (a program that changes its surroundings)."""
    argv = [*before, sys.executable, "-m", "reachnote", *words]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=seconds, cwd=cwd, stdin=subprocess.DEVNULL)
    answer = Answer(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in answer.said, answer.said
    return answer


class Hurt(Running):
    """A session in other surroundings: behind a program that changes them, or with other variables (None: without it)."""

    def __init__(self, links: list[str], outs: list[str], *more: str, before: tuple[str, ...] = (), **env: str | None) -> None:
        self._before = before
        self._changed = env
        super().__init__(links, outs, *more)

    def command(self, *words: str, **how: object) -> subprocess.Popen:
        self.env.update({name: value for name, value in self._changed.items() if value is not None})
        for name in self._changed:
            if self._changed[name] is None:
                self.env.pop(name, None)
        argv = [*self._before, sys.executable, "-m", "reachnote", *words]
        return subprocess.Popen(argv, env=self.env, **how)  # type: ignore[call-overload]

    def told(self, words: str) -> str | None:
        """The line of what `play` said that has `words`."""
        return next((line for line in self.said().splitlines() if words in line), None)

    def stop(self) -> int:
        assert "Traceback" not in self.said(), self.said()
        return super().stop()


class Table:
    """A session with one board of two switches and a receiver."""

    def __init__(self, folder: Path, *more: str, links: tuple[str, ...] = (), **how: object) -> None:
        self.board = PtyBoard("pads", path=str(folder / "port"))
        self.board.stream(250)
        self.receiver = Receiver()
        outs = [self.receiver.spec]
        self.running = Hurt([f"serial:{folder / 'port'}", *links], outs, *more, **how)  # type: ignore[arg-type]
        self.running.ready()

    def asks(self, *words: str) -> Answer:
        return ask(self.running.env, *words)

    def taps(self, count: int = 1, sensor: int = 0) -> None:
        """Press and let go, each heard at the receiver."""
        for _ in range(count):
            self.holds(sensor)
            self.board.press(sensor, False)
            self.receiver.wait_sounding(0)

    def holds(self, sensor: int = 0) -> None:
        """Press until it sounds: on a busy machine a press that comes late starts no note, as it should not."""
        for left in (4, 3, 2, 1, 0):
            time.sleep(0.1)
            self.board.press(sensor)
            try:
                self.receiver.wait_sounding(1, 3.0)
                return
            except AssertionError:
                if not left:
                    raise
                self.board.press(sensor, False)
                time.sleep(0.4)

    def files(self) -> list[Path]:
        """What the session keeps in its folders now."""
        return [path for path in self.running.folder.rglob("*") if path.is_file()]

    def close(self) -> int:
        code = self.running.stop()
        self.receiver.close()
        self.board.close()
        return code
