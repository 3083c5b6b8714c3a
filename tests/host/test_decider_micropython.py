"""The same movement decided alike by CPython and by real MicroPython with 64-bit and with a board's small integers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import micropython

HERE = Path(__file__).resolve().parent
PATHS = os.pathsep.join(str(HERE.parents[1] / folder) for folder in ("firmware", "protocols"))


def tell(argv: list[str], *words: str) -> list[str]:
    surroundings = dict(os.environ, MICROPYPATH=PATHS, PYTHONPATH=PATHS, PYTHONDONTWRITEBYTECODE="1")
    command = [*argv, str(HERE / "decider_story.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings, timeout=100)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.fixture(params=[64, 32], ids=["64-bit", "32-bit"])
def board_like(request):
    argv = micropython.find() if request.param == 64 else micropython.find_32bit()
    if argv is None:
        pytest.skip(micropython.why_not(request.param))
    return argv


def test_every_story_is_decided_alike(board_like):
    ours = tell([sys.executable])
    assert len(ours) > 3000
    assert tell(board_like) == ours


def test_no_step_takes_from_the_heap(board_like):
    noticed, onsets = tell(board_like, "heap")
    assert noticed == "greed is noticed"
    assert int(onsets.split()[1]) > 5
