"""Where a running reachnote keeps what must not outlive the machine's uptime, and what must.

Nothing here is about a client's movement: a lock, sockets, the mirror of the ledger, the last scene's name.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

LONGEST_PATH = 90  # a Unix socket's whole path fits into 107 bytes
DESKS = 4  # that can sound at once
LEDGER_BYTES = 16 * 128 * 2  # a mask of outputs for every channel and key


def _usable(folder: Path) -> Path | None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".try{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return None
    return folder


def folder() -> Path:
    """The private runtime folder (REACHNOTE_RUNTIME, else XDG_RUNTIME_DIR, else the system's temporary folder)."""
    named = os.environ.get("REACHNOTE_RUNTIME")
    candidates = [Path(named)] if named else []
    if os.environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(os.environ["XDG_RUNTIME_DIR"]) / "reachnote")
    candidates.append(Path(tempfile.gettempdir()) / f"reachnote-{_user()}")
    for candidate in candidates:
        if len(str(candidate)) <= LONGEST_PATH and (found := _usable(candidate)) is not None:
            return found
    return Path(tempfile.mkdtemp(prefix="reachnote-"))


def state_folder() -> Path | None:
    """Where the last client and scene are remembered; None on a read-only home: nothing is remembered then."""
    named = os.environ.get("REACHNOTE_STATE")
    if named:
        return _usable(Path(named))
    base = os.environ.get("XDG_STATE_HOME")
    with contextlib.suppress(RuntimeError):
        return _usable((Path(base) if base else Path.home() / ".local" / "state") / "reachnote")
    return None


def control_path() -> Path:
    """The socket of `protocols/control.md`."""
    return folder() / "control"


def lock_path() -> Path:
    return folder() / "lock"


def ledger_path() -> Path:
    return folder() / "ledger"


def orders_path() -> Path:
    """What a running session was asked for, for the one that takes over after a crash; gone when a session ends well."""
    return folder() / "orders.json"


def levels_path() -> Path:
    return folder() / "levels"


def sound_paths() -> list[Path]:
    """A seat for every desk that plays what `page:` sends (`reachnote.outputs.page`): each binds the first free one."""
    here = folder()
    return [here / f"sound{seat}" for seat in range(DESKS)]


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def hurry() -> None:
    """Ask for a place at the front of the processor's queue; go without where the system does not allow it."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, 0, -11)
    with contextlib.suppress(OSError):  # Linux weighs whole sessions of processes first, and each of ours has its own
        Path("/proc/self/autogroup").write_text("-11")
