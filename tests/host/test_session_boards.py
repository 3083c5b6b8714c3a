"""Boards that go quiet, are pulled, come back or are in trouble: what ends, and what people are told."""

from __future__ import annotations

import pytest

import reachnote_wire as wire
from support.boards import DISTANCE, PRESSURE, SWITCH
from support.invented import InventedBoard, Table


@pytest.fixture
def table() -> Table:
    return Table()


# ---------------------------------------------------------------- boards that stop


def test_a_quiet_board_releases_only_its_own_notes_after_70_ms(table):
    one, two = table.board("b1"), table.board("b2")
    one.press()
    two.press()
    one.streams = False
    table.run(0.068)
    assert len(table.sounding()) == 2
    table.run(0.022)
    assert table.sounding() == [(3, 76)]
    table.run(2.0)
    assert table.sounding() == [(3, 76)]
    assert table.told("quiet") == ["board b1 stopped sending. Its sound is stopped. If it does not come back, push the plug in."]


def test_a_network_board_may_be_quiet_for_longer(table):
    board = InventedBoard(table, "b1", [SWITCH]).plug(network=True)
    table.run(0.5)
    board.press()
    board.streams = False
    table.run(0.44)
    assert len(table.sounding()) == 1
    table.run(0.03)
    assert table.sounding() == []


def test_no_board_is_quiet_because_we_slept(table):
    board = table.board()
    board.press()
    table.asleep(0.3)  # our own stop, shorter than what the outlet takes for death
    table.tick()
    table.run(0.2)
    assert table.sounding() == [(2, 72)]
    assert table.told("quiet") == []


def test_unplugging_ends_the_notes_of_that_board_alone(table):
    one, two = table.board("b1"), table.board("b2")
    one.press()
    two.press()
    one.unplug()
    assert table.sounding() == [(3, 76)]
    assert table.told("gone") == ["board b1 is unplugged. Its sound is stopped. Plug it in again to go on."]


def test_a_replugged_board_returns_to_its_seat_and_channel(table):
    one = table.board("b1")
    table.board("b2")
    one.unplug()
    table.run(1.0)
    one.name = "another port"
    one.plug()
    table.run(0.5)
    one.tap()
    assert table.notes()[0][:3] == ("on", 2, 72)
    assert [(b["uid"], b["sensors"][0]["channel"]) for b in table.session.status()] == [("b1", 2), ("b2", 3)]
    assert len(table.session.chains) == 2


def test_a_reset_board_is_released_learned_again_and_told_once(table):
    board = table.board()
    board.press()
    told = len(table.told("ready"))
    board.streams = False
    table.run(0.3)
    assert table.sounding() == []
    board.reset()
    board.streams = True
    table.run(1.0)
    assert len(table.told("ready")) == told + 1
    board.tap()
    assert [word for word, *_ in table.notes()] == ["on", "off", "on", "off"]


def test_two_boards_that_give_the_same_identity_are_told_once_and_the_first_plays_on(table):
    first = table.board("same")
    second = InventedBoard(table, "same", [SWITCH]).plug()
    table.run(5.0)
    assert table.told("problem") == ["board same is already connected another way; the second connection is ignored."]
    second.press()
    assert table.notes() == []
    first.press()
    assert table.sounding() == [(2, 72)]
    first.unplug()
    table.run(1.5)
    second.press(pressed=False)
    second.tap()
    assert len([n for n in table.notes() if n[0] == "on"]) == 2


def test_another_board_on_the_same_link_ends_what_the_first_one_held(table):
    board = table.board("b1")
    board.press()
    board.uid, board.boot = "b2", "7"
    board.hello()
    assert table.sounding() == []
    assert [b["state"] for b in table.session.status()] == ["unplugged", "quiet"]


def test_a_board_with_other_sensors_than_before_gets_a_seat_of_its_own(table):
    board = table.board("b1")
    board.press()
    board.unplug()
    InventedBoard(table, "b1", [SWITCH, SWITCH]).plug()
    table.run(0.5)
    assert table.sounding() == []
    assert len(table.session.status()[0]["sensors"]) == 2


def test_a_link_that_never_answers_is_told_once(table):
    silent = InventedBoard(table, "b1", [SWITCH])
    silent.streams = False
    silent.plug()
    table.run(8.0)
    assert len(table.told("problem")) == 1
    assert "reachnote flash" in table.told("problem")[0]


# ---------------------------------------------------------------- sensors in trouble


@pytest.mark.parametrize("status", [s for s in range(1, 11) if s not in (wire.WEAK, wire.SATURATED, wire.CLOSED_CONTACT)])
def test_a_sensor_that_cannot_be_trusted_lets_go(table, status):
    board = table.board(sensors=[PRESSURE])
    board.move(0, 800)
    table.run(0.05)
    board.move(0, 800, status)
    table.run(0.3)
    assert table.sounding() == []
    board.move(0, 800, wire.OK)
    table.run(0.3)
    assert len([n for n in table.notes() if n[0] == "on"]) == (2 if status == wire.NO_TARGET else 1)


def test_a_held_switch_that_is_plugged_in_again_is_silent_until_it_rested(table):
    board = table.board()
    board.packer.status[0] = wire.ABSENT
    table.run(0.2)
    board.press()
    board.packer.status[0] = wire.OK
    table.run(0.3)
    assert table.notes() == []


@pytest.mark.parametrize("sensor", [SWITCH, PRESSURE, DISTANCE], ids=["switch", "pressure", "distance"])
@pytest.mark.parametrize("status", [wire.SATURATED, wire.STUCK, wire.ABSENT, wire.SHORTED, wire.NOISY, wire.FAULT])
def test_trouble_is_told_in_words_within_two_seconds_and_once(table, sensor, status):
    board = table.board(sensors=[sensor])
    board.move(0, 100, status)
    table.run(2.0)
    told = table.told("sensor")
    assert len(told) == 1
    assert told[0].startswith("board b1, s0 ")
    table.run(5.0)
    assert len(table.told("sensor")) == 1
    board.move(0, 100, wire.OK)
    table.run(2.0)
    assert table.told("sensor")[1:] == ["board b1, s0 is fine."]


def test_what_a_board_says_went_wrong_is_passed_on(table):
    table.board().send(wire.frame(wire.ERROR, '{"sensor": "left", "text": "no answer on i2c"}'))
    assert table.told("board-error") == ["board b1, left: no answer on i2c"]


# ---------------------------------------------------------------- the board's own button


def asks(table, board, number):
    table.session.bytes_in(board.link, wire.frame(wire.SILENCE, f'{{"asked": {number}}}'), table.now)
    table.tick()


def test_a_boards_own_button_silences_everything_and_says_so(table):
    one, two = table.board("b1"), table.board("b2")
    one.press()
    two.press()
    asks(table, one, 1)
    assert table.sounding() == []
    assert table.told("silence") == ["Silence: the button of board b1 was held."]


def test_a_silence_that_is_said_three_times_is_one(table):
    one, two = table.board("b1"), table.board("b2")
    asks(table, one, 1)
    table.run(0.1)
    two.press()
    asks(table, one, 1)
    asks(table, one, 1)
    assert len(table.sounding()) == 1
    asks(table, one, 2)
    assert table.sounding() == []
    assert len(table.told("silence")) == 2


@pytest.mark.parametrize("text", ["", "7", "[1]", '{"asked": "1"}', '{"asked": true}', '{"asked": 1'])
def test_a_silence_without_a_number_is_counted_and_changes_nothing(table, text):
    board = table.board()
    board.press()
    table.session.bytes_in(board.link, wire.frame(wire.SILENCE, text), table.now)
    table.tick()
    assert len(table.sounding()) == 1
    assert table.session._conversations[board.link].board.counts.refused == 1
