"""`reachnote flash` onto an emulated RP2040 that carries a real image, through mpremote and the emulator's USB console.

The emulator runs at about a twentieth of real time, so what the flashed board plays is recorded in its own time as a journal
and played by `reachnote replay`: the same session, the same notes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import mido
import pytest

from reachnote import instruments
from reachnote.journal import Line, Opened, header, write
from tools import firmware_image, micropython

ROOT = Path(__file__).resolve().parents[2]
TABLE = instruments.wiring_of(ROOT / "hardware" / "mixed-table")
PADS = {
    "format": 1,
    "instrument": "emulated",
    "name": "Emulated",
    "board": "pico",
    "rate_hz": 250,
    "buses": {"i2c0": {"sda": 4, "scl": 5, "freq": 400000}},
    "sensors": [
        {"name": "left", "driver": "switch", "pin": 14},
        {"name": "pad", "driver": "fsr", "pin": 26},
        {"name": "ball", "driver": "mprls", "bus": "i2c0"},
    ],
}
pytestmark = [pytest.mark.long, pytest.mark.timeout(3000)]
LAMP = 25


@pytest.fixture(scope="module")
def image():
    try:
        return firmware_image.build()
    except micropython.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An instrument's folder with a switch, an ADC sensor and one on a bus."""
    made = tmp_path_factory.mktemp("hardware") / "emulated"
    made.mkdir()
    toml = ['format = 1\ninstrument = "emulated"\nname = "Emulated"\nboard = "pico"\nrate_hz = 250\n']
    toml.append("[bus.i2c0]\nsda = 4\nscl = 5\nfreq = 400000\n")
    for sensor in PADS["sensors"]:
        toml.append("[[sensor]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in sensor.items()))
    (made / "instrument.toml").write_text("\n".join(toml))
    return made


def journal_lines(chunks):
    """A journal of what a board said, [(second, bytes)]."""
    yield header({"scene": "five-notes", "client": "", "outputs": ["file"], "seed": 0})
    yield write(Opened(chunks[0][0], 0, "emulated", False))
    rest = b""
    for time, data in chunks:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield write(Line(time, 0, line))


def flash(folder, path, *words):
    """The command itself, in a process of its own."""
    argv = [sys.executable, "-m", "reachnote", "flash", "--instrument", str(folder), "--port", path, "--patience", "60"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("host", "protocols", "firmware"))}
    done = subprocess.run([*argv, *words], capture_output=True, text=True, env=env, timeout=900)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def flashed_chip(image, folder, tmp_path_factory):
    """(flash of the chip, what the command said) after one run onto a blank board."""
    from support.pico_port import PicoPort

    kept = tmp_path_factory.mktemp("chip") / "flash"
    with PicoPort(image, kept, PADS) as port:
        said = flash(folder, port.path, "--json")
    return kept.read_bytes(), said


def test_a_blank_chip_is_flashed_and_says_hello(flashed_chip):
    code, out, err = flashed_chip[1]
    assert (code, err) == (0, "")
    result = json.loads(out.splitlines()[-1])
    assert (result["result"], result["name"], result["micropython"]) == ("ok", "Emulated", "1.25.0")
    assert [line["verdict"] for line in result["sheet"]["sensors"]] == ["good"] * 3


def test_the_flashed_chip_plays_switch_adc_and_bus_readings_as_notes(image, flashed_chip, tmp_path):
    from support.flashed import Host
    from support.pico_port import rest
    from support.rp2040 import Pico

    with Pico(image, boot=False, flash=flashed_chip[0]) as board:
        models = rest(board, PADS)
        board.boot()
        host = Host(board)
        host.run(0.5)
        host.keep(4.5)
        begin = board.now
        for n in range(4):
            board.at(begin + 1.0 + n * 0.5, lambda n=n: board.pin(14, n % 2))
        board.adc(0, lambda time: 2048 if 0.2 < (time - begin) % 1 < 0.5 and time - begin > 1 else 0)
        models["ball"].hand = lambda time: 104325 if 0.6 < (time - begin) % 1 < 0.9 and time - begin > 1 else 101325
        host.run(4.2)
        assert host.hellos()[0]["build"] == json.loads(flashed_chip[1][1].splitlines()[-1])["build"]
        chunks = [(time, data) for time, data in board.output]
    journal = tmp_path / "emulated.jsonl"
    journal.write_text("".join(journal_lines(chunks)))
    out = tmp_path / "notes.mid"
    argv = [sys.executable, "-m", "reachnote", "replay", str(journal), "--out", f"file:{out}"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("host", "protocols", "firmware"))}
    subprocess.run(argv, check=True, env=env, capture_output=True)
    notes = [m for track in mido.MidiFile(out).tracks for m in track if m.type == "note_on" and m.velocity]
    by_channel = {channel: sum(1 for m in notes if m.channel == channel) for channel in {m.channel for m in notes}}
    assert sorted(by_channel) == [0, 1, 2] or len(by_channel) == 3, by_channel
    assert all(count >= 2 for count in by_channel.values()), by_channel


def alone(image, flash):
    """What a chip shows that is powered without a computer that wants anything: (its hello or None, flashes of its lamp)."""
    from support.flashed import Host
    from support.pico_port import rest
    from support.rp2040 import Pico

    with Pico(image, boot=False, flash=flash) as board:
        rest(board, PADS)
        lamp = board.watch(LAMP)
        board.boot()
        host = Host(board)
        host.run(0.8)
        host.keep(0.1)
        host.run(0.4)
        hellos = host.hellos()
        if not hellos:
            host.run(0.4)
        return (hellos[0] if hellos else None), [level for _, level in lamp]


def test_twenty_cuts_leave_the_old_the_new_or_the_lamp_and_the_second_run_completes(image, folder, flashed_chip, tmp_path):
    from support.pico_port import PicoPort

    result = json.loads(flashed_chip[1][1].splitlines()[-1])
    name, build = result["name"], result["build"]
    seen = {"blank": 0, "lamp": 0, "old": 0, "new": 0}
    # 14 while a blank board is filled, 6 while a board that plays gets another name.
    cuts = [(None, 3000 + n * 6300) for n in range(14)] + [(flashed_chip[0], 3000 + n * 1500) for n in range(6)]
    for before, after in cuts:
        kept = tmp_path / "flash"
        kept.unlink(missing_ok=True)
        words = ("--no-test",)
        if before is not None:
            kept.write_bytes(before)
            words = ("--no-test", "--name", "New name")
        port = PicoPort(image, kept, PADS, cut_after=after)
        code, _, err = flash(folder, port.path, *words)
        was_cut = port.end()
        if was_cut:
            assert code == 1 and "same command again" in err, err
        hello, flashes = alone(image, kept.read_bytes())
        if hello is not None:
            assert (hello["name"], hello["build"]) in {(name, build), ("New name", build)}
            seen["new" if hello["name"] == "New name" or before is None else "old"] += 1
        elif flashes:
            assert before is None and flashes[flashes.index(1) :][:4] == [1, 0, 1, 0], flashes
            seen["lamp"] += 1
        else:
            assert before is None and after < 12000, after  # the image alone: nothing of ours was there yet
            seen["blank"] += 1
        with PicoPort(image, kept, PADS) as again:
            code, _, err = flash(folder, again.path, *words)
            assert (code, err) == (0, "")
        assert kept.exists()
    print(f"20 cuts: {seen}")
    assert seen["lamp"] >= 8 and seen["old"] >= 1 and sum(seen.values()) == 20
