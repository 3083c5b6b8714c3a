"""The room rules in pyproject.toml hold on the tree, and they notice a wall that is broken through."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("host/reachnote", "protocols/reachnote_wire", "firmware/reachnote_play")
LINT = Path(sys.executable).with_name("lint-imports")

BROKEN = [  # where, what is planted there, how the report names it
    ("reachnote/music.py", "import time", "reachnote.music -> time"),
    ("reachnote/session.py", "import os.path", "reachnote.session -> os"),
    ("reachnote/activities/planted.py", "import random", "reachnote.activities.planted -> random"),
    ("reachnote/calibration/planted.py", "import reachnote.links", "reachnote.calibration.planted -> reachnote.links"),
    ("reachnote/ledger.py", "def f():\n    import logging", "reachnote.ledger -> logging"),
    ("reachnote_wire/planted.py", "from reachnote import model", "reachnote_wire.planted -> reachnote.model"),
    ("reachnote/engine.py", "import serial", "reachnote.engine -> serial"),
    ("reachnote/outputs/planted.py", "import mido", "reachnote.outputs.planted -> mido"),
    ("reachnote/links/planted.py", "from pythonosc import udp_client", "reachnote.links.planted -> pythonosc"),
    ("reachnote/links/usb.py", "import usb.core", "reachnote.links.usb -> usb"),
    ("reachnote/links/board.py", "import mpremote.transport", "reachnote.links.board -> mpremote"),
    ("reachnote/outputs/planted.py", "import reachnote.links", "reachnote.outputs.planted -> reachnote.links"),
]  # fmt: skip


def copy_packages(folder: Path) -> Path:
    for package in PACKAGES:
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / Path(package).name, ignore=leave)
    return folder


def lint(folder: Path) -> tuple[int, str]:
    """lint-imports on the packages in `folder` by the contracts of this project."""
    # Its output names chains of any length: wide lines keep each name whole.
    surroundings = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "400", "NO_COLOR": "1"}
    argv = [str(LINT), "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    done = subprocess.run(argv, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_rules_hold_on_the_tree(tmp_path):
    status, said = lint(copy_packages(tmp_path))
    assert status == 0, said


@pytest.mark.parametrize(("where", "what", "named"), BROKEN, ids=[named for _, _, named in BROKEN])
def test_a_broken_wall_is_named(tmp_path, where, what, named):
    planted = copy_packages(tmp_path) / where
    text = planted.read_text() if planted.exists() else ""
    planted.write_text(f"{text}\n{what}\n")
    status, said = lint(tmp_path)
    assert status != 0
    assert named in said
