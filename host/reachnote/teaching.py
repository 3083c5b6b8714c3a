"""Teach one control: one controller of one channel sweeps, so that a music program learns it and nothing else. Pure."""

from __future__ import annotations

from reachnote.model import Event, Kind

SWEEP_S = 1.0  # from 0 to 127 and back
STEP_S = 0.02
LASTS_S = 5.0
"""After the last asking: who asked may have gone."""
HIGHEST = 119  # what lies above are messages of another kind
NEVER = float("inf")


class Teaching:
    """While `on`, nothing else is to sound. `place` is (channel 1..16, controller 0..119)."""

    def __init__(self) -> None:
        self.place: tuple[int, int] | None = None
        self.due = NEVER
        self._began = self._until = 0.0
        self._last = -1

    @property
    def on(self) -> bool:
        return self.place is not None

    def ask(self, channel: int, controller: int, now: float) -> bool:
        """Sweep this one for LASTS_S; asked again the sweep goes on. True when it has just begun."""
        self._until = now + LASTS_S
        if self.place == (channel, controller):
            return False
        self.place = (channel, controller)
        self._began = self.due = now
        self._last = -1
        return True

    def end(self) -> bool:
        """No more; True when it was on."""
        was, self.place, self.due = self.on, None, NEVER
        return was

    def status(self) -> dict | None:
        """What is swept now, for whoever watches."""
        return {"channel": self.place[0], "controller": self.place[1]} if self.place else None

    def tick(self, now: float) -> list[Event]:
        """The next value where there is one; ends by itself when nobody asks any more."""
        if self.place is None or now < self.due:
            return []
        if now >= self._until:
            self.end()
            return []
        self.due = now + STEP_S
        value = sweep(now - self._began)
        if value == self._last:
            return []
        self._last = value
        channel, controller = self.place
        return [Event(Kind.CONTROL, channel, controller, value, 0, 0xFFFF, now)]


def sweep(since: float) -> int:
    """The value so many seconds after the beginning: up in half of SWEEP_S, down in the other."""
    place = since % SWEEP_S / SWEEP_S
    return round(127 * (2 * place if place <= 0.5 else 2 - 2 * place))
