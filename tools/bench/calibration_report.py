"""How well reachnote tells meant movement from unmeant, beside others, as a page: from recordings in this repository.

    python3 tools/bench/calibration_report.py --out DIR

Makes its own environment first, takes about two minutes, writes DIR/index.html (one file, no network) and DIR/report.json.
The figures are this program's own; `report_rivals.py` says what the others are, `report_runs.py` what is played.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]
from tools import prepare  # noqa: E402

EQUAL = 0.005  # of F1: as good as
RETURNS = "tremor returns at rest (simulated)"


def _share(values: list[float], part: float) -> float | None:
    ordered = sorted(values)
    return ordered[round(part * (len(ordered) - 1))] if ordered else None


def summed(scores: list[dict]) -> dict:
    """One row of figures from the scores of several tasks."""
    from tools.bench.report_rivals import f1

    total = {key: sum(score[key] for score in scores) for key in ("n", "hit", "false", "again")}
    late = [x for score in scores for x in score["late"]]
    heard = total["hit"] + total["false"] + total["again"]
    return total | {
        "f1": round(f1(total), 4),
        "precision": round(total["hit"] / heard, 4) if heard else 1.0,
        "recall": round(total["hit"] / total["n"], 4) if total["n"] else 1.0,
        "p50_ms": _share(late, 0.5),
        "p90_ms": _share(late, 0.9),
    }


def sounding(score: dict) -> float:
    """Seconds that a method sounded."""
    return sum(off - on for on, off in score["sounds"])


def mean(values: Iterable[float]) -> float | None:
    kept = list(values)
    return sum(kept) / len(kept) if kept else None


class Report:
    """Plays every task to every method and gathers the figures."""

    def __init__(self, tasks: Iterable) -> None:
        from tools.bench.report_runs import METHODS, run

        self.methods = METHODS
        self.done = []
        group = ""
        for task in tasks:
            if task.group != group:
                group = task.group
                print(f"  {group}", file=sys.stderr, flush=True)
            self.done.append((task, run(task)))

    def facts(self) -> dict:
        from tools.bench.report_rivals import CAREFUL, SOONEST

        rest = [self._resting(name, rows) for name, rows in self._groups("rest")]
        gestures = [self._playing(name, rows) for name, rows in self._groups("gestures")]
        simulated = [self._playing(name, rows) for name, rows in self._groups("simulated") if name != RETURNS]
        returns = [self._resting(name, rows) for name, rows in self._groups("simulated") if name == RETURNS]
        people = self._people()
        facts = {
            "methods": list(self.methods),
            "careful": list(CAREFUL),
            "rest": rest + returns,
            "gestures": gestures,
            "simulated": simulated,
            "people": people,
            "worst": {method: self._worst(method, people) for method in self.methods},
            "summary": {method: self._summary(method) for method in (*self.methods, *SOONEST)},
            "n": self._counts(gestures, simulated),
            "recordings": sorted({task.name for task, _ in self.done if task.part != "simulated"}),
            "settings": self._settings(),
            "rasters": self._rasters(),
        }
        facts["as_good"] = {method: as_good(facts, method) for method in self.methods[1:]}
        return facts

    # ------------------------------------------------------------ tables

    def _groups(self, part: str) -> list[tuple[str, list]]:
        names = dict.fromkeys(task.group for task, _ in self.done if task.part == part)
        return [(name, [(task, of) for task, of in self.done if task.part == part and task.group == name]) for name in names]

    def _resting(self, name: str, rows: list) -> dict:
        minutes = sum(task.minutes for task, _ in rows)
        of = {}
        for method in self.methods:
            onsets = sum(scores[method]["false"] for _, scores in rows)
            share = sum(sounding(scores[method]) for _, scores in rows) / (60 * minutes)
            of[method] = {"onsets": onsets, "per_minute": round(onsets / minutes, 3), "sounding": round(share, 4)}
        people = {task.person for task, _ in rows} - {""}
        return {"group": name, "n": len(rows), "people": len(people), "minutes": round(minutes, 2), "methods": of}

    def _playing(self, name: str, rows: list) -> dict:
        of = {method: summed([scores[method] for _, scores in rows]) for method in self.methods}
        people = {task.person for task, _ in rows} - {""}
        return {"group": name, "n": of[self.methods[0]]["n"], "tracks": len(rows), "people": len(people), "methods": of}

    def _summary(self, method: str) -> dict:
        """A few figures a method: means over recordings, groups and conditions, so that no long recording decides."""

        def scores(part: str) -> dict[str, dict]:
            return {name: summed([of[method] for _, of in rows]) for name, rows in self._groups(part) if name != RETURNS}

        conditions = {name: row["f1"] for name, row in scores("simulated").items()}
        worst = min(conditions, key=conditions.get) if conditions else ""
        late = [x for task, of in self.done if task.part == "simulated" for x in of[method]["late"]]
        still = [of[method]["false"] / task.minutes for task, of in self.done if task.part == "rest"]
        returning = [of[method]["false"] / task.minutes for task, of in self.done if task.group == RETURNS]
        return {
            "rest_per_minute": mean(still),
            "rest_sounding": mean(sounding(of[method]) / 60 / task.minutes for task, of in self.done if task.part == "rest"),
            "returning_per_minute": mean(returning),
            "gestures_f1": mean(row["f1"] for row in scores("gestures").values()),
            "simulated_f1": mean(conditions.values()),
            "worst_condition": worst,
            "worst_f1": conditions.get(worst),
            "p50_ms": _share(late, 0.5),
            "p90_ms": _share(late, 0.9),
        }

    def _counts(self, gestures: list[dict], simulated: list[dict]) -> dict:
        still = [task for task, _ in self.done if task.part == "rest"]
        return {
            "rest": len(still),
            "rest_minutes": round(sum(task.minutes for task in still), 1),
            "gestures": sum(row["n"] for row in gestures),
            "taps": sum(len(task.labels) for task, _ in self.done if task.kind == "switch"),
            "simulated": sum(row["n"] for row in simulated),
        }

    # ------------------------------------------------------------ people

    def _people(self) -> list[dict]:
        out = []
        for person in sorted({task.person for task, _ in self.done} - {""}):
            own = [(task, scores) for task, scores in self.done if task.person == person]
            row = {"person": person, "recordings": sorted({t.name for t, _ in own if t.part != "simulated"}), "methods": {}}
            minutes = sum(task.minutes for task, _ in own if task.part == "rest")
            row["rest_minutes"] = round(minutes, 2)
            for method in self.methods:
                played = summed([scores[method] for task, scores in own if task.part == "gestures"])
                shaken = summed([scores[method] for task, scores in own if task.part == "simulated" and task.labels])
                onsets = sum(scores[method]["false"] for task, scores in own if task.part == "rest")
                row["methods"][method] = {
                    "f1": played["f1"] if played["n"] else None,
                    "tremor_f1": shaken["f1"] if shaken["n"] else None,
                    "rest_per_minute": round(onsets / minutes, 3) if minutes else None,
                }
                row["n"], row["tremor_n"] = played["n"], shaken["n"]
            out.append(row)
        return out

    def _worst(self, method: str, people: list[dict]) -> dict:
        """{figure: [person, its value, of how many gestures or minutes]} of the one whom this method serves least."""
        out = {}
        for figure, way, count in (("f1", min, "n"), ("tremor_f1", min, "tremor_n"), ("rest_per_minute", max, "rest_minutes")):
            of = {row["person"]: row["methods"][method][figure] for row in people}
            of = {person: value for person, value in of.items() if value is not None}
            if of:
                person = way(of, key=of.get)
                out[figure] = [person, of[person], next(row[count] for row in people if row["person"] == person)]
        return out

    # ------------------------------------------------------------ details

    def _settings(self) -> list[dict]:
        rows = []
        for task, scores in self.done:
            told = {method: scores[method]["settings"] for method in self.methods}
            rows.append({"group": task.group, "name": task.name, "settings": told})
        return rows

    def _rasters(self) -> list[dict]:
        """Three stretches: what the sensor said and what each method sounded."""
        wanted = (
            ("phone_postural_LH_pd2458_off", "phone on a still hand", 11.0, 23.0),
            ("phone_legagility_LL_pd2458_off", "lifting the leg", 8.0, 17.0),
            ("rest pd2458", "all together", 42.0, 66.0),
        )
        out = []
        for name, group, first, last in wanted:
            for task, scores in self.done:
                if (task.name, task.group) == (name, group):
                    out.append(self._raster(task, scores, first, last))
        return out

    def _raster(self, task: object, scores: dict, first: float, last: float) -> dict:
        rows = [(t, v) for t, v in zip(*task.played, strict=True) if first <= t <= last]
        every = max(1, len(rows) // 900)

        def within(spans: list) -> list:
            return [[round(a, 3), round(b, 3), *more] for a, b, *more in spans if b >= first and a <= last]

        def told(score: dict) -> list:
            return within([(*span, verdict) for span, verdict in zip(score["sounds"], score["verdicts"], strict=True)])

        return {
            "name": task.name,
            "group": task.group,
            "simulated": task.part == "simulated",
            "first": first,
            "last": last,
            "trace": [[round(t, 3), round(task.direction * v, 4)] for t, v in rows[::every]],
            "labels": within(task.labels),
            "sounds": {method: told(scores[method]) for method in self.methods},
        }


def as_good(facts: dict, method: str) -> dict:
    """Where a rival is better than reachnote or as good, by name; `sooner` counts only with no worse an F1."""
    ours = facts["methods"][0]
    rows = facts["gestures"] + facts["simulated"]
    out = {key: [] for key in ("f1_better", "f1_equal", "sooner", "sooner_but_worse", "fewer_at_rest")}
    for row in rows:
        own, other = row["methods"][ours], row["methods"][method]
        gain = other["f1"] - own["f1"]
        if gain > EQUAL:
            out["f1_better"].append([row["group"], other["f1"], own["f1"]])
        elif gain >= -EQUAL:
            out["f1_equal"].append(row["group"])
        if other["p50_ms"] is not None and (own["p50_ms"] is None or other["p50_ms"] < own["p50_ms"] - 0.5):
            out["sooner" if gain >= -EQUAL else "sooner_but_worse"].append(row["group"])
    for row in facts["rest"]:
        own, other = row["methods"][ours]["per_minute"], row["methods"][method]["per_minute"]
        if other < own:
            out["fewer_at_rest"].append([row["group"], other, own])
    return out | {"of": len(rows)}


def write(facts: dict, out: Path) -> None:
    from tools.bench.report_page import page

    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(facts, indent=1) + "\n")
    (out / "index.html").write_text(page(facts))


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--out", type=Path, required=True, metavar="DIR", help="where index.html and report.json go")
    given = words.parse_args()
    python = prepare.environment("run")
    if Path(sys.prefix).resolve() != prepare.VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
    from tools.bench.report_runs import all_tasks

    try:
        given.out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        print(f"The folder {given.out} cannot be made ({problem.strerror}). Choose another: --out DIR", file=sys.stderr)
        return 2
    started = time.monotonic()
    print("Playing every recording to every method:", file=sys.stderr)
    write(Report(all_tasks()).facts(), given.out)
    print(f"{given.out / 'index.html'} and report.json are written ({time.monotonic() - started:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
