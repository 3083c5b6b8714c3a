"""The wiring check: sensor after sensor somebody is asked to move, and what came of it is written on a sheet. Pure.

    check = WiringCheck(hello, pins)        pins: {"left": "pin GP14"} where they are known (`wiring_words.pins_of`)
    check.reading(n, time, raw, status)     n: the sensor's place in hello.sensors
    check.moved(n, time)                    where only the asked sensor's readings come: another one moved
    check.told(name, text)                  the board's own words for a fault
    check.tick(now)                         15 times a second or so, with the times of the readings
    check.press("next" | "again" | "leave") what a person typed

`check.step` is "rest" (nobody touches), "ask", "told" (a verdict stands there) or "over"; then `check.sheet` is whole.
`resting_verdicts` makes the same sheet without anybody: what can be told of a board that lies there.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import reachnote_wire as wire
from reachnote import wiring_words as words
from reachnote.board import Hello
from reachnote.model import Reading
from reachnote.wiring_moves import GOOD, NOISY, REST_S, SHORTED, SKIPPED, STUCK, TOGETHER_S, UNPLUGGED, WRONG, Watch, watch_of

ASK_S = 10.0
"""So long a person has for the movement; counted anew from the last sign of one."""
REST_MOST_S = 6.0
"""Longer nobody is waited for to keep hands off: what is not still by then is judged as it is."""
SILENT_S = 1.5
"""A board that sent nothing for so long is unplugged or hangs: time stands still meanwhile."""
GOOD_S = 1.5
"""A good verdict is left by itself after so long, every other one waits for a person."""
AFTER_S = {"distance": 3.0}
"""So long after another sensor was moved the asked one may still follow; for all other kinds 1 s. A hand on its way to a
distance sensor may cross another beam first."""
LOUDER = 3.0
"""A neighbour that was hit so many times as hard is the pad that was tapped; what the asked one felt came through the table."""
COLUMN = 11


@dataclass(frozen=True)
class Line:
    """One sensor on the sheet. `text` is for people; `measured` is in the sensor's own unit."""

    sensor: str
    kind: str
    verdict: str
    text: str
    pins: str = ""
    unit: str = ""
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """A board's sensors and the verdict on each, in the board's order."""

    board: str
    instrument: str
    lines: tuple[Line, ...]
    at_rest: bool = False  # nobody moved: a switch that nobody plugged in looks as one that nobody pressed

    @property
    def good(self) -> bool:
        """Every sensor is."""
        return all(line.verdict == GOOD for line in self.lines)

    @property
    def text(self) -> str:
        """The whole in one sentence, or two."""
        bad = [line.sensor for line in self.lines if line.verdict not in (GOOD, SKIPPED)]
        left = [line.sensor for line in self.lines if line.verdict == SKIPPED]
        said = []
        if bad:
            said.append(f"{len(bad)} of {_sensors(len(self.lines))} need{'s' if len(bad) == 1 else ''} a look: {', '.join(bad)}.")
        if left:
            said.append(f"Not checked: {', '.join(left)}.")
        if self.at_rest and not said:
            return "Nothing is wrong at rest."
        whole = "Its sensor is good." if len(self.lines) == 1 else f"All {_sensors(len(self.lines))} are good."
        return " ".join(said) or whole


def _sensors(count: int) -> str:
    return f"{count} sensor{'' if count == 1 else 's'}"


def sheet_lines(sheet: Sheet, width: int = 78) -> list[str]:
    """The sheet for people, as lines of at most `width` characters."""
    out = [f"Test sheet of {sheet.board}"[:width], ""]
    deep = " " * (COLUMN + 4)
    for line in sheet.lines:
        head = f"  {line.verdict:<{COLUMN}}  "
        text = f"{line.sensor}: {line.text}"
        out += textwrap.wrap(text, max(width, 30), initial_indent=head, subsequent_indent=deep, break_on_hyphens=False)
    return [*out, "", *textwrap.wrap(sheet.text, max(width, 30))]


def sheet_json(sheet: Sheet) -> dict:
    """The sheet for programs, as plain JSON values."""
    sensors = [
        {
            "sensor": line.sensor,
            "kind": line.kind,
            "verdict": line.verdict,
            "text": line.text,
            "pins": line.pins,
            "unit": line.unit,
            "measured": dict(line.measured),
        }
        for line in sheet.lines
    ]
    return {"board": sheet.board, "instrument": sheet.instrument, "good": sheet.good, "text": sheet.text, "sensors": sensors}


class _Writer:
    """What turns a finding about a sensor into its line."""

    def __init__(self, hello: Hello, pins: Mapping[str, str]) -> None:
        self._hello = hello
        self._pins = pins
        self.said: dict[str, str] = {}

    def line(self, watch: Watch, verdict: str, why: str, other: str = "") -> Line:
        info = watch.info
        mine, others = self._pins.get(info.name, ""), self._pins.get(other, "")
        look = words.look_at(mine)
        swapped = f" {info.name} is on {mine}, {other} on {others}." if mine and others else ""
        text = words.explained(verdict, why, info, look, other, swapped, ASK_S, self.said.get(info.name, ""))
        return Line(info.name, info.kind, verdict, text, mine, info.unit, watch.facts())

    def sheet(self, lines: Iterable[Line]) -> Sheet:
        return Sheet(self._hello.name, self._hello.instrument, tuple(lines))


def resting_verdicts(
    hello: Hello,
    readings: Sequence[Reading],
    seconds: float,
    pins: Mapping[str, str] | None = None,
    said: Iterable[tuple[str, str]] = (),
) -> Sheet:
    """The sheet of a board that nobody touches, from `seconds` of readings whose `sensor` is the place in hello.sensors.

    "good" here means: at rest as it should be; that a switch or a force sensor is plugged in shows only when it is
    pressed. What is well after less than REST_S is "not checked", since its trouble may not have been named yet. Time is
    the board's own, so it does not matter how the readings were held up on their way. `said`: (sensor, text) from the board.
    """
    writer = _Writer(hello, pins or {})
    writer.said.update(said)
    watches = [watch_of(info) for info in hello.sensors]
    elapsed_us, last_us = 0, readings[0].board_us if readings else 0
    for reading in readings:
        elapsed_us += reading.board_us - last_us & wire.TIME_MASK
        last_us = reading.board_us
        if 0 <= reading.sensor < len(watches):
            watches[reading.sensor].take(elapsed_us * 1e-6, reading.raw, reading.status)
    lines = []
    for watch in watches:
        verdict, why = watch.at_rest()
        if verdict == GOOD and seconds < REST_S:
            verdict, why = SKIPPED, ""
        lines.append(writer.line(watch, verdict, why))
    return replace(writer.sheet(lines), at_rest=True)


class WiringCheck:
    """One board, sensor after sensor. See the module's docstring."""

    def __init__(self, hello: Hello, pins: Mapping[str, str] | None = None) -> None:
        self.step = "rest"
        self.number = 0
        self.line: Line | None = None  # of the sensor that is asked, once it has one
        self._hello = hello
        self._writer = _Writer(hello, pins or {})
        self._watches = [watch_of(info) for info in hello.sensors]
        self._elsewhere: dict[int, float] = {}  # sensors that moved, where no readings of theirs come
        self._lines: dict[int, Line] = {}
        self._now: float | None = None
        self._since = 0.0  # the step began
        self._heard = 0.0

    # ------------------------------------------------------------ what comes in

    def reading(self, n: int, time: float, raw: int, status: int) -> None:
        """One reading of a sensor, in the order of time."""
        self._heard = max(self._heard, time)
        self._watches[n].take(time, raw, status)

    def moved(self, n: int, time: float) -> None:
        """A sensor moved and was let go of, as somebody else found."""
        if self.step == "ask" and n != self.number:
            self._elsewhere.setdefault(n, time)

    def told(self, sensor: str, text: str) -> None:
        """The board said why a sensor is in trouble."""
        self._writer.said[sensor] = text

    def restart(self) -> None:
        """The board began anew; the sensor that is being checked is checked from the beginning."""
        for watch in self._watches:
            watch.forget()
        if self.step in ("rest", "ask"):
            self._begin()

    def tick(self, now: float) -> None:
        """What time brings about."""
        before, self._now = self._now, now
        if before is None:
            self._since = self._heard = now
        elif self.silent:
            self._since += now - before
            return
        if self.step == "rest":
            self._rest(now)
        elif self.step == "ask":
            self._ask(now)
        elif self.step == "told" and self.line and self.line.verdict == GOOD and now - self._since >= GOOD_S:
            self._next()

    def press(self, key: str) -> None:
        """A person typed: "next" goes on (and leaves a sensor unchecked), "again" checks this one again, "leave" ends."""
        if self.step == "over":
            return
        if key == "leave":
            self.step = "over"
        elif key == "again":
            self._begin()
        elif key == "next":
            if self.step != "told":
                self._write(SKIPPED, "")
            self._next()

    # ------------------------------------------------------------ what is shown

    @property
    def silent(self) -> bool:
        """The board sends nothing."""
        return self._now is not None and self._now - self._heard > SILENT_S

    @property
    def prompt(self) -> str:
        """What a person is to do now: one sentence; while a verdict stands there, that."""
        info = self._watches[self.number].info
        if self.step == "over":
            return ""
        if self.silent:
            return f"{self._hello.name} is silent: push its plug in. Nothing goes on without it."
        if self.step == "told" and self.line:
            return f"{self.line.verdict}: {self.line.text}"
        return words.asked(info) if self.step == "ask" else words.hands_off(info)

    @property
    def level(self) -> float:
        """How far the sensor is moved now, 0..1."""
        return self._watches[self.number].level

    @property
    def left_s(self) -> float | None:
        """Seconds that a person still has for the movement; None while none is asked for."""
        if self.step != "ask" or self._now is None:
            return None
        return max(self._patient_until() - self._now, 0.0)

    @property
    def sheet(self) -> Sheet:
        """What is known so far; what was not checked says so."""
        unchecked = [self._writer.line(watch, SKIPPED, "") for watch in self._watches]
        return self._writer.sheet(self._lines.get(n, line) for n, line in enumerate(unchecked))

    # ------------------------------------------------------------ steps

    def _begin(self) -> None:
        self.step, self.line = "rest", None
        self._since = self._now or 0.0

    def _next(self) -> None:
        self.number += 1
        if self.number == len(self._watches):
            self.number -= 1
            self.step = "over"
        else:
            self._begin()

    def _write(self, verdict: str, why: str, other: str = "") -> None:
        self.line = self._lines[self.number] = self._writer.line(self._watches[self.number], verdict, why, other)
        self.step = "told"
        self._since = self._now or 0.0

    def _rest(self, now: float) -> None:
        watch = self._watches[self.number]
        if not watch.rested() and now - self._since < REST_MOST_S:
            return
        verdict, why = watch.at_rest()
        if verdict in (UNPLUGGED, STUCK, NOISY):
            self._write(verdict, why)
            return
        # Shorted may also be a contact that opens when pressed, or a divider the wrong way round: pressing tells.
        for other in self._watches:
            other.begin()
        self._elsewhere.clear()
        self.step = "ask"
        self._since = now

    def _ask(self, now: float) -> None:
        watch = self._watches[self.number]
        found = watch.finding(now)
        if found is not None:
            verdict, why = found
            neighbour = self._neighbour(watch) if verdict == GOOD else None
            if neighbour is not None:
                verdict, why = (WRONG, "swapped") if watch.family == "impact" else (SHORTED, "together")
            self._write(verdict, why, neighbour or "")
            return
        instead = self._instead(watch, now)
        if instead is not None:
            self._write(WRONG, "swapped", instead)
        elif now >= self._patient_until():
            self._write(*watch.nothing())

    def _patient_until(self) -> float:
        stirred = self._watches[self.number].stirred_at
        return max(self._since, stirred if stirred is not None else self._since) + ASK_S

    def _others(self) -> list[tuple[int, Watch]]:
        family = self._watches[self.number].family
        return [(n, watch) for n, watch in enumerate(self._watches) if n != self.number and watch.family == family]

    def _neighbour(self, watch: Watch) -> str | None:
        """The name of a switch whose press was this one, or of a pad that was really tapped."""
        for _, other in self._others():
            if not getattr(other, "count", 0) or abs(other.first_at - watch.first_at) > TOGETHER_S:  # type: ignore[attr-defined]
                continue
            if watch.family == "switch" or other.nearest >= LOUDER * watch.nearest:
                return other.info.name
        return None

    def _instead(self, watch: Watch, now: float) -> str | None:
        """The name of a sensor of the same family that was moved while the asked one was not."""
        if watch.stirred_at is not None:
            return None
        patience = AFTER_S.get(watch.family, 1.0)
        for n, other in self._others():
            at = other.moved_at if other.moved_at is not None else self._elsewhere.get(n)
            if at is not None and now - at >= patience:
                return other.info.name
        return None
