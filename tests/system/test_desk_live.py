"""The desk beside the notes, and its page in a real browser: what it costs, how quick it is, and that hurting it changes no note.

Every test prints its figures; with REACHNOTE_FIGURES naming a file they are added to it as JSON. They are taken by
tools/bench/desk.py, which also shows them without holding them against a limit.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable

import pytest

from support.desks import Busy, Desk
from support.figures import figures
from support.playing import Hand, Sway, ahead
from support.running import percentile, until
from tools.bench import desk as bench

pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed here"),
]

HURTS = 200
QUIET_EVERY, QUIET_S = 10, 5.0
MOST_VOID = HURTS // 4
LATEST_MS = 30.0  # of any note while a browser begins: of all of them together the last percentile is held
STALL_S = 0.04  # a board that this computer let wait as long is taken for gone, and its notes end


# ---------------------------------------------------------------- beside the notes


def test_five_pages_of_sixteen_moving_sensors_cost_at_most_a_tenth_of_a_core():
    found = bench.share()
    figures("desk_share", found)
    assert found["pages"] == 5 and found["moving"] >= 16
    assert found["levels_hz_least"] >= 57, "the pages were told less often than is claimed"
    assert found["desk_share"] <= 0.10


def test_with_five_pages_a_note_is_not_later_than_without_any():
    found = bench.note_path()
    figures("note_path", found)
    assert found["presses_alone"] >= 2000 and found["presses_beside"] >= 2000
    assert found["amiss"] <= found["presses_alone"] // 200, "this computer is too busy for a board to send in time"
    assert found["p99_more_ms"] <= 0.5


# ---------------------------------------------------------------- hurt


class Hurting:
    """The ways in which a page or its desk can be hurt. Each leaves a page that is open again, or comes back by itself."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.door = desk.door()
        self.window = bench.Apart(self.door)
        self.ways: list[Callable[[], object]] = [
            self.close_page,
            self.kill_renderer,
            self.freeze_renderer,
            self.kill_desk,
            self.freeze_desk,
        ]

    def close_page(self) -> None:
        self.window.do("again")

    def kill_renderer(self) -> None:
        for pid in self._renderers():
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        self.window.do("again", True)

    def freeze_renderer(self) -> None:
        stand_still(self._renderers())

    def kill_desk(self) -> None:
        os.kill(self.desk.desk(), signal.SIGKILL)
        until(self._answers, 20, "the next desk")

    def freeze_desk(self) -> None:
        stand_still([self.desk.desk()])

    def _renderers(self) -> list[int]:
        found = self.window.do("renderers")
        assert isinstance(found, list) and found
        return found

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.door.get("/")[0] == 200
        return False


def stand_still(pids: list[int], seconds: float = 0.4) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def brisk():
    """Threads of ours that stand for boards and hands wait for each other as shortly as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    yield
    sys.setswitchinterval(before)


def test_a_page_and_a_desk_that_are_hurt_two_hundred_times_change_no_note(brisk):
    """The browser takes the time that is left: what is shown is that nothing waits for a page, not how much a page costs."""
    with contextlib.ExitStack() as there:
        desk = there.enter_context(bench.table(*bench.APART, sensors=4, pressure=(6, 6)))
        hurting = Hurting(desk)
        there.enter_context(contextlib.closing(hurting.window))
        there.enter_context(contextlib.closing(Sway(desk.ribbons)))
        hand = there.enter_context(contextlib.closing(Hand(desk.board, desk.receiver, bench.KEYS)))
        busy = there.enter_context(contextlib.closing(Busy()))
        ahead()

        def watched(act: Callable[[], object]) -> tuple[list[float], float] | None:
            """How late the notes were meanwhile, and what this computer let a thread wait; None where it had no time for a board."""
            busy.most()
            began = time.monotonic()
            act()
            time.sleep(0.3)
            ended = time.monotonic()
            time.sleep(0.25)
            heard, stall = hand.heard(began, ended), busy.most()
            assert heard.late_ms or heard.amiss, "nobody played"
            if not heard.amiss:
                return heard.late_ms, 1000 * stall
            assert stall > STALL_S, (act, heard.amiss[:10])
            return None

        quiet: list[float] = []
        hurt: list[tuple[list[float], float, str]] = []
        void = 0
        while len(hurt) < HURTS:
            if len(hurt) % QUIET_EVERY == 0 and (found := watched(lambda: time.sleep(QUIET_S))) is not None:
                quiet += found[0]
            way = hurting.ways[len(hurt) % len(hurting.ways)]
            if (found := watched(way)) is not None:
                hurt.append((*found, way.__name__))
                continue
            void += 1
            assert void <= MOST_VOID, "this computer is too busy for a board to send in time"
        hurting.window.do("ask", "() => { frames.drawn = 0; }")
        until(lambda: int(str(hurting.window.do("ask", "frames.drawn"))) > 20, 10, "a page that goes on showing what moves")
        hand.close()
        desk.receiver.wait_sounding(0)
        assert desk.receiver.ons == desk.receiver.offs
    late = [ms for some, _, _ in hurt for ms in some]
    told = {"times": len(hurt), "void": void, "notes": len(late), "notes_quiet": len(quiet)}
    told |= {f"{way.__name__}_worst_ms": round(max(max(some) for some, _, how in hurt if how == way.__name__), 2) for way in hurting.ways}
    figures("hurt", {**told, **bench.percentiles("quiet", quiet), **bench.percentiles("hurt", late)})
    beyond = [(max(some), stall, how) for some, stall, how in hurt if max(some) > LATEST_MS + stall]
    assert beyond == [], "so late that it is heard, and later than this computer let a thread wait"
    assert percentile(late, 0.99) <= percentile(quiet, 0.99) + 0.5


# ---------------------------------------------------------------- how quick the page is


def test_from_a_board_to_the_pixel_it_takes_at_most_50_ms():
    found = bench.to_pixel()
    figures("to_pixel", found)
    assert found["bars"] == 16 and found["proof"] > 24 and found["unsure_ms"] < 2.0
    assert found["shown_of"] >= found["moves"] * 0.98
    assert found["shown_p95_ms"] <= 50.0


def test_while_sixteen_sensors_move_no_task_of_the_page_takes_longer_than_50_ms():
    found = bench.long_tasks()
    figures("long_tasks", found)
    assert found["planted"] == 1, "a long task would not be seen"
    assert found["frames_hz"] > 50, "the page did not draw what moved"
    assert found["tasks_over_50_ms"] == 0


# ---------------------------------------------------------------- silence


def test_from_esc_to_the_last_of_eight_notes_it_takes_at_most_30_ms():
    found = bench.escape()
    figures("escape", found)
    assert found["presses"] >= 200
    assert found["asked_p99_ms"] <= 30.0


def test_with_the_page_frozen_silence_works_within_100_ms():
    found = bench.silence()
    figures("silence", found)
    assert found["frozen"] >= 1
    assert found["request_worst_ms"] <= 100.0
    assert found["command_p95_ms"] <= 100.0, "from the start of the command"
