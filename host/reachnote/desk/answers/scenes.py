"""`scenes`: what comes with reachnote to play, as `reachnote scenes --json` says it."""

from __future__ import annotations

import asyncio
import json

from reachnote import programme
from reachnote.desk.relay import Page


class Scenes:
    """`answer` is for `server.app(answers=...)`."""

    def __init__(self) -> None:
        self._found: list[dict] = []

    async def answer(self, page: Page, thing: dict) -> bool:
        if thing.get("do") != "scenes":
            return False
        self._found = self._found or await asyncio.to_thread(programme.listing)
        page.say(json.dumps({"id": thing.get("id"), "ok": True, "scenes": self._found}))
        return True
