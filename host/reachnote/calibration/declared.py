"""The plain fit: a sensor's own declared range, for whoever has not calibrated yet. Pure.

A fit is called with every reading of its sensor, in order, and answers with the levels that follow from it:
none while nothing can be trusted, one as a rule, two when a whole press fitted between two lines.
"""

from __future__ import annotations

from reachnote.board import SensorInfo
from reachnote.model import Level, Reading
from reachnote_wire import NO_TARGET, USABLE, read_impact, read_switch

HOLD_S = 0.15  # a sensor that says nothing usable for this long has let go
SETTLE_READINGS = 32  # of a floating sensor, to find today's rest
DEAD = 0.04  # share of the declared reach around rest that counts as rest


class DeclaredRange:
    """Level of a measured value: 0 at `rest`, 1 at `reach`, straight between, clipped.

    A floating sensor (air pressure) rests where the weather puts it: its rest is the median of its first
    readings, its reach keeps the declared distance.
    """

    def __init__(self, info: SensorInfo) -> None:
        span = info.reach - info.rest
        self._span = span if abs(span) >= 1.0 else 1.0
        self._rest = info.rest
        self._first: list[int] | None = [] if info.floats else None
        self._usable_at = float("-inf")
        self._last = 0.0

    def levels(self, reading: Reading) -> tuple[Level, ...] | None:
        """None when the sensor has had nothing usable to say for `HOLD_S`."""
        if reading.status in USABLE:
            if self._first is not None and not self._settled(reading.raw):
                return ()
            self._usable_at = reading.time
            value = (reading.raw - self._rest) / self._span
            value = (value - DEAD) / (1.0 - DEAD)
            self._last = 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
            return (Level(reading.sensor, reading.time, self._last),)
        if reading.time - self._usable_at < HOLD_S:
            return ()
        if reading.status == NO_TARGET:
            self._last = 0.0
            return (Level(reading.sensor, reading.time, 0.0),)
        return None

    def _settled(self, raw: int) -> bool:
        first = self._first
        assert first is not None
        first.append(raw)
        if len(first) < SETTLE_READINGS:
            return False
        self._rest = sorted(first)[len(first) // 2]
        self._first = None
        return True


class SwitchStates:
    """Levels 1.0 pressed and 0.0 open, timed by the edge itself; a press between two lines is not lost."""

    def __init__(self, info: SensorInfo) -> None:
        self._edges = -1
        self._pressed = 0

    def levels(self, reading: Reading) -> tuple[Level, ...] | None:
        if reading.status not in USABLE:
            self._edges = -1
            return None
        pressed, edges, age_us = read_switch(reading.raw)
        if self._edges < 0:
            self._edges, self._pressed = edges, pressed
            return (Level(reading.sensor, reading.time, float(pressed)),)
        new = (edges - self._edges) & 255
        if new == 0:
            self._pressed = pressed
            return (Level(reading.sensor, reading.time, float(pressed)),)
        at = reading.time - age_us * 1e-6
        self._edges = edges
        before, self._pressed = self._pressed, pressed
        if pressed == before:  # two edges, or any even number: the press between them was whole
            return (Level(reading.sensor, at, 1.0 - pressed), Level(reading.sensor, at, float(pressed)))
        return (Level(reading.sensor, at, float(pressed)),)


class HitStates:
    """Levels of a pad: the peak of each hit, then rest. Full scale of the wire's peak is 1.0."""

    def __init__(self, info: SensorInfo) -> None:
        self._hits = -1

    def levels(self, reading: Reading) -> tuple[Level, ...] | None:
        if reading.status not in USABLE:
            self._hits = -1
            return None
        hits, peak, age_us = read_impact(reading.raw)
        first, same = self._hits < 0, hits == self._hits
        self._hits = hits
        if first or same:
            return (Level(reading.sensor, reading.time, 0.0),)
        at = reading.time - age_us * 1e-6
        return (Level(reading.sensor, at, max(peak / 4095.0, 0.5)), Level(reading.sensor, at, 0.0))


def fit_for(info: SensorInfo) -> DeclaredRange | SwitchStates | HitStates:
    """The plain fit that suits a sensor's kind."""
    kinds = {"switch": SwitchStates, "impact": HitStates}
    return kinds.get(info.kind, DeclaredRange)(info)
