"""Damaged streams: no wrong line is taken, no intact line is lost, memory stays small."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Iterator

import pytest

import reachnote_wire as wire
from reachnote.board import Board
from support.boards import hello_text


def lines(chance: random.Random) -> Iterator[bytes]:
    """Lines as boards send them, each once."""
    packers = [wire.Packer(n) for n in (1, 2, 4, 8)]
    time_us = 0
    while True:
        if chance.random() < 0.05:
            yield wire.frame(wire.ERROR, wire.ascii_json({"sensor": "s", "text": f"{chance.getrandbits(32):08x}"}))
            continue
        packer = chance.choice(packers)
        for i in range(len(packer.status)):
            packer.value[i] = chance.getrandbits(24)
        time_us += 4_000
        packer.pack(time_us & wire.TIME_MASK)
        yield bytes(packer.buffer)


def mutate(line: bytes, chance: random.Random) -> bytes:
    """Flip, drop, insert, truncate, swap, repeat or replace; the newline may go as well."""
    at = chance.randrange(len(line))
    how = chance.randrange(8)
    if how == 0:
        return line[:at] + bytes((line[at] ^ 1 << chance.randrange(8),)) + line[at + 1 :]
    if how == 1:
        return line[:at] + line[at + chance.randrange(1, 5) :]
    if how == 2:
        return line[:at] + chance.randbytes(chance.randrange(1, 5)) + line[at:]
    if how == 3:
        return line[:at]
    if how == 4:
        return line[:at] + chance.randbytes(len(line) - at)
    if how == 5:
        return line[:at] + line[at : at + 9] + line[at:]
    if how == 6:
        return chance.randbytes(chance.randrange(60))
    return line[:at] + bytes(b ^ 0x20 for b in line[at:])


def check_streams(count: int, seed: int) -> int:
    """Send `count` mutated lines, each between intact ones. The number of damaged lines that still came through whole."""
    chance = random.Random(seed)
    source = lines(chance)
    splitter = wire.Splitter()
    sent: list[bytes] = []
    whole = 0
    rest = b""
    for _ in range(count // 50):
        del sent[:-2]
        stream, intact = rest, []
        for _ in range(50):
            line = next(source)
            sent.append(line[1:-9])
            stream += mutate(line, chance)
            line = next(source)
            sent.append(line[1:-9])
            intact.append(line[1:-9])
            stream += line
        found: list[bytes] = []
        while stream:
            size = chance.choice((1, 3, 16, 64, 4096))
            found += splitter.feed(stream[:size])
            stream = stream[size:]
        known = set(sent)
        assert [body for body in found if body not in known] == []
        kept = set(intact)
        assert [body for body in found if body in kept] == intact
        whole += len(found) - len(intact)
    return whole


def test_between_mutated_lines_every_intact_line_and_no_wrong_one_is_taken():
    check_streams(20_000, seed=1)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_million_mutated_lines():
    for seed in range(10):
        check_streams(100_000, seed=100 + seed)


# ---------------------------------------------------------------- damage to the payload alone


def payload_damaged(count: int, seed: int) -> int:
    """How many of `count` lines with a damaged text and their own CRC are taken."""
    chance = random.Random(seed)
    bits = chance.getrandbits
    body_of = wire.body_of
    taken = 0
    for sensors in (1, 4, 8, 32):
        line = wire.frame("r", f"{bits(16):04x}{bits(30):08x}" + "".join(f"{bits(24):08x}" for _ in range(sensors)))
        text, crc = line[2:-9], line[-9:-1]
        size = len(text)
        number = int.from_bytes(text, "big")
        for n in range(count // 4):
            if n & 3 == 0:
                wrong = 1 << bits(16) % (8 * size) ^ 1 << bits(16) % (8 * size)  # two bits
            elif n & 3 == 1:
                wrong = bits(64) << bits(16) % (8 * size - 63)  # a burst of up to 64 bits
            else:
                wrong = bits(8 * size)
            if wrong and body_of(b"$r" + (number ^ wrong).to_bytes(size, "big") + crc) is not None:
                taken += 1
    return taken


def test_no_line_with_a_damaged_payload_is_taken():
    assert payload_damaged(100_000, seed=2) == 0


@pytest.mark.long
@pytest.mark.timeout(600)
def test_none_of_four_million_lines_with_a_damaged_payload_is_taken():
    assert payload_damaged(4_000_000, seed=3) == 0


# ---------------------------------------------------------------- noise

SORTS = {
    "random": lambda chance: chance.randbytes(10_000),
    "dollars": lambda chance: b"$" * 10_000,
    "newlines": lambda chance: b"\n" * 10_000,
    "no newline": lambda chance: b"x" * 10_000,
    "printable": lambda chance: bytes(chance.choices(range(32, 127), k=10_000)),
    "starts of lines": lambda chance: b"$r0000" * 1_666,
    "over-long lines": lambda chance: (b"$" + b"0" * 5_000 + b"\n") * 2,
}


@pytest.mark.parametrize("sort", SORTS)
def test_ten_megabytes_of_noise_are_passed_over_in_little_memory(sort):
    chance = random.Random(4)
    splitter = wire.Splitter()
    noise = [SORTS[sort](chance) for _ in range(20)]
    tracemalloc.start()
    began = time.perf_counter()
    for n in range(1_000):
        splitter.feed(noise[n % 20])
        assert len(splitter._rest) < 2 * wire.MAX_LINE
    spent = time.perf_counter() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000  # of a chunk of 10 kB and its lines
    assert spent < 30
    assert splitter.feed(b"$k6a514b89\n") == [b"k"]
    assert splitter.feed(b"$a8a84a297\n") == [b"a"]


def test_noise_in_single_bytes_is_no_slower_than_its_length():
    splitter = wire.Splitter()
    began = time.perf_counter()
    for _ in range(200_000):
        splitter.feed(b"x")
    assert time.perf_counter() - began < 5
    assert splitter.feed(b"\n$k6a514b89\n") == [b"k"]


def test_tracebacks_and_prints_between_lines_are_counted_as_noise_and_cost_no_line():
    splitter = wire.Splitter()
    text = b"Traceback (most recent call last):\r\n  File \"main.py\", line 3\r\nOSError: 5\r\n"
    found = splitter.feed(b"hello$k6a514b89\n" + text + b"$k6a514b89\nAT+GCAP\r$k6a514b89\r\n")
    assert (found, splitter.noise, splitter.damaged) == ([b"k"] * 3, 5, 0)


def test_whatever_intact_line_comes_the_board_takes_it_without_an_exception():
    chance = random.Random(5)
    board = Board(numbers=[0, 1])
    board.take(b"h" + hello_text("b1", [{"kind": "switch"}] * 2).encode(), 0.0)
    for n in range(20_000):
        text = bytes(chance.choices(b'0123456789abcdef[]{}",: hrekas', k=chance.randrange(60)))
        body = wire.body_of(wire.frame(chance.choice("hrekasxz"), text.decode())[:-1])
        board.take(body, n * 0.004)
    assert board.hello.uid == "b1"
