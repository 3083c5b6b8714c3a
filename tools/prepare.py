"""Make the project's own Python environment in the clone, and say in a sentence what is in the way if it cannot.

    environment("run")   what playing needs       -> .venv, from tools/locks/run.txt
    environment("test")  that and the test tools  -> the same .venv, from test.txt, alone.txt and source.txt

Both return the environment's python. Nothing has to be activated; a second call takes milliseconds while the lists, the
Python and the clone's place are what they were. Standard library only, so that any Python 3.11 can run it.
`apt` brings in packages of Debian and Ubuntu.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "tools" / "locks"
VENV = ROOT / ".venv"
STAMP = "reachnote.json"  # in VENV: {kind: what it was made from}
LISTS = {"run": ("run",), "test": ("test", "alone", "source")}
SOURCES = ("source",)  # of these: there are no wheels, so pip makes them out of Python files, with the setuptools in test.txt
INCLUDED = {"run": ("run",), "test": ("test", "run")}  # whoever has the key's lists has these kinds
OLDEST = (3, 11)
UNREACHABLE = (  # how pip and uv say that the network is not there
    "NewConnectionError",
    "Failed to establish",
    "Temporary failure",
    "timed out",
    "ProxyError",
    "No matching distribution",
    "error sending request",
    "dns error",
    "client error (Connect)",
)
_apt_turn = threading.Lock()


def stop(sentence: str) -> NoReturn:
    """Tell the person and end with status 2."""
    print(sentence, file=sys.stderr)
    raise SystemExit(2)


def program(venv: Path, name: str) -> Path:
    """The path of a program inside an environment."""
    return venv / "Scripts" / f"{name}.exe" if os.name == "nt" else venv / "bin" / name


def environment(kind: str) -> Path:
    """The python of an environment that has everything `kind` ("run" or "test") needs, made first if need be."""
    if sys.version_info < OLDEST:
        have = ".".join(map(str, sys.version_info[:2]))
        again = " ".join(sys.argv)
        stop(f"reachnote needs Python 3.11 or newer; this is {have}. Start it with a newer one: python3.12 {again}")
    if not _ready(kind):
        try:
            with _alone():
                if not _ready(kind):
                    _build(kind)
        except OSError as reason:
            stop(f"The folder {ROOT} cannot be written ({reason.strerror}): use a copy of your own.")
    return program(VENV, "python")


# ---------------------------------------------------------------- the environment


def fingerprint(kind: str) -> str:
    """Changes whenever the environment has to be made anew: lists, what is installed, Python, place of the clone."""
    import tomllib  # not there before Python 3.11, which environment() tells in words

    digest = hashlib.sha256(f"{sys.version_info[:2]} {sys.base_prefix} {ROOT}".encode())
    for name in LISTS[kind]:
        digest.update((LOCKS / f"{name}.txt").read_bytes())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    told = [project["build-system"], project["project"], project["tool"]["hatch"]]
    return digest.hexdigest() + hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _stamps() -> dict[str, str]:
    try:
        return json.loads((VENV / STAMP).read_text())
    except (OSError, ValueError):
        return {}


def _ready(kind: str) -> bool:
    return program(VENV, "python").exists() and _stamps().get(kind) == fingerprint(kind)


def _build(kind: str) -> None:
    started = time.monotonic()
    count = sum(len(re.findall(r"^\S+==", (LOCKS / f"{name}.txt").read_text(), re.M)) for name in LISTS[kind])
    print(f"Preparing .venv with {count} packages (once) ...", end=" ", file=sys.stderr, flush=True)
    if not _fits():
        make_venv(VENV)
    wheels = [word for name in LISTS[kind] if name not in SOURCES for word in ("-r", str(LOCKS / f"{name}.txt"))]
    sources = [word for name in LISTS[kind] if name in SOURCES for word in ("-r", str(LOCKS / f"{name}.txt"))]
    install(VENV, ["--require-hashes", "--no-deps", "--only-binary", ":all:", *wheels])
    if sources:
        install(VENV, ["--require-hashes", "--no-deps", "--no-build-isolation", *sources])
    install(VENV, ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    stamps = _stamps() | {name: fingerprint(name) for name in INCLUDED[kind]}
    (VENV / STAMP).write_text(json.dumps(stamps))
    print(f"done in {time.monotonic() - started:.1f} s.", file=sys.stderr, flush=True)


def _fits() -> bool:
    """True if .venv is there, works, and is of the Python that is running."""
    tell = "import sys; print(sys.version_info[:2], sys.base_prefix)"
    try:
        said = subprocess.run([program(VENV, "python"), "-c", tell], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.strip() == f"{sys.version_info[:2]} {sys.base_prefix}"


def make_venv(folder: Path) -> None:
    """A fresh environment of the running Python; with uv where it is on PATH."""
    shutil.rmtree(folder, ignore_errors=True)
    python = getattr(sys, "_base_executable", sys.executable) or sys.executable
    if shutil.which("uv"):
        _run(["uv", "venv", "--quiet", "--seed", "--python", python, str(folder)], "be made")
        return
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        _bring_venv()
    _run([python, "-m", "venv", str(folder)], "be made")


def _bring_venv() -> None:
    """Debian's own Python comes without ensurepip: apt has it."""
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if not shutil.which("apt-get"):
        stop("This Python cannot make environments: its modules venv and ensurepip are missing. Install them, or uv.")
    if apt([package]):
        stop(f"This Python cannot make environments yet. Type this, then start again:\n  sudo apt install {package}")


def install(venv: Path, words: list[str]) -> None:
    """pip install WORDS into an environment, quietly; its last words go to install.log there."""
    python = str(program(venv, "python"))
    if shutil.which("uv"):
        _run(["uv", "pip", "install", "--python", python, *words], "be filled", venv)
        return
    quiet = ["--no-input", "--disable-pip-version-check", "--no-warn-script-location", "--retries", "1"]
    _run([python, "-m", "pip", "install", *quiet, *words], "be filled", venv)


def _run(argv: list[str], what: str, venv: Path | None = None) -> None:
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    if venv:
        (venv / "install.log").write_text(done.stdout)
    if done.returncode:
        stop(f"failed.\n{_reason(done.stdout, what)}")


def _reason(said: str, what: str) -> str:
    """One sentence from what pip or uv printed."""
    if "do not match" in said and "hash" in said.lower():
        return "A package that came is not the one this project was tested with, so it was not installed. Try later."
    if any(mark in said for mark in UNREACHABLE):
        return (
            "The Python packages could not be fetched. The first start needs the network once: see that this computer "
            "is online, then start again. (.venv/install.log has the details.)"
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it said nothing"]
    errors = [line for line in lines if line.lower().startswith("error")] or lines
    return f"The environment .venv could not {what}: {errors[-1][:300]}"


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process at a time makes the environment; the others wait."""
    try:
        import fcntl
    except ImportError:  # not there on Windows
        yield
        return
    (ROOT / ".cache").mkdir(exist_ok=True)
    with open(ROOT / ".cache" / "prepare.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# ---------------------------------------------------------------- Debian packages


def apt(packages: list[str]) -> list[str]:
    """Install the Debian packages that are not there, when root on Debian or Ubuntu; return those still missing."""
    with _apt_turn:
        return _apt(packages)


def _apt(packages: list[str]) -> list[str]:
    missing = [name for name in packages if not _installed(name)]
    if not missing or not can_apt():
        return missing
    if not _apt_get("install", *missing):
        _apt_get("update")
        if not _apt_get("install", *missing):
            for name in missing:  # one that this release does not have must not keep out the others
                _apt_get("install", name)
    importlib.invalidate_caches()
    return [name for name in missing if not _installed(name)]


def can_apt() -> bool:
    """True where `apt` may install: root, with apt-get."""
    return os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _installed(name: str) -> bool:
    if not shutil.which("dpkg-query"):
        return False
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name]
    return subprocess.run(asked, capture_output=True, text=True).stdout.startswith("installed")


def _apt_get(action: str, *packages: str) -> bool:
    words = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", action]
    words += ["--no-install-recommends", *packages] if action == "install" else []
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(words, env=quiet, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


if __name__ == "__main__":
    print(environment(sys.argv[1] if sys.argv[1:] else "run"))
