"""The desk: a local page for whoever does not type commands, served by a process of its own (protocols/desk.md).

It speaks to the session over the control socket like any other program, so it may crash, hang or be closed without a note
changing. It listens on this computer alone, and lets in only pages that came through a link of its own (`gate`).
"""

from __future__ import annotations

import contextlib
import socket

from reachnote.desk.gate import NAME

USUAL_PORT = 8417


def listen(port: int) -> socket.socket:
    """A socket on this computer alone; the port, or any where somebody has that."""
    for wanted in dict.fromkeys((port, 0)):
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            found.bind((NAME, wanted))
            found.listen(64)
            return found
        found.close()
    raise OSError("no free port")
