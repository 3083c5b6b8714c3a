"""Pedals: bindings as people write them, edges, hysteresis, and errors that say what stands where."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from reachnote.key_names import AXES, CODE_OF_AXIS, CODE_OF_KEY, KEYS, axis_name, key_name
from reachnote.pedals import ACTIONS, PROMPTS, Binding, PedalProblem, Pedals, read_binding, read_bindings

HEADER = Path("/usr/include/linux/input-event-codes.h")


def cc(number: int, value: int, channel: int = 1) -> bytes:
    return bytes((0xB0 | channel - 1, number, value))


def note(key: int, velocity: int = 70, channel: int = 1) -> bytes:
    return bytes((0x90 | channel - 1, key, velocity))


def bound(*lines: str) -> Pedals:
    return Pedals(read_bindings("\n".join(lines), "plan.toml"))


# ---------------------------------------------------------------- as people write them


@pytest.mark.parametrize(
    ("line", "binding"),
    [
        ("cc 64 = next-scene", Binding("cc", 64, "next-scene")),
        ("cc 64 channel 2 = mark", Binding("cc", 64, "mark", channel=2)),
        ("cc 67 up = phrase-end", Binding("cc", 67, "phrase-end", up=True)),
        ("cc 4 channel 16 up=stop", Binding("cc", 4, "stop", channel=16, up=True)),
        ("note C2 = mark", Binding("note", 36, "mark")),
        ("note f#3 = mark", Binding("note", 54, "mark")),
        ("note Bb-1 = mark", Binding("note", 10, "mark")),
        ("note Cb4 = mark", Binding("note", 59, "mark")),
        ("note 127 = mark", Binding("note", 127, "mark")),
        ("key PageDown = next-scene", Binding("key", "PageDown", "next-scene")),
        ("key pagedown = next-scene", Binding("key", "PageDown", "next-scene")),
        ("key a = mark", Binding("key", "A", "mark")),
        ("key button 3 = silence", Binding("key", "button 3", "silence")),
        ("key key 431 = silence", Binding("key", "key 431", "silence")),
        ("switch Two switches/left = softer", Binding("switch", "Two switches/left", "softer")),
        ("switch a=b/c up = lift", Binding("switch", "a=b/c", "lift", up=True)),
    ],
)
def test_a_binding_is_read(line, binding):
    assert read_binding(line, "x") == binding
    assert read_binding(binding.text(), "x") == binding


def test_every_action_can_be_bound_and_is_explained():
    for action, words in ACTIONS.items():
        assert read_binding(f"cc 1 = {action}", "x").action == action
        assert words
    assert [f"prompt-{level}" for level in PROMPTS] == [action for action in ACTIONS if action.startswith("prompt-")]


def test_lines_remarks_and_empty_lines():
    read = read_bindings("# the pedals\n\n  cc 64 = next-scene   # right foot\nnote C#2 = mark\n", "plan.toml")
    assert read == (Binding("cc", 64, "next-scene"), Binding("note", 37, "mark"))
    assert read_bindings("", "plan.toml") == ()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cc 64", "'cc 64'; write what is pressed, = and what it does, as in: cc 64 = next-scene"),
        ("= mark", "'= mark'; write what is pressed"),
        ("cc 64 = louder", "'louder' is not something a pedal does; known are next-scene, previous-scene, mark"),
        ("cc 64 = next-scen", "Did you mean 'next-scene'?"),
        ("pedal 64 = mark", "'pedal'; a pedal is one of cc, note, key, switch."),
        ("swich Pads/left = mark", "Did you mean 'switch'?"),
        ("cc = mark", "'cc' names no cc. Write it as in: cc 64 = next-scene"),
        ("cc 120 = mark", "cc '120'; write a controller number from 0 to 119."),
        ("cc sustain = mark", "cc 'sustain'; write a controller number"),
        ("cc ٣ = mark", "cc '٣'; write a controller number"),
        ("cc 64 channel 17 = mark", "channel '17'; write a channel from 1 to 16."),
        ("key Up channel 2 = mark", "'key Up channel 2'; only a cc or a note has a channel."),
        ("note H2 = mark", "note 'H2' is no key of a MIDI keyboard; write one from C-1 to G9, or its number from 0 to 127."),
        ("note G#9 = mark", "note 'G#9' is no key"),
        ("note 128 = mark", "note '128' is no key"),
        ("key ü = mark", "key 'ü' is not known; known are PageUp, PageDown, Up"),
        ("key PageDwn = mark", "Did you mean 'PageDown'?"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line, words):
    with pytest.raises(PedalProblem) as problem:
        read_bindings(f"cc 1 = mark\n{line}", "plan.toml")
    assert str(problem.value).startswith("plan.toml: line 2: ")
    assert words in str(problem.value)


@pytest.mark.parametrize("second", ["cc 64 = silence", "cc 64 channel 3 = silence"])
def test_one_pedal_does_one_thing(second):
    with pytest.raises(PedalProblem, match=f"line 2: '{second}' is bound already in line 1: 'cc 64 = mark'"):
        read_bindings(f"cc 64 = mark\n{second}", "plan.toml")


def test_down_and_up_and_two_channels_may_do_different_things():
    read = read_bindings("cc 64 channel 1 = mark\ncc 64 channel 2 = silence\ncc 64 channel 1 up = phrase-end", "plan.toml")
    assert len(read) == 3


def test_a_plan_has_no_more_than_64_bindings():
    with pytest.raises(PedalProblem, match="more than 64 bindings"):
        read_bindings("\n".join(f"note {n} = mark" for n in range(65)), "plan.toml")


# ---------------------------------------------------------------- edges and hysteresis


def test_a_controller_acts_once_when_it_goes_down():
    pedals = bound("cc 64 = next-scene")
    values = [0, 63, 64, 90, 127, 64, 50, 41, 64, 40, 63, 64, 0]
    said = [pedals.midi(cc(64, value), float(n)) for n, value in enumerate(values)]
    assert [n for n, action in enumerate(said) if action] == [2, 11]
    assert set(said) == {"", "next-scene"}


def test_a_controller_that_acts_on_coming_up():
    pedals = bound("cc 64 up = phrase-end")
    said = [pedals.midi(cc(64, value), float(n)) for n, value in enumerate([127, 60, 41, 40, 0, 127, 0])]
    assert [n for n, action in enumerate(said) if action] == [3, 6]


def test_a_foot_that_bounces_acts_once():
    pedals = bound("cc 64 = next-scene")
    times = [(1.0, 127), (1.02, 0), (1.03, 127), (1.05, 0), (1.07, 127), (1.2, 0), (1.3, 127)]
    assert [t for t, value in times if pedals.midi(cc(64, value), t)] == [1.0, 1.3]


def test_a_note_acts_at_each_stroke_and_not_at_its_end():
    pedals = bound("note C2 = mark")
    messages = [note(36), note(36, 0), note(36), bytes((0x80, 36, 64)), note(36), note(36)]
    assert [pedals.midi(m, float(n)) for n, m in enumerate(messages)] == ["mark", "", "mark", "", "mark", "mark"]


def test_only_the_bound_channel_counts():
    pedals = bound("cc 64 channel 2 = mark", "note C2 = silence")
    assert pedals.midi(cc(64, 127, channel=1), 1.0) == ""
    assert pedals.midi(cc(64, 127, channel=2), 1.0) == "mark"
    assert pedals.midi(note(36, channel=9), 1.0) == "silence"


def test_keys_of_a_page_turner():
    pedals = bound("key PageDown = next-scene", "key PageUp = previous-scene", "key Right up = next-chord")
    assert pedals.key("PageDown", True, 1.0) == "next-scene"
    assert pedals.key("PageDown", True, 2.0) == ""  # a key that repeats itself
    assert pedals.key("PageDown", False, 3.0) == ""
    assert pedals.key("PageDown", True, 4.0) == "next-scene"
    assert pedals.key("PageUp", True, 4.0) == "previous-scene"
    assert [pedals.key("Right", down, t) for down, t in ((True, 5.0), (False, 6.0))] == ["", "next-chord"]
    assert pedals.key("Left", True, 7.0) == ""


def test_a_clients_own_switch_asks_for_softer_and_stop():
    pedals = bound("switch Two switches/left = softer", "switch right = stop")
    assert pedals.switch("Two switches", "left", True, 1.0) == "softer"
    assert pedals.switch("Two switches", "left", False, 2.0) == ""
    assert pedals.switch("Other", "left", True, 3.0) == ""
    assert pedals.switch("Other", "right", True, 3.0) == "stop"


def test_what_belongs_to_a_pedal_is_no_music():
    pedals = bound("cc 64 channel 2 = mark", "note C2 = silence", "switch Pads/left = stop", "key PageDown = next-scene")
    assert pedals.owns(cc(64, 0, channel=2)) and not pedals.owns(cc(64, 0, channel=1))
    assert pedals.owns(note(36)) and pedals.owns(bytes((0x80, 36, 0))) and not pedals.owns(note(37))
    assert not pedals.owns(b"\xf8") and not pedals.owns(b"\xa0\x24\x40") and not pedals.owns(b"\xc0\x24")
    assert pedals.owns_switch("Pads", "left") and not pedals.owns_switch("Other", "left")
    assert pedals.owns_switch("page turner", "PageDown")


@pytest.mark.parametrize("message", [b"\xf8", b"\xb0\x40", b"\x90\x24", b"\xe0\x24\x7f", b"\xd0\x24"])
def test_other_messages_do_nothing(message):
    assert bound("cc 64 = mark", "note C2 = silence").midi(message, 1.0) == ""


# ---------------------------------------------------------------- names of keys


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1, "Esc"), (2, "1"), (11, "0"), (28, "Enter"), (30, "A"), (44, "Z"), (57, "Space"), (59, "F1"), (68, "F10"), (87, "F11"),
        (102, "Home"), (103, "Up"), (104, "PageUp"), (105, "Left"), (106, "Right"), (107, "End"), (108, "Down"), (109, "PageDown"),
        (115, "VolumeUp"), (164, "PlayPause"), (0x110, "MouseLeft"), (0x120, "button 1"), (0x12B, "button 12"), (0x100, "button 13"),
        (0x130, "South"), (0x13B, "Start"), (0x13E, "ThumbRight"), (0x2C0, "button 23"), (0x223, "PadRight"), (431, "key 431"),
    ],
)  # fmt: skip
def test_a_key_has_the_name_that_people_read(code, name):
    assert key_name(code) == name
    assert CODE_OF_KEY.get(name, 431) == code


def test_axes_have_names():
    assert [axis_name(code) for code in (0, 1, 5, 9, 0x10, 0x11, 0x12, 0x17, 0x18, 40)] == [
        "X", "Y", "RZ", "Gas", "Hat1X", "Hat1Y", "Hat2X", "Hat4Y", "Pressure", "axis 40",
    ]  # fmt: skip
    assert len(CODE_OF_AXIS) == len(AXES) and len(CODE_OF_KEY) == len(KEYS)


def test_the_codes_are_those_of_this_systems_header():
    if not HEADER.exists() or os.name == "nt":
        return  # the literal codes above say it too
    said = {name: int(code, 0) for name, code in re.findall(r"#define\s+KEY_(\w+)\s+(0x[0-9a-f]+|\d+)\b", HEADER.read_text())}
    buttons = ("Left", "Right", "Back", "Forward", "Stop", "Select", "Mode")
    same = {name: code for name, code in CODE_OF_KEY.items() if name.upper() in said and name not in buttons}
    assert len(same) > 80
    assert {name: said[name.upper()] for name in same} == same
