"""Does any constant of the calibration depend on one recording? Tuned again without each source, judged on everything.

    python3 tools/bench/leave_one_out.py BENCH/calibration_bench.py [--minutes 30] [--out FILE.json]

BENCH is the shared bench. A source is a family of recordings, one tremor, or one person. Every constant of the table below
is tried at four values about its present one, all sources sharing that sweep. Then, for each source left out, the
changes that better the rest are taken up one after another, best first, while they still better it together. What comes
out is scored on all of the bench, the source left out included.

A second question costs nothing more: any single value that the other sources would take as gladly as the present one,
how far could that miss a target?

Not tried: numbers inside formulas (shares of an envelope, of a half wave), and what the wire or a sensor sets. Tuning
starts at the present values, which were found with every source in view; this shows that no source holds them there.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "host"), str(ROOT / "protocols"), str(ROOT / "firmware")]
from tools import prepare  # noqa: E402

FACTORS = (0.7, 0.85, 1.15, 1.4)
TUNED = {
    "reachnote.calibration.fit": "K_NOISE F_ON F_ON_MOST MOVED LONGEST_WINDOW_S SUSTAINED_S BURST QUICKEST_S QUICKER OWN_HALF "
    "LEAST_RATE_HZ MATTERS SHAKES_SHARE",
    "reachnote.calibration.adapt": "KEPT ENOUGH TARGET DOWN UP LOWEST",
    "reachnote.calibration.pads": "SMALLEST_SHARE SIGMAS LEAST_OF_FULL",
    "reachnote_play.decider": "RATE_SPAN SETTLES UNDERSHOOT PEAK_FADE LEAST FALLING",
    "reachnote_play.tremor": "FASTEST_HALF HALVES STAYS ALERT MEAN_US",
    "reachnote_play.gate": "AGREE SLACK",
    "reachnote_play.control": "DEAD",
}
DEFAULTS = {  # of the tables of parameters
    "TABLE": "release floor_down floor_up creep settle floor_bound drift",
    "IMPACT_TABLE": "scan mask retrigger decay",
    "SWITCH_TABLE": "debounce",
}
TREMBLING = ("tremor3", "tremor6", "tremor10", "tremor15", "varied", "legato", "mixed")
GAIN = 1e-3  # of the loss: less is no gain
ALLOWED, ALLOWED_SHARE = 0.02, 0.10


# ---------------------------------------------------------------- constants


@dataclass(frozen=True)
class Constant:
    """One number of the product, set from outside. `room` is what it can change: "sensor", "pad" or "switch"."""

    where: str
    name: str

    @property
    def room(self) -> str:
        rooms = {"reachnote.calibration.pads": "pad", "IMPACT_TABLE": "pad", "SWITCH_TABLE": "switch"}
        return rooms.get(self.where, "sensor")

    @property
    def label(self) -> str:
        return f"{self.where.rsplit('.', 1)[-1]}.{self.name}"

    def get(self) -> float:
        if self.where in DEFAULTS:
            return next(row[2] for row in _table(self.where) if row[0] == self.name)
        return getattr(importlib.import_module(self.where), self.name)

    def set(self, value: float) -> None:
        if self.where in DEFAULTS:
            rows = tuple((*row[:2], value, *row[3:]) if row[0] == self.name else row for row in _table(self.where))
            _put_table(self.where, rows)
        else:
            setattr(importlib.import_module(self.where), self.name, value)

    def values(self) -> list[float]:
        now = self.get()
        tried = [round(now * f) if isinstance(now, int) else now * f for f in FACTORS]
        return [value for value in dict.fromkeys(tried) if value != now]


def constants() -> list[Constant]:
    pairs = [*TUNED.items(), *DEFAULTS.items()]
    return [Constant(where, name) for where, names in pairs for name in names.split()]


def _table(name: str) -> tuple:
    return getattr(importlib.import_module("reachnote_play.parameters"), name)


def _put_table(name: str, rows: tuple) -> None:
    """The continuous table is also the default of two functions; the others are looked up where they are used."""
    parameters = importlib.import_module("reachnote_play.parameters")
    old = getattr(parameters, name)
    setattr(parameters, name, rows)
    for function in (parameters.defaults, parameters.bounded):
        function.__defaults__ = tuple(rows if given is old else given for given in function.__defaults__)
    for user in ("impact", "contact"):
        module = importlib.import_module(f"reachnote_play.{user}")
        if getattr(module, name, None) is old:
            setattr(module, name, rows)


# ---------------------------------------------------------------- the bench, piece by piece


class Pieces:
    """Every track of the bench by piece, each with the sources that it comes from."""

    def __init__(self, path: str) -> None:
        from tools.bench.calibration_adapter import Factory

        self.bench = _bench(path)
        self.make = Factory
        self.tremors = self.bench.tremor_sources()
        self.keys = sorted(self.tremors)

    def room(self, name: str) -> list[tuple[str, str, frozenset, object]]:
        """(track, piece, sources, result) of all that a room plays."""
        return {"sensor": self._sensor, "pad": self._pad, "switch": self._switch}[name]()

    def _sensor(self) -> list:
        bench, make = self.bench, self.make
        out = [("A", row[0], sources_of(row[0]), row[1]) for row in bench.track_a(make)]
        for labelled in [row for row in bench.LABELLED if row[1] != "impact"]:
            out.append(("B", labelled[0], sources_of(labelled[0]), bench.gesture_run(make, *labelled)))
        out.append(("E", bench.REPLAY[0], sources_of("grip_"), bench.gesture_run(make, *bench.REPLAY)))
        from tools.bench.calibration_adapter import pens

        out += [("B", name, sources_of(name), match) for name, match in pens(bench)]
        for cond in bench.CONDS:
            for seed, key in enumerate(self.keys):
                shaken = sources_of(key) if cond in TREMBLING else frozenset({"formula"})
                out.append(("C", cond, shaken, self._hybrid(cond, seed)))
        out.append(("F", "ramps", frozenset({"formula"}), bench.track_f(make)[0]))
        out += [("G", row[0], frozenset({"ultrasonic"}), row[2:4]) for row in bench.track_g(make)]
        return out

    def _hybrid(self, cond: str, seed: int) -> dict:
        bench = self.bench
        t, v, labels, rest, shown = bench.make_hybrid(cond, seed, self.tremors)
        end = shown[-1][1] + 0.4
        first = t <= end
        chain = self.make()
        kind = "distance" if cond == "dropout" else "pressure"
        chain.calibrate({"kind": kind, "direction": 1, "fs": 50.0}, t[first], v[first], rest, shown)
        return bench.match(bench.run(chain, t[~first], v[~first])[1], [label for label in labels if label[0] > end])

    def _pad(self) -> list:
        rows = [row for row in self.bench.LABELLED if row[1] == "impact"]
        return [("B", row[0], frozenset({"piezo"}), self.bench.gesture_run(self.make, *row)) for row in rows]

    def _switch(self) -> list:
        return [("D", "taps", frozenset({"taps"}), self.bench.track_d_method(self.make))]


def _bench(path: str) -> ModuleType:
    found = importlib.util.spec_from_file_location("calibration_bench", path)
    bench = importlib.util.module_from_spec(found)
    found.loader.exec_module(bench)
    for name in ("load", "load_labels", "tremor_sources"):
        setattr(bench, name, functools.cache(getattr(bench, name)))
    made = {}
    make_hybrid = bench.make_hybrid

    def once(cond: str, seed: int, tremor: dict) -> tuple:
        if (cond, seed) not in made:
            made[cond, seed] = make_hybrid(cond, seed, tremor)
        return made[cond, seed]

    bench.make_hybrid = once
    return bench


FAMILIES = ("tof", "grip", "pinch", "piezo", "phone", "pen", "hover", "taps", "ultrasonic", "formula")
OF_TREMOR = {
    "rest pd2458": ("phone", "person pd2458"),
    "postural pd2458": ("phone", "person pd2458"),
    "pressure H_P000-0037": ("pen", "person H_P000-0037"),
    "pressure H_p000-0041": ("pen", "person H_p000-0041"),
    "hover P_16100003": ("hover", "person P_16100003"),
}
SOURCES = (*FAMILIES, *(f"tremor {key}" for key in OF_TREMOR), *dict.fromkeys(of[1] for of in OF_TREMOR.values()), "person u0")


def sources_of(name: str) -> frozenset:
    """What a piece's name says about where it comes from."""
    found = {family for family in FAMILIES if name.startswith(family)}
    found |= {f"person {word}" for word in ("pd2458", "u0", "H_P000-0037", "H_p000-0041", "P_16100003") if word in name}
    for key, of in OF_TREMOR.items():
        if key == name or f"({key})" in name:
            found |= {f"tremor {key}", *of}
    return frozenset(found)


# ---------------------------------------------------------------- targets

TARGETS = {  # measure: (sense, target)
    "A_false_on_per_min": ("<=", 2.0),
    "B_f1": (">=", 0.94),
    "B_piezo_f1": (">=", 0.98),
    "B_piezo_lat_ms": ("<=", 6.0),
    "C_mean_f1": (">=", 0.98),
    "C_worst_f1": (">=", 0.95),
    "C_clean_lat_ms": ("<=", 125.0),
    "C_clean_lat95_ms": ("<=", 235.0),
    "C_mixed_lat95_ms": ("<=", 400.0),
    "D_kept": (">=", 0.99),
    "D_extra_on": ("<=", 0.0),
    "E_spearman_piezo": (">=", 0.90),
    "E_spearman_grip": (">=", 0.75),
    "F_delay_ms": ("<=", 20.0),
    "G_on_per_min": ("<=", 8.0),
    "G_leak_pct": ("<=", 7.0),
}


def measures(bench: ModuleType, pieces: list, without: str = "") -> dict[str, float]:
    """The bench's targets over all pieces that do not come from a source; those that are left without a piece are left out."""

    def of(track: str, start: str = "") -> list:
        return [r for t, name, sources, r in pieces if t == track and name.startswith(start) and without not in sources]

    def mean(values: list[float]) -> float:
        return sum(values) / len(values) if values else math.nan

    def ranked(start: str) -> float:
        runs = [match["pairs"] for track in "BE" for match in of(track, start) if len(match["pairs"]) >= 8]
        count = sum(map(len, runs))
        return sum(bench.spearman(*zip(*run, strict=True)) * len(run) for run in runs) / count if count else math.nan

    conditions = {cond: bench.merge(found) for cond in bench.CONDS if (found := of("C", cond))}
    f1s = [bench.prf(match)[2] for match in conditions.values()]
    labelled, piezo = bench.merge(of("B")), bench.merge(of("B", "piezo"))
    late = {cond: conditions[cond]["lat"] if cond in conditions else [] for cond in ("clean", "mixed")}
    taps = of("D")
    found = {
        "A_false_on_per_min": mean(of("A")),
        "B_f1": bench.prf(labelled)[2] if labelled["n"] else math.nan,
        "B_piezo_f1": bench.prf(piezo)[2] if piezo["n"] else math.nan,
        "B_piezo_lat_ms": bench.q(piezo["lat"], 50),
        "C_mean_f1": mean(f1s),
        "C_worst_f1": min(f1s, default=math.nan),
        "C_clean_lat_ms": bench.q(late["clean"], 50),
        "C_clean_lat95_ms": bench.q(late["clean"], 95),
        "C_mixed_lat95_ms": bench.q(late["mixed"], 95),
        "D_kept": taps[0][0] / 100 if taps else math.nan,
        "D_extra_on": taps[0][2] if taps else math.nan,
        "E_spearman_piezo": ranked("piezo"),
        "E_spearman_grip": ranked("grip"),
        "F_delay_ms": mean(of("F")),
        "G_on_per_min": mean([row[1] for row in of("G")]),
        "G_leak_pct": mean([row[0] for row in of("G")]),
    }
    return {name: round(float(value), 6) for name, value in found.items() if math.isfinite(value)}


def used(name: str, value: float) -> float:
    """How much of what a target allows is used up: 1 is just met."""
    sense, target = TARGETS[name]
    if sense == ">=":
        return (1 - value) / (1 - target)
    if name == "F_delay_ms" and value < 0:  # an output ahead of its movement is a fault
        return 1 - value / target
    return value / target if target else value


def loss(found: dict[str, float]) -> float:
    return sum(part + 10 * max(0.0, part - 1) for part in (used(name, value) for name, value in found.items()))


def missed(name: str, value: float) -> float:
    """By how much a target is missed, as a share of what may be missed (0.02, or 10 % of a target that is no share)."""
    sense, target = TARGETS[name]
    if sense == ">=":
        return max(0.0, target - value) / ALLOWED
    if name == "F_delay_ms" and value < 0:
        return -value / target / ALLOWED_SHARE
    return max(0.0, value - target) / (target * ALLOWED_SHARE) if target else 100.0 * value


# ---------------------------------------------------------------- tuning

Changes = tuple[tuple[int, float], ...]  # (which constant, its value), in the order of the constants


class Tuning:
    def __init__(self, path: str, minutes: float) -> None:
        self.pieces = Pieces(path)
        self.bench = self.pieces.bench
        self.constants = constants()
        self.present = [constant.get() for constant in self.constants]
        self.ends = time.monotonic() + 60 * minutes
        self.known: dict[tuple[str, Changes], list] = {}
        self.played = 0

    def left_s(self) -> float:
        return self.ends - time.monotonic()

    def scored(self, changes: Changes) -> list:
        """All pieces with these changes; a room that no change touches is not played again."""
        out = []
        for room in ("sensor", "pad", "switch"):
            own = tuple(change for change in changes if self.constants[change[0]].room == room)
            if (room, own) not in self.known:
                self.known[room, own] = self._play(room, own)
            out += self.known[room, own]
        return out

    def _play(self, room: str, changes: Changes) -> list:
        for k, value in changes:
            self.constants[k].set(value)
        try:
            self.played += 1
            return self.pieces.room(room)
        finally:
            for k, _ in changes:
                self.constants[k].set(self.present[k])

    def sweep(self) -> list[tuple[int, float]]:
        """Every single change that there was time to play; two thirds of the time at most."""
        stop = self.ends - self.left_s() / 3
        done = []
        for k, constant in enumerate(self.constants):
            if time.monotonic() > stop:
                print(f"  no time for {len(self.constants) - k} more constants", flush=True)
                break
            for value in constant.values():
                self.scored(((k, value),))
                done.append((k, value))
            print(f"  {k + 1}/{len(self.constants)} {constant.label} ({self.left_s() / 60:.1f} min left)", flush=True)
        return done

    def without(self, source: str, singles: list[tuple[int, float]], seconds: float) -> Changes:
        """Take up what betters the other sources, best first, as long as it still does."""
        stop = time.monotonic() + seconds

        def judged(changes: Changes) -> float:
            return loss(measures(self.bench, self.scored(changes), source))

        best = judged(())
        gains: dict[int, tuple[float, float]] = {}
        for k, value in singles:
            gain = best - judged(((k, value),))
            if gain > GAIN and gain > gains.get(k, (0.0, 0.0))[0]:
                gains[k] = (gain, value)
        taken: Changes = ()
        for k, (_, value) in sorted(gains.items(), key=lambda item: -item[1][0]):
            if time.monotonic() > stop:
                break
            more = tuple(sorted((*taken, (k, value))))
            now = judged(more)
            if now < best - GAIN:
                taken, best = more, now
        return taken

    def indifferent(self, source: str, singles: list[tuple[int, float]]) -> dict[str, list]:
        """{measure: [the worst of it, by which constant, at which value]} of single values that the rest takes gladly."""
        base = loss(measures(self.bench, self.scored(()), source))
        worst: dict[str, list] = {name: [value, "", 0] for name, value in measures(self.bench, self.scored(())).items()}
        for single in singles:
            pieces = self.scored((single,))
            if loss(measures(self.bench, pieces, source)) <= base + GAIN:
                for name, value in measures(self.bench, pieces).items():
                    if used(name, value) > used(name, worst[name][0]):
                        worst[name] = [value, self.constants[single[0]].label, single[1]]
        return worst

    def named(self, changes: Changes) -> dict[str, list[float]]:
        return {self.constants[k].label: [self.present[k], value] for k, value in changes}


# ---------------------------------------------------------------- report


def report(tuning: Tuning) -> dict:
    started = time.monotonic()
    now = measures(tuning.bench, tuning.scored(()))
    print(f"Present values: loss {loss(now):.3f}, played in {time.monotonic() - started:.1f} s", flush=True)
    singles = tuning.sweep()
    tried = len({k for k, _ in singles})
    rows = {}
    for n, source in enumerate(("", *SOURCES)):  # "": tuned on everything, to compare with
        left = len(SOURCES) + 1 - n
        changes = tuning.without(source, singles, max(5.0, tuning.left_s() / left))
        found = measures(tuning.bench, tuning.scored(changes))
        spare = tuning.indifferent(source, singles) if source else {}
        rows[source or "nothing"] = {"changes": tuning.named(changes), "measures": found, "indifferent": spare}
        worst = max(found, key=lambda name: (missed(name, found[name]), used(name, found[name])))
        shifted = len(changes)
        print(f"  without {source or 'nothing'}: {shifted} constants moved, closest {worst} = {found[worst]:.3f}", flush=True)
    return {"constants": tried, "of": len(tuning.constants), "played": tuning.played, "present": now, "sources": rows}


def show(told: dict) -> bool:
    """The table of the worst per target; True if every constant was tried and none is missed by more than may be."""
    print(f"\n{told['constants']} of {told['of']} constants tried at {len(FACTORS)} values, {told['played']} plays.")
    print(f"{'target':29s} {'present':>9s} {'worst tuned':>12s} {'missed':>7s}  without")
    good = True
    for name, (sense, target) in TARGETS.items():
        of = {source: row["measures"][name] for source, row in told["sources"].items()}
        at = max(of, key=lambda source: used(name, of[source]))
        good = good and missed(name, of[at]) <= 1
        goal, miss = f"{sense + f' {target:g}':>8s}", missed(name, of[at])
        print(f"{name:20s} {goal} {told['present'][name]:9.3f} {of[at]:12.3f} {miss:7.2f}  {at}")
    print("\nAny one value that the other sources take as gladly:")
    for name in TARGETS:
        spare = {source: row["indifferent"][name] for source, row in told["sources"].items() if row["indifferent"]}
        at = max(spare, key=lambda source: used(name, spare[source][0]))
        value, constant, to = spare[at]
        if constant:
            print(f"{name:20s} {value:9.3f} missed {missed(name, value):5.2f}  {constant} = {to:g}, without {at}")
    print(f"\nmissed: as a share of what may be missed, {ALLOWED} or {ALLOWED_SHARE:.0%}; above 1 is too much.")
    print("No target is missed by more than that." if good else "A target is missed by more than that.")
    if told["constants"] < told["of"]:
        print("Not every constant was tried: this shows nothing yet. Give it more --minutes.")
        return False
    return good


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("bench", help="path of calibration_bench.py")
    words.add_argument("--minutes", type=float, default=30.0, help="stop tuning after this long (default 30)")
    words.add_argument("--out", type=Path, default=Path("leave_one_out.json"), metavar="FILE", help="where the figures go")
    given = words.parse_args()
    python = prepare.environment("test")
    if Path(sys.prefix).resolve() != prepare.VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
    with contextlib.suppress(AttributeError, OSError):
        os.nice(15)
    told = report(Tuning(given.bench, given.minutes))
    given.out.write_text(json.dumps(told, indent=1) + "\n")
    good = show(told)
    print(f"{given.out} is written.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
