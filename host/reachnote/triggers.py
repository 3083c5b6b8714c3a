"""What a gesture means for a voice: when it starts, stops, pauses and goes on. Pure; told the time.

A trigger is one of MODES. Every mode is a table of states; `protocols/triggers.md` shows each of them whole.

    trigger = Trigger("repeat-while-held", Options(every_s=0.5))
    acts = trigger.take(gesture)    what follows from a gesture
    acts = trigger.tick(now)        what follows from time alone; not needed before `trigger.due`
    acts = trigger.let_go(now)      the board is lost, or the scene ends: everything ends, and only an onset starts again
    trigger.ended(token)            the voice says that a sound (a song, say) came to its own end
    trigger.forget()                somebody else ended everything: no acts

An act carries a `token`. START brings a new one, STOP, PAUSE and RESUME name the START that they belong to, so that a
voice ends exactly what it began. Each token starts once and stops at most once; the times of acts never go back; `tick`
and `take` may be called in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from reachnote.allowed import number, whole, word, yes
from reachnote.model import Gesture, Move
from reachnote.repeats import EveryBeats, EverySeconds
from reachnote.tempo import NEVER, Beats
from reachnote.trigger_tables import Do, In, table_of

LATE_S = 0.1  # a repetition that is later than this is left out
_AT_ONCE = 16  # what one moment may bring about; the rest comes at the next tick


class Does(IntEnum):
    """What a voice is to do."""

    START = 1
    STOP = 2
    PAUSE = 3
    RESUME = 4


class Act(NamedTuple):
    """One thing for a voice to do. `zone` counts from 0, -1 where there are none; `strength` 0..1, 0 unless it starts."""

    does: Does
    time: float
    zone: int
    strength: float
    token: int


@dataclass(frozen=True)
class Options:
    """What people set; ValueError says what is allowed. A mode uses those that MODES names; `accept_s` serves every mode."""

    accept_s: float = 0.0  # hold to trigger: an onset counts once it was held so long, in whatever zone
    length_s: float = 2.0  # one-shot: how long it plays
    again: str = "ignore"  # one-shot: what an onset does while it plays, "ignore" or "restart"
    every_s: float = 0.5  # repeat-while-held: from one start to the next
    every_beats: float = 0.0  # the same in beats; 0: every_s counts
    share: float = 0.5  # repeat-while-held: how much of that sounds
    keep: int = 3  # sustain-n: how many starts keep sounding
    while_held: bool = False  # start/pause: plays while it is held and waits otherwise
    dwell_s: float = 0.5  # dwell: how long to stay in a zone before it sounds

    def __post_init__(self) -> None:
        number("accept_s", self.accept_s, 0.0, 10.0)
        number("length_s", self.length_s, 0.05, 60.0)
        word("again", self.again, ("ignore", "restart"))
        number("every_s", self.every_s, 0.05, 60.0)
        if self.every_beats:
            number("every_beats", self.every_beats, 0.0625, 64.0)
        number("share", self.share, 0.05, 1.0)
        whole("keep", self.keep, 1, 32)
        yes("while_held", self.while_held)
        number("dwell_s", self.dwell_s, 0.0, 10.0)


MODES = {
    "momentary": (),
    "latch": (),
    "one-shot": ("length_s", "again"),
    "repeat-while-held": ("every_s", "every_beats", "share"),
    "sustain-n": ("keep",),
    "start/stop": (),
    "start/pause": ("while_held",),
    "dwell": ("dwell_s",),
}
EVERY_MODE = ("accept_s",)


class Trigger:
    """One voice's trigger. `beats` is needed for `every_beats`; ValueError says what is not allowed."""

    def __init__(self, mode: str, options: Options | None = None, beats: Beats | None = None) -> None:
        self.mode = word("trigger", mode, MODES)
        self.options = options = options or Options()
        self._table = table_of(mode, options.again == "restart", options.while_held)
        self._first = self._state = next(iter(self._table))
        self._begun: dict[int, int] = {}  # token -> zone of what sounds, oldest first
        self._tokens = 0
        self._zone = -1
        self._strength = 0.0
        self._last = -NEVER  # the time of the last act
        self._timer = NEVER
        self._accepting = NEVER  # when the onset that waits will count
        self._repeats: EverySeconds | EveryBeats | None = None
        if mode == "repeat-while-held":
            if options.every_beats and beats is None:
                raise ValueError("every_beats needs a beat to follow")
            if options.every_beats and beats is not None:
                self._repeats = EveryBeats(options.every_beats, options.share, beats)
            else:
                self._repeats = EverySeconds(options.every_s, options.share)
        self._sound_ends = NEVER

    @property
    def due(self) -> float:
        """When `tick` has something to do; inf for never. With `every_beats` it moves with the tempo: ask again."""
        return self._timer if self._timer < self._accepting else self._accepting

    @property
    def sounding(self) -> tuple[int, ...]:
        """The tokens that have started and not stopped (paused ones too), oldest first."""
        return tuple(self._begun)

    @property
    def state(self) -> str:
        """Where in its table it is, in the words of `protocols/triggers.md`."""
        name = self._state
        if self.mode == "sustain-n":
            name = f"{len(self._begun)} sounding" + (", held" if name == "held" else "")
        return name if self._accepting == NEVER else f"{name}, accepting"

    # ------------------------------------------------------------ what comes

    def take(self, did: Gesture) -> list[Act]:
        """What follows from a gesture, and before it from the time until then."""
        acts: list[Act] = []
        time = did.time
        self._until(time, acts)
        if did.move is Move.RELEASE:
            if self._accepting != NEVER:
                self._accepting = NEVER
            else:
                self._goes(In.RELEASE, time, acts)
        elif did.move is Move.ONSET:
            if self.options.accept_s:
                self._goes(In.RELEASE, time, acts)  # until it is accepted, nothing is held
                self._zone, self._strength = did.zone, did.strength
                self._accepting = time + self.options.accept_s
            else:
                self._zone, self._strength = did.zone, did.strength
                self._goes(In.ONSET, time, acts)
        else:
            self._zone, self._strength = did.zone, did.strength
            self._goes(In.ZONE, time, acts)
        self._until(time, acts)
        return acts

    def tick(self, now: float) -> list[Act]:
        """What time alone brought about, each act at the time when it was due."""
        acts: list[Act] = []
        self._until(now, acts)
        return acts

    def let_go(self, now: float) -> list[Act]:
        """Everything that sounds stops; nothing starts before an onset."""
        acts: list[Act] = []
        for token in tuple(self._begun):
            self._act(Does.STOP, token, now, acts)
        self.forget()
        return acts

    def ended(self, token: int) -> None:
        """What `token` began is over by itself, so it needs no STOP. A token that does not sound changes nothing."""
        if self._begun.pop(token, None) is not None:
            self._goes(In.ENDED, self._last, [])

    def forget(self) -> None:
        """Somebody else ended everything: begin again, without acts."""
        self._begun.clear()
        self._state = self._first
        self._timer = self._accepting = self._sound_ends = NEVER

    # ------------------------------------------------------------ the table

    def _until(self, now: float, acts: list[Act]) -> None:
        repeats = self._repeats
        if repeats is not None and self._state != self._first:
            self._look(now)
        for _ in range(_AT_ONCE):
            if self.due > now:
                break
            if self._accepting <= self._timer:
                time, self._accepting = self._accepting, NEVER
                self._goes(In.ONSET, time, acts)
            elif repeats is not None and self._state == "between" and now - self._timer > LATE_S:
                repeats.onward(now - LATE_S)
                self._timer = repeats.next
            else:
                self._goes(In.TIME, self._timer, acts)

    def _look(self, now: float) -> None:
        # A tempo may have changed since the next repetition was last asked for.
        repeats = self._repeats
        assert repeats is not None
        repeats.look(now)
        self._timer = repeats.next if self._state == "between" else min(self._sound_ends, repeats.next)

    def _goes(self, what: In, time: float, acts: list[Act]) -> None:
        row = self._table[self._state].get(what)
        if row is None:
            return
        time = max(time, self._last)
        self._timer = NEVER
        for do in row[0]:
            self._do(do, time, acts)
        self._state = row[1]

    def _do(self, do: Do, time: float, acts: list[Act]) -> None:
        options = self.options
        if do is Do.START:
            self._tokens += 1
            self._begun[self._tokens] = self._zone
            self._act(Does.START, self._tokens, time, acts)
        elif do is Do.LENGTH:
            self._timer = time + options.length_s
        elif do is Do.DWELL:
            self._timer = time + options.dwell_s
        elif do is Do.FIRST or do is Do.AGAIN:
            self._repeat(time, do is Do.AGAIN)
        elif do is Do.WAIT:
            assert self._repeats is not None
            self._timer = self._repeats.next
        elif do is Do.PLACE:
            while len(self._begun) >= options.keep:
                self._act(Does.STOP, next(iter(self._begun)), time, acts)
        elif self._begun:  # STOP, PAUSE, RESUME: those modes have one at a time
            self._act(_SAYS[do], next(iter(self._begun)), time, acts)

    def _repeat(self, time: float, again: bool) -> None:
        repeats = self._repeats
        assert repeats is not None
        if again:
            repeats.onward(time)
        else:
            repeats.begin(time)
        self._sound_ends = repeats.ends(time)
        self._timer = min(self._sound_ends, repeats.next)

    def _act(self, does: Does, token: int, time: float, acts: list[Act]) -> None:
        self._last = time = max(time, self._last)
        zone = self._begun[token]
        if does is Does.STOP:
            del self._begun[token]
        acts.append(Act(does, time, zone, self._strength if does is Does.START else 0.0, token))


_SAYS = {Do.STOP: Does.STOP, Do.PAUSE: Does.PAUSE, Do.RESUME: Does.RESUME}
