"""A sensor's gestures as presses and releases, for whoever steps or chooses with them. Pure; told the time.

What a voice's rule says of gestures holds here too: its kind of gesture (long-press, double-press), and how long a press
is held before it counts (`accept_s`, or `dwell_s` of the trigger "dwell"). Zones make no press.
"""

from __future__ import annotations

from typing import NamedTuple

from reachnote import gestures
from reachnote.model import Gesture, Move
from reachnote.voice_rule import VoiceRule

NEVER = float("inf")


class Press(NamedTuple):
    """`down` False is the release. `strength` 0..1."""

    time: float
    down: bool
    strength: float = 0.0


class Presses:
    """One sensor's. Every press is followed by one release, but for `let_go`."""

    def __init__(self, rule: VoiceRule) -> None:
        self._recogniser = gestures.begin(rule.gesture, rule.gesture_options)
        self._wait_s = max(rule.options.accept_s, rule.options.dwell_s if rule.trigger == "dwell" else 0.0)
        self._waits: Press | None = None
        self._down = False

    @property
    def due(self) -> float:
        """When `tick` is wanted, if nothing comes before; NEVER for never."""
        return min(self._recogniser.due, self._waits.time if self._waits else NEVER)

    def take(self, did: Gesture) -> list[Press]:
        """The presses and releases that follow from a gesture, and from the time until then."""
        found = self.tick(did.time)
        for counted in self._recogniser.take(did):
            self._counted(counted, found)
        return found

    def tick(self, now: float) -> list[Press]:
        """What time alone brings about."""
        found: list[Press] = []
        for counted in self._recogniser.tick(now):
            self._counted(counted, found)
        if self._waits and self._waits.time <= now:
            found.append(self._waits)
            self._waits, self._down = None, True
        return found

    def let_go(self) -> None:
        """Somebody else ended it: nothing follows until the next onset."""
        self._recogniser.let_go()
        self._waits, self._down = None, False

    def _counted(self, did: Gesture, found: list[Press]) -> None:
        if self._waits and self._waits.time <= did.time:
            found.append(self._waits)
            self._waits, self._down = None, True
        if did.move is Move.ONSET:
            if self._down:
                found.append(Press(did.time, False))
            press = Press(did.time + self._wait_s, True, did.strength)
            self._waits, self._down = (press, False) if self._wait_s else (None, True)
            if self._down:
                found.append(press)
        elif did.move is Move.RELEASE:
            self._waits = None
            if self._down:
                found.append(Press(did.time, False))
            self._down = False
