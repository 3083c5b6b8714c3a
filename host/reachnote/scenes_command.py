"""`reachnote scenes` (what comes with reachnote), `scene` and `pedal` (steer the music of the running session)."""

from __future__ import annotations

import argparse
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from reachnote import profiles, programme
from reachnote.ask import NotRunning, Session
from reachnote.commands import Trouble
from reachnote.pedals import ACTIONS
from reachnote.profile import ProfileProblem, client_code, with_setting
from reachnote.scene import SceneProblem
from reachnote.unknown import listed

REPLY_S = 3.0


def add(subparsers: Any) -> None:
    """The words of the commands."""
    scenes = subparsers.add_parser("scenes", help="the scenes and plans that come with reachnote")
    scenes.add_argument("--json", action="store_true")
    scenes.set_defaults(run=carried)
    scene = subparsers.add_parser("scene", help="play another scene from now on, in the running session")
    scene.add_argument("name", metavar="NAME|FILE", help="a carried scene (reachnote scenes) or a TOML file")
    scene.add_argument("--client", default="", metavar="CODE", help="keep it as what this client plays, for every session to come")
    scene.set_defaults(run=put_on)
    pedal = subparsers.add_parser("pedal", help="what a therapist's pedal or key does, in the running session")
    pedal.add_argument("action", choices=ACTIONS, metavar="ACTION", help=listed(ACTIONS))
    pedal.set_defaults(run=press)


def carried(arguments: argparse.Namespace) -> int:
    """Every carried scene and plan: a JSON list, or a line each."""
    found = programme.listing()
    print(json.dumps(found) if arguments.json else "\n".join(lines(found)))
    return 0


def lines(found: list[dict]) -> list[str]:
    """For people: name and what it says, then what it plays."""
    width = max((len(thing["name"]) for thing in found), default=0)
    out = []
    for thing in found:
        out.append(f"{thing['name']:{width}}  {thing['says']}")
        if thing["kind"] == "plan":
            out.append(f"{'':{width}}  a plan: {', '.join(thing['scenes'])}")
        elif thing["activity"] != "free-play" or thing["song"]:
            out.append(f"{'':{width}}  {' with '.join(filter(None, (thing['activity'], thing['song'])))}")
    return [*out, "", "Play one: reachnote play --scene NAME; another one while it plays: reachnote scene NAME"]


def put_on(arguments: argparse.Namespace) -> int:
    name = str(Path(arguments.name).resolve()) if Path(arguments.name).suffix == ".toml" else arguments.name
    try:
        programme.order_of(name)  # what cannot be is said here, before the session is asked
    except SceneProblem as problem:
        raise Trouble(str(problem)) from None
    if arguments.client:
        print(f"{keep_music(arguments.client, 'scene', name)} plays {arguments.name} from the next session on.")
    else:
        print(ordered({"order": "scene", "name": name}))
    return 0


def keep_music(client: str, key: str, value: object) -> str:
    """Write it into the `music` of every profile of a client. Their code; Trouble when there is none, or it cannot be kept."""
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    try:
        code = client_code(client)
        if code not in profiles.clients():
            raise Trouble(f"{code} has no profile yet. Calibrate first: reachnote calibrate --client {code}")
        for instrument in profiles.instruments(code):
            profiles.change(code, instrument, lambda held: with_setting(held, "music", {**held.settings.music, key: value}, date))
    except ProfileProblem as problem:
        raise Trouble(str(problem)) from None
    return code


def press(arguments: argparse.Namespace) -> int:
    print(ordered({"order": "pedal", "action": arguments.action}))
    return 0


def ordered(thing: dict) -> str:
    """What the session says of an order; Trouble when it is not running, or did not do it."""
    try:
        with Session() as session:
            session.ask("feed", levels_hz=0)
            mark = time.monotonic_ns()
            session.tell({"id": mark, "do": "order", **thing})
            end = time.monotonic() + REPLY_S
            for said in session.follow(0.1):
                if said and said.get("news") == "order" and said.get("id") == mark:
                    return _done(said)
                if time.monotonic() > end:
                    break
    except NotRunning:
        raise Trouble("reachnote is not running. Start it: reachnote play", 3) from None
    raise Trouble("The session did not say whether it did that. Look: reachnote watch")


def _done(said: dict) -> str:
    if not said["ok"]:
        raise Trouble(said["text"])
    return str(said["text"])
