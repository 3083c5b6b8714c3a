"""A board with MicroPython's prompt behind a pseudo-terminal, quick enough for every run of the tests.

Real MicroPython (its unix port), a real littlefs in a file, the shipped firmware; the raw prompt and the pins are stood in
for by tests/firmware/prompt.py and the desktop's bench. An RP2040 image on an emulated chip is in support.pico_port.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import threading
import time
import tty
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATHS = [ROOT / "tests" / "firmware", ROOT / "firmware" / "desktop"]
RAW, MAIN = 10, 11


class PromptBoard:
    """`path` is its port. `cut_at`: the power goes at that write to the flash. `flash` outlives it; `writes` has no meaning after."""

    def __init__(self, argv: list[str], folder: Path, wiring: dict | None = None, blocks: int = 350, cut_at: int = 0) -> None:
        self.flash = folder / "flash.img"
        if not self.flash.exists():
            self.flash.write_bytes(b"\xff" * (4096 * blocks))
        (folder / "wiring.json").write_text(json.dumps(wiring or {}))
        self._argv = [*argv, str(ROOT / "tests" / "firmware" / "prompt.py"), str(self.flash), str(folder)]
        self._ready = folder / "ready"
        self._size = [str(blocks)]
        self._cut_at = cut_at
        self.master, self._slave = pty.openpty()
        self._ports: tuple[int, ...] = (self.master, self._slave)
        self._inner, self._board = pty.openpty()
        for fd in (self._slave, self._board):
            tty.setraw(fd)
        for fd in (self.master, self._inner):
            os.set_blocking(fd, False)
        self.path = os.ttyname(self._slave)
        self.lost = False
        self._alive = True
        self._log = open(folder / "stderr.txt", "ab")  # noqa: SIM115
        self._start("main")
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def _awake(self) -> None:
        # An interpreter that is still starting would die of the interrupt; a chip would not.
        end = time.monotonic() + 5
        while not (self._ready.exists() and self._ready.read_text()) and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.001)

    def _start(self, first: str) -> None:
        self._ready.unlink(missing_ok=True)
        env = {**os.environ, "MICROPYPATH": ":".join(map(str, PATHS))}
        argv = [*self._argv, first, *self._size, str(self._cut_at)]
        self.process = subprocess.Popen(argv, env=env, stdin=self._board, stdout=self._board, stderr=self._log)

    def _pump(self) -> None:
        while self._alive:
            with contextlib.suppress(OSError):
                ready, _, _ = select.select([self.master, self._inner], [], [], 0.02)
                if self.master in ready:
                    self._from_host(os.read(self.master, 4096))
                if self._inner in ready:
                    self._to_host(os.read(self._inner, 4096))
            status = self.process.poll()
            if status is None:
                continue
            if status == -signal.SIGINT:  # interrupted while it was on its way out
                status = MAIN
            if status not in (RAW, MAIN):
                self._drain()
                self.lost = True
                self._close_port()
                return
            self._drain()
            self._start("raw" if status == RAW else "main")

    def _from_host(self, data: bytes) -> None:
        # As the USB console does it: Ctrl-C interrupts whatever runs.
        for part in (data[:1], data[1:]) if data[:1] == b"\x03" else (data,):
            if b"\x03" in part:
                self._awake()
                self.process.send_signal(signal.SIGINT)
                part = part.replace(b"\x03", b"")
            while part:
                with contextlib.suppress(BlockingIOError):
                    part = part[os.write(self._inner, part) :]

    def _to_host(self, data: bytes) -> None:
        while data and self._alive:
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self.master, data) :]

    def _drain(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._to_host(os.read(self._inner, 4096))

    def _close_port(self) -> None:
        ports, self._ports = self._ports, ()
        for fd in ports:
            os.close(fd)

    def close(self) -> None:
        """Pull the plug."""
        self._alive = False
        self._thread.join()  # it may be starting the next process
        self.process.kill()
        self.process.wait()
        self._close_port()
        for fd in (self._inner, self._board):
            os.close(fd)
        self._log.close()

    def __enter__(self) -> PromptBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
