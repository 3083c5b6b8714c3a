"""The smaller time-of-flight sensor: its start in small steps, its rate, its range status, its faults."""

import pytest

import bench
from hand import Still
from reachnote_wire import ABSENT, FAULT, NO_TARGET, OK, STARTING, STUCK, WEAK
from rig import Rig


def rig_at(mm, noise=0, **options):
    rig = Rig("vl53l0x", "vl53l0x", **options)
    rig.model.hand, rig.model.noise = Still(mm), noise
    return rig


@pytest.mark.parametrize("mm", [0, 40, 60, 500, 1200, 2000])
def test_distance_in_millimetres(mm):
    rig = rig_at(mm).run(300)
    assert (rig.status, rig.value) == (OK, mm)


def test_it_starts_within_a_quarter_of_a_second():
    assert rig_at(500).until(OK, 2000) <= 250


def test_no_step_moves_more_than_14_bytes_nor_makes_more_than_one_transfer():
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
        assert sum(count for _, count in calls) <= 14


def test_it_waits_for_the_boot():
    rig = rig_at(500)
    get = rig.model._get
    rig.model._get = lambda us, register: 0 if register == 0xC0 and us < 200000 else get(us, register)
    rig.run(200)
    assert rig.status == STARTING
    assert rig.until(OK, 300) is not None


@pytest.mark.parametrize("spads, good, chosen", [
    (0x85, "ff5ffbffff0f", "00500b000000"),  # 5 behind apertures, which begin with the 12th
    (0x05, "ff5ffbffff0f", "1f0000000000"),
    (0x07, "515ffbffff0f", "510f00000000"),
    (0x00, "ff5ffbffff0f", "000000000000"),
    (0xA4, "ff5ffbffff0f", "0050fbffff0f"),  # more than there are
])  # fmt: skip
def test_the_reference_spads_are_the_first_good_ones_of_their_kind(spads, good, chosen):
    rig = rig_at(500)
    rig.model.pages[7][0x92] = spads
    rig.model.pages[0][0xB0:0xB6] = bytes.fromhex(good)
    power_on = rig.model._power_on

    def same_chip(us):
        power_on(us)
        rig.model.pages[7][0x92] = spads
        rig.model.pages[0][0xB0:0xB6] = bytes.fromhex(good)

    rig.model._power_on = same_chip
    rig.run(300)
    assert rig.status == OK
    assert rig.model.pages[0][0xB0:0xB6].hex() == chosen


@pytest.mark.parametrize("budget, count", [(20, 50), (33, 30), (50, 20)])
def test_fresh_values_come_once_a_timing_budget(budget, count):
    rig = Rig("vl53l0x", "vl53l0x", budget_ms=budget)
    rig.model.noise = 0
    rig.model.hand = lambda t: 100 + 400 * t
    rig.run(400)
    rig.log.clear()
    rig.run(1000)
    assert abs(rig.model.budget_us - budget * 1000) < 100
    assert count - 2 <= len(rig.log) <= count + 1
    assert rig.driver.describe()["rate_hz"] == 1000 // budget


def test_a_value_is_at_most_three_ticks_older_than_the_sensor():
    rig = rig_at(500).run(300)
    shown = []
    show = rig.model._show
    rig.model._show = lambda mm: shown.append(rig.ms) or show(len(shown) + 100)
    rig.log.clear()
    rig.run(500)
    assert len(shown) > 20
    assert all(ms - at <= 3 for (ms, _, _), at in zip(rig.log, shown, strict=False))


@pytest.mark.parametrize("raw, signal, status", [
    (11, 1000, OK), (7, 1000, WEAK), (8, 1000, WEAK), (10, 1000, WEAK), (4, 13, WEAK), (4, 12, NO_TARGET),
    (5, 1000, NO_TARGET), (6, 1000, NO_TARGET), (9, 1000, NO_TARGET), (12, 1000, NO_TARGET), (14, 1000, NO_TARGET),
    (0, 1000, NO_TARGET), (1, 1000, FAULT), (3, 1000, FAULT),
])  # fmt: skip
def test_range_status_of_the_sensor(raw, signal, status):
    rig = rig_at(500)

    def show(mm):
        rig.model.pages[0][0x14] = 0x87 | raw << 3  # the other bits say nothing of the range
        rig.model._put(0x1A, signal)
        rig.model._put(0x1E, 321)

    rig.model._show = show
    rig.run(300)
    assert rig.status == status
    assert rig.value == (321 if status in (OK, WEAK) else 0)
    assert len(rig.troubles) == (status == FAULT)


@pytest.mark.parametrize("mm, status", [(2000, OK), (2001, NO_TARGET), (8190, NO_TARGET), (8191, NO_TARGET)])
def test_farther_than_2_m_is_no_target_whatever_the_status_says(mm, status):
    rig = rig_at(500)

    def show(_):
        rig.model.pages[0][0x14] = 11 << 3
        rig.model._put(0x1E, mm)

    rig.model._show = show
    assert rig.run(300).status == status


def test_without_a_target_the_last_distance_stands_beside_the_status():
    rig = rig_at(444).run(300)
    rig.model.no_target = True
    assert rig.until(NO_TARGET, 2000) <= 50
    assert rig.value == 444
    rig.model.no_target = False
    assert rig.until(OK, 2000) <= 50


@pytest.mark.parametrize("fault, status", [("weak", WEAK), ("faint", WEAK), ("wrapped", NO_TARGET)])
def test_a_doubtful_measurement_is_told_as_such(fault, status):
    rig = rig_at(444).run(300)
    setattr(rig.model, fault, True)
    assert rig.until(status, 2000) <= 50
    setattr(rig.model, fault, False)
    assert rig.until(OK, 2000) <= 50


def test_unplugged_is_absent_within_2_s_and_replugged_measures_again():
    rig = rig_at(500).run(300)
    rig.model.absent = True
    assert rig.until(ABSENT, 2000) <= 50
    rig.run(3000)
    rig.model.absent = False
    assert rig.until(OK, 2000) <= 500


def test_absent_from_the_start():
    rig = rig_at(500)
    rig.model.absent = True
    assert rig.until(ABSENT, 2000) <= 50


def test_a_dip_of_its_supply_between_two_transfers_is_noticed_and_mended():
    rig = rig_at(500).run(300)
    rig.model._power_on(rig.time.us)
    rig.time.us += 2000  # booted again before anybody asked
    assert rig.until(STUCK, 2000) <= 700
    assert rig.until(OK, 2000) <= 500


@pytest.mark.parametrize("ms", [1, *range(5, 190, 15)])
def test_a_dip_while_it_starts_leaves_nothing_half_set(ms):
    whole = rig_at(500).run(300).model
    rig = rig_at(500).run(ms)
    rig.model._power_on(rig.time.us)
    rig.time.us += 2000
    assert rig.until(OK, 2000) <= 1200
    for page, first in ((0, 0x20), (1, 0)):
        assert rig.model.pages[page][first:0xC0] == whole.pages[page][first:0xC0]


@pytest.mark.parametrize("ms", [20, 60, 100, 250])
def test_a_board_that_starts_anew_takes_over_a_running_sensor_on_any_page(ms):
    rig = rig_at(500).run(ms)
    driver = rig.driver.__class__({"driver": "vl53l0x", "name": "it"}, rig.hardware)
    rig.driver = driver
    assert rig.until(OK, 2000) <= 250
    assert rig.value == 500


def test_one_that_measures_no_more_is_stuck_within_2_s_and_recovers():
    rig = rig_at(500).run(300)
    rig.model.stuck = True
    assert rig.until(STUCK, 2000) <= 600
    rig.run(3000)
    rig.model.stuck = False
    assert rig.until(OK, 2000) <= 1100


def test_another_device_at_the_address_is_said_once():
    rig = Rig("vl53l0x", "vl53l1x")
    rig.run(2000)
    assert rig.status in (FAULT, STUCK)
    rig = rig_at(500)
    get = rig.model._get
    rig.model._get = lambda us, register: 0xEA if register == 0xC0 else get(us, register)
    rig.run(2000)
    assert rig.status == FAULT
    assert rig.troubles == ["what answers at this address is no VL53L0X"]


def test_the_same_distance_for_a_minute_is_no_fault():
    rig = rig_at(500)
    rig.run(60000, every=100)
    assert {status for _, status, _ in rig.log} == {STARTING, OK}


def test_nothing_at_the_address_is_no_exception():
    rig = rig_at(500)
    bench.buses.clear()
    rig.run(500)
    assert rig.status == ABSENT
