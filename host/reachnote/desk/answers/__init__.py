"""What the desk answers by itself, beside what it hands to the session: a file for each kind of thing that pages ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from reachnote.desk.answers.clients import Clients
from reachnote.desk.answers.pointer import Pointers
from reachnote.desk.answers.reach import Reach
from reachnote.desk.answers.scenes import Scenes
from reachnote.desk.relay import Page, Relay


def every(relay: Relay) -> tuple[Callable[[Page, dict], Awaitable[bool]], ...]:
    """For `server.app(answers=...)`."""
    return Pointers(relay).answer, Clients(relay).answer, Scenes().answer, Reach(relay).answer
