"""Where a phrase ends: a silence longer than this player's own gaps. Pure; told the time.

    phrase = PhraseEnd()
    phrase.on(note, time), phrase.off(note, time)   a note is (source, channel, key)
    phrase.due                                      when the phrase is over, if nothing more comes
    phrase.restart()                                the next note begins the next phrase

A gap is measured twice, from silence to start and from start to start, and both have to be longer than the player's
own. Until four gaps are known, `rest_s` seconds are long; then twice the longest gap and a tenth of a second are, if that
is less. A silence of nearly `rest_s` or more inside the phrase makes a silence long only when it is longer still.
"""

from __future__ import annotations

NEVER = float("inf")
Note = tuple[int, int, int]
REST_S = 0.9  # between the gaps inside phrases, up to 0.8 s, and those between phrases, from 1 s on
SHORTEST_S = 0.35
LONGEST_S = 3.0
KNOWN = 4  # gaps of this phrase, from which on its own are believed
TIED = 2  # the same where one note goes over into the next
TWICE, MORE_S = 2.0, 0.1
WIDER = 1.2  # of a gap that was longer than thought
TOGETHER_S = 0.05  # starts this near are one
HUNG_S = 10.0  # held so long without anything new: the phrase is over all the same
JOINS = 1.1  # what comes within this much of `rest_s` still belongs to the phrase


class PhraseEnd:
    """One player's phrase. Times do not go back by more than a little; ends of what never began change nothing."""

    def __init__(self, rest_s: float = REST_S) -> None:
        self._rest_s = rest_s
        self.restart()

    def restart(self) -> None:
        """Forget the phrase and its gaps; what is held is not counted any more."""
        self.first = NEVER  # when its first note began; NEVER before it
        self.last = -NEVER  # when its last note began
        self.quiet = NEVER  # since when nothing is held; NEVER while something is
        self._held: set[Note] = set()
        self._gaps = (0, 0.0, 0.0)  # how many, the longest from silence to start, the longest from start to start

    @property
    def begun(self) -> bool:
        return self.first < NEVER

    @property
    def held(self) -> bool:
        """Something is held now."""
        return bool(self._held)

    def on(self, note: Note, time: float) -> None:
        """A note begins; one that is held already is struck anew."""
        if not self.begun:
            self.first = time
        elif time - self.last > TOGETHER_S:
            known, silence, step = self._gaps  # the silence is minus infinity while something is held
            self._gaps = (known + 1, max(silence, time - self.quiet), max(step, time - self.last))
        self.last = max(self.last, time)
        self.quiet = NEVER
        self._held.add(note)

    def off(self, note: Note, time: float) -> None:
        """A note ends."""
        self._held.discard(note)
        if self.begun and not self._held and self.quiet == NEVER:
            self.quiet = max(time, self.last)

    def let_go(self, source: int, time: float) -> None:
        """Every note of this source is let go of."""
        for note in [note for note in self._held if note[0] == source]:
            self.off(note, time)

    @property
    def due(self) -> float:
        """When the phrase is over if nothing comes before; NEVER before it began."""
        if not self.begun:
            return NEVER
        if self.held:
            return self.last + HUNG_S
        known, silence, step = self._gaps
        if silence > self._rest_s / WIDER:
            return self.quiet + min(WIDER * silence, LONGEST_S)
        return max(self.quiet + self._long(known, silence), self.last + self._long(known, step))

    def joins(self, time: float) -> bool:
        """A note at `time` goes on with this phrase, though its end may have been found already."""
        return self.begun and (self.held or time < max(self.quiet + JOINS * self._rest_s, self.due))

    def _long(self, known: int, longest: float) -> float:
        """The gap that is long, in seconds, after so many with this longest one."""
        if known < (KNOWN if longest > TOGETHER_S else TIED):
            return self._rest_s
        return min(max(TWICE * longest + MORE_S, SHORTEST_S), self._rest_s)
