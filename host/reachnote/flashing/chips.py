"""What is known of each kind of board before it runs anything. Pure.

Sources: the data sheets of RP2040 (2.8), RP2350 (5.5, 5.6) and ESP32-S3 (USB serial/JTAG), the pico-sdk's boot/uf2.h, the
boot ROMs' published sources, and MicroPython's board definitions.
"""

from __future__ import annotations

from dataclasses import dataclass

RP2040_FAMILY = 0xE48BFF56
ABSOLUTE_FAMILY = 0xE48BFF57  # an RP2350 image that is written wherever it says, partitions or not
RP2350_ARM_FAMILY = 0xE48BFF59
# Families of the same chip that MicroPython for its Arm cores never has, and what they are.
RP2350_OTHERS = {0xE48BFF58: "data", 0xE48BFF5A: "a program for its RISC-V cores", 0xE48BFF5B: "half of a program"}

_BOOTSEL = "hold the button marked BOOTSEL while you plug in the cable, then let go"
_BOOT = "hold the button marked BOOT, press RESET once, let go of BOOT"


@dataclass(frozen=True)
class Board:
    """One board name of `instrument.toml`. Sizes are in bytes."""

    board: str
    words: str  # for people, with the chip: Pico (RP2040)
    chip: str  # rp2040, rp2350, esp32s3
    families: tuple[int, ...]  # of UF2 images that it takes; none where the image is a .bin file
    boot_ids: tuple[tuple[int, int], ...]  # USB vendor and product while it waits for an image
    volume_id: str  # Board-ID in INFO_UF2.TXT of the drive that it shows then; "" without a drive
    march: str  # for mpy-cross -march
    flash_bytes: int
    boot_mode: str  # how to make it wait for an image; fits after "please"
    machine: str  # part of sys.implementation._machine in every MicroPython for the chip
    micropython: str  # what MicroPython calls its image

    @property
    def in_words(self) -> str:
        return f"a {self.words}" if self.words[0] not in "AEIOU" else f"an {self.words}"


_ROWS = (
    Board(
        board="pico",
        words="Pico (RP2040)",
        chip="rp2040",
        families=(RP2040_FAMILY,),
        boot_ids=((0x2E8A, 0x0003),),
        volume_id="RPI-RP2",
        march="armv6m",
        flash_bytes=2 * 1024 * 1024,
        boot_mode=_BOOTSEL,
        machine="RP2040",
        micropython="RPI_PICO",
    ),
    Board(
        board="pico-w",
        words="Pico W (RP2040)",
        chip="rp2040",
        families=(RP2040_FAMILY,),
        boot_ids=((0x2E8A, 0x0003),),
        volume_id="RPI-RP2",
        march="armv6m",
        flash_bytes=2 * 1024 * 1024,
        boot_mode=_BOOTSEL,
        machine="RP2040",
        micropython="RPI_PICO_W",
    ),
    Board(
        board="pico-2",
        words="Pico 2 (RP2350)",
        chip="rp2350",
        families=(RP2350_ARM_FAMILY, ABSOLUTE_FAMILY),
        boot_ids=((0x2E8A, 0x000F),),
        volume_id="RP2350",
        march="armv7emsp",
        flash_bytes=4 * 1024 * 1024,
        boot_mode=_BOOTSEL,
        machine="RP2350",
        micropython="RPI_PICO2",
    ),
    Board(
        board="esp32-s3",
        words="ESP32-S3",
        chip="esp32s3",
        families=(),
        # The chip's own USB port has the same number in boot mode and under a program, and so have its smaller sisters.
        boot_ids=((0x303A, 0x1001),),
        volume_id="",
        march="xtensawin",
        flash_bytes=8 * 1024 * 1024,
        boot_mode=_BOOT,
        machine="ESP32S3",
        micropython="ESP32_GENERIC_S3",
    ),
)

BOARDS = {row.board: row for row in _ROWS}


def first_of(chip: str) -> Board:
    """The plainest board with that chip, for what can be said of the chip alone. KeyError for an unknown chip."""
    for row in _ROWS:
        if row.chip == chip:
            return row
    raise KeyError(chip)


def of_volume(board_id: str) -> Board | None:
    """The plainest board whose drive names itself so."""
    return next((row for row in _ROWS if row.volume_id and row.volume_id == board_id), None)


def of_usb(vendor: int, product: int) -> Board | None:
    """The plainest board with these USB numbers while it waits for an image."""
    return next((row for row in _ROWS if (vendor, product) in row.boot_ids), None)


def of_family(family: int) -> Board | None:
    """The plainest board that a UF2 family belongs to, whether it takes such images or not."""
    if family in RP2350_OTHERS:
        return BOARDS["pico-2"]
    return next((row for row in _ROWS if family in row.families), None)
