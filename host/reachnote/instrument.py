"""instrument.toml, which people write, to the wiring a board reads. Pure; files are read by the caller.

    format = 1
    instrument = "two-switch-box"     # the folder's name
    name = "Blue pads"                # what people call it
    board = "pico"                    # pico, pico-w, pico-2, esp32-s3
    rate_hz = 250                     # lines a second, 10 .. 1000
    silence_pin = 22                  # a button to ground: held for 1 s it is silence (else the board's own BOOTSEL or BOOT)

    [bus.i2c0]                        # buses that sensors share
    sda = 4
    scl = 5
    freq = 400000

    [network]                         # only for a board that speaks OSC over Wi-Fi
    ssid = "music-room"
    password = "..."
    host = "192.168.4.2"
    port = 9000

    [[sensor]]
    name = "left"
    driver = "switch"                 # a file of firmware/reachnote_board/sensors/
    pin = 14                          # the driver's own options
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Mapping

from reachnote import pins
from reachnote.unknown import listed, nearest, only_known
from reachnote_wire import MAX_SENSORS

BOARDS = ("pico", "pico-w", "pico-2", "esp32-s3")
# What a board's console carries; a generic ESP32-S3 mirrors it to a UART of about 11 kB/s.
BYTES_PER_S = {"pico": 64_000, "pico-w": 64_000, "pico-2": 64_000, "esp32-s3": 10_000}
_TOP = ("format", "instrument", "name", "board", "rate_hz", "silence_pin", "bus", "network", "sensor")
_ALWAYS = ("name", "driver", "label")
_LIMIT = 64 * 1024


class InstrumentProblem(Exception):
    """File, key, what was found, what is allowed; for a person."""


def driver_options(source: str) -> tuple[str, ...]:
    """The option names of a driver, read from its source without running it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            if not any(isinstance(target, ast.Name) and target.id == "OPTIONS" for target in node.targets):
                continue
            return tuple(key.value for key in node.value.keys if isinstance(key, ast.Constant))
    return ()


def read_instrument(text: str, where: str, drivers: Mapping[str, str]) -> dict:
    """The wiring, ready for JSON. `drivers` maps the name of each driver to its source. InstrumentProblem otherwise."""
    if len(text) > _LIMIT:
        raise InstrumentProblem(f"{where}: longer than an instrument can be ({_LIMIT // 1024} KiB).")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        raise InstrumentProblem(f"{where}: this is not TOML: {problem}") from None
    only_known(table, _TOP, where, "instrument", InstrumentProblem)
    if table.get("format") != 1:
        raise InstrumentProblem(f"{where}: format = {table.get('format')!r}; this program reads format 1.")
    board = table.get("board", "pico")
    if board not in BOARDS:
        raise InstrumentProblem(f"{where}: board = {board!r}; known are {', '.join(BOARDS)}.{nearest(board, BOARDS)}")
    sensors = table.get("sensor")
    if not isinstance(sensors, list) or not 0 < len(sensors) <= MAX_SENSORS or not all(isinstance(s, dict) for s in sensors):
        raise InstrumentProblem(f"{where}: write 1 to {MAX_SENSORS} sensors, each under its own [[sensor]].")
    buses = table.get("bus", {})
    if not isinstance(buses, dict) or not all(isinstance(bus, dict) for bus in buses.values()):
        raise InstrumentProblem(f"{where}: bus = {buses!r}; write each bus under its own [bus.NAME].")
    _sensors(sensors, buses, where, drivers)
    rate = table.get("rate_hz", 250)
    if isinstance(rate, bool) or not isinstance(rate, int) or not 10 <= rate <= 1000:
        raise InstrumentProblem(f"{where}: rate_hz = {rate!r}; write a whole number from 10 to 1000.")
    silence = table.get("silence_pin")
    if silence is not None and (isinstance(silence, bool) or not isinstance(silence, int) or not 0 <= silence <= 48):
        raise InstrumentProblem(f"{where}: silence_pin = {silence!r}; write the number of a pin, as in silence_pin = 22.")
    wiring = {
        "format": 1,
        "instrument": str(table.get("instrument", "")),
        "name": str(table.get("name", table.get("instrument", ""))),
        "board": board,
        "rate_hz": min(rate, fastest_rate(board, len(sensors))),
        "buses": buses,
        "sensors": sensors,
    }
    if silence is not None:
        wiring["silence_pin"] = silence
    for fault in pins.faults(wiring, drivers):
        raise InstrumentProblem(f"{where}: {fault}")
    if "network" in table:
        wiring["network"] = _network(table["network"], where)
    return wiring


def fastest_rate(board: str, sensors: int) -> int:
    """Lines a second that the board's console can carry."""
    return min(1000, BYTES_PER_S[board] // (2 + 12 + 8 * sensors + 9))


def _sensors(sensors: list[dict], buses: dict, where: str, drivers: Mapping[str, str]) -> None:
    names: set[str] = set()
    for n, sensor in enumerate(sensors):
        part = f"sensor {n + 1}"
        driver = sensor.get("driver")
        if not isinstance(driver, str) or driver not in drivers:
            raise InstrumentProblem(f"{where}: {part}: driver = {driver!r}; known are {listed(sorted(drivers))}.{nearest(driver, drivers)}")
        only_known(sensor, (*_ALWAYS, *driver_options(drivers[driver])), where, part, InstrumentProblem)
        name = sensor.get("name")
        if not isinstance(name, str) or not name or name in names:
            raise InstrumentProblem(f"{where}: {part}: name = {name!r}; give each sensor a name of its own.")
        names.add(name)
        bus = sensor.get("bus")
        if bus is not None and (not isinstance(bus, str) or bus not in buses):
            said = f"{where}: {part}: bus = {bus!r}; there is no such [bus.NAME] in this file."
            raise InstrumentProblem(f"{said}{nearest(bus, buses)}")


def _network(table: object, where: str) -> dict:
    if not isinstance(table, dict):
        raise InstrumentProblem(f"{where}: network: write ssid, password, host and port under [network].")
    only_known(table, ("ssid", "password", "host", "port"), where, "network", InstrumentProblem)
    for key in ("ssid", "host", "port"):
        if key not in table:
            raise InstrumentProblem(f"{where}: network: '{key}' is missing.")
    return dict(table)
