"""How long an answer is waited for, and what an answer keeps."""

from __future__ import annotations

from math import inf
from random import Random

import numpy
import pytest

from reachnote.answers import Answer, AnswerWindow
from reachnote.model import note_off, note_on


def test_the_percentile_is_the_usual_one():
    chance = Random(1)
    for count in range(1, 31):
        delays = [chance.uniform(0.0, 40.0) for _ in range(count)]
        assert AnswerWindow(delays).percentile == pytest.approx(numpy.percentile(delays, 90))


def test_only_the_last_thirty_count():
    window = AnswerWindow([100.0] * 50)
    for _ in range(30):
        window.learn(2.0)
    assert (window.percentile, window.known) == (2.0, 30)


def test_until_five_are_known_it_is_long_and_grows_when_nobody_answers():
    window = AnswerWindow()
    found = [window.seconds]
    for _ in range(4):
        window.missed()
        found.append(window.seconds)
    assert found == [20.0, 30.0, 45.0, 60.0, 60.0]
    window.learn(40.0)
    assert window.seconds == pytest.approx(1.3 * 40.0 + 0.8)
    for _ in range(4):
        window.learn(2.0)
    assert window.seconds == pytest.approx(1.3 * 24.8 + 0.8)


def test_once_it_is_known_a_missing_answer_changes_nothing():
    window = AnswerWindow([2.0] * 5)
    window.missed()
    assert window.seconds == pytest.approx(3.4)


@pytest.mark.parametrize("delay", [-0.1, 601.0, float("nan"), inf, "2", None, True])
def test_what_is_no_delay_is_passed_over(delay):
    assert AnswerWindow([delay]).known == 0


@pytest.mark.parametrize("usual", [0.3, 2.0, 5.0, 12.0, 30.0])
def test_a_window_is_never_longer_than_it_may_be(usual):
    chance = Random(2)
    for _ in range(200):
        window = AnswerWindow([usual * chance.uniform(0.5, 2.0) for _ in range(chance.randint(5, 40))])
        assert window.percentile < window.seconds <= 1.5 * window.percentile + 1.0


def test_an_answer_keeps_its_notes_from_the_first_on():
    answer = Answer()
    assert (answer.begun, answer.due, answer.notes(0.0)) == (False, inf, [])
    answer.take(note_on(2, 60, 70, 0, 10.0))
    answer.take(note_on(3, 64, 50, 1, 10.5))
    answer.take(note_off(2, 60, 0, 11.0))
    assert answer.first == 10.0 and answer.due == pytest.approx(20.5)
    answer.lost(1, 12.0)
    assert answer.due == pytest.approx(12.9) and answer.over(13.0)
    assert [(note.at, note.lasts, note.channel, note.key, note.velocity) for note in answer.notes(13.0)] == [
        (0.0, 1.0, 2, 60, 70),
        (0.5, 1.5, 3, 64, 50),
    ]


def test_an_answer_is_over_after_a_minute_or_256_notes():
    answer = Answer()
    for n in range(256):
        answer.take(note_on(2, 60, 70, 0, 0.1 * n))
        answer.take(note_off(2, 60, 0, 0.1 * n + 0.05))
    assert answer.over(25.56) and not answer.may_go_on(25.56)
    answer.take(note_on(2, 61, 70, 0, 25.7))
    assert len(answer.notes(30.0)) == 256
    answer.restart()
    answer.take(note_on(2, 60, 70, 0, 100.0))
    for n in range(1, 80):
        answer.take(note_on(2, 60, 70, 0, 100.0 + n))
    assert answer.due == 160.0 and not answer.may_go_on(160.0)
