"""Levels to controls: CC, 14-bit CC, pitch bend, channel pressure; program and bank. Pure; told the time.

    pace = Pace()                                  one for each MIDI channel: all its controls share 200 messages a second
    bend = Control("bend", pace, channel=3)
    events = bend.begin(now)                       what the synth must know before the first note
    events = bend.level(0.4, now)                  the client is there now
    events = bend.home(now)                        the client let go: back to where the control rests
    events = pace.tick(now)                        what had to wait; not needed before `pace.due`
    bend.forget()                                  the outlet has centred it: the rest value follows at the next tick

What is sent has a value of the standard's range, differs from what was sent last, and the last value is never lost: it
follows as soon as the channel may speak again. Channels are 1..16.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from reachnote.allowed import whole, word
from reachnote.model import ALL_OUTPUTS, Event, Kind

KINDS = ("cc", "cc14", "bend", "pressure")
CENTRE = 8192
NEVER = float("inf")
MESSAGES = 200  # the most that leave in any second, on one channel
# A pair leaves at once, and what had to wait a little longer does not hold up the next: two places are kept free.
_APART = 1.0 / (MESSAGES - 2)
_DATA, _DATA_FINE, _RPN_FINE, _RPN = 6, 38, 100, 101
_BANK, _BANK_FINE = 0, 32


def _usual(number: int) -> int:
    """What a CC is on a synth that nobody has changed: volume, balance and pan, expression, the sound controls."""
    return 64 if 70 <= number <= 79 else {7: 100, 8: 64, 10: 64, 11: 127}.get(number, 0)


_BY_ITSELF = {
    "cc": _usual,
    "cc14": lambda number: _usual(number) * 16383 // 127 if number == 11 else _usual(number) << 7,
    "bend": lambda _: CENTRE,
    "pressure": lambda _: 0,
}


class Pace:
    """When one channel may speak (`free`): its controls wait here (`waiting`) in the order in which they changed, each once."""

    def __init__(self) -> None:
        self.free = -NEVER  # when the next message may leave
        self._now = -NEVER
        self.waiting: deque[Control] = deque()

    @property
    def due(self) -> float:
        """When `tick` has something to send; inf for never."""
        return self.free if self.waiting else NEVER

    def tick(self, now: float) -> list[Event]:
        """What may leave now, at most what keeps the pace. Times that go back count as the latest."""
        now = self._now = max(now, self._now)
        events: list[Event] = []
        waiting = self.waiting
        while waiting and now >= self.free:
            sent = waiting.popleft().sent(now)
            if sent:
                events += sent
                self.free = max(self.free, now - _APART) + len(sent) * _APART
        return events

    def spent(self, count: int, time: float) -> float:
        """So many messages leave at `time` without having waited; what waits does so longer. The time, not before the latest."""
        time = self._now = max(time, self._now)
        self.free = max(self.free, time) + count * _APART
        return time

    def wait(self, control: Control, now: float = -NEVER) -> None:
        """`control` has something to say since `now`."""
        if not self.waiting:
            self.free = max(self.free, now)
        if control not in self.waiting:
            self.waiting.append(control)

    def drop(self, control: Control) -> None:
        """`control` has nothing to say any more."""
        if control in self.waiting:
            self.waiting.remove(control)


class Control:
    """One control of one channel. ValueError says what is not allowed.

    `kind`: "cc" (`number` 0..119), "cc14" (0..31: with its fine half at +32), "bend", "pressure". `at_rest` is the value at
    level 0 and `at_full` the one at level 1, in either order: 0..127, or 0..16383 for "cc14" and "bend" (bend: 8192 is no
    bend). `home` is where it goes on release. Left out: the whole range (bend: upwards), home at rest (bend: no bend).
    `semitones` is the bend range that `begin` sets.
    """

    def __init__(
        self,
        kind: str,
        pace: Pace,
        channel: int,
        source: int = 0,
        outputs: int = ALL_OUTPUTS,
        *,
        number: int = 1,
        at_rest: int | None = None,
        at_full: int | None = None,
        home: int | None = None,
        semitones: int = 2,
    ) -> None:
        self.kind = word("control", kind, KINDS)
        fine = kind in ("cc14", "bend")
        self.most = 16383 if fine else 127
        low = CENTRE if kind == "bend" else 0
        self.number = whole("number", number, 0, 31 if kind == "cc14" else 119)
        self.at_rest = low if at_rest is None else whole("at_rest", at_rest, 0, self.most)
        self.at_full = self.most if at_full is None else whole("at_full", at_full, 0, self.most)
        at_home = CENTRE if kind == "bend" else self.at_rest
        self.rests = at_home if home is None else whole("home", home, 0, self.most)
        self.semitones = whole("semitones", semitones, 0, 96)
        self._pace = pace
        self._channel = channel
        self._source = source
        self._outputs = outputs
        self._wanted = self.rests
        self._sent = -1  # what the synth has, -1 when nobody knows

    def begin(self, time: float) -> list[Event]:
        """Where it rests, and before it the range of a bend; the pace does not hold these up."""
        events = rpn(self._channel, 0, self.semitones, 0, self._source, time, self._outputs) if self.kind == "bend" else []
        return events + self.at_once(self.rests, time)

    def level(self, level: float, now: float) -> list[Event]:
        """Follow a level 0..1; what lies outside counts as the nearer end. Others of the channel may leave with it."""
        share = level if 0.0 <= level <= 1.0 else 1.0 if level > 1.0 else 0.0
        value = round(self.at_rest + share * (self.at_full - self.at_rest))
        if value == self._wanted and (value == self._sent or self in self._pace.waiting):
            return self._pace.tick(now) if self._pace.waiting and now >= self._pace.free else []
        return self.set(value, now)

    def home(self, now: float) -> list[Event]:
        """Back to where it rests."""
        return self.set(self.rests, now)

    def set(self, value: int, now: float) -> list[Event]:
        """Go to a MIDI value; one outside the range counts as the nearer end."""
        self._wanted = min(max(value, 0), self.most)
        if self._wanted != self._sent:
            self._pace.wait(self, now)
        return self._pace.tick(now)

    def at_once(self, value: int, time: float) -> list[Event]:
        """Go to a MIDI value without waiting and whether or not it changed: what a note needs before it starts."""
        self._pace.drop(self)
        self._wanted, self._sent = min(max(value, 0), self.most), -1
        return self.sent(self._pace.spent(2 if self.kind == "cc14" else 1, time))

    def leave(self, time: float) -> list[Event]:
        """To where a synth has this control by itself (GM 2, RP-015): who comes after it finds nothing changed."""
        return self.at_once(_BY_ITSELF[self.kind](self.number), time)

    def still(self) -> None:
        """Drop what waits: the value that was sent last stays."""
        self._pace.drop(self)

    def forget(self) -> None:
        """Nobody knows what the synth has: the rest value waits for the next tick, to be sent whatever came before."""
        self._wanted, self._sent = self.rests, -1
        self._pace.wait(self)

    def sent(self, time: float) -> list[Event]:
        """The messages that bring the synth to where the control is wanted, noted as sent; only Pace and `begin` ask."""
        value, before = self._wanted, self._sent
        if value == before:
            return []
        self._sent = value
        if self.kind == "cc":
            return [self._event(Kind.CONTROL, self.number, value, time)]
        if self.kind == "pressure":
            return [self._event(Kind.PRESSURE, value, 0, time)]
        if self.kind == "bend":
            return [self._event(Kind.BEND, value & 127, value >> 7, time)]
        fine = self._event(Kind.CONTROL, self.number + 32, value & 127, time)
        if before >> 7 == value >> 7:
            return [fine]
        # A receiver sets the fine half to 0 when the coarse one comes, so that goes first and both go.
        return [self._event(Kind.CONTROL, self.number, value >> 7, time), fine]

    def _event(self, kind: Kind, a: int, b: int, time: float) -> Event:
        return Event(kind, self._channel, a, b, self._source, self._outputs, time)


def rpn(
    channel: int, parameter: int, coarse: int, fine: int | None, source: int, time: float, outputs: int = ALL_OUTPUTS
) -> list[Event]:
    """Set a registered parameter and leave none selected, so that a later CC 6 changes nothing. `fine` None is not sent."""
    pairs = [(_RPN, parameter >> 7), (_RPN_FINE, parameter & 127), (_DATA, coarse)]
    if fine is not None:
        pairs.append((_DATA_FINE, fine))
    pairs += [(_RPN, 127), (_RPN_FINE, 127)]
    return [Event(Kind.CONTROL, channel, a, b, source, outputs, time) for a, b in pairs]


def bend_value(semitones: float, bend_range: float) -> int:
    """The bend 0..16383 of so many semitones when the synth bends `bend_range` (above 0) at most; more counts as the most."""
    return min(max(round(CENTRE + CENTRE * semitones / bend_range), 0), 16383)


def program_events(
    program: int, channel: int, time: float, source: int = 0, outputs: int = ALL_OUTPUTS, bank: int = -1
) -> list[Event]:
    """Choose a sound: bank coarse, bank fine, program. `program` 1..128 as people count (0: none), `bank` 0..16383 (-1: none).

    A bank alone sends nothing: synths take it up with a program.
    """
    whole("program", program, 0, 128)
    whole("bank", bank, -1, 16383)
    if not program:
        return []
    pairs = [] if bank < 0 else [(_BANK, bank >> 7), (_BANK_FINE, bank & 127)]
    events = [Event(Kind.CONTROL, channel, a, b, source, outputs, time) for a, b in pairs]
    return [*events, Event(Kind.PROGRAM, channel, program - 1, 0, source, outputs, time)]


def in_start_order(events: Iterable[Event]) -> list[Event]:
    """The events of a scene's start as synths need them: ends of notes, bank and program, controls, then notes.

    Within each of these the order stays. Orders to the outlet go with the ends.
    """
    return sorted(events, key=_rank)


def _rank(event: Event) -> int:
    kind = event.kind
    if kind == Kind.PROGRAM or (kind == Kind.CONTROL and event.a in (_BANK, _BANK_FINE)):
        return 1
    if kind in (Kind.CONTROL, Kind.PRESSURE, Kind.BEND):
        return 2
    return 3 if kind == Kind.NOTE_ON else 0
