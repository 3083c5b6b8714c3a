"""Which program a board starts, whatever is on it. One whole program is made by the flasher's own packing."""

import pytest

import starter
from reachnote.flashing import program

OLD = {"main.mpy": b"old main", "reachnote_board/console.mpy": bytes(range(256)) * 9}
NEW = {"main.mpy": b"new main", "reachnote_board/console.mpy": bytes(range(255, -1, -1)) * 9}


def put(root, place, files, sequence):
    for name, content in {**files, "whole": program.listing(files, sequence)}.items():
        path = root / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def found(root):
    return [(sequence, place.rsplit("/", 1)[1]) for sequence, place, _ in starter.programs(f"{root}/")]


def test_the_newest_whole_program_comes_first(tmp_path):
    put(tmp_path, "program.a", OLD, 1)
    assert found(tmp_path) == [(1, "program.a")]
    put(tmp_path, "program.b", NEW, 2)
    assert found(tmp_path) == [(2, "program.b"), (1, "program.a")]
    put(tmp_path, "program.a", NEW, 10)
    assert found(tmp_path) == [(10, "program.a"), (2, "program.b")]


def test_the_build_is_the_sum_of_the_list(tmp_path):
    put(tmp_path, "program.a", OLD, 1)
    assert f"{starter.programs(f'{tmp_path}/')[0][2]:08x}" == program.build_of(program.listing(OLD, 1))


@pytest.mark.parametrize("name", ["main.mpy", "reachnote_board/console.mpy", "whole"])
def test_a_program_with_any_byte_changed_or_missing_is_not_whole(tmp_path, name):
    put(tmp_path, "program.a", OLD, 1)
    put(tmp_path, "program.b", NEW, 2)
    path = tmp_path / "program.b" / name
    good = path.read_bytes()
    step = max(1, len(good) // 60)
    for at in range(0, len(good), step):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :])
        assert found(tmp_path) == [(1, "program.a")], at
        path.write_bytes(good[:at])
        assert found(tmp_path) == [(1, "program.a")], at
    path.unlink()
    assert found(tmp_path) == [(1, "program.a")]
    path.write_bytes(good + b"more")
    assert found(tmp_path) == [(1, "program.a")]
    path.write_bytes(good)
    assert found(tmp_path) == [(2, "program.b"), (1, "program.a")]


def test_without_a_program_there_is_none(tmp_path):
    assert found(tmp_path) == []
    (tmp_path / "program.a").mkdir()
    (tmp_path / "program.a" / "whole").write_bytes(b"\xff" * 5000)
    assert found(tmp_path) == []
