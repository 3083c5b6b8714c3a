"""A journal through the pure core: the same bytes and times give the same events, whatever the machine. Pure.

Time is the journal's own: ticks fall on its multiples of `TICK_S`, and what is due between them (a beat, the end of a
one-shot) is played when it is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reachnote.journal import Closed, Entry, Left, Line, Opened, Ordered
from reachnote.ledger import Ledger
from reachnote.model import Event, Kind, order
from reachnote.session import Session

TICK_S = 0.01
MOST_DUE = 10_000  # between two entries: who asks for more has no end
TAIL_S = 1.0  # after the last entry, so that what was held ends as a lost board would


def events(
    entries: Iterable[Entry], session: Session, ledger: Ledger, before: Sequence[dict] = ()
) -> Iterator[tuple[Event, str]]:
    """(event, text) as an outlet would send them, guard and ledger included; `text` only for names.

    `before`: orders that were in force when the journal began.
    """
    now = None
    next_tick = 0.0
    for thing in before:
        session.order(thing, 0.0)
    for entry in entries:
        if isinstance(entry, Left):
            continue
        if now is None:
            next_tick = entry.time
        while next_tick <= entry.time:
            yield from _until(next_tick, session, ledger)
            session.tick(next_tick)
            yield from _drain(session, ledger)
            next_tick += TICK_S
        yield from _until(entry.time, session, ledger)
        now = entry.time
        carry_on(entry, session)
        yield from _drain(session, ledger)
    if now is None:
        return
    end = now + TAIL_S
    while next_tick <= end:
        yield from _until(next_tick, session, ledger)
        session.tick(next_tick)
        yield from _drain(session, ledger)
        next_tick += TICK_S
    session.end(end)
    yield from _drain(session, ledger)


def _until(now: float, session: Session, ledger: Ledger) -> Iterator[tuple[Event, str]]:
    """What is due before `now`, each at its own time."""
    time = float("-inf")
    for _ in range(MOST_DUE):
        if session.due > now:
            return
        time = max(session.due, time)
        session.on_time(time if time > float("-inf") else now)
        yield from _drain(session, ledger)


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
    for event in session.out:
        for sent in ledger.take(event):
            yield sent, ""
    session.out.clear()
    session.writes.clear()
    session.gestures.clear()
    session.news.clear()
