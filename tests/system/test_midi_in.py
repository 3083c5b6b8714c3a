"""Hearing others on a private JACK server: an instrument that comes, goes and comes back, and the therapist's keyboard.

With REACHNOTE_FIGURES naming a file, the measured times are added to it as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import time

import pytest

import reachnote_wire as wire
from reachnote.links import Gone, Opened, Said, open_link
from support.jack import Jack, missing, wait_until

rtmidi = pytest.importorskip("rtmidi", reason="python-rtmidi is not installed here")
LACKING = missing()
pytestmark = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))


@pytest.fixture
def jack(monkeypatch):
    with Jack() as server:
        for key, value in server.variables().items():
            monkeypatch.setenv(key, value)
        yield server


class Instrument:
    """A MIDI instrument: a port `Soundbeam:beams` of its own."""

    def __init__(self) -> None:
        self.out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="Soundbeam")
        self.out.open_virtual_port("beams")

    def send(self, *message: int) -> None:
        self.out.send_message(message)

    def unplug(self) -> None:
        self.out.delete()


class Engine:
    """Reads a link as the engine does: polled, one thread."""

    def __init__(self, spec: str) -> None:
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        self.link = open_link(spec, lambda: os.write(self._wake, b"x"))
        self.changes: list = []
        self.bodies: list[tuple[float, bytes]] = []

    def turn(self, seconds: float = 0.01) -> None:
        polled = [self._woken, *[c.fileno for c in self.changes if isinstance(c, Opened)][-1:]]
        ready, _, _ = select.select(polled, [], [], seconds)
        now = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 4096)
        self.changes += self.link.changes()
        for fileno in ready:
            if fileno != self._woken:
                self.bodies += [(now, body) for _, body in self.link.read(fileno)]
                self.changes += self.link.changes()

    def until(self, true, seconds: float = 10.0, what: str = "") -> None:
        wait_until(lambda: (self.turn(), true())[1], seconds, what)

    def opened(self) -> list[Opened]:
        return [change for change in self.changes if isinstance(change, Opened)]

    def gone(self) -> list[Gone]:
        return [change for change in self.changes if isinstance(change, Gone)]

    def pressed(self) -> tuple[int, ...]:
        """State of every switch in the last reading line."""
        line = next((body for _, body in reversed(self.bodies) if body[:1] == b"r"), None)
        return tuple(wire.read_switch(value)[0] for _, value in wire.read_line(line)[2]) if line else ()

    def close(self) -> None:
        self.link.close()
        os.close(self._woken)
        os.close(self._wake)


@pytest.fixture
def engine():
    """Opens links and closes them before the server ends."""
    made = []

    def open_here(spec: str) -> Engine:
        made.append(Engine(spec))
        return made[-1]

    yield open_here
    for one in made:
        one.close()


def test_a_note_of_an_instrument_on_jack_is_a_switch_within_milliseconds(jack, engine):
    beam = Instrument()
    ears = engine("midi_in:Soundbeam,notes=C4+E4,controls=1")
    ears.until(lambda: ears.opened() and ears.pressed(), what="the board")
    hello = json.loads(next(body for _, body in ears.bodies if body[:1] == b"h")[1:])
    assert (hello["uid"], hello["name"]) == ("midi:soundbeam:beams", "Soundbeam")
    late = []
    for n in range(100):
        down = n % 2 == 0
        sent = time.monotonic()
        beam.send(0x90 if down else 0x80, 60, 70)
        ears.until(lambda down=down: ears.pressed()[0] == down, 2.0, "the note")
        late.append(1000 * (time.monotonic() - sent))
        time.sleep(0.011)
    late.sort()
    told = {"notes": len(late), "p50_ms": round(late[50], 2), "p99_ms": round(late[98], 2), "max_ms": round(late[-1], 2)}
    print(f"\nnote on JACK to body: {told}")
    figures("midi_in_on_jack", told)
    assert told["p50_ms"] < 15.0  # two cycles of JACK, one look
    beam.unplug()


def test_an_instrument_that_is_unplugged_in_mid_note_lets_go_and_plays_on_when_it_returns(jack, engine):
    beam = Instrument()
    ears = engine("midi_in:soundbeam,notes=C4")
    ears.until(lambda: ears.pressed() == (0,), what="the board")
    beam.send(0x90, 60, 70)
    ears.until(lambda: ears.pressed() == (1,), what="the note")
    beam.unplug()
    ears.until(ears.gone, 5.0, "its end")
    assert ears.pressed() == (0,)
    assert next(c.text for c in ears.changes if isinstance(c, Said)).startswith("'soundbeam' went away.")
    again = Instrument()
    ears.until(lambda: len(ears.opened()) == 2, 5.0, "its return")
    again.send(0x90, 60, 70)
    ears.until(lambda: ears.pressed() == (1,), 5.0, "the note after it")
    again.unplug()


def test_a_jack_server_that_ends_and_starts_again_is_found_again(jack, engine):
    beam = Instrument()
    ears = engine("midi_in:Soundbeam,notes=C4")
    ears.until(ears.opened, what="the board")
    beam.unplug()
    jack.stop()
    ears.until(ears.gone, 10.0, "its end")
    jack.start()
    beam = Instrument()
    ears.until(lambda: len(ears.opened()) == 2, 10.0, "its return")
    beam.unplug()


def test_a_port_of_our_own_hears_whatever_is_joined_to_it(jack, engine):
    ears = engine("midi_in:virtual,notes=C4")
    ears.until(ears.opened, what="the port")
    beam = Instrument()
    jack.connect("Soundbeam:beams", "reachnote in:sensors")
    beam.send(0x90, 60, 70)
    ears.until(lambda: ears.pressed() == (1,), what="the note")
    beam.unplug()


def test_the_therapists_keyboard_arrives_whole_and_in_order(jack, engine):
    keyboard = Instrument()
    ears = engine("therapist:Soundbeam")
    ears.until(ears.opened, what="the keyboard")
    assert ears.opened()[0].name == "therapist: Soundbeam:beams"
    messages = [(0x90, 60, 64), (0x90, 64, 64), (0xF8,), (0xB0, 64, 127), (0x80, 60, 0), (0xC0, 5), (0xE0, 1, 65)]
    for message in messages:
        keyboard.send(*message)
    ears.until(lambda: len(ears.bodies) == len(messages), what="every message")
    assert [body for _, body in ears.bodies] == [b"m" + bytes(message).hex().encode() for message in messages]
    keyboard.unplug()
    ears.until(ears.gone, 5.0, "its end")
    assert [body for _, body in ears.bodies][len(messages) :] == [b"m804040", b"mb04000"]


def figures(name: str, values: dict) -> None:
    path = os.environ.get("REACHNOTE_FIGURES")
    if path:
        known = {}
        if os.path.exists(path):
            with open(path) as file:
                known = json.load(file)
        with open(path, "w") as file:
            json.dump({**known, name: values}, file, indent=2)
