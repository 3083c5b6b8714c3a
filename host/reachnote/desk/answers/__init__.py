"""What the desk answers by itself, beside what it hands to the session: a file for each kind of thing that pages ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from reachnote.desk.answers.clients import Clients
from reachnote.desk.answers.music import Music
from reachnote.desk.answers.places import Places
from reachnote.desk.answers.pointer import Pointers
from reachnote.desk.answers.reach import Reach
from reachnote.desk.answers.recordings import Recordings
from reachnote.desk.answers.scenes import Scenes
from reachnote.desk.answers.steers import Steers
from reachnote.desk.relay import Page, Relay


def every(relay: Relay) -> tuple[Callable[[Page, dict], Awaitable[bool]], ...]:
    """For `server.app(answers=...)`."""
    kinds = (Pointers(relay), Clients(relay), Scenes(), Reach(relay), Places(relay), Recordings(relay), Steers(relay), Music(relay))
    return tuple(kind.answer for kind in kinds)
