"""The board's network link and its Wi-Fi steps, under CPython with stand-ins for socket and chip."""

from __future__ import annotations

import struct
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "protocols"), str(ROOT / "firmware")]

import reachnote_wire as wire  # noqa: E402
from reachnote.osc_bodies import ASK_HELLO, KEEP_ALIVE, Reader, to_board  # noqa: E402
from reachnote.osc_packet import message, messages  # noqa: E402
from reachnote_board import wifi  # noqa: E402
from reachnote_board.osc_link import HELLO_US, OscLink, read_set  # noqa: E402

MS = 1000
KINDS = ["switch", "pressure", "impact"]


class Socket:
    """What MicroPython's sockets do: None when there is nothing or no room."""

    def __init__(self):
        self.arrived = []
        self.sent = []
        self.room = True
        self.fault = None
        self.closed = False

    def readinto(self, buffer):
        if not self.arrived:
            return None
        packet = self.arrived.pop(0)
        buffer[: len(packet)] = packet
        return len(packet)

    def write(self, packet):
        if self.fault:
            raise self.fault
        if not self.room:
            return None
        self.sent.append(bytes(packet))
        return len(packet)

    def close(self):
        self.closed = True

    def said(self):
        found = [messages(packet)[0] for packet in self.sent]
        self.sent.clear()
        return found


def addresses(sock):
    return [address.rpartition("/")[2] for address, _ in sock.said()]


@pytest.fixture
def sock():
    return Socket()


@pytest.fixture
def options():
    return []


@pytest.fixture
def link(sock, options):
    def set_option(name, value):
        options.append((name, value))
        return None if name == "rate_hz" else "set: this board knows rate_hz"

    sensors = [{"name": f"s{n}", "kind": kind} for n, kind in enumerate(KINDS)]
    return OscLink(sock, lambda: {"uid": "e66141", "sensors": sensors}, set_option, "e66141")


def line(seq, *values):
    packer = wire.Packer(len(values))
    packer.value[:] = wire.array("i", values)
    for n in range(len(values)):
        packer.status[n] = n
    packer._head[0] = seq
    packer.pack(wire.TIME_MASK)
    return packer.buffer


LINE = line(65535, wire.switch_value(1, 255, 10**9), (1 << 24) - 1, wire.impact_value(15, 4095, 10**9))


def test_it_says_hello_at_once_and_every_two_seconds_until_somebody_listens(link, sock):
    for now in range(0, 3 * HELLO_US, MS * 10):
        link.step(now)
    assert addresses(sock) == ["hello"] * 3
    sock.arrived.append(KEEP_ALIVE)
    for now in range(3 * HELLO_US, 3 * HELLO_US + 1999 * MS, MS * 10):
        link.step(now)
    assert addresses(sock) == ["hello"]
    assert link.streaming


def test_a_reading_leaves_only_within_the_lease(link, sock):
    assert not link.send(LINE)
    sock.arrived.append(KEEP_ALIVE)
    link.step(0)
    assert link.send(LINE)
    link.step(2000 * MS)
    assert link.send(LINE)
    link.step(2001 * MS)
    assert not link.send(LINE)
    assert addresses(sock) == ["hello", "reading", "reading", "hello"]
    assert link.dropped == 0


def test_the_lease_holds_across_the_wrap_of_the_clock(link, sock):
    near = wire.TIME_MASK - 500 * MS
    sock.arrived.append(KEEP_ALIVE)
    link.step(near)
    link.step(1000 * MS)
    assert link.streaming
    link.step(1600 * MS)
    assert not link.streaming


def test_a_reading_is_the_line_in_osc(link, sock):
    sock.arrived.append(KEEP_ALIVE)
    link.step(0)
    link.send(LINE)
    assert Reader(KINDS).body("e66141", sock.sent[-1]) == (65535, wire.body_of(bytes(LINE[:-1])))
    link.send(line(0, 0, 0, 0))
    assert Reader(KINDS).body("e66141", sock.sent[-1])[1] == b"r0000" + b"3fffffff" + b"0000000001000000" + b"02000000"


@pytest.mark.parametrize("fault", [None, OSError(11), OSError(113)])
def test_without_room_a_whole_reading_is_dropped_and_counted(link, sock, fault):
    sock.arrived.append(KEEP_ALIVE)
    link.step(0)
    sock.room, sock.fault = False, fault
    assert not link.send(LINE)
    assert link.dropped == 1
    sock.room, sock.fault = True, None
    assert link.send(LINE)


def test_datagrams_that_micropython_joins_are_all_heard(link, sock, options):
    link.step(0)
    sock.sent.clear()
    joined = to_board("s", '{"rate_hz": 500, "gain": 0.5}')
    sock.arrived.append(b"".join([ASK_HELLO, *joined, KEEP_ALIVE, message("/other", "s", "x"), ASK_HELLO]))
    link.step(1)
    assert options == [("rate_hz", 500), ("gain", 0.5)] and link.streaming
    assert addresses(sock) == ["error", "hello", "hello"]  # why not, the lease begins, the answer


def test_one_read_a_tick(link, sock):
    sock.arrived += [ASK_HELLO] * 5
    link.step(0)
    assert len(sock.arrived) == 4


def test_what_is_not_for_a_board_is_ignored(link, sock):
    odd = [b"", b"x", KEEP_ALIVE[:20], message("/reachnote/keepaliver"), message("/other"), bytes(256)]
    link.step(0)
    sock.sent.clear()
    for packet in odd:
        sock.arrived.append(packet)
        link.step(1)
    assert not link.streaming and not sock.sent


def test_a_keep_alive_may_carry_an_argument(link, sock):
    sock.arrived.append(message("/reachnote/keepalive", "f", 1.0))
    link.step(0)
    assert link.streaming


def test_set_is_answered_by_a_hello_or_by_why_not(link, sock, options):
    link.step(0)
    sock.sent.clear()
    sock.arrived += to_board("s", '{"rate_hz": 500}')
    link.step(1)
    assert addresses(sock) == ["hello"]
    sock.arrived += to_board("s", '{"gain": 0.5}')
    link.step(2)
    assert sock.said() == [("/reachnote/error", ["e66141", "", "set: this board knows rate_hz"])]
    assert options == [("rate_hz", 500), ("gain", 0.5)]


def test_a_set_reads_every_type():
    for value in (5, -5, 0.5, "text", "", True, False):
        tag = {int: "i", float: "f", str: "s", bool: "T" if value is True else "F"}[type(value)]
        assert read_set(message("/reachnote/set", "s" + tag, "name", value)) == ("name", value)


def test_every_damaged_set_is_answered_with_a_sentence(link, sock, options):
    good = message("/reachnote/set", "si", "rate_hz", 500)
    link.step(0)
    for end in range(16, len(good)):
        sock.sent.clear()
        sock.arrived.append(good[:end])
        link.step(1)
        assert sock.said() == [("/reachnote/error", ["e66141", "", "set: this is not a name and one value"])], end
    for bad in (b"\xff\xfe\xfd\0", b"aaaa"):
        sock.arrived.append(good[:20] + bad + struct.pack(">i", 1))
        link.step(1)
    assert not options


def test_always_streams_unasked(sock):
    link = OscLink(sock, lambda: {"sensors": [{"kind": "force"}]}, None, "e66141", always=True)
    for now in range(0, 10 * HELLO_US, HELLO_US // 2):
        link.step(now)
        assert link.send(line(0, 1))
    assert addresses(sock)[:2] == ["hello", "reading"]


def test_without_a_network_it_is_silent():
    link = OscLink(None, lambda: {"sensors": [{"kind": "force"}]}, None, "e66141")
    link.step(0)
    link.trouble("s0", "gone")
    assert not link.send(line(0, 1))


# ---------------------------------------------------------------- Wi-Fi


class Chip:
    """Stands in for network.WLAN: joins when the test says so."""

    def __init__(self):
        self.calls = []
        self.joined = False
        self.fault = None

    def active(self, on):
        self.calls.append("on")

    def isconnected(self):
        if self.fault:
            raise self.fault
        return self.joined

    def connect(self, ssid, password):
        self.calls.append((ssid, password))

    def disconnect(self):
        self.calls.append("leave")


TABLE = {"ssid": "music", "password": "secret", "host": "192.168.1.20", "port": 9137}


@pytest.fixture
def chip(monkeypatch):
    chip = Chip()
    monkeypatch.setitem(sys.modules, "network", types.SimpleNamespace(STA_IF=0, WLAN=lambda mode: chip))
    return chip


@pytest.fixture
def opened(monkeypatch):
    opened = []

    def open_socket(host, port, here=0):
        opened.append((host, port, here, Socket()))
        return opened[-1][3]

    monkeypatch.setattr(wifi, "open_socket", open_socket)
    return opened


def hello():
    return {"sensors": [{"kind": "force"}]}


def run(link, start_ms, end_ms):
    for ms in range(start_ms, end_ms):
        link.step(ms * MS & wire.TIME_MASK)


def test_it_joins_in_the_background_and_tries_again_for_ever(chip, opened):
    link = wifi.open_link(TABLE, hello, None, "e66141")
    run(link, 0, 20_000)
    assert chip.calls == ["on", ("music", "secret"), "leave", ("music", "secret")]
    assert not link.send(line(0, 1)) and not opened
    chip.joined = True
    run(link, 20_000, 21_000)
    assert [where[:3] for where in opened] == [("192.168.1.20", 9137, 9137)]
    assert addresses(opened[0][3]) == ["hello"]


def test_a_lost_network_closes_the_socket_and_is_joined_again(chip, opened):
    chip.joined = True
    link = wifi.open_link(TABLE, hello, None, "e66141")
    run(link, 0, 500)
    opened[0][3].arrived.append(KEEP_ALIVE)
    run(link, 500, 600)
    assert link.send(line(0, 1))
    chip.joined = False
    run(link, 600, 1000)
    assert opened[0][3].closed and not link.send(line(1, 1))
    assert chip.calls[-1] == ("music", "secret")
    chip.joined = True
    run(link, 1000, 1500)
    assert link.joined == 2 and not link.send(line(2, 1))  # until somebody listens again
    opened[1][3].arrived.append(KEEP_ALIVE)
    run(link, 1500, 1510)
    assert link.send(line(3, 1))


def test_a_chip_that_refuses_does_not_stop_the_board(chip, opened):
    link = wifi.open_link(TABLE, hello, None, "e66141")
    chip.fault = OSError("driver")
    run(link, 0, 1000)
    chip.fault, chip.joined = None, True
    run(link, 1000, 2000)
    assert len(opened) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"host": "studio"}, {"host": None}, {"host": "1.2.3.256"}, {"host": "1.2.3"}, {"port": 0}, {"port": "9137"}],
)
def test_a_table_that_cannot_be_used_is_a_sentence(wrong):
    with pytest.raises(ValueError, match=r"^network: (host|port) is"):
        wifi.open_link({**TABLE, **wrong}, hello, None, "e66141")
