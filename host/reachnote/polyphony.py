"""How many notes of one player sound at once: the oldest gives way, and is always ended. Pure."""

from __future__ import annotations

from collections.abc import Hashable

from reachnote.allowed import whole

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
