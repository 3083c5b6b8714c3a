"""What a board says of itself, and what is made of its lines."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reachnote_wire as wire
from reachnote.board import Board, HelloProblem, read_hello
from support.boards import hello_text

SWITCHES = [{"kind": "switch"}, {"kind": "switch"}]


def hello(**changed: object) -> str:
    said = {"wire": 1, "uid": "b1", "name": "Pads", "sensors": [{"name": "left", "kind": "switch"}]}
    said.update(changed)
    return json.dumps({key: value for key, value in said.items() if value is not ...})


def taken(board: Board, letter: str, text: str, arrival: float = 10.0):
    return board.take((letter + text).encode(), arrival)


def line(packer: wire.Packer, time_us: int = 0) -> bytes:
    packer.pack(time_us)
    return wire.body_of(bytes(packer.buffer[:-1]))


@pytest.fixture
def board() -> Board:
    met = Board(numbers=[4, 5])
    met.take(b"h" + hello_text("b1", SWITCHES).encode(), 10.0)
    met.fresh = False
    return met


# ---------------------------------------------------------------- hello


def test_everything_but_wire_uid_and_sensors_has_a_default():
    said = read_hello(hello(name=...))
    assert (said.uid, said.name, said.boot, said.rate_hz) == ("b1", "b1", "", 250.0)
    assert (said.sensors[0].name, said.sensors[0].kind, said.sensors[0].low, said.sensors[0].high) == (
        "left",
        "switch",
        0,
        16777215,
    )


def test_unknown_keys_of_newer_boards_are_passed_over():
    assert read_hello(hello(colour="blue", sensors=[{"kind": "switch", "shine": 1}])).uid == "b1"


def test_a_newer_board_says_to_update_the_program():
    with pytest.raises(HelloProblem) as problem:
        read_hello(hello(wire=2))
    assert str(problem.value) == (
        "Pads speaks version 2 of the wire; this program speaks 1. Update this program: pip install --upgrade reachnote"
    )


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, None, True, ..., [1], {"a": 1}])
def test_an_older_or_wordless_version_says_to_update_the_board(version):
    with pytest.raises(HelloProblem, match="Update the board: reachnote flash"):
        read_hello(hello(wire=version))


@pytest.mark.parametrize("sensors", [..., None, [], {}, "left", 3, [{"kind": "switch"}] * 33])
def test_no_sensors_or_more_than_a_board_carries_are_refused(sensors):
    with pytest.raises(HelloProblem, match="Pads names no sensors"):
        read_hello(hello(sensors=sensors))


def test_thirty_two_sensors_are_a_board():
    assert len(read_hello(hello(sensors=[{"kind": "switch"}] * 32)).sensors) == 32


@pytest.mark.parametrize("sensor", [None, 3, "left", [], [{"kind": "switch"}]])
def test_a_sensor_that_is_no_object_is_refused(sensor):
    with pytest.raises(HelloProblem, match="Pads describes its sensor 2"):
        read_hello(hello(sensors=[{"kind": "switch"}, sensor]))


@pytest.mark.parametrize("uid", [..., None, "", [], {}, "\u0007"])
def test_a_board_without_an_identity_is_refused(uid):
    with pytest.raises(HelloProblem, match="Pads has no identity of its own"):
        read_hello(hello(uid=uid))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '"h"', "[" * 2000, '{"a":' * 700, "9" * 3000, "NaN"])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(HelloProblem, match="in a way this program cannot read"):
        read_hello(text)


@pytest.mark.parametrize("key", ["uid", "name", "boot", "wire", "firmware", "rate_hz", "sensors"])
def test_no_depth_of_json_breaks_it(key):
    for depth in range(1, 1_900, 7):
        text = hello(**{key: "DEEP"}).replace('"DEEP"', "[" * depth + "]" * depth)
        with contextlib.suppress(HelloProblem):
            read_hello(text)


def test_wrong_types_and_impossible_numbers_become_defaults():
    wrong = {
        "name": ["x"],
        "kind": 7,
        "min": "low",
        "max": True,
        "rest": [1],
        "reach": None,
        "per_unit": float("nan"),
        "rate_hz": {},
    }
    info = read_hello(hello(sensors=[wrong])).sensors[0]
    assert (info.name, info.kind, info.low, info.high, info.rest, info.reach) == (
        "sensor 1",
        "voltage",
        0,
        16777215,
        0.0,
        16777215.0,
    )
    assert (info.per_unit, info.rate_hz) == (1.0, 0.0)


def test_huge_numbers_are_brought_into_range():
    info = read_hello(hello(rate_hz=1e300, sensors=[{"kind": "pressure", "min": -5, "max": 10**400, "reach": 1e30}])).sensors[0]
    assert (info.low, info.high, info.reach) == (0, 16777215, 16777215.0)


def test_a_range_the_wrong_way_round_is_turned():
    info = read_hello(hello(sensors=[{"kind": "distance", "min": 900, "max": 100}])).sensors[0]
    assert (info.low, info.high) == (100, 900)


def test_names_are_cut_to_64_printable_characters():
    said = read_hello(hello(name="a\x1b[31m\n" + "é" * 200))
    assert said.name == "a[31m" + "é" * 57


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["wire", "uid", "sensors", "name", "kind", "min", "rest", "rate_hz"]), inner, max_size=6
            )
        ),
    )
)
def test_any_json_is_a_hello_or_a_sentence(thing):
    try:
        read_hello(json.dumps(thing))
    except HelloProblem as problem:
        assert str(problem).endswith((".", "--upgrade reachnote", "reachnote flash", "hardware/NAME"))


# ---------------------------------------------------------------- lines


def test_readings_before_the_hello_are_ignored_and_counted():
    board = Board(numbers=[0, 1])
    assert board.take(line(wire.Packer(2)), 10.0) is None
    assert (board.counts.early, board.counts.lines) == (1, 0)


def test_a_reading_becomes_one_reading_a_sensor(board):
    packer = wire.Packer(2)
    packer.value[0], packer.status[1], packer.value[1] = 1234, wire.WEAK, 0xFFFFFF
    found = board.take(line(packer, 4_000), 10.5)
    assert found == [(4, 10.5, 1234, wire.OK, 4_000), (5, 10.5, 0xFFFFFF, wire.WEAK, 4_000)]
    assert (board.counts.lines, board.last_line) == (1, 10.5)


def test_lost_lines_are_counted_and_nothing_else_is(board):
    packer = wire.Packer(2)
    lines = [line(packer, 4_000 * n) for n in range(10)]
    for n in (0, 1, 2, 5, 6, 9):
        board.take(lines[n], 10.0 + n * 0.004)
    assert board.counts.lost == 4  # 3, 4, 7, 8


def test_the_sequence_wraps_without_a_loss(board):
    packer = wire.Packer(2)
    packer._head[0] = 0xFFFF
    for n in range(3):
        board.take(line(packer, 4_000 * n), 10.0 + n * 0.004)
    assert (board.counts.lines, board.counts.lost) == (3, 0)


def test_a_line_that_comes_twice_or_too_late_is_no_loss(board):
    packer = wire.Packer(2)
    lines = [line(packer, 4_000 * n) for n in range(4)]
    for n in (0, 1, 1, 0, 1, 2, 3):
        board.take(lines[n], 10.0 + n * 0.004)
    assert board.counts.lost == 0


@pytest.mark.parametrize("body", [b"r", b"r00", b"rzz", b"r" + b"0" * 27, b"r" + b"0" * 29, b"r" + b"z" * 28, b"r" + b"0" * 36])
def test_a_reading_of_another_shape_is_refused(board, body):
    assert board.take(body, 10.0) is None
    assert (board.counts.refused, board.counts.lines) == (1, 0)


@pytest.mark.parametrize("letter", ["x", "k", "a", "s", "H", "R", " "])
def test_a_letter_that_no_board_says_is_refused(board, letter):
    taken(board, letter, "whatever")
    assert board.counts.refused == 1


# ---------------------------------------------------------------- news


def test_the_same_hello_again_is_no_news(board):
    taken(board, "h", hello_text("b1", SWITCHES))
    assert (board.fresh, board.counts.hellos) == (False, 2)


def test_a_new_boot_learns_the_clock_anew(board):
    packer = wire.Packer(2)
    board.take(line(packer, 900_000_000), 10.0)
    taken(board, "h", hello_text("b1", SWITCHES, boot="2"), 10.4)
    assert board.fresh
    fresh = wire.Packer(2)
    assert board.take(line(fresh, 5_000), 10.5)[0].time == 10.5
    assert board.take(line(fresh, 9_000), 10.504)[0].time == pytest.approx(10.504, abs=1e-9)
    assert board.counts.lost == 0


def test_a_hello_that_cannot_be_used_is_a_problem_until_a_good_one_comes(board):
    taken(board, "h", hello(wire=9))
    assert "Update this program" in board.problem
    taken(board, "h", hello_text("b1", SWITCHES))
    assert board.problem is None


def test_an_error_line_is_kept_as_sensor_and_text_and_at_most_sixteen(board):
    taken(board, "e", '{"sensor": "left", "text": "no answer\\u001b on i2c"}')
    assert board.said == [("left", "no answer on i2c")]
    for n in range(40):
        taken(board, "e", json.dumps({"sensor": n, "text": "x" * 400}))
    assert len(board.said) == 16
    assert board.said[-1] == ("39", "x" * 200)


@pytest.mark.parametrize("text", ["", "[", "[]", "3", "[" * 2000, '{"sensor":' * 800, '{"text":' + "[" * 990 + "]" * 990 + "}"])
def test_an_error_line_that_is_none_is_counted_and_harmless(board, text):
    taken(board, "e", text)
    assert board.counts.errors == 1
