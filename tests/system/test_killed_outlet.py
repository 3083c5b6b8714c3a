"""A killed outlet at real MIDI receivers: the next one ends what sounded, on a port of ours and on somebody else's."""

from __future__ import annotations

import os
import signal
import time

import pytest

from support.boards import SWITCH, PtyBoard
from support.jack import Jack, missing, wait_until
from support.running import Running

LONGEST_S = 0.5
REMEMBERED_S = 1.6  # a connection is noticed within a second


@pytest.fixture(scope="module")
def jack():
    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    with Jack(waits=False) as server:
        yield server


@pytest.fixture
def board():
    there = PtyBoard("b1", [SWITCH])
    there.stream(250)
    yield there
    there.unplug()


def ended_after(run: Running, sink) -> float:
    """Seconds from the kill to the Note Off at the receiver."""
    killed = time.monotonic()
    os.kill(run.worker(), signal.SIGKILL)
    wait_until(lambda: not sink.sounding(), 5.0, "the Note Off")
    return time.monotonic() - killed


@pytest.mark.parametrize("kind", ["a port of somebody else", "a port of our own"])
def test_a_killed_outlet_leaves_no_note_at_a_jack_receiver(jack, board, monkeypatch, kind):
    for name, value in jack.variables().items():
        monkeypatch.setenv(name, value)
    with jack.midi_sink() as sink:
        sink_port = next(port for port in jack.ports() if "sink" in port)
        spec = "midi:virtual" if kind == "a port of our own" else f"midi:{sink_port}"
        with Running([f"serial:{board.path}"], [spec]) as run:
            run.ready(1)
            if spec == "midi:virtual":
                wait_until(lambda: "reachnote:reachnote" in jack.ports(), 5.0, "our port")
                jack.connect("reachnote:reachnote", sink_port)
                time.sleep(REMEMBERED_S)
            took = []
            for _ in range(3):
                board.press(0, True)
                wait_until(sink.sounding, 5.0, "a note")
                took.append(ended_after(run, sink))
                board.press(0, False)
                time.sleep(0.3)
            print(f"{kind}: ms from the kill to the Note Off: {[round(1000 * s) for s in took]}")
            assert max(took) <= LONGEST_S
            board.press(0, True)
            wait_until(sink.sounding, 5.0, "the next note after the last restart")
            board.press(0, False)
