"""python -m reachnote.desk [PORT] : serves the desk until standard input closes; its address is the first line it prints.

With PORT 0 any free one. The address carries the token of this launch: whoever reads the line may open the page.

python -m reachnote.desk fd:N : the same for `reachnote` itself (reachnote.desk_command), on the socket that is descriptor N.
Token and cookie come as the first line of standard input, {"token": .., "pass": ..}, and stay as they were when it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from reachnote.desk import USUAL_PORT, listen
from reachnote.desk.answers import every
from reachnote.desk.gate import Gate
from reachnote.desk.relay import Relay
from reachnote.desk.server import LONGEST_ASK, app

READY = "The desk is open."
STUCK_S = 5.0  # a page that takes nothing for so long is let go of
KERNEL_BYTES = 64 * 1024  # the system's own buffer for one page


class Connection(WebSocketsSansIOProtocol):
    """A WebSocket whose page may not hold us up: asyncio waits for ever until somebody reads what is left."""

    _late: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._late = self.loop.call_later(STUCK_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._in_time()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def _in_time(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            late.cancel()


async def serve(sock: socket.socket, gate: Gate, first: str) -> None:
    relay = Relay()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
    config = uvicorn.Config(
        app(gate, relay, every(relay)), log_level="critical", access_log=False, server_header=False, date_header=False, loop="asyncio",
        http="h11", ws=Connection, ws_max_size=64 * LONGEST_ASK, ws_per_message_deflate=False, ws_ping_interval=10.0, ws_ping_timeout=20.0,
        timeout_graceful_shutdown=1, lifespan="on",
    )  # fmt: skip
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()

    def parent_gone() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            server.should_exit = True

    with contextlib.suppress(OSError, ValueError, NotImplementedError):
        loop.add_reader(0, parent_gone)
    print(first, flush=True)
    await server.serve(sockets=[sock])


def handed_over() -> Gate:
    """The gate of a launch that goes on, by the first line of standard input; nothing behind it is read."""
    line = b""
    while not line.endswith(b"\n"):
        if not (letter := os.read(0, 1)):
            raise EOFError
        line += letter
    told = json.loads(line)
    return Gate(told["port"], told["token"], told["pass"])


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    where = sys.argv[1] if len(sys.argv) > 1 else str(USUAL_PORT)
    try:
        if where.startswith("fd:"):
            sock, gate = socket.socket(fileno=int(where[3:])), handed_over()
            first = READY
        else:
            sock = listen(int(where))
            gate = Gate(sock.getsockname()[1])
            first = gate.address
    except EOFError:
        return 0
    except OSError as problem:
        print(f"The desk cannot be opened: this computer gives no port ({problem}).", file=sys.stderr)
        return 1
    asyncio.run(serve(sock, gate, first))
    return 0


if __name__ == "__main__":
    sys.exit(main())
