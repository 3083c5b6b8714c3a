"""What people ask of a running session beside its music: a switch that steers, one control to teach, a test note, a moment again."""

from __future__ import annotations

import pytest

from reachnote.guard import MOMENT, TRIED
from reachnote.model import Kind
from reachnote.moment import Heard
from support.boards import SWITCH
from support.invented import Table

LEFT, RIGHT = {**SWITCH, "name": "left"}, {**SWITCH, "name": "right"}


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def board(table):
    return table.board(sensors=[LEFT, RIGHT])


def asked(table: Table, thing: dict) -> tuple[bool, str]:
    table.session.order({"id": 1, **thing}, table.now)
    said = [news for news in table.session.news if news["news"] == "order"][-1]
    table.drain()
    table.run(0.05)
    return said["ok"], said["text"]


def name_of(table: Table) -> str:
    return table.session.boards_and_chains()[0][0]


def status_of(table: Table, sensor: str) -> dict:
    return next(one for one in table.session.status()[0]["sensors"] if one["name"] == sensor)


def press(table: Table, board, sensor: int, down: bool = True) -> None:
    board.press(sensor, down)
    table.run(0.1)


def began(table: Table) -> int:
    return sum(event.kind == Kind.NOTE_ON for event in table.receiver.heard)


# ---------------------------------------------------------------- a switch that steers


def test_a_switch_that_asks_for_softer_makes_no_note(table, board):
    assert asked(table, {"order": "steer", "board": name_of(table), "sensor": "left", "action": "softer"})[0]
    before = began(table)
    press(table, board, 0)
    assert began(table) == before
    assert table.ledger.guard.steps == 1
    assert status_of(table, "left")["steers"] == "softer"
    assert status_of(table, "right")["steers"] == ""


def test_a_note_that_sounds_ends_when_its_switch_begins_to_steer(table, board):
    press(table, board, 0)
    assert table.receiver.sounding() != []
    asked(table, {"order": "steer", "board": name_of(table), "sensor": "left", "action": "stop"})
    assert table.receiver.sounding() == []


def test_a_freed_switch_plays_again(table, board):
    where = {"order": "steer", "board": name_of(table), "sensor": "left"}
    asked(table, {**where, "action": "stop"})
    assert asked(table, {**where, "action": ""}) == (True, f"{name_of(table)}, left plays again.")
    press(table, board, 0)
    assert table.receiver.sounding() != []


def test_stop_by_a_switch_ends_everything(table, board):
    asked(table, {"order": "steer", "board": name_of(table), "sensor": "left", "action": "stop"})
    press(table, board, 1)
    assert table.receiver.sounding() != []
    press(table, board, 0)
    assert table.receiver.sounding() == []
    assert table.ledger.guard.stopped


@pytest.mark.parametrize("more", [{"action": "dance"}, {"board": "", "action": "stop"}])
def test_what_no_switch_can_do_is_refused(table, board, more):
    ok, text = asked(table, {"order": "steer", "board": name_of(table), "sensor": "left", **more})
    assert not ok and text.endswith(".")
    press(table, board, 0)
    assert table.receiver.sounding() != []


def test_a_board_that_comes_later_finds_its_switch_steering(table):
    name = name_of_next(table)
    table.session.order({"order": "steer", "board": name, "sensor": "left", "action": "softer"}, table.now)
    board = table.board(sensors=[LEFT, RIGHT])
    assert name_of(table) == name
    press(table, board, 0)
    assert began(table) == 0


def name_of_next(table: Table) -> str:
    other = Table()
    other.board(sensors=[LEFT, RIGHT])
    return name_of(other)


def test_a_client_brings_their_switches_and_the_next_one_has_them_not(table, board):
    name = name_of(table)
    assert asked(table, {"order": "client", "music": {"steers": {f"{name}/left": "softer"}}})[0]
    assert status_of(table, "left")["steers"] == "softer"
    assert asked(table, {"order": "client", "music": {}})[0]
    assert status_of(table, "left")["steers"] == ""


def test_a_profile_with_a_strange_switch_is_said_and_nothing_changes(table, board):
    ok, text = asked(table, {"order": "client", "music": {"steers": {"left": "softer"}}})
    assert not ok and "by board and sensor" in text


def test_a_fresh_session_is_told_of_the_switch(table, board):
    where = {"board": name_of(table), "sensor": "left", "action": "softer"}
    asked(table, {"order": "steer", **where})
    assert {"order": "steer", **where} in table.session.present_orders()


# ---------------------------------------------------------------- teach


def test_while_one_control_is_taught_nothing_else_sounds(table, board):
    press(table, board, 0)
    asked(table, {"order": "teach", "channel": 2, "controller": 74})
    assert table.receiver.sounding() == []
    before = began(table)
    press(table, board, 0, False)
    press(table, board, 1)
    assert began(table) == before
    moved = [event.b for event in table.receiver.heard if event.kind == Kind.CONTROL and (event.channel, event.a) == (2, 74)]
    assert len(moved) >= 8 and max(moved) > 30


def test_without_another_asking_it_ends_and_playing_goes_on(table, board):
    asked(table, {"order": "teach", "channel": 2, "controller": 74})
    table.run(5.2)
    assert not table.session.beside.teaching.on
    press(table, board, 0)
    assert table.receiver.sounding() != []


@pytest.mark.parametrize("end", ["asked", "silence"])
def test_it_ends_when_asked_and_at_silence(table, board, end):
    asked(table, {"order": "teach", "channel": 2, "controller": 74})
    if end == "asked":
        assert asked(table, {"order": "teach"}) == (True, "Teaching is over; everybody plays again.")
    else:
        table.session.silence(table.now)
        table.drain()
    assert not table.session.beside.teaching.on


def test_a_switch_held_while_teaching_starts_nothing_when_it_ends(table, board):
    asked(table, {"order": "teach", "channel": 2, "controller": 74})
    press(table, board, 0)
    asked(table, {"order": "teach"})
    table.run(1.0)
    assert began(table) == 0


@pytest.mark.parametrize("place", [{"channel": 0, "controller": 1}, {"channel": 2, "controller": 120}, {"channel": 2, "controller": True}])
def test_a_control_that_is_none_is_refused(table, board, place):
    assert not asked(table, {"order": "teach", **place})[0]
    assert not table.session.beside.teaching.on


# ---------------------------------------------------------------- a test note, a moment again


def test_a_test_note_sounds_softly_and_ends(table, board):
    asked(table, {"order": "note"})
    assert table.receiver.sounding() == [(1, 60)]
    assert table.receiver.loudest <= 64
    table.run(1.0)
    assert table.receiver.sounding() == []


def test_a_moment_sounds_again_and_is_ended_by_whoever_plays(table, board):
    notes = [[0.0, 2, 60, 70, 0.2, 0xFFFF], [0.5, 2, 64, 70, 2.0, 0xFFFF]]
    assert asked(table, {"order": "moment", "notes": notes}) == (True, "2 notes sound again.")
    table.run(0.7)
    assert table.receiver.sounding() == [(2, 64)]
    press(table, board, 1)
    assert (2, 64) not in table.receiver.sounding()
    assert not table.session.beside.repeats


def test_silence_ends_a_moment(table, board):
    asked(table, {"order": "moment", "notes": [[0.0, 2, 60, 70, 0.2, 0xFFFF], [0.5, 2, 64, 70, 2.0, 0xFFFF]]})
    table.session.silence(table.now)
    table.run(2.0)
    assert table.receiver.sounding() == [] and began(table) == 1


def test_what_a_session_played_can_sound_again(table, board):
    kept = Heard()
    for sensor in (0, 1):
        board.press(sensor)
        table.run(0.1)
        board.press(sensor, False)
        table.run(0.1)
    kept.take(table.sent)
    first = began(table)
    asked(table, {"order": "moment", "notes": kept.notes(table.now)})
    table.run(2.0)
    assert began(table) == 2 * first and first == 2
    assert {event.source for event in table.sent if event.kind == Kind.NOTE_ON} == {0, 1, MOMENT} - {TRIED}


# ---------------------------------------------------------------- a pause


def test_in_a_pause_nothing_that_anybody_plays_sounds(table, board):
    press(table, board, 0)
    assert asked(table, {"order": "pause", "on": True})[0]
    assert table.receiver.sounding() == []
    before = began(table)
    press(table, board, 0, False)
    press(table, board, 1)
    assert began(table) == before
    assert {"order": "pause", "on": True} in table.session.present_orders()


def test_after_a_pause_what_is_held_begins_only_after_a_rest(table, board):
    asked(table, {"order": "pause", "on": True})
    press(table, board, 1)
    asked(table, {"order": "pause", "on": False})
    table.run(1.0)
    assert began(table) == 0
    press(table, board, 1, False)
    press(table, board, 1)
    assert began(table) == 1


def test_a_pedal_begins_a_pause_and_ends_it(table, board):
    for paused in (True, False):
        asked(table, {"order": "pedal", "action": "pause"})
        assert table.session.beside.paused is paused
    assert [news["on"] for news in table.news if news["news"] == "pause"] == [True, False]


def test_silence_leaves_a_pause_as_it_is(table, board):
    asked(table, {"order": "pause", "on": True})
    table.session.silence(table.now)
    table.drain()
    assert table.session.beside.paused
