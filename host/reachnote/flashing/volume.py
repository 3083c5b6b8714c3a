"""The drive that a Pico in boot mode shows: found by its INFO_UF2.TXT, written by copying the image onto it.

The boot ROM takes each 512-byte block of the image as it arrives, in any order, and restarts into the new program half a
second to a second after the last one. So the drive goes away while the file is being closed: that is how success looks.
Nothing can be read back this way; whether the board runs is seen when it comes back.

Linux was run. macOS and Windows are expected to work and were not yet run.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reachnote.flashing import FlashProblem, Progress
from reachnote.flashing.chips import first_of, of_volume
from reachnote.flashing.uf2 import BLOCK

INFO = "INFO_UF2.TXT"
FILE = "REACHNOTE.UF2"  # a name of the drive's own kind, so that no system writes a second entry for it
PIECE = 64 * 1024  # bytes between two waits for the drive
LOOKS = 10  # a tenth of a second apart
_INFO_BYTES = 4096
_GONE = (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.ENOTCONN, errno.ESTALE, errno.EBADF)


@dataclass(frozen=True)
class Volume:
    """A mounted drive of a board in boot mode. `port` is its place on USB ("1-2.3", Linux), `device` its block device, or ""."""

    root: Path
    chip: str
    port: str = ""
    device: str = ""


class OnDisk:
    """The file on the drive; a test hands `copy` another one. Everything raises OSError."""

    def __init__(self, path: Path) -> None:
        # Not through open(): its buffer would try to write again while it closes.
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fd, data) :]

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        os.close(self._fd)


def find(roots: Iterable[Path] | None = None) -> list[Volume]:
    """The mounted drives of boards in boot mode; `roots` are the folders to look at instead of where systems mount drives."""
    mounts = _mounts()
    found: dict[str, Volume] = {}
    for root in _roots(mounts) if roots is None else roots:
        board = of_volume(board_id(root))
        if board is not None:
            device = mounts.get(str(root), "")
            one = Volume(root, board.chip, _port(device), device)
            # Mounted in two places it is still one board; pulled, its files may be readable still.
            if not _is_gone(one):
                found.setdefault(device or os.path.realpath(root), one)
    return list(found.values())


def board_id(root: Path) -> str:
    """What the drive's INFO_UF2.TXT calls its board, "" without one."""
    try:
        with open(root / INFO, "rb") as file:
            text = file.read(_INFO_BYTES).decode("ascii", "replace")
    except (OSError, ValueError):
        return ""
    named = re.search(r"^Board-ID:[ \t]*(\S+)", text, re.MULTILINE)
    return named.group(1) if named else ""


def copy(image: bytes, volume: Volume, progress: Progress, opened: Callable[[Path], OnDisk] = OnDisk) -> None:
    """Copy a checked UF2 image onto the drive. FlashProblem when the board cannot have taken all of it.

    A drive that goes with the last block is no problem: the board has restarted. One that was unplugged at that very
    moment looks the same, so wait for the board to come back before saying that it is done.
    """
    done = 0
    file = None
    try:
        file = opened(volume.root / FILE)
        progress(0, len(image))
        for piece in _pieces(image):
            _hand_over(file, piece, last=done + len(piece) == len(image))
            done += len(piece)
            progress(done, len(image))
    except OSError as problem:
        raise FlashProblem(_why(problem, volume, done, len(image))) from None
    finally:
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


def _pieces(image: bytes) -> Iterator[bytes]:
    """The image in pieces, its last block by itself."""
    end = max(0, len(image) - BLOCK)
    for start in range(0, end, PIECE):
        yield image[start : min(start + PIECE, end)]
    yield image[end:]


def _hand_over(file: OnDisk, piece: bytes, last: bool) -> None:
    """Wait until the board has the piece; after the last one it may be gone already."""
    try:
        file.write(piece)
        file.sync()
    except OSError as problem:
        if not last or problem.errno not in _GONE:
            raise


def _why(problem: OSError, volume: Volume, done: int, total: int) -> str:
    """What went wrong before the last byte was written."""
    number = problem.errno
    again = f"Unplug the board, then {first_of(volume.chip).boot_mode}, and start again."
    if number == errno.ENOSPC:
        return f"The board's drive {volume.root} is full, which a board's own drive never is. {again}"
    if number == errno.EROFS:
        return f"The board's drive {volume.root} may only be read: this computer's rules forbid writing to drives on USB. {again}"
    if number in (errno.EACCES, errno.EPERM):
        return (
            f"You may not write to the board's drive {volume.root}: this computer's rules forbid it, or another account opened it. "
            "Log in as the one who plugs the board in, or ask who looks after this computer."
        )
    if number in (errno.ENODEV, errno.ENXIO) or (number in _GONE and _goes(volume)):
        return (
            f"The board went away when {done // 1024} of {total // 1024} KiB were copied. It is not broken, "
            f"its boot mode cannot be overwritten. To go on, {first_of(volume.chip).boot_mode}, and start again."
        )
    return f"The board's drive {volume.root} could not be written ({problem.strerror}). {again}"


def _goes(volume: Volume) -> bool:
    """True once the drive is gone; the system needs a moment to notice."""
    for _ in range(LOOKS):
        if _is_gone(volume):
            return True
        time.sleep(0.1)
    return False


def _is_gone(volume: Volume) -> bool:
    # A drive's pages stay readable in memory for a while after it was pulled; its device does not.
    if volume.device:
        return not os.path.exists(volume.device)
    return not board_id(volume.root)


# ---------------------------------------------------------------- where systems mount drives


def _roots(mounts: dict[str, str]) -> list[Path]:
    if sys.platform == "win32":
        return [Path(f"{letter}:/") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ"]
    if sys.platform == "darwin":
        return [Path(path) for path in sorted(glob.glob("/Volumes/*"))]
    usual = glob.glob("/media/*") + glob.glob("/media/*/*") + glob.glob("/run/media/*/*")
    return [Path(path) for path in sorted({*usual, *mounts})]


def _mounts() -> dict[str, str]:
    """{folder: block device} of every mounted FAT drive (Linux; empty elsewhere)."""
    found = {}
    with contextlib.suppress(OSError), open("/proc/self/mounts", encoding="utf-8", errors="replace") as table:
        for line in table:
            device, folder, kind = line.split()[:3]
            if kind in ("vfat", "msdos"):
                found[re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), folder)] = device
    return found


def _port(device: str) -> str:
    """A block device's place on USB as the kernel names it, "1-2.3"; "" when it is not on USB or not on Linux."""
    if not device:
        return ""
    path = os.path.realpath(f"/sys/class/block/{os.path.basename(os.path.realpath(device))}")
    places = [part for part in path.split("/") if re.fullmatch(r"\d+-\d+(\.\d+)*", part)]
    return places[-1] if places else ""
