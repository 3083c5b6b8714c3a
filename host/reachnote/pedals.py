"""Pedals: any key, controller, page turner or switch that does something for the session instead of sounding. Pure.

People write one binding a line, what is pressed on the left and what it does on the right:

    cc 64 = next-scene                 a pedal on any MIDI channel; "cc 64 channel 2" on one
    note C2 = mark                     a key of a MIDI keyboard, by its name or its number
    key PageDown = next-scene          a page turner, or a key of any keyboard (reachnote.key_names)
    switch Two switches/left = softer  a switch of a board, by board and sensor
    cc 67 up = phrase-end              when it comes up instead of when it goes down

What each action does is for whoever carries it out; `ACTIONS` says it in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from reachnote.key_names import CODE_OF_KEY, midi_key, spelt
from reachnote.music import note_name
from reachnote.unknown import listed, nearest

ACTIONS = {
    "next-scene": "the next scene of the plan",
    "previous-scene": "the scene before",
    "mark": "a mark at this moment of the session",
    "silence": "everything ends; twice within 2 s also resets the synths",
    "phrase-end": "my phrase ends now",
    "prompt": "the next prompt level: independent, verbal help, physical help, and again",
    "prompt-independent": "from now on without help",
    "prompt-verbal": "from now on with a word",
    "prompt-physical": "from now on with a hand",
    "next-chord": "the next chord of the chord line",
    "again": "the activity does it once more",
    "swap": "the sides of a choice change",
    "next": "the activity goes on",
    "softer": "one step softer, until it is lifted",
    "stop": "everything ends, and nothing starts before a rest",
    "lift": "softer and stop are over",
    "pause": "nothing sounds until it is asked for again",
}
PROMPTS = ("independent", "verbal", "physical")
WAYS = ("cc", "note", "key", "switch")

DOWN, UP = 64, 40  # of a controller: pressed from the first on, released at the second; between them it stays as it was
BOUNCE_S = 0.08  # a second press this soon is the foot's bounce
_HIGHEST_CC = 119  # what lies above are messages of another kind
_LIMIT = 64
_LINE = re.compile(r"(?P<way>\S+)\s+(?P<what>.+?)(?:\s+channel\s+(?P<channel>\S+))?(?P<up>\s+up)?")


class PedalProblem(Exception):
    """Bindings that cannot be used: where, what was found, what is allowed."""


@dataclass(frozen=True, slots=True)
class Binding:
    """`way` one of WAYS; `what` a controller or MIDI key, or a name; `channel` 1..16, 0 for any; `up` at the release."""

    way: str
    what: int | str
    action: str
    channel: int = 0
    up: bool = False

    def text(self) -> str:
        """As people write it."""
        what = note_name(int(self.what)) if self.way == "note" else str(self.what)
        channel = f" channel {self.channel}" if self.channel else ""
        return f"{self.way} {what}{channel}{' up' if self.up else ''} = {self.action}"


def read_bindings(text: str, where: str) -> tuple[Binding, ...]:
    """Every binding of `text`, one a line, `#` before remarks; PedalProblem with `where` and the line otherwise."""
    found: dict[tuple, tuple[int, Binding]] = {}
    for n, line in enumerate(text.splitlines(), 1):
        line = re.split(r"(?:^|\s)#(?:\s|$)", line, maxsplit=1)[0].strip()
        if not line:
            continue
        binding = read_binding(line, f"{where}: line {n}")
        place = (binding.way, binding.what, binding.up)
        for other, (before, kept) in found.items():
            if other[:3] == place and (other[3] == binding.channel or not (other[3] and binding.channel)):
                raise PedalProblem(f"{where}: line {n}: '{line}' is bound already in line {before}: '{kept.text()}'.")
        found[(*place, binding.channel)] = (n, binding)
        if len(found) > _LIMIT:
            raise PedalProblem(f"{where}: more than {_LIMIT} bindings.")
    return tuple(binding for _, binding in found.values())


def read_binding(line: str, here: str) -> Binding:
    """One binding; PedalProblem says what stands in the place and what may stand there."""
    left, equals, action = (part.strip() for part in line.rpartition("="))
    if not equals or not left:
        raise PedalProblem(f"{here}: '{line}'; write what is pressed, = and what it does, as in: cc 64 = next-scene")
    if action not in ACTIONS:
        raise PedalProblem(
            f"{here}: '{action}' is not something a pedal does; known are {listed(ACTIONS)}.{nearest(action, ACTIONS)}"
        )
    found = _LINE.fullmatch(left)
    way = left.split()[0]
    if way not in WAYS:
        raise PedalProblem(f"{here}: '{way}'; a pedal is one of {listed(WAYS)}.{nearest(way, WAYS)}")
    if found is None:
        raise PedalProblem(f"{here}: '{left}' names no {way}. {_EXAMPLES[way]}")
    if found["channel"] and way not in ("cc", "note"):
        raise PedalProblem(f"{here}: '{left}'; only a cc or a note has a channel.")
    what = _READ[way](found["what"], here)
    return Binding(way, what, action, _channel(found["channel"], here), bool(found["up"]))


def _channel(said: str | None, here: str) -> int:
    if said is None:
        return 0
    if not said.isascii() or not said.isdigit() or not 1 <= int(said) <= 16:
        raise PedalProblem(f"{here}: channel '{said}'; write a channel from 1 to 16.")
    return int(said)


def _controller(said: str, here: str) -> int:
    if not said.isascii() or not said.isdigit() or len(said) > 3 or int(said) > _HIGHEST_CC:
        raise PedalProblem(f"{here}: cc '{said}'; write a controller number from 0 to {_HIGHEST_CC}. {_EXAMPLES['cc']}")
    return int(said)


def _note(said: str, here: str) -> int:
    try:
        return midi_key(said)
    except ValueError as problem:
        raise PedalProblem(f"{here}: note {problem}. {_EXAMPLES['note']}") from None


def _key(said: str, here: str) -> str:
    name = spelt(said)
    if name is None:
        usual = "PageUp, PageDown, Up, Down, Left, Right, Space, Enter, A to Z, F1 to F12"
        near = nearest(said, [name for name in CODE_OF_KEY if len(name) > 1])
        raise PedalProblem(f"{here}: key '{said}' is not known; known are {usual} and more.{near}")
    return name


def _switch(said: str, here: str) -> str:
    if len(said) > 130 or not said.isprintable():
        raise PedalProblem(f"{here}: that is no name of a switch. {_EXAMPLES['switch']}")
    return said


_READ = {"cc": _controller, "note": _note, "key": _key, "switch": _switch}
_EXAMPLES = {
    "cc": "Write it as in: cc 64 = next-scene",
    "note": "Write it as in: note C2 = mark",
    "key": "Write it as in: key PageDown = next-scene",
    "switch": "Write board and sensor, as in: switch Two switches/left = softer",
}


class _State:
    """One pedal: is it down, and when did it last do something."""

    __slots__ = ("acted", "binding", "down")

    def __init__(self, binding: Binding) -> None:
        self.binding = binding
        self.down = False
        self.acted = float("-inf")

    def move(self, down: bool, time: float, struck: bool = False) -> str:
        """The action of this movement, "" for none. `struck`: going down again is a press, whatever was before."""
        was, self.down = self.down, down
        moved = was != down or (struck and down)
        if not moved or down == self.binding.up or time - self.acted < BOUNCE_S:
            return ""
        self.acted = time
        return self.binding.action


class Pedals:
    """What is bound. Each call answers the action that a movement means, "" for none; `owns` says what must not sound as well."""

    def __init__(self, bindings: Iterable[Binding] = ()) -> None:
        self.bindings = tuple(bindings)
        self._states: dict[tuple[str, int | str], list[_State]] = {}
        for binding in self.bindings:
            self._states.setdefault((binding.way, binding.what), []).append(_State(binding))

    def bind_switch(self, switch: str, action: str) -> None:
        """From now on `switch` (board/sensor) does this instead of what it did; "" frees it. PedalProblem for no action."""
        if action and action not in ACTIONS:
            raise PedalProblem(f"'{action}' is not something a switch does; known are {listed(ACTIONS)}.{nearest(action, ACTIONS)}")
        self.bindings = tuple(one for one in self.bindings if (one.way, one.what) != ("switch", switch))
        self._states.pop(("switch", switch), None)
        if action:
            binding = Binding("switch", switch, action)
            self.bindings += (binding,)
            self._states["switch", switch] = [_State(binding)]

    def of_switch(self, board: str, sensor: str) -> str:
        """What a switch does when it goes down, "" where it plays."""
        for state in self._states.get(("switch", f"{board}/{sensor}"), ()):
            if not state.binding.up:
                return state.binding.action
        return ""

    def midi(self, message: bytes, time: float) -> str:
        """One MIDI message."""
        action = ""
        kind = message[0] & 0xF0
        if kind == 0xB0:
            for state in self._meant(message):
                value = message[2]
                down = value >= DOWN or (state.down and value > UP)
                action = state.move(down, time) or action
        else:
            down = kind == 0x90 and len(message) > 2 and message[2] > 0
            for state in self._meant(message):
                action = state.move(down, time, struck=True) or action
        return action

    def owns(self, message: bytes) -> bool:
        """True of a message that belongs to a pedal: it is not music."""
        return bool(self._meant(message))

    def key(self, name: str, down: bool, time: float) -> str:
        """A key of a page turner or keyboard went down or up."""
        return self._named("key", name, down, time)

    def switch(self, board: str, sensor: str, down: bool, time: float) -> str:
        """A switch of a board was pressed or let go; a binding may name it with its board or without."""
        named, alone = (self._named("switch", name, down, time) for name in (f"{board}/{sensor}", sensor))
        return named or alone

    def owns_switch(self, board: str, sensor: str) -> bool:
        """True of a switch that is a pedal: it plays no voice. A key of a page turner is a switch of that name."""
        names = (("switch", f"{board}/{sensor}"), ("switch", sensor), ("key", sensor))
        return any(name in self._states for name in names)

    def _named(self, way: str, name: str, down: bool, time: float) -> str:
        action = ""
        for state in self._states.get((way, name), ()):
            action = state.move(down, time) or action
        return action

    def _meant(self, message: bytes) -> list[_State]:
        if len(message) < 3 or not 0x80 <= message[0] < 0xC0 or message[0] >> 4 == 0xA:
            return []
        way = "cc" if message[0] >> 4 == 0xB else "note"
        channel = (message[0] & 15) + 1
        return [s for s in self._states.get((way, message[1]), ()) if s.binding.channel in (0, channel)]
