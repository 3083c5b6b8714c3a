"""Keys by the names that people read: those of MIDI keyboards, and keys, buttons and axes of everything else by Linux codes. Pure.

The codes are those of Linux (input-event-codes.h). "PageDown" is the key, "button 1" the first button of a joystick as people
count, "X" its first axis. A code without a name here is "key 431" or "axis 40".
"""

from __future__ import annotations

import re

from reachnote.music import LETTERS, pitch_class

_NOTE = re.compile(r"([A-Ga-g](?:#|b)?)(-1|\d)")
_ROWS = {  # the first code of a row, and the names from there on
    1: "Esc 1 2 3 4 5 6 7 8 9 0 Minus Equal Backspace Tab Q W E R T Y U I O P BracketLeft BracketRight Enter CtrlLeft A S D F G H J K L",
    39: "Semicolon Apostrophe Grave ShiftLeft Backslash Z X C V B N M Comma Dot Slash ShiftRight KPStar AltLeft Space CapsLock",
    59: "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock KP7 KP8 KP9 KPMinus KP4 KP5 KP6 KPPlus KP1 KP2 KP3 KP0 KPDot",
    87: "F11 F12",
    96: "KPEnter CtrlRight KPSlash",
    100: "AltRight",
    102: "Home Up PageUp Left Right End Down PageDown Insert Delete",
    113: "Mute VolumeDown VolumeUp",
    158: "Back Forward",
    163: "NextSong PlayPause PreviousSong Stop",
    0x110: "MouseLeft MouseRight MouseMiddle MouseSide MouseExtra MouseForward MouseBack",
    0x130: "South East ButtonC North West ButtonZ ShoulderLeft ShoulderRight TriggerLeft TriggerRight Select Start Mode ThumbLeft",
    0x13E: "ThumbRight",
    0x220: "PadUp PadDown PadLeft PadRight",
}
_BUTTONS = ((0x100, 10), (0x120, 12), (0x2C0, 40))  # numbered from 1 in each of these rows, the rows one after the other

KEYS = {code + n: name for code, names in _ROWS.items() for n, name in enumerate(names.split())}
_numbered = [first + n for first, count in _BUTTONS[1:2] + _BUTTONS[:1] + _BUTTONS[2:] for n in range(count)]
KEYS |= {code: f"button {n + 1}" for n, code in enumerate(_numbered)}

AXES = dict(enumerate(["X", "Y", "Z", "RX", "RY", "RZ", "Throttle", "Rudder", "Wheel", "Gas", "Brake"]))
AXES |= {0x10 + n: f"Hat{n // 2 + 1}{'XY'[n % 2]}" for n in range(8)} | {
    0x18: "Pressure",
    0x19: "Distance",
    0x1A: "TiltX",
    0x1B: "TiltY",
}

CODE_OF_KEY = {name: code for code, name in KEYS.items()}
CODE_OF_AXIS = {name: code for code, name in AXES.items()}
_SPELT = {name.casefold(): name for name in KEYS.values()}


def key_name(code: int) -> str:
    """109 -> "PageDown"."""
    return KEYS.get(code) or f"key {code}"


def axis_name(code: int) -> str:
    """0 -> "X"."""
    return AXES.get(code) or f"axis {code}"


def spelt(name: str) -> str | None:
    """A key's name however it is written, "pagedown" as "PageDown"; None where there is none."""
    plain = name.casefold()
    unnamed = plain.startswith("key ") and plain[4:].isascii() and plain[4:].isdigit() and len(plain) <= 7
    return _SPELT.get(plain) or (plain if unnamed else None)


def midi_key(word: str) -> int:
    """The MIDI key of "C4", "f#3" or "60"; ValueError where there is none."""
    named = _NOTE.fullmatch(word)
    if named:
        name = named[1][0].upper() + named[1][1:]
        # the octave is that of the letter: Cb4 is the key below C4
        key = 12 * (int(named[2]) + 1) + LETTERS[name[0]] + (pitch_class(name) - LETTERS[name[0]] + 6) % 12 - 6
    else:
        key = int(word) if word.isascii() and word.isdigit() and len(word) < 4 else -1
    if not 0 <= key <= 127:
        raise ValueError(f"'{word}' is no key of a MIDI keyboard; write one from C-1 to G9, or its number from 0 to 127")
    return key
