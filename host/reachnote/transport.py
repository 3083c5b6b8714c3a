"""Our MIDI clock for other machines, as events of a session. Pure; told the time.

It runs with the beat of the scene: Start on its first beat, Stop at silence, at a stop and at the end, and when somebody plays
again Song Position and Continue, so that what follows us is in the same bar as we are.
"""

from __future__ import annotations

import math

from reachnote.model import ALL_OUTPUTS, Event, Kind, Transport
from reachnote.tempo import NEVER, POSITION, Beats, ClockOut


def event_of(message: bytes, time: float) -> Event:
    """A clock message as an event for every output."""
    place = message[1] | message[2] << 7 if message[0] == POSITION else 0
    return Event(Kind.TRANSPORT, 0, Transport(message[0] & 0x7F), 0, place, ALL_OUTPUTS, time)


AHEAD_S = 0.004
"""The outlet is told of a beat so long before it is due, and sends it when it is: nothing that the engine does delays it."""


class Sender:
    """Call `begin` with each scene's tempo, `tick` at `due` or later; the answers are events, their times up to AHEAD_S to come."""

    def __init__(self) -> None:
        self._clock: ClockOut | None = None
        self._origin = 0

    @property
    def due(self) -> float:
        return self._clock.due - AHEAD_S if self._clock is not None else NEVER

    @property
    def running(self) -> bool:
        return self._clock is not None and self._clock.running

    def begin(self, tempo: Beats, now: float) -> list[Event]:
        """A scene begins; Start comes on the next beat of its tempo."""
        events = self.halt(now)
        self._clock = ClockOut(tempo, now)
        self._origin = math.ceil(tempo.beat_at(now) - 1e-6)
        return events + self._events(self._clock.join(now, self._origin))

    def halt(self, now: float) -> list[Event]:
        """Everything ends: those that follow stop. CLOCK goes on, as MIDI wants it."""
        return self._events(self._clock.stop(now)) if self._clock is not None and self._clock.running else []

    def wake(self, now: float) -> list[Event]:
        """Somebody plays: those that follow go on, where we are."""
        return self._events(self._clock.join(now, self._origin)) if self._clock is not None and not self._clock.running else []

    def tick(self, now: float) -> list[Event]:
        return self._events(self._clock.tick(now + AHEAD_S)) if self._clock is not None else []

    def _events(self, messages: list[tuple[float, bytes]]) -> list[Event]:
        return [event_of(message, time) for time, message in messages]
