"""How loud a note begins: from a movement to a MIDI velocity 1..127. Pure.

A curve u -> 0..1 of a movement 0..1, from 0 to 1 and never falling:

    gentle  log(1 + 8u) / log 9    small movements are loud already: a quarter of the movement gives half
    linear  u
    firm    u ** 1.6               loud asks for a clear movement

"gentle" is the logarithm that meets the square root at 0, 1/4 and 1. The square root itself (the exponent 0.5 that answers felt effort
with felt loudness) is too steep at the soft end: the same movement twice would not give the same loudness twice.
"""

from __future__ import annotations

from math import log1p

from reachnote.allowed import whole, word

SOURCES = ("fixed", "speed", "peak")
CURVES = ("gentle", "linear", "firm")
_BEND = 8.0
_FIRM = 1.6


def curved(curve: str, movement: float) -> float:
    """0..1 of a movement; one outside 0..1 counts as the nearer end, and what is no number as 0."""
    u = min(1.0, max(0.0, movement))
    if curve == "linear":
        return u
    return log1p(_BEND * u) / log1p(_BEND) if curve == "gentle" else u**_FIRM


class Loudness:
    """`velocity` of each start. ValueError says what is not allowed.

    `source`: "fixed" is always `ceiling`; "speed" takes the strength of the gesture (how fast it began); "peak" takes the
    highest level since the onset, for a start that comes later (after a dwell, or when it is repeated). From there, `floor`
    is the softest and `ceiling` the loudest, along `curve`.
    """

    def __init__(self, source: str = "speed", floor: int = 40, ceiling: int = 110, curve: str = "linear") -> None:
        self.source = word("velocity from", source, SOURCES)
        self.curve = word("curve", curve, CURVES)
        self.ceiling = whole("ceiling", ceiling, 1, 127)
        self.floor = whole("floor", floor, 1, 127)
        if floor > ceiling:
            raise ValueError(f"floor = {floor} is above ceiling = {ceiling}; write a floor that is not")

    def velocity(self, strength: float, peak: float = 0.0) -> int:
        """1..127 of a start with this strength 0..1, and a peak 0..1 (only looked at by "peak")."""
        if self.source == "fixed":
            return self.ceiling
        movement = strength if self.source == "speed" else peak
        return round(self.floor + curved(self.curve, movement) * (self.ceiling - self.floor))
