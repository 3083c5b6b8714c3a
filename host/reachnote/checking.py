"""`reachnote check` and `reachnote boards`: what this computer has and lacks for playing, in words."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import selectors
import shutil
import sys
import time

from reachnote import runtime
from reachnote.engine import load_scene
from reachnote.links import LinkProblem, Opened, open_link
from reachnote.outputs import OutputProblem, open_output
from reachnote.scene import read_scene
from reachnote.session import Session

LOOK_S = 2.5


def everything() -> list[dict]:
    """One entry a thing: what, ok, needed (nothing plays without it), text."""
    return [_python(), _serial(), _midi(), _sound(), _runtime(), _home(), *_ports()]


def _entry(what: str, ok: bool, text: str, needed: bool = False) -> dict:
    return {"what": what, "ok": ok, "needed": needed, "text": text}


def _python() -> dict:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return _entry("Python", good, version if good else f"{version} is too old; install Python 3.11 or newer.", True)


def _serial() -> dict:
    there = importlib.util.find_spec("serial") is not None
    return _entry("USB boards", there, "pyserial is there." if there else "Install pyserial: pip install pyserial", True)


def _midi() -> dict:
    try:
        output = open_output("midi:virtual", "reachnote check")
    except OutputProblem as problem:
        return _entry("MIDI port", False, str(problem))
    trouble = output.trouble()
    output.close()
    return _entry("MIDI port", trouble is None, trouble or "a virtual port can be made.")


def _sound() -> dict:
    if shutil.which("fluidsynth") is None:
        return _entry("Own sound", False, "FluidSynth is not installed. On Debian: sudo apt install fluidsynth")
    return _entry("Own sound", True, "FluidSynth is there: reachnote play --out sound:")


def _runtime() -> dict:
    folder = runtime.folder()
    return _entry("Working folder", True, str(folder), True)


def _home() -> dict:
    folder = runtime.state_folder()
    text = "nothing is remembered between sessions: the home folder cannot be written. Playing works."
    return _entry("Memory of last time", folder is not None, str(folder) if folder else text)


def _ports() -> list[dict]:
    from serial.tools import list_ports

    from reachnote.links.serial import VENDORS, who_holds, why_not

    found = []
    for port in list_ports.comports():
        if port.vid not in VENDORS:
            continue
        if not os.access(port.device, os.R_OK | os.W_OK):
            found.append(_entry(port.device, False, why_not(port.device, PermissionError(13, "Permission denied"))))
            continue
        holder = who_holds(port.device)
        found.append(_entry(port.device, True, f"a board, in use by {holder}" if holder else "a board"))
    return found


def look_for_boards(links: list[str]) -> list[dict]:
    """The boards that answer within a moment, without starting a session."""
    scene = read_scene(*load_scene("five-notes"))
    session = Session(scene)
    selector = selectors.DefaultSelector()
    opened: dict[int, tuple] = {}
    found = []
    with contextlib.suppress(LinkProblem):
        found = [open_link(spec, lambda: None) for spec in links]
    end = time.monotonic() + LOOK_S
    known: dict[tuple[int, object], int] = {}
    while time.monotonic() < end:
        for link in found:
            for change in link.changes():
                if isinstance(change, Opened):
                    number = len(known)
                    known[id(link), change.key] = number
                    opened[number] = (link, change.key)
                    session.opened(number, change.name, time.monotonic(), link.network)
                    if change.fileno >= 0 and change.fileno not in selector.get_map():
                        selector.register(change.fileno, selectors.EVENT_READ, link)
        for key, _ in selector.select(0.02) if selector.get_map() else []:
            for name, data in key.data.read(key.fd) or []:
                number = known.get((id(key.data), name))
                if number is not None:
                    take = session.bodies_in if key.data.network else session.bytes_in
                    take(number, [data] if key.data.network else data, time.monotonic())  # type: ignore[arg-type]
        if not selector.get_map():
            time.sleep(0.02)
        session.tick(time.monotonic())
        for number, letter, text in session.writes:
            opened[number][0].write(opened[number][1], letter, text)
        session.writes.clear()
        session.out.clear()
        if known and all(board["state"] == "ready" for board in session.status()) and len(session.status()) == len(known):
            break
    status = session.status()
    for link in found:
        link.close()
    return status
