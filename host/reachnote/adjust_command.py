"""`reachnote adjust` and `compare` (while playing), `reachnote preview` (what would have sounded with these settings)."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import threading
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from reachnote import client_orders, journal, profiles, programme
from reachnote.ask import NotRunning, Session
from reachnote.chain import EASIER, HARDER, OrderProblem
from reachnote.commands import Trouble, recorded_orders
from reachnote.preview import Played, sounded
from reachnote.profile import Profile, ProfileProblem, client_code, current, with_calibration, with_setting
from reachnote.scene import SceneProblem

SCALES = {"easier": EASIER, "harder": HARDER}
ONSETS = {"more-sensitive": EASIER, "less-sensitive": HARDER}
WHAT = (*SCALES, *ONSETS, "freeze", "follow")
BLOCKS = {"with-sound": "with sound", "without-sound": "without sound", "end": "end"}
REPLY_S = 3.0
LAST_S = 10.0
COLUMNS = 60


def add(subparsers: Any) -> None:
    """The words of the commands."""
    adjust = subparsers.add_parser("adjust", help="change the reach or the sensitivity while playing")
    adjust.add_argument("what", choices=WHAT, metavar="WHAT", help=", ".join(WHAT))
    adjust.add_argument("--sensor", default="", metavar="BOARD/SENSOR", help="one sensor; without it all of them")
    adjust.set_defaults(run=adjust_running)
    preview = subparsers.add_parser("preview", help="what the last minute, or a recording, would have sounded with other settings")
    preview.add_argument("journal", nargs="?", default="", metavar="JOURNAL", help="without it: the last 60 s of the session")
    preview.add_argument("--try", dest="tried", action="append", default=[], choices=(*SCALES, *ONSETS, "plain"), metavar="WHAT",
                         help=f"{', '.join((*SCALES, *ONSETS, 'plain'))}; may be repeated")  # fmt: skip
    preview.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="one parameter by its name (protocols/files.md)")
    preview.add_argument("--sensor", default="", metavar="BOARD/SENSOR", help="try it on one sensor only")
    preview.add_argument("--client", default="", metavar="CODE", help="try the stored calibrations of a client")
    preview.add_argument("--scene", default=None, metavar="NAME|FILE")
    preview.add_argument("--json", action="store_true")
    preview.set_defaults(run=preview_recorded)


    compare = subparsers.add_parser("compare", help="stretches of play with and without sound; two durations, no conclusion")
    compare.add_argument("block", choices=BLOCKS, metavar="BLOCK", help=", ".join(BLOCKS))
    compare.set_defaults(run=compare_running)


# ---------------------------------------------------------------- adjust, compare


def compare_running(arguments: argparse.Namespace) -> int:
    print(_asked({"order": "block", "kind": BLOCKS[arguments.block]})[1]["text"])
    return 0


def _asked(thing: dict) -> tuple[dict, dict]:
    """(state before, what the session said of the order)."""
    try:
        with Session() as session:
            state = session.ask("status")["status"]
            said = _ordered(session, thing)
    except NotRunning:
        raise Trouble("reachnote is not running. Start it: reachnote play", 3) from None
    if not said["ok"]:
        raise Trouble(said["text"])
    return state, said

def adjust_running(arguments: argparse.Namespace) -> int:
    thing = {"order": "freeze" if arguments.what == "follow" else arguments.what, **_where(arguments.sensor)}
    if thing["order"] == "freeze":
        thing["on"] = arguments.what == "freeze"
    state, said = _asked(thing)
    print(said["text"])
    try:
        _keep(state, arguments)
    except ProfileProblem as problem:
        raise Trouble(str(problem)) from None
    return 0


def _where(name: str) -> dict:
    if not name:
        return {}
    board, slash, sensor = name.partition("/")
    return {"board": board, "sensor": sensor} if slash else {"sensor": board}  # a sensor's name alone will do


def _ordered(session: Session, thing: dict) -> dict:
    session.ask("feed", levels_hz=0)
    mark = time.monotonic_ns()
    session.tell({"id": mark, "do": "order", **thing})
    end = time.monotonic() + REPLY_S
    for said in session.follow(0.1):
        if said and said.get("news") == "order" and said.get("id") == mark:
            return said
        if time.monotonic() > end:
            break
    raise Trouble("The session did not say whether it did that. Look: reachnote watch")


def _keep(state: dict, arguments: argparse.Namespace) -> None:
    """What was changed goes into the profiles of the session's client, where there are any."""
    client = state.get("client")
    if not client or client not in profiles.clients():
        return
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    where = _where(arguments.sensor)
    for instrument in profiles.instruments(client):
        if where.get("board", instrument) == instrument:
            profiles.change(client, instrument, lambda profile: changed(profile, arguments.what, where.get("sensor", ""), date))


def changed(profile: Profile, what: str, sensor: str, date: str) -> Profile:
    """A profile after an adjustment."""
    if what in SCALES:
        return with_setting(profile, "factor", round(min(max(profile.settings.factor * SCALES[what], 0.45), 2.0), 4), date)
    if what in ("freeze", "follow"):
        return with_setting(profile, "frozen", what == "freeze", date)
    for name in profile.sensors:
        made = current(profile, name)
        if made is not None and "onset" in made.parameters and sensor in ("", name):
            onset = round(made.parameters["onset"] * ONSETS[what])
            parameters = {**made.parameters, "onset": min(max(onset, 164), 8192)}
            profile = with_calibration(profile, name, replace(made, parameters=parameters, date=date, mode="adjusted"))
    return profile


# ---------------------------------------------------------------- preview


def preview_recorded(arguments: argparse.Namespace) -> int:
    try:
        facts, entries = recorded(arguments.journal)
        scene = programme.load(arguments.scene or str(facts.get("scene", "five-notes")))[0][0]
        tried = _tried(arguments)
        before = recorded_orders(facts)
        as_set, seconds = sounded(entries, scene, before)
        began = time.monotonic()
        as_tried, _ = sounded(entries, scene, before, tried)
        took = time.monotonic() - began
    except (journal.JournalProblem, SceneProblem, OrderProblem, ProfileProblem) as problem:
        raise Trouble(str(problem)) from None
    if arguments.json:
        both = {name: {"kind": played.kind, "as_set": _told(played), "as_tried": _told(as_tried[name])} for name, played in as_set.items()}
        print(json.dumps({"seconds": round(seconds, 3), "took": round(took, 3), "sensors": both}))
        return 0
    if not as_set:
        raise Trouble("Nothing was heard in that time: no board was there.")
    print("\n".join(lines(as_set, as_tried, seconds, bool(tried))))
    return 0


def _told(played: Played) -> dict:
    return {"notes": played.notes, "gestures": [[round(a, 3), round(b, 3)] for a, b in played.gestures]}


def lines(as_set: dict[str, Played], as_tried: dict[str, Played], seconds: float, tried: bool) -> list[str]:
    """Both, sensor by sensor, with a strip of `COLUMNS` characters of what sounded when."""
    out = [f"{seconds:.0f} seconds, from left to right"]
    for name, played in as_set.items():
        out += ["", name.replace("/", ", "), f"  as set    {_count(played):>9}  {_strip(played, seconds)}"]
        if tried:
            out.append(f"  as tried  {_count(as_tried[name]):>9}  {_strip(as_tried[name], seconds)}")
    if not tried:
        out += ["", "Try something: --try easier, harder, more-sensitive, less-sensitive, plain, or --client CODE"]
    return out


def _count(played: Played) -> str:
    return f"{played.notes} note{'' if played.notes == 1 else 's'}"


def _strip(played: Played, seconds: float) -> str:
    cells = ["·"] * COLUMNS
    for start, end in played.gestures:
        first, last = (min(int(t / max(seconds, 1e-6) * COLUMNS), COLUMNS - 1) for t in (start, end))
        for n in range(first, last + 1):
            cells[n] = "█"
    return "".join(cells)


def _tried(arguments: argparse.Namespace) -> list[dict]:
    where = _where(arguments.sensor)
    found: list[dict] = []
    if arguments.client:
        client = client_code(arguments.client)
        orders, told = client_orders.of_client(client)
        if not orders:
            raise Trouble(told[0] if told else f"{client} has no calibration yet.")
        found += orders
    found += [{"order": what, **where} for what in arguments.tried]
    for text in arguments.set:
        name, _, value = text.partition("=")
        try:
            found.append({"order": "set", **where, "name": name, "value": int(value)})
        except ValueError:
            raise Trouble(f"'{text}' sets nothing. Write a name and a whole number, like onset=2000.", 2) from None
    return found


def recorded(path: str) -> tuple[dict, list[journal.Entry]]:
    """(header, entries) of a journal, or with "" of the running session's last minute. Trouble when there is neither."""
    if not path:
        return _last_minute()
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            facts, entries = journal.read(file, path)
            return facts, list(entries)
    except OSError as problem:
        raise Trouble(f"The journal {path} cannot be read ({problem.strerror}). Check its name.") from None


def _read(pipe: Path, heard: list[str]) -> None:
    with contextlib.suppress(OSError):
        heard.append(pipe.read_text("ascii", "replace"))


def _last_minute() -> tuple[dict, list[journal.Entry]]:
    """The session's last 60 s, through a pipe: they never touch the disk."""
    with tempfile.TemporaryDirectory(prefix="reachnote-") as folder:
        pipe = Path(folder) / "last"
        os.mkfifo(pipe, 0o600)
        heard: list[str] = []
        reader = threading.Thread(target=_read, args=(pipe, heard), daemon=True)
        try:
            with Session() as session:
                reader.start()
                session.ask("last", path=str(pipe))
                reader.join(LAST_S)
        except NotRunning:
            raise Trouble("reachnote is not running. Start it: reachnote play; or name a recording.", 3) from None
    if not heard:
        raise Trouble("The session did not hand out its last minute. Try again, or record: reachnote record FILE")
    facts, entries = journal.read(heard[0].splitlines(keepends=True), "the last minute")
    return facts, list(entries)
