"""Boards on links, heard without a session: nothing sounds. The shell around `board_talks`."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections.abc import Callable, Sequence

from reachnote.board_talks import Talk
from reachnote.links import Gone, Link, LinkProblem, Opened, Said, open_link

WAIT_S = 0.02


class Heard:
    """One channel: where it is and what is talked there."""

    def __init__(self, link: Link, key: object, name: str, talk: Talk) -> None:
        self.link = link
        self.key = key
        self.name = name
        self.talk = talk
        self.open = True

    def send(self, letter: str, text: str) -> None:
        """A line, or with an empty letter the bare characters, which only a serial port takes. Never waits, never raises."""
        if letter:
            self.link.write(self.key, letter, text)
        elif not self.link.network and (fileno := self.link.fileno_of(self.key)) >= 0:
            with contextlib.suppress(OSError):
                os.write(fileno, text.encode())


class Hearing:
    """Opens links and talks on every channel they meet. `said` holds sentences about what is in the way."""

    def __init__(self, specs: Sequence[str], talk: Callable[[str, float], Talk]) -> None:
        self.channels: list[Heard] = []
        self.said: list[str] = []
        self._talk = talk
        self._links: list[Link] = []
        self._selector = selectors.DefaultSelector()
        for spec in specs:
            try:
                self._links.append(open_link(spec, lambda: None))
            except LinkProblem as problem:
                self.said.append(str(problem))

    def once(self) -> None:
        """Take what there is to read, for one moment, and send what is wanted."""
        for link in self._links:
            self._changes(link)
        ready = self._selector.select(WAIT_S) if self._selector.get_map() else time.sleep(WAIT_S)
        for key, _ in ready or []:
            self._read(key.data, key.fd)
        now = time.monotonic()
        for heard in self.channels:
            if heard.open:
                for letter, text in heard.talk.wants(now):
                    heard.send(letter, text)

    def close(self) -> None:
        for link in self._links:
            link.close()
        self._selector.close()

    def __enter__(self) -> Hearing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, link: Link, fd: int) -> None:
        found = link.read(fd)
        if found is None:
            self._selector.unregister(fd)
            self._gone(link, fd)
        now = time.monotonic()
        if link.network:
            self._changes(link)
        for key, data in found or []:
            heard = self._channel(link, key)
            if heard is None:
                continue
            if link.network:
                heard.talk.bodies_in([data], now)
            else:
                heard.talk.bytes_in(data, now)

    def _gone(self, link: Link, fd: int) -> None:
        for heard in self.channels:
            if heard.link is link and heard.open and link.fileno_of(heard.key) in (fd, -1):
                heard.open = False
                link.drop(heard.key)

    def _channel(self, link: Link, key: object) -> Heard | None:
        return next((heard for heard in self.channels if heard.open and heard.link is link and heard.key == key), None)

    def _changes(self, link: Link) -> None:
        for change in link.changes():
            if isinstance(change, Said) and change.text not in self.said:
                self.said.append(change.text)
            elif isinstance(change, Gone) and (heard := self._channel(link, change.key)):
                heard.open = False
            elif isinstance(change, Opened):
                self.channels.append(Heard(link, change.key, change.name, self._talk(change.name, time.monotonic())))
                if change.fileno >= 0 and change.fileno not in self._selector.get_map():
                    self._selector.register(change.fileno, selectors.EVENT_READ, link)
