"""Find, or fetch, a real MicroPython unix interpreter.

`python3 tools/micropython.py` prints the command that starts one (`--json`: as a list), fetching it first if needed;
`--32` asks for a 32-bit one, where a small int has 31 bits as on a board. Nothing is installed unless the machine's
own suite has the package: otherwise the packages of a newer Debian suite are unpacked in a cache folder, read through a
private apt configuration made from the machine's own apt entry, and started through their own loader.

Import it as `tools.micropython`, with the repository's folder on sys.path and never tools/ itself: there it would take
the place of MicroPython's own `micropython` module, which the firmware imports.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SUITE = "trixie"  # the first Debian suite that has the package
ARCHITECTURES = {"x86_64": ("amd64", "i386"), "aarch64": ("arm64", "armhf"), "i686": ("i386", "i386")}
PROBE = "import sys; print(sys.implementation[0], 64 if sys.maxsize > 2**31 else 32)"

_reason = {64: "", 32: ""}


class Unavailable(Exception):
    """Something outside this project is missing; str() is one sentence for a person."""


def cache_folder() -> pathlib.Path:
    """Where these tools keep what they fetch or build: $REACHNOTE_CACHE, else reachnote in the user's cache folder."""
    own = os.environ.get("REACHNOTE_CACHE")
    if own:
        return pathlib.Path(own).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "reachnote"


def run(argv: list[str], **options) -> str:
    """Run a command and return what it printed; raise Unavailable with its last line if it fails."""
    try:
        done = subprocess.run(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            **options,
        )
    except FileNotFoundError:
        raise Unavailable(
            f"The program {argv[0]} is not on this machine: install it, or use a Debian or Ubuntu machine."
        ) from None
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()] or ["no message"]
        errors = [line for line in lines if re.match(r"E: |.*\berror:", line, re.I)] or lines
        raise Unavailable(f"{argv[0]} failed ({errors[-1].strip()}): see that it works by hand, then try again.")
    return done.stdout


def own_suite() -> str:
    """The machine's release code name, for example 'bookworm', or ''."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def own_entry(parts: pathlib.Path = pathlib.Path("/etc/apt")) -> tuple[str, str]:
    """The apt entry of the machine's own release as (file name, text with the suite SUITE_HERE). Raises Unavailable."""
    suite = own_suite()
    for path in sorted(parts.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            text = "\n".join(line for line in stanza.splitlines() if not line.startswith("#"))
            suites = re.search(r"^Suites:(.*)$", text, re.M)
            if suite and suites and suite in suites[1].split():
                text = re.sub(r"^Suites:.*$", "Suites: SUITE_HERE", text, flags=re.M)
                return "own.sources", re.sub(r"^Types:.*$", "Types: deb deb-src", text, flags=re.M) + "\n"
    for path in [parts / "sources.list", *sorted(parts.glob("sources.list.d/*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else []:
            entry = re.match(rf"deb(\s+(?:\[[^]]*\]\s+)?\S+\s+){re.escape(suite)}(\s+.*)$", line)
            if suite and entry:
                rest = f"{entry[1]}SUITE_HERE{entry[2]}"
                return "own.list", f"deb{rest}\ndeb-src{rest}\n"
    raise Unavailable(
        "This machine has no apt entry of its own release, so MicroPython cannot be fetched: "
        "install a program named micropython by hand and put it on PATH."
    )


class PrivateApt:
    """apt with lists, cache and status of its own in `folder`: reads a suite without touching the system."""

    def __init__(self, folder: pathlib.Path, architecture: str = "", suite: str = SUITE):
        self.folder, self.suite = folder, suite
        paths = {
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": folder / "etc",
            "Dir::State::lists": folder / "lists",
            "Dir::Cache": folder / "cache",
            "Dir::State::status": folder / "status",
            "APT::Sandbox::User": "",
        }
        if architecture:
            paths |= {"APT::Architecture": architecture, "APT::Architectures::": architecture}
        self.options = [word for key, value in paths.items() for word in ("-o", f"{key}={value}")]

    def update(self) -> None:
        """Fetch the suite's lists (about 20 MB)."""
        name, text = own_entry()
        for part in ("etc", "lists/partial", "cache/archives/partial"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "etc" / name).write_text(text.replace("SUITE_HERE", self.suite))
        self.get("update", "--error-on=any")

    def get(self, *words: str, cwd: pathlib.Path | None = None) -> str:
        return run(["apt-get", "-q", *self.options, *words], cwd=cwd)

    def cache(self, *words: str) -> str:
        return run(["apt-cache", *self.options, *words])

    def unpack(self, packages: list[str], root: pathlib.Path) -> None:
        """Download binary packages and unpack them under `root`, running none of their scripts."""
        debs = self.folder / "debs"
        shutil.rmtree(debs, ignore_errors=True)
        debs.mkdir()
        self.get("download", *packages, cwd=debs)
        for deb in sorted(debs.glob("*.deb")):
            run(["dpkg", "-x", str(deb), str(root)])

    def needed_by(self, package: str) -> list[str]:
        """The package and everything it depends on."""
        kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
        lines = self.cache("depends", "--recurse", *(f"--no-{kind}" for kind in kinds), package).splitlines()
        return sorted({line for line in lines if re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", line)})


def starts(argv: list[str], bits: int) -> bool:
    """True if argv is a MicroPython of that width that runs here."""
    try:
        done = subprocess.run(
            [*argv, "-c", PROBE], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.split() == ["micropython", str(bits)]


def command_in(root: pathlib.Path) -> list[str]:
    """The argv that starts the interpreter unpacked under `root` with its own loader and libraries, or []."""
    loaders = [
        path for pattern in ("usr/lib/*/ld-linux*.so.*", "lib/*/ld-linux*.so.*") for path in sorted(root.glob(pattern))
    ]
    program = root / "usr/bin/micropython"
    if not loaders or not program.exists():
        return []
    return [str(loaders[0]), "--library-path", str(loaders[0].parent), str(program)]


def fetch(target: pathlib.Path, architecture: str, bits: int) -> list[str]:
    """Fill `target` with the interpreter of another suite or architecture and return its argv. Raises Unavailable."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetching-") as folder:
        work = pathlib.Path(folder)
        suite = own_suite() if own_suite_has_it() else SUITE
        apt = PrivateApt(work / "apt", architecture, suite)
        apt.update()
        apt.unpack(apt.needed_by("micropython"), work / "root")
        if not starts(command_in(work / "root"), bits):
            raise Unavailable(
                f"MicroPython for {architecture} was fetched but does not run here, "
                f"most likely because this kernel runs no {bits}-bit programs of that kind."
            )
        try:
            os.rename(work / "root", target)
        except OSError:
            if not starts(command_in(target), bits):  # else another process was quicker: take its copy
                raise Unavailable(f"The folder {target} holds something broken: delete it and try again.") from None
    return command_in(target)


def own_suite_has_it() -> bool:
    try:
        return re.search(r"Candidate: [^(]", run(["apt-cache", "policy", "micropython"])) is not None
    except Unavailable:
        return False


def find(prepare: bool = False) -> list[str] | None:
    """argv of a MicroPython unix interpreter of the machine's own width; a script path is appended to it.

    Without `prepare` only what is already there is found (under 0.1 s, no network); None: see why_not().
    """
    return _find(64 if sys.maxsize > 2**32 else 32, prepare)


def find_32bit(prepare: bool = False) -> list[str] | None:
    """The same with 32-bit words, so integers above 2^30 are heap objects as on a board; None: see why_not(32)."""
    return _find(32, prepare)


def why_not(bits: int = 64) -> str:
    """One sentence: why the last find() (or with 32 the last find_32bit()) returned None, else ''."""
    return _reason[bits]


def _find(bits: int, prepare: bool) -> list[str] | None:
    _reason[bits] = ""
    on_path = shutil.which("micropython")
    if on_path and starts([on_path], bits):
        return [on_path]
    pair = ARCHITECTURES.get(platform.machine())
    if not pair:
        _reason[bits] = (
            f"No MicroPython package is known for a {platform.machine()} machine: put such a program on PATH."
        )
        return None
    architecture = pair[0 if bits == 64 else 1]
    target = cache_folder() / "micropython" / architecture
    if starts(command_in(target) or ["micropython-absent"], bits):
        return command_in(target)
    if not prepare:
        _reason[bits] = (
            "No MicroPython interpreter is here yet: run python3 tools/micropython.py"
            + (" --32" if bits == 32 else "")
            + " once."
        )
        return None
    try:
        if architecture == pair[0] and os.geteuid() == 0 and own_suite_has_it():
            run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "micropython"])
            return [shutil.which("micropython") or "micropython"]
        return fetch(target, architecture, bits)
    except Unavailable as error:
        _reason[bits] = str(error)
    except OSError as error:
        _reason[bits] = (
            f"MicroPython could not be put in {target} ({error.strerror}): set REACHNOTE_CACHE to a writable folder."
        )
    return None


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Print the command of a real MicroPython interpreter, fetching it if needed."
    )
    parser.add_argument("--json", action="store_true", help="print the command as a JSON list")
    parser.add_argument("--32", dest="narrow", action="store_true", help="a 32-bit interpreter, as on a board")
    choice = parser.parse_args(words)
    argv = find_32bit(prepare=True) if choice.narrow else find(prepare=True)
    if argv is None:
        print(why_not(32 if choice.narrow else 64), file=sys.stderr)
        return 1
    print(json.dumps(argv) if choice.json else shlex.join(argv))
    return 0


if __name__ == "__main__":
    sys.exit(main())
