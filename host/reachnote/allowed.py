"""Settings that people write: what is allowed, said in one sentence. Pure.

Each function answers the value or raises ValueError with what was found and what is allowed; whoever reads a file puts
the file and the place in front of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from reachnote.unknown import listed, nearest


def whole(name: str, value: object, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} = {value!r}; write a whole number from {least} to {most}")
    return value


def number(name: str, value: object, least: float, most: float) -> float:
    """A number from `least` to `most`, as a float."""
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"{name} = {value!r}; write a number from {least:g} to {most:g}")
    return float(value)  # type: ignore[arg-type]


def word(name: str, value: object, known: Iterable[str]) -> str:
    """One of the words in `known`; the nearest is named."""
    known = tuple(known)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} = {value!r}; known are {listed(known)}.{nearest(value, known)}")
    return value


def yes(name: str, value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} = {value!r}; write true or false")
    return value
