"""Where a phrase ends: after a silence that is longer than the player's own gaps."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from reachnote.phrase_end import PhraseEnd


def played(notes: list[tuple[float, float]], rest_s: float = 0.9) -> PhraseEnd:
    """A phrase of (begin, end), each on a key of its own."""
    phrase = PhraseEnd(rest_s)
    moves = sorted([(begin, 1, n) for n, (begin, _) in enumerate(notes)] + [(end, 0, n) for n, (_, end) in enumerate(notes)])
    for time, begins, n in moves:
        (phrase.on if begins else phrase.off)((0, 1, n), time)
    return phrase


@pytest.mark.parametrize(
    ("notes", "due"),
    [
        ([], inf),
        ([(0.0, 0.4)], 1.3),
        ([(0.0, 0.1), (0.3, 0.4)], 1.3),
        ([(0.3 * n, 0.3 * n + 0.1) for n in range(5)], 1.9),  # four silences of 0.2 s, steps of 0.3 s: 0.7 s after the last start
        ([(0.6 * n, 0.6 * n + 0.1) for n in range(5)], 3.4),  # silences of 0.5 s: 0.9 s are long as before
        ([(0.4 * n, 0.4 * n + 0.4) for n in range(3)], 1.7),  # one goes over into the next: no silence, steps of 0.4 s
        ([(0.0, 0.1), (0.9, 1.0)], 1.96),  # a silence of 0.8 s: 1.2 times as long
        ([(0.0, 0.1), (2.0, 2.1)], 4.38),
        ([(0.0, 0.1), (9.0, 9.1)], 12.1),  # never more than 3 s
        ([(0.0, 0.5), (0.01, 0.5), (0.02, 0.5)], 1.4),  # a chord has no gaps
    ],
)
def test_the_end_by_gaps(notes, due):
    assert played(notes).due == pytest.approx(due)


def test_the_first_guess_can_be_set():
    assert played([(0.0, 0.4)], rest_s=2.0).due == pytest.approx(2.4)


def test_it_does_not_end_while_a_note_is_held_but_for_one_that_hangs():
    phrase = PhraseEnd()
    phrase.on((0, 1, 60), 1.0)
    phrase.on((1, 1, 60), 2.0)
    phrase.off((0, 1, 60), 3.0)
    assert phrase.due == 12.0
    phrase.let_go(1, 4.0)
    assert phrase.due == pytest.approx(4.9)


def test_what_comes_soon_after_the_end_joins():
    phrase = played([(0.3 * n, 0.3 * n + 0.1) for n in range(5)])
    assert phrase.due == pytest.approx(1.9)
    assert phrase.joins(2.28) and not phrase.joins(2.30)
    assert not PhraseEnd().joins(0.0)


def test_ends_of_what_never_began_and_times_that_go_back_a_little_do_no_harm():
    phrase = PhraseEnd()
    phrase.off((0, 1, 60), 1.0)
    assert phrase.due == inf
    phrase.on((0, 1, 60), 2.0)
    phrase.off((0, 1, 60), 1.99)
    assert phrase.quiet == 2.0
    phrase.restart()
    assert phrase.due == inf


@pytest.mark.parametrize(
    ("lasts", "silence", "share"),
    [
        ((0.05, 0.6), (0.2, 0.8), 0.99),  # gaps are silences
        ((0.05, 0.19), None, 0.95),  # gaps are from start to start, short notes
    ],
    ids=["silences", "starts"],
)
def test_the_end_is_found_whichever_way_gaps_are_counted(lasts, silence, share):
    chance, right, rounds = Random(1), 0, 2000
    for _ in range(rounds):
        notes, time = [], 0.0
        for _ in range(chance.randint(1, 12)):
            notes.append((time, time + chance.uniform(*lasts)))
            time = notes[-1][1] + chance.uniform(*silence) if silence else time + chance.uniform(0.2, 0.8)
        last = notes[-1][1 if silence else 0]
        phrase, early = PhraseEnd(), False
        for n, (begin, end) in enumerate(notes):
            early = early or phrase.due <= begin
            phrase.on((0, 1, n), begin)
            phrase.off((0, 1, n), end)
        right += not early and phrase.due < last + chance.uniform(1.0, 2.0)
    assert right >= share * rounds
