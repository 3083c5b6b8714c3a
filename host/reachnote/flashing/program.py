"""A board's program as a set of files that is whole or not there: two places, a list with sums. Pure.

The board's side is firmware/starter.py, which describes the list. A new program goes where the newest is not, so that a
power cut at any moment leaves one that was whole before.
"""

from __future__ import annotations

import json
from binascii import crc32
from collections.abc import Iterable, Mapping

PLACES = ("program.a", "program.b")
LIST = "whole"
STARTER = "main.py"
WIRINGS = ("wiring.a", "wiring.b", "wiring.json")


def listing(files: Mapping[str, bytes], sequence: int) -> bytes:
    """The content of `whole` for these files (names relative to the place). The newest program has the highest sequence."""
    listed = json.dumps([[name, len(content), crc32(content)] for name, content in sorted(files.items())]).encode()
    head = b"reachnote-program 1 %08x %08x " % (sequence & 0xFFFFFFFF, len(listed))
    return head + b"%08x\n" % crc32(listed, crc32(head)) + listed


def build_of(whole: bytes) -> str:
    """The 8 digits that a board's hello calls `build`."""
    return whole.split(b"\n", 1)[0].split()[-1].decode("ascii")


def same(whole: bytes, files: Mapping[str, bytes]) -> bool:
    """Whether a board's list names exactly these files with this content, whatever its sequence."""
    return whole.partition(b"\n")[2] == listing(files, 0).partition(b"\n")[2]


def next_place(found: Iterable[tuple[int, str]]) -> tuple[str, int]:
    """(place, sequence) for the next program; `found` are the (sequence, place) of the whole ones."""
    known = sorted(found)
    if not known:
        return PLACES[0], 1
    sequence, newest = known[-1]
    return PLACES[1 - PLACES.index(newest)], sequence + 1


def strangers(names: Iterable[str]) -> list[str]:
    """What of the names at the top of a board's files is not reachnote's."""
    ours = {*PLACES, STARTER, *WIRINGS, "boot.py", "reachnote_board", "reachnote_wire", "reachnote_play", "lib"}
    return sorted(set(names) - ours)


OLDER = ("reachnote_board", "reachnote_wire", "reachnote_play")
"""Folders at the top that a program copied by hand left; the starter never looks there."""
