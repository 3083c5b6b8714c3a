"""Where the sound goes: `places`, and `place` with a `spec` of them and `on`."""

from __future__ import annotations

import asyncio
import json

from reachnote import midi_ports
from reachnote.ask import NotRunning
from reachnote.desk.relay import NO_SESSION, Page, Relay
from reachnote.outputs import sound

LAST = "The sound has to go somewhere, so this one stays. Choose another place first."
UNKNOWN = "That place is not there now, so nothing was changed. Look again."
OWN = {"page": "page", "sound": "sound"}


class Places:
    """`answer` is for `server.app(answers=...)`."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def answer(self, page: Page, thing: dict) -> bool:
        do = thing.get("do")
        if do not in ("places", "place"):
            return False
        try:
            said = await (self._all() if do == "places" else self._choose(thing.get("spec"), thing.get("on")))
        except NotRunning:
            said = {"ok": False, "text": NO_SESSION}
        page.say(json.dumps({"id": thing.get("id"), **said}))
        return True

    async def _all(self) -> dict:
        ports = await asyncio.to_thread(midi_ports.ask)
        return {"ok": True, "places": offered(await self._present(), ports, sound.can_sound())}

    async def _present(self) -> list[dict]:
        return (await self._relay.inquire({"do": "status"}))["status"].get("outputs", [])

    async def _choose(self, spec: object, on: object) -> dict:
        if not isinstance(spec, str) or not isinstance(on, bool):
            return {"ok": False, "text": UNKNOWN}
        outputs = [(output["name"], output["spec"]) for output in await self._present()]
        there = [known for _, known in outputs]
        if on is (spec in there):
            return await self._all()
        if not on and len(outputs) == 1:
            return {"ok": False, "text": LAST}
        wanted = [f"{name}={known}" for name, known in outputs if on or known != spec]
        reply = await self._relay.order({"order": "outputs", "outputs": [*wanted, spec] if on else wanted})
        if not reply.get("ok"):
            return {"ok": False, "text": str(reply.get("text"))}
        return await self._all()


def offered(present: list[dict], ports: list[str], can_sound: bool) -> list[dict]:
    """Every place as `spec`, `kind` (page, sound, virtual, port, other), `name` and `on`; what is on comes first."""
    on = [output["spec"] for output in present]
    more = ["page:", *(["sound:"] if can_sound else []), "midi:virtual", *(f"midi:{name}" for name in ports)]
    chosen = {_stem(spec) for spec in on}
    return [_place(spec, True) for spec in on] + [_place(spec, False) for spec in more if _stem(spec) not in chosen]


def _place(spec: str, on: bool) -> dict:
    scheme, _, target = _stem(spec).partition(":")
    kind = {"midi": "virtual" if target == "virtual" else "port", "sound": "other" if target else "sound", "page": "page"}.get(scheme, "other")
    return {"spec": spec, "kind": kind, "name": target if kind in ("port", "other") else "", "on": on}


def _stem(spec: str) -> str:
    """The spec without its options."""
    return spec.partition(",")[0].strip()
