"""What `page:` sends to the desk, and how the desk passes it on: over real sockets, with a clock of the test's own."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest

from reachnote.desk.sound import WAITING, Listener, Sound, take_seat
from reachnote.model import Event, Kind, Transport, note_off, note_on
from reachnote.outputs import OutputProblem, open_output
from reachnote.outputs.page import Channels, PageOutput, messages

AT_12_345 = b"\x00\x00\x30\x39"


def event(kind, channel=2, a=0, b=0):
    return Event(kind, channel, a, b, 1, 0xFFFF, 0.0)


class Clock:
    now = 12.345

    def __call__(self):
        return self.now


class Desk:
    """A desk's end of a seat."""

    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def heard(self):
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self._socket.recv(65536))
        return found

    def close(self):
        self._socket.close()
        self.path.unlink()


@pytest.fixture
def seats(tmp_path):
    return [tmp_path / "sound0", tmp_path / "sound1"]


@pytest.fixture
def desk(seats):
    with contextlib.closing(Desk(seats[0])) as made:
        yield made


@pytest.fixture
def output(seats):
    clock = Clock()
    made = PageOutput([str(path) for path in seats], clock)
    made.clock = clock
    yield made
    made.close()


def test_what_comes_in_is_one_datagram_of_time_and_midi_each(output, desk):
    output.beat(0.0)
    assert desk.heard() == [AT_12_345 + b"\xff", AT_12_345 + b"\xfe"]
    output.send(note_on(2, 60, 80, 1, 0.0))
    output.clock.now = 12.346
    output.send(note_off(2, 60, 1, 0.0))
    output.send(event(Kind.PROGRAM, a=12))
    output.send(event(Kind.BEND, a=0, b=64))
    output.send(event(Kind.CONTROL, a=64, b=127))
    assert desk.heard() == [
        AT_12_345 + b"\x91\x3c\x50",
        b"\x00\x00\x30\x3a\x81\x3c\x40",
        b"\x00\x00\x30\x3a\xc1\x0c",
        b"\x00\x00\x30\x3a\xe1\x00\x40",
        b"\x00\x00\x30\x3a\xb1\x40\x7f",
    ]


def test_every_beat_says_once_that_the_outlet_lives(output, desk):
    output.beat(0.0)
    desk.heard()
    for beat in (0.02, 0.04, 0.06):
        output.beat(beat)
    assert desk.heard() == [AT_12_345 + b"\xfe"] * 3


def test_what_the_page_does_not_play_stays_here(output, desk):
    output.beat(0.0)
    desk.heard()
    output.send(event(Kind.PRESSURE, a=64))
    output.send(event(Kind.LEVEL, channel=0, a=127, b=127))
    output.send(event(Kind.NAME, channel=0), "Blue pads/left")
    output.send(event(Kind.TRANSPORT, channel=0, a=Transport.CLOCK))
    output.send(event(Kind.CONTROL, a=74, b=3))
    assert desk.heard() == []


def test_without_a_desk_nothing_is_sent_missed_or_in_trouble(output):
    for n in range(100):
        output.beat(n * 0.02)
        output.send(note_on(1, 60, 80, 1, 0.0))
    assert (output.trouble(), output.dropped, output.lost_and_found()) == (None, 0, False)


def test_a_desk_that_opens_later_is_told_what_every_channel_was_last_told(output, seats):
    output.send(event(Kind.PROGRAM, a=12))
    output.send(event(Kind.CONTROL, a=7, b=90))
    output.send(event(Kind.CONTROL, a=7, b=100))
    output.send(note_on(2, 60, 80, 1, 0.0))
    output.beat(0.0)
    with contextlib.closing(Desk(seats[0])) as desk:
        output.beat(0.2)
        assert desk.heard() == []
        output.beat(0.25)
        assert desk.heard() == [AT_12_345 + b"\xff\xc1\x0c\xb1\x07\x64", AT_12_345 + b"\xfe"]


def test_a_desk_that_closed_leaves_its_seat_to_the_next(output, seats):
    with contextlib.closing(Desk(seats[0])):
        output.beat(0.0)
    output.send(note_on(2, 60, 80, 1, 0.0))
    output.beat(0.02)
    with contextlib.closing(Desk(seats[0])) as again:
        output.beat(0.5)
        assert again.heard() == [AT_12_345 + b"\xff", AT_12_345 + b"\xfe"]
    assert output.dropped == 0


def test_two_desks_hear_the_same(output, seats):
    with contextlib.closing(Desk(seats[0])) as one, contextlib.closing(Desk(seats[1])) as other:
        output.beat(0.0)
        output.send(note_on(2, 60, 80, 1, 0.0))
        heard = one.heard()
        assert heard == other.heard() == [AT_12_345 + b"\xff", AT_12_345 + b"\xfe", AT_12_345 + b"\x91\x3c\x50"]


def fill(output, desk):
    """Send until the desk's socket takes nothing more; how many notes that were."""
    output.beat(0.0)
    seat = output._seats[0]
    for n in range(10_000):
        output.send(note_on(1, 60, 80, 1, 0.0))
        if seat._waiting:
            return n
    raise AssertionError("a socket that takes everything")


def test_what_a_full_socket_does_not_take_goes_together_a_moment_later(output, desk):
    fill(output, desk)
    output.clock.now = 12.4
    output.send(note_off(1, 60, 1, 0.0))
    desk.heard()
    output.beat(0.06)
    assert desk.heard() == [AT_12_345 + b"\x90\x3c\x50\x80\x3c\x40\xfe"]
    assert output.dropped == 0


def test_a_desk_that_takes_nothing_for_long_begins_anew_and_hears_no_old_note(output, desk):
    fill(output, desk)
    output.clock.now = 12.5
    output.send(note_off(1, 60, 1, 0.0))
    output.send(note_on(1, 62, 80, 1, 0.0))
    desk.heard()
    output.clock.now = 13.0
    output.beat(0.65)
    assert desk.heard() == [b"\x00\x00\x32\xc8\xff", b"\x00\x00\x32\xc8\xfe"]
    assert output.dropped == 3


def test_sending_never_waits_for_a_desk_that_stands_still(output, desk):
    for n in range(5000):
        output.send(note_on(1, n % 128, 80, 1, 0.0))
        output.beat(n * 0.02)
        output.clock.now += 0.02
    assert 0 < len(desk.heard()) < 5000


def test_after_closing_nothing_is_sent_and_nothing_raised(output, desk):
    output.beat(0.0)
    desk.heard()
    output.close()
    output.send(note_on(1, 60, 80, 1, 0.0))
    output.beat(99.0)
    assert desk.heard() == []


@pytest.mark.parametrize("spec", ["page:1", "page:left", "page:,loud=1"])
def test_nothing_is_written_behind_page(spec):
    with pytest.raises(OutputProblem, match="page:"):
        open_output(spec)


def test_its_seats_are_in_the_runtime_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("REACHNOTE_RUNTIME", str(tmp_path))
    with contextlib.closing(open_output("page:")) as output, contextlib.closing(Desk(tmp_path / "sound3")) as desk:
        output.beat(0.0)
        assert len(desk.heard()) == 2


# ------------------------------------------------------------ channels


def told(*said):
    channels = Channels()
    for message in said:
        channels.take(bytes(message))
    return channels.all()


def test_the_last_of_each_kind_stays():
    assert told((0xC0, 5), (0xC1, 6), (0xC0, 7)) == b"\xc0\x07\xc1\x06"
    assert told((0xE0, 0, 64), (0xE0, 1, 65)) == b"\xe0\x01\x41"
    assert told((0xB0, 11, 3), (0xB0, 120, 0), (0xB0, 123, 0), (0x90, 60, 1)) == b"\xb0\x0b\x03"


def test_a_bend_range_stays_as_a_whole_and_other_parameters_do_not():
    chosen = ((0xB0, 101, 0), (0xB0, 100, 0), (0xB0, 6, 48), (0xB0, 101, 127), (0xB0, 100, 127))
    assert told(*chosen) == b"\xb0\x65\x00\xb0\x64\x00\xb0\x06\x30"
    assert told((0xB0, 101, 0), (0xB0, 100, 6), (0xB0, 6, 15)) == b""
    assert told((0xB0, 6, 12)) == b""


def test_resetting_controls_leaves_program_and_volume():
    said = ((0xC0, 5), (0xB0, 7, 90), (0xB0, 11, 80), (0xB0, 64, 127), (0xE0, 0, 0), (0xB0, 121, 0))
    assert told(*said) == b"\xc0\x05\xb0\x07\x5a"


def test_messages_are_whole_and_a_piece_is_left_out():
    assert list(messages(AT_12_345 + b"\xfe\xc0\x05\x90\x3c\x50\x80\x3c")) == [b"\xfe", b"\xc0\x05", b"\x90\x3c\x50"]


# ------------------------------------------------------------ the desk's side


def test_a_desk_takes_the_first_free_seat_and_no_seat_of_another(seats):
    path, one = take_seat(seats)
    other_path, other = take_seat(seats)
    assert (path.name, other_path.name, take_seat(seats)) == ("sound0", "sound1", None)
    one.close()  # as when it was killed: the name stays
    assert os.path.exists(path)
    again_path, again = take_seat(seats)
    assert again_path.name == "sound0"
    other.close()
    again.close()


def test_what_is_heard_goes_to_every_listener_as_it_came():
    sound = Sound([])
    listeners = [Listener(), Listener()]
    sound._listeners.update(listeners)
    sound.heard(AT_12_345 + b"\x90\x3c\x50")
    assert [listener.take() for listener in listeners] == [[AT_12_345 + b"\x90\x3c\x50"]] * 2


def test_a_listener_that_takes_nothing_is_let_go_of_and_keeps_no_more():
    listener = Listener()
    for _ in range(WAITING):
        listener.put(b"x")
    assert not listener.gone
    listener.put(b"x")
    assert listener.gone
    assert len(listener.take()) == 50
