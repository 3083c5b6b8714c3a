"""The kernel's virtual USB controller (vhci-hcd), for scripts in the guest: a virtual board plugged into it and pulled out."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import usb.backend.libusb1
import usbip

from reachnote.flashing import FlashProblem, picoboot
from support.picoboot_double import BootRom

VHCI = Path("/sys/devices/platform/vhci_hcd.0")
PATIENCE_S = 20.0
IN_USE = "006"  # VDEV_ST_USED
DOORS = itertools.count(3240)  # TCP ports, each used once


class Plugged:
    """A board on port `place` of the guest's virtual USB controller, out again at the end."""

    def __init__(self, rom: BootRom, place: int = 0):
        self.rom, self.place, self.transport = rom, place, usbip.USBIP("127.0.0.1", next(DOORS))

    def __enter__(self) -> BootRom:
        self.rom.plug(via=self.transport)
        before = len(there())
        self._socket = self.transport.connect()
        told = usbip.protocol.client_import(self._socket, b"1-1")
        self.rom.power_off = lambda: self._socket.shutdown(socket.SHUT_RDWR)
        devid = told["busnum"] << 16 | told["devnum"]
        (VHCI / "attach").write_text(f"{self.place} {self._socket.fileno()} {devid} {told['speed']}")
        wait_for(lambda: len(there()) > before, "the kernel to see the board")
        return self.rom

    def __exit__(self, *_error: object) -> None:
        before = len(there())
        with contextlib.suppress(OSError):  # it vanished by itself
            (VHCI / "detach").write_text(str(self.place))
        self.rom.unplug()
        self._socket.close()
        wait_for(lambda: not self._attached(), "the kernel to let the board go")
        assert len(there()) <= before

    def _attached(self) -> bool:
        rows = (VHCI / "status").read_text().splitlines()[1:]
        return any(row.split()[1] == f"{self.place:04d}" and row.split()[2] == IN_USE for row in rows)


def there() -> list[picoboot.Device]:
    """The boards in boot mode now. Without udevd, which the guest has not, libusb knows only what was there when it started."""
    usb.backend.libusb1._lib_object = None
    return picoboot.find()


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE_S:.0f} s for {what}")
        time.sleep(0.02)


@contextlib.contextmanager
def said(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - started:6.2f} s  {what}", flush=True)


@contextlib.contextmanager
def refused(*words: str) -> Iterator[None]:
    try:
        yield
    except FlashProblem as problem:
        assert all(word in str(problem) for word in words), str(problem)
    else:
        raise AssertionError(f"not refused: {words}")
