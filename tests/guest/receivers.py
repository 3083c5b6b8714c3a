"""Programs of other people that take MIDI from the ALSA sequencer, and the notes that each says it got."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

ON, OFF = "on", "off"
Note = tuple[str, int, int, int]
"""(on or off, channel 1..16, key, velocity); the velocity of an off is 0 where the program does not tell it."""

SOUNDFONT = "/usr/share/sounds/sf2/TimGM6mb.sf2"
PATCH = """#N canvas 0 0 400 300 10;
#X obj 10 10 notein;
#X obj 10 40 pack 0 0 0;
#X obj 10 70 print note;
#X connect 0 0 1 0;
#X connect 0 1 1 1;
#X connect 0 2 1 2;
#X connect 1 0 2 0;
"""


def listed() -> str:
    """The sequencer's ports and what is joined to what, as `aconnect` tells."""
    return subprocess.run(["aconnect", "-l"], capture_output=True, text=True, check=True).stdout


def clients() -> list[str]:
    """The names of the programs that have a port."""
    return re.findall(r"^client \d+: '([^']*)'", listed(), re.M)


def joined(client: str) -> set[str]:
    """The names of the programs that get what the ports of `client` send."""
    names, sender, found = {}, "", set()
    for line in listed().splitlines():
        if program := re.match(r"client (\d+): '([^']*)'", line):
            number, sender = program.groups()
            names[number] = sender
        elif sender == client and line.startswith("\tConnecting To: "):
            found |= set(re.findall(r"(\d+):\d+", line))
    return {names[number] for number in found}


class Program:
    """A receiver that runs until `close`; what it printed is kept over restarts."""

    argv: list[str]
    client: str

    def __init__(self, folder: Path) -> None:
        self._said = folder / f"{self.client}.txt".replace(" ", "-")
        self._said.touch()
        self.open()

    def open(self) -> None:
        with open(self._said, "ab") as said:
            self._process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)

    def close(self) -> None:
        """End it at once, as a crash would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def said(self) -> str:
        return self._said.read_text(errors="replace")

    def notes(self) -> list[Note]:
        raise NotImplementedError

    def sounding(self) -> set[tuple[int, int]]:
        """(channel, key) of every note that began and did not end."""
        there: set[tuple[int, int]] = set()
        for what, channel, key, _ in self.notes():
            (there.add if what == ON else there.discard)((channel, key))
        return there


class Aseqdump(Program):
    """`aseqdump -p PORT`: joins itself to somebody's port and prints each event."""

    client = "aseqdump"
    _NOTE = re.compile(r"Note (on|off) +(\d+), note (\d+), velocity (\d+)")

    def __init__(self, folder: Path, port: str) -> None:
        self.argv = ["stdbuf", "-oL", "aseqdump", "-p", port]
        super().__init__(folder)

    def notes(self) -> list[Note]:
        return [(what, int(channel) + 1, int(key), int(velocity)) for what, channel, key, velocity in self._NOTE.findall(self.said())]


class PureData(Program):
    """Pure Data without a window; its own MIDI input port is named 'Pure Data Midi-In 1'."""

    client = "Pure Data"
    _NOTE = re.compile(r"note: (\d+) (\d+) (\d+)")

    def __init__(self, folder: Path) -> None:
        patch = folder / "notes.pd"
        patch.write_text(PATCH)
        self.argv = [
            "pd", "-nogui", "-stderr", "-noaudio", "-nrt", "-noprefs", "-alsamidi", "-midiindev", "1", str(patch),
        ]  # fmt: skip
        super().__init__(folder)

    def notes(self) -> list[Note]:
        found = [tuple(map(int, note)) for note in self._NOTE.findall(self.said())]
        return [(ON if velocity else OFF, channel, key, velocity) for key, velocity, channel in found]


class FluidSynth(Program):
    """A synthesizer that writes what it sounds into a file (16 bits, stereo, 22 050 Hz); its port carries its process number."""

    client = "FLUID Synth"

    def __init__(self, folder: Path, sound: Path) -> None:
        self.argv = [
            "fluidsynth", "-i", "-s", "-q", "-a", "file", "-m", "alsa_seq", "-R", "0", "-C", "0",
            "-T", "raw", "-O", "s16", "-o", f"audio.file.name={sound}", "-o", "synth.sample-rate=22050", SOUNDFONT,
        ]  # fmt: skip
        super().__init__(folder)


class Midish:
    """A sequencer without a window: joins itself to somebody's port and records until it is interrupted, then saves `file`."""

    client = "midish/0"

    def __init__(self, sender: str, file: Path) -> None:
        lines = (f'dnew 0 "{sender}" ro', "tnew reachnote", "r", f'export "{file}"', "exit")
        self._process = subprocess.Popen(["midish", "-b"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self._process.stdin.close()
        for _ in range(200):
            if self.client in joined(sender):
                return
            time.sleep(0.1)
        self._process.kill()
        raise AssertionError(f"midish did not join: {self._process.stdout.read()!r}")

    def end(self) -> None:
        """The recording is over; the file is there then."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)


def settled(program: Program, seconds: float = 0.5) -> list[Note]:
    """The notes once nothing more has come for a while."""
    while True:
        before = program.notes()
        time.sleep(seconds)
        if program.notes() == before:
            return before
