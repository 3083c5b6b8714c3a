"""A board's microseconds in host seconds."""

from __future__ import annotations

import random

import pytest

from reachnote.clock import DRIFT, HALF_WINDOW, LONGEST_GAP, BoardClock

MASK = (1 << 30) - 1


def test_the_first_line_is_taken_to_come_at_once():
    assert BoardClock().host_time(5_000_000, 100.0) == 100.0


def test_a_quicker_line_moves_the_offset_and_a_slower_one_does_not():
    clock = BoardClock()
    clock.host_time(0, 100.000)
    assert clock.host_time(4_000, 100.004) == pytest.approx(100.004, abs=1e-9)
    assert clock.host_time(8_000, 100.018) == pytest.approx(100.008, abs=1e-5)  # 10 ms late: its true time is kept
    assert clock.host_time(12_000, 100.011) == pytest.approx(100.011, abs=1e-9)  # 1 ms quicker than any so far
    assert clock.host_time(16_000, 100.016) == pytest.approx(100.015, abs=1e-5)


def test_no_line_is_later_than_its_arrival():
    clock = BoardClock()
    chance = random.Random(1)
    for n in range(5_000):
        arrival = 50.0 + n * 0.004 + chance.random() * 0.003
        assert clock.host_time(n * 4_000 & MASK, arrival) <= arrival


@pytest.mark.parametrize("before", [1, 4_000, 1_000_000])
def test_the_wrap_after_two_to_the_thirty_microseconds_is_not_seen(before):
    clock = BoardClock()
    clock.host_time((1 << 30) - before, 10.0)
    assert clock.host_time(4_000, 10.0 + (before + 4_000) * 1e-6) == pytest.approx(10.0 + (before + 4_000) * 1e-6, abs=1e-9)


def test_two_wraps_in_a_row_with_a_line_a_second():
    clock = BoardClock()
    errors = [abs(clock.host_time(n * 1_000_000 & MASK, 7.0 + n) - (7.0 + n)) for n in range(2_200)]
    assert max(errors) < 1e-6


@pytest.mark.parametrize("ppm", [-200, -50, 0, 50, 200])
def test_an_hour_of_drift_is_mapped_to_within_a_millisecond(ppm):
    """T14: 200 ppm either way, 60 min, 0.1 to 0.3 ms of transport and now and then 5 ms."""
    clock = BoardClock()
    chance = random.Random(ppm)
    errors = []
    for n in range(3_600 * 25):
        sent = 1_000.0 + n * 0.04
        late = 1e-4 + chance.random() * 2e-4 + (5e-3 if chance.random() < 0.02 else 0.0)
        board_us = int((sent - 400.0) * 1e6 * (1 + ppm * 1e-6)) & MASK
        errors.append(abs(clock.host_time(board_us, sent + late) - sent))
    errors.sort()
    assert errors[len(errors) * 99 // 100] <= 1e-3
    assert errors[-1] <= 1.5e-3


def test_late_lines_keep_their_true_time():
    clock = BoardClock()
    for n in range(500):
        clock.host_time(n * 4_000, 20.0 + n * 0.004)
    held = [clock.host_time((500 + n) * 4_000, 22.060) for n in range(16)]  # 60 ms of lines, all read at once
    assert held == pytest.approx([22.0 + n * 0.004 for n in range(16)], abs=1e-4)


def test_a_backlog_of_ten_seconds_keeps_its_true_times():
    clock = BoardClock()
    for n in range(500):
        clock.host_time(n * 4_000, 20.0 + n * 0.004)
    first = clock.host_time(500 * 4_000, 32.0)
    last = clock.host_time(3_000 * 4_000, 32.0)
    assert first == pytest.approx(22.0, abs=4e-3)
    assert last == pytest.approx(32.0, abs=4e-3)


def test_a_backlog_that_lasts_longer_than_both_windows_moves_the_offset_by_no_more_than_drift():
    clock = BoardClock()
    clock.host_time(0, 20.0)
    for n in range(1, 1_000):  # from now on every line is 50 ms late
        at = clock.host_time(n * 40_000, 20.05 + n * 0.04)
        assert at <= 20.0 + n * 0.04 + DRIFT * (0.05 + n * 0.04) + 1e-9


def test_the_minimum_is_forgotten_after_two_half_windows_and_the_offset_then_rises_by_drift():
    clock = BoardClock()
    clock.host_time(0, 20.0)
    steps = int((2 * HALF_WINDOW + 0.001 / DRIFT) / 0.04) + 10
    for n in range(1, steps):
        clock.host_time(n * 40_000, 20.001 + n * 0.04)  # a new cable: every line takes 1 ms more
    n = steps
    assert clock.host_time(n * 40_000, 20.001 + n * 0.04) == pytest.approx(20.001 + n * 0.04, abs=1e-4)


def test_after_a_gap_in_which_the_clock_may_have_wrapped_it_starts_anew():
    clock = BoardClock()
    clock.host_time(0, 20.0)
    assert clock.host_time(77, 20.0 + LONGEST_GAP + 1.0) == 20.0 + LONGEST_GAP + 1.0


def test_restart_forgets_everything():
    clock = BoardClock()
    clock.host_time(900_000_000, 20.0)
    clock.restart()
    assert clock.offset is None
    assert clock.host_time(0, 20.004) == 20.004
