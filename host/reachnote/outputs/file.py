"""A Standard MIDI File of what was played, safe against a crash at any moment."""

from __future__ import annotations

import errno
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from reachnote.model import Event, Kind

from . import OutputProblem
from ._spec import only_options, usable_path
from .midi import to_bytes

if TYPE_CHECKING:
    import mido

SCHEME = "file"
EXAMPLE = "file:session.mid"
SAYS = "a MIDI file of what was played, one track a sensor"

TICKS_A_QUARTER = 480
TICKS_A_SECOND = 960
"""480 a quarter at 120 quarters a minute: a tick is about a millisecond."""
TEMPO = 500_000
LONGEST_GAP = 60.0
"""After a crash the true silence is kept up to this many seconds, else (the clock began anew) it is one second."""
TRY_EVERY = 1.0

_MAGIC = b"reachnote part 1".ljust(32, b"\n")
_RECORD = struct.Struct("<dIBBBB12s")
_SIZE = _RECORD.size + 4
_TEXT = 12
_AGAIN = 255  # the kind of the record that marks a continued part file
_WAITING_LIMIT = 8192 * _SIZE
_MIDI_KINDS = frozenset(range(Kind.NOTE_ON, Kind.BEND + 1))


class Record(NamedTuple):
    """One record of a part file: an event, a piece of a name (`a` counts the pieces), or the mark of a new start."""

    time: float
    source: int
    kind: int
    channel: int
    a: int
    b: int
    text: bytes = b""


def pack(record: Record) -> bytes:
    """32 bytes: the fields little-endian, then their CRC-32."""
    body = _RECORD.pack(*record)
    return body + struct.pack("<I", zlib.crc32(body))


def unpack(data: bytes) -> Iterator[Record]:
    """The whole records of a part file; damaged ones and a torn end are passed over."""
    for at in range(len(_MAGIC), len(data) - _SIZE + 1, _SIZE):
        body, check = data[at : at + _RECORD.size], data[at + _RECORD.size : at + _SIZE]
        if struct.unpack("<I", check)[0] == zlib.crc32(body):
            yield Record(*_RECORD.unpack(body))


def timed(records: Iterator[Record]) -> Iterator[tuple[int, Record]]:
    """(tick, record) from 0, never going back. Notes that a crash left on end where the next start begins."""
    first = last = None
    shift = 0.0
    sounding: dict[tuple[int, int, int], None] = {}
    again = False
    for record in records:
        if record.kind == _AGAIN:
            again = True
            continue
        time = record.time - shift
        if first is None:
            first = last = time
        elif again:
            yield from _ended(sounding, round((last - first) * TICKS_A_SECOND))
            if not 0.0 <= time - last <= LONGEST_GAP:
                shift += time - last - 1.0
                time = last + 1.0
        again = False
        last = max(last, time)
        if _note(sounding, record):
            yield round((last - first) * TICKS_A_SECOND), record
    if first is not None:
        yield from _ended(sounding, round((last - first) * TICKS_A_SECOND))


def _note(sounding: dict[tuple[int, int, int], None], record: Record) -> bool:
    """False for the end of a note that does not sound: it is said again after a crash, for receivers."""
    key = (record.source, record.channel, record.a)
    if record.kind == Kind.NOTE_ON:
        sounding[key] = None
    elif record.kind == Kind.NOTE_OFF:
        return sounding.pop(key, True) is None
    return True


def _ended(sounding: dict[tuple[int, int, int], None], tick: int) -> Iterator[tuple[int, Record]]:
    for source, channel, key in sounding:
        yield tick, Record(0.0, source, Kind.NOTE_OFF, channel, key, 64)
    sounding.clear()


def to_midi_file(records: Iterator[Record]) -> mido.MidiFile:
    """The records as a mido.MidiFile (format 1): a tempo track, then a track for each source, lowest first."""
    import mido

    names: dict[int, bytes] = {}
    tracks: dict[int, mido.MidiTrack] = {}
    ends: dict[int, int] = {}
    for tick, record in timed(records):
        if record.kind == Kind.NAME:
            names[record.source] = (names.get(record.source, b"") if record.a else b"") + record.text.rstrip(b"\0")
            continue
        message = to_bytes(Event(record.kind, record.channel, record.a, record.b, record.source, 0, record.time))
        if message:
            delta = tick - ends.get(record.source, 0)
            ends[record.source] = tick
            tracks.setdefault(record.source, mido.MidiTrack()).append(mido.Message.from_bytes(message, time=delta))
    conductor = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=TEMPO), mido.MetaMessage("time_signature")])
    for source, track in tracks.items():
        name = names.get(source, b"").decode("utf-8", "replace") or f"sensor {source}"
        track.insert(0, mido.MetaMessage("track_name", name=name))
    return mido.MidiFile(
        type=1,
        ticks_per_beat=TICKS_A_QUARTER,
        charset="utf-8",
        tracks=[conductor, *(tracks[source] for source in sorted(tracks))],
    )


def write_midi(path: str, records: Iterator[Record]) -> None:
    """Put the finished file at `path` in one step: until then an older one stays whole. OSError when it cannot."""
    folder, name = os.path.split(os.path.abspath(path))
    handle, draft = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as out:
            to_midi_file(records).save(file=out)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def recover(path: str) -> bool:
    """Turn `path`.part, which a crash left, into the MIDI file `path`. False when there is none.

    OSError when it cannot be read or written; the part file is kept then.
    """
    part = path + ".part"
    try:
        with open(part, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return False
    write_midi(path, unpack(data))
    os.unlink(part)
    return True


class FileOutput:
    """Appends each event to `path`.part at once; `close` makes `path` of it (an older one stays when nothing was played)."""

    wants_levels = True  # for the names; levels themselves are not written

    def __init__(self, path: str) -> None:
        self.dropped = 0
        self._path = path
        self._fd: int | None = None
        self._end = 0
        self._waiting = bytearray()
        self._trouble: str | None = None
        self._next_try = 0.0
        self._closed = False
        self.taken = False
        """True when another output writes the same file."""
        self._open()

    def send(self, event: Event, text: str = "") -> None:
        if self._closed:
            self.dropped += 1
        elif event.kind in _MIDI_KINDS:
            data = pack(
                Record(event.time, event.source & 0xFFFFFFFF, event.kind, event.channel & 255, event.a & 255, event.b & 255)
            )
            self._append(data, may_drop=event.kind != Kind.NOTE_OFF)
        elif event.kind == Kind.NAME:
            self._append(b"".join(_name_records(event, text)), may_drop=True)

    def beat(self, now: float) -> None:
        if now < self._next_try or self._closed or (self._fd is not None and not self._waiting):
            return
        self._next_try = now + TRY_EVERY
        if self._fd is None:
            self._open()
        self._flush()

    def trouble(self) -> str | None:
        return self._trouble

    def lost_and_found(self) -> bool:
        return False

    def close(self) -> None:
        if self._closed:
            return
        if self._waiting:
            self.beat(self._next_try)
        self._closed = True
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            os.close(fd)
            if self._end == len(_MAGIC) and os.path.exists(self._path):
                os.unlink(self._path + ".part")
            else:
                recover(self._path)
            self._trouble = None
        except OSError as reason:
            self._trouble = (
                _why_not(self._path, reason)
                + f" What was played is kept in '{self._path}.part'; opening the same file again goes on with it."
            )

    def _append(self, data: bytes, may_drop: bool) -> None:
        if self._fd is not None and not self._waiting and self._write(data):
            return
        limit = _WAITING_LIMIT if may_drop else 2 * _WAITING_LIMIT
        if len(self._waiting) + len(data) <= limit:
            self._waiting += data
        else:
            self.dropped += 1

    def _flush(self) -> None:
        if self._fd is not None and self._waiting and self._write(bytes(self._waiting)):
            self._waiting.clear()

    def _write(self, data: bytes) -> bool:
        """All of `data` or nothing: what a full disk cut off is written over by the next try."""
        try:
            if _put(self._fd, data, self._end) == len(data):
                self._end += len(data)
                self._trouble = None
                return True
            reason = OSError(errno.ENOSPC, "")
        except OSError as failed:
            reason = failed
        self._trouble = _why_not(self._path, reason)
        return False

    def _open(self) -> None:
        fd = None
        try:
            fd = os.open(self._path + ".part", os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
            _lock(fd)
            self._end = _prepare(fd)
        except OSError as reason:
            if fd is not None:
                os.close(fd)
            self._trouble = _why_not(self._path, reason)
            self.taken = reason.errno == errno.EBUSY
            return
        self._fd, self._trouble = fd, None


def _name_records(event: Event, text: str) -> Iterator[bytes]:
    data = text.encode("utf-8", "replace")[: 256 * _TEXT]
    for at in range(0, max(1, len(data)), _TEXT):
        yield pack(Record(event.time, event.source & 0xFFFFFFFF, Kind.NAME, 0, at // _TEXT, 0, data[at : at + _TEXT]))


def _lock(fd: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: two programs on one file are not noticed there
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "") from None


def _put(fd: int, data: bytes, at: int) -> int:
    os.lseek(fd, at, os.SEEK_SET)
    return os.write(fd, data)


def _prepare(fd: int) -> int:
    """Where the next record goes: behind the last whole one of an earlier run, after a mark, or behind the first line."""
    size = os.fstat(fd).st_size
    if os.read(fd, len(_MAGIC)) != _MAGIC:
        if size:
            raise OSError(errno.EEXIST, "")
        if _put(fd, _MAGIC, 0) != len(_MAGIC):
            os.ftruncate(fd, 0)
            raise OSError(errno.ENOSPC, "")
        return len(_MAGIC)
    end = size - (size - len(_MAGIC)) % _SIZE
    mark = pack(Record(0.0, 0, _AGAIN, 0, 0, 0))
    if _put(fd, mark, end) != len(mark):
        raise OSError(errno.ENOSPC, "")
    return end + len(mark)


def _why_not(path: str, reason: OSError) -> str:
    if reason.errno == errno.ENOSPC:
        what, todo = "The disk is full", "Make room; it goes on by itself."
    elif reason.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        what, todo = "Its folder may not be written by you", "Choose another folder."
    elif reason.errno == errno.ENOENT:
        what, todo = "Its folder is not there", "Make the folder or plug the disk in; it goes on by itself."
    elif reason.errno == errno.EBUSY:
        what, todo = "Another reachnote is writing it", "Choose another name."
    elif reason.errno == errno.EEXIST:
        what, todo = f"'{path}.part' is a file of something else", "Move it away or choose another name."
    else:
        what, todo = os.strerror(reason.errno or errno.EIO), "Choose another folder."
    return f"'{path}' is not being written: {what}. Playing goes on. {todo}"


def check(target: str, options: dict[str, str]) -> str:
    """The path that is meant; OutputProblem when it is written wrongly."""
    only_options(options, (), EXAMPLE)
    return usable_path(target, EXAMPLE, ".mid")


def open_output(target: str, options: dict[str, str], name: str) -> FileOutput:
    """`target` is a path that ends in .mid; there are no options.

    A folder that is missing, full or closed to us is waited for. OutputProblem when the path never can be a MIDI
    file, or another reachnote writes it.
    """
    path = check(target, options)
    try:
        import mido  # noqa: F401
    except ImportError:
        raise OutputProblem(
            "The library mido is not installed for this Python, so no MIDI file can be written. Install it: pip install mido."
        ) from None
    output = FileOutput(path)
    if output.taken:
        raise OutputProblem(output.trouble() or "")
    return output
