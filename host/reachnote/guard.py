"""The loudness and startle guard: every event passes it on its way out, whatever mapping, song or activity made it. Pure.

It lives in the outlet, in front of the ledger. What it lets through is bounded by `Limits` (reachnote.limits): a preset is
chosen by a person for a session, and whatever asks for limits while it plays can only make them stricter. A client's own
*softer* and *stop* win over everything until a therapist lifts them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from reachnote.limits import FULL, NO_PLACE, STAGE, STANDARD, VERY_QUIET, Limits, LimitsProblem, name_of, read
from reachnote.model import Event, Kind

CHORD_S = 0.03  # notes of one source this close together are one onset
SETTLE_S = 1.0  # how long after silence onsets are kept `apart_s` apart
REST_S = 1.0  # after a stop nobody starts anything for so long before a start counts
SOFTER_STEP, SOFTEST = 12, 20  # of velocity
SOFTEST_EXPRESSION = 40
BACKING = 65_000
"""The source of a song that plays along: no sensor has this number."""
THERAPIST = 0xFFFE
"""The source of what a therapist plays."""
MOMENT = 0xFFFD
"""The source of a moment that sounds again."""
TRIED = 0xFFFC
"""The source of a test note."""
MANY = (BACKING, THERAPIST, MOMENT)
"""Bands and ten fingers: they have the notes a second of all sources and not those of one."""

VOLUME, EXPRESSION = 7, 11
LSB = 32  # the controller that refines controller n is n + 32
RESET_CONTROLS = 121  # brings expression to 127 at a receiver (MMA RP-015), and leaves volume

# ---------------------------------------------------------------- notes a second


@dataclass
class Budget:
    """A token bucket: `left` notes now, `rate` more each second, at most `burst`."""

    rate: float
    burst: float
    left: float
    time: float = 0.0

    def take(self, time: float) -> bool:
        if time > self.time:
            self.left = min(self.burst, self.left + (time - self.time) * self.rate)
            self.time = time
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True

    def change(self, rate: float, burst: float) -> None:
        """From now on these; what is left never grows by it."""
        self.rate = rate
        self.burst = burst
        self.left = min(self.left, burst)


class _Source:
    """What the guard knows of one source: its budget, its last onset, the ceiling of that and what it played."""

    __slots__ = ("at", "budget", "ceiling", "played")

    def __init__(self, limits: Limits) -> None:
        self.budget = Budget(limits.source_rate, limits.source_burst, limits.source_burst)
        self.at = float("-inf")
        self.ceiling = FULL
        self.played = FULL


# ---------------------------------------------------------------- CC 7 and 11


class Levels:
    """CC 7 and 11 of every channel on every output: what was asked for, and what was sent.

    A level that never passed here is not ours and stays as the synth has it, but that softer begins from full expression.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[int, int, int], int] = {}  # (channel, controller, output) -> value
        self._sent: dict[tuple[int, int, int], int] = {}

    def pass_on(self, event: Event, ceiling: int) -> Event:
        """A CC 7 or 11 as it may leave."""
        value = min(event.b, ceiling)
        for output in _bits(event.outputs):
            place = (event.channel, event.a, output)
            self._asked[place] = event.b
            self._sent[place] = value
        return event if value == event.b else event._replace(b=value)

    def at_ceiling(self, channel: int, controller: int, outputs: int, ceiling: int) -> bool:
        """True where a level stands at its ceiling, so that nothing may refine it upwards."""
        return any(self._sent.get((channel, controller, output), 0) >= ceiling for output in _bits(outputs))

    def reset(self, channel: int, outputs: int) -> None:
        """All controllers were reset at the receiver: expression is full there."""
        for output in _bits(outputs):
            self._asked[channel, EXPRESSION, output] = self._sent[channel, EXPRESSION, output] = FULL

    def assume(self, channel: int, outputs: int) -> None:
        """Expression that never passed here is taken as full from now on: it is ours to lower and to give back."""
        for output in _bits(outputs):
            if (channel, EXPRESSION, output) not in self._asked:
                self._asked[channel, EXPRESSION, output] = self._sent[channel, EXPRESSION, output] = FULL

    def bring(self, volume: int, expression: int, rise: bool, time: float) -> list[Event]:
        """What must be sent so that every level is what was asked for, but not above its ceiling; without `rise` only down."""
        wanted: dict[tuple[int, int, int], int] = {}  # (channel, controller, value) -> outputs
        for place, asked in self._asked.items():
            value = min(asked, expression if place[1] == EXPRESSION else volume)
            if value < self._sent[place] or (rise and value > self._sent[place]):
                self._sent[place] = value
                channel, controller, output = place
                wanted[channel, controller, value] = wanted.get((channel, controller, value), 0) | 1 << output
        return [Event(Kind.CONTROL, c, n, value, 0, outputs, time) for (c, n, value), outputs in sorted(wanted.items())]

    def again(self, output: int, time: float) -> list[Event]:
        """Every level of one output, for a receiver that may have forgotten them."""
        there = sorted((place, value) for place, value in self._sent.items() if place[2] == output)
        return [Event(Kind.CONTROL, channel, n, value, 0, 1 << output, time) for (channel, n, _), value in there]

    def kept(self) -> list[list[int]]:
        """[channel, controller, outputs, asked, sent] of all."""
        found: dict[tuple[int, int, int, int], int] = {}
        for place, asked in self._asked.items():
            mark = (place[0], place[1], asked, self._sent[place])
            found[mark] = found.get(mark, 0) | 1 << place[2]
        return [[channel, n, outputs, asked, sent] for (channel, n, asked, sent), outputs in found.items()]

    def restore(self, kept: Iterable[Iterable[int]]) -> None:
        for channel, controller, outputs, asked, sent in kept:
            for output in _bits(outputs):
                self._asked[channel, controller, output] = asked
                self._sent[channel, controller, output] = sent


def _bits(mask: int) -> Iterator[int]:
    output = 0
    while mask:
        if mask & 1:
            yield output
        mask >>= 1
        output += 1


# ---------------------------------------------------------------- the guard


class Guard:
    """What may pass, and how. Starts as `standard`. `refused` counts the notes that were not let through.

    Its clock is the latest time of any event, so that events out of order buy nobody a note.
    """

    def __init__(self) -> None:
        self.refused = 0
        self.preset = STANDARD
        self.limits = STANDARD  # in force now
        self.steps = 0  # of softer
        self.stopped = False
        self.levels = Levels()
        self.owes = False  # levels may rise again as soon as nothing sounds
        self._asked = STAGE  # nothing stricter than the preset
        self._expression = STANDARD.control
        self._now = float("-inf")
        self._woken: set[int] = set()
        self._sources: dict[int, _Source] = {}
        self._all = Budget(STANDARD.total_rate, STANDARD.total_burst, STANDARD.total_burst)
        self._quiet_since = float("inf")
        self._fresh = True  # the next onset is the first after silence
        self._phrase = self._onset = float("-inf")
        self._onset_source = -1
        self._tried = float("-inf")

    # ------------------------------------------------------------ notes

    def note(self, event: Event, sounding: Collection[tuple[int, int]]) -> Event | None:
        """The Note On as it may sound, or None when it may not. `sounding`: (channel, key) of every note that sounds."""
        limits = self.limits
        now = self.clock(event.time)
        source = event.source
        if self.stopped and not self._begins_again(now):
            return self._refuse()
        key = limits.place(event.a)
        if key == NO_PLACE or not 1 <= event.channel <= 16:
            return self._refuse()
        if len(sounding) - ((event.channel, key) in sounding) >= limits.at_once:
            return self._refuse()
        if not sounding and now - self._quiet_since >= limits.silence_s:
            self.soften_all()
        one = self._sources.get(source)
        if one is None:
            one = self._sources[source] = _Source(limits)
        if self._too_soon(source, now) or not self._pays(one, source, now):
            return self._refuse()
        self._began(source, now)
        velocity = self._loudness(one, source, event.b, now)
        if key == event.a and velocity == event.b:
            return event
        return event._replace(a=key, b=velocity)

    def quiet(self, time: float) -> None:
        """The last sounding note ended."""
        self._quiet_since = self.clock(time)

    def soften(self, source: int) -> None:
        """The next note of `source` starts softly."""
        self._woken.discard(source)

    def soften_all(self) -> None:
        """The next note of each source is a first sound."""
        self._woken.clear()
        self._fresh = True

    def clock(self, time: float) -> float:
        """The latest time of all; whatever happens, this is told of it."""
        if time > self._now:
            self._now = time
        return self._now

    def _refuse(self) -> None:
        self.refused += 1

    def _begins_again(self, now: float) -> bool:
        rested = now - self._tried >= REST_S
        self._tried = now
        if rested:
            self.stopped = False
        return rested

    def _too_soon(self, source: int, now: float) -> bool:
        apart_s = self.limits.apart_s
        if not apart_s or self._fresh or now - self._phrase >= SETTLE_S:
            return False
        return now - self._onset < apart_s and not self._same_onset(source, now)

    def _same_onset(self, source: int, now: float) -> bool:
        return source == self._onset_source and now - self._onset <= CHORD_S

    def _pays(self, one: _Source, source: int, now: float) -> bool:
        return (source in MANY or one.budget.take(now)) and self._all.take(now)

    def _began(self, source: int, now: float) -> None:
        if self._fresh:
            self._fresh = False
            self._phrase = now
        elif self._same_onset(source, now):
            return
        self._onset = now
        self._onset_source = source

    def _loudness(self, one: _Source, source: int, wanted: int, now: float) -> int:
        if source not in self._woken:
            self._woken.add(source)
            one.ceiling, one.at, one.played = self.limits.first, now, 0
        elif now - one.at > CHORD_S:
            one.ceiling, one.at, one.played = one.played + self.limits.rise, now, 0
        velocity = min(max(wanted, 1), one.ceiling, self.limits.loudest)
        if velocity > one.played:
            one.played = velocity
        return velocity

    # ------------------------------------------------------------ everything else

    def other(self, event: Event) -> list[Event]:
        """Any other MIDI message as it may leave: its values legal, CC 7 and 11 below their ceilings."""
        a, b = min(max(event.a, 0), 127), min(max(event.b, 0), 127)
        if a != event.a or b != event.b:
            event = event._replace(a=a, b=b)
        if event.kind != Kind.CONTROL:
            return [event]
        if a in (VOLUME, EXPRESSION):
            return [self.levels.pass_on(event, self._ceiling(a))]
        if a in (VOLUME + LSB, EXPRESSION + LSB):
            ceiling = self._ceiling(a - LSB)
            if ceiling < FULL and self.levels.at_ceiling(event.channel, a - LSB, event.outputs, ceiling):
                return [event._replace(b=0)]
        if a == RESET_CONTROLS:
            return [event, *self.was_reset(event.channel, event.outputs, event.time)]
        return [event]

    def was_reset(self, channel: int, outputs: int, time: float) -> list[Event]:
        """What must follow a CC 121."""
        self.levels.reset(channel, outputs)
        return self._bring(False, time)

    def give_back(self, time: float) -> list[Event]:
        """The levels that may rise again, now that nothing sounds."""
        self.owes = False
        return self._bring(True, time)

    def _ceiling(self, controller: int) -> int:
        return self._expression if controller == EXPRESSION else self.limits.control

    def _bring(self, rise: bool, time: float) -> list[Event]:
        return self.levels.bring(self.limits.control, self._expression, rise, time)

    # ------------------------------------------------------------ orders

    def take(self, limits: Limits, preset: bool, time: float) -> list[Event]:
        """New limits: the preset that a person chose, or what is asked for within it. The messages that follow at once."""
        if preset:
            self.preset = limits
        else:
            self._asked = limits
        return self._fit(time)

    def softer(self, used: Mapping[int, int], time: float) -> list[Event]:
        """One step softer, for all that sounds and will; `used` is the outputs of each channel that was used.

        It is the room that is too loud, whoever asks: notes come with a lower ceiling, and what sounds goes down by expression.
        """
        if self.limits.loudest > SOFTEST:
            self.steps += 1
        for channel, outputs in used.items():
            self.levels.assume(channel, outputs)
        return self._fit(time)

    def stop(self, time: float) -> None:
        """Nothing starts until somebody starts again after REST_S without a try. Whoever calls ends what sounds."""
        self.stopped = True
        self._tried = self.clock(time)
        self.soften_all()

    def lift(self) -> None:
        """A therapist lifts softer and stop; what begins again begins softly."""
        self.steps = 0
        self.stopped = False
        self.soften_all()
        self._fit(self._now)

    def _fit(self, time: float) -> list[Event]:
        # Levels fall at once; they rise again only while nothing sounds (`give_back`), so that nothing swells by itself.
        limits = self._asked.within(self.preset)
        down = SOFTER_STEP * self.steps
        self._expression = max(limits.control - down, min(limits.control, SOFTEST_EXPRESSION))
        self.limits = limits = replace(limits, loudest=max(limits.loudest - down, min(limits.loudest, SOFTEST)))
        self._all.change(limits.total_rate, limits.total_burst)
        for one in self._sources.values():
            one.budget.change(limits.source_rate, limits.source_burst)
        self.owes = True
        return self._bring(False, time)

    # ------------------------------------------------------------ told and kept

    def figures(self) -> dict:
        """What everybody may see at any time: plain JSON values."""
        return {"limits": name_of(self.preset), "loudest": self.limits.loudest, "softer": self.steps, "stopped": self.stopped}

    def sentence(self) -> str:
        """Where the guard stands, for people."""
        if self.stopped:
            return f"Stopped. It begins again with the first touch after {REST_S:g} s of rest."
        if self.steps:
            return f"Softer: no note is louder than {self.limits.loudest}, until that is lifted."
        if self.preset == STAGE:
            return "The loudness guard is off (stage): everything sounds as loud as it is played."
        return f"The loudness guard is on ({name_of(self.preset)}): no note is louder than {self.limits.loudest}."

    def kept(self) -> str:
        """What must outlive this process, as JSON text for `restore`."""
        said = {"preset": asdict(self.preset), "asked": asdict(self._asked), "steps": self.steps, "stopped": self.stopped}
        return json.dumps({**said, "levels": self.levels.kept()}, separators=(",", ":"))

    def restore(self, text: str, time: float) -> None:
        """Take over from a guard that died; text that is none of ours leaves the very quietest, for who knows what was set."""
        try:
            said = json.loads(text)
            self.preset, self._asked = (read(said[key], STAGE, key) for key in ("preset", "asked"))
            self.levels.restore(said["levels"])
            self.steps = int(said["steps"])
            if said["stopped"]:
                self.stop(time)
        except (ValueError, TypeError, KeyError, AttributeError, LimitsProblem):
            self.preset = VERY_QUIET
        self._fit(time)
