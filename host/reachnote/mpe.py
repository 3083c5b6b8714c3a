"""MPE: a channel for each sounding note, so that each bends and swells alone. Pure; told the time.

After MIDI Polyphonic Expression 1.0 (MIDI Association, M1-100-UM). A zone has a master channel (1 for the lower zone, 16
for the upper), which speaks for all its notes, and 1..15 member channels beside it, one for each note while they last.

    zone = Zone("lower", 15)
    events = zone.begin(now, source, outputs)       before the first note: a receiver ends what sounds when it comes
    members = Members(zone, source, outputs)
    events = members.start(token, key, velocity, now, bend=8192, pressure=0, timbre=64)
    events = members.move(token, now, bend=9000)    what is left out stays
    events = members.end(token, now)
    events = members.tick(now)                      what had to wait for the pace; not needed before `members.due`
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from reachnote.allowed import whole, word
from reachnote.controls import CENTRE, Control, Pace, rpn
from reachnote.model import ALL_OUTPUTS, Event, note_off, note_on
from reachnote.polyphony import Polyphony

BEND_RANGE = 48  # semitones, of the members
MASTER_BEND_RANGE = 2
TIMBRE = 74  # the third dimension, as a CC
TIMBRE_REST = 64
_CONFIGURATION = 6  # registered parameter


class Zone:
    """One zone. `side` is "lower" or "upper", `members` 1..15. ValueError says what is not allowed."""

    def __init__(self, side: str = "lower", members: int = 15) -> None:
        self.side = word("zone", side, ("lower", "upper"))
        whole("members", members, 1, 15)
        lower = side == "lower"
        self.master = 1 if lower else 16
        self.members = tuple(range(2, members + 2)) if lower else tuple(range(15, 15 - members, -1))

    @property
    def channels(self) -> tuple[int, ...]:
        """Master and members."""
        return (self.master, *self.members)

    def begin(self, time: float, source: int = 0, outputs: int = ALL_OUTPUTS) -> list[Event]:
        """The configuration message on the master, then the bend range of the master and of each member."""
        events = rpn(self.master, _CONFIGURATION, len(self.members), None, source, time, outputs)
        events += rpn(self.master, 0, MASTER_BEND_RANGE, 0, source, time, outputs)
        for channel in self.members:
            events += rpn(channel, 0, BEND_RANGE, 0, source, time, outputs)
        return events

    def close(self, time: float, source: int = 0, outputs: int = ALL_OUTPUTS) -> list[Event]:
        """No members any more: the receiver's channels are ordinary ones again."""
        return rpn(self.master, _CONFIGURATION, 0, None, source, time, outputs)


def check_beside(one: Zone, other: Zone) -> None:
    """ValueError when two zones of one output share a channel."""
    shared = sorted(set(one.channels) & set(other.channels))
    if shared:
        members = len(one.members) + len(other.members)
        both = f"the {one.side} and the {other.side} zone of one output have {members} members"
        raise ValueError(f"{both} and share channel {', '.join(map(str, shared))}; a lower and an upper zone have at most 14")


class Members:
    """The notes of a zone. A new note takes the channel that was released longest ago, else that of the oldest note, which ends.

    `token` is any hashable name of a note.
    """

    def __init__(self, zone: Zone, source: int = 0, outputs: int = ALL_OUTPUTS) -> None:
        self._zone = zone
        self._told = False  # the receiver knows of the zone
        self._source = source
        self._outputs = outputs
        self._notes: dict[Hashable, tuple[int, int, int]] = {}  # token -> channel, key, source
        self._limit = Polyphony(len(zone.members))
        self._free = deque(zone.members)  # released longest ago first
        self._controls = {channel: _Expression(channel, source, outputs) for channel in zone.members}

    def begin(self, time: float) -> list[Event]:
        """What the receiver must know before the first note; nothing when it does."""
        told, self._told = self._told, True
        return [] if told else self._zone.begin(time, self._source, self._outputs)

    def leave(self, time: float) -> list[Event]:
        """The zone is over; nothing when it never began."""
        told, self._told = self._told, False
        return self._zone.close(time, self._source, self._outputs) if told else []

    @property
    def sounding(self) -> tuple[Hashable, ...]:
        """The tokens of what sounds, oldest first."""
        return self._limit.sounding

    @property
    def due(self) -> float:
        """When `tick` has something to send; inf for never."""
        return min(control.pace.due for control in self._controls.values())

    def channel_of(self, token: Hashable) -> int:
        """The channel of a sounding note, 0 when it does not sound."""
        return self._notes.get(token, (0, 0, 0))[0]

    def start(
        self,
        token: Hashable,
        key: int,
        velocity: int,
        time: float,
        bend: int = CENTRE,
        pressure: int = 0,
        timbre: int = TIMBRE_REST,
        source: int | None = None,
    ) -> list[Event]:
        """Bend, pressure and timbre, then the Note On; before them the Note Off of a note that gives way.

        `source` is the note's own where it is not that of the zone.
        """
        events = []
        for ending in self._limit.start(token):
            events += self._off(ending, time)
        channel = self._free.popleft()
        source = self._source if source is None else source
        self._notes[token] = (channel, key, source)
        events += self._controls[channel].at_once(bend, pressure, timbre, time)
        events.append(note_on(channel, key, velocity, source, time, self._outputs))
        return events

    def move(
        self, token: Hashable, now: float, bend: int | None = None, pressure: int | None = None, timbre: int | None = None
    ) -> list[Event]:
        """Other values for a sounding note, on change only and at the pace of a channel; of any other note nothing."""
        note = self._notes.get(token)
        return [] if note is None else self._controls[note[0]].set(bend, pressure, timbre, now)

    def end(self, token: Hashable, time: float) -> list[Event]:
        """The Note Off; nothing when the note has given way."""
        return self._off(token, time) if self._limit.end(token) else []

    def end_all(self, time: float) -> list[Event]:
        """The Note Offs of everything that sounds."""
        return [event for token in self.sounding for event in self.end(token, time)]

    def tick(self, now: float) -> list[Event]:
        """What had to wait."""
        return [event for control in self._controls.values() if control.pace.due <= now for event in control.pace.tick(now)]

    def drop(self, token: Hashable) -> None:
        """Somebody else ended this note."""
        if self._limit.end(token):
            self._off(token, 0.0)

    def forget(self) -> None:
        """Somebody else ended everything."""
        for channel, _, _ in self._notes.values():
            self._controls[channel].still()
            self._free.append(channel)
        self._notes.clear()
        self._limit.forget()

    def _off(self, token: Hashable, time: float) -> list[Event]:
        # The note rings on at the bend it has: what still waits is dropped, and nothing goes back before the next start.
        channel, key, source = self._notes.pop(token)
        self._controls[channel].still()
        self._free.append(channel)
        return [note_off(channel, key, source, time, self._outputs)]


class _Expression:
    """What one member channel says of its note."""

    def __init__(self, channel: int, source: int, outputs: int) -> None:
        self.pace = pace = Pace()
        self._bend = Control("bend", pace, channel, source, outputs, semitones=BEND_RANGE)
        self._pressure = Control("pressure", pace, channel, source, outputs)
        self._timbre = Control("cc", pace, channel, source, outputs, number=TIMBRE, home=TIMBRE_REST)

    def at_once(self, bend: int, pressure: int, timbre: int, time: float) -> list[Event]:
        events = self._bend.at_once(bend, time)
        return events + self._pressure.at_once(pressure, time) + self._timbre.at_once(timbre, time)

    def set(self, bend: int | None, pressure: int | None, timbre: int | None, now: float) -> list[Event]:
        events = []
        for control, value in ((self._bend, bend), (self._pressure, pressure), (self._timbre, timbre)):
            if value is not None:
                events += control.set(value, now)
        return events

    def still(self) -> None:
        for control in (self._bend, self._pressure, self._timbre):
            control.still()
