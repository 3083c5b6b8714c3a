"""Simulated boards: the shipped firmware in a process of its own behind a pseudo-terminal.

    python3 tools/simulate.py hardware/two-switch-box [--recording left=tests/data/switch_taps_2target_LH_u0.csv]
    python3 tools/simulate.py hardware/squeeze-ball --client rest-tremor

Only what a person would move is stood in for: a recording, or a simulated client of firmware/desktop/clients.py, moves
models of the real sensors, and the shipped drivers read those. It runs under real MicroPython where one is found,
CPython otherwise, and says which.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tty
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "protocols"), str(ROOT)]

from firmware.desktop.clients import LISTED, NAMES  # noqa: E402

from reachnote.instrument import InstrumentProblem  # noqa: E402
from reachnote.instruments import folder_of, wiring_of  # noqa: E402
from tools import micropython  # noqa: E402

DATA = ROOT / "tests" / "data"

# What moves each instrument where nothing else is asked for: recordings the project may carry, joined end to end where
# short, played at the speed at which they were made. Scale and offset turn the recording's unit into the model's.
HANDS = {
    "two-switch-box": {
        "left": {"file": ["switch_taps_2target_LH_u0.csv"], "step": True},
        "right": {"file": ["switch_taps_2target_RH_u0.csv"], "step": True},
    },
    "squeeze-ball": {
        # Leg lifts (m/s2) as squeezes (Pa above the air's 101325).
        "ball": {
            "file": ["phone_legagility_LL_pd2458_off.csv"],
            "scale": 1500,
            "offset": 101325,
            "clip": [101325, 115000],
        },
    },
    "pressure-pad": {
        # Pressure of a pen (0..1023) as pressure on the pad (uS).
        "pad": {
            "file": [
                "pen_pressure_pd_H_p000-0041.csv",
                "pen_pressure_pd_H_P000-0020.csv",
                "pen_pressure_pd_H_P000-0037.csv",
            ],
            "scale": 0.6,
        },
    },
    "reach-beam": {
        # Height over a tablet (0..1023) as distance from the sensor (mm).
        "hand": {
            "file": ["hover_z_pd_P_16100003.csv", "hover_z_pd_P_23100003.csv", "hover_z_pd_P_11120004.csv"],
            "scale": 0.5,
            "offset": 60,
        },
    },
    "big-beam": {
        # An arm that goes to and fro (m/s2) as somebody who steps to and fro (mm).
        "near": {"file": ["phone_kinetic_LH_pd2458_off.csv"], "scale": -180, "offset": 1700, "clip": [250, 2300]},
        "far": {"file": ["phone_kinetic_LH_u0.csv"], "scale": -100, "offset": 1500, "clip": [250, 2300]},
    },
    "drum-pad": {
        # Taps on a touch screen as hits (V at the pad).
        "pad": {"file": ["switch_taps_2target_LH_pd2458_off.csv"], "hit": [0.3, 2.4]},
    },
    "mixed-table": {
        "button": {"file": ["switch_taps_2target_LH_pd2458_off.csv"], "step": True, "start_s": 20},
        # Turns of a hand (m/s2) as squeezes.
        "ball": {"file": ["phone_pronsup_LH_pd2458_off.csv"], "scale": 500, "offset": 101325, "clip": [101325, 115000]},
        # An arm that goes to and fro (m/s2) as distance from the sensor (mm).
        "hand": {"file": ["phone_kinetic_LH_pd2458_off.csv"], "scale": -40, "offset": 350, "clip": [60, 560]},
    },
}

# How a simulated client moves what each driver reads: its place is a share of a full movement.
CLIENT_HANDS = {
    "switch": {"step": True},
    "mprls": {"scale": 4000, "offset": 101325, "clip": [95000, 125000]},  # Pa
    "vl53l1x": {"scale": -300, "offset": 500, "clip": [40, 1200]},  # mm, towards the sensor
    "hcsr04": {"scale": -300, "offset": 500, "clip": [40, 1200]},
    "voltage": {"scale": 1.5, "offset": 0.4, "clip": [0, 3.3]},  # V
    "fsr": {"scale": 150, "clip": [0, 1000]},  # uS
    "piezo": {"step": True, "hit": [0.3, 2.4]},  # V
}


def client_hands(wiring: dict, client: str, seed: int = 1) -> dict:
    """What moves every sensor of that wiring as that client does, no two in step."""
    hands = {}
    for n, sensor in enumerate(wiring["sensors"], seed):
        if sensor["driver"] in CLIENT_HANDS:
            hands[sensor["name"]] = {"client": client, "seed": n, **CLIENT_HANDS[sensor["driver"]], **_spread(sensor)}
    return hands


def _spread(sensor: dict) -> dict:
    """Where a wiring names its own rest, a full movement goes two thirds of the way from there."""
    if "rest_mm" not in sensor:
        return {}
    rest, reach = sensor["rest_mm"], sensor.get("reach_mm", 60)
    return {"scale": (reach - rest) * 2 / 3, "offset": rest, "clip": [40, max(1200, rest + 200)]}


def unknown_client(name: str) -> str:
    """A sentence, or nothing if there is such a client."""
    if name in NAMES:
        return ""
    near = difflib.get_close_matches(name, NAMES, 1, 0.0)[0]
    return f"There is no client '{name}'. Did you mean '{near}'? There are: {', '.join(NAMES)}."


def interpreter() -> tuple[list[str], str]:
    """(argv prefix, what it is called) of the interpreter that runs the firmware."""
    found = micropython.find()
    if found:
        said = subprocess.run([*found, "-c", "import sys; print(sys.implementation[1])"], capture_output=True, text=True)
        return found, "MicroPython " + ".".join(said.stdout.strip(" ()\n").split(", ")[:3])
    return [sys.executable], f"CPython {sys.version_info[0]}.{sys.version_info[1]} (no MicroPython was found)"


class SimulatedBoard:
    """One board. `path` is the device to open; `unplug()` ends its process, `plug()` starts it again."""

    def __init__(
        self,
        instrument: Path,
        hands: dict | None = None,
        argv: list[str] | None = None,
        uid: str = "",
        folder: Path | None = None,
        wiring: dict | None = None,
        plugged: bool = True,
    ) -> None:
        self.name = instrument.name
        self.folder = Path(folder or tempfile.mkdtemp(prefix="reachnote-board-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.hands = hands if hands is not None else HANDS.get(instrument.name, {})
        self.path = str(self.folder / "port")
        self._argv = argv or interpreter()[0]
        self._process: subprocess.Popen | None = None
        self._slave = -1
        full = {name: _with_paths(hand) for name, hand in self.hands.items()}
        uid = uid or f"{zlib.crc32(instrument.name.encode()):08x}"
        self.wiring = wiring if wiring is not None else wiring_of(instrument)
        (self.folder / "wiring.json").write_text(json.dumps(self.wiring))
        (self.folder / "hands.json").write_text(json.dumps({"uid": uid, **full}))
        if plugged:
            self.plug()

    def plug(self) -> None:
        """Power the board."""
        master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(master, False)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        os.symlink(os.ttyname(self._slave), self.path)
        with open(self.folder / "stderr.txt", "ab") as log:
            self._process = subprocess.Popen(
                [*self._argv, str(ROOT / "firmware" / "desktop" / "start.py"), str(self.folder)],
                stdin=master,
                stdout=master,
                stderr=log,
                start_new_session=True,
            )
        os.close(master)

    def unplug(self) -> None:
        """Take power and port away, as pulling the plug does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        with contextlib.suppress(OSError):
            os.close(self._slave)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    close = unplug

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def problem(self) -> str | None:
        """What the firmware said when it ended by itself, None while it runs."""
        if self._process is None or self._process.poll() is None:
            return None
        return (self.folder / "stderr.txt").read_text(errors="replace")[-2000:]


def _with_paths(hand: dict) -> dict:
    return hand if "client" in hand else {**hand, "file": [str(DATA / f) for f in hand.get("file", ())]}


def main() -> int:
    words = argparse.ArgumentParser(description="One simulated board, until Ctrl-C.")
    words.add_argument("instrument", type=Path, help="a folder of hardware/")
    words.add_argument("--recording", action="append", default=[], metavar="SENSOR=FILE", help="what moves a sensor")
    words.add_argument("--client", metavar="NAME", help=f"a simulated client moves every sensor instead ({LISTED})")
    given = words.parse_args()
    if given.client is not None and (said := unknown_client(given.client)):
        print(said, file=sys.stderr)
        return 2
    try:
        given.instrument = folder_of(str(given.instrument))
    except InstrumentProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    recorded = HANDS.get(given.instrument.name, {})
    moves = {}
    for pair in given.recording:
        sensor, _, file = pair.partition("=")
        if not Path(file).is_file():
            print(f"There is no recording {file}. Write SENSOR=FILE with a file of 't_s,value' lines.", file=sys.stderr)
            return 1
        moves[sensor] = {**recorded.get(sensor, {}), "file": [str(Path(file).resolve())]}
    argv, called = interpreter()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        wiring = wiring_of(given.instrument)
        hands = client_hands(wiring, given.client) if given.client else recorded
        board = SimulatedBoard(given.instrument, {**hands, **moves}, argv, wiring=wiring)
    except (InstrumentProblem, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    mover = f"as the simulated client '{given.client}' does" if given.client else "from a recording"
    print(f"{board.name} runs under {called} and moves by itself, {mover}. Play it with:", flush=True)
    print(f"  reachnote play --link serial:{board.path} --view --out sound:", flush=True)
    try:
        while board.problem() is None:
            time.sleep(0.2)
        print(board.problem(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        board.close()


if __name__ == "__main__":
    sys.exit(main())
