"""`osc:PORT[,from=ADDR+ADDR][,bind=ADDR]`: boards on the network, as OSC over UDP (protocols/osc.md).

Only paired sources are heard: programs of this computer while no `from` is given, else the addresses `from` names.
The engine's thread reads; a small thread only waits for the first datagram of all, before there is anything to poll.
"""

from __future__ import annotations

import collections
import contextlib
import ipaddress
import select
import socket
import threading
import time
from collections.abc import Callable

from reachnote import osc_bodies, osc_packet
from reachnote.links import Change, Gone, LinkProblem, Opened
from reachnote.osc_packet import OscRefused

SCHEME = "osc"
EXAMPLE = "osc:9137,from=192.168.1.30"
SAYS = "boards on Wi-Fi, or any program that speaks the wire as OSC; 'from' names who is heard"

Key = tuple[str, int]

LIMIT = 2000  # packets a second from one source
BURST = 256  # datagrams a call of `read`
BUDGET_S = 0.002  # of one call of `read`: other boards wait no longer than that
SOURCES = 64
BUFFER = 4 << 20
LOST_S = 10.0  # a board that sent nothing for this long is let go
MOVED_S = 1.0  # a silent board that introduces itself from another address has moved
ASK_S = 1.0
LATE = 8  # so many late readings on end are a board that began anew
COUNTS = ("packets", "unpaired", "flooded", "refused", "unknown", "early", "late", "lost", "crowded", "unsent")


def open_link(target: str, options: dict[str, str], wake: Callable[[], None]) -> OscLink:
    """The link, bound. LinkProblem with a sentence when it cannot be."""
    port = int(target) if target.isascii() and target.isdigit() and len(target) < 6 else 0
    if not 1 <= port <= 65535:
        raise LinkProblem(f"osc: needs a port number from 1 to 65535, not '{target}'. Write for example {EXAMPLE}.")
    for key in options:
        if key not in ("from", "bind"):
            raise LinkProblem(f"osc: has no option '{key}'. It knows from and bind. Write for example {EXAMPLE}.")
    paired = {_address("from", text) for text in options.get("from", "").split("+") if text}
    away = [address for address in paired if not address.is_loopback]
    bind = _address("bind", options.get("bind") or ("0.0.0.0" if away else "127.0.0.1"))
    if away and bind.is_loopback:
        raise LinkProblem(f"osc: bound to {bind}, this computer cannot be reached from {away[0]}. Leave bind out.")
    if not paired and not bind.is_loopback:
        raise LinkProblem(f"osc: {bind} is open to the network, but nobody is paired. Name the boards: {EXAMPLE}.")
    return OscLink(port, {str(address) for address in paired}, str(bind), wake)


def _address(key: str, text: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        raise LinkProblem(
            f"osc: {key}={text} is no address. Write numbers as in {key}=192.168.1.30, several joined by +."
        ) from None


class _Source:
    """What the link keeps of one paired source."""

    def __init__(self, key: Key, now: float) -> None:
        self.key = key
        self.opened = False
        self.last = now
        self.window = now
        self.packets = 0
        self.asked = now - ASK_S
        self.uid = ""
        self.hello = b""
        self.body = b""
        self.boot = ""
        self.reader: osc_bodies.Reader | None = None
        self.seq = -1
        self.late = 0


class OscLink:
    """See reachnote.links.Link. A key is the source (address, port); `counts` holds one number for each of COUNTS."""

    network = True

    def __init__(
        self,
        port: int,
        paired: set[str],
        bind: str,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self._paired = paired
        self._wake = wake
        self._clock = clock
        self._sources: dict[Key, _Source] = {}
        self._changes: collections.deque[Change] = collections.deque()
        self._ready: list[tuple[object, bytes]] = []
        self._takes = {
            b"/reachnote/reading": self._reading,
            b"/reachnote/hello": self._hello,
            b"/reachnote/error": self._error,
            b"/reachnote/silence": self._silence,
        }
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            self._socket.setblocking(False)
            self._socket.bind((bind, port))
        except OSError as problem:
            self._socket.close()
            raise LinkProblem(_why_not(bind, port, problem)) from None
        self.port = self._socket.getsockname()[1]
        self._met = threading.Event()  # the engine polls the socket by itself now
        self._drained = threading.Event()
        self._waiter = threading.Thread(target=self._await_first, args=(self.fileno(),), name="osc-first", daemon=True)
        self._waiter.start()

    # ------------------------------------------------------------ the contract

    def fileno(self) -> int:
        return self._socket.fileno()

    def changes(self) -> list[Change]:
        if not self._met.is_set():
            self._ready += self._drain()
            self._drained.set()
        found = list(self._changes)
        self._changes.clear()
        return found

    def read(self, fileno: int = -1) -> list[tuple[object, bytes]]:
        ready, self._ready = self._ready, []
        return ready + self._drain()

    def write(self, key: object, letter: str, text: str = "") -> None:
        source = self._sources.get(key)  # type: ignore[call-overload]
        if source is None:
            return
        now = self._clock()
        if now - source.last > LOST_S:
            self._gone(source)
            self._wake()
            return
        for packet in osc_bodies.to_board(letter, text):
            self._send(source.key, packet)

    def drop(self, key: object) -> None:
        self._sources.pop(key, None)  # type: ignore[call-overload]

    def close(self) -> None:
        self._met.set()
        self._drained.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # ends the waiter's select, which would keep the port
        self._waiter.join(0.5)
        self._socket.close()

    # ------------------------------------------------------------ in

    def _await_first(self, fileno: int) -> None:
        while not self._met.is_set():
            try:
                readable = select.select([fileno], [], [], 0.2)[0]
            except (OSError, ValueError):
                return
            if readable and not self._met.is_set():
                self._drained.clear()
                self._wake()
                self._drained.wait(0.2)

    def _drain(self) -> list[tuple[object, bytes]]:
        found: list[tuple[object, bytes]] = []
        now = self._clock()
        enough = now + BUDGET_S
        for _ in range(BURST):
            try:
                data, key = self._socket.recvfrom(osc_packet.MAX_PACKET + 1)
            except BlockingIOError:
                break
            except OSError:  # an answer of the network to what was sent, or closed
                if self._socket.fileno() < 0:
                    break
                continue
            self.counts["packets"] += 1
            source = self._source(key, now)
            if source is not None:
                self._take(source, data, found, now)
            if self._clock() > enough:
                break
        return found

    def _source(self, key: Key, now: float) -> _Source | None:
        source = self._sources.get(key)
        if source is None:
            if not (key[0] in self._paired if self._paired else key[0].startswith("127.")):
                self.counts["unpaired"] += 1
                return None
            source = self._new_source(key, now)
            if source is None:
                return None
        if now - source.window >= 1.0:
            source.window = now
            source.packets = 0
        source.packets += 1
        if source.packets > LIMIT:
            self.counts["flooded"] += 1
            return None
        source.last = now
        return source

    def _new_source(self, key: Key, now: float) -> _Source | None:
        if len(self._sources) >= SOURCES:
            for other in [s for s in self._sources.values() if now - s.last > LOST_S or not s.opened]:
                self._gone(other)
        if len(self._sources) >= SOURCES:
            self.counts["crowded"] += 1
            return None
        source = self._sources[key] = _Source(key, now)
        return source

    def _gone(self, source: _Source) -> None:
        self._sources.pop(source.key, None)
        if source.opened:
            self._changes.append(Gone(source.key))

    def _take(self, source: _Source, data: bytes, found: list[tuple[object, bytes]], now: float) -> None:
        try:
            for part in osc_packet.check(data):
                take = self._takes.get(osc_packet.address_of(part))
                if take is None:
                    self.counts["unknown"] += 1
                    continue
                body = take(source, part, now)
                self._open(source)
                if body is not None:
                    found.append((source.key, body))
        except OscRefused:
            self.counts["refused"] += 1

    def _open(self, source: _Source) -> None:
        if not source.opened:
            source.opened = True
            self._changes.append(Opened(source.key, f"{source.key[0]}:{source.key[1]}", self._socket.fileno()))
            self._met.set()

    # ------------------------------------------------------------ bodies

    def _hello(self, source: _Source, part: bytes, now: float) -> bytes | None:
        if part != source.hello:
            uid, text, body = osc_bodies.hello(part)
            reader, boot = osc_bodies.read_hello(text)
            if (uid, boot) != (source.uid, source.boot):
                source.seq = -1
            source.hello, source.body, source.uid, source.boot, source.reader = part, body, uid, boot, reader
            for other in list(self._sources.values()):
                if other is not source and other.uid == uid and now - other.last >= MOVED_S:
                    self._gone(other)
        return source.body

    def _error(self, source: _Source, part: bytes, now: float) -> bytes | None:
        return osc_bodies.error(part)

    def _silence(self, source: _Source, part: bytes, now: float) -> bytes | None:
        return osc_bodies.silence(part)

    def _reading(self, source: _Source, part: bytes, now: float) -> bytes | None:
        if source.reader is None:
            self.counts["early"] += 1
            self._ask(source, now)
            return None
        try:
            seq, body = source.reader.body(source.uid, part)
        except OscRefused:
            self._ask(source, now)  # another board than the hello told of, or its wiring changed
            raise
        return body if self._in_order(source, seq, now) else None

    def _in_order(self, source: _Source, seq: int, now: float) -> bool:
        gap = (seq - source.seq - 1) & 0xFFFF
        if source.seq >= 0 and gap >= 0x8000:  # seen already, or overtaken: full state is in every reading
            source.late += 1
            if source.late < LATE:
                self.counts["late"] += 1
                return False
            self._ask(source, now)
        elif source.seq >= 0:
            self.counts["lost"] += gap
        source.late = 0
        source.seq = seq
        return True

    # ------------------------------------------------------------ out

    def _ask(self, source: _Source, now: float) -> None:
        if now - source.asked >= ASK_S:
            source.asked = now
            self._send(source.key, osc_bodies.ASK_HELLO)

    def _send(self, key: Key, packet: bytes) -> None:
        try:
            self._socket.sendto(packet, key)
        except OSError:  # full, or no way there now: the next keep-alive tries again
            self.counts["unsent"] += 1


def _why_not(bind: str, port: int, problem: OSError) -> str:
    if problem.errno == 98 or "in use" in str(problem):
        return f"Port {port} is in use by another program. Close it, or choose another port: osc:{port % 65535 + 1}."
    if problem.errno == 13:
        return f"Port {port} is reserved for the system. Choose one above 1023, for example {EXAMPLE}."
    if problem.errno == 99:
        return f"{bind} is not an address of this computer. Leave bind out, or write one of its own addresses."
    return f"Port {port} does not open on {bind} ({problem}). Choose another port, for example {EXAMPLE}."
