"""What waits: bounded, notes first, endings never lost, old notes never started."""

from reachnote.outputs._backlog import Backlog

ON, OFF = b"\x90\x3c\x40", b"\x80\x3c\x40"


def everything(backlog, now=0.0):
    out = []
    while (message := backlog.take(now)) is not None:
        out.append(message)
    return out


def filled(*messages, limit=1024):
    backlog = Backlog(limit)
    for message in messages:
        backlog.put(message, 0.0)
    return backlog


def test_notes_keep_their_order_and_overtake_controls():
    backlog = filled(b"\xb0\x07\x10", ON, b"\xe0\x00\x40", OFF)
    assert everything(backlog) == [ON, OFF, b"\xb0\x07\x10", b"\xe0\x00\x40"]
    assert backlog.dropped == 0


def test_of_a_control_a_bend_and_pressure_only_the_latest_waits():
    backlog = filled(
        b"\xb0\x07\x01", b"\xb1\x07\x02", b"\xb0\x07\x03", b"\xe0\x01\x40", b"\xe0\x02\x40", b"\xd0\x05", b"\xd0\x06"
    )
    assert everything(backlog) == [b"\xb0\x07\x03", b"\xb1\x07\x02", b"\xe0\x02\x40", b"\xd0\x06"]


def test_bank_program_and_parameter_numbers_keep_their_order_with_notes():
    messages = [
        b"\xb0\x00\x01",
        b"\xb0\x20\x02",
        b"\xc0\x05",
        ON,
        b"\xb0\x65\x00",
        b"\xb0\x64\x00",
        b"\xb0\x06\x0c",
        b"\xb0\x65\x7f",
    ]
    assert everything(filled(*messages)) == messages


def test_over_the_limit_note_ons_are_dropped_and_counted_but_note_offs_never():
    on_61, off_61 = b"\x90\x3d\x40", b"\x80\x3d\x40"
    backlog = filled(ON, ON, on_61, off_61, OFF, limit=2)
    assert backlog.dropped == 3  # on_61, and the two waiting notes that OFF made pointless
    assert everything(backlog) == [off_61, OFF]


def test_endings_over_the_limit_are_merged_so_that_memory_is_bounded():
    backlog = Backlog(limit=4)
    for turn in range(2048):
        backlog.put(bytes((0x80 | turn % 16, turn // 16, 64)), 0.0)
        backlog.put(bytes((0x80 | turn % 16, 60, 64)), 0.0)
        backlog.put(bytes((0xB0 | turn % 16, 123, 0)), 0.0)
    assert len(backlog) <= 16 * 128 + 16 + 4
    assert len(set(everything(backlog))) == 16 * 128 + 16


def test_a_velocity_zero_note_on_is_an_ending():
    backlog = filled(ON, b"\x90\x3d\x00", limit=1)
    assert everything(backlog) == [ON, b"\x90\x3d\x00"]


def test_a_note_that_waited_longer_than_250_ms_does_not_start_but_its_end_leaves():
    backlog = filled(ON, OFF)
    assert everything(backlog, now=0.251) == [OFF]
    assert backlog.dropped == 1


def test_a_note_that_waited_250_ms_starts():
    assert everything(filled(ON), now=0.25) == [ON]
