"""Events as fixed records on a pipe between our own processes. Pure.

One record is 16 bytes, little-endian: kind, channel, a, b (u8), source, outputs (u16), time (f64 seconds).
A NAME or LIMITS record carries the length of its UTF-8 text in a + 128 * b; the text follows, padded to whole records.
A write of whole records up to 4096 bytes reaches a pipe in one piece (POSIX PIPE_BUF).
"""

from __future__ import annotations

import struct

from reachnote.model import Event, Kind

RECORD = struct.Struct("<BBBBHHd")
SIZE = RECORD.size
WHOLE = 4096 // SIZE * SIZE
TEXTS = (Kind.NAME, Kind.LIMITS)  # kinds with a text
_NAME_LIMIT = 200
_TEXT_LIMIT = 1000  # with it a record still fits into one whole write


def pack(events: list[Event]) -> bytes:
    """The records of `events`."""
    write = RECORD.pack
    return b"".join([write(*event) for event in events])


def pack_name(source: int, text: str, time: float) -> bytes:
    """A NAME record with its text, cut to 200 bytes."""
    return pack_text(Kind.NAME, source, text.encode()[:_NAME_LIMIT].decode("utf-8", "ignore"), time)


def pack_text(kind: Kind, source: int, text: str, time: float) -> bytes:
    """A record of one of TEXTS with its text; ValueError when that is longer than 1000 bytes."""
    raw = text.encode()
    if len(raw) > _TEXT_LIMIT:
        raise ValueError(f"a text of {len(raw)} bytes; at most {_TEXT_LIMIT} go through the pipe")
    head = RECORD.pack(kind, 0, len(raw) & 127, len(raw) >> 7, source, 0xFFFF, time)
    return head + raw + bytes(-len(raw) % SIZE)


class Unpacker:
    """Bytes from the pipe, in any chunking, to (event, text); `text` is empty but for TEXTS."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[tuple[Event, str]]:
        data = self._rest + chunk
        found = []
        at = 0
        while at + SIZE <= len(data):
            event = Event(*RECORD.unpack_from(data, at))
            text = ""
            end = at + SIZE
            if event.kind in TEXTS:
                length = event.a + 128 * event.b
                end += length + -length % SIZE
                if end > len(data):
                    break
                text = data[at + SIZE : at + SIZE + length].decode("utf-8", "replace")
            at = end
            found.append((event, text))
        self._rest = data[at:]
        return found
