"""The piezo pad: one hit for one hit, its peak and its age, a line at once; faults named."""

import math

import pytest

import bench
from reachnote_play import ONSET
from reachnote_play.impact import Impact
from reachnote_wire import ABSENT, NOISY, OK, SATURATED, STARTING, STUCK, read_impact, read_line
from rig import Rig, whole_board


def hits(*strikes):
    """The voltage of a pad hit at (s, V): 800 Hz that fade within 10 ms."""

    def volts(t):
        total = 0
        for at, height in strikes:
            if at <= t < at + 0.05:
                total += height * math.exp((at - t) / 0.004) * math.cos(2 * math.pi * 800 * (t - at))
        return total

    return volts


def rig_of(hand, noise=0, **options):
    rig = Rig("piezo", "piezo", pin=26, **options)
    rig.model.hand, rig.model.noise = hand, noise
    return rig


def found(rig):
    """[(ms of the line, hits, peak, ms of the peak)] at each change of the count."""
    told, last = [], 0
    for ms, _, value in rig.log:
        count, peak, age_us = read_impact(value)
        if count != last:
            last = count
            told.append((ms, count, peak, ms - age_us / 1000))
    return told


class Levels:
    """An ADC input that gives a function of the ms."""

    def __init__(self, of_ms):
        self.of_ms = of_ms

    def volts(self, us):
        return self.of_ms(us // 1000)


def test_a_hit_is_told_once_the_peak_was_awaited_with_count_peak_and_age():
    rig = rig_of(hits((0.5, 2.0))).run(700)
    assert rig.edges == 1
    ((ms, count, peak, at),) = found(rig)
    assert (ms, count, at) == (503, 1, 500)
    assert peak == pytest.approx(2.0 / 3.3 * 4095, rel=0.05)


def test_literal_levels_give_a_literal_value():
    levels = {600: 1.0, 601: 2.0, 602: 1.8, 603: 1.6, 604: 1.4, 605: 1.0}
    rig = Rig("piezo", "piezo", pin=26)
    bench.attach_adc(26, Levels(lambda ms: levels.get(ms, 0.25)))
    rig.run(650)
    # 2 V and 0.25 V are 2482 and 310 of 4095: a rise of 2172; seen 2 ms before the line of ms 603.
    assert (603, OK, 1 << 20 | 2172 << 8 | 4) in rig.log
    assert rig.edges == 1


@pytest.mark.long
def test_the_age_is_brought_up_to_date_in_every_report_and_stops_at_full_scale():
    rig = rig_of(hits((0.5, 2.0))).run(541)
    assert read_impact(rig.value)[2] == 41000
    rig.run(200)
    assert read_impact(rig.value)[2] == 127500
    rig.run(540000, every=1000)
    assert read_impact(rig.value)[2] == 127500


@pytest.mark.parametrize("height", [0.1, 0.3, 1.0, 2.5])
def test_the_peak_is_read_at_most_a_tenth_too_low_wherever_between_two_ticks_the_hit_falls(height):
    for n in range(10):
        rig = rig_of(hits((0.5 + n / 10000, height)), threshold=20).run(600)
        ((_, _, peak, at),) = found(rig)
        assert 0.9 * height <= peak * 3.3 / 4095 <= 1.01 * height
        assert abs(at - 500) <= 2


def test_a_hit_beyond_the_converter_is_the_fullest_and_no_fault():
    rig = rig_of(hits((0.5, 6.0)))
    rig.run(700)
    assert found(rig)[0][2] == 4095 - 310
    assert {status for _, status, _ in rig.log} == {STARTING, OK}


def test_hits_every_80_ms_are_counted_one_by_one_and_the_count_comes_round():
    rig = rig_of(hits(*[(0.5 + 0.08 * n, 1.0 + n % 3 * 0.5) for n in range(20)])).run(2500)
    assert [count for _, count, _, _ in found(rig)] == [(n + 1) % 16 for n in range(20)]


def test_ringing_is_no_second_hit():
    ringing = [(0.5, 2.5)] + [(0.5 + 0.004 * n, 2.5 - 0.4 * n) for n in range(1, 6)]
    assert len(found(rig_of(hits(*ringing)).run(800))) == 1


@pytest.mark.parametrize("mask, count", [(10, 2), (30, 1)])
def test_what_follows_within_the_mask_is_ringing(mask, count):
    assert len(found(rig_of(hits((0.5, 1.0), (0.52, 2.0)), mask_ms=mask).run(800))) == count


@pytest.mark.parametrize("height, count", [(0.04, 0), (0.06, 1)])
def test_a_rise_below_the_threshold_is_not_counted(height, count):
    # 60 steps are 48 mV.
    assert len(found(rig_of(hits((0.5, height))).run(800))) == count


def test_a_soft_hit_behind_a_loud_one_has_its_own_peak():
    rig = rig_of(hits((0.5, 2.5), (0.56, 0.8))).run(800)
    assert [count for _, count, _, _ in found(rig)] == [1, 2]
    # What the loud one left (0.17 V) is not counted in.
    assert found(rig)[1][2] == pytest.approx((0.8 - 0.17) / 3.3 * 4095, rel=0.1)


def test_a_slow_push_or_a_drifting_rest_is_no_hit():
    rig = rig_of(lambda t: min(t, 3) * 0.3).run(6000, every=10)
    assert found(rig) == []


def test_without_a_scan_the_first_reading_is_the_peak():
    rig = rig_of(hits((0.5, 2.0)), scan_ms=0).run(600)
    assert [ms for ms, _, _, _ in found(rig)] == [500]


def test_the_line_with_a_hit_leaves_before_its_turn():
    rig = rig_of(hits((0.5007, 2.0)))
    board = whole_board(rig, rate_hz=10)
    lines = []
    for _ in range(700):
        if board.step(rig.time.clock()):
            lines.append((rig.ms, read_impact(read_line(bytes(board.packer.buffer).strip()[1:-8])[2][0][1])[:2]))
        rig.time.us += 1000
    assert (504, 1) in [(ms, count) for ms, (count, _) in lines]
    assert [ms for ms, _ in lines] == [0, 100, 200, 300, 400, 500, 504, 600]


def test_the_hosts_decider_hears_each_hit_once_and_louder_ones_louder():
    rig = rig_of(hits((0.5, 0.4), (0.9, 1.0), (1.3, 2.2)))
    decider = Impact()
    heard = []
    for _ in range(1700):
        rig.run(1)
        if decider.step(rig.time.clock(), rig.value, rig.status) & ONSET:
            heard.append((round((rig.time.us - decider.age) / 1000), decider.strength))
    assert [ms for ms, _ in heard] == pytest.approx([500, 900, 1300], abs=3)
    strengths = [strength for _, strength in heard]
    assert strengths == sorted(strengths) and strengths[0] < strengths[-1]


# ---------------------------------------------------------------- faults


def test_an_unplugged_pad_is_absent_within_2_s_and_plugging_it_in_is_no_hit():
    rig = rig_of(hits((4.0, 2.0)), noise=2).run(500)
    rig.model.absent = True
    assert 1000 <= rig.until(ABSENT, 2000) <= 1010
    rig.run(1000)
    rig.model.absent = False
    assert rig.until(OK, 2000) <= 10
    rig.run(500)
    assert found(rig) == []
    rig.run(1000)
    assert len(found(rig)) == 1


def test_without_the_bias_an_unplugged_pad_is_one_that_nobody_hits():
    rig = rig_of(hits((3.0, 2.0)), idle_v=0)
    rig.run(2900, every=10)
    assert (rig.status, found(rig)) == (OK, [])
    rig.run(300)
    assert len(found(rig)) == 1


def test_an_input_shorted_to_the_supply_is_saturated_within_2_s():
    rig = rig_of(hits(), noise=2).run(500)
    rig.model.saturated = True
    assert rig.until(SATURATED, 2000) <= 520
    rig.model.saturated = False
    assert rig.until(OK, 2000) <= 10


def test_the_very_same_value_for_one_and_a_half_seconds_is_stuck_and_the_converters_noise_is_not():
    rig = rig_of(hits(), noise=2).run(5000, every=10)
    assert rig.status == OK
    rig.model.stuck = True
    assert rig.until(STUCK, 2000) <= 1520
    rig.model.stuck = False
    assert rig.until(OK, 2000) <= 10


def test_an_open_input_beside_the_mains_is_noisy_within_2_s_and_is_no_drum_roll():
    rig = rig_of(hits(), noise=2).run(500)
    rig.model.noisy = True
    assert rig.until(NOISY, 2000) <= 300
    rig.log.clear()
    rig.run(2000)
    assert {status for _, status, _ in rig.log} == {NOISY}
    assert len({read_impact(value)[0] for _, _, value in rig.log}) == 1


def test_a_fast_drum_roll_is_playing():
    rig = rig_of(hits(*[(0.5 + 0.06 * n, 2.5) for n in range(50)]), noise=2).run(4000)
    assert {status for _, status, _ in rig.log} == {STARTING, OK}
    assert rig.edges == 50
