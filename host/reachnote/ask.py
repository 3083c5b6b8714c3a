"""The other end of `protocols/control.md`: ask the running session, follow its feed."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

from reachnote import runtime

PATIENCE_S = 2.0


class NotRunning(Exception):
    """No session answers."""


class Session:
    """A connection to the running session. NotRunning when there is none."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE_S)
        self._lines = b""
        self._id = 0
        try:
            self._socket.connect(str(runtime.control_path()))
        except OSError:
            self._socket.close()
            raise NotRunning from None

    def ask(self, do: str, **more: object) -> dict:
        """The reply to one request; feed lines that come before it are passed over."""
        self._id += 1
        self.tell({"id": self._id, "do": do, **more})
        for thing in self.follow(PATIENCE_S):
            if thing is not None and thing.get("id") == self._id:
                return thing
        raise NotRunning

    def tell(self, request: dict) -> None:
        """Ask without waiting for the reply."""
        try:
            self._socket.settimeout(PATIENCE_S)
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            raise NotRunning from None

    def follow(self, patience: float = 0.25) -> Iterator[dict | None]:
        """Every line as it comes; None after `patience` seconds without one; ends with the session."""
        while True:
            self._socket.settimeout(patience)
            line, newline, rest = self._lines.partition(b"\n")
            if newline:
                self._lines = rest
                yield json.loads(line)
                continue
            try:
                chunk = self._socket.recv(65536)
            except TimeoutError:
                yield None
                continue
            except OSError:
                return
            if not chunk:
                return
            self._lines += chunk

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
