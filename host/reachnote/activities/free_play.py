"""Free play: what a client does sounds at once, and stops when the client stops. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reachnote.activities import Activity, ActivityProblem, Table
from reachnote.allowed import number
from reachnote.model import Event, Gesture, Move
from reachnote.voices import Voice

NAME = "free-play"
SAYS = "What the client does sounds at once."
OPTIONS = {"surprise": 0.0}


def begin(table: Table, options: Mapping) -> Activity:
    """`surprise` 0..1: how often a start goes to another note than the one that was due; the moment is always the client's."""
    try:
        surprise = number("surprise", options["surprise"], 0.0, 1.0)
    except ValueError as problem:
        raise ActivityProblem(str(problem)) from None
    return FreePlay(table, {"surprise": surprise})


class FreePlay(Activity):
    def gesture(self, did: Gesture, voice: Voice) -> list[Event]:
        surprise = self.options["surprise"]
        if surprise and did.move is not Move.RELEASE and self.table.chance.below(1000) < 1000 * surprise:
            voice.wander(self.table.chance)
        return voice.gesture(did)
