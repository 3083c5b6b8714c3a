"""The pressure sensor: the data sheet's transfer function, its conversation, its faults."""

import pytest

import bench
from hand import Still
from reachnote_board.sensors.mprls import FACTOR, pascal
from reachnote_wire import ABSENT, FAULT, OK, SATURATED, STUCK
from rig import Rig


def test_ends_of_the_transfer_function():
    # 10 % of 2**24 is 0 psi, 90 % is 25 psi, half is 12.5 psi; below 0 psi is 0.
    assert pascal(0x19999A) == 0
    assert pascal(0xE66666) == 172369
    assert pascal(0x800000) == 86184
    assert pascal(0) == 0
    assert pascal(0xFFFFFF) == 193915


@pytest.mark.parametrize("counts", range(0x19999A, 0xE66666, 123457))
def test_integers_stay_within_one_pascal_of_the_formula(counts):
    assert abs(pascal(counts) - (counts - 0x19999A) * 25 * 6894.757293168 / (0xE66666 - 0x19999A)) <= 1


def test_no_product_leaves_30_bits():
    assert ((0xFFFFFF - 0x19999A) >> 12) * FACTOR + FACTOR < 1 << 30
    assert 4095 * FACTOR < 1 << 30


def rig_at(pa, noise=1.5, **options):
    rig = Rig("mprls", "mprls", **options)
    rig.model.hand, rig.model.noise = Still(pa), noise
    return rig


@pytest.mark.parametrize("pa", [90000, 101325, 105325, 172000])
def test_pressure_in_pascal(pa):
    rig = rig_at(pa, noise=0).run(20)
    assert rig.status == OK
    assert abs(rig.value - pa) <= 1


def test_a_measurement_is_started_and_fetched_at_least_5_ms_later():
    rig = rig_at(101325)
    calls = []
    write, read = rig.model.write, rig.model.read
    rig.model.write = lambda us, data: calls.append(("write", us // 1000, bytes(data))) or write(us, data)
    rig.model.read = lambda us, buffer: calls.append(("read", us // 1000, len(buffer))) or read(us, buffer)
    rig.run(13)
    start = b"\xaa\0\0"
    assert calls == [("write", 0, start), ("read", 5, 4), ("write", 6, start), ("read", 11, 4), ("write", 12, start)]


def test_a_slow_conversion_is_waited_for():
    rig = rig_at(101325, noise=0)
    rig.model.conversion_us = 7500
    assert rig.until(OK, 100) == 9


def test_values_come_150_times_a_second():
    rig = Rig("mprls", "mprls")
    rig.model.hand = lambda t: 101325 + 1000 * t
    rig.run(1000)
    assert 150 <= len(rig.log) <= 170


def test_absent_from_the_start_and_plugged_in_later():
    rig = rig_at(101325)
    rig.model.absent = True
    assert rig.until(ABSENT, 2000) == 11
    rig.run(1000)
    rig.model.absent = False
    assert rig.until(OK, 2000) < 300


def test_a_lost_sensor_is_asked_four_times_a_second():
    rig = rig_at(101325).run(100)
    rig.model.absent = True
    rig.run(100)
    asked = []
    rig.model.write = lambda us, data: asked.append(us) or False
    rig.run(2000)
    assert len(asked) == 8


def test_one_spark_on_the_bus_is_no_absence():
    rig = rig_at(101325).run(100)
    read = rig.model.read
    rig.model.read = lambda us, buffer: False
    rig.run(6)
    rig.model.read = read
    rig.run(100)
    assert rig.status == OK
    assert ABSENT not in [status for _, status, _ in rig.log]


@pytest.mark.parametrize(
    "fault, status, within", [("stuck", STUCK, 1600), ("saturated", SATURATED, 30), ("integrity", FAULT, 30)]
)
def test_faults_are_named_within_2_s_and_forgotten(fault, status, within):
    rig = rig_at(101325).run(100)
    setattr(rig.model, fault, True)
    assert rig.until(status, 2000) <= within
    setattr(rig.model, fault, False)
    assert rig.until(OK, 2000) <= 300


def test_damaged_memory_is_said_once_in_a_sentence():
    rig = rig_at(101325)
    rig.model.integrity = True
    rig.run(3000)
    assert rig.troubles == ["the pressure sensor's memory is damaged: replace it"]


def test_counts_outside_10_to_90_percent_are_saturated():
    assert rig_at(-500, noise=0).run(20).status == SATURATED
    assert rig_at(180000, noise=0).run(20).status == SATURATED


@pytest.mark.parametrize("state", [0x00, 0xFF, 0x42, 0x20])
def test_a_status_byte_no_mprls_sends_is_absence(state):
    rig = rig_at(101325)

    def read(us, buffer):
        buffer[0] = state
        return True

    rig.model.read = read
    rig.run(500)
    assert rig.status == ABSENT


def test_busy_for_ever_is_absence():
    rig = rig_at(101325)
    rig.model.conversion_us = 10**9
    assert rig.until(ABSENT, 2000) is not None


def test_rest_floats_and_reach_follows_it():
    described = rig_at(101325, reach_pa=-3000).driver.describe()
    assert (described["rest"], described["reach"], described["per_unit"]) == (101325, 98325, 1)
    assert described["floats"] is True


def test_another_address_and_bus():
    rig = Rig("mprls", "mprls", bus="i2c1", address=0x28)
    assert rig.run(20).status == OK
    assert ("i2c1", 0x28) in bench.buses
