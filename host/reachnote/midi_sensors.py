"""MIDI messages of an instrument as sensors of a board: which are taken, what they are called, what each does. Pure.

A note is a switch with the strength of its velocity or, where `hits` names it, an impact; a controller or pressure is a value
0..127, the bend one of 0..16383.
"""

from __future__ import annotations

import re

from reachnote.found_sensors import MOST, FoundBoard
from reachnote.key_names import midi_key
from reachnote.music import note_name
from reachnote.unknown import nearest

NAMED_CONTROLS = ("bend", "pressure")
CENTRE, TOP = 8192, 16383
_SPAN = re.compile(r"(.*?[0-9])-(.+)")  # "C4-E4", "C-1-C1", "36-43"
_ALL_OFF = (120, 123)


class Picked:
    """Which notes and controllers the options name, as text. Nothing named: everything is taken as it comes.

    ValueError says what stands where and what is allowed.
    """

    def __init__(self, options: dict[str, str]) -> None:
        self.channel = _whole("channel", options["channel"], 1, 16) if "channel" in options else 0
        self.notes = [key for word in _words(options, "notes") for key in _span(word, "notes")]
        self.hits = [key for word in _words(options, "hits") for key in _span(word, "hits")]
        self.controls: list[int | str] = []
        for word in _words(options, "controls"):
            self.controls += [word] if word in NAMED_CONTROLS else _controllers(word)
        self.all = not (self.notes or self.hits or self.controls)
        both = sorted(set(self.notes) & set(self.hits))
        if both:
            raise ValueError(f"{note_name(both[0])} is named under notes and under hits; leave it in one of them.")
        many = len({*self.notes}) + len({*self.hits}) + len({*self.controls})
        if many > MOST:
            raise ValueError(f"{many} notes and controllers are named; a board has at most {MOST}.")

    def declare(self, board: FoundBoard) -> None:
        """Introduce what is named, on the channel that is named or on the first."""
        channel = self.channel or 1
        for key in self.notes:
            board.declare(note_sensor(key, channel), "switch")
        for key in self.hits:
            board.declare(note_sensor(key, channel), "impact", min=0, max=4095, rest=0, reach=4095)
        for control in self.controls:
            top, rest = (TOP, CENTRE) if control == "bend" else (127, 0)
            board.declare(control_sensor(control, channel), "voltage", min=0, max=top, rest=rest, reach=top)


def _words(options: dict[str, str], name: str) -> list[str]:
    if name not in options:
        return []
    words = [word.strip() for word in options[name].split("+")]
    if not all(words):
        raise ValueError(f"{name}={options[name]} has a gap. Join several with +, as in {name}={_AS_IN[name]}.")
    return words


_AS_IN = {"notes": "C4+E4+G4", "hits": "36-43", "controls": "1+11+bend"}


def _span(word: str, name: str) -> list[int]:
    span = _SPAN.fullmatch(word)
    try:
        low = midi_key(span[1] if span else word)
        high = midi_key(span[2]) if span else low
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}.") from None
    if low > high:
        raise ValueError(f"{name}={word} goes down; write the lower key first.")
    return list(range(low, high + 1))


def _controllers(word: str) -> list[int]:
    first, dash, last = word.partition("-")
    low = _whole("controls", first, 0, 119)
    high = _whole("controls", last, 0, 119) if dash else low
    if low > high:
        raise ValueError(f"controls={word} goes down; write the lower number first.")
    return list(range(low, high + 1))


def _whole(name: str, word: str, least: int, most: int) -> int:
    if not word.isascii() or not word.isdigit() or len(word) > 4 or not least <= int(word) <= most:
        also = ", bend or pressure" if name == "controls" else ""
        near = nearest(word, NAMED_CONTROLS) if name == "controls" else ""
        raise ValueError(f"{name} '{word}'; write a number from {least} to {most}{also}.{near}")
    return int(word)


def note_sensor(key: int, channel: int) -> str:
    """What the sensor of a note is called: "C4", on other channels than the first "C4 ch2"."""
    return note_name(key) if channel == 1 else f"{note_name(key)} ch{channel}"


def control_sensor(control: int | str, channel: int) -> str:
    """ "CC 11", "bend", "pressure", with the channel where it is not the first."""
    name = control if isinstance(control, str) else f"CC {control}"
    return name if channel == 1 else f"{name} ch{channel}"


def put_on_board(board: FoundBoard, picked: Picked, message: bytes, now_us: int) -> bool:
    """What one MIDI message means for the board; True when a line should leave at once."""
    kind, channel = message[0] & 0xF0, (message[0] & 15) + 1
    if len(message) < (2 if kind == 0xD0 else 3) or kind not in (0x80, 0x90, 0xA0, 0xB0, 0xD0, 0xE0):
        return False
    if picked.channel and channel != picked.channel:
        return False
    if not picked.all and not picked.channel:
        channel = 1  # what is named, on whatever channel it comes
    a, b = message[1], message[2] if len(message) > 2 else 0
    if kind in (0x80, 0x90):
        down = kind == 0x90 and b > 0
        name = note_sensor(a, channel)
        if a in picked.hits:
            return down and board.hit(name, b * 4095 // 127, now_us)
        return board.press(name, down, now_us, 1 + (b - 1) * 7 // 127 if down else 0)
    if kind == 0xB0 and a >= 120:
        return board.let_go(now_us) if a in _ALL_OFF else False
    if kind == 0xE0:
        return board.move(control_sensor("bend", channel), a + 128 * b, now_us, high=TOP, rest=CENTRE)
    if kind == 0xD0:
        return board.move(control_sensor("pressure", channel), a, now_us)
    if kind == 0xA0:
        return board.move(f"{note_sensor(a, channel)} pressure", b, now_us)
    if 32 <= a < 64 and a not in picked.controls:  # the fine half of another controller
        return False
    return board.move(control_sensor(a, channel), b, now_us)
