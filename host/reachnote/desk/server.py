"""The desk's web server: the page's files, and one WebSocket for everything else. Starlette; see protocols/desk.md."""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from reachnote.desk.gate import ENTER, Gate
from reachnote.desk.relay import FORWARDED, Page, Relay
from reachnote.desk.sound import Sound

mimetypes.add_type("text/javascript", ".js")  # some computers were told otherwise, and a browser would refuse it

PAGE = Path(__file__).parent / "page"
LONGEST_ASK = 15_000
DEEPEST = 200
MOST_ASKED = 64
"""Requests of one page that may wait for their answers at once."""
AT_ONCE = ("pointer",)
"""What never waits for an answer that takes long; nor does what goes to the session, silence above all."""
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
NO_REQUEST = "That is no request, so nothing was done. Send one JSON object."
TOO_LONG = f"That request is longer than {LONGEST_ASK} letters, so nothing was done. Ask for less at once."
TOO_MANY = "Too much was asked at once, so nothing was done. Ask again in a moment."
SURPRISE = "The desk met something it does not know, so this was not done. Playing goes on."
REFUSED = "This page belongs to the person who started reachnote on this computer. Start it there: reachnote\n"

Answer = Callable[[Page, dict], Awaitable[bool]]
"""Something that answers a page's request itself; False when it is not for it."""


class Door:
    """Before everything: who is not ours sees nothing, whatever is asked for."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        socket = scope["type"] == "websocket"
        entering = not socket and scope["path"] == ENTER
        headers = scope["headers"]
        if not self._gate.ours(headers, origin_needed=socket) or not (entering or self._gate.known(headers)):
            await self._refuse(scope, receive, send)
            return
        await self._app(scope, receive, send if socket else _with_headers(send))

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403})
            return
        await PlainTextResponse(REFUSED, 403)(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
        await send(message)

    return sent


def app(gate: Gate, relay: Relay, answers: tuple[Answer, ...] = (), page: Path = PAGE) -> ASGIApp:
    """The whole desk behind its door."""
    sound = Sound()

    async def enter(request: Request) -> Response:
        given = request.query_params.getlist("token")
        if not gate.known(request.scope["headers"]) and (len(given) != 1 or not gate.opens(given[0], time.monotonic())):
            return PlainTextResponse(REFUSED, 403)
        return RedirectResponse("/", 303, {"set-cookie": gate.cookie})

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        there = relay.page()
        sender = asyncio.create_task(_send(socket, there))
        asked = Asked(relay, answers, there)
        try:
            while (message := await socket.receive())["type"] == "websocket.receive":
                asked.take(message.get("text"))
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            relay.leave(there)
            sender.cancel()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        running = [asyncio.create_task(relay.run()), asyncio.create_task(sound.run())]
        yield
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    routes = [
        Route(ENTER, enter),
        WebSocketRoute("/talk", talk),
        WebSocketRoute("/sound", sound.serve),
        Mount("/", StaticFiles(directory=page, html=True)),
    ]
    return Door(Starlette(routes=routes, lifespan=lifespan), gate)


async def _send(socket: WebSocket, page: Page) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while not page.gone:
            await page.wake.wait()
            for text in page.take():
                await socket.send_text(text)
        await socket.close(4408)


class Asked:
    """What one page asks for: the session's own words go to it at once, the others are answered one after the other."""

    def __init__(self, relay: Relay, answers: tuple[Answer, ...], page: Page) -> None:
        self._relay = relay
        self._answers = answers
        self._page = page
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, text: str | None) -> None:
        """One message; None is one that is no text."""
        thing = _request(text)
        if thing is None:
            self._say(None, TOO_LONG if text and len(text) > LONGEST_ASK else NO_REQUEST)
        elif thing.get("do") in FORWARDED:
            self._relay.ask(self._page, thing)
        elif len(self._tasks) >= MOST_ASKED:
            self._say(thing.get("id"), TOO_MANY)
        else:
            task = asyncio.create_task(self._answer(thing))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, thing: dict) -> None:
        try:
            if thing.get("do") in AT_ONCE:
                await self._first(thing)
                return
            async with self._turn:
                await self._first(thing)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self._say(thing.get("id"), SURPRISE)

    async def _first(self, thing: dict) -> None:
        for answer in self._answers:
            if await answer(self._page, thing):
                return
        self._relay.ask(self._page, thing)

    def _say(self, number: object, text: str) -> None:
        self._page.say(json.dumps({"id": number, "ok": False, "text": text}))


def _request(text: str | None) -> dict | None:
    """A page's message as an object; None for anything else. Nothing deep goes on to the session."""
    if text is None or len(text) > LONGEST_ASK or text.count("[") + text.count("{") > DEEPEST:
        return None
    try:
        thing = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return thing if isinstance(thing, dict) else None


def _no_number(name: str) -> None:
    raise ValueError(name)
