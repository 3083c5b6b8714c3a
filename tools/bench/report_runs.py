"""The calibration report's tasks, from the recordings in tests/data, and every method's run over them.

Real: hands and a sensor at rest, gestures that the recording itself or a person marked. Simulated: gestures made by
formula, with tremor cut out of the recordings added, so that the intent is known.
"""

from __future__ import annotations

import math
import random
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tools.bench.calibration_adapter import Factory
from tools.bench.report_rivals import RIVALS, SOONEST, Sounds, Task, f1, match

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
OURS = "reachnote"
METHODS = (OURS, *RIVALS)

# ---------------------------------------------------------------- recordings


def load(name: str, first: float = -math.inf, last: float = math.inf) -> tuple[list[float], list[float]]:
    rows = (line.split(",") for line in (DATA / f"{name}.csv").read_text().splitlines()[1:])
    kept = [(float(t), float(v)) for t, v in rows if first <= float(t) <= last]
    return [t for t, _ in kept], [v for _, v in kept]


def labels_of(name: str, first: float = -math.inf, last: float = math.inf) -> tuple[list, list]:
    """Gestures, and contacts too short to be scored."""
    rows = [line.split(",") for line in (DATA / "labels" / f"{name}.labels.csv").read_text().splitlines()[1:]]
    spans = [(float(a), float(b), kind) for a, b, kind, _ in rows if first <= float(a) and float(b) <= last]
    brief = [(a, b) for a, b, kind in spans if kind == "brief_contact"]
    return [(a, b) for a, b, kind in spans if kind != "brief_contact"], brief


def evenly(t: list[float], v: list[float], rate: float) -> tuple[list[float], list[float]]:
    """Straight between the readings, `rate` a second, from 0 s on."""
    out_t, out_v, k = [], [], 0
    for n in range(int((t[-1] - t[0]) * rate)):
        now = t[0] + n / rate
        while t[k + 1] < now:
            k += 1
        part = (now - t[k]) / (t[k + 1] - t[k])
        out_t.append(n / rate)
        out_v.append(v[k] + part * (v[k + 1] - v[k]))
    return out_t, out_v


def person_of(name: str) -> str:
    """The code of the person in a recording's name; nothing for a still target."""
    found = re.search(r"[HPC]_[Pp]?\d[\d-]+|pd2458|u0", name)
    return found[0] if found else ""


def split(t: list[float], v: list[float], end: float) -> tuple[tuple, tuple]:
    k = bisect_right(t, end)
    return (t[:k], v[:k]), (t[k:], v[k:])


# ---------------------------------------------------------------- at rest


def rest_task(group: str, name: str, t: list, v: list, kind: str, direction: int, first_s: float, reach: float) -> Task:
    excerpt, played = split(t, v, t[0] + first_s)
    rest = [(excerpt[0][0], excerpt[0][-1])]
    return Task("rest", group, name, person_of(name), kind, direction, excerpt, played, rest, [], reach)


def resting() -> Iterator[Task]:
    """Nobody means anything. The reach is set by hand; calibrated on the first seconds."""
    for reach in (10.0, 30.0, 100.0):
        for start in (0, 200, 400):
            t, v = load("tof_vl53l0x_static", start, start + 200)
            name = f"tof_vl53l0x_static from {start} s"
            yield rest_task(f"still target, reach {reach:.0f} mm", name, t, v, "distance", -1, 10, reach)
    for name, reach in (("phone_rest_LH_pd2458_off", 0.4), ("phone_postural_LH_pd2458_off", 0.8)):
        yield rest_task("phone on a still hand", name, *evenly(*load(name), 100), "pressure", -1, 8, reach)
    for name in sorted(path.stem for path in DATA.glob("hover_z_*.csv")):
        t = load(name)[0]
        direction = 1 if name.endswith("11120004") else -1  # this hand is at the lower end of the scale
        even = evenly(*load(name, 2.5, t[-1] - 1), 100)
        yield rest_task("pen held up, height", name, *even, "distance", direction, 3, 300.0)
    for name, first, last in (("hover_y_pd_P_23100003", 2.5, 13.0), ("hover_y_pd_P_30100001", 4.0, 12.4)):
        yield rest_task("pen held up, sideways", name, *evenly(*load(name, first, last), 100), "distance", 1, 2, 30.0)


def returning(sources: dict[str, list[float]]) -> Iterator[Task]:
    """A quiet hand, and a tremor that comes and goes after the calibration."""
    quiet = evenly(*load("hover_y_pd_P_23100003", 2.5, 13.0), 100)[1]
    middle = sorted(quiet)[len(quiet) // 2]
    for source, tremor in sources.items():
        chance = random.Random(f"returning {source}")
        t = [k / 100 for k in range(6000)]
        hand, shake = looped([x - middle for x in quiet], 6000, chance), looped(tremor, 6000, chance)
        spells = [(9 + 12 * k + chance.uniform(0, 3), 9 + 12 * k + chance.uniform(6, 9)) for k in range(4)]
        size = [sum(ease(x - a) - ease(x - b) for a, b in spells) for x in t]
        v = [h + 200 * e * (0.2 * s + 0.1) for h, e, s in zip(hand, size, shake, strict=True)]
        task = rest_task("tremor returns at rest (simulated)", source, t, v, "distance", 1, 6, 200.0)
        task.part = "simulated"
        yield task


# ---------------------------------------------------------------- labelled gestures

CYCLES = (  # recording, group, gestures to calibrate on, part of it used
    ("phone_kinetic_LH_u0", "finger to nose", 4, 0.0, math.inf),
    ("phone_kinetic_LH_pd2458_off", "finger to nose", 4, 2.6, 20.4),
    ("phone_pronsup_LH_pd2458_off", "turning the forearm", 5, 7.3, math.inf),
    ("phone_legagility_LL_pd2458_off", "lifting the leg", 6, 0.0, math.inf),
)


def marked() -> Iterator[Task]:
    for name, group, count, first, last in CYCLES:
        labels, brief = labels_of(name, first, last)
        shown = labels[:count]
        end = min(shown[-1][1] + 0.25, labels[count][0] - 0.02)
        excerpt, played = split(*load(name, first, last), end)
        scored = [label for label in labels if label[0] > end]
        yield Task("gestures", group, name, person_of(name), "pressure", 1, excerpt, played, [], shown, None, scored, brief)
    yield from pens()
    yield from taps()


def pens() -> Iterator[Task]:
    """Some pressed only once or twice, so the reach is given: what 95 % of their own pressed readings stay below."""
    for name in sorted(path.stem for path in DATA.glob("pen_pressure_pd_*.csv")):
        t, v = load(name)
        pressed = sorted(x for x in v if x > 0)
        labels, brief = labels_of(name)
        step = sorted(b - a for a, b in pairwise(t))[len(t) // 2]
        count = int(1 / step)
        excerpt = ([(k - count) * step for k in range(count)], [0.0] * count)
        reach = pressed[int(0.95 * (len(pressed) - 1))]
        group, rest = "pressing a pen", [(-1.0, 0.0)]
        yield Task("gestures", group, name, person_of(name), "pressure", 1, excerpt, (t, v), rest, [], reach, labels, brief)


def taps(rate: int = 500, count: int = 8) -> Iterator[Task]:
    """A switch, asked `rate` times a second as a driver would."""
    for name in sorted(path.stem for path in DATA.glob("switch_taps_*.csv")):
        edges, states = load(name)
        t = [k / rate for k in range(-rate, int((edges[-1] + 1) * rate))]
        v = [states[k - 1] if (k := bisect_right(edges, x + 1e-9)) else 0.0 for x in t]
        labels, _ = labels_of(name)
        end = (labels[count - 1][1] + labels[count][0]) / 2
        excerpt, played = split(t, v, end)
        rest, shown = [(-1.0, -0.01)], labels[:count]
        group, person = "tapping (switch)", person_of(name)
        yield Task("gestures", group, name, person, "switch", 1, excerpt, played, rest, shown, None, labels[count:])


# ---------------------------------------------------------------- simulated gestures, real tremor

TREMOR = (  # of whom and from where; each is cut down to 3 to 12 Hz and to a root mean square of 1
    ("rest pd2458", "phone_rest_LH_pd2458_off", 0, 16),
    ("posture pd2458", "phone_postural_LH_pd2458_off", 0, 29),
    ("pressing H_P000-0037", "pen_pressure_pd_H_P000-0037", 24.1, 30.5),
    ("pressing H_p000-0041", "pen_pressure_pd_H_p000-0041", 10.8, 15.9),
    ("held up P_16100003", "hover_z_pd_P_16100003", 2.5, 10.5),
)
CONDITIONS: dict[str, dict] = {  # shares of the reach; after the four gestures shown
    "no tremor": {},
    "tremor 5 %": {"tremor": 0.05},
    "tremor 10 %": {"tremor": 0.10},
    "tremor 15 %": {"tremor": 0.15},
    "soft and strong": {"soft": 0.25, "tremor": 0.03},
    "half let go": {"kept": 0.35, "tremor": 0.03},
    "tiring": {"tires": 0.5},
    "drift": {"drift": 0.3},
    "lost readings": {"lost": 0.045},
    "spasms": {"spasms": 4},
    "all together": {"tremor": 0.08, "tires": 0.4, "drift": 0.2, "spasms": 3},
}
RATE, LASTS_S, SHOWN = 50, 90.0, 4


def tremors() -> dict[str, list[float]]:
    out = {}
    for key, name, first, last in TREMOR:
        x = evenly(*load(name, first, last), 100)[1]
        slow = both_ways(x, 3.0)
        band = both_ways([a - b for a, b in zip(x, slow, strict=True)], 12.0)
        size = math.sqrt(sum(b * b for b in band) / len(band))
        out[key] = [b / size for b in band]
    return out


def both_ways(x: list[float], cutoff: float, rate: float = 100.0) -> list[float]:
    """Second-order Butterworth low pass, forward and backward, so that nothing is delayed."""
    w = math.tan(math.pi * cutoff / rate)
    norm = 1 / (1 + math.sqrt(2) * w + w * w)
    b, a1, a2 = w * w * norm, 2 * (w * w - 1) * norm, (1 - math.sqrt(2) * w + w * w) * norm
    pad = min(len(x) - 1, 100)
    ends = [2 * x[0] - v for v in x[pad:0:-1]] + x + [2 * x[-1] - v for v in x[-2 : -pad - 2 : -1]]
    for _ in range(2):
        x1 = x2 = y1 = y2 = ends[0]
        out = []
        for v in ends:
            y1, y2 = b * (v + 2 * x1 + x2) - a1 * y1 - a2 * y2, y1
            x1, x2 = v, x1
            out.append(y1)
        ends = out[::-1]
    return ends[pad : pad + len(x)]


def looped(x: list[float], count: int, chance: random.Random) -> list[float]:
    """Forth and back, from anywhere on."""
    both = x + x[::-1]
    at = chance.randrange(len(both))
    return [both[(at + k) % len(both)] for k in range(count)]


def ease(u: float) -> float:
    u = min(max(u, 0.0), 1.0)
    return u * u * u * (10 - 15 * u + 6 * u * u)


def simulated(condition: str, source: str, tremor: list[float], lasts: float = LASTS_S) -> Task:
    """Presses of a least-jerk shape; the reach is 1."""
    how = CONDITIONS[condition]
    chance = random.Random(f"{condition} {source}")
    t = [k / RATE for k in range(int(lasts * RATE))]
    v, labels, rest_ends = [0.0] * len(t), [], 6.0
    start = rest_ends
    while start < lasts - 4:
        rise, hold, fall = chance.uniform(0.15, 0.5), chance.uniform(0.25, 1.2), chance.uniform(0.2, 0.6)
        height = chance.uniform(0.6, 1.0)
        later = len(labels) >= SHOWN
        if later and "soft" in how:
            height = math.exp(chance.uniform(math.log(how["soft"]), 0))
        height *= 1 - how.get("tires", 0) * start / lasts
        kept = how["kept"] * height if later and "kept" in how else 0.0
        for k in range(int(start * RATE), min(len(t), int((start + 7) * RATE))):
            at = t[k] - start
            press = height * (ease(at / rise) - ease((at - rise - hold) / fall))
            v[k] = max(v[k], press, kept * (ease(at / rise) - ease(at - 6)))
        labels.append((start + 0.19 * rise, start + rise + hold + 0.6 * fall))  # from a twentieth of its height on
        start += rise + hold + fall + chance.uniform(0.8, 3.0)
    spoil(how, t, v, labels, tremor, chance)
    end = labels[SHOWN - 1][1] + 0.4
    excerpt, played = split(t, v, end)
    kind = "distance" if "lost" in how else "pressure"
    scored = [label for label in labels if label[0] > end]
    person = person_of(source) if "tremor" in how else ""
    rest, shown = [(0.0, 5.5)], labels[:SHOWN]
    return Task("simulated", condition, source, person, kind, 1, excerpt, played, rest, shown, None, scored)


def spoil(how: dict, t: list, v: list, labels: list, tremor: list, chance: random.Random) -> None:
    """Add to `v` what the condition asks for, sensor noise of 1 % and its steps of 1/400."""
    shake = looped(tremor, 2 * len(t), chance)[::2]  # the tremor has 100 a second
    wave, turn = chance.uniform(7, 15), chance.choice((-1, 1))
    spasms = [chance.uniform(25, t[-1] - 2) for _ in range(round(how.get("spasms", 0) * t[-1] / 60))]
    spasms = [s for s in spasms if not any(a - 0.6 < s < b + 0.6 for a, b in labels)]
    heights = [chance.uniform(0.6, 1.2) for _ in spasms]
    for k, now in enumerate(t):
        v[k] += how.get("tremor", 0) * shake[k] * (1 + 0.4 * math.sin(2 * math.pi * now / wave))
        v[k] += how.get("drift", 0) * turn * now / t[-1]
        v[k] += sum(h * math.exp(-0.5 * ((now - s) / 0.028) ** 2) for s, h in zip(spasms, heights, strict=True))
        v[k] = round((v[k] + chance.gauss(0, 0.01)) * 400) / 400
        lost = chance.random()
        if lost < how.get("lost", 0):
            v[k] = -3.0 if lost < 0.7 * how["lost"] else 1.6


def all_tasks() -> Iterator[Task]:
    yield from resting()
    yield from marked()
    sources = tremors()
    yield from returning(sources)
    for condition in CONDITIONS:
        for source, tremor in sources.items():
            yield simulated(condition, source, tremor)


# ---------------------------------------------------------------- runs


def reachnote(task: Task) -> tuple[Sounds, dict]:
    """The product's own chain, reading by reading."""
    chain = Factory()
    t, v = (array("d", column) for column in task.excerpt)
    fs = (len(t) - 1) / (t[-1] - t[0])
    chain.calibrate({"kind": task.kind, "direction": task.direction, "fs": fs}, t, v, task.rest, task.shown, task.hint)
    out: Sounds = []
    start = None
    for now, x in zip(*task.played, strict=True):
        event = chain.step(now, x)[1]
        if event and start is not None:
            out.append((start, now))
            start = None
        if event and event[0] == "on":
            start = now
    if start is not None:
        out.append((start, task.played[0][-1]))
    fit = getattr(chain, "fit", None)
    return out, {"onset": round(fit.facts.get("onset", 0), 3), "grade": fit.grade} if fit else {}


def run(task: Task) -> dict[str, dict]:
    """{method: score, with what it was set to and what it sounded}."""
    out = {}
    for name, method in {OURS: reachnote, **RIVALS, **SOONEST}.items():
        sounds, settings = method(task)
        score = match(sounds, task.labels, task.ignored)
        out[name] = {**score, "f1": f1(score), "settings": settings, "sounds": sounds}
    return out
