"""`reachnote limits` and `reachnote transpose`: how loud and how high, for this session or, with --client, for one client for good."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

from reachnote import client_orders, limits
from reachnote.ask import NotRunning, Session
from reachnote.commands import Trouble
from reachnote.scenes_command import keep_music, ordered
from reachnote.sentences import guarded

MOST = 36  # semitones


def add(subparsers: Any) -> None:
    """The words of the commands."""
    loud = subparsers.add_parser("limits", help="the loudness guard: how loud, how many notes, how sudden")
    loud.add_argument("preset", choices=limits.PRESETS, metavar="PRESET", help=", ".join(limits.PRESETS))
    loud.add_argument("--client", default="", metavar="CODE", help="keep it in this client's profiles (never stage)")
    loud.set_defaults(run=limit)
    high = subparsers.add_parser("transpose", help="everything so many semitones higher or lower")
    high.add_argument("by", type=int, metavar="SEMITONES", help="such as 3, or -12 for an octave lower")
    high.add_argument("--client", default="", metavar="CODE", help="keep it in this client's profiles, whatever the scene")
    high.set_defaults(run=transpose)


def limit(arguments: argparse.Namespace) -> int:
    """For the running session, or for a client."""
    if not arguments.client:
        print(ordered({"order": "limits", "preset": arguments.preset}))
        return 0
    try:
        found = limits.of_profile({"preset": arguments.preset}, f"client {arguments.client}")
    except limits.LimitsProblem as problem:
        raise Trouble(str(problem), 2) from None
    code = _keep(arguments.client, "limits", {"preset": arguments.preset})
    print(f"{code}: {guarded(arguments.preset, found.loudest)}")
    return 0


def transpose(arguments: argparse.Namespace) -> int:
    """For the running session, or for a client."""
    if not -MOST <= arguments.by <= MOST:
        raise Trouble(f"{arguments.by} semitones are too many; write a whole number from -{MOST} to {MOST}.", 2)
    if not arguments.client:
        print(ordered({"order": "transpose", "by": arguments.by}))
        return 0
    code = _keep(arguments.client, "transpose", arguments.by)
    print(f"{code}: everything is transposed by {arguments.by}.")
    return 0


def _keep(client: str, key: str, value: object) -> str:
    """Keep it for the client, and tell a session in which that client plays. Their code."""
    code = keep_music(client, key, value)
    found, _ = client_orders.of_client(code)
    with contextlib.suppress(NotRunning):
        with Session() as session:
            playing = session.ask("status")["status"].get("client")
        for thing in found if playing == code else []:
            if thing["order"] == "client":
                ordered(thing)
    return code
