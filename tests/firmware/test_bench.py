"""The desktop's bench: hands, planned faults, interrupts at their own time, a whole board from two files."""

import json

import pytest

import bench
import machine
from hand import Hand, Still, hand_of
from models.hcsr04 import Hcsr04
from models.mprls import Mprls
from models.vl53l1x import Vl53l1x
from reachnote_board import wiring
from reachnote_board.hardware import Hardware
from reachnote_wire import ABSENT, NO_TARGET, OK, read_switch
from rig import Time

ROWS = "t_s,value\n0.0,0\n1.0,10\n2.0,4\n"


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "recording.csv"
    path.write_text(ROWS)
    return str(path)


def test_a_hand_moves_in_straight_lines_and_loops(recording):
    hand = Hand(recording)
    assert [hand(t) for t in (0, 0.5, 1, 1.5, 2, 2.9, 3, 3.5, 603.5)] == [0, 5, 10, 7, 4, 4, 0, 5, 5]


def test_a_step_hand_keeps_the_earlier_value(recording):
    hand = Hand(recording, step=True)
    assert [hand(t) for t in (0.99, 1, 1.99, 2, 3)] == [0, 10, 10, 4, 0]


def test_scale_then_offset_then_clip(recording):
    hand = Hand(recording, scale=2, offset=3, clip=(5, 20))
    assert [hand(t) for t in (0, 1, 2)] == [5, 20, 11]


def test_begun_inside_and_not_looped(recording):
    hand = Hand(recording, start_s=1.5, loop=False)
    assert [hand(t) for t in (0, 0.5, 60)] == [7, 4, 4]


def test_files_are_joined_end_to_end(recording):
    hand = Hand([recording, recording])
    assert hand.length_s == 6
    assert [hand(t) for t in (2, 2.5, 3, 4, 5)] == [4, 2, 0, 10, 4]


def test_a_hand_may_be_asked_backwards(recording):
    hand = Hand(recording)
    assert [hand(t) for t in (2.5, 0.5, 1.5, 0)] == [4, 5, 7, 0]


def test_a_damaged_recording_is_refused(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("t_s,value\n")
    with pytest.raises(ValueError, match="no 't_s,value' line"):
        Hand(str(path))
    path.write_text("1,2\n1,3\n")
    with pytest.raises(ValueError, match="must ascend"):
        Hand(str(path))
    with pytest.raises(ValueError, match="speed"):
        hand_of({"value": 1, "speed": 2})


def test_planned_faults_come_and_go():
    model = Mprls(Still(101325))
    model.throw({"absent": [1, 2]})
    assert [model.write(us, b"\xaa\0\0") for us in (0, 999999, 1000000, 1999999, 2000500, 2001000)] == [
        True, True, False, False, False, True]  # fmt: skip
    with pytest.raises(ValueError, match="no fault 'bored'"):
        model.throw({"bored": True})


def test_the_bus_answers_like_the_board():
    time = Time()
    bench.begin(time.clock)
    bench.attach_i2c("i2c0", 0x18, Mprls(Still(101325)))
    bus = machine.I2C(0)
    time.us = 5000
    assert bus.scan() == [0x18]
    assert bus.writeto(0x18, b"\xaa\0\0") == 3
    assert bus.readfrom(0x18, 1)[0] & 0x60 == 0x60
    time.us = 10000
    assert bus.readfrom(0x18, 1)[0] & 0x60 == 0x40
    for call in (lambda: bus.writeto(0x19, b"\0"), lambda: bus.readfrom(0x19, 1)):
        with pytest.raises(OSError) as seen:
            call()
        assert seen.value.args == (5,)


def test_nothing_connected_reads_as_on_a_board():
    bench.begin(Time().clock)
    assert machine.Pin(7, machine.Pin.IN, machine.Pin.PULL_UP).value() == 1
    assert machine.Pin(7, machine.Pin.IN).value() == 0
    assert machine.ADC(machine.Pin(26)).read_u16() == 0


def test_the_adc_widens_12_bits_as_the_board_does():
    bench.begin(Time().clock)

    class Steps:
        def volts(self, us):
            return 2048 / 4095 * 3.3

    bench.attach_adc(26, Steps())
    assert machine.ADC(26).read_u16() == 0x8008


def test_an_interrupt_sees_the_clock_at_its_edge_and_edges_come_in_order():
    time = Time()
    bench.begin(time.clock)
    near, far = Hcsr04(Still(100)), Hcsr04(Still(200))
    seen = []
    for n, model in ((1, near), (11, far)):
        bench.attach_pin(n, model.trigger)
        bench.attach_pin(n + 1, model.echo)
        pin = machine.Pin(n + 1, machine.Pin.IN)
        pin.irq(handler=lambda pin: seen.append((pin.id, pin.value(), bench.clock())), trigger=12)
        machine.Pin(n, machine.Pin.OUT, value=1)
    time.us = 1000
    machine.Pin(1, machine.Pin.OUT).value(0)
    machine.Pin(11, machine.Pin.OUT).value(0)
    time.us = 50000
    bench.clock()
    assert [row for row in seen if row[0] == 2] == [(2, 1, 1450), (2, 0, 2033)]
    assert [row for row in seen if row[0] == 12] == [(12, 1, 1450), (12, 0, 2616)]
    assert [us for _, _, us in seen] == sorted(us for _, _, us in seen)


def test_a_vl53l1x_holds_its_result_until_it_is_cleared():
    model = Vl53l1x(lambda t: 100 + 1000 * t, noise=0)
    for register, data in ((0x4B, 0x14), (0x5F, 0x51), (0x62, 0x6E), (0x87, 0x40)):
        model.write(2000, bytes([0, register, data]))
    model.write(30000, b"\0\x31")
    assert model.word(0x96) == 112  # the middle of 2..22 ms
    model.write(900000, b"\0\x31")
    assert model.word(0x96) == 112
    model.write(900000, b"\0\x86\x01")
    model.write(1300000, b"\0\x31")
    assert model.word(0x96) > 1000


def test_what_is_configured_while_measuring_counts_from_the_next_start():
    model = Vl53l1x(Still(500), noise=0)
    model.write(2000, b"\0\x4b\x14")
    model.write(2000, b"\0\x5e\0\x51\0\0\x6e")
    model.write(2000, b"\0\x61\0\x6e")
    model.write(2000, b"\0\x87\x40")
    model.write(3000, b"\0\x61\0\x27")
    assert model.budget_ms == 20


def test_two_files_make_a_whole_instrument(tmp_path):
    (tmp_path / "taps.csv").write_text("t_s,value\n0,0\n0.5,1\n0.7,0\n1.0,0\n")
    (tmp_path / "breath.csv").write_text("t_s,value\n0,0\n1,1000\n")
    sensors = [
        {"name": "left", "driver": "switch", "pin": 14},
        {"name": "right", "driver": "switch", "pin": 15},
        {"name": "breath", "driver": "mprls", "bus": "i2c0"},
        {"name": "hand", "driver": "vl53l1x", "bus": "i2c0", "rest_mm": 600},
        {"name": "echo", "driver": "hcsr04", "trigger": 2, "echo": 3},
        {"name": "pad", "driver": "fsr", "pin": 26},
    ]
    plan = {"format": 1, "buses": {"i2c0": {"sda": 4, "scl": 5}}, "sensors": sensors}
    hands = {
        "uid": "green box",
        "left": {"file": "taps.csv", "step": True, "bounce_us": [500, 300]},
        "breath": {"file": "breath.csv", "offset": 101325, "faults": {"absent": [2, 9]}},
        "pad": {"value": 50},
        "hand": {"faults": {"no_target": [2, 9]}},
    }
    (tmp_path / "wiring.json").write_text(json.dumps(plan))
    (tmp_path / "hands.json").write_text(json.dumps(hands))
    time = Time()
    bench.set_up(str(tmp_path) + "/", time.clock)
    made = wiring.sensors_of(plan, Hardware(plan["buses"], time.clock))

    def run(ms):
        for _ in range(ms):
            for sensor in made:
                sensor.step(time.clock())
            time.us += 1000
        for sensor in made:
            sensor.report(time.clock())

    run(600)
    left, right, breath, hand, echo, pad = made
    assert [sensor.status for sensor in made] == [OK] * 6
    assert read_switch(left.value)[:2] == (1, 1)
    assert read_switch(right.value)[:2] == (0, 0)
    assert abs(breath.value - 101920) < 20
    assert abs(hand.value - 600) < 6
    assert abs(echo.value - 500) < 2
    assert abs(pad.value - 8000) < 100
    run(2400)
    assert (breath.status, hand.status) == (ABSENT, NO_TARGET)
    assert len(machine.unique_id()) == 8
