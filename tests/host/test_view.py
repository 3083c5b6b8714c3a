"""The terminal view: what is told fits the window in whole sentences, notes have names, bars show levels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.view import View, plain

TROUBLE = "There is no sound card, so this computer makes no sound. Connect one; it is tried again by itself."
NOTE = {"feed": "note", "note": "on", "sensor": "Pads/left", "channel": 2, "key": 60, "velocity": 70, "time": 1.0}


def playing(view: View, levels: dict[str, float] | None = None) -> View:
    view.take({"feed": "levels", "levels": levels or {"Pads/left": 0.5, "Pads/right": 0.0}})
    return view


def news(view: View, text: str, **more: object) -> None:
    view.take({"feed": "news", "text": text, **more})


def text_of(view: View, width: int = 80, height: int = 24) -> str:
    return "\n".join(view.lines(width, height))


def test_a_bar_is_as_full_as_the_level():
    bar = next(line for line in playing(View()).lines(80) if "left" in line)
    assert bar.count("█") == bar.count("·") == 16


def test_a_note_has_its_name_beside_its_sensor_until_it_ends():
    view = playing(View())
    view.take(NOTE)
    view.take({**NOTE, "key": 66})
    assert "C4 F#4" in next(line for line in view.lines(80) if "left" in line)
    view.take({**NOTE, "note": "off"})
    assert next(line for line in view.lines(80) if "left" in line).endswith("  F#4")
    assert "2 notes" in text_of(view)


def test_the_first_line_says_whether_it_records():
    view = playing(View())
    assert view.lines(80)[0].endswith("Not recording")
    news(view, "Recording to /x/y.jsonl.", news="recording", path="/x/y.jsonl")
    assert view.lines(80)[0].endswith("Recording to /x/y.jsonl")
    news(view, "Not recording: the disk is full.", news="record-failed", path="/x/y.jsonl")
    assert view.lines(80)[0].endswith("Not recording") and "the disk is full" in text_of(view)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("standard", "reachnote   Not recording"),
        ("child", "reachnote   Not recording   Limits: child"),
        ("stage", "reachnote   Not recording   STAGE: the loudness guard is off"),
    ],
)
def test_the_first_line_says_which_limits_hold(limits, told):
    view = playing(View())
    view.take({"feed": "figures", "guard": {"limits": limits}})
    assert view.lines(80)[0] == told


def test_a_port_that_was_waited_for_is_not_told_any_more_once_a_board_is_there():
    view = playing(View())
    news(view, "There is no port /dev/ttyACM0 yet. It is used as soon as it appears.", news="problem")
    news(view, "Two switches is ready, 2 sensors.", news="ready")
    assert "There is no port" not in text_of(view) and "Two switches is ready" in text_of(view)


def test_a_long_path_of_a_recording_is_wrapped_not_cut():
    view = playing(View())
    path = "/home/" + "long/" * 30 + "end.jsonl"
    news(view, "", news="recording", path=path)
    view.status({"recording": path})
    assert path in "".join(line.strip() for line in view.lines(80))


def test_an_outputs_trouble_stays_until_it_is_back():
    view = playing(View())
    news(view, TROUBLE, news="output", output=1)
    for n in range(30):
        news(view, f"Board {n} is ready: 1 sensor.")
    assert TROUBLE in " ".join(text_of(view).split())
    news(view, "The output is back.", news="output", output=1)
    assert "no sound card" not in text_of(view) and "The output is back." in text_of(view)


def test_movement_to_note_is_told_once_there_were_notes():
    view = playing(View())
    assert "ms" not in text_of(view)
    view.take({"feed": "figures", "latencies_ms": [0.1, 0.2, 9.0]})
    assert "movement to note 0.2 ms, 99 of 100 within 9.0 ms" in text_of(view)


def test_at_the_end_nothing_sounds_in_the_picture():
    view = playing(View())
    view.take(NOTE)
    news(view, "The session has ended.", news="ended")
    assert "C4" not in text_of(view) and "█" not in text_of(view) and "Ctrl-C" not in text_of(view)


def test_more_sensors_than_lines_are_counted():
    view = playing(View(), {f"Board/sensor {n}": 0.1 for n in range(64)})
    lines = view.lines(80, 23)
    assert len(lines) <= 23 and any("more sensors" in line for line in lines)


def test_without_a_terminal_nothing_is_drawn(capsys):
    view = playing(View())
    view.draw()
    view.close()
    assert capsys.readouterr().out == ""


SENTENCES = [TROUBLE, "Pads is ready: 2 sensors.", "Pads is unplugged. Its sound is stopped. Plug it in again to go on."]


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(40, 200),
    height=st.integers(12, 60),
    sensors=st.integers(0, 40),
    name=st.sampled_from(["a", "Two switches/left", "N" * 128]),
    told=st.lists(st.sampled_from(SENTENCES), max_size=8),
    lasting=st.lists(st.sampled_from(SENTENCES), max_size=2),
)
def test_it_fits_any_window_and_no_sentence_is_cut(width, height, sensors, name, told, lasting):
    view = View("reachnote demo", extra=["Firmware runs under MicroPython."])
    if sensors:
        view.take({"feed": "levels", "levels": {f"{name}{n}": n / 40 for n in range(sensors)}})
        view.take({**NOTE, "sensor": f"{name}0"})
    for n, text in enumerate(lasting):
        news(view, text, news="output", output=n)
    for text in told:
        news(view, text)
    lines = view.lines(width, height)
    assert len(lines) <= height and all(len(line) <= width for line in lines)
    flat = " ".join(" ".join(lines).split())
    for sentence in {*told, *lasting}:
        assert sentence in flat or sentence.split(".")[0] not in flat


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        (NOTE, "C4 on channel 2 from Pads/left"),
        ({**NOTE, "note": "off"}, ""),
        ({"feed": "news", "text": "Pads is back."}, "Pads is back."),
        ({"feed": "levels", "levels": {}}, ""),
        ({"feed": "news", "news": "figures"}, ""),
    ],
)
def test_a_feed_line_for_whoever_reads_line_by_line(thing, line):
    assert plain(thing) == line
