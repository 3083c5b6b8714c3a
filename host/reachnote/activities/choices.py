"""Choice making: two to five choices, each heard when it is touched, and confirmed by holding or by touching again. Pure.

A sensor with at least as many zones as there are choices has them all along its reach. The others have one each, in the order of
the sensors; where there are fewer sensors than choices, every touch goes on to the next one that the sensor has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reachnote.activities import NEVER, Activity, ActivityProblem, Table, takes_part
from reachnote.allowed import number, word
from reachnote.choice import MOODS, Choice, read_choices
from reachnote.controls import program_events
from reachnote.model import Event, Gesture, Move
from reachnote.tune import PREVIEW, Player
from reachnote.voices import Voice

NAME = "choices"
SAYS = "Each choice is heard when it is touched, and made by holding it or touching it again."
OPTIONS = {
    "choices": MOODS,
    "confirm": "hold",
    "hold_s": 1.5,
    "forgive_s": 0.3,
    "pause_s": 2.0,
}

PREVIEW_LEVEL = 0.8
LATE_S = 0.1  # what a gesture may take from the sensor to here
PLAIN_PROGRAM = 1  # where the scene names none


def begin(table: Table, options: Mapping) -> Activity:
    """`choices`: see `reachnote.choice`; left out, four moods. `confirm`: "hold", for `hold_s` (0.3 to 30), or "second-press".

    `forgive_s` (0 to 5): a second press so soon after the first does not count. `pause_s` (0 to 60): the rest after a choice
    before the next.
    """
    try:
        choices = read_choices(options["choices"], table.song, table.harmony.tonic)
        kept = {
            "confirm": word("confirm", options["confirm"], ("hold", "second-press")),
            "hold_s": number("hold_s", options["hold_s"], 0.3, 30.0),
            "forgive_s": number("forgive_s", options["forgive_s"], 0.0, 5.0),
            "pause_s": number("pause_s", options["pause_s"], 0.0, 60.0),
        }
    except ValueError as problem:
        raise ActivityProblem(str(problem)) from None
    return Choices(table, kept, choices)


class Touch(NamedTuple):
    """A sensor that is held at a place, 0 .. choices - 1; `until` is when that confirms it, NEVER where holding does not."""

    voice: Voice
    place: int
    since: float
    until: float


class Choices(Activity):
    def __init__(self, table: Table, options: Mapping, choices: tuple[Choice, ...]) -> None:
        super().__init__(table, options)
        self._choices = choices
        self._by_name = any(choice.sensor for choice in choices)
        self._player = Player(PREVIEW)
        self._swapped = False
        self._offered = NEVER  # since when the choice is open; NEVER before the first tick
        self._programs: dict[int, tuple[Voice, int]] = {}  # by channel: whose it is and what it was set to
        self._round()

    def _round(self) -> None:
        """Everything is open again."""
        self._chosen = -1
        self._rests_until = NEVER
        self._first = NEVER  # when the first touch was
        self._heard: list[str] = []
        self._at: dict[int, tuple[int, float]] = {}  # by sensor: which of its places it was at last, and since when
        self._let_go()

    def _let_go(self) -> None:
        self._touch: Touch | None = None
        self._next: tuple[Gesture, Voice] | None = None  # while it is not certain whether the touch before was long enough
        self._pressed = (-1, -NEVER)  # the place that was pressed last, and when

    # ------------------------------------------------------------ what comes

    def gesture(self, did: Gesture, voice: Voice) -> list[Event]:
        events = self.tick(did.time)
        if self._chosen >= 0 or not takes_part(voice):
            return events
        touch = self._touch
        if touch is not None and did.time >= touch.until:
            if touch.voice.sensor == did.sensor:
                return events + self._confirm(touch, touch.until, did.time)
            if did.move is not Move.RELEASE:
                self._next = (did, voice)
            elif self._next is not None and self._next[1].sensor == did.sensor:
                self._next = None
            return events
        if did.move is not Move.RELEASE:
            return events + self._touched(did, voice)
        if touch is not None and touch.voice.sensor == did.sensor:
            return events + self._released(did.time)
        return events

    def pedal(self, action: str, time: float) -> list[Event]:
        events = self.tick(time)
        if action == "swap":
            self._swapped = not self._swapped
            self._let_go()
            self.table.say({"news": "sides", "sides": self._sides, "time": time, "text": f"The sides are {self._sides}."})
        elif action == "again":
            events += self._player.stop(time)
            self._round()
            self._offered = time
        return events

    @property
    def due(self) -> float:
        if self._offered == NEVER:
            return self.table.began
        holds = self._touch.until + LATE_S if self._touch else NEVER
        return min(self._player.due, self._rests_until, holds)

    def tick(self, now: float) -> list[Event]:
        if self._offered == NEVER:
            self._offered = now
        events = self._player.tick(now)
        if self._chosen >= 0 and self._rests_until == NEVER and not self._player.playing:
            self._rests_until = now + self.options["pause_s"]
        if self._rests_until <= now:
            self._offered = self._rests_until
            self._round()
        if self._touch is not None and self._touch.until + LATE_S <= now:
            events += self._confirm(self._touch, self._touch.until, now)
        return events

    def end(self, now: float) -> list[Event]:
        events = self._player.stop(now)
        for voice, _ in self._programs.values():
            events += self._program(voice, voice.rule.program or PLAIN_PROGRAM, now)
        self._programs.clear()
        return events

    def forget(self, now: float) -> None:
        self._player.forget()
        self._let_go()
        if self._chosen >= 0:
            self._rests_until = min(self._rests_until, now + self.options["pause_s"])

    def let_go(self, voice: Voice, now: float) -> list[Event]:
        if self._next is not None and self._next[1].sensor == voice.sensor:
            self._next = None
        if self._touch is not None and self._touch.voice.sensor == voice.sensor:
            return self._released(now)
        return []

    def status(self) -> dict:
        there = [self._choice_at(place) for place in range(len(self._choices))]
        return {
            "choices": [{"name": choice.name, "symbol": choice.symbol} for choice in there],
            "touched": self._choice_at(self._touch.place).name if self._touch else "",
            "chosen": self._choices[self._chosen].name if self._chosen >= 0 else "",
            "sides": self._sides,
        }

    # ------------------------------------------------------------ touching

    def _touched(self, did: Gesture, voice: Voice) -> list[Event]:
        """An onset, or another zone."""
        soon = did.time - self._at.get(voice.sensor, (0, -NEVER))[1] < self.options["forgive_s"]
        place, by_hold = self._place(did, voice, soon)
        touch, self._next = self._touch, None
        if place < 0 or (touch is not None and did.move is Move.ZONE and (touch.voice, touch.place) == (voice, place)):
            return []
        again = not by_hold and did.move is Move.ONSET and place == self._pressed[0]
        if again and did.time - self._pressed[1] < self.options["forgive_s"]:
            return []
        until = did.time + self.options["hold_s"] if by_hold else NEVER
        self._touch = touch = Touch(voice, place, did.time, until)
        if again:
            return self._confirm(touch, did.time, did.time)
        self._pressed = (place, did.time)
        self._first = min(self._first, did.time)
        name = self._choice_at(place).name
        if soon and self._player.playing and self._heard[-1:] == [name]:
            return []  # a press too many: it goes on
        self._heard.append(name)
        return self._play(self._choice_at(place), PREVIEW_LEVEL, voice, did.time)

    def _released(self, time: float) -> list[Event]:
        after, self._touch, self._next = self._next, None, None
        return self._touched(after[0]._replace(time=time), after[1]) if after else []

    def _confirm(self, touch: Touch, when: float, now: float) -> list[Event]:
        choice = self._choice_at(touch.place)
        self._chosen = self._choices.index(choice)
        self._let_go()
        took = when - self._offered
        self.table.say(
            {
                "news": "choice",
                "choice": choice.name,
                "symbol": choice.symbol,
                "place": touch.place + 1,
                "of": len(self._choices),
                "sides": self._sides,
                "sensor": self.table.names.get(touch.voice.sensor, ""),
                "heard": list(self._heard),
                "time": when,
                "took_s": round(took, 3),
                "touched_s": round(when - self._first, 3),
                "text": f"'{choice.name}' was chosen after {took:.1f} s.",
            }
        )
        return self._play(choice, 1.0, touch.voice, now)

    # ------------------------------------------------------------ places

    def _place(self, did: Gesture, voice: Voice, soon: bool) -> tuple[int, bool]:
        """(the place of a gesture or -1 for none, whether holding confirms it)."""
        most, by_hold = len(self._choices), self.options["confirm"] == "hold"
        if voice.zones >= most and did.zone >= 0:
            self._at[voice.sensor] = (0, did.time)
            return min(did.zone, voice.zones - 1) * most // voice.zones, by_hold
        mine = self._places_of(voice)
        at, _ = self._at.get(voice.sensor, (-1, 0.0))
        if did.move is Move.ONSET and not (soon and at >= 0):
            at = (at + 1) % len(mine) if mine else -1
        self._at[voice.sensor] = (max(at, 0), did.time)
        return (mine[max(at, 0)], by_hold or len(mine) > 1) if mine else (-1, False)

    def _places_of(self, voice: Voice) -> list[int]:
        """The places that a sensor without zones goes through, touch by touch."""
        most = len(self._choices)
        if self._by_name:
            name = self.table.names.get(voice.sensor, "")
            return [
                n for n, c in enumerate(self._choices) if c.sensor in (name, voice.rule.sensor) or name.endswith(f"/{c.sensor}")
            ]
        line = sorted({v.sensor for v in self.table.voices() if takes_part(v) and v.zones < most})
        at = line.index(voice.sensor) if voice.sensor in line else 0
        return list(range(at, most, len(line))) or [at % most]

    def _choice_at(self, place: int) -> Choice:
        return self._choices[len(self._choices) - 1 - place if self._swapped else place]

    @property
    def _sides(self) -> str:
        return "swapped" if self._swapped else "as written"

    # ------------------------------------------------------------ sounding

    def _play(self, choice: Choice, level: float, voice: Voice, now: float) -> list[Event]:
        table = self.table
        events = self._player.stop(now)
        if any(one.program for one in self._choices):
            events += self._program(voice, choice.program or voice.rule.program or PLAIN_PROGRAM, now)
        tune = choice.tune(table.tempo.bpm, table.harmony.shift, level, voice.channel, voice.outputs)
        return events + self._player.begin(tune, now)

    def _program(self, voice: Voice, program: int, now: float) -> list[Event]:
        if self._programs.get(voice.channel, (voice, 0))[1] == program:
            return []
        self._programs[voice.channel] = (voice, program)
        return program_events(program, voice.channel, now, voice.sensor, voice.outputs, voice.rule.bank or -1)
