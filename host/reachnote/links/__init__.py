"""Links: where boards come from, one file a kind, `links/<scheme>.py`, named by a spec `scheme:target`.

A file of the family has SCHEME, EXAMPLE, SAYS and

    open_link(target: str, options: dict[str, str], wake: Callable[[], None]) -> Link

A Link is a source of channels (one for each board it meets). The engine polls `filenos()` and calls `read(fileno)`
when one is readable, all on its own thread; whatever may wait (looking for ports, opening one) the link does on a thread of its
own and calls `wake` when `changes()` has something new.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import NamedTuple, Protocol


class LinkProblem(Exception):
    """A link that cannot be opened. The text is for a person: what happened, what it means, what to do."""


class Opened(NamedTuple):
    """A channel to one board begins. `key` is the link's own name for it; `fileno` to poll, or -1."""

    key: object
    name: str
    fileno: int


class Gone(NamedTuple):
    """A channel ended."""

    key: object


class Said(NamedTuple):
    """Something a person should know."""

    text: str


Change = Opened | Gone | Said


class Link(Protocol):
    network: bool
    """True where whole messages arrive (`read` gives bodies), False where a stream of bytes does."""

    def changes(self) -> list[Change]:
        """What happened since the last call. Never waits."""

    def read(self, fileno: int) -> list[tuple[object, bytes]] | None:
        """What is there to read now, as (key, bytes or body); None when the channel is gone. Never waits."""

    def fileno_of(self, key: object) -> int:
        """The file descriptor of one channel, -1 when it is gone."""

    def write(self, key: object, letter: str, text: str) -> None:
        """Send one line. Never waits, never raises: a lost board shows up in `read`."""

    def drop(self, key: object) -> None:
        """Let one channel go."""

    def close(self) -> None:
        """Let everything go."""


def schemes() -> dict[str, object]:
    """Every link module of this folder by its SCHEME."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "SCHEME"):
            found[module.SCHEME] = module
    return found


def open_link(spec: str, wake: Callable[[], None]) -> Link:
    """The link that `spec` names; LinkProblem with a sentence when there is none."""
    scheme, colon, rest = spec.partition(":")
    known = schemes()
    if not colon or scheme not in known:
        raise LinkProblem(f"'{spec}' names no link. Write one of: {', '.join(m.EXAMPLE for m in known.values())}.")
    target, *pairs = rest.split(",")
    options = dict(pair.partition("=")[::2] for pair in pairs)
    return known[scheme].open_link(target, options, wake)
