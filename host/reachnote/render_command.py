"""`reachnote render`: a whole session of simulated clients, in invented time, as a MIDI file."""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from reachnote import limits, places, programme, rendering
from reachnote.commands import Trouble
from reachnote.scene import SceneProblem
from reachnote.smf_bytes import take_to_smf
from reachnote.unknown import nearest

LONGEST_S = 3600.0


@cache
def library() -> ModuleType:
    """The simulated clients that the firmware's desktop carries: NAMES, `client_of(name, seed, **own)`."""
    path = places.firmware() / "desktop" / "clients.py"
    spec = importlib.util.spec_from_file_location("reachnote_simulated_clients", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def clients(name: str) -> rendering.Clients:
    """Clients of that name, one for each seed. Trouble names those that there are."""
    known = library().NAMES
    if name not in known:
        raise Trouble(f"There is no client '{name}'; there are: {', '.join(known)}.{nearest(name, known)}", 2)
    return lambda seed, **own: library().client_of(name, seed, **own)


def add(subparsers: Any) -> None:
    """The words of the command."""
    render = subparsers.add_parser("render", help="a whole session of simulated clients as a MIDI file, in no time")
    render.add_argument(
        "--scene", default="five-notes", metavar="NAME|FILE", help="a carried scene or plan, or a TOML file (five-notes)"
    )
    render.add_argument("--client", default="steady", metavar="NAME", help="who plays (steady); an unknown name lists them all")
    render.add_argument("--seconds", type=float, default=60.0, metavar="S", help="how long they play (60)")
    render.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another number, another session; the same, the same (1)"
    )
    render.add_argument(
        "--limits", default="standard", choices=limits.PRESETS, metavar="PRESET", help=f"{', '.join(limits.PRESETS)} (standard)"
    )
    render.add_argument("--out", required=True, metavar="FILE.mid", help="an older file of that name is replaced")
    render.add_argument("--json", action="store_true")
    render.set_defaults(run=render_to_file)


def render_to_file(arguments: argparse.Namespace) -> int:
    if not 1.0 <= arguments.seconds <= LONGEST_S:
        raise Trouble(f"--seconds {arguments.seconds:g} is not possible; write 1 to {LONGEST_S:g}.", 2)
    path = Path(arguments.out)
    if path.suffix.lower() not in (".mid", ".midi"):
        raise Trouble(f"'{path}' is no MIDI file's name; write one that ends in .mid.", 2)
    who = clients(arguments.client)
    began = time.monotonic()
    try:
        plan = programme.load(arguments.scene)
        take = rendering.rendered(plan, who, arguments.seconds, arguments.seed, limits.PRESETS[arguments.limits])
    except SceneProblem as problem:
        raise Trouble(str(problem)) from None
    rest = arguments.seconds - take.events[-1].time if take.events else 0.0
    title = f"{arguments.scene}, {arguments.client}, seed {arguments.seed}"
    try:
        path.write_bytes(take_to_smf(take.events, take.names, title, max(rest, 0.0) + rendering.TAIL_S))
    except OSError as problem:
        raise Trouble(f"'{path}' was not written ({problem.strerror}). Choose another place.") from None
    _say(arguments, take, round(time.monotonic() - began, 3))
    return 0


def _say(arguments: argparse.Namespace, take: rendering.Take, took: float) -> None:
    if arguments.json:
        said = {"notes": take.notes, "gestures": take.gestures, "readings": take.readings, "refused": take.refused}
        print(json.dumps({**said, "file": arguments.out, "took": took}))
        return
    print(f"{arguments.out}: {take.notes} notes from {take.readings} readings of {arguments.seconds:g} s, in {took:.1f} s.")
