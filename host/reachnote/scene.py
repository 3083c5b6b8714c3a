"""A scene: which sensors play what. Read from the text of a TOML file that people write. Pure.

    format = 1
    name = "Five notes"
    key = "C"                    # C, C#, D, ... B
    scale = "major pentatonic"

    [[voice]]
    for = ["switch", "pressure"] # kinds of sensor, or "all"
    sensor = "Blue pads/left"    # instead of for: one sensor, by board and sensor name
    play = "step"                # "step": each onset the next note; "zones": notes along the reach
    octave = 4                   # 0..8; octave 4 starts at middle C
    notes = 5                    # how many notes of the scale
    velocity = 70                # 1..127
    program = 12                 # MIDI program 1..128, as people count; leave out to keep the synth's own
    outputs = ["synth"]          # names of outputs; leave out for all
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from reachnote.music import SCALES, pitch_class
from reachnote.unknown import listed, nearest, only_known

PLAYS = ("step", "zones")
_SCENE_KEYS = ("format", "name", "key", "scale", "voice")
_VOICE_KEYS = ("for", "sensor", "play", "octave", "notes", "velocity", "program", "outputs")
_LIMIT = 64 * 1024


class SceneProblem(Exception):
    """A scene that cannot be used: file, key, what was found, what is allowed."""


@dataclass(frozen=True)
class VoiceRule:
    """One [[voice]] of a scene."""

    kinds: tuple[str, ...] = ("all",)
    sensor: str = ""
    play: str = "step"
    octave: int = 4
    notes: int = 5
    velocity: int = 70
    program: int = 0
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """`tonic` is a pitch class 0..11, `scale` semitones above it."""

    name: str
    tonic: int
    scale: tuple[int, ...]
    voices: tuple[VoiceRule, ...]

    def rule_for(self, board: str, sensor: str, kind: str) -> VoiceRule | None:
        """The voice of a sensor: one that names it before one for its kind before one for all."""
        for rule in self.voices:
            if rule.sensor == f"{board}/{sensor}" or rule.sensor == sensor != "":
                return rule
        for wanted in (kind, "all"):
            for rule in self.voices:
                if not rule.sensor and wanted in rule.kinds:
                    return rule
        return None


def read_scene(text: str, where: str) -> Scene:
    """The scene written in `text`; `where` names the file in what a person is told. SceneProblem otherwise."""
    if len(text) > _LIMIT:
        raise SceneProblem(f"{where}: longer than a scene can be ({_LIMIT // 1024} KiB).")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        raise SceneProblem(f"{where}: this is not TOML: {problem}") from None
    only_known(table, _SCENE_KEYS, where, "scene", SceneProblem)
    if table.get("format", 1) != 1:
        raise SceneProblem(f"{where}: format = {table['format']!r}; this program reads format 1.")
    scale = table.get("scale", "major pentatonic")
    if not isinstance(scale, str) or scale not in SCALES:
        raise SceneProblem(f"{where}: scale = {scale!r}; known are {listed(SCALES)}.{nearest(scale, SCALES)}")
    try:
        tonic = pitch_class(str(table.get("key", "C")))
    except ValueError as problem:
        raise SceneProblem(f"{where}: key: {problem}.") from None
    voices_said = table.get("voice", [])
    if not isinstance(voices_said, list) or not all(isinstance(v, dict) for v in voices_said):
        raise SceneProblem(f"{where}: write each voice under its own [[voice]].")
    voices = tuple(_voice(v, where, n + 1) for n, v in enumerate(voices_said))
    return Scene(str(table.get("name", where)), tonic, SCALES[scale], voices)


def _voice(table: dict, where: str, n: int) -> VoiceRule:
    here = f"{where}: voice {n}"
    only_known(table, _VOICE_KEYS, where, f"voice {n}", SceneProblem)
    kinds = table.get("for", ["all"])
    if isinstance(kinds, str):
        kinds = [kinds]
    allowed = ("all", "switch", "pressure", "distance", "voltage", "force", "impact")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in allowed:
            raise SceneProblem(f"{here}: for = {kind!r}; known are {listed(allowed)}.{nearest(kind, allowed)}")
    play = table.get("play", "step")
    if play not in PLAYS:
        raise SceneProblem(f"{here}: play = {play!r}; known are {listed(PLAYS)}.{nearest(play, PLAYS)}")
    outputs = table.get("outputs", [])
    if not isinstance(outputs, list) or not all(isinstance(o, str) for o in outputs):
        raise SceneProblem(f"{here}: outputs = {outputs!r}; write a list of output names.")
    return VoiceRule(
        kinds=tuple(kinds),
        sensor=str(table.get("sensor", "")),
        play=play,
        octave=_whole(table, "octave", 4, 0, 8, here),
        notes=_whole(table, "notes", 5, 1, 64, here),
        velocity=_whole(table, "velocity", 70, 1, 127, here),
        program=_whole(table, "program", 0, 0, 128, here),
        outputs=tuple(outputs),
    )


def _whole(table: dict, key: str, default: int, low: int, high: int, here: str) -> int:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SceneProblem(f"{here}: {key} = {value!r}; write a whole number from {low} to {high}.")
    return value
