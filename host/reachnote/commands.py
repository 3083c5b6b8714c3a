"""What each command does. Everything a person reads goes through here; see __main__ for the words of the commands."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path

from reachnote import checking, client_orders, journal, programme, replaying, servicing
from reachnote.ask import NotRunning, Session
from reachnote.keeper import Keeper, fresh_take
from reachnote.links import schemes
from reachnote.outputs import OutputProblem, open_output
from reachnote.outputs import check as check_output
from reachnote.outputs import named as named_outputs
from reachnote.pedals import PedalProblem, read_bindings
from reachnote.profile import ProfileProblem, client_code
from reachnote.scene import SceneProblem
from reachnote.session import CLOCKS
from reachnote.settings import Settings, remembered
from reachnote.view import View, plain

WATCHING = "Ctrl-C ends watching; the session goes on."
RECORD_S = 3.0  # until a recording has begun or ended
LEAVE_S = 10.0  # until a session has ended; saving sound may take longer


class Trouble(Exception):
    """Something a person must mend; the text says what."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def _not_running() -> Trouble:
    return Trouble("reachnote is not running. Start it: reachnote play", 3)


# ---------------------------------------------------------------- play


def play(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    _preflight(settings)
    for n, (name, spec) in enumerate(settings.outputs):
        fresh = fresh_take(spec)
        if fresh != spec:
            print(f"{spec[5:]} is there already and is kept; this time it is {fresh[5:]}.", file=sys.stderr)
            settings.outputs[n] = (name, fresh)
    return Keeper(settings, arguments.json, arguments.view).run()


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = (remembered() if arguments.resume else None) or Settings()
    if arguments.link:
        settings.links = arguments.link
    if arguments.out:
        settings.outputs = named_outputs(arguments.out)
    settings.scene = arguments.scene or settings.scene
    settings.client = arguments.client if arguments.client is not None else settings.client
    settings.record = str(Path(arguments.record).resolve()) if arguments.record else ""
    settings.name = arguments.name or settings.name
    settings.limits = arguments.limits or ("" if settings.limits == "stage" else settings.limits)  # chosen anew each time
    settings.pedals = arguments.pedal or settings.pedals
    settings.clock = arguments.clock or settings.clock
    if settings.client and not arguments.scene and not arguments.resume:
        settings.scene = client_orders.scene_of(settings.client.lower()) or settings.scene
    if Path(settings.scene).suffix == ".toml":
        settings.scene = str(Path(settings.scene).resolve())
    return settings


def _preflight(settings: Settings) -> None:
    try:
        plan = programme.load(settings.scene)
        for _, spec in settings.outputs:
            check_output(spec)
        if settings.client:
            settings.client = client_code(settings.client)
        read_bindings("\n".join(settings.pedals), "--pedal")
    except (SceneProblem, OutputProblem, ProfileProblem, PedalProblem) as problem:
        raise Trouble(str(problem), 2) from None
    _links_named(settings.links)
    for scene, _ in plan:
        if problem := programme.missing_output(scene, [name for name, _ in settings.outputs]):
            raise Trouble(f"{settings.scene}: {problem}", 2)
    if len(settings.outputs) > 16:
        raise Trouble("There can be at most 16 outputs at once.", 2)
    if settings.record:
        _new_recording(Path(settings.record))


def _links_named(specs: list[str]) -> None:
    known = schemes()
    for spec in specs:
        scheme, colon, _ = spec.partition(":")
        if not colon or scheme not in known:
            examples = ", ".join(module.EXAMPLE for module in known.values())  # type: ignore[attr-defined]
            raise Trouble(f"'{spec}' names no link. Write one of: {examples}.", 2)


def _new_recording(path: Path) -> None:
    if path.exists():
        raise Trouble(f"{path} exists already; a recording never overwrites one. Choose another name.", 2)


# ---------------------------------------------------------------- the running session


def _session() -> Session:
    try:
        return Session()
    except NotRunning:
        raise _not_running() from None


def watch(arguments: argparse.Namespace) -> int:
    view = View(foot=WATCHING) if sys.stdout.isatty() and not arguments.json else None
    end = time.monotonic() + arguments.seconds if arguments.seconds else float("inf")
    with _session() as session:
        state = _ask(session, "status")["status"]
        if view is not None:
            view.status(state)
        elif not arguments.json:
            print(f"Recording to {state['recording']}." if state.get("recording") else "Not recording.", flush=True)
        _ask(session, "feed", levels_hz=30 if view or arguments.json else 0)
        try:
            for thing in session.follow(0.1):
                if thing is not None:
                    _watched(thing, view, arguments.json)
                if view is not None:
                    view.draw()
                if time.monotonic() >= end:
                    break
        finally:
            if view is not None:
                view.close()
    return 0


def _watched(thing: dict, view: View | None, as_json: bool) -> None:
    if as_json:
        print(json.dumps(thing), flush=True)
    elif view is not None:
        view.take(thing)
    elif text := plain(thing):
        print(text, flush=True)


def silence(arguments: argparse.Namespace) -> int:
    with _session() as session:
        _ask(session, "silence", twice=arguments.twice)
    print("Silence.")
    return 0


def record(arguments: argparse.Namespace) -> int:
    path = "" if arguments.to == "off" else str(Path(arguments.to).resolve())
    if path:
        _new_recording(Path(path))
    with _session() as session:
        before = _ask(session, "status")["status"].get("recording", "")
        if not path and not before:
            print("Not recording.")
            return 0
        _ask(session, "feed", levels_hz=0)
        _ask(session, "record", path=path)
        said = _recording_news(session, path or before)
    if said is None:
        raise Trouble("The session did not say whether it records. Look: reachnote watch")
    if said["news"] == "record-failed":
        raise Trouble(said["text"])
    print(said["text"])
    return 0


def _recording_news(session: Session, path: str) -> dict | None:
    end = time.monotonic() + RECORD_S
    for thing in session.follow(0.1):
        if thing is not None and thing.get("path") == path and thing.get("feed") == "news":
            return thing
        if time.monotonic() > end:
            break
    return None


def stop(arguments: argparse.Namespace) -> int:
    with _session() as session:
        engine = _ask(session, "status")["status"].get("pid", 0)
        _ask(session, "stop")
    end = time.monotonic() + LEAVE_S
    while time.monotonic() < end:
        if not _alive(engine):
            print("The session has ended.")
            return 0
        time.sleep(0.02)
    print("The session is silent; what it played is still being saved.")
    return 0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return bool(pid)


def _ask(session: Session, do: str, **more: object) -> dict:
    try:
        reply = session.ask(do, **more)
    except NotRunning:
        raise _not_running() from None
    if not reply.get("ok"):
        raise Trouble(str(reply.get("text")))
    return reply


# ---------------------------------------------------------------- boards, check, replay, service


def boards(arguments: argparse.Namespace) -> int:
    said: list[str] = []
    _links_named(arguments.link)
    try:
        with Session() as session:
            found = session.ask("status")["status"].get("boards", [])
    except NotRunning:
        found, said = checking.look_for_boards(arguments.link or ["serial:auto"])
    for text in said:
        print(text, file=sys.stderr)
    if arguments.json:
        print(json.dumps(found))
    elif not found and not said:
        print("No board is there. Plug one in; a cable that only charges shows power but no board.")
    else:
        print("\n".join(line for board in found for line in checking.board_lines(board)), end="\n" if found else "")
    return 0 if found else 1


def check(arguments: argparse.Namespace) -> int:
    if arguments.scene:
        try:
            programme.load(arguments.scene)
        except SceneProblem as problem:
            raise Trouble(str(problem)) from None
    found = checking.everything()
    ready = all(thing["ok"] for thing in found if thing["needed"])
    if arguments.json:
        print(json.dumps(found))
    else:
        print("\n".join(checking.check_lines(found)))
    return 0 if ready else 1


def replay(arguments: argparse.Namespace) -> int:
    try:
        with open(arguments.journal, encoding="ascii", errors="replace") as file:
            facts, entries = journal.read(file, arguments.journal)
            return _replay(arguments, facts, entries)
    except OSError as problem:
        raise Trouble(f"The journal {arguments.journal} cannot be read ({problem.strerror}). Check its name.") from None
    except (journal.JournalProblem, SceneProblem, OutputProblem) as problem:
        raise Trouble(str(problem)) from None


def _replay(arguments: argparse.Namespace, facts: dict, entries: object) -> int:
    from reachnote.ledger import Ledger
    from reachnote.session import Session as Core

    outputs = named_outputs(arguments.out)
    plan = programme.load(arguments.scene or str(facts.get("scene", "five-notes")))
    ledger = Ledger()
    core = Core(plan[0][0], [name for name, _ in outputs], plan=plan, **recorded_setup(facts))
    opened = [open_output(spec) for _, spec in outputs]
    count = 0
    began = time.monotonic()
    for event, text in replaying.events(entries, core, ledger, recorded_orders(facts)):  # type: ignore[arg-type]
        count += 1
        for n, output in enumerate(opened):
            if event.outputs >> n & 1:
                output.send(event, text)
    for output in opened:
        output.close()
        if output.trouble():
            raise Trouble(str(output.trouble()))
    summary = {
        "notes": ledger.ons,
        "note_offs": ledger.offs,
        "readings": core.readings,
        "events": count,
        "seconds": round(time.monotonic() - began, 3),
        "outputs": [spec for _, spec in outputs],
    }
    if arguments.json:
        print(json.dumps(summary))
    else:
        kept = "" if outputs else " Nothing was written; to hear it or keep it, name an output: --out file:again.mid"
        print(f"{ledger.ons} notes from {core.readings} readings.{kept}")
    return 0


def recorded_orders(facts: dict) -> list[dict]:
    """The orders in force when a journal with this header began."""
    kept = facts.get("orders", [])
    return [thing for thing in kept if isinstance(thing, dict)] if isinstance(kept, list) else []


def recorded_setup(facts: dict) -> dict:
    """Pedals and clock of the session that a journal with this header is of; what cannot be read is left out."""
    pedals, clock = facts.get("pedals", []), facts.get("clock")
    found: dict = {"clock": clock} if clock in CLOCKS else {}
    with contextlib.suppress(PedalProblem, TypeError):
        found["pedals"] = read_bindings("\n".join(pedals), "journal")
    return found


def service(arguments: argparse.Namespace) -> int:
    try:
        said = servicing.do(arguments.action)
    except servicing.ServiceProblem as problem:
        raise Trouble(str(problem)) from None
    print(json.dumps(said) if arguments.json else said["text"])
    return 0 if said["ok"] else 3
