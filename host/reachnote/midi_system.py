"""What outputs and links share of this computer's MIDI system: port names, which system, and a quiet libjack."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

ALSA_SEQUENCER = "/dev/snd/seq"

_one_at_a_time = threading.RLock()
_NUMBERS = re.compile(r"\s*(\(\d+(:\d+)?\)|\[\d+\])|\s+\d+:\d+$|-\d\d(?=:)")


def plain_name(name: str) -> str:
    """`name` without the numbers that change from start to start (ALSA clients and ports, JACK doubles)."""
    return " ".join(_NUMBERS.sub("", name).split())


def stable_name(name: str) -> str:
    """The plain name in lower case: what a port is known by."""
    return plain_name(name).casefold()


def fitting(wanted: str, names: list[str]) -> list[str]:
    """The `names` that `wanted` means by the clearest fit: one where it is plain, several where it is not, or none."""
    want = stable_name(wanted)
    fits = (
        lambda name: name == wanted,
        lambda name: stable_name(name) == want,
        lambda name: stable_name(name).startswith(want),
        lambda name: want in stable_name(name),
    )
    for fit in fits:
        found = [name for name in names if fit(name)]
        if len({stable_name(name) for name in found}) > 1:
            # One program may show more than its MIDI port in the list (ZynAddSubFX: `osc`, `midi_input`).
            found = [name for name in found if "midi" in stable_name(name).rpartition(":")[2]] or found
        if len({stable_name(name) for name in found}) == 1:
            return found[:1]
        if found:
            return found
    return []


def listed(names: list[str]) -> str:
    """The names in quotes, with commas between."""
    return ", ".join(f"'{name}'" for name in names) or "none"


def which(api: str | None, sequencer: str = ALSA_SEQUENCER) -> str:
    """Which MIDI system to talk to: "alsa", "jack" or "" for the one that this platform has."""
    if not sys.platform.startswith("linux"):
        return ""
    if api:
        return api
    return "alsa" if os.access(sequencer, os.R_OK | os.W_OK) else "jack"


def answers() -> bool:
    """Whether this computer's MIDI system is likely to be there: a quick look, nothing is opened."""
    if which(None) != "jack":
        return True
    pipewire = Path(os.environ.get("XDG_RUNTIME_DIR", "/nowhere")) / "pipewire-0"
    return pipewire.exists() or any(path.is_socket() for path in Path("/dev/shm").glob("jack_*"))


def no_server_start() -> None:
    """libjack would otherwise start a server of its own and take the sound card for it."""
    os.environ["JACK_NO_START_SERVER"] = "1"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing that a C library prints reaches stderr inside. One thread at a time, or the last would keep it closed."""
    with _one_at_a_time:
        try:
            saved = os.dup(2)
            null = os.open(os.devnull, os.O_WRONLY)
        except OSError:
            yield
            return
        os.dup2(null, 2)
        os.close(null)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def sockets() -> set[int]:
    """The sockets that this process has open (Linux)."""
    found = set()
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    found.add(int(name))
    return found


def hush_jack() -> None:
    """libjack's threads complain on stderr at any time later (a killed server): give them a silent place to complain to.

    strlen takes the very argument that libjack passes and does nothing with it, so no Python runs in those threads.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(Exception), open("/proc/self/maps") as maps:
        silent = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p)
        for path in {line.split(None, 5)[5].strip() for line in maps if "libjack" in line}:
            library = ctypes.CDLL(path)
            library.jack_set_error_function(silent)
            library.jack_set_info_function(silent)
