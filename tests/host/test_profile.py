"""Profiles: what is kept of a client, what is refused and with which words, and that nothing is ever forgotten."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.calibration.fit import Fit
from reachnote.profile import (
    Calibration,
    Change,
    ClientSettings,
    NewerProfile,
    Profile,
    ProfileProblem,
    SensorProfile,
    calibration_of,
    calibrations,
    client_code,
    current,
    find,
    moved_to,
    new_profile,
    restore,
    undo,
    with_calibration,
    with_setting,
)
from reachnote.profile_text import LARGEST, read_profile, write_profile

FIRST, SECOND, THIRD = "2031-03-04T10:15:00", "2031-03-11T10:20:00", "2031-03-18T11:00:00"
LATER = "2031-04-01T09:00:00"


def made(date: str, span: float = 400.0, **more) -> Calibration:
    return Calibration(
        date, "guided", "pressure", "raw", 250.0, 100.0, span, {"onset": 2294}, {"gestures": 6}, "B", "delay", **more
    )


def ball(*dates: str) -> Profile:
    """A profile with a calibration of the ball for each date; the n-th has a span of 100 n."""
    profile = new_profile("k7", "Squeeze ball", "2031-03-01")
    for n, date in enumerate(dates):
        profile = with_calibration(profile, "ball", made(date, 100.0 * (n + 1)))
    return profile


def span(profile: Profile, sensor: str = "ball") -> float:
    """The span that plays now; 0.0: the declared range plays."""
    found = current(profile, sensor)
    return found.span if found else 0.0


def problem(text: str | bytes) -> str:
    with pytest.raises(ProfileProblem) as found:
        read_profile(text, "k7/ball.json")
    return str(found.value)


# ---------------------------------------------------------------- calibrating, restoring, undoing


def test_a_new_profile_plays_the_declared_range():
    assert new_profile("K7", "Squeeze ball", "2031-03-01") == Profile("k7", "Squeeze ball", "2031-03-01", "2031-03-01")
    assert current(new_profile("k7", "Squeeze ball", "2031-03-01"), "ball") is None


def test_the_last_calibration_plays_and_all_are_kept_with_their_dates():
    profile = ball(FIRST, SECOND)
    assert [(c.number, c.date, c.sensor, c.span) for c in calibrations(profile)] == [
        (1, FIRST, "ball", 100.0),
        (2, SECOND, "ball", 200.0),
    ]
    assert span(profile) == 200.0 and profile.edited == SECOND and profile.created == "2031-03-01"


def test_sensors_are_calibrated_each_for_itself():
    profile = with_calibration(ball(FIRST), "button", made(SECOND, 7.0))
    assert (span(profile), span(profile, "button")) == (100.0, 7.0)
    assert [c.number for c in calibrations(profile, "button")] == [2]


def test_a_calibration_does_not_change_the_profile_it_is_added_to():
    before = ball(FIRST)
    copied = copy.deepcopy(before)
    with_setting(restore(with_calibration(before, "ball", made(SECOND)), "ball", 1, LATER), "frozen", True, LATER)
    assert before == copied


def test_parameters_are_brought_within_their_bounds():
    wild = replace(made(FIRST), parameters={"onset": 99999, "window": -5, "release": 4096.9})
    profile = with_calibration(ball(), "ball", wild)
    assert current(profile, "ball").parameters == {"onset": 8192, "window": 0, "release": 4096}


def test_each_kind_has_its_own_parameters():
    pad = replace(made(FIRST), kind="impact", parameters={"mask": 1})
    switch = replace(made(FIRST, 0.0), kind="switch", parameters={"debounce": 9999})
    assert current(with_calibration(ball(), "pad", pad), "pad").parameters == {"mask": 5000}
    assert current(with_calibration(ball(), "left", switch), "left").parameters == {"debounce": 9999}
    with pytest.raises(ProfileProblem, match="'onset' is no parameter of impact"):
        with_calibration(ball(), "pad", replace(pad, parameters={"onset": 1}))
    with pytest.raises(ProfileProblem, match=r"'onst' is no parameter of pressure\. Did you mean 'onset'\?"):
        with_calibration(ball(), "ball", replace(made(FIRST), parameters={"onst": 1}))


@pytest.mark.parametrize("wrong", [{"span": 0.0}, {"span": math.nan}, {"rest": math.inf}, {"rate_hz": -math.inf}])
def test_a_calibration_without_a_reach_leaves_the_old_one(wrong):
    with pytest.raises(ProfileProblem, match=r"no reach, so the old one stays\. Calibrate again"):
        with_calibration(ball(FIRST), "ball", replace(made(SECOND), **wrong))


@pytest.mark.parametrize("wrong", [{"mode": "guessed"}, {"date": "yesterday"}, {"parameters": {"onset": math.nan}}])
def test_a_calibration_that_cannot_be_kept_is_refused_at_once(wrong):
    with pytest.raises(ProfileProblem):
        with_calibration(ball(FIRST), "ball", replace(made(SECOND), **wrong))


def test_a_fit_is_kept_without_the_figures_that_have_no_value():
    fit = Fit("pressure", 10.0, -4.0, 100.0, {"onset": 2300}, {"delay_s": 0.1, "false_per_min": math.inf}, "C", "rest")
    kept = calibration_of(fit, "while playing", "hPa", FIRST)
    assert kept == Calibration(
        FIRST, "while playing", "pressure", "hPa", 100.0, 10.0, -4.0, {"onset": 2300}, {"delay_s": 0.1}, "C", "rest"
    )


@pytest.mark.parametrize(("which", "expected"), [(1, 100.0), ("2", 200.0), (FIRST, 100.0), ("2031-03-11", 200.0), (THIRD, 300.0)])
def test_any_earlier_calibration_plays_again_by_number_or_date(which, expected):
    before = ball(FIRST, SECOND, THIRD)
    profile = restore(before, "ball", which, LATER)
    assert span(profile) == expected
    assert profile.history[:3] == before.history


def test_restoring_is_dated_in_the_history():
    profile = restore(ball(FIRST, SECOND), "ball", 1, LATER)
    assert profile.history[2:] == (Change("restored", LATER, "ball", 1),) and profile.edited == LATER
    assert restore(profile, "ball", 1, "2031-05-01") == profile


def test_two_calibrations_of_one_day_are_told_apart_by_their_number():
    profile = ball(FIRST, "2031-03-04T10:40:00", SECOND)
    with pytest.raises(ProfileProblem) as found:
        restore(profile, "ball", "2031-03-04", LATER)
    assert str(found.value) == (
        "There are 2 calibrations for '2031-03-04' of ball: 1 (ball, 2031-03-04T10:15:00), "
        "2 (ball, 2031-03-04T10:40:00). Say its number."
    )


@pytest.mark.parametrize("which", [0, 9, "9", "2030-01-01", "-1", "yesterday", "1" * 5000, ""])
def test_what_was_never_made_cannot_be_restored(which):
    with pytest.raises(ProfileProblem):
        restore(ball(FIRST), "ball", which, LATER)
    with pytest.raises(ProfileProblem, match="None was ever made"):
        restore(ball(FIRST), "button", 1, LATER)


def test_undo_goes_back_one_step_at_a_time_to_the_declared_range():
    profile = restore(ball(FIRST, SECOND), "ball", 1, THIRD)
    spans = []
    for _ in range(3):
        profile = undo(profile, "ball", LATER)
        spans.append(span(profile))
    assert spans == [200.0, 100.0, 0.0]
    with pytest.raises(ProfileProblem, match="nothing to undo for ball"):
        undo(profile, "ball", LATER)
    assert [e.did for e in profile.history if isinstance(e, Change)] == ["restored", "undone", "undone", "undone"]


def test_after_an_undo_a_new_calibration_gets_a_new_number():
    profile = with_calibration(undo(ball(FIRST, SECOND), "ball", LATER), "ball", made(LATER, 9.0))
    assert current(profile, "ball").number == 3 and span(profile) == 9.0
    assert span(undo(profile, "ball", LATER)) == 100.0
    assert read_profile(write_profile(profile), "x") == profile


@given(st.lists(st.sampled_from(["calibrate", "restore 1", "restore 2", "undo"]), max_size=12))
def test_whatever_is_done_the_history_only_grows_and_is_read_again(steps):
    profile, count = ball(FIRST, SECOND), 2
    for step in steps:
        before = profile.history
        if step == "calibrate":
            profile, count = with_calibration(profile, "ball", made(LATER, 1.0)), count + 1
        elif step == "undo" and current(profile, "ball"):
            profile = undo(profile, "ball", LATER)
        elif step.startswith("restore"):
            profile = restore(profile, "ball", step[-1], LATER)
        assert profile.history[: len(before)] == before
    assert len(calibrations(profile)) == count
    assert read_profile(write_profile(profile), "x") == profile


# ---------------------------------------------------------------- settings, another instrument


def test_settings_are_kept_and_dated():
    profile = with_setting(ball(FIRST), "factor", 0.8, LATER)
    profile = with_setting(with_setting(profile, "frozen", True, LATER), "music", {"scene": "five-notes"}, LATER)
    assert profile.settings == ClientSettings(0.8, True, {"scene": "five-notes"}) and profile.edited == LATER


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("factor", 0.44, "factor = 0.44; write a number from 0.45 to 2.0."),
        ("factor", 2.01, "write a number from 0.45 to 2.0."),
        ("factor", True, "factor = True; write a number"),
        ("frozen", 1, "frozen = 1; write true or false."),
        ("music", [1], "music = [1]; write an object"),
        ("music", {"a": math.nan}, "a profile cannot hold that"),
        ("music", {"a": {1, 2}}, "a profile cannot hold that"),
        ("factr", 1.0, "'factr' is no setting; known are factor, frozen, music. Did you mean 'factor'?"),
    ],
)
def test_a_setting_that_cannot_be_is_told_with_what_is_allowed(name, value, words):
    with pytest.raises(ProfileProblem) as found:
        with_setting(ball(FIRST), name, value, LATER)
    assert words in str(found.value)


def test_on_another_instrument_music_and_settings_stay_and_sensors_are_shown_anew():
    profile = replace(ball(FIRST), saves=9, unknown={"goals": ["one song"]})
    profile = with_setting(with_setting(profile, "music", {"scene": "five-notes"}, SECOND), "factor", 1.25, SECOND)
    moved = moved_to(profile, "Reach beam", LATER)
    assert moved == Profile(
        "k7", "Reach beam", LATER, LATER, 0, ClientSettings(1.25, False, {"scene": "five-notes"}), {}, (), {"goals": ["one song"]}
    )


# ---------------------------------------------------------------- codes and names


@pytest.mark.parametrize(("written", "kept"), [("k7", "k7"), ("K7", "k7"), ("a-b_C9", "a-b_c9"), ("x" * 32, "x" * 32)])
def test_a_code_is_kept_in_lower_case(written, kept):
    assert client_code(written) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Anna Smith",
        "anna.smith",
        "..",
        "../k7",
        "k7/",
        "a\\b",
        "x" * 33,
        "jürgen",
        "k7\n",
        "K\u0130",
        "\u212a7",
        "k7\x00",
        None,
        7,
    ],
)
def test_a_name_or_a_path_is_no_code(text):
    with pytest.raises(ProfileProblem, match=r"not a code for a client.*Use a code, never a name"):
        client_code(text)


@pytest.mark.parametrize("text", ["con", "NUL", "com1"])
def test_words_that_windows_keeps_are_no_codes(text):
    with pytest.raises(ProfileProblem, match="Windows keeps this word"):
        client_code(text)


@pytest.mark.parametrize(
    "date", ["2031-02-30", "2031-13-01", "31-01-01", "2031-1-1", "2031-01-01T25:00", "٢٠٣١-٠١-٠١", "", None, 5]
)
def test_a_date_is_a_date(date):
    with pytest.raises(ProfileProblem, match=r"write a date such as 2031-03-04T10:15:00"):
        new_profile("k7", "Squeeze ball", date)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "a\u202eb", "\ud800", None])
def test_an_instrument_has_a_name_that_can_be_shown(name):
    with pytest.raises(ProfileProblem, match="instrument ="):
        new_profile("k7", name, FIRST)


# ---------------------------------------------------------------- text

TABLE = json.loads(write_profile(restore(with_setting(ball(FIRST, SECOND), "music", {"a": 1}, SECOND), "ball", 1, LATER)))


def text_with(change) -> str:
    table = copy.deepcopy(TABLE)
    change(table)
    return json.dumps(table)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("client"), "k7/ball.json: profile has no 'client'."),
        (lambda t: t.update(cleint=t.pop("client")), "profile has no 'client'. Did you write it as 'cleint'?"),
        (lambda t: t.update(client="Anna Smith"), "k7/ball.json: 'Anna Smith' is not a code for a client"),
        (lambda t: t.update(format=0), "format = 0; write 1."),
        (lambda t: t.update(format=True), "format = True; write 1."),
        (lambda t: t.update(edited="soon"), "edited = 'soon'; write a date"),
        (lambda t: t.update(saves=-1), "saves = -1; write a whole number from 0 to"),
        (lambda t: t.update(sensors=[]), "sensors = []; write an object in braces."),
        (lambda t: t.update(history={}), "history = {}; write a list in brackets."),
        (lambda t: t["history"].append(3), "history 4 = 3; write an object in braces."),
        (lambda t: t["settings"].update(factor=3), "settings: factor = 3; write a number from 0.45 to 2.0."),
        (lambda t: t["settings"].update(frozen="no"), "settings: frozen = 'no'; write true or false."),
        (lambda t: t["sensors"]["ball"].update(calibration=7), "sensors: ball: calibration = 7; calibrations of this sensor"),
        (lambda t: t["sensors"].update(x={"calibration": 1}), "sensors: x: calibration = 1; calibrations of this sensor in the history: none"),
        (lambda t: t["sensors"].update({"": {}}), "sensors = ''; write 1 to 64 letters"),
        (lambda t: t["history"][0].update(did="calibratd"), "history 1: did = 'calibratd'; known are calibrated, restored, undone. Did you mean 'calibrated'?"),
        (lambda t: t["history"][0].update(mode="gided"), "mode = 'gided'; known are guided, while playing, therapist-set, as last time, adjusted. Did you mean 'guided'?"),
        (lambda t: t["history"][0].update(mode=["guided"]), "history 1: mode = ['guided']; known are"),
        (lambda t: t["history"][0].update(kind="presure"), "kind = 'presure'; known are switch, pressure, distance, voltage, force, impact. Did you mean 'pressure'?"),
        (lambda t: t["history"][0].update(span=0), "history 1: span = 0; a reach is not 0"),
        (lambda t: t["history"][0].update(rest="low"), "history 1: rest = 'low'; write a number from -1e+15 to 1e+15."),
        (lambda t: t["history"][0].update(rest=10**400), "history 1: rest = 1000"),
        (lambda t: t["history"][0].update(grade="E"), "grade = 'E'; known are A, B, C, D."),
        (lambda t: t["history"][0].update(unit="x" * 201), "write a text of at most 200 letters."),
        (lambda t: t["history"][0]["parameters"].update(onset=163), "history 1: parameters: onset = 163; write a whole number from 164 to 8192."),
        (lambda t: t["history"][0]["parameters"].update(onset=2.5), "parameters: onset = 2.5; write a whole number"),
        (lambda t: t["history"][0]["facts"].update(gestures="six"), "history 1: facts: gestures = 'six'; write a number"),
        (lambda t: t["history"][1].update(number=1), "history 2: number = 1 is there twice"),
        (lambda t: t["history"][2].update(number=5), "history 3: number = 5; no calibration of 'ball' before it has this number."),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_the_place_and_what_is_allowed(change, words):
    told = problem(text_with(change))
    assert told.startswith("k7/ball.json: ") and words in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "this is not JSON"),
        (b"\xff\xfe", "this is not JSON"),
        ("null", "profile = None; write an object in braces."),
        ('{"format": 1, "format": 1}', "'format' stands twice in one object"),
        ('{"format": NaN}', "'NaN' is no number"),
        ('{"format": 1e999}', "'1e999' is no number"),
        ('{"format": ' + "9" * 5000 + "}", "this is not JSON"),
        ("[" * 33, "more than 32 deep"),
        ("[" * 100_000, "more than 32 deep"),
        ('{"a":' * 100_000, "more than 32 deep"),
        ('"' + "[" * 100, "this is not JSON"),
        (" " * (LARGEST + 1), "longer than a profile can be (4 MiB)."),
        (b" " * (LARGEST + 1), "longer than a profile can be (4 MiB)."),
        ("é" * (LARGEST // 2 + 1), "longer than a profile can be (4 MiB)."),
    ],
)
def test_what_is_no_profile_is_told(text, words):
    assert words in problem(text)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", ['"', '\\"', '"\\', "[]", '{"a":1},', "\\", '"a" '])
def test_the_largest_hostile_text_is_refused_in_good_time(unit):
    assert problem('{"' + unit * (LARGEST // len(unit) // 2))


def test_a_newer_profile_is_refused_with_what_to_update():
    with pytest.raises(NewerProfile) as found:
        read_profile('{"format": 2, "anything": [1, 2]}', "k7/ball.json")
    assert str(found.value) == (
        "k7/ball.json: format = 2; this reachnote reads format 1, so a newer one wrote it. "
        "Update reachnote on this computer; the profile stays as it is."
    )


def test_the_same_profile_has_the_same_text_whatever_the_order_of_its_fields():
    turned = json.dumps(TABLE, sort_keys=True)
    assert write_profile(read_profile(turned, "x")) == write_profile(read_profile(json.dumps(TABLE), "x"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"client": "Anna Smith"},
        {"edited": "now"},
        {"unknown": {"client": "k8"}},
        {"unknown": {"a": math.nan}},
        {"unknown": {"a": {1}}},
        {"unknown": {1: 2, "a": 3}},
        {"sensors": {"ball": SensorProfile(8)}},
        {"settings": ClientSettings(5.0)},
        {"unknown": {"a": "x" * LARGEST}},
    ],
)
def test_what_could_not_be_read_again_is_not_written(wrong):
    with pytest.raises(ProfileProblem):
        write_profile(replace(ball(FIRST), **wrong))


# ---------------------------------------------------------------- whatever comes

numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
unknown = st.dictionaries(st.text(max_size=8).map(lambda name: f"x {name}"), values, max_size=3)
LEVELS = (
    lambda t: t,
    lambda t: t["settings"],
    lambda t: t["settings"]["music"],
    lambda t: t["sensors"]["ball"],
    lambda t: t["history"][0],
    lambda t: t["history"][0]["parameters"],
    lambda t: t["history"][2],
)


@settings(max_examples=150, deadline=None)
@given(st.lists(unknown, min_size=len(LEVELS), max_size=len(LEVELS)))
def test_unknown_fields_of_every_level_are_written_back(more):
    table = copy.deepcopy(TABLE)
    for level, fields in zip(LEVELS, more, strict=True):
        level(table).update(fields)
    profile = read_profile(json.dumps(table), "x")
    assert json.loads(write_profile(profile)) == table
    changed = undo(restore(with_calibration(profile, "ball", made(LATER)), "ball", 2, LATER), "ball", LATER)
    written = json.loads(write_profile(with_setting(changed, "factor", 0.8, LATER)))
    for level, fields in zip(LEVELS, more, strict=True):
        assert {name: level(written)[name] for name in fields} == fields


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:format1clientk7 \\ue9.-', max_size=80))
def test_any_bytes_are_a_profile_or_a_sentence(text):
    assert problem(text).startswith("k7/ball.json: ")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_profile_is_a_profile_or_a_sentence(data):
    text = bytearray(json.dumps(TABLE).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(text)))
    check(bytes(text[:cut]))


def places(value: object) -> list[tuple]:
    """Every container of a JSON value with every key in it."""
    inside = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    return [place for key, held in inside for place in [(value, key), *places(held)]]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_profile_with_another_value_anywhere_is_a_profile_or_a_sentence(data):
    table = copy.deepcopy(TABLE)
    all_places = places(table)
    container, key = all_places[data.draw(st.integers(0, len(all_places) - 1))]
    container[key] = data.draw(values)
    check(json.dumps(table))


def check(text: str | bytes) -> None:
    try:
        profile = read_profile(text, "k7/ball.json")
    except ProfileProblem as found:
        assert str(found).startswith("k7/ball.json: ") and len(str(found)) < 1000
    else:
        assert read_profile(write_profile(profile), "x") == profile
        if found := current(profile, "ball"):
            assert find(profile, found.number) == found
