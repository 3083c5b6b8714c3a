"""`reachnote doctor` as people run it: real ports, a real terminal, the shipped firmware with planted faults."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

import reachnote_wire as wire
from reachnote import doctor_command
from reachnote.board import Board
from reachnote.board_talks import Probe
from reachnote.doctor import Found, judge
from reachnote.hearing import Hearing
from reachnote.usb_places import RULE, Computer
from reachnote.wiring_check import resting_verdicts
from support.asking import ask, place
from support.boards import PRESSURE, SWITCH, PtyBoard
from support.running import ROOT, Receiver, Running
from support.terminal import Terminal
from support.usb_tree import Tree
from tools import firmware_image, micropython, simulate

BUSES = {"i2c0": {"sda": 4, "scl": 5, "freq": 400000}}


@pytest.fixture
def alone(tmp_path) -> dict[str, str]:
    return place(tmp_path)


@pytest.fixture
def nothing_runs(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("REACHNOTE_RUNTIME", str(tmp_path / "run"))


# ---------------------------------------------------------------- looking


class Port(PtyBoard):
    """A port that notes what is written to it; with `prompt` it answers as MicroPython's prompt does."""

    prompt = False

    def _answer(self) -> None:
        self.heard = b""
        while self._alive:
            if not select.select([self.master], [], [], 0.01)[0]:
                continue
            try:
                chunk = os.read(self.master, 4096)
            except OSError:  # nobody has it open
                time.sleep(0.01)
                continue
            self.heard += chunk
            if self.prompt:
                self.send(b"\r\n>>> " if b"\x03" in chunk else chunk.replace(b"\n", b""))


class Prompt(Port):
    prompt = True


def plugged(tree: Tree, board: PtyBoard, vendor: str, product: str, number: int) -> None:
    tree.plug(f"1-{number}", vendor, product, number, f"ttyACM{number}")
    os.symlink(board.path, tree.root / f"dev/ttyACM{number}")


def found_on(tree: Tree) -> list[Found]:
    return list(judge(doctor_command.facts_of(Computer(tree.root), [])).boards)


def test_boards_are_told_apart_and_no_other_port_is_written_to(tmp_path, nothing_runs, monkeypatch):
    tree = Tree(tmp_path)
    ready, prompt, stranger, probe, held = PtyBoard("b1"), Prompt("b2"), Port("b3"), Port("b4"), Port("b5")
    boards = {1: (ready, "2e8a", "0005"), 2: (prompt, "303a", "4001"), 3: (stranger, "2341", "0043"), 4: (probe, "2e8a", "000c")}
    try:
        for number, (board, *ids) in {**boards, 5: (held, "2e8a", "0005")}.items():
            plugged(tree, board, *ids, number)
        tree.plug("1-6", "2e8a", "000f", 6)
        holder = "Thonny (process 9)"
        monkeypatch.setattr("reachnote.links.serial.who_holds", lambda path: holder if path.endswith("ttyACM5") else None)
        assert [(board.port[-8:], board.state) for board in found_on(tree)] == [
            ("/ttyACM1", "ready"),
            ("/ttyACM2", "no reachnote"),
            ("/ttyACM5", "in use"),
            ("", "boot mode"),
        ]
        assert ready.asked >= 1 and ready.kept == 0
        assert re.sub(rb"\$a8a84a297\n", b"", prompt.heard) == b"\x03"
        assert stranger.heard == probe.heard == held.heard == b""
    finally:
        for board in (ready, prompt, stranger, probe, held):
            board.close()


def test_a_port_without_permission_is_not_opened(tmp_path, nothing_runs, monkeypatch):
    tree = Tree(tmp_path)
    board = Port("b1")
    try:
        plugged(tree, board, "2e8a", "0005", 1)
        monkeypatch.setattr(Computer, "may", lambda self, path: False)
        monkeypatch.setattr(Computer, "group", lambda self, path: ("dialout", False))
        (found,) = found_on(tree)
        rule = ROOT / "hardware" / "common" / RULE
        assert found.state == "no permission" and board.heard == b""
        assert [command for _, command in found.cures] == [
            f"sudo cp {rule} /etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm trigger",
            "sudo usermod -a -G dialout $USER",
        ]
    finally:
        board.close()


@pytest.mark.long
@pytest.mark.parametrize(
    ("program", "stopped", "chip"), [("", False, ""), ("import time\nwhile True: time.sleep_ms(50)\n", True, "RP2040")]
)
def test_the_prompt_of_a_real_board_is_known_and_what_was_stopped_for_it(program, stopped, chip):
    """MicroPython's own image on an emulated RP2040, over its USB console, in simulated seconds."""
    rp2040 = pytest.importorskip("support.rp2040", reason="the RP2040 emulator is not installed: pip install rp2040py")
    try:
        image = firmware_image.build()
    except micropython.Unavailable as why:
        pytest.skip(str(why))
    with rp2040.Pico(image) as board:
        if program:
            board.put("main.py", program)
            board.reboot()
            board.run(0.3)
        board.output.clear()
        zero, seen, probe = board.now, 0, Probe(0.0, True)
        while not probe.answer:
            for letter, text in probe.wants(board.now - zero):
                board.send(wire.frame(letter, text) if letter else text.encode())
            board.run(0.1)
            for _, data in board.output[seen:]:
                probe.bytes_in(data, board.now - zero)
            seen = len(board.output)
    assert (probe.answer, probe.stopped, probe.chip) == ("prompt", stopped, chip)


@pytest.mark.long
def test_the_shipped_firmware_is_asked_and_goes_on(tmp_path):
    board = simulate.SimulatedBoard(ROOT / "hardware" / "two-switch-box", hands={}, folder=tmp_path / "board")
    try:
        with Hearing([f"serial:{board.path}"], lambda _, now: Probe(now, True)) as hearing:
            end = time.monotonic() + 4.0
            while time.monotonic() < end:
                hearing.once()
            assert [talk.answer for heard in hearing.channels if isinstance(talk := heard.talk, Probe)] == ["hello"]
        assert board.problem() is None
    finally:
        board.close()


def test_the_command_has_code_0_for_a_ready_board_and_1_for_none(alone, tmp_path):
    board = PtyBoard("pads", path=str(tmp_path / "port"))
    try:
        answer = ask(alone, "doctor", "--link", f"serial:{tmp_path / 'port'}")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.endswith("A board is ready to play.\n") and "──── board pads" in " ".join(answer.out.split())
        assert f"reachnote doctor --link serial:{tmp_path / 'port'} --sensors" in answer.out
    finally:
        board.close()
    answer = ask(alone, "doctor", "--json", "--link", f"serial:{tmp_path / 'port'}")
    (said,) = answer.values()
    assert answer.code == 1 and said["ready"] is False
    assert said["boards"][0]["text"] == f"There is no port {tmp_path / 'port'}."
    answer = ask(alone, "doctor")
    assert answer.code in (0, 1) and "reachnote doctor" in answer.out
    assert all(len(line) < 80 for line in answer.out.splitlines() if not line.startswith("      "))


def test_a_link_that_is_none_is_one_sentence(alone):
    answer = ask(alone, "doctor", "--link", "cable")
    assert (answer.code, answer.err) == (2, "'cable' names no link. Write it as in serial:/dev/ttyACM0.\n")


def test_without_a_keyboard_the_wiring_check_says_what_to_do(alone):
    answer = ask(alone, "doctor", "--sensors")
    assert answer.code == 2 and answer.out == ""
    assert answer.err == "The wiring check needs a terminal with a keyboard. What can be told without one: reachnote doctor\n"


# ---------------------------------------------------------------- the wiring, sensor by sensor


@contextlib.contextmanager
def built(folder: Path, sensors: list[dict], hands: dict[str, dict], **more: object) -> Iterator[simulate.SimulatedBoard]:
    """The shipped firmware in a process of its own; a hand is {"moves": [(s, value), ...]} in a loop, and faults."""
    folder.mkdir(parents=True)
    told = {}
    for name, hand in hands.items():
        moves = hand.pop("moves", [(0, 0), (100, 0)])
        (folder / f"{name}.csv").write_text("t_s,value\n" + "".join(f"{t},{value}\n" for t, value in moves))
        told[name] = {**hand, "file": [str(folder / f"{name}.csv")]}
    wiring = {"format": 1, "name": "Table", "instrument": "", "rate_hz": 250, "buses": BUSES, "sensors": sensors, **more}
    board = simulate.SimulatedBoard(Path("table"), hands=told, folder=folder / "board", wiring=wiring)
    try:
        yield board
    finally:
        board.close()


BUTTON = {"name": "button", "driver": "switch", "pin": 14}
BALL = {"name": "ball", "driver": "mprls"}
PAD = {"name": "pad", "driver": "fsr", "pin": 26, "r_m_ohm": 3300}
PRESSES = {"moves": [(0, 0), (2.6, 1), (2.9, 0), (3.0, 0)], "step": True}


def test_a_good_board_has_a_good_sheet_and_code_0(alone, tmp_path):
    with built(tmp_path / "table", [BUTTON], {"button": dict(PRESSES)}) as board:
        screen = Terminal(alone, "doctor", "--sensors", "--link", f"serial:{board.path}")
        screen.until("Press the button switch now and let it go.", 15.0)
        screen.until("good: It was pressed and let go of.", 15.0)
        assert "Wiring of Table: sensor 1 of 1, button" in screen.picture
        screen.press("\n")
        assert screen.end() == 0
    assert screen.picture.splitlines() == [
        "Test sheet of Table",
        "",
        "  good         button: It was pressed and let go of.",
        "",
        "Its sensor is good.",
    ]


def test_an_absent_sensor_is_told_without_asking_and_ctrl_c_ends_it_with_the_sheet_as_one_json_object(alone, tmp_path):
    hands = {"ball": {"faults": {"absent": True}}, "button": dict(PRESSES)}
    with built(tmp_path / "table", [BALL, BUTTON], hands) as board:
        screen = Terminal(alone, "doctor", "--sensors", "--json", "--link", f"serial:{board.path}", columns=50)
        screen.until("unplugged: It does not answer, so it looks unplugged.", 15.0)
        assert "A: again" in screen.picture and all(len(line) <= 50 for line in screen.picture.splitlines())
        screen.press("\n")
        screen.until("Press the button switch", 15.0)
        screen.press("\x03")
        assert screen.end() == 1
    sheet = json.loads(screen.text[screen.text.index('{"board"') :])
    assert [(line["sensor"], line["verdict"]) for line in sheet["sensors"]] == [("ball", "unplugged"), ("button", "not checked")]
    assert sheet["good"] is False and sheet["text"] == "1 of 2 sensors needs a look: ball. Not checked: button."


PLANTED = [
    (BUTTON, {"faults": {"shorted": True}}, "shorted"),
    (BUTTON, {**PRESSES, "closed": True}, "reversed"),
    (BUTTON, {"faults": {"absent": True}}, "unplugged"),
    (BALL, {"moves": [(0, 101325), (9, 101325)], "faults": {"stuck": True}}, "stuck"),
    (PAD, {"faults": {"absent": True}}, "unplugged"),
    (PAD, {"faults": {"saturated": True}}, "shorted"),
    ({"name": "slide", "driver": "voltage", "pin": 27, "rails": "none"}, {"moves": [(0, 0.5), (9, 0.5)], "noise": 2400}, "noisy"),
    ({"name": "slide", "driver": "voltage", "pin": 27, "rails": "none"}, {"faults": {"absent": True}}, "noisy"),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("sensor", "hand", "verdict"), PLANTED, ids=[f"{sensor['name']}-{verdict}" for sensor, _, verdict in PLANTED]
)
def test_a_planted_fault_is_named(alone, tmp_path, sensor, hand, verdict):
    with built(tmp_path / "table", [sensor], {sensor["name"]: dict(hand)}) as board:
        screen = Terminal(alone, "doctor", "--sensors", "--link", f"serial:{board.path}")
        screen.until(f" {verdict}: ", 30.0)
        screen.press("\n")
        assert screen.end() == 1
    assert f"1 of 1 sensor needs a look: {sensor['name']}." in screen.picture


@pytest.mark.long
def test_pins_are_named_where_the_instrument_is_known(alone, tmp_path):
    sensors = simulate.wiring_of(ROOT / "hardware" / "two-switch-box")["sensors"]
    hands = {"left": {}, "right": {"moves": [(0, 0), (5.5, 1), (5.9, 0), (6.0, 0)], "step": True}}
    with built(tmp_path / "box", sensors, hands, instrument="two-switch-box") as board:
        screen = Terminal(alone, "doctor", "--sensors", "--link", f"serial:{board.path}")
        screen.until("Press the left switch now and let it go.", 15.0)
        screen.until("wrong one: right moved instead: left and right are swapped.", 15.0)
        screen.until("left is on pin GP14, right on pin GP15.", 1.0)
        screen.press("q")
        assert screen.end() == 1


@pytest.mark.long
def test_a_board_that_is_pulled_out_in_the_middle_is_waited_for(alone, tmp_path):
    with built(tmp_path / "table", [BUTTON], {"button": dict(PRESSES)}) as board:
        screen = Terminal(alone, "doctor", "--sensors", "--link", f"serial:{board.path}")
        screen.until("Press the button switch", 15.0)
        board.unplug()
        screen.until("Table is silent: push its plug in. Nothing goes on without it.", 10.0)
        board.plug()
        screen.until("good: It was pressed and let go of.", 20.0)
        assert screen.end() == 0


# ---------------------------------------------------------------- beside a session


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    there = Receiver()
    yield there
    there.close()


def test_a_running_session_is_asked_and_its_boards_are_left_in_peace(receiver):
    board = PtyBoard("pads", [SWITCH, SWITCH, PRESSURE])
    board.stream(250)
    try:
        with Running([f"serial:{board.path}"], [receiver.spec]) as run:
            run.ready(1)
            answer = ask(run.env, "doctor", "--json")
            (said,) = answer.values()
            assert (answer.code, said["boards"][0]["state"], said["boards"][0]["name"]) == (0, "ready", "board pads")
            screen = Terminal(run.env, "doctor", "--sensors")
            screen.until("A session runs and goes on, so what you touch sounds.", 10.0)
            screen.until("Press the s0 switch now and let it go.", 10.0)
            board.press(0, True)
            time.sleep(0.2)
            board.press(0, False)
            screen.until("good: It was pressed and let go of.", 5.0)
            screen.press("q")
            assert screen.end() == 1
            assert run.status()["boards"][0]["state"] == "ready"
    finally:
        board.unplug()


@pytest.mark.long
def test_beside_a_session_too_a_swapped_pair_is_named(receiver):
    board = PtyBoard("pads", [SWITCH, SWITCH])
    board.stream(250)
    try:
        with Running([f"serial:{board.path}"], [receiver.spec]) as run:
            run.ready(1)
            screen = Terminal(run.env, "doctor", "--sensors")
            for asked, other in ((0, 1), (1, 0)):
                screen.until(f"Press the s{asked} switch now and let it go.", 10.0)
                board.press(other, True)
                time.sleep(0.2)
                board.press(other, False)
                screen.until(f"wrong one: s{other} moved instead: s{asked} and s{other} are swapped.", 5.0)
                screen.press("\n")
            assert screen.end() == 1
    finally:
        board.unplug()


@pytest.mark.long
def test_a_session_that_ends_meanwhile_is_a_sentence_and_code_3(receiver):
    board = PtyBoard("pads", [SWITCH])
    board.stream(250)
    try:
        with Running([f"serial:{board.path}"], [receiver.spec]) as run:
            run.ready(1)
            screen = Terminal(run.env, "doctor", "--sensors")
            screen.until("Press the s0 switch", 10.0)
            assert run.stop() == 0
            assert screen.end() == 3
            assert "The session has ended meanwhile, so the check ended with it." in " ".join(screen.text.split())
    finally:
        board.unplug()


# ---------------------------------------------------------------- at rest


@pytest.mark.long
def test_the_sheet_at_rest_of_a_board_with_two_faults(tmp_path):
    hands = {"ball": {"faults": {"absent": True}}, "button": {"faults": {"shorted": True}}, "pad": {}}
    with built(tmp_path / "table", [BALL, BUTTON, PAD], hands) as there:
        talk, readings = Board(), []
        talk.numbers = [0, 1, 2]
        fd = os.open(there.path, os.O_RDWR | os.O_NOCTTY)
        try:
            tty.setraw(fd)
            splitter = wire.Splitter()
            end = time.monotonic() + 2.6
            kept = 0.0
            while time.monotonic() < end:
                if time.monotonic() > kept:
                    kept = time.monotonic() + 0.5
                    os.write(fd, wire.frame(wire.KEEP_ALIVE))
                if select.select([fd], [], [], 0.02)[0]:
                    for body in splitter.feed(os.read(fd, 8192)):
                        readings += talk.take(body, time.monotonic()) or ()
        finally:
            os.close(fd)
    assert talk.hello is not None
    sheet = resting_verdicts(talk.hello, readings, 2.2, said=talk.said)
    assert [line.verdict for line in sheet.lines] == ["unplugged", "shorted", "good"]
    assert sheet.text == "2 of 3 sensors need a look: ball, button."
