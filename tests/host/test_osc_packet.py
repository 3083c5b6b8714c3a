"""Whatever the network brings becomes messages or a refusal with a reason: no other exception, no waiting, no log."""

from __future__ import annotations

import logging
import math
import random
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "protocols")]

from reachnote import osc_packet  # noqa: E402
from reachnote.osc_packet import REASONS, OscRefused, message, messages  # noqa: E402

NOW, FUTURE = b"\0" * 7 + b"\1", b"\xff" * 8


def bundle(*parts: bytes, time: bytes = NOW) -> bytes:
    return b"#bundle\0" + time + b"".join(struct.pack(">i", len(part)) + part for part in parts)


def sized(size: int, rest: bytes = b"") -> bytes:
    return b"#bundle\0" + NOW + struct.pack(">i", size) + rest


def nested(depth: int, inner: bytes) -> bytes:
    for _ in range(depth):
        inner = bundle(inner)
    return inner


KEEP = message("/reachnote/keepalive")
READING = message("/reachnote/reading", "siiiiiiii", "e66141", 7, 123456, 0, 1, 5, 2000, 0, 70000)
EVERY_TAG = (
    b"/every\0\0,ifsbTFNIhdt\0\0\0\0"
    + struct.pack(">if", -5, 0.5)
    + b"text\0\0\0\0"
    + struct.pack(">i", 5)
    + b"blob!\0\0\0"
    + struct.pack(">qdQ", -(1 << 40), 0.25, 1 << 63)
)
GOOD = [KEEP, READING, EVERY_TAG, bundle(KEEP, READING), bundle(bundle(KEEP), bundle(), READING, time=FUTURE)]


def refusal(data: bytes) -> str:
    with pytest.raises(OscRefused) as caught:
        messages(data)
    return caught.value.reason


def judged(data: bytes) -> bool:
    """The one thing that holds for all bytes. True when they were accepted."""
    try:
        found = messages(data)
    except OscRefused as refused:
        assert refused.reason in REASONS
        return False
    for address, arguments in found:
        assert address.startswith("/") and len(address) <= 256 and len(arguments) <= 128
    return True


# ---------------------------------------------------------------- good


def test_every_known_tag_reads():
    ((address, arguments),) = messages(EVERY_TAG)
    assert address == "/every"
    assert arguments == [-5, 0.5, "text", b"blob!", True, False, None, math.inf, -(1 << 40), 0.25, -(1 << 63)]


def test_an_unknown_to_python_osc_tag_writes_no_log_line(caplog):
    with caplog.at_level(logging.DEBUG):
        messages(message("/a")[:4] + b",III\0\0\0\0")
    assert not caplog.records


def test_a_bundle_gives_its_messages_in_order_at_once_whatever_its_time_tag():
    inner = [message(f"/{n}", "i", n) for n in range(5)]
    data = bundle(inner[0], bundle(inner[1], bundle(inner[2]), inner[3]), inner[4], time=FUTURE)
    assert messages(data) == [(f"/{n}", [n]) for n in range(5)]


def test_bounds_are_inclusive():
    assert messages(nested(4, KEEP)) == [("/reachnote/keepalive", [])]
    assert len(messages(bundle(*[message("/a")] * 64))) == 64
    assert messages(message("/" + "a" * 255))[0][0] == "/" + "a" * 255
    assert len(messages(message("/a", "i" * 128, *range(128)))[0][1]) == 128
    text = "x" * (8192 - 8 - 4)
    assert messages(message("/a", "s", text[:-1]))[0][1] == [text[:-1]]


VALUES = st.one_of(st.integers(-(1 << 31), (1 << 31) - 1), st.text(), st.floats(width=32, allow_nan=False))


@given(st.lists(VALUES, max_size=20))
def test_what_is_written_reads_back(values):
    tags = "".join({int: "i", str: "s", float: "f"}[type(value)] for value in values)
    told = [value.partition("\0")[0] if isinstance(value, str) else value for value in values]
    assert messages(message("/a", tags, *values)) == [("/a", told)]


# ---------------------------------------------------------------- hostile

DEEP = nested(3000, KEEP)
HOSTILE = {
    "empty": (b"", "size"),
    "one byte": (b"/", "size"),
    "neither message nor bundle": (b"\0\0\0\0", "form"),
    "a bundle cut in its time tag": (b"#bundle\0" + b"\0" * 4, "form"),
    "the 20 bytes that stop a stock server": (sized(-20), "element"),
    "negative size": (sized(-4, KEEP), "element"),
    "zero size": (sized(0, KEEP), "element"),
    "smallest size": (sized(-(1 << 31), KEEP), "element"),
    "huge size": (sized((1 << 31) - 4, KEEP), "element"),
    "size not of four": (sized(27, KEEP), "element"),
    "size beyond the rest": (sized(len(KEEP) + 4, KEEP), "element"),
    "an element that is neither": (bundle(b"\0\0\0\0"), "form"),
    "five deep": (nested(5, KEEP), "depth"),
    "as deep as a bundle's bytes allow": (nested(200, KEEP), "depth"),
    "3000 deep": (DEEP, "size"),
    "3000 deep, cut": (DEEP[:4096], "element"),
    "65 elements": (bundle(*[message("/a")] * 65), "elements"),
    "65 elements in two": (bundle(bundle(*[message("/a")] * 40), bundle(*[message("/a")] * 23)), "elements"),
    "a large bundle": (bundle(message("/a", "s", "x" * 4096)), "size"),
    "64 KiB address": (message("/" + "a" * 65535), "size"),
    "257 characters of address": (message("/" + "a" * 256), "address"),
    "a pattern": (message("/[[[["), "address"),
    "another pattern": (message("/{a,b}*?"), "address"),
    "a space": (message("/a b"), "address"),
    "an address beyond ASCII": (message("/é"), "address"),
    "an address without an end": (b"/aaa", "text"),
    "no type tags": (b"/a\0\0", "tags"),
    "type tags without a comma": (b"/a\0\0i\0\0\0\0\0\0\1", "tags"),
    "an unknown tag": (b"/a\0\0,x\0\0", "tags"),
    "an array": (b"/a\0\0,[[[[[[[\0\0\0\0", "tags"),
    "tags without an end": (b"/a\0\0,iii", "text"),
    "129 arguments": (message("/a", "T" * 129), "arguments"),
    "129 arguments in two": (bundle(message("/a", "T" * 65), message("/a", "T" * 64)), "arguments"),
    "an argument missing": (b"/a\0\0,i\0\0", "arguments"),
    "a float short of padding": (b"/a\0\0,f\0\0", "arguments"),
    "bytes left over": (KEEP + b"\0\0\0\0", "arguments"),
    "bytes left over after text": (message("/a", "s", "x") + b"\0\0\0\0", "arguments"),
    "text without an end": (b"/a\0\0,s\0\0text", "text"),
    "bad UTF-8": (b"/a\0\0,s\0\0\xff\xfe\0\0", "text"),
    "a lone surrogate": (b"/a\0\0,s\0\0\xed\xa0\x80\0", "text"),
    "padding that is not zero": (b"/a\0x,\0\0\0", "padding"),
    "text padding that is not zero": (b"/a\0\0,s\0\0ab\0c", "padding"),
    "a blob of negative size": (b"/a\0\0,b\0\0\xff\xff\xff\xff", "arguments"),
    "a blob beyond the rest": (b"/a\0\0,b\0\0\0\0\0\x08abcd", "arguments"),
    "a blob of huge size": (b"/a\0\0,b\0\0\x7f\xff\xff\xff", "arguments"),
    "a blob without a size": (b"/a\0\0,b\0\0", "arguments"),
    "blob padding that is not zero": (b"/a\0\0,b\0\0\0\0\0\1axxx", "padding"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_are_refused_for_the_right_reason(name):
    data, reason = HOSTILE[name]
    assert refusal(data) == reason


@pytest.mark.parametrize("data", GOOD, ids=range(len(GOOD)))
def test_every_truncation_is_judged(data):
    for end in range(len(data)):
        judged(data[:end])
        judged(data[end:])


def test_a_cut_message_is_refused():
    for data in (KEEP, READING, EVERY_TAG):
        for end in range(len(data)):
            assert refusal(data[:end])


SIZES = (-(1 << 31), -20, -4, 0, 4, 20, 100, (1 << 31) - 4)


def mutate(chance: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        what = chance.randrange(6)
        if what == 0 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif what == 1 and at < len(data):
            data[at] = chance.choice(b"\0\xff\x7f\x80#/,[isbTI\x04")
        elif what == 2:
            data[at:at] = chance.randbytes(chance.choice((1, 4, 4, 8)))
        elif what == 3:
            del data[at : at + chance.choice((1, 4, 4, 8))]
        elif what == 4:
            data[at & ~3 : (at & ~3) + 4] = struct.pack(">i", chance.choice(SIZES))
        else:
            other = chance.choice(seeds)
            data[at & ~3 :] = other[chance.randrange(len(other)) & ~3 :]
    return bytes(data)


def many_mutations(count: int) -> None:
    chance = random.Random(20261121)
    seeds = GOOD + [data for data, _ in HOSTILE.values() if 0 < len(data) <= 1024]
    accepted = sum(judged(mutate(chance, seeds)) for _ in range(count))
    assert count // 50 < accepted < count // 2  # the mutations are worth something


def test_20_000_mutations():
    many_mutations(20_000)


@pytest.mark.long
def test_a_million_mutations():
    many_mutations(1_000_000)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"/a\0\0,", b"#bundle\0" + NOW]))
def test_any_bytes(raw, head):
    judged(head + raw)
    judged(head + raw + bytes(-len(head + raw) % 4))


# ---------------------------------------------------------------- writing


def test_a_number_that_does_not_fit_is_refused_when_written():
    with pytest.raises(OverflowError):
        message("/a", "i", 1 << 31)


def test_python_osc_meets_single_messages_only(monkeypatch):
    met = []

    class Spy(osc_packet.OscMessage):
        def __init__(self, data):
            met.append(data)
            super().__init__(data)

    monkeypatch.setattr(osc_packet, "OscMessage", Spy)
    messages(bundle(KEEP, bundle(READING)))
    assert met == [KEEP, READING]
