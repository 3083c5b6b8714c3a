"""Everything that can be checked about this project, with one command.

    python3 tools/test.py                 style, room rules, firmware types, the fast tests: 6 minutes at most
    python3 tools/test.py --all           the long tests too: 75 minutes at most
    python3 tools/test.py tests/wire -x   what follows goes to pytest

It brings what it needs: the environment .venv, MicroPython, and on Debian as root the programs in PACKAGES. Elsewhere a
missing program is named and its tests are skipped and counted. As root on Debian nothing may be skipped: a skip fails
the run. The exit status is 0 only if everything passed.
"""

from __future__ import annotations

import argparse
import ctypes.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TextIO

import prepare

# Debian package: (how it is recognised, why). Recognised by a program, a /file, or "lib:" and a library's name.
PACKAGES = {
    "fluidsynth": ("fluidsynth", "a real synthesizer that sounds what the outlet sends"),
    "timgm6mb-soundfont": ("/usr/share/sounds/sf2/TimGM6mb.sf2", "its sounds"),
    "jackd2": ("jackd", "a real MIDI port on a machine without a sound card"),
    "jack-example-tools": ("jack_connect", "joins those ports"),
    "libasound2": ("lib:asound", "the MIDI bindings load it"),
    "liblo-tools": ("oscsend", "an OSC program that is not ours"),
    "puredata-core": ("puredata", "Pure Data reads a board and the OSC door"),
    "yoshimi": ("yoshimi", "a second synthesizer with its own idea of MIDI"),
    "zynaddsubfx": ("zynaddsubfx", "a third one"),
    "systemd": ("systemd-analyze", "starts reachnote with the computer and again after a crash"),
    "socat": ("socat", "pairs of serial ports"),
    "tmux": ("tmux", "a terminal for the programs that people type in"),
    "nodejs": ("node", "pyright runs in it"),
    "qemu-system-x86": ("qemu-system-x86_64", "a guest whose kernel has USB and the ALSA sequencer"),
    "busybox-static": ("busybox", "the guest starts from it"),
    "kmod": ("depmod", "puts the guest's kernel modules in order"),
    "alsa-utils": ("aseqdump", "shows what a MIDI port of ours sends"),
    "chromium": ("chromium", "shows the desk"),
    "midish": ("midish", "a sequencer that records what we play"),
    "openscad": ("openscad", "turns the boxes of hardware/ into STL"),
    "ngspice": ("ngspice", "runs their circuits"),
    "graphviz": ("dot", "WireViz lays out their wiring with it"),
}
OTHER_NAMES = {"libasound2": "libasound2t64"}  # the same thing in newer releases
PARTS_OF = {"jack-example-tools": "jackd2"}  # in older releases the first is part of the second

FAST_SECONDS, ALL_SECONDS = 6 * 60, 75 * 60
HANG_SECONDS = 20 * 60  # the fast part is stopped here whatever it does
SYSTEM = "tests/system"
SOAK = f"{SYSTEM}/test_soak.py"
FLASHING = "tests/flashing/test_flash.py"  # a board that starts, is interrupted and answers, again and again
TIMELESS = (f"{SYSTEM}/test_rp2040.py", f"{SYSTEM}/test_micropython_tools.py")  # they live in simulated time
CLOCK = f"{SYSTEM}/test_music_in_time.py::test_our_clock_is_steady_and_does_not_drift[long]"  # ten minutes of our clock
TIMED = tuple(
    f"{SYSTEM}/test_{name}.py"
    for name in (
        "asking_a_session", "desk", "desk_live", "desk_sound", "guard_outlet", "killed_outlet", "main_loop", "midi_in", "music_in_time",
        "never_hanging", "osc_peers", "real_receivers", "replay_live",
    )
)  # fmt: skip
"""They ask how long something takes: nothing else runs meanwhile."""
PATIENT = tuple(f"{SYSTEM}/test_{name}.py" for name in ("commands", "keep_piece", "pieces", "rendered_music", "service"))
"""They start real programs but ask for no figure: the fast form runs them on what is left of the processor."""


class Part(NamedTuple):
    """How one part went. `said` is what to show; `skips` are sentences."""

    name: str
    passed: bool
    seconds: float
    said: str = ""
    skips: tuple[str, ...] = ()


# ---------------------------------------------------------------- getting ready


def there(probe: str) -> bool:
    if probe.startswith("lib:"):
        return ctypes.util.find_library(probe[4:]) is not None
    return Path(probe).exists() if probe.startswith("/") else shutil.which(probe) is not None


def bring_programs(everything: bool) -> list[str]:
    """Install what is missing where that is allowed; sentences about what stays missing."""
    lacking = [name for name, (probe, _) in PACKAGES.items() if not there(probe)]
    wanted = [PARTS_OF.get(name, name) for name in lacking]
    if prepare.apt(sorted(set(wanted))):
        prepare.apt([other for name in lacking if (other := OTHER_NAMES.get(name)) and not there(PACKAGES[name][0])])
    missing = [
        f"{name} is not on this machine ({why}), so its tests are skipped."
        for name, (probe, why) in PACKAGES.items()
        if not there(probe)
    ]
    return missing + _bring_boards(everything)


def _bring_boards(everything: bool) -> list[str]:
    import micropython  # tools/micropython.py

    missing = []
    if micropython.find(prepare=True) is None:
        missing.append(f"Real MicroPython is missing, so its tests are skipped. {micropython.why_not()}")
    if everything:
        argv = [sys.executable, str(prepare.ROOT / "tools" / "firmware_image.py")]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            missing.append(f"There is no board image, so its tests are skipped. {done.stderr.strip()[-300:]}")
    return missing


def ready(everything: bool) -> list[str]:
    """The environment and the programs, side by side; sentences about what is missing."""
    missing: list[str] = []
    programs = threading.Thread(target=lambda: missing.extend(bring_programs(everything)))
    programs.start()
    try:
        prepare.environment("test")
    finally:
        programs.join()
    return missing


def surroundings() -> dict[str, str]:
    """The environment variables for every part: the project's programs first, nobody else's packages."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    first = str(prepare.program(prepare.VENV, "python").parent)
    return kept | {"PATH": first + os.pathsep + kept.get("PATH", ""), "VIRTUAL_ENV": str(prepare.VENV)}


# ---------------------------------------------------------------- the parts


def timed(name: str, check: Callable[[], tuple[bool, str]]) -> Part:
    started = time.monotonic()
    passed, said = check()
    return Part(name, passed, time.monotonic() - started, "" if passed else said)


def plain(*words: str) -> tuple[bool, str]:
    argv = [str(prepare.program(prepare.VENV, words[0])), *words[1:]]
    done = subprocess.run(argv, env=surroundings(), capture_output=True, text=True, cwd=prepare.ROOT)
    return done.returncode == 0, done.stdout + done.stderr


def types() -> Part:
    """The firmware against the stubs of its ports."""
    import stubs

    if not there("node"):
        return Part("firmware types", True, 0.0, skips=("firmware types: node is not on this machine",))
    return timed("firmware types", lambda: stubs.check(surroundings()))


def tests(everything: bool, words: list[str]) -> list[Part]:
    """pytest, its output passed through as it comes; everything in an order that fits the time."""
    if words:
        chosen = [] if everything else ["-m", "not long"]
        return [pytest("tests", [*chosen, *words], ALL_SECONDS if everything else HANG_SECONDS)]
    if not everything:
        return quick()
    # An hour of playing, ten minutes of clock, and behind them in the processor's queue what nobody times go side by side;
    # what is timed comes after. -rP: the figures that a passed test prints are shown.
    found: list[Part] = []
    long_ones = (("an hour of playing", SOAK, "soak"), ("ten minutes of clock", CLOCK, "clock"))
    hours = [
        threading.Thread(target=lambda one=one: found.append(pytest(one[0], ["-rP", one[1]], ALL_SECONDS, one[2])))
        for one in long_ones
    ]
    for hour in hours:
        hour.start()
    system = [str(path.relative_to(prepare.ROOT)) for path in sorted((prepare.ROOT / SYSTEM).glob("test_*.py"))]
    patient = [path for path in system if path not in (SOAK, *TIMED)]
    folders = [folder for folder in test_folders() if folder != SYSTEM]
    found.append(pytest("tests that nobody times", [*folders, *patient], ALL_SECONDS, "timeless", humble=True))
    for hour in hours:
        hour.join()
    return [*found, pytest("tests at real receivers", ["-rP", *TIMED, f"--deselect={CLOCK}"], ALL_SECONDS, "system")]


def quick() -> list[Part]:
    """The fast tests: those at real receivers, and beside them, on what is left of the processor, those without a clock."""
    short = ["-m", "not long"]
    log = prepare.ROOT / ".cache" / "timeless.txt"
    counted: list[Part] = []
    folders = [folder for folder in test_folders() if folder != SYSTEM]
    other = [*TIMELESS, *PATIENT, f"--ignore={FLASHING}"]
    with open(log, "w") as out:
        beside = threading.Thread(
            target=lambda: counted.append(
                pytest("tests without a clock", [*short, *folders, *other], HANG_SECONDS, "timeless", humble=True, out=out)
            )
        )
        beside.start()
        kept = [f"--ignore={path}" for path in (*TIMELESS, *PATIENT)]
        timed_ones = pytest("tests at real receivers", [*short, SYSTEM, FLASHING, *kept], HANG_SECONDS, "system")
        beside.join()
    print(log.read_text(errors="replace")[-20000:], flush=True)
    return [timed_ones, *counted]


def test_folders() -> list[str]:
    return sorted({str(path.parent.relative_to(prepare.ROOT)) for path in prepare.ROOT.glob("tests/*/test_*.py")})


def pytest(
    name: str, words: list[str], seconds: float, report: str = "pytest", humble: bool = False, out: TextIO | None = None
) -> Part:
    """One run of pytest; a humble one takes only the processor time that nobody else wants. `out`: where it prints."""
    started = time.monotonic()
    path = prepare.ROOT / ".cache" / f"{report}.xml"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    argv = [str(prepare.program(prepare.VENV, "python")), "-m", "pytest", f"--junitxml={path}", *words]
    if humble and os.path.exists("/proc/self/autogroup"):
        argv = ["sh", "-c", 'echo 19 >/proc/self/autogroup; exec nice -n 19 "$@"', "sh", *argv]
    status = bounded(argv, seconds, out)
    said = {5: "pytest found no test to run.", 124: "The tests did not come to an end and were stopped."}
    return Part(name, status == 0, time.monotonic() - started, said.get(status, ""), skipped(path))


def bounded(argv: list[str], seconds: float, out: TextIO | None = None) -> int:
    """Run a command for so long at most; its exit status, 124 if it had to be stopped, 130 after Ctrl-C."""
    process = subprocess.Popen(argv, env=surroundings(), cwd=prepare.ROOT, start_new_session=True, stdout=out, stderr=out)
    try:
        return process.wait(seconds)
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as reason:
        for number, patience in ((signal.SIGINT, 20), (signal.SIGKILL, None)):
            os.killpg(process.pid, number)
            try:
                process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        return 124 if isinstance(reason, subprocess.TimeoutExpired) else 130


def skipped(report: Path) -> tuple[str, ...]:
    """'test: reason' for every skipped test; expected failures are not skips."""
    try:
        cases = ElementTree.parse(report).iter("testcase")
    except (OSError, ElementTree.ParseError):
        return ()
    found = []
    for case in cases:
        skip = case.find("skipped")
        if skip is not None and skip.get("type") != "pytest.xfail":
            found.append(f"{case.get('classname')}.{case.get('name')}: {skip.get('message')}")
    return tuple(found)


# ---------------------------------------------------------------- the run


def show(part: Part) -> Part:
    print(f"-- {part.name}: {'passed' if part.passed else 'FAILED'} ({part.seconds:.1f} s)", flush=True)
    if part.said:
        print(part.said.rstrip()[-6000:], flush=True)
    return part


def verdict(parts: list[Part], missing: list[str], seconds: float, limit: float) -> int:
    skips = [skip for part in parts for skip in part.skips]
    failed = [part.name for part in parts if not part.passed]
    if prepare.can_apt() and (skips or missing):
        print("On this machine nothing may be skipped, but these were:", *(missing + skips), sep="\n  ")
        failed.append(f"{len(missing) + len(skips)} skipped or missing")
    if seconds > limit:
        print(f"This took {seconds:.0f} s; {limit:.0f} s are meant to be enough.")
    times = ", ".join(f"{part.name} {part.seconds:.0f} s" for part in parts)
    word = f"FAILED ({'; '.join(failed)})" if failed else "All passed"
    print(f"{word} in {seconds:.0f} s: {times}; skips: {len(skips)}.")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Check this project.", epilog="What is left goes to pytest.")
    parser.add_argument("--all", action="store_true", dest="everything", help="the long tests too")
    choice, words = parser.parse_known_args()
    # A shell that starts us in the background leaves Ctrl-C ignored, and every program of every test would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    missing = ready(choice.everything)
    for sentence in missing:
        print(sentence)
    parts = [show(Part("getting ready", True, time.monotonic() - started))]
    parts.append(show(timed("style", lambda: plain("ruff", "check", "--quiet", "."))))
    parts.append(show(timed("room rules", lambda: plain("lint-imports", "--cache-dir", ".cache/import-linter"))))
    parts.append(show(types()))
    parts += [show(part) for part in tests(choice.everything, words)]
    return verdict(parts, missing, time.monotonic() - started, ALL_SECONDS if choice.everything else FAST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
