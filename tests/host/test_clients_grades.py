"""Grades are honest: what they say of false starts holds for simulated clients of every kind, easy and hard ones."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from client_sessions import SENSORS, Session, separation, session
from firmware.desktop.clients import NAMES

from reachnote.calibration.grade import at_most

STATED = {"A": 0.5, "B": 2.0, "C": 6.0}  # false starts a minute at most
FAR = 7.0  # times the rest wobble
KINDS = tuple(SENSORS)

# Every second client has more of what it has.
HARDER: dict[str, dict[str, object]] = {
    "steady": {"wander": (0.01, 0.05)},
    "weak": {"height": (0.04, 0.07)},
    "large": {"wander": (0.05, 0.12)},
    "rest-tremor": {"half_height": (0.15, 0.3)},
    "action-tremor": {"half_height": (0.15, 0.3)},
    "re-emerging-tremor": {"half_height": (0.25, 0.4)},
    "clonus": {"burst_height": (0.6, 1.0)},
    "wringing": {"stroke_height": (0.5, 0.8)},
    "athetosis": {"writhing": (0.2, 0.45)},
    "fatigue": {"fall_per_min": 0.3, "floor_per_min": (0.07, 0.12)},
    "slow-release": {"left": (0.2, 0.35)},
    "fifteen-mm": {"wander": (0.001, 0.004)},
    "late": {"height": (0.3, 1.2)},
}
LONGER = {"late": 140.0, "re-emerging-tremor": 60.0}


class Row(NamedTuple):
    name: str
    grade: str
    false: int
    minutes: float
    apart: float  # middle peak over rest wobble


def client(name: str, seed: int, seconds: float) -> Session:
    own = HARDER.get(name, {}) if seed % 2 == 0 else {}
    return session(name, seed, seconds + LONGER.get(name, 0.0), KINDS[(seed + NAMES.index(name)) % 3], **own)


def shown(seed: int) -> int:
    return 3 + seed % 4


def row(name: str, seed: int) -> Row:
    one = client(name, seed, 100.0)
    fit = one.fit(shown(seed))
    played = one.play(fit, one.calibrated(shown(seed)))
    return Row(name, fit.grade, len(played.false), played.rest_s / 60, separation(one))


def table(rows: list[Row]) -> dict[tuple[str, str], tuple[int, int, float]]:
    """By grade and by grade and client: clients, false starts, minutes of rest."""
    sums: dict[tuple[str, str], list] = defaultdict(lambda: [0, 0, 0.0])
    for r in rows:
        for key in ((r.grade, ""), (r.grade, r.name)):
            sums[key][0] += 1
            sums[key][1] += r.false
            sums[key][2] += r.minutes
    return {key: tuple(value) for key, value in sorted(sums.items())}


def told(sums: dict[tuple[str, str], tuple[int, int, float]]) -> str:
    lines = ["grade  client              clients  false  minutes  a minute  at most (95 %)"]
    for (grade, name), (n, false, minutes) in sums.items():
        bound = at_most(false) / minutes
        lines.append(f"{grade:5}  {name or 'all':18}  {n:7}  {false:5}  {minutes:7.1f}  {false / minutes:8.2f}  {bound:8.2f}")
    return "\n".join(lines)


def good_share(graded: list[tuple[str, str, float]]) -> float:
    """Of the clients whose gestures are far above their wobble, the share that gets A or B."""
    far = [(name, grade) for name, grade, apart in graded if apart > FAR]
    good = sum(grade in "AB" for _, grade in far)
    print(f"{good} of {len(far)} clients get A or B")
    assert len(far) > 40
    return good / len(far)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [row(name, seed) for seed in range(1, 61) for name in NAMES]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_no_grade_has_more_false_starts_than_it_says(rows):
    sums = table(rows)
    print(told(sums))
    for grade, most in STATED.items():
        _, false, minutes = sums[grade, ""]
        assert minutes >= 30
        assert at_most(false) / minutes <= most, grade


@pytest.mark.long
@pytest.mark.timeout(600)
def test_most_clients_far_above_their_wobble_get_a_or_b(rows):
    assert good_share([(r.name, r.grade, r.apart) for r in rows]) >= 0.7


@pytest.mark.long
def test_most_of_a_few_clients_far_above_their_wobble_get_a_or_b():
    graded = []
    for seed in range(1, 5):
        for name in NAMES:
            one = client(name, seed, 40.0 + 10 * shown(seed))
            graded.append((name, one.fit(shown(seed)).grade, separation(one)))
    assert good_share(graded) >= 0.7
