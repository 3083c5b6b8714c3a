"""The golden lines, in both directions, on CPython and on real MicroPython of both widths."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reachnote_wire as wire
from reachnote.board import Board

ROOT = Path(__file__).resolve().parents[2]
VECTORS_FILE = ROOT / "protocols" / "vectors" / "lines.json"
VECTORS = json.loads(VECTORS_FILE.read_text())
READINGS = [v for v in VECTORS if v["means"]["letter"] == "r"]
STREAM = b"".join(v["line"].encode() for v in VECTORS)
BODIES = [v["line"][1:-9].encode() for v in VECTORS]


def named(vectors: list[dict]) -> dict:
    return {"argvalues": vectors, "ids": [v["name"].replace(" ", "-") for v in vectors]}


def packed(means: dict, native=None) -> bytes:
    packer = wire.Packer(len(means["sensors"]), native)
    packer._head[0] = means["seq"]
    for i, sensor in enumerate(means["sensors"]):
        packer.status[i], packer.value[i] = sensor["status"], sensor["value"]
    packer.pack(means["time_us"])
    return bytes(packer.buffer)


# ---------------------------------------------------------------- CPython


def test_the_golden_lines_cover_every_letter_status_and_kind():
    assert {v["means"]["letter"] for v in VECTORS} == set(wire.LETTERS)
    assert {s["status"] for v in READINGS for s in v["means"]["sensors"]} == set(range(len(wire.STATUS_WORDS)))
    assert {1, 4, 32} <= {len(v["means"]["sensors"]) for v in READINGS}
    words = [s for v in READINGS for s in v["means"]["sensors"]]
    assert any("switch" in s for s in words)
    assert any("impact" in s for s in words)
    kinds = {s["kind"] for v in VECTORS if v["means"]["letter"] == "h" for s in v["means"]["json"]["sensors"]}
    assert kinds == set(wire.KINDS)


@pytest.mark.parametrize("vector", **named(VECTORS))
def test_a_golden_line_is_one_printable_line(vector):
    assert re.fullmatch(r"\$[hreqmkas][ -#%-~]*[0-9a-f]{8}\n", vector["line"])
    assert len(vector["line"]) <= wire.MAX_LINE


@pytest.mark.parametrize("vector", **named(VECTORS))
def test_a_golden_line_is_read_as_what_it_means(vector):
    means = vector["means"]
    body = wire.body_of(vector["line"][:-1].encode())
    assert chr(body[0]) == means["letter"]
    if means["letter"] == "r":
        assert wire.read_line(body) == (means["seq"], means["time_us"], [(s["status"], s["value"]) for s in means["sensors"]])
    elif means["letter"] == "m":
        assert body[1:].decode() == means["midi"]
    else:
        assert (json.loads(body[1:]) if len(body) > 1 else None) == means.get("json")


@pytest.mark.parametrize("vector", **named(VECTORS))
def test_a_golden_line_is_written_from_what_it_means(vector):
    means = vector["means"]
    if means["letter"] == "r":
        assert packed(means) == vector["line"].encode()
    else:
        text = wire.ascii_json(means["json"]) if "json" in means else means.get("midi", "")
        assert wire.frame(means["letter"], text) == vector["line"].encode()


@pytest.mark.parametrize("vector", **named(READINGS))
def test_the_host_reads_a_golden_reading(vector):
    means = vector["means"]
    sensors = [{"kind": "voltage"}] * len(means["sensors"])
    board = Board(numbers=list(range(len(sensors))))
    board.take(b"h" + json.dumps({"wire": 1, "uid": "b", "sensors": sensors}).encode(), 1.0)
    found = board.take(vector["line"][1:-9].encode(), 2.0)
    assert [(r.status, r.raw) for r in found] == [(s["status"], s["value"]) for s in means["sensors"]]


def test_switch_and_impact_values_are_split_and_joined():
    seen = 0
    for sensor in (s for v in READINGS for s in v["means"]["sensors"]):
        if "switch" in sensor:
            says = tuple(sensor["switch"][key] for key in ("pressed", "edges", "age_us"))
            strength = sensor["switch"].get("strength", 0)
            assert (wire.read_switch(sensor["value"]), wire.switch_strength(sensor["value"])) == (says, strength)
            assert wire.switch_value(*says, strength) == sensor["value"]
            seen += 1
        elif "impact" in sensor:
            says = tuple(sensor["impact"][key] for key in ("hits", "peak", "age_us"))
            assert (wire.read_impact(sensor["value"]), wire.impact_value(*says)) == (says, sensor["value"])
            seen += 1
    assert seen == 8


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["newline", "carriage-return-newline"])
def test_every_chunking_of_a_stream_gives_the_same_lines(end):
    stream = STREAM.replace(b"\n", end)
    chance = random.Random(1)
    cuts = [[size] * (len(stream) // size + 1) for size in range(1, 300)]
    cuts += [[chance.choice((1, 2, 9, 40, 300)) for _ in range(len(stream))] for _ in range(200)]
    for cut in cuts:
        splitter, found, at = wire.Splitter(), [], 0
        for size in cut:
            found += splitter.feed(stream[at : at + size])
            at += size
        assert found == BODIES
        assert (splitter.damaged, splitter.noise) == (0, 0)


def test_every_two_cuts_of_two_lines_give_the_same_lines():
    stream = b"".join(v["line"].encode() for v in READINGS[:2])
    for first in range(len(stream)):
        for second in range(first, len(stream)):
            splitter = wire.Splitter()
            found = splitter.feed(stream[:first]) + splitter.feed(stream[first:second]) + splitter.feed(stream[second:])
            assert len(found) == 2


@pytest.mark.parametrize("vector", **named(VECTORS))
def test_every_one_byte_corruption_is_refused(vector):
    line = vector["line"][:-1].encode()
    for at in range(len(line)):
        for wrong in range(256):
            if wrong != line[at]:
                assert wire.body_of(line[:at] + bytes((wrong,)) + line[at + 1 :]) is None


@pytest.mark.parametrize("vector", **named(VECTORS))
def test_every_torn_or_doubled_byte_is_refused(vector):
    line = vector["line"][:-1].encode()
    for at in range(len(line)):
        assert wire.body_of(line[:at]) is None
        assert wire.body_of(line[:at] + line[at + 1 :]) is None
        assert wire.body_of(line[: at + 1] + line[at:]) is None


# ---------------------------------------------------------------- MicroPython


@pytest.fixture(params=[64, 32], ids=["64-bit", "32-bit"], scope="module")
def micropython(request):
    """Runs tests/wire/on_micropython.py in one mode on real MicroPython of that width."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import micropython as finder
    finally:
        sys.path.remove(str(ROOT / "tools"))
    argv = finder.find() if request.param == 64 else finder.find_32bit()
    if argv is None:
        pytest.skip(finder.why_not(request.param))

    def run(mode: str) -> dict:
        words = [*argv, str(Path(__file__).with_name("on_micropython.py")), mode, str(ROOT / "protocols"), str(VECTORS_FILE)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        result = json.loads(done.stdout)
        assert result["bits"] == request.param
        return result

    return run


def test_micropython_reads_the_golden_lines_and_refuses_every_flipped_bit(micropython):
    for vector, read in zip(VECTORS, micropython("read")["read"], strict=True):
        means = dict(vector["means"])
        if "sensors" in means:
            means["sensors"] = [{"status": s["status"], "value": s["value"]} for s in means["sensors"]]
        assert read == {**means, "damaged": 0}


def test_micropython_writes_the_golden_lines_plain_and_native(micropython):
    made = micropython("pack")
    wanted = [v["line"] for v in READINGS]
    assert made["framed"] == [v["line"] for v in VECTORS]
    assert made["plain"] == wanted
    if made["fast"] is None:
        pytest.skip("this MicroPython has no native emitter, so only the plain packer was compared")
    assert made["fast"] == wanted


def test_micropython_finds_the_lines_in_every_chunking(micropython):
    for size, same, damaged, noise in micropython("chunks")["chunks"]:
        assert (size, same, damaged, noise) == (size, True, 0, 0)


def test_packing_takes_nothing_from_the_heap(micropython):
    assert set(micropython("heap")["heap"].values()) == {"locked"}
