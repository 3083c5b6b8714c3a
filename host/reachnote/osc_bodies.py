"""A board's OSC messages as bodies of wire lines, and host lines as OSC messages (protocols/osc.md). Pure.

So the board module reads serial and network alike, and a journal keeps one form.
"""

from __future__ import annotations

import contextlib
import json
import struct
from binascii import hexlify

import reachnote_wire as wire
from reachnote.osc_packet import OscRefused, decode, message

KEEP_ALIVE = message("/reachnote/keepalive")
ASK_HELLO = message("/reachnote/askhello")

_FOUR = ("switch", "impact")  # kinds of four integers; every other kind: status, value
_UID = 64  # characters


class Reader:
    """Turns a board's /reachnote/reading into the body of a reading line; made for the kinds its hello names."""

    def __init__(self, kinds: list[str]) -> None:
        self._kinds = kinds
        self._length = 3 + sum(4 if kind in _FOUR else 2 for kind in kinds)
        self._pack = struct.Struct(f">HI{len(kinds)}I").pack

    def body(self, uid: str, part: bytes) -> tuple[int, bytes]:
        """(sequence number, b'r' and hex as on a serial line). OscRefused when it does not fit the hello."""
        arguments = decode(part)[1]
        if len(arguments) != self._length or arguments[0] != uid:
            raise OscRefused("arguments")
        numbers: list[int] = arguments[1:]  # type: ignore[assignment]
        for n in numbers:
            if type(n) is not int or n < 0:
                raise OscRefused("arguments")
        seq, time_us = numbers[:2]
        if seq > 0xFFFF or time_us > wire.TIME_MASK:
            raise OscRefused("arguments")
        return seq, b"r" + hexlify(self._pack(seq, time_us, *self._words(numbers)))

    def _words(self, numbers: list[int]) -> list[int]:
        words = []
        at = 2
        for kind in self._kinds:
            status = numbers[at]
            if kind in _FOUR:
                value = _value(kind, *numbers[at + 1 : at + 4])
                at += 4
            else:
                value = numbers[at + 1]
                at += 2
            if status > 255 or value > 0xFFFFFF:
                raise OscRefused("arguments")
            words.append(status << 24 | value)
        return words


def _value(kind: str, first: int, second: int, age_us: int) -> int:
    if kind == "switch":
        if first > 1 or second > 255:
            raise OscRefused("arguments")
        return wire.switch_value(first, second, age_us)
    if first > 15 or second > 4095:
        raise OscRefused("arguments")
    return wire.impact_value(first, second, age_us)


def hello(part: bytes) -> tuple[str, str, bytes]:
    """A /reachnote/hello as (uid, its JSON, the body of the hello line). OscRefused when it is none."""
    uid, text = _texts(part, 2)
    body = b"h" + _printable(text)
    if len(uid) > _UID or len(body) + 10 > wire.MAX_LINE:
        raise OscRefused("arguments")
    return uid, text, body


def read_hello(text: str) -> tuple[Reader | None, str]:
    """Reader and boot of a hello's JSON; no reader when it names nothing usable (the board module says why)."""
    try:
        said = json.loads(text)
        kinds = [str(sensor.get("kind")) for sensor in said["sensors"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, ""
    reader = Reader(kinds) if 0 < len(kinds) <= wire.MAX_SENSORS else None
    return reader, str(said.get("boot"))[:_UID]


def error(part: bytes) -> bytes:
    """The body of the board error line that a /reachnote/error is. OscRefused when it is none."""
    _, sensor, text = _texts(part, 3)
    return b"e" + wire.ascii_json({"sensor": sensor[:64], "text": text[:200]}).encode()


def silence(part: bytes) -> bytes:
    """The body of the line that a /reachnote/silence is. OscRefused when it is none."""
    arguments = decode(part)[1]
    if len(arguments) != 2 or not isinstance(arguments[0], str) or type(arguments[1]) is not int:
        raise OscRefused("arguments")
    return b"q" + wire.ascii_json({"asked": arguments[1]}).encode()


def to_board(letter: str, text: str = "") -> list[bytes]:
    """The OSC messages of a line from host to board: one, or for a set one for each of its names.

    What OSC's int, float, text and bool cannot carry is left out.
    """
    if letter == wire.KEEP_ALIVE:
        return [KEEP_ALIVE]
    if letter == wire.ASK_HELLO:
        return [ASK_HELLO]
    packets = []
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        for name, value in json.loads(text).items():
            tag = {bool: "T" if value is True else "F", int: "i", float: "f", str: "s"}.get(type(value))
            if tag is not None:
                with contextlib.suppress(OverflowError):
                    packets.append(message("/reachnote/set", "s" + tag, name, value))
    return packets


def _texts(part: bytes, count: int) -> list[str]:
    arguments = decode(part)[1]
    if len(arguments) != count or not all(isinstance(value, str) for value in arguments):
        raise OscRefused("arguments")
    return arguments  # type: ignore[return-value]


def _printable(text: str) -> bytes:
    # As on a serial line: printable ASCII without '$'. The escapes mean the same inside JSON.
    if text.isascii() and text.isprintable() and "$" not in text:
        return text.encode()
    return "".join(_escaped(c) for c in text).encode()


def _escaped(c: str) -> str:
    if c < " " or c == "\x7f":
        return " "
    return c if " " <= c <= "~" and c != "$" else wire.ascii_json(c)[1:-1]
