"""Real peers over loopback: liblo's oscdump and oscsend, Pure Data, and the board's link under real MicroPython."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "host"), str(ROOT / "protocols"), str(ROOT / "firmware")]

import reachnote_wire as wire  # noqa: E402
from reachnote.links import Opened  # noqa: E402
from reachnote.links.osc import OscLink  # noqa: E402
from reachnote.model import Event, Kind, note_off, note_on  # noqa: E402
from reachnote.outputs.osc import OscOutput  # noqa: E402
from reachnote_board.osc_link import OscLink as BoardLink  # noqa: E402
from reachnote_board.wifi import open_socket  # noqa: E402
from tools import micropython  # noqa: E402

PATIENCE_S = 20.0


def needs(program, package):
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} is not on this machine: apt-get install {package}"
    )


def free_port():
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(true, what):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.01)
    raise AssertionError(f"never came: {what}")


class Program:
    """A peer; what it prints is read without waiting."""

    def __init__(self, argv, **more):
        self._process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more
        )
        os.set_blocking(self._process.stdout.fileno(), False)
        self._text = b""

    def lines(self):
        while select.select([self._process.stdout], [], [], 0)[0]:
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                break
            self._text += chunk
        return self._text.decode("utf-8", "replace").split("\n")[:-1]

    def ended(self):
        return self._process.poll()

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def run():
    with contextlib.ExitStack() as stack:
        yield lambda argv, **more: stack.enter_context(contextlib.closing(Program(argv, **more)))


def play(port, heard):
    """Send every kind of event again until the peer, however slow to start, has heard it all."""
    with contextlib.closing(OscOutput("127.0.0.1", port, "reachnote")) as output:

        def once():
            output.send(Event(Kind.NAME, 0, 0, 0, 1, 1, 0.0), "Blue pads/left")
            output.send(note_on(2, 60, 80, 1, 0.0))
            output.send(note_off(2, 60, 1, 0.0))
            output.send(Event(Kind.CONTROL, 2, 11, 100, 1, 1, 0.0))
            output.send(Event(Kind.PROGRAM, 2, 12, 0, 1, 1, 0.0))
            output.send(Event(Kind.PRESSURE, 2, 64, 0, 1, 1, 0.0))
            output.send(Event(Kind.BEND, 2, 0, 64, 1, 1, 0.0))
            output.send(Event(Kind.LEVEL, 0, 127, 127, 1, 1, 0.0))
            time.sleep(0.1)
            return heard()

        return until(once, "the output's messages")


def board_on(port, kinds, here=0, always=True):
    """The shipped board link, here under CPython."""
    sensors = [{"name": f"s{n}", "kind": kind} for n, kind in enumerate(kinds)]
    hello = {"uid": "e66141", "sensors": sensors}
    link = BoardLink(open_socket("127.0.0.1", port, here), lambda: hello, None, "e66141", always)
    packer = wire.Packer(len(kinds))
    packer.value[0] = wire.switch_value(1, 5, 2000)
    packer.value[1] = 16777215
    packer.pack(123456)
    return link, bytes(packer.buffer)


def stream(link, line, heard):
    # As long as nobody listens yet, loopback answers each datagram with a refusal; the link only counts them.
    def once():
        link.step(time.monotonic_ns() // 1000 & wire.TIME_MASK)
        link.send(line)
        time.sleep(0.02)
        return heard()

    return until(once, "the board's reading")


# ---------------------------------------------------------------- liblo


@needs("oscdump", "liblo-tools")
def test_oscdump_hears_the_output(run):
    port = free_port()
    dump = run(["stdbuf", "-oL", "oscdump", str(port)])
    wanted = [
        '/reachnote/name is 1 "Blue pads/left"',
        '/reachnote/note siii "Blue pads/left" 2 60 80',
        '/reachnote/note siii "Blue pads/left" 2 60 0',
        '/reachnote/control siii "Blue pads/left" 2 11 100',
        '/reachnote/program sii "Blue pads/left" 2 12',
        '/reachnote/pressure sii "Blue pads/left" 2 64',
        '/reachnote/bend sii "Blue pads/left" 2 8192',
        '/reachnote/level sf "Blue pads/left" 1.000000',
    ]

    def heard():
        lines = [re.sub(r"^\S+ (?=/)", "", line) for line in dump.lines()]
        return all(line in lines for line in wanted)

    play(port, heard)


@needs("oscdump", "liblo-tools")
def test_oscdump_hears_a_board(run):
    port = free_port()
    dump = run(["stdbuf", "-oL", "oscdump", str(port)])
    link, line = board_on(port, ["switch", "pressure"])
    wanted = '/reachnote/reading siiiiiiii "e66141" 0 123456 0 1 5 2000 0 16777215'
    stream(link, line, lambda: wanted in str(dump.lines()))
    link.trouble("s1", "s1 does not answer")
    until(lambda: '/reachnote/error sss "e66141" "s1" "s1 does not answer"' in str(dump.lines()), "the board's error")


@needs("oscsend", "liblo-tools")
def test_oscsend_is_heard_as_a_board():
    link = OscLink(0, set(), "127.0.0.1", lambda: None)
    with contextlib.closing(link):
        # Its port is another each time, so each call is a source of its own: hello only.
        hello = '{"wire": 1, "uid": "x", "sensors": [{"name": "s", "kind": "force"}]}'
        for words in (["/reachnote/hello", "ss", "x", hello], ["/reachnote/error", "sss", "x", "s", "gone"]):
            subprocess.run(["oscsend", "127.0.0.1", str(link.port), *words], check=True, timeout=PATIENCE_S)
        bodies = [body for _, body in until(lambda: link.read(), "oscsend's messages")]
        bodies += [body for _, body in link.read()]
        assert bodies == [b"h" + hello.encode(), b'e{"sensor": "s", "text": "gone"}']
        assert [type(change) for change in link.changes()] == [Opened, Opened]


# ---------------------------------------------------------------- Pure Data

PATCH = """#N canvas 0 0 450 300 12;
#X obj 20 20 netreceive -u -b {port};
#X obj 20 50 oscparse;
#X obj 20 80 print heard;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
"""

# Sends from the port it listens on: a keep-alive each half second.
ANSWERING = """#N canvas 0 0 450 300 12;
#X obj 20 20 netsend -u -b;
#X obj 20 50 oscparse;
#X obj 20 80 print heard;
#X obj 200 20 loadbang;
#X msg 300 50 connect 127.0.0.1 {board} {port};
#X obj 200 50 metro 500;
#X msg 200 80 list;
#X obj 200 110 oscformat reachnote keepalive;
#X obj 200 140 list prepend send;
#X obj 200 170 list trim;
#X connect 0 1 1 0;
#X connect 1 0 2 0;
#X connect 3 0 4 0;
#X connect 3 0 5 0;
#X connect 4 0 0 0;
#X connect 5 0 6 0;
#X connect 6 0 7 0;
#X connect 7 0 8 0;
#X connect 8 0 9 0;
#X connect 9 0 0 0;
"""


def pure_data(run, folder, patch, **ports):
    path = folder / "patch.pd"
    path.write_text(patch.format(**ports))
    return run(["pd", "-nogui", "-stderr", "-noaudio", "-nomidi", "-nrt", "-noprefs", str(path)])


@needs("pd", "puredata-core")
def test_pure_data_hears_the_output(run, tmp_path):
    port = free_port()
    pd = pure_data(run, tmp_path, PATCH, port=port)
    wanted = [
        "heard: list reachnote name 1 Blue pads/left",
        "heard: list reachnote note Blue pads/left 2 60 80",
        "heard: list reachnote note Blue pads/left 2 60 0",
        "heard: list reachnote control Blue pads/left 2 11 100",
        "heard: list reachnote bend Blue pads/left 2 8192",
        "heard: list reachnote level Blue pads/left 1",
    ]

    def heard():
        lines = [line.replace("\\", "") for line in pd.lines()]
        return all(line in lines for line in wanted)

    play(port, heard)


@needs("pd", "puredata-core")
def test_pure_data_hears_a_board(run, tmp_path):
    port = free_port()
    pd = pure_data(run, tmp_path, PATCH, port=port)
    link, line = board_on(port, ["switch", "pressure"])
    wanted = re.compile(r"reading e66141 0 123456 0 1 5 2000 0 1\.67772e\+07$")  # printed with six digits
    stream(link, line, lambda: any(wanted.search(said) for said in pd.lines()))


@needs("pd", "puredata-core")
def test_pure_data_keeps_a_board_streaming(run, tmp_path):
    port, board = free_port(), free_port()
    pd = pure_data(run, tmp_path, ANSWERING, port=port, board=board)
    link, line = board_on(port, ["switch", "pressure"], board, always=False)
    stream(link, line, lambda: link.streaming and any("reading e66141" in said for said in pd.lines()))
    end = time.monotonic() + 2.5  # longer than a lease
    while time.monotonic() < end:
        link.step(time.monotonic_ns() // 1000 & wire.TIME_MASK)
        time.sleep(0.01)
    assert link.streaming


# ---------------------------------------------------------------- MicroPython

BOARD = """
import micropython, sys, time
sys.path[:0] = [{protocols!r}, {firmware!r}]
from reachnote_board import wifi
from reachnote_wire import TIME_MASK, Packer, switch_value, impact_value

kinds = ["switch", "pressure", "impact"]
options = []
sensors = [{{"name": kind, "kind": kind}} for kind in kinds]
def hello():
    return {{"wire": 1, "uid": "e66141", "boot": "b1", "name": "unix", "sensors": sensors}}
def set_option(name, value):
    options.append(1)
    return None if name == "rate_hz" else "set: this board knows rate_hz"

link = wifi.open_link({{"host": "127.0.0.1", "port": {port}}}, hello, set_option, "e66141")
packer = Packer(3)
def locked(now):
    # A tick with a reading, and mostly with nothing to read.
    micropython.heap_lock()
    try:
        link.step(now)
        return link.send(packer.buffer)
    finally:
        micropython.heap_unlock()

lines = []
end = time.ticks_add(time.ticks_ms(), 20000)
n = 0
while len(lines) < 200 and time.ticks_diff(end, time.ticks_ms()) > 0:
    now = time.ticks_us() & TIME_MASK
    packer.status[1] = n % 11
    packer.value[0] = switch_value(n & 1, n, n * 1000)
    packer.value[1] = (n * 99991) & 0xFFFFFF
    packer.value[2] = impact_value(n, n * 37, n * 777)
    packer.pack(now)
    if link.streaming:
        if locked(now):
            lines.append(bytes(packer.buffer))
    else:
        link.step(now)
    n += 1
    time.sleep_ms(2)
link.trouble("pressure", "pressure does not answer")
while time.ticks_diff(end, time.ticks_ms()) > 0 and len(options) < 2:
    link.step(time.ticks_us() & TIME_MASK)
    time.sleep_ms(2)
for line in lines:
    print(str(line, "ascii"), end="")
print("DONE", len(lines), len(options), link.dropped)
"""


@pytest.fixture(params=[64, 32])
def interpreter(request):
    """With 32 bits whole numbers from 2**30 on are heap objects, as on a board."""
    found = micropython.find() if request.param == 64 else micropython.find_32bit()
    if found is None:
        pytest.skip(micropython.why_not(request.param))
    return found


def test_the_board_link_under_micropython_says_what_its_serial_lines_say(run, tmp_path, interpreter):
    link = OscLink(0, set(), "127.0.0.1", lambda: None)
    with contextlib.closing(link):
        script = tmp_path / "board.py"
        script.write_text(
            BOARD.format(protocols=str(ROOT / "protocols"), firmware=str(ROOT / "firmware"), port=link.port)
        )
        board = run([*interpreter, str(script)])
        bodies, keys, kept, asked = [], [], 0.0, False

        def once():
            nonlocal kept, asked
            for key, body in link.read():
                bodies.append(body)
                if key not in keys:
                    keys.append(key)
            if keys and time.monotonic() > kept + 0.1:
                kept = time.monotonic()
                link.write(keys[0], wire.KEEP_ALIVE)
            if not asked and any(body[:1] == b"e" for body in bodies):
                asked = True
                link.write(keys[0], wire.SET, '{"rate_hz": 500, "gain": 0.5}')
            return any(said.startswith("DONE") or "Error" in said for said in board.lines())

        until(once, "the end of the board's script")
        bodies += [body for _, body in link.read()]
        *lines, done = [said.encode() for said in board.lines()]
        assert done.startswith(b"DONE 200 2 "), board.lines()[-3:]
        assert [body for body in bodies if body[:1] == b"r"] == [wire.body_of(line) for line in lines]
        assert bodies[0][:1] == b"h"
        assert b'e{"sensor": "pressure", "text": "pressure does not answer"}' in bodies
        assert b'e{"sensor": "", "text": "set: this board knows rate_hz"}' in bodies
        assert {name: n for name, n in link.counts.items() if n and name != "packets"} == {}
