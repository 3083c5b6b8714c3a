"""Check the firmware with pyright against the MicroPython stubs of every port it runs on.

The stubs are unpacked from tools/locks/stubs-PORT.txt into .venv/typings/PORT, where no Python ever imports them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import prepare

PORTS = ("rp2", "esp32")
TYPINGS = prepare.VENV / "typings"
NODE_NOTES = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}


def unpack(port: str) -> Path:
    """The folder with the stubs of a port, filled from its list if it is not yet."""
    folder, listed = TYPINGS / port, prepare.LOCKS / f"stubs-{port}.txt"
    stamp = folder / "made-from"
    wanted = hashlib.sha256(listed.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        words = ["--target", str(folder), "--no-deps", "--require-hashes", "-r", str(listed)]
        prepare.install(prepare.VENV, words)
        stamp.write_text(wanted)
    return folder


def config(port: str) -> Path:
    """The pyright table of pyproject.toml, written for a port."""
    table = tomllib.loads((prepare.ROOT / "pyproject.toml").read_text())["tool"]["pyright"]
    for key in ("include", "exclude", "extraPaths"):
        table[key] = [f"../../{path}" for path in table[key]]  # pyright wants paths relative to this file
    table["stubPath"] = table["typeshedPath"] = unpack(port).name
    path = TYPINGS / f"{port}.json"
    path.write_text(json.dumps(table, indent=1))
    return path


def check(environment: dict[str, str]) -> tuple[bool, str]:
    """Run pyright for every port; whether all are clean, and what to show a person."""
    clean, said = True, []
    for port in PORTS:
        argv = [str(prepare.program(prepare.VENV, "pyright")), "--project", str(config(port))]
        done = subprocess.run(argv, env=environment | NODE_NOTES, capture_output=True, text=True, cwd=prepare.ROOT)
        clean = clean and done.returncode == 0
        said.append(f"[{port}]\n{done.stdout}{done.stderr}")
    return clean, "\n".join(said)
