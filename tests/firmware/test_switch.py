"""The switch: exactly one press for one press, whatever the contact does; faults named, polarity found."""

from hypothesis import given, settings
from hypothesis import strategies as st

import bench
from reachnote_wire import ABSENT, CLOSED_CONTACT, OK, SHORTED, STARTING, read_switch
from rig import Rig


class Contact:
    """A pin model whose level changes at given times (us); open, 1, before the first."""

    def __init__(self, changes):
        self.changes = sorted(changes)

    def level(self, us):
        return 1 - sum(1 for at in self.changes if at <= us) % 2

    def next_edge(self, after_us):
        return -1


def rig_with(changes, **options):
    rig = Rig("switch", "switch", pin=14, **options)
    bench.attach_pin(14, Contact(changes))
    return rig


def pressed_at(rig):
    found, last = [], 0
    for ms, _, value in rig.log:
        pressed, count, age = read_switch(value)
        if count != last:
            last = count
            found.append((pressed, ms * 1000 - age))
    return found


def test_a_press_is_told_in_the_tick_it_is_seen_and_a_release_too():
    rig = rig_with([100000, 250000]).run(400)
    assert pressed_at(rig) == [(1, 100000), (0, 250000)]
    assert rig.edges == 2
    assert (100, OK, 1 << 20 | 1 << 12) in rig.log
    assert (250, OK, 0 << 20 | 2 << 12) in rig.log


def test_the_age_is_brought_up_to_date_in_every_report_and_stops_at_full_scale():
    rig = rig_with([10000]).run(61)
    assert read_switch(rig.value) == (1, 1, 51000)
    rig.run(3000)
    assert read_switch(rig.value) == (1, 1, 4095 * 250)
    rig.run(540000, every=1000)
    assert read_switch(rig.value) == (1, 1, 4095 * 250)


def test_bounce_of_up_to_20_ms_is_part_of_the_press():
    bounce = [100000, 103000, 105000, 111000, 119000, 250000, 252000, 253000, 260000, 269000]
    rig = rig_with(bounce).run(400)
    assert pressed_at(rig) == [(1, 100000), (0, 250000)]


def test_a_press_shorter_than_the_lockout_keeps_its_true_length():
    rig = rig_with([100000, 108000]).run(200)
    assert pressed_at(rig) == [(1, 100000), (0, 108000)]
    assert rig.edges == 2
    assert (120, OK, 2 << 12 | 12000 // 250) in rig.log


def test_a_quick_second_press_within_the_bounce_of_a_release_is_kept():
    rig = rig_with([100000, 200000, 212000, 300000]).run(400)
    assert pressed_at(rig) == [(1, 100000), (0, 200000), (1, 212000), (0, 300000)]


def test_bounce_longer_than_told_is_seen_as_presses():
    bounce = [100000, 125000, 150000, 250000]
    assert len(pressed_at(rig_with(bounce).run(400))) == 4
    assert len(pressed_at(rig_with(bounce, debounce_ms=60).run(400))) == 2


def test_without_debounce_every_change_counts():
    assert len(pressed_at(rig_with([100000, 102000, 104000, 200000], debounce_ms=0).run(300))) == 4


bounces = st.lists(st.integers(1, 20000), max_size=12, unique=True).map(lambda times: times[: len(times) // 2 * 2])


@settings(max_examples=400, deadline=None)
@given(st.integers(50000, 51999), bounces, st.integers(20000, 150000), bounces)
def test_any_bounce_of_up_to_20_ms_at_both_edges_is_one_press(press, first, held, second):
    release = press + held
    changes = [press] + [press + n for n in first] + [release] + [release + n for n in second]
    if held < 20001 and first:
        changes = [press, release] + [release + n for n in second]
    rig = rig_with(changes).run(300)
    assert [state for state, _ in pressed_at(rig)] == [1, 0]
    assert rig.edges == 2
    assert abs(pressed_at(rig)[0][1] - press) <= 21000


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(45, 200), min_size=2, max_size=12), st.integers(0, 999), bounces)
def test_every_press_of_a_bouncing_run_is_counted_once(lengths, phase, bounce):
    at, changes = 50000 + phase, []
    for ms in lengths:
        changes += [at] + [at + n for n in bounce]
        at += ms * 1000
    rig = rig_with(changes).run(at // 1000 + 100)
    assert [state for state, _ in pressed_at(rig)] == [1, 0] * (len(lengths) // 2) + [1] * (len(lengths) % 2)


def test_the_edge_count_comes_round_at_256():
    rig = rig_with([100000 + 50000 * n for n in range(300)]).run(16000, every=100)
    assert read_switch(rig.value)[1] == 300 % 256


# ---------------------------------------------------------------- at power-on


def test_held_at_power_on_is_silent_then_named_shorted_within_2_s():
    rig = rig_with([0]).run(5000)
    assert [(ms, status) for ms, status, _ in rig.log] == [(0, STARTING), (2000, SHORTED)]
    assert all(read_switch(value)[:2] == (0, 0) for _, _, value in rig.log)
    assert rig.edges == 0


def test_let_go_before_2_s_it_is_an_ordinary_switch_and_its_bounce_does_not_sound():
    rig = rig_with([0, 1000000, 1003000, 1008000, 2000000, 2100000]).run(3000)
    assert rig.status == OK
    assert pressed_at(rig) == [(1, 2000000), (0, 2100000)]


def test_a_shorted_switch_that_opens_is_normally_closed_and_turned_round():
    rig = rig_with([0, 3000000, 3500000, 4000000, 4200000]).run(8000)
    assert rig.status == CLOSED_CONTACT
    assert pressed_at(rig) == [(1, 3000000), (0, 3500000), (1, 4000000), (0, 4200000)]


def test_one_that_stays_open_for_10_s_was_only_held_and_is_turned_back():
    rig = rig_with([0, 3000000, 15000000, 15200000]).run(16000)
    assert pressed_at(rig) == [(1, 3000000), (0, 13001000), (1, 15000000), (0, 15200000)]
    assert rig.status == OK


def test_a_declared_normally_closed_switch_is_pressed_when_it_opens():
    rig = rig_with([0, 500000, 700000], contact="closed").run(1000)
    assert rig.log[0][1] == CLOSED_CONTACT
    assert rig.status == CLOSED_CONTACT
    assert pressed_at(rig) == [(1, 500000), (0, 700000)]


def test_a_declared_one_may_be_held_for_longer_than_10_s():
    rig = rig_with([0, 500000, 20000000], contact="closed").run(21000, every=100)
    assert [state for state, _ in pressed_at(rig)] == [1, 0]
    assert rig.edges == 2


def test_a_declared_one_that_is_unplugged_is_named_absent_within_2_s_and_recovers():
    rig = rig_with([5000000, 6000000, 6200000], contact="closed").run(3000)
    assert [(ms, status) for ms, status, _ in rig.log] == [(0, CLOSED_CONTACT), (2000, ABSENT)]
    assert read_switch(rig.value)[0] == 0
    rig.run(4000)
    assert rig.status == CLOSED_CONTACT
    assert pressed_at(rig) == [(1, 6000000), (0, 6200000)]


def test_the_switch_model_bounces_as_told():
    rig = Rig("switch", "switch", pin=14)
    rig.model.hand = lambda t: 1 if t >= 0.1 else 0
    rig.model.bounce_us = (300, 200, 1500)
    levels = {}
    for us in range(0, 110000, 100):
        levels[us] = rig.model.level(us)
    seen = [levels[us] for us in (99900, 100000, 100200, 100300, 100400, 100500, 101900, 102000)]
    assert seen == [1, 0, 0, 1, 1, 0, 0, 0]
