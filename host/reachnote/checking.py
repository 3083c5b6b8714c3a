"""`reachnote check` and `reachnote boards`: what this computer has and lacks for playing, in words."""

from __future__ import annotations

import importlib.util
import os
import selectors
import shutil
import sys
import textwrap
import time

import reachnote_wire as wire
from reachnote import programme, runtime, sentences
from reachnote.links import Link, LinkProblem, Opened, Said, open_link
from reachnote.outputs import OutputProblem, open_output, sound
from reachnote.session import Session

LOOK_S = 2.5
PORT, OWN_SOUND = "MIDI port", "Own sound"
WELL = {"starting": "is starting", "weak": "plays, a little uncertain"}


def everything() -> list[dict]:
    """One entry a thing: what, ok, needed (nothing plays without it), text."""
    return [_python(), _serial(), _midi(), _sound(), _runtime(), _home(), *_ports()]


def check_lines(found: list[dict]) -> list[str]:
    """`everything` for people."""
    width = max(shutil.get_terminal_size((80, 24)).columns, 40)
    deep = " " * 9
    out: list[str] = []
    for thing in found:
        text = f"{thing['what']}: {thing['text']}"
        word = "ok" if thing["ok"] else "missing"
        out += textwrap.wrap(text, width - 1, initial_indent=f"{word:<9}", subsequent_indent=deep, break_on_hyphens=False)
    lacking = [thing["what"] for thing in found if thing["needed"] and not thing["ok"]]
    sounds = any(thing["ok"] for thing in found if thing["what"] in (PORT, OWN_SOUND))
    if lacking:
        return [*out, "", f"Playing is not possible yet. See above: {', '.join(lacking)}."]
    return [*out, "", "Ready to play." if sounds else "Boards can play, but nothing sounds yet: see what is missing above."]


def board_lines(board: dict) -> list[str]:
    """One board of a session's status for people."""
    state = {"ready": "is ready", "quiet": "has stopped sending", "unplugged": "is unplugged"}.get(board["state"], board["state"])
    where = f" ({board['link']})" if board["link"] else ""
    out = [f"{board['name']} {state}{where}"]
    for sensor in board["sensors"] if board["state"] == "ready" else []:
        status = wire.STATUS_WORDS.index(sensor["status"]) if sensor["status"] in wire.STATUS_WORDS else -1
        said = sentences.of_status(board["name"], sensor["name"], sensor["kind"], status)
        out.append(f"    {said}" if said else f"    {sensor['name']} ({sensor['kind']}) {WELL.get(sensor['status'], 'is fine')}")
    if board["damaged"] > 0.01 * board["lines"] + 3:
        out.append("    Part of what it sends arrives damaged. Try another cable.")
    return out


def _entry(what: str, ok: bool, text: str, needed: bool = False) -> dict:
    return {"what": what, "ok": ok, "needed": needed, "text": text}


def _python() -> dict:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return _entry("Python", good, f"{version}." if good else f"{version} is too old. Install Python 3.11 or newer.", True)


def _serial() -> dict:
    there = importlib.util.find_spec("serial") is not None
    text = "boards are found when they are plugged in." if there else "a part is missing. Type: pip install pyserial"
    return _entry("Boards on USB", there, text, True)


def _midi() -> dict:
    try:
        output = open_output("midi:virtual", "reachnote check")
    except OutputProblem as problem:
        return _entry(PORT, False, str(problem))
    except Exception as problem:  # a library's own surprise
        return _entry(PORT, False, f"The MIDI library does not work here ({problem}). Other outputs play without it.")
    trouble = output.trouble()
    output.close()
    return _entry(PORT, trouble is None, trouble or "synthesizers and music programs can listen to reachnote.")


def _sound() -> dict:
    if shutil.which("fluidsynth") is None:
        return _entry(OWN_SOUND, False, f"FluidSynth is not installed. On Debian type: {sound.APT}")
    if sound.find_soundfont() is None:
        return _entry(OWN_SOUND, False, f"FluidSynth is there, but no SoundFont with the sounds. On Debian type: {sound.APT}")
    if not sound.available_drivers():
        return _entry(OWN_SOUND, False, "FluidSynth is there, but no sound card and no sound server. Only files can be made: --out sound:FILE.wav")
    return _entry(OWN_SOUND, True, "this computer can make the sound itself: reachnote play --out sound:")


def _runtime() -> dict:
    return _entry("Working folder", True, str(runtime.folder()), True)


def _home() -> dict:
    folder = runtime.state_folder()
    text = "The home folder cannot be written, so client and scene are not remembered for next time. Playing works."
    return _entry("Memory of last time", folder is not None, str(folder) if folder else text)


def _ports() -> list[dict]:
    if importlib.util.find_spec("serial") is None:
        return []
    from reachnote.links.serial import board_ports, who_holds, why_not

    found = []
    for path in board_ports():
        if not os.access(path, os.R_OK | os.W_OK):
            found.append(_entry(path, False, why_not(path, PermissionError(13, "Permission denied"))))
            continue
        holder = who_holds(path)
        found.append(_entry(path, True, f"a board, in use by {holder}." if holder else "a board."))
    return found


def look_for_boards(links: list[str]) -> tuple[list[dict], list[str]]:
    """The boards that answer within a moment, without starting a session, and sentences about what is in the way."""
    look = Look()
    try:
        for spec in links:
            look.link(spec)
        end = time.monotonic() + LOOK_S
        while time.monotonic() < end and not look.complete():
            look.once()
        return look.session.status(), look.said
    finally:
        look.close()


class Look:
    """Links and a session that plays nothing."""

    def __init__(self) -> None:
        self.session = Session(programme.load("five-notes")[0][0])
        self.said: list[str] = []
        self._links: list[Link] = []
        self._selector = selectors.DefaultSelector()
        self._numbers: dict[tuple[int, object], int] = {}  # (link, key) -> the session's number
        self._channels: dict[int, tuple[Link, object]] = {}

    def link(self, spec: str) -> None:
        try:
            self._links.append(open_link(spec, lambda: None))
        except LinkProblem as problem:
            self.said.append(str(problem))

    def complete(self) -> bool:
        """Every open channel has a board that is ready."""
        status = self.session.status()
        return 0 < len(self._channels) == len(status) and all(board["state"] == "ready" for board in status)

    def once(self) -> None:
        """What there is to read, for one moment."""
        for index, link in enumerate(self._links):
            self._changes(index, link)
        ready = self._selector.select(0.02) if self._selector.get_map() else time.sleep(0.02)
        for key, _ in ready or []:
            index, link = key.data
            found = link.read(key.fd)
            if found is None:
                self._selector.unregister(key.fd)
            for name, data in found or []:
                self._take(index, link, name, data)
        session = self.session
        session.tick(time.monotonic())
        for number, letter, text in session.writes:
            link, name = self._channels[number]
            link.write(name, letter, text)
        self.said += [thing["text"] for thing in session.news if thing["news"] == "problem" and thing["text"] not in self.said]
        for waiting in (session.writes, session.out, session.news, session.declared, session.gestures):
            waiting.clear()

    def _changes(self, index: int, link: Link) -> None:
        for change in link.changes():
            if isinstance(change, Said) and change.text not in self.said:
                self.said.append(change.text)
            if not isinstance(change, Opened):
                continue
            number = len(self._channels)
            self._numbers[index, change.key] = number
            self._channels[number] = (link, change.key)
            self.session.opened(number, change.name, time.monotonic(), link.network)
            if change.fileno >= 0 and change.fileno not in self._selector.get_map():
                self._selector.register(change.fileno, selectors.EVENT_READ, (index, link))

    def _take(self, index: int, link: Link, name: object, data: bytes) -> None:
        if link.network:
            self._changes(index, link)
        number = self._numbers.get((index, name))
        if number is None:
            return
        if link.network:
            self.session.bodies_in(number, [data], time.monotonic())
        else:
            self.session.bytes_in(number, data, time.monotonic())

    def close(self) -> None:
        for link in self._links:
            link.close()
        self._selector.close()
