"""The guard in a real outlet: what a person chose holds after the worker was killed, and every output hears the same."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time

import pytest

from reachnote.beside import Beside
from reachnote.limits import VERY_QUIET, pack_limits
from reachnote.model import Kind, note_off, note_on, order
from reachnote.pipe import pack, pack_text
from support.jack import wait_until


class Outlet:
    """An outlet process with two outputs that are files of MIDI bytes."""

    def __init__(self, folder, monkeypatch) -> None:
        monkeypatch.setenv("REACHNOTE_RUNTIME", str(folder / "run"))
        self.files = [folder / "one.bin", folder / "two.bin"]
        for file in self.files:
            os.mkfifo(file)
        self._readers = [os.open(file, os.O_RDONLY | os.O_NONBLOCK) for file in self.files]
        self.heard = [b"", b""]
        self.told: list[dict] = []
        self.process = Beside("reachnote.outlet", 1 << 20, "test", *[f"raw:{file}" for file in self.files])
        wait_until(lambda: self.worker(), 10.0, "the worker")

    def worker(self) -> int:
        self.told += self.process.lines() or []
        return next((news["pid"] for news in reversed(self.told) if news.get("news") == "outlet"), 0)

    def listen(self) -> list[bytes]:
        """The notes that each output heard so far."""
        for n, reader in enumerate(self._readers):
            with contextlib.suppress(BlockingIOError):
                self.heard[n] += os.read(reader, 65536)
        return self.heard

    def send(self, *raw: bytes) -> None:
        self.process.write(b"".join(raw))

    def close(self) -> None:
        self.process.write(pack([order(Kind.CLOSE, time.monotonic())]))
        self.process.process.wait(10.0)
        self.process.close()
        for reader in self._readers:
            os.close(reader)


@pytest.fixture
def outlet(tmp_path, monkeypatch):
    there = Outlet(tmp_path, monkeypatch)
    yield there
    there.close()


def velocities(stream: bytes) -> list[int]:
    """Of every Note On in whole three-byte messages."""
    return [stream[n + 2] for n in range(0, len(stream) - 2, 3) if stream[n] & 0xF0 == 0x90]


def play(outlet: Outlet, count: int) -> None:
    """As loud as it goes, more often than anybody may."""
    for n in range(count):
        now = time.monotonic()
        outlet.send(pack([note_on(2, 20 + 5 * n % 100, 127, 1 + n % 3, now), note_off(2, 20 + 5 * n % 100, 1 + n % 3, now)]))
        time.sleep(0.02)


def test_the_chosen_limits_outlive_a_killed_worker_on_every_output(outlet):
    outlet.send(pack_text(Kind.LIMITS, 0, pack_limits(VERY_QUIET, preset=True), time.monotonic()))
    play(outlet, 20)
    wait_until(lambda: velocities(outlet.listen()[0]), 5.0, "a note")
    before = outlet.worker()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: outlet.worker() != before, 10.0, "the next worker")
    mark = len(outlet.listen()[0])
    play(outlet, 60)
    wait_until(lambda: velocities(outlet.listen()[0][mark:]), 5.0, "a note after it")
    time.sleep(0.2)
    one, two = outlet.listen()
    assert one == two
    assert max(velocities(one)) <= VERY_QUIET.loudest
    assert velocities(one[mark:])[0] <= VERY_QUIET.first
    assert all(VERY_QUIET.lowest <= one[n + 1] <= VERY_QUIET.highest for n in range(0, len(one), 3) if one[n] & 0xE0 == 0x80)
    assert len(velocities(one)) <= 2 * VERY_QUIET.total_burst + VERY_QUIET.total_rate * 5


def test_a_client_who_asks_for_stop_is_heard_by_every_output(outlet):
    now = time.monotonic()
    outlet.send(pack([note_on(2, 60, 70, 1, now), order(Kind.STOP, now, 1)]))
    play(outlet, 20)
    wait_until(lambda: outlet.listen()[0].count(b"\x81\x3c") == 1, 5.0, "the end of the note")
    time.sleep(0.1)
    assert [velocities(stream) for stream in outlet.listen()] == [[40], [40]]
    wait_until(lambda: (outlet.worker(), [n for n in outlet.told if n.get("news") == "guard"])[1], 5.0, "what is told")
    told = next(news for news in outlet.told if news["news"] == "guard")
    assert json.loads(json.dumps(told))["stopped"] is True
