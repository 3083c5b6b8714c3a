"""What an outlet does with the notes that a killed one left sounding, in invented time."""

from __future__ import annotations

import time
from array import array

from reachnote.limits import CHILD, STAGE, VERY_QUIET, pack_limits
from reachnote.model import Event, Kind, note_on, order
from reachnote.outlet import PAGE_BYTES, Outlet, Unheard
from reachnote.pipe import Unpacker, pack, pack_text


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


# ---------------------------------------------------------------- the guard


class Loud(Receiver):
    """Also keeps velocities and control values."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, int, int]] = []
        self.back = False

    def send(self, event: Event, text: str = "") -> None:
        super().send(event, text)
        self.heard.append((Kind(event.kind).name, event.a, event.b))

    def lost_and_found(self) -> bool:
        back, self.back = self.back, False
        return back

    def close(self) -> None: ...


def guarded(page: bytearray | None = None) -> tuple[Outlet, Loud, list[dict]]:
    told: list[dict] = []
    outlet = Outlet([], "test", memoryview(array("H", bytes(2 * 2048))), told.append, page)
    outlet.outputs = [Loud()]
    outlet._troubles = [None]
    return outlet, outlet.outputs[0], told


def hand(outlet: Outlet, *raw: bytes) -> None:
    """Everything through the pipe's records, as the engine writes them."""
    for event, text in Unpacker().feed(b"".join(raw)):
        outlet.take(event, text)


def chosen(limits, time: float = 1.0) -> bytes:
    return pack_text(Kind.LIMITS, 0, pack_limits(limits, preset=True), time)


def test_limits_come_through_the_pipe_and_everybody_is_told():
    outlet, receiver, told = guarded()
    hand(outlet, chosen(VERY_QUIET), pack([note_on(2, 36, 127, 1, 1.0)]))
    assert receiver.heard == [("NOTE_ON", 48, 20)]
    sentence = "The loudness guard is on (very-quiet): no note is louder than 45."
    assert told == [{"news": "guard", "limits": "very-quiet", "loudest": 45, "softer": 0, "stopped": False, "text": sentence}]
    hand(outlet, chosen(STAGE, 2.0))
    assert told[-1]["text"] == "The loudness guard is off (stage): everything sounds as loud as it is played."
    assert outlet.figures()["guard"] == {"limits": "stage", "loudest": 127, "softer": 0, "stopped": False}


def test_softer_stop_and_lift_come_through_the_pipe():
    outlet, receiver, told = guarded()
    hand(outlet, pack([note_on(2, 60, 70, 1, 1.0), order(Kind.SOFTER, 2.0, 3)]))
    assert receiver.heard == [("NOTE_ON", 60, 40), ("CONTROL", 11, 115)]
    hand(outlet, pack([order(Kind.STOP, 3.0, 3), note_on(2, 62, 70, 1, 3.5)]))
    assert receiver.heard[2] == ("NOTE_OFF", 60, 64)
    assert not [a for kind, a, _ in receiver.heard if kind == "NOTE_ON" and a == 62]
    hand(outlet, pack([order(Kind.LIFT, 4.0), note_on(2, 62, 70, 1, 4.1)]))
    assert receiver.heard[-2:] == [("CONTROL", 11, 127), ("NOTE_ON", 62, 40)]
    assert [news["softer"] for news in told] == [1, 1, 0]


def test_an_outlet_that_takes_over_guards_as_the_killed_one_did():
    page = bytearray(PAGE_BYTES)
    outlet, _, _ = guarded(page)
    hand(outlet, chosen(CHILD), pack([order(Kind.SOFTER, 2.0, 3)]))
    heir, receiver, _ = guarded(page)
    heir.adopt(3.0)
    assert heir.ledger.guard.figures() == {"limits": "child", "loudest": 63, "softer": 1, "stopped": False}
    hand(heir, pack([note_on(2, 60, 127, 1, 4.0)]))
    assert receiver.heard == [("NOTE_ON", 60, 35)]


def test_an_outlet_that_takes_over_from_none_starts_at_standard():
    outlet, _, _ = guarded(bytearray(PAGE_BYTES))
    outlet.adopt(1.0)
    assert outlet.ledger.guard.figures()["limits"] == "standard"


def test_a_page_that_was_torn_leaves_the_very_quietest():
    page = bytearray(PAGE_BYTES)
    outlet, _, _ = guarded(page)
    hand(outlet, chosen(STAGE))
    page[40] = 0
    heir, _, _ = guarded(page)
    heir.adopt(3.0)
    assert heir.ledger.guard.figures()["limits"] == "very-quiet"


def test_a_receiver_that_came_back_gets_its_levels_again():
    outlet, receiver, _ = guarded()
    hand(outlet, chosen(CHILD), pack([Event(Kind.CONTROL, 2, 7, 127, 1, 1, 1.0)]))
    receiver.heard.clear()
    receiver.back = True
    outlet.beat(2.0)
    assert receiver.heard == [("CONTROL", 7, 110)]


def test_a_synth_is_not_left_softer_than_it_was():
    outlet, receiver, _ = guarded()
    hand(outlet, pack([note_on(2, 60, 70, 1, 1.0), order(Kind.SOFTER, 2.0, 3)]))
    outlet.close()
    assert receiver.heard[-1] == ("CONTROL", 11, 127)


def test_a_moment_that_has_not_come_does_not_stop_the_guards_clock():
    outlet, receiver, _ = guarded()
    hand(outlet, pack([note_on(2, 60, 70, 1, 1e12)]))
    assert receiver.heard == [("NOTE_ON", 60, 40)]
    assert outlet.ledger.guard.clock(0.0) <= time.monotonic()


# ---------------------------------------------------------------- notes that nobody hears


def told(*looks: tuple[float, bool, bool]) -> list[str]:
    """The news of looks at (time, was a note played, does anybody listen)."""
    unheard, found = Unheard(), []
    for now, played, heard in looks:
        unheard.played |= played
        news = unheard.look(heard, now)
        found += [news["news"]] if news else []
    return found


def test_notes_that_nobody_hears_are_told_once_after_two_seconds():
    assert told((0.0, True, False), (1.9, True, False)) == []
    assert told((0.0, True, False), (2.0, False, False), (9.0, True, False)) == ["unheard"]


def test_silence_is_nothing_to_tell():
    assert told((0.0, False, False), (60.0, False, False)) == []


def test_somebody_who_joins_in_time_or_late():
    assert told((0.0, True, False), (1.0, False, True), (5.0, False, False)) == []
    assert told((0.0, True, False), (2.0, False, False), (3.0, False, True), (4.0, True, True)) == ["unheard", "heard"]
