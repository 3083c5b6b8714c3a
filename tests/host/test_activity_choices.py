"""Choices: what is touched is heard, what is held or touched again is chosen, and what is told is what was chosen."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.choice import MOODS, read_choices
from reachnote.model import Kind, Move
from reachnote.scene import SceneProblem
from reachnote.song import Note, Song
from reachnote.tune import PREVIEW
from support.room import START, Room, any_story

NAMES = ("calm", "happy", "strong", "sad", "silly")
VOICES = '[[voice]]\nfor = ["all"]\n'
ZONES = '[[voice]]\nfor = ["all"]\nplay = "zones"\nnotes = 8\n'
SONG = Song("Scale", tuple(Note(float(n), 1.0, 60 + n) for n in range(8)), phrases=(0.0, 4.0))


def listed(count: int, more: str = "") -> str:
    """`count` choices, each of one key of its own: 60, 62, 64, ..."""
    keys = ("C4", "D4", "E4", "F#4", "G#4")
    one = [f'{{name = "{NAMES[n]}", keys = "{keys[n]}"{more}}}' for n in range(count)]
    return f"choices = [{', '.join(one)}]"


def scene(options: str = "", voices: str = VOICES, top: str = "tempo = 60") -> str:
    return f'{top}\n[activity]\nname = "choices"\n{options}\n{voices}'


def sensors(count: int) -> list[str]:
    return [f"Pads/{n}" for n in range(count)]


def chosen(room: Room) -> list[str]:
    return [said["choice"] for said in room.told("choice")]


# ---------------------------------------------------------------- touch, hold, choose


def test_a_touch_is_heard_and_a_hold_chooses():
    room = Room(scene(listed(2)), sensors=sensors(2))
    room.wait(0.0)
    room.press(1.0, 1, lasts=0.5)
    room.press(3.0, 0, lasts=2.0)
    assert room.ons() == [(1.0, 62), (3.0, 60), (4.6, 60)]
    (said,) = room.told("choice")
    assert (said["choice"], said["time"], said["took_s"], said["touched_s"], said["heard"]) == (
        "calm",
        4.5,
        4.5,
        3.5,
        ["happy", "calm"],
    )
    assert (said["place"], said["of"], said["sides"], said["sensor"]) == (1, 2, "as written", "Pads/0")


def test_a_preview_is_softer_than_the_choice_itself():
    room = Room(scene(listed(2, ", velocity = 100")), sensors=sensors(2))
    room.press(0.0, 0, lasts=2.0)
    assert [e.b for e in room.events if e.kind == Kind.NOTE_ON] == [80, 100]


def test_another_touch_ends_the_preview_before():
    room = Room(scene(), sensors=sensors(4))
    room.press(0.0, 3)
    room.press(0.3, 1)
    room.wait(0.35)
    assert room.ledger.sounding() == [(3, 72)]
    room.end(0.4)
    room.nothing_hangs()


@pytest.mark.parametrize("hold_s", [0.3, 1.5, 8.0])
def test_a_hold_below_the_limit_never_chooses(hold_s):
    room = Room(scene(f"{listed(2)}\nhold_s = {hold_s}"), sensors=sensors(2))
    time = 0.0
    for n in range(20):
        room.did(Move.ONSET, time, n % 2)
        room.did(Move.RELEASE, time + hold_s - 0.001, n % 2, late=0.09)  # heard of after the limit
        time += hold_s + 0.5
    assert chosen(room) == []
    room.press(time, 1, lasts=hold_s)
    assert chosen(room) == ["happy"]


def test_a_dwell_below_the_limit_never_chooses():
    room = Room(scene(f"{listed(4)}\nhold_s = 1.0", ZONES), sensors=sensors(1))
    room.did(Move.ONSET, 0.0, zone=0)
    for n in range(1, 30):
        room.did(Move.ZONE, 0.999 * n, zone=2 * n % 8, late=0.05)
    assert chosen(room) == []
    room.did(Move.RELEASE, 0.999 * 29 + 1.0)
    assert chosen(room) == [NAMES[29 % 4]]


def test_moving_inside_a_choices_zones_goes_on_holding_it():
    room = Room(scene(f"{listed(2)}\nhold_s = 1.0", ZONES), sensors=sensors(1))
    room.did(Move.ONSET, 0.0, zone=0)
    room.did(Move.ZONE, 0.4, zone=3)
    room.wait(2.0)
    assert chosen(room) == ["calm"] and len(room.ons()) == 2


def test_a_second_press_chooses_and_a_double_press_does_not():
    room = Room(scene(f'{listed(2)}\nconfirm = "second-press"'), sensors=sensors(2))
    room.press(0.0, 0, lasts=0.1)
    room.press(0.2, 0, lasts=0.05)  # a tremor
    room.press(5.0, 1)
    room.press(9.0, 0)
    room.did(Move.ONSET, 30.0, 1)
    room.wait(60.0)  # however long it is held
    assert chosen(room) == []
    room.did(Move.RELEASE, 60.0, 1)
    room.press(90.0, 1)
    assert [(said["choice"], said["time"]) for said in room.told("choice")] == [("happy", 90.0)]
    assert room.pitches() == [60, 62, 60, 62, 62]


def test_the_next_choice_begins_after_a_rest_in_which_nothing_sounds():
    room = Room(scene(f"{listed(2)}\npause_s = 2"), sensors=sensors(2))
    room.press(0.0, 0, lasts=1.6)  # chosen at 1.5; half a second of sound
    room.press(2.5, 1)
    room.wait(5.0)
    room.press(6.0, 1, lasts=2.0)
    assert room.ons() == [(0.0, 60), (1.6, 60), (6.0, 62), (7.6, 62)]
    _, second = room.told("choice")
    assert second["took_s"] == pytest.approx(7.5 - (1.6 + 0.475 + 2.0))


def test_again_opens_the_choice_at_once():
    room = Room(scene(f"{listed(2)}\npause_s = 60"), sensors=sensors(2))
    room.press(0.0, 0, lasts=1.6)
    room.pedal(2.0, "again")
    room.press(3.0, 1, lasts=1.6)
    assert chosen(room) == ["calm", "happy"]
    assert room.told("choice")[1]["took_s"] == 2.5


def test_the_last_touch_counts_when_two_are_held():
    room = Room(scene(listed(2)), sensors=sensors(2))
    room.did(Move.ONSET, 0.0, 0)
    room.did(Move.ONSET, 1.0, 1)
    room.did(Move.RELEASE, 2.0, 1)
    room.wait(10.0)
    assert chosen(room) == []
    room.did(Move.RELEASE, 10.0, 0)
    room.did(Move.ONSET, 11.0, 0)
    room.did(Move.ONSET, 12.55, 1)  # the first was held long enough
    room.wait(13.0)
    assert chosen(room) == ["calm"]


def test_a_touch_counts_from_when_it_is_sure_that_the_one_before_was_too_short():
    room = Room(scene(listed(2)), sensors=sensors(2))
    room.did(Move.ONSET, 0.0, 0)
    room.did(Move.ONSET, 1.52, 1)
    room.did(Move.RELEASE, 1.49, 0, late=0.09)
    room.wait(5.0)
    assert chosen(room) == ["happy"]


def test_a_touch_that_was_over_before_it_was_sure_counts_no_more():
    room = Room(scene(listed(2)), sensors=sensors(2))
    room.did(Move.ONSET, 0.0, 0)
    room.did(Move.ONSET, 1.51, 1)
    room.did(Move.RELEASE, 1.53, 1)
    room.did(Move.RELEASE, 1.49, 0, late=0.09)
    room.wait(5.0)
    assert chosen(room) == [] and room.pitches() == [60]


def test_a_tremor_does_not_begin_the_preview_again():
    room = Room(scene(f"{listed(2)}\nhold_s = 1.0", top="tempo = 30"), sensors=sensors(2))
    for n in range(4):
        room.press(0.2 * n, lasts=0.1)
    room.press(0.8, lasts=0.95)
    assert room.ons() == [(0.0, 60)]
    assert chosen(room) == []


def test_one_switch_goes_through_all_choices():
    room = Room(scene(listed(3)), sensors=sensors(1))
    for n in range(4):
        room.press(float(n))
    room.press(4.1, lasts=0.05)
    room.press(4.2, lasts=2.0)  # a tremor does not go on to the next
    assert room.pitches()[:5] == [60, 62, 64, 60, 62]
    assert chosen(room) == ["happy"]


def test_two_switches_share_four_choices():
    room = Room(scene(f'{listed(4)}\nconfirm = "second-press"'), sensors=sensors(2))
    for n, sensor in enumerate((0, 1, 0, 1, 0)):
        room.press(float(n), sensor)
    assert room.pitches() == [60, 62, 64, 66, 60]
    room.press(6.0, 1, lasts=2.0)  # here only holding can choose
    assert chosen(room) == ["happy"]


def test_a_choice_can_name_its_sensor():
    options = """choices = [
        {name = "a", keys = "C4", sensor = "Pads/2"}, {name = "b", keys = "D4", sensor = "0"},
    ]"""
    room = Room(scene(options), sensors=sensors(3))
    for n in range(3):
        room.press(float(n), n)
    assert room.ons() == [(0.0, 62), (2.0, 60)]


def test_a_sensor_that_steers_or_has_no_voice_chooses_nothing():
    room = Room(scene(listed(2), '[[voice]]\nsensor = "Pads/1"\n[[voice]]\nsensor = "Pads/2"\n'), sensors=sensors(3))
    room.press(0.0, 0, lasts=3.0)
    room.press(5.0, 1, lasts=2.0)
    assert chosen(room) == ["calm"]


# ---------------------------------------------------------------- all orders, all sides


@pytest.mark.parametrize("confirm", ["hold", "second-press"])
@pytest.mark.parametrize("kind", ["switches", "zones"])
@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_what_is_told_is_what_was_chosen_in_all_orders_and_side_swaps(count, kind, confirm):
    zones = kind == "zones"
    options = f'{listed(count)}\nconfirm = "{confirm}"\npause_s = 0\nhold_s = 1.0'
    room = Room(scene(options, ZONES if zones else VOICES), sensors=sensors(1 if zones else count))
    chance, time, wanted, swapped = Random(count), 0.0, [], False
    for order in permutations(range(count)):
        if chance.random() < 0.5:
            room.pedal(time, "swap")
            swapped = not swapped
        for place in order[:-1]:  # only looked at
            zone = (8 * place + count - 1) // count if zones else -1
            room.did(Move.ONSET, time, 0 if zones else place, zone)
            room.did(Move.RELEASE, time + 0.4, 0 if zones else place)
            time += 0.5
        place = order[-1]
        zone = (8 * place + count - 1) // count if zones else -1
        for lasts in (1.0,) if confirm == "hold" else (0.1, 0.1):
            room.did(Move.ONSET, time, 0 if zones else place, zone)
            room.did(Move.RELEASE, time + lasts, 0 if zones else place)
            time += lasts + 0.4
        wanted.append((NAMES[count - 1 - place if swapped else place], place + 1, "swapped" if swapped else "as written"))
        time += 1.0
        room.wait(time)
    assert [(said["choice"], said["place"], said["sides"]) for said in room.told("choice")] == wanted
    assert [said["heard"][-1] for said in room.told("choice")] == [name for name, _, _ in wanted]
    room.end(time)
    room.nothing_hangs()


def test_swapping_the_sides_begins_a_hold_anew():
    room = Room(scene(listed(2)), sensors=sensors(2))
    room.did(Move.ONSET, 0.0, 0)
    room.pedal(1.0, "swap")
    room.wait(10.0)
    assert chosen(room) == []
    assert [choice["name"] for choice in room.music.status()["choices"]] == ["happy", "calm"]
    room.did(Move.RELEASE, 10.0, 0)
    room.press(11.0, 0, lasts=2.0)
    assert chosen(room) == ["happy"]


# ---------------------------------------------------------------- what is lost


def test_a_board_that_goes_while_it_is_held_chooses_nothing():
    room = Room(scene(listed(2)), sensors=sensors(2))
    room.did(Move.ONSET, 0.0, 0)
    room.lost(1.0, 0)
    room.wait(10.0)
    assert chosen(room) == []


def test_silence_ends_a_preview_a_hold_and_what_was_pressed_once():
    room = Room(scene(f'{listed(2)}\nconfirm = "second-press"'), sensors=sensors(2))
    room.press(0.0, 0)
    room.silence(0.2)
    room.press(1.0, 0)
    assert chosen(room) == []
    room = Room(scene(listed(2)), sensors=sensors(2))
    room.press(0.0, 0, lasts=1.7)
    room.silence(1.8)
    room.wait(30.0)
    room.press(31.0, 1, lasts=1.7)
    assert chosen(room) == ["calm", "happy"]


# ---------------------------------------------------------------- what can be chosen


def test_the_four_moods_have_symbols_and_stand_on_the_scenes_tonic():
    assert [(mood["name"], mood["symbol"]) for mood in MOODS] == [("calm", "☁"), ("happy", "☀"), ("strong", "⚡"), ("sad", "☂")]
    for key, shift in (("C", 0), ("D", 2), ("A", -3)):
        room = Room(scene(top=f'key = "{key}"\ntempo = 60'), sensors=sensors(4))
        for n in range(4):
            room.press(8.0 * n, n)
            room.wait(8.0 * n + 7.9)
        assert room.pitches()[:3] == [67 + shift, 64 + shift, 60 + shift]
        assert {key % 12 for key in room.pitches()} == {(n + shift) % 12 for n in (0, 2, 3, 4, 7)}


def test_keys_lengths_rests_and_chords_are_played_as_written():
    room = Room(
        scene('choices = [{name = "a", keys = "C4+E4 - G4", lengths = "1 1/2 2"}, {name = "b", keys = "C4"}]'), sensors=sensors(2)
    )
    room.press(0.0)
    room.wait(10.0)
    assert room.ons() == [(0.0, 60), (0.0, 64), (1.5, 67)]
    assert [round(e.time - START, 3) for e in room.events if e.kind == Kind.NOTE_OFF] == [0.95, 0.95, 3.4]


def test_a_phrase_of_the_song_can_be_chosen_in_the_scenes_key():
    options = 'choices = [{name = "one", phrase = 1}, {name = "two", phrase = 2, velocity = 50}]'
    room = Room(scene(options, top='key = "D"\ntempo = 120'), SONG, sensors(2))
    room.press(0.0, 1)
    room.wait(10.0)
    assert room.ons() == [(0.0, 66), (0.5, 67), (1.0, 68), (1.5, 69)]


def test_a_sound_can_be_chosen_and_the_scenes_own_comes_back_at_its_end():
    options = 'choices = [{name = "bells", program = 15}, {name = "flute", program = 74}, {name = "plain", keys = "C4"}]'
    room = Room(scene(options, VOICES + "program = 5\n"), sensors=sensors(3))
    room.press(0.0, 1)
    room.press(3.0, 0)
    room.press(6.0, 2, lasts=2.0)
    room.end(9.0)
    programs = [(e.channel, e.a + 1, e.source) for e in room.events if e.kind == Kind.PROGRAM]
    assert programs == [(3, 74, 1), (2, 15, 0), (4, 5, 2), (3, 5, 1), (2, 5, 0)]
    assert [e.a for e in room.events if e.kind == Kind.NOTE_ON and e.source == PREVIEW][:3] == [60, 64, 67]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[]", r"choices = \[\]; write a list of 2 to 5 tables"),
        ('"moods"', "write a list of 2 to 5 tables"),
        ('[{name = "a", keys = "C4"}, 5]', "choice 2: 5; write a table"),
        ('[{name = "a", keys = "C4"}, {name = "a", keys = "D4"}]', "two choices are called 'a'"),
        ('[{name = "a", keys = "C4"}, {keys = "D4"}]', "choice 2: name = None; write text in quotes"),
        ('[{name = "a", keys = "C4"}, {name = "b", key = "D4"}]', r"choice 2: choice = 'key'; known are .* Did you mean 'keys'"),
        ('[{name = "a", keys = "C4"}, {name = "b"}]', "choice 2: it has no sound"),
        ('[{name = "a", keys = "H4"}, {name = "b", keys = "C4"}]', "choice 1: 'H4' is no key; write a note and its octave"),
        ('[{name = "a", keys = "- -"}, {name = "b", keys = "C4"}]', "choice 1: keys = '- -'; write 1 to 32 keys"),
        ('[{name = "a", keys = "C4", lengths = "1 1"}, {name = "b", keys = "C4"}]', "choice 1: lengths = '1 1'; write a length in beats for each of the 1"),
        ('[{name = "a", keys = "C4", lengths = "1/0"}, {name = "b", keys = "C4"}]', "choice 1: lengths = '1/0'"),
        ('[{name = "a", phrase = 1}, {name = "b", keys = "C4"}]', "choice 1: phrase = 1, but the scene has no song"),
        ('[{name = "a", phrase = 1, keys = "C4"}, {name = "b", keys = "C4"}]', "choice 1: it has keys and a phrase"),
        ('[{name = "a", program = 129}, {name = "b", keys = "C4"}]', "choice 1: program = 129; write a whole number from 0 to 128"),
        ('[{name = "a", keys = "C4", sensor = "x"}, {name = "b", keys = "C4"}]', "some choices name a sensor and some do not"),
    ],
)  # fmt: skip
def test_what_cannot_be_chosen_is_said(written, said):
    with pytest.raises(SceneProblem, match=said):
        Room(scene(f"choices = {written}"))


def test_a_phrase_that_the_song_does_not_have_is_said():
    with pytest.raises(ValueError, match="choice 1: phrase = 3; write a whole number from 1 to 2"):
        read_choices([{"name": "a", "phrase": 3}, {"name": "b", "phrase": 1}], SONG, 0)


def test_options_that_cannot_be_are_said():
    with pytest.raises(SceneProblem, match="confirm = 'double'; known are hold, second-press"):
        Room(scene('confirm = "double"'))
    with pytest.raises(SceneProblem, match=r"hold_s = 0\.1; write a number from 0\.3 to 30"):
        Room(scene("hold_s = 0.1"))


# ---------------------------------------------------------------- any order


def any_order(seed: int) -> None:
    count = 2 + seed % 4
    confirm = ("hold", "second-press")[seed // 4 % 2]
    programs = (", program = 9", "")[seed // 8 % 2]
    mixed = '[[voice]]\nsensor = "Pads/0"\nplay = "zones"\nnotes = 8\n' + VOICES
    options = f'{listed(count, programs)}\nconfirm = "{confirm}"\nhold_s = 0.3\npause_s = 0.2'
    text = scene(options, (VOICES, ZONES, mixed)[seed % 3], "tempo = 200")
    rooms = [Room(text, sensors=sensors(1 + seed // 16 % 4), seed=seed) for _ in range(2 if seed % 10 == 0 else 1)]
    for room in rooms:
        any_story(room, seed)
        room.nothing_hangs()
        assert {said["choice"] for said in room.told("choice")} <= set(NAMES[:count])
        assert all(said["heard"][-1] == said["choice"] for said in room.told("choice"))
    assert rooms[0].events == rooms[-1].events and rooms[0].news == rooms[-1].news


SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_in_any_order_everything_that_began_ends(seed):
    any_order(seed)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=10_000, deadline=None)
@given(SEEDS)
def test_in_any_order_everything_that_began_ends_in_ten_thousand_orders(seed):
    any_order(seed)
