"""python -m reachnote.records FRAMES_FD TALK_FD

Keeps the last 60 s of what came in and went out in memory. Nothing of it reaches the disk unless a journal is on.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

from reachnote import __version__, journal
from reachnote.model import Event, Kind
from reachnote.pipe import RECORD
from reachnote.records import frames

RING_S = 60.0
RING_BYTES = 64 << 20
SYNC_S = 0.5
HELLO = b"$h"
_UNKEPT = (Kind.BEAT, Kind.LEVEL, Kind.TRANSPORT)


class Journal:
    """The file of one recording. A disk that is full ends the recording with a sentence; playing goes on."""

    def __init__(self, facts: dict, opened: dict[int, bytes], now: float, file: TextIO | None = None) -> None:
        self.path = Path(facts.pop("path"))
        if file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = file or open(self.path, "x", encoding="ascii", newline="\n", opener=_private)  # noqa: SIM115
        self._rests: dict[int, bytes] = {}
        wall = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self._file.write(journal.header({"version": __version__, "begun": wall, **facts}))
        for link, data in opened.items():
            self.add(frames.OPENED, link, now, data)

    def add(self, kind: int, link: int, at: float, data: bytes) -> None:
        for entry in self._entries(kind, link, at, data):
            self._file.write(journal.write(entry))

    def _entries(self, kind: int, link: int, at: float, data: bytes) -> list[journal.Entry]:
        if kind == frames.CHUNK:
            *lines, rest = (self._rests.pop(link, b"") + data).split(b"\n")
            if rest:
                self._rests[link] = rest[-journal.LONGEST_LINE // 8 :]
            return [journal.Line(at, link, line) for line in lines]
        if kind == frames.EVENTS:
            events = [Event(*fields) for fields in RECORD.iter_unpack(data)]
            return [journal.Left(at, event) for event in events if event.kind not in _UNKEPT]
        if kind == frames.OPENED:
            name, network = json.loads(data)
            return [journal.Opened(at, link, name, network)]
        if kind == frames.ORDER:
            return [journal.Ordered(at, json.loads(data))]
        if kind == frames.STALLED:
            return [journal.Stalled(at, *frames.SINCE.unpack(data))]
        return [journal.Closed(at, link)]

    def sync(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # a client's movement is for this user alone


class Records:
    """The ring, the links that are open, and the journal if one is on."""

    def __init__(self, talk: int) -> None:
        self._talk = talk
        self._ring: collections.deque[tuple[int, int, float, bytes]] = collections.deque()
        self._ring_bytes = 0
        self._opened: dict[int, bytes] = {}
        self._hellos: dict[int, bytes] = {}
        self._pieces: dict[int, bytes] = {}
        self._journal: Journal | None = None

    def add(self, kind: int, link: int, at: float, data: bytes) -> None:
        if kind == frames.RECORD:
            self._begin(json.loads(data), at)
            return
        if kind == frames.STOP:
            self._end()
            return
        if kind == frames.LAST:
            self._hand_out(json.loads(data), at)
            return
        if kind == frames.CHUNK:
            self._look_for_hello(link, data)
        if kind == frames.OPENED:
            self._opened[link] = data
        elif kind == frames.CLOSED:
            self._opened.pop(link, None)
            self._hellos.pop(link, None)
        self._keep(kind, link, at, data)
        if self._journal is not None:
            with self._disk():
                self._journal.add(kind, link, at, data)

    def sync(self) -> None:
        if self._journal is not None:
            with self._disk():
                self._journal.sync()

    def _keep(self, kind: int, link: int, at: float, data: bytes) -> None:
        ring = self._ring
        ring.append((kind, link, at, data))
        self._ring_bytes += len(data)
        while ring and (at - ring[0][2] > RING_S or self._ring_bytes > RING_BYTES):
            self._ring_bytes -= len(ring.popleft()[3])

    def _look_for_hello(self, link: int, data: bytes) -> None:
        # Whoever looks back needs each board's introduction, which may be older than the ring.
        data = self._pieces.pop(link, b"") + data
        at = data.rfind(HELLO)
        if at < 0:
            return
        line, end, _ = data[at:].partition(b"\n")
        if end:
            self._hellos[link] = line + end
        elif len(line) <= journal.LONGEST_LINE // 8:
            self._pieces[link] = data[at:]

    def _hand_out(self, asked: dict, now: float) -> None:
        """The last minute through a pipe at `path`, from a process of its own: it never touches the disk."""
        if os.fork():
            return
        try:
            # The entries of the ring are of their own time; what was open before it began, of its first moment.
            began = self._ring[0][2] if self._ring else now
            known = {link for kind, link, _, _ in self._ring if kind == frames.OPENED}
            with open(asked["path"], "w", encoding="ascii", newline="\n") as pipe:
                before = {link: data for link, data in self._opened.items() if link not in known}
                last = Journal({"path": asked["path"], **asked["facts"]}, before, began, pipe)
                for link, line in self._hellos.items():
                    if link in before:
                        last.add(frames.CHUNK, link, began, line)
                for entry in self._ring:
                    if entry[0] != frames.ORDER:
                        last.add(*entry)
        finally:
            os._exit(0)

    def _begin(self, facts: dict, at: float) -> None:
        self._end()
        path = facts["path"]
        try:
            self._journal = Journal(facts, self._opened, at)
            self._say({"news": "recording", "path": path, "text": f"Recording to {path}."})
        except OSError as problem:
            self._failed(problem, path)

    def _end(self) -> None:
        if self._journal is not None:
            ended, self._journal = self._journal, None
            try:
                ended.close()
                self._say({"news": "recorded", "path": str(ended.path), "text": f"Not recording. Saved: {ended.path}"})
            except OSError as problem:
                self._failed(problem, str(ended.path))

    @contextlib.contextmanager
    def _disk(self):  # noqa: ANN202
        try:
            yield
        except (OSError, ValueError) as problem:
            path = ""
            if self._journal is not None:
                path = str(self._journal.path)
                with contextlib.suppress(OSError, ValueError):
                    self._journal.close()
            self._journal = None
            self._failed(problem, path)

    def _failed(self, problem: Exception, path: str) -> None:
        cure = "Playing goes on. Choose another place or make room."
        text = f"Not recording: {path} cannot be written, because {_why(problem)}. {cure}"
        self._say({"news": "record-failed", "path": path, "text": text})

    def _say(self, thing: dict) -> None:
        with contextlib.suppress(OSError):
            os.write(self._talk, json.dumps(thing).encode() + b"\n")

    def close(self) -> None:
        self._end()


def _why(problem: Exception) -> str:
    number = getattr(problem, "errno", None)
    if number == errno.ENOSPC:
        return "the disk is full"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "you may not write there"
    if number == errno.EEXIST:
        return "there is a file of that name already"
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "its folder is not there"
    return getattr(problem, "strerror", None) or str(problem)


def main() -> int:
    source, talk = int(sys.argv[1]), int(sys.argv[2])
    os.set_blocking(talk, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for whoever hands out the last minute
    records = Records(talk)
    cutter = frames.from_engine_to_records()
    next_sync = 0.0
    while True:
        ready, _, _ = select.select([source], [], [], SYNC_S)
        if ready:
            chunk = os.read(source, 1 << 16)
            if not chunk:
                break
            for (kind, link, _, at), data in cutter.feed(chunk):
                records.add(kind, link, at, data)
        now = time.monotonic()
        if now >= next_sync:
            next_sync = now + SYNC_S
            records.sync()
    records.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
