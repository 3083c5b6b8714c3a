"""`reachnote desk` as people run it, the way in that a browser takes, and an open page without a browser."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from support.boards import PRESSURE, SWITCH, PtyBoard
from support.running import Receiver, Running, until

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/enter\?token=(\S+)")


class Desk(Running):
    """`reachnote desk` (or another command, `first`) with a board of switches, boards of `pressure` sensors each, and a receiver."""

    def __init__(
        self, folder: Path, *more: str, first: str = "desk", browser: str = "", sensors: int = 2, pressure: tuple[int, ...] = ()
    ) -> None:
        self._first = first
        self._browser = browser
        self.board = PtyBoard("pads", [SWITCH] * sensors, path=str(folder / "port"))
        self.ribbons = [
            PtyBoard(f"ribbon{n}", [PRESSURE] * many, path=str(folder / f"ribbon{n}")) for n, many in enumerate(pressure)
        ]
        self.boards = [self.board, *self.ribbons]
        for board in self.boards:
            board.stream(250)
        self.receiver = Receiver()
        self.began = time.monotonic()
        links = [f"serial:{board.link_path}" for board in self.boards]
        unseen = ["--no-browser"] if first == "desk" and not browser else []
        super().__init__(links, [self.receiver.spec], *unseen, *more)

    def command(self, *words: str, **how: Any) -> subprocess.Popen:
        self.env["REACHNOTE_CLIENTS"] = str(self.folder / "clients")
        self.env["BROWSER"] = self._browser
        words = (self._first, *words[1:]) if words[0] == "play" else words
        return super().command(*words, **how)

    def door(self, seconds: float = 15.0) -> Door:
        found = until(lambda: ADDRESS.search(self.said()), seconds, f"an address; it said {self.said()!r}")
        return Door(int(found[1]), found[2])  # type: ignore[index]

    def desk(self) -> int:
        return self._of("desk")

    def stop(self) -> int:
        if self._said.closed:
            return self.play.returncode
        said = self.said()
        trouble = self.folder / "run" / "trouble.txt"
        written = trouble.read_text() if trouble.exists() else ""
        code = super().stop()
        self.receiver.close()
        for board in self.boards:
            if board.master >= 0:
                board.close()
        assert "Traceback" not in said + written, said + written
        return code


class Door:
    """The way in, as a browser takes it."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.token = token
        self.host = f"127.0.0.1:{port}"
        answer = self.get(f"/enter?token={token}", cookie=False)
        assert answer[0] == 303, answer
        self.cookie = answer[1]["set-cookie"].partition(";")[0]

    def get(self, path: str, cookie: bool = True) -> tuple[int, dict[str, str], bytes]:
        asked = http.client.HTTPConnection(self.host, timeout=10)
        try:
            asked.request("GET", path, headers={"Cookie": self.cookie} if cookie else {})
            answer = asked.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            asked.close()

    def page(self, **how: Any) -> Page:
        origin = f"http://{self.host}"
        return Page(
            connect(
                f"ws://{self.host}/talk",
                origin=origin,
                additional_headers={"Cookie": self.cookie},
                compression=None,
                max_queue=None,
                **how,
            ).__enter__()
        )  # type: ignore[arg-type]


class Page:
    """An open page: `lines` is what it was told, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.lines: list[dict] = []
        self._next = 100

    def hear(self, seconds: float) -> dict | None:
        try:
            self.lines.append(json.loads(self.socket.recv(timeout=seconds)))
        except TimeoutError:
            return None
        return self.lines[-1]

    def until(self, fits: Any, seconds: float = 10.0) -> dict:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            line = self.hear(left)
            if line is not None and fits(line):
                return line
        raise AssertionError(f"never told; last {self.lines[-5:]}")

    def ask(self, do: str, **more: object) -> dict:
        self._next += 1
        number = self._next
        self.say({"id": number, "do": do, **more})
        return self.until(lambda line: line.get("id") == number and "feed" not in line)

    def say(self, thing: dict) -> None:
        self.socket.send(json.dumps(thing))

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def address_of(address: str) -> tuple[int, str]:
    found = ADDRESS.search(address)
    assert found is not None, address
    return int(found[1]), found[2]


class Busy:
    """How long this computer let a thread wait that sleeps 5 ms at a time: a board or an engine that waits as long lets go."""

    def __init__(self) -> None:
        self._most = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        before = time.monotonic()
        while not self._end.wait(0.005):
            self._most, before = max(self._most, time.monotonic() - before), time.monotonic()

    def most(self) -> float:
        """The longest since the last call, in seconds."""
        most, self._most = self._most, 0.0
        return most

    def close(self) -> None:
        self._end.set()
        self._thread.join()


def busy_s(pid: int) -> float:
    """Processor time of a process so far, all its threads."""
    cells = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK")
