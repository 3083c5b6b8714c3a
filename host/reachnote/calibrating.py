"""What everything that shows a calibration shares, a terminal or a page: whose sensors, one at a time, heard and kept.

    sensor = sensors_of(status)["Squeeze ball/ball"]
    lock = only_one(sensor)                   one calibration of a sensor on this computer
    stored = stored_of(client, sensor)
    talk = Dialogue(sensor, mode, stored and (stored.rest, stored.span))
    ...                                       readings in, keys in, `orders_of` to the session
    keep(client, sensor, talk.fit, talk.mode, talk.factor)
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from reachnote import client_orders, profiles, runtime
from reachnote.calibration.dialogue import Dialogue
from reachnote.calibration.fit import Fit
from reachnote.calibration.steps import Sensor
from reachnote.profile import Calibration, calibration_of, current, with_calibration, with_setting

LISTEN_EVERY_S = 2.0
AWAY_S = 1.5
SILENT_S = 0.5  # without a reading for so long, the dialogue is told the time


class Taken(Exception):
    """This sensor is being calibrated elsewhere."""


def sensors_of(status: Mapping, states: Collection[str] = ("ready",)) -> dict[str, Sensor]:
    """{"board/sensor": what the board declares} of every sensor that can be calibrated now; switches need none."""
    return {
        f"{board['name']}/{sensor['name']}": Sensor(
            board["name"], sensor["name"], sensor["kind"], sensor["rest"], sensor["full"], sensor["low"], sensor["high"],
            sensor["unit"], sensor["per_unit"],
        )
        for board in status.get("boards", []) if board["state"] in states
        for sensor in board["sensors"] if sensor["kind"] != "switch"
    }  # fmt: skip


def only_one(sensor: Sensor) -> int:
    """A file that holds the lock of this sensor's one calibration until it is closed. Taken when somebody has it."""
    name = "".join(c if c.isalnum() else "-" for c in f"{sensor.board}-{sensor.name}")[:80]
    fd = os.open(runtime.folder() / f"calibrating-{name}", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise Taken(f"{sensor.board}, {sensor.name} is being calibrated in another window.") from None
    return fd


def listen(sensor: Sensor, on: bool = True) -> dict:
    """The request for this sensor's readings, to be said again every LISTEN_EVERY_S, and at the end the one that says so.

    Without an end the session takes the calibration for forsaken: the sensor plays again as before.
    """
    asked = {"do": "listen", "board": sensor.board, "sensor": sensor.name}
    return asked if on else {**asked, "on": False}


def stored_of(client: str, sensor: Sensor) -> Calibration | None:
    """What this client plays the sensor with, None without one. ProfileProblem when the profile cannot be read."""
    if not client or client not in profiles.clients():
        return None
    profile = profiles.load(client, sensor.board)
    return current(profile, sensor.name) if profile else None


class Hearing:
    """Readings and time into a dialogue. `now` is the host's monotonic clock, as is a reading's time."""

    def __init__(self, talk: Dialogue, now: float) -> None:
        self._talk = talk
        self._heard = now
        self._last: float | None = None

    def readings(self, found: Iterable[tuple[float, float, int]], now: float) -> None:
        """Readings of the sensor, in order: (time, raw, status)."""
        self._heard = now
        for at, raw, status in found:
            self._talk.reading(at, raw, status)
            self._last = at

    def tick(self, now: float) -> None:
        """Time passes, though the board be silent."""
        if self._last is None or now - self._last > SILENT_S:
            self._talk.tick(now)

    def away(self, now: float) -> str:
        """A sentence while the board says nothing: keys but the one that leaves do nothing then."""
        if now - self._heard <= AWAY_S:
            return ""
        return f"{self._talk.sensor.board} is silent: push its plug in. Nothing goes on without it."


def orders_of(talk: Dialogue, stored: Calibration | None) -> list[dict]:
    """What the session shall set now, each of it once; `stored` where the dialogue wants what was."""
    found = []
    for thing in talk.orders:
        if thing["order"] == "stored" and stored is not None:
            thing = client_orders.of_calibration(stored, talk.sensor.board, talk.sensor.name)
        found.append(thing)
    talk.orders.clear()
    return found


def keep(client: str, sensor: Sensor, fit: Fit, mode: str, factor: float) -> Calibration | None:
    """Save a fit in the client's profile for the instrument; None without a client. ProfileProblem when it cannot be kept."""
    if not client:
        return None
    date = today()
    profile = profiles.begin(client, sensor.board, date)
    profile = with_calibration(profile, sensor.name, calibration_of(fit, mode, sensor.unit, date))
    if abs(factor - profile.settings.factor) > 1e-6:
        profile = with_setting(profile, "factor", round(factor, 4), date)
    return current(profiles.save(profile), sensor.name)


def today() -> str:
    """Now, as profiles date what they keep."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
