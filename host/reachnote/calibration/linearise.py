"""Sensors whose number is not in proportion to the movement: what straightens them. Pure.

A straightener turns a raw number into a straight one. Calibration works on straight numbers; the decider's entry gets
the same curve as a table (`reachnote_play.entry.Curve`), so that board and host stay alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from reachnote.calibration.trial import place
from reachnote_play.entry import Curve

Straight = Callable[[float], float]


def conductance(full_scale: float) -> Straight:
    """A force-sensing resistor over a divider: force goes about with V / (Vcc - V) (Interlink integration guide)."""
    top = 0.995 * full_scale

    def straight(raw: float) -> float:
        v = min(max(raw, 0.0), top)
        return v / (full_scale - v)

    return straight


def logarithm(of: Straight, one: float = 0.02) -> Straight:
    """Of what ranges beyond 20:1: equal shares of it are equal steps."""
    return lambda raw: math.log1p(of(raw) / one)


def reciprocal(dark: float = 0.0) -> Straight:
    """A Sharp infrared ranger: distance goes about with 1 / (V - V0)."""
    return lambda raw: 1.0 / max(raw - dark, 1.0)


def curve(straight: Straight, rest: float, span: float, first: int, last: int, points: int = 64) -> Curve:
    """The decider's entry for raw numbers first .. last; `rest` and `span` are straight numbers."""
    step = 0
    while last - first >> step > points:
        step += 1
    count = (last - first >> step) + 2
    return Curve(first, step, [place(straight(first + (k << step)), rest, span) for k in range(count)])
