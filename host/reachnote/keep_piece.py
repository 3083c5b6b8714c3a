"""Keep this piece: what was played, or a song, as a sound file that anybody can take home. FluidSynth makes the sound."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from reachnote.model import Event
from reachnote.outputs.sound import APT, GAIN, RATE, find_soundfont
from reachnote.smf_bytes import take_to_smf

TAIL_S = 2.0  # for what still rings after the last event
PATIENCE_S = 600.0
_RIFF_HEAD = 44


class KeepProblem(Exception):
    """Why there is no sound file; one sentence or two."""


def keep(piece: bytes | Iterable[Event], wav: str | Path, soundfont: str | None = None, gain: float = GAIN) -> None:
    """Write the piece to the file `wav`: 48 kHz, 16 bits, stereo, whole or not at all; an older file stays until then.

    `piece` is a Standard MIDI File of ours (`smf_bytes`) as bytes, or the events of a take with their times. Not for files
    of other people: those go through `smf.read_song` first. Takes about a fiftieth of the piece's length.
    KeepProblem when FluidSynth or a SoundFont is missing, or the file cannot be written.
    """
    wav = Path(wav)
    program, soundfont = shutil.which("fluidsynth"), soundfont or find_soundfont()
    if program is None:
        raise KeepProblem(f"'{wav}' was not made: FluidSynth is not installed. On Debian and Ubuntu: {APT}")
    if soundfont is None or not os.path.isfile(soundfont):
        raise KeepProblem(f"'{wav}' was not made: there is no SoundFont, so FluidSynth has no instruments. {APT}")
    if not _is_soundfont(soundfont):
        raise KeepProblem(f"'{wav}' was not made: '{soundfont}' is not a SoundFont. {APT}")
    notes = piece if isinstance(piece, bytes) else take_to_smf(piece, tail_s=TAIL_S)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{wav.name}.", dir=wav.parent) as folder:
            sound = _rendered(program, soundfont, gain, notes, Path(folder))
            os.replace(sound, wav)
    except KeepProblem as problem:
        raise KeepProblem(f"'{wav}' was not made: {problem}") from None
    except OSError as problem:
        raise KeepProblem(f"'{wav}' was not made ({problem.strerror}). Choose another place.") from None
    except subprocess.TimeoutExpired:
        raise KeepProblem(f"'{wav}' was not made: FluidSynth did not finish in {PATIENCE_S / 60:.0f} minutes.") from None


def _is_soundfont(path: str) -> bool:
    """FluidSynth would make silence of anything else, without complaint."""
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[:4] == b"RIFF" and head[8:] == b"sfbk"


def _rendered(program: str, soundfont: str, gain: float, notes: bytes, folder: Path) -> Path:
    midi, sound = folder / "piece.mid", folder / "piece.wav"
    midi.write_bytes(notes)
    argv = [program, "-q", "-n", "-i", "-g", f"{gain:g}", "-r", str(RATE), "-O", "s16", "-T", "wav", "-F", str(sound)]
    surroundings = {**os.environ, "TERM": "dumb"}
    done = subprocess.run(
        [*argv, soundfont, str(midi)], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, env=surroundings
    )
    if done.returncode or not sound.exists() or sound.stat().st_size <= _RIFF_HEAD:
        raise KeepProblem("FluidSynth stopped early.")
    return sound
