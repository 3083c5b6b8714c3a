"""The boards that wait for an image, each once, whichever way it can be written.

    for blank in find(): print(blank.chip, blank.where)
    find()[0].write(image_bytes, progress)

A Pico in boot mode is a drive and a PICOBOOT device at the same time: the drive is taken where it is mounted. An ESP32-S3
is a serial port that looks the same when a program of its own runs on it, so what is listed for one may not be blank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from reachnote.flashing import Progress, espressif, picoboot, uf2, volume
from reachnote.flashing.chips import first_of, of_usb
from reachnote.links.serial import UsbPort, usb_ports

Way = Literal["copy", "picoboot", "esptool"]


@dataclass(frozen=True)
class Blank:
    """A board in boot mode. `serial` may be "" and is the same for every RP2040; `where` is for people and tells two apart."""

    chip: str  # rp2040, rp2350, esp32s3
    serial: str
    way: Way
    where: str  # a folder, a place on USB, a serial port
    _write: Callable[[bytes, Progress, bool], None] = field(repr=False, compare=False)

    def write(self, image: bytes, progress: Progress, erase_all: bool = False) -> None:
        """Write a checked image file (image.check) and start it. FlashProblem otherwise; a second run is safe.

        `erase_all` clears the rest of an ESP32-S3's flash too (see espressif.write); a Pico needs that never, and ignores it.
        """
        self._write(image, progress, erase_all)


def find(roots: Iterable[Path] | None = None, backend: Any = None, ports: Iterable[UsbPort] | None = None) -> list[Blank]:
    """The boards in boot mode on this computer; a test hands in where to look. NoUsb only when nothing else is found."""
    volumes = volume.find(roots)
    ported = [_by_port(port) for port in (usb_ports() if ports is None else ports) if _is_espressif(port)]
    try:
        devices = picoboot.find(backend)
    except picoboot.NoUsb:
        if not volumes and not ported and picoboot.seen_by_kernel():
            raise
        devices = []
    copied = [_by_copy(one, devices) for one in volumes]
    return copied + [_by_usb(device) for device in _without_drive(devices, volumes)] + ported


def _without_drive(devices: list[picoboot.Device], volumes: list[volume.Volume]) -> list[picoboot.Device]:
    """The devices that are none of the volumes' boards."""
    taken = {one.port for one in volumes if one.port}
    left = [device for device in devices if device.port not in taken]
    for one in volumes:
        if not one.port:  # nothing but the chip can tell which it is; then any of its kind is as good
            same = next((device for device in left if device.chip == one.chip), None)
            left = [device for device in left if device is not same]
    return left


def _by_copy(one: volume.Volume, devices: list[picoboot.Device]) -> Blank:
    def write(image: bytes, progress: Progress, _erase_all: bool) -> None:
        _for_chip(image, one.chip)
        volume.copy(image, one, progress)

    serial = next((device.serial for device in devices if device.port == one.port), "") if one.port else ""
    return Blank(one.chip, serial, "copy", str(one.root), write)


def _by_usb(device: picoboot.Device) -> Blank:
    def write(image: bytes, progress: Progress, _erase_all: bool) -> None:
        picoboot.write(device, _for_chip(image, device.chip), progress)

    return Blank(device.chip, device.serial, "picoboot", f"USB {device.port}", write)


def _by_port(port: UsbPort) -> Blank:
    def write(image: bytes, progress: Progress, erase_all: bool) -> None:
        espressif.write(port.path, image, progress, erase_all)

    return Blank("esp32s3", port.serial, "esptool", port.path, write)


def _for_chip(image: bytes, chip: str) -> uf2.Image:
    """The pages of an image. FlashProblem when it is not whole or for another chip than the board turned out to have."""
    found = uf2.read(image)
    if found.chip != chip:
        uf2.for_board(found, first_of(chip))
    return found


def _is_espressif(port: UsbPort) -> bool:
    board = of_usb(port.vendor, port.product)
    return board is not None and board.chip == "esp32s3"
