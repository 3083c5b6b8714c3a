"""Hands on boards, each on a thread: switches that are pressed in turn, and what became of every press; sensors that sway."""

from __future__ import annotations

import bisect
import contextlib
import os
import threading
import time
from typing import NamedTuple

from reachnote import runtime
from support.boards import PtyBoard
from support.running import Heard, Receiver

SWITCHES = 4
PRESS_S = 0.125  # from one press of a switch to its next: 32 a second of all, below the guard's limits
SWAY_S = 2.0
LOW, HIGH = 200, 850  # of 1000: inside the reach, so that a level always changes


def ahead() -> None:
    """Every thread of this process comes before other work: boards, hands and synths have processors of their own."""
    runtime.hurry()
    for thread in threading.enumerate():
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread.native_id or 0, -11)


class Answered(NamedTuple):
    """What a receiver heard of some presses. `amiss` names those that did not come once, with their end."""

    late_ms: list[float]
    amiss: list[str]


class Hand:
    """Presses the first four switches of a board in turn until it is closed. `keys` are those that they play, in order."""

    def __init__(self, board: PtyBoard, receiver: Receiver, keys: list[int]) -> None:
        self._board = board
        self._receiver = receiver
        self._keys = keys
        self._presses: list[list[float]] = [[] for _ in range(SWITCHES)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        turn, due = 0, time.monotonic()
        while not self._over.wait(max(due - time.monotonic(), 0.0)):
            switch, down = turn % SWITCHES, turn // SWITCHES % 2 == 0
            if down:
                self._presses[switch].append(time.monotonic())
            self._board.press(switch, down)
            turn += 1
            due = max(due + PRESS_S / (2 * SWITCHES), time.monotonic() - 0.02)
        for switch in range(SWITCHES):
            self._board.press(switch, False)

    def heard(self, since: float, until: float) -> Answered:
        """Of the presses from `since` to `until`, which is over by now."""
        late, amiss = [], []
        ons, offs = self._receiver.notes_on(since), self._receiver.notes_off(since)
        for switch, key in enumerate(self._keys):
            began = [m for m in ons if m.a == key]
            ended = [m for m in offs if m.a == key]
            presses = list(self._presses[switch])
            first, last = bisect.bisect_left(presses, since), bisect.bisect_left(presses, until)
            for n in range(first, last):
                then = presses[n + 1] if n + 1 < len(presses) else float("inf")
                on, off = between(began, presses[n], then), between(ended, presses[n], then)
                if len(on) == len(off) == 1 and on[0].time < off[0].time:
                    late.append(1000 * (on[0].time - presses[n]))
                else:
                    times = [f"{m.status >> 4:x} {1000 * (m.time - presses[n]):.0f} ms" for m in sorted((*on, *off), key=lambda m: m.time)]
                    amiss.append(f"switch {switch}: began {len(on)} times, ended {len(off)} times: {', '.join(times)} after the press")
        return Answered(late, amiss)

    def close(self) -> None:
        self._over.set()
        self._thread.join()


def between(messages: list[Heard], since: float, until: float) -> list[Heard]:
    return [m for m in messages if since <= m.time < until]


class Sway:
    """Every pressure sensor of these boards goes up and down at an even pace, each at a place of its own, until it is closed.

    What streams is the boards' own; here the next value is laid ready. `but` sensors stay at rest, by (board, sensor).
    """

    def __init__(self, boards: list[PtyBoard], but: frozenset[tuple[int, int]] = frozenset()) -> None:
        self._places = [(board, n) for b, board in enumerate(boards) for n in range(len(board.sensors)) if (b, n) not in but]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._move, daemon=True)
        self._thread.start()

    def _move(self) -> None:
        while not self._over.wait(0.005):
            now = time.monotonic() / SWAY_S
            for k, (board, n) in enumerate(self._places):
                part = (now + k / len(self._places)) % 1.0
                board.packer.value[n] = LOW + int((HIGH - LOW) * (2 * part if part < 0.5 else 2 - 2 * part))
        for board, n in self._places:
            board.packer.value[n] = 0

    def close(self) -> None:
        self._over.set()
        self._thread.join()
