"""`pointer`: a page's pointer as a sensor of the running session, through `reachnote.links.page`.

    {"do": "pointer", "x": 0.25, "y": 0.5, "down": true}       x from the left, y from the bottom, both 0 to 1

A state, not an event: the next one replaces it. Whoever is not at rest (0, 0, up) says it again within HELD_S, or is let go of:
a page that hangs, or that was put away, holds no note. At most MOST_HZ states go on; of more the latest.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time

from reachnote.desk.relay import Page, Relay
from reachnote.links.page import MOST, pack, path

MOST_HZ = 120
BEAT_S = 0.05
HELD_S = 1.5
REST = (0.0, 0.0, False)
NO_PLACE = "Too many pages play by pointer. Close one of them, or play on it."
NO_POINTER = "This session does not listen to pointers of pages. End it and start it with: reachnote"
NO_STATE = "A pointer needs x and y from 0 to 1, and down true or false. Nothing was moved."


class Held:
    """Where one page's pointer is."""

    def __init__(self, seat: int) -> None:
        self.seat = seat
        self.state = REST
        self.heard = self.window = 0.0
        self.sent = 0  # in this second
        self.told = False


class Pointers:
    """`answer` is for `server.app(answers=...)`."""

    def __init__(self, relay: Relay) -> None:
        self._held: dict[int, Held] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._where = str(path())
        self._beating: asyncio.Task[None] | None = None
        relay.left.append(self.leave)

    async def answer(self, page: Page, thing: dict) -> bool:
        if thing.get("do") != "pointer":
            return False
        text = self.take(page, thing, time.monotonic())
        if text:
            page.say(json.dumps({"id": thing.get("id"), "ok": False, "text": text}))
        elif "id" in thing:
            page.say(json.dumps({"id": thing["id"], "ok": True}))
        return True

    def take(self, page: Page, thing: dict, now: float) -> str:
        """A page says where its pointer is. Why it is not heard, once; '' otherwise."""
        state = _state(thing)
        if state is None:
            return NO_STATE
        held = self._held.get(page.number)
        if held is None:
            seats = {other.seat for other in self._held.values()}
            seat = next((seat for seat in range(1, MOST + 1) if seat not in seats), 0)
            if not seat:
                return NO_PLACE
            held = self._held[page.number] = Held(seat)
        held.state, held.heard = state, now
        if now - held.window >= 1.0:
            held.window, held.sent = now, 0
        held.sent += 1
        heard = held.sent > MOST_HZ or self._send(held)
        told, held.told = held.told, not heard
        if self._beating is None or self._beating.done():
            self._beating = asyncio.get_running_loop().create_task(self._beat())
        return "" if heard or told else NO_POINTER

    def leave(self, page: Page) -> None:
        """Its page is gone."""
        held = self._held.pop(page.number, None)
        if held is not None and held.state != REST:
            held.state = REST
            self._send(held)

    async def _beat(self) -> None:
        while any(held.state != REST for held in self._held.values()):
            await asyncio.sleep(BEAT_S)
            now = time.monotonic()
            for held in self._held.values():
                if held.state != REST:
                    held.state = held.state if now - held.heard < HELD_S else REST
                    self._send(held)

    def _send(self, held: Held) -> bool:
        """False when no session hears it. What finds no room is lost: the next one says it all again."""
        try:
            with contextlib.suppress(BlockingIOError):
                self._socket.sendto(pack(held.seat, *held.state), self._where)
        except OSError:
            return False
        return True


def _state(thing: dict) -> tuple[float, float, bool] | None:
    x, y, down = thing.get("x"), thing.get("y"), thing.get("down")
    if any(isinstance(place, bool) or not isinstance(place, (int, float)) or not 0 <= place <= 1 for place in (x, y)):
        return None
    return (float(x), float(y), down) if isinstance(down, bool) else None  # type: ignore[arg-type]
