"""The ledger of sounding notes and the guard in front of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.guard import Budget
from reachnote.ledger import Ledger
from reachnote.limits import STANDARD
from reachnote.model import Event, Kind, note_off, note_on, order
from support.invented import Receiver

C4, D4 = 60, 62


def plain(events: list[Event]) -> list[tuple]:
    """(kind, channel, a, b) of each."""
    return [(Kind(e.kind).name, e.channel, e.a, e.b) for e in events]


@pytest.fixture
def ledger() -> Ledger:
    woken = Ledger()
    for source in range(40):
        woken.guard._woken.add(source)
    return woken


# ---------------------------------------------------------------- exactness


def test_a_note_goes_out_and_its_end_too(ledger):
    assert plain(ledger.take(note_on(2, C4, 70, 1, 0.0))) == [("NOTE_ON", 2, 60, 70)]
    assert ledger.sounding() == [(2, 60)]
    assert plain(ledger.take(note_off(2, C4, 1, 0.1))) == [("NOTE_OFF", 2, 60, 64)]
    assert (ledger.sounding(), ledger.ons, ledger.offs) == ([], 1, 1)


def test_a_note_off_that_has_no_note_is_not_sent(ledger):
    assert ledger.take(note_off(2, C4, 1, 0.0)) == []
    ledger.take(note_on(2, C4, 70, 1, 0.0))
    assert ledger.take(note_off(2, C4, 9, 0.0)) == []
    assert ledger.take(note_off(3, C4, 1, 0.0)) == []
    ledger.take(note_off(2, C4, 1, 0.0))
    assert ledger.take(note_off(2, C4, 1, 0.0)) == []


def test_a_key_that_two_sources_share_ends_with_the_last_holder(ledger):
    ledger.take(note_on(2, C4, 70, 1, 0.0))
    assert plain(ledger.take(note_on(2, C4, 80, 7, 0.1))) == [("NOTE_OFF", 2, 60, 64), ("NOTE_ON", 2, 60, 80)]
    assert ledger.take(note_off(2, C4, 1, 0.2)) == []
    assert ledger.sounding() == [(2, 60)]
    assert plain(ledger.take(note_off(2, C4, 7, 0.3))) == [("NOTE_OFF", 2, 60, 64)]
    assert (ledger.ons, ledger.offs) == (2, 2)


def test_the_same_source_strikes_its_own_key_anew(ledger):
    ledger.take(note_on(2, C4, 70, 1, 0.0))
    assert plain(ledger.take(note_on(2, C4, 70, 1, 0.1))) == [("NOTE_OFF", 2, 60, 64), ("NOTE_ON", 2, 60, 70)]
    assert plain(ledger.take(note_off(2, C4, 1, 0.2))) == [("NOTE_OFF", 2, 60, 64)]


def test_a_shared_key_on_different_outputs_ends_on_each_of_them(ledger):
    receiver = Receiver()
    for event in (
        note_on(2, C4, 70, 1, 0.0, outputs=0b01),
        note_on(2, C4, 70, 7, 0.1, outputs=0b10),
        note_off(2, C4, 1, 0.2),
        note_off(2, C4, 7, 0.3),
    ):
        for sent in ledger.take(event):
            receiver.take(sent)
    assert (receiver.sounding(0), receiver.sounding(1), receiver.unpaired()) == ([], [], {})
    assert (ledger.ons, ledger.offs) == (2, 2)


def test_a_note_that_no_output_plays_is_no_note(ledger):
    assert ledger.take(note_on(2, C4, 70, 1, 0.0, outputs=0)) == []
    assert (ledger.sounding(), ledger.ons, ledger.take(note_off(2, C4, 1, 0.1))) == ([], 0, [])


def test_releasing_one_source_leaves_the_others(ledger):
    for source, key in ((1, C4), (1, D4), (7, C4)):
        ledger.take(note_on(2, key, 70, source, 0.0))
    assert plain(ledger.take(order(Kind.RELEASE, 0.1, 1))) == [("NOTE_OFF", 2, 62, 64)]
    assert ledger.sounding() == [(2, 60)]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(
                note_on,
                st.integers(1, 3),
                st.integers(60, 62),
                st.integers(0, 127),
                st.integers(0, 4),
                st.just(0.0),
                st.integers(0, 7),
            ),
            st.builds(note_off, st.integers(1, 3), st.integers(60, 62), st.integers(0, 4), st.just(0.0), st.integers(0, 7)),
            st.builds(
                order,
                st.sampled_from([Kind.RELEASE, Kind.RELEASE_ALL, Kind.SILENCE, Kind.SOFTEN]),
                st.just(0.0),
                st.integers(0, 4),
            ),
        ),
        max_size=60,
    )
)
def test_every_on_has_one_off_at_every_output_whatever_comes(events):
    ledger, receiver = Ledger(), Receiver()
    for n, event in enumerate(events):
        for sent in ledger.take(event._replace(time=n * 0.03)):
            receiver.take(sent)
    for sent in ledger.release_all(9.0):
        receiver.take(sent)
    assert receiver.unpaired() == {}
    assert receiver.loudest <= 90
    assert ledger.sounding() == []


def test_a_former_outlets_note_is_ended(ledger):
    ledger.adopt(3, D4, 0b1)
    assert plain(ledger.release_all(0.0))[0] == ("NOTE_OFF", 3, 62, 64)
    assert ledger.sounding() == []


# ---------------------------------------------------------------- loudness


@pytest.mark.parametrize(("wanted", "played"), [(1, 1), (40, 40), (90, 90), (91, 90), (127, 90), (0, 1)])
def test_no_note_is_louder_than_90_and_none_is_velocity_nought(ledger, wanted, played):
    assert STANDARD.loudest == 90
    assert ledger.take(note_on(2, C4, wanted, 1, 0.0))[0].b == played


@pytest.mark.parametrize("wanted", [30, 70, 127])
def test_the_first_note_of_a_source_is_soft(wanted):
    ledger = Ledger()
    assert STANDARD.first == 40
    assert ledger.take(note_on(2, C4, wanted, 1, 0.0))[0].b == min(wanted, 40)
    assert ledger.take(note_on(2, D4, wanted, 1, 0.1))[0].b == min(wanted, 90)
    assert ledger.take(note_on(3, C4, wanted, 2, 0.2))[0].b == min(wanted, 40)


@pytest.mark.parametrize(("kind", "b"), [(Kind.SOFTEN, 0), (Kind.RELEASE_ALL, 0), (Kind.SILENCE, 1), (Kind.SILENCE, 2)])
def test_the_first_note_after_a_reconnect_or_a_silence_is_soft(ledger, kind, b):
    ledger.take(order(kind, 0.0, 1, b))
    assert ledger.take(note_on(2, C4, 70, 1, 0.1))[0].b == 40
    assert ledger.take(note_on(2, D4, 70, 1, 0.2))[0].b == 70


# ---------------------------------------------------------------- how many


def test_one_source_plays_a_dozen_at_once_and_then_twelve_a_second(ledger):
    assert STANDARD.source_rate == 12.0
    played = [bool(ledger.take(note_on(2, C4, 70, 1, n * 0.001))) for n in range(1, 1001)]
    assert sum(played) == 23  # 12 at once, 11 to 12 more within the second
    assert ledger.guard.refused == 977


def test_a_refused_note_has_no_off(ledger):
    receiver = Receiver()
    for n in range(200):
        for event in (note_on(2, C4 + n % 5, 70, 1, n * 0.01), note_off(2, C4 + n % 5, 1, n * 0.01)):
            for sent in ledger.take(event):
                receiver.take(sent)
    assert ledger.guard.refused > 100
    assert receiver.unpaired() == {}
    assert sum(receiver.ons.values()) == 3 * ledger.ons


def test_all_sources_together_play_64_at_once_and_then_48_a_second(ledger):
    assert STANDARD.total_rate == 48.0
    played = sum(bool(ledger.take(note_on(2, C4, 70, n % 40, 1.0 + n * 1e-6))) for n in range(400))
    assert played == 64
    more = sum(bool(ledger.take(note_on(2, C4, 70, n % 40, 2.0 + n * 1e-6))) for n in range(400))
    assert more == 48


def test_a_budget_does_not_grow_when_time_goes_back():
    budget = Budget(10.0, 2.0, 2.0)
    assert [budget.take(t) for t in (5.0, 5.0, 1.0, 4.9)] == [True, True, False, False]


# ---------------------------------------------------------------- silence

ENDINGS = [("CONTROL", 2, 64, 0), ("CONTROL", 2, 66, 0), ("CONTROL", 2, 67, 0), ("BEND", 2, 0, 64), ("CONTROL", 2, 123, 0)]


def test_silence_once_is_exact_offs_then_the_controls_of_the_channels_used(ledger):
    ledger.take(note_on(2, C4, 70, 1, 0.0))
    assert plain(ledger.take(order(Kind.SILENCE, 0.1, b=1))) == [("NOTE_OFF", 2, 60, 64), *ENDINGS]


def test_silence_asked_twice_also_resets_the_channels_used(ledger):
    ledger.take(note_on(2, C4, 70, 1, 0.0))
    sent = plain(ledger.take(order(Kind.SILENCE, 0.1, b=2)))
    assert sent == [("NOTE_OFF", 2, 60, 64), *ENDINGS, ("CONTROL", 2, 120, 0), ("CONTROL", 2, 121, 0)]


def test_silence_on_channels_that_were_never_used_says_nothing(ledger):
    assert ledger.take(order(Kind.SILENCE, 0.0, b=2)) == []


def test_the_endings_go_only_to_the_outputs_that_a_channel_was_used_on(ledger):
    ledger.take(note_on(2, C4, 70, 1, 0.0, outputs=0b01))
    ledger.take(Event(Kind.PROGRAM, 3, 11, 0, 5, 0b10, 0.0))
    sent = ledger.take(order(Kind.SILENCE, 0.1, b=1))
    assert {(e.channel, e.outputs) for e in sent} == {(2, 0b01), (3, 0b10)}
