"""Which note of a list comes next."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.lists import Chance, NoteList


def played(notes: NoteList, count: int, every: float = 1.0, start: float = 0.0) -> list[int]:
    return [notes.next(start + n * every) for n in range(count)]


# ---------------------------------------------------------------- chance


def test_the_same_seed_gives_the_published_numbers_everywhere():
    # The reference values of SplitMix64 for the seeds 0 and 1234567.
    assert Chance(0).bits() == 0xE220A8397B1DCDAF
    chance = Chance(1234567)
    assert [chance.bits() for _ in range(5)] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]  # fmt: skip


def test_the_same_seed_draws_the_same_and_another_one_something_else():
    def draw(seed: int) -> list[int]:
        chance = Chance(seed)
        return [chance.below(10) for _ in range(12)]

    assert draw(1) == draw(1) == draw(1 + (1 << 64)) == [5, 7, 9, 4, 4, 7, 8, 5, 2, 7, 4, 6]
    assert draw(2) != draw(1)


def test_every_number_below_is_drawn_about_as_often():
    chance = Chance(7)
    counts = Counter(chance.below(7) for _ in range(7000))
    assert sorted(counts) == [0, 1, 2, 3, 4, 5, 6]
    assert all(900 < n < 1100 for n in counts.values())
    assert {chance.below(1) for _ in range(20)} == {0}


# ---------------------------------------------------------------- orders


@pytest.mark.parametrize(
    ("order", "count", "wanted"),
    [
        ("forward", 4, [0, 1, 2, 3, 0, 1, 2, 3, 0]),
        ("back", 4, [3, 2, 1, 0, 3, 2, 1, 0, 3]),
        ("there-and-back", 4, [0, 1, 2, 3, 2, 1, 0, 1, 2]),
        ("there-and-back", 2, [0, 1, 0, 1, 0, 1, 0, 1, 0]),
        ("forward", 1, [0] * 9),
        ("back", 1, [0] * 9),
        ("there-and-back", 1, [0] * 9),
    ],
)
def test_the_order_is_what_it_is_called(order, count, wanted):
    assert played(NoteList(count, order), 9) == wanted


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [2, 3, 5, 12])
def test_random_plays_every_note_once_a_round_and_never_one_twice_in_a_row(seed, count):
    found = played(NoteList(count, "random", chance=Chance(seed)), 40 * count)
    for n in range(40):
        assert sorted(found[n * count : (n + 1) * count]) == list(range(count))
    assert all(a != b for a, b in pairwise(found))


def test_random_with_one_note_plays_it():
    assert played(NoteList(1, "random", chance=Chance(1)), 4) == [0, 0, 0, 0]


def test_random_begins_a_round_with_every_other_note_about_as_often():
    notes = NoteList(4, "random", chance=Chance(3))
    found = played(notes, 4 * 3000)
    firsts = Counter((found[4 * n] - found[4 * n - 1]) % 4 for n in range(1, 3000))
    assert sorted(firsts) == [1, 2, 3]
    assert all(850 < n < 1150 for n in firsts.values())


# ---------------------------------------------------------------- silence


@pytest.mark.parametrize(("order", "again"), [("forward", 0), ("back", 4), ("there-and-back", 0)])
def test_after_the_silence_that_was_set_the_list_begins_anew_and_not_before(order, again):
    notes = NoteList(5, order, restart_s=3.0)
    before = played(notes, 3, every=0.5)
    assert notes.next(1.0 + 2.99) != again
    assert before == {"forward": [0, 1, 2], "back": [4, 3, 2], "there-and-back": [0, 1, 2]}[order]
    assert notes.next(3.99 + 3.0) == again


def test_silence_is_counted_from_the_end_of_a_held_note():
    notes = NoteList(5, "forward", restart_s=3.0)
    played(notes, 2)
    notes.ended(11.0)  # held for ten seconds
    assert notes.next(13.9) == 2
    assert notes.next(17.0) == 0


def test_without_a_silence_set_it_never_begins_anew():
    notes = NoteList(5, "forward")
    assert [notes.next(time) for time in (0.0, 1e6, 2e9)] == [0, 1, 2]


def test_a_random_list_begins_a_new_round_after_silence_and_does_not_repeat_its_last_note():
    for seed in range(30):
        notes = NoteList(3, "random", restart_s=2.0, chance=Chance(seed))
        last = played(notes, 2)[-1]
        fresh = played(notes, 3, start=10.0)
        assert sorted(fresh) == [0, 1, 2]
        assert fresh[0] != last


def test_the_way_back_is_forgotten_with_the_silence():
    notes = NoteList(3, "there-and-back", restart_s=2.0)
    played(notes, 4)  # 0 1 2 1
    assert played(notes, 3, start=100.0) == [0, 1, 2]


# ---------------------------------------------------------------- a window of zones


def test_a_window_keeps_to_its_notes_and_goes_on_from_where_the_list_is():
    notes = NoteList(10, "forward")
    assert notes.window == (0, 9)
    played(notes, 5)
    notes.narrow(3, 6)
    assert played(notes, 5) == [5, 6, 3, 4, 5]
    notes.narrow(0, 1)
    assert played(notes, 3) == [0, 1, 0]
    notes.narrow(0, 9)
    assert played(notes, 3) == [1, 2, 3]


def test_a_window_turns_there_and_back_at_its_own_ends():
    notes = NoteList(10, "there-and-back")
    notes.narrow(4, 6)
    assert played(notes, 6) == [4, 5, 6, 5, 4, 5]
    notes.narrow(0, 2)
    assert played(notes, 4) == [2, 1, 0, 1]
    notes.narrow(7, 9)
    assert played(notes, 4) == [7, 8, 9, 8]


def test_a_window_of_a_random_list_begins_a_round_of_its_own():
    notes = NoteList(10, "random", chance=Chance(9))
    played(notes, 3)
    notes.narrow(2, 4)
    found = played(notes, 30)
    assert all(sorted(found[3 * n : 3 * n + 3]) == [2, 3, 4] for n in range(10))


def test_a_window_is_cut_to_the_list_and_never_empty():
    notes = NoteList(5)
    notes.narrow(-3, 99)
    assert notes.window == (0, 4)
    for first, last in ((5, 9), (-4, -1), (3, 2)):
        with pytest.raises(ValueError, match=f"a window from {first} to {last} has none of the 5 notes"):
            notes.narrow(first, last)
    assert notes.window == (0, 4)


# ---------------------------------------------------------------- what people write


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: NoteList(0), "notes = 0; write a whole number from 1 to 128"),
        (lambda: NoteList(129), "notes = 129; write a whole number from 1 to 128"),
        (lambda: NoteList(5, "backwards"), "order = 'backwards'; known are forward, back, there-and-back, random. Did you mean"),
        (lambda: NoteList(5, "back", -1.0), "restart_s = -1.0; write a number from 0 to 600"),
        (lambda: NoteList(5, "random"), "a random order needs a chance"),
    ],
)
def test_what_is_not_allowed_is_told_with_what_is(make, said):
    with pytest.raises(ValueError) as found:
        make()
    assert str(found.value).startswith(said)


# ---------------------------------------------------------------- in any order

CASES = st.tuples(
    st.integers(1, 9),
    st.sampled_from(["forward", "back", "there-and-back", "random"]),
    st.sampled_from([0.0, 1.0]),
    st.integers(0, 99),
    st.lists(st.tuples(st.integers(0, 5), st.integers(-5, 15)), max_size=60),
)


def any_order(case: tuple) -> None:
    count, order, restart_s, seed, steps = case
    notes, twin = (NoteList(count, order, restart_s, Chance(seed)) for _ in range(2))
    now, last = 0.0, -1
    for what, step in steps:
        now += step / 10
        if what == 0:
            low, high = step % count, (step * 7) % count
            for one in (notes, twin):
                one.narrow(min(low, high), max(low, high))
        elif what == 1:
            notes.ended(now)
            twin.ended(now)
        else:
            note = notes.next(now)
            assert note == twin.next(now)
            low, high = notes.window
            assert low <= note <= high
            if order == "random" and low < high:
                assert note != last
            last = note


@settings(max_examples=300, deadline=None)
@given(CASES)
def test_every_note_lies_in_the_window_and_the_same_seed_plays_the_same(case):
    any_order(case)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=10_000, deadline=None)
@given(CASES)
def test_every_note_lies_in_the_window_and_the_same_seed_plays_the_same_in_ten_thousand_orders(case):
    any_order(case)
