"""A journal through the pure core, and its notes."""

from __future__ import annotations

from reachnote import journal
from reachnote.ledger import Ledger
from reachnote.model import Event, Kind
from reachnote.replaying import events
from reachnote.scene import read_scene
from reachnote.session import Session
from support.invented import SCENE


def replayed(entries: list[journal.Entry], scene: str = SCENE) -> tuple[list[tuple[Event, str]], Ledger]:
    ledger = Ledger()
    return list(events(entries, Session(read_scene(scene, "test.toml")), ledger)), ledger


def notes(found: list[Event]) -> list[tuple[int, int, int, int]]:
    return [(int(e.kind), e.channel, e.a, e.b) for e in found if e.kind in (Kind.NOTE_ON, Kind.NOTE_OFF)]
