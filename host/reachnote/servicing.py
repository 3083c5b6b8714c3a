"""`reachnote service`: a systemd user unit, so that reachnote starts with the computer and returns after a crash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAME = "reachnote.service"
# `env` starts Python because systemd refuses a program whose path has quotes in it.
UNIT = """[Unit]
Description=reachnote, a musical instrument and controller
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart=/usr/bin/env {python} -m reachnote play --resume
Restart=always
RestartSec=1
TimeoutStopSec=70
KillMode=control-group
{environment}
[Install]
WantedBy=default.target
"""


class ServiceProblem(Exception):
    """The text is for a person."""


def unit_path() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user" / NAME


def unit_text() -> str:
    kept = ("PYTHONPATH", "REACHNOTE_RUNTIME", "REACHNOTE_STATE")
    lines = "".join(f"Environment={_quoted(f'{key}={os.environ[key]}')}\n" for key in kept if os.environ.get(key))
    return UNIT.format(python=_quoted(sys.executable).replace("$", "$$"), environment=lines)


def _quoted(word: str) -> str:
    for plain, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        word = word.replace(plain, written)
    return f'"{word}"'


def do(action: str) -> dict:
    """One of install, status, stop, remove; {"ok", "text", "state"}. ServiceProblem when there is no systemd."""
    _need_systemd()
    return {"install": _install, "status": _status, "stop": _stop, "remove": _remove}[action]()


def _need_systemd() -> None:
    if shutil.which("systemctl") is None:
        raise ServiceProblem(
            "This computer has no systemd, so reachnote cannot start with it. Start it by hand: reachnote play --resume"
        )


def _systemctl(*words: str) -> subprocess.CompletedProcess:
    run = subprocess.run(["systemctl", "--user", *words], capture_output=True, text=True, timeout=30)
    if "connect to bus" in run.stderr or "Failed to connect" in run.stderr:
        raise ServiceProblem(
            "systemd does not answer for this account. Log in on the computer itself (not through su or sudo) and try again."
        )
    return run


def _install() -> dict:
    path = unit_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(unit_text())
    except OSError as problem:
        raise ServiceProblem(f"{path} cannot be written ({problem.strerror}). Check that your home is writable.") from None
    _systemctl("daemon-reload")
    run = _systemctl("enable", "--now", NAME)
    if run.returncode:
        raise ServiceProblem(f"systemd did not start reachnote: {run.stderr.strip()}")
    when = "with the computer" if _lingers() else "when you log in"
    return {"ok": True, "state": "active", "text": f"reachnote runs now, and starts {when}."}


def _lingers() -> bool:
    """Ask that our services run before anybody logs in; False where that is not allowed."""
    try:
        return subprocess.run(["loginctl", "enable-linger"], capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _status() -> dict:
    state = _systemctl("is-active", NAME).stdout.strip() or "unknown"
    installed = unit_path().exists()
    text = {"active": "reachnote is running as a service.", "failed": "The service stopped and could not start again."}
    if not installed:
        return {"ok": False, "state": "not installed", "text": "The service is not installed: reachnote service install"}
    return {"ok": state == "active", "state": state, "text": text.get(state, f"The service is {state}.")}


def _stop() -> dict:
    _systemctl("stop", NAME)
    return {"ok": True, "state": "inactive", "text": "The service has stopped. It starts again next time."}


def _remove() -> dict:
    _systemctl("disable", "--now", NAME)
    unit_path().unlink(missing_ok=True)
    _systemctl("daemon-reload")
    return {"ok": True, "state": "not installed", "text": "The service is removed."}
