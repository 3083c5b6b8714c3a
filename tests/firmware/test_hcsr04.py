"""The ultrasound ranger: time of the echo to millimetres, silence and echoes that never end."""

import pytest

from hand import Still
from reachnote_wire import ABSENT, NO_TARGET, OK, STUCK, WEAK
from rig import Rig


def rig_at(mm, **options):
    rig = Rig("hcsr04", "hcsr04", trigger=2, echo=3, **options)
    rig.model.hand = Still(mm)
    return rig


@pytest.mark.parametrize("mm", [20, 100, 500, 1715, 4000])
def test_distance_in_millimetres(mm):
    rig = rig_at(mm).run(200)
    assert rig.status == OK
    assert abs(rig.value - mm) <= 1


@pytest.mark.parametrize("echo_us, mm", [(583, 99), (1000, 171), (2915, 499), (23323, 3999)])
def test_343_metres_a_second_there_and_back(echo_us, mm):
    rig = rig_at(500)
    rig.driver._judge(echo_us)
    assert (rig.driver.status, rig.driver.value) == (OK, mm)


def test_the_trigger_is_a_millisecond_and_comes_every_60():
    rig = rig_at(500)
    seen = []
    drive = rig.model.trigger.drive
    rig.model.trigger.drive = lambda us, level: seen.append((us // 1000, level)) or drive(us, level)
    rig.run(125)
    assert seen == [(0, 1), (1, 0), (60, 1), (61, 0), (120, 1), (121, 0)]


def test_two_of_them_take_turns_by_phase():
    rig = rig_at(500, period_ms=120, phase_ms=60)
    seen = []
    drive = rig.model.trigger.drive
    rig.model.trigger.drive = lambda us, level: seen.append((us // 1000, level)) or drive(us, level)
    rig.run(200)
    assert [ms for ms, level in seen if level] == [60, 180]


def test_the_echo_is_measured_to_the_microsecond_though_ticks_are_a_millisecond():
    widths = []
    rig = rig_at(500)
    judge = rig.driver._judge
    rig.driver._judge = lambda us: widths.append(us) or judge(us)
    for mm in (100, 101, 102):
        rig.model.hand = Still(mm)
        rig.run(60)
    assert widths == [583, 589, 595]


def test_nothing_in_reach_is_no_target_within_2_s_and_the_hand_is_found_again():
    rig = rig_at(500).run(200)
    rig.model.no_target = True
    assert rig.until(NO_TARGET, 2000) <= 120
    rig.model.no_target = False
    assert rig.until(OK, 2000) <= 120


def test_a_make_whose_echo_lasts_200_ms_is_waited_for():
    rig = rig_at(500).run(200)
    rig.model.timeout_us = 200000
    rig.model.no_target = True
    assert rig.until(NO_TARGET, 2000) <= 140
    rig.log.clear()
    rig.run(2000)
    assert {status for _, status, _ in rig.log} <= {NO_TARGET}
    rig.model.no_target = False
    assert rig.until(OK, 2000) <= 300


def test_unplugged_is_absent_within_2_s_and_replugged_recovers():
    rig = rig_at(500).run(200)
    rig.model.absent = True
    assert rig.until(ABSENT, 2000) <= 400
    rig.model.absent = False
    assert rig.until(OK, 2000) <= 120


def test_one_lost_echo_keeps_the_last_distance():
    rig = rig_at(500).run(61)
    rig.model.absent = True
    rig.run(60)
    rig.model.absent = False
    rig.run(120)
    assert {status for _, status, _ in rig.log if status != 1} == {OK}


def test_an_echo_pin_held_high_is_stuck_within_2_s_and_recovers():
    rig = rig_at(500).run(200)
    rig.model.stuck = True
    assert rig.until(STUCK, 2000) <= 1100
    rig.run(600000, every=1000)
    rig.model.stuck = False
    assert rig.until(OK, 2000) <= 2000


def test_nearer_than_20_mm_is_weak_and_reads_20():
    rig = rig_at(500)
    rig.driver._judge(100)
    assert (rig.driver.status, rig.driver.value) == (WEAK, 20)


def test_farther_than_4_m_is_no_target():
    rig = rig_at(500)
    rig.driver._judge(23400)
    assert rig.driver.status == NO_TARGET


def test_board_time_may_come_round_within_an_echo():
    rig = Rig("hcsr04", "hcsr04", start_us=(1 << 30) - 2000, trigger=2, echo=3)
    rig.model.hand = Still(400)
    rig.run(30)
    assert (rig.status, rig.value) == (OK, 399)


def test_late_ticks_do_not_move_the_turns_of_two_sensors_together():
    class Trigger:
        now = 0
        began = []

        def value(self, level):
            if level:
                self.began.append(self.now)

    rig = rig_at(500, period_ms=100, phase_ms=50)
    trigger = rig.driver._trigger = Trigger()
    trigger.began = []
    for n in range(60_000):  # a minute of ticks, each up to 0.9 ms late
        trigger.now = 1000 * n + 907 * n % 900
        rig.driver.step(trigger.now)
    assert len(trigger.began) == 600
    assert all(0 <= at - (50_000 + 100_000 * n) <= 2_000 for n, at in enumerate(trigger.began))


def test_a_sensor_that_missed_its_turn_waits_for_the_next():
    class Trigger:
        now = 0

        def value(self, level):
            if level:
                began.append(self.now // 1000)

    began = []
    rig = rig_at(500, period_ms=100)
    trigger = rig.driver._trigger = Trigger()
    for n in [*range(150), *range(230, 420)]:  # a stall over its turn at 200
        trigger.now = 1000 * n
        rig.driver.step(trigger.now)
    assert began == [0, 100, 300, 400]
