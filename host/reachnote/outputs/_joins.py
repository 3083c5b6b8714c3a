"""What people joined to a port of our own, so that a port that comes back after a crash is joined again.

JACK and the ALSA sequencer forget a port's connections with the port. Without this a note that sounded when the outlet was
killed could not be ended: its Note Off would leave through a port that nobody listens to any more.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import sys
import time
from collections.abc import Callable

from reachnote import runtime

from ._sequencer import Sequencer

SETTLE_S = 0.05
"""JACK works on a new connection from its next cycles on; what is sent before is lost."""
_NO_SERVER_START = 1
_IS_OUTPUT = 2


class Joins:
    """`look()` now and then keeps the names of what our port feeds; `open_port(publish)` restores them.

    Does nothing where the system cannot tell (`Silent` library errors included): a port then comes back unjoined.
    """

    def __init__(self, name: str) -> None:
        self._file = runtime.folder() / f"joins-{''.join(c if c.isalnum() else '-' for c in name)[:40]}.json"
        self._system: _Jack | Sequencer | None = None
        self._port = b""
        self._kept: list[str] = []

    def open_port(self, publish: Callable[[], None]) -> None:
        """Publish the port, then join it to what the last one fed if that one was not closed."""
        asked = [(system, system.outputs()) for system in _systems()]
        try:
            publish()
        finally:
            self._port = b""
            for system, before in asked:
                new = system.outputs() - before
                if len(new) == 1 and not self._port:
                    self._system, self._port = system, new.pop()
                else:
                    system.close()
        if self._system is None:
            return
        joined = [there for there in self._remembered() if self._system.join(self._port, there.encode())]
        if joined:
            time.sleep(SETTLE_S)
            self._kept = joined

    @property
    def heard(self) -> bool:
        """False where the system says that nothing is joined to our port."""
        return self._system is None or bool(self._kept)

    def look(self) -> None:
        """Keep what our port feeds now."""
        if self._system is None or not self._port:
            return
        with contextlib.suppress(Exception):
            now = self._system.joined(self._port)
            if now != self._kept:
                self._kept = now
                self._file.write_text(json.dumps(now))

    def close(self) -> None:
        """The port is closed on purpose: there is nothing to restore."""
        with contextlib.suppress(Exception):
            self._file.unlink(missing_ok=True)
        self.let_go()

    def let_go(self) -> None:
        """Leave the server; what was joined stays remembered."""
        if self._system is not None:
            with contextlib.suppress(Exception):
                self._system.close()
            self._system = None

    def _remembered(self) -> list[str]:
        try:
            return [str(name) for name in json.loads(self._file.read_text())]
        except (OSError, ValueError, TypeError):
            return []


def _systems() -> list[_Jack | Sequencer]:
    """Those that the MIDI library in this process may have published a port in."""
    found = []
    for open_system in (Sequencer.open, _Jack.open):
        with contextlib.suppress(Exception):
            if system := open_system():
                found.append(system)
    return found


class _Jack:
    """A client without ports on the JACK server that the MIDI library already talks to, through its own libjack."""

    def __init__(self, library: ctypes.CDLL, client: int) -> None:
        self._library = library
        self._client = ctypes.c_void_p(client)

    @classmethod
    def open(cls) -> _Jack | None:
        """None where there is no libjack in this process or no server."""
        if not sys.platform.startswith("linux"):
            return None
        with open("/proc/self/maps") as maps:
            paths = {line.split(None, 5)[5].strip() for line in maps if "libjack" in line}
        if len(paths) != 1:
            return None
        library = ctypes.CDLL(paths.pop())
        library.jack_client_open.restype = ctypes.c_void_p
        library.jack_port_by_name.restype = ctypes.c_void_p
        library.jack_get_ports.restype = ctypes.POINTER(ctypes.c_char_p)
        library.jack_port_get_all_connections.restype = ctypes.POINTER(ctypes.c_char_p)
        client = library.jack_client_open(b"reachnote-look", _NO_SERVER_START, None)
        return cls(library, client) if client else None

    def outputs(self) -> set[bytes]:
        return set(self._names(self._library.jack_get_ports(self._client, None, None, ctypes.c_ulong(_IS_OUTPUT))))

    def joined(self, port: bytes) -> list[str]:
        handle = ctypes.c_void_p(self._library.jack_port_by_name(self._client, port))
        if not handle:
            return []
        found = self._library.jack_port_get_all_connections(self._client, handle)
        return sorted(name.decode("utf-8", "replace") for name in self._names(found))

    def join(self, port: bytes, there: bytes) -> bool:
        return self._library.jack_connect(self._client, port, there) == 0

    def close(self) -> None:
        self._library.jack_client_close(self._client)

    def _names(self, found: object) -> list[bytes]:
        names: list[bytes] = []
        if not found:
            return names
        while found[len(names)] is not None:
            names.append(found[len(names)])
        self._library.jack_free(found)
        return names
