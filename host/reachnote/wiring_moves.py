"""How one sensor moves, by its kind: where it rests, what is wrong at rest, and whether somebody moved it as asked. Pure.

Every threshold is a share of the reach that the sensor's own hello declares (|reach - rest|, in its raw units), so a
driver that changes its units changes none of this. Times are seconds of whoever feeds the readings.
"""

from __future__ import annotations

import collections
from itertools import pairwise

import reachnote_wire as wire
from reachnote.board import SensorInfo
from reachnote.calibration.robust import median

GOOD, UNPLUGGED, SHORTED, REVERSED = "good", "unplugged", "shorted", "reversed"
NOISY, STUCK, WRONG, SKIPPED = "noisy", "stuck", "wrong one", "not checked"

REST_S = 2.0
"""So long a sensor is looked at while nobody touches it: by then every driver has named its trouble (protocols/wire.md)."""
STATUS_S = 0.3
"""What a sensor said most in the last so long is its status: longer than one stray line, shorter than any person's wait."""
MOVE = 0.15
"""Share of the declared reach that is a movement. A note starts at 28 % (reachnote_play's onset), so a gentle hand passes it."""
BACK = MOVE / 2
"""Nearer to rest than this is let go: half of it, as the decider's own release is half of a gesture."""
JUMP = 0.10
"""A change of this share from one reading to the next while nobody touches is a jump: four times what a working sensor's
noise is at its worst (distance: 10 mm of 440), a third of what starts a note, and far too quick for drift."""
JUMPS = 3
"""So many of them within REST_S are noise. One is a knock, two are there and back."""
EDGES = 4
"""So many edges of a switch (two presses) within REST_S that nobody made are noise; a table that is bumped makes one."""
CHATTER = 12
"""More edges or hits than this within one second are no finger: six presses a second is the fastest tapping."""
TOGETHER_S = 0.05
"""Two switches that change within this were one press: fingers that mean to press both are further apart."""
HOLD_S = 0.1
"""A movement lasts at least so long, a spark does not."""
LEFT_S = 0.2
"""A sensor that rested for so long was let go."""
WHOLE_S = 0.4
"""So long after a press or a hit the rest of its chatter, and a neighbour's, has come."""
FELL_S = 1.5
"""So long after it went the wrong way nothing has gone the right way: it is turned round."""

FAMILIES = {"switch": "switch", "impact": "impact", "distance": "distance"}
"""Kinds that can be mistaken for each other when two plugs are swapped; all others are "analog"."""
_READ = (wire.OK, wire.WEAK, wire.CLOSED_CONTACT, wire.SATURATED)
_SAID = {
    wire.STARTING: (UNPLUGGED, "starting"),
    wire.ABSENT: (UNPLUGGED, "absent"),
    wire.SHORTED: (SHORTED, "switch"),
    wire.STUCK: (STUCK, "status"),
    wire.FAULT: (STUCK, "fault"),
    wire.NOISY: (NOISY, "rest"),
}

Finding = tuple[str, str]
"""A verdict, and the word of the sentence that explains it (`wiring_words`)."""


class Held:
    """For how long something has been true without a break."""

    def __init__(self) -> None:
        self._since: float | None = None

    def see(self, true: bool, time: float) -> float:
        """Seconds that it has been true; -1 when it is not."""
        if not true:
            self._since = None
            return -1.0
        if self._since is None:
            self._since = time
        return time - self._since


class Watch:
    """One sensor: `take` every reading, look at `at_rest`, then `begin` and ask `finding` what came of the asking."""

    def __init__(self, info: SensorInfo) -> None:
        self.info = info
        self.family = FAMILIES.get(info.kind, "analog")
        span = info.reach - info.rest
        self.span = span or float(info.high - info.low) or 1.0
        self.status = wire.STARTING
        self.now = 0.0
        self._window: collections.deque[tuple[float, int, int]] = collections.deque()
        self.forget()

    # ------------------------------------------------------------ readings

    def take(self, time: float, raw: int, status: int) -> None:
        """One reading, in the order of time."""
        window = self._window
        window.append((time, raw, status))
        while window[0][0] < time - REST_S:
            window.popleft()
        self.now = time
        self.status = status
        if self.watching:
            self.follow(time, raw, status)

    def forget(self) -> None:
        """The board began anew: what it said before counts no more."""
        self._window.clear()
        self.begin()
        self.watching = False

    def begin(self) -> None:
        """From now on a movement counts; where the sensor is now is its rest."""
        self.watching = True
        self.level = 0.0  # 0..1, for the bar
        self.stirred_at: float | None = None  # it began to move
        self.moved_at: float | None = None  # it moved as asked, and was let go of
        self.nearest = 0.0  # how far it moved, as a share of the reach
        self.was_status = self.said()
        self.base = self.rest()

    def follow(self, time: float, raw: int, status: int) -> None:
        """What a reading means for the movement that is waited for."""
        raise NotImplementedError

    # ------------------------------------------------------------ rest

    def said(self) -> int:
        """The status of most readings of the last STATUS_S."""
        late = [status for time, _, status in self._window if time >= self.now - STATUS_S]
        return collections.Counter(late).most_common(1)[0][0] if late else wire.STARTING

    def rest(self) -> float | None:
        """The middle of what it read lately, in raw units; None when it read nothing."""
        values = self._values()
        return median(values) if values else None

    def rested(self) -> bool:
        """It was looked at for REST_S and was still."""
        window = self._window
        if not window or window[-1][0] - window[0][0] < 0.9 * REST_S:
            return False
        return self.said() != wire.STARTING and not self._restless() and not self._wanders()

    def at_rest(self) -> Finding:
        """What can be told while nobody touches it."""
        if not self._window:
            return UNPLUGGED, "silent"
        status = self.said()
        if status == wire.SATURATED:
            return self._at_the_end()
        if status == wire.SHORTED:
            return SHORTED, "contact"
        if status in _SAID:
            return _SAID[status]
        return (NOISY, "rest") if self._restless() else (GOOD, "rest")

    def finding(self, now: float) -> Finding | None:
        """What came of the movement that was asked for; None as long as that is open."""
        if self.said() in (wire.ABSENT, wire.FAULT, wire.STUCK, wire.NOISY):
            return _SAID[self.said()]
        return self.moved(now)

    def moved(self, now: float) -> Finding | None:
        raise NotImplementedError

    def nothing(self) -> Finding:
        """What it means that the time for the asking is over."""
        if self.stirred_at is not None:
            return self.unmoved()
        status = self.said()
        if status == wire.SATURATED:
            return self._at_the_end()
        if status in _SAID:
            return _SAID[status]
        return self.unmoved()

    def unmoved(self) -> Finding:
        raise NotImplementedError

    def _values(self) -> list[int]:
        return [raw for _, raw, status in self._window if status in _READ]

    def _jumps(self) -> int:
        values = self._values()
        least = JUMP * abs(self.span)
        return sum(1 for a, b in pairwise(values) if abs(b - a) > least)

    def _restless(self) -> bool:
        return self._jumps() >= JUMPS

    def _wanders(self) -> bool:
        values = self._values()
        half = len(values) // 2
        return bool(half) and abs(median(values[half:]) - median(values[:half])) > BACK * abs(self.span)

    def _at_the_end(self) -> Finding:
        # A driver says so only at an end where a healthy one never rests.
        kind = self.info.kind
        if kind in ("pressure", "distance"):
            return STUCK, "end" if kind == "pressure" else "near"
        top = kind == "impact" or (self.rest() or 0.0) > (self.info.low + self.info.high) / 2
        return SHORTED, "top" if top else "bottom"

    def facts(self) -> dict[str, float]:
        """What was measured, in the sensor's own unit."""
        rest = self.base if self.watching else self.rest()
        found = {} if rest is None else {"rest": round(rest / self.info.per_unit, 3)}
        return found | ({"moved": round(self.nearest * abs(self.span) / self.info.per_unit, 3)} if self.nearest else {})


# ---------------------------------------------------------------- contacts


class SwitchWatch(Watch):
    """Pressed and let go: two edges. The board counts them, so none between two readings is missed."""

    def begin(self) -> None:
        super().begin()
        self._edges = self._last_edges()
        self.count = 0
        self.first_at = 0.0  # of the first edge, by the board's own clock
        self._times: collections.deque[float] = collections.deque(maxlen=256)

    def follow(self, time: float, raw: int, status: int) -> None:
        pressed, edges, age_us = wire.read_switch(raw)
        if status not in wire.USABLE:
            return
        new = edges - self._edges & 255
        self._edges = edges
        self.level = 1.0 if pressed else 0.0
        if new and not self.count:
            self.first_at = time - age_us * 1e-6
        self.count += new
        self._times.extend([time] * new)
        if new:
            self.stirred_at = time
        if self.count >= 2 and not pressed and self.moved_at is None:
            self.moved_at = time

    def moved(self, now: float) -> Finding | None:
        if self.moved_at is None or now - self.moved_at < WHOLE_S:
            return None
        if sum(1 for time in self._times if now - time <= 1.0 + WHOLE_S) > CHATTER:
            return NOISY, "chatter"
        turned = self.status == wire.CLOSED_CONTACT and self.was_status == wire.SHORTED
        return (REVERSED, "switch") if turned else (GOOD, "switch")

    def unmoved(self) -> Finding:
        return (STUCK, "held") if self.count else (UNPLUGGED, "no press")

    def _last_edges(self) -> int:
        return wire.read_switch(self._window[-1][1])[1] if self._window else 0

    def _restless(self) -> bool:
        counts = [wire.read_switch(raw)[1] for _, raw, status in self._window if status in wire.USABLE]
        return sum(b - a & 255 for a, b in pairwise(counts)) >= EDGES

    def _wanders(self) -> bool:
        late = [wire.read_switch(raw) for time, raw, _ in self._window if time >= self.now - REST_S / 2]
        return any(pressed for pressed, _, _ in late) or len({edges for _, edges, _ in late}) > 1

    def facts(self) -> dict[str, float]:
        return {"presses": (self.count + 1) // 2} if self.count else {}


class ImpactWatch(Watch):
    """Tapped: one hit. The board counts them and keeps the peak of the last."""

    SHOWN_S = 0.5

    def begin(self) -> None:
        super().begin()
        self._hits = wire.read_impact(self._window[-1][1])[0] if self._window else 0
        self.count = 0
        self.peak = 0
        self.first_at = 0.0
        self._times: collections.deque[float] = collections.deque(maxlen=256)

    def follow(self, time: float, raw: int, status: int) -> None:
        hits, peak, age_us = wire.read_impact(raw)
        if status not in wire.USABLE:
            return
        new = hits - self._hits & 15
        self._hits = hits
        if new and not self.count:
            self.first_at = time - age_us * 1e-6
            self.moved_at = time
        if new:
            self.count += new
            self.peak = max(self.peak, peak)
            self.stirred_at = time
            self.nearest = self.peak / (abs(self.span) or 1.0)
            self._times.extend([time] * new)
        shown = self._times and time - self._times[-1] < self.SHOWN_S
        self.level = min(peak / abs(self.span), 1.0) if shown else 0.0

    def moved(self, now: float) -> Finding | None:
        if self.moved_at is None or now - self.moved_at < WHOLE_S:
            return None
        chatters = sum(1 for time in self._times if now - time <= 1.0 + WHOLE_S) > CHATTER
        return (NOISY, "chatter") if chatters else (GOOD, "impact")

    def unmoved(self) -> Finding:
        return STUCK, "no hit"

    def _restless(self) -> bool:
        counts = [wire.read_impact(raw)[0] for _, raw, status in self._window if status in wire.USABLE]
        return sum(b - a & 15 for a, b in pairwise(counts)) >= JUMPS

    def _wanders(self) -> bool:
        return len({wire.read_impact(raw)[0] for time, raw, _ in self._window if time >= self.now - REST_S / 2}) > 1

    def facts(self) -> dict[str, float]:
        return {"peak": round(self.peak / self.info.per_unit, 3)} if self.count else {}


# ---------------------------------------------------------------- values


class AnalogWatch(Watch):
    """Pressed, squeezed or moved: from its rest by MOVE in the declared direction; let go: back within BACK.

    A `voltage` need not come back: a slide stays where it was put.
    """

    def begin(self) -> None:
        super().begin()
        if self.base is None:
            self.base = self.info.rest
        self._up, self._down, self._home = Held(), Held(), Held()
        self._fell_at: float | None = None
        self._reached = False

    def follow(self, time: float, raw: int, status: int) -> None:
        if status not in _READ:
            return
        assert self.base is not None
        far = (raw - self.base) / self.span
        self.level = min(abs(far), 1.0)
        if abs(far) > abs(self.nearest):
            self.nearest = far
        if self._up.see(far >= MOVE, time) >= HOLD_S:
            self._reached = True
            self.stirred_at = time
        if self._down.see(far <= -MOVE, time) >= HOLD_S and self._fell_at is None:
            self._fell_at = self.stirred_at = time
        home = self._home.see(far <= BACK, time) >= LEFT_S
        if self._reached and self.moved_at is None and (home or self.info.kind == "voltage"):
            self.moved_at = time

    def moved(self, now: float) -> Finding | None:
        if self.moved_at is not None:
            return GOOD, self.info.kind
        if self._fell_at is not None and not self._reached and now - self._fell_at >= FELL_S:
            return REVERSED, self._turned()
        return None

    def _turned(self) -> str:
        if self.info.kind == "force":
            return "fsr" if self.info.unit == "uS" else "cell"
        return self.info.kind

    def unmoved(self) -> Finding:
        if self._reached:
            return STUCK, "held"
        # Nothing came, and it reads the very end at which it also reads when its wire is off.
        empty = self.base is not None and abs(self.base - self.info.low) <= 0.01 * abs(self.span)
        return (UNPLUGGED, "zero") if empty else (STUCK, "same")


class DistanceWatch(Watch):
    """A hand comes nearer by MOVE than what was there, or is there where nothing was; then it goes away again."""

    def begin(self) -> None:
        super().begin()
        self._near, self._gone = Held(), Held()
        self._least: float | None = None  # the nearest that the hand came, in raw units

    def follow(self, time: float, raw: int, status: int) -> None:
        there = status in _READ
        move = MOVE * abs(self.span)
        self.level = self._share(raw) if there else 0.0
        hand = there and (self.base is None or raw <= self.base - move)
        if self._near.see(hand, time) >= HOLD_S:
            self._least = raw if self._least is None else min(self._least, raw)
            self.stirred_at = time
            far = self.info.rest if self.base is None else self.base
            self.nearest = abs(far - self._least) / abs(self.span)
        gone = status == wire.NO_TARGET or (there and self._least is not None and raw >= self._least + move)
        if self._least is not None and self._gone.see(gone and not hand, time) >= LEFT_S and self.moved_at is None:
            self.moved_at = time

    def moved(self, now: float) -> Finding | None:
        return None if self.moved_at is None else (GOOD, "distance")

    def unmoved(self) -> Finding:
        return (STUCK, "hand stays") if self._least is not None else (STUCK, "no hand")

    def _share(self, raw: int) -> float:
        return min(max((raw - self.info.rest) / self.span, 0.0), 1.0)

    def facts(self) -> dict[str, float]:
        found = {name: value for name, value in super().facts().items() if name == "rest"}
        return found | ({"hand": round(self._least / self.info.per_unit, 3)} if self._least is not None else {})


def watch_of(info: SensorInfo) -> Watch:
    """The watch for a sensor's kind."""
    kinds = {"switch": SwitchWatch, "impact": ImpactWatch, "distance": DistanceWatch}
    return kinds.get(info.kind, AnalogWatch)(info)
