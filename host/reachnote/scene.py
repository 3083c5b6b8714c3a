"""A scene: which sensors play what, and which activity makes music of it. Read from the text of a TOML file. Pure.

    format = 1
    name = "Five notes"
    says = "Every sensor plays five notes that cannot clash."
    key = "C"                    # C, C#, Db, D, ... B
    scale = "major pentatonic"   # a name, or notes "C D E G A", or semitones "0 2 4 7 9"
    chords = "C Am F G"          # a line of chords that the therapist steps through
    tempo = 90                   # beats a minute
    song = "frere-jacques"       # for activities that play one
    transpose = 0                # semitones
    limits = "very-quiet"        # stricter than the session's guard: a preset, or a table {preset = "child", loudest = 60}
    keyboard = "harmony"         # what the therapist's keyboard is for: "harmony", "transposes" (its keys choose the key), "nothing"
    thru = false                 # true: what the therapist's keyboard plays is passed on to the outputs

    [activity]                   # leave out for free play
    name = "free-play"           # a file of activities/; the other keys are its own options
    surprise = 0.1

    [[voice]]                    # see reachnote.voice_rule

What [[voice]] knows is in `reachnote.voice_rule`, by musical words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

from reachnote import allowed, chords, limits, music
from reachnote.chords import Chord
from reachnote.limits import STAGE, Limits, LimitsProblem
from reachnote.mpe import check_beside
from reachnote.unknown import only_known
from reachnote.voice_rule import CHANNELS, VoiceProblem, VoiceRule, read_voice

_KEYS = ("format", "name", "says", "key", "scale", "chords", "tempo", "song", "transpose", "limits", "keyboard", "thru", "activity", "voice")
_LIMIT = 64 * 1024
KEYBOARDS = ("harmony", "transposes", "nothing")
"""What a therapist's keyboard is for; a scene may pass it on besides."""


class SceneProblem(Exception):
    """A scene that cannot be used: file, key, what was found, what is allowed."""


@dataclass(frozen=True)
class Scene:
    """`tonic` is a pitch class 0..11, `scale` semitones above it, `options` those of the activity."""

    name: str
    tonic: int
    scale: tuple[int, ...]
    voices: tuple[VoiceRule, ...]
    says: str = ""
    chords: tuple[Chord, ...] = ()
    tempo: float = 90.0
    song: str = ""
    transpose: int = 0
    limits: Limits = STAGE  # nothing stricter than the session's
    keyboard: str = "harmony"
    thru: bool = False
    activity: str = "free-play"
    options: Mapping = field(default_factory=dict)

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels that voices may be given, those of MPE zones left out; all where nobody needs one."""
        taken = {channel for rule in self.voices if rule.mpe is not None for channel in rule.mpe.channels}
        return tuple(channel for channel in CHANNELS if channel not in taken) or CHANNELS

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
    only_known(table, _KEYS, where, "scene", SceneProblem)
    if table.get("format", 1) != 1:
        raise SceneProblem(f"{where}: format = {table['format']!r}; this program reads format 1.")
    try:
        tonic, scale = _scale(table)
        line = chords.parse_line(_text(table, "chords")) if "chords" in table else ()
        tempo = allowed.number("tempo", table.get("tempo", 90), 20.0, 300.0)
        transpose = allowed.whole("transpose", table.get("transpose", 0), -36, 36)
        keyboard = allowed.word("keyboard", table.get("keyboard", "harmony"), KEYBOARDS)
        thru = allowed.yes("thru", table.get("thru", False))
        activity, options = _activity(table.get("activity", {}))
        own = _limits(table["limits"], f"{where}: limits") if "limits" in table else STAGE
    except ValueError as problem:
        raise SceneProblem(f"{where}: {problem}.") from None
    except LimitsProblem as problem:
        raise SceneProblem(str(problem)) from None
    said = table.get("voice", [])
    if not isinstance(said, list) or not all(isinstance(voice, dict) for voice in said):
        raise SceneProblem(f"{where}: write each voice under its own [[voice]].")
    voices = []
    for n, voice in enumerate(said):
        try:
            voices.append(read_voice(voice))
        except VoiceProblem as problem:
            raise SceneProblem(f"{where}: voice {n + 1}: {problem}") from None
    try:
        _check_zones(voices)
    except ValueError as problem:
        raise SceneProblem(f"{where}: {problem}.") from None
    return Scene(
        name=str(table.get("name", where)),
        tonic=tonic,
        scale=scale,
        voices=tuple(voices),
        says=str(table.get("says", "")),
        chords=tuple(line),
        tempo=tempo,
        song=_text(table, "song") if "song" in table else "",
        transpose=transpose,
        limits=own,
        keyboard=keyboard,
        thru=thru,
        activity=activity,
        options=options,
    )


def _text(table: Mapping, key: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise ValueError(f"{key} = {value!r}; write text in quotes")
    return value


def _scale(table: Mapping) -> tuple[int, tuple[int, ...]]:
    """(tonic, semitones). A scale written as notes brings its own tonic, which `key` must not contradict."""
    try:
        tonic = music.pitch_class(str(table.get("key", "C")))
    except ValueError as problem:
        raise ValueError(f"key: {problem}") from None
    text = _text(table, "scale") if "scale" in table else "major pentatonic"
    try:
        scale = music.read_scale(text)
    except ValueError as problem:
        raise ValueError(f"scale: {problem}") from None
    if scale.tonic is None:
        return tonic, scale.steps
    if "key" in table and scale.tonic != tonic:
        raise ValueError(f"scale = {text!r} begins on another note than key = {table['key']!r}; leave key out")
    return scale.tonic, scale.steps


def _check_zones(voices: list[VoiceRule]) -> None:
    """ValueError when MPE zones share channels with each other or with another voice."""
    zones = {(rule.mpe.side, len(rule.mpe.members)): rule.mpe for rule in voices if rule.mpe is not None}
    for one, other in combinations(zones.values(), 2):
        check_beside(one, other)
    taken = {channel for zone in zones.values() for channel in zone.channels}
    if not taken:
        return
    for n, rule in enumerate(voices, 1):
        own = rule.channel or (music.DRUM_CHANNEL if rule.source == "drums" else 0)
        if rule.mpe is None and not rule.steers and (own in taken or (not own and taken >= set(CHANNELS))):
            fewer = "give the zone fewer members, as in mpe = {zone = \"lower\", members = 7}"
            raise ValueError(f"voice {n}: its channel {own or ''} belongs to an MPE zone; {fewer}".replace("  ", " "))


def _limits(said: object, where: str) -> Limits:
    if not isinstance(said, (str, dict)):
        raise LimitsProblem(f'{where} = {said!r}; write a preset in quotes, or a table: {{preset = "child", loudest = 60}}')
    return limits.of_profile({"preset": said} if isinstance(said, str) else said, where)


def _activity(table: object) -> tuple[str, dict]:
    if not isinstance(table, dict) or not isinstance(table.get("name", "free-play"), str):
        raise ValueError('activity: write it as a table: [activity] and name = "free-play"')
    return table.get("name", "free-play"), {key: value for key, value in table.items() if key != "name"}
