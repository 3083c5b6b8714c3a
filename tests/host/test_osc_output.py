"""The OSC output over real loopback sockets."""

from __future__ import annotations

import contextlib
import socket
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "protocols")]

from reachnote.model import Event, Kind, note_off, note_on  # noqa: E402
from reachnote.osc_packet import messages  # noqa: E402
from reachnote.outputs import OutputProblem, osc  # noqa: E402


def event(kind, channel=2, a=0, b=0, source=1):
    return Event(kind, channel, a, b, source, 0xFFFF, 0.0)


class Clock:
    now = 10.0

    def __call__(self):
        return self.now


class Listener:
    def __init__(self, port=0):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    def heard(self):
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found += messages(self._socket.recv(4096))
        return found

    def close(self):
        self._socket.close()


@pytest.fixture
def listener():
    with contextlib.closing(Listener()) as made:
        yield made


@pytest.fixture
def output(listener):
    clock = Clock()
    made = osc.OscOutput("127.0.0.1", listener.port, "reachnote", clock)
    made.clock = clock
    yield made
    made.close()


def test_every_kind_of_event_is_one_typed_message(listener, output):
    assert output.wants_levels
    output.send(event(Kind.NAME, source=1), "Blue pads/left")
    output.send(note_on(2, 60, 80, 1, 0.0))
    output.send(note_off(2, 60, 1, 0.0))
    output.send(event(Kind.CONTROL, a=11, b=100))
    output.send(event(Kind.PROGRAM, a=12))
    output.send(event(Kind.PRESSURE, a=64))
    output.send(event(Kind.BEND, a=0, b=64))
    output.send(event(Kind.LEVEL, channel=0, a=127, b=127))
    output.send(note_on(3, 61, 80, 7, 0.0))
    assert listener.heard() == [
        ("/reachnote/name", [1, "Blue pads/left"]),
        ("/reachnote/note", ["Blue pads/left", 2, 60, 80]),
        ("/reachnote/note", ["Blue pads/left", 2, 60, 0]),
        ("/reachnote/control", ["Blue pads/left", 2, 11, 100]),
        ("/reachnote/program", ["Blue pads/left", 2, 12]),
        ("/reachnote/pressure", ["Blue pads/left", 2, 64]),
        ("/reachnote/bend", ["Blue pads/left", 2, 8192]),
        ("/reachnote/level", ["Blue pads/left", 1.0]),
        ("/reachnote/note", ["sensor 7", 3, 61, 80]),
    ]
    assert output.dropped == 0 and output.trouble() is None


def test_orders_to_the_outlet_are_no_messages(listener, output):
    for kind in (Kind.BEAT, Kind.SOFTEN, Kind.RELEASE, Kind.RELEASE_ALL, Kind.SILENCE, Kind.CLOSE):
        output.send(event(kind))
    assert listener.heard() == []


def test_a_new_name_is_used_from_then_on(listener, output):
    output.send(note_on(2, 60, 80, 1, 0.0))
    output.send(event(Kind.NAME, source=1), "left")
    output.send(note_off(2, 60, 1, 0.0))
    assert [arguments[0] for _, arguments in listener.heard()] == ["sensor 1", 1, "left"]


def beats(output, count):
    for _ in range(count):
        output.clock.now += 0.1
        output.beat(output.clock.now)


def test_a_receiver_that_went_away_and_came_back_is_noticed(output, listener):
    output.send(event(Kind.NAME, source=1), "left")
    listener.close()
    output.send(note_on(2, 60, 80, 1, 0.0))
    beats(output, 1)
    assert "Nobody listens at 127.0.0.1" in output.trouble()
    beats(output, 30)
    assert output.trouble() and not output.lost_and_found()
    with contextlib.closing(Listener(listener.port)) as again:
        beats(output, 15)
        assert output.trouble() is None
        assert output.lost_and_found() and not output.lost_and_found()
        assert again.heard()[:2] == [("/reachnote/name", [-1, "reachnote"]), ("/reachnote/name", [1, "left"])]


def test_a_message_after_a_refusal_is_sent_all_the_same(output, listener):
    listener.close()
    output.send(note_on(2, 60, 80, 1, 0.0))
    with contextlib.closing(Listener(listener.port)) as again:
        output.send(note_on(2, 62, 80, 1, 0.0))
        assert again.heard() == [("/reachnote/note", ["sensor 1", 2, 62, 80])]


class Full:
    """A socket with no room."""

    def __init__(self, inner, problem):
        self.inner, self.problem, self.full = inner, problem, True

    def send(self, packet):
        if self.full:
            raise self.problem
        return self.inner.send(packet)

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.mark.parametrize("problem", [BlockingIOError(), OSError(105, "no buffer"), OSError(101, "unreachable")])
def test_without_room_note_offs_wait_in_order_and_the_rest_is_counted(listener, output, problem):
    output._socket = Full(output._socket, problem)
    output.send(note_on(2, 60, 80, 1, 0.0))
    output.send(note_off(2, 59, 1, 0.0))
    output.send(note_off(2, 58, 1, 0.0))
    output.send(event(Kind.LEVEL))
    assert output.dropped == 2
    output._socket.full = False
    output.send(note_on(2, 57, 80, 1, 0.0))
    assert [arguments[2] for _, arguments in listener.heard()] == [59, 58, 57]


def test_what_waits_is_bounded(output):
    output._socket = Full(output._socket, BlockingIOError())
    for n in range(osc.WAITING + 10):
        output.send(note_off(2, n & 127, 1, 0.0))
    assert output.dropped == 10 and len(output._waiting) == osc.WAITING


def problem(target, **options):
    with pytest.raises(OutputProblem) as caught:
        osc.open_output(target, options, "reachnote")
    return str(caught.value)


def test_problems_are_sentences(monkeypatch):
    for target in ("", "9000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", ":9000"):
        assert "needs a computer and a port" in problem(target)
    assert "has no option 'pace'" in problem("127.0.0.1:9000", pace="1")

    def unknown(*_):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(osc.socket, "getaddrinfo", unknown)
    assert problem("studio:9000") == (
        "There is no computer named 'studio' on this network. Check the name, or write its address in numbers."
    )


def test_no_way_to_the_receiver_is_a_sentence():
    assert "There is no way to 255.255.255.255:9000" in problem("255.255.255.255:9000")
