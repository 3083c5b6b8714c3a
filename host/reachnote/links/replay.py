"""`replay:FILE`: the boards of a journal, at the pace at which they played."""

from __future__ import annotations

import collections
import os
import threading
import time
from collections.abc import Callable

from reachnote import journal
from reachnote.links import Change, LinkProblem, Opened, Said

SCHEME = "replay"
EXAMPLE = "replay:session.journal"
SAYS = "the boards of a journal, as they played"


def open_link(target: str, options: dict[str, str], wake: Callable[[], None]) -> ReplayLink:
    try:
        file = open(target, encoding="ascii", errors="replace")  # noqa: SIM115  read while it plays
        _, entries = journal.read(file, target)
    except OSError as problem:
        raise LinkProblem(f"The journal {target} cannot be read ({problem.strerror}). Check its name.") from None
    except journal.JournalProblem as problem:
        raise LinkProblem(str(problem)) from None
    return ReplayLink(entries, wake)


class ReplayLink:
    network = False

    def __init__(self, entries: object, wake: Callable[[], None]) -> None:
        self._changes: collections.deque[Change] = collections.deque()
        self._wake = wake
        self._end = threading.Event()
        self._read_end: dict[int, int] = {}
        self._write_end: dict[int, int] = {}
        threading.Thread(target=self._play, args=(entries,), name="replay", daemon=True).start()

    def changes(self) -> list[Change]:
        found = []
        while self._changes:
            found.append(self._changes.popleft())
        return found

    def read(self, fileno: int) -> list[tuple[object, bytes]] | None:
        chunk = os.read(fileno, 8192)
        if not chunk:
            return None
        return [(key, chunk) for key, fd in self._read_end.items() if fd == fileno]

    def fileno_of(self, key: object) -> int:
        return self._read_end.get(key, -1)  # type: ignore[call-overload]

    def write(self, key: object, letter: str, text: str) -> None:
        pass  # a journal answers nobody

    def drop(self, key: object) -> None:
        fd = self._read_end.pop(key, None)  # type: ignore[call-overload]
        if fd is not None:
            os.close(fd)

    def close(self) -> None:
        self._end.set()

    def _play(self, entries) -> None:  # noqa: ANN001
        began = time.monotonic()
        first = None
        for entry in entries:
            if first is None:
                first = entry.time
            rest = (entry.time - first) - (time.monotonic() - began)
            if rest > 0 and self._end.wait(rest):
                return
            if isinstance(entry, journal.Opened):
                self._begin(entry)
            elif isinstance(entry, journal.Line) and entry.link in self._write_end:
                os.write(self._write_end[entry.link], entry.line + b"\n")
            elif isinstance(entry, journal.Closed) and entry.link in self._write_end:
                os.close(self._write_end.pop(entry.link))
        for fd in self._write_end.values():
            os.close(fd)
        self._changes.append(Said("The journal is at its end."))
        self._wake()

    def _begin(self, entry: journal.Opened) -> None:
        read_end, self._write_end[entry.link] = os.pipe()
        os.set_blocking(read_end, False)
        self._read_end[entry.link] = read_end
        self._changes.append(Opened(entry.link, entry.name, read_end))
        self._wake()
