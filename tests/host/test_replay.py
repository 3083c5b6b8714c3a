"""A journal through the pure core gives the same events whenever and wherever it is played."""

from __future__ import annotations

import reachnote_wire as wire
from reachnote import journal
from reachnote.journal import Closed, Left, Line, Opened
from reachnote.model import Event
from reachnote.pipe import pack
from support.boards import DISTANCE, PRESSURE, SWITCH, hello_text
from support.replays import notes, replayed

BEGINNING = [(1, 2, 72, 40), (2, 2, 72, 64), (1, 3, 64, 40), (1, 4, 62, 40), (1, 2, 74, 70), (2, 4, 62, 64)]


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
    assert ledger.ons == ledger.offs == 28


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
