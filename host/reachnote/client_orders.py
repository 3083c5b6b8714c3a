"""What a client's stored profiles mean for a session: orders (`reachnote.orders`) for each calibrated sensor."""

from __future__ import annotations

from reachnote import profiles
from reachnote.profile import Calibration, Profile, ProfileProblem, current


def of_client(client: str) -> tuple[list[dict], list[str]]:
    """The orders of every readable profile, and a sentence for each one that cannot be read or was never made."""
    found: list[dict] = []
    told: list[str] = []
    if not client:
        return found, told
    try:
        if client not in profiles.clients():
            return found, [f"{client} has no calibration yet, so every sensor plays with its own range. Calibrate: reachnote calibrate --client {client}"]
        for _, held in profiles.kept(client):
            if isinstance(held, Profile):
                found += of_profile(held)
            else:
                told.append(str(held))
    except ProfileProblem as problem:
        told.append(str(problem))
    return found, told


def of_profile(profile: Profile) -> list[dict]:
    """The orders of one profile."""
    found: list[dict] = []
    for sensor in profile.sensors:
        made = current(profile, sensor)
        if made is not None:
            where = {"board": profile.instrument, "sensor": sensor}
            found.append({**of_calibration(made, **where), "factor": profile.settings.factor})
            if profile.settings.frozen:
                found.append({"order": "freeze", **where, "on": True})
    return found


def of_calibration(made: Calibration, board: str, sensor: str) -> dict:
    """One calibration as an order."""
    return {
        "order": "tune",
        "board": board,
        "sensor": sensor,
        "rest": made.rest,
        "span": made.span,
        "rate_hz": made.rate_hz,
        "parameters": dict(made.parameters),
    }
