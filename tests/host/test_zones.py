"""Zones of a reach: equal ones and ones of their own widths."""

from __future__ import annotations

import pytest

from reachnote_play import REACH
from reachnote_play.zones import Zones

MARGIN = REACH // 10


def zones(count, shares=(), first=0, dwell=0):
    found = Zones({"zones": count, "zone_margin": MARGIN, "dwell": dwell})
    found.first, found.shares = first, shares
    return found


def zone_at(found, level):
    found.start(level)
    return found.zone


def test_equal_zones_share_the_reach():
    found = zones(4)
    assert [zone_at(found, REACH * n // 8) for n in range(8)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert zone_at(found, -REACH) == 0 and zone_at(found, 2 * REACH) == 3


def test_zones_of_their_own_widths_begin_where_they_say():
    found = zones(3, shares=(512, 768))  # a half, a quarter, a quarter
    edges = [level for level in range(1, REACH) if zone_at(found, level) != zone_at(found, level - 1)]
    assert edges == [REACH // 2, REACH * 3 // 4]
    assert zone_at(found, -5) == 0 and zone_at(found, REACH + 5) == 2


def test_own_widths_begin_where_a_gesture_can_start():
    found = zones(2, shares=(512,), first=REACH // 2)
    assert [zone_at(found, REACH * n // 8) for n in (0, 4, 5, 6, 7)] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("shares", [(), (256, 512, 768)])
def test_the_same_widths_written_out_are_the_equal_ones(shares):
    found = zones(4, shares)
    found.start(REACH // 8)
    seen = []
    for n in list(range(64)) + list(range(64, -1, -1)):
        found.step(1000, REACH * n // 64, 0)
        found.step(1000, REACH * n // 64, 0)
        seen.append(found.zone)
    rise, fall = seen[:64], seen[64:]
    assert [rise.index(n) for n in (1, 2, 3)] == [18, 34, 50]  # the edge and a tenth of a zone
    assert [64 - fall.index(n) for n in (2, 1, 0)] == [46, 30, 14]


def test_a_hand_on_the_edge_of_a_narrow_zone_makes_no_trill():
    found = zones(3, shares=(900, 960))
    edge = REACH * 900 // 1024
    narrow = REACH * 60 // 1024
    found.start(edge - narrow)
    changes = 0
    for n in range(400):
        changes += found.step(4000, edge + (narrow // 12 if n % 2 else -(narrow // 12)), 0)
    assert changes <= 1
