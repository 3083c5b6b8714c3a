"""Bare MIDI bytes to a serial adapter (DIN plug), a FIFO or a file."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import threading
import time
from collections.abc import Callable

from reachnote.model import Event

from . import OutputProblem
from ._backlog import Backlog
from ._spec import number, only_options, usable_path
from .midi import to_bytes

SCHEME = "raw"
EXAMPLE = "raw:/dev/ttyUSB0,pace=31250"
SAYS = "bare MIDI bytes to a DIN adapter on a serial port, to a FIFO or to a file"

LOOK_EVERY = 1.0
"""Seconds between two looks for a vanished path."""
AHEAD = 0.001
"""Seconds of line time that may wait in the system when paced: the line stays busy, yet a note waits for one message only."""
CLOSE_WITHIN = 2.0
"""Seconds that closing may spend on what still waits."""
_BITS_A_BYTE = 10

_WAITS = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class RawOutput:
    """Writes whole messages in the order of `_backlog.Backlog`, never waiting in `send`.

    `pace` is the line's speed in bits a second: messages then leave no faster, from a thread of their own when
    `threaded` (tests call `pump` with a clock of their own instead).
    """

    wants_levels = False

    def __init__(
        self,
        path: str,
        baud: int | None = None,
        pace: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        threaded: bool = True,
    ) -> None:
        self._path, self._baud, self._clock = path, baud, clock
        self._byte_time = _BITS_A_BYTE / pace if pace else 0.0
        self._backlog = Backlog()
        self._message, self._rest = b"", b""
        self._free_at = self._next_look = 0.0
        self._fd: int | None = None
        self._trouble: str | None = None
        self._returned = self._closed = False
        self._change = threading.Condition()
        self._open(_create_flag(path))
        if pace and threaded:
            threading.Thread(target=self._run, name="raw output", daemon=True).start()

    @property
    def dropped(self) -> int:
        return self._backlog.dropped

    def send(self, event: Event, text: str = "") -> None:
        message = to_bytes(event)
        if not message:
            return
        with self._change:
            self._backlog.put(message, self._clock())
            self._pump()
            if self._byte_time and self._waiting():
                self._change.notify()

    def beat(self, now: float) -> None:
        with self._change:
            if self._closed:
                return
            if now >= self._next_look:
                self._next_look = now + LOOK_EVERY
                self._look()
            self._pump()

    def pump(self) -> float:
        """Write what may leave now; seconds until more may leave (0.0: nothing is held back by the pace)."""
        with self._change:
            return self._pump()

    def trouble(self) -> str | None:
        return self._trouble

    def lost_and_found(self) -> bool:
        returned, self._returned = self._returned, False
        return returned

    def close(self) -> None:
        with self._change:
            if self._closed:
                return
            deadline = self._clock() + CLOSE_WITHIN
            while self._clock() < deadline:
                hold = self._pump()
                if self._fd is None or not self._waiting():
                    break
                self._change.wait(hold or 0.005)
            self._closed = True
            self._let_go()
            self._change.notify()

    def _run(self) -> None:
        with self._change:
            while not self._closed:
                hold = self._pump()
                self._change.wait(hold or (0.02 if self._waiting() else None))

    def _waiting(self) -> bool:
        return bool(self._rest) or len(self._backlog) > 0

    def _pump(self) -> float:
        while self._fd is not None:
            now = self._clock()
            hold = self._free_at - AHEAD - now
            if self._byte_time and hold > 1e-6:
                return hold if self._waiting() else 0.0
            if not self._rest:
                self._message = self._rest = self._backlog.take(now) or b""
            if not self._rest or not self._write(now):
                return 0.0
        return 0.0

    def _write(self, now: float) -> bool:
        try:
            count = os.write(self._fd, self._rest)
        except OSError as reason:
            if reason.errno in _FULL:
                self._trouble = (
                    f"The disk of '{self._path}' is full, so nothing more is written there. Make room; it goes on by itself."
                )
            elif reason.errno not in _WAITS:
                self._lose()
            return False
        self._trouble = None
        self._rest = self._rest[count:]
        self._free_at = max(self._free_at, now) + count * self._byte_time
        return True

    def _open(self, create: int = 0) -> bool:
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | create, 0o644)
        except OSError as reason:
            self._trouble = _why_not(self._path, reason)
            return False
        try:
            if os.isatty(fd):
                set_line(fd, self._baud)
        except Exception as reason:
            os.close(fd)
            what = f"'{self._path}' did not take its line settings ({reason}), so it stays silent."
            self._trouble = f"{what} Check baud=; it is tried again every second."
            return False
        self._fd, self._trouble = fd, None
        return True

    def _look(self) -> None:
        if self._fd is not None and not _connected(self._fd, self._path):
            self._lose()
        if self._fd is None and self._open():
            self._returned = True

    def _lose(self) -> None:
        if self._rest:
            self._backlog.put(self._message, self._clock())
        self._message = self._rest = b""
        self._trouble = (
            f"'{self._path}' went away, so nothing sounds there. Plug it in or start its reader again; playing goes on by itself."
        )
        self._let_go()

    def _let_go(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):
                os.close(fd)


def _create_flag(path: str) -> int:
    """A missing file is made once, but never among the devices, where a plain file would hide a plug that comes later."""
    return 0 if os.path.abspath(path).startswith("/dev/") and not path.startswith("/dev/shm/") else os.O_CREAT


def _connected(fd: int, path: str) -> bool:
    """False when the other end is gone or `path` is no longer what `fd` is."""
    try:
        ours, there = os.fstat(fd), os.stat(path)
        if (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino):
            return False
        if stat.S_ISREG(ours.st_mode):
            return True
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        return not any(seen & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, seen in poll.poll(0))
    except OSError:
        return False


def _why_not(path: str, reason: OSError) -> str:
    if reason.errno == errno.ENXIO:
        return f"Nobody reads '{path}' yet, so nothing sounds there. Start its reader; playing goes on by itself then."
    if reason.errno == errno.ENOENT:
        return f"'{path}' is not there, so nothing sounds there. Plug it in or make it; playing goes on by itself then."
    if reason.errno in (errno.EACCES, errno.EPERM):
        return (
            f"'{path}' may not be written by you, so it stays silent. For a serial port join its group "
            "(on Debian: sudo adduser $USER dialout), log out and in again."
        )
    return f"'{path}' cannot be opened ({os.strerror(reason.errno or 0)}), so it stays silent. It is tried again every second."


def set_line(fd: int, baud: int | None) -> None:
    """Make the terminal `fd` pass every byte unchanged; set its speed when `baud` is given."""
    import termios
    import tty

    tty.setraw(fd, termios.TCSANOW)
    if baud is None:
        return
    known = getattr(termios, f"B{baud}", None)
    if known is None:
        _set_odd_speed(fd, baud)
        return
    line = termios.tcgetattr(fd)
    line[4] = line[5] = known
    termios.tcsetattr(fd, termios.TCSANOW, line)


def _set_odd_speed(fd: int, baud: int) -> None:
    """Speeds that termios has no name for, such as MIDI's own 31250, by Linux's termios2."""
    import fcntl
    import struct

    get_line, put_line, speed_bits, other_speed = 0x802C542A, 0x402C542B, 0o10017, 0o10000
    form = struct.Struct("IIIIB19sII")
    flags_in, flags_out, control, local, discipline, keys, _, _ = form.unpack(fcntl.ioctl(fd, get_line, bytes(form.size)))
    control = control & ~speed_bits | other_speed
    fcntl.ioctl(fd, put_line, form.pack(flags_in, flags_out, control, local, discipline, keys, baud, baud))


def check(target: str, options: dict[str, str]) -> tuple[str, float | None, float | None]:
    """Path, baud and pace; OutputProblem when they are written wrongly."""
    only_options(options, ("baud", "pace"), EXAMPLE)
    baud = number(options, "baud", 300, 4_000_000)
    pace = number(options, "pace", 300, 4_000_000)
    return usable_path(target, EXAMPLE), baud, pace


def open_output(target: str, options: dict[str, str], name: str) -> RawOutput:
    """`target` is a path; options baud= (speed of a serial port) and pace= (bits a second that the line takes: 31250 for DIN).

    A path that is not there yet is waited for. OutputProblem when it never can be written.
    """
    path, baud, pace = check(target, options)
    if not hasattr(os, "O_NONBLOCK"):
        raise OutputProblem("'raw:' needs Linux or macOS, so it was not opened. On Windows use midi: with the adapter's port.")
    return RawOutput(path, int(baud) if baud else None, pace)
