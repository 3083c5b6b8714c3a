"""Who may talk to the desk: pages of this very desk on this computer, and nobody else. Pure.

A page proves two things. It was reached under one of our own names (Host, and Origin where there is one), so that no page of
the net can lead a browser here under a name of its own; and it holds the cookie that was given for this launch's token,
which only the one who started the desk knows.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable

COOKIE = "reachnote-desk"
ENTER = "/enter"
NAMES = ("127.0.0.1", "localhost", "[::1]")

Headers = Iterable[tuple[bytes, bytes]]


class Gate:
    """One launch. `token` opens the door once per page; the cookie keeps it open until the desk ends."""

    def __init__(self, port: int, token: str = "", pass_: str = "") -> None:
        self.port = port
        self.token = token or secrets.token_urlsafe(32)
        self._pass = pass_ or secrets.token_urlsafe(32)
        self._hosts = frozenset(f"{name}:{port}".encode() for name in NAMES)
        self._origins = frozenset(b"http://" + host for host in self._hosts)

    @property
    def address(self) -> str:
        """Where a browser begins."""
        return f"http://127.0.0.1:{self.port}{ENTER}?token={self.token}"

    @property
    def cookie(self) -> str:
        """The Set-Cookie that lets a page in from now on."""
        return f"{COOKIE}={self._pass}; HttpOnly; SameSite=Strict; Path=/"

    def ours(self, headers: Headers, origin_needed: bool) -> bool:
        """Was it reached under our own name, by no page of another origin? Each header at most once, byte for byte."""
        headers = list(headers)
        hosts = [value for name, value in headers if name.lower() == b"host"]
        origins = [value for name, value in headers if name.lower() == b"origin"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return False
        if not origins:
            return not origin_needed
        return len(origins) == 1 and origins[0] in self._origins and origins[0] == b"http://" + hosts[0]

    def opens(self, token: str) -> bool:
        """Is that this launch's token?"""
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self.token.encode())

    def known(self, headers: Headers) -> bool:
        """Does it carry the cookie of this launch?"""
        found = [value for name, value in headers if name.lower() == b"cookie"]
        wanted = f"{COOKIE}={self._pass}".encode()
        return any(hmac.compare_digest(pair.strip(b" "), wanted) for value in found for pair in value.split(b";"))
