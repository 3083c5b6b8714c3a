"""When a held voice sounds again: every so many seconds, or on the beat. Pure.

`begin(time)`: the first start is there and then. `next` is the time of the following one (inf while a clock stands still),
`onward(time)` takes the one after it, `look(now)` finds `next` again when a tempo or a place in the song has changed,
`ends(time)` is where a start at `time` stops sounding.
"""

from __future__ import annotations

import math

from reachnote.tempo import NEVER, Beats


class EverySeconds:
    """Every `every_s` seconds from the start on; `share` of that sounds. Does not drift: each is counted from the start."""

    def __init__(self, every_s: float, share: float) -> None:
        self.next = NEVER
        self._every = every_s
        self._sounds = every_s * share
        self._origin = 0.0
        self._count = 0

    def begin(self, time: float) -> None:
        self._origin = time
        self._count = 1
        self.next = time + self._every

    def onward(self, time: float) -> None:
        """The first repetition after the present one that is not before `time`."""
        behind = math.ceil((time - self._origin) / self._every - 1e-6)
        self._count = max(self._count + 1, behind)
        self.next = self._origin + self._count * self._every

    def look(self, now: float) -> None:
        """Seconds do not change their length."""

    def ends(self, time: float) -> float:
        return time + self._sounds


class EveryBeats:
    """On every multiple of `every_beats`; the first start is at once and the next is at least half a repetition later."""

    def __init__(self, every_beats: float, share: float, beats: Beats) -> None:
        self.next = NEVER
        self._every = every_beats
        self._share = share
        self._beats = beats
        self._target = 0.0

    def begin(self, time: float) -> None:
        self._aim(self._beats.beat_at(time) + self._every / 2)

    def onward(self, time: float) -> None:
        """The one after the present one; `look` leaves out what lies further back."""
        self._aim(self._target + self._every / 2)

    def look(self, now: float) -> None:
        """Follow the tempo; after a jump in the song, the next beat that is at least half a repetition away."""
        here = self._beats.beat_at(now)
        if not here - self._every <= self._target <= here + 2 * self._every:
            self._aim(here + self._every / 2)
        else:
            self.next = self._beats.time_of(self._target)

    def ends(self, time: float) -> float:
        here = self._beats.beat_at(time)
        return self._beats.time_of(here + self._share * self._every)

    def _aim(self, beat: float) -> None:
        self._target = math.ceil(beat / self._every) * self._every
        self.next = self._beats.time_of(self._target)
