"""What people ask of a running session: another way out, a moment again, one control to teach; and notes that nobody hears."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from support.boards import PRESSURE, PtyBoard
from support.running import Receiver, Running, until


@pytest.fixture
def table() -> Iterator[tuple[PtyBoard, Receiver, Running]]:
    board, receiver = PtyBoard(), Receiver()
    board.stream(250)
    with Running([f"serial:{board.path}"], [receiver.spec]) as run:
        run.ready(1)
        time.sleep(0.3)
        yield board, receiver, run
    board.unplug()
    receiver.close()


def came_of(session, order: str, **more: object) -> dict:
    """The news of an order."""
    session.tell({"id": "mine", "do": "order", "order": order, **more})
    deadline = time.monotonic() + 5.0
    for thing in session.follow(0.1):
        if thing is not None and thing.get("news") == "order" and thing.get("id") == "mine":
            return thing
        assert time.monotonic() < deadline, f"nothing came of {order}"
    raise AssertionError("the session is gone")


def tap(board: PtyBoard, sensor: int = 0) -> None:
    board.press(sensor)
    time.sleep(0.15)
    board.press(sensor, False)
    time.sleep(0.15)


def test_the_sound_goes_elsewhere_and_nothing_hangs(table):
    board, first, run = table
    second = Receiver()
    try:
        with run.session() as session:
            session.ask("feed", levels_hz=0)
            board.press(0)
            first.wait_sounding(1)
            said = came_of(session, "outputs", outputs=[second.spec])
            assert (said["ok"], said["text"]) == (True, f"The sound goes to {second.spec}.")
            first.wait_sounding(0)
            assert session.ask("status")["status"]["outputs"] == [{"name": "raw", "spec": second.spec}]
            board.press(0, False)
            time.sleep(0.5)
            heard = len(first.notes_on())
            tap(board)
            until(lambda: len(second.notes_on()) == 1, 5.0, "a note at the second receiver")
            assert len(first.notes_on()) == heard
            assert not came_of(session, "outputs", outputs=["nowhere:"])["ok"]
            assert not came_of(session, "outputs", outputs=[])["ok"]
            tap(board)
            until(lambda: len(second.notes_on()) == 2, 5.0, "a note after a refusal")
    finally:
        second.close()


def test_a_moment_sounds_again_and_a_journal_replays_it(table, tmp_path):
    board, receiver, run = table
    with run.session() as session:
        session.ask("feed", levels_hz=0)
        assert came_of(session, "moment") == {
            "feed": "news", "news": "order", "id": "mine", "order": "moment", "ok": False,
            "text": "Nothing was played just now, so there is nothing to play again. Play first.",
        }  # fmt: skip
        tap(board, 0)
        tap(board, 1)
        until(lambda: len(receiver.notes_off()) == 2, 5.0, "two notes")
        played = [(m.channel, m.a) for m in receiver.notes_on()]
        assert came_of(session, "moment", seconds=30)["text"] == "2 notes sound again."
        until(lambda: len(receiver.notes_off()) == 4, 5.0, "two more")
    assert [(m.channel, m.a) for m in receiver.notes_on()] == played * 2
    first, second, third, fourth = (m.time for m in receiver.notes_on())
    assert fourth - third == pytest.approx(second - first, abs=0.1)


def test_one_control_sweeps_alone_and_the_feed_shows_it(table):
    board, receiver, run = table
    with run.session() as session:
        session.ask("feed", levels_hz=0)
        assert came_of(session, "teach", channel=2, controller=74)["ok"]
        assert session.ask("status")["status"]["teaching"] == {"channel": 2, "controller": 74}
        board.press(0)
        lines, end = [], time.monotonic() + 1.2
        for thing in session.follow(0.05):
            if thing is not None and thing.get("feed") == "sent":
                lines.append(thing["sent"])
            if time.monotonic() > end:
                break
        assert came_of(session, "teach")["ok"]
    moved = [m.b for m in receiver.heard if m.status == 0xB0 and (m.channel, m.a) == (2, 74)]
    assert min(moved) <= 8 and max(moved) >= 119 and len(moved) <= 64
    assert receiver.notes_on() == []
    assert 6 <= len(lines) <= 14 and any(one[:3] == [2, "control", 74] for line in lines for one in line)


@pytest.mark.long
def test_after_a_crash_the_next_engine_goes_on_with_what_was_asked_for(table, tmp_path):
    board, first, run = table
    second = Receiver()
    (tmp_path / "low.toml").write_text("name = 'Low'\n[[voice]]\noctave = 2\nnotes = 1\n")
    try:
        with run.session() as session:
            session.ask("feed", levels_hz=0)
            name = session.ask("status")["status"]["boards"][0]["name"]
            sensors = [sensor["name"] for sensor in session.ask("status")["status"]["boards"][0]["sensors"]]
            assert came_of(session, "outputs", outputs=[second.spec])["ok"]
            assert came_of(session, "scene", name=str(tmp_path / "low.toml"))["ok"]
            assert came_of(session, "steer", board=name, sensor=sensors[1], action="softer")["ok"]
            assert came_of(session, "transpose", by=2)["ok"]
        time.sleep(3.2)
        before = run.engine()
        os.kill(before, signal.SIGKILL)
        until(lambda: run.status().get("pid") not in (None, before), 10.0, "a new engine")
        run.ready(1)
        status = run.status()
        assert status["outputs"] == [{"name": "raw", "spec": second.spec}]
        assert (status["music"]["scene"], status["music"]["transpose"]) == ("Low", 2)
        assert status["boards"][0]["sensors"][1]["steers"] == "softer"
        time.sleep(0.3)
        tap(board, 0)
        until(lambda: len(second.notes_on()) == 1, 5.0, "a note")
        assert second.notes_on()[0].a == 38 and first.notes_on() == []
    finally:
        second.close()


def test_notes_that_nobody_hears_are_said_within_five_seconds():
    board = PtyBoard()
    board.stream(250)
    try:
        with Running([f"serial:{board.path}"], ["page:"]) as run:
            run.ready(1)
            time.sleep(0.3)
            with run.session() as session:
                session.ask("feed", levels_hz=0)
                began = time.monotonic()
                tap(board)
                for thing in session.follow(0.1):
                    if thing is not None and thing.get("news") == "unheard":
                        break
                    assert time.monotonic() - began < 5.0, "nobody said it"
                assert thing["text"].startswith("Notes are played, but nothing hears them.")
    finally:
        board.unplug()


@pytest.mark.long
@pytest.mark.parametrize("said", [True, False], ids=["who says that it is done", "who is gone without a word"])
def test_what_was_tried_while_calibrating_stays_only_if_its_end_was_said(said):
    board = PtyBoard("ball", [PRESSURE])
    board.stream(250)
    try:
        with Running([f"serial:{board.path}"], ["page:"]) as run:
            run.ready(1)
            with run.session() as session:
                session.ask("feed", levels_hz=0)
                there = session.ask("status")["status"]["boards"][0]
                where = {"board": there["name"], "sensor": there["sensors"][0]["name"]}
                session.ask("listen", **where)
                assert came_of(session, "tune", **where, rest=100, span=900)["ok"]
                if said:
                    session.ask("listen", **where, on=False)
                time.sleep(5.5)
                assert session.ask("status")["status"]["boards"][0]["sensors"][0]["calibrated"] is said
    finally:
        board.unplug()
