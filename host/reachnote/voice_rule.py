"""One [[voice]] of a scene: which sensors it is for and how they sound, in musical words. Pure.

    for = ["switch", "pressure"] # kinds of sensor, or "all"
    sensor = "Blue pads/left"    # instead of for: one sensor, by board and sensor name

    play = "step"                # "step": each onset the next note; "zones": notes along the reach
    notes = 5                    # how many notes, 1..64
    widths = [2, 1, 1, 2]        # zones of their own widths; as many as notes
    order = "forward"            # of "step": forward, back, there-and-back, random
    restart_s = 8.0              # after so much silence "step" begins again; 0 never

    source = "scale"             # where notes come from: scale, chord (of the moment), keys, drums, clusters, noise
    octave = 4                   # 0..8; octave 4 starts at middle C
    keys = "C4 E4 G4"            # for source = "keys"
    chord = "triad"              # each note becomes the in-key chord on it: note, triad, seventh, ninth (or 1, 3, 4, 5);
                                 # with source = "chord" so many neighbouring notes of the chord of the moment
    inversion = 1                # 0..4, of in-key chords
    spread = "open"              # close, open, wide, of in-key chords

    gesture = "plain"            # a file of gestures/; or a table with its options: {name = "long-press", hold_s = 0.5}
    trigger = "momentary"        # see protocols/triggers.md; or a table: {mode = "dwell", dwell_s = 1.0}
    quantise = 0                 # 0..100 % of the way to the grid
    grid = 0.5                   # beats; 1 is a quarter note
    voices = 8                   # notes at once, 1..32; the oldest ends first
    velocity = 70                # 1..127; or a table: {from = "speed", floor = 40, ceiling = 90, curve = "gentle"}
    transpose = 0                # semitones, -36..36
    controls = [{send = "cc 74"}, {send = "bend", to = 12000}]   # follow the level; also from, home, semitones
    steers = "transpose"         # no notes: it transposes the others by `steps`; also "softer", "stop", "next-scene", ...
    steps = [0, 3, 5, 7]

    mpe = "lower"                # each note on a channel of its own, of a zone: "lower", "upper" or {zone = "lower", members = 7};
                                 # its controls (bend, pressure, cc 74) then move each note alone
    channel = 3                  # 1..16; leave out for one of its own
    program = 12                 # MIDI program 1..128, as people count; leave out to keep the synth's own
    bank = 0                     # 0..16383
    outputs = ["synth"]          # names of outputs; leave out for all
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reachnote import allowed, gestures, music
from reachnote.controls import KINDS as CONTROLS
from reachnote.controls import Control, Pace
from reachnote.lists import ORDERS
from reachnote.loudness import Loudness
from reachnote.mpe import TIMBRE, Zone
from reachnote.triggers import MODES, Options
from reachnote.unknown import listed, nearest

PLAYS = ("step", "zones")
SOURCES = ("scale", "chord", "keys", "drums", "clusters", "noise")
SPREADS = ("close", "open", "wide")
KINDS = ("all", "switch", "pressure", "distance", "voltage", "force", "impact")
STEERS = ("transpose", "softer", "stop", "next-scene", "previous-scene", "next-chord", "mark")
GRIDS = (0.125, 0.25, 1 / 3, 0.5, 1.0, 2.0, 4.0)
MOST_CONTROLS = 8
CHANNELS = (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16)
"""Those that sensors are given: 10 is kept for drums, 1 for what concerns everybody."""
MEMBERS = 7  # of an MPE zone, where none are told


class VoiceProblem(Exception):
    """A voice that cannot be: key, what was found, what is allowed."""


@dataclass(frozen=True)
class ControlRule:
    """A control that follows the level; see `reachnote.controls.Control`. None: that control's own range."""

    kind: str
    number: int = 0
    at_rest: int | None = None
    at_full: int | None = None
    home: int | None = None
    semitones: int = 2

    def made(self, pace: Pace, channel: int, source: int, outputs: int) -> Control:
        return Control(
            self.kind,
            pace,
            channel,
            source,
            outputs,
            number=self.number,
            at_rest=self.at_rest,
            at_full=self.at_full,
            home=self.home,
            semitones=self.semitones,
        )


@dataclass(frozen=True)
class VoiceRule:
    """A voice as it was written. `velocity` counts where `loudness` is None: a loud gesture has it, a soft one less."""

    kinds: tuple[str, ...] = ("all",)
    sensor: str = ""
    play: str = "step"
    octave: int = 4
    notes: int = 5
    velocity: int = 70
    program: int = 0
    outputs: tuple[str, ...] = ()
    widths: tuple[float, ...] = ()
    order: str = "forward"
    restart_s: float = 0.0
    source: str = "scale"
    keys: tuple[int, ...] = ()
    chord: int = 1
    inversion: int = 0
    spread: str = "close"
    gesture: str = "plain"
    gesture_options: Mapping = field(default_factory=dict)
    trigger: str = "momentary"
    options: Options = field(default_factory=Options)
    quantise: int = 0
    grid: float = 0.5
    voices: int = 8
    loudness: Loudness | None = None
    transpose: int = 0
    controls: tuple[ControlRule, ...] = ()
    steers: str = ""
    steps: tuple[int, ...] = ()
    channel: int = 0
    bank: int = 0
    mpe: Zone | None = None

    @property
    def zones(self) -> int:
        """How many zones of the reach; 0 where each onset brings the next note."""
        if self.steers == "transpose":
            return len(self.steps)
        return self.notes if self.play == "zones" and not self.steers else 0

    @property
    def shares(self) -> tuple[int, ...]:
        """Where zones of their own widths end, in 1024ths, the last one left out."""
        total, so_far, found = sum(self.widths), 0.0, []
        for width in self.widths[:-1]:
            so_far += width
            found.append(round(1024 * so_far / total))
        return tuple(found)


_KEYS = (
    "for", "sensor", "play", "notes", "widths", "order", "restart_s", "source", "octave", "keys", "chord", "inversion", "spread",
    "gesture", "trigger", "quantise", "grid", "voices", "velocity", "transpose", "controls", "steers", "steps", "mpe", "channel",
    "program", "bank", "outputs",
)  # fmt: skip


def read_voice(table: Mapping) -> VoiceRule:
    """A voice of a scene's TOML. VoiceProblem says key, what was found, what is allowed."""
    for key in table:
        if key not in _KEYS:
            raise VoiceProblem(f"unknown key '{key}'; known are {listed(_KEYS)}.{nearest(key, _KEYS)}")
    try:
        return _rule(table)
    except ValueError as problem:
        raise VoiceProblem(f"{problem}.") from None


def _rule(table: Mapping) -> VoiceRule:
    source = allowed.word("source", table.get("source", "scale"), SOURCES)
    keys = _keys(table.get("keys"), source)
    notes = allowed.whole("notes", table.get("notes", len(keys) or 5), 1, 64)
    gesture, gesture_options = _named(table.get("gesture", "plain"), "gesture", "name")
    gestures.begin(gesture, gesture_options)
    mode, options = _named(table.get("trigger", "momentary"), "trigger", "mode")
    steers = allowed.word("steers", table["steers"], STEERS) if "steers" in table else ""
    velocity, loudness = _velocity(table.get("velocity", 70))
    controls = _controls(table.get("controls", []))
    channel = allowed.whole("channel", table.get("channel", 0), 0, 16)
    zone = _zone(table["mpe"]) if "mpe" in table else None
    if zone is not None:
        _fits_zone(controls, channel, source)
    return VoiceRule(
        kinds=_kinds(table.get("for", ["all"])),
        sensor=str(table.get("sensor", "")),
        play=allowed.word("play", table.get("play", "step"), PLAYS),
        octave=allowed.whole("octave", table.get("octave", 4), 0, 8),
        notes=len(keys) or notes,
        velocity=velocity,
        program=allowed.whole("program", table.get("program", 0), 0, 128),
        outputs=_outputs(table.get("outputs", [])),
        widths=_widths(table.get("widths", ()), len(keys) or notes),
        order=allowed.word("order", table.get("order", "forward"), ORDERS),
        restart_s=allowed.number("restart_s", table.get("restart_s", 0.0), 0.0, 600.0),
        source=source,
        keys=keys,
        chord=_chord(table.get("chord", 1), source),
        inversion=allowed.whole("inversion", table.get("inversion", 0), 0, 4),
        spread=allowed.word("spread", table.get("spread", "close"), SPREADS),
        gesture=gesture,
        gesture_options=gesture_options,
        trigger=allowed.word("trigger", mode, MODES),
        options=_options(mode, options),
        quantise=allowed.whole("quantise", table.get("quantise", 0), 0, 100),
        grid=allowed.number("grid", table.get("grid", 0.5), 0.125, 4.0),
        voices=allowed.whole("voices", table.get("voices", 8), 1, 32),
        loudness=loudness,
        transpose=allowed.whole("transpose", table.get("transpose", 0), -36, 36),
        controls=controls,
        steers=steers,
        steps=_steps(table.get("steps"), steers),
        channel=channel,
        bank=allowed.whole("bank", table.get("bank", 0), 0, 16383),
        mpe=zone,
    )


def _kinds(found: object) -> tuple[str, ...]:
    listing = [found] if isinstance(found, str) else found
    if not isinstance(listing, list):
        raise ValueError(f"for = {found!r}; known are {listed(KINDS)}")
    return tuple(allowed.word("for", kind, KINDS) for kind in listing)


def _outputs(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"outputs = {found!r}; write a list of output names")
    return tuple(found)


def _keys(found: object, source: str) -> tuple[int, ...]:
    """Keys written as names with octaves ("C4 F#3"), or as drums' names with commas between."""
    if found is None:
        if source == "keys":
            raise ValueError('source = "keys" needs keys, as in keys = "C4 E4 G4"')
        return ()
    if not isinstance(found, str) or source not in ("keys", "drums"):
        raise ValueError(f'keys = {found!r}; write text in quotes, beside source = "keys" or "drums"')
    if source == "drums":
        read = [music.drum_key(word.strip()) for word in found.split(",")]
    else:
        read = [_key_number(word) for word in found.split()]
    if not 1 <= len(read) <= 64:
        raise ValueError(f"keys = {found!r}; write 1 to 64 of them")
    return tuple(read)


def _key_number(word: str) -> int:
    """60 of "C4"; ValueError says what is allowed."""
    letter = word.rstrip("-0123456789")
    try:
        key = 12 * (int(word[len(letter) :]) + 1) + music.pitch_class(letter)
    except ValueError:
        raise ValueError(f"'{word}' is no key; write a note and its octave, as in C4 or F#3") from None
    if not 0 <= key <= music.HIGHEST:
        raise ValueError(f"'{word}' is outside the keyboard; keys go from C-1 to G9")
    return key


def _widths(found: object, notes: int) -> tuple[float, ...]:
    if found == ():
        return ()
    if not isinstance(found, list) or len(found) != notes:
        raise ValueError(f"widths = {found!r}; write as many numbers as there are notes ({notes})")
    widths = tuple(allowed.number("widths", width, 0.05, 100.0) for width in found)
    if min(widths) < 0.02 * sum(widths):
        raise ValueError(f"widths = {found!r}; no zone may be narrower than 2 % of the whole")
    return widths


def _chord(found: object, source: str) -> int:
    if found != 1 and source not in ("scale", "chord"):
        raise ValueError(f'chord = {found!r} belongs to source = "scale" or "chord", not to source = "{source}"')
    words = {"note": 1, "triad": 3, "seventh": 4, "ninth": 5}
    if isinstance(found, str):
        return words[allowed.word("chord", found, words)]
    size = allowed.whole("chord", found, 1, 5)
    return 3 if size == 2 else size


def _named(found: object, key: str, name: str) -> tuple[str, dict]:
    """A word alone, or a table with that word under `name` and options beside it."""
    if isinstance(found, str):
        return found, {}
    if isinstance(found, dict) and isinstance(found.get(name), str):
        return found[name], {option: value for option, value in found.items() if option != name}
    raise ValueError(f'{key} = {found!r}; write a word, or a table such as {{{name} = "..."}}')


def _options(mode: str, options: Mapping) -> Options:
    known = (*MODES.get(mode, ()), "accept_s")
    for key in options:
        if key not in known:
            raise ValueError(f"trigger '{mode}': unknown option '{key}'; known are {listed(known)}.{nearest(key, known)}")
    return Options(**options)


def _velocity(found: object) -> tuple[int, Loudness | None]:
    if isinstance(found, dict):
        known = ("from", "floor", "ceiling", "curve")
        for key in found:
            allowed.word("velocity", key, known)
        return 70, Loudness(**{"source" if key == "from" else key: value for key, value in found.items()})
    return allowed.whole("velocity", found, 1, 127), None


def _controls(found: object) -> tuple[ControlRule, ...]:
    if not isinstance(found, list) or len(found) > MOST_CONTROLS or not all(isinstance(one, dict) for one in found):
        raise ValueError(f'controls = {found!r}; write a list of at most {MOST_CONTROLS} tables, as in [{{send = "cc 74"}}]')
    return tuple(_control(one) for one in found)


def _control(table: Mapping) -> ControlRule:
    for key in table:
        allowed.word("controls", key, ("send", "from", "to", "home", "semitones"))
    kind, _, number = str(table.get("send", "")).partition(" ")
    kind = allowed.word("send", kind, CONTROLS)
    if (kind in ("cc", "cc14")) != number.isdecimal():
        raise ValueError(f'send = {table.get("send")!r}; write "cc 74", "cc14 1", "bend" or "pressure"')
    rule = ControlRule(
        kind, int(number or 0), table.get("from"), table.get("to"), table.get("home"), table.get("semitones", 2)
    )
    rule.made(Pace(), 1, 0, 1)  # what it cannot be is said while the scene is read
    return rule


def _zone(found: object) -> Zone:
    """One word has 7 members, so that other voices have channels too."""
    side, options = _named(found, "mpe", "zone")
    for option in options:
        allowed.word("mpe", option, ("members",))
    return Zone(side, options.get("members", MEMBERS))


def _fits_zone(controls: tuple[ControlRule, ...], channel: int, source: str) -> None:
    if channel:
        raise ValueError("channel: with mpe each note has a channel of its own; leave channel out")
    if source == "drums":
        raise ValueError('mpe: drums have a channel of their own; leave mpe out beside source = "drums"')
    for control in controls:
        if control.kind not in ("bend", "pressure") and (control.kind, control.number) != ("cc", TIMBRE):
            raise ValueError(f'send = "{control.kind} {control.number}"; with mpe a note has bend, pressure and cc {TIMBRE}')


def _steps(found: object, steers: str) -> tuple[int, ...]:
    if steers != "transpose":
        if found is not None:
            raise ValueError('steps belong to steers = "transpose"')
        return ()
    if found is None:
        return (0, 3, 5, 7)
    if not isinstance(found, list) or not 1 <= len(found) <= 64:
        raise ValueError(f"steps = {found!r}; write a list of semitones, as in steps = [0, 3, 5, 7]")
    return tuple(allowed.whole("steps", step, -36, 36) for step in found)
