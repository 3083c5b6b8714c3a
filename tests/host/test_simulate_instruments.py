"""Every instrument of hardware/ moves by itself: the shipped firmware with a simulated hand, in invented time and behind a pty."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

import reachnote_wire as wire
from support.running import ROOT, Receiver, Running, until
from tools import simulate

FOLDERS = sorted(path.parent for path in (ROOT / "hardware").glob("*/instrument.toml"))
SECONDS = 10  # of the board's own time
PATIENCE_S = 30  # of lines, where a board may get little of the processor
SENSORS = sum(len(simulate.wiring_of(folder)["sensors"]) for folder in FOLDERS)
Moments = Sequence[tuple[int, int]]  # (status, raw) of one sensor, in order


def of_folders(quick: Sequence[str] = ()) -> list:
    """Every folder; all but the quick ones long, if some are named."""
    return [
        pytest.param(folder, id=folder.name, marks=() if not quick or folder.name in quick else pytest.mark.long)
        for folder in FOLDERS
    ]


def excursions(sensor: dict, moments: Moments) -> int:
    """How often a sensor, described as in a hello, clearly left its rest: pressed, hit, or over half of its reach."""
    raws = [raw for status, raw in moments if status == wire.OK]
    pairs = list(pairwise(raws))
    if sensor["kind"] == "switch":
        return sum(wire.read_switch(before)[0] < wire.read_switch(after)[0] for before, after in pairs)
    if sensor["kind"] == "impact":
        return sum((wire.read_impact(after)[0] - wire.read_impact(before)[0]) % 16 for before, after in pairs)
    count, out = 0, True
    for raw in raws:
        level = (raw - sensor["rest"]) / (sensor["reach"] - sensor["rest"])
        count += not out and level > 0.5
        out = level > 0.5 or (out and level >= 0.3)
    return count


# ---------------------------------------------------------------- in invented time


@pytest.fixture
def moved(monkeypatch, tmp_path):
    """A function: what the shipped drivers read in SECONDS, (the sensor's description, its moments) of each."""
    for path in (ROOT / "firmware", ROOT / "firmware" / "desktop"):
        monkeypatch.syspath_prepend(str(path))
    import bench
    from reachnote_board import wiring as on_board
    from reachnote_board.hardware import Hardware

    def run(wiring: dict, hands: dict) -> list[tuple[dict, Moments]]:
        now = 0
        (tmp_path / "wiring.json").write_text(json.dumps(wiring))
        (tmp_path / "hands.json").write_text(json.dumps({name: simulate._with_paths(hand) for name, hand in hands.items()}))
        bench.set_up(f"{tmp_path}/", lambda: now & wire.TIME_MASK)
        sensors = on_board.sensors_of(wiring, Hardware(wiring["buses"], bench.clock))
        seen: list[list[tuple[int, int]]] = [[] for _ in sensors]
        for tick in range(SECONDS * 1000):
            now = tick * 1000
            for sensor, moments in zip(sensors, seen, strict=True):
                sensor.step(bench.clock())
                if tick % 4 == 0:
                    sensor.report(bench.clock())
                    moments.append((sensor.status, sensor.value))
        return list(zip(on_board.describe(sensors), seen, strict=True))

    return run


@pytest.mark.parametrize("folder", of_folders())
def test_a_recording_moves_every_sensor(moved, folder):
    wiring = simulate.wiring_of(folder)
    hands = simulate.HANDS[folder.name]
    assert set(hands) == {sensor["name"] for sensor in wiring["sensors"]}
    for sensor, moments in moved(wiring, hands):
        assert excursions(sensor, moments) >= 1, sensor
        assert sum(status == wire.OK for status, _ in moments) > 0.9 * len(moments), sensor


@pytest.mark.parametrize("folder", of_folders(quick=("drum-pad", "mixed-table")))
def test_a_client_moves_every_sensor(moved, folder):
    wiring = simulate.wiring_of(folder)
    hands = simulate.client_hands(wiring, "steady")
    assert set(hands) == {sensor["name"] for sensor in wiring["sensors"]}
    for sensor, moments in moved(wiring, hands):
        assert excursions(sensor, moments) >= 2, sensor


def test_a_pad_is_hit_softly_and_hard(moved):
    ((_, moments),) = moved(simulate.wiring_of(ROOT / "hardware" / "drum-pad"), simulate.HANDS["drum-pad"])
    peaks = {wire.read_impact(raw)[1] for _, raw in moments} - {0}
    assert max(peaks) > 2 * min(peaks)


# ---------------------------------------------------------------- behind pseudo-terminals


class Listener:
    """Keeps a simulated board speaking; its hello's sensors, and what each of them said."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.board = simulate.SimulatedBoard(folder, folder=place)
        self.sensors: list[dict] = []
        self.moments: list[list[tuple[int, int]]] = []
        self.seconds = 0.0
        self._fd = os.open(self.board.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._splitter = wire.Splitter()
        self._kept = self._first_us = 0

    def listen(self) -> None:
        now = time.monotonic()
        if now - self._kept > wire.KEEP_ALIVE_MS / 1000:
            self._kept = now
            os.write(self._fd, wire.frame(wire.KEEP_ALIVE) + (b"" if self.sensors else wire.frame(wire.ASK_HELLO)))
        try:
            chunk = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return
        for body in self._splitter.feed(chunk):
            if body[:1] == b"h" and not self.sensors:
                self.sensors = json.loads(body[1:])["sensors"]
                self.moments = [[] for _ in self.sensors]
            elif body[:1] == b"r" and self.sensors:
                self._take(*wire.read_line(body)[1:])

    def _take(self, time_us: int, values: list[tuple[int, int]]) -> None:
        self._first_us = self._first_us or time_us
        self.seconds = (time_us - self._first_us & wire.TIME_MASK) / 1e6
        if self.seconds <= PATIENCE_S:
            for moments, value in zip(self.moments, values, strict=True):
                moments.append(value)

    def waiting(self) -> list[str]:
        """The sensors that have not left their rest yet."""
        named = [
            sensor["name"] for sensor, moments in zip(self.sensors, self.moments, strict=True) if not excursions(sensor, moments)
        ]
        return [f"{self.board.name}/{name}" for name in (named if self.sensors else ["hello"])]

    def close(self) -> None:
        self.board.close()
        os.close(self._fd)


@pytest.fixture
def listeners(tmp_path) -> Iterator[list[Listener]]:
    made: list[Listener] = []
    try:
        for folder in FOLDERS:
            made.append(Listener(folder, tmp_path / folder.name))
        yield made
    finally:
        for listener in made:
            listener.close()


def test_every_board_moves_behind_its_pseudo_terminal(listeners):
    waiting = ["all"]
    while waiting and min(listener.seconds for listener in listeners) <= PATIENCE_S:
        until = time.monotonic() + 0.25
        while time.monotonic() < until:
            for listener in listeners:
                listener.listen()
            time.sleep(0.005)
        assert [listener.board.problem() for listener in listeners] == [None] * len(listeners)
        waiting = [name for listener in listeners for name in listener.waiting()]
    assert waiting == []


@pytest.mark.long
def test_every_sensor_of_all_instruments_plays(tmp_path):
    boards = [simulate.SimulatedBoard(folder, folder=tmp_path / folder.name) for folder in FOLDERS]
    receiver = Receiver()
    running = Running([f"serial:{board.path}" for board in boards], [receiver.spec])
    try:
        running.ready(len(boards))
        until(lambda: len({message.channel for message in receiver.notes_on()}) == SENSORS, 40, f"notes of {SENSORS} sensors")
    finally:
        running.stop()
        receiver.close()
        for board in boards:
            board.close()
    assert receiver.sounding == {} and receiver.ons == receiver.offs
