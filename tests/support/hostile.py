"""Requests to a desk (protocols/desk.md): right ones, and ones that are wrong in at least one thing that lets a page in.

`Requests` makes both by a seed. Whoever sends them knows only the port, the launch's token and its cookie's value.
"""

from __future__ import annotations

import random
from typing import NamedTuple
from urllib.parse import quote

from reachnote.desk.gate import Gate

Headers = list[tuple[bytes, bytes]]


class Request(NamedTuple):
    """`socket`: it wants to be a WebSocket. `wrong` names what is not right, empty for a right one."""

    socket: bool
    path: str
    query: str
    headers: Headers
    wrong: tuple[str, ...]


class Requests:
    def __init__(self, gate: Gate, now: float, seed: int) -> None:
        self._gate = gate
        self._other = Gate(gate.port)  # of another launch
        self._now = now
        self._chance = random.Random(seed)
        self._host = f"127.0.0.1:{gate.port}"
        self._pair = gate.cookie.partition(";")[0]

    def right(self) -> Request:
        return self._made(())

    def wrong(self) -> Request:
        """Wrong in one thing or in several."""
        return self._made(None)

    def _made(self, wrong: tuple[str, ...] | None) -> Request:
        chance = self._chance
        kind = chance.choice(("page", "file", "enter", "talk", "sound"))
        socket = kind in ("talk", "sound")
        path = {"page": "/", "file": "/index.html", "enter": "/enter"}.get(kind, f"/{kind}")
        counts = ("host", "origin", "token") if kind == "enter" else ("host", "origin", "cookie")
        if wrong is None:
            wrong = tuple(chance.sample(counts, chance.choice((1, 1, 1, 2, 3))))
        headers: Headers = [(b"accept", b"*/*"), (b"user-agent", b"a browser")]
        headers += self._host_headers("host" in wrong)
        headers += self._origin_headers("origin" in wrong, socket)
        query = ""
        if kind == "enter":
            query = self._wrong_query() if "token" in wrong else f"token={self._gate.token}"
            headers += self._cookie_headers(True) if chance.random() < 0.5 else []
        else:
            headers += self._cookie_headers("cookie" in wrong)
        if chance.random() < 0.3:  # what proxies say of themselves counts for nothing
            name = chance.choice((b"x-forwarded-host", b"x-forwarded-for", b"forwarded", b"x-real-ip", b"referer", b"x-original-url"))
            headers.append((name, chance.choice((self._host.encode(), b"127.0.0.1", b"/enter"))))
        chance.shuffle(headers)
        return Request(socket, path, query, headers, wrong)

    def _host_headers(self, wrong: bool) -> Headers:
        host, port = self._host, self._gate.port
        if not wrong:
            return [(b"host", host.encode())]
        value = self._chance.choice(
            (
                None, "", "127.0.0.1", f"localhost:{port}", f"[::1]:{port}", f"127.0.0.1:{port + 1}", f"127.0.0.1:0{port}", f"127.1:{port}",
                f"0.0.0.0:{port}", f"2130706433:{port}", f"127.0.0.1.:{port}", f"127.0.0.1:{port}.evil.example", "evil.example",
                f"evil.example:{port}", f"{host},evil.example", f"evil.example, {host}", f"evil@{host}", f"{host}@evil.example", f"http://{host}",
                f"{host}/", f"{host}#", f"127.0.0.1:{port}:{port}", f"127.0.0.1.evil.example:{port}", f"127。0。0。1:{port}", "twice", "two",
                self._bent(host),
            )
        )  # fmt: skip
        if value == "twice":
            return [(b"host", host.encode()), (b"host", host.encode())]
        if value == "two":
            return [(b"host", host.encode()), (b"host", b"evil.example")]
        return [] if value is None else [(b"host", value.encode())]

    def _origin_headers(self, wrong: bool, socket: bool) -> Headers:
        origin, host, port = f"http://{self._host}", self._host, self._gate.port
        if not wrong:
            return [(b"origin", origin.encode())] if socket or self._chance.random() < 0.5 else []
        values = [
            "", "null", "http://evil.example", f"http://evil.example:{port}", f"https://{host}", f"ws://{host}", "http://127.0.0.1", host,
            f"http://127.0.0.1:{port + 1}", f"http://localhost:{port}", f"http://[::1]:{port}", f"{origin}/", f"{origin}.evil.example",
            f"{origin}@evil.example", f"HTTP://{host}", f"{origin} http://evil.example", "file://", "chrome-extension://abc", "twice", "two",
            self._bent(origin),
        ]  # fmt: skip
        value = self._chance.choice([*values, None] if socket else values)
        if value == "twice":
            return [(b"origin", origin.encode()), (b"origin", origin.encode())]
        if value == "two":
            return [(b"origin", b"http://evil.example"), (b"origin", origin.encode())]
        return [] if value is None else [(b"origin", value.encode())]

    def _wrong_query(self) -> str:
        token, chance = self._gate.token, self._chance
        old = self._gate.ticket(self._now - 121.0).partition("token=")[2]
        early = self._gate.ticket(self._now + 60.0).partition("token=")[2]
        foreign = self._other.ticket(self._now).partition("token=")[2]
        good = self._gate.ticket(self._now).partition("token=")[2]
        begin, _, seal = good.rpartition("-")
        value = chance.choice(
            (
                "", "token", "token=", f"token={token[:-1]}", f"token={token}x", f"token={token.swapcase()}", f"token={token}&token={token}",
                f"token=x&token={token}", f"Token={token}", f"key={token}", f"token={quote(token + chr(0))}", f"token=%00{token}", f"token=+{token}",
                f"token={self._other.token}", f"token={self._gate.pass_}", f"token={old}", f"token={early}", f"token={foreign}",
                f"token={begin}-{self._bent(seal)}", f"token={self._later(begin)}-{seal}", f"token=-{seal}", f"token={begin}", f"token={'A' * 6000}",
                "token=%ff%fe%f0", f"token={quote('١٢٣-' + token)}", f"token={self._bent(token)}",
            )
        )  # fmt: skip
        return value

    def _cookie_headers(self, wrong: bool) -> Headers:
        pair, port, chance = self._pair, self._gate.port, self._chance
        name, _, value = pair.partition("=")
        if not wrong:
            return [(b"cookie", chance.choice((pair, f"a=b; {pair}", f"{pair};a=b", f"{name}=old; {pair}")).encode())]
        given = chance.choice(
            (
                None, "", ";", name, f"{name}=", f"{name}={value[:-1]}", f"{name}={value}x", f"{name}={value.swapcase()}", f'{name}="{value}"',
                f"{name}= {value}", f"{name} ={value}", f"reachnote-desk={value}", f"reachnote-desk-{port + 1}={value}", f"a={pair}",
                f"a=b,{pair}", f"{pair},", f"{name}={self._other.pass_}", f"{name}={self._gate.token}", f"{name.upper()}={value}", f"x{pair}",
                f"{name}={quote(value + ' ')}", f"{name}={'A' * 4000}", f"{name}={self._bent(value)}",
            )
        )  # fmt: skip
        if given is None:
            return [] if chance.random() < 0.5 else [(b"cookie2", pair.encode()), (b"set-cookie", pair.encode())]
        return [(b"cookie", given.encode())]

    def _bent(self, text: str) -> str:
        """One letter of it is another."""
        at = self._chance.randrange(len(text))
        letter = self._chance.choice([c for c in "abcXYZ0189-_." if c != text[at]])
        return text[:at] + letter + text[at + 1 :]

    @staticmethod
    def _later(begin: str) -> str:
        born, _, rest = begin.partition("-")
        return f"{int(born) + 1000}-{rest}"
