"""`steer`: a switch that asks for softer or stop instead of sounding, kept for the client who plays."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime

from reachnote import profiles
from reachnote.ask import NotRunning
from reachnote.desk.relay import NO_SESSION, Page, Relay
from reachnote.profile import Profile, ProfileProblem, with_setting


class Steers:
    """`answer` is for `server.app(answers=...)`."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def answer(self, page: Page, thing: dict) -> bool:
        if thing.get("do") != "steer":
            return False
        board, sensor, action = (str(thing.get(name) or "") for name in ("board", "sensor", "action"))
        try:
            reply = await self._relay.order({"order": "steer", "board": board, "sensor": sensor, "action": action})
            said = {"ok": bool(reply.get("ok")), "text": str(reply.get("text"))}
            if said["ok"]:
                client = (await self._relay.inquire({"do": "status"}))["status"].get("client", "")
                said["kept"] = await asyncio.to_thread(keep, client, board, sensor, action)
        except NotRunning:
            said = {"ok": False, "text": NO_SESSION}
        except ProfileProblem as problem:
            said["text"] += f" It lasts for this session only: {problem}"
        page.say(json.dumps({"id": thing.get("id"), **said}))
        return True


def keep(client: str, board: str, sensor: str, action: str) -> bool:
    """Write it into the client's profile for this board; False for nobody in particular. ProfileProblem where it cannot be kept."""
    if not client:
        return False

    def changed(held: Profile) -> Profile:
        music = dict(held.settings.music)
        steers = {switch: what for switch, what in dict(music.pop("steers", {})).items() if switch != f"{board}/{sensor}"}
        if action:
            steers[f"{board}/{sensor}"] = action
        return with_setting(held, "music", {**music, "steers": steers} if steers else music, datetime.now().astimezone().isoformat(timespec="seconds"))

    profiles.save(changed(profiles.begin(client, board, datetime.now().astimezone().isoformat(timespec="seconds"))))
    return True
