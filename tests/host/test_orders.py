"""What people set while a session runs: heard at once, kept, replayed, never a hanging or a false note."""

from __future__ import annotations

import pytest

from reachnote import journal
from reachnote.calibration.adapt import LOWEST
from reachnote.journal import Line, Opened, Ordered
from reachnote.preview import sounded
from reachnote.scene import read_scene
from reachnote_play import REACH
from support.boards import DISTANCE, PRESSURE, SWITCH, hello_text
from support.invented import SCENE, InventedBoard, Table
from support.replays import notes, replayed

import reachnote_wire as wire  # isort: skip

SMALL = {"order": "tune", "board": "board b1", "sensor": "s0", "rest": 100.0, "span": 60.0, "rate_hz": 250.0, "parameters": {}}


@pytest.fixture
def table() -> Table:
    return Table()


def pressure(table: Table) -> InventedBoard:
    board = table.board(sensors=[PRESSURE])
    board.move(0, 100)
    table.run(2.0)
    return board


def order(table: Table, **thing: object) -> dict:
    table.session.order({"id": 7, **thing}, table.now)
    table.drain()
    return table.news[-1]


def squeeze(table: Table, board: InventedBoard, raw: int) -> int:
    """Notes that a squeeze to `raw` and back plays."""
    before = len([n for n in table.notes() if n[0] == "on"])
    board.move(0, raw)
    table.run(0.3)
    board.move(0, 100)
    table.run(0.7)
    return len([n for n in table.notes() if n[0] == "on"]) - before


def test_a_small_movement_sounds_once_the_sensor_is_calibrated_to_it(table):
    board = pressure(table)
    assert squeeze(table, board, 150) == 0
    assert order(table, **SMALL)["text"] == "board b1, s0 plays with its calibration."
    table.run(0.2)
    assert squeeze(table, board, 150) == 1
    assert table.session.status()[0]["sensors"][0]["calibrated"] is True


def test_a_new_calibration_ends_what_sounds_and_starts_nothing_by_itself(table):
    board = pressure(table)
    board.move(0, 900)
    table.run(0.2)
    assert len(table.sounding()) == 1
    order(table, **SMALL)
    table.run(0.05)
    assert table.sounding() == []
    assert len(table.notes()) == 2


def test_a_calibration_is_kept_for_a_board_that_comes_later_and_for_one_that_returns(table):
    table.session.order(SMALL, table.now)
    board = table.board(sensors=[PRESSURE])
    board.move(0, 100)
    table.run(1.0)
    assert squeeze(table, board, 150) == 1
    board.unplug()
    board.plug()
    table.run(1.0)
    assert squeeze(table, board, 150) == 1


def test_easier_and_harder_scale_the_reach_within_its_bounds(table):
    pressure(table)
    order(table, **SMALL)
    said = [order(table, order="easier")["text"] for _ in range(5)]
    assert said[0] == "board b1, s0: full sound at 80% of the calibrated reach."
    assert said[-1] == "board b1, s0: full sound at 45% of the calibrated reach. It cannot be easier still."
    decider = table.session.chains[0].decider
    assert decider.get("reach") == int(LOWEST * REACH)
    for _ in range(9):
        order(table, order="harder")
    assert decider.get("reach") == 2 * REACH


@pytest.mark.parametrize("what", ["easier", "harder", "more-sensitive", "less-sensitive", "freeze"])
def test_what_is_changed_while_a_note_sounds_neither_ends_nor_doubles_it(table, what):
    board = pressure(table)
    order(table, **SMALL)
    board.move(0, 100)
    table.run(0.3)
    board.move(0, 160)
    table.run(0.2)
    before = table.notes()
    order(table, order=what)
    table.run(0.3)
    assert table.notes() == before
    assert len(table.sounding()) == 1
    board.move(0, 100)
    table.run(0.5)
    assert table.sounding() == []


def test_a_change_is_heard_within_a_tenth_of_a_second(table):
    board = pressure(table)
    order(table, **SMALL)
    order(table, order="set", board="board b1", sensor="s0", name="onset", value=7000)
    table.run(0.3)
    board.move(0, 140)  # two thirds of the reach
    table.run(0.3)
    assert table.sounding() == []
    order(table, order="set", board="board b1", sensor="s0", name="onset", value=2000)
    table.run(0.1)
    assert len(table.sounding()) == 1


def test_the_reach_follows_a_tired_client_down_and_never_above_the_calibration(table):
    board = pressure(table)
    order(table, **SMALL)
    for raw in (160, 160, 160, *[135] * 20):
        squeeze(table, board, raw)
    chain = table.session.chains[0]
    assert 0.5 * REACH < chain.adaptation.reach < 0.75 * REACH
    for _ in range(60):
        squeeze(table, board, 200)
    assert chain.adaptation.reach == REACH


def test_frozen_the_reach_stays(table):
    board = pressure(table)
    order(table, **SMALL)
    assert order(table, order="freeze", on=True)["text"] == "board b1, s0: the reach stays as it is."
    for _ in range(12):
        squeeze(table, board, 130)
    assert table.session.chains[0].adaptation.reach == REACH


def test_the_therapist_is_told_once_of_a_very_long_hold_and_nothing_is_cut(table):
    board = pressure(table)
    order(table, **SMALL)
    table.run(0.3)
    board.move(0, 160)
    table.run(120.0)
    assert len(table.sounding()) == 1
    assert [text.partition(".")[0] for text in table.told("long")] == ["board b1, s0 has sounded for 45 seconds"]


def test_the_therapist_is_told_when_the_rest_has_moved(table):
    board = pressure(table)
    order(table, **SMALL)
    for raw in range(100, 160):
        board.move(0, raw)
        table.run(0.5)
    assert len(table.told("moved")) == 1


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        ({"order": "dance"}, "There is no order 'dance'; known are tune, plain, easier"),
        ({"order": "easier", "board": "Nobody", "sensor": "s0"}, "There is no sensor 'Nobody/s0' now."),
        ({"order": "set", "board": "board b1", "sensor": "s0", "name": "onsett", "value": 1}, "'onsett' cannot be set to 1 here."),
        ({"order": "set", "board": "board b1", "sensor": "s0", "name": "reach", "value": 1}, "'reach' is not set by hand"),
        ({**SMALL, "span": 0}, "This calibration has no reach"),
        ({**SMALL, "rest": "x"}, "This calibration cannot be read"),
        ({**SMALL, "parameters": {"onset": None}}, "This calibration cannot be read"),
        ({**SMALL, "span": float("nan")}, "This calibration has no reach"),
    ],
)
def test_an_order_that_cannot_be_is_a_sentence_and_changes_nothing(table, thing, text):
    board = pressure(table)
    said = order(table, **thing)
    assert (said["ok"], said["text"][: len(text)]) == (False, text)
    assert squeeze(table, board, 900) == 1


def entries() -> list[journal.Entry]:
    """Twelve seconds of one sensor: small movements, an order in the middle."""
    packer = wire.Packer(2)
    hello = wire.frame(wire.HELLO, hello_text("b1", [PRESSURE, SWITCH]))[:-1]
    found: list[journal.Entry] = [Opened(5.0, 0, "/dev/ttyACM0", False), Line(5.01, 0, hello)]
    for n in range(1, 3_000):
        at = 5.02 + n * 0.004
        packer.value[0] = 150 if n > 250 and n % 250 > 150 else 100
        packer.pack(n * 4_000 + 77)
        if n == 1_501:
            found.append(Ordered(at, SMALL))
        found.append(Line(at, 0, bytes(packer.buffer[:-1])))
    return found


def test_an_order_in_a_journal_is_replayed():
    text = "".join(journal.write(entry) for entry in entries())
    again = list(journal.read([journal.header({}), *text.splitlines(keepends=True)], "a")[1])
    assert [entry.thing for entry in again if isinstance(entry, Ordered)] == [SMALL]
    played = notes([event for event, _ in replayed(again)[0]])
    assert [word for word, *_ in played].count(1) == 6  # only after the order


def test_the_present_orders_bring_a_fresh_session_to_the_same_place():
    table = Table()
    pressure(table)
    order(table, **SMALL)
    order(table, order="easier")
    order(table, order="more-sensitive")
    order(table, order="freeze", on=True)
    found = table.session.present_orders()
    other = Table()
    for thing in found:
        other.session.order(thing, other.now)
    pressure(other)
    for thing in found:
        other.session.order(thing, other.now)
    assert other.session.present_orders() == found
    assert other.session.chains[0].decider.get("onset") == table.session.chains[0].decider.get("onset")


# ---------------------------------------------------------------- preview


def scene():
    return read_scene(SCENE, "test.toml")


def test_a_preview_shows_what_would_have_sounded_beside_what_did():
    before = [entry for entry in entries() if not isinstance(entry, Ordered)]
    as_set, seconds = sounded(before, scene())
    as_tried, _ = sounded(before, scene(), (), [SMALL])
    assert seconds == pytest.approx(12.0, abs=0.1)
    assert (as_set["board b1/s0"].notes, as_tried["board b1/s0"].notes) == (0, 11)
    start, end = as_tried["board b1/s0"].gestures[0]
    assert (start, end) == (pytest.approx(1.62, abs=0.02), pytest.approx(2.02, abs=0.03))


def test_a_preview_starts_from_the_orders_in_force_and_from_those_of_the_recording():
    assert sounded(entries(), scene())[0]["board b1/s0"].notes == 6
    assert sounded(entries(), scene(), [SMALL])[0]["board b1/s0"].notes == 11
    assert sounded(entries(), scene(), [], [{"order": "plain"}])[0]["board b1/s0"].notes == 0


def test_a_preview_of_every_order_ends_every_gesture():
    table = Table()
    table.board(sensors=[DISTANCE])
    for thing in ("easier", "harder", "more-sensitive", "less-sensitive", "plain"):
        for name, played in sounded(entries(), scene(), [SMALL], [{"order": thing}])[0].items():
            assert all(0.0 <= a <= b <= 12.1 for a, b in played.gestures), name


# ---------------------------------------------------------------- blocks with and without sound


def test_two_blocks_end_in_two_durations_and_no_conclusion(table):
    board = pressure(table)
    assert table.session.comparison.kind == ""
    order(table, order="block", kind="with sound")
    table.run(0.3)
    squeeze(table, board, 900)
    squeeze(table, board, 900)
    order(table, order="block", kind="without sound")
    table.run(0.3)
    assert squeeze(table, board, 900) == 0
    said = order(table, order="block", kind="end")["text"]
    assert said == "With sound: 2 movements in 1 block, the middle one held 0.3 s. Without sound: 1 movement in 1 block, the middle one held 0.3 s."
    assert squeeze(table, board, 900) == 1


@pytest.mark.parametrize("kind", ["with sound", "without sound", "end"])
def test_the_edges_of_a_block_leave_no_note_and_start_none(table, kind):
    board = pressure(table)
    board.move(0, 900)
    table.run(0.2)
    order(table, order="block", kind=kind)
    table.run(0.2)
    assert table.sounding() == []
    assert len(table.notes()) == 2
