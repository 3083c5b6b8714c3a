"""Talking to one board without a session: who it is and what it reads, or what else is at the port. Pure.

Whoever owns the link hands in what came, with the time, and sends what `wants(now)` answers: (letter, text) of a line, or
("", text) for the bare characters.
"""

from __future__ import annotations

import re

import reachnote_wire as wire
from reachnote.board import Board
from reachnote.model import Reading

ASK_S = 0.5
HELLO_S = 2.5
"""A board that runs reachnote answers within 0.1 s; one that was plugged in a moment ago starts meanwhile."""
PROMPT_S = 1.5
"""MicroPython answers Ctrl-C at once, unless a collection or a flash write holds it."""
INTERRUPT = "\x03"
PROMPT = b">>> "
TAIL = 2048
BANNER = re.compile(rb"MicroPython (v\S+) on [^;\r\n]+; ([^\r\n]+) with ([^\r\n]+)")
UNWHOLE = b"there is no whole program on this board"  # firmware/starter.py


class Talk:
    """Keeps a board's lease and collects its `readings`; `board` knows the rest (hello, troubles)."""

    def __init__(self, now: float) -> None:
        self.board = Board()
        self.readings: list[Reading] = []
        self.restarted = False
        self._splitter = wire.Splitter()
        self._next_keep = self._next_ask = now
        self._keeps = True

    def bytes_in(self, chunk: bytes, now: float) -> None:
        """Bytes of a serial link, in any chunking."""
        self.bodies_in(self._splitter.feed(chunk), now)

    def bodies_in(self, bodies: list[bytes], now: float) -> None:
        """Bodies of a link that carries whole messages."""
        board = self.board
        for body in bodies:
            self.readings += board.take(body, now) or ()
            if board.fresh and board.hello is not None:
                board.fresh = False
                self.restarted = bool(board.numbers)
                board.numbers = list(range(len(board.hello.sensors)))

    def wants(self, now: float) -> list[tuple[str, str]]:
        """What is to be sent now."""
        found = []
        if self._keeps and now >= self._next_keep:
            self._next_keep = now + wire.KEEP_ALIVE_MS / 1000
            found.append((wire.KEEP_ALIVE, ""))
        if self.board.hello is None and now >= self._next_ask:
            self._next_ask = now + ASK_S
            found.append((wire.ASK_HELLO, ""))
        return found


class Probe(Talk):
    """Asks for a hello; where none comes and it `may_interrupt`, it looks with Ctrl-C whether MicroPython's prompt is there.

    `answer` is "" until it is known: "hello", "problem" (a hello that cannot be used: `board.problem`), "no program" (the
    board has no whole program), "prompt" (MicroPython without reachnote) or "mute". What speaks the wire is never interrupted.
    """

    def __init__(self, now: float, may_interrupt: bool) -> None:
        super().__init__(now)
        self.answer = ""
        self.stopped = False  # Ctrl-C ended a program
        self.micropython = ""
        self.chip = ""
        self._keeps = False
        self._may_interrupt = may_interrupt
        self._began = now
        self._interrupted: float | None = None
        self._tail = b""

    def bytes_in(self, chunk: bytes, now: float) -> None:
        self._tail = (self._tail + chunk)[-TAIL:]
        super().bytes_in(chunk, now)
        self._judge(now)

    def bodies_in(self, bodies: list[bytes], now: float) -> None:
        super().bodies_in(bodies, now)
        self._judge(now)

    def wants(self, now: float) -> list[tuple[str, str]]:
        self._judge(now)
        if self.answer:
            return []
        if self._interrupted is not None:
            return []
        if now - self._began < HELLO_S:
            return super().wants(now)
        self._interrupted = now
        self._tail = b""
        return [("", INTERRUPT)]

    def _judge(self, now: float) -> None:
        if self.answer:
            return
        if self.board.hello is not None:
            self.answer = "hello"
        elif self.board.problem is not None:
            self.answer = "problem"
        elif UNWHOLE in self._tail:
            self.answer = "no program"
        elif self._interrupted is None:
            if now - self._began >= HELLO_S and (self._speaks() or not self._may_interrupt):
                self.answer = "mute"
        elif self._tail.endswith(PROMPT):
            self._read_banner()
            self.answer = "prompt"
        elif now - self._interrupted >= PROMPT_S:
            self.answer = "mute"

    def _speaks(self) -> bool:
        counts = self.board.counts
        return bool(counts.lines or counts.early or counts.errors)

    def _read_banner(self) -> None:
        self.stopped = b"KeyboardInterrupt" in self._tail
        found = BANNER.search(self._tail)
        if found:
            self.micropython, _, self.chip = (part.decode("ascii", "replace") for part in found.groups())
