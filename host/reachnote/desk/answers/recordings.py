"""`record-begin`: a recording of the session, by date and time, in the folder for recordings."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime
from pathlib import Path

from reachnote.ask import NotRunning
from reachnote.desk.relay import NO_SESSION, Page, Relay

FOLDER = "REACHNOTE_RECORDINGS"
"""The variable that names another folder than reachnote in the documents of whoever is logged in."""


class Recordings:
    """`answer` is for `server.app(answers=...)`."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def answer(self, page: Page, thing: dict) -> bool:
        if thing.get("do") != "record-begin":
            return False
        try:
            path = await asyncio.to_thread(_new, folder(), datetime.now())
            reply = await self._relay.inquire({"do": "record", "path": str(path)})
            said = {"ok": True, "path": path.name, "folder": shown(path.parent)} if reply.get("ok") else {"ok": False, "text": str(reply.get("text"))}
        except NotRunning:
            said = {"ok": False, "text": NO_SESSION}
        except OSError as problem:
            why = f"Nothing can be kept in {shown(folder())} ({problem.strerror}), so nothing is recorded."
            said = {"ok": False, "text": f"{why} Make room there, or name another folder in {FOLDER}."}
        page.say(json.dumps({"id": thing.get("id"), **said}))
        return True


def folder() -> Path:
    """Where recordings go."""
    if named := os.environ.get(FOLDER):
        return Path(named)
    documents = Path.home() / "Documents"
    return (documents if documents.is_dir() else Path.home()) / "reachnote"


def shown(path: Path) -> str:
    """The path as people know it, from their own folder on."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except ValueError:
        return str(path)


def _new(place: Path, now: datetime) -> Path:
    """A file that is not there yet, in a folder that is; OSError where nothing can be kept."""
    place.mkdir(parents=True, exist_ok=True)
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(13, "no right to write there")
    stem = f"session {now:%Y-%m-%d %H-%M}"
    for number in range(1, 1000):
        path = place / (f"{stem}.jsonl" if number == 1 else f"{stem} {number}.jsonl")
        if not path.exists():
            return path
    raise FileExistsError(17, "too many recordings of this minute")
