"""A calibration dialogue as a page shows it: places on one scale, keys, what is over. Pure."""

from __future__ import annotations

from reachnote.calibration.dialogue import Dialogue
from reachnote.calibration.steps import CHECK_S, COMPARED, ENOUGH, FAST_S, PLAYING_S, REST_S, SHORT_REST_S
from reachnote.profile import Calibration
from reachnote_play import REACH

LOWEST, HIGHEST = -0.25, 2.5  # of what is told of a level
TRYING = ("play", "fast", "watch")  # from here it can be tried


class Places:
    """Where the sensor is and where the marks are, on one scale: 0 is rest, 1 the full reach that was shown so far."""

    def __init__(self, talk: Dialogue, stored: Calibration | None) -> None:
        sensor = talk.sensor
        self._talk = talk
        self._raw = sensor.rest
        self._rest, self._span = (stored.rest, stored.span) if stored else (sensor.rest, sensor.full - sensor.rest)
        self._onset = stored.parameters.get("onset", 0) / REACH if stored else 0.0
        self._start = 0.0

    def ordered(self, orders: list[dict]) -> None:
        """What plays now is what the marks show."""
        for thing in orders:
            if thing["order"] == "tune" and thing["span"]:
                self._rest, self._span = thing["rest"], thing["span"]
                self._onset = thing["parameters"].get("onset", 0) / REACH

    def now(self, raw: float | None) -> dict:
        """`level`, `rest`, `easy`, `full`, and the figures behind them; `raw` is the latest reading, None without a new one."""
        talk = self._talk
        if raw is not None:
            self._raw = raw
        level, easy, full = (self._raw - self._rest) / (self._span or 1.0), self._onset * talk.factor, talk.factor
        if talk.step in ("start", "full"):
            level, here = talk.level, talk.share_of(talk.mark or 0.0)
            self._start = here if talk.step == "start" else self._start
            easy, full = self._start, here if talk.step == "full" else 1.0
        elif talk.sensor.kind == "impact":
            level, easy = talk.level, 0.0
        sensor = talk.sensor
        figures = {"now": self._raw, "rest": self._rest, "full": self._rest + self._span * talk.factor}
        numbers = {"unit": sensor.unit} | {name: round(value / (sensor.per_unit or 1.0), 1) for name, value in figures.items()}
        if sensor.kind == "impact":
            numbers = {}  # a hit is a number of no unit
        places = {"level": min(max(level, LOWEST), HIGHEST), "rest": 0.0, "easy": easy or None, "full": full}
        return {name: None if value is None else round(value, 3) for name, value in places.items()} | {"numbers": numbers}


def known_keys(talk: Dialogue) -> list[str]:
    """The keys that do something in this step."""
    names = [name for name, _ in talk.keys]
    if "up" in names:
        names.insert(names.index("up") + 1, "down")
    if talk.step == "result" and talk.fit is not None and talk.sensor.kind != "impact":
        names[1:1] = ["easier", "harder"]
    if talk.step in TRYING and talk.gestures:
        names.insert(1, "try")
    return names


def press(talk: Dialogue, key: str) -> None:
    """A key of the page."""
    if key != "try":
        talk.press(key)
        return
    for _ in TRYING:
        if talk.step in TRYING:
            talk.press("next")


def picture(talk: Dialogue) -> dict:
    """The dialogue as a page shows it, but for its places."""
    says = dict(talk.keys)
    return {
        "step": talk.step,
        "prompt": talk.prompt,
        "keys": [{"key": key, "says": says.get(key, key)} for key in known_keys(talk)],
        "note": "" if talk.step in ("try", "result") else talk.note,
        "progress": progress(talk),
        "count": talk.gestures,
        "meant": talk.meant,
        "not_meant": talk.not_meant,
        "factor": round(talk.factor, 3),
        "sentences": list(talk.sentences),
        "grade": talk.fit.grade if talk.step == "result" and talk.fit else None,
        "poor": talk.poor,
        "keep_stored": talk.keep_stored,
    }


def progress(talk: Dialogue) -> float | None:
    """How much of the step is over, 0-1; None where it ends when somebody says so."""
    if talk.step in ("play", "compare"):
        return round(min(talk.gestures / (ENOUGH if talk.step == "play" else COMPARED), 1.0), 3)
    rest = REST_S if talk.mode == "guided" else SHORT_REST_S
    whole = {"check": CHECK_S, "rest": rest, "fast": FAST_S, "watch": PLAYING_S}.get(talk.step)
    left = talk.left_s
    return None if whole is None or left is None else round(min(max(1.0 - left / whole, 0.0), 1.0), 2)
