"""What the steps of a calibration are: their order in each way to calibrate, their words, keys and times. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

MODES = ("guided", "while playing", "therapist-set", "as last time")

CHECK_S = 2.0
REST_S = 8.0
SHORT_REST_S = 4.0
LEAST_REST_S = 3.0
LONGEST_REST_S = 30.0  # of waiting for quiet seconds
ENOUGH = 6  # gestures after which the step ends by itself
COMPARED = 3
WAIT_S = 30.0  # without a gesture: help is offered, nothing ends
FAST_S = 5.0
PLAYING_S = 180.0
KEPT_READINGS = 200_000
LOOK_EVERY_S, LOOK_BACK_S, LOW_SIDE = 1.0, 20.0, 0.3
NUDGE = 0.01  # of the sensor's own range, one arrow key

STEPS = {
    "guided": ("check", "rest", "play", "fast", "try", "result"),
    "while playing": ("check", "watch", "try", "result"),
    "therapist-set": ("check", "rest", "start", "full", "try", "result"),
    "as last time": ("check", "rest", "compare", "result"),
}

PROMPTS = {
    "check": "Looking at the sensor.",
    "rest": "Let the client rest where it is comfortable.",
    "play": "Play! A movement that feels easy. Again, whenever it suits.",
    "fast": "A few quick ones in a row, only if it is fun.",
    "watch": "Free play. Nothing needs to be asked for; what the client does is listened to.",
    "compare": "Play! Three easy movements, as last time.",
    "start": "Where shall the sound start? Move there, or use the arrow keys, then Enter.",
    "full": "Where is it full? Move there, or use the arrow keys, then Enter.",
    "try": "Play with it. Was each note meant?",
    "result": "",
}


@dataclass(frozen=True)
class Sensor:
    """What a board declares of the sensor, in raw units."""

    board: str
    name: str
    kind: str
    rest: float
    full: float
    low: float
    high: float
    unit: str = ""
    per_unit: float = 1.0

    @property
    def direction(self) -> int:
        return 1 if self.full >= self.rest else -1


@dataclass
class Captured:
    """What was heard so far."""

    times: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    rests: list[tuple[float, float]] = field(default_factory=list)


KEYS = {
    "next": "Enter: go on",
    "back": "B: this step again",
    "drop": "X: that one did not count",
    "assist": "A: that one was helped",
    "yes": "Y: meant it",
    "no": "N: did not mean it",
    "easier": "E: easier",
    "harder": "H: harder",
    "up": "Up / Down: move the mark",
    "keep": "K: keep it all the same",
    "leave": "Q: leave, keep nothing",
}

KEYS_OF = {
    "play": ("next", "drop", "assist", "back"),
    "compare": ("next", "drop", "assist", "back"),
    "start": ("next", "up", "back"),
    "full": ("next", "up", "back"),
    "try": ("yes", "no", "easier", "harder", "next", "back"),
}


def keys_of(step: str, poor: bool) -> list[tuple[str, str]]:
    """(key, what it does) of a step; `poor`: its result should not be kept by a habit of the hand."""
    if step == "result":
        known = KEYS | {"next": "Enter: calibrate again" if poor else "Enter: keep", "back": "B: once more from the rest"}
        names: tuple[str, ...] = ("next", "keep") if poor else ("next", "back")
    else:
        known, names = KEYS, KEYS_OF.get(step, ("next", "back"))
    return [(name, known[name]) for name in (*names, "leave")]
