"""Stretches of play with the client's own sound and without it, side by side: two durations, no conclusion. Pure.

Off unless a therapist begins a block; each block is begun and ended by hand. How long a movement is held tells more than
how often it comes (calibration page, section 1.7).
"""

from __future__ import annotations

from reachnote.calibration import robust
from reachnote.model import Gesture, Move

KINDS = ("with sound", "without sound")


class Comparison:
    """`kind` is that of the block which is on, "" while none is."""

    def __init__(self) -> None:
        self.kind = ""
        self._held: dict[str, list[float]] = {kind: [] for kind in KINDS}
        self._blocks: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._since: dict[int, float] = {}

    def begin(self, kind: str) -> None:
        """A block of one of KINDS; one that is on ends."""
        self.kind = kind
        self._blocks[kind] += 1
        self._since.clear()

    def end(self) -> None:
        self.kind = ""
        self._since.clear()

    def take(self, did: Gesture) -> None:
        """What a client did, in a block or not. A movement counts when it began and ended in the same block."""
        if not self.kind:
            return
        if did.move is Move.ONSET:
            self._since[did.sensor] = did.time
        elif did.move is Move.RELEASE and did.sensor in self._since:
            self._held[self.kind].append(did.time - self._since.pop(did.sensor))

    def told(self) -> str:
        """Both durations so far, as observations."""
        return " ".join(self._one(kind) for kind in KINDS)

    def _one(self, kind: str) -> str:
        held, blocks = self._held[kind], self._blocks[kind]
        if not held:
            return f"{kind.capitalize()}: no movement in {blocks} block{'' if blocks == 1 else 's'}."
        many = f"{len(held)} movement{'' if len(held) == 1 else 's'} in {blocks} block{'' if blocks == 1 else 's'}"
        return f"{kind.capitalize()}: {many}, the middle one held {robust.median(held):.1f} s."
