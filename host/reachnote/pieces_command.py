"""`reachnote keep` (what was played, or a song, as sound or MIDI) and `reachnote teach` (a song, by playing it once on a keyboard)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import reachnote_wire as wire
from reachnote import journal, limits
from reachnote.adjust_command import recorded
from reachnote.commands import Trouble, recorded_orders
from reachnote.keep_piece import KeepProblem, keep
from reachnote.ledger import Ledger
from reachnote.model import Event, Kind, order
from reachnote.smf import open_song
from reachnote.smf_bytes import take_to_smf, to_smf
from reachnote.song import learn
from reachnote.song_text import SongProblem
from reachnote.therapist import message_of, thru

SOUND, NOTES = (".wav",), (".mid", ".midi")
TAIL_S = 2.0


def add(subparsers: Any) -> None:
    """The words of the commands."""
    kept = subparsers.add_parser("keep", help="keep a piece: what was just played, a recording or a song, as a sound or MIDI file")
    kept.add_argument("file", metavar="FILE", help="its name ends in .wav (sound, made by FluidSynth) or .mid")
    kept.add_argument("journal", nargs="?", default="", metavar="JOURNAL", help="a recording; without one the last minute")
    kept.add_argument("--song", default="", metavar="NAME|FILE", help="a carried song, a .toml or a .mid file instead")
    kept.set_defaults(run=keep_piece)
    taught = subparsers.add_parser("teach", help="make a song of what was just played on the therapist's keyboard")
    taught.add_argument("file", metavar="FILE.mid", help="the song; a scene names it: song = \"FILE.mid\"")
    taught.add_argument("journal", nargs="?", default="", metavar="JOURNAL", help="a recording; without one the last minute")
    taught.add_argument("--title", default="", help="what it is called")
    taught.add_argument("--tempo", type=float, default=0.0, metavar="BPM", help="beats a minute; guessed without it")
    taught.set_defaults(run=teach)


def keep_piece(arguments: argparse.Namespace) -> int:
    path = _new_file(arguments.file, (*SOUND, *NOTES))
    try:
        if arguments.song:
            song = open_song(arguments.song)
            notes, said = to_smf(song), f"'{song.title or arguments.song}'"
        else:
            notes, said = _played(arguments.journal)
        if path.suffix.lower() in SOUND:
            keep(notes, path)
        else:
            _write(path, notes)
    except (KeepProblem, SongProblem, journal.JournalProblem) as problem:
        raise Trouble(str(problem)) from None
    print(f"{path}: {said}.")
    return 0


def teach(arguments: argparse.Namespace) -> int:
    path = _new_file(arguments.file, NOTES)
    if arguments.tempo and not 20.0 <= arguments.tempo <= 300.0:
        raise Trouble(f"--tempo {arguments.tempo:g} is not possible; write 20 to 300.", 2)
    try:
        _, entries = recorded(arguments.journal)
        song = learn(_of_keyboard(entries), arguments.title or path.stem, arguments.tempo)
    except journal.JournalProblem as problem:
        raise Trouble(str(problem)) from None
    except ValueError:
        raise Trouble(
            "Nothing was played on the therapist's keyboard, so there is no song. Play with --link therapist:NAME, "
            "play the song once, then give this command within a minute."
        ) from None
    _write(path, to_smf(song))
    count, phrases = len(song.notes), len(song.phrases)
    print(f"{path}: {_counted(count, 'note')} in {_counted(phrases, 'phrase')}, {song.bpm:.0f} beats a minute.")
    print(f'Step through it: in a scene of yours write song = "{path.name}" and [activity] name = "song".')
    return 0


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _played(name: str) -> tuple[bytes, str]:
    """(the MIDI file of everything that sounded, in words what it is). Trouble when nothing did."""
    facts, entries = recorded(name)
    ledger = Ledger()
    for thing in recorded_orders(facts):
        if thing.get("order") == "limits" and thing.get("preset") in limits.PRESETS:
            ledger.take(order(Kind.LIMITS, 0.0), limits.pack_limits(limits.PRESETS[thing["preset"]], preset=True))
    events: list[Event] = []
    for entry in entries:
        if isinstance(entry, journal.Left):
            events += ledger.take(entry.event)
    sounding = [event for event in events if event.kind == Kind.NOTE_ON]
    if not sounding:
        raise Trouble("Nothing sounded in that time, so there is no piece to keep.")
    first, last = sounding[0].time, events[-1].time
    events += ledger.release_all(last)
    begun = [event if event.time >= first else event._replace(time=first) for event in events]
    seconds = last - first + TAIL_S
    return take_to_smf(begun, tail_s=TAIL_S), f"{_counted(len(sounding), 'note')}, {seconds:.0f} s"


def _of_keyboard(entries: Iterable[journal.Entry]) -> list[Event]:
    """What the therapist played, of every link that brings MIDI messages."""
    splitters: dict[int, wire.Splitter] = {}
    found = []
    for entry in entries:
        if isinstance(entry, journal.Line):
            for body in splitters.setdefault(entry.link, wire.Splitter()).feed(entry.line + b"\n"):
                message = message_of(body) if body[:1] == b"m" else None
                if message is not None and (event := thru(message, entry.time)) is not None:
                    found.append(event)
    return found


def _new_file(name: str, endings: tuple[str, ...]) -> Path:
    path = Path(name)
    if path.suffix.lower() not in endings:
        raise Trouble(f"'{name}' is no name for it; write one that ends in {' or '.join(endings)}.", 2)
    if path.exists():
        raise Trouble(f"{path} is there already and is kept as it is. Choose another name.", 2)
    return path


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(data)
        os.replace(new, path)
    except OSError as problem:
        raise Trouble(f"'{path}' was not written ({problem.strerror}). Choose another place.") from None
