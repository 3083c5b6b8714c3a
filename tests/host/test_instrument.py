"""instrument.toml: what is right becomes wiring; what is wrong is named with file, key, what is allowed, the nearest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.instrument import BOARDS, BYTES_PER_S, InstrumentProblem, driver_options, fastest_rate, read_instrument

ROOT = Path(__file__).resolve().parents[2]
SENSORS = ROOT / "firmware" / "reachnote_board" / "sensors"
DRIVERS = {path.stem: path.read_text("utf-8") for path in SENSORS.glob("*.py") if path.stem != "__init__"}
GOOD = """
format = 1
instrument = "pads"
name = "Blue pads"
board = "pico"
rate_hz = 250

[bus.i2c0]
sda = 4
scl = 5
freq = 400000

[[sensor]]
name = "left"
driver = "switch"
pin = 14

[[sensor]]
name = "ball"
driver = "mprls"
bus = "i2c0"
"""


def read(text: str) -> dict:
    return read_instrument(text, "pads.toml", DRIVERS)


def told(text: str) -> str:
    with pytest.raises(InstrumentProblem) as caught:
        read(text)
    said = str(caught.value)
    assert said.startswith("pads.toml: ") and "Traceback" not in said
    return said


def test_a_good_one_becomes_wiring():
    wiring = read(GOOD)
    assert wiring["name"] == "Blue pads" and wiring["rate_hz"] == 250 and wiring["buses"]["i2c0"]["sda"] == 4
    assert [sensor["name"] for sensor in wiring["sensors"]] == ["left", "ball"]
    assert json.loads(json.dumps(wiring)) == wiring


@pytest.mark.parametrize("path", sorted((ROOT / "hardware").glob("*/instrument.toml")), ids=lambda path: path.parent.name)
def test_every_instrument_of_the_project_is_right(path):
    wiring = read_instrument(path.read_text("utf-8"), str(path), DRIVERS)
    assert wiring["instrument"] == path.parent.name and wiring["sensors"]


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("name = \"Blue pads\"", "nmae = \"Blue pads\"", ["unknown key 'nmae'", "Did you mean 'name'?"]),
        ("pin = 14", "pln = 14", ["sensor 1", "unknown key 'pln'", "pin", "Did you mean 'pin'?"]),
        ("\"mprls\"", "\"mprl\"", ["sensor 2: driver = 'mprl'", "known are", "Did you mean 'mprls'?"]),
        ("\"mprls\"", "[\"mprls\"]", ["driver = ['mprls']", "known are"]),
        ("board = \"pico\"", "board = \"picco\"", ["board = 'picco'", ", ".join(BOARDS), "Did you mean 'pico'?"]),
        ("board = \"pico\"", "board = [1]", ["board = [1]"]),
        ("format = 1", "format = 2", ["format = 2", "reads format 1"]),
        ("format = 1", "", ["format = None"]),
        ("rate_hz = 250", "rate_hz = 5", ["rate_hz = 5", "10 to 1000"]),
        ("rate_hz = 250", "rate_hz = true", ["rate_hz = True"]),
        ("bus = \"i2c0\"", "bus = \"i2c1\"", ["bus = 'i2c1'", "Did you mean 'i2c0'?"]),
        ("bus = \"i2c0\"", "bus = [0]", ["bus = [0]"]),
        ("[bus.i2c0]", "[bus]", ["[bus.NAME]"]),
        ("name = \"ball\"", "name = \"left\"", ["name = 'left'", "name of its own"]),
        ("name = \"ball\"", "name = 3", ["name = 3"]),
        ("pin = 14", "pin = ", ["this is not TOML", "line "]),
        ("pin = 14", "pin = 14\nwhen = 2026-99-99", ["this is not TOML"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(was, now, said):
    assert was in GOOD
    text = told(GOOD.replace(was, now))
    for words in said:
        assert words in text


@pytest.mark.parametrize("sensors", ["", "sensor = []", "sensor = 3", "[sensor]\nname = \"x\"", "[[sensor]]\n" * 33])
def test_there_are_one_to_many_sensors(sensors):
    assert "1 to 32 sensors" in told(f"format = 1\n{sensors}")


def test_a_network_needs_its_keys():
    assert "'host' is missing" in told(GOOD + '[network]\nssid = "a"\nport = 9000\n')
    assert "Did you mean 'ssid'?" in told(GOOD + '[network]\nssidd = "a"\n')
    assert "[network]" in told("network = 3\n" + GOOD)
    assert read(GOOD + '[network]\nssid = "a"\nhost = "192.168.4.2"\nport = 9000\n')["network"]["port"] == 9000


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("sensors", [1, 4, 32])
def test_the_rate_is_what_the_boards_console_carries(board, sensors):
    listed = "".join(f'[[sensor]]\nname = "s{n}"\ndriver = "scripted"\n' for n in range(sensors))
    wiring = read(f'format = 1\nboard = "{board}"\nrate_hz = 1000\n{listed}')
    assert wiring["rate_hz"] == fastest_rate(board, sensors) <= 1000
    line = 2 + 12 + 8 * sensors + 9
    assert wiring["rate_hz"] * line <= BYTES_PER_S[board]


def test_the_options_of_a_driver_are_read_without_running_it():
    assert driver_options('OPTIONS = {"pin": 1, "invert": 0}\nraise SystemExit') == ("pin", "invert")
    assert driver_options("x = 1") == ()
    assert "pin" in driver_options(DRIVERS["switch"])


def test_a_file_longer_than_any_instrument_is_not_read():
    assert "64 KiB" in told("#" * 70_000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["format", "instrument", "name", "board", "rate_hz", "bus", "network", "sensor", "driver", "pin"])


def toml(value: object) -> str:
    """`value` as TOML; what TOML cannot say becomes something it cannot read."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value) if not isinstance(value, float) else repr(value)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES | st.just([{"name": "a", "driver": "switch"}]), max_size=6))
def test_whatever_is_written_gets_wiring_or_a_sentence(table):
    text = "format = 1\n" + "\n".join(f"{key} = {toml(value)}" for key, value in table.items() if key != "format")
    try:
        assert json.dumps(read(text))
    except InstrumentProblem as problem:
        assert str(problem).startswith("pads.toml: ")


# ---------------------------------------------------------------- pins

WRONG_PINS = [
    ('driver = "switch"\npin = 23', "pin of 'it': the Pico has no GP23 to use."),
    ('driver = "switch"\npin = 41', "pin of 'it': the Pico has no GP41 to use."),
    ('driver = "switch"\npin = "GP14"', "pin of 'it': 'GP14' is no pin; write its number alone, as in pin = 14."),
    ('driver = "fsr"\npin = 22', "'it' needs an ADC pin (GP26 to GP28), not 22."),
    ('driver = "switch"\npin = 14\n[[sensor]]\nname = "two"\ndriver = "switch"\npin = 14', "GP14 is used twice: pin of 'it' and pin of 'two'."),
    ('driver = "switch"\npin = 5\n[bus.i2c0]\nsda = 4\nscl = 5', "GP5 is used twice: scl of i2c0 and pin of 'it'."),
    ('driver = "mprls"\nbus = "i2c0"\n[bus.i2c0]\nsda = 4\nscl = 6', "GP4 and GP6 are no SDA and SCL of i2c0."),
    ('driver = "mprls"\nbus = "i2c0"\n[bus.i2c0]\nsda = 4', "[bus.i2c0] names no scl."),
    ('driver = "mprls"\nbus = "i2c9"\n[bus.i2c9]\nsda = 4\nscl = 5', "[bus.i2c9]: a board has i2c0 and i2c1."),
    ('driver = "mprls"', "'it' needs [bus.i2c0]."),
    (
        'driver = "mprls"\nbus = "i2c0"\n[[sensor]]\nname = "two"\ndriver = "mprls"\nbus = "i2c0"\n[bus.i2c0]\nsda = 4\nscl = 5',
        "address 0x18 of 'two' is not free on i2c0.",
    ),
]


@pytest.mark.parametrize("text, says", WRONG_PINS, ids=range(len(WRONG_PINS)))
def test_a_pin_that_cannot_be_is_named_with_what_to_write(text, says):
    with pytest.raises(InstrumentProblem) as caught:
        read(f'format = 1\n[[sensor]]\nname = "it"\n{text}\n')
    assert str(caught.value).endswith(f": {says}")


def test_an_esp32_s3_has_pins_of_its_own():
    head = 'format = 1\nboard = "esp32-s3"\n[[sensor]]\nname = "it"\n'
    assert read(f'{head}driver = "fsr"\npin = 4\n')["sensors"][0]["pin"] == 4
    with pytest.raises(InstrumentProblem, match="the ESP32-S3 has no GPIO27 to use"):
        read(f'{head}driver = "switch"\npin = 27\n')
    with pytest.raises(InstrumentProblem, match=r"needs an ADC pin \(1 to 10\), not 12"):
        read(f'{head}driver = "fsr"\npin = 12\n')


@pytest.mark.parametrize("found", ['"22"', "-1", "49", "true", "2.5"])
def test_a_silence_pin_is_a_pin(found):
    with pytest.raises(InstrumentProblem, match=r"silence_pin = .*; write the number of a pin, as in silence_pin = 22"):
        read(f'format = 1\nsilence_pin = {found}\n[[sensor]]\nname = "it"\ndriver = "switch"\npin = 14\n')
