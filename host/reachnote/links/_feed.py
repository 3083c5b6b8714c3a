"""Bodies from other threads to the engine's: a pipe to poll and a bounded queue behind it. No scheme of its own."""

from __future__ import annotations

import collections
import contextlib
import os
from collections.abc import Callable

from reachnote.links import Change, Gone

MOST = 4096  # bodies that may wait for an engine that does not read


class Feed:
    """What `changes`, `read` and `fileno_of` of a link with whole bodies need; `put`, `tell` and `end` may come from any thread.

    A channel's Gone is told after its last body was read. `dropped` counts readings that found no room: the next carries the
    full state.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.dropped = 0
        self._wake = wake
        self._changes: collections.deque[Change] = collections.deque()
        self._waiting: collections.deque[tuple[object, bytes | None]] = collections.deque()
        self.fileno, self._write_end = os.pipe()
        os.set_blocking(self.fileno, False)
        os.set_blocking(self._write_end, False)

    # ------------------------------------------------------------ engine's thread

    def changes(self) -> list[Change]:
        found = []
        while self._changes:
            found.append(self._changes.popleft())
        return found

    def read(self) -> list[tuple[object, bytes]]:
        with contextlib.suppress(OSError):
            os.read(self.fileno, 65536)
        found: list[tuple[object, bytes]] = []
        while self._waiting:
            key, body = self._waiting[0]
            if body is not None:
                found.append((key, body))
            elif found:  # the last bodies go first: what follows is read at the next turn
                self._poke()
                break
            else:
                self._changes.append(Gone(key))
            self._waiting.popleft()
        return found

    def close(self) -> None:
        for fileno in (self.fileno, self._write_end):
            with contextlib.suppress(OSError):
                os.close(fileno)
        self.fileno = self._write_end = -1

    # ------------------------------------------------------------ any thread

    def put(self, key: object, body: bytes) -> None:
        if len(self._waiting) >= MOST and body[:1] == b"r":
            self.dropped += 1
            return
        self._waiting.append((key, body))
        self._poke()

    def tell(self, change: Change) -> None:
        self._changes.append(change)
        self._wake()

    def end(self, key: object) -> None:
        self._waiting.append((key, None))
        self._poke()

    def _poke(self) -> None:
        with contextlib.suppress(OSError):  # full: it is readable already; closed: nobody reads
            os.write(self._write_end, b"x")
