"""Messages that could not leave yet: bounded, and a note never hangs because of the bound."""

from __future__ import annotations

from collections import deque

_STATEFUL = frozenset((0, 6, 32, 38, *range(96, 102), *range(120, 128)))
"""Controllers whose order matters (bank, parameter numbers, channel mode): they queue like notes."""
_TRANSPORTS = 16
_CLOCK_STALE_S = 0.02  # a beat that has passed helps nobody


class Backlog:
    """A queue of MIDI messages (bytes, one message each) with two lanes.

    Notes, programs and order-sensitive controllers keep their order and overtake other controllers, bends and
    pressure, of which only the latest of each kind waits. At most `limit` messages wait in the note lane,
    not counting Note Offs and channel mode messages, which are never dropped (they are merged per key, so
    2048 keys bound them). Transport messages (clock, start, stop, position) go before all else, in their order. A Note On that waited more than `stale` seconds is dropped: an old movement must not sound
    (negative: none that had to wait is ever started).
    """

    def __init__(self, limit: int = 1024, stale: float = 0.25) -> None:
        self.dropped = 0
        self._limit = limit
        self._stale = stale
        self._notes: deque[tuple[bytes, float]] = deque()
        self._latest: dict[bytes, bytes] = {}
        self._transport: deque[tuple[bytes, float]] = deque(maxlen=_TRANSPORTS)

    def __len__(self) -> int:
        return len(self._transport) + len(self._notes) + len(self._latest)

    def put(self, message: bytes, time: float) -> None:
        """Keep `message`, which was meant to sound at `time` (seconds)."""
        if message[0] >= 0xF0:
            self._transport.append((message, time))
            return
        lane = _lane(message)
        if lane is not None:
            self._latest[lane] = message
        elif len(self._notes) < self._limit:
            self._notes.append((message, time))
        elif _ends_sound(message):
            self._make_room_for(message)
            self._notes.append((message, time))
        else:
            self.dropped += 1

    def take(self, now: float) -> bytes | None:
        """The message that should leave next, None when nothing waits."""
        while self._transport:
            message, time = self._transport.popleft()
            if message[0] != 0xF8 or now - time <= _CLOCK_STALE_S:
                return message
        while self._notes:
            message, time = self._notes.popleft()
            if not _starts_note(message) or now - time <= self._stale:
                return message
            self.dropped += 1
        for lane in self._latest:
            return self._latest.pop(lane)
        return None

    def _make_room_for(self, ending: bytes) -> None:
        """Take out what `ending` makes pointless: the same key's waiting notes, the same mode message."""
        kept = deque(entry for entry in self._notes if not _same_key(entry[0], ending))
        self.dropped += sum(1 for entry in self._notes if _starts_note(entry[0]) and _same_key(entry[0], ending))
        self._notes = kept


def _lane(message: bytes) -> bytes | None:
    """What `message` is the latest value of; None for what must keep its order."""
    status = message[0] & 0xF0
    if status == 0xB0 and message[1] not in _STATEFUL:
        return message[:2]
    if status in (0xD0, 0xE0):
        return message[:1]
    return None


def _starts_note(message: bytes) -> bool:
    return message[0] & 0xF0 == 0x90 and message[2] > 0


def _ends_sound(message: bytes) -> bool:
    status = message[0] & 0xF0
    return status == 0x80 or (status == 0x90 and message[2] == 0) or (status == 0xB0 and message[1] >= 120)


def _same_key(one: bytes, other: bytes) -> bool:
    """Both are notes of one key of one channel, or both the same channel mode message."""
    is_note = one[0] & 0xE0 == 0x80
    return (
        is_note == (other[0] & 0xE0 == 0x80)
        and one[0] & 0x0F == other[0] & 0x0F
        and one[1] == other[1]
        and (is_note or one[0] == other[0])
    )
