"""The image file that a maker gives: read, its sum checked, and looked at before a board sees it."""

from __future__ import annotations

import hashlib
import re
import struct
from pathlib import Path

from reachnote.flashing import FlashProblem, uf2
from reachnote.flashing.chips import Board

# Espressif's image format (esptool's documentation, "Firmware Image Format"; esp-idf's esp_app_format.h).
_ESP_MAGIC, _ESP_HEAD = 0xE9, 24  # one byte; head and extended head
_ESP_CHIPS = {
    0: "an ESP32",
    2: "an ESP32-S2",
    5: "an ESP32-C3",
    9: "an ESP32-S3",
    12: "an ESP32-C2",
    13: "an ESP32-C6",
    16: "an ESP32-H2",
    18: "an ESP32-P4",
}
_ESP32_S3 = 9
_TABLE, _TABLE_END, _TABLE_ROW = 0x8000, 0x8C00, struct.Struct("<2sBBII")
_ROW_MAGIC, _PROGRAM = b"\xaa\x50", 0x00
_LIMIT = 33 * 1024 * 1024  # bytes; no board has more flash than half of that
_AGAIN = "Fetch the file again."


def load(path: Path | str, sha256: str = "") -> bytes:
    """The bytes of an image file. FlashProblem if it cannot be read, or if `sha256` (64 hex digits) is not its sum."""
    path = Path(path)
    try:
        if path.stat().st_size > _LIMIT:
            raise FlashProblem(f"{path} is larger than any board's flash. Give the file of MicroPython itself.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise FlashProblem(f"There is no file {path}. Look where the image was saved, and give that place.") from None
    except IsADirectoryError:
        raise FlashProblem(f"{path} is a folder. Give the image file inside it.") from None
    except OSError as problem:
        raise FlashProblem(f"{path} cannot be read ({problem.strerror}). Copy it to a folder of yours, and give that.") from None
    _check_sum(path, data, sha256)
    return data


def check(data: bytes, board: Board) -> None:
    """FlashProblem in words unless these bytes are a whole image that this board can run."""
    if board.families:
        uf2.read(data, board)
    else:
        _check_esp(data, board)


def _check_sum(path: Path, data: bytes, sha256: str) -> None:
    if not sha256:
        return
    wanted = sha256.split()[0].lower() if sha256.split() else ""
    if not re.fullmatch("[0-9a-f]{64}", wanted):
        raise FlashProblem(f"{sha256.strip()[:80]!r} is not a SHA-256: that has 64 digits 0-9 and a-f. Copy it whole.")
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise FlashProblem(
            f"{path} is not the file that the sum belongs to: its SHA-256 is {found[:8]}…{found[-4:]}, "
            f"not {wanted[:8]}…{wanted[-4:]}. Fetch the file again, or the sum that belongs to it. Nothing was written."
        )


# ---------------------------------------------------------------- ESP32


def _check_esp(data: bytes, board: Board) -> None:
    """A whole flash image: boot program, table of parts, MicroPython, for this chip."""
    if data[:4] == b"UF2\n":
        raise FlashProblem(
            f"This image is for a Pico, the board is {board.in_words}, which takes a file that ends in .bin. "
            f"Take the image named {board.micropython}."
        )
    if len(data) < _ESP_HEAD or data[0] != _ESP_MAGIC:
        raise FlashProblem(
            f"This file is not an image for {board.in_words}. Take the {board.micropython} file that ends in .bin."
        )
    chip = int.from_bytes(data[12:14], "little")
    if chip != _ESP32_S3:
        theirs = _ESP_CHIPS.get(chip, f"another chip (Espressif's number {chip})")
        raise FlashProblem(
            f"This image is for {theirs}, the board is {board.in_words}. Take the image named {board.micropython}."
        )
    start = _program(data)
    if start is None:
        raise FlashProblem(
            f"This image is only part of a board's flash. Take the {board.micropython} file that ends in .bin, not in .app-bin."
        )
    _whole(data, start)


def _program(data: bytes) -> int | None:
    """Where the table of parts says that the first program is; None without such a table."""
    for row in range(_TABLE, min(_TABLE_END, len(data) - _TABLE_ROW.size), 32):
        magic, kind, _, offset, _ = _TABLE_ROW.unpack_from(data, row)
        if magic != _ROW_MAGIC:
            return None
        if kind == _PROGRAM:
            return offset
    return None


def _whole(data: bytes, start: int) -> None:
    """FlashProblem unless the program at `start` ends within the file with the sum that it carries."""
    cut = FlashProblem(f"This image is cut off: the file ends within the program. {_AGAIN}")
    if len(data) < start + _ESP_HEAD:
        raise cut
    if data[start] != _ESP_MAGIC:
        raise FlashProblem(f"This image is damaged: there is no program where it says. {_AGAIN}")
    place = start + _ESP_HEAD
    for _ in range(data[start + 1]):
        if len(data) < place + 8:
            raise cut
        place += 8 + int.from_bytes(data[place + 4 : place + 8], "little")
    end = start + (place - start + 16) // 16 * 16  # one byte of checksum ends the last row of 16
    summed = data[start + 23] == 1
    if len(data) < end + 32 * summed:
        raise cut
    if summed and hashlib.sha256(data[start:end]).digest() != data[end : end + 32]:
        raise FlashProblem(f"This image is damaged: its own sum is wrong. {_AGAIN}")
