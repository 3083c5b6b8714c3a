"""An emulated RP2040 behind a pseudo-terminal, in a process of its own: what a program sees of a real one's USB port.

    python -m support.pico_port IMAGE FLASH WIRING [CUT_AFTER]

FLASH is a file with the chip's flash, kept when this ends; it may not be there yet (a blank board that carries only the
image). WIRING is a wiring.json; what it names rests at the chip's pins. Prints the port's path, then one line
`cut` when it pulled itself out after CUT_AFTER bytes from the host. Ends on SIGTERM. It runs as fast as it can: about a
twentieth of real time.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tty
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SLICE_S = 0.0005  # of the chip's time between two looks at the port


class ModelBus:
    """A device model of the desktop's bench behind the emulated chip's I2C."""

    def __init__(self, model, board) -> None:
        self.model, self.board = model, board
        self.told, self.answer = bytearray(), iter(b"")

    def us(self) -> int:
        return int(self.board.now * 1e6)

    def start(self, reading: bool) -> bool:
        self.stop()
        if not reading:
            return self.model.write(self.us(), b"")
        answer = bytearray(32)
        self.answer = iter(answer)
        return self.model.read(self.us(), answer)

    def write(self, value: int) -> bool:
        self.told.append(value)
        return True

    def read(self) -> int:
        return next(self.answer)

    def stop(self) -> None:
        if self.told:
            self.model.write(self.us(), bytes(self.told))
            self.told.clear()


def rest(board, wiring: dict) -> dict:
    """Lets every sensor of the wiring rest at the chip; {name: model} of those on a bus, whose `hand` may be moved."""
    sys.path.insert(0, str(ROOT / "firmware" / "desktop"))
    from hand import Still
    from models.mprls import Mprls
    from models.vl53l1x import Vl53l1x

    made, buses = {}, {}
    for sensor in wiring["sensors"]:
        if sensor["driver"] == "switch":
            board.pin(sensor["pin"], 1)
        elif sensor["driver"] in ("fsr", "voltage"):
            board.adc(sensor["pin"] - 26, 0)
        elif sensor["driver"] in ("mprls", "vl53l1x"):
            still = Mprls(Still(101325)) if sensor["driver"] == "mprls" else Vl53l1x(Still(500))
            made[sensor["name"]] = still
            address = sensor.get("address", 0x18 if sensor["driver"] == "mprls" else 0x29)
            buses.setdefault(int(sensor["bus"][-1]), {})[address] = ModelBus(still, board)
    for number, devices in buses.items():
        board.i2c(number, devices)
    return made


class PicoPort:
    """That process, from a test: `path` is the port; `end()` pulls the plug and the flash file holds what was written."""

    def __init__(self, image: Path, flash: Path, wiring: dict, cut_after: int = 0) -> None:
        self.wiring = flash.with_suffix(".wiring.json")
        self.wiring.write_text(json.dumps(wiring))
        argv = [sys.executable, "-m", "support.pico_port", str(image), str(flash), str(self.wiring), str(cut_after)]
        path = os.pathsep.join(str(ROOT / part) for part in ("tests", "", "host", "protocols"))
        env = {**os.environ, "PYTHONPATH": path}
        self.process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.process.stdout is not None
        self.path = self.process.stdout.readline().strip()
        assert self.path, "the emulated board did not start"

    def end(self) -> bool:
        """True when it had pulled itself out before."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        said, _ = self.process.communicate(timeout=60)
        return "cut" in said

    def __enter__(self) -> PicoPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def main(image: str, flash: str, wiring: str, cut_after: str = "0") -> None:
    from support.rp2040 import Pico

    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    kept = Path(flash)
    board = Pico(image, boot=False, flash=kept.read_bytes() if kept.exists() else None)
    rest(board, json.loads(Path(wiring).read_text()))
    board.boot()
    board.run(0.3)
    board.output.clear()
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    print(os.ttyname(slave), flush=True)
    left, taken = int(cut_after), 0
    while not ended:
        with contextlib.suppress(BlockingIOError):
            found = os.read(master, 512)
            if left and taken + len(found) >= left:
                board.send(found[: left - taken])
                board.run(SLICE_S)
                print("cut", flush=True)
                break
            taken += len(found)
            board.send(found)
        board.run(SLICE_S)
        out = board.text()
        board.output.clear()
        while out and not ended:
            with contextlib.suppress(BlockingIOError):
                out = out[os.write(master, out) :]
    part = kept.with_suffix(".part")
    part.write_bytes(board.flash())
    part.replace(kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
