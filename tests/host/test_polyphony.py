"""How many notes sound at once, and that whatever gives way is ended."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.ledger import Ledger
from reachnote.model import Event, Kind, note_off, note_on, order
from reachnote.polyphony import Polyphony, VoiceLimit
from support.invented import Receiver


def plain(events: list[Event]) -> list[tuple[str, int, int]]:
    return [(Kind(e.kind).name, e.channel, e.a) for e in events]


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


@pytest.mark.parametrize("limit", [1, 2, 31, 32])
def test_as_many_sound_as_the_limit_says_and_never_more(limit):
    voices = VoiceLimit(limit)
    for n in range(40):
        events = voices.take(note_on(2, 30 + n, 70, 1, n / 10))
        assert plain(events) == ([("NOTE_OFF", 2, 30 + n - limit)] if n >= limit else []) + [("NOTE_ON", 2, 30 + n)]
        assert len(voices.sounding) == min(n + 1, limit)


def test_the_end_of_a_note_that_gave_way_is_not_sent_twice():
    voices = VoiceLimit(1)
    voices.take(note_on(2, 60, 70, 1, 0.0))
    (off, _) = voices.take(note_on(2, 62, 70, 1, 0.5))
    assert (off.channel, off.a, off.source, off.time) == (2, 60, 1, 0.5)
    assert voices.take(note_off(2, 60, 1, 0.6)) == []
    assert plain(voices.take(note_off(2, 62, 1, 0.7))) == [("NOTE_OFF", 2, 62)]


def test_a_key_that_is_struck_again_ends_before_it_starts():
    voices = VoiceLimit(4)
    voices.take(note_on(2, 60, 70, 1, 0.0))
    assert plain(voices.take(note_on(2, 60, 70, 1, 0.1))) == [("NOTE_OFF", 2, 60), ("NOTE_ON", 2, 60)]
    assert len(voices.sounding) == 1


def test_a_note_ends_on_the_outputs_it_began_on():
    voices = VoiceLimit(1)
    voices.take(note_on(2, 60, 70, 1, 0.0, outputs=0b01))
    (off, on) = voices.take(note_on(2, 62, 70, 1, 0.1, outputs=0b10))
    assert (off.outputs, on.outputs) == (0b01, 0b10)
    assert voices.take(note_off(2, 62, 1, 0.2))[0].outputs == 0b10


def test_a_narrower_limit_sends_the_ends():
    voices = VoiceLimit(3)
    for key in (60, 62, 64):
        voices.take(note_on(2, key, 70, 1, 0.0))
    assert plain(voices.narrow(1, 1.0)) == [("NOTE_OFF", 2, 60), ("NOTE_OFF", 2, 62)]
    assert (voices.limit, [event.a for event in voices.sounding]) == (1, [64])


@pytest.mark.parametrize(
    ("kind", "source", "left"),
    [
        (Kind.RELEASE, 1, [64]),
        (Kind.RELEASE, 9, [60, 64]),
        (Kind.RELEASE_ALL, 0, []),
        (Kind.SILENCE, 0, []),
        (Kind.BEAT, 0, [60, 64]),
    ],
)
def test_an_order_to_the_outlet_passes_and_ends_what_it_names_here_too(kind, source, left):
    voices = VoiceLimit(3)
    voices.take(note_on(2, 60, 70, 1, 0.0))
    voices.take(note_on(3, 64, 70, 2, 0.0))
    passed = order(kind, 1.0, source)
    assert voices.take(passed) == [passed]
    assert [event.a for event in voices.sounding] == left


def test_other_events_pass():
    event = Event(Kind.CONTROL, 2, 11, 90, 1, 1, 0.0)
    assert VoiceLimit(1).take(event) == [event]


# ---------------------------------------------------------------- in any order

EVENTS = st.lists(
    st.one_of(
        st.builds(
            note_on, st.integers(1, 3), st.integers(60, 63), st.just(70), st.integers(0, 2), st.just(0.0), st.integers(1, 7)
        ),
        st.builds(note_off, st.integers(1, 3), st.integers(60, 63), st.integers(0, 2), st.just(0.0), st.integers(1, 7)),
        st.builds(order, st.sampled_from([Kind.RELEASE, Kind.RELEASE_ALL]), st.just(0.0), st.integers(0, 2)),
        st.integers(1, 5),
    ),
    max_size=60,
)


def any_order(events: list[Event | int]) -> None:
    voices, ledger, receiver = VoiceLimit(3), Ledger(), Receiver()
    ons: dict[tuple, int] = {}

    def out(event: Event) -> None:
        """Every Note On that leaves has one Note Off, before the ledger and after it."""
        name = (event.channel, event.a, event.source)
        if event.kind == Kind.NOTE_ON:
            assert name not in ons
            ons[name] = event.outputs
        elif event.kind == Kind.NOTE_OFF:
            assert ons.pop(name) == event.outputs
        elif event.kind == Kind.RELEASE:
            for gone in [name for name in ons if name[2] == event.source]:
                del ons[gone]
        else:
            ons.clear()
        for sent in ledger.take(event):
            receiver.take(sent)

    for n, event in enumerate(events):
        for one in voices.narrow(event, n / 10) if isinstance(event, int) else voices.take(event._replace(time=n / 10)):
            out(one)
        assert len(ons) == len(voices.sounding) <= voices.limit
        assert {(e.channel, e.a, e.source) for e in voices.sounding} == set(ons)
    for event in voices.sounding:
        for one in voices.take(note_off(event.channel, event.a, event.source, 99.0)):
            out(one)
    assert ons == {}
    assert receiver.unpaired() == {}


@settings(max_examples=300, deadline=None)
@given(EVENTS)
def test_every_note_that_leaves_is_ended_once_whatever_comes(events):
    any_order(events)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=10_000, deadline=None)
@given(EVENTS)
def test_every_note_that_leaves_is_ended_once_in_ten_thousand_orders(events):
    any_order(events)
