"""A journal through the pure core gives the same events whenever and wherever it is played."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import reachnote
import reachnote_wire as wire
from reachnote import journal
from reachnote.journal import Closed, Left, Line, Opened
from reachnote.ledger import Ledger
from reachnote.model import Event, Kind
from reachnote.pipe import pack
from reachnote.replaying import events
from reachnote.scene import read_scene
from reachnote.session import Session
from support.boards import DISTANCE, PRESSURE, SWITCH, PtyBoard, hello_text
from support.invented import SCENE
from support.running import Receiver, Running, until

BEGINNING = [(1, 2, 72, 40), (2, 2, 72, 64), (1, 4, 60, 40), (1, 3, 64, 40), (2, 4, 60, 64), (1, 4, 62, 70)]


def scripted() -> list[journal.Entry]:
    """Five seconds of one board: taps, a reach, a lost line, a cut and a return."""
    sensors = [SWITCH, PRESSURE, DISTANCE]
    packer = wire.Packer(3)
    hello = wire.frame(wire.HELLO, hello_text("b1", sensors))[:-1]
    entries: list[journal.Entry] = [Opened(5.0, 0, "/dev/ttyACM0", False), Line(5.01, 0, hello)]
    edges, edge_at, link = 0, 0.0, 0
    for n in range(1, 1_250):
        at = 5.02 + n * 0.004
        if n % 60 == 0:
            edges, edge_at = edges + 1, at
        packer.value[0] = wire.switch_value(edges & 1, edges, int((at - edge_at) * 1e6))
        packer.value[1] = abs(n % 200 - 100) * 9
        packer.value[2] = 500 - n % 400
        packer.pack(n * 4_000 + 77)
        if n == 700:
            entries += [Closed(at, 0), Opened(at + 0.001, 1, "/dev/ttyACM1", False), Line(at + 0.002, 1, hello)]
            link = 1
        elif n % 97:
            entries.append(Line(at + 0.0002 * (n % 5), link, bytes(packer.buffer[:-1])))
    return entries


def replayed(entries: list[journal.Entry], scene: str = SCENE) -> tuple[list[tuple[Event, str]], Ledger]:
    ledger = Ledger()
    return list(events(entries, Session(read_scene(scene, "test.toml")), ledger)), ledger


def notes(found: list[Event]) -> list[tuple[int, int, int, int]]:
    return [(int(e.kind), e.channel, e.a, e.b) for e in found if e.kind in (Kind.NOTE_ON, Kind.NOTE_OFF)]


def test_a_replay_is_the_same_bytes_every_time():
    entries = scripted()
    first, _ = replayed(entries)
    for _ in range(3):
        found, _ = replayed(entries)
        assert pack([e for e, _ in found]) == pack([e for e, _ in first])
        assert [text for _, text in found] == [text for _, text in first]


def test_a_replay_of_the_written_journal_is_the_same_as_of_what_was_written():
    entries = scripted()
    text = "".join(journal.write(entry) for entry in entries)
    again = list(journal.read([journal.header({}), *text.splitlines(keepends=True)], "a")[1])
    assert notes([e for e, _ in replayed(again)[0]]) == notes([e for e, _ in replayed(entries)[0]])


def test_a_replay_begins_with_these_notes_and_ends_every_note():
    found, ledger = replayed(scripted())
    assert notes([e for e, _ in found])[:6] == BEGINNING
    assert ledger.sounding() == []
    assert ledger.ons == ledger.offs > 30


def test_events_of_a_journal_are_not_played_twice():
    entries = scripted()
    with_events = [e for entry in entries for e in (entry, Left(entry.time, Event(1, 2, 60, 70, 0, 0xFFFF, entry.time)))]
    assert notes([e for e, _ in replayed(with_events)[0]]) == notes([e for e, _ in replayed(entries)[0]])


def test_a_journal_that_ends_in_the_middle_of_a_note_ends_the_note():
    entries = scripted()
    for cut in range(len(entries) - 200, len(entries), 9):
        _, ledger = replayed(entries[:cut])
        assert ledger.sounding() == []


def test_an_empty_journal_plays_nothing():
    assert replayed([])[0] == []


def test_a_replay_is_faster_than_what_it_plays():
    entries = scripted()
    began = time.perf_counter()
    replayed(entries)
    assert time.perf_counter() - began < 2.5  # 5 s of three sensors at 250 Hz


# ---------------------------------------------------------------- a live recording


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

