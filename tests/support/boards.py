"""A board at the other end of a real pseudo-terminal, moved by the test line by line.

The lines are made by the wire's own packer; only the sensors and the board's clock are the test's.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
import tty

import reachnote_wire as wire

SWITCH = {"kind": "switch"}
PRESSURE = {"kind": "pressure", "min": 0, "max": 1000, "rest": 0, "reach": 1000}
DISTANCE = {"kind": "distance", "unit": "mm", "min": 0, "max": 4000, "rest": 500, "reach": 50}


def hello_text(uid: str, sensors: list[dict], boot: str = "1", **more: object) -> str:
    named = [{"name": f"s{n}", **sensor} for n, sensor in enumerate(sensors)]
    return wire.ascii_json({"wire": 1, "uid": uid, "boot": boot, "name": f"board {uid}", "rate_hz": 250, "sensors": named, **more})


class PtyBoard:
    """Answers keep-alive and ask-hello on a thread; `line()` sends one reading line now."""

    def __init__(self, uid: str = "b1", sensors: list[dict] | None = None, path: str | None = None) -> None:
        self.uid = uid
        self.sensors = sensors or [SWITCH, SWITCH]
        self.boot = "1"
        self.packer = wire.Packer(len(self.sensors))
        self.edges = [0] * len(self.sensors)
        self.link_path = path
        self.asked = 0
        self.kept = 0
        self.master = -1
        self.plug()

    # ------------------------------------------------------------ plugging

    def plug(self) -> None:
        """A new pseudo-terminal; `link_path`, if given, points at it as a device name would."""
        self.master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(slave)
        os.close(slave)
        if self.link_path:
            new = f"{self.link_path}.new"
            with contextlib.suppress(OSError):
                os.unlink(new)
            os.symlink(self.path, new)
            os.replace(new, self.link_path)
        self._alive = True
        self._steady = 0.0
        self._line = threading.Lock()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Pull the plug: the pseudo-terminal goes, as a device does."""
        self._alive = False
        self._thread.join()
        if self.link_path:
            with contextlib.suppress(OSError):
                os.unlink(self.link_path)
        os.close(self.master)
        self.master = -1

    close = unplug

    # ------------------------------------------------------------ lines

    def press(self, sensor: int, pressed: bool = True, age_us: int = 0) -> None:
        """Change a switch and send the line of it."""
        self.edges[sensor] += 1
        self.packer.value[sensor] = wire.switch_value(pressed, self.edges[sensor], age_us)
        self.line()

    def move(self, sensor: int, raw: int, status: int = wire.OK) -> None:
        self.packer.value[sensor] = raw
        self.packer.status[sensor] = status
        self.line()

    def line(self) -> None:
        with self._line:  # a board has one hand: no line overtakes another
            self.packer.pack(time.monotonic_ns() // 1000 & wire.TIME_MASK)
            self.send(bytes(self.packer.buffer))

    def send(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self.master, data)

    def hello(self) -> None:
        self.send(wire.frame(wire.HELLO, hello_text(self.uid, self.sensors, self.boot)))

    def stream(self, rate_hz: float) -> None:
        """Send a line `rate_hz` times a second from now on; 0 stops (a board that hangs with its port open)."""
        self._steady = 1.0 / rate_hz if rate_hz else 0.0

    def _answer(self) -> None:
        splitter = wire.Splitter()
        due = time.monotonic()
        while self._alive:
            wait = min(max(due - time.monotonic(), 0.0), 0.01) if self._steady else 0.01
            ready, _, _ = select.select([self.master], [], [], wait)
            if ready:
                with contextlib.suppress(OSError):
                    for body in splitter.feed(os.read(self.master, 4096)):
                        self._heard(body)
                if not splitter:
                    return
            now = time.monotonic()
            if self._steady and now >= due and self.kept:
                self.age(int(self._steady * 1e6))
                self.line()
                due = max(due + self._steady, now - 0.02)
            elif not self._steady:
                due = now

    def age(self, step_us: int) -> None:
        """Let the age of every switch's last edge grow by one line period."""
        for n, sensor in enumerate(self.sensors):
            if sensor["kind"] == "switch":
                pressed, edges, age = wire.read_switch(self.packer.value[n])
                self.packer.value[n] = wire.switch_value(pressed, edges, age + step_us)

    def _heard(self, body: bytes) -> None:
        if body[:1] == b"k":
            self.kept += 1
        elif body[:1] == b"a":
            self.asked += 1
            self.hello()
