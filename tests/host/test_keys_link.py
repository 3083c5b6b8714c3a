"""Switch boxes that act as a keyboard or joystick: the bytes of /dev/input, a device that comes and goes, options and sentences.

The device is a named pipe with the literal bytes of a real one, and a stand-in for the kernel's answers; a real device of the
kernel's own making is in tests/system/test_guest_sources.py.
"""

from __future__ import annotations

import errno
import json
import os
import struct

import pytest

import reachnote_wire as wire
from reachnote.links import Gone, LinkProblem, Opened, Said, keys, open_link
from reachnote.links.keys import EVENT, KeysLink, Moved, Picked, read_events

# struct input_event on a 64-bit machine: seconds, microseconds (8 bytes each), type, code (2 each), value (4).
SPACE_DOWN = bytes.fromhex("e803000000000000a0860100000000000100390001000000")  # 1000.1 s, EV_KEY, KEY_SPACE, 1
SPACE_AGAIN = bytes.fromhex("e803000000000000400d0300000000000100390002000000")  # 1000.2 s, repeats itself
SPACE_UP = bytes.fromhex("e803000000000000e0930400000000000100390000000000")  # 1000.3 s
SCANCODE = bytes.fromhex("e803000000000000a086010000000000040004002c000700")  # EV_MSC, MSC_SCAN
REPORT = bytes.fromhex("e803000000000000a0860100000000000000000000000000")  # EV_SYN, SYN_REPORT
DROPPED = bytes.fromhex("e803000000000000a0860100000000000000030000000000")  # EV_SYN, SYN_DROPPED
STICK = bytes.fromhex("e803000000000000a086010000000000030000009cffffff")  # EV_ABS, ABS_X, -100


def event(kind: int, code: int, value: int, time: float = 1000.0) -> bytes:
    return EVENT.pack(int(time), round(time % 1 * 1e6), kind, code, value)


# ---------------------------------------------------------------- bytes


def test_literal_bytes_are_read_as_what_the_kernel_meant():
    assert EVENT.size == 24
    stream = SCANCODE + SPACE_DOWN + REPORT + SPACE_AGAIN + REPORT + SPACE_UP + REPORT + STICK + DROPPED
    assert read_events(stream) == (
        [
            Moved(1_000_100_000, keys.KEY, 57, 1),
            Moved(1_000_300_000, keys.KEY, 57, 0),
            Moved(1_000_100_000, keys.ABS, 0, -100),
            Moved(1_000_100_000, keys.SYN, 3, 0),
        ],
        b"",
    )


def test_every_chunking_gives_the_same_events():
    stream = (SCANCODE + SPACE_DOWN + REPORT + SPACE_UP + STICK) * 3
    whole = read_events(stream)[0]
    for size in range(1, 60):
        found, rest = [], b""
        for at in range(0, len(stream), size):
            events, rest = read_events(rest + stream[at : at + size])
            found += events
        assert (found, rest) == (whole, b"")


@pytest.mark.parametrize("size", [0, 1, 23, 24, 25, 240])
def test_any_bytes_are_survived(size):
    events, rest = read_events(bytes(range(240))[:size])
    assert len(rest) == size % 24
    assert all(e.kind in (keys.KEY, keys.ABS, keys.SYN) for e in events)


# ---------------------------------------------------------------- a device


class Kernel:
    """Answers EVIOCG.. for one device: `keys` and `axes` it has, what is `down` now."""

    def __init__(self, name: bytes = b"Switch Box", codes=(57, 28), axes=None, serial: bytes = b"s1") -> None:
        self.name, self.serial, self.codes, self.axes = name, serial, codes, axes or {}
        self.down: set[int] = set()
        self.grabbed = False
        self.busy = False
        self.monotonic = True

    def ioctl(self, fileno: int, request: int, argument) -> None:
        number = request & 0xFF
        assert request >> 8 & 0xFF == ord("E")
        if number == 0x90:
            if self.busy:
                raise OSError(errno.EBUSY, "busy")
            self.grabbed = True
        elif number == 0xA0:
            assert struct.unpack("@i", argument) == (1,)
            if not self.monotonic:
                raise OSError(errno.EINVAL, "old")
        elif number == 0x06:
            argument[: len(self.name)] = self.name
        elif number == 0x08:
            argument[: len(self.serial)] = self.serial
        elif number in (0x18, 0x21, 0x23):
            for code in {0x18: self.down, 0x21: self.codes, 0x23: self.axes}[number]:
                argument[code // 8] |= 1 << code % 8
        elif 0x40 <= number < 0x80:
            argument[:24] = struct.pack("@6i", *self.axes[number - 0x40], 0, 0, 0)
        else:
            raise OSError(errno.EINVAL, "what?")


class Room:
    """A named pipe as a device, a link on an invented clock, and what came of it."""

    def __init__(self, folder, monkeypatch, kernel: Kernel, **options: str) -> None:
        self.path = str(folder / "event5")
        self.kernel = kernel
        monkeypatch.setattr(keys, "DEVICES", folder)
        monkeypatch.setattr(keys, "NAMES", folder / "class")
        monkeypatch.setattr(keys, "_ioctl", kernel.ioctl)
        place = folder / "class" / "event5" / "device"
        place.mkdir(parents=True)
        (place / "name").write_text(kernel.name.decode() + "\n")
        self.end = -1
        self.plug()
        self.link = KeysLink(options.pop("wanted", "switch"), Picked(options), lambda: None, None)
        self.now = 1000.0
        self.changes: list = []
        self.bodies: list[bytes] = []
        self.hello: dict = {}
        self.step(0.0)

    def plug(self) -> None:
        if not os.path.exists(self.path):
            os.mkfifo(self.path)
        self.end = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def unplug(self) -> None:
        os.close(self.end)
        self.end = -1
        os.unlink(self.path)

    def send(self, *events: bytes) -> None:
        os.write(self.end, b"".join(events))

    def step(self, seconds: float) -> None:
        for _ in range(max(round(seconds / 0.02), 1)):
            self.now += 0.02 if seconds else 0.0
            self.link.turn(self.now)
            self.changes += self.link.changes()
            for _ in range(3):
                self.bodies += [body for _, body in self.link.read()]
                self.changes += self.link.changes()
            self.hello = next((json.loads(b[1:]) for b in reversed(self.bodies) if b[:1] == b"h"), self.hello)

    def close(self) -> None:
        self.link.close()
        if self.end >= 0:
            os.close(self.end)

    def names(self) -> list[str]:
        return [sensor["name"] for sensor in self.hello["sensors"]]

    def last(self) -> dict[str, int]:
        _, _, words = wire.read_line(next(b for b in reversed(self.bodies) if b[:1] == b"r"))
        return {name: value for name, (_, value) in zip(self.names(), words, strict=True)}

    def pressed(self, name: str) -> tuple[int, int]:
        return wire.read_switch(self.last()[name])[:2]

    def said(self) -> list[str]:
        return [change.text for change in self.changes if isinstance(change, Said)]


@pytest.fixture
def room(tmp_path, monkeypatch):
    made = []

    def make(kernel: Kernel | None = None, **options: str) -> Room:
        made.append(Room(tmp_path, monkeypatch, kernel or Kernel(), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_box_with_few_keys_is_introduced_whole(room):
    here = room(Kernel(codes=(57, 28, 0x120), axes={0: (5, -100, 100), 9: (0, 0, 255)}))
    assert [type(change) for change in here.changes] == [Opened]
    assert (here.hello["uid"], here.hello["name"]) == ("keys:s1", "Switch Box")
    assert here.hello["sensors"] == [
        {"name": "Enter", "kind": "switch"},
        {"name": "Space", "kind": "switch"},
        {"name": "button 1", "kind": "switch"},
        {"name": "X", "kind": "voltage", "min": 0, "max": 200, "rest": 105, "reach": 200},
        {"name": "Gas", "kind": "voltage", "min": 0, "max": 255, "rest": 0, "reach": 255},
    ]
    here.step(0.1)
    assert here.last()["X"] == 105


def test_a_press_leaves_at_once_with_the_kernels_own_time(room):
    here = room()
    here.now = 1000.140
    here.bodies.clear()
    here.send(SCANCODE, SPACE_DOWN, REPORT)
    here.step(0.0)
    assert wire.read_switch(here.last()["Space"]) == (1, 1, 40_000)
    here.send(SPACE_AGAIN, REPORT, SPACE_UP, REPORT)
    here.now = 1000.310
    here.step(0.0)
    assert wire.read_switch(here.last()["Space"]) == (0, 2, 10_000)


def test_without_the_kernels_clock_the_arrival_counts(room):
    kernel = Kernel()
    kernel.monotonic = False
    here = room(kernel)
    here.now = 1005.0
    here.send(SPACE_DOWN)
    here.step(0.0)
    assert wire.read_switch(here.last()["Space"]) == (1, 1, 0)


def test_an_axis_is_a_value_from_nought_up(room):
    here = room(Kernel(codes=(), axes={0: (0, -100, 100)}))
    for value, raw in ((-100, 0), (0, 100), (100, 200), (-5000, 0), (5000, 200)):
        here.send(event(3, 0, value))
        here.step(0.04)
        assert here.last()["X"] == raw


def test_of_a_keyboard_the_keys_that_are_pressed_become_sensors(room):
    here = room(Kernel(codes=range(1, 120)))
    assert here.said() == ["Switch Box is there. Press every key that is to be a sensor once."]
    here.send(SPACE_DOWN, event(1, 109, 1, 1000.1))
    here.step(0.8)
    assert here.names() == ["Space", "PageDown"]
    here.send(SPACE_UP)
    here.step(0.02)
    assert here.pressed("Space") == (0, 2)


def test_a_page_turner_whose_keys_are_named_is_there_at_once(room):
    here = room(Kernel(codes=range(1, 120)), keys="pageup+PageDown")
    assert here.names() == ["PageUp", "PageDown"]
    here.send(event(1, 109, 1), SPACE_DOWN)
    here.step(0.02)
    assert (here.pressed("PageDown"), here.pressed("PageUp")) == ((1, 1), (0, 0))
    assert here.names() == ["PageUp", "PageDown"]


def test_lines_go_on_while_nothing_is_pressed(room):
    here = room()
    here.bodies.clear()
    here.step(2.0)
    assert 95 <= len(here.bodies) <= 101


def test_a_board_is_introduced_again_when_it_is_asked(room):
    here = room()
    here.bodies.clear()
    here.link.write(here.changes[0].key, "a", "")
    here.step(0.02)
    assert [body[:1] for body in here.bodies].count(b"h") == 1


def test_a_key_that_was_let_go_while_the_kernels_buffer_ran_over_comes_up(room):
    here = room()
    here.send(SPACE_DOWN, event(1, 28, 1))
    here.step(0.02)
    here.kernel.down = {28}
    here.send(DROPPED, REPORT)
    here.step(0.02)
    assert (here.pressed("Space"), here.pressed("Enter")) == ((0, 2), (1, 1))


def test_a_device_that_goes_ends_what_is_held_and_comes_back_as_the_same_board(room):
    here = room()
    here.send(SPACE_DOWN)
    here.step(0.02)
    here.unplug()
    here.step(0.6)
    assert here.pressed("Space") == (0, 2)
    assert [change for change in here.changes if isinstance(change, Gone)] == [Gone(here.changes[0].key)]
    assert here.said()[0] == "Switch Box went away. Plug it in again; playing goes on by itself."
    here.bodies.clear()
    here.step(2.0)
    assert here.bodies == []
    here.plug()
    here.step(1.0)
    opened = [change for change in here.changes if isinstance(change, Opened)]
    assert len(opened) == 2 and opened[0].key != opened[1].key
    assert here.hello["uid"] == "keys:s1"


def test_grab_keeps_the_keys_from_other_programs(room):
    assert not room().kernel.grabbed


def test_grab_is_asked_for(room):
    assert room(grab="yes").kernel.grabbed


def test_a_device_that_another_program_holds_is_said(room):
    kernel = Kernel()
    kernel.busy = True
    here = room(kernel, grab="yes")
    assert here.said() == ["Switch Box is held by another program, so its keys would type there too. Close that program."]


def test_a_device_is_found_by_a_part_of_its_name_or_its_path(room, tmp_path):
    assert room(wanted="BOX").hello["name"] == "Switch Box"


def test_a_device_is_found_by_its_path(room, tmp_path):
    assert room(wanted=str(tmp_path / "event5")).hello["name"] == "Switch Box"


def test_a_device_that_is_not_there_yet_is_waited_for_and_those_there_are_named(room):
    here = room(wanted="Joystick")
    here.step(3.0)
    assert here.said() == [
        "There is no input 'Joystick' yet. It is used as soon as it appears. Inputs that are there: Switch Box."
    ]


def test_a_file_is_no_device(room, tmp_path):
    (tmp_path / "file").write_text("x")
    assert (
        room(wanted=str(tmp_path / "file"))
        .said()[0]
        .endswith("file is a file and no input. Inputs that are there: Switch Box.")
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (
            errno.EACCES,
            "You may not read X yet. Type: sudo usermod -a -G input $USER   then log out and in. It is tried again until",
        ),
        (errno.ENOENT, "There is no input 'X' yet. It is used as soon as it appears."),
        (errno.EIO, "X does not open as an input (Input/output error). Unplug it, count to three, plug it in."),
    ],
)
def test_why_a_device_does_not_open_is_one_sentence(number, words):
    assert keys.why_not("X", OSError(number, os.strerror(number))).startswith(words)


def test_more_keys_than_a_board_carries_are_said(room):
    here = room(Kernel(codes=range(1, 240)))
    for code in range(1, 40):
        here.send(event(1, code, 1))
    here.step(0.02)
    assert here.said()[-1] == (
        "Switch Box has more than 32 keys in use; the others are not heard. Name those that matter: keys=Space+Enter."
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("keys:", "keys: no input is named. Write keys:Switch Box, or a path as in keys:/dev/input/event5."),
        ("keys:X,key=Space", "keys: has no option 'key'; known are keys, axes, grab. Did you mean 'keys'?"),
        ("keys:X,keys=Spce", "keys: there is no key 'Spce'; write its name as Space, PageDown, A or button 1, or key 431."),
        ("keys:X,keys=A+", "keys: keys=A+ has a gap."),
        ("keys:X,axes=Q", "keys: there is no axis 'Q'; known are X, Y, Z"),
        ("keys:X,grab=maybe", "keys: grab 'maybe'; write grab=yes, or leave it out."),
        ("keys:X,keys=" + "+".join(f"key {n}" for n in range(600, 640)), "keys: a board has at most 32 keys and axes."),
    ],
)
def test_a_spec_that_can_never_work_is_refused(spec, words):
    with pytest.raises(LinkProblem) as problem:
        open_link(spec, lambda: None)
    assert words in str(problem.value)
