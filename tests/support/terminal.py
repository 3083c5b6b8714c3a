"""A `reachnote` command behind a pseudo-terminal of 80 columns: what it shows, and a keyboard."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

ORDERS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Terminal:
    """`text` is all that came, `picture` what stands there since the last redrawing."""

    def __init__(
        self, environment: dict[str, str], *words: str, columns: int = 80, program: tuple[str, ...] = ("-m", "reachnote")
    ) -> None:
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
            os.execve(sys.executable, [sys.executable, *program, *words], {**environment, "TERM": "xterm"})

    def read(self, seconds: float = 0.05) -> None:
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                return

    @property
    def picture(self) -> str:
        """The last picture without its orders to the terminal."""
        return ORDERS.sub("", re.split(r"\x1b\[\d+F", self.text)[-1]).replace("\r", "")

    def until(self, words: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while words not in " ".join(self.picture.split()):
            assert time.monotonic() < end, f"'{words}' never came; the terminal shows:\n{self.picture}"
            self.read()

    def press(self, key: str) -> None:
        os.write(self.fd, key.encode())

    def end(self, seconds: float = 15.0) -> int:
        """The exit code, once it ended by itself."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read(0.02)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"the command did not end:\n{self.picture}")
