"""What a gesture does to a voice: every row of protocols/triggers.md, times, and what holds in any order."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from math import inf
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reachnote.model import Gesture, Move
from reachnote.repeats import EveryBeats
from reachnote.tempo import CLOCK, CONTINUE, START, STOP, ClockIn, position_message
from reachnote.triggers import EVERY_MODE, LATE_S, MODES, Act, Does, Options, Trigger

PAGE = (Path(__file__).resolve().parents[2] / "protocols" / "triggers.md").read_text("utf-8")
COLUMNS = ("onset", "release", "zone", "time", "ended", "let go", "forget")
MOVES = {"onset": Move.ONSET, "release": Move.RELEASE, "zone": Move.ZONE}


def did(move: Move, time: float, zone: int = -1, strength: float = 0.5) -> Gesture:
    return Gesture(3, time, move, 0.0 if move is Move.RELEASE else strength, zone)


def onset(time: float, zone: int = -1, strength: float = 0.5) -> Gesture:
    return did(Move.ONSET, time, zone, strength)


def release(time: float) -> Gesture:
    return did(Move.RELEASE, time)


def moved(time: float, zone: int, strength: float = 0.5) -> Gesture:
    return did(Move.ZONE, time, zone, strength)


def brief(acts: list[Act]) -> list[tuple[str, float, int]]:
    """(does, time, token) of each."""
    return [(act.does.name, round(act.time, 6), act.token) for act in acts]


class Clock:
    """Beats at a tempo that can change, stop and jump."""

    def __init__(self, bpm: float = 60.0) -> None:
        self._time, self._beat, self._bpm = 0.0, 0.0, bpm

    def tempo(self, bpm: float, at: float) -> None:
        self._beat, self._time, self._bpm = self.beat_at(at), at, bpm

    def jump(self, beat: float, at: float) -> None:
        self._beat, self._time = beat, at

    def beat_at(self, time: float) -> float:
        return self._beat + (time - self._time) * self._bpm / 60

    def time_of(self, beat: float) -> float:
        if not self._bpm:
            return self._time if beat <= self._beat else inf
        return self._time + (beat - self._beat) * 60 / self._bpm


# ---------------------------------------------------------------- the page


def tables() -> dict[str, dict[str, dict[str, str]]]:
    """heading -> state -> column -> cell."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for part in PAGE.partition("## The tables")[2].split("\n### ")[1:]:
        heading, _, body = part.partition("\n")
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line.startswith("|")]
        assert rows[0] == ["state", *COLUMNS]
        assert all(len(row) == len(rows[0]) for row in rows)
        states = [row[0] for row in rows[2:]]
        assert len(set(states)) == len(states)
        found[heading] = {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows[2:]}
    return found


TABLES = tables()
ROWS = [(heading, state, column) for heading, table in TABLES.items() for state in table for column in COLUMNS]


def trigger_of(heading: str) -> Trigger:
    mode, *settings_said = re.findall(r"`([^`]+)`", heading)
    return Trigger(mode, Options(**tomllib.loads("\n".join(settings_said))))


def cell_of(heading: str, state: str, column: str) -> tuple[list[str], str]:
    """What the page says is done, and the state that follows."""
    cell = TABLES[heading][state][column]
    if cell == "-":
        return [], state
    does, _, follows = cell.partition(">")
    return does.split(), follows.strip()


class Played:
    """A trigger that is told what the columns name; a second passes where nothing is due."""

    def __init__(self, heading: str) -> None:
        self.trigger = trigger_of(heading)
        self.now = 10.0
        self.zone = 0

    def comes(self, column: str) -> list[str]:
        trigger = self.trigger
        self.now += 0.01
        if column in MOVES:
            self.zone += 1
            acts = trigger.take(did(MOVES[column], self.now, self.zone))
        elif column == "time":
            self.now = trigger.due if trigger.due != inf else self.now + 100
            acts = trigger.tick(self.now)
        elif column == "ended":
            trigger.ended(trigger.sounding[0] if trigger.sounding else 999)
            acts = []
        elif column == "let go":
            acts = trigger.let_go(self.now)
        else:
            acts = []
            trigger.forget()
        return [act.does.name for act in acts]


def way_to(heading: str, wanted: str) -> list[str]:
    """The shortest row of columns from the first state to one, by the page."""
    first = next(iter(TABLES[heading]))
    ways: dict[str, list[str]] = {first: []}
    for state in ways_grow(heading, ways):
        if state == wanted:
            return ways[state]
    raise AssertionError(f"{heading}: nothing leads to '{wanted}'")


def ways_grow(heading: str, ways: dict[str, list[str]]):
    waiting = list(ways)
    for state in waiting:
        yield state
        for column in COLUMNS:
            follows = cell_of(heading, state, column)[1]
            if follows not in ways:
                ways[follows] = [*ways[state], column]
                waiting.append(follows)


def test_every_mode_has_a_table_and_every_setting_a_line():
    assert {re.findall(r"`([^`]+)`", heading)[0] for heading in TABLES} == set(MODES)
    modes, _, said = PAGE.partition("## The tables")[0].partition("\n| set |")
    listed = re.findall(r"^\| `([\w/-]+)` \| .+ \| (.*) ?\|$", modes, re.M)
    assert {mode: set(re.findall(r"`(\w+)`", sets)) for mode, sets in listed} == {m: set(o) for m, o in MODES.items()}
    names = re.findall(r"^\| `(\w+)` \|", said, re.M)
    assert names == [field.name for field in fields(Options)] == [*EVERY_MODE, *(o for os in MODES.values() for o in os)]


def test_the_page_says_what_is_allowed_and_what_holds_if_left_out():
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \| (.*) \|$", PAGE.partition("\n| set |")[2].partition("## ")[0], re.M)
    assert len(rows) == len(fields(Options))
    for name, _, allowed, default in rows:
        assert tomllib.loads(f"v = {default.strip('`')}")["v"] == getattr(Options(), name)
        bounds = re.search(r"([\d.]+) to ([\d.]+)$", allowed)
        if bounds:
            least, most = (tomllib.loads(f"v = {b}")["v"] for b in bounds.groups())
            for value in (least, most):
                Options(**{name: value})
            beyond = [most + 1] if least == 0 or "0, or" in allowed else [least / 2 if name != "keep" else 0, most + 1]
            for value in [-1, *beyond]:
                with pytest.raises(ValueError, match=rf"^{name} = .*; write a (whole )?number from "):
                    Options(**{name: value})


@pytest.mark.parametrize("heading", TABLES)
def test_the_first_row_is_where_a_trigger_begins(heading):
    assert trigger_of(heading).state == next(iter(TABLES[heading]))
    assert trigger_of(heading).due == inf
    assert trigger_of(heading).sounding == ()


@pytest.mark.parametrize(("heading", "state", "column"), ROWS)
def test_the_row_is_true(heading, state, column):
    does, follows = cell_of(heading, state, column)
    assert follows in TABLES[heading]
    played = Played(heading)
    for step in way_to(heading, state):
        played.comes(step)
    assert played.trigger.state == state
    before = played.trigger.sounding
    assert played.comes(column) == does
    assert played.trigger.state == follows
    if column == "ended":
        assert played.trigger.sounding == before[1:]
    if column in ("let go", "forget"):
        assert (played.trigger.sounding, played.trigger.due) == ((), inf)


# ---------------------------------------------------------------- what acts carry


def test_a_start_has_the_zone_and_the_strength_and_its_stop_the_same_token_and_zone():
    trigger = Trigger("momentary")
    assert trigger.take(onset(1.0, 4, 0.75)) == [Act(Does.START, 1.0, 4, 0.75, 1)]
    assert trigger.sounding == (1,)
    assert trigger.take(moved(1.5, 5, 0.25)) == [Act(Does.STOP, 1.5, 4, 0.0, 1), Act(Does.START, 1.5, 5, 0.25, 2)]
    assert trigger.take(release(2.0)) == [Act(Does.STOP, 2.0, 5, 0.0, 2)]
    assert trigger.sounding == ()


def test_a_token_is_never_used_twice_even_after_forgetting():
    trigger = Trigger("momentary")
    trigger.take(onset(1.0))
    trigger.forget()
    assert [act.token for act in trigger.take(onset(2.0))] == [2]


def test_a_pause_and_what_goes_on_name_the_start_they_belong_to():
    trigger = Trigger("start/pause")
    acts = [act for n in range(4) for act in trigger.take(onset(1.0 + n))]
    assert brief(acts) == [("START", 1.0, 1), ("PAUSE", 2.0, 1), ("RESUME", 3.0, 1), ("PAUSE", 4.0, 1)]
    assert brief(trigger.let_go(9.0)) == [("STOP", 9.0, 1)]


def test_a_song_that_is_over_starts_anew_at_the_next_onset():
    for mode in ("start/stop", "start/pause"):
        trigger = Trigger(mode)
        trigger.take(onset(1.0))
        trigger.ended(1)
        assert brief(trigger.take(onset(2.0))) == [("START", 2.0, 2)]


def test_the_end_of_a_token_that_does_not_sound_changes_nothing():
    trigger = Trigger("start/stop")
    trigger.take(onset(1.0))
    trigger.ended(7)
    assert brief(trigger.take(onset(2.0))) == [("STOP", 2.0, 1)]


def test_sustain_ends_the_oldest_before_it_starts_one_more():
    trigger = Trigger("sustain-n", Options(keep=3))
    for n in range(3):
        assert brief(trigger.take(onset(1.0 + n, n))) == [("START", 1.0 + n, n + 1)]
        assert trigger.take(release(1.5 + n)) == []
    assert trigger.take(onset(5.0, 9)) == [Act(Does.STOP, 5.0, 0, 0.0, 1), Act(Does.START, 5.0, 9, 0.5, 4)]
    assert trigger.sounding == (2, 3, 4)


# ---------------------------------------------------------------- times


def test_a_one_shot_plays_its_length_and_says_when_it_is_due():
    trigger = Trigger("one-shot", Options(length_s=1.5))
    assert brief(trigger.take(onset(10.0))) == [("START", 10.0, 1)]
    assert trigger.due == 11.5
    assert trigger.take(release(10.1)) == trigger.take(onset(10.2)) == trigger.tick(11.4999) == []
    assert brief(trigger.tick(11.52)) == [("STOP", 11.5, 1)]
    assert trigger.due == inf


def test_what_was_due_comes_before_the_gesture_that_is_later():
    trigger = Trigger("one-shot", Options(length_s=1.0))
    trigger.take(onset(10.0))
    assert brief(trigger.take(onset(12.0))) == [("STOP", 11.0, 1), ("START", 12.0, 2)]


def test_a_restarted_one_shot_plays_its_whole_length_again():
    trigger = Trigger("one-shot", Options(length_s=1.0, again="restart"))
    trigger.take(onset(10.0))
    assert brief(trigger.take(onset(10.6))) == [("STOP", 10.6, 1), ("START", 10.6, 2)]
    assert (trigger.tick(11.5), trigger.due) == ([], 11.6)


def test_a_zone_sounds_after_the_client_stayed_and_not_before():
    trigger = Trigger("dwell", Options(dwell_s=0.4))
    assert trigger.take(onset(1.0, 0)) == []
    assert trigger.take(moved(1.3, 1)) == []
    assert trigger.due == pytest.approx(1.7)
    assert trigger.tick(1.69) == []
    assert trigger.tick(1.75) == [Act(Does.START, pytest.approx(1.7), 1, 0.5, 1)]
    assert brief(trigger.take(moved(2.0, 2))) == [("STOP", 2.0, 1)]
    assert trigger.take(release(2.3)) == []
    assert trigger.tick(9.0) == []


def test_a_release_just_before_the_dwell_is_over_starts_nothing_and_just_after_starts_and_stops():
    for at, wanted in ((1.39, []), (1.41, [("START", 1.4, 1), ("STOP", 1.41, 1)])):
        trigger = Trigger("dwell", Options(dwell_s=0.4))
        trigger.take(onset(1.0, 0))
        assert brief(trigger.take(release(at))) == wanted


def test_without_any_time_to_stay_a_zone_sounds_at_once():
    assert brief(Trigger("dwell", Options(dwell_s=0.0)).take(onset(1.0, 2))) == [("START", 1.0, 1)]


def test_hold_to_trigger_takes_a_movement_across_zones_and_no_short_one():
    trigger = Trigger("momentary", Options(accept_s=0.3))
    assert trigger.take(onset(1.0, 0)) == trigger.take(release(1.15)) == []  # a spasm of 150 ms
    assert trigger.tick(5.0) == []
    assert trigger.take(onset(6.0, 0)) == trigger.take(moved(6.2, 2, 0.9)) == []
    assert trigger.due == pytest.approx(6.3)
    assert trigger.tick(6.3) == [Act(Does.START, pytest.approx(6.3), 2, 0.9, 1)]
    assert brief(trigger.take(release(7.0))) == [("STOP", 7.0, 1)]


def test_a_gesture_that_was_stamped_before_the_last_act_does_not_turn_time_back():
    trigger = Trigger("one-shot", Options(length_s=1.0))
    trigger.take(onset(10.0))
    assert brief(trigger.tick(11.0)) == [("STOP", 11.0, 1)]
    assert brief(trigger.take(onset(10.98))) == [("START", 11.0, 2)]
    assert trigger.due == 12.0


# ---------------------------------------------------------------- repetitions


def run(trigger: Trigger, start: float, end: float, step: float = 0.01) -> list[tuple[str, float, int]]:
    acts, n = [], 0
    while (now := start + n * step) <= end + 1e-9:
        acts += trigger.tick(now)
        n += 1
    return brief(acts)


def starts(acts: list[tuple[str, float, int]]) -> list[float]:
    return [time for does, time, _ in acts if does == "START"]


def test_a_held_voice_sounds_at_once_and_again_until_the_release():
    trigger = Trigger("repeat-while-held", Options(every_s=0.5, share=0.4))
    assert brief(trigger.take(onset(1.0))) == [("START", 1.0, 1)]
    assert run(trigger, 1.01, 2.1) == [
        ("STOP", 1.2, 1), ("START", 1.5, 2), ("STOP", 1.7, 2), ("START", 2.0, 3),
    ]  # fmt: skip
    assert brief(trigger.take(release(2.15))) == [("STOP", 2.15, 3)]
    assert run(trigger, 2.2, 4.0) == []


def test_a_whole_share_joins_one_repetition_to_the_next():
    trigger = Trigger("repeat-while-held", Options(every_s=0.5, share=1.0))
    trigger.take(onset(1.0))
    assert run(trigger, 1.01, 1.6) == [("STOP", 1.5, 1), ("START", 1.5, 2)]


def test_seconds_are_counted_from_the_onset_and_do_not_drift():
    trigger = Trigger("repeat-while-held", Options(every_s=0.07))
    trigger.take(onset(0.0))
    found = starts(run(trigger, 0.003, 70.05, step=0.0101))
    assert found == [pytest.approx((n + 1) * 0.07, abs=1e-6) for n in range(1000)]


def test_another_zone_is_heard_at_the_next_repetition_and_the_rhythm_stays():
    trigger = Trigger("repeat-while-held", Options(every_s=0.5))
    trigger.take(onset(1.0, 0))
    assert trigger.take(moved(1.3, 4)) == [Act(Does.STOP, 1.25, 0, 0.0, 1)]
    (act,) = trigger.tick(1.5)
    assert (act.does, act.time, act.zone) == (Does.START, 1.5, 4)


def test_a_late_repetition_is_left_out_and_none_come_in_a_burst():
    assert LATE_S == 0.1
    trigger = Trigger("repeat-while-held", Options(every_s=0.5))
    trigger.take(onset(1.0))
    assert brief(trigger.tick(4.3)) == [("STOP", 1.25, 1)]  # slept through 1.5 .. 4.0
    assert brief(trigger.tick(4.55)) == [("START", 4.5, 2)]  # 50 ms late is still played
    assert brief(trigger.tick(5.11)) == [("STOP", 4.75, 2)]  # 110 ms is not


def test_in_beats_the_first_is_at_once_and_the_next_on_the_beat():
    trigger = Trigger("repeat-while-held", Options(every_beats=1.0), Clock(60))
    assert starts(brief(trigger.take(onset(2.3)))) == [2.3]
    assert starts(run(trigger, 2.31, 5.2)) == [3.0, 4.0, 5.0]


def test_a_beat_that_follows_too_soon_is_no_second_start():
    trigger = Trigger("repeat-while-held", Options(every_beats=1.0), Clock(60))
    trigger.take(onset(2.9))
    assert starts(run(trigger, 2.91, 5.0)) == [4.0, 5.0]
    assert starts(run(trigger, 5.01, 6.5)) == [6.0]


def test_a_repetition_that_would_sound_beyond_the_beat_gives_way_to_it():
    trigger = Trigger("repeat-while-held", Options(every_beats=1.0, share=1.0), Clock(60))
    trigger.take(onset(2.4))
    assert trigger.due == 3.0
    assert run(trigger, 2.41, 3.5) == [("STOP", 3.0, 1), ("START", 3.0, 2)]


@pytest.mark.parametrize("options", [{"every_s": 0.05}, {"every_beats": 0.0625}])
def test_after_an_hours_sleep_the_next_repetition_is_the_next_one(options):
    trigger = Trigger("repeat-while-held", Options(**options, share=0.1), Clock(60))
    trigger.take(onset(1.0))
    acts = trigger.tick(3601.003)
    assert brief(acts)[0][:2] == ("STOP", pytest.approx(1.006, abs=0.002))
    assert len(starts(brief(acts))) <= 2
    assert 3601.003 < trigger.due <= 3601.003 + 0.0625


def test_repetitions_follow_a_tempo_that_changes_without_losing_or_doubling_one():
    clock = Clock(60)
    trigger = Trigger("repeat-while-held", Options(every_beats=0.5), clock)
    trigger.take(onset(10.0))
    found = starts(run(trigger, 10.01, 12.2))
    clock.tempo(140, 12.2)
    found += starts(run(trigger, 12.2, 16.0))
    beats = [12.5 + n / 2 for n in range(18)]
    assert found[4:] == [pytest.approx(12.2 + (beat - 12.2) * 60 / 140, abs=1e-5) for beat in beats]
    assert found[:4] == [10.5, 11.0, 11.5, 12.0]


def test_a_clock_that_stands_still_repeats_nothing_and_goes_on_with_the_beat():
    clock = Clock(60)
    trigger = Trigger("repeat-while-held", Options(every_beats=1.0), clock)
    trigger.take(onset(10.0))
    clock.tempo(0, 10.2)
    assert run(trigger, 10.2, 20.0) == [("STOP", 10.5, 1)]
    assert trigger.due == inf
    clock.tempo(60, 20.0)  # beat 10.2 again
    assert starts(run(trigger, 20.01, 22.0)) == [20.8, 21.8]


def test_an_onset_while_the_clock_stands_still_sounds_as_long_as_it_is_held():
    clock = Clock(0)
    trigger = Trigger("repeat-while-held", Options(every_beats=1.0), clock)
    trigger.take(onset(10.0))
    assert run(trigger, 10.0, 12.0) == []
    assert brief(trigger.take(release(12.5))) == [("STOP", 12.5, 1)]


@pytest.mark.parametrize("beat", [0.0, 500.0])
def test_a_jump_in_the_song_goes_on_with_the_next_beat(beat):
    clock = Clock(60)
    trigger = Trigger("repeat-while-held", Options(every_beats=1.0), clock)
    trigger.take(onset(100.0))
    clock.jump(beat + 0.25, 100.3)
    assert starts(run(trigger, 100.3, 103.5)) == [101.05, 102.05, 103.05]


@pytest.mark.parametrize("sixteenths", [0, 8, 8000])
def test_another_machines_clock_is_followed_through_a_stop_and_a_jump(sixteenths):
    clock, chance = ClockIn(keep=False), Random(5)
    trigger = Trigger("repeat-while-held", Options(every_beats=1.0), clock)

    def played(first: int, count: int) -> list[float]:
        """CLOCKs at 125 bpm (every 20 ms) with 3 ms of jitter, and ticks between."""
        found = []
        for n in range(first, first + count):
            clock.take(CLOCK, n * 0.02 + chance.uniform(0, 0.003))
            found += run(trigger, n * 0.02 + 0.004, n * 0.02 + 0.018)
        return starts(found)

    clock.take(START, 0.0)
    played(1, 48)
    trigger.take(onset(0.99))
    before = played(49, 96)
    assert before == [pytest.approx(at, abs=0.015) for at in (1.46, 1.94, 2.42)]
    clock.take(STOP, 2.885)
    clock.take(position_message(sixteenths), 2.886)
    clock.tick(4.0)
    assert starts(run(trigger, 2.89, 5.0)) == []
    clock.take(CONTINUE, 5.001)
    again = played(251, 96)
    assert again == [pytest.approx(at, abs=0.015) for at in (5.5, 5.98, 6.46)]


def test_a_clock_that_puts_every_beat_into_the_past_does_not_hold_up_the_session():
    clock = Clock(60)
    trigger = Trigger("repeat-while-held", Options(every_beats=1.0), clock)
    trigger.take(onset(10.0))
    clock.time_of = lambda beat: 9.0
    assert len(trigger.tick(10.01)) <= 16
    assert len(trigger.let_go(10.02)) <= 1


def test_beats_need_a_beat_to_follow():
    with pytest.raises(ValueError, match="every_beats needs a beat to follow"):
        Trigger("repeat-while-held", Options(every_beats=1.0))


def test_a_share_of_beats_is_as_long_as_the_tempo_makes_it():
    assert EveryBeats(1.0, 0.25, Clock(120)).ends(8.0) == pytest.approx(8.125)


# ---------------------------------------------------------------- what people write


def test_an_unknown_mode_is_told_with_the_nearest():
    with pytest.raises(ValueError) as found:
        Trigger("lacth")
    assert str(found.value) == (
        "trigger = 'lacth'; known are momentary, latch, one-shot, repeat-while-held, sustain-n, start/stop, start/pause, "
        "dwell. Did you mean 'latch'?"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep": 0}, "keep = 0; write a whole number from 1 to 32"),
        ({"keep": 2.0}, "keep = 2.0; write a whole number from 1 to 32"),
        ({"share": 1.5}, "share = 1.5; write a number from 0.05 to 1"),
        ({"every_s": float("nan")}, "every_s = nan; write a number from 0.05 to 60"),
        ({"every_beats": 0.01}, "every_beats = 0.01; write a number from 0.0625 to 64"),
        ({"length_s": True}, "length_s = True; write a number from 0.05 to 60"),
        ({"again": "restrat"}, "again = 'restrat'; known are ignore, restart. Did you mean 'restart'?"),
        ({"while_held": 1}, "while_held = 1; write true or false"),
    ],
)
def test_what_is_not_allowed_is_told_with_what_is(options, said):
    with pytest.raises(ValueError) as found:
        Options(**options)
    assert str(found.value) == said


# ---------------------------------------------------------------- in any order

MODE_OPTIONS = [
    ("momentary", {}),
    ("latch", {}),
    ("one-shot", {"length_s": 0.3}),
    ("one-shot", {"length_s": 0.3, "again": "restart"}),
    ("repeat-while-held", {"every_s": 0.05, "share": 1.0}),
    ("repeat-while-held", {"every_s": 0.4, "share": 0.3}),
    ("repeat-while-held", {"every_beats": 0.25, "share": 0.9}),
    ("sustain-n", {"keep": 1}),
    ("sustain-n", {"keep": 3}),
    ("start/stop", {}),
    ("start/pause", {}),
    ("start/pause", {"while_held": True}),
    ("dwell", {"dwell_s": 0.0}),
    ("dwell", {"dwell_s": 0.25}),
]
ORDERS = st.tuples(
    st.sampled_from(MODE_OPTIONS),
    st.sampled_from([0.0, 0.0, 0.2]),
    st.lists(st.tuples(st.integers(0, 9), st.integers(-30, 100)), max_size=50),
)


class Books:
    """What a voice would have begun, kept beside the trigger; every rule that an act must not break."""

    def __init__(self) -> None:
        self.starts: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.paused: set[int] = set()
        self.last = -inf
        self.may_start = False

    def take(self, acts: list[Act]) -> None:
        for act in acts:
            assert act.time >= self.last and act.time != inf
            self.last = act.time
            assert 0.0 <= act.strength <= 1.0
            if act.does is Does.START:
                assert self.may_start and act.token not in self.starts
                self.starts[act.token] = 1
            else:
                assert act.token in self.left()
            if act.does is Does.STOP:
                self.end(act.token)
            elif act.does is Does.PAUSE:
                assert act.token not in self.paused
                self.paused.add(act.token)
            elif act.does is Does.RESUME:
                assert self.may_start
                self.paused.remove(act.token)

    def end(self, token: int) -> None:
        self.ends[token] = self.ends.get(token, 0) + 1
        assert self.ends[token] == 1
        self.paused.discard(token)

    def left(self) -> list[int]:
        return [token for token in self.starts if token not in self.ends]


def any_order(case: tuple) -> None:
    (mode, said), accept_s, orders = case
    clock = Clock(120)
    trigger = Trigger(mode, Options(accept_s=accept_s, **said), clock)
    books, now = Books(), 100.0
    for what, step in orders:
        now += step / 100  # back too: boards stamp before they arrive
        if what <= 2:
            books.may_start |= what == 0
            books.take(trigger.take(did((Move.ONSET, Move.RELEASE, Move.ZONE)[what], now, abs(step) % 5)))
        elif what <= 5:
            books.take(trigger.tick(now))
        elif what == 6:
            clock.tempo(abs(step) * 2.0, now)
            clock.jump(clock.beat_at(now) + step % 3 - 1, now)
        elif what == 7 and trigger.sounding:
            token = trigger.sounding[step % len(trigger.sounding)]
            trigger.ended(token)
            books.end(token)
        elif what == 8:
            books.take(trigger.let_go(now))
            assert (books.left(), trigger.due) == ([], inf)
            books.may_start = False
        elif what == 9:
            trigger.forget()
            for token in books.left():
                books.end(token)
            books.may_start = False
        assert books.left() == list(trigger.sounding)
        assert len(books.left()) <= (said.get("keep", 1))
    books.take(trigger.let_go(now))
    assert books.left() == []
    books.may_start = False
    books.take(trigger.take(did(Move.ZONE, now + 1, 2)) + trigger.take(release(now + 2)) + trigger.tick(now + 1000))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(ORDERS)
def test_every_start_stops_at_most_once_and_letting_go_leaves_nothing(case):
    any_order(case)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(ORDERS)
def test_every_start_stops_at_most_once_and_letting_go_leaves_nothing_in_ten_thousand_orders(case):
    any_order(case)
