"""MPE: zones, configuration, a channel for each sounding note."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.model import Event, Kind
from reachnote.mpe import Members, Zone, check_beside
from support.invented import Receiver


def plain(events: list[Event]) -> list[tuple[str, int, int, int]]:
    return [(Kind(e.kind).name, e.channel, e.a, e.b) for e in events]


def off(channel: int, key: int) -> tuple[str, int, int, int]:
    return ("NOTE_OFF", channel, key, 64)


def on(channel: int, key: int) -> list[tuple[str, int, int, int]]:
    """A plain start: no bend, no pressure, the timbre in the middle, then the note."""
    return [("BEND", channel, 0, 64), ("PRESSURE", channel, 0, 0), ("CONTROL", channel, 74, 64), ("NOTE_ON", channel, key, 70)]


# ---------------------------------------------------------------- zones


@pytest.mark.parametrize(
    ("side", "members", "master", "channels"),
    [
        ("lower", 15, 1, tuple(range(2, 17))),
        ("lower", 1, 1, (2,)),
        ("lower", 7, 1, (2, 3, 4, 5, 6, 7, 8)),
        ("upper", 15, 16, tuple(range(15, 0, -1))),
        ("upper", 3, 16, (15, 14, 13)),
    ],
)
def test_a_zone_has_its_master_at_an_end_and_its_members_beside_it(side, members, master, channels):
    zone = Zone(side, members)
    assert (zone.master, zone.members, zone.channels) == (master, channels, (master, *channels))


@pytest.mark.parametrize(
    ("side", "members", "said"),
    [
        ("middle", 3, "zone = 'middle'; known are lower, upper."),
        ("lower", 0, "members = 0; write a whole number from 1 to 15"),
        ("upper", 16, "members = 16; write a whole number from 1 to 15"),
    ],
)
def test_a_zone_that_cannot_be_is_told(side, members, said):
    with pytest.raises(ValueError) as found:
        Zone(side, members)
    assert str(found.value) == said


def test_two_zones_have_fourteen_members_and_no_more():
    check_beside(Zone("lower", 7), Zone("upper", 7))
    check_beside(Zone("lower", 13), Zone("upper", 1))
    for lower, upper in ((7, 8), (15, 1), (14, 1)):
        with pytest.raises(ValueError, match=f"have {lower + upper} members and share channel .* at most 14$"):
            check_beside(Zone("lower", lower), Zone("upper", upper))
    with pytest.raises(ValueError, match="share channel 1, 2, 3;"):
        check_beside(Zone("lower", 2), Zone("lower", 5))


def test_the_configuration_message_and_the_bend_ranges_come_first():
    def parameter(channel: int, number: int, *values: int) -> list[tuple[str, int, int, int]]:
        entry = [("CONTROL", channel, cc, value) for cc, value in zip((6, 38), values, strict=False)]
        chosen = [("CONTROL", channel, 101, 0), ("CONTROL", channel, 100, number)]
        return [*chosen, *entry, ("CONTROL", channel, 101, 127), ("CONTROL", channel, 100, 127)]

    lower = parameter(1, 6, 2) + parameter(1, 0, 2, 0) + parameter(2, 0, 48, 0) + parameter(3, 0, 48, 0)
    assert plain(Zone("lower", 2).begin(0.0)) == lower
    upper = parameter(16, 6, 1) + parameter(16, 0, 2, 0) + parameter(15, 0, 48, 0)
    assert plain(Zone("upper", 1).begin(0.0)) == upper
    assert plain(Zone("upper", 9).close(0.0)) == parameter(16, 6, 0)


def test_the_configuration_goes_to_the_outputs_of_its_source():
    assert {(e.source, e.outputs, e.time) for e in Zone().begin(2.0, 4, 0b101)} == {(4, 0b101, 2.0)}


# ---------------------------------------------------------------- notes


def test_bend_pressure_and_timbre_come_before_the_note():
    members = Members(Zone("lower", 3), 5, 0b1)
    events = members.start("a", 60, 70, 1.0, bend=9000, pressure=20, timbre=99)
    assert plain(events) == [("BEND", 2, 40, 70), ("PRESSURE", 2, 20, 0), ("CONTROL", 2, 74, 99), ("NOTE_ON", 2, 60, 70)]
    assert {(e.source, e.outputs, e.time) for e in events} == {(5, 0b1, 1.0)}


def test_each_sounding_note_has_a_channel_of_its_own():
    members = Members(Zone("lower", 3))
    assert [plain(members.start(n, 60, 70, 0.0)) for n in range(3)] == [on(2, 60), on(3, 60), on(4, 60)]
    assert [members.channel_of(n) for n in (0, 1, 2, 3)] == [2, 3, 4, 0]


def test_a_new_note_takes_the_channel_that_was_released_longest_ago():
    members = Members(Zone("lower", 4))
    for n in range(3):
        members.start(n, 60 + n, 70, 0.0)
    assert plain(members.end(1, 1.0)) == [off(3, 61)]
    assert plain(members.end(0, 2.0)) == [off(2, 60)]
    assert [plain(members.start(n, 70, 70, 3.0))[-1][1] for n in (10, 11, 12)] == [5, 3, 2]


def test_when_no_channel_is_free_the_oldest_note_ends_and_gives_its_own():
    members = Members(Zone("upper", 2))
    members.start("a", 60, 70, 0.0)
    members.start("b", 62, 70, 0.1)
    assert plain(members.start("c", 64, 70, 0.2)) == [off(15, 60), *on(15, 64)]
    assert members.sounding == ("b", "c")
    assert members.end("a", 0.3) == []
    assert plain(members.end("c", 0.4)) == [off(15, 64)]


def test_a_token_that_starts_again_ends_first():
    members = Members(Zone("lower", 2))
    members.start("a", 60, 70, 0.0)
    assert plain(members.start("a", 67, 70, 0.5)) == [off(2, 60), *on(3, 67)]


def test_a_note_moves_alone_on_change_only():
    members = Members(Zone("lower", 2))
    members.start("a", 60, 70, 0.0)
    members.start("b", 64, 70, 0.0)
    assert plain(members.move("b", 1.0, bend=8192 + 171)) == [("BEND", 3, 43, 65)]
    assert members.move("b", 2.0, bend=8192 + 171, timbre=64) == []
    assert plain(members.move("a", 3.0, pressure=99)) == [("PRESSURE", 2, 99, 0)]
    assert members.move("nobody", 4.0, bend=0) == []


def test_a_channel_keeps_its_pace_and_the_last_value_follows():
    members = Members(Zone("lower", 2))
    members.start("a", 60, 70, 0.0)
    sent = [e for n in range(1000) for e in members.move("a", 1.0 + n / 1000, bend=8192 + n)]
    assert 190 <= len(sent) <= 200
    assert members.due < 2.02
    assert plain(members.tick(2.02))[-1] == ("BEND", 2, (8192 + 999) & 127, (8192 + 999) >> 7)
    assert (members.due, members.tick(9.0)) == (inf, [])


def test_what_waited_for_a_note_that_ended_reaches_no_other_note():
    members = Members(Zone("lower", 1))
    members.start("a", 60, 70, 0.0)
    members.move("a", 1.0, bend=9000)
    assert members.move("a", 1.001, bend=16383) == []
    members.end("a", 1.002)
    assert (members.due, members.tick(1.1)) == (inf, [])
    assert plain(members.start("b", 62, 70, 1.2)) == on(2, 62)


def test_a_note_that_ends_rings_on_at_the_bend_it_has():
    members = Members(Zone("lower", 1))
    members.start("a", 60, 70, 0.0, bend=12000)
    assert plain(members.end("a", 1.0)) == [off(2, 60)]


def test_everything_ends_at_once():
    members = Members(Zone("lower", 3))
    for n in range(3):
        members.start(n, 60 + n, 70, 0.0)
    assert plain(members.end_all(1.0)) == [off(2, 60), off(3, 61), off(4, 62)]
    assert members.sounding == ()


def test_after_forgetting_every_channel_is_free_and_nothing_is_ended_twice():
    members = Members(Zone("lower", 2))
    members.start("a", 60, 70, 0.0)
    members.move("a", 0.1, bend=0)
    members.move("a", 0.101, bend=16383)
    members.forget()
    assert (members.end("a", 1.0), members.tick(1.0), members.sounding) == ([], [], ())
    assert [plain(members.start(n, 60, 70, 2.0))[-1][1] for n in range(2)] == [3, 2]


# ---------------------------------------------------------------- in any order

CASES = st.tuples(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 6), st.integers(0, 20)), max_size=60),
)


def any_order(case: tuple) -> None:
    count, steps = case
    zone = Zone("lower", count)
    members, receiver, now = Members(zone), Receiver(), 10.0
    values: dict[int, tuple[int, int]] = {}

    def take(events: list[Event]) -> None:
        before = None
        for event in events:
            receiver.take(event)
            assert event.channel in zone.members
            assert 0 <= event.a <= 127 and 0 <= event.b <= 127
            if event.kind == Kind.BEND:
                values[event.channel] = (event.a, event.b)
            if event.kind == Kind.NOTE_ON:
                assert before is not None and before.kind == Kind.CONTROL and before.channel == event.channel
                assert values[event.channel] == (0, 64)
            before = event

    for what, token, step in steps:
        now += step / 1000
        if what <= 2:
            take(members.start(token, 60 + token % 3, 70, now))
        elif what <= 4:
            take(members.end(token, now))
        elif what == 5:
            take(members.move(token, now, bend=step * 800, pressure=step, timbre=step))
        elif what == 6:
            take(members.tick(now))
        elif step == 20:
            take(members.end_all(now))
        sounding = receiver.sounding()
        assert len({channel for channel, _ in sounding}) == len(sounding) == len(members.sounding) <= count
        assert sorted(members.channel_of(token) for token in members.sounding) == [channel for channel, _ in sounding]
    take(members.end_all(now))
    assert receiver.unpaired() == {}


@settings(max_examples=300, deadline=None)
@given(CASES)
def test_no_two_notes_share_a_channel_and_each_is_ended_once(case):
    any_order(case)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=10_000, deadline=None)
@given(CASES)
def test_no_two_notes_share_a_channel_and_each_is_ended_once_in_ten_thousand_orders(case):
    any_order(case)
