"""A board whose sensors are found as they first speak: what a link makes of a device that cannot introduce itself. Pure.

Whatever speaks for the first time waits until nothing new has come for `SETTLE_US` and is then introduced together with the others,
so that a session does not meet a new board with every note. Sensors keep their order; new ones come after the old.
"""

from __future__ import annotations

import struct
from binascii import hexlify

import reachnote_wire as wire

RATE_HZ = 50.0  # lines a second; an edge sends one at once
SETTLE_US, LONGEST_US = 500_000, 2_000_000
MOST = wire.MAX_SENSORS
_OLD_US = 1 << 40


class _Sensor:
    """One sensor: what its hello says, and where it is."""

    __slots__ = ("at", "count", "down", "says", "value")

    def __init__(self, says: dict) -> None:
        self.says = says
        self.down = False
        self.count = 0  # edges of a switch, hits of an impact
        self.value = says.get("rest", 0)  # strength of a switch, peak of an impact, else the value itself
        self.at = -_OLD_US

    def word(self, now_us: int) -> int:
        kind = self.says["kind"]
        if kind == "switch":
            return wire.switch_value(self.down, self.count, max(now_us - self.at, 0), self.value)
        if kind == "impact":
            return wire.impact_value(self.count, self.value, max(now_us - self.at, 0))
        return self.value


class FoundBoard:
    """Sensors by name. `press`, `hit` and `move` answer True when a line should leave at once. Times are microseconds.

    `found` False: only what was declared is a sensor. `crowded` becomes True when there was more than a board can carry.
    """

    def __init__(self, uid: str, name: str, instrument: str, found: bool = True) -> None:
        self.uid = uid
        self.name = name
        self.crowded = False
        self._instrument = instrument
        self._finds = found
        self._sensors: dict[str, _Sensor] = {}
        self._new: dict[str, _Sensor] = {}
        self._first_us = self._last_us = 0
        self._seq = 0
        self._pack = struct.Struct(">HI").pack

    # ------------------------------------------------------------ sensors

    def declare(self, name: str, kind: str, **says: object) -> None:
        """A sensor that is there from the start."""
        self._sensors[name] = _Sensor({"name": name, "kind": kind, **says})
        self._shape()

    def settle(self, now_us: int) -> bool:
        """Introduce what is new, if it waited long enough; True when the hello is another one now."""
        if not self._new or (now_us - self._last_us < SETTLE_US and now_us - self._first_us < LONGEST_US):
            return False
        self._sensors |= self._new
        self._new.clear()
        self._shape()
        return True

    @property
    def known(self) -> int:
        """How many sensors were introduced."""
        return len(self._sensors)

    def switches(self) -> list[str]:
        """The names of all switches, introduced or not."""
        every = self._sensors | self._new
        return [name for name, sensor in every.items() if sensor.says["kind"] == "switch"]

    def _shape(self) -> None:
        self._pack = struct.Struct(f">HI{len(self._sensors)}I").pack

    def _one(self, name: str, now_us: int, kind: str, **says: object) -> _Sensor | None:
        sensor = self._sensors.get(name) or self._new.get(name)
        if sensor is not None or not self._finds:
            return sensor
        if len(self._sensors) + len(self._new) >= MOST:
            self.crowded = True
            return None
        if not self._new:
            self._first_us = now_us
        self._last_us = now_us
        sensor = self._new[name] = _Sensor({"name": name, "kind": kind, **says})
        return sensor

    # ------------------------------------------------------------ what they say

    def press(self, name: str, down: bool, now_us: int, strength: int = 0) -> bool:
        """A switch went down (`strength` 1..7, 0 where it knows none) or came up."""
        sensor = self._one(name, now_us, "switch") if down else self._sensors.get(name) or self._new.get(name)
        if sensor is None or sensor.down == down:
            return False
        sensor.down = down
        sensor.count += 1
        sensor.at = now_us
        if down:
            sensor.value = strength
        return name in self._sensors

    def hit(self, name: str, peak: int, now_us: int) -> bool:
        """An impact; `peak` 1..4095."""
        sensor = self._one(name, now_us, "impact")
        if sensor is None:
            return False
        sensor.count += 1
        sensor.value = peak
        sensor.at = now_us
        return name in self._sensors

    def move(self, name: str, value: int, now_us: int, low: int = 0, high: int = 127, rest: int = 0) -> bool:
        """A value between `low` and `high`, which its hello names."""
        sensor = self._one(name, now_us, "voltage", min=low, max=high, rest=rest, reach=high)
        if sensor is None or sensor.value == value:
            return False
        sensor.value = value
        return name in self._sensors

    def let_go(self, now_us: int) -> bool:
        """Every switch comes up: whoever held them is gone."""
        moved = [self.press(name, False, now_us) for name in self.switches()]
        return any(moved)

    # ------------------------------------------------------------ bodies (protocols/wire.md)

    def hello(self) -> bytes:
        """The body of the hello line."""
        says = {"wire": 1, "uid": self.uid, "boot": "1", "name": self.name, "instrument": self._instrument, "rate_hz": RATE_HZ}
        return b"h" + wire.ascii_json({**says, "sensors": [sensor.says for sensor in self._sensors.values()]}).encode()

    def line(self, now_us: int) -> bytes:
        """The body of the reading line of this moment."""
        words = [sensor.word(now_us) for sensor in self._sensors.values()]
        seq, self._seq = self._seq, self._seq + 1 & 0xFFFF
        return b"r" + hexlify(self._pack(seq, now_us & wire.TIME_MASK, *words))
