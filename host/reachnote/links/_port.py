"""One MIDI input by its name, found again whenever it returns; what comes of it is for the links that hear it. No scheme of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Protocol

from reachnote.found_sensors import RATE_HZ
from reachnote.links import Change, LinkProblem, Said
from reachnote.links._feed import Feed
from reachnote.midi_system import fitting, listed, plain_name
from reachnote.unknown import nearest

BEAT_S = 1.0 / RATE_HZ
LOOK_S = 0.5
APART_S = 0.004  # between two lines that no edge asked for
SENSING_S = 0.5  # a device that sends active sensing does so every 0.3 s at least (MIDI 1.0)
AGAIN = "It is tried again every second."


class Source(Protocol):
    """One connection to the MIDI system that hears. Everything may raise anything."""

    def sources(self) -> list[str]:
        """Names of the ports that give MIDI, as the system tells them."""

    def connect(self, there: str, label: str, heard: Callable[[bytes], None]) -> None:
        """Hear the port that `sources` calls `there`; `heard` comes on a thread of the library."""

    def publish(self, label: str, heard: Callable[[bytes], None]) -> None:
        """Open a port of our own, to which programs connect."""

    def alive(self) -> bool:
        """False when the MIDI system ended."""

    def close(self) -> None: ...


def only_options(scheme: str, options: dict[str, str], allowed: tuple[str, ...], example: str) -> None:
    """LinkProblem when there is an option that is not allowed."""
    for key in options:
        if key not in allowed:
            raise LinkProblem(
                f"{scheme}: has no option '{key}'; known are {', '.join(allowed)}.{nearest(key, allowed)} Write for example {example}."
            )


def port_wanted(scheme: str, target: str, example: str) -> str:
    wanted = target.strip()
    if not wanted or not wanted.isprintable():
        raise LinkProblem(f"{scheme}: no MIDI port is named. Write {example}, or {scheme}:virtual for a port of our own.")
    return wanted


class PortLink:
    """One MIDI input by its name, opened again whenever it returns; a virtual one is our own.

    A thread takes a `turn` every BEAT_S: it looks for the port and calls `beat`; the library's thread calls `heard`. Both hold the
    lock then. Subclasses say what comes of it: `came`, `heard`, `went`, `beat`. Without `clock` nobody takes turns but the caller.
    """

    network = True
    label = "midi"

    def __init__(
        self,
        make: Callable[[], Source],
        wanted: str,
        wake: Callable[[], None],
        clock: Callable[[], float] | None = time.monotonic,
    ) -> None:
        self.feed = Feed(wake)
        self.wanted = wanted
        self.now = 0.0  # of the last turn or message
        self._make = make
        self._clock = clock
        self._virtual = wanted.casefold() == "virtual"
        self._source: Source | None = None
        self._there = ""
        self._told = ""
        self._next_look = 0.0
        self._lock = threading.RLock()
        self._end = threading.Event()
        self.hurry = threading.Event()  # a line that waits for its moment
        self._thread = threading.Thread(target=self._run, name=f"{self.label}-in", daemon=True)
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
        pass

    def drop(self, key: object) -> None:
        pass

    def close(self) -> None:
        self._end.set()
        self.hurry.set()
        if self._clock is not None:
            self._thread.join(2.0)
        self._let_go()
        self.feed.close()

    # ------------------------------------------------------------ what comes of it

    def came(self, name: str) -> None:
        """The port is open; `name` is as the system tells it."""

    def heard(self, message: bytes, now: float) -> None:
        """One MIDI message."""

    def went(self, now: float) -> None:
        """The port is gone, or everything it held has to end."""

    def beat(self, now: float) -> None:
        """Time passes."""

    # ------------------------------------------------------------ the link's own thread

    def say(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self.feed.tell(Said(text))

    def turn(self, now: float) -> None:
        """Look for the port when it is time, and let time pass."""
        self.now = now
        if now >= self._next_look:
            self._next_look = now + LOOK_S
            self._look(now)
        with self._lock:
            self.beat(now)

    def _run(self) -> None:
        assert self._clock is not None
        while not self._end.is_set():
            self.turn(self._clock())
            self.hurry.wait(BEAT_S if self._source is not None else LOOK_S)
            if self.hurry.is_set():
                self.hurry.clear()
                self._end.wait(APART_S)

    def _look(self, now: float) -> None:
        if self._source is not None and not self._still_there():
            self._let_go()
            with self._lock:
                self.went(now)
            self.say(f"'{self.wanted}' went away. Start it or plug it in again; playing goes on by itself.")
        if self._source is None:
            self._open()

    def _still_there(self) -> bool:
        source = self._source
        try:
            return source is not None and source.alive() and (self._virtual or self._there in source.sources())
        except Exception:
            return False

    def _open(self) -> None:
        source = None
        try:
            source = self._make()
            if self._virtual:
                self._there = self.wanted
                source.publish(self.label, self._on_message)
            else:
                self._there = self._found(source.sources())
                source.connect(self._there, self.label, self._on_message)
        except Exception as problem:  # libraries raise what they like
            if source is not None:
                with contextlib.suppress(Exception):
                    source.close()
            self.say(str(problem) if isinstance(problem, LinkProblem) else f"'{self.wanted}' does not open ({problem}). {AGAIN}")
            return
        self._source = source
        self._told = ""
        with self._lock:
            self.came("" if self._virtual else self._there)

    def _found(self, names: list[str]) -> str:
        found = fitting(self.wanted, names)
        if len(found) == 1:
            return found[0]
        if found:
            raise LinkProblem(f"Several MIDI ports fit '{self.wanted}': {listed(found)}. Write more of the name of one.")
        raise LinkProblem(
            f"There is no MIDI port '{self.wanted}' yet. It is used as soon as it appears. Ports that are there: {listed(names)}."
        )

    def _let_go(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            with contextlib.suppress(Exception):
                source.close()

    def _on_message(self, message: bytes) -> None:
        if not self._end.is_set() and message:
            with self._lock:
                self.heard(message, self._clock() if self._clock is not None else self.now)


def shown_name(name: str) -> str:
    """What people call the instrument behind a port: "Soundbeam" of "Soundbeam:Soundbeam MIDI 1 20:0"."""
    plain = plain_name(name)
    program, colon, _ = plain.partition(":")
    shown = program if colon and program not in ("a2j", "system", "alsa_midi") else plain
    return shown.replace("/", " ")[:64] or "MIDI in"


class Sensing:
    """Active sensing (MIDI 1.0): a device that sent 0xFE once and then nothing for `SENSING_S` is no longer there."""

    def __init__(self) -> None:
        self._last = float("inf")

    def heard(self, message: bytes, now: float) -> None:
        if message[0] == 0xFE or self._last < float("inf"):
            self._last = now

    def lost(self, now: float) -> bool:
        """True once when the device fell silent."""
        if now - self._last <= SENSING_S:
            return False
        self._last = float("inf")
        return True
