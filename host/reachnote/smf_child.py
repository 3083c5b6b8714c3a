"""Reads one foreign MIDI file, in a process of its own that may be killed: `python smf_child.py FILE`.

It bounds its own memory and processor time, looks the bytes over before mido sees any of them, and prints one JSON object:
{"problem": words that follow the file's name}, or the song in ticks (see `_Reading.found`). Started by `smf.read_song`
alone; it imports nothing of reachnote.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import sys
from typing import Any

MEMORY = 256 * 1024 * 1024
SECONDS = 4
MOST_BYTES = 4 * 1024 * 1024
MOST_EVENTS = 100_000
MOST_TRACKS = 256
MOST_PARTS = 256
MOST_BEATS = 40_000
MOST_MARKS = 5_000  # of tempos, metres, words, chords, phrases each
LONGEST_TEXT = 120
LONGEST_WAIT = 0x0FFFFFFF  # ticks that four bytes of a variable-length number hold
PLAIN_TICKS = 480  # what the cleaned file claims; nobody looks

END, TEMPO, METRE, KEY, TITLE, TEXT, LYRIC, MARKER = 0x2F, 0x51, 0x58, 0x59, 0x03, 0x01, 0x05, 0x06
PEDAL = 64
# Bank, modulation, data entry, volume, pan, expression, sound 71-74, effects 91 and 93, RPN: nothing that holds or ends notes.
CONTROLS = frozenset((0, 1, 6, 7, 10, 11, 32, 38, 71, 72, 73, 74, 91, 93, 100, 101))
PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Unreadable(Exception):
    """Why the file cannot be a song; the words follow its name."""


def bound() -> None:
    """This process can neither grow nor run for long, where the system knows such limits."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def file_bytes(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as problem:
        raise Unreadable(f"cannot be opened ({problem.strerror})") from None
    there = os.fstat(fd)
    if not stat.S_ISREG(there.st_mode):
        raise Unreadable("is not a file")
    with open(fd, "rb") as file:
        if there.st_size > MOST_BYTES:
            raise Unreadable(f"is larger than a song can be ({MOST_BYTES // 1024 // 1024} MiB)")
        return file.read(MOST_BYTES + 1)


# ---------------------------------------------------------------- looking it over


def chunks(data: bytes) -> tuple[int, int, list[bytes]]:
    """(format, division, the bytes of each track); other chunks are passed over."""
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = data[20:]
    if data[:4] != b"MThd":
        raise Unreadable("is not a MIDI file: it does not begin with MThd")
    size = int.from_bytes(data[4:8], "big")
    if len(data) < 14 or not 6 <= size <= len(data) - 8:
        raise Unreadable("is damaged: its header is not whole")
    kind, _, division = (int.from_bytes(data[at : at + 2], "big") for at in (8, 10, 12))
    if kind > 2:
        raise Unreadable(f"is of MIDI file format {kind}; there are 0, 1 and 2")
    tracks, at = [], 8 + size
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            if at + 8 + size > len(data):
                raise Unreadable("is damaged: a track is cut off")
            tracks.append(data[at + 8 : at + 8 + size])
            if len(tracks) > MOST_TRACKS:
                raise Unreadable(f"has more than {MOST_TRACKS} tracks")
        at += 8 + size
    if not tracks:
        raise Unreadable("has no tracks")
    return kind, division, tracks


def beat_of(division: int) -> tuple[int, int, bool]:
    """(beats, ticks that last as long, whether the file counts seconds): those are taken as two beats each, 120 a minute."""
    if not division & 0x8000:
        if not division:
            raise Unreadable("is damaged: its beat has no length")
        return 1, division, False
    frames, ticks = 256 - (division >> 8), division & 255
    if frames not in (24, 25, 29, 30) or not ticks:
        raise Unreadable("is damaged: its time code is unknown")
    return (2 * 1001, 30_000 * ticks, True) if frames == 29 else (2, frames * ticks, True)


class Cleaner:
    """Walks through tracks and keeps what a song needs, every message whole. Counts events over all tracks."""

    def __init__(self) -> None:
        self.events = 0

    def clean(self, track: bytes) -> bytes:
        """The track with plain channel messages and known, well-formed meta events only."""
        self._track, self._at = track, 0
        out, waiting, status = bytearray(), 0, 0
        while self._at < len(track):
            waiting += self._number()
            self.events += 1
            if self.events > MOST_EVENTS:
                raise Unreadable(f"has more than {MOST_EVENTS} events")
            byte = self._byte()
            if byte == 0xFF:
                kind, body = self._byte(), self._bytes(self._number())
                if kind == END:
                    break
                kept = bytes((0xFF, kind)) + packed(len(body)) + body if meaningful(kind, body) else b""
            elif byte in (0xF0, 0xF7):
                self._bytes(self._number())
                kept = b""
            elif byte > 0xF0:
                raise Unreadable(f"is damaged: {byte:#x} stands where a message begins")
            else:
                status, kept = self._message(byte, status)
            if kept:
                out += packed(waiting) + kept
                waiting = 0
        out += packed(min(waiting, LONGEST_WAIT)) + bytes((0xFF, END, 0))
        return b"MTrk" + len(out).to_bytes(4, "big") + bytes(out)

    def _message(self, byte: int, status: int) -> tuple[int, bytes]:
        if byte < 0x80:
            if not status:
                raise Unreadable("is damaged: a message has no beginning")
            self._at -= 1
        else:
            status = byte
        body = self._bytes(1 if 0xC0 <= status < 0xE0 else 2)
        if max(body) > 127:
            raise Unreadable("is damaged: a message has a value above 127")
        return status, b"" if status & 0xF0 == 0xA0 else bytes((status,)) + body

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, count: int) -> bytes:
        body = self._track[self._at : self._at + count]
        if len(body) < count:
            raise Unreadable("is damaged: a track ends inside an event")
        self._at += count
        return body

    def _number(self) -> int:
        number = 0
        for _ in range(4):
            byte = self._byte()
            number = number << 7 | byte & 127
            if byte < 128:
                return number
        raise Unreadable("is damaged: a number has more than four bytes")


def packed(number: int) -> bytes:
    """A variable-length number."""
    if number > LONGEST_WAIT:
        raise Unreadable("is longer than a song can be")
    out = [number & 127]
    while number := number >> 7:
        out.append(number & 127 | 128)
    return bytes(reversed(out))


def meaningful(kind: int, body: bytes) -> bool:
    """A meta event that a song keeps, and that mido understands."""
    if kind in (TITLE, TEXT, LYRIC, MARKER):
        return 0 < len(body) <= 4 * LONGEST_TEXT
    if kind == TEMPO:
        return len(body) == 3 and any(body)
    if kind == METRE:
        return len(body) == 4 and 0 < body[0] <= 64 and body[1] <= 6
    return kind == KEY and len(body) == 2 and (body[0] <= 7 or body[0] >= 249) and body[1] <= 1


# ---------------------------------------------------------------- what mido read, as a song


class _Reading:
    """Collects a song from mido's tracks; times are ticks."""

    def __init__(self, ticks_a_beat: float) -> None:
        self.most = MOST_BEATS * ticks_a_beat
        self.title = ""
        self.tempos: list[tuple[int, int]] = []
        self.metres: list[tuple[int, int, int]] = []
        self.key: tuple[int, str] | None = None
        self.words: list[tuple[int, str]] = []
        self.chords: list[tuple[int, str]] = []
        self.phrases: list[int] = []
        self.parts: dict[tuple[int, int], int] = {}
        self.heads: list[list[Any]] = []  # name, channel, program
        self.notes: list[tuple[int, int, int, int, int]] = []  # tick, length, key, velocity, part
        self.controls: list[tuple[int, int, str, int, int]] = []  # tick, part, kind, a, b
        self.begun: set[int] = set()  # parts that have played a note
        self.banked: set[int] = set()
        self.name = ""

    def track(self, number: int, track: Any, begin: int) -> int:
        """One track from the tick `begin` on; the tick at which it ends."""
        tick, self.name = begin, ""
        held: dict[tuple[int, int], list[tuple[int, int]]] = {}
        kept: dict[int, list[tuple[int, int, int]]] = {}  # by the pedal: (tick, key, velocity) of each part
        pedal: set[int] = set()
        for said in track:
            if said.type == "end_of_track":
                tick += said.time if tick + said.time <= self.most else 0
                break
            tick += said.time
            if tick > self.most:
                raise Unreadable("is longer than a song can be")
            if said.is_meta:
                self._about(said, tick, number)
                continue
            part = self._part(number, said.channel)
            if said.type == "note_on" and said.velocity:
                self.begun.add(part)
                held.setdefault((part, said.note), []).append((tick, said.velocity))
            elif said.type in ("note_on", "note_off"):
                if ons := held.get((part, said.note)):
                    start, velocity = ons.pop(0)
                    if part in pedal:
                        kept.setdefault(part, []).append((start, said.note, velocity))
                    else:
                        self._note(start, tick, said.note, velocity, part)
            elif said.type == "control_change" and said.control == PEDAL:
                if said.value >= 64:
                    pedal.add(part)
                else:
                    pedal.discard(part)
                    self._let_go(kept.pop(part, []), tick, part)
            else:
                self._set(said, tick, part)
        for (part, key), ons in held.items():
            for start, velocity in ons:
                self._note(start, tick, key, velocity, part)
        for part, notes in kept.items():
            self._let_go(notes, tick, part)
        return tick

    def _let_go(self, notes: list[tuple[int, int, int]], tick: int, part: int) -> None:
        for start, key, velocity in notes:
            self._note(start, tick, key, velocity, part)

    def _note(self, start: int, end: int, key: int, velocity: int, part: int) -> None:
        self.notes.append((start, max(end - start, 1), key, velocity, part))

    def _part(self, track: int, channel: int) -> int:
        place = (track, channel)
        if place not in self.parts:
            if len(self.heads) >= MOST_PARTS:
                raise Unreadable(f"has more than {MOST_PARTS} parts")
            self.parts[place] = len(self.heads)
            self.heads.append([self.name, channel + 1, 0])
        return self.parts[place]

    def _set(self, said: Any, tick: int, part: int) -> None:
        if said.type == "program_change":
            if part not in self.begun and not self.heads[part][2] and part not in self.banked:
                self.heads[part][2] = said.program + 1
            else:
                self.controls.append((tick, part, "program", said.program, 0))
        elif said.type == "control_change" and said.control in CONTROLS:
            if said.control in (0, 32):
                self.banked.add(part)
            self.controls.append((tick, part, "control", said.control, said.value))
        elif said.type == "pitchwheel":
            bend = said.pitch + 8192
            self.controls.append((tick, part, "bend", bend & 127, bend >> 7))
        elif said.type == "aftertouch":
            self.controls.append((tick, part, "pressure", said.value, 0))

    def _about(self, said: Any, tick: int, number: int) -> None:
        if said.type == "set_tempo":
            self.tempos.append((tick, said.tempo))
        elif said.type == "time_signature":
            self.metres.append((tick, said.numerator, said.denominator))
        elif said.type == "key_signature" and self.key is None:
            self.key = key_of(said.key)
        elif said.type == "track_name":
            self.name = plain(said.name)
            self.title = self.title or (self.name if number == 0 else "")
            for (track, _), part in self.parts.items():
                if track == number:
                    self.heads[part][0] = self.name
        elif said.type == "lyrics" and (word := plain(said.text).strip("/\\")):
            self.words.append((tick, word))
        elif said.type == "marker" and plain(said.text) == "phrase":
            self.phrases.append(tick)
        elif said.type == "text" and (chord := plain(said.text)).startswith("chord "):
            self.chords.append((tick, chord.removeprefix("chord ")[:20]))

    def found(self, beats: int, ticks: int, seconds: bool) -> dict:
        """What is printed: everything in ticks, `ticks` of which last `beats` beats."""
        for what in (self.tempos, self.metres, self.words, self.chords, self.phrases):
            if len(what) > MOST_MARKS:
                raise Unreadable(f"has more than {MOST_MARKS} changes of tempo, metre, words or chords")
        if not self.notes:
            raise Unreadable("has no notes")
        return {
            "beats": beats,
            "ticks": ticks,
            "title": self.title,
            "tempo": [] if seconds else self.tempos,
            "metre": self.metres,
            "key": self.key,
            "words": self.words,
            "chords": self.chords,
            "phrases": self.phrases,
            "parts": self.heads,
            "notes": self.notes,
            "controls": self.controls,
        }


def key_of(name: str) -> tuple[int, str]:
    """mido's "F#m" as (6, "minor")."""
    pitch = PITCHES[name[0]] + name.count("#") - name[1:].count("b")
    return pitch % 12, "minor" if name.endswith("m") else "major"


def plain(text: str) -> str:
    """What a file calls text, without what does not print; UTF-8 where it is that."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return "".join(letter for letter in text if letter.isprintable()).strip()[:LONGEST_TEXT]


def read(data: bytes) -> dict:
    """The song in the bytes of a file as JSON values; Unreadable otherwise."""
    kind, division, tracks = chunks(data)
    beats, ticks, seconds = beat_of(division)
    cleaner = Cleaner()
    cleaned = [cleaner.clean(track) for track in tracks]
    head = b"MThd\x00\x00\x00\x06" + b"".join(n.to_bytes(2, "big") for n in (1, len(cleaned), PLAIN_TICKS))
    import mido

    song = mido.MidiFile(file=io.BytesIO(head + b"".join(cleaned)), charset="latin-1")
    reading, begin = _Reading(ticks / beats), 0
    for number, track in enumerate(song.tracks):
        end = reading.track(number, track, begin)
        if kind == 2:  # independent patterns: one after the other, each from a full bar of 4/4 on
            bar = 4 * ticks // beats or 1
            begin = -(-end // bar) * bar
    return reading.found(beats, ticks, seconds)


def main() -> None:
    bound()
    try:
        said = json.dumps({"song": read(file_bytes(sys.argv[1]))})
    except Unreadable as problem:
        said = json.dumps({"problem": str(problem)})
    except MemoryError:
        said = json.dumps({"problem": "needs more memory than a song should"})
    sys.stdout.write(said)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
