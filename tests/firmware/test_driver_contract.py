"""Every driver in the sensors folder keeps the contract in sensors/__init__.py; a new file is found by itself."""

import inspect
import json
import pathlib

import pytest

from reachnote_board import sensors
from reachnote_board.sensors import REQUIRED
from reachnote_wire import KINDS, STARTING, STATUS_WORDS
from rig import Rig, driver_class, whole_board

FILES = sorted(path.stem for path in pathlib.Path(sensors.__file__).parent.glob("*.py") if path.stem != "__init__")
KEYS = {"kind", "unit", "per_unit", "min", "max", "rest", "reach", "rate_hz"}


def needed(name):
    """Something for every option that has no default: the required ones are pins."""
    options = driver_class(name).OPTIONS
    return {key: 2 + n for n, key in enumerate(sorted(options)) if options[key][0] is REQUIRED}


def rig_of(name, **options):
    return Rig(name, **{**needed(name), **options})


def test_the_eleven_shipped_drivers_are_there():
    assert {"switch", "voltage", "fsr", "mprls", "vl53l1x", "hcsr04", "scripted"} <= set(FILES)
    assert {"vl53l0x", "hx711", "sharp_ir", "piezo"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_it_starts_without_a_value(name):
    driver = rig_of(name).driver
    assert (driver.status, driver.value, driver.edge, driver.trouble) == (STARTING, 0, False, None)


@pytest.mark.parametrize("name", FILES)
def test_its_introduction_is_complete_plausible_and_json(name):
    described = rig_of(name).driver.describe()
    assert KEYS <= set(described) <= KEYS | {"floats"}
    assert described["kind"] in KINDS
    assert isinstance(described["unit"], str)
    assert described["per_unit"] > 0
    assert 1 <= described["rate_hz"] <= 1000
    for key in ("min", "max", "rest", "reach", "rate_hz"):
        assert isinstance(described[key], int)
    assert 0 <= described["min"] <= described["rest"] <= described["max"] < 1 << 24
    assert described["min"] <= described["reach"] <= described["max"]
    assert described["rest"] != described["reach"]
    assert json.loads(json.dumps(described)) == described


@pytest.mark.parametrize("name", FILES)
def test_every_option_says_what_it_means(name):
    for key, (default, words) in driver_class(name).OPTIONS.items():
        assert key == key.lower()
        assert len(words) > 10
        assert default is REQUIRED or json.dumps(default) is not None


@pytest.mark.parametrize("name", FILES)
def test_an_unknown_option_is_refused_by_name(name):
    with pytest.raises(ValueError, match="colour"):
        rig_of(name, colour="green")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_required_option_is_refused_by_name(name):
    for key in needed(name):
        options = needed(name)
        del options[key]
        with pytest.raises(ValueError, match=key):
            Rig(name, **options)


@pytest.mark.parametrize("name", FILES)
def test_a_number_beyond_its_bounds_is_refused_by_name(name):
    free = {"scale", "offset", "per_unit", "min", "max", "rest", "rate_hz"} if name == "scripted" else set()
    for key, (default, _) in driver_class(name).OPTIONS.items():
        if key in free or not (default is REQUIRED or isinstance(default, (int, float))) or isinstance(default, bool):
            continue
        for wrong in (-1e12, 1e12, "many", None, True):
            with pytest.raises(ValueError, match=key):
                rig_of(name, **{key: wrong})


@pytest.mark.parametrize("name", FILES)
def test_status_and_value_stay_in_range_with_nothing_attached(name):
    rig = rig_of(name).run(3000)
    assert rig.log
    for _, status, value in rig.log:
        assert isinstance(status, int) and 0 <= status < len(STATUS_WORDS)
        assert isinstance(value, int) and 0 <= value < 1 << 24


@pytest.mark.parametrize("name", FILES)
def test_within_2_s_it_has_a_value_or_names_what_is_wrong(name):
    assert rig_of(name).run(2000).status != STARTING


@pytest.mark.parametrize("name", FILES)
def test_it_does_not_mind_a_stall_nor_the_wrap_of_board_time(name):
    rig = rig_of(name, )
    rig.run(50)
    for stall_us in (1, 700, 90000, 3000000, 400000000, 700000000, 1 << 30):
        rig.time.us += stall_us
        rig.run(2500, every=20)
        assert rig.status != STARTING
        assert 0 <= rig.value < 1 << 24


@pytest.mark.parametrize("name", FILES)
def test_the_sampler_packs_it(name):
    rig = rig_of(name)
    board = whole_board(rig)
    lines = 0
    for _ in range(400):
        lines += board.step(rig.time.clock())
        rig.time.us += 1000
    assert 99 <= lines <= 110
    assert board.trouble is None


@pytest.mark.parametrize("name", FILES)
def test_it_asks_no_clock_and_waits_for_nothing(name):
    source = inspect.getsource(inspect.getmodule(driver_class(name)))
    for word in ("import time", "sleep", "ticks_us", "import machine"):
        assert word not in source
