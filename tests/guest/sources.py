"""In the guest: links that hear others, against devices and ports of the guest's own kernel. Writes figures.json into $REACHNOTE_OUT.

    python3 tests/guest/sources.py

Input devices are made with /dev/uinput, MIDI ports with the ALSA sequencer. Times are the guest's, which is emulated and slow.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import struct
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import rtmidi

import reachnote_wire as wire
from reachnote.links import Gone, Opened, Said, midi_in, open_link
from reachnote.links.keys import EVENT

SET_KINDS, SET_KEY, SET_AXIS = 0x40045564, 0x40045565, 0x40045567  # linux/uinput.h
SETUP, AXIS_SETUP, CREATE, DESTROY = 0x405C5503, 0x401C5504, 0x5501, 0x5502
SPACE, ENTER, PAGE_DOWN, X = 57, 28, 109, 0


class InputDevice:
    """A keyboard or joystick that the kernel takes for a real one."""

    def __init__(self, name: str, keys: list[int], axis: tuple[int, int] | None = None) -> None:
        self._fd = os.open("/dev/uinput", os.O_WRONLY | os.O_NONBLOCK)
        fcntl.ioctl(self._fd, SET_KINDS, 1)
        for key in keys:
            fcntl.ioctl(self._fd, SET_KEY, key)
        if axis is not None:
            fcntl.ioctl(self._fd, SET_KINDS, 3)
            fcntl.ioctl(self._fd, SET_AXIS, X)
            fcntl.ioctl(self._fd, AXIS_SETUP, struct.pack("@H2x6i", X, 0, *axis, 0, 0, 0))
        fcntl.ioctl(self._fd, SETUP, struct.pack("@4H80sI", 3, 0x1234, 0x5678, 1, name.encode(), 0))
        fcntl.ioctl(self._fd, CREATE)

    def send(self, kind: int, code: int, value: int) -> None:
        os.write(self._fd, EVENT.pack(0, 0, kind, code, value) + EVENT.pack(0, 0, 0, 0, 0))

    def unplug(self) -> None:
        fcntl.ioctl(self._fd, DESTROY)
        os.close(self._fd)


class Engine:
    """Reads a link as the engine does: polled, one thread."""

    def __init__(self, spec: str) -> None:
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        self.link = open_link(spec, lambda: os.write(self._wake, b"x"))
        self.changes: list = []
        self.bodies: list[bytes] = []
        self.hello: dict = {}

    def until(self, true: Callable[[], object], seconds: float = 20.0) -> float:
        """Seconds until it was true."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"not within {seconds:g} s; {self.said()}; {self.hello}; {self.bodies[-3:]}")
            self._turn()
        return time.monotonic() - began

    def _turn(self) -> None:
        polled = [self._woken, *[c.fileno for c in self.changes if isinstance(c, Opened)][-1:]]
        for fileno in select.select(polled, [], [], 0.05)[0]:
            if fileno == self._woken:
                with contextlib.suppress(BlockingIOError):
                    os.read(fileno, 4096)
            else:
                bodies = [body for _, body in self.link.read(fileno)]
                self.bodies += bodies
                self.hello = next((json.loads(body[1:]) for body in bodies if body[:1] == b"h"), self.hello)
        self.changes += self.link.changes()

    def pressed(self, name: str) -> bool | None:
        value = self.value(name)
        return None if value is None else bool(wire.read_switch(value)[0])

    def value(self, name: str) -> int | None:
        line = next((body for body in reversed(self.bodies) if body[:1] == b"r"), None)
        names = [sensor["name"] for sensor in self.hello.get("sensors", ())]
        if line is None or name not in names:
            return None
        words = wire.read_line(line)[2]
        return words[names.index(name)][1] if len(words) == len(names) else None

    def opened(self) -> int:
        return sum(isinstance(change, Opened) for change in self.changes)

    def gone(self) -> int:
        return sum(isinstance(change, Gone) for change in self.changes)

    def said(self) -> list[str]:
        return [change.text for change in self.changes if isinstance(change, Said)]

    def close(self) -> None:
        self.link.close()


# ---------------------------------------------------------------- input devices


def box() -> dict:
    """A switch box with two keys and a stick: introduced whole, pressed, pulled out in mid-press, back again."""
    device = InputDevice("Guest Switch Box", [SPACE, ENTER], (-100, 100))
    engine = Engine("keys:switch box")
    engine.until(lambda: engine.value("X") is not None)
    hello = engine.hello
    device.send(3, X, 100)
    engine.until(lambda: engine.value("X") == 200)
    late = []
    for n in range(20):
        down = n % 2 == 0
        began = time.monotonic()
        device.send(1, SPACE, int(down))
        engine.until(lambda down=down: engine.pressed("Space") == down)
        late.append(1000 * (time.monotonic() - began))
    edges = wire.read_switch(engine.value("Space"))[1]
    device.send(1, ENTER, 1)
    engine.until(lambda: engine.pressed("Enter"))
    device.unplug()
    engine.until(engine.gone)
    held = engine.pressed("Enter")
    device = InputDevice("Guest Switch Box", [SPACE, ENTER], (-100, 100))
    engine.until(lambda: engine.opened() == 2)
    device.send(1, ENTER, 1)
    engine.until(lambda: engine.pressed("Enter"))
    device.unplug()
    engine.close()
    names = [sensor["name"] for sensor in hello["sensors"]]
    return {
        "name": hello["name"],
        "sensors": names,
        "edges": edges,
        "held": held,
        "p50_ms": sorted(late)[10],
        "said": engine.said(),
    }


def turner() -> dict:
    """A page turner is a whole keyboard: its named key is there at once, and grabbed nobody else hears it."""
    device = InputDevice("Guest Page Turner", list(range(1, 120)))
    engine = Engine("keys:page turner,keys=PageDown,grab=yes")
    engine.until(lambda: engine.pressed("PageDown") is not None)
    device.send(1, PAGE_DOWN, 1)
    engine.until(lambda: engine.pressed("PageDown"))
    other = Engine("keys:page turner,keys=PageDown,grab=yes")
    other.until(other.said)
    sentence = other.said()[0]
    other.close()
    engine.close()
    device.unplug()
    return {"sensors": [sensor["name"] for sensor in engine.hello["sensors"]], "second": sentence}


def forbidden() -> dict:
    """A user without the group input."""
    device = InputDevice("Guest Switch Box", [SPACE])
    os.seteuid(65534)
    try:
        engine = Engine("keys:switch box")
        engine.until(engine.said)
        sentence = engine.said()[0]
        engine.close()
    finally:
        os.seteuid(0)
        device.unplug()
    return {"said": sentence}


# ---------------------------------------------------------------- MIDI


class Instrument:
    """A MIDI instrument on the ALSA sequencer: client `Soundbeam`, port `beams`."""

    def __init__(self) -> None:
        self.out = rtmidi.MidiOut(rtmidi.API_LINUX_ALSA, name="Soundbeam")
        self.out.open_virtual_port("beams")

    def send(self, *message: int) -> None:
        self.out.send_message(message)

    def unplug(self) -> None:
        self.out.delete()


def heard() -> dict:
    """An instrument on ALSA: notes and a controller, pulled out in mid-note, back again under another number."""
    beam = Instrument()
    engine = Engine("midi_in:Soundbeam,notes=C4,controls=1")
    engine.until(lambda: engine.pressed("C4") is not None)
    beam.send(0xB0, 1, 99)
    engine.until(lambda: engine.value("CC 1") == 99)
    late = []
    for n in range(20):
        down = n % 2 == 0
        began = time.monotonic()
        beam.send(0x90 if down else 0x80, 60, 70)
        engine.until(lambda down=down: engine.pressed("C4") == down)
        late.append(1000 * (time.monotonic() - began))
    beam.send(0x90, 60, 70)
    engine.until(lambda: engine.pressed("C4"))
    beam.unplug()
    engine.until(engine.gone)
    held = engine.pressed("C4")
    beam = Instrument()
    engine.until(lambda: engine.opened() == 2)
    beam.send(0x90, 60, 70)
    engine.until(lambda: engine.pressed("C4"))
    engine.close()
    beam.unplug()
    return {"uid": engine.hello["uid"], "name": engine.hello["name"], "held": held, "p50_ms": sorted(late)[10]}


def keyboard() -> dict:
    """The therapist's keyboard on ALSA, whole and in order; what it held comes up when it goes."""
    beam = Instrument()
    engine = Engine("therapist:Soundbeam")
    engine.until(engine.opened)
    sent = [(0x90, 60, 64), (0xF8,), (0xB0, 64, 127), (0xE0, 1, 65), (0xC0, 5)]
    for message in sent:
        beam.send(*message)
    engine.until(lambda: len(engine.bodies) == len(sent))
    beam.unplug()
    engine.until(engine.gone)
    engine.close()
    name = next(change.name for change in engine.changes if isinstance(change, Opened))
    return {"name": name, "bodies": [body.decode() for body in engine.bodies]}


def second_library() -> dict:
    """The same instrument through rtmidi2, which newer Pythons have."""
    midi_in.LIBRARIES[:] = [midi_in._rtmidi2]
    try:
        return heard()
    finally:
        midi_in.LIBRARIES[:] = [midi_in._rtmidi, midi_in._rtmidi2]


def main() -> int:
    came: dict = {}
    for scenario in (box, turner, forbidden, heard, keyboard, second_library):
        began = time.monotonic()
        try:
            came[scenario.__name__] = scenario()
        except Exception:
            came[scenario.__name__] = {"failed": traceback.format_exc()}
        print(scenario.__name__, f"{time.monotonic() - began:.1f} s", came[scenario.__name__], flush=True)
    (Path(os.environ["REACHNOTE_OUT"]) / "figures.json").write_text(json.dumps(came))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
