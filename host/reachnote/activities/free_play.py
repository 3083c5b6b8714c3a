"""Free play: what a client does sounds at once, and stops when the client stops. Pure."""

from __future__ import annotations

from reachnote.model import Event, Gesture, Move
from reachnote.voices import Voice


def gesture(did: Gesture, voice: Voice) -> list[Event]:
    """The events of one gesture."""
    if did.move is Move.ONSET:
        return voice.start(did.zone, did.strength, did.time)
    if did.move is Move.ZONE:
        return voice.stop(did.time) + voice.start(did.zone, did.strength, did.time)
    return voice.stop(did.time)
