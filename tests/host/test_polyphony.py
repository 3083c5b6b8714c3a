"""How many notes sound at once, and that whatever gives way is ended."""

from __future__ import annotations

import pytest

from reachnote.polyphony import Polyphony


def test_the_oldest_gives_way():
    polyphony = Polyphony(2)
    assert [polyphony.start(note) for note in ("a", "b", "c", "d")] == [[], [], ["a"], ["b"]]
    assert polyphony.sounding == ("c", "d")


def test_a_note_that_gave_way_has_nothing_to_end():
    polyphony = Polyphony(1)
    polyphony.start("a")
    polyphony.start("b")
    assert (polyphony.end("a"), polyphony.end("b"), polyphony.end("b"), polyphony.end("z")) == (False, True, False, False)


def test_a_note_that_starts_again_ends_first_and_is_the_newest_then():
    polyphony = Polyphony(3)
    for note in ("a", "b", "c"):
        polyphony.start(note)
    assert polyphony.start("a") == ["a"]
    assert polyphony.sounding == ("b", "c", "a")


def test_a_narrower_limit_ends_the_oldest():
    polyphony = Polyphony(5)
    for note in range(5):
        polyphony.start(note)
    assert polyphony.narrow(2) == [0, 1, 2]
    assert polyphony.sounding == (3, 4)
    assert polyphony.narrow(4) == []


@pytest.mark.parametrize("limit", [0, 33, 2.0, True, "4"])
def test_a_limit_goes_from_1_to_32(limit):
    with pytest.raises(ValueError, match=r"^voices_limit = .*; write a whole number from 1 to 32$"):
        Polyphony(limit)
