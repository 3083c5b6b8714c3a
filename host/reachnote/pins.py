"""Which pins a board has and what they can do: a wiring that names a wrong one is told so before a board sees it. Pure.

Sources: the Pico's data sheet (40 pins, GP26 to GP28 on the ADC; GP23 to GP25 and GP29 are used on the board), the
RP2040's and RP2350's pin multiplexing (I2C), the ESP32-S3's data sheet (ADC1 on 1 to 10; 26 to 32 are its flash, and 33 to
37 its memory on most modules).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

PICO_PINS = tuple(n for n in range(29) if n not in (23, 24, 25))
PICO_ADC = (26, 27, 28)
S3_PINS = (*range(22), *range(38, 49))
S3_ADC = tuple(range(1, 11))
ADC_DRIVERS = ("fsr", "voltage", "sharp_ir", "piezo")
OPTIONS = ("pin", "trigger", "echo", "data", "clock")  # of sensors that name a pin
BUSES = {"i2c0": (0, 1), "i2c1": (2, 3)}  # of a Pico: SDA and SCL modulo 4


def named(wiring: Mapping) -> list[tuple[object, str]]:
    """(pin as written, what for) of everything that a wiring names."""
    listed = [(bus[key], f"{key} of {name}") for name, bus in wiring["buses"].items() for key in ("sda", "scl") if key in bus]
    for sensor in wiring["sensors"]:
        listed += [(sensor[key], f"{key} of '{sensor['name']}'") for key in OPTIONS if key in sensor]
    return [*listed, *((wiring[key], key) for key in ("silence_pin",) if key in wiring)]


def faults(wiring: Mapping, drivers: Mapping[str, str]) -> Iterator[str]:
    """A sentence for every pin, bus and address that cannot be. `drivers` maps the name of each driver to its source."""
    is_pico = str(wiring.get("board", "")).startswith("pico")
    yield from _pins(wiring, "the Pico" if is_pico else "the ESP32-S3", PICO_PINS if is_pico else S3_PINS, "GP" if is_pico else "GPIO")
    adc, words = (PICO_ADC, "GP26 to GP28") if is_pico else (S3_ADC, "1 to 10")
    for sensor in wiring["sensors"]:
        if sensor["driver"] in ADC_DRIVERS and sensor.get("pin") not in adc:
            yield f"'{sensor['name']}' needs an ADC pin ({words}), not {sensor.get('pin')}."
    yield from _buses(wiring, is_pico)
    yield from _addresses(wiring, drivers)


def _pins(wiring: Mapping, board: str, there: tuple[int, ...], letters: str) -> Iterator[str]:
    taken: dict[int, str] = {}
    for pin, what in named(wiring):
        if isinstance(pin, bool) or not isinstance(pin, int):
            yield f"{what}: {pin!r} is no pin; write its number alone, as in pin = 14."
        elif pin not in there:
            yield f"{what}: {board} has no {letters}{pin} to use."
        elif pin in taken:
            yield f"{letters}{pin} is used twice: {taken[pin]} and {what}."
        else:
            taken[pin] = what


def _buses(wiring: Mapping, is_pico: bool) -> Iterator[str]:
    for name, bus in wiring["buses"].items():
        missing = [key for key in ("sda", "scl") if key not in bus]
        if name not in BUSES:
            yield f"[bus.{name}]: a board has i2c0 and i2c1."
        elif missing:
            yield f"[bus.{name}] names no {' and no '.join(missing)}."
        elif is_pico and all(type(bus[key]) is int for key in ("sda", "scl")) and (bus["sda"] % 4, bus["scl"] % 4) != BUSES[name]:
            yield f"GP{bus['sda']} and GP{bus['scl']} are no SDA and SCL of {name}."


def _addresses(wiring: Mapping, drivers: Mapping[str, str]) -> Iterator[str]:
    taken: set[tuple[str, int]] = set()
    for sensor in wiring["sensors"]:
        known = re.search(r'"address": \((0x[0-9a-f]+)', drivers.get(sensor["driver"], ""))
        if not known:
            continue
        bus, address = sensor.get("bus", "i2c0"), sensor.get("address", int(known[1], 16))
        if bus not in wiring["buses"]:
            yield f"'{sensor['name']}' needs [bus.{bus}]."
        elif not isinstance(address, int) or not 0x08 <= address <= 0x77 or (bus, address) in taken:
            shown = f"0x{address:02x}" if isinstance(address, int) else repr(address)
            yield f"address {shown} of '{sensor['name']}' is not free on {bus}."
        else:
            taken.add((bus, address))
