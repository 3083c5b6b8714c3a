"""What counts as a gesture for a voice. One file a kind; pure.

A file has NAME (what a scene's `gesture` calls it), SAYS (one line for people), OPTIONS ({name: (default, least, most)}, numbers)
and `begin(options) -> Recogniser`. It sits between a sensor and its voice: onsets, releases and zone changes come in, told
by the decider, and what the voice shall take goes out. Every onset that goes out has a release later, whatever comes in;
`let_go` is followed by nothing until the next onset.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Protocol

from reachnote import allowed
from reachnote.model import Gesture, Move

NEVER = float("inf")


class Recogniser(Protocol):
    """One voice's own. Times are seconds and do not go back."""

    due: float
    """When `tick` wants to be called if nothing comes before; inf for never."""

    def take(self, did: Gesture) -> list[Gesture]:
        """What the voice is told instead of this."""
        ...

    def tick(self, now: float) -> list[Gesture]:
        """What time alone brings about."""
        ...

    def let_go(self) -> None:
        """The voice was ended by others: begin anew."""
        ...


@cache
def kinds() -> Mapping[str, ModuleType]:
    """Every file of this folder by its NAME."""
    found = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return {module.NAME: module for module in found}


def release(sensor: int, time: float) -> Gesture:
    """The release that ends what went out."""
    return Gesture(sensor, time, Move.RELEASE, 0.0, -1)


def begin(name: str, options: Mapping) -> Recogniser:
    """A recogniser of that kind; ValueError names what is wrong and what is allowed."""
    module = kinds()[allowed.word("gesture", name, kinds())]
    for key in options:
        allowed.word(f"gesture '{name}': option", key, module.OPTIONS)
    given = {
        key: allowed.number(key, options.get(key, default), least, most) for key, (default, least, most) in module.OPTIONS.items()
    }
    return module.begin(given)
