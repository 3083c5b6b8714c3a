"""An ESP32-S3 through Espressif's own esptool, run as a program of its own: it brings the chip into its boot mode over USB
where the board allows it, writes, has the chip sum up what it holds, and restarts it.

Run with esptool 5.6 against a stand-in for the chip's boot mode; no board was there. Versions from 5.0 on know these words.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from reachnote.flashing import FlashProblem, Progress
from reachnote.flashing.chips import BOARDS
from reachnote.flashing.compiling import MAKER
from reachnote.links.serial import who_holds

CHIP = "esp32s3"
_BOARD = BOARDS["esp32-s3"]
_WRITING = re.compile(r"Writing at 0x([0-9a-f]+)")
_VERIFIED = "Hash of data verified"
_AGAIN = f"To go on, {_BOARD.boot_mode}, and start again."


def words(port: str, image: Path | str, erase_all: bool = False, options: Sequence[str] = ()) -> list[str]:
    """The command line. `options` go before esptool's command word."""
    erased = ["--erase-all"] if erase_all else []
    esptool = [sys.executable, "-u", "-m", "esptool", "--chip", CHIP, "--port", port, *options]
    return [*esptool, "write-flash", *erased, "0x0", str(image)]


def write(port: str, image: bytes, progress: Progress, erase_all: bool = False, options: Sequence[str] = ()) -> None:
    """Write a checked .bin image to the board on a serial port and start it. FlashProblem otherwise; a second run is safe.

    `erase_all` takes everything else from the flash too, which a board that never ran MicroPython may need: what another
    program left there is no file system. What the board itself had stored is then gone.
    """
    if importlib.util.find_spec("esptool") is None:
        raise FlashProblem(f"The program that writes an ESP32-S3 (esptool) is not installed. {MAKER}")
    progress(0, len(image))
    with tempfile.TemporaryDirectory(prefix="reachnote-") as folder:
        path = Path(folder) / "image.bin"
        path.write_bytes(image)
        said = []
        for line in _lines(words(port, path, erase_all, options)):
            said.append(line)
            writing = _WRITING.search(line)
            if writing:
                progress(min(int(writing.group(1), 16), len(image)), len(image))
    text = "\n".join(said)
    if _VERIFIED not in text:
        raise FlashProblem(why_not(port, text))
    progress(len(image), len(image))


def _lines(argv: Sequence[str]) -> Iterator[str]:
    """What a program prints, line by line. One that is no longer listened to is ended."""
    plain = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}
    pipes: dict = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(argv, **pipes, env=plain, encoding="utf-8", errors="replace")
    try:
        assert process.stdout is not None
        yield from (line.rstrip() for line in process.stdout)
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def why_not(port: str, said: str) -> str:
    """What esptool's words mean, and what to do; its own last complaint where they are not known."""
    other = re.search(r"This chip is ([\w-]+), not", said)
    if other:
        return (
            f"This board has an {other.group(1)}, not an ESP32-S3, so nothing was written. "
            "Plug in an ESP32-S3, or choose an instrument for the board that you have."
        )
    if "No module named" in said:
        return "The program that writes an ESP32-S3 is not whole. Type: pip install --force-reinstall esptool   then start again."
    if "Could not open" in said or "could not open" in said:
        return _closed(port, said)
    if "Lost connection" in said or "serial exception" in said:
        return f"The board went away before it was finished. It is not broken, its boot mode cannot be overwritten. {_AGAIN}"
    if "MD5" in said or "region is empty" in said:
        return (
            "The board did not keep what was written. Start again; if it says so twice, the flash on this board is worn out "
            "and another board is needed."
        )
    if re.search("Failed to connect|No serial data|Wrong boot mode|sync reply|Invalid head of packet", said):
        return f"The board on {port} does not answer as an ESP32-S3 that waits for an image. {_AGAIN}"
    if re.search("detected flash size|does not fit|doesn't fit|larger than", said):
        return f"The image is larger than this board's flash. Take the image named {_BOARD.micropython}, or a board with more."
    return f"The ESP32-S3 on {port} could not be written ({_last(said)}). {_AGAIN}"


def _closed(port: str, said: str) -> str:
    if "Errno 13" in said or "Permission denied" in said:
        return f"You may not use {port} yet. Type: sudo usermod -a -G dialout $USER   then log out and in, and start again."
    if re.search(r"Errno (2|6|19)\b|FileNotFound", said):
        return f"There is no port {port} any more. Plug the board in. {_AGAIN}"
    return f"{port} is in use by {who_holds(port) or 'another program'}. Close that program, then start again."


def _last(said: str) -> str:
    """esptool's last complaint without its own mark, or the last thing that it said."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["esptool said nothing"]
    errors = [line for line in lines if "rror" in line] or lines
    return re.sub(r"^(ERROR: )?(A fatal error occurred: )?", "", errors[-1])[:200].rstrip(".")
