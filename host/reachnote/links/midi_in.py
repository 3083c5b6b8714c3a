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

import select
import threading
import time
from collections.abc import Callable

from reachnote.found_sensors import MOST, FoundBoard
from reachnote.links import LinkProblem, Opened
from reachnote.links._port import AGAIN, APART_S, BEAT_S, PortLink, Sensing, Source, only_options, port_wanted, shown_name
from reachnote.midi_sensors import Picked, put_on_board
from reachnote.midi_system import hush_jack, no_server_start, quiet, sockets, stable_name, which

SCHEME = "midi_in"
EXAMPLE = "midi_in:Soundbeam"
SAYS = "a MIDI instrument or controller as sensors: its notes, controllers, bend and pressure"

OPTIONS = ("notes", "hits", "controls", "channel", "api")
FETCH_S = 0.0015  # between two looks for messages where the library cannot call us


def open_link(target: str, options: dict[str, str], wake: Callable[[], None]) -> MidiInLink:
    """The link; a port that is not there yet is waited for. LinkProblem when the spec can never work."""
    only_options(SCHEME, options, OPTIONS, EXAMPLE)
    wanted = port_wanted(SCHEME, target, EXAMPLE)
    try:
        picked = Picked(options)
    except ValueError as problem:
        raise LinkProblem(f"{SCHEME}: {problem}") from None
    return MidiInLink(connector("reachnote in", SCHEME, options.get("api")), wanted, picked, wake)


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
        self._dirty = self._asked = False
        self._sensing = Sensing()
        super().__init__(make, wanted, wake, clock)

    @property
    def _key(self) -> object:
        assert self._board is not None
        return (self._board.uid, self._times)

    def write(self, key: object, letter: str, text: str = "") -> None:
        if letter == "a":
            self._asked = True

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
        if self._opened and self._asked:
            self._introduce()
        if self._opened and (self._dirty or now >= self._next_line):
            self._line(now)

    def _begin(self) -> None:
        assert self._board is not None
        self._opened = True
        self.feed.tell(Opened(self._key, self._board.name, self.feed.fileno))
        self._introduce()

    def _introduce(self) -> None:
        assert self._board is not None
        self._asked = False
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
        return LinkProblem(f"The MIDI system of this computer does not answer ({reason}), so nothing is heard. {AGAIN}")
    return LinkProblem(f"{what}, so nothing is heard from MIDI. {todo}. {AGAIN}")


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
            raise LinkProblem(
                "The MIDI library that is installed (rtmidi2) does not reach JACK. Install pip install python-rtmidi."
            )
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
