"""`reachnote play` as people run it: real processes, a runtime folder of their own, a receiver that notes arrival times.

Only processes that carry our runtime folder in their environment are ever looked at or ended.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from reachnote.ask import NotRunning, Session

ROOT = Path(__file__).resolve().parents[2]
PATHS = os.pathsep.join(str(ROOT / part) for part in ("host", "protocols", "firmware"))


def until(true: Callable[[], object], seconds: float, what: str) -> object:
    """Wait for `true()`; AssertionError names what never came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.005)
    raise AssertionError(f"never within {seconds} s: {what}")


class Heard(NamedTuple):
    """One MIDI message where it arrived; `status` without the channel, `channel` 1..16."""

    time: float
    status: int
    channel: int
    a: int
    b: int


class Receiver:
    """The far end of an output: `raw:PATH` writes into a pseudo-terminal that this reads on a thread."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.heard: list[Heard] = []
        self.transport: list[Heard] = []  # clock, start, stop, continue, position: the whole status, channel 0
        self.sounding: dict[tuple[int, int], float] = {}
        self.ons: dict[tuple[int, int], int] = {}
        self.offs: dict[tuple[int, int], int] = {}
        self._rest = b""
        self._alive = True
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def spec(self) -> str:
        return f"raw:{self.path}"

    def notes_on(self, since: float = 0.0) -> list[Heard]:
        return [m for m in list(self.heard) if m.status == 0x90 and m.time >= since]

    def notes_off(self, since: float = 0.0) -> list[Heard]:
        return [m for m in list(self.heard) if m.status == 0x80 and m.time >= since]

    def wait_sounding(self, count: int, seconds: float = 5.0) -> None:
        until(lambda: len(self.sounding) == count, seconds, f"{count} notes sounding at the receiver (now {len(self.sounding)})")

    def ended_at(self, seconds: float = 5.0) -> float:
        """When the last sounding note ended, waiting for it."""
        self.wait_sounding(0, seconds)
        return max(m.time for m in list(self.heard) if m.status == 0x80)

    def _read(self) -> None:
        while self._alive:
            if select.select([self._master], [], [], 0.2)[0]:
                chunk = os.read(self._master, 4096)
                self._take(chunk, time.monotonic())

    def _take(self, chunk: bytes, now: float) -> None:
        data = self._rest + chunk
        at = 0
        while at < len(data):
            length = 1 if data[at] >= 0xF8 else 2 if data[at] & 0xF0 in (0xC0, 0xD0) else 3
            if at + length > len(data):
                break
            a, b = data[at + 1] if length > 1 else 0, data[at + 2] if length == 3 else 0
            if data[at] < 0xF0:
                self._message(Heard(now, data[at] & 0xF0, (data[at] & 15) + 1, a, b))
            else:
                self.transport.append(Heard(now, data[at], 0, a, b))
            at += length
        self._rest = data[at:]

    def _message(self, m: Heard) -> None:
        key = (m.channel, m.a)
        self.heard.append(m)
        if m.status == 0x90:
            self.ons[key] = self.ons.get(key, 0) + 1
            self.sounding[key] = m.time
        elif m.status == 0x80:
            self.offs[key] = self.offs.get(key, 0) + 1
            self.sounding.pop(key, None)

    def close(self) -> None:
        self._alive = False
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


class Running:
    """A session of its own: start it, ask it, find its processes, hurt them, end it."""

    def __init__(self, links: list[str], outs: list[str], *more: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rn-"))
        self.env = {
            **os.environ,
            "PYTHONPATH": PATHS,
            "REACHNOTE_RUNTIME": str(self.folder / "run"),
            "REACHNOTE_STATE": str(self.folder / "state"),
        }
        words = [word for link in links for word in ("--link", link)] + [word for out in outs for word in ("--out", out)]
        self._said = open(self.folder / "said", "w+")  # noqa: SIM115
        self.play = self.command("play", *words, *more, stdout=self._said, stderr=subprocess.STDOUT)

    def command(self, *words: str, **how: object) -> subprocess.Popen:
        """Any `reachnote` command in this session's runtime folder."""
        return subprocess.Popen([sys.executable, "-m", "reachnote", *words], env=self.env, **how)  # type: ignore[call-overload]

    def said(self) -> str:
        return (self.folder / "said").read_text()

    # ------------------------------------------------------------ asking

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A connection to the control socket. NotRunning when nothing answers."""
        before = os.environ.get("REACHNOTE_RUNTIME")
        os.environ["REACHNOTE_RUNTIME"] = self.env["REACHNOTE_RUNTIME"]
        try:
            asked = Session()
        finally:
            if before is None:
                del os.environ["REACHNOTE_RUNTIME"]
            else:
                os.environ["REACHNOTE_RUNTIME"] = before
        with asked:
            yield asked

    def reply(self) -> dict:
        """The whole reply to `status` ({} while nothing answers)."""
        with contextlib.suppress(NotRunning), self.session() as session:
            return session.ask("status")
        return {}

    def status(self) -> dict:
        return self.reply().get("status", {})

    def news(self) -> list[dict]:
        return self.reply().get("news", [])

    def ask(self, do: str, **more: object) -> dict:
        with self.session() as session:
            return session.ask(do, **more)

    def ready(self, boards: int = 1, seconds: float = 10.0) -> Running:
        """Wait until so many boards are ready and the outlet has its outputs open."""

        def there() -> bool:
            reply = self.reply()
            states = [board["state"] for board in reply.get("status", {}).get("boards", [])]
            return states.count("ready") >= boards and any(n.get("news") == "outlet" for n in reply.get("news", []))

        try:
            until(there, seconds, f"{boards} boards ready")
        except AssertionError as never:
            said = self.said()
            self.stop()
            raise AssertionError(f"{never}; reachnote said: {said}") from None
        return self

    # ------------------------------------------------------------ processes

    def pids(self) -> dict[int, list[str]]:
        """Process number -> command words, of every live process with our runtime folder."""
        mark = f"REACHNOTE_RUNTIME={self.env['REACHNOTE_RUNTIME']}".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                if mark not in (folder / "environ").read_bytes().split(b"\0"):
                    continue
                if (folder / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                    found[int(folder.name)] = (folder / "cmdline").read_text().split("\0")
        return found

    def _of(self, module: str, parent: int | None = None) -> int:
        for pid, words in sorted(self.pids().items()):
            if f"reachnote.{module}" in words and (parent is None or parent_of(pid) == parent):
                return pid
        raise AssertionError(f"no process of reachnote.{module}")

    def engine(self) -> int:
        return self._of("engine")

    def keeper(self) -> int:
        """The outlet's keeper: the engine's own child."""
        return self._of("outlet", self.engine())

    def worker(self) -> int:
        """The outlet's worker, which owns the outputs."""
        return self._of("outlet", self.keeper())

    # ------------------------------------------------------------ end

    def stop(self) -> int:
        """End it as Ctrl-C would; whatever of ours is left after 5 s is ended by number. The exit code."""
        if self._said.closed:
            return self.play.returncode
        code = -1
        with contextlib.suppress(ProcessLookupError):
            self.play.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.play.wait(5)
        deadline = time.monotonic() + 5
        while self.pids() and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGKILL)
        self.play.wait()
        self._said.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def resident_kib(pid: int) -> int:
    """Memory that a process alone has in RAM (private pages), KiB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith(("Private_Clean", "Private_Dirty")))


def open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def percentile(figures: list[float], share: float) -> float:
    """The smallest figure that `share` of them do not exceed."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * int(share * 1000) // 1000) - 1))]
