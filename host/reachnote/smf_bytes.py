"""Standard MIDI Files as bytes, of songs and of what was played. Pure; format 1, 480 ticks a beat, no running status.

Besides the usual events a song's file carries a marker "phrase" where a phrase begins, and the texts "chord Am" where a
chord begins and "chord -" where there is none any more: `smf.read_song` gives them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from reachnote.model import Event, Kind
from reachnote.music import SCALES
from reachnote.song import Song, untangled

TICKS = 480
TAKE_BPM = 120.0
LONGEST_TICKS = 0x0FFFFFFF  # what four bytes of a variable length hold

PHRASE = "phrase"
CHORD = "chord "
NO_CHORD = "-"

_TEXT, _TITLE, _LYRIC, _MARKER, _END, _TEMPO, _METRE, _KEY = 0x01, 0x03, 0x05, 0x06, 0x2F, 0x51, 0x58, 0x59
_STATUS = {
    Kind.NOTE_OFF: 0x80,
    Kind.NOTE_ON: 0x90,
    Kind.CONTROL: 0xB0,
    Kind.PROGRAM: 0xC0,
    Kind.PRESSURE: 0xD0,
    Kind.BEND: 0xE0,
}
_ONE_BYTE = (Kind.PROGRAM, Kind.PRESSURE)
_SHARPS = (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)  # of the major key on each pitch class; flats below 0

# At one tick: what is said about the song, then ends, then settings, then starts.
_SAID, _OFF, _SET, _ON = range(4)
_Placed = tuple[int, int, bytes]  # (tick, one of the above, message)


def variable_length(number: int) -> bytes:
    """A number 0..LONGEST_TICKS as the file format counts: seven bits a byte, the highest first."""
    number = min(max(number, 0), LONGEST_TICKS)
    out = [number & 127]
    while number := number >> 7:
        out.append(number & 127 | 128)
    return bytes(reversed(out))


def message(kind: int, channel: int, a: int, b: int) -> bytes:
    """The MIDI message of an event's fields (channel 1..16)."""
    head = _STATUS[Kind(kind)] | (channel - 1) & 15
    return bytes((head, a & 127)) if kind in _ONE_BYTE else bytes((head, a & 127, b & 127))


def _meta(kind: int, body: bytes) -> bytes:
    return bytes((0xFF, kind)) + variable_length(len(body)) + body


def _text(kind: int, text: str) -> bytes:
    return _meta(kind, text.encode("utf-8", "replace"))


def _track(placed: list[_Placed], end: int) -> bytes:
    out, last = bytearray(), 0
    for tick, _, said in sorted(placed, key=lambda one: one[:2]):
        out += variable_length(tick - last) + said
        last = tick
    out += variable_length(end - last) + _meta(_END, b"")
    return b"MTrk" + len(out).to_bytes(4, "big") + bytes(out)


def _file(tracks: list[list[_Placed]], ends: int = 0) -> bytes:
    end = max([tick for track in tracks for tick, _, _ in track] + [ends])
    head = b"MThd" + (6).to_bytes(4, "big") + b"".join(n.to_bytes(2, "big") for n in (1, len(tracks), TICKS))
    return head + b"".join(_track(track, end) for track in tracks)


# ---------------------------------------------------------------- a song


def to_smf(song: Song) -> bytes:
    """The song as a file: a track about it, then one for each part.

    Beats are rounded to a tick, 1/480; of notes of one part and key that overlap the first ends where the second begins.
    """
    tracks = [_about(song), *(_of_part(song, n) for n in range(len(song.parts)))]
    return _file(tracks, _tick(song.length))


def _tick(beat: float) -> int:
    return max(round(beat * TICKS), 0)


def _about(song: Song) -> list[_Placed]:
    placed = [(0, _SAID, _text(_TITLE, song.title)), (0, _SAID, _key_signature(song))]
    for beat, bpm in song.tempo:
        placed.append((_tick(beat), _SAID, _tempo(bpm)))
    if song.metre[0].beat > 0:
        placed.append((0, _SAID, _pickup(song.metre[0].beat)))
    for metre in song.metre:
        placed.append((_tick(metre.beat), _SAID, _metre(metre.count, metre.unit)))
    placed += [(_tick(beat), _SAID, _text(_MARKER, PHRASE)) for beat in song.phrases]
    placed += [(_tick(word.beat), _SAID, _text(_LYRIC, word.text)) for word in song.words]
    for chord in song.chords:
        placed.append((_tick(chord.beat), _SAID, _text(_TEXT, CHORD + chord.name)))
    for chord, after in pairwise((*song.chords, None)):
        if after is None or _tick(after.beat) > _tick(chord.beat + chord.length):
            placed.append((_tick(chord.beat + chord.length), _SAID, _text(_TEXT, CHORD + NO_CHORD)))
    return placed


def _tempo(bpm: float) -> bytes:
    return _meta(_TEMPO, min(max(round(60e6 / bpm), 1), 0xFFFFFF).to_bytes(3, "big"))


def _metre(count: int, unit: int) -> bytes:
    clocks = 36 if unit == 8 and count % 3 == 0 else 96 // unit
    return _meta(_METRE, bytes((count, unit.bit_length() - 1, max(clocks, 1), 8)))


def _pickup(beats: float) -> bytes:
    """A bar of the pickup's length, in the longest unit that fits."""
    for unit in (4, 8, 16):
        if abs(beats * unit / 4 - round(beats * unit / 4)) < 1e-6:
            return _metre(round(beats * unit / 4), unit)
    return _metre(max(round(beats * 8), 1), 32)


def _key_signature(song: Song) -> bytes:
    steps = SCALES.get(song.mode, SCALES["major"])
    minor = 3 in steps and 4 not in steps
    sharps = _SHARPS[(song.tonic + 3 * minor) % 12]
    return _meta(_KEY, bytes((sharps & 255, int(minor))))


def _of_part(song: Song, number: int) -> list[_Placed]:
    part = song.parts[number]
    placed = [(0, _SAID, _text(_TITLE, part.name))] if part.name else []
    if part.program:
        placed.append((0, _SET, message(Kind.PROGRAM, part.channel, part.program - 1, 0)))
    for control in song.controls:
        if control.part == number:
            placed.append((_tick(control.beat), _SET, message(control.kind, part.channel, control.a, control.b)))
    for note in untangled(note for note in song.notes if note.part == number):
        start = _tick(note.beat)
        end = max(_tick(note.beat + note.length), start + 1)
        placed.append((start, _ON, message(Kind.NOTE_ON, part.channel, note.key, note.velocity)))
        placed.append((end, _OFF, message(Kind.NOTE_OFF, part.channel, note.key, 64)))
    return placed


# ---------------------------------------------------------------- what was played


def take_to_smf(events: Iterable[Event], names: Mapping[int, str] | None = None, title: str = "", tail_s: float = 0.0) -> bytes:
    """What was played, as a file: a track for each source, its name in `names`, times from the first event on.

    The file's tempo is 120, so that a tick is about a millisecond. Notes end as they did (one that never ended ends with
    the take); orders to the outlet are left out. The file goes on for `tail_s` seconds, for what still rings.
    """
    played = sorted((event for event in events if event.kind in _STATUS), key=lambda event: event.time)
    first, rate = (played[0].time if played else 0.0), TICKS * TAKE_BPM / 60.0
    about = [(0, _SAID, _text(_TITLE, title)), (0, _SAID, _tempo(TAKE_BPM)), (0, _SAID, _metre(4, 4))]
    tracks: dict[int, list[_Placed]] = {}
    sounding: dict[tuple[int, int, int], int] = {}
    tick = order = 0
    for event in played:
        # What happened in one tick stays in the order in which it happened.
        tick, order = (tick, order + 1) if (now := round((event.time - first) * rate)) == tick else (now, 1)
        track = tracks.setdefault(event.source, [])
        place = (event.source, event.channel, event.a)
        if event.kind == Kind.NOTE_ON:
            sounding[place] = sounding.get(place, 0) + 1
        elif event.kind == Kind.NOTE_OFF:
            if not sounding.get(place):
                continue
            sounding[place] -= 1
        track.append((tick, order, message(event.kind, event.channel, event.a, event.b)))
    for (source, channel, key), count in sounding.items():
        tracks[source] += [(tick, order + 1, message(Kind.NOTE_OFF, channel, key, 64))] * count
    for source, name in (names or {}).items():
        if source in tracks:
            tracks[source].append((0, 0, _text(_TITLE, name)))
    return _file([about, *(tracks[source] for source in sorted(tracks))], tick + round(tail_s * rate))
