"""What each command does. Everything a person reads goes through here; see __main__ for the words of the commands."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from reachnote import checking, journal, replaying, servicing
from reachnote.ask import NotRunning, Session
from reachnote.engine import Settings, load_scene, remembered
from reachnote.outputs import OutputProblem, open_output, parse
from reachnote.scene import SceneProblem, read_scene
from reachnote.view import View

NAMED = re.compile(r"^([a-z][a-z0-9-]*)=(.*)$", re.S)
RESTART_S = 0.5
START_S = 5.0


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
    return Keeper(settings, arguments.json, arguments.view).run()


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = (remembered() if arguments.resume else None) or Settings()
    if arguments.link:
        settings.links = arguments.link
    if arguments.out:
        settings.outputs = _named(arguments.out)
    settings.scene = arguments.scene or settings.scene
    settings.client = arguments.client if arguments.client is not None else settings.client
    settings.record = arguments.record
    settings.name = arguments.name
    if Path(settings.scene).suffix == ".toml":
        settings.scene = str(Path(settings.scene).resolve())
    return settings


def _named(specs: list[str]) -> list[tuple[str, str]]:
    outputs: list[tuple[str, str]] = []
    for spec in specs:
        match = NAMED.match(spec)
        name, spec = match.groups() if match else (spec.partition(":")[0], spec)
        taken = {known for known, _ in outputs}
        base, n = name, 2
        while name in taken:
            name, n = f"{base}{n}", n + 1
        outputs.append((name, spec))
    return outputs


def _preflight(settings: Settings) -> None:
    try:
        text, where = load_scene(settings.scene)
        scene = read_scene(text, where)
        for _, spec in settings.outputs:
            parse(spec)
    except (SceneProblem, OutputProblem) as problem:
        raise Trouble(str(problem), 2) from None
    known = {name for name, _ in settings.outputs}
    for rule in scene.voices:
        for name in rule.outputs:
            if name not in known:
                raise Trouble(f"{where}: outputs names '{name}', but there is only {', '.join(sorted(known))}.", 2)
    if len(settings.outputs) > 16:
        raise Trouble("There can be at most 16 outputs at once.", 2)
    if settings.record and Path(settings.record).exists():
        raise Trouble(f"{settings.record} exists already; a recording never overwrites one. Choose another name.", 2)


class Keeper:
    """Starts the engine, shows what it says, starts it again after a crash, ends it with us."""

    def __init__(self, settings: Settings, as_json: bool, view: bool) -> None:
        self._settings = settings
        self._json = as_json
        self._view = View() if view else None
        self._engine: subprocess.Popen | None = None
        self._ending = False

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)
        while True:
            self._start()
            self._follow()
            assert self._engine is not None
            code = self._engine.wait()
            if self._ending or code in (0, 4):
                return code
            self._settings.record = ""
            self._print("reachnote stopped by surprise and is starting again. Nothing sounds until somebody plays.")
            time.sleep(RESTART_S)

    def _start(self) -> None:
        self._engine = subprocess.Popen(
            [sys.executable, "-m", "reachnote.engine", json.dumps(asdict(self._settings))],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _end(self, *_: object) -> None:
        self._ending = True
        if self._engine is not None:
            with contextlib.suppress(ProcessLookupError):
                self._engine.send_signal(signal.SIGTERM)

    def _follow(self) -> None:
        session = self._connect()
        if session is None:
            return
        with session:
            recording = self._settings.record
            self._print(f"Recording to {recording}." if recording else "Not recording.")
            status = session.ask("status")
            session.ask("feed", levels_hz=20 if self._view or self._json else 0)
            for thing in status.get("news", []):
                self._show({"feed": "news", **thing})
            for thing in session.follow(0.2):
                assert self._engine is not None
                if thing is not None:
                    self._show(thing)
                elif self._engine.poll() is not None:
                    return
                if self._view is not None:
                    self._view.draw()

    def _connect(self) -> Session | None:
        deadline = time.monotonic() + START_S
        assert self._engine is not None
        while time.monotonic() < deadline and self._engine.poll() is None:
            with contextlib.suppress(NotRunning):
                session = Session()
                if session.ask("status")["status"].get("pid") == self._engine.pid:
                    return session
                session.close()
            time.sleep(0.02)
        return None

    def _show(self, thing: dict) -> None:
        if self._json:
            print(json.dumps(thing), flush=True)
        elif self._view is not None:
            self._view.take(thing)
        elif thing.get("feed") == "news" and thing.get("text"):
            self._print(thing["text"])

    def _print(self, text: str) -> None:
        if self._json:
            print(json.dumps({"feed": "news", "news": "said", "text": text}), flush=True)
        elif self._view is not None:
            self._view.take({"feed": "news", "text": text})
        else:
            print(text, flush=True)


# ---------------------------------------------------------------- the running session


def watch(arguments: argparse.Namespace) -> int:
    try:
        session = Session()
    except NotRunning:
        raise _not_running() from None
    view = None if arguments.json else View()
    end = time.monotonic() + arguments.seconds if arguments.seconds else float("inf")
    with session:
        status = session.ask("status")
        if view is not None:
            view.status(status["status"])
        session.ask("feed", levels_hz=30)
        for thing in session.follow(0.1):
            if thing is not None and view is None:
                print(json.dumps(thing), flush=True)
            elif thing is not None and view is not None:
                view.take(thing)
            if view is not None:
                view.draw()
            if time.monotonic() >= end:
                break
    if view is not None:
        view.close()
    return 0


def silence(arguments: argparse.Namespace) -> int:
    return _order("silence", "Silence.", twice=arguments.twice)


def record(arguments: argparse.Namespace) -> int:
    if arguments.to == "off":
        return _order("record", "Not recording.", path="")
    path = Path(arguments.to).resolve()
    if path.exists():
        raise Trouble(f"{path} exists already; a recording never overwrites one. Choose another name.", 2)
    return _order("record", f"Recording to {path}.", path=str(path))


def stop(arguments: argparse.Namespace) -> int:
    return _order("stop", "The session is ending.")


def _order(do: str, said: str, **more: object) -> int:
    try:
        with Session() as session:
            reply = session.ask(do, **more)
    except NotRunning:
        raise _not_running() from None
    if not reply.get("ok"):
        raise Trouble(str(reply.get("text")))
    print(said)
    return 0


# ---------------------------------------------------------------- boards, check, replay, service


def boards(arguments: argparse.Namespace) -> int:
    try:
        with Session() as session:
            found = session.ask("status")["status"].get("boards", [])
    except NotRunning:
        found = checking.look_for_boards(arguments.link or ["serial:auto"])
    if arguments.json:
        print(json.dumps(found))
    elif not found:
        print("No board is there. Plug one in; a cable that only charges shows power but no board.")
    else:
        for board in found:
            kinds = ", ".join(f"{s['name']} ({s['kind']}: {s['status'].replace('_', ' ')})" for s in board["sensors"])
            print(f"{board['name']} - {board['state']} - {board['link']}\n    {kinds}")
    return 0 if found else 1


def check(arguments: argparse.Namespace) -> int:
    if arguments.scene:
        try:
            read_scene(*load_scene(arguments.scene))
        except SceneProblem as problem:
            raise Trouble(str(problem)) from None
    found = checking.everything()
    if arguments.json:
        print(json.dumps(found))
    else:
        for thing in found:
            print(f"{'ok     ' if thing['ok'] else 'missing'} {thing['what']}: {thing['text']}")
    return 0 if all(thing["ok"] for thing in found if thing["needed"]) else 1


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

    outputs = _named(arguments.out)
    scene = read_scene(*load_scene(arguments.scene or str(facts.get("scene", "five-notes"))))
    ledger = Ledger()
    core = Core(scene, [name for name, _ in outputs])
    opened = [open_output(spec) for _, spec in outputs]
    count = 0
    began = time.monotonic()
    for event, text in replaying.events(entries, core, ledger):  # type: ignore[arg-type]
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
    print(json.dumps(summary) if arguments.json else f"{ledger.ons} notes from {core.readings} readings.")
    return 0


def service(arguments: argparse.Namespace) -> int:
    try:
        said = servicing.do(arguments.action)
    except servicing.ServiceProblem as problem:
        raise Trouble(str(problem)) from None
    print(json.dumps(said) if arguments.json else said["text"])
    return 0 if said["ok"] else 3
