"""The sensor that plays a script: waves, lists, recordings, edges at their true times."""

import pytest

from reachnote_wire import ABSENT, OK, read_switch
from rig import Rig


def test_samples_are_played_at_their_times_with_their_status_and_loop():
    rig = Rig("scripted", samples=[[0, 5], [10, 7], [25, 9, ABSENT]], period_ms=40).run(60)
    assert rig.log == [(0, OK, 5), (10, OK, 7), (25, ABSENT, 9), (40, OK, 5), (50, OK, 7)]


def test_untold_the_last_sample_lasts_as_long_as_the_one_before():
    rig = Rig("scripted", samples=[[0, 1], [10, 2], [30, 3]]).run(60)
    assert [(ms, value) for ms, _, value in rig.log] == [(0, 1), (10, 2), (30, 3), (50, 1)]


def test_a_switch_keeps_the_true_time_of_an_edge_between_two_ticks():
    rig = Rig("scripted", kind="switch", samples=[[0, 0], [10.25, 1], [20.5, 0]], period_ms=100).run(30)
    edges = [(ms, *read_switch(value)) for ms, _, value in rig.log if ms in (11, 21)]
    assert edges == [(11, 1, 1, 750), (21, 0, 2, 500)]
    assert rig.edges == 2


def test_two_edges_within_one_tick_are_both_counted():
    rig = Rig("scripted", kind="switch", samples=[[0, 0], [10.25, 1], [10.5, 0]], period_ms=100).run(12)
    assert read_switch(rig.value)[:2] == (0, 2)


def test_a_square_wave_is_played_when_nothing_is_told():
    rig = Rig("scripted", low=3, high=8).run(1600)
    assert [(ms, value) for ms, _, value in rig.log] == [(0, 8), (500, 3), (1000, 8), (1500, 3)]


def test_a_ramp_goes_up_and_down_in_straight_lines():
    rig = Rig("scripted", wave="ramp", low=0, high=16777215, period_ms=1000)
    found = {}
    for ms in range(1000):
        rig.run(1)
        found[ms] = rig.log[-1][2]
    for ms, expected in ((0, 0), (125, 0.25), (250, 0.5), (499, 0.998), (500, 1), (750, 0.5), (999, 0.002)):
        assert found[ms] / 16777215 == pytest.approx(expected, abs=0.004)


def test_a_recording_is_scaled_shifted_clipped_and_begins_at_once(tmp_path):
    path = tmp_path / "breath.csv"
    path.write_text("t_s,value\n5.00,0\n5.01,1.5\n5.03,-4\n")
    rig = Rig("scripted", kind="pressure", source=str(path), scale=10, offset=20).run(55)
    assert [(ms, value) for ms, _, value in rig.log] == [(0, 20), (10, 35), (30, 0), (50, 20)]


def test_it_plays_across_the_wrap_of_board_time_and_for_many_minutes():
    rig = Rig("scripted", start_us=(1 << 30) - 5000, samples=[[0, 1], [10, 2]]).run(25)
    assert [(ms, value) for ms, _, value in rig.log] == [(0, 1), (10, 2), (20, 1)]
    slow = Rig("scripted", samples=[[0, 1], [400000, 2]], period_ms=500000)
    slow.time.us += 400000000 - 1000000
    slow.driver.step(0)
    slow.run(1500)
    assert slow.value == 2


def test_the_hello_is_the_scripts_own_unless_told():
    described = Rig("scripted", samples=[[0, 5], [10, 70]]).driver.describe()
    assert (described["rest"], described["reach"], described["max"]) == (5, 70, 70)
    described = Rig("scripted", kind="distance", unit="mm", rest=500, reach=60, max=1360, rate_hz=50).driver.describe()
    assert (described["kind"], described["unit"], described["rest"], described["reach"]) == ("distance", "mm", 500, 60)


@pytest.mark.parametrize("options, said", [
    ({"samples": [[0, 1]], "wave": "ramp"}, "one of samples, wave, source"),
    ({"samples": [[5, 1]]}, "begin at time 0"),
    ({"samples": []}, "begin at time 0"),
    ({"samples": [[0, -1]]}, "not within 0 to 16777215"),
    ({"samples": [[0, 1], [0, 2]]}, "times must ascend"),
    ({"samples": [[0, 1], [10, 2]], "period_ms": 5}, "times must ascend"),
    ({"samples": [[0, 1, 99]]}, "no status 99"),
    ({"wave": "saw"}, "one of"),
    ({"kind": "smell"}, "one of"),
])
def test_an_impossible_script_is_refused_with_a_sentence(options, said):
    with pytest.raises(ValueError, match=said):
        Rig("scripted", **options)
