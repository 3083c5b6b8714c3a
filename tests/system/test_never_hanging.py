"""Whatever is pulled, stopped or killed: what sounds at the receiver ends, soon. Real processes, real ports, arrival times.

Limits are milliseconds at the far end of the output. This machine may be busy with other things, so a batch of repeats that
misses its limit is measured again, at most twice; every figure goes to the file that REACHNOTE_FIGURES names.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from support.running import Receiver, Running, percentile, until
from support.stage import Stage

BATCHES = 3


@pytest.fixture
def stage(tmp_path) -> Iterator[Callable[..., Stage]]:
    opened: list[Stage] = []

    def make(boards: int = 1, *more: str) -> Stage:
        opened.append(Stage(tmp_path, boards, *more))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def measured(name: str, limit_ms: float, repeats: int, once: Callable[[], float]) -> None:
    """`once` gives seconds; p99 of `repeats` of them is within `limit_ms` in one of BATCHES batches."""
    said = []
    for _ in range(BATCHES):
        figures = sorted(1000 * once() for _ in range(repeats))
        p99 = percentile(figures, 0.99)
        said.append({"what": name, "repeats": repeats, "p50_ms": round(percentile(figures, 0.5), 2), "p99_ms": round(p99, 2),
                     "max_ms": round(figures[-1], 2), "limit_ms": limit_ms})  # fmt: skip
        if where := os.environ.get("REACHNOTE_FIGURES"):
            with open(where, "a") as file:
                file.write(json.dumps(said[-1]) + "\n")
        print(said[-1])
        if p99 <= limit_ms:
            return
    raise AssertionError(said)


def paired(receiver: Receiver) -> None:
    """Every note that began has ended, and none began because of the other's end."""
    until(lambda: receiver.ons == receiver.offs, 2, f"as many offs as ons ({receiver.ons} {receiver.offs})")


# ---------------------------------------------------------------- boards


def unplugged(there: Stage) -> float:
    there.hold()
    at = there.cut()
    ended = there.receiver.ended_at() - at
    there.rest()
    there.replug()
    return ended


def test_unplugging_ends_the_note_within_20_ms(stage):
    there = stage()
    measured("unplug", 20, 20, lambda: unplugged(there))
    paired(there.receiver)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_unplugging_200_times(stage):
    there = stage()
    measured("unplug", 20, 200, lambda: unplugged(there))
    paired(there.receiver)


def test_a_board_that_stops_with_its_port_open_ends_within_100_ms(stage):
    there = stage()

    def once() -> float:
        there.hold()
        there.boards[0].stream(0)
        at = time.monotonic()
        ended = there.receiver.ended_at() - at
        there.rest()
        there.boards[0].stream(250)
        time.sleep(0.1)
        return ended

    measured("board stopped", 100, 20, once)
    paired(there.receiver)


def test_unplugging_one_of_two_boards_ends_only_its_notes(stage):
    there = stage(2)
    for _ in range(5):
        there.hold(0)
        there.hold(1)
        both = set(there.receiver.sounding)
        there.cut(0)
        there.receiver.wait_sounding(1)
        time.sleep(0.7)  # longer than any limit of the outlet's
        assert len(both & set(there.receiver.sounding)) == 1
        there.rest(1)
        there.receiver.wait_sounding(0)
        there.rest(0)
        there.replug(0)
    paired(there.receiver)


# ---------------------------------------------------------------- the engine


def engine_killed(there: Stage) -> float:
    if there.run.said().count("starts again") == 3:  # it gives up when it is killed five times in a row
        there.run.stop()
        there.start()
    there.hold()
    old = there.run.engine()
    at = time.monotonic()
    os.kill(old, signal.SIGKILL)
    ended = there.receiver.ended_at() - at
    back = until(lambda: there.run.status().get("pid") not in (None, old) and there.run.status(), 5, "the engine again")
    assert (back["client"], back["scene"]) == ("k7", "five-notes")
    until(lambda: any(b["state"] == "ready" for b in there.run.status().get("boards", [])), 5, "the board again")
    assert time.monotonic() - at < 5
    time.sleep(0.1)
    assert there.receiver.notes_on(at) == []  # still held: it does not sound by itself
    there.rest()
    there.hold()  # and it plays
    there.rest()
    there.receiver.wait_sounding(0)
    return ended


def test_killing_the_engine_ends_the_note_within_50_ms_and_it_comes_back_silent(stage):
    there = stage(1, "--client", "k7")
    measured("engine killed", 50, 5, lambda: engine_killed(there))
    paired(there.receiver)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_killing_the_engine_200_times(stage):
    there = stage(1, "--client", "k7")
    measured("engine killed", 50, 200, lambda: engine_killed(there))
    paired(there.receiver)


def test_a_stopped_engine_is_silent_within_700_ms(stage):
    there = stage()

    def once() -> float:
        there.hold()
        engine = there.run.engine()
        at = time.monotonic()
        os.kill(engine, signal.SIGSTOP)
        ended = there.receiver.ended_at() - at
        os.kill(engine, signal.SIGCONT)
        there.rest()
        time.sleep(0.2)
        return ended

    measured("engine stopped", 700, 5, once)
    paired(there.receiver)


@pytest.mark.long
def test_a_stop_of_ten_seconds_ends_everything_and_no_old_movement_sounds(stage):
    there = stage()
    board = there.boards[0]
    there.hold()
    engine = there.run.engine()
    os.kill(engine, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        assert there.receiver.ended_at() - stopped < 0.7
        for _ in range(40):  # a client goes on playing
            board.press(0, True)
            time.sleep(0.12)
            board.press(0, False)
            time.sleep(0.12)
    finally:
        time.sleep(max(0.0, stopped + 10 - time.monotonic()))
        os.kill(engine, signal.SIGCONT)
    time.sleep(1.0)
    assert there.receiver.notes_on(stopped) == []
    there.hold()
    there.rest()
    there.receiver.wait_sounding(0)
    paired(there.receiver)


# ---------------------------------------------------------------- the outlet


@pytest.mark.parametrize("which", ["worker", "keeper"])
def test_killing_the_outlet_ends_every_note_within_500_ms(stage, which):
    there = stage(2)

    def once() -> float:
        there.hold(0)
        there.hold(1)
        victim = getattr(there.run, which)()
        at = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        ended = there.receiver.ended_at() - at
        there.rest(0)
        there.rest(1)
        until(lambda: alive(there.run), 5, "an outlet again")
        time.sleep(0.2)
        there.hold(0)
        there.rest(0)
        there.receiver.wait_sounding(0)
        return ended

    def alive(run: Running) -> bool:
        with contextlib.suppress(AssertionError, OSError):
            return run.worker() != 0
        return False

    measured(f"outlet {which} killed", 500, 10, once)


# ---------------------------------------------------------------- people


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM", "reachnote stop", "kill -9 of the command"])
def test_ending_the_session_ends_the_sound_and_leaves_no_process(stage, how):
    there = stage(2)
    there.hold(0)
    there.hold(1)
    at = time.monotonic()
    if how == "reachnote stop":
        there.run.ask("stop")
    else:
        number = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM}.get(how, signal.SIGKILL)
        there.run.play.send_signal(number)
    ended = there.receiver.ended_at() - at
    code = there.run.play.wait(5)
    assert code == (-9 if how.startswith("kill") else 0)
    until(lambda: not there.run.pids(), 5, "every process gone")
    assert ended < 0.5
    paired(there.receiver)
    assert "Traceback" not in there.run.said()


def test_silence_ends_everything_and_twice_resets_the_channels(stage):
    there = stage(2)

    def once() -> float:
        there.hold(0)
        there.hold(1)
        at = time.monotonic()
        there.run.ask("silence")
        ended = there.receiver.ended_at() - at
        time.sleep(0.1)
        assert there.receiver.notes_on(at) == []
        there.rest(0)
        there.rest(1)
        return ended

    measured("silence", 50, 10, once)
    there.hold(0)
    at = time.monotonic()
    assert there.run.command("silence", "--twice").wait(5) == 0
    there.receiver.wait_sounding(0)
    time.sleep(0.1)
    said = [(m.status, m.channel, m.a, m.b) for m in there.receiver.heard if m.time > at and m.status == 0xB0 and m.channel == 2]
    assert sorted({a for _, _, a, _ in said}) == [64, 66, 67, 120, 121, 123]
    paired(there.receiver)
