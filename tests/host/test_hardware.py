"""The folders of hardware/: wiring, drawing, bill and the Pico's pins agree, and what does not is found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tools import hardware

FOLDERS = hardware.instruments()
FILES = ("instrument.toml", "README.md", "SAFETY.md", "bom.csv", "wiring.yml", "case.scad")
PLANS = hardware.ROOT / "hardware"
SAFETY = (
    ("no magnets", "swallowed"),
    ("no latex", "latex-free"),
    ("cable and trip", "never across a path"),
    ("small parts", "choking", "45 mm"),
    ("edges", "rounded"),
    ("bed and wheelchair", "brake", "bed rail"),
    ("power", "battery", "isolated supply"),
    ("cleaning", "wipe"),
    ("hearing", "loudspeaker rather than headphones"),
)
# What only some have, by the driver that senses it.
OWN_SAFETY = {
    "mprls": ("one bulb and tube for each client", "never in the mouth"),
    "switch": ("only ability switches", "never mains"),
    "vl53l1x": ("laser class 1",),
    "hcsr04": ("clear 1 m", "hearing aids"),
    "piezo": ("clamp or tape the box down",),
    "fsr": ("wipe the cover",),
}
SEEN = re.compile(r"(estimate|\b20\d\d$|, undated$)")


def planted(tmp_path: Path, name: str, file: str, was: str, now: str) -> str:
    """What is found in a copy of an instrument where one thing was changed."""
    folder = tmp_path / name
    shutil.copytree(PLANS / name, folder)
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
    drivers = set(re.findall(r'^driver = "(\w+)"', (folder / "instrument.toml").read_text("utf-8"), re.M))
    wanted = [*(word for topic in SAFETY for word in topic), *(word for driver in drivers for word in OWN_SAFETY[driver])]
    assert [word for word in wanted if word not in safety] == []
    guide = (folder / "README.md").read_text("utf-8")
    assert guide.count("**Check:**") == len(re.findall(r"^\d+\. ", guide, re.M)) >= 8
    price = f"{hardware.total(hardware.read_bill(folder)):.2f}"
    table = (PLANS / "README.md").read_text("utf-8")
    assert f"**{price} EUR**" in guide and re.search(rf"\[{folder.name}\]\(.*\| {price} \|", table)
    assert "CERN-OHL-P-2.0" in guide
    assert f"reachnote flash --instrument hardware/{folder.name} --image" in guide and "](../common/flash.md)" in guide


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_price_says_where_it_was_seen_or_that_it_is_an_estimate(folder):
    assert [item.part for item in hardware.read_bill(folder) if not SEEN.search(item.note) or item.each <= 0] == []


@pytest.mark.parametrize(("name", "most"), [("two-switch-box", 15), ("reach-beam", 25), ("big-beam", 25)])
def test_a_switch_and_a_distance_instrument_stay_cheap(name, most):
    assert 0 < hardware.total(hardware.read_bill(PLANS / name)) <= most


@pytest.mark.parametrize("page", sorted(PLANS.rglob("*.md")), ids=lambda page: page.relative_to(PLANS).as_posix())
def test_every_page_that_a_page_points_to_is_there(page):
    pointed = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
    assert [place for place in pointed if not (page.parent / place).exists()] == []


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
        ("big-beam", "wiring.yml", "    - X3: [1]\n    - W1: [2]", "    - X1: [1]\n    - W1: [2]", "5 V lies on GP11"),
        ("big-beam", "wiring.yml", "- Pico: [14]", "- Pico: [40]", "GP10 is in instrument.toml and not in the drawing"),
        ("big-beam", "wiring.yml", '- X6: [1]\n    - "--"\n    - R2: [2]', '- X7: [1]\n    - "--"\n    - R2: [2]', "5 V reaches GP11"),
        ("two-switch-box", "instrument.toml", "rate_hz", "silence_pin = 14\nrate_hz", "GP14 is used twice"),
        ("pressure-pad", "instrument.toml", "pin = 26", "pin = 22", "needs an ADC pin"),
        ("squeeze-ball", "instrument.toml", "scl = 5", "scl = 6", "no SDA and SCL of i2c0"),
        ("squeeze-ball", "wiring.yml", "8, 36, 6, 7", "8, 36, 7, 6", "GP4 does not reach B1 ('ball') at SDA"),
        ("mixed-table", "instrument.toml", 'driver = "mprls"', 'driver = "mprls"\naddress = 0x29', "0x29 of 'hand' is not free"),
        ("reach-beam", "bom.csv", "15.40", "35.40", "it may cost 25.00"),
        ("reach-beam", "bom.csv", "W1,", "W2,", "W1 is in the drawing and not in the bill"),
        ("drum-pad", "wiring.yml", "  R5:", "  R6:", "R6 is in the drawing and not in the bill"),
    ],
)  # fmt: skip
def test_what_is_planted_is_found(tmp_path, name, file, was, now, said):
    assert said in planted(tmp_path, name, file, was, now)


def test_a_part_that_is_missing_from_the_bill_is_found(tmp_path):
    bill = (PLANS / "two-switch-box" / "bom.csv").read_text("utf-8")
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
    shutil.copytree(PLANS / "reach-beam", folder)
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


@pytest.mark.parametrize(("program", "made"), [("wireviz", ("wiring.svg", "wiring.png")), ("ngspice", ())])
def test_every_drawing_is_made_and_every_circuit_holds(tmp_path, monkeypatch, program, made):
    report = built(tmp_path, monkeypatch, program, FOLDERS)
    assert report.failed == [] and report.built[program] >= 5
    assert all((tmp_path / folder.name / name).stat().st_size > 1000 for folder in FOLDERS for name in made)


@pytest.mark.parametrize(
    "folder", [pytest.param(f, id=f.name, marks=() if f.name == "reach-beam" else pytest.mark.long) for f in FOLDERS]
)
def test_every_box_is_made_and_its_parts_fit(tmp_path, monkeypatch, folder):
    report = built(tmp_path, monkeypatch, "openscad", [folder])
    assert report.failed == [] and (tmp_path / folder.name / "case.stl").stat().st_size > 100_000


def test_a_circuit_that_lets_5_v_through_does_not_pass(tmp_path, monkeypatch):
    folder = tmp_path / "big-beam"
    shutil.copytree(PLANS / "big-beam", folder)
    circuit = folder / "circuit.cir"
    circuit.write_text(circuit.read_text("utf-8").replace("R1 echo pin 2.2k", "R1 echo pin 1"), encoding="utf-8")
    report = built(tmp_path / "out", monkeypatch, "ngspice", [folder])
    assert any("v(pin) max <= 3.3" in sentence for sentence in report.failed)


@pytest.mark.long
@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("jack(10)", "jack(22)", "want the same room"),
        ("[70, 75, 30]", "[70, 75, 44]", "the bill says"),
        ("jack(10)", "jack(", "was not made"),
    ],
)
def test_a_box_that_does_not_fit_is_found(tmp_path, monkeypatch, was, now, said):
    shutil.copytree(PLANS / "common", tmp_path / "common")
    folder = tmp_path / "two-switch-box"
    shutil.copytree(PLANS / folder.name, folder)
    case = (folder / "case.scad").read_text("utf-8")
    assert was in case
    (folder / "case.scad").write_text(case.replace(was, now), encoding="utf-8")
    report = built(tmp_path / "out", monkeypatch, "openscad", [folder])
    assert any(said in sentence for sentence in report.failed), report.failed
