"""Who plays: `clients`, `client-new` with a `code`, `client-play` with a `code` or "" for nobody in particular.

A client is a code, never a name, and a symbol that the code always has: a shape in a colour.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from pathlib import Path

from reachnote import client_orders, profiles, programme
from reachnote.ask import NotRunning
from reachnote.desk.relay import NO_SESSION, Page, Relay
from reachnote.limits import IN_PROFILES
from reachnote.profile import Profile, ProfileProblem, client_code
from reachnote.scene import SceneProblem

SHAPES = ("circle", "square", "triangle", "diamond", "hexagon", "star", "cross", "drop")
COLOURS = ("blue", "orange", "green", "purple", "pink", "brown", "teal", "grey")


def symbol(code: str) -> dict[str, str]:
    """The shape and the colour of a code, for ever the same."""
    seed = hashlib.sha256(code.encode()).digest()
    return {"shape": SHAPES[seed[0] % len(SHAPES)], "colour": COLOURS[seed[1] % len(COLOURS)]}


class Clients:
    """`answer` is for `server.app(answers=...)`. A new client is kept from the first calibration on; until then the desk knows."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._new: set[str] = set()

    async def answer(self, page: Page, thing: dict) -> bool:
        do = thing.get("do")
        if do not in ("clients", "client-new", "client-play"):
            return False
        try:
            if do == "clients":
                said = await asyncio.to_thread(self._all)
            elif do == "client-new":
                said = await asyncio.to_thread(self._begin, thing.get("code"))
            else:
                said = await self._play(thing.get("code"))
        except ProfileProblem as problem:
            said = {"ok": False, "text": str(problem)}
        except NotRunning:
            said = {"ok": False, "text": NO_SESSION}
        page.say(json.dumps({"id": thing.get("id"), **said}))
        return True

    def _all(self) -> dict:
        kept = profiles.clients()
        self._new -= set(kept)
        found = [_shown(code, profiles.kept(code)) for code in kept] + [_shown(code, []) for code in self._new]
        return {"ok": True, "clients": sorted(found, key=lambda client: client["code"])}

    def _begin(self, text: object) -> dict:
        code = client_code(text)
        if code in self._new or code in profiles.clients():
            return {"ok": False, "text": f"There is a client {code} already. Choose it, or take another code for somebody new."}
        self._new.add(code)
        said = {"ok": True, "code": code, "symbol": symbol(code)}
        return said if _can_keep() else {**said, "text": f"This computer lets nothing be kept in {profiles.folder()}. {code} can play; a calibration lasts until the session ends."}

    async def _play(self, text: object) -> dict:
        code = "" if text == "" else client_code(text)
        reply = await self._relay.inquire({"do": "client", "code": code})
        if not reply.get("ok"):
            return {"ok": False, "text": str(reply.get("text"))}
        if limits := await asyncio.to_thread(_limits, code):
            self._relay.tell({"do": "order", "order": "limits", "preset": limits})
        scene, problem = await asyncio.to_thread(_scene, code)
        if scene:
            self._relay.tell({"do": "order", "order": "scene", "name": scene})
        said: dict = {"ok": True, "code": code}
        if code:
            said["symbol"] = symbol(code)
        return {**said, "text": problem} if problem else said


def _limits(code: str) -> str:
    """The loudness that was kept for a client, '' for none: then what was set last stays, so that nobody is met louder."""
    kept = client_orders.music_of(code).get("limits")
    return kept if kept in IN_PROFILES else ""


def _scene(code: str) -> tuple[str, str]:
    """The scene that a client plays, or why it cannot be put on; ('', '') where none was ever chosen."""
    scene = client_orders.scene_of(code) if code else ""
    if not scene:
        return "", ""
    try:
        programme.order_of(scene)
    except SceneProblem as problem:
        return "", f"{problem} Until then what plays now goes on."
    return scene, ""


def _shown(code: str, kept: list[tuple[Path, Profile | ProfileProblem]]) -> dict:
    instruments = sorted(held.instrument for _, held in kept if isinstance(held, Profile))
    problems = [str(held) for _, held in kept if isinstance(held, ProfileProblem)]
    said = {"code": code, "symbol": symbol(code), "instruments": instruments}
    return {**said, "text": " ".join(problems)} if problems else said


def _can_keep() -> bool:
    place = profiles.folder()
    there = next((above for above in (place, *place.parents) if above.exists()), place)
    return os.access(there, os.W_OK | os.X_OK)
