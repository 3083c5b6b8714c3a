"""One sensor's way from readings to gestures: the decider that board and host share, and what fits it to a client. Pure."""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import reachnote_wire as wire
from reachnote.board import SensorInfo
from reachnote.calibration.adapt import LOWEST, Adaptation
from reachnote.calibration.trial import room_for
from reachnote.model import Gesture, Move, Reading
from reachnote.voices import Voice
from reachnote_play import ONSET, REACH, RELEASE, ZONE
from reachnote_play.contact import Contact
from reachnote_play.decider import Decider
from reachnote_play.entry import Entry
from reachnote_play.impact import Impact
from reachnote_play.parameters import bounded, table_of

SETTLE_READINGS = 32  # of a floating sensor, to find today's rest
DECLARED = {
    # the gate of the calibration page, section 2.1; the guard needs to know the client, so it stays off
    "distance": {"lowest": int(-1.2 * REACH), "highest": int(1.45 * REACH), "speed": 12 * REACH, "tremor": 0},
}
EASIER, HARDER = 0.8, 1.25
LEAST_FACTOR, MOST_FACTOR = LOWEST, 2.0
LONG_S = 45.0
TIRED_S, TIRED_SHARE = 300.0, 0.7
SLOW_S = 0.033  # from here on between two values the strength is listened for


class OrderProblem(Exception):
    """Something a person asked for that cannot be; the text says why."""


@dataclass(frozen=True)
class Tuning:
    """What fits a sensor to a client: places in raw units (`span` has the sensor's direction), the decider's parameters."""

    rest: float
    span: float
    rate_hz: float = 0.0
    parameters: Mapping[str, int] = field(default_factory=dict)


def declared(info: SensorInfo) -> Tuning:
    """The plain tuning, for whoever has not calibrated: the range that the sensor declares itself."""
    parameters = dict(DECLARED.get(info.kind, {"tremor": 0}))
    if info.kind in ("switch", "impact"):
        parameters = {}
    elif 0 < info.rate_hz < 1 / SLOW_S:
        parameters |= {"listen": int(0.9e6 / info.rate_hz), "soft": REACH // 4, "strong": 2 * REACH}
    return Tuning(info.rest, info.reach - info.rest, info.rate_hz, parameters)


def read_tuning(said: Mapping, kind: str) -> Tuning:
    """A tuning from JSON values; OrderProblem when it cannot be one. Unknown parameters are passed over."""
    try:
        rest, span, rate = (float(said.get(name, 0.0)) for name in ("rest", "span", "rate_hz"))
        names = {row[0] for row in table_of(kind)}
        given = said.get("parameters") or {}
        parameters = {n: bounded(n, v, table_of(kind)) for n, v in given.items() if n in names}
    except (TypeError, ValueError, OverflowError, AttributeError):
        raise OrderProblem("This calibration cannot be read, so the old one stays.") from None
    if not all(map(math.isfinite, (rest, span, rate))) or (not span and kind != "switch"):
        raise OrderProblem("This calibration has no reach, so the old one stays. Calibrate again.")
    return Tuning(rest, span, rate, parameters)


class Chain:
    """One sensor. `take(reading)` answers the gestures that follow from it, in order; `level` 0..1 is where the client is."""

    def __init__(self, number: int, info: SensorInfo, voice: Voice, line_hz: float = 250.0) -> None:
        self.number = number
        self.info = info
        self.voice = voice
        self.tuning = declared(info)
        self.calibrated = False
        self.changed: set[str] = set()  # parameters that a person set
        self.factor = 1.0  # easier below 1, harder above
        self.adaptation = Adaptation()
        self.level = 0.0
        self.status = wire.STARTING
        self.status_since = 0.0
        self.told = wire.OK
        self.waits_since = math.inf
        self.waits_told = False
        self.sounds_since = math.inf
        self.long_told = False
        self.moved_told = False
        self.tired_told = False
        self._reaches: collections.deque[tuple[float, int]] = collections.deque(maxlen=256)
        self.listening = False
        self.heard: list[Reading] = []
        # A line repeats the last value of a sensor that is slower than the lines: only what is new counts.
        slower = 0 < info.rate_hz < 0.7 * line_hz
        self._every_us = int(0.98e6 / info.rate_hz) if slower else 0
        self.restart()

    def tune(self, tuning: Tuning, calibrated: bool = True) -> None:
        """Play with this from now on; what sounds was ended before."""
        self.tuning = tuning
        self.calibrated = calibrated
        self.changed = set()
        self.factor = 1.0
        frozen, self.adaptation = self.adaptation.frozen, Adaptation()
        self.adaptation.frozen = frozen
        self.restart()

    def revoice(self, voice: Voice) -> None:
        """Play with another voice from now on; what sounded was ended before."""
        self.voice = voice
        if self.decider.__class__ is Decider:
            self.decider.zones.shares = voice.shares
            self.decider.set("zones", voice.zones)

    def restart(self) -> None:
        """Meet the sensor anew, keeping voice and tuning."""
        info, tuning = self.info, self.tuning
        self.decider: Decider | Contact | Impact
        self._raw = self._status = -1
        self._passed_us = 0
        self._first: list[int] | None = [] if info.floats else None
        self.waits_since = self.sounds_since = math.inf
        self.waits_told = self.long_told = False
        if info.kind == "switch":
            self.decider = Contact(tuning.parameters)
        elif info.kind == "impact":
            self.decider = Impact(tuning.parameters, Entry(tuning.rest, tuning.span) if self.calibrated else None)
        else:
            self._begin(tuning.rest)

    def _begin(self, rest: float) -> None:
        tuning = self.tuning
        parameters = {**tuning.parameters, "zones": self.voice.zones}
        self.decider = Decider(parameters, Entry(rest, tuning.span), room_for(tuning.rate_hz or 250.0))
        self.decider.zones.shares = self.voice.shares
        self._set_reach()

    # ------------------------------------------------------------ readings

    def take(self, reading: Reading) -> tuple[Gesture, ...]:
        """The gestures of one reading, none as a rule; their time is the board's."""
        raw, status, us = reading.raw, reading.status, reading.board_us
        if status != self.status:
            self.status = status
            self.status_since = reading.time
        if self._every_us:
            if raw == self._raw and status == self._status and (us - self._passed_us) & wire.TIME_MASK < self._every_us:
                return ()
            self._raw, self._status, self._passed_us = raw, status, us
        if self.listening:
            self.heard.append(reading)
        if self._first is not None and not self._settled(raw, status):
            return ()
        decider = self.decider
        done = decider.step(us, raw, status)
        level = decider.level
        self.level = level / REACH if level < REACH else 1.0
        return self._gestures(done, reading.time) if done else ()

    def _settled(self, raw: int, status: int) -> bool:
        # An air bulb rests where the weather puts it: at the median of its first readings.
        first = self._first
        assert first is not None
        if status in wire.USABLE:
            first.append(raw)
        if len(first) < SETTLE_READINGS:
            return False
        self._begin(sorted(first)[len(first) // 2])
        self._first = None
        return True

    def _gestures(self, done: int, time: float) -> tuple[Gesture, ...]:
        decider = self.decider
        if decider.__class__ is not Decider:
            time -= decider.age * 1e-6
        found = []
        released = done & RELEASE
        if released and decider.sounding:
            found.append(self._release(time))
            released = 0
        if done & ONSET:
            self.sounds_since = time
            found.append(Gesture(self.number, time, Move.ONSET, decider.strength / REACH, decider.zone))
        elif done & ZONE:
            found.append(Gesture(self.number, time, Move.ZONE, decider.strength / REACH, decider.zone))
        if released:
            found.append(self._release(time))
        return tuple(found)

    def _release(self, time: float) -> Gesture:
        self.sounds_since = math.inf
        self.long_told = False
        decider = self.decider
        if decider.__class__ is Decider and self.calibrated:
            self._reaches.append((time, self.adaptation.played(decider.tall)))
            self._set_reach()
        return Gesture(self.number, time, Move.RELEASE, 0.0, -1)

    def let_go(self, time: float) -> Gesture | None:
        """End what sounds; nothing starts before the sensor rested."""
        return self._release(time) if self.decider.let_go() & RELEASE else None

    @property
    def sounding(self) -> bool:
        return self.decider.sounding

    @property
    def waiting(self) -> bool:
        """True while the client is there and nothing starts because the sensor has not rested yet."""
        return self.level >= 0.25 and not self.decider.armed

    def notices(self, now: float) -> list[str]:
        """Words for what the therapist should know, each once until it is over: "long", "moved", "tired"."""
        found = []
        if now - self.sounds_since > LONG_S and not self.long_told:
            self.long_told = True
            found.append("long")
        if self.calibrated and not self.listening and self.decider.__class__ is Decider:
            decider = self.decider
            moved = not decider.sounding and decider.drifted
            if moved and not self.moved_told:
                found.append("moved")
            self.moved_told = moved
            reach = self.adaptation.reach
            then = max((r for t, r in self._reaches if now - t < TIRED_S), default=reach)
            tired = reach <= LOWEST * REACH * 1.02 or reach < TIRED_SHARE * then
            if tired and not self.tired_told:
                found.append("tired")
            self.tired_told = tired
        return found

    # ------------------------------------------------------------ what people set

    def scale(self, factor: float) -> bool:
        """Easier (below 1) or harder; False at the end of what there is."""
        new = min(max(self.factor * factor, LEAST_FACTOR), MOST_FACTOR)
        changed = abs(new - self.factor) > 1e-9
        self.factor = new
        self._set_reach()
        return changed

    def set(self, name: str, value: float) -> int:
        """One parameter of the decider, heard at once; what it became. OrderProblem for an unknown name."""
        if name in ("reach", "zones"):
            raise OrderProblem(f"'{name}' is not set by hand: easier and harder change the reach, the scene its notes.")
        try:
            row = next(row for row in table_of(self.info.kind) if row[0] == name)
            kept = bounded(name, value, table_of(self.info.kind))
        except (StopIteration, KeyError, ValueError, TypeError, OverflowError):
            known = ", ".join(row[0] for row in table_of(self.info.kind))
            raise OrderProblem(f"'{name}' cannot be set to {value!r} here. What can be set: {known}.") from None
        if kept != int(value):
            raise OrderProblem(f"{name} goes from {row[3]} to {row[4]}, not to {value}; nothing was changed.")
        self.tuning = Tuning(self.tuning.rest, self.tuning.span, self.tuning.rate_hz, {**self.tuning.parameters, name: kept})
        self.changed.add(name)
        self.decider.set(name, kept)
        return kept

    def _set_reach(self) -> None:
        if self.decider.__class__ is Decider:
            self.decider.set("reach", int(self.adaptation.reach * self.factor))
