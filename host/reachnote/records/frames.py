"""What the engine writes to records and control. Pure.

To records: HEAD (kind u8, link u16, length u32, time f64), then the data. To control: WATCH (kind u8, length u32), then the data.
"""

from __future__ import annotations

import struct

from reachnote.model import Gesture, Reading

CHUNK = 1  # bytes of a link, as they came
EVENTS = 2  # records of reachnote.pipe
OPENED = 3  # JSON [name, network]
CLOSED = 4
RECORD = 5  # JSON header; begin a journal
STOP = 6  # end it
WORDS = 7  # JSON for whoever watches
GESTURES = 8
ORDER = 9  # JSON of something that people set
LAST = 10  # JSON {"path", "facts"}: write the last minute there
READINGS = 11
STALLED = 12  # SINCE: the machine gave the engine no time from then on

HEAD = struct.Struct("<BHId")
WATCH = struct.Struct("<BI")
GESTURE = struct.Struct("<HBbfd")
READING = struct.Struct("<HdIB")
SINCE = struct.Struct("<d")
LIMIT = 1 << 20


def watch(kind: int, data: bytes) -> bytes:
    """One frame for control."""
    return WATCH.pack(kind, len(data)) + data


def pack_gestures(gestures: list[Gesture]) -> bytes:
    return b"".join(GESTURE.pack(g.sensor, g.move, g.zone, g.strength, g.time) for g in gestures)


def unpack_gestures(data: bytes) -> list[tuple[int, int, int, float, float]]:
    """(sensor, move, zone, strength, time) of each."""
    return list(GESTURE.iter_unpack(data))


def pack_readings(readings: list[Reading]) -> bytes:
    return b"".join(READING.pack(r.sensor, r.time, r.raw, r.status) for r in readings)


def unpack_readings(data: bytes) -> list[tuple[int, float, int, int]]:
    """(sensor, time, raw, status) of each."""
    return list(READING.iter_unpack(data))


class Frames:
    """Cuts a stream into (header fields, data) for either head; raises ValueError on a frame that cannot be ours."""

    def __init__(self, head: struct.Struct, length_at: int) -> None:
        self._head = head
        self._length_at = length_at
        self._rest = b""

    def feed(self, chunk: bytes) -> list[tuple[tuple, bytes]]:
        data = self._rest + chunk
        found = []
        at = 0
        size = self._head.size
        while at + size <= len(data):
            fields = self._head.unpack_from(data, at)
            length = fields[self._length_at]
            if length > LIMIT:
                raise ValueError("a frame is longer than any of ours")
            end = at + size + length
            if end > len(data):
                break
            found.append((fields, data[at + size : end]))
            at = end
        self._rest = data[at:]
        return found


def from_engine_to_records() -> Frames:
    return Frames(HEAD, 2)


def from_engine_to_control() -> Frames:
    return Frames(WATCH, 1)
