"""The board's own button and lamp, in invented time."""

import sys

from reachnote_board import button, lamp
from reachnote_board.button import Button, reader_of
from reachnote_board.lamp import PATTERN_MS, Lamp

MASK = (1 << 30) - 1


def held(times_ms, until_ms, start_us=0):
    """(ms, number said) of a button that is down within the given spans, stepped each ms."""
    now = [0]
    own = Button(lambda: any(a <= now[0] < b for a, b in times_ms))
    said = []
    for ms in range(until_ms):
        now[0] = ms
        number = own.step(start_us + ms * 1000 & MASK)
        if number:
            said.append((ms, number))
    return said


def test_a_button_held_for_a_second_asks_once_and_says_it_three_times():
    assert held([(100, 3000)], 4000) == [(1100, 1), (1200, 1), (1300, 1)]


def test_a_shorter_press_asks_for_nothing():
    assert held([(100, 1080), (1200, 2180)], 4000) == []


def test_it_counts_each_time_and_across_the_wrap_of_the_clock():
    said = held([(100, 1300), (2000, 3300)], 4000, start_us=(1 << 30) - 500000)
    assert [number for _, number in said] == [1, 1, 1, 2, 2, 2]


def test_a_silence_pin_is_down_at_ground():
    class Pin:
        level = 1

        def value(self):
            return self.level

    class Hardware:
        def pin_in(self, number):
            assert number == 22
            return Pin

    Pin.value = classmethod(lambda cls: cls.level)
    pressed = reader_of({"silence_pin": 22}, Hardware())
    assert not pressed()
    Pin.level = 0
    assert pressed()


def test_a_board_without_a_button_of_its_own_never_asks(monkeypatch):
    monkeypatch.setattr(button.sys, "platform", "linux")
    assert reader_of({}, None) is None
    assert Button(None).step(5000000) == 0


def test_the_lamp_gives_two_short_flashes_and_a_pause_over_and_over():
    seen = []
    shown = Lamp(seen.append)
    changes = []
    for ms in range(6000):
        before = len(seen)
        shown.step((1 << 30) - 1000000 + ms * 1000 & MASK)
        if len(seen) > before:
            changes.append((ms, seen[-1]))
    assert changes[:9] == [(0, 1), (100, 0), (500, 1), (600, 0), (2500, 1), (2600, 0), (3000, 1), (3100, 0), (5000, 1)]


def test_a_board_without_a_known_lamp_goes_dark_without_a_word(monkeypatch):
    import machine

    def refuse(*_):
        raise ValueError("unknown named pin")

    monkeypatch.setattr(machine, "Pin", type("Pin", (), {"OUT": 1, "__init__": refuse}))
    assert lamp.lamp_of("rp2")(1) is None
    assert lamp.lamp_of("esp32")(1) is None


def test_the_starter_shows_the_same_pattern():
    import starter

    assert starter.PATTERN_MS == PATTERN_MS
    assert sys.platform != "rp2"
