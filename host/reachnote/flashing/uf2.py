"""UF2 images: Microsoft's format as the boot ROMs of RP2040 and RP2350 take it. Pure.

    image = read(path.read_bytes(), BOARDS["pico"])
    for address, page in image.pages: ...

A block is 512 bytes: a head of 8 words, 256 bytes for one page of flash, padding, a closing word. The ROM skips what it does
not like in silence and then waits for ever for the blocks that are missing, so everything is checked here before a board
sees it. Source: Microsoft's UF2 specification, the pico-sdk's boot/uf2.h, the ROMs' virtual disk.
"""

from __future__ import annotations

import bisect
import struct
from dataclasses import dataclass

from reachnote.flashing import FlashProblem
from reachnote.flashing.chips import ABSOLUTE_FAMILY, BOARDS, RP2350_OTHERS, Board, of_family

BLOCK, PAGE, SECTOR = 512, 256, 4096
FLASH, FLASH_END = 0x10000000, 0x11000000  # where both chips see their flash, 16 MiB of it
LIMIT = 2 * (FLASH_END - FLASH) + BLOCK  # bytes of the largest file that can make sense

_HEAD, _TAIL = struct.Struct("<8I"), struct.Struct("<I")
_MAGIC = (0x0A324655, 0x9E5D5157)
_END_MAGIC = 0x0AB16F30
_NOT_FLASH, _HAS_FAMILY, _EXTENSION = 0x0001, 0x2000, 0x8000
_IGNORE = 0x9957E304  # the extension that picotool gives to a block which is there only for erratum RP2350-E10
_AGAIN = "Fetch the file again."


class ImageProblem(FlashProblem):
    """The image cannot be used; nothing was written."""


@dataclass(frozen=True)
class Image:
    """`pages` are (address, 256 bytes), by address, none twice. `chip` is rp2040 or rp2350."""

    family: int
    chip: str
    pages: tuple[tuple[int, bytes], ...]

    @property
    def sectors(self) -> tuple[int, ...]:
        """The addresses of the 4 KiB sectors that hold the pages."""
        return tuple(dict.fromkeys(address - address % SECTOR for address, _ in self.pages))

    def pages_of(self, sector: int) -> tuple[tuple[int, bytes], ...]:
        """The pages within one sector, by address."""
        first = bisect.bisect_left(self.pages, (sector, b""))
        return self.pages[first : bisect.bisect_left(self.pages, (sector + SECTOR, b""))]


def read(data: bytes, board: Board | None = None) -> Image:
    """The pages of an image, for `board` where one is given. ImageProblem in words for everything that is wrong with it."""
    _looks_right(data)
    blocks = [_block(data, number) for number in range(len(data) // BLOCK)]
    blocks = [block for block in blocks if not block.is_filler]
    if not blocks:
        raise ImageProblem(f"This image holds nothing. {_AGAIN}")
    family = _one_family(blocks)
    _all_there(blocks, len(data) % BLOCK)
    pages = _pages(blocks)
    chip_board = of_family(family)
    if chip_board is None:
        raise ImageProblem(f"This image is for another chip (UF2 family {family:08x}). Take one for {_named(board)}.")
    image = Image(family, chip_board.chip, pages)
    if board is not None:
        for_board(image, board)
    return image


def for_board(image: Image, board: Board) -> None:
    """ImageProblem if that board cannot run the image or has too little flash for it."""
    theirs = of_family(image.family)
    if theirs is None or theirs.chip != board.chip:
        what = theirs.in_words if theirs else "another chip"
        raise ImageProblem(f"This image is for {what}, the board is {board.in_words}. Take the image named {board.micropython}.")
    if image.family in RP2350_OTHERS:
        raise ImageProblem(
            f"This image is {RP2350_OTHERS[image.family]}, not MicroPython for the Arm cores of a {board.words}. "
            f"Take the image named {board.micropython}, without RISCV in its name."
        )
    end = image.pages[-1][0] + PAGE - FLASH
    if end > board.flash_bytes:
        raise ImageProblem(
            f"This image needs {-(-end // 1024)} KiB of flash and a {board.words} has {board.flash_bytes // 1024}. "
            f"Take the image named {board.micropython}."
        )


# ---------------------------------------------------------------- blocks


@dataclass(frozen=True)
class _Block:
    flags: int
    address: int
    size: int
    number: int
    count: int
    family: int
    page: bytes
    extension: int

    @property
    def is_filler(self) -> bool:
        """The block that works round erratum RP2350-E10: the ROM may drop it, and nothing is missing without it."""
        marked = not self.flags & _EXTENSION or self.extension == _IGNORE
        plain = self.flags & ~_EXTENSION == _HAS_FAMILY and self.family == ABSOLUTE_FAMILY and self.size == PAGE
        return plain and marked and (self.number, self.count) == (0, 2) and self.page == b"\xef" * PAGE


def _looks_right(data: bytes) -> None:
    if len(data) > LIMIT:
        raise ImageProblem(f"This file is larger than any board's flash ({len(data) // 1024} KiB). Take MicroPython's .uf2 file.")
    if not data:
        raise ImageProblem(f"This file is empty. {_AGAIN}")
    if data[:8] == struct.pack("<2I", *_MAGIC):
        if len(data) < BLOCK:
            raise ImageProblem(f"This image is cut off within its first block. {_AGAIN}")
        return
    if data[:1] == b"\xe9":
        raise ImageProblem("This file is an image for an ESP32, not for a Pico. A Pico takes a file that ends in .uf2.")
    if data[:1] in (b"<", b"{") or data[:9].lower() == b"<!doctype":
        raise ImageProblem("This file is a web page, not an image. Fetch the .uf2 file itself.")
    if data[:2] == b"PK":
        raise ImageProblem("This file is a packed folder, not an image. Unpack it and take the .uf2 file inside.")
    raise ImageProblem("This file is not a UF2 image. A Pico takes a file that ends in .uf2.")


def _block(data: bytes, number: int) -> _Block:
    start = number * BLOCK
    first, second, flags, address, size, own, count, family = _HEAD.unpack_from(data, start)
    if (first, second) != _MAGIC or _TAIL.unpack_from(data, start + BLOCK - 4) != (_END_MAGIC,):
        raise ImageProblem(f"This image is damaged at block {number + 1}. {_AGAIN}")
    page = data[start + _HEAD.size : start + _HEAD.size + PAGE]
    return _Block(flags, address, size, own, count, family, page, _TAIL.unpack_from(data, start + _HEAD.size + PAGE)[0])


def _one_family(blocks: list[_Block]) -> int:
    if not all(block.flags & _HAS_FAMILY for block in blocks):
        raise ImageProblem("This image does not say which chip it is for, and a board's boot mode would ignore it. Take another.")
    families = sorted({block.family for block in blocks})
    if len(families) > 1:
        boards = [of_family(family) for family in families]
        names = " and ".join(board.words if board else f"{family:08x}" for family, board in zip(families, boards, strict=True))
        raise ImageProblem(f"This image is for several chips at once ({names}). Take one that is for your board alone.")
    return families[0]


def _all_there(blocks: list[_Block], rest: int) -> None:
    """Every number from 0 on must be there once; `rest` are bytes after the last whole block."""
    counts = {block.count for block in blocks}
    if len(counts) > 1:
        raise ImageProblem(f"This image is put together from several ({len(counts)} different lengths). {_AGAIN}")
    count, seen = counts.pop(), set()
    for block in blocks:
        if block.number in seen:
            raise ImageProblem(f"This image has block {block.number + 1} of {count} twice. {_AGAIN}")
        seen.add(block.number)
    if len(seen) < count and max(seen) == len(seen) - 1:
        raise ImageProblem(f"This image is cut off: {len(seen)} of {count} blocks are there. {_AGAIN}")
    if max(seen) >= count:
        raise ImageProblem(f"This image has a block {max(seen) + 1} and says that it has {count}. {_AGAIN}")
    if len(seen) < count:
        gone = next(number for number in range(count) if number not in seen)
        raise ImageProblem(f"This image is not whole: block {gone + 1} of {count} is missing. {_AGAIN}")
    if rest:
        raise ImageProblem(f"This image has {rest} bytes too many at its end. {_AGAIN}")


def _pages(blocks: list[_Block]) -> tuple[tuple[int, bytes], ...]:
    pages: dict[int, bytes] = {}
    for block in blocks:
        where = f"block {block.number + 1}"
        if block.flags & _NOT_FLASH:
            raise ImageProblem(
                f"This image has a part that is not for the board's flash ({where}). No Pico takes that; take another."
            )
        if block.size != PAGE:
            raise ImageProblem(f"This image has {block.size} bytes in {where}; a Pico takes {PAGE} in each. Take another.")
        if 0x20000000 <= block.address < 0x20100000:
            raise ImageProblem("This image is for the chip's memory and is gone without power. Take the one for its flash.")
        if not FLASH <= block.address <= FLASH_END - PAGE or block.address % PAGE:
            raise ImageProblem(
                f"This image has no place in the board's flash ({where} is meant for {block.address:08x}). {_AGAIN}"
            )
        if block.address in pages:
            raise ImageProblem(f"This image writes one place twice ({block.address:08x}, {where}). {_AGAIN}")
        pages[block.address] = block.page
    return tuple(sorted(pages.items()))


def _named(board: Board | None) -> str:
    return board.in_words if board else " or ".join(row.words for row in BOARDS.values() if row.families)
