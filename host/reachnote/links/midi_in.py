"""`midi_in:PORT NAME[,notes=..][,hits=..][,controls=..][,channel=..]`: what is in the cupboard already, as a board.

Notes and controllers of a Soundbeam, a Skoog, a MIDIcreator or any other controller become sensors, so that calibration and
activities serve them as they serve our own boards: a note is a switch (with the strength of its velocity) or, named by
`hits`, an impact; a controller or pressure is a value 0..127, the bend one of 0..16383. Without options each is
found as it first speaks. Stuck notes end when the port goes, and when a device that sent active sensing falls silent.

    midi_in:Soundbeam
    midi_in:Skoog,notes=C4+D4+E4+F4+G4,controls=1+bend
    midi_in:Drum pad,hits=36-43,channel=10
    midi_in:virtual                          a port of our own, to which programs connect
"""

from __future__ import annotations

import contextlib
import re
import select
import threading
import time
from collections.abc import Callable
from typing import Protocol

from reachnote.found_sensors import MOST, RATE_HZ, FoundBoard
from reachnote.key_names import midi_key
from reachnote.links import Change, LinkProblem, Opened, Said
from reachnote.links._feed import Feed
from reachnote.midi_system import fitting, hush_jack, listed, no_server_start, plain_name, quiet, sockets, stable_name, which
from reachnote.music import note_name
from reachnote.unknown import nearest

SCHEME = "midi_in"
EXAMPLE = "midi_in:Soundbeam"
SAYS = "a MIDI instrument or controller as sensors: its notes, controllers, bend and pressure"

OPTIONS = ("notes", "hits", "controls", "channel", "api")
BEAT_S = 1.0 / RATE_HZ
LOOK_S = 0.5
FETCH_S = 0.0015  # between two looks for messages where the library cannot call us
APART_S = 0.004  # between two lines that no edge asked for
SENSING_S = 0.5  # a device that sends active sensing does so every 0.3 s at least (MIDI 1.0)
NAMED_CONTROLS = ("bend", "pressure")
CENTRE, TOP = 8192, 16383
_SPAN = re.compile(r"(.*?[0-9])-(.+)")  # "C4-E4", "C-1-C1", "36-43"


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


# ---------------------------------------------------------------- options


def open_link(target: str, options: dict[str, str], wake: Callable[[], None]) -> MidiInLink:
    """The link; a port that is not there yet is waited for. LinkProblem when the spec can never work."""
    only_options(SCHEME, options, OPTIONS, EXAMPLE)
    wanted = port_wanted(SCHEME, target, EXAMPLE)
    picked = Picked(options)
    return MidiInLink(connector("reachnote in", SCHEME, options.get("api")), wanted, picked, wake)


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


class Picked:
    """Which notes and controllers the options name. Nothing named: everything is taken as it comes."""

    def __init__(self, options: dict[str, str]) -> None:
        self.channel = _whole("channel", options["channel"], 1, 16) if "channel" in options else 0
        self.notes = [key for word in _words(options, "notes") for key in _span(word, "notes")]
        self.hits = [key for word in _words(options, "hits") for key in _span(word, "hits")]
        self.controls: list[int | str] = []
        for word in _words(options, "controls"):
            self.controls += [word] if word in NAMED_CONTROLS else _controllers(word)
        self.all = not (self.notes or self.hits or self.controls)
        both = sorted(set(self.notes) & set(self.hits))
        if both:
            raise LinkProblem(f"midi_in: {note_name(both[0])} is named under notes and under hits; leave it in one of them.")
        many = len({*self.notes}) + len({*self.hits}) + len({*self.controls})
        if many > MOST:
            raise LinkProblem(f"midi_in: {many} notes and controllers are named; a board has at most {MOST}.")

    def declare(self, board: FoundBoard) -> None:
        """Introduce what is named, on the channel that is named or on the first."""
        channel = self.channel or 1
        for key in self.notes:
            board.declare(note_sensor(key, channel), "switch")
        for key in self.hits:
            board.declare(note_sensor(key, channel), "impact", min=0, max=4095, rest=0, reach=4095)
        for control in self.controls:
            top, rest = (TOP, CENTRE) if control == "bend" else (127, 0)
            board.declare(control_sensor(control, channel), "voltage", min=0, max=top, rest=rest, reach=top)


def _words(options: dict[str, str], name: str) -> list[str]:
    if name not in options:
        return []
    words = [word.strip() for word in options[name].split("+")]
    if not all(words):
        raise LinkProblem(f"midi_in: {name}={options[name]} has a gap. Join several with +, as in {name}={_AS_IN[name]}.")
    return words


_AS_IN = {"notes": "C4+E4+G4", "hits": "36-43", "controls": "1+11+bend"}


def _span(word: str, name: str) -> list[int]:
    span = _SPAN.fullmatch(word)
    try:
        low = midi_key(span[1] if span else word)
        high = midi_key(span[2]) if span else low
    except ValueError as problem:
        raise LinkProblem(f"midi_in: {name}: {problem}.") from None
    if low > high:
        raise LinkProblem(f"midi_in: {name}={word} goes down; write the lower key first.")
    return list(range(low, high + 1))


def _controllers(word: str) -> list[int]:
    first, dash, last = word.partition("-")
    low = _whole("controls", first, 0, 119)
    high = _whole("controls", last, 0, 119) if dash else low
    if low > high:
        raise LinkProblem(f"midi_in: controls={word} goes down; write the lower number first.")
    return list(range(low, high + 1))


def _whole(name: str, word: str, least: int, most: int) -> int:
    if not word.isascii() or not word.isdigit() or len(word) > 4 or not least <= int(word) <= most:
        also = ", bend or pressure" if name == "controls" else ""
        near = nearest(word, NAMED_CONTROLS) if name == "controls" else ""
        raise LinkProblem(f"midi_in: {name} '{word}'; write a number from {least} to {most}{also}.{near}")
    return int(word)


def note_sensor(key: int, channel: int) -> str:
    """What the sensor of a note is called: "C4", on other channels than the first "C4 ch2"."""
    return note_name(key) if channel == 1 else f"{note_name(key)} ch{channel}"


def control_sensor(control: int | str, channel: int) -> str:
    """"CC 11", "bend", "pressure", with the channel where it is not the first."""
    name = control if isinstance(control, str) else f"CC {control}"
    return name if channel == 1 else f"{name} ch{channel}"


def put_on_board(board: FoundBoard, picked: Picked, message: bytes, now_us: int) -> bool:
    """What one MIDI message means for the board; True when a line should leave at once."""
    kind, channel = message[0] & 0xF0, (message[0] & 15) + 1
    if len(message) < (2 if kind == 0xD0 else 3) or kind not in (0x80, 0x90, 0xA0, 0xB0, 0xD0, 0xE0):
        return False
    if picked.channel and channel != picked.channel:
        return False
    if not picked.all and not picked.channel:
        channel = 1  # what is named, on whatever channel it comes
    a, b = message[1], message[2] if len(message) > 2 else 0
    if kind in (0x80, 0x90):
        down = kind == 0x90 and b > 0
        name = note_sensor(a, channel)
        if a in picked.hits:
            return down and board.hit(name, b * 4095 // 127, now_us)
        return board.press(name, down, now_us, 1 + (b - 1) * 7 // 127 if down else 0)
    if kind == 0xB0 and a >= 120:
        return board.let_go(now_us) if a in (120, 123) else False
    if kind == 0xE0:
        return board.move(control_sensor("bend", channel), a + 128 * b, now_us, high=TOP, rest=CENTRE)
    if kind == 0xD0:
        return board.move(control_sensor("pressure", channel), a, now_us)
    if kind == 0xA0:
        return board.move(f"{note_sensor(a, channel)} pressure", b, now_us)
    if 32 <= a < 64 and a not in picked.controls:  # the fine half of another controller
        return False
    return board.move(control_sensor(a, channel), b, now_us)


# ---------------------------------------------------------------- a port by its name


class PortLink:
    """One MIDI input by its name, opened again whenever it returns; a virtual one is our own.

    A thread takes a `turn` every BEAT_S: it looks for the port and calls `beat`; the library's thread calls `heard`. Both hold the
    lock then. Subclasses say what comes of it: `came`, `heard`, `went`, `beat`. Without `clock` nobody takes turns but the caller.
    """

    network = True
    label = "midi"

    def __init__(
        self, make: Callable[[], Source], wanted: str, wake: Callable[[], None], clock: Callable[[], float] | None = time.monotonic
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
            self.say(str(problem) if isinstance(problem, LinkProblem) else f"'{self.wanted}' does not open ({problem}). {_AGAIN}")
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


_AGAIN = "It is tried again every second."


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


class MidiInLink(PortLink):
    """See reachnote.links.Link. A key is (uid of the port, how many times it came)."""

    label = "sensors"

    def __init__(
        self,
        make: Callable[[], Source],
        wanted: str,
        picked: Picked,
        wake: Callable[[], None],
        clock: Callable[[], float] | None = time.monotonic,
    ) -> None:
        self._picked = picked
        self._board: FoundBoard | None = None
        self._opened = False
        self._times = 0
        self._next_line = self._last_line = 0.0
        self._dirty = False
        self._sensing = Sensing()
        super().__init__(make, wanted, wake, clock)

    @property
    def _key(self) -> object:
        assert self._board is not None
        return (self._board.uid, self._times)

    def write(self, key: object, letter: str, text: str = "") -> None:
        with self._lock:
            if letter == "a" and self._opened and key == self._key:
                self._introduce()

    def came(self, name: str) -> None:
        if self._board is None:
            self._board = FoundBoard(f"midi:{stable_name(name) or 'virtual'}"[:64], shown_name(name), "midi", self._picked.all)
            self._picked.declare(self._board)
        self._sensing = Sensing()
        self._times += 1
        if self._board.known:
            self._begin()
        else:
            self.say(f"{self._board.name} is there. Play every note and move everything that is to be a sensor once.")

    def heard(self, message: bytes, now: float) -> None:
        board = self._board
        self._sensing.heard(message, now)
        if board is None or message[0] >= 0xF0:
            return
        now_us = int(now * 1e6)
        if not put_on_board(board, self._picked, message, now_us):
            self._crowded(board)
        elif message[0] & 0xF0 in (0x80, 0x90) or now - self._last_line >= APART_S:
            self._line(now)
        else:
            self._dirty = True
            self.hurry.set()

    def went(self, now: float) -> None:
        if self._board is not None:
            self._board.let_go(int(now * 1e6))
        if self._opened:
            self._line(now)
            self._opened = False
            self.feed.end(self._key)

    def beat(self, now: float) -> None:
        board = self._board
        if board is None or self._source is None:
            return
        if self._sensing.lost(now) and board.let_go(int(now * 1e6)):
            self._dirty = True
        if board.settle(int(now * 1e6)):
            if self._opened:
                self._introduce()
            else:
                self._begin()
        if self._opened and (self._dirty or now >= self._next_line):
            self._line(now)

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

    def _crowded(self, board: FoundBoard) -> None:
        if board.crowded:
            board.crowded = False
            self.say(
                f"{board.name} sends more than {MOST} different notes and controllers; the others are not heard. Name those that "
                f"matter, as in {SCHEME}:{self.wanted},notes=C3-C5,controls=1+11."
            )


# ---------------------------------------------------------------- the libraries


def connector(client: str, scheme: str, api: str | None) -> Callable[[], Source]:
    """What opens a connection as `client`, with the first MIDI library that can be loaded; else LinkProblem."""
    if api not in (None, "alsa", "jack"):
        raise LinkProblem(f"{scheme}: api '{api}'; write api=alsa or api=jack, or leave it out.")
    no_server_start()
    for load in LIBRARIES:
        try:
            open_source = load()
        except Exception:
            continue
        return lambda: open_source(client, which(api))
    raise LinkProblem(f"{scheme}: no MIDI library is installed for this Python. Install one: pip install python-rtmidi")


def _no_system(system: str, reason: object) -> LinkProblem:
    what = {"jack": "No JACK server answers", "alsa": "The ALSA sequencer does not answer"}.get(system)
    todo = {"jack": "Start JACK, or load the sequencer (modprobe snd-seq)", "alsa": "Load it (modprobe snd-seq)"}.get(system)
    if what is None:
        return LinkProblem(f"The MIDI system of this computer does not answer ({reason}), so nothing is heard. {_AGAIN}")
    return LinkProblem(f"{what}, so nothing is heard from MIDI. {todo}. {_AGAIN}")


def _rtmidi() -> Callable[[str, str], Source]:
    import rtmidi

    systems = {"": rtmidi.API_UNSPECIFIED, "alsa": rtmidi.API_LINUX_ALSA, "jack": rtmidi.API_UNIX_JACK}
    hush_jack()

    class RtMidiSource:
        def __init__(self, client: str, system: str) -> None:
            before = sockets()
            try:
                with quiet():
                    self._in = rtmidi.MidiIn(systems[system], name=client)
            except Exception as reason:
                raise _no_system(system, reason) from None
            self._jack = system == "jack"
            self._lines = sockets() - before if self._jack else set()
            self._closed = threading.Event()
            self._fetcher: threading.Thread | None = None

        def sources(self) -> list[str]:
            with quiet():
                return list(self._in.get_ports())

        def connect(self, there: str, label: str, heard: Callable[[bytes], None]) -> None:
            self._in.ignore_types(sysex=True, timing=False, active_sense=False)
            with quiet():
                index = self._in.get_ports().index(there)
                self._in.open_port(index, label)
                if self._in.get_ports()[index : index + 1] != [there]:
                    raise OSError("the ports changed meanwhile")
            self._listen(heard)

        def publish(self, label: str, heard: Callable[[bytes], None]) -> None:
            self._in.ignore_types(sysex=True, timing=False, active_sense=False)
            try:
                with quiet():
                    self._in.open_virtual_port(label)
            except NotImplementedError:
                raise LinkProblem("This system has no MIDI ports of our own. Make a loopback port and name it instead.") from None
            self._listen(heard)

        def _listen(self, heard: Callable[[bytes], None]) -> None:
            # JACK would call from the thread that makes all sound: Python must never be waited for there.
            if self._jack:
                self._fetcher = threading.Thread(target=self._fetch, args=(heard,), name="jack-midi", daemon=True)
                self._fetcher.start()
            else:
                self._in.set_callback(lambda event, _: heard(bytes(event[0])))

        def _fetch(self, heard: Callable[[bytes], None]) -> None:
            get = self._in.get_message
            while not self._closed.wait(FETCH_S):
                while (event := get()) is not None:
                    heard(bytes(event[0]))

        def alive(self) -> bool:
            # A JACK server that ended still lists its ports, and nobody tells: its end of our sockets does.
            poll = select.poll()
            for line in self._lines:
                poll.register(line, 0)
            return not poll.poll(0)

        def close(self) -> None:
            self._closed.set()
            if self._fetcher is not None:
                self._fetcher.join(1.0)
            with quiet():
                self._in.delete()

    return RtMidiSource


def _rtmidi2() -> Callable[[str, str], Source]:
    import rtmidi2

    return lambda client, system: _RtMidi2Source(rtmidi2, client, system)


class _RtMidi2Source:
    def __init__(self, library, client: str, system: str) -> None:  # noqa: ANN001  a module without types
        if system == "jack":  # its wheel carries the libjack of JACK 1, which ends the process where JACK 2 runs
            raise LinkProblem("The MIDI library that is installed (rtmidi2) does not reach JACK. Install pip install python-rtmidi.")
        try:
            with quiet():
                self._in = library.MidiIn(client)
        except Exception as reason:
            raise _no_system(system, reason) from None

    def sources(self) -> list[str]:
        with quiet():
            return list(self._in.ports)

    def connect(self, there: str, label: str, heard: Callable[[bytes], None]) -> None:
        self._listen(heard)
        with quiet():
            self._in.open_port(list(self._in.ports).index(there))

    def publish(self, label: str, heard: Callable[[bytes], None]) -> None:
        self._listen(heard)
        with quiet():
            self._in.open_virtual_port(label)

    def _listen(self, heard: Callable[[bytes], None]) -> None:
        self._in.ignore_types(False, False, False)
        self._in.callback = lambda message, _: heard(bytes(message))

    def alive(self) -> bool:
        return True

    def close(self) -> None:
        with quiet():
            self._in.close_port()


LIBRARIES: list[Callable[[], Callable[[str, str], Source]]] = [_rtmidi, _rtmidi2]
"""How each library is loaded, the preferred first. Each raises ImportError where it is not installed."""
