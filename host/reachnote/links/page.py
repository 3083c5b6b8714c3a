"""`page:`: the pointer of a page of the desk as a board: mouse, touch, eye-gaze or head pointer (protocols/desk.md).

The desk sends the whole state of a pointer in a datagram to the socket `page` in the runtime folder, and sends it again and again
while it is not at rest. What is not heard again for LOST_S is let go of, so a desk that ends or hangs leaves no note behind.
A board stays when its page goes: at rest, as one that nobody touches.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from reachnote import runtime
from reachnote.found_sensors import RATE_HZ, FoundBoard
from reachnote.links import Change, LinkProblem, Opened
from reachnote.links._feed import Feed

SCHEME = "page"
EXAMPLE = "page:"
SAYS = "the pointer of a page of the desk: mouse, touch, eye-gaze or head pointer"

FULL = 4095
"""What 1.0 across or up is as a raw reading."""
MOST = 8
"""Pages whose pointers play at once, each a board of its own."""
LOST_S = 0.3
BEAT_S = 1.0 / RATE_HZ
APART_S = 0.004  # between two lines that no edge asked for
MEET_S = 0.5  # at rest first, so that the session knows where rest is
_STATE = struct.Struct("!BHHB")


def path() -> Path:
    """Where the running session hears pointers."""
    return runtime.folder() / "page"


def pack(seat: int, across: float, up: float, down: bool) -> bytes:
    """The datagram of one pointer: seat 1 to MOST, across and up 0.0 to 1.0."""
    return _STATE.pack(seat, round(across * FULL), round(up * FULL), down)


def unpack(data: bytes) -> tuple[int, int, int, bool] | None:
    """(seat, across, up, down) of a datagram, None of anything else."""
    if len(data) != _STATE.size:
        return None
    seat, across, up, down = _STATE.unpack(data)
    return (seat, across, up, bool(down)) if 1 <= seat <= MOST and across <= FULL and up <= FULL and down < 2 else None


def open_link(target: str, options: dict[str, str], wake: Callable[[], None]) -> PageLink:
    """The link, listening. LinkProblem when something is named, or when another session listens there."""
    if target.strip() or options:
        raise LinkProblem(f"page: needs nothing after it. Write {EXAMPLE}")
    return PageLink(path(), wake)


def _listen(where: Path) -> socket.socket:
    heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        heard.setblocking(False)
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            heard.connect(str(where))
            raise LinkProblem("The pointer of the page plays in another session already. Stop that one first: reachnote stop")
        with contextlib.suppress(FileNotFoundError):
            where.unlink()
        old = os.umask(0o077)
        try:
            heard.bind(str(where))
        finally:
            os.umask(old)
    except OSError as problem:
        heard.close()
        raise LinkProblem(f"The pointer of a page cannot play ({problem.strerror}). Make room in {where.parent}, and start again.") from None
    except LinkProblem:
        heard.close()
        raise
    return heard


class Pointer:
    """One page's pointer and the lines it owes."""

    def __init__(self, seat: int, now: float) -> None:
        self.board = FoundBoard(f"page:{seat}", "Pointer" if seat == 1 else f"Pointer {seat}", "page", found=False)
        for name in ("across", "up"):
            self.board.declare(name, "voltage", min=0, max=FULL, rest=0, reach=FULL)
        self.board.declare("press", "switch")
        self.key = f"page:{seat}"
        self.since = now
        self.heard = now
        self.resting = True
        self.dirty = False
        self.last_line = self.next_line = now

    def put(self, across: int, up: int, down: bool, now: float) -> bool:
        """Take a state; True when its line should leave at once."""
        now_us = int(now * 1e6)
        self.resting = not (across or up or down)
        moved = [self.board.move("across", across, now_us), self.board.move("up", up, now_us)]
        self.dirty = self.dirty or any(moved)
        return self.board.press("press", down, now_us)


class PageLink:
    """See reachnote.links.Link. A key is the uid of a pointer's board. Without `clock` only the caller takes turns."""

    network = True

    def __init__(self, where: Path, wake: Callable[[], None], clock: Callable[[], float] | None = time.monotonic) -> None:
        self.feed = Feed(wake)
        self._where = where
        self._clock = clock
        try:
            self._socket = _listen(where)
        except LinkProblem:
            self.feed.close()
            raise
        self._pointers: dict[int, Pointer] = {}
        self._asked = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        if clock is not None:
            self._thread.start()

    # ------------------------------------------------------------ the contract

    def changes(self) -> list[Change]:
        return self.feed.changes()

    def read(self, fileno: int = -1) -> list[tuple[object, bytes]]:
        return self.feed.read()

    def fileno_of(self, key: object) -> int:
        return self.feed.fileno

    def write(self, key: object, letter: str, text: str = "") -> None:
        self._asked = self._asked or letter == "a"

    def drop(self, key: object) -> None:
        pass

    def close(self) -> None:
        self._end.set()
        if self._clock is not None:
            self._thread.join(2.0)
        self._socket.close()
        with contextlib.suppress(OSError):
            self._where.unlink()
        self.feed.close()

    # ------------------------------------------------------------ the link's own thread

    def _run(self) -> None:
        assert self._clock is not None
        while not self._end.is_set():
            self.turn(self._clock())
            owed = any(pointer.dirty for pointer in self._pointers.values())
            with contextlib.suppress(OSError, ValueError):
                select.select([self._socket], [], [], APART_S if owed else BEAT_S)

    def turn(self, now: float) -> None:
        """Hear what was sent, let go of what is not heard again, and send the lines that are due."""
        if not self._pointers:
            self._meet(1, now)
        for _ in range(256):
            try:
                data = self._socket.recv(64)
            except OSError:
                break
            self._heard(data, now)
        asked, self._asked = self._asked, False
        for pointer in self._pointers.values():
            if not pointer.resting and now - pointer.heard > LOST_S and pointer.put(0, 0, False, now):
                self._line(pointer, now)
            if asked:
                self.feed.put(pointer.key, pointer.board.hello())
            if now >= pointer.next_line or (pointer.dirty and now - pointer.last_line >= APART_S):
                self._line(pointer, now)

    def _heard(self, data: bytes, now: float) -> None:
        state = unpack(data)
        if state is None:
            return
        seat, across, up, down = state
        pointer = self._pointers.get(seat) or self._meet(seat, now)
        pointer.heard = now
        if now - pointer.since >= MEET_S and pointer.put(across, up, down, now):
            self._line(pointer, now)

    def _meet(self, seat: int, now: float) -> Pointer:
        pointer = self._pointers[seat] = Pointer(seat, now)
        self.feed.tell(Opened(pointer.key, pointer.board.name, self.feed.fileno))
        self.feed.put(pointer.key, pointer.board.hello())
        return pointer

    def _line(self, pointer: Pointer, now: float) -> None:
        pointer.dirty = False
        pointer.last_line = now
        pointer.next_line = now + BEAT_S
        self.feed.put(pointer.key, pointer.board.line(int(now * 1e6)))
