"""Every onset, release and zone as it comes."""

from __future__ import annotations

from collections.abc import Mapping

from reachnote.gestures import NEVER
from reachnote.model import Gesture

NAME = "plain"
SAYS = "What the client does counts as it is."
OPTIONS: Mapping = {}


def begin(options: Mapping) -> Plain:
    return Plain()


class Plain:
    due = NEVER

    def take(self, did: Gesture) -> list[Gesture]:
        return [did]

    def tick(self, now: float) -> list[Gesture]:
        return []

    def let_go(self) -> None:
        pass
