"""The steps of a calibration, told to invented clients in invented time."""

from __future__ import annotations

import pytest

from host.decider_movement import Client, Press, presses
from reachnote.calibration.dialogue import Dialogue
from reachnote.calibration.steps import Sensor
from reachnote_wire import NO_TARGET, OK, impact_value

SENSOR = Sensor("Beam", "hand", "distance", rest=800.0, full=100.0, low=30.0, high=4000.0, unit="mm")


def near(value: float) -> float:
    """Where a share of a 300 mm movement before 500 mm lies."""
    return 500.0 - 300.0 * value


def client(shown: list[Press], seconds: float, noise: float = 0.01, rate: float = 50.0, seed: int = 1) -> Client:
    return Client(shown, seconds, rate_hz=rate, noise=noise, rest=500.0, span=-300.0, seed=seed)


def play(talk: Dialogue, who: Client, start: float = 0.0, end: float = 1e9, until: str = "") -> float:
    """Readings of `who` from `start`; stops at `end`, at the step `until` or at the end of the dialogue. The last time."""
    t = start
    for t, v in zip(who.t, who.v, strict=True):
        if t < start:
            continue
        if t > end or talk.done or talk.step == until:
            return t
        talk.reading(t, v, OK)
    return t


SIX = [Press(11.0 + 2.5 * n) for n in range(6)]


def test_the_steps_of_a_guided_calibration_follow_by_themselves():
    talk, who, seen = Dialogue(SENSOR), client([*SIX, Press(40.0)], 60.0), []
    for t, v in zip(who.t, who.v, strict=True):
        talk.reading(t, v, OK)
        if not seen or seen[-1] != talk.step:
            seen.append(talk.step)
    assert seen == ["check", "rest", "play", "fast", "try"]  # the try lasts until the therapist goes on
    talk.press("next")
    assert talk.step == "result"
    assert talk.sentences[0] == "Works well. Small and strong movements both sound, and rest stays silent."
    assert talk.fit.rest == pytest.approx(500.0, abs=2.0)
    assert talk.fit.span == pytest.approx(-300.0, rel=0.03)


def test_a_guided_calibration_takes_at_most_a_minute():
    talk, who = Dialogue(SENSOR), client(SIX, 60.0)
    assert play(talk, who, until="try") <= 45.0


def test_what_is_shown_sounds_at_once_and_the_fit_follows():
    talk, who = Dialogue(SENSOR), client(SIX, 60.0)
    play(talk, who, until="play")
    assert [order["order"] for order in talk.orders] == ["tune"]
    assert abs(talk.orders[0]["span"]) < 60.0  # small at first, so that a small movement sounds
    play(talk, who, start=10.0, until="try")
    assert talk.orders[-1]["span"] == talk.fit.span
    assert talk.orders[-1]["rest"] == talk.fit.rest


def test_nothing_ends_because_the_client_needs_time():
    talk, who = Dialogue(SENSOR), client([], 400.0)
    play(talk, who)
    assert talk.step == "play"
    assert talk.note.startswith("Take all the time it needs.")


def test_what_did_not_count_and_what_was_helped_change_nothing():
    plain = Dialogue(SENSOR)
    play(plain, client(SIX[:3], 30.0))
    huge = [SIX[0], SIX[1], SIX[2], Press(19.5, height=2.0), Press(23.5, height=0.4)]
    talk, who = Dialogue(SENSOR), client(huge, 30.0)
    last = play(talk, who, end=22.5)
    talk.press("drop")
    play(talk, who, start=last)
    talk.press("assist")
    for one in (plain, talk):
        for _ in range(2):
            one.press("next")
    assert talk.gestures == plain.gestures == 3
    assert talk.fit.span == pytest.approx(plain.fit.span, rel=0.005)


def test_back_takes_the_step_again_and_forgets_what_it_heard():
    talk, who = Dialogue(SENSOR), client(SIX, 60.0)
    last = play(talk, who, end=15.5)
    assert talk.gestures == 2
    talk.press("back")
    assert (talk.step, talk.gestures) == ("play", 0)
    play(talk, who, start=last, until="try")
    assert talk.gestures == 4


def test_every_step_can_be_skipped_and_ends_in_a_sentence():
    talk = Dialogue(SENSOR)
    talk.tick(0.0)
    for _ in range(5):
        talk.press("next")
    assert talk.step == "result"
    talk.press("keep")
    assert talk.done
    assert talk.sentences == ["The sensor said nothing.", "Check its cable, then try again."]


def test_leaving_keeps_nothing_and_brings_the_old_setting_back():
    talk, who = Dialogue(SENSOR), client(SIX, 60.0)
    play(talk, who, end=15.0)
    talk.press("leave")
    assert (talk.done, talk.fit) == (True, None)
    assert talk.orders[-1] == {"order": "plain", "board": "Beam", "sensor": "hand"}


def test_who_cannot_follow_an_instruction_is_calibrated_while_playing():
    talk, who = Dialogue(SENSOR, "while playing"), client([Press(5.0 + 4.0 * n) for n in range(12)], 60.0)
    play(talk, who)
    assert talk.gestures in (11, 12)  # found without a rest that anybody asked for
    talk.press("next")
    talk.press("next")
    assert talk.fit.span == pytest.approx(-300.0, rel=0.1)
    assert talk.fit.rest == pytest.approx(500.0, abs=9.0)


def test_two_marks_of_the_therapist_set_the_reach_and_noise_keeps_its_say():
    talk, who = Dialogue(SENSOR, "therapist-set"), client([Press(8.0, hold=30.0, height=0.5)], 40.0)
    last = play(talk, who, until="start")
    play(talk, who, start=last, end=12.0)
    assert talk.mark == pytest.approx(350.0, abs=8.0)  # where the hand is
    talk.press("next")
    assert talk.step == "full"
    for _ in range(2):
        talk.press("up")
    assert talk.mark == pytest.approx(350.0 - 2 * 39.7, abs=8.0)
    talk.press("next")
    assert talk.fit.span == pytest.approx(-(150.0 + 79.4), abs=9.0)
    assert talk.fit.parameters["onset"] / 8192 == pytest.approx(150.0 / 229.4, abs=0.05)


@pytest.mark.parametrize(
    ("height", "moved", "kept", "said"),
    [
        (1.0, 0.0, True, "As last time: rest and movements agree, so the calibration is kept."),
        (0.7, 0.0, True, "As last time: rest and movements agree, so the calibration is kept."),
        (0.5, 0.0, False, "Today the movements are clearly smaller than last time. Calibrate anew; it takes half a minute."),
        (1.0, 0.4, False, "Today the rest is in another place than last time. Calibrate anew; it takes half a minute."),
    ],
)
def test_as_last_time_is_kept_when_rest_and_movements_agree(height, moved, kept, said):
    talk = Dialogue(SENSOR, "as last time", (500.0 + 300.0 * moved, -300.0))
    play(talk, client([Press(7.0 + 2.5 * n, height=height) for n in range(3)], 20.0), until="result")
    assert (talk.keep_stored, talk.sentences) == (kept, [said])
    assert talk.orders == [{"order": "stored", "board": "Beam", "sensor": "hand"}]


def test_a_sensor_that_does_not_see_the_hand_is_named_and_stops_nothing():
    talk = Dialogue(SENSOR)
    for n in range(150):
        talk.reading(n * 0.02, 4000.0, NO_TARGET)
    assert (talk.step, talk.note) == ("rest", "The sensor does not see the hand. Point it, or check its cable; going on is possible.")


def test_a_pad_is_calibrated_by_a_few_hits():
    talk = Dialogue(Sensor("Pads", "left", "impact", 0.0, 4095.0, 0.0, 4095.0))
    hits, peak = 0, 0
    for n in range(10_000):
        t = n * 0.004
        if t > 10.5 and n % 250 == 0 and hits < 6:
            hits, peak = hits + 1, 1500 + 100 * hits
        talk.reading(t, impact_value(hits, peak, 0), OK)
    for _ in range(2):
        talk.press("next")
    assert talk.fit.facts["gestures"] == 6
    assert talk.fit.span == pytest.approx(1750.0, abs=1.0)


@pytest.mark.parametrize("keys", [["next"] * 9, ["back", "drop", "assist", "yes", "no", "easier", "harder", "up", "down"] * 3])
@pytest.mark.parametrize("mode", ["guided", "while playing", "therapist-set", "as last time"])
@pytest.mark.parametrize("values", [[], [7.0], [500.0] * 300, [float("nan")] * 300, [0.0, 4000.0] * 200])
def test_no_keys_at_no_reading_raise(keys, mode, values):
    talk = Dialogue(SENSOR, mode)
    for n, value in enumerate(values):
        talk.reading(n * 0.02, value, OK)
        if n % 40 == 0:
            talk.press(keys[n // 40 % len(keys)])
    for key in [*keys, *["next"] * 8, "keep", "leave"]:
        talk.press(key)
    assert talk.done
    assert talk.sentences


def test_easier_is_kept_with_what_is_saved():
    talk, who = Dialogue(SENSOR), client(presses(6), 60.0)
    play(talk, who)
    while talk.step != "try":
        talk.press("next")
    talk.press("easier")
    talk.press("easier")
    assert talk.factor == pytest.approx(0.64)
    assert [order["order"] for order in talk.orders[-2:]] == ["easier", "easier"]


def test_who_moves_while_resting_is_given_time_and_only_the_quiet_counts():
    talk, who = Dialogue(SENSOR), client([Press(0.4 + 1.9 * n, hold=0.5) for n in range(40)], 80.0)
    play(talk, who, end=10.5)
    assert talk.step == "rest"
    assert talk.note.startswith("The client is moving; that is fine.")
    last = play(talk, who, start=10.52, until="try")
    assert last < 45.0
    assert talk.fit.rest == pytest.approx(500.0, abs=4.0)
    assert talk.fit.span == pytest.approx(-300.0, rel=0.05)
    assert talk.fit.grade in ("A", "B")


def test_a_bad_result_is_not_kept_by_the_key_that_goes_on():
    talk, who = Dialogue(SENSOR), client([], 30.0)
    play(talk, who)
    while talk.step != "result":
        talk.press("next")
    assert talk.fit.grade == "D"
    assert [name for name, _ in talk.keys] == ["next", "keep", "leave"]
    talk.press("next")
    assert (talk.step, talk.done) == ("rest", False)


def test_two_marks_at_one_place_are_said_and_not_taken():
    talk, who = Dialogue(SENSOR, "therapist-set"), client([Press(8.0, hold=30.0, height=0.5)], 40.0)
    last = play(talk, who, until="start")
    play(talk, who, start=last, end=12.0)
    talk.press("next")
    talk.press("next")
    assert (talk.step, talk.note) == ("full", "Both marks are at nearly the same place. Move further towards full, then Enter.")


def test_a_trembling_rest_is_calm_all_the_time():
    from reachnote.calibration.spotting import calm_stretches

    rows = [(n * 0.02, 5.0 * ((n // 5) % 2)) for n in range(400)]
    assert calm_stretches(rows) == [(0.0, 7.98)]
    assert calm_stretches([]) == []
    held = [(t, v + (200.0 if 3.0 <= t < 5.0 else 0.0)) for t, v in rows]
    assert calm_stretches(held) == [(0.0, 3.0), (5.0, 7.98)]


def test_a_movement_right_after_the_rest_is_not_taken_for_rest():
    talk, who = Dialogue(SENSOR), client([Press(10.02 + 2.5 * n, rise=0.1) for n in range(6)], 60.0)
    who.t = [t + 0.25 for t in who.t]
    play(talk, who, until="try")
    assert talk.fit.facts["false_starts"] == 0
    assert talk.fit.grade == "A"
