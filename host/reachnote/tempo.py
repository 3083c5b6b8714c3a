"""Beats in time: a tempo of our own, MIDI clock out and in, bars, and starts moved to the beat. Pure.

A beat is a quarter note, as MIDI counts, whatever the metre; tempo is quarter notes a minute (bpm). `Tempo` and
`ClockIn` are read alike (`bpm`, `beat_at(time)`, `time_of(beat)`), so whatever follows a beat takes either of them.
A time that never comes is NEVER.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

NEVER = float("inf")
SLOWEST, QUICKEST = 5.0, 1000.0  # bpm
TICKS = 24  # clock messages a beat (MIDI 1.0)
SIXTEENTH = 6  # clock messages in a unit of Song Position

CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
POSITION = 0xF2

_NEAR = 1e-6  # of a clock message or a grid line: what rounding may lose


class Beats(Protocol):
    """Whatever knows where the beat is."""

    version: int  # another one whenever a time of a beat may have changed

    @property
    def bpm(self) -> float: ...

    def beat_at(self, time: float) -> float: ...

    def time_of(self, beat: float) -> float: ...


class Tempo:
    """A beat that starts at beat `beat` at `start` and keeps its place when the bpm changes.

    Any number of changes: positions follow from the last change, never from sums, so nothing drifts. What was
    before the oldest `REMEMBERED` changes is taken to have had the oldest bpm that is left.
    """

    REMEMBERED = 256

    def __init__(self, bpm: float, start: float = 0.0, beat: float = 0.0) -> None:
        self._times, self._beats, self._bpms = [start], [beat], [_checked(bpm)]
        self.version = 0

    @property
    def bpm(self) -> float:
        return self._bpms[-1]

    def change(self, bpm: float, time: float) -> None:
        """From `time` on the tempo is `bpm`; the beat there stays what it is. Changes set for later are dropped.

        ValueError when `bpm` is not 5 to 1000.
        """
        bpm, beat = _checked(bpm), self.beat_at(time)
        self.version += 1
        while self._times and self._times[-1] >= time:
            del self._times[-1], self._beats[-1], self._bpms[-1]
        self._times.append(time)
        self._beats.append(beat)
        self._bpms.append(bpm)
        if len(self._times) > self.REMEMBERED:
            del self._times[0], self._beats[0], self._bpms[0]

    def beat_at(self, time: float) -> float:
        """The beat at `time`."""
        n = max(bisect_right(self._times, time) - 1, 0)
        return self._beats[n] + (time - self._times[n]) * self._bpms[n] / 60.0

    def time_of(self, beat: float) -> float:
        """When `beat` is reached."""
        n = max(bisect_right(self._beats, beat) - 1, 0)
        return self._times[n] + (beat - self._beats[n]) * 60.0 / self._bpms[n]


def _checked(bpm: float) -> float:
    if not SLOWEST <= bpm <= QUICKEST:
        raise ValueError(f"A tempo of {bpm:g} is not possible; it goes from {SLOWEST:g} to {QUICKEST:g} beats a minute.")
    return float(bpm)


# ---------------------------------------------------------------- bars


class Metre(NamedTuple):
    """From the bar line at `beat` on, bars hold `count` notes of length 1/`unit`: 6/8 is count 6, unit 8."""

    beat: float
    count: int
    unit: int

    @property
    def bar(self) -> float:
        """The length of a bar in beats."""
        return 4.0 * self.count / self.unit


class Bars:
    """Bars under one or more metres, in order of their beats. What comes before the first bar line is bar 0, the pickup."""

    def __init__(self, metres: tuple[Metre, ...]) -> None:
        self._metres = metres
        self._first = [1]  # the number of the bar that begins with each metre
        for before, after in pairwise(metres):
            self._first.append(self._first[-1] + math.ceil((after.beat - before.beat) / before.bar - _NEAR))

    def of(self, beat: float) -> tuple[int, float]:
        """(bar, beats since its bar line). Bars count from 1, beats within a bar from 0.0."""
        if beat < self._metres[0].beat - _NEAR:
            return 0, beat
        n = max(bisect_right([m.beat for m in self._metres], beat + _NEAR) - 1, 0)
        bars = math.floor((beat - self._metres[n].beat) / self._metres[n].bar + _NEAR)
        return self._first[n] + bars, max(beat - self._metres[n].beat - bars * self._metres[n].bar, 0.0)

    def line(self, bar: int) -> float:
        """The beat of the bar line that begins `bar`; 0.0 for bar 0."""
        if bar < 1:
            return 0.0
        n = bisect_right(self._first, bar) - 1
        return self._metres[n].beat + (bar - self._first[n]) * self._metres[n].bar

    def next_line(self, beat: float) -> float:
        """The first bar line at or after `beat`."""
        bar, into = self.of(beat)
        return beat if into < _NEAR and bar else self.line(bar + 1)


# ---------------------------------------------------------------- starts moved to the beat


def quantise(time: float, beats: Beats, grid: float, strength: float, late_s: float = 0.0) -> float:
    """When a start that was asked for at `time` is due: never before `time`, never NEVER.

    The aim is the nearest line of the grid (every `grid` beats, 0.25 is a sixteenth) that is not past; `strength` 0..1
    is the share of the way there: 0 adds no delay, 1 lands on the line. A start at most `late_s` seconds after a
    line is on it and is due at once. Without a beat (a clock that stands still) it is due at once.
    """
    if strength <= 0.0 or grid <= 0.0:
        return time
    place = beats.beat_at(time) / grid
    if (place - math.floor(place + _NEAR)) * grid * 60.0 / beats.bpm <= late_s:
        return time
    line = beats.time_of(math.ceil(place - _NEAR) * grid)
    return time + min(strength, 1.0) * (line - time) if time < line < NEVER else time


# ---------------------------------------------------------------- clock out


def position_message(sixteenths: int) -> bytes:
    """Song Position Pointer, 0..16383 sixteenths from the beginning; further ones say the last."""
    sixteenths = min(max(sixteenths, 0), 16383)
    return bytes((POSITION, sixteenths & 127, sixteenths >> 7))


class ClockOut:
    """MIDI clock for other machines: CLOCK 24 times a beat for as long as we play, running or not.

    Call `tick(now)` at `due` or later; it and the orders return [(time, message)], the messages as MIDI bytes, the
    times those at which they were due. CLOCK n of `tempo` is due at `tempo.time_of(n / 24)`: nothing is summed. After
    START or CONTINUE the next CLOCK is the first of the song. A sender that slept longer than a beat does not
    send a flood: it stops the others, sends Song Position and continues on the next sixteenth.
    """

    def __init__(self, tempo: Beats, now: float) -> None:
        self.running = False
        self._tempo = tempo
        self._next = math.ceil(tempo.beat_at(now) * TICKS - _NEAR)
        self._zero = self._next  # the CLOCK on which the song begins, counted as `_next` is
        self._stood = 0  # CLOCKs into the song, while not running
        self._join = -1  # the CLOCK that CONTINUE has to precede, after a sleep
        self._due = (-1, -1, 0.0)  # what was found for a CLOCK and a version of the tempo

    @property
    def due(self) -> float:
        if self._due[0] != self._next or self._due[1] != self._tempo.version:
            self._due = (self._next, self._tempo.version, self._tempo.time_of(self._next / TICKS))
        return self._due[2]

    @property
    def origin(self) -> float:
        """The beat of `tempo` on which the song's beat 0 lies, while running."""
        return self._zero / TICKS

    def start(self, now: float) -> list[tuple[float, bytes]]:
        """From the beginning."""
        return [*self.tick(now), *self._go(now, 0, START)]

    def resume(self, now: float) -> list[tuple[float, bytes]]:
        """From where it stopped."""
        return [*self.tick(now), *self._go(now, self._stood, CONTINUE)]

    def join(self, now: float, origin: int = 0) -> list[tuple[float, bytes]]:
        """Run so that the song's beat 0 is beat `origin` of `tempo`: START there, or Song Position and CONTINUE on the next sixteenth."""
        self.running, self._zero = True, TICKS * origin
        sixteenths = max(math.ceil((self._next - self._zero) / SIXTEENTH), 0)
        self._join = self._zero + SIXTEENTH * sixteenths
        return [*([(now, position_message(sixteenths))] if sixteenths else []), *self.tick(now)]

    def stop(self, now: float) -> list[tuple[float, bytes]]:
        out = self.tick(now)
        if self.running:
            self._stood = (self._next if self._join < 0 else self._join) - self._zero
            self.running, self._join = False, -1
        return [*out, (now, STOP)]

    def locate(self, sixteenths: int, now: float) -> list[tuple[float, bytes]]:
        """Go to so many sixteenths from the beginning, running or not."""
        was_running = self.running
        out = self.stop(now) if was_running else self.tick(now)
        self._stood = SIXTEENTH * min(max(sixteenths, 0), 16383)
        out.append((now, position_message(self._stood // SIXTEENTH)))
        return [*out, *self._go(now, self._stood, CONTINUE)] if was_running else out

    def tick(self, now: float) -> list[tuple[float, bytes]]:
        out: list[tuple[float, bytes]] = []
        last = math.floor(self._tempo.beat_at(now) * TICKS + _NEAR)
        if last - self._next >= TICKS:
            out += self._after_sleep(now, last)
        while (time := self.due) <= now:
            if self._next == self._join:
                out.append((time, CONTINUE if self._join > self._zero else START))
                self._join = -1
            out.append((time, CLOCK))
            self._next += 1
        return out

    def _go(self, now: float, into: int, message: bytes) -> list[tuple[float, bytes]]:
        self.running, self._join = True, -1
        self._zero = self._next - into
        return [(now, message)]

    def _after_sleep(self, now: float, last: int) -> list[tuple[float, bytes]]:
        self._next = last
        if not self.running:
            return []
        sixteenths = math.ceil((last + 1 - self._zero) / SIXTEENTH)
        self._join = self._zero + SIXTEENTH * sixteenths
        return [(now, STOP), (now, position_message(sixteenths))]


# ---------------------------------------------------------------- clock in


class ClockIn:
    """Another machine's MIDI clock as beats.

    Hand every clock message to `take` with its arrival time and call `tick(now)` at `due` or later. Beats are counted,
    so none is lost or doubled; between CLOCKs the beat follows a least-squares line through the last two beats of
    arrivals, which is begun anew when three in a row are elsewhere. `beat_at(time)` does not go back but for Start and Song
    Position; at a jump of the tempo it may be three CLOCKs ahead or behind for a moment. When nothing came for the longer of 0.5 s and 4 CLOCKs the clock is lost: with `keep` the beat goes
    on at the last tempo, without it stands still until the clock is back. A sender that never says Start runs.

    bpm       120 before the first CLOCKs
    alive     CLOCKs are coming
    running   neither stopped by the sender nor standing still
    """

    WINDOW = 48  # CLOCKs
    QUIET_S = 0.5
    QUIET_TICKS = 4
    ODD_S = 0.010  # a CLOCK this far from its place is not of this tempo, or was held up on its way
    QUICKEST_TICK_S, SLOWEST_TICK_S = 60.0 / (400 * TICKS), 60.0 / (10 * TICKS)

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self.alive = False
        self.version = 0
        self._asked = True  # the sender wants the song to run
        self._armed = False  # it said so, and its first CLOCK has not come
        self._count = 0  # CLOCKs that came
        self._next = 0  # the song's CLOCK that comes next
        self._zero = 0  # `_count` - song's CLOCK, for the line below
        self._period = 60.0 / (120.0 * TICKS)
        self._line = (0.0, 0.0)  # (CLOCK as counted by `_count`, time): a point of the line
        self._last = 0.0  # when the last CLOCK came
        self._floor = 0.0  # the beat never is below this one
        self._window: deque[tuple[int, float]] = deque(maxlen=self.WINDOW)
        self._odd: list[tuple[int, float]] = []
        self._sides = 0  # how many CLOCKs in a row came early (negative) or late

    # ------------------------------------------------------------ reading

    @property
    def bpm(self) -> float:
        return 60.0 / (TICKS * self._period)

    @property
    def running(self) -> bool:
        return self._asked and not self._armed and self._count > 0 and (self.alive or self.keep)

    @property
    def due(self) -> float:
        """When the clock counts as lost."""
        return self._last + max(self.QUIET_S, self.QUIET_TICKS * self._period) if self.alive else NEVER

    def beat_at(self, time: float) -> float:
        return max(self._floor, self._on_line(time)) if self.running else self._floor

    def time_of(self, beat: float) -> float:
        """When `beat` is expected; NEVER while the beat stands still, and a past time for a beat that has been."""
        if beat <= self._floor:
            return self._last
        if not self.running:
            return NEVER
        return self._line[1] + (beat * TICKS + self._zero - self._line[0]) * self._period

    # ------------------------------------------------------------ listening

    def take(self, message: bytes, time: float) -> str:
        """What a message means: "start", "continue", "stop", "position", "found" (the clock is there, or there again) or ""."""
        status = message[0] if message else 0
        self.version += 1
        if status == CLOCK[0]:
            return self._clock(time)
        if status == START[0]:
            self._next, self._floor = 0, 0.0
            self._asked = self._armed = True
            return "start"
        if status == CONTINUE[0]:
            self._armed = not self._asked or self._armed
            self._asked = True
            return "continue"
        if status == STOP[0]:
            self._floor = self.beat_at(time)
            self._asked = self._armed = False
            return "stop"
        if status == POSITION and len(message) >= 3:
            self._next = SIXTEENTH * (message[1] & 127 | (message[2] & 127) << 7)
            self._zero = self._count - self._next + 1
            self._floor = self._next / TICKS
            self._armed = self._asked
            return "position"
        return ""

    def tick(self, now: float) -> str:
        """ "lost" once when the clock stopped coming, else ""."""
        if now < self.due:
            return ""
        self._floor = self.beat_at(now)
        self.version += 1
        self.alive = False
        self._window.clear()
        self._odd.clear()
        return "lost"

    def _clock(self, time: float) -> str:
        found = not self.alive
        if self.running:
            self._floor = max(self.beat_at(time), (self._next - 1) / TICKS)
        if found and self.running:  # kept going by ourselves: the nearest CLOCK of the beat that people hear
            self._next = max(round(self._floor * TICKS), 0)
        self.alive = True
        self._count += 1
        self._last = time
        self._fit(time)
        if self._asked:
            self._zero = self._count - self._next
            self._next += 1
            self._armed = False
        return "found" if found else ""

    def _on_line(self, time: float) -> float:
        return (self._line[0] + (time - self._line[1]) / self._period - self._zero) / TICKS

    # ------------------------------------------------------------ the line through the arrivals

    def _fit(self, time: float) -> None:
        here = (self._count, time)
        if len(self._window) < 2:
            self._window.append(here)
            self._draw(self._window)
            return
        error = time - self._line[1] - (self._count - self._line[0]) * self._period
        if abs(error) > self.ODD_S and len(self._window) > 3:
            self._odd = [*self._odd[-5:], here]
            if len(self._odd) < 3 or not self._draw(self._odd[-3:], late=error > 0.0):
                return
            self._window.clear()
            self._window.extend(self._odd[-3:])
            self._odd, self._sides = [], 0
            return
        self._odd.clear()
        self._window.append(here)
        self._sides = self._sides + 1 if error > 0.0 <= self._sides else self._sides - 1 if error < 0.0 >= self._sides else 0
        if abs(self._sides) >= 10:  # the tempo wanders: what is long past says nothing about it
            self._sides = 0
            for _ in range(len(self._window) // 2 - 4):
                self._window.popleft()
        self._draw(self._window)

    def _draw(self, places: Sequence[tuple[int, float]], late: bool | None = None) -> bool:
        """The least-squares line through `places`; False, and nothing is drawn, when no tempo looks like that.

        `late`: these came too late for the tempo so far, or too early. Whoever is late and yet quicker was only held up on
        the way, unless it lasts.
        """
        if len(places) < 2:
            self._line = places[0]
            return True
        size = len(places)
        tick = sum(n for n, _ in places) / size
        base = places[0][1]
        time = sum(t - base for _, t in places) / size
        across = sum((n - tick) * (t - base - time) for n, t in places)
        period = across / sum((n - tick) ** 2 for n, _ in places)
        if not self.QUICKEST_TICK_S <= period <= self.SLOWEST_TICK_S:
            if size == 2:
                self._line = places[-1]
            return False
        if late is not None and late == (period < self._period) and len(self._odd) < 2 * size:
            return False
        self._line, self._period = (tick, base + time), period
        return True
