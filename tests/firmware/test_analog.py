"""Voltage and force: literal values, faults named within 2 s and forgotten again."""

import pytest

import bench
from hand import Still
from reachnote_board.plausible import later
from reachnote_wire import NOISY, OK, SATURATED, STARTING, STUCK
from rig import Rig


class Volts:
    """An ADC input that gives a function of the ms."""

    def __init__(self, of_ms):
        self.of_ms = of_ms

    def volts(self, us):
        return self.of_ms(us // 1000)


def voltage(of_ms, **options):
    rig = Rig("voltage", "divider", pin=26, **options)
    bench.attach_adc(26, Volts(of_ms))
    return rig


def fsr(us_of_conductance, noise=0, **options):
    rig = Rig("fsr", "divider", pin=27, **options)
    rig.model.hand, rig.model.noise = Still(us_of_conductance), noise
    return rig


def changes(rig):
    """[(ms, status)] wherever the status changed."""
    pairs = zip(rig.log[1:], rig.log, strict=False)
    return [(ms, status) for (ms, status, _), (_, before, _) in pairs if status != before]


def restless(volts):
    return lambda ms: volts + (ms // 4 % 2) * 0.002


@pytest.mark.parametrize("volts, raw", [(0, 0), (0.5, 9922), (1.65, 32776), (3.0, 59582), (3.3, 65535), (4.0, 65535)])
def test_a_voltage_becomes_16_bits_of_3_3_v(volts, raw):
    rig = voltage(lambda ms: volts).run(4)
    assert rig.value == raw


def test_four_readings_of_four_ticks_make_one_value():
    readings = [0.0, 1.0, 2.0, 3.0]
    rig = voltage(lambda ms: readings[ms % 4]).run(3)
    assert (rig.status, rig.value) == (STARTING, 0)
    rig.run(1)
    assert rig.status == OK
    assert rig.value == 29790  # of 0, 19860, 39721, 59582


def test_raw_counts_a_volt_lead_back_to_the_volts():
    rig = voltage(lambda ms: 2.0).run(4)
    assert rig.value / rig.driver.describe()["per_unit"] == pytest.approx(2.0, abs=0.001)


@pytest.mark.parametrize("rails, bottom, top", [
    ("both", SATURATED, SATURATED), ("top", OK, SATURATED), ("bottom", SATURATED, OK), ("none", OK, OK)
])
def test_half_a_second_at_an_end_is_saturated_where_that_end_counts(rails, bottom, top):
    assert voltage(lambda ms: 0.003, rails=rails).run(600).status == bottom
    assert voltage(lambda ms: 3.297, rails=rails).run(600).status == top


def test_saturated_is_named_after_half_a_second_and_forgotten_at_once():
    rig = voltage(lambda ms: 3.3 if 1000 <= ms < 2000 else restless(1.5)(ms)).run(3000)
    assert changes(rig) == [(3, OK), (1499, SATURATED), (2003, OK)]


def test_a_short_visit_at_the_end_is_playing():
    rig = voltage(lambda ms: 3.3 if ms % 500 < 400 else 1.5).run(3000)
    assert {status for _, status, _ in rig.log} == {STARTING, OK}


def test_the_very_same_value_for_one_and_a_half_seconds_is_stuck_and_one_step_frees_it():
    rig = voltage(lambda ms: 1.5 if ms < 2500 else restless(1.5)(ms)).run(3000)
    assert changes(rig) == [(3, OK), (1503, STUCK), (2503, OK)]


def test_the_noise_of_the_adc_alone_keeps_a_still_hand_alive():
    rig = Rig("voltage", "divider", pin=26)
    rig.model.hand = Still(1.5)
    assert rig.run(5000, every=100).status == OK


def test_eleven_jumps_back_and_forth_among_32_values_are_noisy_and_ten_are_not():
    def jumping(flips):
        return lambda ms: 2.5 if ms // 4 % 32 <= flips and ms // 4 % 2 else 0.5 + (ms // 4 % 3) * 0.01

    assert voltage(jumping(11)).run(600).status == NOISY
    assert voltage(jumping(9)).run(600).status == OK


def test_steps_of_less_than_a_quarter_of_the_range_are_playing():
    assert voltage(lambda ms: 1.0 + (ms // 4 % 2) * 0.8).run(600).status == OK
    assert voltage(lambda ms: 1.0 + (ms // 4 % 2) * 0.85).run(600).status == NOISY


def test_an_open_input_beside_the_mains_is_noisy_within_2_s_and_recovers():
    rig = Rig("voltage", "divider", pin=26)
    rig.model.hand = Still(1.0)
    rig.run(200)
    rig.model.absent = True
    assert rig.until(NOISY, 2000) < 300
    rig.model.absent = False
    assert rig.until(OK, 2000) < 300


# ---------------------------------------------------------------- force


@pytest.mark.parametrize("conductance", [1, 10, 50, 200, 1000])
def test_conductance_comes_back_in_microsiemens(conductance):
    rig = fsr(conductance).run(8)
    assert rig.driver.describe()["per_unit"] == 160
    assert rig.value / 160 == pytest.approx(conductance, rel=0.015, abs=0.03)


@pytest.mark.parametrize("ohm, per_unit", [(1000, 16), (4700, 75.2), (100000, 1600)])
def test_the_divider_resistor_is_in_per_unit_alone(ohm, per_unit):
    rig = fsr(1e6 / ohm, r_m_ohm=ohm).run(8)  # as much as the resistor: half the supply
    assert rig.driver.describe()["per_unit"] == pytest.approx(per_unit)
    assert rig.value == 16008  # half a 12-bit step above one half: 16000 * V / (Vcc - V)


def test_an_untouched_fsr_reads_0_and_that_is_rest_however_long():
    rig = fsr(0).run(10000, every=100)
    assert (rig.status, rig.value) == (OK, 0)


def test_a_shorted_fsr_is_saturated_within_2_s_stays_in_24_bits_and_recovers():
    rig = fsr(20, noise=2).run(100)
    rig.model.saturated = True
    assert rig.until(SATURATED, 2000) < 600
    assert rig.value == 16000 * 65535 // 64 < 1 << 24
    rig.model.saturated = False
    assert rig.until(OK, 2000) < 10


def test_a_divider_below_the_range_of_the_adc_is_saturated_at_its_own_top():
    rig = fsr(20, v=2.5).run(100)
    rig.model.saturated = True
    assert rig.until(SATURATED, 2000) < 600


def test_a_pressed_fsr_that_never_moves_is_stuck():
    rig = fsr(50, noise=2).run(100)
    rig.model.stuck = True
    assert rig.until(STUCK, 2000) < 1600
    rig.model.stuck = False
    assert rig.until(OK, 100) is not None


def test_board_time_is_added_without_leaving_30_bits():
    assert later(5, 10) == 15
    assert later((1 << 30) - 1, 1) == 0
    assert later((1 << 30) - 10, 500000000) == 499999990
