"""A journal through the pure core gives the same events whenever and wherever it is played."""

from __future__ import annotations

import reachnote_wire as wire
from reachnote import journal
from reachnote.journal import Closed, Left, Line, Opened, Stalled
from reachnote.model import Event, Kind
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


def held_through_a_pause(stalled: bool) -> list[tuple[int, int, int, int]]:
    """A switch held from 5.1 s on; nothing arrives from 5.5 to 5.7 s."""
    packer = wire.Packer(1)
    hello = wire.frame(wire.HELLO, hello_text("b1", [SWITCH]))[:-1]
    entries: list[journal.Entry] = [Opened(5.0, 0, "/dev/ttyACM0", False), Line(5.01, 0, hello)]
    for n in range(1, 250):
        at = 5.02 + n * 0.004
        packer.value[0] = wire.switch_value(int(at > 5.1), int(at > 5.1), int(max(at - 5.1, 0) * 1e6))
        packer.pack(n * 4_000)
        if not 5.5 < at < 5.7:
            entries.append(Line(at, 0, bytes(packer.buffer[:-1])))
        elif stalled and isinstance(entries[-1], Line):
            entries.append(Stalled(5.7, 5.5))
    found, _ = replayed(entries)
    return [(kind, channel, key, round(time, 1)) for kind, channel, key, time in ends([event for event, _ in found])]


def ends(events: list[Event]) -> list[tuple[int, int, int, float]]:
    return [(event.kind, event.channel, event.a, event.time) for event in events if event.kind in (Kind.NOTE_ON, Kind.NOTE_OFF)]


def test_a_machine_that_stalled_ends_no_note_when_it_is_replayed():
    assert [at for kind, *_, at in held_through_a_pause(stalled=True) if kind == Kind.NOTE_OFF] == [6.1]  # after the last line


def test_a_board_that_was_quiet_as_long_ends_its_note_when_it_is_replayed():
    assert [at for kind, *_, at in held_through_a_pause(stalled=False) if kind == Kind.NOTE_OFF] == [5.6]
