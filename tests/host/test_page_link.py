"""The pointer of a page as a board: datagrams, seats, what is let go of; and the desk's half of it (protocols/desk.md)."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest

import reachnote_wire as wire
from reachnote.board import Board
from reachnote.desk.answers.pointer import NO_PLACE, NO_POINTER, NO_STATE, Pointers
from reachnote.desk.relay import Page, Relay
from reachnote.links import LinkProblem, Opened, open_link, page
from reachnote.links.page import PageLink, pack, unpack
from reachnote.model import Kind
from reachnote.scene import read_scene
from reachnote.session import Session

DOC = (Path(__file__).resolve().parents[2] / "protocols" / "desk.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("REACHNOTE_RUNTIME", str(tmp_path))
    return tmp_path


class Bench:
    """A link that takes turns when it is told to, and a sender."""

    def __init__(self, folder: Path) -> None:
        self.link = PageLink(folder / "page", lambda: None, clock=None)
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.where = str(folder / "page")
        self.boards: dict[object, Board] = {}
        self.names: list[str] = []

    def send(self, data: bytes) -> None:
        self.sender.sendto(data, self.where)

    def turn(self, now: float) -> dict[object, tuple[int, int, bool]]:
        """The latest (across, up, pressed) of every board that said something."""
        self.link.turn(now)
        self.names += [change.name for change in self.link.changes() if isinstance(change, Opened)]
        found = {}
        for key, body in self.link.read():
            board = self.boards.setdefault(key, Board(numbers=[0, 1, 2]))
            readings = board.take(body, now)
            if body[:1] == b"r" and readings:
                _, _, values = wire.read_line(body)
                found[key] = (values[0][1], values[1][1], wire.read_switch(values[2][1])[0])
        return found

    def close(self) -> None:
        self.link.close()
        self.sender.close()


@pytest.fixture
def bench(folder):
    bench = Bench(folder)
    yield bench
    bench.close()


# ---------------------------------------------------------------- datagrams


def test_the_datagram_of_the_page_is_read_as_it_says():
    (block,) = re.findall(r"^```pointer\n(.*?)\n```$", DOC, re.M | re.S)
    assert unpack(bytes.fromhex(block)) == (1, 1024, 2048, True)


def test_a_state_comes_back_as_it_was_packed():
    assert unpack(pack(8, 0.0, 1.0, False)) == (8, 0, 4095, False)


@pytest.mark.parametrize("data", ["", "01", "010000000000ff", "00000000000001", "09" + "00" * 5, "011000000000", "010000100000", "010000000002"])
def test_what_is_no_state_is_not_read(data):
    assert unpack(bytes.fromhex(data)) is None


# ---------------------------------------------------------------- the link


def test_the_first_board_is_there_before_any_page_says_something(bench):
    assert bench.turn(0.0) == {"page:1": (0, 0, False)}
    hello = bench.boards["page:1"].hello
    assert (bench.names, hello.name) == (["Pointer"], "Pointer")
    assert [(s.name, s.kind) for s in hello.sensors] == [("across", "voltage"), ("up", "voltage"), ("press", "switch")]


def test_a_pointer_moves_and_presses_and_each_press_leaves_at_once(bench):
    bench.turn(0.0)
    bench.turn(0.6)
    bench.send(pack(1, 0.25, 0.5, True))
    assert bench.turn(0.601) == {"page:1": (1024, 2048, True)}
    bench.send(pack(1, 0.25, 0.5, False))
    assert bench.turn(0.602) == {"page:1": (1024, 2048, False)}


def test_a_movement_alone_leaves_within_four_milliseconds(bench):
    bench.turn(0.0)
    bench.turn(0.6)
    bench.send(pack(1, 1.0, 0.0, False))
    assert bench.turn(0.602) == {}
    assert bench.turn(0.6045) == {"page:1": (4095, 0, False)}


def test_what_is_not_heard_again_for_300_ms_is_let_go_of(bench):
    bench.turn(0.0)
    bench.send(pack(1, 0.5, 0.5, True))
    assert bench.turn(1.0) == {"page:1": (2048, 2048, True)}
    assert bench.turn(1.29) == {"page:1": (2048, 2048, True)}
    assert bench.turn(1.31) == {"page:1": (0, 0, False)}


def test_a_pointer_at_rest_goes_on_as_a_board_that_nobody_touches(bench):
    bench.turn(0.0)
    found = [bench.turn(n * 0.0201) for n in range(1, 500)]
    assert all(said == {"page:1": (0, 0, False)} for said in found)


def test_every_seat_is_a_board_of_its_own_and_is_met_at_rest(bench):
    bench.turn(0.0)
    bench.send(pack(3, 0.5, 0.5, True))
    assert bench.turn(1.0)["page:3"] == (0, 0, False)
    bench.send(pack(3, 0.5, 0.5, True))
    assert bench.turn(1.6)["page:3"] == (2048, 2048, True)
    assert bench.names == ["Pointer", "Pointer 3"]


def test_nothing_that_is_sent_there_is_in_the_way(bench):
    bench.turn(0.0)
    for data in (b"", b"\0" * 6, b"x" * 60, bytes(range(6))):
        bench.send(data)
    assert bench.turn(0.6) == {"page:1": (0, 0, False)}


def test_the_board_introduces_itself_again_when_it_is_asked(bench):
    bench.turn(0.0)
    bench.link.write("page:1", wire.ASK_HELLO)
    bench.link.turn(0.001)
    assert [body[:1] for _, body in bench.link.read()] == [b"h"]


def test_a_session_plays_a_press_and_lets_go_when_the_page_is_gone(bench):
    session = Session(read_scene("[[voice]]", "mine.toml"))
    session.opened(0, "Pointer", 0.0, network=True)
    notes = []
    now = 0.0
    while now < 4.0:
        if 2.0 <= now < 2.5:
            bench.send(pack(1, 0.0, 0.0, True))
        bench.link.turn(now)
        bench.link.changes()
        session.bodies_in(0, [body for _, body in bench.link.read()], now)
        session.tick(now)
        notes += [(Kind(event.kind), round(now, 2)) for event in session.out if event.kind in (Kind.NOTE_ON, Kind.NOTE_OFF)]
        session.out.clear()
        now += 0.01
    assert [kind for kind, _ in notes] == [Kind.NOTE_ON, Kind.NOTE_OFF]
    assert 2.0 <= notes[0][1] <= 2.02 and 2.79 <= notes[1][1] <= 2.83


@pytest.mark.parametrize("spec", ["page:here", "page:,grab=yes"])
def test_the_link_has_nothing_to_name(folder, spec):
    with pytest.raises(LinkProblem, match="page: needs nothing after it"):
        open_link(spec, lambda: None)


def test_only_one_session_hears_the_pages(folder):
    first = open_link("page:", lambda: None)
    try:
        with pytest.raises(LinkProblem, match="in another session already"):
            open_link("page:", lambda: None)
    finally:
        first.close()
    assert not page.path().exists()
    open_link("page:", lambda: None).close()


def test_a_socket_that_a_session_left_behind_is_used_again(folder):
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(str(folder / "page"))
    left.close()
    link = open_link("page:", lambda: None)
    assert (folder / "page").stat().st_mode & 0o777 == 0o700
    link.close()


# ---------------------------------------------------------------- the desk's half


class Heard:
    """What the session's socket gets of the desk."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "page"))
        self._socket.setblocking(False)

    def states(self) -> list[tuple | None]:
        found = []
        while True:
            try:
                found.append(unpack(self._socket.recv(64)))
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def heard(folder):
    heard = Heard(folder)
    yield heard
    heard.close()


def state(x: float = 0.5, y: float = 0.5, down: bool = True) -> dict:
    return {"do": "pointer", "x": x, "y": y, "down": down}


def in_a_loop(story) -> None:
    async def run() -> None:
        story(Relay())
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(run())


def test_pages_have_seats_of_their_own_and_leave_them(heard):
    def story(relay: Relay) -> None:
        pointers = Pointers(relay)
        assert [pointers.take(Page(n), state(), 1.0) for n in (10, 11)] == ["", ""]
        assert heard.states() == [(1, 2048, 2048, True), (2, 2048, 2048, True)]
        pointers.leave(Page(10))
        assert heard.states() == [(1, 0, 0, False)]
        assert pointers.take(Page(12), state(0.0, 1.0, False), 1.0) == ""
        assert heard.states() == [(1, 0, 4095, False)]

    in_a_loop(story)


def test_the_ninth_page_is_told_that_there_is_no_place(heard):
    def story(relay: Relay) -> None:
        pointers = Pointers(relay)
        assert [pointers.take(Page(n), state(), 1.0) for n in range(9)] == [""] * 8 + [NO_PLACE]

    in_a_loop(story)


def test_at_most_120_states_a_second_go_on(heard):
    def story(relay: Relay) -> None:
        pointers = Pointers(relay)
        count = 0
        for n in range(1000):
            pointers.take(Page(1), state(n / 1000), 1.0 + n / 1000)
            count += len(heard.states())
        assert count == 120

    in_a_loop(story)


@pytest.mark.parametrize(
    "thing",
    [
        {}, {"x": 0.5, "y": 0.5}, {"x": True, "y": 0.5, "down": True}, {"x": "0.5", "y": 0.5, "down": True}, {"x": -0.01, "y": 0, "down": True},
        {"x": 0, "y": 1.01, "down": True}, {"x": 0, "y": None, "down": True}, {"x": 0, "y": 10**400, "down": True}, {"x": 0, "y": 0, "down": 1},
    ],
)  # fmt: skip
def test_what_is_no_state_is_said(heard, thing):
    in_a_loop(lambda relay: assert_equal(Pointers(relay).take(Page(1), thing, 1.0), NO_STATE))
    assert heard.states() == []


def assert_equal(one: object, other: object) -> None:
    assert one == other


def test_a_session_that_does_not_listen_is_said_once(folder):
    def story(relay: Relay) -> None:
        pointers = Pointers(relay)
        assert [pointers.take(Page(1), state(), 1.0 + n) for n in range(3)] == [NO_POINTER, "", ""]

    in_a_loop(story)
