"""The network link over real loopback sockets, where a datagram is there when `send` returns: nothing waits."""

from __future__ import annotations

import contextlib
import itertools
import socket
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "protocols")]

import reachnote_wire as wire  # noqa: E402
from reachnote import osc_bodies  # noqa: E402
from reachnote.board import Board  # noqa: E402
from reachnote.links import Gone, LinkProblem, Opened  # noqa: E402
from reachnote.links import osc as links_osc  # noqa: E402
from reachnote.links.osc import LIMIT, SOURCES, OscLink, open_link  # noqa: E402
from reachnote.osc_packet import message, messages  # noqa: E402

UID = "e66141"
KINDS = ["switch", "pressure", "impact", "distance"]


def hello_json(kinds=KINDS, boot="b1", uid=UID):
    sensors = [{"name": f"s{n}", "kind": kind} for n, kind in enumerate(kinds)]
    return wire.ascii_json({"wire": 1, "uid": uid, "boot": boot, "name": "Blue pads", "sensors": sensors})


def hello(**more):
    return message("/reachnote/hello", "ss", more.get("uid", UID), hello_json(**more))


def reading(seq=0, time_us=1000, groups=((0, 1, 5, 2000), (0, 70000), (2, 3, 4095, 500), (3, 400)), uid=UID):
    numbers = [n for group in groups for n in group]
    return message("/reachnote/reading", "sii" + "i" * len(numbers), uid, seq, time_us, *numbers)


class Peer:
    """A board's socket."""

    def __init__(self, port, address="127.0.0.1"):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.connect(("127.0.0.1", port))
        self._socket.setblocking(False)
        self.key = self._socket.getsockname()

    def send(self, *packets):
        for packet in packets:
            self._socket.send(packet)

    def heard(self):
        found = []
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                found.append(self._socket.recv(4096))
        return found

    def close(self):
        self._socket.close()


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def net():
    """Makes links and peers, and closes them all."""
    with contextlib.ExitStack() as stack:

        class Net:
            clock = Clock()
            woken = threading.Event()

            def link(self, paired=()):
                made = OscLink(0, set(paired), "127.0.0.1", self.woken.set, self.clock)
                stack.callback(made.close)
                return made

            def peer(self, link, address="127.0.0.1"):
                made = Peer(link.port, address)
                stack.callback(made.close)
                return made

        yield Net()


def counted(link):
    return {name: n for name, n in link.counts.items() if n and name != "packets"}


# ---------------------------------------------------------------- the same as serial


def serial_body(seq, time_us, words):
    packer = wire.Packer(len(words))
    for n, (status, value) in enumerate(words):
        packer.status[n], packer.value[n] = status, value
    packer._head[0] = seq
    packer.pack(time_us)
    (body,) = wire.Splitter().feed(bytes(packer.buffer))
    return body


def test_a_reading_gives_the_body_of_the_serial_line(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello(), reading(7, 123456))
    words = [(0, wire.switch_value(1, 5, 2000)), (0, 70000), (2, wire.impact_value(3, 4095, 500)), (3, 400)]
    assert link.read() == [
        (board.key, b"h" + hello_json().encode()),
        (board.key, serial_body(7, 123456, words)),
    ]
    assert not counted(link)


def test_the_board_module_reads_it(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello(), reading(7, 123456))
    (_, first), (_, second) = link.read()
    conversation = Board(numbers=[0, 1, 2, 3])
    assert conversation.take(first, 1.0) is None
    assert [r.raw for r in conversation.take(second, 1.0)][1] == 70000
    assert conversation.counts.refused == 0


def test_an_error_and_a_text_beyond_ascii_become_printable_bodies(net):
    link = net.link()
    board = net.peer(link)
    text = hello_json().replace("Blue pads", "Blåe $1\n😀")
    board.send(message("/reachnote/hello", "ss", UID, text), message("/reachnote/error", "sss", UID, "bäll", "gone $"))
    bodies = [body for _, body in link.read()]
    for body in bodies:
        assert wire.body_of(wire.frame(chr(body[0]), body[1:].decode("ascii"))[:-1]) == body
        assert all(32 <= c < 127 and c != 36 for c in body)
    conversation = Board()
    for body in bodies:
        conversation.take(body, 1.0)
    assert conversation.hello.name == "Blåe $1 😀"
    assert conversation.said == [("bäll", "gone $")]


# ---------------------------------------------------------------- channels


def test_a_channel_opens_with_the_first_good_message_and_each_board_has_its_own(net):
    link = net.link()
    one, two = net.peer(link), net.peer(link)
    one.send(b"rubbish!", message("/other/program", "i", 1))
    assert link.read() == [] and link.changes() == []
    one.send(hello())
    two.send(hello(uid="other"))
    assert [key for key, _ in link.read()] == [one.key, two.key]
    assert link.changes() == [
        Opened(one.key, f"127.0.0.1:{one.key[1]}", link.fileno()),
        Opened(two.key, f"127.0.0.1:{two.key[1]}", link.fileno()),
    ]
    assert link.changes() == []


def test_before_there_is_anything_to_poll_the_first_datagram_wakes_the_engine(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello())
    assert net.woken.wait(5.0)
    (opened,) = link.changes()
    assert opened.key == board.key and opened.fileno == link.fileno()
    assert link.read(opened.fileno) == [(board.key, b"h" + hello_json().encode())]


def test_a_board_long_silent_is_let_go_and_may_return(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello())
    link.read(), link.changes()
    net.clock.now += 9.0
    link.write(board.key, wire.KEEP_ALIVE)
    assert link.changes() == []
    net.clock.now += 2.0
    link.write(board.key, wire.KEEP_ALIVE)
    assert link.changes() == [Gone(board.key)]
    board.send(hello())
    assert link.read() and isinstance(link.changes()[0], Opened)


def test_a_board_that_comes_back_under_another_address_leaves_the_old_one(net):
    link = net.link()
    before, after = net.peer(link), net.peer(link)
    before.send(hello())
    link.read(), link.changes()
    net.clock.now += 1.5
    after.send(hello(boot="b2"))
    link.read()
    assert [type(change) for change in link.changes()] == [Gone, Opened]


def test_drop_forgets_and_close_lets_go_of_the_port(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello())
    link.read()
    link.drop(board.key)
    link.write(board.key, wire.KEEP_ALIVE)
    assert board.heard() == []
    link.close()
    assert link.read() == []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", link.port))


# ---------------------------------------------------------------- who is heard


def test_sources_that_are_not_paired_are_ignored_and_counted(net):
    link = net.link(paired={"127.0.0.2"})
    stranger, board = net.peer(link), net.peer(link, "127.0.0.2")
    stranger.send(hello(), hello())
    board.send(hello())
    assert [key for key, _ in link.read()] == [board.key]
    assert counted(link) == {"unpaired": 2}
    link.write(stranger.key, wire.KEEP_ALIVE)
    assert stranger.heard() == []


def test_a_flood_of_one_source_is_cut_and_leaves_the_others(net):
    link = net.link()
    loud, other = net.peer(link), net.peer(link)
    loud.send(hello())
    other.send(hello(uid="other"))
    link.read()
    for n in range(LIMIT + 500):
        loud.send(reading(n))
        if n % 200 == 0:
            while link.read():
                pass
    while link.read():
        pass
    assert counted(link) == {"flooded": 501}  # the hello counted too
    other.send(reading(0, uid="other"))
    assert len(link.read()) == 1
    net.clock.now += 1.0
    loud.send(reading(LIMIT + 500))
    assert len(link.read()) == 1


def test_one_call_reads_a_bounded_number(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello(), *[reading(n) for n in range(400)])
    assert len(link.read()) == links_osc.BURST
    assert len(link.read()) == 401 - links_osc.BURST


def test_one_call_takes_a_bounded_time(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello(), *[reading(n) for n in range(20)])
    passing = itertools.count()
    link._clock = lambda: next(passing) * 0.0011
    assert len(link.read()) == 2


def test_the_number_of_sources_is_bounded_by_those_that_said_nothing_useful(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello())
    link.read()
    for _ in range(SOURCES + 10):
        stranger = net.peer(link)
        stranger.send(b"rubbish!")
        link.read()
    assert len(link._sources) <= SOURCES and board.key in link._sources


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "bad",
    [
        reading(uid="another"),
        reading(seq=65536),
        reading(seq=-1),
        reading(time_us=1 << 30),
        reading(groups=((0, 2, 5, 0), (0, 0), (0, 0, 0, 0), (0, 0))),
        reading(groups=((0, 1, 256, 0), (0, 0), (0, 0, 0, 0), (0, 0))),
        reading(groups=((0, 1, 5, -250), (0, 0), (0, 0, 0, 0), (0, 0))),
        reading(groups=((0, 1, 5, 0), (0, 1 << 24), (0, 0, 0, 0), (0, 0))),
        reading(groups=((256, 1, 5, 0), (0, 0), (0, 0, 0, 0), (0, 0))),
        reading(groups=((0, 1, 5, 0), (0, 0), (0, 16, 0, 0), (0, 0))),
        reading(groups=((0, 1, 5, 0), (0, 0), (0, 0, 4096, 0), (0, 0))),
        reading(groups=((0, 1, 5, 0), (0, 0), (0, 0, 0, 0))),
        reading(groups=((0, 0),) * 5),
        message("/reachnote/reading", "sii" + "f" * 12, UID, 0, 0, *[0.0] * 12),
        message("/reachnote/reading"),
        message("/reachnote/hello", "s", UID),
        message("/reachnote/hello", "si", UID, 1),
        message("/reachnote/error", "ss", UID, "x"),
        b"#bundle\0" + b"\0" * 8 + b"\xff\xff\xff\xec",
        b"rubbish",
        b"",
    ],
    ids=range(21),
)
def test_what_does_not_fit_is_refused_and_counted(net, bad):
    link = net.link()
    board = net.peer(link)
    board.send(hello(), bad, reading())
    assert len(link.read()) == 2
    assert counted(link) == {"refused": 1}


def test_a_datagram_beyond_the_bound_is_refused(net):
    link = net.link()
    board = net.peer(link)
    board.send(message("/" + "a" * 65000), message("/reachnote/hello", "ss", UID, "x" * 8172))
    assert link.read() == []
    assert counted(link) == {"refused": 2}


@pytest.mark.parametrize("text", ["", "[" * 4000, '{"sensors": 3}', '{"sensors": [1]}', '{"sensors": []}'])
def test_a_hello_that_names_nothing_usable_still_reaches_the_board_module(net, text):
    link = net.link()
    board = net.peer(link)
    board.send(message("/reachnote/hello", "ss", UID, text), reading())
    assert link.read() == [(board.key, b"h" + text.encode())]
    assert counted(link) == {"early": 1}


# ---------------------------------------------------------------- order


def seqs(link):
    return [wire.read_line(body)[0] for _, body in link.read() if body[:1] == b"r"]


def test_lost_readings_are_counted_and_late_ones_dropped(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello(), *[reading(n) for n in (65534, 65535, 2, 1, 2, 3)])
    assert seqs(link) == [65534, 65535, 2, 3]
    assert counted(link) == {"lost": 2, "late": 2}


def test_a_board_that_began_anew_is_believed_by_its_hello_or_after_a_few_readings(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello(), reading(500), hello(boot="b2"), reading(0))
    assert seqs(link) == [500, 0]
    board.send(reading(900), *[reading(n) for n in range(10)])
    assert seqs(link) == [900, 7, 8, 9]


def test_readings_before_a_hello_ask_for_it_once_a_second(net):
    link = net.link()
    board = net.peer(link)
    board.send(*[reading(n) for n in range(5)])
    assert link.read() == []
    assert counted(link) == {"early": 5}
    assert board.heard() == [osc_bodies.ASK_HELLO]
    assert isinstance(link.changes()[0], Opened)  # the session asks too
    board.send(hello(kinds=["switch"]), reading(6))
    link.read()
    assert board.heard() == []
    net.clock.now += 1.0
    board.send(reading(7))
    link.read()
    assert board.heard() == [osc_bodies.ASK_HELLO]  # the wiring is not the hello's


# ---------------------------------------------------------------- to the board


def test_lines_to_a_board_are_osc(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello())
    link.read()
    link.write(board.key, wire.KEEP_ALIVE)
    link.write(board.key, wire.ASK_HELLO, "")
    options = {"rate_hz": 500, "gain": 0.5, "name": "left", "on": True, "off": False, "list": [1], "big": 1 << 40}
    link.write(board.key, wire.SET, wire.ascii_json(options))
    link.write(board.key, wire.SET, "not json")
    assert [messages(packet)[0] for packet in board.heard()] == [
        ("/reachnote/keepalive", []),
        ("/reachnote/askhello", []),
        ("/reachnote/set", ["rate_hz", 500]),
        ("/reachnote/set", ["gain", 0.5]),
        ("/reachnote/set", ["name", "left"]),
        ("/reachnote/set", ["on", True]),
        ("/reachnote/set", ["off", False]),
    ]


def test_writing_to_a_board_that_went_away_never_raises(net):
    link = net.link()
    board = net.peer(link)
    board.send(hello())
    link.read()
    board.close()
    for _ in range(5):
        link.write(board.key, wire.KEEP_ALIVE)
        assert link.read() == []


# ---------------------------------------------------------------- the spec


def problem(target, **options):
    options = {key.rstrip("_"): value for key, value in options.items()}
    with pytest.raises(LinkProblem) as caught:
        open_link(target, options, lambda: None)
    return str(caught.value)


def test_problems_are_sentences():
    assert "port number from 1 to 65535" in problem("")
    assert "not '70000'" in problem("70000")
    assert "knows from and bind" in problem("9137", form="1")
    assert "from=board is no address" in problem("9137", from_="board")
    assert "nobody is paired" in problem("9137", bind="0.0.0.0")
    assert "cannot be reached" in problem("9137", bind="127.0.0.1", from_="192.168.1.30")
    assert "not an address of this computer" in problem("9137", bind="203.0.113.1", from_="192.168.1.30")


def test_a_port_in_use_is_named():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        assert f"Port {port} is in use" in problem(str(port))


def test_the_network_is_let_in_only_for_paired_boards(monkeypatch):
    bound = []

    class Fake:
        def __init__(self, port, paired, bind, wake):
            bound.append((port, paired, bind))

    monkeypatch.setattr(links_osc, "OscLink", Fake)
    open_link("9137", {}, lambda: None)
    open_link("9137", {"from": "127.0.0.1"}, lambda: None)
    open_link("9137", {"from": "192.168.1.30+192.168.1.31"}, lambda: None)
    open_link("9137", {"from": "192.168.1.30", "bind": "192.168.1.20"}, lambda: None)
    assert bound == [
        (9137, set(), "127.0.0.1"),
        (9137, {"127.0.0.1"}, "127.0.0.1"),
        (9137, {"192.168.1.30", "192.168.1.31"}, "0.0.0.0"),
        (9137, {"192.168.1.30"}, "192.168.1.20"),
    ]
