"""`music-keep`: what was chosen for the client who plays, for next time: `scene`, `limits`."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime

from reachnote import client_orders, profiles
from reachnote.ask import NotRunning
from reachnote.desk.relay import NO_SESSION, Page, Relay
from reachnote.limits import IN_PROFILES
from reachnote.profile import Profile, ProfileProblem, with_setting

KEPT = ("scene", "limits")


class Music:
    """`answer` is for `server.app(answers=...)`."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def answer(self, page: Page, thing: dict) -> bool:
        if thing.get("do") != "music-keep":
            return False
        chosen = {name: thing[name] for name in KEPT if name in thing}
        try:
            status = (await self._relay.inquire({"do": "status"}))["status"]
            boards = [board["name"] for board in status.get("boards", []) if board.get("link") != "page:"]
            client = status.get("client", "")
            said = {"ok": True, "kept": await asyncio.to_thread(keep, client, chosen, boards)}
            if said["kept"] and "limits" in chosen:  # the former one would go on beside it
                self._relay.tell({"do": "order", "order": "client", "music": await asyncio.to_thread(client_orders.music_of, client)})
        except NotRunning:
            said = {"ok": False, "text": NO_SESSION}
        except ProfileProblem as problem:
            said = {"ok": False, "text": f"It lasts for this session only: {problem}"}
        page.say(json.dumps({"id": thing.get("id"), **said}))
        return True


def keep(client: str, chosen: dict, boards: list[str]) -> bool:
    """Write it into every profile of the client, or a first one for a board that is there. ProfileProblem where it cannot be kept."""
    if chosen.get("limits", IN_PROFILES[0]) not in IN_PROFILES:
        del chosen["limits"]
    if not client or not chosen:
        return False
    date = datetime.now().astimezone().isoformat(timespec="seconds")

    def changed(held: Profile) -> Profile:
        return with_setting(held, "music", {**held.settings.music, **chosen}, date)

    instruments = profiles.instruments(client) if client in profiles.clients() else []
    for instrument in instruments:
        profiles.change(client, instrument, changed)
    if not instruments and boards:
        profiles.save(changed(profiles.begin(client, boards[0], date)))
    return bool(instruments or boards)
