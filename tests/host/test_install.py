"""What people install is whole: a wheel carries firmware, instruments and scenes, and nothing of this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLDEST, NEWEST = (3, 11), (3, 14)  # the newest that every dependency has a wheel for

LOOK = """
import importlib.util, json, reachnote, reachnote_wire, reachnote_play
from reachnote import places
print(json.dumps({
    "version": reachnote.__version__,
    "board": importlib.util.find_spec("reachnote_board") is not None,
    "clone": places.clone() is not None,
    "main": (places.firmware() / "main.py").is_file(),
    "desktop": (places.firmware() / "desktop" / "start.py").is_file(),
    "wire": (places.wire() / "__init__.py").is_file(),
    "scenes": sorted(path.name for path in places.scenes().glob("*.toml")),
    "instruments": sorted(path.parent.name for path in places.hardware().glob("*/instrument.toml")),
    "protocols": sorted(path.name for path in places.protocols().glob("*.md")),
}))
"""


def build(folder: Path) -> Path:
    """A wheel of the current tree in `folder`, made with the build tools of this environment."""
    argv = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*argv, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True, timeout=60)
    return next(folder.glob("*.whl"))


def files(folder: Path, pattern: str) -> set[str]:
    found = (path.relative_to(folder) for path in folder.glob(pattern) if path.is_file())
    return {path.as_posix() for path in found if not any(part.startswith((".", "__pycache__")) for part in path.parts)}


def clean() -> dict[str, str]:
    """An environment without this clone in it, and without a compiler."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return kept | {"CC": "no-compiler", "CXX": "no-compiler"}


def look(python: Path, cwd: Path) -> dict:
    done = subprocess.run([python, "-c", LOOK], cwd=cwd, env=clean(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_whole(seen: dict) -> None:
    assert not seen["board"], "reachnote_board must never be importable on the host"
    assert seen["main"] and seen["desktop"] and seen["wire"]
    assert set(seen["scenes"]) == files(ROOT / "host/reachnote/scenes", "*.toml") != set()
    assert set(seen["instruments"]) == {path.parent.name for path in (ROOT / "hardware").glob("*/instrument.toml")}
    assert set(seen["protocols"]) == files(ROOT / "protocols", "*.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheel"))


def test_a_wheel_holds_three_packages_and_the_carried_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {
        "reachnote",
        "reachnote_wire",
        "reachnote_play",
    }
    for folder in ("firmware", "hardware"):
        place = f"reachnote/_carried/{folder}/"
        assert {name.removeprefix(place) for name in names if name.startswith(place)} == files(ROOT / folder, "**/*")
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_no_file_of_a_wheel_names_this_machine(wheel):
    places = (ROOT, Path.home(), Path(tempfile.gettempdir(), "pytest"), sys.base_prefix)
    local = re.compile("|".join(rf"{re.escape(str(place))}\b" for place in places if str(place) != "/usr").encode())
    with zipfile.ZipFile(wheel) as archive:
        found = [name for name in archive.namelist() if local.search(archive.read(name))]
    assert found == []


def test_an_installed_wheel_finds_all_it_carries(wheel, tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    into = [sys.executable, "-m", "pip", "--python", venv / "bin/python", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*into, wheel], check=True, capture_output=True, timeout=60, env=clean())
    seen = look(venv / "bin/python", tmp_path)
    assert not seen["clone"]
    assert_whole(seen)


def test_the_clone_finds_the_same_things(tmp_path):
    seen = look(Path(sys.executable), tmp_path)
    assert seen["clone"]
    assert_whole(seen)


def pythons() -> list[str]:
    """Every Python on this machine that reachnote runs on, this one first."""
    found = {sys.version_info[:2]: getattr(sys, "_base_executable", sys.executable)}
    beside = Path(sys.base_prefix).parent  # where version managers keep the others
    for minor in range(OLDEST[1], NEWEST[1] + 1):
        other = shutil.which(f"python3.{minor}")
        for path in [*([other] if other else []), *map(str, beside.glob(f"3.{minor}.*/bin/python3.{minor}"))]:
            if subprocess.run([path, "-c", "import ensurepip"], capture_output=True).returncode == 0:
                found.setdefault((3, minor), path)
    return list(found.values())


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("python", pythons(), ids=lambda path: Path(path).resolve().name)
def test_pip_installs_everything_without_a_compiler(python, tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([python, "-m", "venv", venv], check=True, timeout=120, env=clean())
    own = [venv / "bin/python", "-m", "pip", "install", "-q", "--no-input", str(ROOT)]
    done = subprocess.run(own, env=clean() | {"PATH": str(venv / "bin")}, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert_whole(look(venv / "bin/python", tmp_path))
    own = [venv / "bin/reachnote", "--version"]
    said = subprocess.run(own, cwd=tmp_path, env=clean(), capture_output=True, text=True, timeout=60)
    assert said.returncode == 0 and "0.1.0" in said.stdout, said.stderr
    binding = "import importlib, sys; importlib.import_module('rtmidi' if sys.version_info < (3, 13) else 'rtmidi2')"
    subprocess.run([venv / "bin/python", "-c", binding], check=True, timeout=60, env=clean())
