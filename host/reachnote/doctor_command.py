"""`reachnote doctor`: what keeps a board from playing, and, with --sensors, whether it is wired as it should be."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reachnote import doctor, instruments, places
from reachnote.ask import NotRunning, Session
from reachnote.board import Hello
from reachnote.board_talks import Probe, Talk
from reachnote.commands import Trouble
from reachnote.hearing import Heard, Hearing
from reachnote.instrument import InstrumentProblem
from reachnote.links import schemes
from reachnote.usb_places import RULE, Computer
from reachnote.wiring_check import Sheet, WiringCheck, sheet_json, sheet_lines
from reachnote.wiring_terminal import Running, Source, Straight, Walk, on_a_terminal
from reachnote.wiring_words import pins_of

PROBE_S = 6.0
OPEN_S = 1.5  # for a port that a driver is slow to open
FIND_S = 4.0


def add(subparsers: Any) -> None:
    """The words of the command."""
    command = subparsers.add_parser("doctor", help="what keeps a board from playing, and how to mend it")
    command.add_argument("--sensors", action="store_true", help="check the wiring of a board, sensor by sensor")
    command.add_argument("--board", default="", metavar="NAME", help="with --sensors: which board, when there are several")
    command.add_argument(
        "--link", action="append", default=[], metavar="LINK", help="look there instead, as in serial:/dev/ttyACM0"
    )
    command.add_argument("--json", action="store_true", help="what was found as one JSON object")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    arguments.link = [spec for spec in arguments.link if spec != "serial:auto"]
    for spec in arguments.link:
        if spec.partition(":")[0] not in schemes() or ":" not in spec:
            raise Trouble(f"'{spec}' names no link. Write it as in serial:/dev/ttyACM0.", 2)
    if importlib.util.find_spec("serial") is None:
        raise Trouble("The part that speaks to boards is missing. Type: pip install pyserial")
    return _sensors(arguments) if arguments.sensors else _examine(arguments)


def _examine(arguments: argparse.Namespace) -> int:
    report = doctor.judge(facts_of(Computer(), arguments.link))
    if arguments.json:
        print(json.dumps(report.as_json()))
    else:
        print("\n".join(doctor.lines(report, shutil.get_terminal_size((80, 24)).columns)))
    return 0 if report.ready else 1


# ---------------------------------------------------------------- what there is


def facts_of(computer: Computer, links: list[str]) -> doctor.Facts:
    """Everything that the report is about. A port is talked to only where no session runs, and nobody else holds it, and a
    known vendor's board is behind it; or where `links` names it."""
    from reachnote.links.serial import board_ports

    found = None if links else computer.places()
    running = None if links else _session()
    ports = [spec.partition(":")[2] for spec in links if spec.startswith("serial:")]
    if not links:
        ports = board_ports() if found is None else _board_ports(found)
    nodes = [place.node for place in found or () if doctor.may_be_board(place) and not place.ports]
    barred = frozenset(path for path in (*ports, *nodes) if Path(path).exists() and not computer.may(path))
    free = [port for port in ports if port not in barred and Path(port).exists()]
    others = [spec for spec in links if not spec.startswith("serial:")]
    answers, holders, said = _answers(free, others, named=bool(links)) if running is None else ({}, {}, _problems(running))
    rule = places.hardware() / "common" / RULE
    return doctor.Facts(
        places=found,
        ports=[*ports, *(port for port in answers if port not in ports)],
        barred=barred,
        holders=holders,
        groups={path: computer.group(path) for path in barred},
        rule=computer.rule(rule),
        rule_path=str(rule),
        modem_manager=computer.runs("ModemManager"),
        answers=answers,
        session=None if running is None else running.get("status", {}).get("boards", []),
        problems=[*said, *(f"There is no port {port}." for port in ports if not Path(port).exists())],
        version=_carried_version(),
        instruments=_instruments(),
        system=sys.platform,
        command=" ".join([doctor.AGAIN, *(f"--link {shlex.quote(spec)}" for spec in links)]),
    )


def _answers(ports: list[str], others: list[str], named: bool) -> tuple[dict[str, doctor.Answer], dict[str, str], list[str]]:
    """What answers, who holds what does not, and sentences about what did not open."""
    from reachnote.links.serial import who_holds

    holders = {} if named else {port: holder for port in ports if (holder := who_holds(port))}
    answers, said = _probe([f"serial:{port}" for port in ports if port not in holders] + others, named)
    holders |= {port: holder for port in ports if port not in answers and (holder := who_holds(port))}
    return answers, holders, said


def _board_ports(found: list[doctor.Place]) -> list[str]:
    return [port for place in found if doctor.may_be_board(place) for port in place.ports]


def _session() -> dict | None:
    try:
        with Session() as session:
            return session.ask("status")
    except NotRunning:
        return None


def _problems(running: Mapping) -> list[str]:
    return [str(thing.get("text")) for thing in running.get("news", []) if thing.get("news") == "problem"]


def _probe(specs: list[str], named: bool) -> tuple[dict[str, doctor.Answer], list[str]]:
    """What each link answers, and sentences about those that did not open. Ports that a person named get no Ctrl-C."""
    if not specs:
        return {}, []
    with Hearing(specs, lambda _, now: Probe(now, may_interrupt=not named)) as hearing:
        began = time.monotonic()
        while (now := time.monotonic()) - began < PROBE_S:
            hearing.once()
            there = [heard.talk for heard in hearing.channels if heard.open]
            settled = all(talk.answer for talk in there if isinstance(talk, Probe))
            if settled and (len(there) >= len(specs) or now - began > OPEN_S):
                break
        answers = {heard.name: _answer(heard.talk) for heard in hearing.channels if isinstance(heard.talk, Probe)}
        return answers, hearing.said


def _answer(probe: Probe) -> doctor.Answer:
    text = probe.board.problem or ""
    return doctor.Answer(probe.answer or "mute", probe.board.hello, text, probe.stopped, probe.chip, probe.micropython)


def _carried_version() -> str:
    text = (places.firmware() / "reachnote_board" / "__init__.py").read_text("utf-8")
    found = re.search(r'^VERSION = "([^"]+)"', text, re.M)
    return found[1] if found else ""


def _instruments() -> dict[str, str]:
    """{name: board that it is for} of every instrument that comes with reachnote."""
    found = {}
    for name in instruments.carried():
        wiring = _wiring_of(name)
        if wiring is not None:
            found[name] = str(wiring["board"])
    return found


def _wiring_of(instrument: str) -> dict | None:
    """The wiring of an instrument that comes with reachnote; None for any other."""
    if instrument not in instruments.carried():
        return None
    try:
        return instruments.wiring_of(places.hardware() / instrument)
    except InstrumentProblem:
        return None


def known_pins(hello: Hello) -> dict[str, str]:
    """Where the sensors of a board are connected, if its instrument is known by name and has just these sensors."""
    wiring = _wiring_of(hello.instrument)
    if wiring is None or [sensor["name"] for sensor in wiring["sensors"]] != [info.name for info in hello.sensors]:
        return {}
    return pins_of(wiring, instruments.drivers())


# ---------------------------------------------------------------- sensors


def _sensors(arguments: argparse.Namespace) -> int:
    out = sys.stderr if arguments.json else sys.stdout
    if not on_a_terminal(out):
        raise Trouble("The wiring check needs a terminal with a keyboard. What can be told without one: reachnote doctor", 2)
    try:
        with _source(arguments) as source:
            check = WiringCheck(source.hello, known_pins(source.hello))
            sheet = Walk(source, check, out).run()
    except NotRunning:
        raise Trouble(
            "The session has ended meanwhile, so the check ended with it. Type: reachnote doctor --sensors", 3
        ) from None
    _tell(sheet, arguments.json)
    return 0 if sheet.good else 1


def _tell(sheet: Sheet, as_json: bool) -> None:
    width = shutil.get_terminal_size((80, 24)).columns - 1
    print(json.dumps(sheet_json(sheet)) if as_json else "\n".join(sheet_lines(sheet, width)))


@contextlib.contextmanager
def _source(arguments: argparse.Namespace) -> Iterator[Source]:
    """The board to check: of the running session, or straight from its link."""
    session = None
    if not arguments.link:
        with contextlib.suppress(NotRunning):
            session = Session()
    if session is not None:
        with session:
            boards = [board for board in session.ask("status")["status"].get("boards", []) if board["state"] == "ready"]
            board = boards[_chosen([board["name"] for board in boards], arguments.board)]
            print("A session runs and goes on, so what you touch sounds. To check in silence: reachnote stop", file=sys.stderr)
            yield Running(session, board)
        return
    with Hearing(arguments.link or ["serial:auto"], lambda _, now: Talk(now)) as hearing:
        there = _boards_there(hearing, one=bool(arguments.board))
        names = [heard.talk.board.hello.name for heard in there if heard.talk.board.hello]
        if not names:
            raise Trouble("\n".join([*hearing.said, "No board answers. What is in the way: reachnote doctor"]))
        yield Straight(hearing, there[_chosen(names, arguments.board)])


def _boards_there(hearing: Hearing, one: bool) -> list[Heard]:
    """The channels with a board: after FIND_S, or as soon as every channel has one."""
    began = time.monotonic()
    while (now := time.monotonic()) - began < FIND_S:
        hearing.once()
        there = [heard for heard in hearing.channels if heard.open]
        if there and all(heard.talk.board.hello for heard in there) and now - began > 0.5:
            break
    return [heard for heard in hearing.channels if heard.open and heard.talk.board.hello]


def _chosen(names: list[str], wanted: str) -> int:
    if not names:
        raise Trouble("No board is ready. What is in the way: reachnote doctor")
    if wanted:
        if wanted not in names:
            raise Trouble(f"There is no board '{wanted}'. There {'is' if len(names) == 1 else 'are'}: {', '.join(names)}.", 2)
        return names.index(wanted)
    if len(names) > 1:
        known = ", ".join(f"'{name}'" for name in names)
        raise Trouble(f"There are several boards. Write --board and one of: {known}.", 2)
    return 0
