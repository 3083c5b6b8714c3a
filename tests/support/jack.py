"""A private JACK server without a sound card, synthesizers on it, and ears: what was heard, and which MIDI bytes arrived when.

    with Jack() as jack, jack.fluidsynth() as synth, jack.recorder("fsm:left") as ear, jack.midi_sink() as sink:
        with jack.environment():            # what is opened inside talks to this server
            output = open_output("midi:fsm")
        ...
        ear.audio()                         # (samples as float32, CLOCK_MONOTONIC seconds of the first one)
        sink.received                       # [(CLOCK_MONOTONIC seconds, bytes), ...]

Needs Debian's jackd2 (and fluidsynth, timgm6mb-soundfont, yoshimi for the synthesizers), PyPI's JACK-Client and numpy.
Everything that is started is ended by its own process id.
"""

from __future__ import annotations

import collections
import contextlib
import glob
import importlib.util
import os
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

_HEAD = struct.Struct("<dII")
SOUNDFONT = "/usr/share/sounds/sf2/TimGM6mb.sf2"


def missing(*programs: str) -> str | None:
    """Why a test of this module cannot run here, None when it can. `programs` beyond jackd."""
    lacking = [program for program in ("jackd", "jack_connect", *programs) if shutil.which(program) is None]
    if "fluidsynth" in programs and not glob.glob(SOUNDFONT):
        lacking.append("timgm6mb-soundfont")
    lacking += [library for library in ("jack", "numpy") if importlib.util.find_spec(library) is None]
    return f"not installed here: {', '.join(lacking)}" if lacking else None


def wait_until(true: Callable[[], object], seconds: float = 10.0, what: str = "what was waited for") -> None:
    """Return as soon as `true()` is; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.01)


class Jack:
    """A jackd with the dummy driver under a name that no other has, from entering the context to leaving it."""

    def __init__(self, rate: int = 48_000, period: int = 128, waits: bool = True) -> None:
        self.waits = waits
        self.name = ""
        self.rate, self.period = rate, period
        self.server: subprocess.Popen[bytes] | None = None
        self._watch = None
        self._place: int | None = None
        self._home = tempfile.TemporaryDirectory()
        self._take_name()

    def __enter__(self) -> Jack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        with contextlib.suppress(OSError):
            self._home.cleanup()
        os.close(self._place)

    def _take_name(self) -> None:
        # JACK keeps places for eight names, and only the next server of the same name clears the place of a killed one.
        import fcntl

        for number in range(1, 5):
            name = f"reachnote-test-{number}"
            place = os.open(os.path.join(tempfile.gettempdir(), f"{name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(place)
                continue
            self.name, self._place = name, place
            return
        raise AssertionError("four JACK servers of tests run already")

    def start(self) -> None:
        """Start the server (again) and wait until it answers."""
        import jack

        # -S: the server waits for every client of a cycle, so a busy machine loses neither sound nor messages; but when
        # a client is killed it then stands still for 2 s.
        driver = ("-d", "dummy", "-r", str(self.rate), "-p", str(self.period))
        self.server = self._run("jackd", "-n", self.name, *(["-S"] if self.waits else []), "-r", "-t", "200", *driver)
        deadline = time.monotonic() + 15.0
        while self._watch is None:
            assert self.server.poll() is None, "jackd ended at once"
            assert time.monotonic() < deadline, "jackd did not answer within 15 s"
            with contextlib.suppress(jack.JackOpenError):
                self._watch = self.client("watch")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server and wait until it is gone."""
        if self._watch is not None:
            with contextlib.suppress(Exception):
                self._watch.close()
            self._watch = None
        if self.server is not None:
            end(self.server)
            self.server = None

    def variables(self) -> dict[str, str]:
        """Environment variables that lead a program to this server, and never start another."""
        return {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}

    @contextlib.contextmanager
    def environment(self) -> Iterator[None]:
        """The variables set in this very process."""
        old = {key: os.environ.get(key) for key in self.variables()}
        os.environ.update(self.variables())
        try:
            yield
        finally:
            for key, value in old.items():
                os.environ.pop(key, None)
                if value is not None:
                    os.environ[key] = value

    def client(self, name: str):
        """A jack.Client of this server."""
        import jack

        jack.set_error_function(lambda text: None)
        jack.set_info_function(lambda text: None)
        return jack.Client(name, servername=self.name, no_start_server=True)

    def ports(self) -> list[str]:
        """Every port that is there, as `client:port`."""
        return [port.name for port in self._watch.get_ports()]

    def connect(self, source: str, destination: str) -> None:
        """Connect two ports with JACK's own program, as a person would; waits until both take it."""
        command = ["jack_connect", "-s", self.name, source, destination]
        wait_until(
            lambda: subprocess.run(command, capture_output=True, env=self._env()).returncode == 0,
            what=f"connecting '{source}' to '{destination}' (ports: {', '.join(self.ports())})",
        )

    @contextlib.contextmanager
    def program(self, *command: str, port: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
        """A program that plays on this server, from the moment its port `port` is there."""
        process = self._run(*command, stdin=stdin)
        try:
            wait_until(lambda: port in self.ports() or process.poll() is not None, 20.0, f"{command[0]}'s port '{port}'")
            assert process.poll() is None, f"{command[0]} ended at once"
            yield process
        finally:
            end(process)

    def fluidsynth(self, client: str = "fsm", gain: float = 1.0):
        """FluidSynth without reverb and chorus: ports `client:midi_00`, `client:left`, `client:right`."""
        return self.program(
            "fluidsynth", "-q", "-a", "jack", "-m", "jack", "-R", "0", "-C", "0", "-g", str(gain),
            "-o", f"midi.jack.id={client}", "-o", f"audio.jack.id={client}", "-o", f"synth.sample-rate={self.rate}",
            SOUNDFONT, port=f"{client}:left", stdin=subprocess.PIPE,
        )  # fmt: skip

    def yoshimi(self):
        """Yoshimi without a window, playing its plain sine: ports `yoshimi:midi in`, `yoshimi:left`, `yoshimi:right`."""
        return self.program("yoshimi", "-i", "-c", "-j", "-J", port="yoshimi:left")

    def zynaddsubfx(self):
        """ZynAddSubFX without a window: ports `zynaddsubfx:midi_input`, `zynaddsubfx:out_1`, `zynaddsubfx:out_2`."""
        command = ["zynaddsubfx", "-U", "-I", "jack", "-O", "jack"]
        return self.program(*command, "-r", str(self.rate), "-b", str(self.period), port="zynaddsubfx:out_1")

    def recorder(self, source: str):
        return Recorder(self, source)

    def midi_sink(self, name: str = "sink"):
        return MidiSink(self, name)

    def _env(self) -> dict[str, str]:
        # A home of its own: synthesizers keep their settings there, a test must neither read nor leave any.
        return {**os.environ, **self.variables(), "HOME": self._home.name, "XDG_CONFIG_HOME": self._home.name}

    def _run(self, *command: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=self._env(), stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def end(process: subprocess.Popen[bytes], patience: float = 3.0) -> None:
    """End one process that this module started: by closing its stdin where that is a pipe, then by asking, then for good.

    JACK waits seconds for a client that was killed and did not say goodbye.
    """
    steps = [process.terminate, process.kill]
    if process.stdin is not None:
        steps.insert(0, process.stdin.close)
    for step in steps:
        if process.poll() is None:
            step()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)


class _Ear:
    """A JACK client in a process of its own, so that nothing that happens in this one can make it miss a cycle.

    (In one process a MIDI library that holds Python's lock while it waits for the server, which waits for our
    callback, which waits for the lock, would stop the music.)
    """

    def __init__(self, jack: Jack, name: str, kind: str) -> None:
        self._jack, self._name, self._kind = jack, name, kind
        self.port = f"{name}:in"

    def _open(self) -> None:
        command = [sys.executable, "-P", __file__, self._jack.name, self._name, self._kind]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, env=self._jack._env())
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_until(lambda: self.port in self._jack.ports(), what=f"port '{self.port}'")

    def __exit__(self, *_: object) -> None:
        end(self._process)
        self._thread.join(5.0)
        self._process.stdout.close()

    def _read(self) -> None:
        pipe = self._process.stdout
        while len(head := pipe.read(_HEAD.size)) == _HEAD.size:
            at, frame, size = _HEAD.unpack(head)
            self._take(at, frame, pipe.read(size))


def _listen(server: str, name: str, kind: str) -> None:
    """The process of an ear: writes (seconds, frame, length, bytes) of each cycle or message until stdin closes."""
    import jack

    client = jack.Client(name, servername=server, no_start_server=True)
    heard: collections.deque[bytes] = collections.deque()

    def audio(frames: int) -> None:
        data = bytes(port.get_buffer())
        heard.append(_HEAD.pack(time.monotonic(), client.last_frame_time, len(data)) + data)

    def midi(frames: int) -> None:
        now = time.monotonic()
        for offset, message in port.incoming_midi_events():
            data = bytes(message)
            heard.append(_HEAD.pack(now, client.last_frame_time + offset, len(data)) + data)

    port = (client.inports if kind == "audio" else client.midi_inports).register("in")
    client.set_process_callback(audio if kind == "audio" else midi)
    client.activate()
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        while heard:
            sys.stdout.buffer.write(heard.popleft())
        sys.stdout.buffer.flush()
    client.deactivate()
    client.close()


class Recorder(_Ear):
    """Hears one audio port. Cycles that the ear came too late for are silence in `audio` and counted in `gaps`."""

    def __init__(self, jack: Jack, source: str) -> None:
        super().__init__(jack, "ear", "audio")
        self._source = source
        self._blocks: list[tuple[float, int, bytes]] = []
        self.gaps = 0

    def __enter__(self) -> Recorder:
        self._open()
        self._jack.connect(self._source, self.port)
        wait_until(lambda: self._blocks, what="the first sound cycle")
        return self

    def _take(self, at: float, frame: int, data: bytes) -> None:
        self._blocks.append((at, frame, data))

    def clear(self) -> None:
        """Forget what was heard so far."""
        now = time.monotonic()
        wait_until(lambda: self._blocks and self._blocks[-1][0] >= now, what="the next sound cycle")
        self._blocks.clear()

    def audio(self):
        """What was heard so far: (float32 samples, the CLOCK_MONOTONIC second of each).

        A sample's second is when its cycle reached this process (JACK's own clock wanders after a late cycle) plus
        its place in the cycle: what a loudspeaker would play no later than one period after it.
        """
        import numpy

        blocks, period = list(self._blocks), self._jack.period
        assert blocks, "nothing was recorded"
        first = blocks[0][1]
        count = (blocks[-1][1] - first) // period + 1
        sound = numpy.zeros((count, period), numpy.float32)
        seconds = numpy.full(count, numpy.nan)
        for at, frame, data in blocks:
            row = (frame - first) // period
            sound[row], seconds[row] = numpy.frombuffer(data, numpy.float32), at
        missed = numpy.isnan(seconds)
        self.gaps = int(missed.sum())
        seconds[missed] = numpy.interp(numpy.flatnonzero(missed), numpy.flatnonzero(~missed), seconds[~missed])
        return sound.ravel(), (seconds[:, None] + numpy.arange(period) / self._jack.rate).ravel()

    def hear(self, seconds: float):
        """The samples of the coming `seconds`."""
        self.clear()
        wait_until(lambda: len(self._blocks) * self._jack.period >= seconds * self._jack.rate, seconds + 10.0, "hearing")
        return self.audio()[0]


class MidiSink(_Ear):
    """A MIDI input port `name:in`; `received` grows by (CLOCK_MONOTONIC seconds, bytes) as messages arrive."""

    def __init__(self, jack: Jack, name: str) -> None:
        super().__init__(jack, name, "midi")
        self.received: list[tuple[float, bytes]] = []

    def __enter__(self) -> MidiSink:
        self._open()
        return self

    def _take(self, at: float, frame: int, data: bytes) -> None:
        self.received.append((at, data))

    def sounding(self) -> set[tuple[int, int]]:
        """(status channel 0..15, key) of every note that began and did not end: after a session this must be empty."""
        open_notes: set[tuple[int, int]] = set()
        for _, data in list(self.received):
            kind, channel = data[0] & 0xF0, data[0] & 0x0F
            if kind == 0x90 and data[2]:
                open_notes.add((channel, data[1]))
            elif kind in (0x80, 0x90):
                open_notes.discard((channel, data[1]))
        return open_notes

    def wait_for(self, count: int, seconds: float = 5.0) -> None:
        """Return when `count` messages have arrived."""
        wait_until(lambda: len(self.received) >= count, seconds, f"{count} MIDI messages (seen {len(self.received)})")


def pitch(sound, rate: int, low: float = 50.0, high: float = 2000.0) -> float:
    """The strongest frequency of `sound` in hertz between `low` and `high`."""
    return pitches(sound, rate, 1, low, high)[0]


def pitches(sound, rate: int, count: int, low: float = 50.0, high: float = 2000.0) -> list[float]:
    """The `count` strongest frequencies in hertz, lowest first, at least half a tone apart."""
    import numpy

    size = max(len(sound), 4 * rate)  # zero padding: steps of a quarter hertz
    spectrum = numpy.abs(numpy.fft.rfft(sound * numpy.hanning(len(sound)), size))
    hertz = numpy.fft.rfftfreq(size, 1.0 / rate)
    spectrum[(hertz < low) | (hertz > high)] = 0.0
    found: list[float] = []
    for _ in range(count):
        strongest = float(hertz[int(spectrum.argmax())])
        found.append(strongest)
        spectrum[(hertz > strongest / 1.03) & (hertz < strongest * 1.03)] = 0.0
    return sorted(found)


if __name__ == "__main__":
    _listen(*sys.argv[1:])
