"""PICOBOOT: the boot ROM's own USB protocol, for a Pico in boot mode whose drive is not mounted. Every byte is read back.

    device = find()[0]
    write(device, uf2.read(data), progress)

A command is 32 bytes to the OUT endpoint, then its data either way, then an empty packet the other way. A command that the
ROM does not like stalls the endpoints; GET_COMMAND_STATUS tells why and INTERFACE_RESET starts over. Sources: RP2040 data
sheet 2.8.5, RP2350 data sheet 5.6, the pico-sdk's boot/picoboot.h and the ROMs' published sources.

Linux was run. macOS is expected to work and was not yet run; on Windows an RP2040 needs a driver first, so copy there.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import shlex
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import usb.backend.libusb1
import usb.core
import usb.util

from reachnote import places
from reachnote.doctor import RELOAD
from reachnote.flashing import FlashProblem, Progress
from reachnote.flashing.chips import first_of, of_usb
from reachnote.flashing.uf2 import FLASH, PAGE, SECTOR, Image

MAGIC = 0x431FD10B
RULE = "70-reachnote.rules"  # of hardware/common; lets whoever sits at this computer use boards in boot mode

_RESET, _STATUS = 0x41, 0x42  # control requests to the interface
_TO_INTERFACE, _FROM_INTERFACE = 0x41, 0xC1  # bmRequestType: vendor's, about an interface
_COMMAND, _ANSWER = struct.Struct("<IIBBHI16s"), struct.Struct("<IIBB6x")
_STACK_END = 0x20042000  # of an RP2040's memory
_RESTART_MS = 500
_TIMEOUT_MS = 3000
_ERASE_MS = 10_000  # slow flash needs 0.4 s for a sector


class Command(IntEnum):
    """PICOBOOT command numbers; bit 7 says that the board sends the data."""

    EXCLUSIVE_ACCESS = 0x01
    REBOOT = 0x02  # RP2040
    FLASH_ERASE = 0x03
    WRITE = 0x05
    EXIT_XIP = 0x06
    REBOOT2 = 0x0A  # RP2350
    READ = 0x84


STATUS = {
    1: "it does not know the command",
    2: "the command had a wrong length",
    3: "the data had a wrong length",
    4: "it has no flash there",
    5: "the place does not begin a page",
    6: "something else wrote to its drive meanwhile",
    7: "it is restarting",
    8: "it could not",
    9: "it was not ready for that",
    10: "it is locked against that",
}


# ---------------------------------------------------------------- bytes


def packed(command: Command, token: int, args: bytes = b"", length: int = 0) -> bytes:
    """The 32 bytes of a command. `token` comes back in its status, `length` bytes of data follow or are sent by the board."""
    return _COMMAND.pack(MAGIC, token, command, len(args), 0, length, args)


def place(address: int, size: int) -> bytes:
    """The arguments of FLASH_ERASE, WRITE and READ."""
    return struct.pack("<II", address, size)


def restart(chip: str) -> tuple[Command, bytes]:
    """The command that starts the program in flash half a second later, and its arguments."""
    if chip == "rp2040":
        return Command.REBOOT, struct.pack("<III", 0, _STACK_END, _RESTART_MS)  # 0: through the usual start
    return Command.REBOOT2, struct.pack("<IIII", 0, _RESTART_MS, 0, 0)  # type 0: the usual start


@dataclass(frozen=True)
class Status:
    """The board's word on its last command."""

    token: int
    code: int
    command: int
    busy: bool


def unpacked(data: bytes) -> Status:
    """The status in the 16 bytes of GET_COMMAND_STATUS."""
    token, code, command, busy = _ANSWER.unpack(data)
    return Status(token, code, command, bool(busy))


# ---------------------------------------------------------------- boards


class NoUsb(FlashProblem):
    """This computer has no libusb, so boards in boot mode cannot be seen this way."""


@dataclass(frozen=True)
class Device:
    """A board in boot mode. An RP2040's serial is the same in every one, only `port` ("1-2.3") tells two apart."""

    chip: str
    serial: str
    port: str
    usb: Any = field(repr=False, compare=False)


def find(backend: Any = None) -> list[Device]:
    """The boards in boot mode on USB, also those that may not be opened yet. Raises NoUsb without libusb."""
    backend = backend or _backend()
    try:
        there = list(usb.core.find(find_all=True, backend=backend, custom_match=_is_in_boot_mode))
    except usb.core.USBError as problem:
        raise NoUsb(f"USB cannot be listed ({problem.strerror}). Unplug the board, count to three, and start again.") from None
    return [_device(found) for found in there]


def seen_by_kernel() -> bool:
    """True when Linux lists a board in boot mode, libusb or not; False elsewhere."""
    for place in Path("/sys/bus/usb/devices").glob("*-*"):
        with contextlib.suppress(OSError, ValueError):
            board = of_usb(int((place / "idVendor").read_text(), 16), int((place / "idProduct").read_text(), 16))
            if board is not None and board.volume_id:
                return True
    return False


def _is_in_boot_mode(device: Any) -> bool:
    board = of_usb(device.idVendor, device.idProduct)
    return board is not None and bool(board.volume_id)


def _device(found: Any) -> Device:
    board = of_usb(found.idVendor, found.idProduct)
    assert board is not None  # _is_in_boot_mode let it through
    port = ".".join(str(number) for number in getattr(found, "port_numbers", None) or ())
    port = f"{found.bus}-{port}" if port else f"{found.bus}:{found.address}"
    return Device(board.chip, _serial(found, port), port, found)


def _serial(found: Any, port: str) -> str:
    """The USB serial number, without needing to open the device on Linux; "" when it cannot be read."""
    with contextlib.suppress(OSError):
        return Path(f"/sys/bus/usb/devices/{port}/serial").read_text().strip()
    with contextlib.suppress(usb.core.USBError, ValueError, NotImplementedError):
        return found.serial_number or ""
    return ""


def _backend() -> Any:
    """The system's libusb, else the one of the package libusb-package."""
    backend = usb.backend.libusb1.get_backend()
    if backend is None:
        with contextlib.suppress(ImportError):
            import libusb_package

            backend = libusb_package.get_libusb1_backend()
    if backend is None:
        how = "sudo apt install libusb-1.0-0" if sys.platform == "linux" else "pip install libusb-package"
        raise NoUsb(f"This computer lacks libusb, which speaks to a board in boot mode. Type: {how}   then start again.")
    return backend


# ---------------------------------------------------------------- writing


def write(device: Device, image: Image, progress: Progress) -> None:
    """Erase the sectors that the image covers, write them, compare every byte, restart the board.

    The first sector is erased first and written last: a board that is unplugged on the way comes back in boot mode by
    itself. Nothing else in flash is touched. FlashProblem otherwise; a second run starts over and is safe.
    """
    if image.chip != device.chip:
        raise FlashProblem(
            f"This image is for {first_of(image.chip).in_words}, the board is {first_of(device.chip).in_words}. "
            "Nothing was written."
        )
    total, done = len(image.pages) * PAGE, 0
    progress(0, total)
    with _opened(device) as line:
        first, *others = image.sectors
        line.command(Command.FLASH_ERASE, place(first, SECTOR))
        for sector in others:
            line.command(Command.FLASH_ERASE, place(sector, SECTOR))
            done += _write_sector(line, image, sector)
            progress(done, total)
        done += _write_sector(line, image, first)
        progress(done, total)
        line.restart()


def _write_sector(line: _Line, image: Image, sector: int) -> int:
    """Write and compare what the image has for one erased sector; the number of bytes."""
    done = 0
    for address, data in _runs(image, sector):
        line.command(Command.WRITE, place(address, len(data)), data)
        back = line.command(Command.READ, place(address, len(data)), wanted=len(data))
        if back != data:
            wrong = next(n for n, (a, b) in enumerate(itertools.zip_longest(back, data)) if a != b)
            raise FlashProblem(
                f"The board did not keep what was written (at {(address + wrong - FLASH) // 1024} KiB). "
                "Start again; if it says so twice, the flash on this board is worn out and another board is needed."
            )
        done += len(data)
    return done


def _runs(image: Image, sector: int) -> Iterator[tuple[int, bytes]]:
    """The image's pages in one sector, those that touch each other joined."""
    start, data = 0, b""
    for address, page in image.pages_of(sector):
        if data and address != start + len(data):
            yield start, data
            data = b""
        if not data:
            start = address
        data += page
    if data:
        yield start, data


@contextlib.contextmanager
def _opened(device: Device) -> Iterator[_Line]:
    """The board's PICOBOOT interface, ours alone, with the flash ready to be written."""
    line = None
    try:
        line = _Line(device)
        line.start_over()
        line.command(Command.EXCLUSIVE_ACCESS, b"\x01")
        line.command(Command.EXIT_XIP)
        yield line
    except usb.core.USBError as problem:
        raise FlashProblem(_why(problem, device)) from None
    finally:
        with contextlib.suppress(usb.core.USBError):
            usb.util.dispose_resources(device.usb)


class _Line:
    """Commands to one board. Raises FlashProblem for what the board refuses, USBError for what the cable does."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._usb = device.usb
        self._tokens = itertools.count(1)
        settings = self._usb.get_active_configuration()
        # Class 255; interface 1, or 0 on a board told to show no drive. The endpoints' numbers are not promised.
        interface = usb.util.find_descriptor(settings, bInterfaceClass=0xFF, bNumEndpoints=2)
        if interface is None:
            raise FlashProblem(
                "This board in boot mode shows only its drive. Open the drive so that it is mounted, then start again."
            )
        self._interface = interface.bInterfaceNumber
        addresses = [endpoint.bEndpointAddress for endpoint in interface]
        self._out = next(address for address in addresses if not address & 0x80)
        self._in = next(address for address in addresses if address & 0x80)
        usb.util.claim_interface(self._usb, self._interface)

    def start_over(self) -> None:
        """Forget whatever an earlier run left half done."""
        for endpoint in (self._in, self._out):
            self._usb.clear_halt(endpoint)
        self._usb.ctrl_transfer(_TO_INTERFACE, _RESET, 0, self._interface, None, _TIMEOUT_MS)

    def command(self, command: Command, args: bytes = b"", data: bytes = b"", wanted: int = 0) -> bytes:
        """Do one command with the data that goes to the board; the `wanted` bytes that come from it."""
        token = next(self._tokens)
        try:
            return self._transfer(packed(command, token, args, len(data) or wanted), data, wanted)
        except usb.core.USBError as problem:
            if problem.errno != errno.EPIPE:
                raise
        status = self._status()
        self.start_over()
        said = STATUS.get(status.code, f"status {status.code}") if status.token == token else "it did not say why"
        again = f"Unplug it, {first_of(self._device.chip).boot_mode}, and start again."
        raise FlashProblem(f"The board refused to go on ({command.name}: {said}). {again}")

    def restart(self) -> None:
        """Start the new program; a board that is already gone has done so."""
        with contextlib.suppress(usb.core.USBError):
            self.command(*restart(self._device.chip))

    def _transfer(self, command: bytes, data: bytes, wanted: int) -> bytes:
        self._usb.write(self._out, command, _TIMEOUT_MS)
        back = b""
        if data:
            self._usb.write(self._out, data, _TIMEOUT_MS)
        if wanted:
            back = bytes(self._usb.read(self._in, wanted, _TIMEOUT_MS))
            self._usb.write(self._out, b"", _TIMEOUT_MS)
        else:
            self._usb.read(self._in, 64, _ERASE_MS)
        return back

    def _status(self) -> Status:
        return unpacked(bytes(self._usb.ctrl_transfer(_FROM_INTERFACE, _STATUS, 0, self._interface, _ANSWER.size, _TIMEOUT_MS)))


def _why(problem: usb.core.USBError, device: Device) -> str:
    number = problem.errno
    again = f"To go on, {first_of(device.chip).boot_mode}, and start again."
    if number == errno.EACCES:
        rule = shlex.quote(str(places.hardware() / "common" / RULE))
        return (
            f"You may not use the board in boot mode yet. Type: sudo cp {rule} /etc/udev/rules.d/ && {RELOAD}   then start again."
        )
    if number == errno.EBUSY:
        return f"Another program is using the board in boot mode. Close it (picotool, or another window of this). {again}"
    if number in (errno.ENODEV, errno.ENOENT, errno.EIO, errno.ENXIO):
        return f"The board went away before it was finished. It is not broken, its boot mode cannot be overwritten. {again}"
    if number == errno.ETIMEDOUT:
        return f"The board in boot mode stopped answering. Unplug it, count to three. {again}"
    return f"The board in boot mode cannot be used ({problem.strerror}). Unplug it, count to three. {again}"
