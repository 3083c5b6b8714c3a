"""What the firmware costs an RP2040, in simulated time on an emulated chip, and unix MicroPython for reference.

    python3 tools/bench/firmware_cost.py [--json]

The emulator counts the core's cycles at 125 MHz but no wait states of the flash: a real board is somewhat slower.
The first run builds the board's image (see tools/firmware_image.py).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "protocols"), str(ROOT / "tests")]
from tools import prepare  # noqa: E402

PINS = (14, 15, 16, 17, 18, 19)
BUSES = {"i2c0": {"sda": 4, "scl": 5, "freq": 400000}}

# Runs on the board. Each cost is a mean; what the loop around it costs is taken off.
MEASURE = """
import gc, time
import reachnote_wire as wire
def mean(call, n):
    gc.collect()
    before = gc.mem_alloc()
    begin = time.ticks_us()
    for _ in range(n):
        call()
    us = time.ticks_diff(time.ticks_us(), begin) / n
    return us, gc.mem_alloc() - before
def cost(call, n):
    empty = mean(lambda: None, n)
    full = mean(call, n)
    return round(full[0] - empty[0], 1), max(0, full[1] - empty[1]) / n
def collection():
    gc.collect()
    begin = time.ticks_us()
    gc.collect()
    return time.ticks_diff(time.ticks_us(), begin)
def ticks():
    board = main.Board(FOLDER)
    sampler, link = board._sampler, board.link
    def without():
        sampler._due = main.later(main.clock(), 500000)
        board.step()
    def line():
        sampler._due = main.clock()
        board.step()
    for _ in range(100):
        without()
    link.streaming = link._greeted = True
    link._heard = main.clock()
    return cost(without, N), cost(line, N), collection(), gc.mem_free()
"""
PACK = """
for count in (1, 4, 8):
    for name, native in (("plain", None), ("viper", wire.native_writer())):
        packer = wire.Packer(count, native)
        print(count, name, *cost(lambda: packer.pack(123456789), N))
"""
TICK = """
import main
(without, _), (line, _), collection_us, free = ticks()
print(without, line, collection_us, free)
"""
WORST = "import main\nmain.COLLECT_US = 200000\nmain.run()\n"


def sensors(count: int) -> list[dict]:
    """Two switches, an FSR and an MPRLS where there are four; of eight, six are switches."""
    switches = [{"name": f"s{n}", "driver": "switch", "pin": pin} for n, pin in enumerate(PINS)]
    if count == 1:
        return switches[:1]
    analog = [{"name": "pad", "driver": "fsr", "pin": 26}, {"name": "ball", "driver": "mprls", "bus": "i2c0"}]
    return switches[: count - 2] + analog


def on_rp2040(image: Path) -> dict:
    from support.flashed import Host, flash_of, shipped
    from support.rp2040 import Pico, RegisterDevice

    figures: dict = {}
    for count in (1, 4, 8):
        flash = flash_of(image, shipped(sensors(count), buses=BUSES))
        with Pico(image, boot=False, flash=flash) as board:
            board.i2c(0, {0x18: RegisterDevice({n: 0x40 for n in range(256)})})
            board.boot()
            board.reboot(run_main=False)
            head = 'FOLDER = ""\nN = 40\n' + MEASURE
            if count == 1:
                figures["interpreter"] = board.exec("import sys\nprint(sys.version)").split("; ")[-1].strip()
                figures["pack"] = rows_of(board.exec(head + PACK))
                board.reboot(run_main=False)
            figures[f"tick {count}"] = tick_of(board.exec(head + TICK))
            board.reboot(run_main=False)
            host = Host(board)
            board.launch(WORST)
            board.output.clear()
            host.run(0.4)
            host.keep(0.8)
            host.run(0.8)
            figures[f"tick {count}"]["worst_gap_us"] = host.ask()["worst_tick_us"]
    return figures


def on_unix(argv: list[str]) -> dict:
    figures = {}
    for count in (1, 4, 8):
        with tempfile.TemporaryDirectory() as folder:
            wiring = {"format": 1, "sensors": sensors(count), "buses": BUSES}
            (Path(folder) / "wiring.json").write_text(json.dumps(wiring))
            bench = f"import bench, main\nFOLDER = {folder + '/'!r}\nbench.set_up(FOLDER, main.clock)\nN = 2000\n"
            if count == 1:
                figures["interpreter"] = ran(argv, "import sys\nprint(sys.version)").split("; ")[-1].strip()
                figures["pack"] = rows_of(ran(argv, bench + MEASURE + PACK))
            figures[f"tick {count}"] = tick_of(ran(argv, bench + MEASURE + TICK))
    return figures


def ran(argv: list[str], source: str) -> str:
    paths = [str(ROOT / part) for part in ("firmware/desktop", "firmware", "protocols")]
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(source)
        script.flush()
        env = {**os.environ, "MICROPYPATH": ":".join(paths)}
        done = subprocess.run([*argv, script.name], capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def rows_of(printed: str) -> dict:
    rows = [line.split() for line in printed.splitlines()]
    return {f"{count} {name}": {"us": float(us), "garbage_bytes": float(size)} for count, name, us, size in rows}


def tick_of(printed: str) -> dict:
    without, line, collection, free = map(float, printed.splitlines()[-1].split())
    return {"without_line_us": without, "with_line_us": line, "collection_us": collection, "free_bytes": free}


def show(title: str, figures: dict) -> None:
    print(f"\n{title}: {figures['interpreter']}\n")
    print("| | us | garbage, bytes |\n| --- | --- | --- |")
    for name, pack in figures["pack"].items():
        print(f"| pack, sensors {name} | {pack['us']:.0f} | {pack['garbage_bytes']:.0f} |")
    print("\n| sensors | tick, us | with a line, us | collection, us | worst gap, us | free bytes |")
    print("| --- | --- | --- | --- | --- | --- |")
    for count in (1, 4, 8):
        tick = figures[f"tick {count}"]
        cells = [tick[key] for key in ("without_line_us", "with_line_us", "collection_us")]
        cells += [tick.get("worst_gap_us", "-"), tick["free_bytes"]]
        print(f"| {count} |", " | ".join(f"{cell:.0f}" if cell != "-" else "-" for cell in cells), "|")


def main() -> int:
    words = argparse.ArgumentParser(description="What the firmware costs an RP2040.")
    words.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = words.parse_args()
    python = prepare.environment("test")
    if Path(sys.prefix).resolve() != prepare.VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
    from tools import firmware_image, micropython

    try:
        figures = {"rp2040": on_rp2040(firmware_image.build())}
    except micropython.Unavailable as problem:
        print(problem, file=sys.stderr)
        return 1
    argv = micropython.find(prepare=True)
    if argv:
        figures["unix"] = on_unix(argv)
    if given.json:
        print(json.dumps(figures, indent=1))
        return 0
    show("Emulated RP2040, 125 MHz, simulated time", figures["rp2040"])
    if argv:
        show("This machine, for reference", figures["unix"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
