"""Songs from files: Standard MIDI Files of other people through a guarded child, our own TOML, and the carried songs.

mido reads a hostile file for minutes and into gigabytes, so it runs in a process of its own with limits, over bytes
that were looked over first. Whatever is in the file, the answer is a Song or one sentence, within PATIENCE_S and a moment.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from reachnote import places
from reachnote.chords import parse_chord
from reachnote.model import Kind
from reachnote.smf_bytes import NO_CHORD
from reachnote.song import Control, Note, Part, Song, SongChord, Word, guess_key, untangled
from reachnote.song_text import SongProblem, read_song_text
from reachnote.tempo import QUICKEST, SLOWEST, Metre
from reachnote.unknown import listed, nearest

PATIENCE_S = 5.0
MOST_SAID = 32 * 1024 * 1024  # bytes of JSON from the child
LONGEST_TEXT_FILE = 64 * 1024

_CHILD = Path(__file__).with_name("smf_child.py")
_KINDS = {"control": Kind.CONTROL, "program": Kind.PROGRAM, "bend": Kind.BEND, "pressure": Kind.PRESSURE}


def carried() -> dict[str, Path]:
    """The songs that come with reachnote, by name."""
    return {path.stem: path for path in sorted(places.songs().glob("*.toml"))}


def open_song(what: str) -> Song:
    """A carried song by its name, or the song in a file that ends in .toml, .mid or .midi. SongProblem is one sentence."""
    songs = carried()
    if what in songs:
        return _read_text(songs[what])
    if what.lower().endswith(".toml"):
        return _read_text(Path(what))
    if what.lower().endswith((".mid", ".midi", ".smf", ".kar", ".rmi")):
        return read_song(what)
    raise SongProblem(
        f"There is no song '{what}'. Carried songs: {listed(songs)}; or write the path of a .mid or .toml file.{nearest(what, songs)}"
    )


def _read_text(path: Path) -> Song:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(LONGEST_TEXT_FILE + 1)
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is not text"
        raise SongProblem(f"The song '{path}' cannot be read ({why}).") from None
    return read_song_text(text, path.name)


# ---------------------------------------------------------------- Standard MIDI Files


def read_song(path: str | Path) -> Song:
    """The song in a Standard MIDI File of format 0, 1 or 2 (2: its patterns one after the other).

    At most 4 MiB, 100 000 events, 256 tracks and 40 000 beats. The pedal is in the lengths of the notes; a file in time code
    counts two beats a second. The key is the file's first, else guessed. SongProblem is one sentence.
    """
    said = _from_child(str(path))
    try:
        if "problem" in said:
            raise SongProblem(f"'{path}' {said['problem']}. Choose another file, or save it anew from the program that made it.")
        return _song(said["song"], Path(path).stem)
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
        raise SongProblem(f"'{path}' could not be read as a song. Choose another file.") from None


def _from_child(path: str) -> dict[str, Any]:
    argv = [sys.executable, "-I", str(_CHILD), path]
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except (OSError, ValueError) as problem:  # ValueError: a name with a zero byte in it
        why = getattr(problem, "strerror", None) or "its name is impossible"
        raise SongProblem(f"'{path}' cannot be read ({why}).") from None
    heard: list[bytes] = []
    listening = threading.Thread(target=lambda: heard.append(child.stdout.read(MOST_SAID + 1)), daemon=True)
    listening.start()
    listening.join(PATIENCE_S)
    late = listening.is_alive() or _ended(child) == -getattr(signal, "SIGXCPU", 0)
    child.kill()
    child.wait()
    listening.join()
    child.stdout.close()
    if late:
        raise SongProblem(f"'{path}' takes too long to read, so it was left alone. Choose another file.")
    try:
        said = json.loads(heard[0]) if len(heard[0]) <= MOST_SAID else None
    except (ValueError, IndexError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise SongProblem(f"'{path}' could not be read as a song. Choose another file.")
    return said


def _ended(child: subprocess.Popen[bytes]) -> int:
    try:
        return child.wait(0.5) or 1
    except subprocess.TimeoutExpired:
        return 1


def _song(said: dict[str, Any], name: str) -> Song:
    beats, ticks = said["beats"], said["ticks"]

    def beat(tick: int) -> float:
        return tick * beats / ticks

    notes = untangled(Note(beat(at), beat(lasts), key, velocity, part) for at, lasts, key, velocity, part in said["notes"])
    parts = tuple(Part(*head) for head in said["parts"])
    tonic, mode = said["key"] or guess_key(note for note in notes if parts[note.part].channel != 10)
    end = max(note.beat + note.length for note in notes)
    controls = (Control(beat(at), part, _KINDS[kind], a, b) for at, part, kind, a, b in said["controls"])
    return Song(
        title=said["title"] or name,
        notes=notes,
        parts=parts,
        tonic=tonic,
        mode=mode,
        tempo=_tempo([(beat(at), micros) for at, micros in said["tempo"]]),
        metre=_metre([(beat(at), count, unit) for at, count, unit in said["metre"]]),
        chords=_chords([(beat(at), text) for at, text in said["chords"]], end),
        words=tuple(sorted(Word(beat(at), text) for at, text in said["words"])),
        phrases=tuple(sorted({beat(at) for at in said["phrases"]})),
        controls=tuple(sorted(controls, key=lambda control: control.beat)),
    )


def _tempo(said: list[tuple[float, int]]) -> tuple[tuple[float, float], ...]:
    found = {0.0: 120.0}
    for at, micros in sorted(said, key=lambda one: one[0]):
        bpm = 60e6 / micros
        near = round(bpm, 2)  # what was meant, where the file's whole microseconds say just that
        found[at] = min(max(near if near and round(60e6 / near) == micros else bpm, SLOWEST), QUICKEST)
    return tuple(found.items())


def _metre(said: list[tuple[float, int, int]]) -> tuple[Metre, ...]:
    found = {0.0: Metre(0.0, 4, 4)}
    for at, count, unit in sorted(said, key=lambda one: one[0]):
        found[at] = Metre(at, count, unit)
    return tuple(found.values())


def _chords(said: list[tuple[float, str]], end: float) -> tuple[SongChord, ...]:
    said = sorted(said, key=lambda one: one[0])
    found = []
    for n, (at, name) in enumerate(said):
        until = said[n + 1][0] if n + 1 < len(said) else max(end, at)
        if name != NO_CHORD and until > at and _is_chord(name):
            found.append(SongChord(at, until - at, name))
    return tuple(found)


def _is_chord(name: str) -> bool:
    try:
        return bool(parse_chord(name))
    except ValueError:
        return False
