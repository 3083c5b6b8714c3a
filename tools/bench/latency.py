"""How long a line takes to become a note, beside a bare relay in the same run.

    python3 tools/bench/latency.py [--json] [--seconds N]

Everything is real: pseudo-terminals, the engine, its outlet, a FIFO for the MIDI bytes. The relay is the least that can
stand between the two: one process that reads the line and writes it on. Both see the same lines at the same time on the same
machine, so their difference is ours. Milliseconds unless a name says otherwise; see protocols/figures.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import select
import subprocess
import sys
import tempfile
import time
import tty
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tools" / "bench")]
from tools import prepare  # noqa: E402

SWITCHES = 4  # of the probe board
PRESS_S = 0.125  # 8 notes a second of each: below the guard's limits
RELAY = "import os, sys\nfrom reachnote.runtime import hurry\nhurry()\nr, w = int(sys.argv[1]), int(sys.argv[2])\nwhile True: os.write(w, os.read(r, 4096))"

SCENE = "format = 1\n" + "".join(
    f'[[voice]]\nsensor = "Probe/s{n}"\noutputs = ["probe"]\n' for n in range(SWITCHES)
) + '[[voice]]\nfor = ["all"]\noutputs = ["rest"]\n'
FULL = """tempo = 120
song = "amazing-grace"
[activity]
name = "play-along"
chords = true
pause_s = 0.5
""" + SCENE.removeprefix("format = 1\n").partition('[[voice]]\nfor = ["all"]')[0] + """[[voice]]
for = "pressure"
play = "zones"
notes = 8
chord = "triad"
quantise = 50
grid = 0.25
trigger = {mode = "repeat-while-held", every_beats = 0.25}
controls = [{send = "cc 74"}, {send = "bend", to = 9000}, {send = "pressure"}]
outputs = ["rest"]
[[voice]]
source = "chord"
chord = "triad"
quantise = 100
trigger = {mode = "one-shot", length_s = 0.5}
outputs = ["rest"]
"""
"""Everything at once: a song and its chords, chords on a grid, repetitions, three controls for each of 53 sensors, our clock."""


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of all do not exceed, in the unit of `values`; nan without any."""
    ordered = sorted(values)
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 3) if ordered else float("nan")


def terminal() -> tuple[int, int]:
    """(master, slave) of a raw pseudo-terminal."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    return master, slave


class Running:
    """`reachnote play` with its own runtime folder, and the process numbers that belong to it."""

    def __init__(self, folder: Path, links: list[str], outs: list[str], *more: str) -> None:
        self.env = {**os.environ, "REACHNOTE_RUNTIME": str(folder), "REACHNOTE_STATE": str(folder)}
        words = [w for link in links for w in ("--link", link)] + [w for out in outs for w in ("--out", out)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reachnote", "play", *words, *more],
            env=self.env,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.environ.update(REACHNOTE_RUNTIME=str(folder), REACHNOTE_STATE=str(folder))

    def status(self) -> dict:
        from reachnote.ask import NotRunning, Session

        with contextlib.suppress(NotRunning), Session() as session:
            return session.ask("status")["status"]
        return {}

    def wait_for(self, boards: int, service: object) -> None:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            service()
            ready = [b for b in self.status().get("boards", []) if b["state"] != "unplugged"]
            if len(ready) >= boards:
                return
        raise SystemExit("The boards did not come up within 15 s.")

    def pids(self) -> list[int]:
        """The keeper and everything under it."""
        parents: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rsplit(")", 1)[1].split()
                parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += parents.get(pid, [])
        return found

    def cpu_s(self) -> float:
        ticks = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


class Probe:
    """A board whose edges are timed on their way: `sent` and `heard` by channel, and the same lines through the relay."""

    def __init__(self, folder: Path, sensors: int) -> None:
        import reachnote_wire as wire

        self.wire = wire
        self.sensors = sensors
        self.fifo = folder / "midi"
        os.mkfifo(self.fifo)
        self.midi = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.keep = os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
        self.master, self.slave = terminal()
        self.path = os.ttyname(self.slave)
        self.relay_in, relay_slave = terminal()
        self.relay_out, relay_write = os.pipe()
        self.relay = subprocess.Popen(
            [sys.executable, "-c", RELAY, str(relay_slave), str(relay_write)], pass_fds=(relay_slave, relay_write)
        )
        self.packer = wire.Packer(sensors)
        self.edges = [0] * SWITCHES
        self.sent: dict[int, list[int]] = {n: [] for n in range(SWITCHES)}
        self.heard: dict[int, list[int]] = {n: [] for n in range(SWITCHES)}
        self.relayed: list[float] = []
        self.lines = 0
        self._channels: dict[int, int] = {}
        self._relay_sent: list[int] = []
        self._relay_rest = b""
        kinds = [{"name": f"s{n}", "kind": "switch"} for n in range(SWITCHES)]
        kinds += [
            {"name": f"p{n}", "kind": "pressure", "min": 0, "max": 1000, "rest": 0, "reach": 1000}
            for n in range(sensors - SWITCHES)
        ]
        hello = {"wire": 1, "uid": "probe", "boot": "1", "name": "Probe", "rate_hz": 1000, "sensors": kinds}
        self.hello = wire.frame(wire.HELLO, wire.ascii_json(hello))

    def channels(self, status: dict) -> None:
        for board in status["boards"]:
            if board["uid"] == "probe":
                self._channels = {s["channel"] - 1: n for n, s in enumerate(board["sensors"]) if n < SWITCHES}

    def serve(self, wait: float = 0.02) -> None:
        """Read what came back; answer what the host asks."""
        fds = [self.midi, self.relay_out, self.master]
        for fd in select.select(fds, [], [], max(wait, 0.0))[0]:
            now = time.monotonic_ns()
            data = os.read(fd, 65536)
            if fd == self.midi:
                self._midi(data, now)
            elif fd == self.relay_out:
                count = (self._relay_rest + data).count(b"\n")
                self._relay_rest = data[data.rfind(b"\n") + 1 :] if b"\n" in data else self._relay_rest + data
                for _ in range(count):
                    self.relayed.append((now - self._relay_sent.pop(0)) / 1e6)
            elif b"$a" in data:
                os.write(self.master, self.hello)

    def _midi(self, data: bytes, now: int) -> None:
        for status in data:  # never running status: every message begins with its own
            sensor = self._channels.get(status & 15) if status >> 4 in (8, 9) else None
            if sensor is not None:
                self.heard[sensor].append(now)

    def pause(self, until: int) -> None:
        while (left := until - time.monotonic_ns()) > 0:
            self.serve(left / 1e9)

    def run(self, rate_hz: float, seconds: float) -> None:
        """Lines at `rate_hz` to the engine, and half a period later the same to the relay."""
        wire = self.wire
        period = int(1e9 / rate_hz)
        start = due = time.monotonic_ns()
        stride = int(PRESS_S * 1e9) // (2 * SWITCHES)
        next_edge, turn = start + 500_000_000, 0
        while due < start + seconds * 1e9:
            self.pause(due)
            now = time.monotonic_ns()
            if now >= next_edge:
                n = turn % SWITCHES
                turn += 1
                next_edge += stride
                self.edges[n] += 1
                self.packer.value[n] = wire.switch_value(self.edges[n] & 1, self.edges[n], 0)
            else:
                n = -1
            self.packer.pack(now // 1000 & wire.TIME_MASK)
            line = bytes(self.packer.buffer)
            sent = time.monotonic_ns()
            os.write(self.master, line)
            self.lines += 1
            if n >= 0:
                self.sent[n].append(sent)
            self.pause(due + period // 2)
            self._relay_sent.append(time.monotonic_ns())
            os.write(self.relay_in, line)
            due = max(due + period, time.monotonic_ns() - 20_000_000)
        self.pause(time.monotonic_ns() + 300_000_000)

    def latencies(self) -> list[float]:
        found = []
        for n, sent in self.sent.items():
            if len(sent) != len(self.heard[n]):
                print(f"switch {n}: {len(sent)} edges, {len(self.heard[n])} notes", file=sys.stderr)
            found += [(h - s) / 1e6 for s, h in zip(sent, self.heard[n], strict=False)]
        return found

    def close(self) -> None:
        self.relay.kill()
        self.relay.wait()
        for fd in (self.midi, self.keep, self.master, self.slave, self.relay_in, self.relay_out):
            os.close(fd)


def quiet(seconds: float) -> dict:
    """One board, a line each millisecond."""
    folder = Path(tempfile.mkdtemp(prefix="reachnote-bench-"))
    probe = Probe(folder, SWITCHES)
    running = Running(folder, [f"serial:{probe.path}"], [f"raw:{probe.fifo}"])
    try:
        running.wait_for(1, probe.serve)
        probe.channels(running.status())
        probe.run(1000, seconds)
        ours = probe.latencies()
        return {
            "relay_p50_ms": percentile(probe.relayed, 0.5),
            "relay_p99_ms": percentile(probe.relayed, 0.99),
            "p50_ms": percentile(ours, 0.5),
            "p99_ms": percentile(ours, 0.99),
            "samples": len(ours),
        }
    finally:
        running.close()
        probe.close()


def full(seconds: float) -> dict:
    """The same load with a scene that uses everything."""
    found = loaded(seconds, FULL, "--limits", "stage", "--clock", "send")
    return {name.replace("loaded_", "full_") if "loaded" in name else f"full_{name}": value for name, value in found.items()}


def loaded(seconds: float, scene: str = SCENE, *words: str) -> dict:
    """8 boards x 8 sensors x 250 lines/s, each pressure sensor calibrated with every guard on (`chain`), recording on,
    a feed reader attached; the probe is the eighth board."""
    import chain
    import load

    folder = Path(tempfile.mkdtemp(prefix="reachnote-bench-"))
    probe = Probe(folder, 8)
    links = [f"serial:{folder}/ports/board{n}" for n in range(7)] + [f"serial:{probe.path}"]
    outs = [f"probe=raw:{probe.fifo}", f"rest=file:{folder / 'rest.mid'}"]
    (folder / "scene.toml").write_text(scene)
    more = ["--record", str(folder / "journal.jsonl"), "--scene", str(folder / "scene.toml"), *words]
    running = Running(folder, links, outs, *more)
    watcher = generator = None
    try:
        running.wait_for(1, probe.serve)  # the first board gets a channel for each of its sensors
        generator = load.start(folder / "ports", boards=7, sensors=8, rate=250, seconds=seconds + 20, presses_hz=1)
        running.wait_for(8, probe.serve)
        probe.channels(running.status())
        calibrated = chain.calibrate(running.status())
        watch = [sys.executable, "-m", "reachnote", "watch", "--json"]
        watcher = subprocess.Popen(watch, env=running.env, stdout=subprocess.DEVNULL)
        before, began = running.cpu_s(), time.monotonic()
        probe.run(250, seconds)
        cpu = 100 * (running.cpu_s() - before) / (time.monotonic() - began)
        time.sleep(1.2)
        boards = running.status()["boards"]
        lost = sum(b["lost"] + b["damaged"] for b in boards)
        lost += probe.lines - next(b["lines"] for b in boards if b["uid"] == "probe")
        ours = probe.latencies()
        return {
            "loaded_relay_p50_ms": percentile(probe.relayed, 0.5),
            "loaded_relay_p99_ms": percentile(probe.relayed, 0.99),
            "loaded_p50_ms": percentile(ours, 0.5),
            "loaded_p99_ms": percentile(ours, 0.99),
            "loaded_samples": len(ours),
            "lost": lost,
            "calibrated": calibrated,
            "cpu_pct": round(cpu, 1),
        }
    finally:
        if watcher is not None:
            watcher.kill()
            watcher.wait()
        if generator is not None:
            generator.terminate()
            generator.communicate()
        running.close()
        probe.close()


def flat_out(seconds: float) -> dict:
    """How many readings a second the whole engine takes when a board sends as fast as it can."""
    import reachnote_wire as wire

    folder = Path(tempfile.mkdtemp(prefix="reachnote-bench-"))
    probe = Probe(folder, 32)
    packer, lines = wire.Packer(32), []
    for k in range(1024):
        for n in range(SWITCHES, 32):
            packer.value[n] = (k * 7 + n * 31) % 200
        packer.pack(k * 100)
        lines.append(bytes(packer.buffer))
    running = Running(folder, [f"serial:{probe.path}"], [f"raw:{probe.fifo}"])
    try:
        running.wait_for(1, probe.serve)
        os.set_blocking(probe.master, True)
        block = b"".join(lines)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            os.write(probe.master, block)
        first = running.status()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            os.write(probe.master, block)
        last = running.status()
        return {"readings_per_s": round((last["readings"] - first["readings"]) / (last["time"] - first["time"]))}
    finally:
        os.set_blocking(probe.master, False)
        running.close()
        probe.close()


def cost_per_reading() -> dict:
    """Microseconds of the pure core for each reading, from 1 to 64 sensors."""
    import reachnote_wire as wire
    from reachnote import programme
    from reachnote.session import Session

    scene = programme.load("five-notes")[0][0]
    found = {}
    for boards, sensors in ((1, 1), (1, 8), (2, 32)):
        session = Session(scene)
        kinds = [{"name": f"p{n}", "kind": "pressure", "max": 1000, "reach": 1000} for n in range(sensors)]
        streams = []
        for b in range(boards):
            session.opened(b, "bench", 0.0)
            hello = {"wire": 1, "uid": f"b{b}", "sensors": kinds}
            session.bytes_in(b, wire.frame(wire.HELLO, wire.ascii_json(hello)), 0.0)
            packer = wire.Packer(sensors)
            lines = []
            for k in range(16000 // sensors):
                for n in range(sensors):
                    packer.value[n] = (k * 7 + n * 31) % 1000
                packer.pack(k * 4000 & wire.TIME_MASK)
                lines.append(bytes(packer.buffer))
            streams.append(lines)
        began, at = time.perf_counter(), 0.0
        for turn in zip(*streams, strict=True):
            at += 0.004
            for b, line in enumerate(turn):
                session.bytes_in(b, line, at)
            session.out.clear()
            session.gestures.clear()
        count = boards * sensors * len(streams[0])
        found[f"us_per_reading_{boards * sensors}"] = round((time.perf_counter() - began) / count * 1e6, 2)
    return found


def edge_to_note(seconds: float) -> dict:
    """From a scripted switch edge inside the shipped firmware, under the interpreter that is named, to the MIDI bytes."""
    import reachnote_wire as wire
    from reachnote import journal
    from tools import simulate

    argv, called = simulate.interpreter()
    folder = Path(tempfile.mkdtemp(prefix="reachnote-bench-"))
    os.mkfifo(folder / "midi")
    midi = os.open(folder / "midi", os.O_RDONLY | os.O_NONBLOCK)
    keep = os.open(folder / "midi", os.O_WRONLY | os.O_NONBLOCK)
    script = {"name": "scripted", "driver": "scripted", "kind": "switch", "samples": [[0, 0], [97, 1], [150, 0]], "period_ms": 190}
    wiring = {"format": 1, "instrument": "bench", "name": "Bench", "rate_hz": 250, "buses": {}, "sensors": [script]}
    board = simulate.SimulatedBoard(ROOT / "hardware" / "bench", {}, argv, folder=folder / "board", wiring=wiring)
    running = Running(folder, [f"serial:{board.path}"], [f"raw:{folder / 'midi'}"], "--record", str(folder / "j.jsonl"))
    heard: list[int] = []
    try:
        end = time.monotonic() + seconds + 3
        while time.monotonic() < end:
            if select.select([midi], [], [], 0.1)[0]:
                now = time.monotonic_ns() // 1000
                data = os.read(midi, 4096)
                heard += [now for status in data[::3] if status >> 4 in (8, 9)]
    finally:
        running.close()
        board.close()
        os.close(midi)
        os.close(keep)
    edges = {}
    with open(folder / "j.jsonl", encoding="ascii") as file:
        for entry in journal.read(file, "journal")[1]:
            body = wire.body_of(entry.line) if isinstance(entry, journal.Line) else None
            said = wire.read_line(body) if body and body[:1] == b"r" else None
            if said:
                _, count, age = wire.read_switch(said[2][0][1])
                if age < 1_000_000:
                    edges.setdefault(count, (said[1] - age) & wire.TIME_MASK)
    found = []
    for edge in edges.values():
        after = [((at - edge) & wire.TIME_MASK) / 1000 for at in heard]
        nearest = min(after, default=1e9)
        if nearest < 100:
            found.append(nearest)
    return {
        "edge_to_note_p50_ms": percentile(found, 0.5),
        "edge_to_note_p99_ms": percentile(found, 0.99),
        "edge_samples": len(found),
        "firmware_under": called,
    }


def yardstick() -> dict:
    """A fixed loop, so that machines can be told apart, and what the machine is."""
    began = time.perf_counter()
    total = 0
    for n in range(2_000_000):
        total += n & 7
    spent = time.perf_counter() - began
    model = "unknown"
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
        model = found.group(1) if found else model
    return {
        "yardstick_ms": round(1000 * spent, 1),
        "machine": f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}",
    }


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--json", action="store_true", help="one flat object on one line")
    words.add_argument("--seconds", type=float, default=20.0, help="of each of the timed parts")
    given = words.parse_args()
    python = prepare.environment("test")
    if Path(sys.prefix).resolve() != prepare.VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
    figures: dict = {}
    for part in (quiet, loaded, full):
        figures |= part(given.seconds)
    figures |= flat_out(min(given.seconds, 5.0))
    figures |= edge_to_note(given.seconds)
    import chain

    figures |= cost_per_reading() | chain.over_a_session() | yardstick()
    if given.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
