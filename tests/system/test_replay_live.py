"""What was recorded live replays to the notes that sounded."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import reachnote
from reachnote import journal
from reachnote.journal import Left
from reachnote.ledger import Ledger
from support.boards import DISTANCE, PRESSURE, SWITCH, PtyBoard
from support.replays import notes, replayed
from support.running import Receiver, Running, until


def play_live(board: PtyBoard) -> None:
    for _ in range(4):
        board.press(0, True)
        time.sleep(0.06)
        board.press(0, False)
        time.sleep(0.06)
    for raw in [*range(0, 900, 60), *range(900, 0, -60)]:
        board.packer.value[1] = raw
        time.sleep(0.01)
    board.packer.value[1] = 0
    for raw in [*range(500, 60, -20), *range(60, 500, 40)]:
        board.packer.value[2] = raw
        time.sleep(0.01)
    board.packer.value[2] = 500
    time.sleep(0.1)


@pytest.mark.parametrize("when", ["from the start", "in the middle"])
def test_a_live_recording_replays_to_the_notes_that_sounded(tmp_path, when):
    """Once with --record, once with `reachnote record` while the board already plays."""
    path = tmp_path / "a.journal"
    board, receiver = PtyBoard("b1", [SWITCH, PRESSURE, DISTANCE]), Receiver()
    board.packer.value[2] = 500
    board.stream(250)
    try:
        recording = ["--record", str(path)] if when == "from the start" else []
        with Running([f"serial:{board.path}"], [receiver.spec], *recording) as run:
            run.ready()
            if when == "in the middle":
                assert run.command("record", str(path)).wait(10) == 0
                until(path.exists, 5, "a journal")
                time.sleep(1.2)  # the boards introduce themselves to the journal
            mark = time.monotonic()
            play_live(board)
            receiver.wait_sounding(0)
            sounded = [m for m in list(receiver.heard) if m.status in (0x80, 0x90) and m.time > mark]
            heard = [(1 if m.status == 0x90 else 2, m.channel, m.a) for m in sounded]
        with open(path, encoding="ascii") as file:
            facts, found = journal.read(file, str(path))
            entries = list(found)
    finally:
        board.close()
        receiver.close()
    assert len(heard) >= 20
    ledger = Ledger()
    recorded = [sent for e in entries if isinstance(e, Left) for sent in ledger.take(e.event)]
    assert [n[:3] for n in notes(recorded)] == heard
    scene = (Path(reachnote.__file__).parent / "scenes" / f"{facts['scene']}.toml").read_text("utf-8")
    played, _ = replayed(entries, scene)
    if when == "from the start":
        assert notes([e for e, _ in played]) == notes(recorded)
    assert [n[1:3] for n in notes([e for e, _ in played])] == [n[1:] for n in heard]

