"""Raw network bytes to OSC messages, and back. Pure: no socket, no clock.

`messages` bounds and checks a datagram first; python-osc decodes only single messages found good, so neither its
bundles, its servers nor its dispatcher ever see what came from the network. protocols/osc.md is the contract in words.
"""

from __future__ import annotations

import math
import re
import struct

from pythonosc.osc_message import OscMessage

MAX_PACKET = 8192  # bytes of a datagram
MAX_BUNDLE = 4096  # bytes of one that is a bundle: many small texts cost most to decode
MAX_DEPTH = 4  # bundles within bundles, the outermost counted
MAX_ELEMENTS = 64  # elements of all bundles of a packet together
MAX_ADDRESS = 256  # characters
MAX_ARGUMENTS = 128  # of one message
MAX_ALL_ARGUMENTS = 128  # of all messages of a packet together

REASONS = ("size", "form", "depth", "elements", "element", "address", "tags", "arguments", "text", "padding")

_BUNDLE = b"#bundle\0"
# OSC's own name characters: printable, without what makes an address a pattern.
_ADDRESS = re.compile(rb"/[!-\"$-)+\--.0-9:->@A-Z\\^-z|~/]*")
_KNOWN = b"ifsbTFNIhdt"
# python-osc logs a line for each I and forgets it, and makes a calendar date of each t.
_PLAIN = bytes.maketrans(b"It", b"Nh")
_VARIABLE = re.compile(rb"[sb]")

Argument = int | float | str | bytes | bool | tuple | None


class OscRefused(Exception):
    """Bytes that are no OSC packet of ours. `reason` is one of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def messages(data: bytes) -> list[tuple[str, list[Argument]]]:
    """Every message of a datagram as (address, arguments), in the order of the bytes. OscRefused, nothing else.

    A bundle's time tag is ignored: what arrives is meant now. One bad element refuses the whole packet.
    Argument `I` reads as infinity, `t` as a whole number.
    """
    return [decode(part) for part in check(data)]


def check(data: bytes) -> list[bytes]:
    """The single messages of a datagram as bytes that are safe to decode. OscRefused otherwise."""
    if not 0 < len(data) <= MAX_PACKET or len(data) % 4:
        raise OscRefused("size")
    if data[0] == 0x2F:
        _check_message(data)
        return [data]
    if len(data) > MAX_BUNDLE:
        raise OscRefused("size")
    found: list[bytes] = []
    elements = arguments = 0
    waiting = [(data, 1)]
    while waiting:
        packet, depth = waiting.pop()
        if packet[0] == 0x2F:
            arguments += _check_message(packet)
            if arguments > MAX_ALL_ARGUMENTS:
                raise OscRefused("arguments")
            found.append(packet)
            continue
        inner = _elements(packet, depth)
        elements += len(inner)
        if elements > MAX_ELEMENTS:
            raise OscRefused("elements")
        waiting += [(part, depth + 1) for part in reversed(inner)]
    return found


def _elements(bundle: bytes, depth: int) -> list[bytes]:
    if bundle[:8] != _BUNDLE or len(bundle) < 16:
        raise OscRefused("form")
    if depth > MAX_DEPTH:
        raise OscRefused("depth")
    inner = []
    at = 16
    end = len(bundle)
    while at < end:
        size = int.from_bytes(bundle[at : at + 4], "big", signed=True)
        at += 4
        if size <= 0 or size % 4 or size > end - at:
            raise OscRefused("element")
        inner.append(bundle[at : at + size])
        at += size
        if len(inner) > MAX_ELEMENTS:
            raise OscRefused("elements")
    return inner


def _check_message(message: bytes) -> int:
    """How many arguments a single message carries. OscRefused when it is not good to the last byte."""
    end, at = _string(message, 0)
    if end > MAX_ADDRESS or not _ADDRESS.fullmatch(message, 0, end):
        raise OscRefused("address")
    if at >= len(message) or message[at] != 0x2C:
        raise OscRefused("tags")
    start = at + 1
    end, at = _string(message, at)
    tags = message[start:end]
    if len(tags) > MAX_ARGUMENTS:
        raise OscRefused("arguments")
    if tags.translate(None, _KNOWN):
        raise OscRefused("tags")
    rest = len(message) - at
    rest -= 4 * (tags.count(b"i") + tags.count(b"f")) + 8 * (tags.count(b"h") + tags.count(b"d") + tags.count(b"t"))
    if _VARIABLE.search(tags):
        _check_variable(message, tags, at)
    elif rest:
        raise OscRefused("arguments")
    return len(tags)


def _check_variable(message: bytes, tags: bytes, at: int) -> None:
    for tag in tags:
        if tag == 0x73:  # s
            start = at
            end, at = _string(message, at)
            try:
                message[start:end].decode("utf-8")
            except UnicodeDecodeError:
                raise OscRefused("text") from None
        elif tag == 0x62:  # b
            at = _blob(message, at)
        elif tag in b"if":
            at += 4
        elif tag in b"hdt":
            at += 8
    if at != len(message):
        raise OscRefused("arguments")


def _string(message: bytes, at: int) -> tuple[int, int]:
    """Where the text at `at` ends, and where its padding does."""
    end = message.find(0, at)
    after = (end + 4) & ~3
    if end < 0:
        raise OscRefused("text")
    if message.count(0, end, after) != after - end:
        raise OscRefused("padding")
    return end, after


def _blob(message: bytes, at: int) -> int:
    size = int.from_bytes(message[at : at + 4], "big", signed=True)
    end = at + 4 + size
    after = (end + 3) & ~3
    if size < 0 or at + 4 > len(message) or after > len(message):
        raise OscRefused("arguments")
    if message.count(0, end, after) != after - end:
        raise OscRefused("padding")
    return after


def address_of(message: bytes) -> bytes:
    """The address of a message that `check` gave."""
    return message[: message.find(0)]


def decode(message: bytes) -> tuple[str, list[Argument]]:
    """Address and arguments of a message that `check` gave; of nothing else."""
    start = message.find(b",") + 1  # an address has no comma
    end = message.find(0, start)
    tags = message[start:end]
    plain = tags.translate(_PLAIN)
    decoded = OscMessage(message if plain == tags else message[:start] + plain + message[end:])
    arguments = decoded.params
    if b"I" in tags:
        arguments = [math.inf if tag == 0x49 else value for tag, value in zip(tags, arguments, strict=True)]
    return decoded.address, arguments


# ---------------------------------------------------------------- out


def message(address: str, tags: str = "", *values: Argument) -> bytes:
    """One OSC message. `tags` as in OSC without the comma (i f s T F), a value for each of i, f and s.

    OverflowError for a number that does not fit. Text is UTF-8, cut at its first NUL.
    """
    out = [padded(address), padded("," + tags)]
    given = iter(values)
    for tag in tags:
        if tag == "s":
            out.append(padded(str(next(given))))
        elif tag in "if":
            try:
                out.append(struct.pack(">" + tag, next(given)))
            except struct.error as problem:
                raise OverflowError(str(problem)) from None
    return b"".join(out)


def padded(text: str) -> bytes:
    """Text as an OSC string: zero-ended, padded with zeros to a multiple of four."""
    raw = text.partition("\0")[0].encode("utf-8", "replace")
    return raw + bytes(4 - len(raw) % 4)
