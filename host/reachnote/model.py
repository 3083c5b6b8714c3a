"""The nouns of the live path, one frozen type each. Pure; imports nothing of the project.

`time` is always seconds on the host's monotonic clock. `sensor` and `source` are the small
number that the session gives to one sensor of one board; it never changes while the session runs.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Reading(NamedTuple):
    """What a sensor said: `raw` 0 .. 2**24-1 as the wire carries it, `status` a reachnote_wire status.

    `board_us` is the board's own clock, microseconds modulo 2**30: the time that movement is judged by.
    """

    sensor: int
    time: float
    raw: int
    status: int
    board_us: int = 0


class Level(NamedTuple):
    """Where a client is in the reach of a sensor: 0.0 rest .. 1.0 full reach."""

    sensor: int
    time: float
    value: float


class Move(IntEnum):
    """What a gesture is."""

    ONSET = 1
    RELEASE = 2
    ZONE = 3


class Gesture(NamedTuple):
    """One thing a client did. `strength` 0..1; `zone` counts from 0, -1 where there are none."""

    sensor: int
    time: float
    move: Move
    strength: float
    zone: int


class Kind(IntEnum):
    """What an event is. Up to TRANSPORT they are MIDI messages; the rest are orders to the outlet."""

    NOTE_ON = 1  # a: key 0..127, b: velocity 1..127
    NOTE_OFF = 2  # a: key, b: release velocity
    CONTROL = 3  # a: controller number, b: value
    PROGRAM = 4  # a: program 0..127
    PRESSURE = 5  # channel pressure; a: value
    BEND = 6  # a + 128 * b: 0..16383, centre 8192
    TRANSPORT = 7  # of no channel. a: what it is (CLOCK, START, CONTINUE, STOP, POSITION); source: the position in sixteenths
    LEVEL = 16  # a + 128 * b: level 0..16383, only for outputs that show levels
    NAME = 17  # declares what people call `source`; text follows
    BEAT = 18  # the engine is alive
    SOFTEN = 19  # the next note of `source` starts softly
    RELEASE = 20  # end every note of `source`
    RELEASE_ALL = 21  # end every note
    SILENCE = 22  # a person asked for silence; b: 1 once, 2 asked twice
    CLOSE = 23  # release everything, close the outputs, end
    LIMITS = 24  # what may sound from now on; text follows (reachnote.limits.pack_limits)
    SOFTER = 25  # a client asks for softer: one step down for all, until it is lifted
    STOP = 26  # a client asks for an end: release all, and nothing starts before a rest
    LIFT = 27  # a therapist lifts softer and stop


class Transport(IntEnum):
    """What a TRANSPORT event is: the MIDI status without its highest bit."""

    POSITION = 0x72
    CLOCK = 0x78
    START = 0x7A
    CONTINUE = 0x7B
    STOP = 0x7C


class Event(NamedTuple):
    """One MIDI message or one order to the outlet. `channel` 1..16 (0: none).

    `outputs` is a bit mask: bit n set sends it to the n-th output of the session.
    """

    kind: int
    channel: int
    a: int
    b: int
    source: int
    outputs: int
    time: float


ALL_OUTPUTS = 0xFFFF


def note_on(channel: int, key: int, velocity: int, source: int, time: float, outputs: int = ALL_OUTPUTS) -> Event:
    return Event(Kind.NOTE_ON, channel, key, velocity, source, outputs, time)


def note_off(channel: int, key: int, source: int, time: float, outputs: int = ALL_OUTPUTS) -> Event:
    return Event(Kind.NOTE_OFF, channel, key, 64, source, outputs, time)


def order(kind: Kind, time: float, source: int = 0, b: int = 0) -> Event:
    """An order to the outlet."""
    return Event(kind, 0, 0, b, source, ALL_OUTPUTS, time)
