"""Events as records between our own processes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.model import Event, Kind, note_on
from reachnote.pipe import SIZE, TEXTS, WHOLE, Unpacker, pack, pack_name, pack_text

byte = st.integers(0, 255)
word = st.integers(0, 65535)
kinds = st.sampled_from([k for k in Kind if k not in TEXTS])
events = st.builds(Event, kinds, byte, byte, byte, word, word, st.floats(allow_nan=False))


def test_a_record_is_sixteen_bytes_of_these_values():
    assert pack([note_on(2, 60, 70, 5, 1.5, 0b11)]) == bytes((1, 2, 60, 70, 5, 0, 3, 0)) + struct.pack("<d", 1.5)
    assert (SIZE, WHOLE) == (16, 4096)


def test_a_name_is_a_record_with_its_text_padded_to_whole_records():
    raw = pack_name(7, "Pads/left", 0.0)
    assert len(raw) == 32
    assert raw[:4] == bytes((17, 0, 9, 0))
    assert Unpacker().feed(raw) == [(Event(17, 0, 9, 0, 7, 0xFFFF, 0.0), "Pads/left")]


def test_a_long_name_is_cut_between_characters():
    assert Unpacker().feed(pack_name(1, "é" * 300, 0.0))[0][1] == "é" * 100


def test_an_empty_name_is_a_name():
    assert Unpacker().feed(pack_name(1, "", 0.0)) == [(Event(17, 0, 0, 0, 1, 0xFFFF, 0.0), "")]


def test_limits_carry_their_text_whole_and_one_that_is_too_long_is_refused():
    raw = pack_text(Kind.LIMITS, 0, "x" * 1000, 0.0)
    assert (len(raw), len(raw) < WHOLE) == (16 + 1008, True)
    assert Unpacker().feed(raw) == [(Event(24, 0, 104, 7, 0, 0xFFFF, 0.0), "x" * 1000)]
    with pytest.raises(ValueError, match="1001 bytes; at most 1000"):
        pack_text(Kind.LIMITS, 0, "x" * 1001, 0.0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(events, st.tuples(word, st.text(max_size=40))), max_size=12), st.lists(st.integers(1, 40), max_size=60))
def test_every_chunking_gives_the_same_events_and_names(things, cuts):
    raw, wanted = b"", []
    for thing in things:
        if isinstance(thing, Event):
            raw += pack([thing])
            wanted.append((thing, ""))
        else:
            source, text = thing
            raw += pack_name(source, text, 0.0)
            length = len(text.encode())
            wanted.append((Event(Kind.NAME, 0, length & 127, length >> 7, source, 0xFFFF, 0.0), text))
    unpacker, found = Unpacker(), []
    for cut in [*cuts, len(raw)]:
        found += unpacker.feed(raw[:cut])
        raw = raw[cut:]
    assert found == wanted


def test_bytes_that_are_no_events_do_not_break_the_reader():
    unpacker = Unpacker()
    for n in range(256):
        unpacker.feed(bytes([n]) * 64)
