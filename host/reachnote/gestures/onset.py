"""A plain onset with hysteresis, and the zones of a reach. Pure.

Starts disarmed: whatever is held at the start, after a reconnect or after a stall stays silent until it rested.
"""

from __future__ import annotations

from reachnote.model import Gesture, Level, Move

ON = 0.25
OFF = 0.15
STRENGTH = 0.7  # of every gesture, until strength is fitted to the client
ZONE_MARGIN = 0.15  # of a zone's width that must be crossed before the zone changes


class Onset:
    """ONSET when the level reaches `ON`, RELEASE when it falls to `OFF`, ZONE in between if there are zones."""

    def __init__(self, zones: int = 0) -> None:
        self._zones = zones
        self._armed = False
        self.sounding = False
        self._zone = -1

    def level(self, level: Level) -> Gesture | None:
        value = level.value
        if self.sounding:
            if value <= OFF:
                return self._release(level.sensor, level.time)
            if self._zones:
                zone = self._zone_of(value)
                if zone != self._zone:
                    self._zone = zone
                    return Gesture(level.sensor, level.time, Move.ZONE, STRENGTH, zone)
            return None
        if value <= OFF:
            self._armed = True
        elif value >= ON and self._armed:
            self.sounding = True
            self._armed = False
            self._zone = self._first_zone(value)
            return Gesture(level.sensor, level.time, Move.ONSET, STRENGTH, self._zone)
        return None

    def let_go(self, sensor: int, time: float) -> Gesture | None:
        did = self._release(sensor, time) if self.sounding else None
        self._armed = False
        return did

    @property
    def waiting(self) -> bool:
        """True while nothing starts before the level was at rest."""
        return not self._armed and not self.sounding

    def disarm(self) -> None:
        self._armed = False

    def _release(self, sensor: int, time: float) -> Gesture:
        self.sounding = False
        self._armed = True
        zone, self._zone = self._zone, -1
        return Gesture(sensor, time, Move.RELEASE, 0.0, zone)

    def _place(self, value: float) -> float:
        return (value - OFF) / (1.0 - OFF) * self._zones

    def _first_zone(self, value: float) -> int:
        if not self._zones:
            return -1
        return min(max(int(self._place(value)), 0), self._zones - 1)

    def _zone_of(self, value: float) -> int:
        place = self._place(value)
        if place < self._zone - ZONE_MARGIN or place > self._zone + 1 + ZONE_MARGIN:
            return min(max(int(place), 0), self._zones - 1)
        return self._zone
