"""Write tools/locks/*.txt anew from tools/locks/*.in: exact versions with the hashes of every file of each.

`python3 tools/lock.py` keeps the versions that still fit; `--upgrade` takes the newest; `--check` writes nothing and
exits 1 if a list is out of date. Adding a package: a line in the .in file, this program, commit both files.
The lists hold for every system and for Python 3.11 and newer, wheels only, so nothing is ever compiled; what exists only as
source is pure Python and has its own list (prepare.SOURCES).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import prepare

LOCKS = prepare.LOCKS
ALONE = {"alone", *prepare.SOURCES}  # resolved and installed without dependencies
ORDER = ("run", "test")  # test.txt agrees with run.txt wherever both name a package
UV = "uv==0.13.8"


def uv() -> str:
    """The resolver: uv on PATH, else one fetched into .cache/lock."""
    found = shutil.which("uv")
    own = prepare.ROOT / ".cache" / "lock"
    if found or prepare.program(own, "uv").exists():
        return found or str(prepare.program(own, "uv"))
    prepare.make_venv(own)
    subprocess.run([prepare.program(own, "python"), "-m", "pip", "install", "--quiet", UV], check=True)
    return str(prepare.program(own, "uv"))


def names() -> list[str]:
    """The lists there are, those that others build on first."""
    found = sorted(path.stem for path in LOCKS.glob("*.in"))
    return [name for name in ORDER if name in found] + [name for name in found if name not in ORDER]


def resolve(resolver: str, name: str, folder: Path, upgrade: bool) -> str:
    """The text of NAME.txt; `folder` already holds the texts of the lists before it. Raises CalledProcessError."""
    old, new = LOCKS / f"{name}.txt", folder / f"{name}.txt"
    if old.exists() and not upgrade:
        shutil.copy(old, new)  # uv keeps the versions that it finds in its output file
    words = ["pip", "compile", f"{name}.in", "--universal", "--python-version", "3.11"]
    words += [] if name in prepare.SOURCES else ["--only-binary", ":all:"]
    words += ["--generate-hashes", "--no-header", "--quiet", "--output-file", str(new)]
    words += ["--upgrade"] if upgrade else []
    words += ["--no-deps"] if name in ALONE else []
    words += [str(prepare.ROOT / "pyproject.toml")] if name in ORDER else []
    words += ["--constraints", str(folder / "run.txt")] if name not in ("run", *ALONE) else []
    subprocess.run([resolver, *words], cwd=LOCKS, check=True, stdout=subprocess.DEVNULL)
    kept = [line for line in new.read_text().splitlines() if not line.lstrip().startswith("# ")]
    return f"# Written by tools/lock.py from {name}.in\n" + "\n".join(kept) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the hash-locked package lists anew.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a list is out of date")
    choice = parser.parse_args()
    stale = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names():
            try:
                text = resolve(uv(), name, Path(folder), choice.upgrade)
            except subprocess.CalledProcessError:
                print(f"{name}.in could not be resolved; the lines above say why.", file=sys.stderr)
                return 2
            target = LOCKS / f"{name}.txt"
            if not target.exists() or target.read_text() != text:
                stale.append(name)
                if not choice.check:
                    target.write_text(text)
    print(f"{'Out of date' if choice.check else 'Written'}: {', '.join(stale) or 'nothing'}.")
    return 1 if choice.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
