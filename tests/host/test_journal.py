"""The journal: what came in and what went out, as text, verbatim."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote import journal
from reachnote.journal import Closed, JournalProblem, Left, Line, Opened
from reachnote.model import Event, Kind

whole = st.integers(0, 10**6)
entries = st.one_of(
    st.builds(Opened, whole.map(float), whole, st.text(max_size=20), st.booleans()),
    st.builds(Line, whole.map(float), whole, st.binary(max_size=60).filter(lambda line: b"\n" not in line)),
    st.builds(Closed, whole.map(float), whole),
    st.builds(
        Left,
        whole.map(float),
        st.builds(
            Event,
            st.sampled_from([int(k) for k in Kind]),
            *[st.integers(0, 127)] * 3,
            st.integers(0, 511),
            st.just(65535),
            whole.map(float),
        ),
    ),
)


def again(text: str) -> list:
    facts, found = journal.read(text.splitlines(keepends=True), "a.journal")
    assert facts["reachnote-journal"] == 1
    return list(found)


def test_these_are_the_lines():
    lines = [
        journal.write(entry)
        for entry in (
            Opened(12.3456781, 3, "/dev/ttyACM0", False),
            Line(12.345901, 3, b"$r0001"),
            Left(12.34595, Event(1, 2, 60, 70, 0, 65535, 12.3459)),
            Closed(20.0, 3),
        )
    ]
    assert lines == [
        '["o",12.345678,3,"/dev/ttyACM0",false]\n',
        '["l",12.345901,3,"$r0001"]\n',
        '["e",12.34595,1,2,60,70,0,65535,12.3459]\n',
        '["c",20.0,3]\n',
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(entries, max_size=10))
def test_what_was_written_is_read_back_verbatim(written):
    text = journal.header({"scene": "five-notes"}) + "".join(journal.write(entry) for entry in written)
    assert text.isascii()
    assert again(text) == written


def test_every_byte_of_a_line_comes_back():
    line = bytes(n for n in range(256) if n != 10)
    assert again(journal.header({}) + journal.write(Line(1.0, 0, line))) == [Line(1.0, 0, line)]


def test_a_torn_last_line_is_left_out_wherever_it_was_torn():
    head, first, last = journal.header({}), journal.write(Line(1.0, 0, b"$k")), journal.write(Line(2.0, 0, b"$k0123"))
    for cut in range(len(last) - 1):
        assert again(head + first + last[:cut]) == [Line(1.0, 0, b"$k")]


@pytest.mark.parametrize(
    "strange",
    [
        "[]",
        "{}",
        '{"a": 1}',
        "3",
        '"l"',
        "null",
        '["l"]',
        '["x", 1, 2, 3]',
        '["l", NaN, 1, "a"]',
        '["l", 1e999, 1, "a"]',
        '["l", 1, 1e999, "a"]',
        '["e", 1, 2]',
        "[" * 3000,
        '["l", 1, 1, "\\u0416"]',
        '["o", 1]',
        '["c", []]',
        "x" * 70_000,
        '["e",1,1,2,3,4,5,6,7,8,9]',
        '["l", 1, "9' + "9" * 5000 + '", "a"]',
    ],
)
def test_a_strange_line_is_left_out_and_the_rest_is_read(strange):
    text = journal.header({}) + strange + "\n" + journal.write(Closed(2.0, 1))
    assert again(text) == [Closed(2.0, 1)]


@pytest.mark.parametrize("first", ["", "{}", "[]", "3", "null", "MThd", "[" * 5000, '{"reachnote-journal": '])
def test_what_is_no_journal_is_refused_in_words(first):
    with pytest.raises(JournalProblem, match="is not a journal of a reachnote session"):
        journal.read([first], "a.journal")


def test_a_newer_journal_says_to_update_the_program():
    with pytest.raises(JournalProblem, match="a journal of format 2; this program reads format 1"):
        journal.read([json.dumps({"reachnote-journal": 2})], "a.journal")


def test_an_empty_journal_is_a_journal():
    assert again(journal.header({"client": "K7"})) == []
