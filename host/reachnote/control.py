"""Control: the process that answers `protocols/control.md` on a local socket, so that watching costs the engine nothing.

python -m reachnote.control FRAMES_FD COMMANDS_FD SOCKET_PATH
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import selectors
import signal
import socket
import sys
import time

from reachnote import runtime
from reachnote.ledger import Ledger
from reachnote.model import Event, Kind, Move
from reachnote.pipe import Unpacker
from reachnote.records import frames
from reachnote.session import MAX_SENSORS

LINE_LIMIT = 16 * 1024
CLIENTS = 32
BACKLOG = 256 * 1024
FASTEST_HZ = 60
COMMANDS = ("status", "feed", "silence", "record", "order", "client", "listen", "last", "stop")
KINDS = {Kind.NOTE_ON: "on", Kind.NOTE_OFF: "off"}
SENT = {Kind.CONTROL: "control", Kind.PROGRAM: "program", Kind.PRESSURE: "pressure", Kind.BEND: "bend"}
SENT_S = 0.1  # between two lines of what was sent beside notes
MOST_SENT = 256


class Client:
    """One connection. What a slow reader cannot take is dropped, levels first, and counted."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.period = 0.0
        self.next_levels = 0.0
        self.feeding = False
        self.listens = ""
        self.dropped = 0
        self._in = b""
        self._out = bytearray()

    def lines(self) -> list[bytes] | None:
        """Whole lines that came, None when the connection is over."""
        try:
            chunk = self.sock.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not chunk:
            return None
        *lines, self._in = (self._in + chunk).split(b"\n")
        return None if len(self._in) > LINE_LIMIT else lines

    def say(self, thing: dict, must: bool = True) -> None:
        if len(self._out) > BACKLOG or (self._out and not must):
            self.dropped += 1
            return
        self._out += json.dumps(thing).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            while self._out:
                del self._out[: self.sock.send(self._out[:65536])]

    @property
    def waiting(self) -> bool:
        return bool(self._out)


class Control:
    def __init__(self, source: int, commands: int, path: str) -> None:
        self._source = source
        self._commands = commands
        self._path = path
        self._cutter = frames.from_engine_to_control()
        self._clients: dict[int, Client] = {}
        self._state: dict = {}
        self._names: dict[int, str] = {}
        self._figures: dict = {}
        self._news: list[dict] = []
        self._ledger = Ledger()
        self._unpacker = Unpacker()
        self._levels = self._map()
        self._selector = selectors.DefaultSelector()
        self._selector.register(source, selectors.EVENT_READ, self._from_engine)
        self._sent: dict[tuple, int] = {}  # (channel, word, number) -> value, since the last line
        self._next_sent = 0.0
        self._ended = False
        self._server = self._listen()

    def run(self) -> None:
        while not self._ended:
            wait = min((c.next_levels for c in self._clients.values() if c.period), default=time.monotonic() + 1.0)
            if self._sent:
                wait = min(wait, self._next_sent)
            for key, _ in self._selector.select(max(wait - time.monotonic(), 0.0)):
                key.data(key.fd)
            now = time.monotonic()
            if self._sent and now >= self._next_sent:
                self._next_sent = now + SENT_S
                self._feed({"feed": "sent", "sent": [[*place, value] for place, value in self._sent.items()]})
                self._sent.clear()
            for client in self._clients.values():
                if client.waiting:
                    client.flush()
                if client.period and now >= client.next_levels:
                    client.next_levels = max(client.next_levels + client.period, now)
                    client.say({"feed": "levels", "time": round(now, 4), "levels": self._now_levels()}, must=False)
        self._server.close()
        with contextlib.suppress(OSError):
            os.unlink(self._path)

    # ------------------------------------------------------------ engine

    def _from_engine(self, fd: int) -> None:
        chunk = os.read(fd, 1 << 16)
        if not chunk:
            self._feed({"feed": "news", "news": "ended", "text": "The session has ended."})
            self._ended = True
            return
        for (kind, _), data in self._cutter.feed(chunk):
            if kind == frames.WORDS:
                self._words(json.loads(data))
            elif kind == frames.EVENTS:
                self._events(data)
            elif kind == frames.READINGS:
                self._readings(data)
            elif kind == frames.GESTURES:
                for sensor, move, zone, strength, at in frames.unpack_gestures(data):
                    gesture = {"sensor": self._name(sensor), "move": Move(move).name.lower(), "zone": zone}
                    self._feed({"feed": "gesture", **gesture, "strength": round(strength, 3), "time": round(at, 4)})

    def _readings(self, data: bytes) -> None:
        found: dict[str, list] = {}
        for sensor, at, raw, status in frames.unpack_readings(data):
            found.setdefault(self._name(sensor), []).append([round(at, 5), raw, status])
        for name, readings in found.items():
            for client in self._clients.values():
                if client.listens == name:
                    client.say({"feed": "readings", "sensor": name, "readings": readings})

    def _words(self, thing: dict) -> None:
        if "state" in thing:
            self._state = thing["state"]
            for board in self._state.get("boards", []):
                for sensor in board["sensors"]:
                    self._names[sensor["number"]] = f"{board['name']}/{sensor['name']}"
        elif thing.get("news", {}).get("news") == "figures":
            self._figures = {k: v for k, v in thing["news"].items() if k != "news"}
            self._feed({"feed": "figures", **self._figures})
        elif "news" in thing:
            self._news = [*self._news[-49:], thing["news"]]
            self._feed({"feed": "news", **thing["news"]})

    def _events(self, data: bytes) -> None:
        # The same ledger as the outlet's, so that what is shown is what sounds.
        for event, text in self._unpacker.feed(data):
            for played in self._ledger.take(event, text):
                self._note(played)

    def _note(self, event: Event) -> None:
        kind = Kind(event.kind)
        if kind in SENT:
            self._other(kind, event)
            return
        word = KINDS.get(kind)
        if word:
            self._feed(
                {
                    "feed": "note",
                    "note": word,
                    "sensor": self._name(event.source),
                    "channel": event.channel,
                    "key": event.a,
                    "velocity": event.b,
                    "time": round(event.time, 4),
                }
            )

    def _other(self, kind: Kind, event: Event) -> None:
        """Of what moves all the time the latest value is told, now and then."""
        number = event.a if kind == Kind.CONTROL else 0
        value = event.b if kind == Kind.CONTROL else event.a | event.b << 7 if kind == Kind.BEND else event.a
        place = (event.channel, SENT[kind], number)
        if place in self._sent or len(self._sent) < MOST_SENT:
            self._sent[place] = value

    def _name(self, sensor: int) -> str:
        return self._names.get(sensor, str(sensor))

    def _now_levels(self) -> dict[str, float]:
        return {name: round(self._levels[number], 3) for number, name in self._names.items()}

    def _feed(self, thing: dict) -> None:
        for client in self._clients.values():
            if client.feeding:
                client.say(thing)

    # ------------------------------------------------------------ clients

    def _listen(self) -> socket.socket:
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        server = socket.socket(socket.AF_UNIX)
        old = os.umask(0o077)
        try:
            server.bind(self._path)
        finally:
            os.umask(old)
        server.listen(8)
        server.setblocking(False)
        self._selector.register(server, selectors.EVENT_READ, self._accept)
        return server

    def _accept(self, _: int) -> None:
        sock, _ = self._server.accept()
        sock.setblocking(False)
        if len(self._clients) >= CLIENTS:
            sock.close()
            return
        self._clients[sock.fileno()] = Client(sock)
        self._selector.register(sock, selectors.EVENT_READ, self._from_client)

    def _from_client(self, fd: int) -> None:
        client = self._clients[fd]
        lines = client.lines()
        if lines is None:
            self._selector.unregister(client.sock)
            del self._clients[fd]
            client.sock.close()
            return
        for line in lines:
            self._asked(client, line)

    def _asked(self, client: Client, line: bytes) -> None:
        try:
            asked = json.loads(line)
            if not isinstance(asked, dict):
                raise ValueError
        except (ValueError, RecursionError):
            client.say({"id": None, "ok": False, "text": "This line is not a JSON object."})
            return
        what = asked.get("do")
        reply = {"id": asked.get("id"), "ok": True}
        if what == "status":
            reply |= {"status": self._state, "figures": self._figures, "news": self._news}
        elif what == "feed":
            rate = asked.get("levels_hz", 30)
            if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= FASTEST_HZ:
                reply = {"id": asked.get("id"), "ok": False, "text": f"levels_hz: write a number from 0 to {FASTEST_HZ}."}
            else:
                client.feeding = True
                client.period = 1.0 / rate if rate else 0.0
        elif what in ("silence", "record", "order", "client", "listen", "last", "stop"):
            order = {key: value for key, value in asked.items() if key != "id" or what == "order"}
            os.write(self._commands, json.dumps(order).encode() + b"\n")
            if what == "listen":
                client.listens = f"{asked.get('board')}/{asked.get('sensor')}"
        else:
            known = ", ".join(COMMANDS)
            reply = {"id": asked.get("id"), "ok": False, "text": f"There is no command {what!r}; known are {known}."}
        client.say(reply)

    @staticmethod
    def _map() -> memoryview:
        fd = os.open(runtime.levels_path(), os.O_RDWR)
        page = memoryview(mmap.mmap(fd, 8 * MAX_SENSORS)).cast("d")
        os.close(fd)
        return page


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Control(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
