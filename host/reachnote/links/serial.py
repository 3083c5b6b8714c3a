"""`serial:auto` and `serial:PATH`: boards on a serial port, found again whenever they return.

A scout thread looks for ports and opens them, since both may wait; the engine reads the open file descriptors itself.
Boards are known by what they say of themselves, never by the port's name.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import glob
import os
import threading
from collections.abc import Callable
from typing import NamedTuple

import serial
from serial.tools import list_ports

import reachnote_wire as wire
from reachnote.links import Change, LinkProblem, Opened, Said

SCHEME = "serial"
EXAMPLE = "serial:auto"
SAYS = "boards on USB or any serial port; 'auto' finds them, a path names one"

VENDORS = (0x2E8A, 0x303A, 0xF055)  # Raspberry Pi, Espressif, MicroPython
LOOK_S = 0.25
READ_BYTES = 8192


def open_link(target: str, options: dict[str, str], wake: Callable[[], None]) -> SerialLink:
    if not target:
        raise LinkProblem("serial: needs a port. Write serial:auto, or the path as in serial:/dev/ttyACM0.")
    if options:
        raise LinkProblem(f"serial: has no option '{next(iter(options))}'. Write serial:auto or serial:PATH.")
    return SerialLink(target, wake)


class SerialLink:
    network = False

    def __init__(self, target: str, wake: Callable[[], None]) -> None:
        self._target = target
        self._wake = wake
        self._changes: collections.deque[Change] = collections.deque()
        self._ports: dict[str, serial.Serial] = {}
        self._paths: dict[int, str] = {}
        self._told: dict[str, str] = {}
        self._known: set[str] = set()
        self._end = threading.Event()
        self._scout = threading.Thread(target=self._look, name="scout", daemon=True)
        self._scout.start()

    # ------------------------------------------------------------ engine's thread

    def changes(self) -> list[Change]:
        found = []
        while self._changes:
            found.append(self._changes.popleft())
        return found

    def read(self, fileno: int) -> list[tuple[object, bytes]] | None:
        try:
            chunk = os.read(fileno, READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        path = self._paths.get(fileno)
        if not chunk or path is None:
            return None
        return [(path, chunk)]

    def fileno_of(self, key: object) -> int:
        return next((fileno for fileno, path in self._paths.items() if path == key), -1)

    def write(self, key: object, letter: str, text: str) -> None:
        port = self._ports.get(str(key))
        if port is not None:
            # Full, or gone: the next keep-alive or read will tell.
            with contextlib.suppress(OSError, serial.SerialException):
                os.write(port.fileno(), wire.frame(letter, text))

    def drop(self, key: object) -> None:
        port = self._ports.get(str(key))
        if port is None:
            return
        self._paths = {fileno: path for fileno, path in self._paths.items() if path != key}
        # Closing may wait for a driver: not on the engine's thread. The scout may open the path again after that.
        threading.Thread(target=self._close, args=(str(key), port), daemon=True).start()

    def close(self) -> None:
        self._end.set()
        for path in list(self._ports):
            self.drop(path)

    # ------------------------------------------------------------ scout's thread

    def _look(self) -> None:
        seen: tuple[str, ...] | None = None
        wanted: list[str] = []
        while not self._end.is_set():
            if self._target == "auto":
                present = tuple(sorted(glob.glob("/dev/ttyACM*") + glob.glob("/dev/ttyUSB*") + glob.glob("/dev/cu.usb*")))
                if present != seen or os.name == "nt":
                    seen = present
                    wanted = self._found()
            else:
                wanted = [self._target] if os.path.exists(self._target) else []
                if not wanted and self._target not in self._known:
                    self._tell(self._target, f"There is no port {self._target} yet. It is used as soon as it appears.")
            for path in wanted:
                if path not in self._ports:
                    self._open(path)
            self._end.wait(LOOK_S)

    def _found(self) -> list[str]:
        try:
            return board_ports()
        except Exception as problem:  # a port that goes while it is looked at
            self._tell("auto", f"The ports cannot be listed ({problem}). Unplug the board, count to three, plug it in.")
            return []

    def _open(self, path: str) -> None:
        try:
            port = serial.Serial(path, 115200, timeout=0, write_timeout=0, exclusive=True)
            os.set_blocking(port.fileno(), False)
        except Exception as problem:  # termios raises an error of its own
            self._tell(path, why_not(path, problem))
            return
        self._told.pop(path, None)
        self._known.add(path)
        self._ports[path] = port
        self._paths = {**self._paths, port.fileno(): path}
        self._changes.append(Opened(path, path, port.fileno()))
        self._wake()

    def _close(self, path: str, port: serial.Serial) -> None:
        with contextlib.suppress(Exception):  # drivers raise what they like when the board is gone
            port.close()
        self._ports.pop(path, None)

    def _tell(self, path: str, text: str) -> None:
        if self._told.get(path) != text:
            self._told[path] = text
            self._changes.append(Said(text))
            self._wake()


def board_ports() -> list[str]:
    """The ports of everything plugged in that may be a board."""
    return [port.device for port in list_ports.comports() if port.vid in VENDORS]


class UsbPort(NamedTuple):
    """A serial port on USB. `vendor`, `product` and `serial` are what the device says of itself."""

    path: str
    vendor: int
    product: int
    serial: str


def usb_ports() -> list[UsbPort]:
    """Every serial port on USB, whatever it belongs to."""
    return [UsbPort(port.device, port.vid, port.pid or 0, port.serial_number or "") for port in list_ports.comports() if port.vid]


def why_not(path: str, problem: Exception) -> str:
    """One sentence with the next step for a port that does not open."""
    number = getattr(problem, "errno", None)
    words = str(problem)
    if number == errno.EACCES or "Permission denied" in words:
        return (
            f"You may not use {path} yet. Type: sudo usermod -a -G dialout $USER   then log out and in. "
            "It is tried again until it works."
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "busy" in words or "exclusively lock" in words:
        holder = who_holds(path)
        return f"{path} is in use by {holder or 'another program'}. Close that program; it is tried again until it works."
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return f"There is no port {path} any more. It is used as soon as it appears."
    return f"{path} does not open as a serial port ({words}). Unplug the board, count to three, plug it in."


def who_holds(path: str) -> str | None:
    """Name and number of another program that has `path` open (Linux; None elsewhere or when it may not be seen)."""
    real = os.path.realpath(path)
    for fd in glob.glob("/proc/[0-9]*/fd/*"):
        pid = fd.split("/")[2]
        if pid == str(os.getpid()):
            continue
        try:
            if os.path.realpath(os.readlink(fd)) != real:
                continue
            with open(f"/proc/{pid}/comm") as comm:
                return f"{comm.read().strip()} (process {pid})"
        except OSError:
            continue
    return None
