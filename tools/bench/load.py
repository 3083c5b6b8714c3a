"""A house full of boards, for benches and long tests: pseudo-terminals that stream reading lines at full rate.

    python3 tools/bench/load.py --boards 8 --sensors 8 --rate 250 --seconds 30 --dir DIR

makes DIR/board0 .. DIR/board7, answers ask-hello, streams once it was asked, presses the first sensor (a switch) of every
board on a script, and prints one JSON object at the end: lines sent, and when each edge left (monotonic nanoseconds).
The other sensors move below what sounds. SIGTERM ends it early, with the same summary.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
import tty
from binascii import crc32
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
with contextlib.suppress(ImportError):
    import reachnote_wire as wire
if "wire" not in globals():
    sys.path.insert(0, str(ROOT / "protocols"))
    import reachnote_wire as wire

SHAPES = 64  # different sets of values that go round
QUIET_SHARE = 0.2  # of the reach: the moving sensors stay below what sounds
HOLD_NS = 150_000_000
REST_NS = 1_000_000_000  # from a board's first line to its first press


class LoadBoard:
    """One board: a pseudo-terminal behind the name `path`, a switch and moving pressure sensors."""

    def __init__(self, n: int, path: Path, sensors: int) -> None:
        self.uid = f"load{n}"
        self.path = path
        self.lines = self.dropped = 0
        self.longest_gap_ns = self._last_ns = 0  # between two of its lines: this machine's fault, not the host's
        self.edges: list[tuple[int, int]] = []
        self.streaming_since = 0
        self.pressed = False
        self._edge_us = 0
        self._seq = 0
        self._hello = wire.frame(wire.HELLO, wire.ascii_json(hello(n, sensors)))
        self._shapes = [shape(k, sensors - 1) for k in range(SHAPES)]
        self.fd, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self.fd, False)
        new = path.with_name(path.name + ".new")
        with contextlib.suppress(OSError):
            new.unlink()
        new.symlink_to(os.ttyname(slave))
        new.replace(path)
        self._slave = slave  # held, so that reading never fails while nobody has the port open

    def line(self, now_ns: int) -> None:
        us = now_ns // 1000
        age = (us - self._edge_us) // 250
        word = (self.pressed << 20) | (len(self.edges) & 255) << 12 | (age if age < 4095 else 4095)
        body = b"$r%04x%08x%08x%b" % (self._seq, us & wire.TIME_MASK, word, self._shapes[self._seq & SHAPES - 1])
        if self._write(b"%b%08x\n" % (body, crc32(body))):
            self._seq = self._seq + 1 & 0xFFFF
            self.lines += 1
            if self._last_ns:
                self.longest_gap_ns = max(self.longest_gap_ns, now_ns - self._last_ns)
            self._last_ns = now_ns

    def press(self, now_ns: int, pressed: bool) -> None:
        """An edge; its line leaves at once."""
        self.pressed = pressed
        self._edge_us = now_ns // 1000
        self.edges.append((now_ns, int(pressed)))
        self.line(now_ns)

    def hear(self) -> None:
        with contextlib.suppress(OSError):
            if b"$a" in os.read(self.fd, 4096):
                self._write(self._hello)
                self.streaming_since = self.streaming_since or time.monotonic_ns()

    def _write(self, data: bytes) -> bool:
        try:
            return os.write(self.fd, data) == len(data)
        except BlockingIOError:
            self.dropped += 1  # a whole line or none
            return False

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._slave)
        os.close(self.fd)


def hello(n: int, sensors: int) -> dict:
    """What board `n` says of itself."""
    listed: list[dict] = [{"name": "switch", "kind": "switch"}]
    listed += [
        {"name": f"pad {k}", "kind": "pressure", "min": 0, "max": 10000, "rest": 0, "reach": 10000} for k in range(1, sensors)
    ]
    return {"wire": 1, "uid": f"load{n}", "boot": str(os.getpid()), "name": f"Board {n}", "rate_hz": 250, "sensors": listed}


def shape(k: int, count: int) -> bytes:
    """The k-th set of `count` sensor words."""
    top = 10000 * QUIET_SHARE
    return b"".join(b"%08x" % int(top * (0.5 + 0.5 * math.sin(math.tau * k / SHAPES + i))) for i in range(count))


class Load:
    """`boards` boards of `sensors` sensors in one loop, their lines spread evenly over the period."""

    def __init__(self, folder: Path, boards: int = 8, sensors: int = 8, rate: float = 250.0, presses_hz: float = 1.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.boards = [LoadBoard(n, folder / f"board{n}", sensors) for n in range(boards)]
        self.ended = False
        self.late_ns: list[int] = []
        self.stalls: list[tuple[int, int]] = []  # when this machine gave us no time, monotonic ns
        self._began = 0
        self._period = int(1e9 / rate)
        self._press_period = int(1e9 / presses_hz) if presses_hz else 0

    def run(self, seconds: float) -> None:
        start = self._began = time.monotonic_ns()
        end = start + int(seconds * 1e9)
        step = self._period // len(self.boards)
        fds = [board.fd for board in self.boards]
        by_fd = {board.fd: board for board in self.boards}
        turns = 0
        due = start
        while not self.ended and due < end:
            wait = due - time.monotonic_ns()
            for fd in select.select(fds, [], [], wait * 1e-9 if wait > 0 else 0)[0] if wait > 0 or turns % 64 == 0 else ():
                by_fd[fd].hear()
            now = time.monotonic_ns()
            if now < due:
                continue
            if now - due > 20_000_000:  # we slept: a board would not send what it missed
                self.stalls.append((due, now))
                due = now
            if turns & 15 == 0:
                self._note_lateness(now - due)
            n = turns % len(self.boards)
            board = self.boards[n]
            if board.streaming_since:
                self._turn(board, n, now - start)
            turns += 1
            due += step

    def _turn(self, board: LoadBoard, n: int, since: int) -> None:
        wanted = False
        if self._press_period and board.streaming_since + REST_NS < since + self._began:
            phase = (since + n * self._press_period // len(self.boards)) % self._press_period
            wanted = phase < HOLD_NS and (board.pressed or phase < HOLD_NS // 4)
        now = time.monotonic_ns()
        if wanted != board.pressed:
            board.press(now, wanted)
        else:
            board.line(now)

    def _note_lateness(self, late: int) -> None:
        if len(self.late_ns) < 100_000:
            self.late_ns.append(late)

    def summary(self) -> dict:
        late = sorted(self.late_ns) or [0]
        return {
            "boards": [
                {"uid": b.uid, "path": str(b.path), "lines": b.lines, "dropped": b.dropped, "edges": b.edges} for b in self.boards
            ],
            "longest_gap_ms": round(max(b.longest_gap_ns for b in self.boards) / 1e6, 1),
            "stalls": self.stalls,
            "lines": sum(b.lines for b in self.boards),
            "dropped": sum(b.dropped for b in self.boards),
            "presses": sum(sum(pressed for _, pressed in b.edges) for b in self.boards),
            "late_ms_p99": round(late[len(late) * 99 // 100] / 1e6, 3),
            "cpu_s": round(time.process_time(), 3),
        }

    def close(self) -> None:
        for board in self.boards:
            board.close()


def raise_priority() -> None:
    """Where that is allowed. Linux weighs whole sessions of processes first: ours too, if it is our own."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
        if os.getsid(0) == os.getpid():
            Path("/proc/self/autogroup").write_text("-10")


def start(folder: Path, **options: object) -> subprocess.Popen:
    """The generator in a process of its own, its ports made before this returns; `communicate()` gives the summary."""
    words = [str(word) for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
    argv = [sys.executable, __file__, "--dir", str(folder), *words]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    last = folder / f"board{int(str(options.get('boards', 8))) - 1}"
    deadline = time.monotonic() + 10
    while not last.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Boards at full rate behind pseudo-terminals; prints a JSON summary.")
    parser.add_argument("--boards", type=int, default=8)
    parser.add_argument("--sensors", type=int, default=8)
    parser.add_argument("--rate", type=float, default=250.0, help="lines a second of each board")
    parser.add_argument("--presses-hz", type=float, default=1.0, help="presses a second of each board's switch")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--dir", type=Path, required=True, help="where the ports appear: board0, board1, ...")
    choice = parser.parse_args(words)
    raise_priority()
    load = Load(choice.dir, choice.boards, choice.sensors, choice.rate, choice.presses_hz)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(load, "ended", True))
    began = time.monotonic()
    try:
        load.run(choice.seconds)
        summary = load.summary()
    finally:
        load.close()
    summary["cpu_share"] = round(summary["cpu_s"] / (time.monotonic() - began), 3)
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
