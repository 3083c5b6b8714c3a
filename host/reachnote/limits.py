"""What may sound: the limits of the guard, their presets, and how a profile and the pipe carry them. Pure.

The figures are MIDI's and say nothing of loudness in a room: synth, amplifier and loudspeaker make that. Before anybody with
sensitive hearing plays, and always with `very-quiet`, check with a sound-level meter at the ear.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from reachnote.allowed import number, whole
from reachnote.unknown import listed, nearest

OCTAVE = 12
NO_PLACE = -1
FULL = 127


class LimitsProblem(Exception):
    """Limits that cannot be used; the text is for a person."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may sound. A rate is notes a second that last, its burst how many may come at once before.

    `loudest` velocity of any note; `first` velocity of the first sound of a source after a start, a reconnect or silence;
    `control` value of CC 7 and CC 11; `at_once` notes that sound together; `lowest`, `highest` MIDI keys (a note outside is
    moved by octaves, on channel 10 too); `rise` velocity from one onset of a source to its next; `apart_s` seconds between
    onsets in the first second after silence; `silence_s` seconds without a note that count as silence.
    """

    loudest: int = 90
    first: int = 40
    control: int = FULL
    source_rate: float = 12.0
    source_burst: float = 12.0
    total_rate: float = 48.0
    total_burst: float = 64.0
    at_once: int = 2048
    lowest: int = 0
    highest: int = 127
    rise: int = 127
    apart_s: float = 0.0
    silence_s: float = 60.0

    def within(self, other: Limits) -> Limits:
        """The stricter of both in every field. Two bands that hardly meet leave little: see `place`."""
        return Limits(*[STRICTER[field.name](getattr(self, field.name), getattr(other, field.name)) for field in fields(self)])

    def place(self, key: int) -> int:
        """`key` or the nearest octave of it inside the band; NO_PLACE where a narrow band has none of its pitch."""
        if key < self.lowest:
            key += -((key - self.lowest) // OCTAVE) * OCTAVE
        elif key > self.highest:
            key -= -((self.highest - key) // OCTAVE) * OCTAVE
        return key if self.lowest <= key <= self.highest else NO_PLACE


STRICTER = {field.name: min for field in fields(Limits)} | {"lowest": max, "apart_s": max}
BOUNDS = {  # least and most that a field may be; a float in either makes it a number, else it is a whole one
    "loudest": (1, 127),
    "first": (1, 127),
    "control": (0, FULL),
    "source_rate": (0.1, 1000.0),
    "source_burst": (1.0, 1000.0),
    "total_rate": (0.1, 1000.0),
    "total_burst": (1.0, 1000.0),
    "at_once": (1, 2048),
    "lowest": (0, 127),
    "highest": (0, 127),
    "rise": (1, 127),
    "apart_s": (0.0, 10.0),
    "silence_s": (1.0, 3600.0),
}

VERY_QUIET = Limits(45, 20, 80, 3.0, 3.0, 6.0, 6.0, 4, 48, 84, 8, 0.25, 5.0)
"""For who is easily overwhelmed. Quiet only with a quiet synth: check with a sound-level meter at the ear, before they listen."""
CHILD = Limits(75, 35, 110, 8.0, 8.0, 24.0, 32.0, 24, 33, 100, 24, 0.1, 20.0)
STANDARD = Limits()
STAGE = Limits(127, 127, FULL, 1000.0, 1000.0, 1000.0, 1000.0, 2048, 0, 127, 127, 0.0, 3600.0)
"""Off: more than a MIDI cable carries. Chosen on purpose for one session and always shown."""

PRESETS = {"very-quiet": VERY_QUIET, "child": CHILD, "standard": STANDARD, "stage": STAGE}
IN_PROFILES = tuple(name for name in PRESETS if name != "stage")


def named(preset: str) -> Limits:
    """The limits of a preset that a person chose for this session; LimitsProblem names those that there are."""
    if preset not in PRESETS:
        raise LimitsProblem(f"There is no preset '{preset}'; known are {listed(PRESETS)}.{nearest(preset, PRESETS)}")
    return PRESETS[preset]


def of_profile(said: Mapping, where: str) -> Limits:
    """The limits a profile asks for: `preset` and any field of Limits that is stricter. LimitsProblem with `where` otherwise.

    `stage` is refused: it belongs to an evening, not to a client.
    """
    preset = said.get("preset", "standard")
    if preset == "stage":
        raise LimitsProblem(
            f"{where}: preset = 'stage' turns the loudness guard off. It is chosen by a person for one session and never "
            f"kept in a profile. Write one of {listed(IN_PROFILES)}."
        )
    if preset not in IN_PROFILES:
        raise LimitsProblem(f"{where}: preset = {preset!r}; known are {listed(IN_PROFILES)}.{nearest(preset, IN_PROFILES)}")
    outer = PRESETS[preset]
    own = read({key: value for key, value in said.items() if key != "preset"}, outer, where)
    for name, strict in STRICTER.items():
        kept, bound = getattr(own, name), getattr(outer, name)
        if strict(kept, bound) != kept:
            most = "at least" if strict is max else "at most"
            raise LimitsProblem(f"{where}: {name} = {kept:g}; with the preset '{preset}' it is {most} {bound:g}.")
    if own.highest - own.lowest < OCTAVE - 1:
        raise LimitsProblem(
            f"{where}: from lowest = {own.lowest} to highest = {own.highest} not every note has a place. "
            f"Leave an octave, as in lowest = {min(own.lowest, 116)}, highest = {min(own.lowest, 116) + OCTAVE - 1}."
        )
    return own


def read(said: Mapping, base: Limits, where: str) -> Limits:
    """`base` with every field that `said` names; LimitsProblem with `where`, what was found and what is allowed."""
    found = {}
    for name, value in said.items():
        if name not in BOUNDS:
            raise LimitsProblem(f"{where}: there is no limit '{name}'; known are {listed(BOUNDS)}.{nearest(name, BOUNDS)}")
        least, most = BOUNDS[name]
        check = number if isinstance(least, float) else whole
        try:
            found[name] = check(name, value, least, most)
        except ValueError as problem:
            raise LimitsProblem(f"{where}: {problem}.") from None
    return replace(base, **found)


def name_of(limits: Limits) -> str:
    """The preset that these are, else "own"."""
    return next((name for name, preset in PRESETS.items() if preset == limits), "own")


def pack_limits(limits: Limits, preset: bool = False) -> str:
    """The text of a Kind.LIMITS order. With `preset` they are what a person chose, else what is asked for within that."""
    return json.dumps({"preset": preset, **asdict(limits)}, separators=(",", ":"))


def unpack_limits(text: str) -> tuple[Limits, bool]:
    """(limits, are they the preset) of `pack_limits`; LimitsProblem when it is anything else."""
    try:
        said = json.loads(text)
        if not isinstance(said, dict) or type(said.get("preset")) is not bool or said.keys() != {"preset", *BOUNDS}:
            raise ValueError
    except (ValueError, RecursionError):
        raise LimitsProblem("These limits cannot be read, so the former ones stay.") from None
    return read({name: said[name] for name in BOUNDS}, STAGE, "limits"), said["preset"]
