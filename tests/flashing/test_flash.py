"""`reachnote flash` on a board with a real file system under real MicroPython; see support.prompt_board for what is stood in for."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path

import pytest

import reachnote_wire as wire
from reachnote import flash_command, instruments
from reachnote.__main__ import main
from reachnote.flashing import FlashProblem, compiling, program, steps
from reachnote.flashing.prompt import Prompt
from support.prompt_board import PromptBoard
from tools import micropython

ROOT = Path(__file__).resolve().parents[2]
SWITCHES = instruments.wiring_of(ROOT / "hardware" / "two-switch-box")
TABLE = instruments.wiring_of(ROOT / "hardware" / "mixed-table")
NO_PROGRAM = b"there is no whole program on this board"


@pytest.fixture(scope="module")
def argv():
    return micropython.find(prepare=True) or pytest.skip(micropython.why_not())


@pytest.fixture
def board(argv, tmp_path):
    """board(wiring) plugs one in whose flash lies in tmp_path."""
    made = []

    def plug(wiring=SWITCHES, **more):
        for old in made:
            if old._alive:
                old.close()
        made.append(PromptBoard(argv, tmp_path, wiring, **more))
        return made[-1]

    yield plug
    for old in made:
        if old._alive:
            old.close()


def flashed(port, wiring, test_s=0.0):
    with Prompt(port, 10) as prompt:
        return steps.flash(prompt, wiring, lambda *_: None, test_s, 10)[0]


def said_alone(port, seconds=8.0):
    """The hello of the board as it comes up by itself, or what it prints instead."""
    splitter, heard = wire.Splitter(), b""
    with Prompt(port, 5) as prompt:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            prompt.say(wire.frame(wire.KEEP_ALIVE) + wire.frame(wire.ASK_HELLO))
            chunk = prompt.listen(0.05)
            heard += chunk
            for body in splitter.feed(chunk):
                if body[:1] == b"h":
                    return json.loads(body[1:])
            if NO_PROGRAM in heard:
                return NO_PROGRAM
            if heard.endswith(b">>> "):
                break
    return heard


def image_of(folder):
    return hashlib.sha256((folder / "flash.img").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def old_flash(argv, tmp_path_factory):
    """A board that plays an older program with the wiring of the two switches."""
    folder = tmp_path_factory.mktemp("old")
    real = compiling.program_files
    older = real("x64")
    older["reachnote_board/old.mpy"] = b"only in the older one"
    with PromptBoard(argv, folder, SWITCHES) as it, pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "program_files", lambda march: older)
        outcome = flashed(it.path, SWITCHES)
    return folder / "flash.img", outcome.build


# ---------------------------------------------------------------- what is right in the end


def test_a_blank_board_plays_after_one_run_and_a_second_run_writes_nothing(board, tmp_path):
    port = board().path
    first = flashed(port, SWITCHES, 0.3)
    assert (first.place, first.wrote, first.hello.name, first.hello.build) == ("program.a", True, "Two switches", first.build)
    assert len(first.readings) > 60 and {reading.status for reading in first.readings} == {wire.OK}
    before = image_of(tmp_path)
    second = flashed(port, SWITCHES)
    assert (second.build, second.wrote) == (first.build, False)
    assert image_of(tmp_path) == before


def test_every_byte_on_the_board_is_the_compiled_program(board):
    port = board().path
    place = flashed(port, SWITCHES).place
    files = compiling.program_files("x64")
    with Prompt(port, 5) as prompt:
        prompt.enter()
        there = prompt.files()
        assert {name for name in there if not name.endswith("/")} == {
            *(f"{place}/{name}" for name in files),
            f"{place}/whole",
            "main.py",
            "wiring.a",
            "wiring.new",
        } - {"wiring.new"}
        for name, content in files.items():
            assert prompt.get(f"{place}/{name}") == content
        assert prompt.get("main.py") == (ROOT / "firmware" / "starter.py").read_bytes()


def test_it_comes_up_by_itself_after_the_power_was_gone(board):
    port = board().path
    build = flashed(port, SWITCHES).build
    hello = said_alone(board().path)
    assert (hello["name"], hello["build"]) == ("Two switches", build)


def test_an_update_goes_where_the_playing_program_is_not_and_keeps_the_wiring(board, old_flash, tmp_path):
    shutil.copy(old_flash[0], tmp_path / "flash.img")
    outcome = flashed(board().path, None)
    assert (outcome.place, outcome.wiring_kept, outcome.hello.name) == ("program.b", True, "Two switches")
    assert outcome.build != old_flash[1]


def test_another_instrument_on_the_same_board_changes_only_its_wiring(board):
    it = board(TABLE)
    first = flashed(it.path, SWITCHES)
    second = flashed(it.path, TABLE)
    assert (second.place, second.build, second.wrote) == (first.place, first.build, True)
    assert [sensor.name for sensor in second.hello.sensors] == ["button", "ball", "hand"]


def test_a_board_that_was_filled_by_hand_keeps_its_wiring_and_loses_the_old_files(board):
    port = board().path
    with Prompt(port, 5) as prompt:
        prompt.enter()
        prompt.put("main.py", b"print('by hand')\n")
        for name, content in compiling.program_files("x64").items():
            if name != "main.mpy":
                prompt.put(name, content)
        prompt.put("wiring.json", json.dumps({**SWITCHES, "name": "By hand"}).encode())
        prompt.put("songs.txt", b"the maker's own")
    outcome = flashed(port, None)
    assert outcome.hello.name == "By hand"
    with Prompt(port, 5) as prompt:
        prompt.enter()
        tops = {name.split("/")[0] for name in prompt.files()}
        assert tops == {"main.py", "program.a", "wiring.a", "songs.txt", "host"}


# ---------------------------------------------------------------- what goes wrong


def cut_and_mend(plug, cut, wanted, allowed):
    """Flash with the power cut at that write; the board must come up as one of `allowed`, and a second run complete."""
    it = plug(cut_at=cut)
    try:
        flashed(it.path, wanted)
        came_through = True
    except FlashProblem as problem:
        assert "same command again" in str(problem) or "gives no" in str(problem), problem
        came_through = False
    if came_through:
        return False
    found: bytes | dict = b""
    for _ in range(4):  # what a board prints before its port is read is lost, as at a terminal
        found = found or said_alone(plug().path, 3.0)
    got = found if isinstance(found, bytes) else (found["name"], found["build"])
    assert got in allowed, (cut, got)
    again = flashed(plug().path, wanted)
    assert again.hello.name == wanted["name"]
    return True


NEW = {**SWITCHES, "name": "New name"}


@pytest.fixture(scope="module")
def new_build(argv, tmp_path_factory, old_flash):
    folder = tmp_path_factory.mktemp("new")
    shutil.copy(old_flash[0], folder / "flash.img")
    with PromptBoard(argv, folder, SWITCHES) as it:
        return flashed(it.path, NEW).build


def test_a_power_cut_while_updating_leaves_the_old_or_the_new_and_a_second_run_completes(
    board, old_flash, new_build, tmp_path
):
    old, was = old_flash
    allowed = {("Two switches", was), ("Two switches", new_build), ("New name", new_build)}
    seen = 0
    for cut in (1, 35, 70, 95):
        shutil.copy(old, tmp_path / "flash.img")
        seen += cut_and_mend(board, cut, NEW, allowed)
    assert seen >= 3


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_power_cut_at_any_write_of_an_update_leaves_the_old_or_the_new(board, old_flash, new_build, tmp_path):
    old, was = old_flash
    allowed = {("Two switches", was), ("Two switches", new_build), ("New name", new_build)}
    seen = 0
    for cut in range(1, 1000):
        shutil.copy(old, tmp_path / "flash.img")
        if not cut_and_mend(board, cut, NEW, allowed):
            break
        seen += 1
    print(f"{seen} cuts, each followed by a start without a computer and a second run")
    assert seen > 80


def test_a_power_cut_on_a_blank_board_leaves_the_lamp_and_a_second_run_completes(board, tmp_path):
    first_start = (b"MicroPython stand-in\r\n>>> ",)  # before anything of ours is there
    for cut in (1, 40):
        (tmp_path / "flash.img").unlink(missing_ok=True)
        assert cut_and_mend(board, cut, SWITCHES, {NO_PROGRAM, *first_start})


def test_a_full_board_says_so_and_plays_what_it_had(board, old_flash, tmp_path):
    shutil.copy(old_flash[0], tmp_path / "flash.img")
    port = board().path
    with Prompt(port, 10) as prompt:
        prompt.enter()
        prompt.run(
            "b=bytes(4096)\nfor size in (16,4,1):\n n=0\n try:\n  while True:\n   with open('%d-%d.wav'%(size,n),'wb') as f:\n"
            "    for _ in range(size): f.write(b)\n   n+=1\n except OSError: pass"
        )
    with pytest.raises(FlashProblem, match=r"memory is full.*What was on it still plays.*mpremote"):
        flashed(port, NEW)
    found = said_alone(board().path)
    assert (found["name"], found["build"]) == ("Two switches", old_flash[1])
    with Prompt(board().path, 10) as prompt:
        prompt.enter()
        prompt.remove([name for name in prompt.files() if name.endswith(".wav")])
    assert flashed(board().path, NEW).hello.name == "New name"


def test_a_board_that_is_pulled_out_says_plug_it_in_again(board):
    it = board()
    with Prompt(it.path, 5) as prompt:
        prompt.enter()
        it.close()
        with pytest.raises(FlashProblem, match=r"is gone. Plug it in again. Then give the same command again"):
            prompt.put("x", bytes(9000))


def test_a_port_that_another_program_holds_is_named(board):
    port = board().path
    with Prompt(port, 5), pytest.raises(FlashProblem, match=r"is in use by .*Close that program; then give the command again"):
        Prompt(port, 5)


def test_a_board_without_a_wiring_wants_to_know_its_instrument(board):
    with pytest.raises(FlashProblem, match=r"has no wiring yet.*reachnote flash --instrument hardware/NAME"):
        flashed(board().path, None)


def test_a_board_that_cannot_load_our_bytecode_is_told_what_to_do():
    with pytest.raises(FlashProblem, match=r"too old or too new.*--image FILE"):
        compiling.march_of(5 | 2 << 8 | 4 << 10)
    assert compiling.march_of(4870) == "armv6m"


# ---------------------------------------------------------------- the command


@pytest.fixture
def command(board, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REACHNOTE_CLIENTS", str(tmp_path / "clients"))

    def run(*words):
        code = main(["flash", "--patience", "5", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_command_flashes_tests_and_writes_a_profile_that_opens_in_one_action(board, command, tmp_path, capsys):
    code, out, err = command("--instrument", "two-switch-box", "--port", board().path, "--client", "k7", "--name", "Blue pads")
    assert (code, err) == (0, "")
    assert [line.split()[-1] for line in out.splitlines()[:4]] == ["done"] * 4
    assert "Blue pads is ready." in out and "reachnote clients open k7-blue-pads.reachnote.json" in out
    assert out.count("It rests as it should.") == 2
    assert main(["clients", "open", "k7-blue-pads.reachnote.json"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "k7 on Blue pads is ready."
    assert main(["clients", "open", "k7-blue-pads.reachnote.json"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "k7 on Blue pads is kept here already and stays as it is."


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(board, command, tmp_path):
    port = board().path
    with Prompt(port, 5) as prompt:
        prompt.enter()  # its file system is made
    before = image_of(tmp_path)
    code, out, _ = command("--instrument", "two-switch-box", "--port", port, "--dry-run")
    assert (code, image_of(tmp_path)) == (0, before)
    assert out == f"The board at {port}: would write the program, write the wiring. Nothing was written.\n"
    command("--instrument", "two-switch-box", "--port", port, "--no-test")
    code, out, _ = command("--instrument", "two-switch-box", "--port", port, "--dry-run")
    assert out == f"The board at {port} has all of it already. Nothing was written.\n"


def test_json_says_every_step_and_one_result(board, command):
    code, out, _ = command("--instrument", "two-switch-box", "--port", board().path, "--json")
    things = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert list(dict.fromkeys(thing["step"] for thing in things[:-1])) == ["program", "wiring", "restart", "test"]
    assert things[-1]["result"] == "ok" and things[-1]["instrument"] == "two-switch-box"
    assert [line["verdict"] for line in things[-1]["sheet"]["sensors"]] == ["good", "good"]


def test_the_wrong_chip_is_refused_before_anything_is_written(board, command, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(ROOT / "hardware" / "two-switch-box", folder)
    toml = folder / "instrument.toml"
    toml.write_text(toml.read_text().replace('board = "pico"', 'board = "pico-2"'))
    port = board().path
    with Prompt(port, 5) as prompt:
        prompt.enter()  # its file system is made
    before = image_of(tmp_path)
    code, _, err = command("--instrument", str(folder), "--port", port)
    assert (code, image_of(tmp_path)) == (1, before)
    assert err.startswith("This board is a Raspberry Pi Pico with RP2040, but the instrument is built with a Pico 2 (RP2350). Nothing")


def test_a_typing_mistake_in_the_instrument_is_named_before_any_board_is_looked_for(command, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(ROOT / "hardware" / "two-switch-box", folder)
    toml = folder / "instrument.toml"
    toml.write_text(toml.read_text().replace("pin = ", "pni = ", 1))
    code, _, err = command("--instrument", str(folder))
    assert code == 1 and "instrument.toml: sensor 1" in err and "'pni'" in err and "Did you mean 'pin'?" in err


def test_an_unknown_instrument_names_the_nearest(command):
    code, _, err = command("--instrument", "two-switch-bx")
    assert code == 1 and "There is no instrument two-switch-bx" in err and "Did you mean 'two-switch-box'?" in err


def test_another_one_like_the_board_that_is_plugged_in(argv, board, command, tmp_path, monkeypatch):
    one = board()
    flashed(one.path, {**SWITCHES, "name": "Blue pads"})
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    with PromptBoard(argv, other_folder, SWITCHES) as other:
        ports = iter([[one.path], [one.path, other.path], [one.path, other.path]])
        monkeypatch.setattr(flash_command, "board_ports", lambda: next(ports))
        monkeypatch.setattr(flash_command.boot_mode, "find", lambda: [])
        code, out, err = command("--again", "--no-test")
        assert (code, err) == (0, "")
        assert "It will be another two-switch-box called Blue pads 2. Now the new board:" in out
        assert said_alone(other.path)["name"] == "Blue pads 2"
        assert said_alone(one.path)["name"] == "Blue pads"


def test_several_boards_are_named_and_none_is_written(command, monkeypatch):
    monkeypatch.setattr(flash_command, "board_ports", lambda: ["/dev/ttyACM0", "/dev/ttyACM1"])
    monkeypatch.setattr(flash_command.boot_mode, "find", lambda: [])
    code, _, err = command("--instrument", "two-switch-box")
    assert code == 1
    assert err == "Several boards are plugged in: /dev/ttyACM0, /dev/ttyACM1. Unplug all but one, or name one with --port.\n"


def test_no_board_says_how_to_make_one_wait(command, monkeypatch):
    monkeypatch.setattr(flash_command, "board_ports", list)
    monkeypatch.setattr(flash_command.boot_mode, "find", lambda: [])
    code, out, _ = command("--instrument", "two-switch-box", "--json")
    assert code == 1
    said = json.loads(out)["text"]
    assert "hold the button marked BOOTSEL while you plug in the cable" in said and "only charges" in said


# ---------------------------------------------------------------- the program as a set


def test_a_program_goes_where_the_newest_is_not():
    assert program.next_place([]) == ("program.a", 1)
    assert program.next_place([(1, "program.a")]) == ("program.b", 2)
    assert program.next_place([(7, "program.b"), (6, "program.a")]) == ("program.a", 8)
