"""The time-of-flight sensor: its start in small steps, its rate, its range status, its faults."""

import pytest

import bench
from hand import Still
from reachnote_wire import ABSENT, FAULT, NO_TARGET, OK, STARTING, STUCK, WEAK
from rig import Rig


def rig_at(mm, noise=0, **options):
    rig = Rig("vl53l1x", "vl53l1x", **options)
    rig.model.hand, rig.model.noise = Still(mm), noise
    return rig


@pytest.mark.parametrize("mm", [40, 60, 500, 1300])
def test_distance_in_millimetres(mm):
    rig = rig_at(mm).run(100)
    assert (rig.status, rig.value) == (OK, mm)


def test_it_starts_within_a_tenth_of_a_second():
    assert rig_at(500).until(OK, 2000) <= 100


def test_no_step_moves_more_than_20_bytes_nor_makes_more_than_one_transfer():
    rig = rig_at(500)
    moved = {}
    write, read = rig.model.write, rig.model.read

    def counted_write(us, data):
        moved.setdefault(us, []).append(("w", len(data)))
        return write(us, data)

    def counted_read(us, buffer):
        moved.setdefault(us, []).append(("r", len(buffer)))
        return read(us, buffer)

    rig.model.write, rig.model.read = counted_write, counted_read
    rig.run(500)
    for calls in moved.values():
        assert [way for way, _ in calls] in (["w"], ["w", "r"])
        assert sum(count for _, count in calls) <= 20


def test_it_waits_for_the_boot():
    rig = rig_at(500)
    rig.model.registers[0xE5] = 0
    get = rig.model._get
    rig.model._get = lambda us, register: 0 if register == 0xE5 and us < 200000 else get(us, register)
    rig.run(200)
    assert rig.status == STARTING
    assert rig.until(OK, 200) is not None


@pytest.mark.parametrize("budget, count", [(15, 66), (20, 50), (33, 30), (50, 20)])
def test_fresh_values_come_once_a_timing_budget(budget, count):
    rig = Rig("vl53l1x", "vl53l1x", budget_ms=budget)
    rig.model.noise = 0
    rig.model.hand = lambda t: 100 + 400 * t
    rig.run(200)
    rig.log.clear()
    rig.run(1000)
    assert count - 2 <= len(rig.log) <= count + 1
    assert rig.driver.describe()["rate_hz"] == 1000 // budget


def test_a_value_is_at_most_two_ticks_older_than_the_sensor():
    rig = rig_at(500).run(200)
    shown = []
    show = rig.model._show
    rig.model._show = lambda mm: shown.append(rig.ms) or show(len(shown) + 100)
    rig.log.clear()
    rig.run(500)
    assert len(shown) > 20
    assert all(ms - at <= 2 for (ms, _, _), at in zip(rig.log, shown, strict=False))


@pytest.mark.parametrize("raw, signal, status", [
    (9, 1000, OK), (6, 1000, WEAK), (8, 1000, WEAK), (19, 1000, WEAK), (4, 32, WEAK), (4, 31, NO_TARGET),
    (5, 1000, NO_TARGET), (7, 1000, NO_TARGET), (12, 1000, NO_TARGET),
    (0, 1000, NO_TARGET), (1, 1000, FAULT), (3, 1000, FAULT),
])
def test_range_status_of_the_sensor(raw, signal, status):
    rig = rig_at(500)

    def show(mm):
        rig.model.registers[0x89] = 0xE0 | raw  # the upper bits say nothing of the range
        rig.model._put(0x96, 321)
        rig.model._put(0x98, signal)

    rig.model._show = show
    rig.run(200)
    assert rig.status == status
    assert rig.value == (321 if status in (OK, WEAK) else 0)


def test_without_a_target_the_last_distance_stands_beside_the_status():
    rig = rig_at(444).run(200)
    rig.model.no_target = True
    assert rig.until(NO_TARGET, 2000) <= 50
    assert rig.value == 444
    rig.model.no_target = False
    assert rig.until(OK, 2000) <= 50


def test_slightly_below_zero_is_zero():
    rig = rig_at(500)
    show = rig.model._show

    def below(mm):
        show(mm)
        rig.model._put(0x96, 0xFFFD)

    rig.model._show = below
    assert (rig.run(200).value, rig.status) == (0, OK)


def test_unplugged_is_absent_within_2_s_and_replugged_measures_again():
    rig = rig_at(500).run(200)
    rig.model.absent = True
    assert rig.until(ABSENT, 2000) <= 50
    rig.run(3000)
    rig.model.absent = False
    assert rig.until(OK, 2000) <= 400


def test_absent_from_the_start():
    rig = rig_at(500)
    rig.model.absent = True
    assert rig.until(ABSENT, 2000) <= 50


def test_a_dip_of_its_supply_between_two_transfers_is_noticed_and_mended():
    rig = rig_at(500).run(200)
    rig.model._power_on(rig.time.us)
    rig.time.us += 2000  # booted again before anybody asked
    assert rig.until(STUCK, 2000) <= 600
    assert rig.until(OK, 2000) <= 400


def test_one_that_measures_no_more_is_stuck_within_2_s_and_recovers():
    rig = rig_at(500).run(200)
    rig.model.stuck = True
    assert rig.until(STUCK, 2000) <= 600
    rig.run(3000)
    rig.model.stuck = False
    assert rig.until(OK, 2000) <= 1100


def test_another_device_at_the_address_is_said_once():
    rig = rig_at(500)
    rig.model.registers[0x10F] = 0xEE  # a VL53L0X
    rig.run(2000)
    assert rig.status == FAULT
    assert rig.troubles == ["what answers at this address is no VL53L1X"]


def test_the_same_distance_for_a_minute_is_no_fault():
    rig = rig_at(500)
    rig.run(60000, every=100)
    assert {status for _, status, _ in rig.log} == {STARTING, OK}


def test_nothing_at_the_address_is_no_exception():
    rig = rig_at(500)
    bench.buses.clear()
    rig.run(500)
    assert rig.status == ABSENT
