"""The desk's web server: the page's files, and one WebSocket for everything else. Starlette; see protocols/desk.md."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from reachnote.desk.gate import ENTER, Gate
from reachnote.desk.relay import Page, Relay

PAGE = Path(__file__).parent / "page"
LONGEST_ASK = 64 * 1024
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
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

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
            await send(message)

        await self._app(scope, receive, send if socket else with_headers)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403})
            return
        await PlainTextResponse(REFUSED, 403)(scope, receive, send)


def app(gate: Gate, relay: Relay, answers: tuple[Answer, ...] = (), page: Path = PAGE) -> ASGIApp:
    """The whole desk behind its door."""

    async def enter(request: object) -> Response:
        given = parse_qs(request.scope["query_string"].decode("latin-1")).get("token", [""])  # type: ignore[attr-defined]
        if len(given) != 1 or not gate.opens(given[0]):
            return PlainTextResponse(REFUSED, 403)
        return RedirectResponse("/", 303, {"set-cookie": gate.cookie})

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        there = relay.page()
        sender = asyncio.create_task(_send(socket, there))
        try:
            while socket.client_state is WebSocketState.CONNECTED:
                text = await socket.receive_text()
                await _asked(relay, answers, there, text)
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass
        finally:
            relay.leave(there)
            sender.cancel()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(relay.run())
        yield
        running.cancel()

    routes = [
        Route(ENTER, enter),
        WebSocketRoute("/talk", talk),
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


async def _asked(relay: Relay, answers: tuple[Answer, ...], page: Page, text: str) -> None:
    try:
        thing = json.loads(text) if len(text) <= LONGEST_ASK else None
    except (ValueError, RecursionError):
        thing = None
    if not isinstance(thing, dict):
        page.say(json.dumps({"id": None, "ok": False, "text": "That was no request."}))
        return
    for answer in answers:
        if await answer(page, thing):
            return
    relay.ask(page, thing)
