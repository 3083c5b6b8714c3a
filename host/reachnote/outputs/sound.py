"""Sound out of this computer, made by FluidSynth as a child process; or a WAV file of what was played."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys

from reachnote.model import Event

from . import OutputProblem
from ._backlog import Backlog
from ._spec import number, only_options, usable_path
from .file import FileOutput
from .midi import to_bytes

SCHEME = "sound"
EXAMPLE = "sound:"
SAYS = "sound from this computer, or a sound file of what was played (sound:session.wav)"

GAIN = 0.2
"""Start quiet: single notes peak 13 dB (strings, velocity 100) to 40 dB (piano, velocity 64) below full scale."""
RATE = 48_000
TRY_EVERY = 2.0
APT = "sudo apt install fluidsynth timgm6mb-soundfont"
DRIVERS = ("jack", "pulseaudio", "pipewire", "alsa", "coreaudio", "dsound", "wasapi", "sdl2", "oss")

_SOUNDFONTS = (
    "/usr/share/sounds/sf2/default-GM.sf2",
    "/usr/share/sounds/sf3/default-GM.sf3",
    "/usr/share/sounds/sf2/*.sf2",
    "/usr/share/sounds/sf3/*.sf3",
    "/usr/share/soundfonts/*.sf[23]",
)
_READY = b"reachnote-is-heard\n"


def can_sound() -> bool:
    """Whether this computer can make the sound itself: FluidSynth, a SoundFont and a way to the loudspeaker."""
    return bool(shutil.which("fluidsynth") and find_soundfont() and available_drivers())


def command(message: bytes) -> bytes:
    """The line of FluidSynth's shell that does what `message` says; b"" when it has no such line."""
    kind, channel = message[0] & 0xF0, message[0] & 0x0F
    if kind == 0x90:
        return b"noteon %d %d %d\n" % (channel, message[1], message[2])
    if kind == 0x80:
        return b"noteoff %d %d\n" % (channel, message[1])
    if kind == 0xB0:
        return b"cc %d %d %d\n" % (channel, message[1], message[2])
    if kind == 0xC0:
        return b"prog %d %d\n" % (channel, message[1])
    if kind == 0xE0:
        return b"pitch_bend %d %d\n" % (channel, message[1] | message[2] << 7)
    if kind == 0xF0:
        return b""  # a clock is not for a synthesizer
    # The shell knows no channel pressure; controller 1 does the same to a SoundFont (vibrato, 50 cents).
    return b"cc %d 1 %d\n" % (channel, message[1])


class SoundOutput:
    """FluidSynth fed by its shell on a pipe.

    When the pipe closes, however this process ends, FluidSynth ends and with it every note.
    """

    wants_levels = False

    def __init__(self, program: str, soundfont: str, driver: str | None, gain: float, name: str) -> None:
        self._program, self._soundfont, self._driver, self._gain, self._name = program, soundfont, driver, gain, name
        self._child: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._heard = b""
        self._backlog = Backlog()
        self._starts = self._failed = 0
        self._returned = self._closed = False
        self._trouble: str | None = None
        self._next_try = 0.0
        self._now = float("-inf")
        self._start()

    @property
    def dropped(self) -> int:
        return self._backlog.dropped

    def send(self, event: Event, text: str = "") -> None:
        message = to_bytes(event)
        if not message:
            return
        if not self._ready or len(self._backlog) or not self._write(message):
            self._backlog.put(message, self._now)

    def beat(self, now: float) -> None:
        self._now = now
        if self._closed:
            return
        self._listen()
        if self._child is not None and self._child.poll() is not None:
            self._lose()
        if self._child is None and now >= self._next_try:
            self._next_try = now + TRY_EVERY
            self._start()
        while self._ready and (message := self._backlog.take(now)) is not None:
            if not self._write(message):
                self._backlog.put(message, now)
                break

    def trouble(self) -> str | None:
        return self._trouble

    def lost_and_found(self) -> bool:
        returned, self._returned = self._returned, False
        return returned

    def close(self) -> None:
        self._closed, self._ready = True, False
        child, self._child = self._child, None
        if child is not None:
            _end(child)

    def _start(self) -> None:
        drivers = [self._driver] if self._driver else available_drivers()
        if not drivers:
            self._trouble = (
                "There is no sound card and no sound server (JACK, PulseAudio, PipeWire), so this computer makes no sound. "
                "Connect one; it is tried again by itself. 'sound:FILE.wav' works without."
            )
            return
        try:
            self._child = subprocess.Popen(
                self._arguments(drivers[self._failed % len(drivers)]),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={**os.environ, "JACK_NO_START_SERVER": "1", "TERM": "dumb"},
            )
            os.set_blocking(self._child.stdin.fileno(), False)
            os.set_blocking(self._child.stdout.fileno(), False)
            os.write(self._child.stdin.fileno(), b"echo " + _READY)
        except OSError as reason:
            self._trouble = (
                f"FluidSynth does not start ({reason.strerror}), so this computer makes no sound. Install it anew: {APT}"
            )
            self._lose(self._trouble)
            return
        self._starts += 1
        self._heard = b""
        self._trouble = self._trouble or "FluidSynth is starting; sound comes in a moment."

    def _arguments(self, driver: str) -> list[str]:
        settings = {"synth.sample-rate": RATE, "synth.gain": self._gain, "audio.jack.id": self._name, "audio.jack.autoconnect": 1}
        if driver != "jack":
            settings |= {"audio.period-size": 128, "audio.periods": 3}
        given = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
        return [self._program, "-q", "-n", *(["-a", driver] if driver else []), *given, self._soundfont]

    def _listen(self) -> None:
        """Read what FluidSynth prints, so that it never waits for us, until it answers the first line."""
        if self._child is None:
            return
        try:
            while data := os.read(self._child.stdout.fileno(), 65536):
                self._heard = (self._heard + data)[-4096:]
        except OSError:
            pass
        # A line of its own: the shell also prints what it was told, after a prompt and a word.
        if not self._ready and b"\n" + _READY in self._heard and self._child.poll() is None:
            self._ready, self._trouble = True, None
            self._returned = self._starts > 1

    def _write(self, message: bytes) -> bool:
        """A line is shorter than what a pipe takes whole, so it leaves whole or not at all."""
        try:
            return os.write(self._child.stdin.fileno(), command(message)) > 0
        except BlockingIOError:
            return False
        except OSError:
            self._lose()
            return False

    def _lose(self, sentence: str = "") -> None:
        child, self._child = self._child, None
        self._failed += not self._ready
        self._ready = False
        self._trouble = sentence or (
            "FluidSynth ended, so this computer makes no sound. It is started again by itself; if that lasts, "
            f"check that {self._driver or 'the sound card'} is free and '{self._soundfont}' is a SoundFont."
        )
        if child is not None:
            _end(child, 0.0)


def _end(child: subprocess.Popen[bytes], patience: float = 1.0) -> None:
    for pipe in (child.stdin, child.stdout):
        pipe.close()
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class WavOutput:
    """Keeps what is played in `path`.mid, safe against a crash, and turns it into sound on `close`."""

    wants_levels = True

    def __init__(self, path: str, program: str, soundfont: str, gain: float) -> None:
        self._path, self._program, self._soundfont, self._gain = path, program, soundfont, gain
        self._file = FileOutput(path + ".mid")
        self._trouble: str | None = None
        self._closed = False
        self.send = self._file.send
        self.beat = self._file.beat
        self.lost_and_found = self._file.lost_and_found

    @property
    def dropped(self) -> int:
        return self._file.dropped

    def send(self, event: Event, text: str = "") -> None: ...

    def beat(self, now: float) -> None: ...

    def lost_and_found(self) -> bool: ...

    def trouble(self) -> str | None:
        return self._trouble or self._file.trouble()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._file.close()
        if self._file.trouble() is None:
            self._render()

    def _render(self) -> None:
        notes, draft = self._path + ".mid", self._path + ".draft"
        try:
            done = subprocess.run(
                [
                    self._program,
                    "-q",
                    "-n",
                    "-i",
                    "-g",
                    str(self._gain),
                    "-r",
                    str(RATE),
                    "-T",
                    "wav",
                    "-F",
                    draft,
                    self._soundfont,
                    notes,
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )
            if done.returncode:
                raise OSError(0, "FluidSynth stopped early")
            os.replace(draft, self._path)
            os.unlink(notes)
        except OSError as reason:
            what = f"'{self._path}' was not made ({reason.strerror})."
            self._trouble = f"{what} The notes are kept in '{notes}'; play that file with any synthesizer."


def available_drivers() -> list[str]:
    """FluidSynth's names for the sound systems that seem to be there, the best first; "" where FluidSynth knows best itself."""
    if not sys.platform.startswith("linux"):
        return [""]
    server = os.environ.get("JACK_DEFAULT_SERVER", "default")
    pulse = os.path.join(os.environ.get("XDG_RUNTIME_DIR", "/nowhere"), "pulse/native")
    signs = {
        "jack": glob.glob(f"/dev/shm/jack_{glob.escape(server)}_*_*"),
        "pulseaudio": os.environ.get("PULSE_SERVER") or os.path.exists(pulse),
        "alsa": glob.glob("/dev/snd/pcmC*p"),
    }
    return [driver for driver, sign in signs.items() if sign]


def find_soundfont() -> str | None:
    """The SoundFont that the system installed, None when there is none."""
    return next((path for pattern in _SOUNDFONTS for path in sorted(glob.glob(pattern))), None)


def check(target: str, options: dict[str, str]) -> tuple[str, dict[str, str], float]:
    """Path ("" for now), options and gain; OutputProblem when they are written wrongly."""
    target = target.strip()
    if "=" in target and not target.lower().endswith(".wav"):
        key, _, value = target.partition("=")
        target, options = "", {key.strip(): value.strip(), **options}
    only_options(options, ("soundfont", "driver", "gain"), EXAMPLE)
    gain = number(options, "gain", 0.01, 1.0) or GAIN
    driver = options.get("driver")
    if driver not in (None, *DRIVERS):
        raise OutputProblem(f"The option 'driver' is '{driver}', so no sound was opened. Write one of: {', '.join(DRIVERS)}.")
    return usable_path(target, "sound:session.wav", ".wav") if target else "", options, gain


def open_output(target: str, options: dict[str, str], name: str) -> SoundOutput | WavOutput:
    """`target` empty: play now; a path that ends in .wav: write that file on closing.

    Options soundfont= (a path), driver= (how FluidSynth reaches the loudspeaker), gain= (0.01 .. 1).
    OutputProblem when FluidSynth or a SoundFont is missing; a missing sound card is waited for.
    """
    path, options, gain = check(target, options)
    driver = options.get("driver")
    program, soundfont = shutil.which("fluidsynth"), options.get("soundfont") or find_soundfont()
    if program is None:
        raise OutputProblem(f"FluidSynth is not installed, so this computer makes no sound itself. On Debian and Ubuntu: {APT}")
    if soundfont is None or not os.path.isfile(soundfont):
        named = f" {soundfont!r}" if soundfont else ""
        raise OutputProblem(f"There is no SoundFont{named}, so FluidSynth has no instruments. On Debian and Ubuntu: {APT}")
    if path:
        return WavOutput(path, program, soundfont, gain)
    return SoundOutput(program, soundfont, driver, gain, name)
