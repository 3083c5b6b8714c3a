"""The folders of hardware/: wiring, drawing, bill and the Pico's pins agree, and what does not is found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tools import hardware

FOLDERS = hardware.instruments()
FILES = ("instrument.toml", "README.md", "SAFETY.md", "bom.csv", "wiring.yml", "case.scad")
SAFETY = ("magnet", "latex", "trip", "small parts", "edges", "bed and wheelchair", "isolated supply", "cleaning", "hearing")


def planted(tmp_path: Path, name: str, file: str, was: str, now: str) -> str:
    """What is found in a copy of an instrument where one thing was changed."""
    folder = tmp_path / name
    shutil.copytree(hardware.ROOT / "hardware" / name, folder)
    text = (folder / file).read_text("utf-8")
    assert was in text
    (folder / file).write_text(text.replace(was, now, 1), encoding="utf-8")
    return "\n".join(hardware.faults(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_instrument_agrees_with_itself(folder):
    assert hardware.faults(folder) == []
    assert [name for name in FILES if not (folder / name).is_file()] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_its_pages_say_what_they_must(folder):
    safety = (folder / "SAFETY.md").read_text("utf-8").lower()
    assert [word for word in SAFETY if word not in safety] == []
    guide = (folder / "README.md").read_text("utf-8")
    assert guide.count("**Check:**") == len(re.findall(r"^\d+\. ", guide, re.M)) >= 8
    price = f"{hardware.total(hardware.read_bill(folder)):.2f}"
    table = (hardware.ROOT / "hardware" / "README.md").read_text("utf-8")
    assert f"**{price} EUR**" in guide and re.search(rf"\[{folder.name}\]\(.*\| {price} \|", table)
    assert "CERN-OHL-P-2.0" in guide


def test_there_are_seven_and_one_needs_no_soldering():
    assert len(FOLDERS) >= 7
    assert any("No soldering" in (folder / "README.md").read_text("utf-8") for folder in FOLDERS)


@pytest.mark.parametrize(
    ("name", "file", "was", "now", "said"),
    [
        ("two-switch-box", "instrument.toml", "pin = 15", "pin = 14", "GP14 is used twice"),
        ("two-switch-box", "instrument.toml", "pin = 15", "pin = 16", "GP16 is in instrument.toml and not in the drawing"),
        ("two-switch-box", "instrument.toml", "pin = 15", "pin = 23", "no GP23"),
        ("two-switch-box", "wiring.yml", "GP14, GP15", "GP15, GP14", "pin 19 GP15; it is GP14"),
        ("two-switch-box", "wiring.yml", "sensor: left", "sensor: middle", "only one of"),
        ("two-switch-box", "wiring.yml", "    - R1: [2]", "    - R1: [3]", "R1 has no pin 3"),
        ("big-beam", "wiring.yml", "- R1: [2]", "- R1: [1]", "5 V lies on GP11"),
        ("big-beam", "wiring.yml", "    - X3: [1]", "    - X1: [1]", "5 V lies on GP11"),
        ("big-beam", "wiring.yml", "- Pico: [14]", "- Pico: [40]", "GP10 is in instrument.toml and not in the drawing"),
        ("big-beam", "wiring.yml", "    - R2: [1]", "    - R2: [2]", "5 V reaches GP11"),
        ("pressure-pad", "instrument.toml", "pin = 26", "pin = 22", "needs an ADC pin"),
        ("squeeze-ball", "instrument.toml", "scl = 5", "scl = 6", "no SDA and SCL of i2c0"),
        ("squeeze-ball", "wiring.yml", "8, 36, 6, 7", "8, 36, 7, 6", "GP4 does not reach B1 ('ball') at SDA"),
        ("mixed-table", "instrument.toml", 'driver = "mprls"', 'driver = "mprls"\naddress = 0x29', "0x29 of 'hand' is not free"),
        ("reach-beam", "bom.csv", "15.00", "35.00", "it may cost 25.00"),
        ("reach-beam", "bom.csv", "W1,", "W2,", "W1 is in the drawing and not in the bill"),
        ("drum-pad", "wiring.yml", "  R5:", "  R6:", "R6 is in the drawing and not in the bill"),
    ],
)  # fmt: skip
def test_what_is_planted_is_found(tmp_path, name, file, was, now, said):
    assert said in planted(tmp_path, name, file, was, now)


def test_a_part_that_is_missing_from_the_bill_is_found(tmp_path):
    bill = (hardware.ROOT / "hardware" / "two-switch-box" / "bom.csv").read_text("utf-8")
    row = next(line for line in bill.splitlines(True) if line.startswith("D1"))
    assert "D1 is in the drawing and not in the bill" in planted(tmp_path, "two-switch-box", "bom.csv", row, "")


def test_a_five_volt_lead_on_a_pin_is_found(tmp_path):
    said = planted(
        tmp_path, "big-beam", "wiring.yml", "connections:\n", "connections:\n  -\n    - Pico: [40]\n    - Pico: [15]\n"
    )
    assert "5 V lies on GP11" in said


@pytest.mark.parametrize("text", ["", "connectors:", "a\nb", "x: 1\n  y: 2", "connectors:\n  A:\n    pins: [1"])
def test_a_drawing_that_cannot_be_read_is_a_sentence(tmp_path, text):
    folder = tmp_path / "reach-beam"
    shutil.copytree(hardware.ROOT / "hardware" / "reach-beam", folder)
    (folder / "wiring.yml").write_text(text)
    assert hardware.faults(folder)


def test_a_missing_program_is_named_and_counted(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(hardware, "program", lambda name: None)
    assert hardware.main(["--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"Not built: {len(FOLDERS)} with wireviz" in said and "openscad" in said and "ngspice" in said
    assert "**in all**" in (tmp_path / "reach-beam" / "bill.md").read_text("utf-8")


def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, folders: list[Path]) -> hardware.Report:
    """Built with one program alone."""
    if not hardware.program(program):
        pytest.skip(f"{program} is not on this computer: {hardware.PROGRAMS[program]}")
    path = hardware.program(program)
    monkeypatch.setattr(hardware, "program", lambda name: path if name == program else None)
    report = hardware.Report()
    for folder in folders:
        hardware.build(folder, tmp_path, report)
    return report


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("program", "made"), [("wireviz", "wiring.svg"), ("openscad", "case.stl"), ("ngspice", "")])
def test_everything_is_built(tmp_path, monkeypatch, program, made):
    report = built(tmp_path, monkeypatch, program, FOLDERS)
    assert report.failed == [] and report.built[program] >= 5
    assert not made or all((tmp_path / folder.name / made).stat().st_size > 1000 for folder in FOLDERS)


@pytest.mark.long
def test_a_circuit_that_lets_5_v_through_does_not_pass(tmp_path, monkeypatch):
    folder = tmp_path / "big-beam"
    shutil.copytree(hardware.ROOT / "hardware" / "big-beam", folder)
    circuit = folder / "circuit.cir"
    circuit.write_text(circuit.read_text("utf-8").replace("R1 echo pin 2.2k", "R1 echo pin 1"), encoding="utf-8")
    report = built(tmp_path / "out", monkeypatch, "ngspice", [folder])
    assert any("v(pin) max <= 3.3" in sentence for sentence in report.failed)
