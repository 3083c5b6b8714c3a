"""What an outlet does with the notes that a killed one left sounding, in invented time."""

from __future__ import annotations

from array import array

from reachnote.model import Event, Kind
from reachnote.outlet import Outlet


class Receiver:
    wants_levels = False
    dropped = 0

    def __init__(self) -> None:
        self.took: list[tuple[float, int, int, int]] = []

    def send(self, event: Event, text: str = "") -> None:
        self.took.append((event.time, event.kind, event.channel, event.a))

    def beat(self, now: float) -> None: ...

    def trouble(self) -> None: ...

    def lost_and_found(self) -> bool:
        return False

    def offs(self) -> list[tuple[float, int, int]]:
        return [(time, channel, key) for time, kind, channel, key in self.took if kind == Kind.NOTE_OFF]


def left_sounding(*notes: tuple[int, int, int]) -> tuple[Outlet, Receiver, Receiver]:
    """An outlet with two outputs after a killed one that left `notes` (channel, key, mask of outputs)."""
    mirror = array("H", bytes(2 * 2048))
    for channel, key, mask in notes:
        mirror[(channel - 1) * 128 + key] = mask
    outlet = Outlet([], "test", memoryview(mirror), lambda news: None)
    outlet.outputs = [Receiver(), Receiver()]
    outlet._troubles = [None, None]
    return outlet, *outlet.outputs


def test_every_note_left_by_a_killed_outlet_is_ended_where_it_sounded():
    outlet, first, second = left_sounding((2, 60, 0b01), (3, 64, 0b11))
    assert outlet.adopt(10.0) == 2
    assert first.offs() == [(10.0, 2, 60), (10.0, 3, 64)]
    assert second.offs() == [(10.0, 3, 64)]


def test_the_endings_are_said_again_because_a_new_connection_may_lose_the_first():
    outlet, first, _ = left_sounding((2, 60, 0b01))
    outlet.adopt(10.0)
    for now in (10.05, 10.12, 10.2, 10.32, 10.9, 11.02, 12.0, 30.0):
        outlet.beat(now)
    assert first.offs() == [(10.0, 2, 60), (10.12, 2, 60), (10.32, 2, 60), (11.02, 2, 60)]


def test_a_note_that_sounds_anew_is_not_ended_again():
    outlet, first, _ = left_sounding((2, 60, 0b01))
    outlet.adopt(10.0)
    outlet.take(Event(Kind.NOTE_ON, 2, 60, 40, 1, 0b01, 10.05), "")
    for now in (10.12, 10.32, 11.02):
        outlet.beat(now)
    assert first.offs() == [(10.0, 2, 60)]
