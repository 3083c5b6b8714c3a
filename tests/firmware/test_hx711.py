"""The load cell: the data sheet's clocks, force from counts, a chip that started anew, its faults."""

import pytest

import bench
from hand import Still
from reachnote_wire import ABSENT, OK, SATURATED, STARTING, STUCK, WEAK
from rig import Rig

MIDDLE = 0x800000


def rig_at(newton, **options):
    rig = Rig("hx711", "hx711", clock=2, data=3, **options)
    rig.model.hand, rig.model.noise, rig.model.zero = Still(newton), 0, 0
    return rig


class Counts:
    """Gives one conversion whatever the force."""

    def __init__(self, rig, counts):
        rig.model.counts_of = lambda newton: counts


@pytest.mark.parametrize("counts, value", [
    (0, 0x800000), (1, 0x800001), (-1, 0x7FFFFF), (0x7FFFFE, 0xFFFFFE), (-0x7FFFFF, 0x000001), (0x555555, 0xD55555)
])  # fmt: skip
def test_twos_complement_becomes_an_unsigned_number_around_2_to_the_23(counts, value):
    rig = rig_at(0)
    Counts(rig, counts)
    assert (rig.run(200).status, rig.value) == (OK, value)


@pytest.mark.parametrize("counts, value", [(0x7FFFFF, 0xFFFFFF), (-0x800000, 0)])
def test_the_two_ends_are_saturated(counts, value):
    rig = rig_at(0)
    Counts(rig, counts)
    assert rig.until(SATURATED, 2000) <= 120
    assert rig.value == value


@pytest.mark.parametrize("newton", [-20, 0, 0.1, 10, 49])
def test_force_comes_back_in_newtons(newton):
    rig = rig_at(newton).run(200)
    described = rig.driver.describe()
    assert rig.status == OK
    assert (rig.value - described["rest"]) / described["per_unit"] == pytest.approx(newton, abs=0.001)


@pytest.mark.parametrize("gain, per_unit", [(128, 43826.196), (64, 21913.098)])
def test_counts_a_newton_of_a_5_kg_cell(gain, per_unit):
    # 1 mV/V at 49 N; full scale is 500 mV/V / gain for 2**23 counts.
    described = rig_at(0, gain=gain).driver.describe()
    assert described["per_unit"] == pytest.approx(per_unit, abs=0.001)
    assert described["reach"] == MIDDLE + round(10 * per_unit)
    assert (described["rest"], described["floats"]) == (MIDDLE, True)


@pytest.mark.parametrize("gain, clocks", [(128, 25), (32, 26), (64, 27)])
def test_each_conversion_is_read_with_the_clocks_of_its_gain_in_two_ticks(gain, clocks):
    rig = rig_at(0, gain=gain, reach_n=1)
    edges = {}
    drive = rig.model.clock.drive

    def counted(us, level):
        edges[us // 1000] = edges.get(us // 1000, 0) + level
        drive(us, level)

    rig.model.clock.drive = counted
    rig.run(400)
    assert rig.status == OK
    assert rig.model.gain == gain
    ticks = sorted(edges)
    assert [edges[ms] for ms in ticks] == [12, clocks - 12] * (len(ticks) // 2)
    assert all(second == first + 1 for first, second in zip(ticks[::2], ticks[1::2], strict=True))


def test_values_come_80_times_a_second():
    rig = rig_at(0)
    rig.model.hand = lambda t: 10 * t
    rig.run(200)
    rig.log.clear()
    rig.run(1000)
    assert 79 <= len(rig.log) <= 81
    assert rig.driver.describe()["rate_hz"] == 80


def test_nothing_is_told_before_four_conversions_have_settled():
    rig = rig_at(10)
    rig.run(99)
    assert rig.status == STARTING
    assert rig.until(OK, 20) is not None


def hold_the_clock(rig, at_clock, us):
    """An interrupt while the clock of that number is high."""
    drive = rig.model.clock.drive
    seen = [0]

    def held(now, level):
        drive(now, level)
        if level:
            seen[0] += 1
            if seen[0] == at_clock:
                rig.time.us += us

    rig.model.clock.drive = held


@pytest.mark.parametrize("at_clock", [1, 2, 12, 13, 24, 25])
@pytest.mark.parametrize("us", [40, 61, 300])
@pytest.mark.parametrize("gain", [128, 64])
def test_a_read_in_which_the_clock_was_held_is_thrown_away(at_clock, us, gain):
    rig = rig_at(10, gain=gain).run(400)
    before = rig.value
    hold_the_clock(rig, at_clock, us)
    rig.log.clear()
    rig.run(1000)
    assert {value for _, _, value in rig.log} <= {before}
    assert rig.status == OK
    assert rig.model.gain == gain


def test_a_stall_between_the_halves_throws_the_conversion_away():
    rig = rig_at(10).run(300)
    while not rig.driver._half:
        rig.run(1)
    rig.log.clear()
    rig.model.hand = Still(20)
    rig.time.us += 30000
    rig.run(1)
    assert rig.log == []
    rig.run(100)
    assert (rig.value - MIDDLE) / rig.driver.describe()["per_unit"] == pytest.approx(20, abs=0.001)


@pytest.mark.parametrize("gain", [128, 64])
def test_a_dip_of_its_supply_gives_no_value_of_another_gain(gain):
    rig = rig_at(10, gain=gain).run(500)
    before = rig.value
    rig.model.power_on(rig.time.us)
    rig.log.clear()
    rig.run(500)
    assert {value for _, _, value in rig.log} <= {before}
    assert (rig.status, rig.value, rig.model.gain) == (OK, before, gain)


def test_never_ready_is_absent_within_2_s_and_plugged_in_it_measures():
    rig = rig_at(10)
    rig.model.absent = True
    assert rig.until(ABSENT, 2000) <= 1001
    rig.run(5000)
    rig.model.absent = False
    assert rig.until(OK, 2000) <= 150


def test_unplugged_while_playing_is_absent_within_2_s():
    rig = rig_at(10).run(300)
    rig.model.absent = True
    assert rig.until(ABSENT, 2000) <= 1010
    rig.model.absent = False
    assert rig.until(OK, 2000) <= 150


def test_a_chip_that_does_not_hear_the_clock_is_stuck_within_2_s_and_costs_no_read_a_tick():
    rig = rig_at(10).run(300)
    rig.model.deaf = True
    assert rig.until(STUCK, 2000) <= 1020
    rises = []
    rig.model.clock.drive = lambda us, level: rises.append(us) if level else None
    rig.run(1000)
    assert len(rises) <= 25 * 1000 / 5
    rig = rig_at(10).run(300)
    rig.model.deaf = True
    rig.run(1500)
    rig.model.deaf = False
    assert rig.until(OK, 2000) <= 200


def test_the_very_same_conversion_for_one_and_a_half_seconds_is_stuck_and_one_count_frees_it():
    rig = rig_at(10).run(300)
    rig.model.noise = 40
    rig.run(3000, every=100)
    assert rig.status == OK
    rig.model.stuck = True
    assert 1480 <= rig.until(STUCK, 2000) <= 1530
    rig.model.stuck = False
    assert rig.until(OK, 100) is not None


def test_ten_conversions_a_second_are_weak_and_said_once_with_the_remedy():
    rig = rig_at(10)
    rig.model.noise = 40
    rig.model.period_us = 100000
    rig.model.power_on(0)
    assert rig.until(WEAK, 2000) <= 1000
    assert abs(rig.value - MIDDLE) / rig.driver.describe()["per_unit"] == pytest.approx(10, abs=0.01)
    rig.run(5000)
    assert rig.status == WEAK
    assert rig.troubles == ["the force sensor measures 10 times a second: connect RATE to its supply for 80"]


def test_a_reach_beyond_the_converter_is_refused_with_the_gain():
    with pytest.raises(ValueError, match="reach_n is 0 or beyond what gain 128 can tell"):
        rig_at(0, reach_n=200)
    with pytest.raises(ValueError, match="reach_n"):
        rig_at(0, reach_n=0)
    assert rig_at(0, reach_n=-10).driver.describe()["reach"] == MIDDLE - 438262


def test_with_nothing_on_its_pins_it_is_absent():
    rig = rig_at(0)
    bench.pins.clear()
    assert rig.until(ABSENT, 2000) <= 1001
