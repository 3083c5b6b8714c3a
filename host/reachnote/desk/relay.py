"""One connection to the session's control socket for all pages. What the session says goes to every page, answers to who asked.

The session may end and come back; pages are told and stay. A page that reads too slowly misses levels first; one that
does not read at all is let go of. Nothing here can hold up a note: control itself drops what nobody reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable

from reachnote import runtime
from reachnote.ask import PATIENCE_S, NotRunning

NO_SESSION = "No session is running just now."
AGAIN_S = 0.25
LEVELS_HZ = 60
LONGEST = 256 * 1024
LONGEST_ASK = 16 * 1024 - 1  # more, and control takes us for broken (protocols/control.md)
BACKLOG = 1 << 20  # bytes that may wait for a control that does not read
WAITING = 400  # messages for one page; then it is taken for gone
FORWARDED = ("status", "silence", "record", "order", "client", "listen", "stop")
"""What pages may ask the session for, by protocols/control.md."""
_LEVELS = b'{"feed": "levels"'


class Page:
    """What waits for one page. `wake` is set when there is something."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.wake = asyncio.Event()
        self.gone = False
        self._queue: deque[str] = deque()
        self._levels = ""

    def say(self, text: str) -> None:
        if len(self._queue) >= WAITING:
            self.gone = True
        else:
            self._queue.append(text)
        self.wake.set()

    def level(self, text: str) -> None:
        """Only the latest levels wait."""
        self._levels = text
        self.wake.set()

    def take(self) -> list[str]:
        """What is to be sent now, in order."""
        found = [*self._queue, self._levels] if self._levels else list(self._queue)
        self._queue.clear()
        self._levels = ""
        self.wake.clear()
        return found


class Relay:
    """`pages` by number. `run` until cancelled.

    For what the desk answers itself: `hears` are shown every line of the session but levels and replies to pages, and a
    {"desk": "session", "there": ..} when it comes or goes; one that answers True keeps the line from the pages. `left`
    are told of every page that goes. `tell` and `inquire` ask the session in the desk's own name.
    """

    def __init__(self) -> None:
        self.pages: dict[int, Page] = {}
        self.there = False
        self.hears: list[Callable[[dict], object]] = []
        self.left: list[Callable[[Page], None]] = []
        self._replies: dict[int, asyncio.Future[dict]] = {}
        self._orders: dict[int, asyncio.Future[dict]] = {}
        self._inquiry = 0
        self._writer: asyncio.StreamWriter | None = None
        self._next = 0

    def page(self) -> Page:
        """A new page; it is told at once whether a session is there, and then what that one says of itself."""
        self._next += 1
        page = self.pages[self._next] = Page(self._next)
        page.say(json.dumps({"desk": "session", "there": self.there}))
        if self.there:
            self.ask(page, {"id": "status", "do": "status"})
        return page

    def leave(self, page: Page) -> None:
        self.pages.pop(page.number, None)
        for told in self.left:
            told(page)

    def tell(self, thing: dict) -> None:
        """Ask the session without waiting for its reply; without a session nothing happens."""
        self._write({**thing, "id": "0:told"})

    async def inquire(self, thing: dict) -> dict:
        """The session's reply to a request of the desk itself. NotRunning without a session, or without a reply."""
        return await self._await(self._replies, thing)

    async def order(self, thing: dict) -> dict:
        """What came of an order of the desk itself, `ok` and `text`. NotRunning where nothing came of it."""
        return await self._await(self._orders, {"do": "order", **thing})

    async def _await(self, replies: dict[int, asyncio.Future[dict]], thing: dict) -> dict:
        if self._writer is None:
            raise NotRunning
        self._inquiry += 1
        number = self._inquiry
        reply = replies[number] = asyncio.get_running_loop().create_future()
        self._write({**thing, "id": f"0:{number}"})
        try:
            return await asyncio.wait_for(reply, PATIENCE_S)
        except TimeoutError:
            raise NotRunning from None
        finally:
            del replies[number]

    def ask(self, page: Page, thing: dict) -> None:
        """Hand a request to the session; without one, the page is told so."""
        if thing.get("do") not in FORWARDED:
            page.say(json.dumps({"id": thing.get("id"), "ok": False, "text": "The desk does not know what that is."}))
        elif self._writer is None:
            page.say(json.dumps({"id": thing.get("id"), "ok": False, "text": NO_SESSION}))
        else:
            line = _line({**thing, "id": f"{page.number}:{json.dumps(thing.get('id'))}"})
            if len(line) > LONGEST_ASK or self._writer.transport.get_write_buffer_size() > BACKLOG:
                page.say(json.dumps({"id": thing.get("id"), "ok": False, "text": "That is too much at once, so nothing was done. Ask for less."}))
            else:
                self._writer.write(line)

    async def run(self) -> None:
        """Connect, listen, connect again."""
        while True:
            with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError):
                reader, self._writer = await asyncio.open_unix_connection(str(runtime.control_path()), limit=LONGEST)
                self._write({"id": "0:feed", "do": "feed", "levels_hz": LEVELS_HZ})
                self._now(True)
                while line := await reader.readline():
                    self._heard(line)
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()
            self._now(False)
            await asyncio.sleep(AGAIN_S)

    def _now(self, there: bool) -> None:
        if there is self.there:
            return
        self.there = there
        self._claimed({"desk": "session", "there": there})
        for page in list(self.pages.values()):
            page.say(json.dumps({"desk": "session", "there": there}))
            if there:
                self.ask(page, {"id": "status", "do": "status"})

    def _write(self, thing: dict) -> None:
        if self._writer is not None:
            self._writer.write(_line(thing))

    def _heard(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\n")
        if line.startswith(_LEVELS):
            for page in self.pages.values():
                page.level(text)
            return
        thing = json.loads(text)
        number, colon, own = str(thing.get("id", "")).partition(":")
        if not colon:
            if not self._claimed(thing):
                for page in self.pages.values():
                    page.say(text)
        elif number == "0":
            replies = self._orders if thing.get("news") == "order" else self._replies
            if own.isdecimal() and (reply := replies.get(int(own))) is not None and not reply.done():
                reply.set_result(thing)
        elif number.isdecimal() and (page := self.pages.get(int(number))) is not None:
            with contextlib.suppress(ValueError):  # else it was not we who asked
                page.say(json.dumps({**thing, "id": json.loads(own)}))

    def _claimed(self, thing: dict) -> bool:
        return any([hear(thing) is True for hear in self.hears])


def _line(thing: dict) -> bytes:
    return json.dumps(thing).encode() + b"\n"
