"""The links of a session: what is plugged in, what it sends, what goes. On the engine's one thread, in order."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import time
from collections.abc import Callable

import reachnote_wire as wire
from reachnote.links import Gone, Link, LinkProblem, Opened, Said, open_link
from reachnote.records import frames
from reachnote.session import Session


class Cabling:
    """Every link of `specs`, polled by `selector`; bytes go to `session` and, with their arrival, to `keep`.

    `keep(kind, link number, time, data)` is for records, `tell` for news, `gone` is called when a board was pulled out.
    """

    def __init__(
        self,
        specs: list[str],
        session: Session,
        selector: selectors.BaseSelector,
        keep: Callable[[int, int, float, bytes], None],
        tell: Callable[[dict], None],
        gone: Callable[[], None],
    ) -> None:
        self._specs = specs
        self._session = session
        self._selector = selector
        self._keep = keep
        self._tell = tell
        self._told_gone = gone
        self._links: list[Link] = []
        self._spec_of: list[str] = []
        self._channels: dict[int, tuple[Link, object]] = {}  # session link number -> where to write
        self._numbers: dict[tuple[int, object], int] = {}  # (link index, key) -> session link number
        self._polled: dict[int, tuple[Link, int]] = {}  # fileno -> link, its index
        self._next_number = 0
        wake_read, self._wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(self._wake_write, False)
        selector.register(wake_read, selectors.EVENT_READ, self._woken)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    def start(self) -> None:
        """Open every link; one that cannot be opened is told and left out."""
        for spec in self._specs:
            try:
                link = open_link(spec, self._wake)
            except LinkProblem as problem:
                self._tell({"news": "problem", "link": spec, "text": str(problem)})
                continue
            self._links.append(link)
            self._spec_of.append(spec)
        for index, link in enumerate(self._links):
            self._changes(index, link)

    def write(self, number: int, letter: str, text: str) -> None:
        """A line for the board behind a link; one that is gone gets none."""
        where = self._channels.get(number)
        if where is not None:
            where[0].write(where[1], letter, text)

    @property
    def numbers(self) -> list[int]:
        """The session's numbers of every link that is open."""
        return list(self._channels)

    def close(self) -> None:
        for link in self._links:
            link.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"x")

    def _woken(self, fd: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(fd, 4096)
        for index, link in enumerate(self._links):
            self._changes(index, link)

    def _changes(self, index: int, link: Link) -> None:
        now = time.monotonic()
        for change in link.changes():
            if isinstance(change, Opened):
                self._opened(index, link, change, now)
            elif isinstance(change, Gone):
                self._gone(index, link, change.key, now)
            elif isinstance(change, Said):
                self._tell({"news": "problem", "link": self._spec_of[index], "text": change.text})

    def _opened(self, index: int, link: Link, change: Opened, now: float) -> None:
        number, self._next_number = self._next_number, self._next_number + 1
        self._numbers[index, change.key] = number
        self._channels[number] = (link, change.key)
        self._session.opened(number, change.name, now, link.network)
        self._keep(frames.OPENED, number, now, json.dumps([change.name, link.network]).encode())
        if change.fileno >= 0 and change.fileno not in self._polled:
            self._polled[change.fileno] = (link, index)
            self._selector.register(change.fileno, selectors.EVENT_READ, self._readable)

    def _gone(self, index: int, link: Link, key: object, now: float) -> None:
        number = self._numbers.pop((index, key), None)
        if number is not None:
            self._channels.pop(number, None)
            self._session.closed(number, now)
            self._keep(frames.CLOSED, number, now, b"")

    def _readable(self, fileno: int) -> None:
        link, index = self._polled[fileno]
        found = link.read(fileno)
        arrival = time.monotonic()
        if found is None:
            self._unplugged(fileno, link, index, arrival)
            return
        if link.network:
            self._changes(index, link)
        for key, data in found:
            number = self._numbers.get((index, key))
            if number is None:
                continue
            if link.network:
                self._session.bodies_in(number, [data], arrival)
                data = wire.frame(chr(data[0]), data[1:].decode("ascii", "replace"))
            else:
                self._session.bytes_in(number, data, arrival)
            self._keep(frames.CHUNK, number, arrival, data)

    def _unplugged(self, fileno: int, link: Link, index: int, now: float) -> None:
        self._selector.unregister(fileno)
        del self._polled[fileno]
        for (at, key), number in list(self._numbers.items()):
            if at == index and self._channels[number][0] is link and link.fileno_of(key) == fileno:
                self._gone(index, link, key, now)
                link.drop(key)
        self._told_gone()
