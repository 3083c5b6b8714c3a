"""The therapist's keyboard in a session: the client's next notes fit it, and what sounds goes on. Invented time."""

from __future__ import annotations

from binascii import hexlify

from reachnote.model import Kind
from support.boards import SWITCH
from support.invented import Table

SCENE = """
format = 1
name = "Chords"
[[voice]]
for = ["switch"]
source = "chord"
octave = 4
notes = 3
"""
KEYBOARD = 77


def table_with_keyboard(scene=SCENE):
    table = Table(scene=scene)
    table.session.opened(KEYBOARD, "therapist:Keys", table.now)
    return table, table.board("b1", [SWITCH])


def keyboard(table, *messages):
    for message in messages:
        table.session.bodies_in(KEYBOARD, [b"m" + hexlify(bytes(message))], table.now)


def chord(table, *keys):
    keyboard(table, *[(0x90, key, 80) for key in keys])
    table.run(0.1)
    keyboard(table, *[(0x80, key, 0) for key in keys])


def presses(table, board, count=3):
    before = len(table.notes())
    for _ in range(count):
        board.tap()
        table.run(0.2)
    return [note[2] % 12 for note in table.notes()[before:] if note[0] == "on"]


def test_the_clients_notes_are_the_chords_within_100_ms():
    table, board = table_with_keyboard()
    chord(table, 57, 60, 64)  # Am
    assert set(presses(table, board)) == {9, 0, 4}
    chord(table, 53, 57, 60)  # F
    assert set(presses(table, board)) == {5, 9, 0}


def test_a_held_note_is_not_cut_by_a_change():
    table, board = table_with_keyboard()
    chord(table, 60, 64, 67)
    board.press()
    table.run(0.1)
    held = table.sounding()
    chord(table, 62, 65, 69)
    assert table.sounding() == held and len(held) == 1


def test_a_keyboard_is_no_board_that_does_not_answer():
    table, _ = table_with_keyboard()
    table.run(6.0)
    assert table.told("problem") == []


def test_what_is_no_midi_message_is_counted_and_changes_nothing():
    table, _ = table_with_keyboard()
    table.session.bodies_in(KEYBOARD, [b"mzz", b"m", b"m7f", b"m9040"], table.now)
    assert table.session._conversations[KEYBOARD].board.counts.refused == 3


def test_thru_passes_the_keyboard_on_only_where_the_scene_says_so():
    for scene, passes in ((SCENE, 0), ("thru = true\n" + SCENE, 1)):
        table, _ = table_with_keyboard(scene)
        keyboard(table, (0x90, 60, 80))
        table.tick()
        assert sum(e.kind == Kind.NOTE_ON for e in table.receiver.heard) == passes
