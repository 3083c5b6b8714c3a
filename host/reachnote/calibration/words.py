"""What a calibration found, in sentences about the sensor: how it works, the one best remedy, how soon it answers. Pure.

No letter and no figure: those are in the profile for whoever wants them (calibration page, section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping

_WORKS = {
    "A": "Works well. Small and strong movements both sound, and rest stays silent.",
    "B": "Works. Now and then a note may sound by itself, or a soft movement may stay silent.",
    "C": "Usable for exploring. Rest and movement look alike at times.",
    "D": "The sensor cannot tell rest from movement yet.",
}

_INSTEAD = {
    # what is not about telling rest from movement gets a first sentence of its own
    "few_gestures": "Usable. Little was shown so far, so it may fit better than it is known to.",
    "rest": "Usable. No rest was heard, so it is not known whether rest stays silent.",
    "delay": "Rest and movement are told apart, but the answer comes late.",
    "variation": "Works. The movements differ much in size, so the smallest may stay silent.",
    "constant": "The sensor does not change at all.",
    "rail": "The sensor is at the end of its range most of the time.",
    "reversed": "The sensor goes the wrong way round: movement makes it smaller.",
    "too_slow": "The sensor tells too seldom where the hand is.",
    "lost": "The sensor loses the hand again and again.",
    "no_readings": "The sensor said nothing.",
    "nothing": "The sensor said nothing.",
    "no_hits": "No hit was heard.",
}

_REMEDY = {
    "separation": "Try the sensor nearer, firmer support of the arm, a bigger movement, or another part of the body.",
    "weakest": "Try the sensor nearer, or show again which small movements should sound.",
    "variation": "Show the movement once more in the size that is easy.",
    "false_starts": "Support the arm more firmly, or move the sensor to where the rest is quieter.",
    "delay": "Move the sensor nearer or choose a bigger movement: then it answers sooner.",
    "rest": "Let the client rest for a few seconds and calibrate the rest again.",
    "few_gestures": "Show three easy movements or more.",
    "lost": "Point the sensor at the hand, or move it nearer; soft clothing swallows the echo.",
    "constant": "Check its cable and whether the hand reaches it.",
    "rail": "Use a softer cushion or a sensor for more force; a distance sensor wants to be further away.",
    "reversed": "Turn the sensor round, or let the movement go towards it.",
    "too_slow": "Use a quicker sensor for this movement; a switch or a pressure sensor answers at once.",
    "too_small": "Move the sensor nearer, or choose a movement that is a little bigger.",
    "no_readings": "Check its cable, then try again.",
    "nothing": "Check its cable, then try again.",
    "no_hits": "Hit the pad a few times as it is easy, then try again.",
}


def sentences(grade: str, reason: str, facts: Mapping[str, float]) -> list[str]:
    """Two or three sentences: how it works, the best remedy unless all is fine, how soon it answers."""
    said = [_INSTEAD.get(reason) or _WORKS.get(grade, _WORKS["D"])]
    if reason in _REMEDY:
        said.append(_REMEDY[reason])
    if "delay_s" in facts and grade != "D" and reason not in ("constant", "no_readings", "nothing", "reversed", "rail"):
        said.append(delay(facts["delay_s"]))
    return said


def delay(seconds: float) -> str:
    """How soon a note follows the movement, in words."""
    if seconds <= 0.030:
        return "It answers at once."
    if seconds <= 0.080:
        return "It answers with a short delay."
    if seconds <= 0.150:
        return "It answers noticeably later than the movement."
    return "It answers clearly later than the movement, by a quarter of a second or more."


def compared(stored_rest: float, stored_span: float, rest: float, middle_peak: float | None) -> tuple[bool, str]:
    """(keep, sentence): today's rest and first gestures beside the stored calibration (calibration page, section 3).

    Kept when the rest moved by less than 0.3 of the reach and the peaks agree within 40 %.
    """
    moved = abs(rest - stored_rest) / abs(stored_span)
    if moved >= 0.3:
        return False, "Today the rest is in another place than last time. Calibrate anew; it takes half a minute."
    if middle_peak is None:
        return True, "The rest is where it was. No movement was shown, so the calibration of last time is kept."
    if abs(middle_peak / abs(stored_span) - 1.0) > 0.4:
        bigger = "bigger" if middle_peak > abs(stored_span) else "smaller"
        return False, f"Today the movements are clearly {bigger} than last time. Calibrate anew; it takes half a minute."
    return True, "As last time: rest and movements agree, so the calibration is kept."
