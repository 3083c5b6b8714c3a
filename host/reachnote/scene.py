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

import difflib
import tomllib
from dataclasses import dataclass

from reachnote.music import SCALES, pitch_class

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
    _known(table, _SCENE_KEYS, where, "scene")
    if table.get("format", 1) != 1:
        raise SceneProblem(f"{where}: format = {table['format']!r}; this program reads format 1.")
    scale = table.get("scale", "major pentatonic")
    if not isinstance(scale, str) or scale not in SCALES:
        raise SceneProblem(f"{where}: scale = {scale!r}; known are {_list(SCALES)}.{_near(scale, SCALES)}")
    try:
        tonic = pitch_class(str(table.get("key", "C")))
    except ValueError as problem:
        raise SceneProblem(f"{where}: key: {problem}.") from None
    listed = table.get("voice", [])
    if not isinstance(listed, list) or not all(isinstance(v, dict) for v in listed):
        raise SceneProblem(f"{where}: write each voice under its own [[voice]].")
    voices = tuple(_voice(v, where, n + 1) for n, v in enumerate(listed))
    return Scene(str(table.get("name", where)), tonic, SCALES[scale], voices)


def _voice(table: dict, where: str, n: int) -> VoiceRule:
    here = f"{where}: voice {n}"
    _known(table, _VOICE_KEYS, where, f"voice {n}")
    kinds = table.get("for", ["all"])
    if isinstance(kinds, str):
        kinds = [kinds]
    allowed = ("all", "switch", "pressure", "distance", "voltage", "force", "impact")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in allowed:
            raise SceneProblem(f"{here}: for = {kind!r}; known are {_list(allowed)}.{_near(kind, allowed)}")
    play = table.get("play", "step")
    if play not in PLAYS:
        raise SceneProblem(f"{here}: play = {play!r}; known are {_list(PLAYS)}.{_near(play, PLAYS)}")
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


def _known(table: dict, keys: tuple[str, ...], where: str, part: str) -> None:
    for key in table:
        if key not in keys:
            raise SceneProblem(f"{where}: {part} has an unknown key '{key}'; known are {_list(keys)}.{_near(key, keys)}")


def _list(words: object) -> str:
    return ", ".join(str(w) for w in words)  # type: ignore[attr-defined]


def _near(word: object, words: object) -> str:
    close = difflib.get_close_matches(str(word), [str(w) for w in words], 1)  # type: ignore[attr-defined]
    return f" Did you mean '{close[0]}'?" if close else ""
