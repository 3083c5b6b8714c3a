"""A profile: what fits one client to one instrument, with every calibration ever made. Pure.

    profile = new_profile("k7", "Squeeze ball", date)
    profile = with_calibration(profile, "ball", calibration_of(fit, "guided", "raw", date))
    current(profile, "ball").rest, .span, .parameters

Every function answers a new profile and leaves the old one as it was. Dates are ISO text, handed in. `unknown` holds the
fields that this program does not know: they are kept and written back. Its text is in profile_text, its files in profiles.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reachnote.unknown import nearest
from reachnote_play.parameters import bounded, table_of

if TYPE_CHECKING:
    from reachnote.calibration.fit import Fit

FORMAT = 1
MODES = ("guided", "while playing", "therapist-set", "as last time", "adjusted")
LEAST_FACTOR, MOST_FACTOR = 0.45, 2.0
SETTINGS = ("factor", "frozen", "music")
LONGEST_NAME = 64
_CODE = re.compile(r"[a-z0-9_-]{1,32}")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_TAKEN_BY_WINDOWS = re.compile(r"con|prn|aux|nul|com\d|lpt\d")


class ProfileProblem(Exception):
    """A profile that cannot be used, found or kept: what happened, what it means, what to do."""


class NewerProfile(ProfileProblem):
    """A profile that a newer reachnote wrote. It is never overwritten."""


@dataclass(frozen=True)
class Calibration:
    """What fits one sensor to one client. Places are raw units; `span` is signed: rest + span is the full reach.

    `number` (from 1, of the profile) and `sensor` are given by `with_calibration`. `facts` are figures about the
    calibration, all finite; `other_parameters` are those that this program does not know.
    """

    date: str
    mode: str
    kind: str
    unit: str
    rate_hz: float
    rest: float
    span: float
    parameters: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, float] = field(default_factory=dict)
    grade: str = "D"
    reason: str = ""
    number: int = 0
    sensor: str = ""
    other_parameters: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """An earlier calibration became current again. `did`: restored or undone; `number` 0: none is current."""

    did: str
    date: str
    sensor: str
    number: int
    unknown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SensorProfile:
    """Which calibration is current for one sensor; 0: none, so its declared range plays."""

    calibration: int
    unknown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ClientSettings:
    """What belongs to the client, whatever the instrument. `factor` scales the reach: below 1 easier, above 1 harder."""

    factor: float = 1.0
    frozen: bool = False
    music: Mapping[str, Any] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """One client on one instrument. `saves` counts how often it was saved; the store looks after it."""

    client: str
    instrument: str
    created: str
    edited: str
    saves: int = 0
    settings: ClientSettings = field(default_factory=ClientSettings)
    sensors: Mapping[str, SensorProfile] = field(default_factory=dict)
    history: tuple[Calibration | Change, ...] = ()
    unknown: Mapping[str, Any] = field(default_factory=dict)


# ---------------------------------------------------------------- what people write


def client_code(text: object) -> str:
    """The code as it is kept, in lower case. ProfileProblem for anything that could be a name or a path."""
    code = text.lower() if isinstance(text, str) and text.isascii() else ""
    if not _CODE.fullmatch(code):
        raise ProfileProblem(
            f"{shown(text)} is not a code for a client, so nothing was done. Use a code, never a name: "
            "1 to 32 letters a-z, digits, - and _, such as k7."
        )
    if _TAKEN_BY_WINDOWS.fullmatch(code):
        raise ProfileProblem(f"'{code}' cannot be a client's code: Windows keeps this word to itself. Use another, such as k7.")
    return code


def checked_date(text: object, what: str = "date") -> str:
    """`text` if it is a date, with or without a time: 2031-03-04T10:15:00+01:00."""
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found and 1 <= int(found[2]) <= 12 and 1 <= int(found[3]) <= _DAYS[int(found[2]) - 1]:
        return found[0]
    raise ProfileProblem(f"{what} = {shown(text)}; write a date such as 2031-03-04T10:15:00.")


def checked_name(text: object, what: str) -> str:
    """`text` if it can be the name of an instrument or a sensor."""
    if isinstance(text, str) and 0 < len(text) <= LONGEST_NAME and text.isprintable():
        return text
    raise ProfileProblem(f"{what} = {shown(text)}; write 1 to {LONGEST_NAME} letters, digits, spaces and signs.")


def shown(value: object) -> str:
    """A value as people see it, however long it is."""
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except (ValueError, RecursionError):
        text = "something too long to show"
    return text if len(text) <= 60 else text[:57] + "..."


def new_profile(client: str, instrument: str, date: str) -> Profile:
    """A profile without a calibration: every sensor plays with its declared range."""
    date = checked_date(date)
    return Profile(client_code(client), checked_name(instrument, "instrument"), date, date)


def calibration_of(fit: Fit, mode: str, unit: str, date: str) -> Calibration:
    """A fit as it is kept. Facts without a finite value (nothing was measured) are left out."""
    facts = {name: value for name, value in fit.facts.items() if math.isfinite(value)}
    parameters = dict(fit.parameters)
    return Calibration(date, mode, fit.kind, unit, fit.rate_hz, fit.rest, fit.span, parameters, facts, fit.grade, fit.reason)


def with_calibration(profile: Profile, sensor: str, calibration: Calibration) -> Profile:
    """`calibration` is current for `sensor` now and the last of the history. Its parameters are brought within bounds."""
    _check_reach(calibration)
    number = max((c.number for c in calibrations(profile)), default=0) + 1
    made = replace(
        calibration,
        parameters=_within_bounds(calibration),
        number=number,
        sensor=checked_name(sensor, "sensor"),
        date=checked_date(calibration.date),
    )
    return _now(profile, sensor, number, made)


def restore(profile: Profile, sensor: str, which: str | int, date: str) -> Profile:
    """The calibration of `sensor` with this number or date is current again; the history says so, with `date`."""
    number = find(profile, which, sensor).number
    if current_number(profile, sensor) == number:
        return profile
    return _now(profile, sensor, number, Change("restored", checked_date(date), sensor, number))


def undo(profile: Profile, sensor: str, date: str) -> Profile:
    """What was current before the last calibration or restoring is current again; more undos go further back."""
    before = _before(profile, sensor)
    if not before:
        raise ProfileProblem(f"There is nothing to undo for {sensor}: it was never calibrated, or all of it is undone.")
    number = before[-2] if len(before) > 1 else 0
    return _now(profile, sensor, number, Change("undone", checked_date(date), sensor, number))


def with_setting(profile: Profile, name: str, value: object, date: str) -> Profile:
    """`factor` 0.45-2.0, `frozen` true or false, or `music`: any dict that JSON can hold."""
    if name not in SETTINGS:
        raise ProfileProblem(f"'{name}' is no setting; known are {', '.join(SETTINGS)}.{nearest(name, SETTINGS)}")
    try:
        kept = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise ProfileProblem(f"{name} = {shown(value)}; a profile cannot hold that.") from None
    settings = replace(profile.settings, **{name: kept})
    check_settings(settings)
    return replace(profile, settings=settings, edited=checked_date(date))


def moved_to(profile: Profile, instrument: str, date: str) -> Profile:
    """The profile for another instrument: settings and music stay, each sensor needs a new demonstration of 20 s.

    The old instrument's profile, with its history, stays where it is.
    """
    fresh = new_profile(profile.client, instrument, date)
    return replace(fresh, settings=profile.settings, unknown=profile.unknown)


# ---------------------------------------------------------------- looking


def calibrations(profile: Profile, sensor: str = "") -> list[Calibration]:
    """Every calibration ever made, oldest first; only those of `sensor` if it is named."""
    return [c for c in profile.history if isinstance(c, Calibration) and sensor in ("", c.sensor)]


def current_number(profile: Profile, sensor: str) -> int:
    part = profile.sensors.get(sensor)
    return part.calibration if part else 0


def current(profile: Profile, sensor: str) -> Calibration | None:
    """The calibration that `sensor` plays with; None: its declared range."""
    number = current_number(profile, sensor)
    return next((c for c in calibrations(profile, sensor) if c.number == number), None)


def find(profile: Profile, which: str | int, sensor: str = "") -> Calibration:
    """The one calibration with this number, or made on this date (a day is enough if there is one that day)."""
    made = calibrations(profile, sensor)
    word = str(which).strip()
    if word.isascii() and word.isdigit() and len(word) < 10:
        found = [c for c in made if c.number == int(word)]
    else:
        checked_date(word)
        found = [c for c in made if c.date == word] or [c for c in made if c.date.startswith(word)]
    of = f" of {sensor}" if sensor else ""
    if not found:
        have = ", ".join(f"{c.number} ({c.date})" for c in made[-5:])
        what = f"The last ones are {have}." if made else "None was ever made."
        raise ProfileProblem(f"There is no calibration {shown(which)}{of}, so nothing was changed. {what}")
    if len(found) > 1:
        have = ", ".join(f"{c.number} ({c.sensor}, {c.date})" for c in found)
        raise ProfileProblem(f"There are {len(found)} calibrations for {shown(which)}{of}: {have}. Say its number.")
    return found[0]


def check_settings(settings: ClientSettings) -> None:
    factor = settings.factor
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not LEAST_FACTOR <= factor <= MOST_FACTOR:
        raise ProfileProblem(f"factor = {shown(factor)}; write a number from {LEAST_FACTOR} to {MOST_FACTOR}.")
    if not isinstance(settings.frozen, bool):
        raise ProfileProblem(f"frozen = {shown(settings.frozen)}; write true or false.")
    if not isinstance(settings.music, dict):
        raise ProfileProblem(f"music = {shown(settings.music)}; write an object, {{}} if there is nothing to say.")


def _check_reach(made: Calibration) -> None:
    if made.mode not in MODES:
        raise ProfileProblem(f"mode = {shown(made.mode)}; known are {', '.join(MODES)}.{nearest(made.mode, MODES)}")
    if not all(map(math.isfinite, (made.rest, made.span, made.rate_hz))) or (not made.span and made.kind != "switch"):
        raise ProfileProblem("This calibration has no reach, so the old one stays. Calibrate again.")


def _within_bounds(made: Calibration) -> dict[str, int]:
    table = table_of(made.kind)
    known = [row[0] for row in table]
    kept: dict[str, int] = {}
    for name, value in made.parameters.items():
        if name not in known:
            raise ProfileProblem(f"'{name}' is no parameter of {made.kind}.{nearest(name, known)}")
        try:
            kept[name] = bounded(name, value, table)
        except (TypeError, ValueError, OverflowError):
            raise ProfileProblem(f"{name} = {shown(value)}; write a whole number.") from None
    return kept


def _now(profile: Profile, sensor: str, number: int, entry: Calibration | Change) -> Profile:
    part = replace(profile.sensors.get(sensor, SensorProfile(0)), calibration=number)
    sensors = {**profile.sensors, sensor: part}
    return replace(profile, sensors=sensors, history=(*profile.history, entry), edited=entry.date)


def _before(profile: Profile, sensor: str) -> list[int]:
    """Numbers that were current one after the other, the last one now; what was undone is not among them."""
    numbers: list[int] = []
    for entry in profile.history:
        if entry.sensor != sensor:
            continue
        if isinstance(entry, Change) and entry.did == "undone":
            numbers = numbers[:-1]
        else:
            numbers.append(entry.number)
    now = current_number(profile, sensor)
    if not now:
        return []
    return numbers if numbers[-1:] == [now] else [*numbers, now]
