"""Outputs: one file a kind, `outputs/<scheme>.py`, opened by a spec `scheme:target[,option=value...]`.

A file of the family has

    SCHEME   = "raw"                                the word before the colon
    EXAMPLE  = "raw:/dev/ttyUSB0,pace=31250"        shown in help and in errors
    SAYS     = "bytes to a DIN adapter or any file" one line for people
    open_output(target: str, options: dict[str, str], name: str) -> Output
                                                    `name` is the port name people will see ("reachnote")

and everything it needs of a library is imported inside `open_output`, so that a missing library costs only
its own output. All of it runs in the outlet process, on one thread; `send` must never wait.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable
from typing import Protocol

from reachnote.model import Event

NAMED = re.compile(r"^([a-z][a-z0-9-]*)=(.*)$", re.S)


class OutputProblem(Exception):
    """An output that cannot play. The text is for a person: what happened, what it means, what to do."""


class Output(Protocol):
    """Where events leave. Times are seconds of the monotonic clock."""

    wants_levels: bool
    """True when LEVEL events and NAME declarations are wanted."""

    def send(self, event: Event, text: str = "") -> None:
        """Pass one event on (MIDI kinds; LEVEL and NAME when wanted, `text` belongs to NAME).

        Never waits and never raises: what cannot be sent is kept (note-offs) or counted in `dropped`.
        """

    def beat(self, now: float) -> None:
        """Called at least ten times a second: flush what waits, look for a lost port."""

    def trouble(self) -> str | None:
        """One sentence for a person while this output cannot play, else None."""

    def lost_and_found(self) -> bool:
        """True once after the receiver went away and came back: the outlet then resends its note-offs."""

    def close(self) -> None:
        """Flush and let go. Called after every note was released."""

    dropped: int
    """How many messages were not sent, since start."""


def schemes() -> dict[str, object]:
    """Every output module of this folder by its SCHEME."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "SCHEME"):
            found[module.SCHEME] = module
    return found


def parse(spec: str) -> tuple[str, str, dict[str, str]]:
    """`scheme:target,key=value` as (scheme, target, options). OutputProblem names what is allowed."""
    scheme, colon, rest = spec.partition(":")
    known = schemes()
    if not colon or scheme not in known:
        raise OutputProblem(
            f"'{spec}' names no output. Write one of: {', '.join(m.EXAMPLE for m in known.values())}."
        )
    target, *pairs = rest.split(",")
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            target += "," + pair
            continue
        options[key.strip()] = value.strip()
    return scheme, target, options


def check(spec: str) -> None:
    """OutputProblem when `spec` can never be opened as it is written; nothing is opened or looked for."""
    scheme, target, options = parse(spec)
    schemes()[scheme].check(target, options)


def named(specs: Iterable[str]) -> list[tuple[str, str]]:
    """(name, spec) of every output: `NAME=spec` as it says, else the scheme with a number where that is taken."""
    found: list[tuple[str, str]] = []
    for spec in specs:
        match = NAMED.match(spec)
        name, spec = match.groups() if match else (spec.partition(":")[0], spec)
        taken = {known for known, _ in found}
        base, n = name, 2
        while name in taken:
            name, n = f"{base}{n}", n + 1
        found.append((name, spec))
    return found


def listens(output: Output) -> bool:
    """False where it is known that nobody hears this output: it cannot play, or nobody joined it."""
    told = getattr(output, "listens", None)
    return told() if told is not None else output.trouble() is None


def open_output(spec: str, name: str = "reachnote") -> Output:
    """The opened output that `spec` names; OutputProblem with a sentence when it cannot be opened."""
    scheme, target, options = parse(spec)
    return schemes()[scheme].open_output(target, options, name)
