"""What a client's stored profiles mean for a session: orders for each calibrated sensor (`reachnote.orders`), and for its music."""

from __future__ import annotations

from datetime import datetime

from reachnote import profiles
from reachnote.limits import LimitsProblem
from reachnote.limits import of_profile as limits_of
from reachnote.profile import Calibration, Profile, ProfileProblem, current, with_setting

KEPT_DELAYS = 30


def of_client(client: str) -> tuple[list[dict], list[str]]:
    """The orders of every readable profile, and a sentence for each one that cannot be read or was never made."""
    found: list[dict] = []
    told: list[str] = []
    if not client:
        return found, told
    try:
        if client not in profiles.clients():
            return found, [f"{client} has no calibration yet, so every sensor plays with its own range. Calibrate: reachnote calibrate --client {client}"]
        kept = [held for _, held in profiles.kept(client)]
        told += [str(held) for held in kept if not isinstance(held, Profile)]
        readable = [held for held in kept if isinstance(held, Profile)]
        if music := _music(readable, told):
            found.append({"order": "client", "music": music})
        for held in readable:
            found += of_profile(held)
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


def _music(kept: list[Profile], told: list[str]) -> dict:
    """The client's music, whatever the instrument: of each kind the word that was written last."""
    found: dict = {}
    for profile in sorted(kept, key=lambda profile: profile.edited):
        music = dict(profile.settings.music)
        said = music.pop("limits", None)
        steers = music.pop("steers", None)  # of this board's switches: those of other boards stay
        if isinstance(steers, dict):
            found["steers"] = {**found.get("steers", {}), **steers}
        found |= music
        if said is not None:
            try:
                limits_of(said if isinstance(said, dict) else {"preset": said}, f"{profile.client}, {profile.instrument}: limits")
                found["limits"] = said
            except LimitsProblem as problem:
                told.append(f"{problem} Until then the guard is as the session has it.")
    return found


def scene_of(client: str) -> str:
    """The scene that this client's profiles name, '' for none."""
    scene = music_of(client).get("scene", "")
    return scene if isinstance(scene, str) else ""


def music_of(client: str) -> dict:
    """The music of this client's profiles; {} where there is none, or none that can be read."""
    try:
        if not client or client not in profiles.clients():
            return {}
        return _music([held for _, held in profiles.kept(client) if isinstance(held, Profile)], [])
    except ProfileProblem:
        return {}  # said when the session begins


def learnt(client: str, facts: dict) -> None:
    """Keep what an activity learnt of this client's answers, for the next session. ProfileProblem when it cannot be kept."""
    delays = facts.get("response_s")
    if not client or not isinstance(delays, list) or not delays:
        return
    kept = [round(delay, 2) for delay in delays[-KEPT_DELAYS:] if isinstance(delay, (int, float))]
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    for instrument in profiles.instruments(client):
        profiles.change(client, instrument, lambda held: with_setting(held, "music", {**held.settings.music, "response_s": kept}, date))
