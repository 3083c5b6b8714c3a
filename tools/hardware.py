"""Everything that a folder of hardware/ is built from, made and checked.

    python3 tools/hardware.py --out DIR          every instrument
    python3 tools/hardware.py --out DIR hardware/reach-beam

Drawings (WireViz), enclosures into which their parts fit (OpenSCAD), bills, circuit checks (ngspice). A program that is missing
is named and what it would have built is counted as not built. Exit 1 when a check fails. `faults(folder)` needs none of the programs: wiring,
drawing, bill and the Pico's pinout have to agree.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "host"), str(ROOT / "protocols"), str(ROOT)]

from reachnote import pins  # noqa: E402
from reachnote.instrument import InstrumentProblem  # noqa: E402
from reachnote.instruments import drivers, wiring_of  # noqa: E402
from tools import prepare  # noqa: E402

PROGRAMS = {
    "wireviz": "python3 tools/prepare.py test, apt install graphviz",
    "openscad": "apt install openscad",
    "ngspice": "apt install ngspice",
}

# The Pico's 40 pins (Pico, Pico W and Pico 2 are the same).
_ROWS = """GP0 GP1 GND GP2 GP3 GP4 GP5 GND GP6 GP7 GP8 GP9 GND GP10 GP11 GP12 GP13 GND GP14 GP15
GP16 GP17 GND GP18 GP19 GP20 GP21 GND GP22 RUN GP26 GP27 GND GP28 ADC_VREF 3V3 3V3_EN GND VSYS VBUS"""
PINOUT = dict(enumerate(_ROWS.split(), 1))
FIVE = ("VBUS", "VSYS", "5V")
SUPPLY = ("3V3", "VIN", "VCC")
OUTPUTS = ("ECHO", "OUT", "SIG")  # carry the supply's voltage of their part
# EUR, where nothing else is in it
LIMITS = {"switch": 15.0, "vl53l0x": 25.0, "vl53l1x": 25.0, "hcsr04": 25.0, "sharp_ir": 25.0}


class HardwareProblem(Exception):
    """A file that cannot be read, in a sentence."""


# ---------------------------------------------------------------- the drawing's file


def read_yaml(text: str) -> object:
    """The part of YAML that the drawings use: indented maps and lists, [flow] and {flow}, words in double quotes."""
    lines = []
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#[^\"]*$", "", raw).rstrip()
        if line.strip():
            lines.append((len(line) - len(line.lstrip()), line.strip()))
    value, rest = _block(lines, 0)
    if rest != len(lines):
        raise HardwareProblem(f"this line does not fit in: {lines[rest][1]}")
    return value


def _block(lines: list[tuple[int, str]], at: int) -> tuple[object, int]:
    if at >= len(lines):
        raise HardwareProblem("the file ends too early")
    indent = lines[at][0]
    listed = lines[at][1].startswith("-") and not lines[at][1].startswith('"')
    many: list[object] = []
    table: dict[object, object] = {}
    while at < len(lines) and lines[at][0] == indent:
        text = lines[at][1]
        if listed:
            value, at = _entry(lines, at, text[1:].strip())
            many.append(value)
        else:
            key, colon, said = text.partition(":")
            if not colon or key in table:
                raise HardwareProblem(f"this is no 'key: value', or the second of its name: {text}")
            table[_flow(key)], at = _entry(lines, at, said.strip())
    return (many if listed else table), at


def _entry(lines: list[tuple[int, str]], at: int, said: str) -> tuple[object, int]:
    if not said:
        if at + 1 >= len(lines) or lines[at + 1][0] <= lines[at][0]:
            return None, at + 1
        return _block(lines, at + 1)
    pair = re.fullmatch(r"(\w+):\s+(\[.*\])", said)
    return ({pair[1]: _flow(pair[2])} if pair else _flow(said)), at + 1


def _flow(said: str) -> object:
    said = said.strip()
    if said[:1] == "[" and said[-1:] == "]":
        return [_flow(part) for part in _commas(said[1:-1])]
    if said[:1] == "{" and said[-1:] == "}":
        pairs = (part.partition(":") for part in _commas(said[1:-1]))
        return {_flow(key): _flow(value) for key, _, value in pairs}
    if said[:1] == '"':
        return said[1:-1]
    return int(said) if re.fullmatch(r"-?\d+", said) else said


def _commas(said: str) -> Iterator[str]:
    depth, quoted, part = 0, False, ""
    for sign in said:
        quoted ^= sign == '"'
        depth += 0 if quoted else (sign in "[{") - (sign in "]}")
        if sign == "," and depth == 0 and not quoted:
            yield part
            part = ""
        else:
            part += sign
    if part.strip():
        yield part


Place = tuple[str, object]  # a part and its pin


@dataclass
class Drawing:
    """What is joined to what. A net is a set of places that copper joins; two-pin parts lie between nets."""

    labels: dict[Place, str] = field(default_factory=dict)
    sensor_of: dict[str, str] = field(default_factory=dict)  # part -> the sensor that it is
    refs: set[str] = field(default_factory=set)
    nets: dict[Place, set[Place]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def pins(self, part: str) -> list[Place]:
        return [place for place in self.labels if place[0] == part]

    def label(self, net: Iterable[Place]) -> set[str]:
        return {self.labels[place] for place in net}

    def join(self, one: Place, other: Place) -> None:
        both = self.nets[one] | self.nets[other]
        for place in both:
            self.nets[place] = both

    def beyond(self, start: Place) -> set[Place]:
        """What is reached from a place through two-pin parts, supply and ground left out."""
        seen: set[Place] = set()
        ahead = [start]
        while ahead:
            place = ahead.pop()
            if place in seen:
                continue
            if place != start and self.label(self.nets[place]) & {"GND", *SUPPLY, *FIVE}:
                continue
            seen |= self.nets[place]
            small = {part for part, _ in self.nets[place] if len(self.pins(part)) == 2 and part not in self.sensor_of}
            ahead += [pin for part in small for pin in self.pins(part) if pin not in seen]
        return seen


def read_drawing(text: str) -> Drawing:
    table = read_yaml(text)
    if not isinstance(table, dict) or not isinstance(table.get("connectors"), dict):
        raise HardwareProblem("it has no 'connectors:'")
    drawing = Drawing()
    for name, part in table["connectors"].items():
        pins = part.get("pins", [])
        words = part.get("pinlabels", pins)
        if len(words) != len(pins):
            drawing.faults.append(f"{name} has {len(pins)} pins and {len(words)} labels.")
        for pin, word in zip(pins, words, strict=False):
            drawing.labels[name, pin] = str(word)
            drawing.nets[name, pin] = {(name, pin)}
        if str(part.get("notes", "")).startswith("sensor: "):
            drawing.sensor_of[name] = str(part["notes"])[8:]
    cables = table.get("cables") or {}
    extras = table.get("additional_bom_items") or []
    parts = {name for name, part in table["connectors"].items() if part.get("type") != "Solder point"}
    drawing.refs = {*parts, *cables, *(ref for item in extras for ref in item["designators"])}
    wires: set[Place] = set()
    for chain in table.get("connections") or []:
        _chain(drawing, chain, cables, wires)
    return drawing


def _chain(drawing: Drawing, chain: list, cables: dict, wires: set[Place]) -> None:
    before: list[Place] = []
    for link in chain:
        if not isinstance(link, dict):
            continue  # an arrow: the two are joined without a wire
        ((name, pins),) = link.items()
        if name in cables:
            for wire in pins:
                if (name, wire) in wires or not 1 <= wire <= len(cables[name].get("colors", [])):
                    drawing.faults.append(f"wire {wire} of {name} is used twice or is not there.")
                wires.add((name, wire))
            continue
        places = [_place(drawing, name, pin) for pin in pins]
        for one, other in zip(before, places, strict=False):
            if one in drawing.nets and other in drawing.nets:
                drawing.join(one, other)
        before = places


def _place(drawing: Drawing, name: str, pin: object) -> Place:
    if (name, pin) not in drawing.labels:
        drawing.faults.append(f"{name} has no pin {pin}.")
    return name, pin


# ---------------------------------------------------------------- what has to agree


def faults(folder: Path) -> list[str]:
    """What does not agree in one instrument's folder, a sentence each; empty when all is well. Needs no programs."""
    try:
        wiring = wiring_of(folder)
        drawing = read_drawing((folder / "wiring.yml").read_text("utf-8"))
        bill = read_bill(folder)
    except (InstrumentProblem, HardwareProblem, OSError, KeyError, ValueError, TypeError, AttributeError) as problem:
        return [f"{folder.name}: {problem}"]
    found = [*drawing.faults, *_pinout(drawing), *_wired(wiring, drawing)]
    found += [*_voltages(drawing), *_parts(drawing, bill), *_price(wiring, bill)]
    return [f"{folder.name}: {fault}" for fault in found]


def _pinout(drawing: Drawing) -> Iterator[str]:
    for _, pin in drawing.pins("Pico"):
        label = drawing.labels["Pico", pin]
        if PINOUT.get(pin) != label:  # type: ignore[call-overload]
            yield f"the drawing calls the Pico's pin {pin} {label}; it is {PINOUT.get(pin)}."  # type: ignore[call-overload]


def _wired(wiring: dict, drawing: Drawing) -> Iterator[str]:
    at = {drawing.labels[place]: place for place in drawing.pins("Pico")}
    drawn = {label for label, place in at.items() if label.startswith("GP") and len(drawing.nets[place]) > 1}
    named = {f"GP{pin}" for pin, _ in pins.named(wiring)}
    for label in sorted(named ^ drawn):
        where = ("instrument.toml", "the drawing") if label in named else ("the drawing", "instrument.toml")
        yield f"{label} is in {where[0]} and not in {where[1]}."
    sensors = {sensor["name"]: sensor for sensor in wiring["sensors"]}
    for name in sorted(sensors.keys() ^ set(drawing.sensor_of.values())):
        yield f"sensor '{name}' is in only one of instrument.toml and the drawing."
    for part, name in drawing.sensor_of.items():
        for label, ends in _leads(sensors.get(name, {}), wiring["buses"]):
            reached = drawing.beyond(at[label]) if label in at else set()
            if not any(place[0] == part and (not ends or drawing.labels[place] == ends) for place in reached):
                yield f"{label} does not reach {part} ('{name}'){f' at {ends}' if ends else ''} in the drawing."
    for place, label in drawing.labels.items():
        if label in ("GND", "SLEEVE") and place[0] != "Pico" and not _meets(drawing, place, ("GND",)):
            yield f"{label} of {place[0]} is not joined to the Pico's GND."
        if label in SUPPLY and place[0] != "Pico" and not _meets(drawing, place, ("3V3", "VBUS")):
            yield f"{label} of {place[0]} is not joined to a supply of the Pico."


def _leads(sensor: dict, buses: dict) -> Iterator[tuple[str, str]]:
    """(label on the Pico, label on the sensor or "") of each lead."""
    for key, ends in (("pin", ""), ("trigger", "TRIG"), ("echo", "ECHO"), ("data", "DT"), ("clock", "SCK")):
        if key in sensor:
            yield f"GP{sensor[key]}", ends
    if sensor and '"bus":' in drivers()[sensor["driver"]]:
        bus = buses.get(sensor.get("bus", "i2c0"), {})
        yield from ((f"GP{bus[key]}", key.upper()) for key in ("sda", "scl") if key in bus)


def _meets(drawing: Drawing, place: Place, labels: tuple[str, ...]) -> bool:
    return any(other[0] == "Pico" and drawing.labels[other] in labels for other in drawing.nets[place])


def _voltages(drawing: Drawing) -> Iterator[str]:
    """5 V never lies on a pin; behind one resistor only where another one goes to GND."""
    hot = {place for place, label in drawing.labels.items() if label.startswith(FIVE)}
    supplied = [place for place, label in drawing.labels.items() if label in SUPPLY]
    on_five = {place[0] for place in supplied if _meets(drawing, place, ("VBUS",))}
    hot |= {place for place, label in drawing.labels.items() if place[0] in on_five and label in OUTPUTS}
    spread = {place for source in hot for place in drawing.nets[source]}
    for part, pin in drawing.pins("Pico"):
        label = drawing.labels[part, pin]
        if not label.startswith("GP"):
            continue
        net = drawing.nets[part, pin]
        if net & spread:
            yield f"5 V lies on {label}."
        beyond = [_other_end(drawing, place) for place in net]
        ends = [end for end in beyond if end]
        if any(end in spread for end in ends) and not any(_meets(drawing, end, ("GND",)) for end in ends):
            yield f"5 V reaches {label} through a resistor that no second one divides."
        if net & {("Pico", pin) for pin, word in PINOUT.items() if word in ("GND", "3V3")}:
            yield f"{label} is joined to a supply or to GND."


def _other_end(drawing: Drawing, place: Place) -> Place | None:
    pins = drawing.pins(place[0])
    if len(pins) != 2 or not place[0].startswith("R"):
        return None
    return pins[0] if pins[1] == place else pins[1]


def _parts(drawing: Drawing, bill: list[Item]) -> Iterator[str]:
    billed = [ref for item in bill for ref in item.refs]
    for ref in sorted(drawing.refs - set(billed)):
        yield f"{ref} is in the drawing and not in the bill."
    for ref in sorted(set(billed) - drawing.refs):
        yield f"{ref} is in the bill and not in the drawing."
    for ref in sorted({ref for ref in billed if billed.count(ref) > 1}):
        yield f"{ref} is in the bill twice."
    for item in bill:
        if item.quantity != 1 and item.quantity != len(item.refs):
            yield f"the bill has {item.quantity} of '{item.part}' for {len(item.refs)} places."


def _price(wiring: dict, bill: list[Item]) -> Iterator[str]:
    kinds = {sensor["driver"] for sensor in wiring["sensors"]}
    most = [LIMITS[kind] for kind in kinds if kind in LIMITS]
    if len(most) == len(kinds) and total(bill) > max(most):
        yield f"it costs {total(bill):.2f} EUR; it may cost {max(most):.2f}."


# ---------------------------------------------------------------- the bill


@dataclass(frozen=True)
class Item:
    refs: tuple[str, ...]
    part: str
    number: str
    quantity: int
    each: float
    where: str
    note: str  # where the price is from, with its month; or that it is an estimate


def read_bill(folder: Path) -> list[Item]:
    with open(folder / "bom.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Item(
            tuple(row["ref"].split()),
            row["part"],
            row["number"],
            int(row["quantity"]),
            float(row["eur_each"]),
            row["where"],
            row["note"],
        )
        for row in rows
    ]


def total(bill: list[Item]) -> float:
    return round(sum(item.quantity * item.each for item in bill), 2)


def bill_page(name: str, bill: list[Item]) -> str:
    lines = [f"# Bill of {name}", "", "| ref | part | number | quantity | EUR each | EUR | where it goes | price |"]
    lines.append("| --- | --- | --- | ---: | ---: | ---: | --- | --- |")
    for item in bill:
        price = f"{item.quantity} | {item.each:.2f} | {item.quantity * item.each:.2f}"
        lines.append(f"| {' '.join(item.refs)} | {item.part} | {item.number} | {price} | {item.where} | {item.note} |")
    return "\n".join([*lines, f"| | **in all** | | | | **{total(bill):.2f}** | | |", ""])


# ---------------------------------------------------------------- circuits

CHECK = re.compile(r"^\*\s*check:\s*(v\([\w.]+\))\s+(max|min|at\s+\S+)\s*(<=|>=)\s*(-?[\d.]+)\s*$", re.M)


def run_circuit(path: Path, work: Path, spice: str) -> list[tuple[str, float | None, bool]]:
    """(the check as written, what was measured, held) of every `* check:` line of a circuit."""
    text = path.read_text("utf-8")
    checks = list(CHECK.finditer(text))
    if len(checks) != len(re.findall(r"^\*\s*check:", text, re.M)) or not checks:
        raise HardwareProblem(f"{path}: write each check as '* check: v(pin) max <= 3.3' (max, min or 'at 5m').")
    orders = [_measure(n, check[1], check[2]) for n, check in enumerate(checks)]
    body = re.sub(r"^\.end\s*$", "", text, flags=re.M | re.I)
    work.mkdir(parents=True, exist_ok=True)
    deck = work / "circuit.cir"
    deck.write_text("\n".join([body, ".control", "run", *orders, "quit", ".endc", ".end", ""]))
    done = subprocess.run([spice, "-b", deck.name], cwd=work, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    (work / "circuit.txt").write_text(said)
    return [_judge(n, check, said) for n, check in enumerate(checks)]


def _measure(n: int, what: str, how: str) -> str:
    return f"meas tran chk{n} find {what} at={how.split()[1]}" if how.startswith("at") else f"meas tran chk{n} {how} {what}"


def _judge(n: int, check: re.Match[str], said: str) -> tuple[str, float | None, bool]:
    words = check[0].lstrip("* ").removeprefix("check:").strip()
    found = re.search(rf"^chk{n}\s*=\s*(\S+)", said, re.M)
    if not found:
        return words, None, False
    value, limit = float(found[1]), float(check[4])
    return words, value, value <= limit if check[3] == "<=" else value >= limit


# ---------------------------------------------------------------- building


def program(name: str) -> str | None:
    """A program on PATH, beside the running Python or in .venv; WireViz also needs Graphviz's dot."""
    if name == "wireviz" and not shutil.which("dot"):
        return None
    places = (None, str(Path(sys.executable).parent), str(prepare.program(prepare.VENV, name).parent))
    return next((found for place in places if (found := shutil.which(name, path=place))), None)


def instruments() -> list[Path]:
    return sorted(path.parent for path in (ROOT / "hardware").glob("*/instrument.toml"))


@dataclass
class Report:
    lines: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    built: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, there: bool) -> None:
        counts = self.built if there else self.missing
        counts[name] = counts.get(name, 0) + 1


def build(folder: Path, out: Path, report: Report) -> None:
    """One folder's drawing, enclosure, bill and circuit checks in out/NAME."""
    work = out / folder.name
    work.mkdir(parents=True, exist_ok=True)
    report.failed += faults(folder)
    bill = read_bill(folder)
    (work / "bill.md").write_text(bill_page(folder.name, bill), encoding="utf-8")
    said = [f"bill {total(bill):.2f} EUR"]
    for name, make in (("wireviz", _drawing), ("openscad", _case), ("ngspice", _circuit)):
        if name == "ngspice" and not (folder / "circuit.cir").exists():
            said.append("no circuit to check")
            continue
        path = program(name)
        report.count(name, path is not None)
        if path:
            said.append(make(folder, work, path, report))
    report.lines.append(f"{folder.name}: {', '.join(word for word in said if word)}.")


def _made(argv: list[str], made: list[Path], what: str, report: Report) -> str:
    for path in made:
        path.unlink(missing_ok=True)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    if done.returncode or not all(path.is_file() and path.stat().st_size for path in made):
        last = ((done.stderr or done.stdout).strip().splitlines() or ["it said nothing"])[-1]
        report.failed.append(f"{made[0].parent.name}: {what} was not made: {last}")
        return ""
    return what


def _drawing(folder: Path, work: Path, path: str, report: Report) -> str:
    argv = [path, "-f", "hps", "-o", str(work), str(folder / "wiring.yml")]
    return _made(argv, [work / f"wiring.{end}" for end in ("svg", "png", "html")], "drawing", report)


def _case(folder: Path, work: Path, path: str, report: Report) -> str:
    stl = work / "case.stl"
    if not _made([path, "-o", str(stl), str(folder / "case.scad")], [stl], "case", report):
        return ""
    weight = grams(stl)
    billed = [int(found[1]) for item in read_bill(folder) if (found := re.search(r"\((\d+) g PETG\)", item.part))]
    if len(billed) != 1 or abs(billed[0] - weight) > 0.1 * weight:
        report.failed.append(f"{folder.name}: the case is {weight:.0f} g of PETG, the bill says {billed}.")
    _fits(folder, work, path, report)
    return f"case of {weight:.0f} g"


def _fits(folder: Path, work: Path, path: str, report: Report) -> None:
    """What case and parts both want to fill, as common/box.scad finds it, is nothing."""
    clash = work / "clash.stl"
    clash.unlink(missing_ok=True)
    argv = [path, "-D", 'show="clash"', "-o", str(clash), str(folder / "case.scad")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    if clash.exists():
        at = ", ".join(f"{min(places):.0f} to {max(places):.0f}" for places in zip(*_vertices(clash), strict=True))
        report.failed.append(f"{folder.name}: parts and case want the same room at x, y, z = {at} mm.")
    elif "object is empty" not in done.stderr:
        report.failed.append(f"{folder.name}: nothing said whether the parts fit: {done.stderr.strip()[-200:]}")


def grams(stl: Path) -> float:
    """What a solid in PETG (1.27 g/cm3) weighs, from its text STL in mm."""
    at, sum_mm3 = _vertices(stl), 0.0
    for (ax, ay, az), (bx, by, bz), (cx, cy, cz) in zip(at[::3], at[1::3], at[2::3], strict=True):
        sum_mm3 += (ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)) / 6
    return sum_mm3 / 1000 * 1.27


def _vertices(stl: Path) -> list[tuple[float, ...]]:
    return [tuple(map(float, line.split()[1:])) for line in stl.read_text().splitlines() if "vertex" in line]


def _circuit(folder: Path, work: Path, path: str, report: Report) -> str:
    try:
        results = run_circuit(folder / "circuit.cir", work, path)
    except HardwareProblem as problem:
        report.failed.append(str(problem))
        return ""
    for words, value, held in results:
        if not held:
            measured = "nothing was measured" if value is None else f"measured {value:.3f}"
            report.failed.append(f"{folder.name}: circuit: {words}: {measured}.")
    return f"{sum(held for *_, held in results)} of {len(results)} circuit checks hold"


def main(argv: list[str] | None = None) -> int:
    asked = argparse.ArgumentParser(description="Build and check everything in hardware/.")
    asked.add_argument("--out", type=Path, required=True, help="folder for what is built")
    asked.add_argument("folders", type=Path, nargs="*", help="instruments; all of them if none is named")
    args = asked.parse_args(argv)
    report = Report()
    for folder in args.folders or instruments():
        try:
            build(folder.resolve(), args.out.resolve(), report)
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired) as problem:
            report.failed.append(f"{folder}: {problem}")
    print("\n".join(report.lines))
    for name, count in report.missing.items():
        print(f"Not built: {count} with {name}, which is not on this computer ({PROGRAMS[name]}).")
    for sentence in report.failed:
        print(f"Does not hold: {sentence}", file=sys.stderr)
    count = len(report.lines)
    print(f"{count} instrument{'' if count == 1 else 's'}, {len(report.failed)} checks that do not hold.")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
