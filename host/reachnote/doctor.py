"""What keeps a board from playing, in words with the command that mends it. Pure: told what was found.

`judge(facts)` makes the report, `lines(report)` its text.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reachnote.board import Hello
from reachnote.flashing import chips

VENDORS = {0x2E8A: "Raspberry Pi", 0x303A: "Espressif", 0xF055: "MicroPython"}
NO_BOARDS = {  # things of those vendors that are no board, and must never be written to
    (0x2E8A, 0x0004), (0x2E8A, 0x000C), (0x2E8A, 0x000D), (0x2E8A, 0x000E), (0x2E8A, 0x0010), (0x2E8A, 0x0011),
    (0x2E8A, 0x0013), (0x2E8A, 0x0030),
}  # fmt: skip
ADAFRUIT = 0x239A
CIRCUITPYTHON = (0x2E8A, 0x000B)
ADAPTERS = (0x10C4, 0x1A86, 0x0403)  # Silicon Labs, WCH, FTDI
PLATFORMS = {"pico": "rp2", "pico-w": "rp2", "pico-2": "rp2", "esp32-s3": "esp32"}
RELOAD = "sudo udevadm control --reload && sudo udevadm trigger"
FLASH = "reachnote flash"
REPLUG = "Pull the plug, count to three, push it in."
AGAIN = "reachnote doctor"
WIRE, CUT = "────", "─╳──"

Cure = tuple[str, str]
"""A sentence that ends in a colon, and the command; or a sentence alone with "" behind it."""


class Place(NamedTuple):
    """One thing that is plugged into USB. `node` is its file below /dev, `ports` its serial ports."""

    vendor: int
    product: int
    maker: str
    name: str
    serial: str
    node: str
    ports: tuple[str, ...] = ()


class Answer(NamedTuple):
    """What came of talking to a port. `kind` as `board_talks.Probe.answer`; "" where it was not talked to, `text` says why."""

    kind: str = ""
    hello: Hello | None = None
    text: str = ""
    stopped: bool = False
    chip: str = ""
    micropython: str = ""


@dataclass(frozen=True)
class Facts:
    """What was found on this computer. Maps are by port or by a place's node; what is not in them is well."""

    places: Sequence[Place] | None  # None: the system does not tell
    ports: Sequence[str] = ()  # of boards, and those that a person named
    barred: frozenset[str] = frozenset()  # ports and nodes that this user may not use
    holders: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, bool]] = field(default_factory=dict)  # see usb_places.Computer.group
    rule: str = ""  # see usb_places.Computer.rule
    rule_path: str = ""
    modem_manager: bool = False
    answers: Mapping[str, Answer] = field(default_factory=dict)
    session: Sequence[Mapping] | None = None  # boards of the running session
    problems: Sequence[str] = ()  # what the session, or a link, said is in the way
    version: str = ""  # of the firmware that this computer carries
    instruments: Mapping[str, str] = field(default_factory=dict)  # instrument's name: the board it is for
    system: str = "linux"  # sys.platform
    command: str = AGAIN  # what looks again


@dataclass(frozen=True)
class Found:
    """One thing on the report. `picture` is one line; `cures` are what to do, in order."""

    state: str
    picture: str
    text: str
    ready: bool = False
    cures: tuple[Cure, ...] = ()
    name: str = ""
    chip: str = ""
    port: str = ""
    firmware: str = ""


@dataclass(frozen=True)
class Report:
    boards: tuple[Found, ...]
    computer: tuple[Found, ...]

    @property
    def ready(self) -> bool:
        """A board can be played."""
        return any(board.ready for board in self.boards)

    def as_json(self) -> dict:
        """The report as plain JSON values."""
        return {"ready": self.ready, "boards": [_plain(b) for b in self.boards], "computer": [_plain(c) for c in self.computer]}


def _plain(found: Found) -> dict:
    names = ("state", "ready", "name", "chip", "port", "firmware", "text")
    cures = [{"text": text, "command": command} for text, command in found.cures]
    return {name: getattr(found, name) for name in names} | {"cures": cures}


def judge(facts: Facts) -> Report:
    """The report on what was found."""
    boards = [_of_session(facts, board) for board in facts.session or ()]
    used = {str(board.get("link")) for board in facts.session or () if board.get("link")}
    boards += [_of_port(facts, port) for port in facts.ports if port not in used]
    boards += [found for place in facts.places or () if (found := _of_place(facts, place)) is not None]
    computer = _computer(facts)
    if not boards:
        computer = [_nothing(facts), *_adapters(facts), *computer]
    return Report(tuple(boards), tuple(computer))


# ---------------------------------------------------------------- ports


def _of_port(facts: Facts, port: str) -> Found:
    place = next((place for place in facts.places or () if port in place.ports), None)
    what = f"a board ({VENDORS[place.vendor]})" if place and place.vendor in VENDORS else "a board"
    if port in facts.barred:
        cures = _permission(facts, port)
        return Found("no permission", _picture(CUT, port, WIRE, what), "You may not use its port yet.", cures=cures, port=port)
    if port in facts.holders:
        return _held(facts, port, what)
    answer = facts.answers.get(port, Answer())
    if answer.hello is not None:
        return _introduced(facts, port, answer.hello)
    picture = _picture(WIRE, port, CUT, what)
    if answer.kind == "prompt":
        text = f"It runs MicroPython{f' {answer.micropython}' if answer.micropython else ''}, but not reachnote."
        if answer.stopped:
            text += " What ran on it was stopped by this look; it runs again when the plug was pulled and pushed in."
        picture = _picture(WIRE, port, WIRE, f"MicroPython ({answer.chip or VENDORS[place.vendor] if place else 'a board'})")
        return Found("no reachnote", picture, text, cures=_flash(facts), port=port, chip=answer.chip)
    if answer.kind == "no program":
        text = "The program on it is not whole: it was cut short while it was written."
        return Found("no reachnote", picture, text, cures=(("Write it again; its wiring stays:", FLASH),), port=port)
    if answer.kind == "problem":
        return Found("does not fit", picture, answer.text, port=port)
    return _mute(facts, port, picture, place, answer)


def _mute(facts: Facts, port: str, picture: str, place: Place | None, answer: Answer) -> Found:
    if not answer.kind:
        said = answer.text or next((text for text in facts.problems if port in text), "")
        if facts.session is not None and not said:
            stop = (("End it, then look again:", "reachnote stop"),)
            return Found("not used", picture, "The running session does not use it.", cures=stop, port=port)
        state, cures = "does not open", tuple[Cure, ...]()
        if "another program" in said:  # of somebody else, whose name only root may see
            state, cures = "in use", (("To see which one:", f"sudo fuser -v {shlex.quote(port)}"),)
        return Found(state, picture, _for_now(said) or f"It does not open. {REPLUG}", cures=cures, port=port)
    if place and (chip := chips.of_usb(place.vendor, place.product)):
        text = f"{_capital(chip.in_words)} that does not answer: it is blank, or waits for a program, or runs another one."
        return Found("blank", picture, text, cures=_flash(facts), port=port, chip=chip.chip)
    text = "It does not answer as reachnote" + (", nor as MicroPython." if place else ".")
    wake = f"{REPLUG} If it stays so, another program is on it"
    first = next((row for row in chips.BOARDS.values() if place and row.boot_ids[0][0] == place.vendor), None)
    how = f"{wake}: {first.boot_mode}, and write it:" if first else f"{wake}; write it:"
    return Found("does not answer", picture, text, cures=_flash(facts, how), port=port)


def _introduced(facts: Facts, port: str, hello: Hello) -> Found:
    facts_of = {"name": hello.name, "chip": hello.chip, "port": port, "firmware": hello.firmware}
    return _judged(facts, facts_of, hello.instrument, len(hello.sensors))


def _of_session(facts: Facts, board: Mapping) -> Found:
    said = {key: str(board.get(key) or "") for key in ("name", "chip", "firmware")} | {"port": str(board.get("link") or "")}
    if board.get("state") == "ready":
        return _judged(facts, said, str(board.get("instrument") or ""), len(board.get("sensors", ())))
    picture = _picture(CUT, said["port"] or "USB", WIRE, _who(said))
    if board.get("state") == "quiet":
        return Found("silent", picture, f"It has stopped sending. {REPLUG}", **said)
    return Found("unplugged", picture, "It was there and is unplugged. Push its plug in.", **said)


def _judged(facts: Facts, said: dict[str, str], instrument: str, sensors: int) -> Found:
    picture = _picture(WIRE, said["port"], WIRE, _who(said))
    meant = facts.instruments.get(instrument, "")
    if said["chip"] in PLATFORMS.values() and PLATFORMS.get(meant, said["chip"]) != said["chip"]:
        text = f"It carries the wiring of {instrument}, which is for another board ({meant}); on this one the pins are others."
        return Found("wrong wiring", _picture(WIRE, said["port"], CUT, _who(said)), text, cures=_flash(facts), **said)
    text = f"It is ready: {sensors} sensor{'' if sensors == 1 else 's'}."
    cures: tuple[Cure, ...] = (("Check its wiring, sensor by sensor:", f"{facts.command} --sensors"),)
    if facts.version and said["firmware"] and said["firmware"] != facts.version:
        text += f" It carries reachnote {said['firmware']}, this computer {facts.version}."
        newer = _version(said["firmware"]) > _version(facts.version)
        update = ("Update this program:", "pip install --upgrade reachnote")
        cures = (update if newer else ("Bring the board up to date; its wiring stays:", FLASH), *cures)
    return Found("ready", picture, text, True, cures, **said)


def _held(facts: Facts, port: str, what: str) -> Found:
    holder = facts.holders[port]
    picture = _picture(CUT, port, WIRE, what)
    if holder.startswith("ModemManager"):
        text = "ModemManager tries it as a modem, for up to half a minute after it was plugged in."
        return Found("in use", picture, text, cures=(_rule("Keep it away from boards for good:", facts),), port=port)
    text = f"It is in use by {holder}. Close that program."
    return Found("in use", picture, text, cures=(("Then look again:", facts.command),), port=port)


def runs_circuitpython(place: Place) -> bool:
    """Whether another Python than ours is on that board, by its USB numbers."""
    return place.vendor == ADAFRUIT or (place.vendor, place.product) == CIRCUITPYTHON


def may_be_board(place: Place) -> bool:
    """Whether its ports may be talked to: of a known vendor, and none of the things that are no board."""
    numbers = (place.vendor, place.product)
    return place.vendor in VENDORS and numbers not in NO_BOARDS and not runs_circuitpython(place)


def _circuitpython(facts: Facts, port: str) -> Found:
    text = "It runs CircuitPython; reachnote needs MicroPython."
    how = f"{_capital(chips.BOARDS['pico'].boot_mode)}, and write it:"
    return Found("another program", _picture(WIRE, port, CUT, "CircuitPython"), text, cures=_flash(facts, how), port=port)


# ---------------------------------------------------------------- places without a port


def _of_place(facts: Facts, place: Place) -> Found | None:
    if place.ports:
        return _circuitpython(facts, place.ports[0]) if runs_circuitpython(place) else None
    if not may_be_board(place):
        return None
    chip = chips.of_usb(place.vendor, place.product)
    if chip is None:
        text = f"It is on USB but has no port. {REPLUG}"
        cures: tuple[Cure, ...] = (("If it stays so, load the kernel's part for it:", "sudo modprobe cdc-acm"),)
        return Found("no port", _picture(WIRE, "USB", CUT, f"a board ({VENDORS[place.vendor]})"), text, cures=cures)
    who = f"{chip.words} in boot mode"
    text = (
        "It waits for a program: it is blank, or its BOOTSEL button was held. "
        f"If a program was just written to it and it is here again, that program was for another chip: this one is {chip.in_words}."
    )
    cures = _flash(facts)
    if place.node in facts.barred:
        cures = (*_permission(facts, place.node), *cures)
        text += " You may not write to it over USB yet."
    return Found("boot mode", _picture(WIRE, "USB", WIRE, who), text, cures=cures, chip=chip.chip)


def _nothing(facts: Facts) -> Found:
    picture = f"computer {CUT} no board"
    if facts.places is None and facts.system == "linux":
        text = "This computer shows no USB here, as in a container or a virtual machine. Look from the computer itself."
        return Found("no board", picture, text)
    if facts.places is None:
        text = "No board shows on USB. Where its light is on, the cable may only charge: power comes through and data does not."
        allow = ("If the computer asks whether to allow the accessory, allow it. (This was not tried on a Mac yet.)", "")
        return Found("no board", picture, text, cures=(allow, _other_cable(), ("Then look again:", AGAIN)))
    count = len(facts.places)
    others = f"USB shows {count} other thing{'' if count == 1 else 's'}, but no board." if count else "USB shows nothing at all."
    text = (
        f"{others} Where the board's light is on, power comes through and data does not: "
        "that cable only charges, or the socket gives power alone."
    )
    bootsel = "How to tell: hold the board's BOOTSEL button (BOOT on an ESP32) while you push the plug in, then look again."
    tell = (f"{bootsel} With a cable for data it then shows in boot mode, whatever is on it:", AGAIN)
    return Found("no board", picture, text, cures=(_other_cable(), tell))


def _other_cable() -> Cure:
    return "Take another cable, one that has carried files, and put it straight into the computer.", ""


def _adapters(facts: Facts) -> list[Found]:
    ports = [port for place in facts.places or () if place.vendor in ADAPTERS for port in place.ports]
    if not ports:
        return []
    text = (
        f"A serial adapter is at {', '.join(ports)}; it is left alone. Some ESP32-S3 boards have two sockets and show like "
        "this in the one marked UART or COM: use the one marked USB."
    )
    return [Found("adapter", _picture(WIRE, ports[0], CUT, "a serial adapter"), text)]


def _computer(facts: Facts) -> list[Found]:
    if facts.modem_manager and facts.rule in ("missing", "older"):
        text = "ModemManager runs and tries every new board as a modem, which keeps the board busy for up to half a minute."
        cures = (_rule("Keep it away from boards for good:", facts),)
        return [Found("ModemManager", "computer: ModemManager", text, cures=cures)]
    return []


# ---------------------------------------------------------------- cures


def _flash(facts: Facts, sentence: str = "Write its program and its wiring:") -> tuple[Cure, ...]:
    names = ", ".join(sorted(facts.instruments))
    which = ((f"NAME is its instrument: {names}.", ""),) if names else ()
    return ((sentence, f"{FLASH} --instrument NAME"), *which)


def _rule(sentence: str, facts: Facts) -> Cure:
    return sentence, f"sudo cp {shlex.quote(facts.rule_path)} /etc/udev/rules.d/ && {RELOAD}"


def _permission(facts: Facts, path: str) -> tuple[Cure, ...]:
    group, joined = facts.groups.get(path, ("", False))
    if joined:
        return ((f"You are in the group {group}, but not yet in this login: log out and in.", ""),)
    ways: list[Cure] = []
    if facts.rule in ("missing", "older"):
        ways.append(_rule("Install the rule for boards; it works at once:", facts))
    elif facts.rule == "installed":
        seat = "The rule for boards is installed. It counts for who sits at the computer: pull the plug and push it in."
        ways.append((seat, ""))
    if group:
        or_so = "Or, for a login over the network as well" if ways else "Join the group that may"
        ways.append((f"{or_so}; it counts after you logged out and in:", f"sudo usermod -a -G {group} $USER"))
    return tuple(ways)


def _picture(first: str, port: str, second: str, who: str) -> str:
    return f"computer {first} {port} {second} {who}"


def _who(said: Mapping[str, str]) -> str:
    facts = [said["chip"], f"firmware {said['firmware']}" if said["firmware"] else ""]
    known = ", ".join(fact for fact in facts if fact)
    return f"{said['name']} ({known})" if known else said["name"]


def _for_now(said: str) -> str:
    """What a link says, without its promise to go on trying: nobody does after the report."""
    for promise in (
        "It is used as soon as it appears.",
        "It is tried again until it works.",
        "; it is tried again until it works",
    ):
        said = said.replace(promise, "")
    return said.strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


# ---------------------------------------------------------------- for people


def lines(report: Report, width: int = 80) -> list[str]:
    """The report as lines of at most `width` characters; only commands may be longer, so that they can be copied whole."""
    out: list[str] = []
    for found in (*report.boards, *report.computer):
        out += [*_wrapped(found.picture, width, ""), *_wrapped(found.text, width, "  ")]
        for sentence, command in found.cures:
            out += _wrapped(sentence, width, "  ")
            out += [f"      {command}"] if command else []
        out.append("")
    ready = sum(board.ready for board in report.boards)
    if not ready:
        return [*out, *_wrapped(f"No board is ready yet. Do what stands above, then: {AGAIN}", width, "")]
    return [*out, "A board is ready to play." if ready == 1 else f"{ready} boards are ready to play."]


def _wrapped(text: str, width: int, deep: str) -> list[str]:
    return textwrap.wrap(text, max(width - 1, 30), initial_indent=deep, subsequent_indent=deep, break_on_hyphens=False)
