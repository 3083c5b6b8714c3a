"""A song that plays by itself: its notes when they are due, in any key, at the tempo of any beat. Pure; told the time.

    backing = Backing(song, tempo, transpose=2)
    events = backing.start(now)      from the beginning, or from a beat
    events = backing.tick(now)       what is due; not needed before `backing.due`
    backing.wait(now)                no note starts from here on; what sounds ends as it is written
    backing.resume(now)
    events = backing.stop(now)       everything ends

Every event carries the time at which it is due, computed from the beat and never summed. The tempo is that of the `beats`
handed in; where the song itself changes its tempo, it does so in proportion to its main one.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable
from typing import NamedTuple

from reachnote.guard import BACKING
from reachnote.model import ALL_OUTPUTS, Event, Kind, note_off, note_on
from reachnote.music import DRUM_CHANNEL
from reachnote.song import Control, Note, Song, transposed
from reachnote.tempo import NEVER, Beats

SOURCE = BACKING


class Pace:
    """A song's own tempo changes straightened: `straight` is a song's beat as beats of its main tempo, `beat` the reverse."""

    def __init__(self, song: Song) -> None:
        main = song.bpm
        self._beats, self._straights, self._shares = [0.0], [0.0], [main / song.tempo[0][1]]
        for beat, bpm in song.tempo:
            if beat > self._beats[-1]:
                self._straights.append(self.straight(beat))
                self._beats.append(beat)
                self._shares.append(main / bpm)
            else:
                self._shares[-1] = main / bpm

    def straight(self, beat: float) -> float:
        n = max(bisect_right(self._beats, beat) - 1, 0)
        return self._straights[n] + (beat - self._beats[n]) * self._shares[n]

    def beat(self, straight: float) -> float:
        n = max(bisect_right(self._straights, straight) - 1, 0)
        return self._beats[n] + (straight - self._straights[n]) / self._shares[n]


def channels_beside(wanted: Iterable[int], taken: Collection[int]) -> dict[int, int]:
    """A channel for each of `wanted`: its own where nobody else has that (10 is everybody's), else one that is free, else 1."""
    wanted = set(wanted)
    used = set(taken) | {DRUM_CHANNEL}
    found = {channel: channel for channel in wanted if channel == DRUM_CHANNEL or channel not in used}
    used |= set(found)
    for channel in sorted(wanted - set(found)):
        found[channel] = next((free for free in range(16, 0, -1) if free not in used), 1)
        used.add(found[channel])
    return found


class _Start(NamedTuple):
    """A note or a control by the song's beat and the straight one."""

    beat: float
    at: float
    lasts: float
    note: Note | None
    control: Control | None


class Backing:
    """One song, played by `beats`.

    `transpose` is semitones, drums stay. `parts` are those that play (None: all), `channels` their channels where
    they are not the song's own. `loudness` 0..1 scales velocities and may be changed while it plays. A beat that
    stands still (a lost clock) ends what sounds, and the song goes on when the beat does.
    """

    def __init__(
        self,
        song: Song,
        beats: Beats,
        transpose: int = 0,
        parts: frozenset[int] | None = None,
        channels: dict[int, int] | None = None,
        loudness: float = 1.0,
        source: int = SOURCE,
        outputs: int = ALL_OUTPUTS,
    ) -> None:
        self.loudness = loudness
        self.length = song.length
        self._song = song = transposed(song, transpose)
        self._beats, self._source, self._outputs = beats, source, outputs
        self._pace = Pace(song)
        self._parts = frozenset(range(len(song.parts))) if parts is None else parts
        own = {n: part.channel for n, part in enumerate(song.parts)}
        self._channels = own | (channels or {})
        self._starts = self._compiled(song)
        self._places = [start.beat for start in self._starts]
        self._next = 0
        self._origin = 0.0  # the beat of `beats` on which the song's straight beat 0 lies
        self._held = NEVER  # the song's beat where it waits; NEVER while it plays
        self._until = NEVER  # the song's beat before which it waits by itself
        self._playing = False
        self._ends: list[tuple[float, int, int]] = []  # (beat of `beats`, channel, key)
        self._sounding: dict[tuple[int, int], float] = {}  # the end of each

    # ------------------------------------------------------------ orders

    def start(self, now: float, beat: float = 0.0, until: float = NEVER) -> list[Event]:
        """Play from the song's `beat`, which is now, and wait before `until`. What was set earlier in the song is set first."""
        events = self.stop(now)
        self._playing, self._until = True, until
        self._place(beat, now)
        for n, part in enumerate(self._song.parts):
            if n in self._parts and part.program:
                events.append(self._event(Kind.PROGRAM, self._channels[n], part.program - 1, 0, now))
        return events + self._chased(beat, now)

    def play_to(self, until: float, now: float) -> None:
        """Go on, and wait before the song's beat `until`; NEVER plays to the end."""
        self.resume(now)
        self._until = until

    def jump(self, beat: float, now: float) -> None:
        """Go to the song's `beat`, playing or waiting as before; what sounds ends as it is written."""
        waits = self._held < NEVER or self.position(now) >= self._until
        self._place(beat, now)
        if waits:
            self._held = beat

    def wait(self, now: float) -> None:
        self._held = self.position(now)

    def resume(self, now: float) -> None:
        if self._playing and (self._held < NEVER or self.position(now) >= self._until):
            here = self.position(now)
            self._held, self._until = NEVER, NEVER
            self._origin = self._beats.beat_at(now) - self._pace.straight(here)

    def stop(self, now: float) -> list[Event]:
        """End every note; the next `start` begins anew."""
        self._playing = False
        events = [note_off(*place, self._source, now, self._outputs) for place in self._sounding]
        self._sounding.clear()
        self._ends.clear()
        return events

    def forget(self) -> None:
        """Somebody else ended everything: nothing is ended again."""
        self._sounding.clear()
        self._ends.clear()

    # ------------------------------------------------------------ state

    def position(self, now: float) -> float:
        """The song's beat."""
        if not self._playing:
            return 0.0
        if self._held < NEVER:
            return self._held
        return min(self._pace.beat(self._beats.beat_at(now) - self._origin), self._until)

    def time_of(self, beat: float) -> float:
        """When the song's `beat` comes, if nothing holds it up; NEVER while it waits, and behind where it is to wait."""
        if not self._playing or self._held < NEVER or beat > self._until:
            return NEVER
        return self._beats.time_of(self._origin + self._pace.straight(beat))

    @property
    def playing(self) -> bool:
        """Started and not stopped; a song that waits plays."""
        return self._playing

    @property
    def begun(self) -> bool:
        """Every note has begun, and may still sound."""
        return self._next >= len(self._starts)

    @property
    def ended(self) -> bool:
        """Every note was played and is over."""
        return self.begun and not self._ends

    @property
    def due(self) -> float:
        start = NEVER
        if self._playing and self._held == NEVER and self._next < len(self._starts):
            coming = self._starts[self._next]
            if coming.beat < self._until:
                start = self._beats.time_of(self._origin + coming.at)
        return min(start, self._end_due())

    def _end_due(self) -> float:
        if not self._ends:
            return NEVER
        time = self._beats.time_of(self._ends[0][0])
        return time if time < NEVER else 0.0

    # ------------------------------------------------------------ playing

    def tick(self, now: float) -> list[Event]:
        """What is due until now, in order."""
        events: list[Event] = []
        while (time := self.due) <= now:
            if self._end_due() <= time:
                self._end(events, now)
            else:
                self._begin(self._starts[self._next], events, time)
                self._next += 1
        return events

    def _begin(self, start: _Start, events: list[Event], time: float) -> None:
        control, note = start.control, start.note
        if control is not None:
            events.append(self._event(control.kind, self._channels[control.part], control.a, control.b, time))
        if note is None:
            return
        channel = self._channels[note.part]
        place = (channel, note.key)
        if self._sounding.pop(place, None) is not None:  # another part holds this key on the same channel
            events.append(note_off(*place, self._source, time, self._outputs))
        velocity = min(max(round(note.velocity * self.loudness), 1), 127)
        events.append(note_on(*place, velocity, self._source, time, self._outputs))
        end = self._origin + start.at + start.lasts
        self._sounding[place] = end
        heapq.heappush(self._ends, (end, *place))

    def _end(self, events: list[Event], now: float) -> None:
        end, channel, key = heapq.heappop(self._ends)
        if self._sounding.get((channel, key)) == end:
            del self._sounding[channel, key]
            time = self._beats.time_of(end)
            events.append(note_off(channel, key, self._source, min(time, now), self._outputs))

    def _place(self, beat: float, now: float) -> None:
        self._held = NEVER
        self._origin = self._beats.beat_at(now) - self._pace.straight(beat)
        self._next = bisect_left(self._places, beat - 1e-9)

    def _chased(self, beat: float, now: float) -> list[Event]:
        last: dict[tuple[int, int, int], Control] = {}
        for control in self._song.controls:
            if control.beat < beat and control.part in self._parts:
                last[control.part, control.kind, control.a if control.kind == Kind.CONTROL else 0] = control
        return [self._event(c.kind, self._channels[c.part], c.a, c.b, now) for c in last.values()]

    def _event(self, kind: int, channel: int, a: int, b: int, time: float) -> Event:
        return Event(kind, channel, a, b, self._source, self._outputs, time)

    def _compiled(self, song: Song) -> list[_Start]:
        straight = self._pace.straight
        found = [_Start(c.beat, straight(c.beat), 0.0, None, c) for c in song.controls if c.part in self._parts]
        for note in song.notes:
            if note.part in self._parts:
                at = straight(note.beat)
                found.append(_Start(note.beat, at, straight(note.beat + note.length) - at, note, None))
        return sorted(found, key=lambda start: (start.beat, start.note is not None))
