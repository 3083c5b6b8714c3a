"""Infrared distance: the sheets' points come back in mm, nothing nearer than the range is believed, faults are named."""

import pytest

import bench
from hand import Still
from models.sharp_ir import CURVES
from reachnote_wire import ABSENT, NO_TARGET, NOISY, OK, SATURATED, STUCK
from rig import Rig

RANGES = {"GP2Y0A21": (100, 800), "GP2Y0A02": (220, 1500), "GP2Y0A41": (40, 300)}


class Volts:
    """An ADC input that gives a function of the ms, and the 10 mV of restlessness that the module has."""

    def __init__(self, of_ms):
        self.of_ms = of_ms

    def volts(self, us):
        return self.of_ms(us // 1000) + us // 1000 % 3 * 0.005


def rig_at(mm, part="GP2Y0A21", noise=0, **options):
    rig = Rig("sharp_ir", "sharp_ir", pin=26, part=part, **options)
    rig.model.hand, rig.model.noise = Still(mm), noise
    return rig


def rig_of_volts(of_ms, part="GP2Y0A21"):
    rig = Rig("sharp_ir", "sharp_ir", pin=26, part=part)
    bench.attach_adc(26, Volts(of_ms))
    return rig


POINTS = [
    (part, mm, 0.06 if part == "GP2Y0A02" else 0.03)
    for part, (nearest, farthest) in RANGES.items()
    for mm, _ in CURVES[part][1]
    if nearest < mm <= farthest
]


@pytest.mark.parametrize("part, mm, within", POINTS)
def test_a_point_of_the_data_sheets_figure_comes_back_as_its_distance(part, mm, within):
    rig = rig_at(mm, part).run(100)
    assert rig.status == OK
    assert rig.value == pytest.approx(mm, rel=within, abs=2)


@pytest.mark.parametrize("volts, mm", [(2.31, 98), (2.2, 105), (1.31, 200), (0.61, 492), (0.41, 791)])
def test_literal_volts_of_the_10_to_80_cm_part(volts, mm):
    # 287 / (V - 0.06) - 29
    assert rig_of_volts(lambda ms: volts - 0.005).run(8).value == pytest.approx(max(mm, 100), abs=2)


@pytest.mark.parametrize("part", sorted(RANGES))
def test_a_hand_that_comes_nearer_gives_smaller_numbers_within_the_range(part):
    nearest, farthest = RANGES[part]
    values = [rig_at(mm, part).run(100).value for mm in range(farthest, nearest * 11 // 10, -20)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 2 * values[-1]


@pytest.mark.parametrize("part", sorted(RANGES))
def test_nearer_than_the_range_is_saturated_at_its_end_all_the_way_to_the_peak(part):
    nearest, _ = RANGES[part]
    peak = max(CURVES[part][1], key=lambda point: point[1])[0]
    rig = rig_at(nearest * 3, part).run(200)
    for mm in range(nearest * 9 // 10, peak, -5):
        rig.model.hand = Still(mm)
        rig.run(50)
        assert (rig.status, rig.value) == (SATURATED, nearest)


def test_what_follows_a_hand_too_near_is_not_believed_while_it_could_be_the_falling_side():
    rig = rig_at(400).run(200)
    for mm, status in ((60, SATURATED), (50, SATURATED), (40, SATURATED), (36, SATURATED), (50, SATURATED), (120, SATURATED)):
        rig.model.hand = Still(mm)
        rig.run(300)
        assert (mm, rig.status, rig.value) == (mm, status, 100)
    rig.model.hand = Still(200)
    assert 150 <= rig.until(OK, 2000) <= 250
    assert rig.value == pytest.approx(200, rel=0.03)
    rig.model.hand = Still(120)
    rig.run(100)
    assert (rig.status, rig.value) == (OK, 119)


def test_a_quick_touch_of_the_lens_gives_no_far_distance():
    # Half a metre a second onto the lens and back: 32 mm and less look like 150 mm and more, for 130 ms.
    rig = rig_at(300).run(200)
    rig.model.hand = lambda t: abs(300 - 500 * (t - 0.2)) if t < 1.4 else 300
    rig.log.clear()
    rig.run(1700)
    believed = [(ms, value) for ms, status, value in rig.log if status == OK]
    assert all(value <= 310 for _, value in believed)
    near = [ms for ms, status, _ in rig.log if status == SATURATED]
    assert not [ms for ms, _ in believed if near[0] < ms < 1100]


@pytest.mark.parametrize("mm, status", [(800, OK), (1100, NO_TARGET), (1500, NO_TARGET), (2500, NO_TARGET)])
def test_beyond_the_range_there_is_nothing(mm, status):
    assert rig_at(mm).run(200).status == status


def test_no_target_and_back():
    rig = rig_at(400).run(200)
    rig.model.no_target = True
    assert rig.until(NO_TARGET, 2000) <= 60
    rig.model.no_target = False
    assert rig.until(OK, 2000) <= 60


@pytest.mark.parametrize("part, rate", [("GP2Y0A21", 26), ("GP2Y0A02", 26), ("GP2Y0A41", 62)])
def test_values_come_about_as_often_as_the_module_measures(part, rate):
    rig = rig_at(250, part, noise=0.01)
    rig.run(500)
    rig.log.clear()
    rig.run(2000)
    assert rig.driver.describe()["rate_hz"] == rate
    assert len(rig.log) <= 2 * rate + 2


def test_a_new_voltage_is_told_within_two_blocks_and_not_after_a_period():
    rig = rig_of_volts(lambda ms: 1.0 if ms < 500 else 1.5).run(496)
    rig.log.clear()
    rig.run(30)
    assert [ms for ms, _, _ in rig.log][:1] == [503]
    assert rig.value == 169


def test_unplugged_is_absent_within_2_s_and_recovers():
    rig = rig_at(400, noise=0.01).run(200)
    rig.model.absent = True
    assert 1000 <= rig.until(ABSENT, 2000) <= 1020
    rig.run(3000)
    rig.model.absent = False
    assert rig.until(OK, 2000) <= 60


def test_the_very_same_value_for_one_and_a_half_seconds_is_stuck_and_the_modules_noise_is_not():
    rig = rig_at(400, noise=0.01).run(5000, every=100)
    assert rig.status == OK
    rig.model.stuck = True
    assert rig.until(STUCK, 2000) <= 1520
    rig.model.stuck = False
    assert rig.until(OK, 100) is not None


def test_an_open_input_beside_the_mains_is_noisy_within_2_s():
    rig = rig_at(400, noise=0.01).run(200)
    rig.model.noisy = True
    assert rig.until(NOISY, 2000) <= 300
    rig.model.noisy = False
    assert rig.until(OK, 2000) <= 600


def test_an_output_shorted_to_the_supply_is_saturated():
    rig = rig_at(400, noise=0.01).run(200)
    rig.model.saturated = True
    assert rig.until(SATURATED, 2000) <= 20
    rig.run(5000, every=100)
    assert rig.status == SATURATED


@pytest.mark.parametrize("part, rest, reach", [("GP2Y0A21", 500, 150), ("GP2Y0A02", 900, 330), ("GP2Y0A41", 200, 60)])
def test_rest_and_reach_have_a_default_for_each_part(part, rest, reach):
    described = rig_at(200, part).driver.describe()
    assert (described["rest"], described["reach"]) == (rest, reach)
    assert (described["min"], described["max"]) == RANGES[part]


@pytest.mark.parametrize("wrong", [{"rest_mm": 99}, {"reach_mm": 801}, {"rest_mm": 300, "reach_mm": 300}, {"part": "GP2D12"}])
def test_what_the_part_cannot_measure_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match="|".join(wrong)):
        rig_at(200, **{"part": "GP2Y0A21", **wrong})
