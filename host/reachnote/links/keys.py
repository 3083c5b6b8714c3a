"""`keys:DEVICE[,keys=..][,axes=..][,grab=yes]`: switch boxes that act as keyboard, joystick or page turner, read from Linux evdev.

Each key is a switch, each axis a value. DEVICE is a path, as in keys:/dev/input/event5, or a part of the device's name. A device with few
keys is introduced whole; of a keyboard each key that is pressed becomes a sensor, or those that `keys` names (a page turner:
keys=PageUp+PageDown; a pedal may then be bound to it). `grab=yes` keeps what is pressed from every other program.
No library: the stream of /dev/input is read directly (linux/input.h).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import stat
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from reachnote.found_sensors import MOST, RATE_HZ, FoundBoard
from reachnote.key_names import CODE_OF_AXIS, axis_name, key_name, spelt
from reachnote.links import Change, LinkProblem, Opened, Said
from reachnote.links._feed import Feed
from reachnote.unknown import listed, nearest

SCHEME = "keys"
EXAMPLE = "keys:Switch Box"
SAYS = "a switch box, page turner or joystick that acts as a keyboard or gamepad (Linux)"

DEVICES = Path("/dev/input")
NAMES = Path("/sys/class/input")
BEAT_S = 1.0 / RATE_HZ
LOOK_S = 0.5
APART_S = 0.004
FEW = 16  # keys that a device may have to be introduced whole

EVENT = struct.Struct("@llHHi")  # struct input_event: seconds, microseconds, type, code, value
SYN, KEY, ABS = 0, 1, 3
SYN_REPORT, SYN_DROPPED = 0, 3
_ABSINFO = struct.Struct("@6i")  # value, minimum, maximum, fuzz, flat, resolution
_KEY_BYTES, _ABS_BYTES = 0x300 // 8, 8
_CLOCK_MONOTONIC = 1


class Moved(NamedTuple):
    """One thing that a device said. `kind` KEY (value 0 up, 1 down) or ABS; SYN_DROPPED of kind SYN: something was lost."""

    time_us: int
    kind: int
    code: int
    value: int


def read_events(stream: bytes) -> tuple[list[Moved], bytes]:
    """The events of a device's bytes that a board can use, and what is left of an event that is not whole yet."""
    whole = len(stream) - len(stream) % EVENT.size
    found = []
    for seconds, micros, kind, code, value in EVENT.iter_unpack(stream[:whole]):
        key = kind == KEY and value in (0, 1)  # 2: a key that repeats itself
        if key or kind == ABS or (kind == SYN and code == SYN_DROPPED):
            found.append(Moved(seconds * 1_000_000 + micros, kind, code, value))
    return found, stream[whole:]


# ---------------------------------------------------------------- options


class Picked:
    """Which keys and axes the options name; nothing named: everything."""

    def __init__(self, options: dict[str, str]) -> None:
        self.keys = [_key(word) for word in _words(options, "keys")]
        self.axes = [_axis(word) for word in _words(options, "axes")]
        self.grab = options.get("grab", "no")
        self.all = not (self.keys or self.axes)
        if self.grab not in ("yes", "no"):
            raise LinkProblem(f"keys: grab '{self.grab}'; write grab=yes, or leave it out.")
        if len({*self.keys}) + len({*self.axes}) > MOST:
            raise LinkProblem(f"keys: a board has at most {MOST} keys and axes. Name fewer.")


def _words(options: dict[str, str], name: str) -> list[str]:
    words = [word.strip() for word in options.get(name, "").split("+")] if name in options else []
    if not all(words):
        raise LinkProblem(f"keys: {name}={options[name]} has a gap. Join several with +, as in keys=Space+Enter.")
    return words


def _key(word: str) -> str:
    name = spelt(word)
    if name is None:
        raise LinkProblem(f"keys: there is no key '{word}'; write its name as Space, PageDown, A or button 1, or key 431.")
    return name


def _axis(word: str) -> str:
    for name in (*CODE_OF_AXIS, *(f"axis {code}" for code in range(64))):
        if name.casefold() == word.casefold():
            return name
    raise LinkProblem(f"keys: there is no axis '{word}'; known are {listed(CODE_OF_AXIS)}.{nearest(word, CODE_OF_AXIS)}")


def open_link(target: str, options: dict[str, str], wake: Callable[[], None]) -> KeysLink:
    """The link; a device that is not there yet is waited for. LinkProblem when the spec can never work."""
    for key in options:
        if key not in ("keys", "axes", "grab"):
            raise LinkProblem(f"keys: has no option '{key}'; known are keys, axes, grab.{nearest(key, ('keys', 'axes', 'grab'))}")
    wanted = target.strip()
    if not wanted or not wanted.isprintable():
        raise LinkProblem(f"keys: no input is named. Write {EXAMPLE}, or a path as in keys:/dev/input/event5. {_there()}")
    return KeysLink(wanted, Picked(options), wake)


def _there() -> str:
    names = [name for _, name in device_names()]
    return f"Inputs that are there: {listed(names) or 'none'}."


def device_names() -> list[tuple[str, str]]:
    """(path, name) of every input device, the lowest number first."""
    found = []
    for place in NAMES.glob("event*"):
        with contextlib.suppress(OSError, ValueError):
            name = (place / "device" / "name").read_text(errors="replace").strip()
            found.append((int(place.name[5:]), str(DEVICES / place.name), name))
    return [(path, name) for _, path, name in sorted(found)]


# ---------------------------------------------------------------- one device


class Device:
    """An open event device. What its kernel does not tell is left out: then it is found as it speaks."""

    def __init__(self, path: str, grab: bool) -> None:
        self.fileno = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            mode = os.fstat(self.fileno).st_mode
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                raise LinkProblem(f"{path} is a file and no input. {_there()}")
            self.name = self._text(0x06) or path
            self.serial = self._text(0x08) or self._text(0x07) or self.name
            self.keys = _bits(self._ask(0x20 + KEY, _KEY_BYTES))
            self.ranges = {code: self._range(code) for code in _bits(self._ask(0x20 + ABS, _ABS_BYTES)) if code < 0x2F}
            self.own_time = self._tell(0xA0, _CLOCK_MONOTONIC)
            if grab and not self._grab():
                raise LinkProblem(
                    f"{self.name} is held by another program, so its keys would type there too. Close that program."
                )
        except BaseException:
            os.close(self.fileno)
            raise

    def down(self) -> set[int]:
        """The codes of the keys that are down now."""
        return set(_bits(self._ask(0x18, _KEY_BYTES)))

    def range_of(self, code: int) -> tuple[int, int, int]:
        """(value at the start, lowest, highest) of an axis."""
        return self.ranges.get(code, (0, -32768, 32767))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fileno)

    def _range(self, code: int) -> tuple[int, int, int]:
        said = self._ask(0x40 + code, _ABSINFO.size)
        value, low, high, *_ = _ABSINFO.unpack(said) if any(said) else (0, -32768, 32767)
        return (min(max(value, low), high), low, high) if low < high else (0, -32768, 32767)

    def _text(self, number: int) -> str:
        raw = self._ask(number, 256).split(b"\0")[0].decode("utf-8", "replace")
        return "".join(c for c in raw if c.isprintable()).strip()

    def _ask(self, number: int, size: int) -> bytes:
        """The answer to EVIOCG.., all zero where there is none (_IOC of asm-generic/ioctl.h: read, 'E')."""
        room = bytearray(size)
        with contextlib.suppress(OSError):
            _ioctl(self.fileno, 2 << 30 | size << 16 | ord("E") << 8 | number, room)
        return bytes(room)

    def _tell(self, number: int, value: int) -> bool:
        try:
            _ioctl(self.fileno, 1 << 30 | 4 << 16 | ord("E") << 8 | number, struct.pack("@i", value))
        except OSError:
            return False
        return True

    def _grab(self) -> bool:
        try:
            _ioctl(self.fileno, 1 << 30 | 4 << 16 | ord("E") << 8 | 0x90, 1)
        except OSError as problem:
            return problem.errno != errno.EBUSY
        return True


def _ioctl(fileno: int, request: int, argument: bytearray | bytes | int) -> None:
    import fcntl

    fcntl.ioctl(fileno, request, argument)


def _bits(raw: bytes) -> list[int]:
    return [8 * n + bit for n, byte in enumerate(raw) if byte for bit in range(8) if byte >> bit & 1]


# ---------------------------------------------------------------- the link


class KeysLink:
    """See reachnote.links.Link. A key is (uid of the device, how many times it came). Without `clock` only the caller takes turns."""

    network = True

    def __init__(
        self, wanted: str, picked: Picked, wake: Callable[[], None], clock: Callable[[], float] | None = time.monotonic
    ) -> None:
        self.feed = Feed(wake)
        self._wanted = wanted
        self._picked = picked
        self._clock = clock
        self._device: Device | None = None
        self._board: FoundBoard | None = None
        self._opened = False
        self._times = 0
        self._rest = b""
        self._told = ""
        self._next_look = self._next_line = self._last_line = 0.0
        self._dirty = False
        self._asked = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)
        if clock is not None:
            self._thread.start()

    # ------------------------------------------------------------ the contract

    def changes(self) -> list[Change]:
        return self.feed.changes()

    def read(self, fileno: int = -1) -> list[tuple[object, bytes]]:
        return self.feed.read()

    def fileno_of(self, key: object) -> int:
        return self.feed.fileno

    def write(self, key: object, letter: str, text: str = "") -> None:
        self._asked = self._asked or letter == "a"

    def drop(self, key: object) -> None:
        pass

    def close(self) -> None:
        self._end.set()
        if self._clock is not None:
            self._thread.join(2.0)
        if self._device is not None:
            self._device.close()
        self.feed.close()

    # ------------------------------------------------------------ the link's own thread

    def _run(self) -> None:
        assert self._clock is not None
        while not self._end.is_set():
            self.turn(self._clock())
            device = self._device
            if device is None:
                self._end.wait(LOOK_S)
                continue
            wait = APART_S if self._dirty else BEAT_S
            with contextlib.suppress(OSError, ValueError):
                select.select([device.fileno], [], [], wait)

    def turn(self, now: float) -> None:
        """Look for the device when it is time, read what it said, and let time pass."""
        if self._device is None and now >= self._next_look:
            self._next_look = now + LOOK_S
            self._open()
        if self._device is None or self._board is None:
            return
        self._hear(now)
        if self._board.settle(int(now * 1e6)):
            if self._opened:
                self._introduce()
            else:
                self._begin()
        if self._asked:
            self._asked = False
            if self._opened:
                self._introduce()
        if self._opened and (now >= self._next_line or (self._dirty and now - self._last_line >= APART_S)):
            self._line(now)

    def _hear(self, now: float) -> None:
        device, board = self._device, self._board
        assert device is not None and board is not None
        try:
            chunk = os.read(device.fileno, 64 * EVENT.size)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._gone(now)
            return
        events, self._rest = read_events(self._rest + chunk)
        for event in events:
            self._take(event, now)

    def _take(self, event: Moved, now: float) -> None:
        device, board = self._device, self._board
        assert device is not None and board is not None
        now_us = event.time_us if device.own_time else int(now * 1e6)
        if event.kind == SYN:
            self._catch_up(now_us, now)
        elif event.kind == KEY:
            if self._wanted_name(key_name(event.code), self._picked.keys) and board.press(
                key_name(event.code), event.value == 1, now_us
            ):
                self._line(now)
        elif event.code < 0x2F and self._wanted_name(axis_name(event.code), self._picked.axes):
            rest, low, high = device.range_of(event.code)
            value = min(max(event.value, low), high) - low
            self._dirty = board.move(axis_name(event.code), value, now_us, high=high - low, rest=rest - low) or self._dirty
        if board.crowded:
            board.crowded = False
            self._say(
                f"{board.name} has more than {MOST} keys in use; the others are not heard. Name those that matter: keys=Space+Enter."
            )

    def _wanted_name(self, name: str, named: list[str]) -> bool:
        return self._picked.all or name in named

    def _catch_up(self, now_us: int, now: float) -> None:
        # The kernel's buffer ran over: ask which keys are down, or a release would be lost.
        device, board = self._device, self._board
        assert device is not None and board is not None
        down = {key_name(code) for code in device.down()}
        moved = [board.press(name, name in down, now_us) for name in board.switches()]
        if any(moved):
            self._line(now)

    def _open(self) -> None:
        try:
            path = self._path()
            self._device = device = Device(path, self._picked.grab == "yes")
        except LinkProblem as problem:
            self._say(str(problem))
            return
        except OSError as problem:
            self._say(why_not(self._wanted, problem))
            return
        self._told = ""
        self._rest = b""
        self._times += 1
        if self._board is None or self._board.uid != f"keys:{device.serial}"[:64]:
            self._board = self._new_board(device)
        if self._board.known:
            self._begin()
        else:
            self._say(f"{device.name} is there. Press every key that is to be a sensor once.")

    def _new_board(self, device: Device) -> FoundBoard:
        name = re.sub(r"[/\s]+", " ", device.name).strip()[:64] or "keys"
        board = FoundBoard(f"keys:{device.serial}"[:64], name, "keys", self._picked.all)
        few = 0 < len(device.keys) + len(device.ranges) <= FEW
        keys = self._picked.keys or ([key_name(code) for code in device.keys] if self._picked.all and few else [])
        axes = self._picked.axes or ([axis_name(code) for code in device.ranges] if self._picked.all and few else [])
        for key in keys:
            board.declare(key, "switch")
        codes = {axis_name(code): code for code in range(64)}
        for axis in axes:
            rest, low, high = device.range_of(codes[axis])
            board.declare(axis, "voltage", min=0, max=high - low, rest=rest - low, reach=high - low)
        return board

    def _path(self) -> str:
        if self._wanted.startswith("/"):
            return self._wanted
        want = self._wanted.casefold()
        there = device_names()
        for fits in (lambda name: name.casefold() == want, lambda name: want in name.casefold()):
            found = [path for path, name in there if fits(name)]
            if found:  # of one device with several parts the first is the keys
                return found[0]
        raise LinkProblem(f"There is no input '{self._wanted}' yet. It is used as soon as it appears. {_there()}")

    def _gone(self, now: float) -> None:
        device, self._device = self._device, None
        assert device is not None and self._board is not None
        device.close()
        self._next_look = now + LOOK_S
        self._board.let_go(int(now * 1e6))
        if self._opened:
            self._line(now)
            self._opened = False
            self.feed.end(self._key)
        self._say(f"{self._board.name} went away. Plug it in again; playing goes on by itself.")

    # ------------------------------------------------------------ bodies

    @property
    def _key(self) -> object:
        assert self._board is not None
        return (self._board.uid, self._times)

    def _begin(self) -> None:
        assert self._board is not None
        self._opened = True
        self.feed.tell(Opened(self._key, self._board.name, self.feed.fileno))
        self._introduce()

    def _introduce(self) -> None:
        assert self._board is not None
        self.feed.put(self._key, self._board.hello())

    def _line(self, now: float) -> None:
        if self._opened and self._board is not None:
            self._dirty = False
            self._last_line = now
            self._next_line = now + BEAT_S
            self.feed.put(self._key, self._board.line(int(now * 1e6)))

    def _say(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self.feed.tell(Said(text))


def why_not(wanted: str, problem: OSError) -> str:
    """One sentence with the next step for a device that does not open."""
    if problem.errno in (errno.EACCES, errno.EPERM):
        return (
            f"You may not read {wanted} yet. Type: sudo usermod -a -G input $USER   then log out and in. "
            "It is tried again until it works."
        )
    if problem.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return f"There is no input '{wanted}' yet. It is used as soon as it appears. {_there()}"
    return f"{wanted} does not open as an input ({problem.strerror}). Unplug it, count to three, plug it in."
