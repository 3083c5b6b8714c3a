"""`osc:HOST:PORT`: notes, controls and levels for other programs, as OSC over UDP (protocols/osc.md).

Plain messages with typed arguments, no bundles. UDP says little about who listens; what it says is used: while the
receiving computer answers that nobody is there, its names are sent once a second until somebody is.
"""

from __future__ import annotations

import collections
import errno
import ipaddress
import socket
import struct
import time
from collections.abc import Callable

from reachnote.model import Event, Kind
from reachnote.outputs import OutputProblem

SCHEME = "osc"
EXAMPLE = "osc:127.0.0.1:9000"
SAYS = "notes and levels for Pure Data, Max, SuperCollider and other OSC programs"

WAITING = 256  # note-offs kept while the network is full
KNOCK_S = 1.0
QUIET_S = 0.2  # without a refusal for this long after a knock, somebody listens again
NAMES = 1024


def check(target: str, options: dict[str, str]) -> tuple[str, int]:
    """Computer and port; OutputProblem when they are written wrongly."""
    host, _, port = target.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0
    if not host or not 1 <= number <= 65535:
        raise OutputProblem(f"osc: needs a computer and a port, not '{target}'. Write for example {EXAMPLE}.")
    if options:
        raise OutputProblem(f"osc: has no option '{next(iter(options))}'. Write for example {EXAMPLE}.")
    return host, number


def open_output(target: str, options: dict[str, str], name: str) -> OscOutput:
    host, number = check(target, options)
    return OscOutput(_address(host), number, name)


def _address(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        pass
    try:
        return socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)[0][4][0]
    except (OSError, UnicodeError):
        raise OutputProblem(
            f"There is no computer named '{host}' on this network. Check the name, or write its address in numbers."
        ) from None


class OscOutput:
    """See reachnote.outputs.Output."""

    wants_levels = True

    def __init__(self, host: str, port: int, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        from reachnote.osc_packet import message, padded

        self.dropped = 0
        self._message = message
        self._padded = padded
        self._name = name
        self._where = f"{host}:{port}"
        self._clock = clock
        self._names: dict[int, str] = {}
        self._heads: dict[tuple[int, int], bytes] = {}
        self._waiting: collections.deque[bytes] = collections.deque(maxlen=WAITING)
        self._refused_at: float | None = None
        self._unreachable = False
        self._knocked = 0.0
        self._found = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect((host, port))
        except OSError as problem:
            self._socket.close()
            raise OutputProblem(
                f"There is no way to {self._where} from here ({problem.strerror}). "
                "Connect this computer to the same network."
            ) from None

    # ------------------------------------------------------------ the contract

    def send(self, event: Event, text: str = "") -> None:
        if event.kind == Kind.NAME:
            self._declare(event.source, text)
            return
        packet = self._packet(event)
        if packet is None:
            return
        self._flush()
        if self._waiting or not self._put(packet):
            if event.kind == Kind.NOTE_OFF and len(self._waiting) < WAITING:
                self._waiting.append(packet)
            else:
                self.dropped += 1

    def beat(self, now: float) -> None:
        self._flush()
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._refuse(now)
        if self._refused_at is None:
            return
        if self._knocked > self._refused_at and now - self._knocked > QUIET_S:
            self._refused_at = None
            self._found = True
        elif now - self._knocked >= KNOCK_S:
            self._knocked = now
            self._tell_names()

    def trouble(self) -> str | None:
        if self._unreachable:
            return f"There is no way to {self._where} just now. It is silent. Connect to the network again."
        if self._refused_at is not None:
            return f"Nobody listens at {self._where}. It is silent. Start the program that plays, or check its port."
        return None

    def lost_and_found(self) -> bool:
        found, self._found = self._found, False
        return found

    def close(self) -> None:
        self._flush()
        self.dropped += len(self._waiting)
        self._socket.close()

    # ------------------------------------------------------------ packets

    def _declare(self, source: int, text: str) -> None:
        if len(self._names) >= NAMES and source not in self._names:
            return
        self._names[source] = text[:128]
        for known in [head for head in self._heads if head[1] == source]:
            del self._heads[known]
        self._put(self._message("/reachnote/name", "is", source, self._names[source]))

    def _tell_names(self) -> None:
        # The program's own name too, so that there is always something to knock with.
        self._put(self._message("/reachnote/name", "is", -1, self._name))
        for source, name in list(self._names.items()):
            self._put(self._message("/reachnote/name", "is", source, name))

    def _packet(self, event: Event) -> bytes | None:
        kind, channel, a, b, source = event[:5]
        if kind == Kind.NOTE_ON or kind == Kind.CONTROL:
            return self._head(kind, source) + struct.pack(">iii", channel, a, b)
        if kind == Kind.NOTE_OFF:
            return self._head(Kind.NOTE_ON, source) + struct.pack(">iii", channel, a, 0)
        if kind == Kind.PROGRAM or kind == Kind.PRESSURE:
            return self._head(kind, source) + struct.pack(">ii", channel, a)
        if kind == Kind.BEND:
            return self._head(kind, source) + struct.pack(">ii", channel, a + 128 * b)
        if kind == Kind.LEVEL:
            return self._head(kind, source) + struct.pack(">f", (a + 128 * b) / 16383)
        return None

    def _head(self, kind: int, source: int) -> bytes:
        head = self._heads.get((kind, source))
        if head is None:
            address, tags = _SHAPES[Kind(kind)]
            name = self._names.get(source, f"sensor {source}")
            head = self._padded(address) + self._padded("," + tags) + self._padded(name)
            if len(self._heads) < 8 * NAMES:
                self._heads[kind, source] = head
        return head

    # ------------------------------------------------------------ the network

    def _put(self, packet: bytes) -> bool:
        """True when the packet left; False when there is no room for it just now. What nobody can hear is dropped."""
        for _ in range(2):
            try:
                self._socket.send(packet)
            except BlockingIOError:
                return False
            except ConnectionRefusedError:  # the answer to an earlier packet; this one was not sent
                self._refuse(self._clock())
                continue
            except OSError as problem:
                if problem.errno == errno.ENOBUFS:
                    return False
                self._unreachable = True
                self._refuse(self._clock())
                return False
            self._unreachable = False
            return True
        self.dropped += 1
        return True

    def _refuse(self, now: float) -> None:
        self._refused_at = now

    def _flush(self) -> None:
        while self._waiting and self._put(self._waiting[0]):
            self._waiting.popleft()


_SHAPES = {
    Kind.NOTE_ON: ("/reachnote/note", "siii"),
    Kind.CONTROL: ("/reachnote/control", "siii"),
    Kind.PROGRAM: ("/reachnote/program", "sii"),
    Kind.PRESSURE: ("/reachnote/pressure", "sii"),
    Kind.BEND: ("/reachnote/bend", "sii"),
    Kind.LEVEL: ("/reachnote/level", "sf"),
}
