"""Beats in time: tempo changes without a jump, bars, starts moved to the beat, MIDI clock out and in."""

from __future__ import annotations

import random
from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reachnote.tempo import (
    CLOCK,
    CONTINUE,
    NEVER,
    START,
    STOP,
    Bars,
    ClockIn,
    ClockOut,
    Metre,
    Tempo,
    position_message,
    quantise,
)

# ---------------------------------------------------------------- tempo


def test_a_beat_lasts_as_long_as_the_tempo_says():
    tempo = Tempo(90.0, start=1000.0)
    assert [tempo.time_of(beat) for beat in (0.0, 1.5, 90.0)] == [1000.0, 1001.0, 1060.0]
    assert [tempo.beat_at(time) for time in (1000.0, 1001.0, 999.0)] == [0.0, 1.5, -1.5]


def test_a_change_of_tempo_keeps_the_beat_and_the_past():
    tempo = Tempo(60.0, start=100.0)
    tempo.change(120.0, 104.0)
    tempo.change(40.0, 106.0)
    assert tempo.bpm == 40.0
    assert [tempo.beat_at(time) for time in (102.0, 104.0, 105.0, 106.0, 109.0)] == [2.0, 4.0, 6.0, 8.0, 10.0]
    assert [tempo.time_of(beat) for beat in (2.0, 4.0, 6.0, 8.0, 10.0)] == [102.0, 104.0, 105.0, 106.0, 109.0]


def test_a_change_before_one_that_was_set_for_later_drops_that_one():
    tempo = Tempo(60.0)
    tempo.change(120.0, 10.0)
    tempo.change(30.0, 5.0)
    assert tempo.bpm == 30.0
    assert tempo.beat_at(11.0) == 5.0 + 3.0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0.001, 5.0), st.floats(40.0, 180.0)), max_size=300))
def test_any_changes_leave_a_beat_that_never_jumps(changes):
    tempo, now, beat, bpm = Tempo(100.0, start=50_000.0), 50_000.0, 0.0, 100.0
    for after, to in changes:
        now, beat = now + after, beat + after * bpm / 60.0
        tempo.change(to, now)
        bpm = to
        assert tempo.beat_at(now) == pytest.approx(beat, abs=1e-6)
        assert tempo.time_of(tempo.beat_at(now + 1.0)) == pytest.approx(now + 1.0, abs=1e-9)


def test_ten_thousand_changes_keep_the_beat_and_stay_small():
    tempo = Tempo(60.0)
    for n in range(10_000):
        tempo.change(60.0 + n % 60, float(n))
    assert tempo.beat_at(9_999.0) == pytest.approx(sum(60 + n % 60 for n in range(9_999)) / 60, abs=1e-6)
    assert len(tempo._times) == Tempo.REMEMBERED


@pytest.mark.parametrize("bpm", [4.9, 1000.1, 0.0, -60.0, float("nan"), float("inf")])
def test_a_tempo_that_is_none_is_told(bpm):
    with pytest.raises(ValueError, match="is not possible; it goes from 5 to 1000 beats a minute"):
        Tempo(bpm)


# ---------------------------------------------------------------- bars


def test_bars_count_from_one_and_the_pickup_is_bar_nought():
    bars = Bars((Metre(1.0, 3, 4),))
    assert [bars.of(beat) for beat in (0.0, 0.5, 1.0, 3.5, 4.0, 10.0)] == [
        (0, 0.0), (0, 0.5), (1, 0.0), (1, 2.5), (2, 0.0), (4, 0.0),
    ]  # fmt: skip
    assert [bars.line(bar) for bar in (0, 1, 2, 5)] == [0.0, 1.0, 4.0, 13.0]
    assert [bars.next_line(beat) for beat in (0.0, 1.0, 1.5)] == [1.0, 1.0, 4.0]


def test_bars_go_on_counting_under_a_new_metre():
    bars = Bars((Metre(0.0, 4, 4), Metre(8.0, 6, 8), Metre(14.0, 2, 2)))
    assert [bars.of(beat) for beat in (7.5, 8.0, 12.5, 14.0, 18.0)] == [(2, 3.5), (3, 0.0), (4, 1.5), (5, 0.0), (6, 0.0)]
    assert [bars.line(bar) for bar in (3, 4, 5, 7)] == [8.0, 11.0, 14.0, 22.0]


def test_a_bar_that_a_new_metre_cuts_short_counts():
    bars = Bars((Metre(0.0, 4, 4), Metre(6.0, 3, 4)))
    assert [bars.of(beat)[0] for beat in (5.0, 6.0, 9.0)] == [2, 3, 4]


# ---------------------------------------------------------------- starts moved to the beat

AT_60 = Tempo(60.0, start=10.0)


@pytest.mark.parametrize(
    ("time", "grid", "strength", "due"),
    [
        (10.30, 0.5, 1.0, 10.50),  # the nearest line that is not past
        (10.70, 0.5, 1.0, 11.00),
        (10.50, 0.5, 1.0, 10.50),  # on the line
        (10.30, 0.5, 0.0, 10.30),  # no strength, no delay
        (10.30, 0.5, 0.5, 10.40),  # half of the way
        (10.30, 0.5, 0.25, 10.35),
        (10.30, 0.5, 9.0, 10.50),  # never beyond the line
        (10.30, 0.0, 1.0, 10.30),  # no grid
        (10.01, 4.0, 1.0, 14.00),
    ],
)
def test_a_start_moves_its_share_of_the_way_to_the_next_line(time, grid, strength, due):
    assert quantise(time, AT_60, grid, strength) == pytest.approx(due)


def test_a_start_a_little_late_is_on_its_line_when_that_is_wanted():
    assert quantise(10.52, AT_60, 0.5, 1.0, late_s=0.03) == 10.52
    assert quantise(10.54, AT_60, 0.5, 1.0, late_s=0.03) == pytest.approx(11.0)


def test_two_starts_in_one_slot_are_both_due():
    assert [quantise(time, AT_60, 1.0, 1.0) for time in (10.2, 10.7)] == [11.0, 11.0]


def test_a_start_under_a_clock_that_stands_still_is_due_at_once():
    assert quantise(10.3, ClockIn(keep=False), 0.5, 1.0) == 10.3


@settings(max_examples=300, deadline=None)
@given(
    st.floats(0.0, 1e5),
    st.floats(20.0, 300.0),
    st.sampled_from([0.25, 1 / 3, 0.5, 1.0, 4.0]),
    st.floats(0.0, 1.0),
    st.floats(0, 0.1),
)
def test_a_start_is_never_early_and_never_more_than_a_line_late(time, bpm, grid, strength, late):
    due = quantise(time, Tempo(bpm), grid, strength, late)
    assert time <= due <= time + strength * grid * 60.0 / bpm + 1e-6


# ---------------------------------------------------------------- clock out


def run_clock(clock: ClockOut, until: float) -> list[tuple[float, bytes]]:
    """What leaves when the clock is called exactly when it is due."""
    sent: list[tuple[float, bytes]] = []
    while clock.due <= until:
        sent += clock.tick(clock.due)
    return sent


def heard(sent: list[tuple[float, bytes]]) -> list[int]:
    """The song positions, in CLOCKs, at which a receiver that keeps to the standard hears each CLOCK; -1 while it stands."""
    at, moving, places = 0, False, []
    for _, message in sent:
        if message in (START, CONTINUE):
            at, moving = (0 if message == START else at), True
        elif message == STOP:
            moving = False
        elif message == CLOCK:
            places.append(at if moving else -1)
            at += moving
        else:
            at = 6 * (message[1] | message[2] << 7)
    return places


def test_ten_minutes_of_clock_do_not_drift():
    clock = ClockOut(Tempo(123.4, start=7_000_000.0), 7_000_000.0)
    sent = run_clock(clock, 7_000_600.0 + 1e-6)
    assert len(sent) == 1 + int(10 * 123.4 * 24)
    assert all(message == CLOCK for _, message in sent)
    off = [abs(time - (7_000_000.0 + n * 60.0 / (123.4 * 24))) for n, (time, _) in enumerate(sent)]
    assert max(off) < 1e-7


def test_ten_minutes_of_clock_under_many_changes_of_tempo_do_not_drift():
    tempo = Tempo(100.0)
    clock, chance, count, beats, now, bpm = ClockOut(tempo, 0.0), random.Random(5), 0, 0.0, 0.0, 100.0
    while now < 600.0:
        step = min(chance.uniform(0.1, 5.0), 600.0 - now)
        count += len(run_clock(clock, now + step))
        beats, now, bpm = beats + step * bpm / 60.0, now + step, chance.uniform(40.0, 180.0)
        tempo.change(bpm, now)
    assert count == 1 + int(beats * 24 + 1e-6)


def test_the_clock_goes_on_while_stopped_and_the_song_begins_with_the_next_one():
    clock = ClockOut(Tempo(125.0), 0.0)  # a CLOCK each 20 ms
    sent = run_clock(clock, 0.05) + clock.start(0.05) + run_clock(clock, 0.11)
    assert [(round(time, 3), message) for time, message in sent] == [
        (0.0, CLOCK), (0.02, CLOCK), (0.04, CLOCK), (0.05, START), (0.06, CLOCK), (0.08, CLOCK), (0.1, CLOCK),
    ]  # fmt: skip
    assert heard(sent) == [-1, -1, -1, 0, 1, 2]
    assert clock.origin == pytest.approx(3 / 24)


def test_stop_continue_and_song_position_go_where_they_say():
    clock = ClockOut(Tempo(125.0), 0.0)
    sent = clock.start(0.0) + run_clock(clock, 0.05)
    sent += clock.stop(0.05) + run_clock(clock, 0.11) + clock.resume(0.11) + run_clock(clock, 0.15)
    sent += clock.locate(16, 0.15) + run_clock(clock, 0.19)
    sent += clock.stop(0.19) + clock.locate(4, 0.19) + clock.resume(0.19) + run_clock(clock, 0.21)
    # The very first CLOCK is due at 0.0, as is the start, and so comes before it.
    assert heard(sent) == [-1, 0, 1, -1, -1, -1, 2, 3, 96, 97, 24]
    assert [m for _, m in sent if m[0] == 0xF2] == [position_message(16), position_message(4)]


def test_the_origin_tells_where_the_song_lies_on_the_beat():
    tempo = Tempo(60.0)
    clock = ClockOut(tempo, 0.0)
    clock.locate(8, 3.01)
    clock.resume(3.01)
    first = clock.due
    assert tempo.beat_at(first) - clock.origin == pytest.approx(2.0)


def test_after_a_sleep_the_receiver_is_where_the_beat_is_without_a_flood():
    tempo = Tempo(125.0)
    clock = ClockOut(tempo, 0.0)
    sent = clock.start(0.005) + run_clock(clock, 1.0)
    woken = clock.tick(31.0)
    assert len(woken) <= 4
    sent += woken + run_clock(clock, 32.0)
    assert sent[-1][1] == CLOCK
    # Each CLOCK that the receiver counts is heard where it lies on the beat.
    lies = [round((tempo.beat_at(time) - clock.origin) * 24) for time, message in sent if message == CLOCK]
    places = heard(sent)
    assert all(place == lie for place, lie in zip(places, lies, strict=True) if place >= 0)
    assert places[-1] == lies[-1] and places.count(-1) <= 7


def test_a_stop_right_after_a_sleep_is_a_stop():
    clock = ClockOut(Tempo(125.0), 0.0)
    clock.start(0.005)
    sent = clock.tick(31.0) + clock.stop(31.0) + run_clock(clock, 31.5)
    assert CONTINUE not in [message for _, message in sent]
    assert clock.resume(31.5)[-1] == (31.5, CONTINUE)


def test_song_position_is_seven_bits_and_seven():
    assert [position_message(n) for n in (0, 127, 128, 16383, 99_999, -1)] == [
        b"\xf2\0\0", b"\xf2\x7f\0", b"\xf2\0\x01", b"\xf2\x7f\x7f", b"\xf2\x7f\x7f", b"\xf2\0\0",
    ]  # fmt: skip


# ---------------------------------------------------------------- clock in


def ticks_of(*parts: tuple[float, float], start: float = 100.0) -> list[tuple[float, float]]:
    """(time, bpm) of each CLOCK of a sender that plays so many beats at each bpm."""
    found, time = [], start
    for bpm, beats in parts:
        for _ in range(round(beats * 24)):
            found.append((time, bpm))
            time += 60.0 / bpm / 24
    return found


def follow(clock: ClockIn, sender: list[tuple[float, float]], jitter: float, seed: int, gauss: bool = False) -> dict:
    """Poll the clock each millisecond: the beats in the order they came, when, and how far the beat is from the sender's."""
    chance = random.Random(seed)
    off = (lambda: chance.gauss(0, jitter)) if gauss else (lambda: chance.uniform(-jitter, jitter))
    arrivals = sorted(time + off() for time, _ in sender)
    times = [time for time, _ in sender]
    beats, errors, next_beat, came, before = [], [], 0, 0, -1.0
    for step in range(int((times[-1] - times[0]) * 1000)):
        now = times[0] + step / 1000
        while came < len(arrivals) and arrivals[came] <= now:
            clock.take(CLOCK, arrivals[came])
            came += 1
        assert clock.tick(now) == ""
        beat = clock.beat_at(now)
        assert beat >= before
        before = beat
        while clock.running and beat >= next_beat:
            beats.append((next_beat, now))
            next_beat += 1
        n = min(max(bisect_right(times, now) - 1, 0), len(times) - 2)
        true = (n + (now - times[n]) / (times[n + 1] - times[n])) / 24
        errors.append((now, (beat - true) * 60.0 / sender[n][1]))
    return {"beats": beats, "errors": errors}


@pytest.mark.parametrize("gauss", [False, True], ids=["up to 3 ms", "3 ms deviation"])
def test_a_steady_clock_with_jitter_is_a_steady_beat(gauss):
    clock = ClockIn()
    came = follow(clock, ticks_of((120, 60)), 0.003, 1, gauss)
    assert [beat for beat, _ in came["beats"]] == list(range(60))
    settled = [abs(error) for now, error in came["errors"] if now > 102.0]
    assert max(settled) < 0.004
    assert clock.bpm == pytest.approx(120.0, abs=0.5)


@pytest.mark.parametrize("seed", range(4))
def test_a_jump_from_60_to_140_and_back_loses_no_beat(seed):
    """The jumps come anywhere within a beat; each beat is heard once, within three CLOCKs (of 60 BPM) of the sender's."""
    chance = random.Random(seed)
    first, second = 8 + chance.random(), 30 + chance.random()
    sender = ticks_of((60, first), (140, second), (60, 8))
    came = follow(ClockIn(), sender, 0.003, seed, gauss=seed % 2 == 1)
    true = [time for n, (time, _) in enumerate(sender) if n % 24 == 0]
    assert [beat for beat, _ in came["beats"]] == list(range(len(came["beats"])))
    assert len(came["beats"]) in (len(true), len(true) - 1)
    late = [heard - time for (_, heard), time in zip(came["beats"], true, strict=False)]
    assert max(map(abs, late)) < 3 * 60 / 60 / 24 + 0.004
    jump = sender[round(first * 24)][0]
    assert max(abs(error) for now, error in came["errors"] if jump + 0.15 < now < jump + 5) < 0.010


@pytest.mark.long
def test_a_hundred_senders_with_jumps_lose_no_beat():
    for seed in range(100):
        chance = random.Random(seed)
        parts = [(chance.uniform(40, 180), chance.uniform(4, 20)) for _ in range(8)]
        came = follow(ClockIn(), ticks_of(*parts), 0.003, seed, gauss=seed % 2 == 1)
        counted = sum(round(beats * 24) for _, beats in parts)
        assert [beat for beat, _ in came["beats"]] == list(range(len(came["beats"])))
        assert len(came["beats"]) >= (counted - 2) // 24


def test_a_tempo_that_wanders_is_followed():
    sender = ticks_of(*[(100 + n / 20, 1 / 24) for n in range(1200)])
    came = follow(ClockIn(), sender, 0.003, 3)
    assert max(abs(error) for now, error in came["errors"] if now > 102.0) < 0.006


def test_one_late_clock_and_a_held_up_bunch_do_not_bend_the_tempo():
    clock = ClockIn()
    times = [time for time, _ in ticks_of((120, 8))]
    times[60] += 0.018
    for n in range(100, 104):  # the machine slept, then they come one upon the other
        times[n] = times[104] - 0.01 + n * 1e-4
    for time in sorted(times):
        clock.take(CLOCK, time)
        if time > 101.0:
            assert clock.bpm == pytest.approx(120.0, abs=3.0)
    assert clock.beat_at(times[-1]) == pytest.approx(8 - 1 / 24, abs=0.01)


def feed(clock: ClockIn, bpm: float, start: float, count: int) -> float:
    """So many CLOCKs from `start` on; the time of the last."""
    for n in range(count):
        clock.take(CLOCK, start + n * 60.0 / bpm / 24)
    return start + (count - 1) * 60.0 / bpm / 24


def test_the_beat_is_counted_and_can_be_foretold():
    clock = ClockIn()
    feed(clock, 120, 100.0, 49)  # two beats
    assert clock.beat_at(101.0) == pytest.approx(2.0, abs=1e-6)
    assert clock.beat_at(101.01) == pytest.approx(2.02, abs=1e-6)
    assert clock.time_of(2.5) == pytest.approx(101.25, abs=1e-6)
    assert clock.time_of(1.0) <= 101.0  # it has been


@pytest.mark.parametrize(("bpm", "patience"), [(120, 0.5), (60, 0.5), (15, 4 * 60 / 15 / 24)])
def test_a_clock_that_stops_coming_is_told_once(bpm, patience):
    clock = ClockIn()
    last = feed(clock, bpm, 100.0, 60)
    assert clock.due == pytest.approx(last + patience, abs=1e-6)
    assert clock.tick(clock.due - 0.001) == ""
    assert (clock.tick(clock.due), clock.tick(last + 9.0)) == ("lost", "")
    assert not clock.alive and clock.due == NEVER


def test_a_lost_clock_is_kept_going_at_its_last_tempo_and_joined_again():
    clock = ClockIn(keep=True)
    last = feed(clock, 120, 100.0, 49)
    clock.tick(last + 0.5)
    assert clock.running
    assert clock.beat_at(last + 3.0) == pytest.approx(8.0, abs=1e-4)
    assert clock.time_of(9.0) == pytest.approx(last + 3.5, abs=1e-4)
    assert clock.take(CLOCK, last + 3.008) == "found"  # a little beside our own beat: the nearest CLOCK is meant
    assert clock.beat_at(last + 3.008) == pytest.approx(8.0, abs=0.03)
    assert clock.take(CLOCK, last + 3.029) == ""


def test_a_lost_clock_stands_still_when_that_is_wanted_and_counts_on_from_there():
    clock = ClockIn(keep=False)
    last = feed(clock, 120, 100.0, 49)
    clock.tick(last + 0.5)
    stood = clock.beat_at(last + 0.5)
    assert not clock.running
    assert clock.beat_at(last + 60.0) == stood
    assert clock.time_of(stood + 0.01) == NEVER
    feed(clock, 120, last + 60.0, 48)
    assert clock.running
    assert clock.beat_at(last + 60.0 + 47 / 48) == pytest.approx((49 + 47) / 24, abs=1e-6)


def test_start_stop_continue_and_song_position_are_obeyed():
    clock = ClockIn()
    last = feed(clock, 120, 100.0, 31)
    assert clock.take(START, last + 0.001) == "start"
    assert (clock.beat_at(last + 0.01), clock.time_of(1.0), clock.running) == (0.0, NEVER, False)
    last = feed(clock, 120, last + 1 / 48, 25)  # the first CLOCK after Start is beat 0
    assert clock.beat_at(last) == pytest.approx(1.0, abs=1e-6)
    assert clock.take(STOP, last + 0.005) == "stop"
    stood = clock.beat_at(last + 0.005)
    last = feed(clock, 120, last + 1 / 48, 10)
    assert clock.beat_at(last) == stood
    assert clock.take(CONTINUE, last + 0.005) == "continue"
    last = feed(clock, 120, last + 1 / 48, 24)
    assert clock.beat_at(last) == pytest.approx(2.0, abs=1e-6)
    clock.take(STOP, last + 0.001)
    assert clock.take(position_message(40), last + 0.002) == "position"
    assert clock.beat_at(last + 1.0) == 10.0
    clock.take(CONTINUE, last + 0.003)
    last = feed(clock, 120, last + 1 / 48, 1)
    assert clock.beat_at(last) == pytest.approx(10.0, abs=1e-6)


def test_song_position_while_running_goes_there():
    clock = ClockIn()
    last = feed(clock, 120, 100.0, 49)
    clock.take(position_message(16), last + 0.001)
    last = feed(clock, 120, last + 1 / 48, 25)
    assert clock.beat_at(last) == pytest.approx(5.0, abs=1e-6)


def test_a_sender_without_clocks_while_stopped_starts_on_its_first_one():
    clock = ClockIn()
    clock.take(START, 50.0)
    assert clock.beat_at(60.0) == 0.0
    assert clock.take(CLOCK, 61.0) == "found"
    assert clock.beat_at(61.0) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("message", [b"", b"\xfe", b"\x90\x3c\x40", b"\xf2", b"\xf2\x01"])
def test_other_messages_mean_nothing(message):
    assert ClockIn().take(message, 1.0) == ""


def test_our_own_clock_is_followed_to_the_sixteenth_through_every_order():
    clock, follower, now = ClockOut(Tempo(97.0), 0.0), ClockIn(), 0.0
    orders = [clock.start, clock.stop, lambda t: clock.locate(33, t), clock.resume, lambda t: clock.locate(7, t), clock.start]
    for act in orders:
        for time, message in act(now) + run_clock(clock, now + 3.0):
            follower.take(message, time)
        now += 3.0
    assert follower.beat_at(now) == pytest.approx(Tempo(97.0).beat_at(now) - clock.origin, abs=0.01)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([CLOCK, CLOCK, CLOCK, START, STOP, CONTINUE, b"\xf2\x05\x01"]), st.floats(0, 0.7))))
def test_any_messages_at_any_times_leave_a_clock_that_can_be_read(said):
    for keep in (True, False):
        clock, now = ClockIn(keep), 10.0
        for message, after in said:
            now += after
            clock.tick(now)
            clock.take(message, now)
            before = clock.beat_at(now)
            assert clock.beat_at(now + 0.1) >= before >= 0.0
            assert clock.time_of(before + 1.0) > now - 1e-6
            assert 5.0 <= clock.bpm <= 1000.0
