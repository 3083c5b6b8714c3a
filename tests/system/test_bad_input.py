"""Whatever arrives, is missing or is full: a person gets a sentence, playing goes on, and nothing is lost silently."""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import reachnote_wire as wire
from support.asking import OBEDIENT, Hurt, Table, ask, place
from support.boards import SWITCH, PtyBoard, hello_text
from support.running import ROOT, until
from tools import simulate


class OtherBoard(PtyBoard):
    """A board that speaks another version of the wire."""

    def __init__(self, uid: str, version: int, path: Path) -> None:
        self.version = version
        super().__init__(uid, [SWITCH], str(path))

    def hello(self) -> None:
        self.send(wire.frame(wire.HELLO, hello_text(self.uid, self.sensors, wire=self.version)))


class Holder:
    """Another program that has a port for itself."""

    CODE = """import fcntl, sys, termios
port = open(sys.argv[1])
fcntl.flock(port, fcntl.LOCK_EX)
fcntl.ioctl(port, termios.TIOCEXCL)
print(flush=True)
input()
"""

    def __init__(self, path: str) -> None:
        argv = [sys.executable, "-c", self.CODE, path]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._process.pid
        assert self._process.stdout is not None and self._process.stdout.readline() == b"\n"

    def end(self) -> None:
        self._process.communicate(b"\n", timeout=5)


class Troubled(Table):
    """A session whose good board stands beside four that cannot play and a network port."""

    def __init__(self, folder: Path) -> None:
        self.ports = {name: folder / name for name in ("newer", "older", "busy", "closed")}
        self.newer = OtherBoard("newer", 2, self.ports["newer"])
        self.older = OtherBoard("older", 0, self.ports["older"])
        self.busy = PtyBoard("busy", path=str(self.ports["busy"]))
        self.closed = PtyBoard("closed", path=str(self.ports["closed"]))
        os.chmod(self.closed.path, 0)
        self.holder = Holder(self.busy.path)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            self.osc_port = sock.getsockname()[1]
        links = [f"serial:{path}" for path in self.ports.values()] + [f"osc:{self.osc_port}"]
        super().__init__(folder, links=tuple(links), before=OBEDIENT)

    def told(self, words: str) -> str:
        """The one line with these words."""
        until(lambda: self.running.told(words), 6, f"a sentence about {words}; it said {self.running.said()}")
        (line,) = [line for line in self.running.said().splitlines() if words in line]
        return line

    def counts(self, uid: str = "pads") -> dict:
        return next(board for board in self.running.status()["boards"] if board["uid"] == uid)

    def close(self) -> int:
        code = super().close()
        for board in (self.newer, self.older, self.busy, self.closed):
            board.close()
        return code


@pytest.fixture(scope="module")
def troubled(tmp_path_factory) -> Iterator[Troubled]:
    troubled = Troubled(tmp_path_factory.mktemp("troubled"))
    yield troubled
    troubled.close()


# ---------------------------------------------------------------- lines


def test_a_board_too_new_or_too_old_says_which_side_to_update(troubled):
    newer, older = troubled.told("board newer speaks"), troubled.told("board older speaks")
    assert newer.endswith("Update this program: pip install --upgrade reachnote") and "version 2" in newer
    assert older.endswith("Update the board: reachnote flash") and "version 0" in older
    troubled.taps()


def test_damaged_and_torn_lines_are_counted_and_the_next_whole_one_plays(troubled):
    before = troubled.counts()
    good = wire.frame("r", "0001000f51e000000fff00000fff")
    for n in range(20):
        troubled.board.send(good[:9] + bytes([good[9] ^ 1]) + good[10:])
        troubled.board.send(good[: 5 + n])
    troubled.board.send(b"\xff\x00 Traceback (most recent call last):\r\n  MemoryError\r\n")
    troubled.taps(3)

    def counted() -> bool:
        now = troubled.counts()
        return now["damaged"] >= before["damaged"] + 20 and now["noise"] > before["noise"]

    until(counted, 3, "the damage in the status")
    until(lambda: troubled.counts()["state"] == "ready", 3, "the board is ready")


@pytest.mark.parametrize("noise", [b"AT+GCAP\r", b"AT\r\n\r\nERROR\r\n", b"AT+GCAP\r$r00", bytes(range(256)), b"$" * 5000])
def test_what_other_programs_type_into_the_port_plays_nothing(troubled, noise):
    played = len(troubled.receiver.notes_on())
    for cut in range(0, len(noise), 1 + len(noise) // 7):
        troubled.board.send(noise[:cut])
        troubled.board.line()
        troubled.board.send(noise[cut:] + b"\n")
    time.sleep(0.15)
    assert len(troubled.receiver.notes_on()) == played
    troubled.taps()


def test_a_board_goes_on_when_a_modem_is_looked_for_on_its_port(tmp_path):
    board = simulate.SimulatedBoard(ROOT / "hardware" / "two-switch-box", hands={}, folder=tmp_path / "board")
    running = Hurt([f"serial:{board.path}"], ["raw:/dev/null"])
    try:
        running.ready()
        fd = os.open(board.path, os.O_WRONLY | os.O_NOCTTY)
        for _ in range(20):
            os.write(fd, b"AT+GCAP\r\nATZ\r$k00000000\n$s{")
        os.close(fd)
        before = running.status()["boards"][0]["lines"]
        until(lambda: running.status()["boards"][0]["lines"] > before + 250, 5, "lines of the board")
        assert running.status()["boards"][0]["state"] == "ready" and board.problem() is None
    finally:
        running.stop()
        board.close()


# ---------------------------------------------------------------- ports


def test_a_busy_port_names_who_has_it_and_is_used_when_it_is_free(troubled):
    line = troubled.told(f"{troubled.ports['busy']} is in use")
    assert re.search(rf"in use by \S.* \(process {troubled.holder.pid}\)\. Close that program;", line)
    troubled.holder.end()
    troubled.busy.stream(100)
    troubled.told("board busy is ready")


def test_a_forbidden_port_has_the_exact_command_and_is_used_when_it_is_allowed(troubled):
    assert stat.S_IMODE(os.stat(troubled.closed.path).st_mode) == 0
    line = troubled.told(f"You may not use {troubled.ports['closed']} yet.")
    assert "Type: sudo usermod -a -G dialout $USER " in line
    os.chmod(troubled.closed.path, 0o600)
    troubled.closed.stream(100)
    troubled.told("board closed is ready")


def test_a_port_that_is_no_port_is_said(tmp_path):
    (tmp_path / "letter.txt").write_text("hello")
    answer = ask(place(tmp_path), "boards", "--link", f"serial:{tmp_path / 'letter.txt'}")
    assert answer.code == 1 and "letter.txt does not open as a serial port" in answer.err


def test_a_board_that_goes_and_returns_is_told_and_plays_again(troubled):
    troubled.holds()
    troubled.board.unplug()
    troubled.receiver.wait_sounding(0, 1)
    troubled.told("board pads is unplugged. Its sound is stopped.")
    assert next(b for b in troubled.running.status()["boards"] if b["uid"] == "pads")["state"] == "unplugged"
    troubled.board.plug()
    troubled.board.press(0, False)
    troubled.board.stream(250)
    until(lambda: troubled.counts()["state"] == "ready", 5, "the board's return")
    troubled.taps()


# ---------------------------------------------------------------- network

BUNDLE = b"#bundle\0" + bytes(8)
HOSTILE = [
    BUNDLE + b"\xff\xff\xff\xfc",  # an element of a negative size
    b"#bundle\0" + b"\xff" * 8 + b"\0\0\0\x0c/a\0\0,\0\0\0\0\0\0\0",  # meant for the year 2036
    BUNDLE + b"\0\0\xff\xff" + BUNDLE * 40,
    b"/reachnote/reading\0\0,iiiiiiii",
    b"/" + b"a" * 1400,
    b"",
    bytes(1400),
]


def test_hostile_packets_do_not_delay_a_note(troubled):
    flooding = threading.Event()
    seeded = random.Random(5)

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while not flooding.is_set():
                for packet in [*HOSTILE, seeded.randbytes(64)]:
                    with contextlib.suppress(OSError):
                        sock.sendto(packet, ("127.0.0.1", troubled.osc_port))
                time.sleep(0.005)

    thread = threading.Thread(target=flood)
    thread.start()
    took = []
    try:
        for _ in range(12):
            time.sleep(0.1)
            begun = time.monotonic()
            troubled.board.press(0)
            troubled.receiver.wait_sounding(1)
            took.append(max(troubled.receiver.sounding.values()) - begun)
            troubled.board.press(0, False)
            troubled.receiver.wait_sounding(0)
    finally:
        flooding.set()
        thread.join()
    assert sorted(took)[len(took) // 2] < 0.02 and max(took) < 0.25, took


# ---------------------------------------------------------------- files that people write


def test_an_unknown_key_of_a_scene_names_file_key_allowed_and_nearest(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('format = 1\n[[voice]]\nfor = "switch"\noctve = 3\n')
    for words in (("play", "--scene", str(path)), ("check", "--scene", str(path))):
        answer = ask(place(tmp_path), *words)
        assert answer.code in (1, 2) and answer.out == ""
        assert answer.err.startswith(f"{path}: voice 1: unknown key 'octve'; known are for, sensor, play, notes,")
        assert answer.err.endswith("Did you mean 'octave'?\n")


STRANGE = ["format = 1\nscale = ['x']\n", "[[[", "\x00", "format = 1\nvoice = 3\n", "a = 1e999999\nb = 99-99-99\n"]


@pytest.mark.parametrize("text", STRANGE)
def test_no_scene_is_a_surprise(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    answer = ask(place(tmp_path), "play", "--scene", str(path))
    assert answer.code == 2 and answer.err.startswith(f"{path}: ")


def test_an_unknown_key_of_an_instrument_names_file_key_allowed_and_nearest(tmp_path):
    (tmp_path / "box").mkdir()
    path = tmp_path / "box" / "instrument.toml"
    path.write_text('format = 1\nboard = "pico"\n[[sensor]]\nname = "left"\ndriver = "switch"\npinn = 14\n')
    argv = [sys.executable, str(ROOT / "tools" / "simulate.py"), str(path.parent)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.startswith(f"{path}: sensor 1 has an unknown key 'pinn'; known are ")
    assert done.stderr.endswith("Did you mean 'pin'?\n")
