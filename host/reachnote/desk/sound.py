"""What the outlet let through, on to every page that turned its sound on (protocols/desk.md, "The page's own sound").

A page hears the outlet's own heartbeat and never one of ours: where any link between the outlet and the page is slow or gone,
the page misses it and falls silent by itself. Nothing waits here for a page that reads slowly.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from starlette.websockets import WebSocket, WebSocketDisconnect

from reachnote import runtime
from reachnote.outputs.page import HEARD, RESET, Channels, messages, stamp

AGAIN_S = 1.0
WAITING = 50  # messages for one page, about a second of heartbeats; then it is let go of, and comes again at the start level
LONGEST = 64 * 1024


class Listener:
    """What waits for one page. `wake` is set when there is something; `gone` when it did not follow."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.gone = False
        self._queue: deque[bytes] = deque()

    def put(self, packet: bytes) -> None:
        if len(self._queue) < WAITING:
            self._queue.append(packet)
        else:
            self.gone = True
        self.wake.set()

    def take(self) -> list[bytes]:
        found = list(self._queue)
        self._queue.clear()
        self.wake.clear()
        return found


class Sound:
    """A seat at the outlet, and the pages that listen. `run` until cancelled; `serve` is the WebSocket route /sound."""

    def __init__(self, seats: Iterable[Path] | None = None) -> None:
        self._seats = seats
        self._channels = Channels()
        self._listeners: set[Listener] = set()
        self._heard: Path | None = None  # there while a page listens

    async def run(self) -> None:
        """Take a free seat and pass on what comes; where all are taken, try again."""
        while (found := take_seat(runtime.sound_paths() if self._seats is None else self._seats)) is None:
            await asyncio.sleep(AGAIN_S)
        path, sock = found
        self._heard = path.with_name(path.name + HEARD)
        self._tell()
        loop = asyncio.get_running_loop()
        loop.add_reader(sock, self._read, sock)
        try:
            await asyncio.Event().wait()
        finally:
            loop.remove_reader(sock)
            sock.close()
            path.unlink(missing_ok=True)
            self._heard.unlink(missing_ok=True)

    async def serve(self, page: WebSocket) -> None:
        """One page, from the click that turned its sound on until it leaves."""
        await page.accept()
        listener = Listener()
        listener.put(stamp(RESET + self._channels.all(), time.monotonic()))
        self._listeners.add(listener)
        self._tell()
        sender = asyncio.create_task(_send(page, listener))
        try:
            while (await page.receive())["type"] != "websocket.disconnect":
                pass  # a page has nothing to say here
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self._listeners.discard(listener)
            self._tell()
            sender.cancel()

    def heard(self, packet: bytes) -> None:
        """One datagram of the outlet."""
        for message in messages(packet):
            self._channels.take(message)
        for listener in self._listeners:
            listener.put(packet)

    def _tell(self) -> None:
        """Whether anybody hears what comes here, for the outlet."""
        if self._heard is None:
            return
        with contextlib.suppress(OSError):
            if self._listeners:
                self._heard.touch(0o600)
            else:
                self._heard.unlink(missing_ok=True)

    def _read(self, sock: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard(sock.recv(LONGEST))


def take_seat(paths: Iterable[Path]) -> tuple[Path, socket.socket] | None:
    """The first seat where nobody sits, bound; None when all are taken."""
    for path in paths:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            try:
                sock.connect(str(path))
            except OSError:  # free, or left behind by a desk that did not say goodbye
                path.unlink(missing_ok=True)
                sock.bind(str(path))
                os.chmod(path, 0o600)
                return path, sock
        sock.close()
    return None


async def _send(page: WebSocket, listener: Listener) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while not listener.gone:
            await listener.wake.wait()
            for packet in listener.take():
                await page.send_bytes(packet)
        await page.close(4408)
