"""Who may talk to the desk: pages of this very desk on this computer, and nobody else. Pure.

A page proves two things. It was reached under our one name (Host, and Origin where there is one), so that no page of
the net can lead a browser here under a name of its own; and it holds the cookie that was given for this launch's token,
which only the one who started the desk knows. A browser is begun with a ticket instead: it opens the door once and soon,
because everybody on this computer can read how a program was begun.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

COOKIE = "reachnote-desk"
ENTER = "/enter"
NAME = "127.0.0.1"
"""The one name. `localhost` may lead to another program that listens on ::1, with the same port."""
TICKET_S = 120.0
"""How long a ticket waits for a browser that is still starting."""

Headers = Iterable[tuple[bytes, bytes]]


class Gate:
    """One launch. `token` opens the door to any page; the cookie keeps it open until the desk ends, `pass_` is its value."""

    def __init__(self, port: int, token: str = "", pass_: str = "") -> None:
        self.port = port
        self.token = token or secrets.token_urlsafe(32)
        self.pass_ = pass_ or secrets.token_urlsafe(32)
        self._host = f"{NAME}:{port}".encode()
        self._origin = b"http://" + self._host
        self._pair = f"{COOKIE}-{port}={self.pass_}"  # browsers keep one jar for all ports
        self._used: dict[str, float] = {}  # tickets that opened the door, and when they would have ended

    @property
    def address(self) -> str:
        """Where a person begins."""
        return self._address(self.token)

    @property
    def cookie(self) -> str:
        """The Set-Cookie that lets a page in from now on."""
        return f"{self._pair}; HttpOnly; SameSite=Strict; Path=/"

    def ticket(self, now: float) -> str:
        """Where a browser begins that is told so in public: good once, for TICKET_S of the computer's monotonic clock."""
        begin = f"{int(now * 1000)}-{secrets.token_hex(8)}"
        return self._address(f"{begin}-{self._seal(begin)}")

    def ours(self, headers: Headers, origin_needed: bool) -> bool:
        """Was it reached under our own name, by no page of another origin? Each header at most once, byte for byte."""
        headers = list(headers)
        hosts = [value for name, value in headers if name.lower() == b"host"]
        origins = [value for name, value in headers if name.lower() == b"origin"]
        if hosts != [self._host]:
            return False
        return origins == [self._origin] or (not origins and not origin_needed)

    def opens(self, word: str, now: float) -> bool:
        """Is that this launch's token, or a ticket that nobody used yet?"""
        if hmac.compare_digest(_bytes(word), self.token.encode()):
            return True
        begin, _, seal = word.rpartition("-")
        if not hmac.compare_digest(_bytes(seal), self._seal(begin).encode()):
            return False
        born = int(begin.partition("-")[0]) / 1000  # sealed by us, so it is a number
        self._used = {ticket: end for ticket, end in self._used.items() if end > now}
        if word in self._used or not -1.0 < now - born < TICKET_S:
            return False
        self._used[word] = born + TICKET_S
        return True

    def known(self, headers: Headers) -> bool:
        """Does it carry the cookie of this launch?"""
        found = [value for name, value in headers if name.lower() == b"cookie"]
        wanted = self._pair.encode()
        return any(hmac.compare_digest(pair.strip(b" "), wanted) for value in found for pair in value.split(b";"))

    def _address(self, word: str) -> str:
        return f"http://{NAME}:{self.port}{ENTER}?token={word}"

    def _seal(self, begin: str) -> str:
        return hmac.new(self.token.encode(), _bytes(begin), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
