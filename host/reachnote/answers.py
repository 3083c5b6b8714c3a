"""A client's answer, and how long it is waited for: as long as this client takes, and a margin. Pure; told the time.

    window = AnswerWindow(earlier)      seconds from the end of a call to the beginning of the answer, of earlier sessions
    window.seconds                      how long to wait now
    window.learn(delay)                 an answer came after so many seconds, inside the window or later
    window.missed()                     none came

Of the last `KEPT` delays the 90th percentile (between the two nearest, as most programs do), 1.3 times that and 0.8 s: so
that few answers of a client whose delays scatter by a fifth or less come later, and a window without an answer ends
within 1.5 times the percentile and 1 s. Until five delays are known it is at least `start_s`, and half as long again
after each time that none came.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from reachnote.model import Event, Kind
from reachnote.phrase_end import REST_S, PhraseEnd
from reachnote.tune import Capture, Heard

KEPT = 30
KNOWN = 5  # delays from which on they are believed
SHARE = 0.9
MARGIN, MORE_S = 1.3, 0.8
START_S, MOST_START_S = 20.0, 60.0
WIDER = 1.5
LONGEST_DELAY_S = 600.0  # one beyond this is none
LONGEST_S = 60.0  # of an answer


class AnswerWindow:
    """One client's. What in `earlier` is no delay is passed over."""

    def __init__(self, earlier: Iterable[object] = (), start_s: float = START_S) -> None:
        self._start_s = start_s
        self._misses = 0
        self._delays: deque[float] = deque(maxlen=KEPT)
        for delay in earlier:
            if isinstance(delay, (int, float)) and not isinstance(delay, bool) and 0.0 <= delay <= LONGEST_DELAY_S:
                self._delays.append(float(delay))

    @property
    def known(self) -> int:
        """How many delays are remembered."""
        return len(self._delays)

    @property
    def percentile(self) -> float:
        """The 90th percentile of the delays, 0.0 of none."""
        if not self._delays:
            return 0.0
        ordered = sorted(self._delays)
        place = SHARE * (len(ordered) - 1)
        before = math.floor(place)
        after = min(before + 1, len(ordered) - 1)
        return ordered[before] + (place - before) * (ordered[after] - ordered[before])

    @property
    def seconds(self) -> float:
        """How long to wait from the end of the call."""
        learnt = MARGIN * self.percentile + MORE_S
        if len(self._delays) >= KNOWN:
            return learnt
        return max(learnt, min(self._start_s * WIDER**self._misses, max(self._start_s, MOST_START_S)))

    def learn(self, delay: float) -> None:
        """An answer began so many seconds after the call ended."""
        if 0.0 <= delay <= LONGEST_DELAY_S:
            self._delays.append(delay)
            self._misses = 0

    def missed(self) -> None:
        """Nobody answered."""
        self._misses += 1


class Answer:
    """What a client plays, from its first note to its end: a phrase that is kept. One of more than `LONGEST_S` is over by then."""

    def __init__(self, rest_s: float = REST_S) -> None:
        self._phrase = PhraseEnd(rest_s)
        self._capture = Capture()

    def restart(self) -> None:
        """Nothing was played yet."""
        self._phrase.restart()
        self._capture.clear()

    @property
    def begun(self) -> bool:
        return self._phrase.begun

    @property
    def first(self) -> float:
        """When its first note began."""
        return self._phrase.first

    def take(self, event: Event) -> None:
        """A note of the client's begins or ends."""
        what = (event.source, event.channel, event.a)
        if event.kind == Kind.NOTE_ON:
            self._phrase.on(what, event.time)
        else:
            self._phrase.off(what, event.time)
        self._capture.take((event,))

    def let_go(self, source: int, time: float) -> None:
        """The client has let go of this sensor, though its notes may sound on."""
        self._phrase.let_go(source, time)

    def lost(self, source: int, time: float) -> None:
        """This sensor's notes ended without a word."""
        self._phrase.let_go(source, time)
        self._capture.let_go(source, time)

    @property
    def due(self) -> float:
        """When it is over, if nothing more comes."""
        return min(self._phrase.due, self._phrase.first + LONGEST_S)

    def over(self, now: float) -> bool:
        return self.due <= now or self._capture.full

    def may_go_on(self, time: float) -> bool:
        """There is room for more of it."""
        return not self._capture.full and time < self._phrase.first + LONGEST_S

    def notes(self, now: float) -> list[Heard]:
        """What was played; notes that still sound end `now`."""
        return self._capture.notes(now)
