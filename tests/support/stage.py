"""Everything between a switch and the far end of an output, for tests that pull at it."""

from __future__ import annotations

import os
import time

import reachnote_wire as wire
from support.boards import SWITCH, PtyBoard
from support.running import Receiver, Running, until


class Stage:
    """Boards with one switch each, a running session, and the receiver of its output."""

    def __init__(self, folder, boards: int, *more: str) -> None:
        self.receiver = Receiver()
        self.boards = [PtyBoard(f"b{n}", [SWITCH], path=str(folder / f"port{n}")) for n in range(boards)]
        for board in self.boards:
            board.stream(250)
        self.more = more
        self.start()

    def start(self) -> None:
        links = [f"serial:{board.link_path}" for board in self.boards]
        self.run = Running(links, [self.receiver.spec], *self.more).ready(len(self.boards))

    def hold(self, board: int = 0) -> None:
        """Press, and wait until it sounds."""
        sounding = len(self.receiver.sounding)
        self.boards[board].press(0, True)
        self.receiver.wait_sounding(sounding + 1)

    def rest(self, board: int = 0) -> None:
        """Everybody lets go of that board, which then streams on for a moment."""
        there = self.boards[board]
        there.edges[0] += 1
        there.packer.value[0] = wire.switch_value(0, there.edges[0], 0)
        if there.master >= 0:
            there.line()
        time.sleep(0.03)

    def cut(self, board: int = 0) -> float:
        """Pull its plug; when that was."""
        there = self.boards[board]
        there._alive = False
        there._thread.join()
        os.unlink(there.link_path)
        master, there.master = there.master, -1
        at = time.monotonic()
        os.close(master)
        return at

    def replug(self, board: int = 0) -> None:
        """Plug it in again, at another pseudo-terminal, and wait until it is heard."""
        there = self.boards[board]
        there.kept = 0
        there.plug()
        there.stream(250)
        until(lambda: there.kept, 5, "a keep-alive after replugging")
        until(lambda: there.asked, 5, "ask-hello")
        time.sleep(0.05)

    def close(self) -> None:
        self.run.stop()
        for board in self.boards:
            if board.master >= 0:
                board.close()
        self.receiver.close()
