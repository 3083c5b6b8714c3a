"""The board's wiring in two slots: after any power cut the old or the new, whatever stands in the files."""

import binascii
import errno
import json
import random
import re
import sys

import pytest

from reachnote_board import slots


def text_of(name, sensors=2, more=""):
    listed = [{"name": f"s{n}", "driver": "switch", "pin": n} for n in range(sensors)]
    return json.dumps({"format": 1, "name": name, "sensors": listed, "label": more})


@pytest.fixture
def board(tmp_path):
    """A board's files as today's boards have them: a plain wiring.json."""
    (tmp_path / "wiring.json").write_text(text_of("plain"))
    return tmp_path


def folder(board):
    return f"{board}/"


def loads(board):
    found, passed = slots.load(folder(board))
    return found["name"], passed


def store(board, name, **more):
    assert slots.write(folder(board), text_of(name, **more)) is None


def a_sentence(said):
    return said is not None and len(said) > 30 and "Errno" not in said and "Traceback" not in said and "old one stays" in said


# ---------------------------------------------------------------- power cuts, real MicroPython, littlefs and FAT


def on_flash(run_script, interpreter, *words):
    # A heap for many flashes of 96 KiB; a 32-bit one is small by default.
    said = run_script([*interpreter, "-X", "heapsize=8M"], "slots_cuts.py", *words)
    if said.startswith("no Vfs"):
        pytest.skip(f"this MicroPython was built with {said.strip()}, which the cuts are made on")
    return said


def counted(said):
    assert re.fullmatch(r"(\w+ \d+ ?)+\n", said), said
    return {word: int(number) for word, number in re.findall(r"(\w+) (\d+)", said)}


def check_cuts(said, points):
    """A cut during the very last thing done may bring the new one; a cut before it the old one."""
    found = counted(said)
    assert found["points"] == found["old"] + found["new"] == points
    assert found["neither"] == 0
    assert found["new"] > points // 40 and found["boards"] > 1


def test_after_any_of_300_cuts_the_old_or_the_new_loads_and_a_second_write_completes(micropython, run_script):
    check_cuts(on_flash(run_script, micropython, "cuts", "300", "2"), 300)


def test_the_same_with_a_boards_small_integers(micropython_32bit, run_script):
    check_cuts(on_flash(run_script, micropython_32bit, "cuts", "300", "5"), 300)


@pytest.mark.long
def test_after_any_of_10000_cuts_the_old_or_the_new_loads_and_a_second_write_completes(micropython, run_script):
    check_cuts(on_flash(run_script, micropython, "cuts", "10000", "3"), 10000)


@pytest.mark.long
def test_after_any_of_10000_cuts_on_fat_as_well(micropython, run_script):
    check_cuts(on_flash(run_script, micropython, "cuts", "10000", "3", "fat"), 10000)


def test_after_any_of_300_cuts_where_files_are_written_in_place_as_well(micropython, run_script):
    check_cuts(on_flash(run_script, micropython, "cuts", "300", "2", "fat"), 300)


def test_a_writer_that_takes_the_newest_slot_is_caught(micropython, run_script):
    assert counted(on_flash(run_script, micropython, "cuts", "300", "2", "fat", "newest"))["neither"] > 30


def test_a_writer_that_lets_go_of_the_old_one_first_is_caught(micropython, run_script):
    assert counted(on_flash(run_script, micropython, "cuts", "300", "1", "careless"))["neither"] > 30


def test_on_a_full_flash_the_old_one_stays_and_with_room_made_the_new_one_comes(micropython, run_script):
    said, before, after_restart, again, now = on_flash(run_script, micropython, "full").splitlines()
    assert a_sentence(said) and "full" in said
    assert (before, after_restart, again, now) == ("2", "2", "None", "3")


def test_main_loads_the_plain_file_then_the_newest_slot_then_says_what_it_passed_over(micropython, run_script):
    plain, newest, other = on_flash(run_script, micropython, "board").splitlines()
    assert (plain, newest) == ("plain | None", "second | None")
    assert other.startswith("first | a wiring on this board is damaged")


# ---------------------------------------------------------------- what loads


def test_a_board_with_only_a_plain_wiring_loads_it(board):
    assert loads(board) == ("plain", None)


def test_the_newest_slot_loads_and_the_one_before_it_stays(board):
    for n in range(7):
        store(board, f"w{n}")
        assert loads(board) == (f"w{n}", None)
    held = sorted(json.loads((board / name).read_bytes().split(b"\n", 1)[1])["name"] for name in slots.FILES)
    assert held == ["w5", "w6"]


def test_the_text_is_stored_as_it_is_under_a_header_for_people(board):
    store(board, "w", more="\u00e9 and \n")
    head, text = (board / "wiring.a").read_bytes().split(b"\n", 1)
    assert text.decode() == text_of("w", more="\u00e9 and \n")
    assert re.fullmatch(rb"reachnote-slot 1 00000001 %08x [0-9a-f]{8}" % len(text), head)
    assert int(head[-8:], 16) == binascii.crc32(head[:-8] + text)


def test_the_number_comes_round(board):
    for number, name in ((0xFFFFFFFE, "a"), (0xFFFFFFFF, "b")):
        text = text_of(f"old {name}").encode()
        (board / f"wiring.{name}").write_bytes(slots._header(number, text) + text)
    assert loads(board)[0] == "old b"
    store(board, "after")
    assert loads(board)[0] == "after"
    store(board, "later")
    assert loads(board)[0] == "later"


def test_no_wiring_at_all_is_an_oserror_as_before(tmp_path):
    with pytest.raises(OSError):
        slots.load(f"{tmp_path}/")
    store(tmp_path, "first")
    assert loads(tmp_path) == ("first", None)


# ---------------------------------------------------------------- bad input


def test_any_damage_to_a_slot_leaves_the_other_and_a_write_mends_it(board):
    store(board, "one")
    store(board, "two", sensors=20)
    whole = (board / "wiring.b").read_bytes()
    chance = random.Random(4)
    for _ in range(1500):
        torn = bytearray(whole)
        way = chance.randrange(5)
        if way == 0:
            del torn[chance.randrange(len(torn)) :]
        elif way == 1:
            torn[chance.randrange(len(torn))] ^= 1 << chance.randrange(8)
        elif way == 2:
            torn += chance.randbytes(chance.randrange(1, 40))
        elif way == 3:
            at = chance.randrange(len(torn))
            torn[at : at + 64] = b"\xff" * 64
        else:
            torn = bytearray(chance.randbytes(chance.randrange(3000)))
        if torn == whole:
            continue
        (board / "wiring.b").write_bytes(torn)
        name, passed = loads(board)
        assert name == "one" and len(passed) > 30
    store(board, "three")
    assert loads(board) == ("three", None)
    assert b'"one"' in (board / "wiring.a").read_bytes()


FOREIGN = [
    slots.MAGIC + b" 2 00000009 something else\n{}",
    slots.MAGIC + b" 1 00000009 \n",
    slots.MAGIC + b" " + b"9" * 9000 + b" ",
    slots.MAGIC,
    b"",
    b"\0" * 4096,
    b"\xff" * 40000,
    b"[" * 16000,
]


@pytest.mark.parametrize("found", FOREIGN, ids=range(len(FOREIGN)))
def test_foreign_slots_are_passed_over_and_never_cost_a_good_one(board, found):
    for name in slots.FILES:
        (board / name).write_bytes(found)
    name, passed = loads(board)
    assert name == "plain" and len(passed) > 30
    (board / "wiring.json").unlink()
    with pytest.raises(ValueError, match="reachnote flash"):
        slots.load(folder(board))
    store(board, "good")
    assert loads(board)[0] == "good"
    store(board, "better")
    assert loads(board) == ("better", None)


def test_a_slot_of_a_newer_format_or_a_wiring_of_one_says_update(board):
    store(board, "mine")
    newer = json.dumps({"format": 2}).encode()
    for whole in (slots.MAGIC + b" 2 00000009 xyz\n{}", slots._header(9, newer) + newer):
        (board / "wiring.b").write_bytes(whole)
        name, passed = loads(board)
        assert name == "mine" and "Update the firmware" in passed


def test_a_slot_that_is_a_folder_costs_nothing(board):
    store(board, "one")
    (board / "wiring.b").mkdir()
    assert loads(board)[0] == "one"
    assert a_sentence(slots.write(folder(board), text_of("two")))
    assert loads(board)[0] == "one"


UNUSABLE = ["", "{", "[]", '{"format": 9}', '{"format": 1}', "[" * 9000, b"\xff\xfe", text_of("x", 1, "y" * 17000)]


@pytest.mark.parametrize("text", UNUSABLE, ids=range(len(UNUSABLE)))
def test_what_is_no_wiring_is_not_stored(board, text):
    store(board, "mine")
    before = {path.name: path.read_bytes() for path in board.iterdir()}
    assert a_sentence(slots.write(folder(board), text))
    assert {path.name: path.read_bytes() for path in board.iterdir()} == before


class Slow:
    """A file whose `write` does something else."""

    def __init__(self, file, write):
        self._file, self.write = file, lambda data: write(file, data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)


def forgets(file, data):
    file.write(data[: len(data) // 2])


def fills(file, data):
    file.write(data[:100])
    raise OSError(errno.ENOSPC, "No space left on device")


def breaks(file, data):
    raise OSError(errno.EIO, "I/O error")


@pytest.mark.parametrize(("write", "says"), [(forgets, "did not keep"), (fills, "full"), (breaks, "number 5")])
def test_a_memory_that_forgets_fills_or_breaks_leaves_the_old_one(board, monkeypatch, write, says):
    store(board, "mine")

    def opened(path, mode):
        file = open(path, mode)  # noqa: SIM115  whoever asked closes it
        return Slow(file, write) if mode == "wb" else file

    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(slots, "open", opened, raising=False)
            said = slots.write(folder(board), text_of("new"))
        assert a_sentence(said) and says in said
        assert loads(board)[0] == "mine"
    store(board, "second run")
    assert loads(board) == ("second run", None)


def test_bad_slots_are_told_apart_under_micropython_as_here(micropython, run_script):
    ours = run_script([sys.executable], "slots_cuts.py", "judge")
    assert len(ours.splitlines()) > 400
    assert run_script(micropython, "slots_cuts.py", "judge") == ours
