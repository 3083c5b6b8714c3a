"""Paths of the firmware for CPython, and the real interpreters."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATHS = [str(HERE), str(ROOT / "firmware" / "desktop"), str(ROOT / "firmware"), str(ROOT / "protocols")]
for path in reversed(PATHS):
    if path not in sys.path:
        sys.path.insert(0, path)


def _tool():
    path = ROOT / "tools" / "micropython.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location("find_micropython", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _interpreter(find, bits):
    tool = _tool()
    argv = getattr(tool, find)() if tool else None
    if argv is None:
        pytest.skip(tool.why_not(bits) if tool else "tools/micropython.py is not there: no MicroPython was looked for")
    return argv


@pytest.fixture(scope="session")
def micropython():
    """argv of a real MicroPython unix interpreter."""
    return _interpreter("find", 64)


@pytest.fixture(scope="session")
def micropython_32bit():
    """argv of one whose small integers have 31 bits, as on a board."""
    return _interpreter("find_32bit", 32)


@pytest.fixture
def run_script():
    """Runs a script of this folder under an interpreter, with the firmware's paths; returns what it printed."""
    def run(argv, script, *words):
        paths = ":".join(PATHS)
        environment = dict(os.environ, MICROPYPATH=paths, PYTHONPATH=paths, PYTHONDONTWRITEBYTECODE="1")
        command = [*argv, str(HERE / script), *words]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    return run
