"""Whatever asks for it, a note leaves alike as MIDI bytes, as a line for FluidSynth and as a line of the feed, and inside the limits."""

from __future__ import annotations

import random

import pytest

from reachnote.control import KINDS
from reachnote.ledger import Ledger
from reachnote.limits import PRESETS, STAGE, Limits, pack_limits
from reachnote.model import Event, Kind, note_off, note_on, order
from reachnote.outputs.midi import to_bytes
from reachnote.outputs.sound import command
from reachnote.pipe import Unpacker, pack, pack_text
from support.guarding import Watch

ORDERS = 10_000
SOURCES = 6


def asked(chance: random.Random, count: int) -> list[tuple[Event, str]]:
    """Events as anything may ask for them, loud, dense, wild; orders between; times that stand still and leap."""
    time, found = 100.0, []
    for _ in range(count):
        time += chance.choice((0.0, 0.0, 0.002, 0.02, 0.1, 0.7)) * chance.random()
        source, what = chance.randrange(SOURCES), chance.random()
        channel, key = chance.choice((2, 3, 10, 16)), chance.randrange(128)
        if what < 0.55:
            found.append((note_on(channel, key, chance.randrange(1, 128), source, time, 1), ""))
        elif what < 0.85:
            found.append((note_off(channel, key, source, time, 1), ""))
        elif what < 0.93:
            found.append((Event(Kind.CONTROL, channel, chance.choice((1, 7, 11, 39, 43, 64, 121)), chance.randrange(128), source, 1, time), ""))
        elif what < 0.94:
            found.append((order(Kind.RELEASE, time, source), ""))
        elif what < 0.945:
            found.append((order(chance.choice((Kind.RELEASE_ALL, Kind.SOFTER, Kind.LIFT, Kind.STOP)), time), ""))
        elif what < 0.95:
            found.append((order(Kind.SILENCE, time, b=chance.choice((1, 2))), ""))
    return found


def fluidsynth(message: bytes) -> tuple:
    """(kind, channel 1..16, a, b) of the line that FluidSynth is given."""
    word, channel, *numbers = command(message).decode().split()
    return (word, int(channel) + 1, *map(int, numbers))


@pytest.mark.parametrize("preset", PRESETS)
def test_ten_thousand_orders_leave_alike_and_inside_the_limits(preset):
    chance, limits = random.Random(preset), PRESETS[preset]
    outlet, control, watch = Ledger(), Ledger(), Watch(limits)
    unpacker = Unpacker()
    told = pack_text(Kind.LIMITS, 0, pack_limits(limits, preset=True), 99.0)
    for event, text in Unpacker().feed(told):
        outlet.take(event, text)
    for event, text in unpacker.feed(told):
        control.take(event, text)
    midi, synth, feed = [], [], []
    for event, text in asked(chance, ORDERS):
        for sent in outlet.take(event, text):
            watch.take(sent)
            message = to_bytes(sent)
            if sent.kind in (Kind.NOTE_ON, Kind.NOTE_OFF):
                midi.append(("on" if message[0] >> 4 == 9 else "off", (message[0] & 15) + 1, message[1], message[2]))
                word, channel, key, *velocity = fluidsynth(message)
                synth.append((word.removeprefix("note"), channel, key, *(velocity or [64])))
            elif sent.kind == Kind.CONTROL:
                assert fluidsynth(message) == ("cc", sent.channel, sent.a, sent.b)
        for record, words in unpacker.feed(pack([event])):
            feed += [(KINDS[Kind(e.kind)], e.channel, e.a, e.b) for e in control.take(record, words) if e.kind in KINDS]
    assert midi == synth == feed
    assert len(midi) > (200 if limits != STAGE else 2000)
    assert watch.broken == []
    ends: dict[tuple[int, int], int] = {}
    last = outlet.release_all(1e6)
    for what, channel, key, _ in [*midi, *(("off", e.channel, e.a, 64) for e in last if e.kind == Kind.NOTE_OFF)]:
        ends[channel, key] = ends.get((channel, key), 0) + (1 if what == "on" else -1)
    assert set(ends.values()) == {0}


def test_the_same_orders_give_the_same_events():
    def played() -> list[Event]:
        ledger, found = Ledger(), []
        for event, text in asked(random.Random(7), 2000):
            found += ledger.take(event, text)
        return found

    assert played() == played() != []


def test_a_watch_finds_what_is_outside():
    watch = Watch(Limits(loudest=50))
    watch.take(note_on(2, 60, 51, 0, 1.0, 1))
    assert watch.broken[0].startswith("too loud")
