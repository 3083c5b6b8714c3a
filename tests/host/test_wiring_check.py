"""The wiring check on the shipped firmware with planted faults, in invented time: every verdict, and what it is told by."""

from __future__ import annotations

import pytest

import reachnote_wire as wire
from reachnote.board import Hello, SensorInfo
from reachnote.instruments import drivers
from reachnote.model import Reading
from reachnote.wiring_check import Line, Sheet, WiringCheck, resting_verdicts, sheet_json, sheet_lines
from reachnote.wiring_words import asked, hand_cm, pins_of
from support.workbench import Workbench, bench, plain

LEFT = {"name": "left", "driver": "switch", "pin": 14}
RIGHT = {"name": "right", "driver": "switch", "pin": 15}
PAD = {"name": "pad", "driver": "fsr", "pin": 26, "r_m_ohm": 3300}
SLIDE = {"name": "slide", "driver": "voltage", "pin": 27, "rails": "none"}
BALL = {"name": "ball", "driver": "mprls"}
HAND = {"name": "hand", "driver": "vl53l1x"}
NEAR = {"name": "near", "driver": "hcsr04", "trigger": 10, "echo": 11, "period_ms": 100}
FAR = {"name": "far", "driver": "hcsr04", "trigger": 12, "echo": 13, "period_ms": 100, "phase_ms": 50}
DRUM = {"name": "drum", "driver": "piezo", "pin": 28}
TOM = {"name": "tom", "driver": "piezo", "pin": 27}
CELL = {"name": "cell", "driver": "hx711", "clock": 16, "data": 17}

# What a hand gives each model at rest and when it does what is asked: in the model's own unit.
REST = {
    "switch": 0,
    "fsr": 0.0,
    "voltage": 0.4,
    "mprls": 101325.0,
    "vl53l1x": 900.0,
    "hcsr04": 2000.0,
    "piezo": 0.0,
    "hx711": 0.0,
}
MOVED = {
    "switch": 1,
    "fsr": 90.0,
    "voltage": 2.2,
    "mprls": 103000.0,
    "vl53l1x": 300.0,
    "hcsr04": 300.0,
    "piezo": 1.5,
    "hx711": 5.0,
}
LASTS = {"piezo": 0.005}


class Person:
    """Does what the check asks, with the sensors that `does` names instead: 1 s after the asking, for 0.5 s, or as told."""

    def __init__(self, there: Workbench, sensors: list[dict], does: dict[str, str] | None = None, lasts: float = 0.5) -> None:
        self.check = WiringCheck(there.hello, pins_of({"sensors": sensors, "buses": {"i2c0": {"sda": 4, "scl": 5}}}, drivers()))
        self.there = there
        self.sensors = sensors
        self.does = does if does is not None else {sensor["name"]: sensor["name"] for sensor in sensors}
        self.lasts = lasts
        self.asked: dict[str, float] = {}
        for sensor in sensors:
            if sensor["name"] in there.models:
                there.models[sensor["name"]].hand = self.hand_of(sensor)

    def hand_of(self, sensor: dict):
        driver = sensor["driver"]
        lasts = LASTS.get(driver, self.lasts)

        def position(t: float) -> float:
            for name, moved in self.does.items():
                if moved == sensor["name"] and name in self.asked and 0 <= t - self.asked[name] - 1.0 < lasts:
                    return MOVED[driver]
            return REST[driver]

        return position

    def each(self, now: float) -> None:
        check = self.check
        check.tick(now)
        if check.step == "ask":
            self.asked.setdefault(self.sensors[check.number]["name"], now)
        elif check.step == "told" and check.line.verdict != "good":
            check.press("next")

    def take(self, reading: Reading) -> None:
        self.check.reading(reading.sensor, reading.time, reading.raw, reading.status)

    def goes_through(self, seconds: float = 40.0) -> Sheet:
        for _ in range(round(seconds)):
            self.there.run(1.0, self.take, self.each)
            if self.check.step == "over":
                break
        assert self.check.step == "over", self.check.prompt
        return self.check.sheet


def checked(sensors: list[dict], does: dict[str, str] | None = None, faults: dict[str, dict] | None = None, **more) -> Sheet:
    there = Workbench(sensors)
    person = Person(there, sensors, does, **more)
    for name, changes in (faults or {}).items():
        for key, value in changes.items():
            setattr(there.models[name], key, value)
    return person.goes_through()


def verdicts(sheet: Sheet) -> list[str]:
    return [line.verdict for line in sheet.lines]


# ---------------------------------------------------------------- good


@pytest.mark.parametrize("sensor", [LEFT, PAD, SLIDE, BALL, HAND, NEAR, DRUM, CELL], ids=lambda sensor: sensor["driver"])
def test_a_sensor_that_does_what_is_asked_is_good(sensor):
    sheet = checked([sensor])
    assert verdicts(sheet) == ["good"]
    assert sheet.good and sheet.text == "Its sensor is good."


def test_a_board_of_different_sensors_is_walked_through_in_its_order():
    sensors = [LEFT, BALL, HAND]
    sheet = checked(sensors)
    assert [(line.sensor, line.verdict) for line in sheet.lines] == [("left", "good"), ("ball", "good"), ("hand", "good")]
    assert sheet.text == "All 3 sensors are good."


@pytest.mark.parametrize(("pascal", "verdict"), [(540.0, "stuck"), (680.0, "good")])
def test_a_movement_is_more_than_fifteen_hundredths_of_the_declared_reach(pascal, verdict):
    there = Workbench([BALL])
    person = Person(there, [BALL])
    squeezed = person.hand_of(BALL)
    there.models["ball"].hand = lambda t: 101325 + (pascal if squeezed(t) > 101325 else 0.0)
    assert verdicts(person.goes_through()) == [verdict]


@pytest.mark.parametrize(("left_over", "verdict"), [(200.0, "good"), (400.0, "stuck")])
def test_let_go_is_nearer_to_rest_than_half_of_that(left_over, verdict):
    there = Workbench([BALL])
    person = Person(there, [BALL])
    squeezed = person.hand_of(BALL)

    def leaks(t: float) -> float:
        after = "ball" in person.asked and t > person.asked["ball"] + 1.5
        return 101325 + left_over if after else squeezed(t)

    there.models["ball"].hand = leaks
    assert verdicts(person.goes_through()) == [verdict]


@pytest.mark.parametrize(("share", "verdict"), [(0.2, "good"), (0.6, "good"), (4.0, "wrong one")])
def test_a_pad_that_feels_its_neighbour_is_told_from_one_that_is_swapped_with_it(share, verdict):
    there = Workbench([DRUM, TOM])
    person = Person(there, [DRUM, TOM])
    tapped = person.hand_of(DRUM)
    there.models["drum"].hand = lambda t: tapped(t) / 2
    there.models["tom"].hand = lambda t: tapped(t) * share / 2
    there.run(5.0, person.take, person.each)
    assert person.check.sheet.lines[0].verdict == verdict


def test_a_declared_normally_closed_switch_is_good():
    assert verdicts(checked([{**LEFT, "contact": "closed"}])) == ["good"]


def test_what_was_measured_is_in_the_sensors_own_unit():
    ball, hand = checked([BALL, HAND]).lines
    assert ball.measured["rest"] == pytest.approx(101325, abs=5) and ball.measured["moved"] == pytest.approx(1675, abs=10)
    assert (ball.unit, hand.unit) == ("Pa", "mm")
    assert hand.measured["rest"] == pytest.approx(900, abs=10) and hand.measured["hand"] == pytest.approx(300, abs=10)


# ---------------------------------------------------------------- planted faults


def test_a_shorted_switch_is_shorted():
    (line, other) = checked([LEFT, RIGHT], faults={"left": {"shorted": True}}).lines
    assert (line.verdict, other.verdict) == ("shorted", "good")
    assert line.text == (
        "It reads as pressed all the time: its two wires touch, or something holds it down. Look at the wire on pin GP14."
    )


def test_a_normally_closed_switch_is_reversed():
    (line,) = checked([LEFT], faults={"left": {"closed": True}}).lines
    assert line.verdict == "reversed"
    assert line.text.startswith("It is a normally-closed switch. It plays, since the board turns it round.")


def test_an_unplugged_switch_looks_unplugged_after_ten_seconds():
    (line,) = checked([LEFT], faults={"left": {"absent": True}}).lines
    assert line.verdict == "unplugged"
    assert line.text == (
        "No press arrived within 10 s, so it looks unplugged. Push its plug in to its stop. Look at the wire on pin GP14."
    )


def test_a_declared_normally_closed_switch_that_is_not_there_is_unplugged():
    (line,) = checked([{**LEFT, "contact": "closed"}], faults={"left": {"absent": True}}).lines
    assert line.verdict == "unplugged"


@pytest.mark.parametrize(
    ("sensor", "pins"), [(BALL, "GP4 (SDA) and GP5 (SCL)"), (HAND, "GP4 (SDA) and GP5 (SCL)")], ids=["mprls", "vl53l1x"]
)
def test_an_i2c_sensor_that_does_not_answer_is_unplugged(sensor, pins):
    (line,) = checked([sensor], faults={sensor["name"]: {"absent": True}}).lines
    assert line.verdict == "unplugged"
    assert f"It does not answer, so it looks unplugged. Look at the wires on pins {pins}." in line.text


@pytest.mark.parametrize(
    ("sensor", "fault"), [(NEAR, "absent"), (DRUM, "absent"), (CELL, "absent")], ids=["hcsr04", "piezo", "hx711"]
)
def test_what_its_driver_misses_is_unplugged(sensor, fault):
    assert verdicts(checked([sensor], faults={sensor["name"]: {fault: True}})) == ["unplugged"]


def test_an_open_adc_of_a_pressure_pad_is_unplugged_once_it_is_pressed():
    (line,) = checked([PAD], faults={"pad": {"absent": True}}).lines
    assert line.verdict == "unplugged"
    assert line.text == "It read nothing for 10 s, so it looks unplugged. Look at the wire on pin GP26."


@pytest.mark.parametrize("sensor", [PAD, DRUM], ids=["fsr", "piezo"])
def test_an_adc_that_touches_3_3_volts_is_shorted(sensor):
    (line,) = checked([sensor], faults={sensor["name"]: {"saturated": True}}).lines
    assert line.verdict == "shorted" and "as if its wire touched 3.3 V" in line.text


def test_an_open_input_without_a_resistor_is_noisy():
    (line,) = checked([SLIDE], faults={"slide": {"absent": True}}).lines
    assert line.verdict == "noisy" and "Look at the wire on pin GP27." in line.text


@pytest.mark.parametrize(("noise", "verdict"), [(2, "good"), (500, "good"), (2400, "noisy")])
def test_noise_of_more_than_a_tenth_of_the_reach_is_noisy(noise, verdict):
    assert verdicts(checked([SLIDE], faults={"slide": {"noise": noise}})) == [verdict]


def test_a_loose_contact_of_a_switch_is_noisy():
    there = Workbench([LEFT])
    person = Person(there, [LEFT])
    there.models["left"].hand = lambda t: int(t * 40) % 2
    assert verdicts(person.goes_through()) == ["noisy"]


def test_a_switch_that_chatters_when_it_is_pressed_is_noisy():
    there = Workbench([LEFT])
    person = Person(there, [LEFT])
    pressed = person.hand_of(LEFT)
    there.models["left"].hand = lambda t: pressed(t) and int(t * 60) % 2
    (line,) = person.goes_through().lines
    assert line.verdict == "noisy" and line.text.startswith("One movement came as many, as from a loose contact.")


def test_impatient_presses_are_no_chatter():
    there = Workbench([LEFT])
    person = Person(there, [LEFT], lasts=1.0)
    pressed = person.hand_of(LEFT)
    there.models["left"].hand = lambda t: pressed(t) and int(t * 8) % 2
    assert verdicts(person.goes_through()) == ["good"]


def test_a_swapped_pair_is_named_with_its_pins():
    left, right = checked([LEFT, RIGHT], does={"left": "right", "right": "left"}).lines
    assert (left.verdict, right.verdict) == ("wrong one", "wrong one")
    assert left.text == (
        "right moved instead: left and right are swapped. Exchange their plugs, or their pins. left is on pin GP14, right on pin GP15."
    )


@pytest.mark.parametrize("pair", [(NEAR, FAR), (DRUM, TOM)], ids=["hcsr04", "piezo"])
def test_every_kind_knows_its_swapped_pair(pair):
    one, other = (sensor["name"] for sensor in pair)
    assert verdicts(checked(list(pair), does={one: other, other: one})) == ["wrong one", "wrong one"]


def test_a_hand_that_crosses_another_beam_on_its_way_swaps_nothing():
    there = Workbench([NEAR, FAR])
    person = Person(there, [NEAR, FAR], lasts=1.0)
    mine, beside = person.hand_of(NEAR), person.hand_of(FAR)
    there.models["far"].hand = lambda t: mine(t + 0.8) if mine(t + 0.8) < 1000 else beside(t)
    there.models["near"].hand = lambda t: mine(t - 0.4)
    assert verdicts(person.goes_through()) == ["good", "good"]


def test_another_kind_of_sensor_that_moved_is_no_swap():
    left, hand = checked([LEFT, HAND], does={"left": "hand", "hand": "hand"}).lines
    assert (left.verdict, hand.verdict) == ("unplugged", "good")


def test_two_switches_whose_wires_touch_are_shorted():
    there = Workbench([LEFT, RIGHT])
    person = Person(there, [LEFT, RIGHT])
    bench.attach_pin(15, there.models["left"])
    there.models["left"].hand = lambda t: max(person.hand_of(LEFT)(t), person.hand_of(RIGHT)(t))
    left, right = person.goes_through().lines
    assert (left.verdict, right.verdict) == ("shorted", "shorted")
    assert left.text.startswith("right was pressed with it: their wires touch, or one switch is on both pins.")


class Inverted:
    """A divider whose two parts changed places, or a slide whose outer wires did."""

    def __init__(self, model) -> None:
        self.model = model

    def volts(self, us):
        return 3.3 - self.model.volts(us)


@pytest.mark.parametrize(
    ("sensor", "said"),
    [(PAD, "the pad and its resistor have changed places"), (SLIDE, "exchange its two outer wires")],
    ids=["fsr", "voltage"],
)
def test_what_falls_where_it_should_rise_is_reversed(sensor, said):
    there = Workbench([sensor])
    person = Person(there, [sensor])
    bench.attach_adc(sensor["pin"], Inverted(there.models[sensor["name"]]))
    (line,) = person.goes_through().lines
    assert line.verdict == "reversed" and said in line.text


def test_a_load_cell_with_exchanged_signal_wires_is_reversed():
    there = Workbench([CELL])
    person = Person(there, [CELL])
    right = person.hand_of(CELL)
    there.models["cell"].hand = lambda t: -right(t)
    (line,) = person.goes_through().lines
    assert line.verdict == "reversed" and "(A+ and A-)" in line.text


def test_a_squeeze_that_falls_is_a_sip():
    sensor = {**BALL, "reach_pa": -4000}
    (line,) = checked([sensor]).lines
    assert line.verdict == "reversed" and "reach_pa" in line.text


@pytest.mark.parametrize("sensor", [BALL, HAND, CELL], ids=["mprls", "vl53l1x", "hx711"])
def test_a_sensor_that_measures_no_more_is_stuck(sensor):
    assert verdicts(checked([sensor], faults={sensor["name"]: {"stuck": True}})) == ["stuck"]


def test_a_switch_that_stays_pressed_is_stuck():
    (line,) = checked([LEFT], lasts=60.0).lines
    assert line.verdict == "stuck" and line.text.startswith("It was pressed and did not come back.")


def test_no_hand_within_ten_seconds_is_stuck():
    (line,) = checked([HAND], does={}).lines
    assert line.verdict == "stuck" and line.text.startswith("It saw no hand for 10 s.")


def test_an_empty_room_is_a_distance_sensors_rest():
    there = Workbench([HAND])
    person = Person(there, [HAND])
    hand = person.hand_of(HAND)
    there.models["hand"].hand = lambda t: 5000.0 if hand(t) > 500 else hand(t)
    assert verdicts(person.goes_through()) == ["good"]


def test_a_wiring_that_the_board_cannot_use_is_stuck_with_the_boards_words():
    there = Workbench([{"name": "pad", "driver": "fsr", "pin": 26, "r_m_ohm": 1}])
    person = Person(there, [])
    person.sensors = [PAD]
    person.check.told(*there.said[0])
    (line,) = person.goes_through().lines
    assert line.verdict == "stuck"
    assert line.text.startswith("The board cannot use it. Look at its wires. The board says: sensor 'pad': r_m_ohm is 1")


# ---------------------------------------------------------------- the walk


def test_whoever_touches_it_at_first_is_waited_for():
    there = Workbench([LEFT])
    person = Person(there, [LEFT])
    there.models["left"].hand = lambda t: 0.5 < t < 3.0
    there.run(3.9, person.take, person.each)
    assert person.check.step == "rest" and person.check.prompt == "Take your hands off the left switch for a moment."
    there.run(0.3, person.take, person.each)
    assert person.check.step == "ask" and person.check.prompt == "Press the left switch now and let it go."


def test_enter_leaves_a_sensor_unchecked_and_a_second_look_is_possible():
    there = Workbench([LEFT, RIGHT])
    person = Person(there, [LEFT, RIGHT])
    there.run(3.0, person.take, person.each)
    assert person.check.step == "ask"
    person.check.press("next")
    assert (person.check.number, person.check.sheet.lines[0].verdict) == (1, "not checked")
    sheet = person.goes_through()
    assert verdicts(sheet) == ["not checked", "good"]
    assert not sheet.good and sheet.text == "Not checked: left."


def test_again_checks_the_same_sensor_again():
    there = Workbench([LEFT])
    person = Person(there, [LEFT])
    there.models["left"].absent = True
    person.each = lambda now: person.check.tick(now)
    there.run(14.0, person.take, person.each)
    assert (person.check.step, person.check.line.verdict) == ("told", "unplugged")
    there.models["left"].absent = False
    person.check.press("again")
    person.each = lambda now: Person.each(person, now)
    assert verdicts(person.goes_through()) == ["good"]


def test_leaving_writes_what_was_not_reached():
    there = Workbench([LEFT, RIGHT])
    person = Person(there, [LEFT, RIGHT])
    there.run(6.0, person.take, person.each)
    person.check.press("leave")
    assert person.check.step == "over"
    assert verdicts(person.check.sheet) == ["good", "not checked"]


def test_time_stands_still_while_the_board_is_silent():
    there = Workbench([LEFT])
    person = Person(there, [LEFT], does={})
    there.run(4.0, person.take, person.each)
    left = person.check.left_s
    for n in range(2000):
        person.check.tick(4.0 + n * 0.05)
    assert person.check.prompt == "Board is silent: push its plug in. Nothing goes on without it."
    assert person.check.left_s == pytest.approx(left - 1.5, abs=0.1)


def test_a_board_that_began_anew_begins_its_sensor_anew():
    there = Workbench([LEFT])
    person = Person(there, [LEFT])
    there.run(3.0, person.take, person.each)
    assert person.check.step == "ask"
    person.check.restart()
    assert person.check.step == "rest"


def test_where_only_moves_are_known_they_tell_a_swapped_pair():
    there = Workbench([LEFT, RIGHT])
    person = Person(there, [LEFT, RIGHT], does={})
    person.take = lambda reading: Person.take(person, reading) if reading.sensor == person.check.number else None
    there.run(4.0, person.take, person.each)
    person.check.moved(1, there.now)
    there.run(1.2, person.take, lambda now: person.check.tick(now))
    assert (person.check.step, person.check.line.verdict) == ("told", "wrong one")


# ---------------------------------------------------------------- at rest


def test_a_board_that_lies_there_rests_well():
    there = Workbench([LEFT, PAD, BALL, HAND, NEAR, DRUM])
    sheet = resting_verdicts(there.hello, there.readings(2.2), 2.2)
    assert verdicts(sheet) == ["good"] * 6 and sheet.good
    assert sheet.lines[0].text == "It rests as it should."
    assert sheet.lines[1].text == "It rests as it should. Whether its wire is in shows when it is pressed."


FAULTS_AT_REST = [
    (LEFT, {"shorted": True}, "shorted"),
    (LEFT, {"closed": True}, "shorted"),
    (PAD, {"saturated": True}, "shorted"),
    (BALL, {"absent": True}, "unplugged"),
    (BALL, {"stuck": True}, "stuck"),
    (HAND, {"absent": True}, "unplugged"),
    (DRUM, {"absent": True}, "unplugged"),
    (NEAR, {"absent": True}, "unplugged"),
    (SLIDE, {"absent": True}, "noisy"),
    (SLIDE, {"noise": 2400}, "noisy"),
]


@pytest.mark.parametrize(
    ("sensor", "changes", "verdict"),
    FAULTS_AT_REST,
    ids=[f"{sensor['driver']}-{next(iter(changes))}" for sensor, changes, _ in FAULTS_AT_REST],
)
def test_trouble_is_told_by_two_seconds_at_rest(sensor, changes, verdict):
    there = Workbench([sensor])
    for key, value in changes.items():
        setattr(there.models[sensor["name"]], key, value)
    sheet = resting_verdicts(there.hello, there.readings(2.2), 2.2)
    assert verdicts(sheet) == [verdict]


def test_what_is_well_for_less_than_two_seconds_is_not_checked_yet():
    there = Workbench([LEFT, BALL])
    there.models["ball"].absent = True
    sheet = resting_verdicts(there.hello, there.readings(1.0), 1.0)
    assert verdicts(sheet) == ["not checked", "unplugged"]


def test_readings_that_were_held_up_on_their_way_count_by_the_boards_time():
    there = Workbench([LEFT])
    slow = [reading._replace(time=reading.time * 20) for reading in there.readings(2.2)]
    assert verdicts(resting_verdicts(there.hello, slow, 2.2)) == ["good"]


def test_the_boards_clock_may_come_round_meanwhile():
    readings = [Reading(0, 0.0, 0, wire.OK, (wire.TIME_MASK - 500_000 + n * 4000) & wire.TIME_MASK) for n in range(600)]
    hello = Hello("b", (SensorInfo("left", "switch", rest=0, reach=1),))
    assert verdicts(resting_verdicts(hello, readings, 2.4)) == ["good"]


def test_a_sensor_of_which_nothing_came_is_unplugged():
    hello = Hello("b", (SensorInfo("left", "switch"),))
    (line,) = resting_verdicts(hello, [], 2.2).lines
    assert line.verdict == "unplugged" and line.text.startswith("The board said nothing of it.")


# ---------------------------------------------------------------- words


def test_the_sheet_fits_a_narrow_terminal_and_a_program():
    lines = (
        Line("left", "switch", "good", "It was pressed and let go of."),
        Line("ball", "pressure", "unplugged", "It does not answer, so it looks unplugged. Look at its wires.", "pins", "Pa"),
        Line("hand", "distance", "not checked", "Nobody checked it."),
    )
    sheet = Sheet("Mixed table", "mixed-table", lines)
    assert sheet_lines(sheet, 50) == [
        "Test sheet of Mixed table",
        "",
        "  good         left: It was pressed and let go of.",
        "  unplugged    ball: It does not answer, so it",
        "               looks unplugged. Look at its wires.",
        "  not checked  hand: Nobody checked it.",
        "",
        "1 of 3 sensors needs a look: ball. Not checked:",
        "hand.",
    ]
    said = plain(sheet_json(sheet))
    assert (said["good"], said["board"], [s["verdict"] for s in said["sensors"]]) == (
        False,
        "Mixed table",
        ["good", "unplugged", "not checked"],
    )


@pytest.mark.parametrize(
    ("rest", "reach", "cm"),
    [(500, 60, 30.0), (2000, 300, 30.0), (200, 60, 13.0), (1200, 400, 80.0)],
)
def test_the_hand_is_asked_where_the_sensor_sees_it(rest, reach, cm):
    info = SensorInfo("hand", "distance", "mm", 1.0, 20, 4000, rest, reach)
    assert hand_cm(info) == cm
    assert asked(info) == f"Hold your hand about {cm:.0f} cm from the hand sensor now, then take it away."


def test_each_kind_is_asked_for_in_plain_words():
    kinds = {"switch": "Press", "pressure": "Squeeze", "force": "Press", "impact": "Tap", "voltage": "Move", "distance": "Hold"}
    assert {kind: asked(SensorInfo("x", kind)).split()[0] for kind in wire.KINDS} == kinds


def test_pins_come_from_the_wiring_and_the_drivers_options():
    sensors = [LEFT, PAD, BALL, NEAR, CELL]
    assert pins_of({"sensors": sensors, "buses": {"i2c0": {"sda": 4, "scl": 5}}}, drivers()) == {
        "left": "pin GP14",
        "pad": "pin GP26",
        "ball": "pins GP4 (SDA) and GP5 (SCL)",
        "near": "pins GP10 (trigger) and GP11 (echo)",
        "cell": "pins GP16 (clock) and GP17 (data)",
    }
