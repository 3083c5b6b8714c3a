"""What the sensors of a recorded session said: readings by sensor, at each one's own rate. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reachnote.calibration.steps import Sensor
from reachnote.journal import Entry, Left, Ordered
from reachnote.model import Reading
from reachnote.replaying import carry_on
from reachnote.scene import Scene
from reachnote.session import Session

SILENT = Scene("silent", 0, (0,), ())


def heard_of(entries: Iterable[Entry]) -> dict[str, tuple[Sensor, list[Reading]]]:
    """{"board/sensor": (what the board declares, its readings in order)} of a journal."""
    session = Session(SILENT)
    known = 0
    for entry in entries:
        if isinstance(entry, (Left, Ordered)):
            continue
        carry_on(entry, session)
        for chain in session.chains[known:]:
            chain.listening = True
        known = len(session.chains)
        for waiting in (session.out, session.writes, session.gestures, session.news, session.declared):
            waiting.clear()
    return {
        f"{board}/{chain.info.name}": (declared(board, chain.info), chain.heard) for board, chain in session.boards_and_chains()
    }


def declared(board: str, info: object) -> Sensor:
    """What a hello says of a sensor, as a calibration wants it."""
    names = ("name", "kind", "rest", "reach", "low", "high", "unit", "per_unit")
    return Sensor(board, *(getattr(info, name) for name in names))
