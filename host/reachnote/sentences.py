"""What a person is told: what happened, what it means, what to do. Pure."""

from __future__ import annotations

import difflib

import reachnote_wire as wire

UPDATE_BOARD = "reachnote flash"
"""What writes the firmware of this version onto the board that is plugged in; firmware/README.md says more."""

_SWITCH = {
    wire.SHORTED: "{s} has read 'pressed' since power-on: a held, normally-closed or short-circuited switch. "
    "It is silent. Let go of it, or try another switch.",
    wire.CLOSED_CONTACT: "{s} is a normally-closed switch; it is turned round and plays.",
    wire.ABSENT: "{s} reads as if nothing were plugged in. It is silent. Push its plug in.",
}
_ANY = {
    wire.NO_TARGET: "{s} sees nothing in front of it. Move closer, or point it at the hand.",
    wire.SATURATED: "{s} is at the end of its range. What sounds goes on until it is let go of. "
    "If nobody presses it, check its wiring.",
    wire.STUCK: "{s} has stopped changing, as a live sensor never does. It is silent. Unplug the board and plug it in again.",
    wire.ABSENT: "{s} does not answer. It is silent. Check its cable.",
    wire.SHORTED: "{s} reads as short-circuited. It is silent. Check its wiring.",
    wire.NOISY: "{s} jumps faster than anybody can move. It is silent. Check its plug and keep power cables away.",
    wire.FAULT: "{s} stopped working on the board. It is silent. Unplug the board and plug it in again.",
}


def of_status(board: str, sensor: str, kind: str, status: int) -> str | None:
    """One sentence about a sensor's status, None when there is nothing to say."""
    name = f"{board}, {sensor}"
    text = _SWITCH.get(status) if kind == "switch" else None
    text = text or _ANY.get(status)
    return text.format(s=name) if text else None


def waits(board: str, sensor: str, kind: str) -> str:
    """A sensor that was held when it was met stays silent until it was let go of once."""
    how = "take the hand away once" if kind == "distance" else "let go of it once"
    return f"{board}, {sensor} is held and stays silent: {how}, then it plays."


def board_ready(board: str, sensors: int) -> str:
    return f"{board} is ready: {sensors} sensor{'s' if sensors != 1 else ''}."


def board_gone(board: str) -> str:
    return f"{board} is unplugged. Its sound is stopped. Plug it in again to go on."


def board_quiet(board: str) -> str:
    return f"{board} stopped sending. Its sound is stopped. If it does not come back, push the plug in."


def silence_asked(board: str) -> str:
    return f"Silence: the button of {board} was held."


def board_back(board: str) -> str:
    return f"{board} is back."


def no_hello(name: str) -> str:
    return f"{name} does not answer as a reachnote board. If it is one, write its program again: {UPDATE_BOARD}"


_NOTICES = {
    "long": "{s} has sounded for 45 seconds. If the client does not hold it, look whether something leans on it.",
    "moved": "{s} rests in another place than at its calibration. Let it rest, then calibrate again when there is time.",
    "tired": "{s}: the movements have become clearly smaller. The reach follows; perhaps it is time for a pause.",
}


def notice(word: str, board: str, sensor: str) -> str:
    """One sentence for a word of `chain.Chain.notices`."""
    return _NOTICES[word].format(s=f"{board}, {sensor}")


def no_such_sensor(wanted: str, there: list[str]) -> str:
    """A scene names a sensor that no board has."""
    close = difflib.get_close_matches(wanted, [*there, *(name.partition("/")[2] for name in there)], 1)
    near = f" Did you mean '{close[0]}'?" if close else f" There are: {', '.join(there)}."
    return f"The scene names the sensor '{wanted}', but no board has it, so that voice stays silent.{near}"


CLOCK_FOUND = "The clock is there: the beat is that of the other machine."
CLOCK_LOST = "The clock stopped coming; the beat goes on as it was. Look at the other machine and its cable."
PROMPTED = {
    "independent": "From here on: without help.",
    "verbal": "From here on: with a word of help.",
    "physical": "From here on: with a helping hand.",
}


def no_such_place(wanted: int, count: int) -> str:
    """A Program Change asked for a scene that the plan does not have."""
    return f"Program {wanted} asks for the scene in place {wanted}, but the plan has {count}; the present one goes on."


def guarded(preset: str, loudest: int) -> str:
    """What a person chose for the guard."""
    if preset == "stage":
        return "The loudness guard is off (stage): everything sounds as loud as it is played."
    return f"The loudness guard is {preset}: no note is louder than {loudest}."
