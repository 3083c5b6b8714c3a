"""The text of a profile: read with a sentence for whatever is wrong, written the same way every time. Pure.

protocols/files.md is the page. Whatever `write_profile` writes, `read_profile` reads as the same profile.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

import reachnote_wire as wire
from reachnote.calibration.grade import LETTERS
from reachnote.profile import (
    FORMAT,
    MODES,
    Calibration,
    Change,
    ClientSettings,
    NewerProfile,
    Profile,
    ProfileProblem,
    SensorProfile,
    check_settings,
    checked_date,
    checked_name,
    client_code,
    nearest,
    shown,
)
from reachnote_play.parameters import table_of

LARGEST = 4 * 1024 * 1024
DEEPEST = 32
MOST = 1e15  # of any number, either way
LONGEST_TEXT = 200
UPDATE_HOST = "Update reachnote on this computer; the profile stays as it is."
_BRACKETS = re.compile(r'"(?:[^"\\]+|\\.?)*"?|[\[{]|[\]}]', re.DOTALL)
_PROFILE = ("format", "client", "instrument", "created", "edited", "saves", "settings", "sensors", "history")
_SETTINGS = ("factor", "frozen", "music")
_SENSOR = ("calibration",)
_CALIBRATION = (
    "did", "number", "date", "sensor", "mode", "kind", "unit", "rate_hz", "rest", "span", "grade", "reason", "parameters", "facts",
)  # fmt: skip
_CHANGE = ("did", "number", "date", "sensor")
_DID = ("calibrated", "restored", "undone")


# ---------------------------------------------------------------- reading


def read_profile(text: str | bytes, where: str) -> Profile:
    """The profile written in `text`; `where` names the file in what a person is told. ProfileProblem otherwise."""
    table = _Part(_json(text, where), where, "", _PROFILE)
    _format(table)
    history = tuple(_entry(table.inside(entry, f"history {n + 1}")) for n, entry in enumerate(table.listed("history")))
    numbers = _numbers(history, where)
    sensors: dict[str, SensorProfile] = {}
    for name, part in table.object("sensors").items():
        table.checked(name, lambda text: checked_name(text, "sensors"))
        sensors[name] = _sensor(table.inside(part, f"sensors: {name}", _SENSOR), name, numbers)
    return Profile(
        client=table.checked(table.take("client"), client_code),
        instrument=table.checked(table.take("instrument"), lambda text: checked_name(text, "instrument")),
        created=table.date("created"),
        edited=table.date("edited"),
        saves=table.whole("saves", 0, 10**9, 0),
        settings=_settings(table.inside(table.object("settings"), "settings", _SETTINGS)),
        sensors=sensors,
        history=history,
        unknown=table.unknown(),
    )


def _format(table: _Part) -> None:
    written = table.take("format")
    if isinstance(written, bool) or not isinstance(written, int) or written < FORMAT:
        table.refuse("format", f"write {FORMAT}")
    if written > FORMAT:
        raise NewerProfile(
            f"{table.where}: format = {shown(written)}; this reachnote reads format {FORMAT}, so a newer one wrote it. {UPDATE_HOST}"
        )


def _json(text: str | bytes, where: str) -> object:
    if len(text) > LARGEST or (isinstance(text, str) and len(text.encode("utf-8", "replace")) > LARGEST):
        raise ProfileProblem(f"{where}: longer than a profile can be ({LARGEST // 1024 // 1024} MiB).")
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        _not_too_deep(text, where)
        return json.loads(text, object_pairs_hook=_once, parse_float=_finite, parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise ProfileProblem(f"{where}: this is not JSON: {str(problem)[:120]}") from None


def _not_too_deep(text: str, where: str) -> None:
    deep = 0
    for found in _BRACKETS.finditer(text):
        sign = found[0][0]
        deep += 1 if sign in "[{" else -1 if sign in "]}" else 0
        if deep > DEEPEST:
            raise ProfileProblem(f"{where}: brackets inside one another more than {DEEPEST} deep; that is no profile.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) == len(pairs):
        return table
    seen: set[str] = set()
    twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    raise ValueError(f"{shown(twice)} stands twice in one object")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{shown(text)} is no number that a profile can hold")


class _Part:
    """One JSON object of a profile and its place, for what a person is told about it."""

    def __init__(self, table: object, where: str, place: str, known: Collection[str] = ()) -> None:
        self.where, self.place, self.known = where, place, known
        if not isinstance(table, dict):
            raise ProfileProblem(f"{where}: {place or 'profile'} = {shown(table)}; write an object in braces.")
        self.table: dict[str, Any] = table

    def inside(self, table: object, place: str, known: Collection[str] = ()) -> _Part:
        return _Part(table, self.where, place, known)

    def refuse(self, key: str, allowed: str) -> NoReturn:
        word = key if key.isprintable() and len(key) <= LONGEST_TEXT else shown(key)
        raise ProfileProblem(f"{self._at()}{word} = {shown(self.table.get(key))}; {allowed}.")

    def _at(self) -> str:
        return f"{self.where}: {self.place}{': ' if self.place else ''}"

    def take(self, key: str, default: Any = None) -> Any:
        if key not in self.table and default is None:
            near = nearest(key, self.unknown()).replace("mean", "write it as")
            raise ProfileProblem(f"{self.where}: {self.place or 'profile'} has no '{key}'.{near}")
        return self.table.get(key, default)

    def unknown(self) -> dict[str, Any]:
        return {key: value for key, value in self.table.items() if key not in self.known}

    def checked(self, value: Any, check: Callable[[Any], str]) -> str:
        try:
            return check(value)
        except ProfileProblem as problem:
            raise ProfileProblem(f"{self._at()}{problem}") from None

    def date(self, key: str) -> str:
        return self.checked(self.take(key), lambda text: checked_date(text, key))

    def object(self, key: str) -> dict[str, Any]:
        return value if isinstance(value := self.take(key, {}), dict) else self.refuse(key, "write an object in braces")

    def listed(self, key: str) -> list[Any]:
        return value if isinstance(value := self.take(key, []), list) else self.refuse(key, "write a list in brackets")

    def text(self, key: str) -> str:
        value = self.take(key)
        good = isinstance(value, str) and len(value) <= LONGEST_TEXT and (not value or value.isprintable())
        return value if good else self.refuse(key, f"write a text of at most {LONGEST_TEXT} letters")

    def choice(self, key: str, known: Collection[str]) -> str:
        value = self.take(key)
        if isinstance(value, str) and value in known:
            return value
        near = nearest(value, known)
        raise ProfileProblem(f"{self._at()}{key} = {shown(value)}; known are {', '.join(known)}.{near}")

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self.take(key, default)
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return value if good else self.refuse(key, f"write a whole number from {low} to {high}")

    def number(self, key: str, low: float = -MOST, high: float = MOST) -> float:
        value = self.take(key)
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
        return value if good else self.refuse(key, f"write a number from {low:g} to {high:g}")


def _settings(part: _Part) -> ClientSettings:
    table = part.table
    music = part.object("music")
    found = ClientSettings(table.get("factor", 1.0), table.get("frozen", False), music, part.unknown())
    try:
        check_settings(found)
    except ProfileProblem as problem:
        raise ProfileProblem(f"{part.where}: settings: {problem}") from None
    return found


def _sensor(part: _Part, name: str, numbers: Mapping[int, str]) -> SensorProfile:
    number = part.whole("calibration", 0, 10**9)
    if number and numbers.get(number) != name:
        known = ", ".join(str(n) for n, sensor in numbers.items() if sensor == name) or "none"
        part.refuse("calibration", f"calibrations of this sensor in the history: {known}; 0 stands for none")
    return SensorProfile(number, part.unknown())


def _numbers(history: tuple[Calibration | Change, ...], where: str) -> dict[int, str]:
    """The sensor of every calibration by its number; a change names one that was made before it."""
    numbers: dict[int, str] = {}
    for n, entry in enumerate(history):
        here = f"{where}: history {n + 1}: number = {entry.number}"
        if isinstance(entry, Change):
            if entry.number and numbers.get(entry.number) != entry.sensor:
                raise ProfileProblem(f"{here}; no calibration of {shown(entry.sensor)} before it has this number.")
        elif entry.number in numbers:
            raise ProfileProblem(f"{here} is there twice; every number stands once.")
        else:
            numbers[entry.number] = entry.sensor
    return numbers


def _entry(part: _Part) -> Calibration | Change:
    did = part.choice("did", _DID)
    part.known = _CALIBRATION if did == "calibrated" else _CHANGE
    sensor = part.checked(part.take("sensor"), lambda text: checked_name(text, "sensor"))
    date = part.date("date")
    if did != "calibrated":
        return Change(did, date, sensor, part.whole("number", 0, 10**9), part.unknown())
    kind = part.choice("kind", wire.KINDS)
    bounds = {row[0]: (row[3], row[4]) for row in table_of(kind)}
    parameters = part.inside(part.object("parameters"), f"{part.place}: parameters", bounds)
    facts = part.inside(part.object("facts"), f"{part.place}: facts")
    span = part.number("span")
    if not span and kind != "switch":
        part.refuse("span", "a reach is not 0: write the way from rest to full reach, negative where the number falls")
    return Calibration(
        date=date,
        mode=part.choice("mode", MODES),
        kind=kind,
        unit=part.text("unit"),
        rate_hz=part.number("rate_hz", 0, 1e6),
        rest=part.number("rest"),
        span=span,
        parameters={name: parameters.whole(name, *bounds[name]) for name in parameters.table if name in bounds},
        facts={name: facts.number(name) for name in facts.table},
        grade=part.choice("grade", LETTERS),
        reason=part.text("reason"),
        number=part.whole("number", 1, 10**9),
        sensor=sensor,
        other_parameters=parameters.unknown(),
        unknown=part.unknown(),
    )


# ---------------------------------------------------------------- writing


def write_profile(profile: Profile) -> str:
    """The text of the file, the same for the same profile. ProfileProblem if it could not be read again."""
    try:
        text = json.dumps(_table(profile), indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError, RecursionError) as problem:
        raise ProfileProblem(f"The profile of {profile.client} holds what JSON cannot: {problem}. It was not saved.") from None
    if len(text) > LARGEST:
        raise ProfileProblem(
            f"The profile of {profile.client} on {profile.instrument} has grown beyond {LARGEST // 1024 // 1024} MiB and was not saved. "
            "Export the client, keep that file, and move the profile away to begin a new one."
        )
    if read_profile(text, f"the new profile of {profile.client}") != profile:
        raise ProfileProblem(f"The profile of {profile.client} would read differently than it is, so it was not saved.")
    return text


def _table(profile: Profile) -> dict[str, Any]:
    sensors = {name: _with({"calibration": part.calibration}, part.unknown) for name, part in sorted(profile.sensors.items())}
    known = {
        "format": FORMAT,
        **_chosen(profile, _PROFILE[1:6]),
        "settings": _with(_chosen(profile.settings, _SETTINGS), profile.settings.unknown),
        "sensors": sensors,
        "history": [_written(entry) for entry in profile.history],
    }
    return _with(known, profile.unknown)


def _written(entry: Calibration | Change) -> dict[str, Any]:
    if isinstance(entry, Change):
        return _with(_chosen(entry, _CHANGE), entry.unknown)
    table = {"did": "calibrated", **_chosen(entry, _CALIBRATION[1:])}
    table["parameters"] = _sorted({**entry.other_parameters, **entry.parameters})
    table["facts"] = _sorted(entry.facts)
    return _with(table, entry.unknown)


def _chosen(thing: object, names: Collection[str]) -> dict[str, Any]:
    return {name: _sorted(getattr(thing, name)) for name in names}


def _with(known: dict[str, Any], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """Known fields in their order, then the others by name."""
    return {**known, **{key: _sorted(value) for key, value in sorted(unknown.items()) if key not in known}}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, (list, tuple)) else value
