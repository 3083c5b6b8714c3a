"""The processes beside the engine: a pipe to each, written without waiting, and JSON lines from each."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys

LONGEST_LINE = 65536
PIPE_BYTES = 1 << 20


class Writer:
    """A non-blocking pipe. What it cannot take now waits; beyond `limit` bytes it is dropped and counted."""

    def __init__(self, fd: int, limit: int) -> None:
        os.set_blocking(fd, False)
        self.fd = fd
        self.dropped = 0
        self.broken = False
        self._limit = limit
        self._waiting = bytearray()

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def write(self, data: bytes) -> None:
        if self._waiting:
            if len(self._waiting) + len(data) > self._limit:
                self.dropped += 1
                return
            self._waiting += data
            self.flush()
            return
        try:
            sent = os.write(self.fd, data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.broken = True
            return
        if sent < len(data):
            self._waiting += data[sent:]

    def flush(self) -> None:
        while self._waiting:
            try:
                sent = os.write(self.fd, self._waiting[:65536])
            except BlockingIOError:
                return
            except OSError:
                self.broken = True
                return
            del self._waiting[:sent]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fd)


class Beside(Writer):
    """One process `python -m module IN_FD OUT_FD words...` of its own session.

    What is written reaches its IN_FD; what it says on OUT_FD, one JSON object a line, is read with `lines()` when
    `talk` is readable.
    """

    def __init__(self, module: str, limit: int, *words: str, wide: bool = False) -> None:
        down_read, down_write = os.pipe()
        self.talk, up_write = os.pipe()
        os.set_blocking(self.talk, False)
        os.set_blocking(up_write, False)  # it must not wait for us either
        if wide:
            _widen(down_write)
        self._rest = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(down_read), str(up_write), *words],
            pass_fds=(down_read, up_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(down_read)
        os.close(up_write)
        super().__init__(down_write, limit)

    def lines(self) -> list[dict] | None:
        """What it said since the last call; None when it will say no more."""
        try:
            chunk = os.read(self.talk, 65536)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        if not chunk:
            return None
        *whole, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[-LONGEST_LINE:]
        found = []
        for line in whole:
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def let_go(self) -> None:
        """Close both ends. Whoever polls `talk` stops before."""
        self.close()
        with contextlib.suppress(OSError):
            os.close(self.talk)


def _widen(fd: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
