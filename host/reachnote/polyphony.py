"""How many notes of one player sound at once: the oldest gives way, and is always ended. Pure."""

from __future__ import annotations

from collections.abc import Hashable

from reachnote.allowed import whole
from reachnote.model import Event, Kind, note_off

MOST = 32


class Polyphony:
    """A limit on sounding notes, oldest first. A note is any hashable name. ValueError for a limit that is not 1..32."""

    def __init__(self, limit: int = MOST) -> None:
        self.limit = whole("voices_limit", limit, 1, MOST)
        self._sounding: dict[Hashable, None] = {}

    @property
    def sounding(self) -> tuple[Hashable, ...]:
        """What sounds, oldest first."""
        return tuple(self._sounding)

    def start(self, note: Hashable) -> list[Hashable]:
        """`note` is about to start; the notes to end before it, oldest first. One that still sounds is among them."""
        sounding = self._sounding
        ending = []
        if note in sounding:
            del sounding[note]
            ending.append(note)
        while len(sounding) >= self.limit:
            oldest = next(iter(sounding))
            del sounding[oldest]
            ending.append(oldest)
        sounding[note] = None
        return ending

    def end(self, note: Hashable) -> bool:
        """`note` is about to end; False when it does not sound (it gave way), so that nothing is to be sent."""
        if note not in self._sounding:
            return False
        del self._sounding[note]
        return True

    def narrow(self, limit: int) -> list[Hashable]:
        """Another limit from now on; the notes to end for it, oldest first."""
        self.limit = whole("voices_limit", limit, 1, MOST)
        ending = list(self._sounding)[: max(len(self._sounding) - limit, 0)]
        for note in ending:
            del self._sounding[note]
        return ending

    def forget(self) -> None:
        """Somebody else ended everything."""
        self._sounding.clear()


class VoiceLimit:
    """The same for a player's events: what `take` answers goes out instead of what came.

    A Note On may bring the Note Off of the oldest note before it, and of its own key if that still sounds; the Note Off
    that comes later for a note that gave way is left out. Orders to the outlet end what they name here too.
    """

    def __init__(self, limit: int = MOST) -> None:
        self._polyphony = Polyphony(limit)
        self._began: dict[Hashable, Event] = {}

    @property
    def limit(self) -> int:
        return self._polyphony.limit

    @property
    def sounding(self) -> tuple[Event, ...]:
        """The Note Ons of what sounds, oldest first."""
        return tuple(self._began[name] for name in self._polyphony.sounding)

    def take(self, event: Event) -> list[Event]:
        """The events that go out for one that came, in order."""
        kind = event.kind
        if kind == Kind.NOTE_ON:
            name = (event.channel, event.a, event.source)
            out = [self._off(ending, event.time) for ending in self._polyphony.start(name)]
            self._began[name] = event
            return [*out, event]
        if kind == Kind.NOTE_OFF:
            name = (event.channel, event.a, event.source)
            if not self._polyphony.end(name):
                return []
            began = self._began.pop(name)
            return [event._replace(outputs=began.outputs)]
        if kind == Kind.RELEASE:
            for name in [name for name in self._began if self._began[name].source == event.source]:
                self._polyphony.end(name)
                del self._began[name]
        elif kind in (Kind.RELEASE_ALL, Kind.SILENCE, Kind.CLOSE):
            self.forget()
        return [event]

    def narrow(self, limit: int, time: float) -> list[Event]:
        """Another limit from now on; the Note Offs that it takes."""
        return [self._off(name, time) for name in self._polyphony.narrow(limit)]

    def forget(self) -> None:
        """Somebody else ended everything."""
        self._polyphony.forget()
        self._began.clear()

    def _off(self, name: Hashable, time: float) -> Event:
        began = self._began.pop(name)
        return note_off(began.channel, began.a, began.source, time, began.outputs)
