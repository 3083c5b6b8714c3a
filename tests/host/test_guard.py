"""The loudness and startle guard: presets, limits that only get stricter, softer and stop, and that nothing goes round it.

The properties are judged by a referee of its own (`Referee`), which hears what a receiver hears and knows the orders.
"""

from __future__ import annotations

import itertools
from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reachnote.guard import THERAPIST, Guard
from reachnote.ledger import Ledger
from reachnote.limits import (
    BOUNDS,
    CHILD,
    IN_PROFILES,
    PRESETS,
    STAGE,
    STANDARD,
    VERY_QUIET,
    Limits,
    LimitsProblem,
    name_of,
    named,
    of_profile,
    pack_limits,
    unpack_limits,
)
from reachnote.model import ALL_OUTPUTS, Event, Kind, note_off, note_on, order
from support.invented import OUTPUTS, Receiver

C4, E4, G4 = 60, 64, 67
EVERY = (1 << OUTPUTS) - 1


def limits_order(limits: Limits, time: float, preset: bool = True) -> tuple[Event, str]:
    return Event(Kind.LIMITS, 0, 0, 0, 0, ALL_OUTPUTS, time), pack_limits(limits, preset)


def guarded_by(limits: Limits, awake: bool = False) -> Ledger:
    """A ledger with this preset; `awake`: sources 0 to 9 have sounded long ago."""
    ledger = Ledger()
    ledger.take(*limits_order(limits, 0.0))
    if awake:
        ledger.guard._woken.update(range(10))
        ledger.guard._fresh = False
    return ledger


def played(ledger: Ledger, *events: Event) -> list[tuple[str, int, int]]:
    """(kind, a, b) of everything that leaves."""
    return [(Kind(e.kind).name, e.a, e.b) for event in events for e in ledger.take(event)]


def control(number: int, value: int, time: float = 0.0, channel: int = 2, outputs: int = EVERY) -> Event:
    return Event(Kind.CONTROL, channel, number, value, 1, outputs, time)


# ---------------------------------------------------------------- limits and presets


def test_the_presets_grow_from_very_quiet_to_stage_in_every_field():
    steps = [VERY_QUIET, CHILD, STANDARD, STAGE]
    assert [name_of(step) for step in steps] == ["very-quiet", "child", "standard", "stage"] == list(PRESETS)
    for stricter, wider in itertools.pairwise(steps):
        assert stricter.within(wider) == wider.within(stricter) == stricter


def test_standard_is_what_played_before():
    assert (STANDARD.loudest, STANDARD.first, STANDARD.control) == (90, 40, 127)
    assert (STANDARD.source_rate, STANDARD.source_burst, STANDARD.total_rate, STANDARD.total_burst) == (12.0, 12.0, 48.0, 64.0)
    assert (STANDARD.lowest, STANDARD.highest, STANDARD.rise, STANDARD.apart_s) == (0, 127, 127, 0.0)


def test_an_outlet_starts_at_standard():
    guard = Guard()
    assert guard.preset == guard.limits == STANDARD
    assert guard.figures() == {"limits": "standard", "loudest": 90, "softer": 0, "stopped": False}


def test_within_takes_the_stricter_of_both_in_every_field():
    one = Limits(100, 20, 50, 5.0, 9.0, 6.0, 9.0, 8, 30, 90, 10, 0.5, 30.0)
    other = Limits(80, 30, 60, 4.0, 10.0, 7.0, 8.0, 9, 40, 100, 20, 0.1, 10.0)
    assert one.within(other) == other.within(one) == Limits(80, 20, 50, 4.0, 9.0, 6.0, 8.0, 8, 40, 90, 10, 0.5, 10.0)


@pytest.mark.parametrize(
    ("key", "place"),
    [(60, 60), (48, 48), (47, 59), (36, 48), (35, 59), (0, 48), (84, 84), (85, 73), (96, 84), (97, 73), (127, 79), (255, 75)],
)
def test_a_key_outside_the_band_is_moved_by_octaves_into_it(key, place):
    assert Limits(lowest=48, highest=84).place(key) == place
    assert (place - key) % 12 == 0


@pytest.mark.parametrize(("key", "place"), [(60, 60), (64, 64), (59, -1), (65, -1), (76, 64), (40, 64)])
def test_a_band_of_less_than_an_octave_has_no_place_for_some_pitches(key, place):
    assert Limits(lowest=60, highest=64).place(key) == place


def test_limits_survive_the_way_through_the_pipe():
    for preset in (True, False):
        for limits in PRESETS.values():
            assert unpack_limits(pack_limits(limits, preset)) == (limits, preset)
    assert len(pack_limits(replace(STAGE, apart_s=0.123456, source_rate=999.123456))) < 1000


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", "1e999", "[" * 9999, pack_limits(STAGE)[:-1], '{"preset":true}'])
def test_a_text_that_is_no_limits_is_refused_and_the_former_stay(text):
    with pytest.raises(LimitsProblem, match="cannot be read, so the former ones stay"):
        unpack_limits(text)
    ledger = guarded_by(VERY_QUIET)
    assert ledger.take(order(Kind.LIMITS, 1.0), text) == []
    assert ledger.guard.limits == VERY_QUIET


@pytest.mark.parametrize(
    ("field", "value"), [("loudest", 0), ("loudest", 128), ("loudest", 60.5), ("rise", True), ("apart_s", -1)]
)
def test_limits_beyond_their_bounds_are_refused(field, value):
    text = pack_limits(replace(STANDARD, **{field: value}))
    with pytest.raises(LimitsProblem, match=rf"limits: {field} = .*; write a"):
        unpack_limits(text)


def test_every_field_has_bounds_and_every_preset_is_inside():
    assert list(BOUNDS) == [field.name for field in fields(Limits)]
    for limits in PRESETS.values():
        for name, (least, most) in BOUNDS.items():
            assert least <= getattr(limits, name) <= most


# ---------------------------------------------------------------- profiles


def test_a_profile_names_a_preset_and_may_be_stricter():
    assert of_profile({}, "k7") == STANDARD
    assert of_profile({"preset": "child"}, "k7") == CHILD
    assert of_profile({"preset": "child", "loudest": 60, "highest": 84}, "k7") == replace(CHILD, loudest=60, highest=84)


def test_stage_is_never_inherited_by_a_profile():
    with pytest.raises(LimitsProblem) as said:
        of_profile({"preset": "stage"}, "k7.json")
    assert str(said.value) == (
        "k7.json: preset = 'stage' turns the loudness guard off. It is chosen by a person for one session and never kept in "
        "a profile. Write one of very-quiet, child, standard."
    )
    assert IN_PROFILES == ("very-quiet", "child", "standard")
    assert named("stage") == STAGE


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"preset": "quiet"}, "preset = 'quiet'; known are very-quiet, child, standard. Did you mean 'very-quiet'?"),
        ({"louder": 3}, "there is no limit 'louder'; known are loudest"),
        ({"loudest": "9"}, "loudest = '9'; write a whole number from 1 to 127."),
        ({"source_rate": float("nan")}, "source_rate = nan; write a number from 0.1 to 1000."),
        ({"loudest": 91}, "loudest = 91; with the preset 'standard' it is at most 90."),
        ({"preset": "child", "lowest": 20}, "lowest = 20; with the preset 'child' it is at least 33."),
        ({"lowest": 60, "highest": 70}, "from lowest = 60 to highest = 70 not every note has a place. Leave an octave, as in"),
    ],
)
def test_limits_that_a_profile_cannot_have_are_named(said, words):
    with pytest.raises(LimitsProblem) as problem:
        of_profile(said, "k7.json")
    assert str(problem.value).startswith("k7.json: " + words)


def test_an_unknown_preset_is_named_with_the_nearest():
    with pytest.raises(LimitsProblem, match=r"There is no preset 'stge'; known are .*stage\. Did you mean 'stage'\?"):
        named("stge")


# ---------------------------------------------------------------- while playing


def test_what_asks_while_playing_cannot_widen_the_preset():
    ledger = guarded_by(CHILD)
    ledger.take(*limits_order(STAGE, 1.0, preset=False))
    assert ledger.guard.limits == CHILD
    ledger.take(*limits_order(replace(STAGE, loudest=50), 2.0, preset=False))
    assert ledger.guard.limits == replace(CHILD, loudest=50)
    ledger.take(*limits_order(VERY_QUIET, 3.0))
    assert ledger.guard.limits == VERY_QUIET


def test_a_new_preset_keeps_what_was_asked_for_within_the_old_one():
    ledger = guarded_by(STANDARD)
    ledger.take(*limits_order(replace(STAGE, loudest=50), 1.0, preset=False))
    ledger.take(*limits_order(STAGE, 2.0))
    assert ledger.guard.limits == replace(STAGE, loudest=50)


def test_new_limits_do_not_fill_a_budget_again():
    ledger = guarded_by(STANDARD, awake=True)
    for n in range(12):
        assert ledger.take(note_on(2, C4, 70, 1, 1.0 + n * 1e-6))
    for _ in range(3):
        ledger.take(*limits_order(VERY_QUIET, 1.001))
        ledger.take(*limits_order(STANDARD, 1.001))
        assert ledger.take(note_on(2, C4, 70, 1, 1.001)) == []


def test_what_nobody_has_a_place_for_is_refused_and_counted():
    ledger = guarded_by(replace(STANDARD, lowest=60, highest=64))
    assert ledger.take(note_on(2, G4, 70, 1, 1.0)) == []
    assert played(ledger, note_on(2, C4, 70, 1, 1.0)) == [("NOTE_ON", 60, 40)]
    assert ledger.guard.refused == 1


@pytest.mark.parametrize("channel", [0, 17, 255])
def test_a_channel_that_there_is_not_never_leaves(channel):
    ledger = guarded_by(STAGE)
    assert ledger.take(note_on(channel, C4, 70, 1, 1.0)) == []
    assert ledger.take(Event(Kind.PROGRAM, channel, 3, 0, 1, 1, 1.0)) == []
    assert ledger.take(note_off(channel, C4, 1, 1.0)) == []


@pytest.mark.parametrize(
    ("kind", "a", "b", "legal"),
    [
        (Kind.CONTROL, 200, 300, (127, 127)),
        (Kind.CONTROL, 10, 64, (10, 64)),
        (Kind.BEND, -4, 128, (0, 127)),
        (Kind.BEND, 127, 127, (127, 127)),
        (Kind.PROGRAM, 128, 0, (127, 0)),
        (Kind.PRESSURE, 255, 0, (127, 0)),
    ],
)
def test_other_messages_pass_with_legal_values(kind, a, b, legal):
    sent = guarded_by(VERY_QUIET).take(Event(kind, 2, a, b, 1, 1, 1.0))
    assert [(e.kind, e.a, e.b) for e in sent] == [(kind, *legal)]


@pytest.mark.parametrize("number", [1, 2, 10, 74])
def test_expressive_controls_are_untouched(number):
    assert played(guarded_by(VERY_QUIET), control(number, 127)) == [("CONTROL", number, 127)]


# ---------------------------------------------------------------- loudness


@pytest.mark.parametrize(("preset", "loudest"), [("very-quiet", 45), ("child", 75), ("standard", 90), ("stage", 127)])
def test_no_note_is_louder_than_its_preset(preset, loudest):
    ledger = guarded_by(PRESETS[preset], awake=True)
    assert played(ledger, note_on(2, C4, 127, 1, 1.0)) == [("NOTE_ON", 60, loudest)]


@pytest.mark.parametrize(("preset", "first"), [("very-quiet", 20), ("child", 35), ("standard", 40), ("stage", 127)])
def test_a_chord_after_silence_is_soft_in_all_its_notes(preset, first):
    ledger = guarded_by(PRESETS[preset])
    chord = [note_on(2, key, 127, 1, 1.0 + late) for key, late in ((C4, 0.0), (E4, 0.01), (G4, 0.029))]
    assert [b for _, _, b in played(ledger, *chord)] == [first] * 3


def test_velocity_rises_by_so_much_from_one_onset_to_the_next():
    ledger = guarded_by(CHILD)
    times = (1.0, 2.0, 3.0, 4.0)
    assert [played(ledger, note_on(2, C4 + n, 127, 1, t))[0][2] for n, t in enumerate(times)] == [35, 59, 75, 75]
    assert played(ledger, note_on(2, E4, 10, 1, 5.0))[0][2] == 10
    assert played(ledger, note_on(2, E4 + 1, 127, 1, 6.0))[0][2] == 34


def test_the_notes_of_a_chord_do_not_climb_on_one_another():
    ledger = guarded_by(CHILD)
    ledger.take(note_on(2, 50, 127, 1, 1.0))
    chord = [note_on(2, key, 127, 1, 2.0 + late) for key, late in ((C4, 0.0), (E4, 0.01), (G4, 0.02))]
    assert [b for _, _, b in played(ledger, *chord)] == [59] * 3


def test_the_first_sound_after_a_long_silence_is_soft_and_after_a_short_one_not():
    ledger = guarded_by(STANDARD, awake=True)
    ledger.take(note_on(2, C4, 80, 1, 1.0))
    ledger.take(note_off(2, C4, 1, 100.0))
    assert played(ledger, note_on(2, C4, 80, 1, 159.9), note_off(2, C4, 1, 160.0)) == [("NOTE_ON", 60, 80), ("NOTE_OFF", 60, 64)]
    assert played(ledger, note_on(2, C4, 80, 1, 220.0)) == [("NOTE_ON", 60, 40)]
    assert played(ledger, note_on(2, E4, 80, 2, 220.5)) == [("NOTE_ON", 64, 40)]


def test_what_sounds_on_is_no_silence():
    ledger = guarded_by(STANDARD, awake=True)
    ledger.take(note_on(2, C4, 80, 1, 1.0))
    assert played(ledger, note_on(2, E4, 80, 1, 500.0)) == [("NOTE_ON", 64, 80)]


def test_after_silence_onsets_are_kept_apart_for_a_second():
    ledger = guarded_by(VERY_QUIET)
    tried = [(1.0, 1), (1.02, 1), (1.1, 1), (1.2, 2), (1.25, 2), (1.4, 1), (1.51, 1), (2.1, 1), (2.9, 2), (2.95, 1)]
    passed = [t for n, (t, source) in enumerate(tried) if ledger.take(note_on(2, C4 + n % 3, 30, source, t))]
    assert passed == [1.0, 1.02, 1.25, 1.51, 2.1, 2.9, 2.95]  # 1.1, 1.2 and 1.4 came too soon


# ---------------------------------------------------------------- how many


def test_no_more_notes_sound_at_once_than_the_preset_lets():
    ledger = guarded_by(replace(STAGE, at_once=3))
    passed = [bool(ledger.take(note_on(2, key, 60, key, 1.0))) for key in (60, 62, 64, 65, 64, 67)]
    assert passed == [True, True, True, False, True, False]
    ledger.take(note_off(2, 62, 62, 2.0))
    assert ledger.take(note_on(2, 67, 60, 67, 2.0))
    ledger.take(*limits_order(replace(STAGE, at_once=2), 3.0))  # what sounds is not cut, but not struck again either
    assert ledger.take(note_on(2, 67, 60, 67, 4.0)) == []
    assert len(ledger.sounding()) == 3


def test_a_therapists_ten_fingers_have_the_budget_of_all():
    ledger = guarded_by(STANDARD)
    assert sum(bool(ledger.take(note_on(1, 40 + n, 60, THERAPIST, 1.0 + n * 1e-6))) for n in range(80)) == 64
    assert sum(bool(ledger.take(note_on(1, 40 + n, 60, 3, 50.0 + n * 1e-6))) for n in range(80)) == 12


# ---------------------------------------------------------------- pitch band


def test_the_end_of_a_moved_note_follows_it():
    ledger = guarded_by(VERY_QUIET, awake=True)
    assert played(ledger, note_on(2, 36, 40, 1, 1.0)) == [("NOTE_ON", 48, 40)]
    assert ledger.sounding() == [(2, 48)]
    assert played(ledger, note_off(2, 48, 1, 2.0)) == []
    assert played(ledger, note_off(2, 36, 1, 2.0)) == [("NOTE_OFF", 48, 64)]


def test_two_keys_that_were_moved_to_the_same_one_end_with_the_last_of_them():
    ledger = guarded_by(replace(STAGE, lowest=60, highest=71), awake=True)
    assert played(ledger, note_on(2, 48, 50, 1, 1.0)) == [("NOTE_ON", 60, 50)]
    assert played(ledger, note_on(2, 72, 50, 1, 2.0)) == [("NOTE_OFF", 60, 64), ("NOTE_ON", 60, 50)]
    assert played(ledger, note_off(2, 48, 1, 3.0)) == []
    assert played(ledger, note_off(2, 72, 1, 4.0)) == [("NOTE_OFF", 60, 64)]


def test_a_moved_note_ends_where_it_began_though_the_limits_changed_meanwhile():
    ledger = guarded_by(VERY_QUIET, awake=True)
    ledger.take(note_on(2, 36, 40, 1, 1.0))
    ledger.take(*limits_order(STAGE, 2.0))
    assert played(ledger, note_off(2, 36, 1, 3.0)) == [("NOTE_OFF", 48, 64)]


def test_the_same_note_struck_again_under_other_limits_sounds_once():
    ledger = guarded_by(VERY_QUIET, awake=True)
    ledger.take(note_on(2, 36, 40, 1, 1.0))
    ledger.take(*limits_order(STAGE, 2.0))
    assert played(ledger, note_on(2, 36, 40, 1, 3.0)) == [("NOTE_OFF", 48, 64), ("NOTE_ON", 36, 40)]
    assert ledger.sounding() == [(2, 36)]
    assert played(ledger, note_off(2, 36, 1, 4.0)) == [("NOTE_OFF", 36, 64)]


# ---------------------------------------------------------------- CC 7 and 11


def test_volume_and_expression_have_a_ceiling():
    ledger = guarded_by(CHILD)
    assert played(ledger, control(7, 127), control(11, 120), control(7, 60)) == [
        ("CONTROL", 7, 110),
        ("CONTROL", 11, 110),
        ("CONTROL", 7, 60),
    ]


def test_the_fine_half_of_a_level_cannot_lift_it_over_its_ceiling():
    ledger = guarded_by(CHILD)
    assert played(ledger, control(7, 127), control(39, 100)) == [("CONTROL", 7, 110), ("CONTROL", 39, 0)]
    assert played(ledger, control(11, 109), control(43, 100)) == [("CONTROL", 11, 109), ("CONTROL", 43, 100)]
    assert played(guarded_by(STANDARD), control(7, 127), control(39, 127)) == [("CONTROL", 7, 127), ("CONTROL", 39, 127)]


def test_a_level_falls_with_its_ceiling_at_once_and_rises_only_when_nothing_sounds():
    ledger = guarded_by(STANDARD, awake=True)
    ledger.take(control(7, 120))
    ledger.take(note_on(2, C4, 70, 1, 1.0))
    assert [(e.a, e.b, e.channel, e.outputs) for e in ledger.take(*limits_order(VERY_QUIET, 2.0))] == [(7, 80, 2, EVERY)]
    assert ledger.take(*limits_order(STANDARD, 3.0)) == []
    ledger.take(note_off(2, C4, 1, 4.0))
    assert played(ledger, note_on(2, C4, 70, 1, 5.0)) == [("CONTROL", 7, 120), ("NOTE_ON", 60, 70)]


def test_a_level_that_never_passed_here_is_left_alone():
    ledger = guarded_by(STANDARD, awake=True)
    ledger.take(note_on(2, C4, 70, 1, 1.0))
    assert ledger.take(*limits_order(VERY_QUIET, 2.0)) == []


def test_a_reset_of_all_controllers_does_not_leave_expression_full():
    ledger = guarded_by(VERY_QUIET)
    assert played(ledger, control(121, 0)) == [("CONTROL", 121, 0), ("CONTROL", 11, 80)]
    sent = played(ledger, order(Kind.SILENCE, 1.0, b=2))
    assert sent[-2:] == [("CONTROL", 121, 0), ("CONTROL", 11, 80)]


def test_each_output_keeps_its_own_level():
    ledger = guarded_by(STANDARD)
    ledger.take(control(7, 120, outputs=0b001))
    ledger.take(control(7, 100, outputs=0b010))
    ledger.take(control(7, 60, outputs=0b100))
    sent = ledger.take(*limits_order(CHILD, 1.0))
    assert [(e.b, e.outputs) for e in sent] == [(110, 0b001)]
    assert [(e.b, e.outputs) for e in ledger.guard.levels.again(1, 2.0)] == [(100, 0b010)]


# ---------------------------------------------------------------- softer


def test_softer_goes_down_in_steps_to_a_floor_until_it_is_lifted():
    ledger = guarded_by(STANDARD, awake=True)
    heard = []
    for n in range(8):
        ledger.take(order(Kind.SOFTER, n, 3))
        heard.append(played(ledger, note_on(2, C4, 127, 1, n + 0.5))[-1][2])
    assert heard == [78, 66, 54, 42, 30, 20, 20, 20]
    assert ledger.guard.steps == 6
    ledger.take(order(Kind.LIFT, 9.0))
    assert played(ledger, note_on(2, E4, 127, 1, 9.5))[-1] == ("NOTE_ON", 64, 40)
    assert played(ledger, note_on(2, G4, 127, 1, 10.5))[-1] == ("NOTE_ON", 67, 90)


def test_what_sounds_becomes_softer_at_once_and_comes_back_when_nothing_sounds():
    ledger = guarded_by(STANDARD, awake=True)
    ledger.take(note_on(2, C4, 70, 1, 1.0))
    assert played(ledger, order(Kind.SOFTER, 2.0, 3)) == [("CONTROL", 11, 115)]
    assert played(ledger, order(Kind.SOFTER, 3.0, 3)) == [("CONTROL", 11, 103)]
    assert played(ledger, order(Kind.LIFT, 4.0)) == []
    assert played(ledger, note_off(2, C4, 1, 5.0), note_on(2, C4, 70, 1, 6.0)) == [
        ("NOTE_OFF", 60, 64),
        ("CONTROL", 11, 127),
        ("NOTE_ON", 60, 40),
    ]


def test_no_limits_and_no_mapping_lift_softer():
    ledger = guarded_by(STANDARD, awake=True)
    ledger.take(order(Kind.SOFTER, 1.0, 3))
    ledger.take(*limits_order(STAGE, 2.0, preset=False))
    assert played(ledger, note_on(2, C4, 127, 1, 3.0), control(11, 127)) == [("NOTE_ON", 60, 78), ("CONTROL", 11, 115)]
    ledger.take(*limits_order(STAGE, 4.0))  # a person chose the stage: still softer than that
    assert played(ledger, note_on(2, E4, 127, 1, 5.0)) == [("NOTE_ON", 64, 115)]


def test_softer_below_its_floor_stays_where_it_was():
    ledger = guarded_by(replace(STANDARD, loudest=15, first=10))
    ledger.take(order(Kind.SOFTER, 1.0, 3))
    assert (ledger.guard.limits.loudest, ledger.guard.steps) == (15, 0)


# ---------------------------------------------------------------- stop


def test_stop_ends_all_and_nothing_starts_before_a_second_of_rest():
    ledger = guarded_by(STANDARD, awake=True)
    ledger.take(note_on(2, C4, 70, 1, 1.0))
    assert played(ledger, order(Kind.STOP, 2.0, 3))[0] == ("NOTE_OFF", 60, 64)
    tried = [2.1, 2.9, 3.5, 4.0, 4.9]
    assert [t for t in tried if ledger.take(note_on(2, C4, 70, 1, t))] == []
    assert ledger.guard.figures()["stopped"]
    assert played(ledger, note_on(2, C4, 70, 1, 5.9)) == [("NOTE_ON", 60, 40)]
    assert played(ledger, note_on(2, E4, 70, 1, 6.0)) == [("NOTE_ON", 64, 70)]
    assert not ledger.guard.figures()["stopped"]


def test_a_source_that_no_output_plays_is_no_try_after_a_stop():
    ledger = guarded_by(STANDARD)
    ledger.take(order(Kind.STOP, 2.0, 3))
    ledger.take(note_on(2, C4, 70, 1, 2.9, outputs=0))
    assert ledger.take(note_on(2, C4, 70, 1, 3.0))


def test_a_therapist_lifts_a_stop():
    ledger = guarded_by(STANDARD)
    ledger.take(order(Kind.STOP, 2.0, 3))
    ledger.take(order(Kind.LIFT, 2.1))
    assert played(ledger, note_on(2, C4, 70, 1, 2.2)) == [("NOTE_ON", 60, 40)]


# ---------------------------------------------------------------- told and kept


def test_the_guard_says_where_it_stands():
    ledger = guarded_by(STANDARD)
    assert ledger.guard.sentence() == "The loudness guard is on (standard): no note is louder than 90."
    ledger.take(*limits_order(STAGE, 1.0))
    assert ledger.guard.sentence() == "The loudness guard is off (stage): everything sounds as loud as it is played."
    assert ledger.guard.figures()["limits"] == "stage"
    ledger.take(order(Kind.SOFTER, 2.0))
    assert ledger.guard.sentence() == "Softer: no note is louder than 115, until that is lifted."
    ledger.take(order(Kind.STOP, 3.0))
    assert ledger.guard.sentence() == "Stopped. It begins again with the first touch after 1 s of rest."
    ledger.take(*limits_order(replace(CHILD, loudest=50), 4.0))
    assert ledger.guard.figures()["limits"] == "own"


def test_a_guard_takes_over_from_one_that_died():
    ledger = guarded_by(CHILD)
    ledger.take(*limits_order(replace(STAGE, loudest=60), 1.0, preset=False))
    ledger.take(control(7, 127))
    ledger.take(order(Kind.SOFTER, 2.0))
    ledger.take(order(Kind.STOP, 3.0))
    heir = Guard()
    heir.restore(ledger.guard.kept(), 10.0)
    assert (heir.limits, heir.figures()) == (ledger.guard.limits, ledger.guard.figures())
    assert (heir.limits.loudest, heir.steps, heir.stopped) == (48, 1, True)
    assert heir.levels.kept() == [[2, 7, EVERY, 127, 110], [2, 11, EVERY, 127, 98]]
    assert heir.note(note_on(2, C4, 70, 1, 10.9), ()) is None


@pytest.mark.parametrize("kept", ["x", "{}", '{"preset": 1}', "[]"])
def test_a_guard_that_cannot_read_what_it_was_left_is_very_quiet(kept):
    heir = Guard()
    heir.restore(kept, 10.0)
    assert heir.limits == VERY_QUIET


# ---------------------------------------------------------------- nothing goes round it

STRICTEST_IS_LEAST = [name for name in BOUNDS if name not in ("lowest", "apart_s")]


class Referee:
    """Hears every receiver and knows the orders; AssertionError when anything was louder, quicker or elsewhere than allowed.

    It keeps its own books: nothing of the guard's is asked.
    """

    def __init__(self) -> None:
        self.receiver = Receiver()
        self.preset = {name: getattr(STANDARD, name) for name in BOUNDS}
        self.asked = {name: getattr(STAGE, name) for name in BOUNDS}
        self.steps = 0
        self.time = 0.0
        self.sounds: dict[tuple[int, int, int], bool] = {}
        self.levels: dict[tuple[int, int, int], int] = {}
        self.groups: dict[int, list[float]] = {}  # source -> when its onset began, its bound, the loudest of it
        self.regime: list[tuple[float, int]] = []  # (time, source) since the limits changed
        self.onsets: list[tuple[float, int]] = []  # since the last silence
        self.holders: set[tuple[int, int, int]] = set()  # (source, channel, key) of every note that was let through and not ended
        self.silent_room = False
        self.quiet_since: float | None = None
        self.blocked = False
        self.tried = 0.0

    def allowed(self, name: str) -> float:
        strict = min if name in STRICTEST_IS_LEAST else max
        value = strict(self.preset[name], self.asked[name])
        if name == "loudest":
            return max(value - 12 * self.steps, min(value, 20))
        return value

    def expression(self) -> float:
        value = min(self.preset["control"], self.asked["control"])
        return max(value - 12 * self.steps, min(value, 40))

    # ------------------------------------------------------------ orders

    def ordered(self, event: Event, text: str) -> None:
        """Before the ledger takes it."""
        self.time = max(self.time, event.time)
        kind = event.kind
        if kind == Kind.LIMITS:
            limits, preset = unpack_limits(text)
            values = {name: getattr(limits, name) for name in BOUNDS}
            if preset:
                self.preset = values
            else:
                self.asked = values
            self.regime.clear()
        elif kind == Kind.SOFTER and self.allowed("loudest") > 20:
            self.steps += 1
        elif kind == Kind.LIFT:
            self.steps, self.blocked = 0, False
            self.asleep()
        elif kind == Kind.STOP:
            self.blocked, self.tried = True, self.time
            self.asleep()
        elif kind in (Kind.RELEASE_ALL, Kind.SILENCE):
            self.asleep()
        elif kind == Kind.SOFTEN:
            self.asleep(event.source)
        elif kind == Kind.NOTE_ON and event.outputs:
            quiet_s = self.time - self.quiet_since if self.quiet_since is not None else 0.0
            self.silent_room = not self.sounding() and quiet_s >= self.allowed("silence_s")
            if self.blocked and self.time - self.tried >= 1.0:
                self.blocked = False
            self.tried = self.time

    def asleep(self, source: int | None = None) -> None:
        if source is None:
            self.onsets, self.groups = [], {}
        else:
            self.groups.pop(source, None)

    def sounding(self) -> set[tuple[int, int]]:
        return {(channel, key) for (_, channel, key), on in self.sounds.items() if on}

    # ------------------------------------------------------------ what was sent

    def heard(self, event: Event, sent: list[Event]) -> None:
        """After the ledger took one event or order: everything that left."""
        self.hold(event, sent)
        for event in sent:
            assert 1 <= event.channel <= 16
            assert 0 <= event.a <= 127 and 0 <= event.b <= 127
            self.receiver.take(event)
            if event.kind == Kind.NOTE_ON:
                self.started(event)
            self.update(event)
        assert len(self.sounding()) <= len(self.holders)
        for (_, _, number), value in self.levels.items():
            assert value <= (self.expression() if number == 11 else self.allowed("control"))
        if not self.sounding():
            if self.quiet_since is None:
                self.quiet_since = self.time
        else:
            self.quiet_since = None

    def hold(self, event: Event, sent: list[Event]) -> None:
        holder = (event.source, event.channel, event.a)
        if event.kind == Kind.NOTE_ON and any(e.kind == Kind.NOTE_ON for e in sent):
            self.holders.add(holder)
        elif event.kind == Kind.NOTE_OFF:
            self.holders.discard(holder)
        elif event.kind == Kind.RELEASE:
            self.holders = {holder for holder in self.holders if holder[0] != event.source}
        elif event.kind in (Kind.RELEASE_ALL, Kind.SILENCE, Kind.STOP):
            self.holders.clear()

    def update(self, event: Event) -> None:
        for output in range(OUTPUTS):
            if not event.outputs >> output & 1:
                continue
            if event.kind in (Kind.NOTE_ON, Kind.NOTE_OFF):
                place = (output, event.channel, event.a)
                assert self.sounds.get(place, False) == (event.kind == Kind.NOTE_OFF), "an on and an off take turns"
                self.sounds[place] = event.kind == Kind.NOTE_ON
            elif event.kind == Kind.CONTROL and event.a in (7, 11):
                self.levels[output, event.channel, event.a] = event.b
            elif event.kind == Kind.CONTROL and event.a == 121:
                self.levels[output, event.channel, 11] = 127

    def started(self, event: Event) -> None:
        time, source, velocity = self.time, event.source, event.b
        assert not self.blocked, "nothing starts after a stop"
        if self.silent_room:
            self.asleep()
            self.silent_room = False
        assert self.allowed("lowest") <= event.a <= self.allowed("highest")
        assert 1 <= velocity <= self.allowed("loudest")
        self.judge_sharpness(time, source, velocity)
        self.judge_rates(time, source)
        assert len(self.sounding() - {(event.channel, event.a)}) < self.allowed("at_once")

    def judge_sharpness(self, time: float, source: int, velocity: int) -> None:
        group = self.groups.get(source)
        if group is None:
            group = self.groups[source] = [time, self.allowed("first"), 0]
        elif time - group[0] > 0.03:
            group[:] = [time, group[2] + self.allowed("rise"), 0]
        assert velocity <= group[1]
        group[2] = max(group[2], velocity)
        if self.onsets and source == self.onsets[-1][1] and time - self.onsets[-1][0] <= 0.03:
            return
        if self.onsets and time - self.onsets[0][0] < 1.0:
            assert time - self.onsets[-1][0] >= self.allowed("apart_s")
        self.onsets.append((time, source))

    def judge_rates(self, time: float, source: int) -> None:
        self.regime.append((time, source))
        mine = [t for t, s in self.regime if s == source]
        everyone = [t for t, _ in self.regime]
        for times, rate, burst in ((mine, "source_rate", "source_burst"), (everyone, "total_rate", "total_burst")):
            for n, since in enumerate(times):
                assert len(times) - n <= self.allowed(burst) + self.allowed(rate) * (time - since) + 1e-6


channels = st.sampled_from([1, 1, 2, 2, 2, 16, 0, 17])
keys = st.sampled_from([0, 24, 47, 59, 60, 61, 67, 72, 84, 85, 100, 127, 200])
sources = st.sampled_from([1, 1, 2, 3])
masks = st.sampled_from([EVERY, EVERY, 0b001, 0b010, 0b110, 0])
some_limits = st.sampled_from(list(PRESETS.values())) | st.builds(
    Limits,
    loudest=st.integers(1, 127),
    first=st.integers(1, 127),
    control=st.integers(0, 127),
    source_rate=st.sampled_from([0.5, 1000.0]),
    source_burst=st.sampled_from([3.0, 1000.0]),
    total_rate=st.sampled_from([0.5, 1000.0]),
    total_burst=st.sampled_from([5.0, 1000.0]),
    at_once=st.sampled_from([1, 3, 2048]),
    lowest=st.integers(0, 70),
    highest=st.integers(50, 127),
    rise=st.sampled_from([1, 10, 127]),
    apart_s=st.sampled_from([0.0, 0.3, 1.0]),
    silence_s=st.sampled_from([1.0, 5.0, 60.0]),
)
notes = st.tuples(st.just("on"), channels, keys, st.sampled_from([127, 127, 100, 60, 20, 1, 0]), sources, masks)
ends = st.tuples(st.just("off"), channels, keys, sources, masks)
others = st.tuples(
    st.sampled_from([Kind.CONTROL, Kind.CONTROL, Kind.BEND, Kind.PRESSURE, Kind.PROGRAM]),
    channels,
    st.sampled_from([1, 7, 7, 10, 11, 11, 39, 43, 64, 120, 121, 123, 200]),
    st.integers(0, 255),
    sources,
    masks,
)
orders_of = st.tuples(
    st.sampled_from([Kind.RELEASE, Kind.RELEASE_ALL, Kind.SILENCE, Kind.SOFTEN, Kind.SOFTER, Kind.STOP, Kind.STOP, Kind.LIFT]),
    sources,
    st.integers(0, 2),
)
limits_of = st.tuples(st.just(Kind.LIMITS), some_limits, st.booleans())
steps = st.tuples(
    st.one_of(notes, notes, notes, notes, notes, ends, ends, others, orders_of, limits_of),
    st.sampled_from([0.0, 0.001, 0.02, 0.031, 0.2, 0.5, 0.6, 1.0, 1.3, 6.0, 61.0]),
    st.sampled_from([0.0, 0.0, 0.0, 0.4]),
)
stories = st.builds(lambda first, then: [(first, 0.0, 0.0), *then], limits_of, st.lists(steps, min_size=8, max_size=40))


def events_of(story: list, mask: int | None = None) -> list[tuple[Event, str]]:
    """The orders of a story; some are told late. `mask` puts every message on the same outputs."""
    found, now = [], 1.0
    for step, pause, late in story:
        now += pause
        time = now - late
        if step[0] == "on":
            _, channel, key, velocity, source, outputs = step
            found.append((note_on(channel, key, velocity, source, time, outputs if mask is None else mask), ""))
        elif step[0] == "off":
            _, channel, key, source, outputs = step
            found.append((note_off(channel, key, source, time, outputs if mask is None else mask), ""))
        elif step[0] == Kind.LIMITS:
            found.append(limits_order(step[1], time, step[2]))
        elif len(step) == 3:
            found.append((order(step[0], time, step[1], step[2]), ""))
        else:
            kind, channel, a, b, source, outputs = step
            found.append((Event(kind, channel, a, b, source, outputs if mask is None else mask, time), ""))
    return found


def nothing_goes_round(story: list) -> None:
    ledger, referee = Ledger(), Referee()
    for event, text in events_of(story):
        referee.ordered(event, text)
        referee.heard(event, ledger.take(event, text))
    end = order(Kind.RELEASE_ALL, 1e6)
    referee.ordered(end, "")
    referee.heard(end, ledger.take(end))
    assert referee.receiver.unpaired() == {}
    assert ledger.sounding() == []
    assert ledger.guard.limits.loudest == referee.allowed("loudest")


def the_same_on_every_output(story: list) -> None:
    heard = []
    for mask in (0b001, 0b110, EVERY):
        ledger = Ledger()
        sent = [sent for event, text in events_of(story, mask) for sent in ledger.take(event, text)]
        assert {event.outputs for event in sent} <= {mask}
        heard.append([event._replace(outputs=0) for event in sent])
    assert heard[0] == heard[1] == heard[2]


QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONG = settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(stories)
def test_nothing_goes_round_the_guard_and_every_output_hears_the_same(story):
    nothing_goes_round(story)
    the_same_on_every_output(story)


@pytest.mark.long
@pytest.mark.timeout(1800)
@LONG
@given(stories)
def test_nothing_goes_round_the_guard_in_ten_thousand_stories(story):
    nothing_goes_round(story)
    the_same_on_every_output(story)
