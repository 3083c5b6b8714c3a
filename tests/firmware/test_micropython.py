"""The same drivers under real MicroPython: the same logs, and nothing from the heap."""

import pytest

ROWS = "t_s,value\n0.0,0\n0.1,12.5\n0.25,30\n0.3,-2\n0.4,0\n"
WRAP_US = (1 << 30) - 3000000


def logs(run_script, interpreter, tmp_path):
    recording = tmp_path / "recording.csv"
    recording.write_text(ROWS)
    return run_script(interpreter, "scenarios.py", str(recording)).splitlines()


def python():
    import sys

    return [sys.executable]


def test_every_story_is_the_same_under_micropython_byte_for_byte(micropython, run_script, tmp_path):
    ours = logs(run_script, python(), tmp_path)
    assert len(ours) > 3000
    assert logs(run_script, micropython, tmp_path) == ours


def test_every_story_is_the_same_with_a_boards_small_integers(micropython_32bit, run_script, tmp_path):
    assert logs(run_script, micropython_32bit, tmp_path) == logs(run_script, python(), tmp_path)


DRIVERS = {"switch", "voltage", "fsr", "mprls", "vl53l1x", "hcsr04", "scripted", "vl53l0x", "hx711", "sharp_ir", "piezo"}


def check_heap(printed, lines):
    first, *rest = printed.splitlines()
    assert first == "greed is noticed"
    assert len(rest) == lines
    assert {line.split()[0] for line in rest} == DRIVERS


def test_no_step_through_any_fault_takes_from_the_heap(micropython, run_script):
    check_heap(run_script(micropython, "heap.py"), 24)


def test_no_step_takes_from_the_heap_with_a_boards_small_integers(micropython_32bit, run_script):
    check_heap(run_script(micropython_32bit, "heap.py"), 24)


@pytest.mark.parametrize("who", ["driver", "board"])
def test_no_step_takes_from_the_heap_when_board_time_comes_round(micropython_32bit, run_script, who):
    check_heap(run_script(micropython_32bit, "heap.py", str(WRAP_US), "6000", who), 12)
