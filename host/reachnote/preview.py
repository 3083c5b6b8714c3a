"""What a recorded stretch would have sounded with other settings, beside what it sounds as it is set. Pure.

    stretches = sounded(entries, before)                        as it was set
    stretches = sounded(entries, before, [{"order": "easier"}])   as tried

The same bytes go through the same session as in play, as fast as the machine can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reachnote import orders
from reachnote.chain import Chain, OrderProblem
from reachnote.journal import Entry, Left, Ordered
from reachnote.model import Move
from reachnote.replaying import TICK_S, carry_on
from reachnote.scene import Scene
from reachnote.session import Session


@dataclass
class Played:
    """What one sensor did: (start, end) of every gesture in seconds from the beginning, zones changed to."""

    kind: str = ""
    gestures: list[tuple[float, float]] = field(default_factory=list)
    zones: int = 0

    @property
    def notes(self) -> int:
        """Every onset and every zone change plays a note."""
        return len(self.gestures) + self.zones


def sounded(
    entries: Sequence[Entry], scene: Scene, before: Sequence[Mapping] = (), tried: Sequence[Mapping] = ()
) -> tuple[dict[str, Played], float]:
    """({"board/sensor": what it did}, seconds). `before`: orders in force at the beginning; `tried`: on top of them.

    OrderProblem when a tried order cannot be.
    """
    trial = _Trial(scene, tried)
    for thing in before:
        trial.session.order(dict(thing), 0.0)
    for entry in entries:
        if not isinstance(entry, Left):
            trial.take(entry)
    return trial.end()


class _Trial:
    def __init__(self, scene: Scene, tried: Sequence[Mapping]) -> None:
        self.session = Session(scene)
        self._tried = tried
        self._known = 0
        self._began: float | None = None
        self._now = 0.0
        self._next = 0.0
        self._open: dict[int, float] = {}
        self._played: dict[int, Played] = {}

    def take(self, entry: Entry) -> None:
        session = self.session
        if self._began is None:
            self._began = self._next = entry.time
        while self._next <= entry.time:
            session.tick(self._next)
            self._next += TICK_S
        self._now = max(self._now, entry.time)
        carry_on(entry, session)
        chains = session.boards_and_chains()
        if len(chains) > self._known:
            for board, chain in chains[self._known :]:
                self._try(board, chain)
            self._known = len(chains)
        elif isinstance(entry, Ordered) and orders.ends(entry.thing):
            for board, chain in orders.find(chains, entry.thing):
                self._try(board, chain)
        self._collect()

    def _try(self, board: str, chain: Chain) -> None:
        for thing in self._tried:
            found = orders.find([(board, chain)], thing)
            if found:
                orders.carry_out(thing, found)

    def _collect(self) -> None:
        session = self.session
        for did in session.gestures:
            at = did.time - (self._began or 0.0)
            played = self._played.setdefault(did.sensor, Played())
            if did.move is Move.ONSET:
                self._open[did.sensor] = at
            elif did.move is Move.ZONE:
                played.zones += 1
            elif did.sensor in self._open:
                played.gestures.append((self._open.pop(did.sensor), at))
        for waiting in (session.out, session.writes, session.gestures, session.news, session.declared):
            waiting.clear()

    def end(self) -> tuple[dict[str, Played], float]:
        seconds = self._now - (self._began or 0.0)
        found = {}
        for board, chain in self.session.boards_and_chains():
            played = self._played.get(chain.number, Played())
            played.kind = chain.info.kind
            if chain.number in self._open:
                played.gestures.append((self._open[chain.number], seconds))
            found[f"{board}/{chain.info.name}"] = played
        self._nobody_meant(found)
        return found, seconds

    def _nobody_meant(self, found: Mapping[str, Played]) -> None:
        for thing in self._tried:
            wanted = f"{thing['board']}/{thing['sensor']}" if thing.get("board") else thing.get("sensor")
            if wanted and thing.get("order") != "tune" and not any(wanted in (name, name.partition("/")[2]) for name in found):
                raise OrderProblem(f"There is no sensor '{wanted}' in this recording. There are: {', '.join(found)}.")
