"""The doctor: the four usual failures by name with their cures, what the computer tells of its USB, and the rule for udev."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

import reachnote_wire as wire
from reachnote import doctor, doctor_command
from reachnote.board import Hello, SensorInfo
from reachnote.board_talks import Probe
from reachnote.doctor import Answer, Facts, Place, judge, lines
from reachnote.links.serial import VENDORS
from reachnote.usb_places import RULE, Computer
from support.boards import SWITCH, hello_text
from support.usb_tree import Tree
from support.workbench import plain

RULES = Path(__file__).resolve().parents[2] / "hardware" / "common" / RULE
PORT = "/dev/ttyACM0"
NODE = "/dev/bus/usb/001/005"
PICO = Place(0x2E8A, 0x0005, "MicroPython", "Board in FS mode", "e661", NODE, (PORT,))
BLANK = Place(0x2E8A, 0x0003, "Raspberry Pi", "RP2 Boot", "E0C9", NODE)
BLANK_2 = Place(0x2E8A, 0x000F, "Raspberry Pi", "RP2350 Boot", "", NODE)
MOUSE = Place(0x046D, 0xC077, "Logitech", "USB Optical Mouse", "", "/dev/bus/usb/001/002")
HELLO = Hello(
    "e661", (SensorInfo("left", "switch"), SensorInfo("right", "switch")), firmware="0.1.0", name="Two switches", chip="rp2"
)
INSTALL = "sudo cp /p/70-reachnote.rules /etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm trigger"


def facts(*places: Place, **more) -> Facts:
    ports = [port for place in places if doctor.may_be_board(place) for port in place.ports]
    return Facts(**{"places": list(places), "ports": ports, "rule_path": f"/p/{RULE}", "version": "0.1.0", **more})


def only(told: Facts) -> doctor.Found:
    (found,) = judge(told).boards
    return found


def commands(found: doctor.Found) -> list[str]:
    return [command for _, command in found.cures if command]


# ---------------------------------------------------------------- a board that is well


def test_a_ready_board_is_one_line_and_its_state_in_words():
    report = judge(facts(PICO, MOUSE, answers={PORT: Answer("hello", HELLO)}))
    assert report.ready
    assert lines(report) == [
        "computer ──── /dev/ttyACM0 ──── Two switches (rp2, firmware 0.1.0)",
        "  It is ready: 2 sensors.",
        "  Check its wiring, sensor by sensor:",
        "      reachnote doctor --sensors",
        "",
        "A board is ready to play.",
    ]


@pytest.mark.parametrize(
    ("carries", "command"),
    [("0.0.9", "reachnote flash"), ("0.2.0", "pip install --upgrade reachnote"), ("0.10.0", "pip install --upgrade reachnote")],
)
def test_another_version_plays_and_is_said_with_the_command(carries, command):
    older = Hello("u", HELLO.sensors, firmware=carries, name="Two switches")
    found = only(facts(PICO, answers={PORT: Answer("hello", older)}))
    assert found.ready and commands(found) == [command, "reachnote doctor --sensors"]
    assert found.text == f"It is ready: 2 sensors. It carries reachnote {carries}, this computer 0.1.0."


def test_several_boards_are_counted():
    other = PICO._replace(ports=("/dev/ttyACM1",))
    report = judge(facts(PICO, other, answers={PORT: Answer("hello", HELLO), "/dev/ttyACM1": Answer("mute")}))
    assert report.ready and [board.state for board in report.boards] == ["ready", "does not answer"]
    assert lines(report)[-1] == "A board is ready to play."


# ---------------------------------------------------------------- 1: power but no data


def test_no_board_on_usb_is_a_cable_that_only_charges_and_how_to_tell():
    report = judge(facts(MOUSE))
    (found,) = report.computer
    assert not report.ready and report.boards == ()
    assert found.picture == "computer ─╳── no board"
    assert found.text.startswith("USB shows 1 other thing, but no board. Where the board's light is on")
    assert "that cable only charges" in found.text
    assert found.cures[0][0].startswith("Take another cable, one that has carried files")
    assert "BOOTSEL" in found.cures[1][0] and found.cures[1][1] == "reachnote doctor"


def test_a_computer_that_shows_no_usb_says_so():
    (found,) = judge(Facts(None, system="linux")).computer
    assert "no USB here" in found.text
    (found,) = judge(Facts(None, system="darwin")).computer
    assert "allow the accessory" in found.cures[0][0] and "not tried on a Mac yet" in found.cures[0][0]


@pytest.mark.parametrize("product", [0x000C, 0x000D, 0x0010, 0x0030])
def test_a_probe_a_hub_and_a_keyboard_of_the_same_vendor_are_no_boards(product):
    thing = Place(0x2E8A, product, "Raspberry Pi", "", "", NODE, (PORT,) if product == 0x000C else ())
    report = judge(facts(thing))
    assert report.boards == () and report.computer[0].state == "no board"


def test_the_other_socket_of_a_board_with_two_is_named():
    adapter = Place(0x10C4, 0xEA60, "Silicon Labs", "CP2102N", "", NODE, ("/dev/ttyUSB0",))
    told = judge(facts(adapter)).computer
    assert [found.state for found in told] == ["no board", "adapter"]
    assert "use the one marked USB" in told[1].text


# ---------------------------------------------------------------- 2: permission


def test_no_permission_gives_the_command_for_the_rule_and_the_group_as_the_other_way():
    told = facts(PICO, barred=frozenset([PORT]), groups={PORT: ("dialout", False)}, rule="missing")
    found = only(told)
    assert (found.state, found.text) == ("no permission", "You may not use its port yet.")
    assert found.picture == "computer ─╳── /dev/ttyACM0 ──── a board (Raspberry Pi)"
    assert commands(found) == [INSTALL, "sudo usermod -a -G dialout $USER"]


def test_a_rule_that_is_installed_is_not_asked_for_again():
    found = only(facts(PICO, barred=frozenset([PORT]), groups={PORT: ("dialout", False)}, rule="installed"))
    assert commands(found) == ["sudo usermod -a -G dialout $USER"]
    assert "The rule for boards is installed." in found.cures[0][0]


def test_who_joined_the_group_since_this_login_only_logs_out_and_in():
    found = only(facts(PICO, barred=frozenset([PORT]), groups={PORT: ("uucp", True)}, rule="missing"))
    assert found.cures == (("You are in the group uucp, but not yet in this login: log out and in.", ""),)


def test_a_board_in_boot_mode_that_may_not_be_written_to_says_both():
    found = only(facts(BLANK, barred=frozenset([NODE]), rule="missing"))
    assert found.state == "boot mode" and found.text.endswith("You may not write to it over USB yet.")
    assert commands(found) == [INSTALL, "reachnote flash --instrument NAME"]


# ---------------------------------------------------------------- 3: held by a program


def test_the_program_that_holds_the_port_is_named():
    found = only(facts(PICO, holders={PORT: "minicom (process 812)"}))
    assert (found.state, found.text) == ("in use", "It is in use by minicom (process 812). Close that program.")
    assert commands(found) == ["reachnote doctor"]


def test_a_modem_manager_that_holds_it_is_kept_away_by_the_rule():
    found = only(facts(PICO, holders={PORT: "ModemManager (process 7)"}, rule="missing"))
    assert "as a modem" in found.text and commands(found) == [INSTALL]


@pytest.mark.parametrize(("runs", "rule", "told"), [(True, "missing", 1), (True, "installed", 0), (False, "missing", 0)])
def test_a_modem_manager_without_the_rule_is_named(runs, rule, told):
    report = judge(facts(PICO, modem_manager=runs, rule=rule, answers={PORT: Answer("hello", HELLO)}))
    assert report.ready and len(report.computer) == told


def test_a_holder_that_only_root_may_see_is_found_by_a_command():
    said = f"{PORT} is in use by another program. Close that program; it is tried again until it works."
    found = only(facts(PICO, problems=[said]))
    assert (found.state, found.text) == ("in use", f"{PORT} is in use by another program. Close that program.")
    assert commands(found) == ["sudo fuser -v /dev/ttyACM0"]


# ---------------------------------------------------------------- 4: the wrong thing on it


@pytest.mark.parametrize(
    ("place", "chip", "words"),
    [(BLANK, "rp2040", "Pico (RP2040)"), (BLANK_2, "rp2350", "Pico 2 (RP2350)")],
    ids=["pico", "pico-2"],
)
def test_a_blank_board_is_named_by_its_chip_and_a_wrong_image_too(place, chip, words):
    found = only(facts(place, MOUSE, instruments={"squeeze-ball": "pico", "big-beam": "pico"}))
    assert (found.state, found.chip) == ("boot mode", chip)
    assert found.picture == f"computer ──── USB ──── {words} in boot mode"
    assert f"that program was for another chip: this one is a {words}." in found.text
    assert commands(found) == ["reachnote flash --instrument NAME"]
    assert ("NAME is its instrument: big-beam, squeeze-ball.", "") in found.cures


def test_micropython_without_reachnote_says_what_it_runs_and_what_was_stopped():
    answer = Answer("prompt", stopped=True, chip="RP2040", micropython="v1.25.0")
    found = only(facts(PICO, answers={PORT: answer}))
    assert found.text.startswith("It runs MicroPython v1.25.0, but not reachnote. What ran on it was stopped by this look")
    assert found.picture == "computer ──── /dev/ttyACM0 ──── MicroPython (RP2040)"
    assert commands(found) == ["reachnote flash --instrument NAME"]


def test_a_program_that_is_not_whole_is_written_again():
    found = only(facts(PICO, answers={PORT: Answer("no program")}))
    assert commands(found) == ["reachnote flash"]


def test_a_hello_that_does_not_fit_is_said_as_it_is():
    text = (
        "Two switches speaks version 9 of the wire; this program speaks 1. Update this program: pip install --upgrade reachnote"
    )
    found = only(facts(PICO, answers={PORT: Answer("problem", text=text)}))
    assert (found.state, found.text, found.ready) == ("does not fit", text, False)


def test_the_wiring_of_another_chip_is_not_ready():
    hello = Hello("u", HELLO.sensors, name="Big beam", instrument="big-beam", chip="esp32", firmware="0.1.0")
    found = only(facts(PICO, answers={PORT: Answer("hello", hello)}, instruments={"big-beam": "pico"}))
    assert found.state == "wrong wiring" and not found.ready
    assert "for another board (pico)" in found.text


def test_a_board_that_answers_nothing_is_woken_first_and_written_then():
    found = only(facts(PICO, answers={PORT: Answer("mute")}))
    assert found.text == "It does not answer as reachnote, nor as MicroPython."
    assert found.cures[0][0].startswith("Pull the plug, count to three, push it in. If it stays so")
    assert "BOOTSEL" in found.cures[0][0]
    esp = Place(0x303A, 0x1001, "Espressif", "USB JTAG/serial debug unit", "", NODE, (PORT,))
    assert only(facts(esp, answers={PORT: Answer("mute")})).state == "blank"


@pytest.mark.parametrize(("vendor", "product"), [(0x239A, 0x80F4), (0x2E8A, 0x000B)])
def test_circuitpython_is_named_and_never_talked_to(vendor, product):
    place = Place(vendor, product, "", "", "", NODE, (PORT,))
    assert not doctor.may_be_board(place)
    assert only(facts(place)).text == "It runs CircuitPython; reachnote needs MicroPython."


def test_a_board_without_a_port_is_said():
    found = only(facts(PICO._replace(ports=())))
    assert found.state == "no port" and commands(found) == ["sudo modprobe cdc-acm"]


# ---------------------------------------------------------------- a session runs


def test_a_running_session_is_believed_and_its_ports_are_left_alone():
    board = {"name": "Two switches", "chip": "rp2", "firmware": "0.1.0", "link": PORT, "state": "ready", "sensors": [{}, {}]}
    second = PICO._replace(ports=("/dev/ttyACM1",))
    report = judge(facts(PICO, second, session=[board, {**board, "state": "quiet", "name": "Ball", "link": "/dev/ttyACM2"}]))
    assert report.ready
    assert [found.state for found in report.boards] == ["ready", "silent", "not used"]
    assert commands(report.boards[2]) == ["reachnote stop"]


def test_the_report_is_whole_for_programs():
    said = plain(judge(facts(PICO, answers={PORT: Answer("hello", HELLO)})).as_json())
    (board,) = said["boards"]
    assert said["ready"] is True and said["computer"] == []
    assert (board["name"], board["chip"], board["port"], board["firmware"], board["state"]) == (
        "Two switches",
        "rp2",
        PORT,
        "0.1.0",
        "ready",
    )
    assert board["cures"] == [{"text": "Check its wiring, sensor by sensor:", "command": "reachnote doctor --sensors"}]


def test_nothing_but_commands_is_wider_than_the_terminal():
    told = facts(
        PICO, BLANK, barred=frozenset([PORT, NODE]), groups={PORT: ("dialout", False)}, rule="missing", modem_manager=True
    )
    assert all(len(line) < 60 for line in lines(judge(told), 60) if not line.startswith("      "))


def test_the_words_are_those_of_people():
    answers = [Answer("mute"), Answer("prompt"), Answer("no program"), Answer()]
    reports = [judge(facts(PICO, answers={PORT: answer})) for answer in answers]
    reports += [judge(facts(PICO, barred=frozenset([PORT]), rule=rule)) for rule in ("missing", "installed", "")]
    reports += [judge(facts()), judge(facts(BLANK)), judge(facts(PICO._replace(ports=())))]
    said = " ".join(line for report in reports for line in lines(report))
    assert not re.search(r"\b(error|failed|invalid|device|exception)\b", said, re.IGNORECASE)


def test_the_vendors_are_those_of_the_link():
    assert set(doctor.VENDORS) == set(VENDORS)


# ---------------------------------------------------------------- talking to a port


class At:
    """A probe and what it sent, in invented time."""

    def __init__(self, may_interrupt: bool = True) -> None:
        self.probe = Probe(0.0, may_interrupt)
        self.sent: list[tuple[str, str]] = []
        self.now = 0.0

    def to(self, now: float) -> At:
        while self.now < now:
            self.sent += self.probe.wants(self.now)
            self.now = round(self.now + 0.1, 3)
        return self


def test_a_running_board_is_asked_and_never_interrupted():
    at = At().to(0.3)
    at.probe.bytes_in(wire.frame(wire.HELLO, hello_text("u", [SWITCH])), 0.3)
    at.to(10.0)
    assert at.probe.answer == "hello" and at.sent == [(wire.ASK_HELLO, "")]


def test_a_board_that_sends_lines_and_no_hello_is_never_interrupted():
    at = At().to(1.0)
    packer = wire.Packer(1)
    packer.pack(0)
    at.probe.bytes_in(bytes(packer.buffer), 1.0)
    at.to(10.0)
    assert at.probe.answer == "mute" and {letter for letter, _ in at.sent} == {wire.ASK_HELLO}


def test_a_port_that_a_person_named_gets_no_ctrl_c():
    at = At(may_interrupt=False).to(10.0)
    assert at.probe.answer == "mute" and {letter for letter, _ in at.sent} == {wire.ASK_HELLO}


def test_a_hello_of_another_version_is_a_sentence():
    at = At().to(0.2)
    at.probe.bytes_in(wire.frame(wire.HELLO, hello_text("u", [SWITCH], wire=9)), 0.2)
    assert at.probe.answer == "problem" and "speaks version 9 of the wire" in at.probe.board.problem


def test_the_prompt_after_ctrl_c_is_micropython_without_reachnote():
    at = At().to(0.2)
    at.probe.bytes_in(b"$a8a84a297", 0.2)  # the prompt shows what is typed
    at.to(2.4)
    assert at.probe.answer == "" and ("", "\x03") not in at.sent
    at.to(2.7)
    assert at.sent.count(("", "\x03")) == 1
    at.probe.bytes_in(b"\r\n>>> ", 2.7)
    assert (at.probe.answer, at.probe.stopped) == ("prompt", False)


def test_what_ctrl_c_stopped_and_the_banner_are_read():
    at = At().to(2.7)
    at.probe.bytes_in(
        b'Traceback (most recent call last):\r\n  File "main.py", line 3, in <module>\r\nKeyboardInterrupt: \r\n', 2.7
    )
    at.probe.bytes_in(b'MicroPython v1.25.0 on 2025-04-15; Raspberry Pi Pico with RP2040\r\nType "help()" for more.\r\n>>> ', 2.8)
    assert (at.probe.answer, at.probe.stopped, at.probe.micropython, at.probe.chip) == ("prompt", True, "v1.25.0", "RP2040")


def test_a_board_that_says_nothing_at_all_is_mute_after_four_seconds():
    at = At().to(3.9)
    assert at.probe.answer == ""
    assert at.to(4.3).probe.answer == "mute"


def test_a_starter_without_a_program_says_so():
    at = At().to(0.2)
    at.probe.bytes_in(b"reachnote: there is no whole program on this board. On the computer: reachnote flash\r\n", 0.2)
    assert at.probe.answer == "no program"


def test_the_starters_words_are_the_ones_that_are_looked_for():
    from reachnote.board_talks import UNWHOLE

    assert UNWHOLE in (RULES.parents[2] / "firmware" / "starter.py").read_bytes()


# ---------------------------------------------------------------- what the computer tells


@pytest.fixture
def tree(tmp_path) -> Tree:
    return Tree(tmp_path)


def test_the_computer_names_what_is_plugged_in_with_its_ports(tree):
    tree.plug("usb1", "1d6b", "0002", 1, bDeviceClass="09")
    tree.plug(
        "1-1", "2e8a", "0005", 5, "ttyACM0", manufacturer="MicroPython", product="Board in FS mode", serial="e6614103e7452d2f"
    )
    tree.plug("1-2.3", "10c4", "ea60", 12, "ttyUSB1", how="usb-serial")
    tree.plug("1-4", "2e8a", "0003", 6)
    root = tree.root
    assert Computer(root).places() == [
        Place(
            0x2E8A,
            5,
            "MicroPython",
            "Board in FS mode",
            "e6614103e7452d2f",
            f"{root}/dev/bus/usb/001/005",
            (f"{root}/dev/ttyACM0",),
        ),
        Place(0x10C4, 0xEA60, "", "", "", f"{root}/dev/bus/usb/001/012", (f"{root}/dev/ttyUSB1",)),
        Place(0x2E8A, 3, "", "", "", f"{root}/dev/bus/usb/001/006"),
    ]


def test_a_board_that_goes_while_it_is_looked_at_is_left_out(tree):
    tree.plug("1-1", "2e8a", "0005", 5)
    (tree.root / "sys/bus/usb/devices/1-1/devnum").unlink()
    assert Computer(tree.root).places() == []


def test_a_computer_without_usb_in_its_files_does_not_know(tmp_path):
    assert Computer(tmp_path).places() is None
    assert Computer(tmp_path).rule(RULES) == ""


def test_the_rule_is_looked_for_in_every_folder_and_compared(tree):
    computer = Computer(tree.root)
    assert computer.rule(RULES) == "missing"
    (tree.root / "usr/lib/udev/rules.d").mkdir(parents=True)
    (tree.root / "usr/lib/udev/rules.d" / RULE).write_bytes(RULES.read_bytes())
    assert computer.rule(RULES) == "installed"
    (tree.root / "etc/udev/rules.d" / RULE).write_text("# older\n")
    assert computer.rule(RULES) == "older"


def test_running_programs_are_known_by_name(tree):
    tree.runs(812, "ModemManager")
    assert Computer(tree.root).runs("ModemManager") and not Computer(tree.root).runs("brltty")


@pytest.mark.parametrize(
    ("names", "wanted", "said"),
    [
        ([], "", "No board is ready. What is in the way: reachnote doctor"),
        (["Ball", "Pads"], "", "There are several boards. Write --board and one of: 'Ball', 'Pads'."),
        (["Ball", "Pads"], "Pad", "There is no board 'Pad'. There are: Ball, Pads."),
        (["Ball"], "Pad", "There is no board 'Pad'. There is: Ball."),
    ],
)
def test_which_board_is_meant_is_asked_in_one_sentence(names, wanted, said):
    with pytest.raises(doctor_command.Trouble) as trouble:
        doctor_command._chosen(names, wanted)
    assert str(trouble.value) == said
    assert doctor_command._chosen(["Ball", "Pads"], "Pads") == 1 and doctor_command._chosen(["Ball"], "") == 0


# ---------------------------------------------------------------- the rule


def rules() -> list[list[tuple[str, str, str]]]:
    """Every line of the rule as (key, operator, value)."""
    kept = [line for line in RULES.read_text("ascii").splitlines() if line and not line.startswith("#")]
    return [re.findall(r'([A-Z]+(?:\{\w+\})?)(==|!=|\+=|=)"([^"]*)"', line) for line in kept]


def carried_out(event: dict[str, str]) -> tuple[set[str], dict[str, str]]:
    """(tags, properties) that the rule gives to an event, read as udev(7) says."""
    tags: set[str] = set()
    given: dict[str, str] = {}
    for line in rules():
        wanted = [(key, how, value) for key, how, value in line if how in ("==", "!=")]
        if all(fnmatch.fnmatch(event.get(key, ""), value) == (how == "==") for key, how, value in wanted):
            for key, how, value in line:
                if key == "GOTO":
                    return tags, given
                if key == "TAG" and how == "+=":
                    tags.add(value)
                elif key.startswith("ENV{") and how == "=":
                    given[key[4:-1]] = value
    return tags, given


@pytest.mark.parametrize("vendor", [f"{vendor:04x}" for vendor in VENDORS])
def test_the_rule_gives_ports_to_who_sits_there_and_keeps_modem_manager_away(vendor):
    port = {"ACTION": "add", "SUBSYSTEM": "tty", "ATTRS{idVendor}": vendor, "ATTRS{idProduct}": "0005"}
    whole = {"ACTION": "add", "SUBSYSTEM": "usb", "ENV{DEVTYPE}": "usb_device", "ATTR{idVendor}": vendor}
    assert carried_out(port) == ({"uaccess"}, {"ID_MM_PORT_IGNORE": "1", "ID_MM_DEVICE_IGNORE": "1"})
    assert carried_out(whole) == (set(), {"ID_MM_DEVICE_IGNORE": "1"})
    assert carried_out({**port, "ACTION": "remove"}) == (set(), {})
    assert carried_out({**whole, "ENV{DEVTYPE}": "usb_interface"}) == (set(), {})


@pytest.mark.parametrize(("product", "tags"), [("0003", {"uaccess"}), ("000f", {"uaccess"}), ("0010", set()), ("0005", set())])
def test_the_rule_opens_boot_mode_and_nothing_else_of_the_vendor(product, tags):
    event = {
        "ACTION": "add",
        "SUBSYSTEM": "usb",
        "ENV{DEVTYPE}": "usb_device",
        "ATTR{idVendor}": "2e8a",
        "ATTR{idProduct}": product,
    }
    assert carried_out(event)[0] == tags


def test_the_rule_leaves_other_vendors_alone():
    for subsystem, key in (("tty", "ATTRS"), ("usb", "ATTR")):
        event = {"ACTION": "add", "SUBSYSTEM": subsystem, "ENV{DEVTYPE}": "usb_device", f"{key}{{idVendor}}": "2341"}
        assert carried_out(event) == (set(), {})


def test_the_rule_comes_before_systemds_own_and_names_its_licence():
    assert RULE < "73-seat-late.rules"
    first, *_ = RULES.read_text("ascii").splitlines()
    assert first == "# SPDX-License-Identifier: CERN-OHL-P-2.0"
    assert all(line for line in rules())
