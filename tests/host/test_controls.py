"""Levels to controls: values, ranges, order, pace."""

from __future__ import annotations

from math import inf, nan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.controls import Control, Pace, bend_value, in_start_order, program_events, rpn
from reachnote.model import ALL_OUTPUTS, Event, Kind, note_off, note_on, order


def plain(events: list[Event]) -> list[tuple[str, int, int]]:
    """(kind, a, b) of each."""
    return [(Kind(e.kind).name, e.a, e.b) for e in events]


def values(events: list[Event]) -> list[int]:
    """The value of each message that carries one: CC by b, bend and pressure as they are."""
    return [e.a + 128 * e.b if e.kind == Kind.BEND else e.a if e.kind == Kind.PRESSURE else e.b for e in events]


def swept(control: Control, levels: list[float], start: float = 0.0) -> list[Event]:
    """The events of levels that are far enough apart not to wait."""
    return [event for n, level in enumerate(levels) for event in control.level(level, start + n * 0.02)]


class Synth:
    """What a receiver makes of the messages: coarse and fine halves, bend, pressure; it counts a second's messages."""

    def __init__(self) -> None:
        self.controls: dict[tuple[int, int], int] = {}
        self.bends: dict[int, int] = {}
        self.pressures: dict[int, int] = {}
        self.times: dict[int, list[float]] = {}

    def take(self, events: list[Event]) -> None:
        for event in events:
            assert 1 <= event.channel <= 16
            assert 0 <= event.a <= 127 and 0 <= event.b <= 127
            self.times.setdefault(event.channel, []).append(event.time)
            if event.kind == Kind.BEND:
                self.bends[event.channel] = event.a + 128 * event.b
            elif event.kind == Kind.PRESSURE:
                self.pressures[event.channel] = event.a
            else:
                assert event.kind == Kind.CONTROL and event.a <= 119
                self.controls[event.channel, event.a] = event.b
                if event.a < 32:
                    self.controls[event.channel, event.a + 32] = 0  # MIDI 1.0: a coarse half clears the fine one

    def fine(self, channel: int, number: int) -> int:
        return self.controls[channel, number] * 128 + self.controls[channel, number + 32]

    def busiest(self) -> int:
        """The most messages of one channel in any second."""
        most = 0
        for times in self.times.values():
            assert times == sorted(times)
            first = 0
            for n, time in enumerate(times):
                while times[first] <= time - 1.0:
                    first += 1
                most = max(most, n - first + 1)
        return most


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("kind", "more", "wanted"),
    [
        ("cc", {"number": 11}, [("CONTROL", 11, 0), ("CONTROL", 11, 32), ("CONTROL", 11, 64), ("CONTROL", 11, 127)]),
        ("cc", {"number": 119, "at_rest": 20, "at_full": 100}, [("CONTROL", 119, n) for n in (20, 40, 60, 100)]),
        ("cc", {"number": 0, "at_rest": 127, "at_full": 0}, [("CONTROL", 0, n) for n in (127, 95, 64, 0)]),
        ("pressure", {}, [("PRESSURE", n, 0) for n in (0, 32, 64, 127)]),
        ("bend", {}, [("BEND", 0, 64), ("BEND", 0, 80), ("BEND", 0, 96), ("BEND", 127, 127)]),
        ("bend", {"at_rest": 8192, "at_full": 0}, [("BEND", 0, 64), ("BEND", 0, 48), ("BEND", 0, 32), ("BEND", 0, 0)]),
    ],
)
def test_a_level_goes_from_the_value_at_rest_to_the_value_at_full(kind, more, wanted):
    control = Control(kind, Pace(), 3, 7, 0b10, **more)
    events = swept(control, [0.0, 0.25, 0.5, 1.0])
    assert plain(events) == wanted
    assert {(e.channel, e.source, e.outputs) for e in events} == {(3, 7, 0b10)}


@pytest.mark.parametrize("level", [-0.001, -5.0, -inf, nan])
def test_less_than_rest_and_what_is_no_number_count_as_rest(level):
    assert values(Control("cc", Pace(), 1, at_rest=9).level(level, 0.0)) == [9]


@pytest.mark.parametrize("level", [1.001, 5.0, inf])
def test_more_than_full_counts_as_full(level):
    assert values(Control("bend", Pace(), 1).level(level, 0.0)) == [16383]


def test_only_a_change_is_sent():
    control = Control("cc", Pace(), 1)
    assert values(swept(control, [0.0, 0.001, 0.5, 0.501, 0.5, 0.502, 1.0, 1.0, 2.0])) == [0, 64, 127]


def test_fourteen_bits_send_both_halves_coarse_first_and_the_fine_one_alone_only_when_the_coarse_one_stays():
    control = Control("cc14", Pace(), 4, number=11)
    assert plain(control.set(0x1234, 0.0)) == [("CONTROL", 11, 0x24), ("CONTROL", 43, 0x34)]
    assert plain(control.set(0x1235, 0.1)) == [("CONTROL", 43, 0x35)]
    assert plain(control.set(0x1200, 0.2)) == [("CONTROL", 43, 0x00)]
    assert plain(control.set(0x1280, 0.3)) == [("CONTROL", 11, 0x25), ("CONTROL", 43, 0x00)]
    assert plain(control.set(0x1280, 0.4)) == []


def test_every_fourteen_bit_value_arrives_whole():
    control, synth, pace = Control("cc14", pace := Pace(), 4, number=1), Synth(), pace
    for n in range(0, 16384, 37):
        synth.take(control.set(n, n * 0.1))
        assert synth.fine(4, 1) == n


# ---------------------------------------------------------------- begin, home, forget


def test_a_bend_begins_with_its_range_and_no_bend():
    events = Control("bend", Pace(), 5, semitones=12).begin(1.0)
    assert plain(events) == [
        ("CONTROL", 101, 0), ("CONTROL", 100, 0), ("CONTROL", 6, 12), ("CONTROL", 38, 0),
        ("CONTROL", 101, 127), ("CONTROL", 100, 127), ("BEND", 0, 64),
    ]  # fmt: skip
    assert {(e.channel, e.time) for e in events} == {(5, 1.0)}


@pytest.mark.parametrize(("kind", "wanted"), [("cc", [("CONTROL", 1, 30)]), ("pressure", [("PRESSURE", 30, 0)])])
def test_another_control_begins_where_it_rests(kind, wanted):
    assert plain(Control(kind, Pace(), 5, at_rest=30).begin(1.0)) == wanted


@pytest.mark.parametrize(
    ("kind", "more", "rest"),
    [
        ("bend", {}, 8192),
        ("bend", {"at_rest": 0, "at_full": 16383}, 8192),
        ("cc", {"at_rest": 127, "at_full": 0}, 127),
        ("cc", {"at_rest": 10, "home": 64}, 64),
        ("pressure", {}, 0),
    ],
)
def test_a_release_brings_it_home(kind, more, rest):
    control = Control(kind, Pace(), 1, **more)
    control.level(0.3, 0.0)
    assert values(control.home(1.0)) == [rest]
    assert control.home(2.0) == []


def test_going_home_waits_for_the_pace_but_never_gets_lost():
    pace = Pace()
    bend = Control("bend", pace, 1)
    bend.level(1.0, 10.0)
    assert bend.home(10.001) == []
    assert pace.due == pytest.approx(10.005, abs=1e-4)
    assert values(pace.tick(10.01)) == [8192]
    assert pace.due == inf


def test_after_forgetting_the_rest_value_follows_whatever_was_sent_before():
    pace = Pace()
    bend = Control("bend", pace, 1)
    bend.begin(0.0)
    bend.level(0.7, 1.0)
    bend.forget()
    assert pace.due < 2.0
    assert values(pace.tick(2.0)) == [8192]
    bend.forget()
    assert values(pace.tick(3.0)) == [8192]
    assert pace.tick(4.0) == []


def test_what_waits_can_be_dropped_and_the_value_sent_last_stays():
    pace = Pace()
    control = Control("cc", pace, 1)
    assert values(control.set(5, 0.0)) == [5]
    assert control.set(8, 0.001) == control.set(9, 0.002) == []
    control.still()
    assert (pace.due, pace.tick(1.0)) == (inf, [])
    assert values(control.set(9, 2.0)) == [9]


# ---------------------------------------------------------------- pace


@pytest.mark.parametrize("kind", ["cc", "cc14", "bend", "pressure"])
def test_a_channel_says_at_most_two_hundred_things_a_second_and_the_last_value_arrives(kind):
    pace, synth = Pace(), Synth()
    control = Control(kind, pace, 2)
    for n in range(4000):  # a thousand levels a second
        synth.take(control.level((n * 37 % 1000) / 999, n / 1000))
    assert 195 <= synth.busiest() <= 200
    synth.take(control.set(5, 4.0))
    synth.take(pace.tick(4.02))
    found = {"cc": lambda: synth.controls[2, 1], "cc14": lambda: synth.fine(2, 1)}
    found |= {"bend": lambda: synth.bends[2], "pressure": lambda: synth.pressures[2]}
    assert found[kind]() == 5


def test_controls_of_one_channel_share_its_pace_and_take_turns():
    pace, synth = Pace(), Synth()
    controls = [Control("cc", pace, 2, number=n) for n in (1, 2, 3, 4)]
    heard = dict.fromkeys((1, 2, 3, 4), 0)
    for n in range(2000):
        for control in controls:
            events = control.set(n % 128, n / 1000)
            synth.take(events)
            for event in events:
                heard[event.a] += 1
    assert synth.busiest() <= 200
    assert min(heard.values()) >= max(heard.values()) - 1 >= 90


@pytest.mark.parametrize("seed", range(12))
def test_no_second_holds_more_than_two_hundred_messages_however_they_come(seed):
    chance, pace, synth, now = Random(seed), Pace(), Synth(), 10.0
    controls = [
        Control("cc", pace, 2),
        Control("cc14", pace, 2, number=7),
        Control("bend", pace, 2),
        Control("pressure", pace, 2),
    ]
    for _ in range(3000):
        now += chance.choice([0.0, 0.0002, 0.001, 0.004, 0.0051, 0.01, -0.003]) * chance.random() ** chance.choice([0, 1, 3])
        synth.take(chance.choice(controls).set(chance.randrange(16384), now))
    assert 150 < synth.busiest() <= 200


def test_channels_do_not_hold_each_other_up():
    one, other = Control("cc", Pace(), 2), Control("cc", Pace(), 3)
    assert values(one.set(1, 0.0) + other.set(1, 0.0)) == [1, 1]


def test_a_value_that_came_back_while_it_waited_is_not_sent():
    pace = Pace()
    control = Control("cc", pace, 2)
    control.set(5, 0.0)
    control.set(9, 0.001)
    control.set(5, 0.002)
    assert pace.tick(1.0) == []


def test_what_leaves_at_once_counts_too():
    pace = Pace()
    control = Control("cc", pace, 2)
    control.begin(1.0)
    control.begin(1.0)
    assert control.set(9, 1.009) == []
    assert values(control.set(9, 1.011)) == [9]


def test_time_that_goes_back_counts_as_the_latest():
    control = Control("cc", Pace(), 2)
    control.set(1, 5.0)
    assert control.set(2, 4.0) == []
    (event,) = control.set(3, 5.1)
    (again,) = control.at_once(4, 4.0)
    assert (event.time, again.time) == (5.1, 5.1)


# ---------------------------------------------------------------- programs and the order of a start


def test_a_sound_is_chosen_by_bank_coarse_bank_fine_program():
    events = program_events(12, 6, 2.0, source=3, outputs=1, bank=300)
    assert plain(events) == [("CONTROL", 0, 2), ("CONTROL", 32, 44), ("PROGRAM", 11, 0)]
    assert {(e.channel, e.source, e.outputs, e.time) for e in events} == {(6, 3, 1, 2.0)}


def test_a_program_goes_without_a_bank_and_a_bank_not_without_a_program():
    assert plain(program_events(128, 6, 0.0)) == [("PROGRAM", 127, 0)]
    assert program_events(0, 6, 0.0, bank=5) == []


@pytest.mark.parametrize(
    ("program", "bank", "said"),
    [
        (129, -1, "program = 129; write a whole number from 0 to 128"),
        (1, 16384, "bank = 16384; write a whole number from -1 to 16383"),
    ],
)
def test_a_sound_that_cannot_be_is_told(program, bank, said):
    with pytest.raises(ValueError, match=said):
        program_events(program, 1, 0.0, bank=bank)


def test_a_scene_starts_with_ends_then_programs_then_controls_then_notes():
    two, three = program_events(5, 2, 0.0, bank=129), program_events(6, 3, 0.0)
    bend = Control("bend", Pace(), 2).begin(0.0)
    volume = Control("cc", Pace(), 3, number=7).begin(0.0)
    notes = [note_on(2, 60, 70, 1, 0.0), note_on(3, 64, 70, 2, 0.0)]
    ends = [order(Kind.RELEASE_ALL, 0.0), note_off(2, 50, 1, 0.0)]
    mixed = [notes[0], *bend, ends[0], *two, notes[1], *volume, *three, ends[1]]
    assert in_start_order(mixed) == [*ends, *two, *three, *bend, *volume, *notes]


def test_a_registered_parameter_is_left_unselected():
    assert plain(rpn(1, 6, 15, None, 0, 0.0)) == [
        ("CONTROL", 101, 0), ("CONTROL", 100, 6), ("CONTROL", 6, 15), ("CONTROL", 101, 127), ("CONTROL", 100, 127),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("semitones", "bend_range", "value"),
    [(0, 2, 8192), (2, 2, 16383), (-2, 2, 0), (1, 2, 12288), (1, 48, 8363), (-1, 48, 8021), (99, 2, 16383), (-99, 2, 0)],
)
def test_a_bend_is_a_share_of_its_range(semitones, bend_range, value):
    assert bend_value(semitones, bend_range) == value


# ---------------------------------------------------------------- what people write


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("cc15", {}, "control = 'cc15'; known are cc, cc14, bend, pressure. Did you mean 'cc14'?"),
        ("cc", {"number": 120}, "number = 120; write a whole number from 0 to 119"),
        ("cc14", {"number": 32}, "number = 32; write a whole number from 0 to 31"),
        ("cc", {"at_full": 128}, "at_full = 128; write a whole number from 0 to 127"),
        ("bend", {"at_rest": -1}, "at_rest = -1; write a whole number from 0 to 16383"),
        ("pressure", {"home": 200}, "home = 200; write a whole number from 0 to 127"),
        ("bend", {"semitones": 97}, "semitones = 97; write a whole number from 0 to 96"),
    ],
)
def test_what_is_not_allowed_is_told_with_what_is(kind, more, said):
    with pytest.raises(ValueError) as found:
        Control(kind, Pace(), 1, **more)
    assert str(found.value) == said


# ---------------------------------------------------------------- in any order

LEVELS = st.one_of(st.floats(-0.2, 1.2), st.sampled_from([0.0, 1.0, nan]))
CASES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), LEVELS, st.integers(-4, 12)), max_size=60)


def any_order(steps: list[tuple]) -> None:
    pace, synth, now = Pace(), Synth(), 100.0
    controls = [
        Control("cc", pace, 2, number=11, at_rest=100, at_full=20),
        Control("cc14", pace, 2, number=1, home=77),
        Control("bend", pace, 2, at_rest=0, at_full=16383),
        Control("pressure", pace, 2, home=3),
    ]
    for what, which, level, step in steps:
        now += step / 1000
        control = controls[which]
        if what <= 4:
            synth.take(control.level(level, now))
        elif what == 5:
            synth.take(control.home(now))
        elif what == 6:
            control.forget()
        elif what == 7:
            control.still()
        else:
            synth.take(pace.tick(now))
    assert synth.busiest() <= 200
    for control in controls:
        control.forget()
        synth.take(control.home(now))
    synth.take(pace.tick(now + 1) + pace.tick(now + 2) + pace.tick(now + 3) + pace.tick(now + 4) + pace.tick(now + 5))
    assert pace.due == inf
    assert (synth.controls[2, 11], synth.fine(2, 1), synth.bends[2], synth.pressures[2]) == (100, 77, 8192, 3)


@settings(max_examples=300, deadline=None)
@given(CASES)
def test_in_any_order_values_are_legal_and_everything_comes_home(steps):
    any_order(steps)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=10_000, deadline=None)
@given(CASES)
def test_in_any_order_values_are_legal_and_everything_comes_home_in_ten_thousand_orders(steps):
    any_order(steps)


def test_events_go_to_every_output_unless_some_are_named():
    assert {event.outputs for event in Control("bend", Pace(), 1).begin(0.0)} == {ALL_OUTPUTS}
