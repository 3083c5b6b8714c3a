"""A journal through the pure core: the same bytes and times give the same events, whatever the machine. Pure.

Time is the journal's own: ticks fall on its multiples of `TICK_S`, and what is due between them (a beat, the end of a
one-shot) is played when it is due. Where the machine stalled, no time is told, as none was then: who was waited for had
not gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reachnote.journal import Closed, Entry, Left, Line, Opened, Ordered, Stalled
from reachnote.ledger import Ledger
from reachnote.model import Event, Kind, order
from reachnote.session import FROZEN_S, Session

TICK_S = 0.01
MOST_DUE = 10_000  # between two entries: who asks for more has no end
TAIL_S = 1.0  # after the last entry, so that what was held ends as a lost board would


def events(
    entries: Iterable[Entry], session: Session, ledger: Ledger, before: Sequence[dict] = ()
) -> Iterator[tuple[Event, str]]:
    """(event, text) as an outlet would send them, guard and ledger included; `text` only for names.

    `before`: orders that were in force when the journal began.
    """
    for thing in before:
        session.order(thing, 0.0)
    clock = _Clock(session, ledger)
    now = None
    for entry in entries:
        if isinstance(entry, Left):
            continue
        if now is None:
            clock.begin(entry.time)
        now = entry.time
        if isinstance(entry, Stalled):
            yield from clock.stall(entry)
            continue
        yield from clock.go(now)
        carry_on(entry, session)
        yield from _drain(session, ledger)
    if now is not None:
        yield from clock.go(now + TAIL_S)
        session.end(now + TAIL_S)
        yield from _drain(session, ledger)


class _Clock:
    """Ticks at multiples of TICK_S, and what is due between them."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
        self._ledger = ledger
        self._next_tick = 0.0
        self._least = float("-inf")

    def begin(self, time: float) -> None:
        self._next_tick = time

    def go(self, time: float) -> Iterator[tuple[Event, str]]:
        """All that time brings about until `time`."""
        while self._next_tick <= time:
            yield from self._due(self._next_tick)
            self._session.tick(self._next_tick)
            yield from _drain(self._session, self._ledger)
            self._next_tick += TICK_S
        yield from self._due(time)

    def stall(self, stalled: Stalled) -> Iterator[tuple[Event, str]]:
        """Nothing happens until it is over; what was due meanwhile comes then."""
        yield from self.go(min(stalled.since, stalled.time))
        self._least = stalled.time
        if stalled.time - self._next_tick > FROZEN_S:
            self._session.tick(stalled.time)
            yield from _drain(self._session, self._ledger)
        self._next_tick = max(stalled.time + TICK_S, self._next_tick)

    def _due(self, now: float) -> Iterator[tuple[Event, str]]:
        """What is due before `now`, each at its own time."""
        time = self._least
        for _ in range(MOST_DUE):
            if self._session.due > now:
                return
            time = max(self._session.due, time)
            self._session.on_time(time if time > float("-inf") else now)
            yield from _drain(self._session, self._ledger)


def carry_on(entry: Entry, session: Session) -> None:
    """What one entry of a journal means for a session."""
    if isinstance(entry, Opened):
        session.opened(entry.link, entry.name, entry.time, entry.network)
    elif isinstance(entry, Line):
        session.bytes_in(entry.link, entry.line + b"\n", entry.time)
    elif isinstance(entry, Ordered):
        session.order(entry.thing, entry.time)
    elif isinstance(entry, Closed):
        session.closed(entry.link, entry.time)


def _drain(session: Session, ledger: Ledger) -> Iterator[tuple[Event, str]]:
    for source, text in session.declared:
        yield order(Kind.NAME, 0.0, source), text
    session.declared.clear()
    for text in session.limits:
        for sent in ledger.take(order(Kind.LIMITS, 0.0), text):
            yield sent, ""
    session.limits.clear()
    for event in session.out:
        for sent in ledger.take(event):
            yield sent, ""
    session.out.clear()
    session.writes.clear()
    session.gestures.clear()
    session.news.clear()
