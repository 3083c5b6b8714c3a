"""Microseconds that one network packet costs, good and hostile.

    python3 tools/bench/osc_hostile.py [--repeat N] [--json]

Each packet is judged N times; the median is what the packet costs, the 99th percentile what this machine adds. Ends
with 1 when the median of a hostile packet is above 1 ms.
"""

from __future__ import annotations

import argparse
import json
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "protocols")]

from reachnote import osc_bodies  # noqa: E402
from reachnote.osc_packet import OscRefused, check, message, messages  # noqa: E402

LIMIT_US = 1000.0
UID = "e66141040396622f"


def bundle(*parts: bytes) -> bytes:
    return b"#bundle\0" + b"\xff" * 8 + b"".join(struct.pack(">i", len(part)) + part for part in parts)


def nested(depth: int, inner: bytes) -> bytes:
    for _ in range(depth):
        inner = bundle(inner)
    return inner


def reading(sensors: int) -> bytes:
    return message("/reachnote/reading", "sii" + "ii" * sensors, UID, 7, 123456, *[0, 70000] * sensors)


def wide(tag: bytes, count: int, size: int) -> bytes:
    return b"/a\0\0," + tag * count + bytes(4 - (count + 1) % 4) + bytes(count * size)


def packets() -> dict[str, bytes]:
    text = message("/a", "s", "x" * 100)
    return {
        "negative size": bundle()[:16] + struct.pack(">i", -20),
        "zero size": bundle() + bytes(4),
        "huge size": bundle() + struct.pack(">i", (1 << 31) - 4),
        "3000 deep": nested(3000, message("/a")),
        "3000 deep, cut to 4 KiB": nested(3000, message("/a"))[:4096],
        "200 deep": nested(200, message("/a")),
        "64 empty bundles": bundle(*[bundle()] * 64),
        "64 KiB address": message("/" + "a" * 65535),
        "8 KiB address": message("/" + "a" * 8000),
        "[[[[": message("/[[[["),
        "8 KiB of zeros": bytes(8192),
        "8 KiB of slashes": b"/" * 8192,
        "8 KiB of tags": b"/a\0\0," + b"i" * 8180 + bytes(3),
        "8 KiB of text": message("/a", "s", "x" * 8179),
        "8 KiB of bad text": b"/a\0\0,s\0\0" + b"x" * 8170 + b"\xff" + bytes(5),
        "8 KiB blob": b"/a\0\0,b\0\0" + struct.pack(">i", 8176) + bytes(8176),
        "128 integers": wide(b"i", 128, 4),
        "128 doubles": wide(b"d", 128, 8),
        "128 time tags": wide(b"t", 128, 8),
        "128 infinities": wide(b"I", 128, 0),
        "128 empty texts": wide(b"s", 128, 4),
        "4 KiB bundle of texts": bundle(*[text] * 34),
        "64 messages, 128 arguments": bundle(*[message("/aaaaaaaaaaaaaaaaaaaaaaaa", "ss", "x", "x")] * 64),
    }


def cost(judge: Callable[[bytes], object], data: bytes, repeat: int) -> tuple[str, float, float]:
    """(ok or the reason, median us, 99th percentile us)."""
    said = "ok"
    times = []
    for _ in range(repeat):
        start = time.perf_counter_ns()
        try:
            judge(data)
        except OscRefused as refused:
            said = refused.reason
        times.append((time.perf_counter_ns() - start) / 1000)
    times.sort()
    return said, times[repeat // 2], times[repeat * 99 // 100]


def main() -> int:
    parser = argparse.ArgumentParser(description="What one network packet costs.")
    parser.add_argument("--repeat", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    choice = parser.parse_args()
    rows = []
    for sensors in (1, 4, 8, 16, 32):
        data = reading(sensors)
        reader = osc_bodies.Reader(["force"] * sensors)
        rows.append((f"reading of {sensors}: checked", data, *cost(check, data, choice.repeat)))
        rows.append((f"reading of {sensors}: decoded", data, *cost(messages, data, choice.repeat)))
        whole = lambda data, reader=reader: (check(data), reader.body(UID, data))  # noqa: E731
        rows.append((f"reading of {sensors}: as a body", data, *cost(whole, data, choice.repeat)))
    hostile = [(name, data, *cost(messages, data, choice.repeat)) for name, data in packets().items()]
    rows += hostile
    if choice.json:
        keys = ("bytes", "said", "p50_us", "p99_us")
        print(json.dumps({name: dict(zip(keys, (len(data), *rest), strict=True)) for name, data, *rest in rows}))
    else:
        for name, data, said, p50, p99 in rows:
            print(f"{name:28} {len(data):6} bytes  {said:10} p50 {p50:7.1f} us  p99 {p99:7.1f} us")
    return int(max(p50 for *_, p50, _ in hostile) > LIMIT_US)


if __name__ == "__main__":
    sys.exit(main())
