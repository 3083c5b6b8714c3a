"""reachnote clients: what is kept of each client, an earlier calibration again, everything in one file, everything gone.

Exit codes are those of __main__: 0 well, 1 something a person must mend, 2 the command was written wrongly.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from reachnote import client_orders, profiles
from reachnote.ask import NotRunning, Session
from reachnote.profile import Calibration, Change, Profile, ProfileProblem, client_code, current, find, restore
from reachnote.profile_text import LARGEST, read_profile, write_profile

CODE = "the client's code"
ON = "the instrument, where the client has several"
NONE_YET = "No client is kept yet. A profile begins with the first calibration: reachnote calibrate --client CODE"


class _Wrong(ProfileProblem):
    """The command was written wrongly."""


WORTH = {"A": "works well", "B": "works", "C": "for exploring", "D": "does not tell rest from movement"}


def add(subparsers: Any) -> None:
    """Add `clients` and what it can do to the commands of __main__."""
    top = subparsers.add_parser("clients", help="what is kept of each client: show, restore, export, delete")
    under = top.add_subparsers(dest="clients", required=True, metavar="WHAT")

    _command(under, "list", "every client and their instruments", list_clients, code=False)
    shown = _command(under, "show", "what fits a client now", show)
    shown.add_argument("--on", default="", metavar="INSTRUMENT", help=ON)
    past = _command(under, "history", "every calibration of a client with its date", history)
    past.add_argument("--on", default="", metavar="INSTRUMENT", help=ON)
    past.add_argument("--sensor", default="", help="only this sensor")
    back = _command(under, "restore", "play with an earlier calibration again", restore_calibration)
    back.add_argument("which", metavar="NUMBER|DATE", help="as `reachnote clients history` shows it")
    back.add_argument("--on", default="", metavar="INSTRUMENT", help=ON)
    back.add_argument("--sensor", default="", help="the sensor, where several were calibrated that day")
    out = _command(under, "export", "everything about a client in one zip file", export)
    out.add_argument("file", metavar="FILE.zip")
    recording = "a recording of this client to put in as well; may be repeated"
    out.add_argument("--with", action="append", default=[], dest="further", metavar="FILE", help=recording)
    came = _command(under, "open", "take in a profile file that came with an instrument", open_profile, code=False)
    came.add_argument("file", metavar="FILE")
    gone = _command(under, "delete", "delete everything about a client", delete)
    gone.add_argument("--yes", action="store_true", help="without asking for the code again")


def _command(under: Any, name: str, text: str, run: Callable[[argparse.Namespace], int], code: bool = True) -> Any:
    parser = under.add_parser(name, help=text)
    if code:
        parser.add_argument("code", metavar="CODE", help=CODE)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=_told(run))
    return parser


def _told(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """`run`, with a sentence and an exit code instead of a ProfileProblem."""

    def handler(arguments: argparse.Namespace) -> int:
        try:
            if hasattr(arguments, "code"):
                arguments.code = _code(arguments.code)
            return run(arguments)
        except ProfileProblem as problem:
            print(problem, file=sys.stderr)
            return 2 if isinstance(problem, _Wrong) else 1

    return handler


def _code(text: str) -> str:
    try:
        return client_code(text)
    except ProfileProblem as problem:
        raise _Wrong(str(problem)) from None


def _say(arguments: argparse.Namespace, value: object, lines: list[str]) -> int:
    print(json.dumps(value) if arguments.json else "\n".join(lines))
    return 0


# ---------------------------------------------------------------- looking


def list_clients(arguments: argparse.Namespace) -> int:
    found = [(code, profiles.kept(code)) for code in profiles.clients()]
    value = [{"client": code, "profiles": [_brief(path, held) for path, held in kept]} for code, kept in found]
    lines = [f"{code}: {', '.join(_named(path, held) for path, held in kept) or 'no profile'}" for code, kept in found]
    return _say(arguments, value, lines or [NONE_YET])


def _brief(path: Path, held: Profile | ProfileProblem) -> dict[str, Any]:
    if isinstance(held, ProfileProblem):
        return {"file": path.name, "problem": str(held)}
    return {"file": path.name, "instrument": held.instrument, "edited": held.edited}


def _named(path: Path, held: Profile | ProfileProblem) -> str:
    if isinstance(held, ProfileProblem):
        return f"{path.name} (cannot be read)"
    return f"{held.instrument} (last changed {_day(held.edited)})"


def show(arguments: argparse.Namespace) -> int:
    kept = _chosen(arguments)
    lines = [line for profile in kept for line in _profile_lines(profile)]
    return _say(arguments, [json.loads(write_profile(profile)) for profile in kept], lines)


def _profile_lines(profile: Profile) -> list[str]:
    settings = profile.settings
    lines = [f"{profile.client} on {profile.instrument}, since {_day(profile.created)}, last changed {_day(profile.edited)}"]
    for name in sorted(profile.sensors):
        made = current(profile, name)
        how = f"calibrated {_moment(made.date)}, {made.mode}" if made else "not calibrated: plays with its own range"
        lines.append(f"    {name}: {how}")
    if settings.factor != 1.0:
        way = "easier" if settings.factor < 1.0 else "harder"
        lines.append(f"    {way}: the reach is {round(settings.factor * 100)} % of the calibrated one")
    if settings.frozen:
        lines.append("    the reach stays as it is while playing")
    if settings.music:
        lines.append(f"    music of their own: {', '.join(sorted(settings.music))}")
    return lines


def history(arguments: argparse.Namespace) -> int:
    kept = _chosen(arguments)
    lines: list[str] = []
    for profile in kept:
        entries = [entry for entry in profile.history if arguments.sensor in ("", entry.sensor)]
        lines.append(f"{profile.client} on {profile.instrument}" + ("" if entries else ": no calibration yet"))
        lines += [_entry_line(profile, entry) for entry in entries]
    value = [
        {"instrument": profile.instrument, **_past(entry, profile)}
        for profile in kept
        for entry in profile.history
        if arguments.sensor in ("", entry.sensor)
    ]
    return _say(arguments, value, lines)


def _past(entry: Calibration | Change, profile: Profile) -> dict[str, Any]:
    known = {"number": entry.number, "date": entry.date, "sensor": entry.sensor}
    if isinstance(entry, Change):
        return {"did": entry.did, **known}
    return {"did": "calibrated", **known, "mode": entry.mode, "current": current(profile, entry.sensor) == entry}


def _entry_line(profile: Profile, entry: Calibration | Change) -> str:
    if isinstance(entry, Change):
        now = f"back to {entry.number}" if entry.number else "back to the sensor's own range"
        return f"     -  {_moment(entry.date)}  {entry.sensor}  {entry.did}: {now}"
    mark = "  (plays now)" if current(profile, entry.sensor) == entry else ""
    return f"  {entry.number:4}  {_moment(entry.date)}  {entry.sensor}  {entry.mode}, {WORTH[entry.grade]}{mark}"


# ---------------------------------------------------------------- changing


def restore_calibration(arguments: argparse.Namespace) -> int:
    kept = _chosen(arguments)
    if len(kept) > 1:
        known = ", ".join(profile.instrument for profile in kept)
        raise _Wrong(f"{arguments.code} has profiles for several instruments: {known}. Say which with --on.")
    (profile,) = kept
    wanted = find(profile, arguments.which, arguments.sensor)
    was = current(profile, wanted.sensor)
    if was == wanted:
        return _said(arguments, profile, wanted, f"{wanted.sensor} plays with calibration {wanted.number} already.")
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    profile = profiles.change(profile.client, profile.instrument, lambda held: restore(held, wanted.sensor, wanted.number, now))
    text = f"{wanted.sensor} plays with calibration {wanted.number} of {_moment(wanted.date)} again."
    _play_now(profile, wanted)
    undo = f" Back: reachnote clients restore {profile.client} {was.number}" if was else ""
    return _said(arguments, profile, wanted, text + undo)


def _play_now(profile: Profile, made: Calibration) -> None:
    """A session that runs with this client plays it at once."""
    with contextlib.suppress(NotRunning), Session() as session:
        if session.ask("status")["status"].get("client") == profile.client:
            order = client_orders.of_calibration(made, profile.instrument, made.sensor)
            session.ask("order", **order, factor=profile.settings.factor)


def _said(arguments: argparse.Namespace, profile: Profile, made: Calibration, text: str) -> int:
    value = {"client": profile.client, "instrument": profile.instrument, "sensor": made.sensor, "number": made.number}
    return _say(arguments, {**value, "date": made.date, "text": text}, [text])


def export(arguments: argparse.Namespace) -> int:
    names = profiles.export(arguments.code, Path(arguments.file), [Path(name) for name in arguments.further])
    files = f"{len(names)} file{'s' if len(names) != 1 else ''}"
    text = f"{arguments.file} holds everything that is kept of {arguments.code}: {files}. Keep it as safe as a record."
    return _say(arguments, {"client": arguments.code, "file": arguments.file, "names": names, "text": text}, [text])


def open_profile(arguments: argparse.Namespace) -> int:
    """A client's profile on an instrument, from a file; what is kept of that client on it already always stays."""
    path = Path(arguments.file)
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as problem:
        raise ProfileProblem(f"{path} cannot be opened ({problem.strerror}). Look where it was saved, and give that place.") from None
    profile = read_profile(text, str(path))
    who = f"{profile.client} on {profile.instrument}"
    there = profiles.load(profile.client, profile.instrument)
    if there is None:
        profiles.save(replace(profile, saves=0))
    said = f"{who} is kept here already and stays as it is." if there else f"{who} is ready."
    play = f"reachnote play --client {profile.client}"
    value = {"client": profile.client, "instrument": profile.instrument, "new": there is None, "text": said}
    return _say(arguments, value, [said, f"Calibrate: reachnote calibrate --client {profile.client}      Play: {play}"])


def delete(arguments: argparse.Namespace) -> int:
    code = arguments.code
    profiles.anything_of(code)
    if not arguments.yes and _typed(f"Everything about {code} will be gone for good. Type the code again: ") != code:
        print("The code is another one, so nothing was deleted.", file=sys.stderr)
        return 1
    gone = profiles.delete(code)
    text = f"Everything that reachnote kept of {code} is deleted: {', '.join(gone)}."
    also = "Recordings and exports are where you saved them: delete them there."
    return _say(arguments, {"client": code, "deleted": gone, "text": f"{text} {also}"}, [text, also])


def _typed(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower()


# ---------------------------------------------------------------- which profiles


def _chosen(arguments: argparse.Namespace) -> list[Profile]:
    """The client's profiles, or the one that --on names. What cannot be read is said."""
    kept = profiles.kept(arguments.code)
    if arguments.on:
        found = profiles.load(arguments.code, arguments.on)
        if found is None:
            known = ", ".join(held.instrument for _, held in kept if isinstance(held, Profile)) or "none"
            raise ProfileProblem(f"{arguments.code} has no profile for {arguments.on}. Instruments with a profile: {known}.")
        return [found]
    troubles = [held for _, held in kept if isinstance(held, ProfileProblem)]
    good = [held for _, held in kept if isinstance(held, Profile)]
    if troubles and not good:
        raise troubles[0]
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    if not good:
        raise ProfileProblem(f"{arguments.code} has no profile yet. Calibrate: reachnote calibrate --client {arguments.code}")
    return good


def _day(date: str) -> str:
    return date[:10]


def _moment(date: str) -> str:
    """2031-03-04 10:15 for people."""
    return date[:16].replace("T", " ")
