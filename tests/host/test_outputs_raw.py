"""Bare bytes on real FIFOs, pseudo-terminals and files."""

import contextlib
import os
import select
import termios
import tty

import mido
import pytest

from reachnote.model import Event, Kind, note_off, note_on
from reachnote.outputs import OutputProblem, open_output
from reachnote.outputs.raw import RawOutput, _create_flag


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def control(number, value, channel=1):
    return Event(Kind.CONTROL, channel, number, value, 1, 1, 100.0)


def read(fd):
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.fixture
def reader(fifo):
    fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    yield fd
    os.close(fd)


@pytest.fixture
def terminal():
    master, slave = os.openpty()
    path = os.ttyname(slave)
    yield master, slave, path
    for fd in (master, slave):
        with contextlib.suppress(OSError):
            os.close(fd)


def test_a_plain_file_holds_whole_messages_without_running_status(tmp_path):
    output = open_output(f"raw:{tmp_path}/out.bin")
    output.send(note_on(1, 60, 64, 1, 0.0))
    output.send(note_on(1, 61, 64, 1, 0.0))
    output.send(note_off(16, 60, 1, 0.0))
    output.close()
    assert (tmp_path / "out.bin").read_bytes() == bytes.fromhex("903c40 903d40 8f3c40")


def test_a_plain_file_is_continued_never_cut(tmp_path):
    (tmp_path / "out.bin").write_bytes(b"old")
    output = open_output(f"raw:{tmp_path}/out.bin")
    output.send(note_on(1, 60, 64, 1, 0.0))
    output.close()
    assert (tmp_path / "out.bin").read_bytes() == b"old\x90\x3c\x40"


def test_a_terminal_passes_every_byte_unchanged(terminal):
    master, _, path = terminal
    output = open_output(f"raw:{path}")
    for key in range(128):
        output.send(note_on(1, key, max(1, key), 1, 0.0))
    parser = mido.Parser()
    while len(parser.messages) < 128 and select.select([master], [], [], 2.0)[0]:
        parser.feed(os.read(master, 65536))
    assert [message.note for message in parser.messages] == list(range(128))
    output.close()


def test_baud_sets_a_speed_that_the_terminal_knows_by_name(terminal):
    _, slave, path = terminal
    output = open_output(f"raw:{path},baud=115200")
    assert termios.tcgetattr(slave)[4:6] == [termios.B115200, termios.B115200]
    output.close()


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="termios2 is Linux's")
def test_baud_31250_sets_midis_own_speed(terminal):
    import fcntl
    import struct

    _, slave, path = terminal
    output = open_output(f"raw:{path},baud=31250")
    assert struct.unpack("IIIIB19sII", fcntl.ioctl(slave, 0x802C542A, bytes(44)))[6:] == (31250, 31250)
    output.close()


def test_without_baud_the_speed_stays_as_it_was(terminal):
    _, slave, path = terminal
    line = termios.tcgetattr(slave)
    line[4] = line[5] = termios.B9600
    termios.tcsetattr(slave, termios.TCSANOW, line)
    output = open_output(f"raw:{path}")
    assert termios.tcgetattr(slave)[4:6] == [termios.B9600, termios.B9600]
    output.close()


def test_paced_bytes_leave_at_320_us_each_and_not_more_than_1_ms_ahead(fifo, reader):
    clock = Clock()
    output = RawOutput(str(fifo), pace=31250.0, clock=clock, threaded=False)
    for key in range(60, 64):
        output.send(note_on(1, key, 64, 1, clock.now))
    assert read(reader) == bytes.fromhex("903c40 903d40")  # the second starts 0.96 ms ahead
    assert output.pump() == pytest.approx(0.00092)
    clock.now += 0.00092
    assert output.pump() == pytest.approx(0.00096)
    assert read(reader) == bytes.fromhex("903e40")
    clock.now += 0.00096
    assert output.pump() == 0.0
    assert read(reader) == bytes.fromhex("903f40")
    output.close()


def test_on_a_paced_line_a_note_overtakes_controls_and_only_the_latest_control_leaves(fifo, reader):
    clock = Clock()
    output = RawOutput(str(fifo), pace=31250.0, clock=clock, threaded=False)
    for value in range(100):
        output.send(control(1, value))
    output.send(note_on(1, 60, 64, 1, clock.now))
    first = read(reader)
    clock.now += 0.1
    output.pump()
    clock.now += 0.1
    output.pump()
    assert first == bytes.fromhex("b00100 b00101")
    assert read(reader) == bytes.fromhex("903c40 b00163")
    output.close()


def test_with_pace_a_thread_empties_the_line_and_it_takes_its_time(terminal):
    master, slave, path = terminal
    tty.setraw(slave)
    output = open_output(f"raw:{path},pace=31250")
    import time

    start = time.monotonic()
    for key in range(50):
        output.send(note_off(1, key, 1, start))  # an ending is never too late, however busy the machine
    seen = b""
    while len(seen) < 150 and select.select([master], [], [], 20.0)[0]:
        seen += os.read(master, 65536)
    assert seen == b"".join(bytes((0x80, key, 64)) for key in range(50))
    assert time.monotonic() - start >= 150 * 0.00032 - 0.002
    output.close()


def test_a_reader_that_stops_reading_never_makes_send_wait_and_no_ending_is_lost(fifo, reader):
    clock = Clock()
    output = RawOutput(str(fifo), clock=clock)
    for turn in range(30_000):
        output.send(note_on(1, turn % 128, 64, 1, clock.now))
    for key in range(128):
        output.send(note_off(1, key, 1, clock.now))
    assert output.dropped > 0
    clock.now += 5.0
    seen = b""
    while data := read(reader):
        seen += data
        output.pump()
    parser = mido.Parser()
    parser.feed(seen)
    last = {message.note: message.type for message in parser.messages}
    assert last == dict.fromkeys(range(128), "note_off")
    output.close()


def test_a_fifo_without_reader_waits_says_so_and_starts_by_itself(fifo):
    output = open_output(f"raw:{fifo}")
    assert (
        output.trouble()
        == f"Nobody reads '{fifo}' yet, so nothing sounds there. Start its reader; playing goes on by itself then."
    )
    output.send(note_off(1, 60, 1, 0.0))
    fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    output.beat(1.0)
    assert (output.trouble(), output.lost_and_found(), output.lost_and_found()) == (None, True, False)
    assert os.read(fd, 100) == b"\x80\x3c\x40"
    os.close(fd)
    output.close()


def test_a_reader_that_goes_is_noticed_without_playing(fifo, reader):
    output = open_output(f"raw:{fifo}")
    assert output.trouble() is None
    os.close(os.dup(reader))
    fd = os.open(os.devnull, os.O_RDONLY)
    os.dup2(fd, reader)  # the fifo's only reader is gone
    os.close(fd)
    output.beat(5.0)
    assert output.trouble() is not None
    output.close()


def test_a_terminal_that_is_pulled_out_is_lost_and_the_next_one_at_its_path_plays(tmp_path):
    place = tmp_path / "tty"
    first, second = os.openpty(), os.openpty()
    place.symlink_to(os.ttyname(first[1]))
    output = open_output(f"raw:{place}")
    os.close(first[1])
    os.close(first[0])
    output.send(note_off(1, 60, 1, 0.0))
    assert (
        output.trouble()
        == f"'{place}' went away, so nothing sounds there. Plug it in or start its reader again; playing goes on by itself."
    )
    place.unlink()
    place.symlink_to(os.ttyname(second[1]))
    output.beat(5.0)
    assert (output.trouble(), output.lost_and_found()) == (None, True)
    assert os.read(second[0], 100) == b"\x80\x3c\x40"
    output.close()
    for fd in second:
        os.close(fd)


def test_a_path_is_looked_for_at_most_once_a_second(tmp_path):
    (tmp_path / "d").mkdir()
    path = tmp_path / "d" / "out"
    output = open_output(f"raw:{path}")
    path.unlink()
    output.beat(1.0)  # seen: it is gone
    path.touch()
    output.beat(1.9)
    assert output.trouble() is not None
    output.beat(2.0)
    assert output.trouble() is None
    output.close()


def test_a_full_disk_is_told_and_never_raises():
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    output = open_output("raw:/dev/full")
    output.send(note_on(1, 60, 64, 1, 0.0))
    assert output.trouble().startswith("The disk of '/dev/full' is full")


def test_no_plain_file_is_ever_made_among_the_devices():
    assert _create_flag("/dev/ttyUSB99") == 0
    assert _create_flag("/tmp/out.bin") == os.O_CREAT


@pytest.mark.parametrize("spec", ["raw:", "raw:/", "raw:x,pace=fast", "raw:x,pace=0", "raw:x,baud=12"])
def test_a_spec_that_can_never_work_is_refused(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputProblem):
        open_output(spec)
    assert list(tmp_path.iterdir()) == []
