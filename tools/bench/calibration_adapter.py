"""The product's own chain under the shared calibration bench, nothing of its own.

python3 BENCH/calibration_bench.py --adapter tools/bench/calibration_adapter.py:Factory --only-adapter
python3 tools/bench/calibration_adapter.py BENCH/calibration_bench.py        every person's own figures, the worst last
"""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in ("host", "protocols", "firmware"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))

from reachnote.calibration.adapt import Adaptation  # noqa: E402
from reachnote.calibration.excerpt import Excerpt, Shown  # noqa: E402
from reachnote.calibration.fit import fit_excerpt  # noqa: E402
from reachnote.calibration.pads import fit_pad  # noqa: E402
from reachnote.calibration.trial import place, room_for  # noqa: E402
from reachnote_play import ONSET, REACH, RELEASE, TIME_MASK  # noqa: E402
from reachnote_play.contact import Contact  # noqa: E402
from reachnote_play.decider import Decider  # noqa: E402
from reachnote_play.impact import Impact  # noqa: E402

FAULT = 10


class Factory:
    """What the bench asks for: calibrate once, then step."""

    def calibrate(self, sensor, t, v, rest, gestures, range_hint=None):
        kind = sensor["kind"]
        self.switch = kind == "switch"
        self.adaptation = None
        if self.switch:
            self.decider = Contact()
            return
        excerpt = Excerpt(t.tolist(), v.tolist(), None, rest, [Shown(a, b) for a, b in gestures])
        if kind == "impact":
            fit = fit_pad(excerpt, sensor["direction"])
            self.decider = Impact(fit.parameters)
        else:
            fit = fit_excerpt(excerpt, kind, sensor["direction"], range_hint)
            self.adaptation = Adaptation()
            self.decider = Decider(fit.parameters, None, room_for(fit.rate_hz))
        self.fit = fit

    def step(self, t, v):
        decider = self.decider
        now = round(t * 1e6) & TIME_MASK
        if not math.isfinite(v):
            done = decider.take(now, 0, FAULT)
        else:
            done = decider.take(now, int(v) if self.switch else place(v, self.fit.rest, self.fit.span))
        event = None
        if done & ONSET:
            event = ("on", 1 + decider.strength * 126 // REACH)
        elif done & RELEASE:
            event = ("off", 0)
        if done & RELEASE and self.adaptation:
            decider.set("reach", self.adaptation.played(decider.tall))
        return min(1.0, max(0.0, decider.level / REACH)), event


# ---------------------------------------------------------------- every person's own figures


def person_of(name):
    """The person behind a trace or a source of tremor: the last word that holds a number, without the task before it."""
    found = re.findall(r"(?:[HPC]_)?[Pp]?\d{3,8}(?:-\d{4})?|u0|pd2458", name)
    return found[0] if found else name


def by_person(bench):
    """{person: {"F1": .., "of": gestures, "false/min at rest": [..]}} over tracks A, B and C."""
    people = {}

    def at(name):
        return people.setdefault(person_of(name), {"matches": [], "rest": []})

    for row in bench.track_a(Factory):
        at(row[0])["rest"].append(row[1])
    for row in bench.LABELLED:
        at(row[0])["matches"].append(bench.gesture_run(Factory, *row))
    for name, match in pens(bench):
        at(name)["matches"].append(match)
    sources = bench.tremor_sources()
    for name in sources:
        for match in shaken(bench, sources, name):
            at(name)["matches"].append(match)
    return people


def pens(bench):
    """Every pen recording by itself, as the bench calibrates it."""
    for path in sorted(Path(bench.DATA).glob("pen_pressure_pd_*.csv")):
        t, v = bench.load(path.stem)
        reach = float(bench.np.percentile(v[v > 0], 95))
        chain = Factory()
        sensor = {"kind": "pressure", "direction": 1, "fs": 1 / bench.np.median(bench.np.diff(t))}
        chain.calibrate(sensor, bench.np.array([0, 0.1, 0.2]), bench.np.zeros(3), [(0, 0.2)], [], reach)
        yield path.stem, bench.match(bench.run(chain, t, v)[1], bench.load_labels(path.stem))


def shaken(bench, sources, name):
    """Every hybrid condition that holds this one person's tremor."""
    for cond in bench.CONDS:
        for seed in range(2):
            t, v, labels, rest, shown = bench.make_hybrid(cond, seed, {name: sources[name]})
            end = shown[-1][1] + 0.4
            first = t <= end
            chain = Factory()
            kind = "distance" if cond == "dropout" else "pressure"
            chain.calibrate({"kind": kind, "direction": 1, "fs": 50.0}, t[first], v[first], rest, shown)
            events = bench.run(chain, t[~first], v[~first])[1]
            yield bench.match(events, [label for label in labels if label[0] > end])


def main(path):
    found = importlib.util.spec_from_file_location("calibration_bench", path)
    bench = importlib.util.module_from_spec(found)
    found.loader.exec_module(bench)
    rows = []
    for who, of in by_person(bench).items():
        match = bench.merge(of["matches"])
        score = bench.prf(match)[2] if match["n"] else float("nan")
        rest = sum(of["rest"]) / len(of["rest"]) if of["rest"] else float("nan")
        rows.append((who, score, match["n"], match["fp"], match["retr"], match["n"] - match["tp"], rest))
    rows.sort(key=lambda row: -row[1] if row[1] == row[1] else -2)
    print(f"{'person or trace':46s} {'F1':>6s} {'of':>5s} {'false':>6s} {'again':>6s} {'missed':>7s} {'at rest/min':>12s}")
    for row in rows:
        print(f"{row[0]:46s} {row[1]:6.3f} {row[2]:5d} {row[3]:6d} {row[4]:6d} {row[5]:7d} {row[6]:12.2f}")
    scored = [row for row in rows if row[1] == row[1]]
    resting = [row for row in rows if row[6] == row[6]]
    print(f"worst when playing: {scored[-1][0]} (F1 {scored[-1][1]:.3f})")
    worst = max(resting, key=lambda row: row[6])
    print(f"worst at rest: {worst[0]} ({worst[6]:.2f} a minute)")


if __name__ == "__main__":
    main(sys.argv[1])
