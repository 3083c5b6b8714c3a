"""What a maker is told while the wiring is checked: what to do with each sensor, and what each verdict means. Pure."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from reachnote.board import SensorInfo
from reachnote.wiring_moves import GOOD, NOISY, REVERSED, SHORTED, SKIPPED, STUCK, UNPLUGGED, WRONG

HAND_MM = 300.0
GPIO = "GPIO number"  # how a driver's options name a pin
DECLARE_CLOSED = 'contact = "closed"'

_ASKED = {
    "switch": "Press the {name} switch now and let it go.",
    "pressure": "Squeeze the {name} gently now, then let it go.",
    "force": "Press the {name} gently now, then let it go.",
    "impact": "Tap the {name} now, once.",
    "voltage": "Move the {name} now, as far as it goes.",
    "distance": "Hold your hand about {cm:.0f} cm from the {name} sensor now, then take it away.",
}
_SAID = {
    (GOOD, "switch"): "It was pressed and let go of.",
    (GOOD, "pressure"): "It was squeezed and let go of.",
    (GOOD, "force"): "It was pressed and let go of.",
    (GOOD, "impact"): "It was tapped.",
    (GOOD, "voltage"): "It moves.",
    (GOOD, "distance"): "It saw the hand come and go.",
    (GOOD, "rest"): "It rests as it should.",
    (GOOD, "empty"): "It rests as it should. Whether its wire is in shows when it is pressed.",
    (UNPLUGGED, "silent"): "The board said nothing of it. Unplug the board, count to three, plug it in.",
    (UNPLUGGED, "absent"): "It does not answer, so it looks unplugged. {look} Push its plug in to its stop.",
    (UNPLUGGED, "starting"): "It has not begun to measure, so it looks unplugged. {look}",
    (UNPLUGGED, "no press"): "No press arrived within {seconds:.0f} s, so it looks unplugged. Push its plug in to its stop. {look}",
    (UNPLUGGED, "zero"): "It read nothing for {seconds:.0f} s, so it looks unplugged. {look}",
    (SHORTED, "switch"): "It reads as pressed all the time: its two wires touch, or something holds it down. {look}",
    (SHORTED, "contact"): "It reads as pressed all the time: its two wires touch, something holds it down, "
    "or it is a normally-closed switch. {look}",
    (SHORTED, "top"): "It reads full while nobody touches it, as if its wire touched 3.3 V. {look}",
    (SHORTED, "bottom"): "It reads nothing at all, as if its wire touched GND or were off. {look}",
    (SHORTED, "together"): "{other} was pressed with it: their wires touch, or one switch is on both pins. {look}",
    (REVERSED, "switch"): "It is a normally-closed switch. It plays, since the board turns it round. "
    "Write " + DECLARE_CLOSED + " for it in instrument.toml, or take a normally-open one.",
    (REVERSED, "fsr"): "It falls where it should rise: the pad and its resistor have changed places. {look}",
    (REVERSED, "cell"): "It falls where it should rise: exchange the load cell's two signal wires (A+ and A-), or turn the cell over.",
    (REVERSED, "voltage"): "It falls where it should rise: exchange its two outer wires (3.3 V and GND). "
    "If it did not lie at its resting end, put it there and check again.",
    (REVERSED, "pressure"): "It moves the other way than reach_pa in instrument.toml says: squeezed where a sip is expected, or the reverse.",
    (NOISY, "rest"): "It jumps while nobody touches it. {look} Push every plug in, and keep it away from power cables.",
    (NOISY, "chatter"): "One movement came as many, as from a loose contact. {look} Push every plug in.",
    (STUCK, "fault"): "The board cannot use it. {look}",
    (STUCK, "status"): "It is there but does not measure any more. {look} Unplug the board, count to three, plug it in.",
    (STUCK, "end"): "It reads the very end of what it can tell. Take the tube off: if that changes nothing, the sensor is broken. {look}",
    (STUCK, "near"): "Something is right in front of it. Take it away, then check again.",
    (STUCK, "held"): "It was pressed and did not come back. Look whether something holds it down. {look}",
    (STUCK, "same"): "No change was seen for {seconds:.0f} s. {look}",
    (STUCK, "no hit"): "No tap arrived within {seconds:.0f} s. {look}",
    (STUCK, "no hand"): "It saw no hand for {seconds:.0f} s. Take away what stands in front of it. {look}",
    (STUCK, "hand stays"): "It saw the hand come and not go. Take away what stands in front of it.",
    (WRONG, "swapped"): "{other} moved instead: {name} and {other} are swapped. Exchange their plugs, or their pins.{pins}",
    (SKIPPED, ""): "Nobody checked it.",
}  # fmt: skip


def asked(info: SensorInfo) -> str:
    """What a person is to do with this sensor: one sentence."""
    return _ASKED.get(info.kind, _ASKED["voltage"]).format(name=info.name, cm=hand_cm(info))


def hands_off(info: SensorInfo) -> str:
    """What a person is to do before that."""
    if info.kind == "distance":
        return f"Take your hands away from the {info.name} sensor for a moment."
    return f"Take your hands off the {named(info)} for a moment."


def named(info: SensorInfo) -> str:
    """The sensor as one says it: "left switch", "ball"."""
    return f"{info.name} switch" if info.kind == "switch" and "switch" not in info.name.lower() else info.name


def hand_cm(info: SensorInfo) -> float:
    """Where the hand is to be, in cm: 30, or where the sensor does not reach so far, half of its way."""
    near, far = sorted((info.rest / info.per_unit, info.reach / info.per_unit))
    return (HAND_MM if near <= HAND_MM <= far else (near + far) / 2) / 10


def explained(
    verdict: str,
    why: str,
    info: SensorInfo,
    look: str,
    other: str = "",
    pins: str = "",
    seconds: float = 10.0,
    said: str = "",
) -> str:
    """A verdict in whole sentences. `look` says where to look, `said` is what the board itself says of the sensor."""
    if verdict == GOOD and why == "rest" and info.kind == "force" and info.unit == "uS":
        why = "empty"
    text = _SAID.get((verdict, why), "{look}").format(name=info.name, look=look, other=other, pins=pins, seconds=seconds)
    if said and verdict != GOOD:
        text += f" The board says: {said.rstrip('.')}."
    return " ".join(text.split())


# ---------------------------------------------------------------- pins


def pins_of(wiring: Mapping, drivers: Mapping[str, str]) -> dict[str, str]:
    """Where each sensor of a wiring is connected, as words: {"left": "pin GP14"}. `drivers` maps driver names to their sources."""
    buses = wiring.get("buses", {})
    found = {}
    for sensor in wiring["sensors"]:
        found[str(sensor["name"])] = _pins(sensor, _options(drivers.get(sensor["driver"], "")), buses)
    return found


def look_at(pins: str) -> str:
    """The sentence that says where to look."""
    if not pins:
        return "Look at its wires."
    return f"Look at the wire{'s' if 'pins' in pins else ''} on {pins}."


def _pins(sensor: Mapping, options: dict[str, tuple[object, str]], buses: Mapping) -> str:
    found = [(option, sensor[option]) for option, (_, words) in options.items() if words.startswith(GPIO) and option in sensor]
    if "bus" in options:
        bus = buses.get(sensor.get("bus", options["bus"][0]), {})
        found += [(line.upper(), bus[line]) for line in ("sda", "scl") if line in bus]
    if len(found) == 1:
        return f"pin GP{found[0][1]}"
    return f"pins {' and '.join(f'GP{number} ({option})' for option, number in found)}" if found else ""


def _options(source: str) -> dict[str, tuple[object, str]]:
    """{option: (its default where that is a plain value, what it means)} of a driver, read without running it."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Dict):
            continue
        if any(isinstance(target, ast.Name) and target.id == "OPTIONS" for target in node.targets):
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {str(key.value): _option(value) for key, value in pairs if isinstance(key, ast.Constant)}
    return {}


def _option(value: ast.expr) -> tuple[object, str]:
    parts = value.elts if isinstance(value, ast.Tuple) else []
    plain = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    return (plain[0], str(plain[1])) if len(plain) == 2 else (None, "")
