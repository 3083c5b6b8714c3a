"""`reachnote calibrate` in a terminal, a hand before the sensor, a session that plays meanwhile."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import threading
import time

import pytest

from reachnote import profiles
from reachnote.profile import current
from support.boards import PtyBoard
from support.running import PATHS, Receiver, Running, until

HAND = {"kind": "distance", "unit": "mm", "min": 30, "max": 4000, "rest": 800, "reach": 100, "name": "hand", "rate_hz": 50}


class Hand:
    """Moves a board's sensor: 500 mm at rest, easy movements to 200 mm while `plays`."""

    def __init__(self, board: PtyBoard) -> None:
        self.board = board
        self.plays = False
        self.nearest = 200.0
        self._alive = True
        self._thread = threading.Thread(target=self._move, daemon=True)
        self._thread.start()

    def _move(self) -> None:
        began, n = time.monotonic(), 0
        while self._alive:
            t = time.monotonic() - began
            if not self.plays:
                began = time.monotonic()
            phase = t % 1.6
            share = ease(phase / 0.25) - ease((phase - 0.8) / 0.3) if self.plays else 0.0
            n += 1
            self.board.packer.value[0] = int(500 - (500 - self.nearest) * share) + (n * 7 % 5 - 2)
            time.sleep(0.02)

    def stop(self) -> None:
        self._alive = False
        self._thread.join()


class Terminal:
    """The command behind a pseudo-terminal of 80 columns: what it shows, and a keyboard."""

    def __init__(self, environment: dict[str, str], *words: str) -> None:
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "reachnote", "calibrate", *words], environment)

    def read(self, seconds: float = 0.05) -> None:
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                return

    @property
    def picture(self) -> str:
        """The last picture without its orders to the terminal."""
        last = re.split(r"\x1b\[\d+F", self.text)[-1]
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", last)

    def until(self, words: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while words not in self.picture:
            assert time.monotonic() < end, f"'{words}' never came; the terminal shows:\n{self.picture}"
            self.read()

    def press(self, key: str) -> None:
        os.write(self.fd, key.encode())

    def end(self) -> int:
        end = time.monotonic() + 15.0
        while time.monotonic() < end:
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read(0.02)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"the command did not end:\n{self.picture}")


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setenv("REACHNOTE_CLIENTS", str(tmp_path / "clients"))
    board = PtyBoard("beam1", [HAND])
    board.stream(250)
    hand = Hand(board)
    yield board, hand
    hand.stop()
    board.unplug()


@pytest.fixture
def receiver():
    there = Receiver()
    yield there
    there.close()


def ease(u: float) -> float:
    u = min(max(u, 0.0), 1.0)
    return u * u * u * (10 - 15 * u + 6 * u * u)


@pytest.mark.long
def test_a_guided_calibration_is_kept_and_plays_at_once_and_next_time(table, receiver):
    board, hand = table
    with Running([f"serial:{board.path}"], [receiver.spec]) as run:
        run.ready(1)
        screen = Terminal({**run.env, "TERM": "xterm"}, "--client", "K7")
        screen.until("Let the client rest", 10.0)
        screen.until("Play! A movement that feels easy.", 15.0)
        hand.plays = True
        began = time.monotonic()
        screen.until("A few quick ones", 30.0)
        assert receiver.notes_on(began), "what the client shows sounds at once"
        screen.press("\n")
        screen.until("Was each note meant?", 5.0)
        screen.press("y")
        screen.until("1 meant, 0 not", 5.0)
        screen.press("\n")
        screen.until("Enter: keep", 5.0)
        screen.press("\n")
        assert screen.end() == 0
        hand.plays = False
        assert "Kept for k7." in screen.text
        made = current(profiles.load("k7", "board beam1"), "hand")
        assert made.rest == pytest.approx(500.0, abs=4.0)
        assert made.span == pytest.approx(-300.0, rel=0.1)
        assert made.mode == "guided"
        until(lambda: run.status()["boards"][0]["sensors"][0]["calibrated"], 5.0, "the calibration plays")
        time.sleep(0.5)
        assert receiver.sounding == {}
    with Running([f"serial:{board.path}"], [receiver.spec], "--client", "k7") as again:
        again.ready(1)
        assert again.status()["boards"][0]["sensors"][0]["calibrated"] is True


@pytest.mark.long
def test_leaving_in_the_middle_keeps_nothing_and_no_note(table, receiver):
    board, hand = table
    with Running([f"serial:{board.path}"], [receiver.spec]) as run:
        run.ready(1)
        screen = Terminal({**run.env, "TERM": "xterm"}, "--client", "k7")
        screen.until("Play! A movement that feels easy.", 15.0)
        hand.plays = True
        receiver.wait_sounding(1, 10.0)
        screen.press("q")
        assert screen.end() == 0
        hand.plays = False
        assert profiles.clients() == []
        until(lambda: not run.status()["boards"][0]["sensors"][0]["calibrated"], 5.0, "the sensor's own range")
        receiver.wait_sounding(0, 5.0)


@pytest.mark.long
def test_a_recording_is_calibrated_without_the_client(table, receiver, tmp_path):
    board, hand = table
    recording = tmp_path / "session.jsonl"
    with Running([f"serial:{board.path}"], [receiver.spec], "--record", str(recording)) as run:
        run.ready(1)
        time.sleep(9.0)
        hand.plays = True
        time.sleep(8.0)
        hand.plays = False
    words = ["--from", str(recording), "--rest", "0.5-8.5", "--client", "k7", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "reachnote", "calibrate", *words], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": PATHS}
    )
    found = json.loads(done.stdout)
    assert (done.returncode, found["kept"], found["sensor"]) == (0, 1, "hand")
    assert found["rest"] == pytest.approx(500.0, abs=4.0)
    assert found["span"] == pytest.approx(-300.0, rel=0.1)


def test_without_a_terminal_a_sentence_says_what_to_do():
    done = subprocess.run(
        [sys.executable, "-m", "reachnote", "calibrate"], capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": PATHS}
    )
    assert done.returncode == 2
    assert done.stderr == "Calibrating needs a terminal with a keyboard. From a recording: reachnote calibrate --from JOURNAL\n"


@pytest.mark.long
def test_without_a_session_one_is_begun_and_ended_with_it(table, receiver, tmp_path):
    board, hand = table
    here = {"REACHNOTE_RUNTIME": str(tmp_path / "run"), "REACHNOTE_STATE": str(tmp_path / "state")}
    words = ["--link", f"serial:{board.path}", "--out", receiver.spec, "--mode", "while-playing"]
    screen = Terminal({**os.environ, **here, "PYTHONPATH": PATHS, "TERM": "xterm"}, *words)
    screen.until("Free play.", 20.0)
    hand.plays = True
    screen.until("3 movements", 30.0)
    screen.press("\n")
    screen.until("Was each note meant?", 10.0)
    screen.press("\n")
    screen.until("Enter: keep", 5.0)
    screen.press("\n")
    assert screen.end() == 0
    hand.plays = False
    assert "It plays until the session ends. To keep it, name a client" in screen.text
    asked = subprocess.run(
        [sys.executable, "-m", "reachnote", "silence"], capture_output=True, env={**os.environ, **here, "PYTHONPATH": PATHS}
    )
    assert asked.returncode == 3
    receiver.wait_sounding(0, 5.0)


def test_a_session_that_ends_meanwhile_and_a_second_window_are_sentences(table, receiver):
    board, _ = table
    with Running([f"serial:{board.path}"], [receiver.spec]) as run:
        run.ready(1)
        screen = Terminal({**run.env, "TERM": "xterm"}, "--client", "k7")
        screen.until("Let the client rest", 10.0)
        second = Terminal({**run.env, "TERM": "xterm"})
        assert second.end() == 1
        assert "board beam1, hand is being calibrated in another window." in second.text
        assert run.stop() == 0
        assert screen.end() == 3
        assert "The session has ended meanwhile, so nothing was kept." in screen.text
    assert profiles.clients() == []


@pytest.mark.long
def test_a_board_that_goes_in_the_middle_is_said_and_nothing_goes_on_without_it(table, receiver):
    board, _ = table
    with Running([f"serial:{board.path}"], [receiver.spec]) as run:
        run.ready(1)
        screen = Terminal({**run.env, "TERM": "xterm"}, "--client", "k7")
        screen.until("Let the client rest", 10.0)
        board.stream(0)
        screen.until("board beam1 is silent: push its plug in.", 10.0)
        for _ in range(8):
            screen.press("\n")
            screen.read(0.1)
        screen.until("Let the client rest", 2.0)
        board.stream(250)
        screen.until("Play! A movement that feels easy.", 20.0)
        screen.press("q")
        assert screen.end() == 0
