"""From the bytes of boards to events: what starts, what ends, and what never starts."""

from __future__ import annotations

import pytest

import reachnote_wire as wire
from reachnote.model import Kind
from support.boards import DISTANCE, PRESSURE, SWITCH
from support.invented import InventedBoard, Table


@pytest.fixture
def table() -> Table:
    return Table()


# ---------------------------------------------------------------- a press is a note


def test_a_press_is_one_note_and_letting_go_ends_it(table):
    board = table.board()
    board.press()
    table.run(0.1)
    board.press(pressed=False)
    table.run(0.1)
    assert table.notes() == [("on", 2, 72, 40), ("off", 2, 72, 64)]


def test_each_press_plays_the_next_note_of_the_scale(table):
    board = table.board()
    for _ in range(6):
        board.tap()
        table.run(0.2)
    assert [key for word, _, key, _ in table.notes() if word == "on"] == [72, 74, 76, 79, 81, 72]


def test_only_the_first_note_is_soft(table):
    board = table.board()
    for _ in range(3):
        board.tap()
        table.run(0.2)
    assert [velocity for word, _, _, velocity in table.notes() if word == "on"] == [40, 70, 70]


def test_a_note_is_timed_by_the_board_and_not_by_the_cable(table):
    board = table.board()
    board.press(send=False)
    at = table.now
    line = board.line()
    table.asleep(0.03)
    board.send(line)
    assert table.receiver.heard[-1].time == pytest.approx(at, abs=1e-3)


def test_every_sensor_has_a_channel_of_its_own(table):
    board = table.board(sensors=[SWITCH, SWITCH, PRESSURE])
    for sensor in (0, 1):
        board.press(sensor)
    board.move(2, 800)
    table.run(0.02)
    assert table.sounding() == [(2, 72), (3, 76), (4, 69)]


def test_a_press_between_two_lines_is_not_lost(table):
    board = table.board()
    board.press(send=False)
    table.asleep(0.001)
    board.press(pressed=False, send=False)
    table.run(0.02)
    assert table.notes() == [("on", 2, 72, 40), ("off", 2, 72, 64)]


def test_a_press_whose_line_was_lost_sounds_with_the_next_line(table):
    board = table.board()
    board.press(send=False)
    board.line()  # packed, and never arrives
    table.run(0.02)
    assert table.sounding() == [(2, 72)]
    assert table.session.status()[0]["lost"] == 1


def test_a_release_whose_line_was_lost_ends_the_note_with_the_next_line(table):
    board = table.board()
    board.press()
    board.press(pressed=False, send=False)
    board.line()
    table.run(0.004)
    assert table.sounding() == []


def test_256_edges_that_nobody_saw_still_leave_the_right_state(table):
    board = table.board()
    board.press()
    board.edges[0] += 255
    board.press(pressed=False, send=False)
    table.run(0.01)
    assert table.sounding() == []


def test_a_reach_plays_the_notes_along_it_one_at_a_time(table):
    board = table.board(sensors=[DISTANCE])
    board.move(0, 500)
    table.run(0.1)
    for raw in range(500, 40, -10):
        board.move(0, raw)
        table.run(0.08)
        assert len(table.sounding()) <= 1
    keys = [key for word, _, key, _ in table.notes() if word == "on"]
    assert keys == sorted(keys)
    assert keys[-1] == 76  # the eighth note of C pentatonic above 60
    board.move(0, 500)
    table.run(0.1)
    assert table.sounding() == []


def test_an_impact_is_one_note_that_ends_itself(table):
    board = table.board(sensors=[{"kind": "impact"}])
    board.move(0, wire.impact_value(1, 3000, 2000))
    table.run(0.05)
    assert [word for word, *_ in table.notes()] == ["on"]
    table.run(0.1)
    assert [word for word, *_ in table.notes()] == ["on", "off"]


# ---------------------------------------------------------------- nothing starts by itself


@pytest.mark.parametrize("sensor", [SWITCH, PRESSURE], ids=["switch", "pressure"])
def test_what_is_held_at_the_start_is_silent_until_it_rested(table, sensor):
    board = InventedBoard(table, "b1", [sensor])
    hold(board, True)
    board.plug()
    table.run(1.0)
    assert table.notes() == []
    hold(board, False)
    table.run(0.1)
    hold(board, True)
    table.run(0.1)
    assert [word for word, *_ in table.notes()] == ["on"]


@pytest.mark.parametrize("sensor", [SWITCH, PRESSURE], ids=["switch", "pressure"])
@pytest.mark.parametrize("end", ["silence", "release_all", "quiet", "sleep", "replug", "reset"])
def test_what_is_held_when_everything_ended_is_silent_until_it_rested(table, sensor, end):
    board = table.board(sensors=[sensor])
    hold(board, True)
    table.run(0.05)
    assert len(table.sounding()) == 1
    finish(table, board, end)
    table.run(1.0)
    assert (table.sounding(), len(table.notes())) == ([], 2)
    hold(board, False)
    table.run(0.1)
    hold(board, True)
    table.run(0.1)
    assert len(table.sounding()) == 1


@pytest.mark.parametrize("sensor", [SWITCH, PRESSURE, {"kind": "impact"}], ids=["switch", "pressure", "impact"])
@pytest.mark.parametrize("end", ["silence", "release_all", "quiet", "sleep", "replug", "reset"])
def test_the_first_press_after_everything_ended_sounds_if_the_sensor_was_at_rest(table, sensor, end):
    board = table.board(sensors=[sensor])
    finish(table, board, end)
    table.run(1.5)
    if sensor["kind"] == "impact":
        board.move(0, wire.impact_value(1, 3000, 2000))
    else:
        hold(board, True)
    table.run(0.05)
    assert [word for word, *_ in table.notes()][:1] == ["on"]


def hold(board: InventedBoard, held: bool) -> None:
    if board.sensors[0]["kind"] == "switch":
        board.press(pressed=held, send=board.link >= 0)
    else:
        board.move(0, 800 if held else 0)


def finish(table: Table, board: InventedBoard, how: str) -> None:
    if how == "silence":
        table.session.silence(table.now)
    elif how == "release_all":
        table.session.release_all(table.now)
    elif how == "quiet":
        board.streams = False
        table.run(0.3)
        board.streams = True
    elif how == "sleep":
        table.asleep(5.0)
    elif how == "replug":
        board.unplug()
        table.run(0.3)
        board.plug()
    elif how == "reset":
        pressed, values = board.pressed[0], list(board.packer.value)
        board.streams = False
        table.run(0.3)
        board.reset()
        board.pressed[0], board.packer.value[0] = pressed, values[0]
        board.streams = True
    table.drain()


def test_a_backlog_never_starts_notes(table):
    board = table.board()
    lines = []
    for n in range(20):  # 2 s of tapping that the computer reads 200 ms late at best
        board.press(pressed=n % 2 == 0, send=False)
        for _ in range(25):
            table.asleep(0.004)
            lines.append(board.line())
    table.asleep(0.2)
    for line in lines:
        board.send(line)
    table.tick()
    table.run(0.2)
    assert table.notes() == []


def test_a_backlog_ends_the_note_that_it_says_was_let_go(table):
    board = table.board()
    board.press()
    board.press(pressed=False, send=False)
    late = board.line()
    table.asleep(0.2)
    board.send(late)
    assert table.sounding() == []


def test_an_older_press_never_starts_a_note_and_then_needs_rest(table):
    board = table.board()
    board.press(send=False)
    table.asleep(0.15)
    board.send(board.line())
    table.run(0.3)
    assert table.notes() == []
    board.press(pressed=False)
    board.press()
    assert len(table.sounding()) == 1


def test_a_stop_of_ten_seconds_releases_everything_and_starts_nothing(table):
    board = table.board(sensors=[SWITCH, PRESSURE])
    board.press(0)
    board.move(1, 800)
    table.run(0.1)
    assert len(table.sounding()) == 2
    backlog = []
    for n in range(250):  # what the port kept
        table.asleep(0.004)
        board.press(0, n % 2 == 1, send=False)
        board.move(1, 800 if n % 20 < 10 else 0)
        backlog.append(board.line())
    table.asleep(9.0)
    for line in backlog:
        board.send(line)
    table.tick()
    assert table.sounding() == []
    ons = len([n for n in table.notes() if n[0] == "on"])
    table.run(1.0)
    assert len([n for n in table.notes() if n[0] == "on"]) == ons == 2


# ---------------------------------------------------------------- hostile bytes


def test_damaged_lines_and_noise_change_nothing(table):
    board = table.board()
    board.press()
    good = board.line()
    for n in range(1, len(good) - 1):
        board.send(good[:n] + bytes([good[n] ^ 1]) + good[n + 1 :])
    board.send(b"Traceback (most recent call last):\n" + bytes(range(256)) + b"\n")
    assert table.sounding() == [(2, 72)]


def test_silence_is_an_order_of_its_own(table):
    table.session.silence(table.now)
    table.session.silence(table.now, twice=True)
    table.drain()
    assert [(o.kind, o.b) for o in table.orders] == [
        (Kind.RELEASE_ALL, 0), (Kind.SILENCE, 1), (Kind.RELEASE_ALL, 0), (Kind.SILENCE, 2),
    ]  # fmt: skip


def test_whoever_is_held_at_the_start_is_told_once_how_to_play(table):
    board = InventedBoard(table, "b1", [DISTANCE])
    board.move(0, 60)
    board.plug()
    table.run(1.5)
    assert table.told("waits") == []
    table.run(3.0)
    assert [text.endswith("take the hand away once, then it plays.") for text in table.told("waits")] == [True]
    board.move(0, 500)
    table.run(1.0)
    board.move(0, 300)
    table.run(0.1)
    assert len(table.sounding()) == 1


def test_a_scene_that_names_a_sensor_nobody_has_says_so_once_with_the_nearest_name():
    table = Table(scene='[[voice]]\nsensor = "board b1/s1"\n[[voice]]\nfor = "all"\n')
    table.board()
    table.run(3.0)
    assert table.told("problem") == []
    table.run(6.0)
    assert table.told("problem") == [
        "The scene names the sensor 'board b1/s1', but no board has it, so that voice stays silent. Did you mean 'board b1/s0'?"
    ]
