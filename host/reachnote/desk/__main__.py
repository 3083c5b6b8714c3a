"""python -m reachnote.desk [PORT] : serves the desk until standard input closes; its address is the first line it prints.

With PORT 0 any free one. The address carries the token of this launch: whoever reads the line may open the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys

import uvicorn

from reachnote.desk.gate import Gate
from reachnote.desk.relay import Relay
from reachnote.desk.server import app

USUAL_PORT = 8417


def listen(port: int) -> socket.socket:
    """A socket on this computer alone; the usual port, or any where somebody has that."""
    for wanted in dict.fromkeys((port, 0)):
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            found.bind(("127.0.0.1", wanted))
            found.listen(64)
            return found
        found.close()
    raise OSError("no free port")


async def serve(sock: socket.socket) -> None:
    gate = Gate(sock.getsockname()[1])
    config = uvicorn.Config(
        app(gate, Relay()), log_level="critical", access_log=False, server_header=False, date_header=False, ws="websockets-sansio",
        ws_max_size=1 << 16, ws_ping_interval=10.0, ws_ping_timeout=20.0, timeout_graceful_shutdown=1, lifespan="on",
    )  # fmt: skip
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()

    def parent_gone() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            server.should_exit = True

    with contextlib.suppress(OSError, ValueError, NotImplementedError):
        loop.add_reader(0, parent_gone)
    print(gate.address, flush=True)
    await server.serve(sockets=[sock])


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sock = listen(int(sys.argv[1]) if len(sys.argv) > 1 else USUAL_PORT)
    except OSError as problem:
        print(f"The desk cannot be opened: this computer gives no port ({problem}).", file=sys.stderr)
        return 1
    asyncio.run(serve(sock))
    return 0


if __name__ == "__main__":
    sys.exit(main())
