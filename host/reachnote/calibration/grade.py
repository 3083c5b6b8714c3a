"""How well a fit will work: the worst of five checks, and the word for what to better. Pure (calibration page 4.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

LETTERS = "ABCD"

# name, the fact, limits of A, B, C, and whether more is better
CHECKS = (
    ("separation", "separation", (12.0, 7.0, 4.0), True),
    ("weakest", "weakest", (2.0, 1.4, 1.1), True),
    ("variation", "variation", (0.20, 0.35, 0.60), False),
    ("false_starts", "false_per_min", (0.5, 2.0, 6.0), False),
    ("delay", "delay_s", (0.030, 0.080, 0.150), False),
)
LOST = 0.02


def at_most(count: int) -> float:
    """Upper 95 % bound of a Poisson mean of which `count` were seen."""
    low, high = 0.0, 10.0 + 4.0 * count
    for _ in range(60):
        middle = (low + high) / 2
        term = total = math.exp(-middle)
        for k in range(1, count + 1):
            term *= middle / k
            total += term
        low, high = (middle, high) if total > 0.05 else (low, middle)
    return high


def letter_of(value: float, limits: tuple[float, float, float], more: bool) -> str:
    """A, B, C or D of one check."""
    for letter, limit in zip(LETTERS, limits, strict=False):
        if (value >= limit) if more else (value <= limit):
            return letter
    return "D"


def grade(facts: Mapping[str, float], by_hand: bool, troubles: Sequence[str] = ()) -> tuple[str, str, dict[str, str]]:
    """Letter, the word of the check that decides it ("fine" if none does), and every check's letter."""
    checks = {name: letter_of(facts[fact], limits, more) for name, fact, limits, more in CHECKS if fact in facts}
    if facts.get("seconds_of_rest", 0.0) <= 0:
        checks["rest"] = "C"
        checks.pop("false_starts", None)
    elif checks.get("false_starts", "A") != "A" and facts.get("false_starts", 0) == 0:
        checks["false_starts"] = "A"
    if facts.get("gestures", 0) < 3 and not by_hand:
        checks["few_gestures"] = "C"
    checks.update(dict.fromkeys(troubles, "D"))
    worst = max(checks.values(), default="D")
    reason = "fine" if worst == "A" else next(name for name in (*troubles, *checks) if checks.get(name) == worst)
    if facts.get("lost", 0.0) > LOST:
        checks["lost"] = LETTERS[min(3, LETTERS.index(worst) + 1)]
        if checks["lost"] > worst:
            worst, reason = checks["lost"], reason if worst != "A" else "lost"
    return worst, reason, checks
