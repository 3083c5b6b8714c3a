"""The calibration report as one HTML page that needs nothing else: everything on it is read from the facts."""

from __future__ import annotations

from collections.abc import Callable

from tools.bench.report_plots import esc, latency, ms, rasters, rate, rest, scores, told

WHAT = {
    "reachnote": "The product's own chain, as it plays: fitted on the excerpt by itself, nobody set anything.",
    "naive, threshold 0.5": "Least and greatest value of the excerpt are 0 and 1; sounds from 0.5 on.",
    "naive, threshold 0.2": "The same from 0.2 on.",
    "moving average 100 ms": "Naive scaling, a mean of the last 100 ms, threshold 0.5.",
    "One Euro": "Naive scaling, the One Euro filter (Casiez, Roussel, Vogel 2012: 1 Hz, beta 1), threshold 0.5.",
    "hand-set hysteresis": "One level to start at and a lower one to end at, with or without smoothing: 340 settings tried.",
    "accept / ignore repeat": "As switch interfaces do it: a level, how long it has to last, and for how long nothing is heard "
    "after it ended, with or without smoothing: 1224 settings tried.",
    "manual distance range": "As beam instruments do it: a near and a far mark, an edge about the far mark, a time to stay, "
    "readings out of range left out, the middle of three readings: 600 settings tried.",
}

TABLET = "M. E. Isenkul, B. E. Sakar, O. Kursun, Cerrahpasa Faculty of Medicine, Istanbul"
DATA = (
    ("Pen pressure; pen held up", TABLET, "CC BY 4.0"),
    ("Phone in the hand or on the leg; finger taps", "CloudUPDRS app, Birkbeck College London", "MIT"),
    ("Distance sensor, still target", "T. Suarez, A. Corazza, R. Perez, Universidad Nacional de Cuyo", "MIT"),
)

STYLE = """
:root{color-scheme:light dark;--back:#fff;--ink:#1c1f23;--soft:#5b636d;--line:#d9dde2;--fill:#f4f6f8;--own:#0b66c3;
--other:#8b949e;--bad:#c62f2f;--good:#2f8f4e;--mark:#e6eef8}
@media(prefers-color-scheme:dark){:root{--back:#15181c;--ink:#e6e9ed;--soft:#a2abb5;--line:#363c44;--fill:#1d2126;
--own:#5aa9f5;--other:#7d8792;--bad:#f07070;--good:#6cc788;--mark:#203247}}
body{background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:68rem;
padding:1.5rem}
h1{font-size:1.7rem;line-height:1.2;margin:.2em 0}h2{font-size:1.25rem;margin:2.4em 0 .4em}
h3{font-size:1rem;margin:1.6em 0 .3em}p,li,dd{max-width:48rem}
.note,figcaption{color:var(--soft);font-size:.9rem}figure{margin:1rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.3em .55em;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
th{font-weight:600}thead th{vertical-align:bottom;background:var(--fill)}th:first-child,.words td,.words th{text-align:left}
tbody th{white-space:nowrap}td.own,th.own{background:var(--mark)}td.better{color:var(--good);font-weight:600}
dt{font-weight:600;margin-top:.6em}dd{margin:0}summary{cursor:pointer;margin:.6em 0}
svg{display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .soft{fill:var(--soft)}
svg .head{font-weight:600}svg .own{fill:var(--own)}svg .other{fill:var(--other)}svg .bad{fill:var(--bad)}
svg .grid{stroke:var(--line);stroke-width:1}svg .trace{fill:none;stroke:var(--ink);stroke-width:1.3}
svg .meant{fill:var(--good);opacity:.16}svg .hollow{fill:var(--back);stroke-width:2}
svg .s-own{stroke:var(--own)}svg .s-other{stroke:var(--other)}
"""


def page(facts: dict) -> str:
    parts = [_opening(facts), _summary(facts), _as_good(facts), rasters(facts), rest(facts), scores(facts), latency(facts)]
    parts += [_people(facts), _tables(facts), _how(facts), _data(facts)]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    head += f"<title>Calibration report</title><style>{STYLE}</style>"
    return f"<!doctype html>\n<html lang=en><head>{head}</head><body>\n{''.join(parts)}</body></html>\n"


# ---------------------------------------------------------------- tables


def table(head: list[str], rows: list[list[str]], own: int | None = 1) -> str:
    """Cells are HTML already; a cell that starts with "+" is where a rival is better."""

    def cell(k: int, text: str, tag: str) -> str:
        kinds = [kind for kind, true in (("own", k == own), ("better", text.startswith("+"))) if true]
        return f"<{tag}{' class=' + chr(34) + ' '.join(kinds) + chr(34) if kinds else ''}>{text.lstrip('+')}</{tag}>"

    out = "<thead><tr>" + "".join(cell(k, text, "th") for k, text in enumerate(head)) + "</tr></thead><tbody>"
    for row in rows:
        out += f"<tr><th>{row[0]}</th>" + "".join(cell(k, text, "td") for k, text in enumerate(row) if k) + "</tr>"
    return f'<div class="wide"><table>{out}</tbody></table></div>'


# ---------------------------------------------------------------- words


def _opening(facts: dict) -> str:
    n, people = facts["n"], len(facts["people"])
    return f"""<h1>Does it sound when it is meant, and only then?</h1>
<p>reachnote fits a sensor to one client's movement from a few seconds of play. This page plays the same recordings to
reachnote and to {len(facts["methods"]) - 1} other ways of turning a sensor into notes, and counts what each of them got
wrong. The last {len(facts["careful"])} were set with care on the very excerpt that reachnote was fitted on.</p>
<p>Recordings of {people} people and of one still target, made by others and carried in this repository:
{n["rest"]} stretches of rest ({told(n["rest_minutes"], 0)} minutes, most of them the still target, once for each of three
reaches), {n["gestures"]} marked gestures, {n["taps"]} of them taps on a switch. Then {n["simulated"]} <b>simulated</b>
gestures: their shape is a formula, the tremor added to them is real.</p>
<p class="note">This says how programs behave on these recordings. It is no medical claim and no statement about the people
recorded. None of them was playing music, none used reachnote.</p>"""


def _summary(facts: dict) -> str:
    n = facts["n"]
    head = ["", f"false onsets a minute at rest<br>(mean of {n['rest']} stretches)", "share of the rest that it sounded"]
    head += ["false onsets a minute, tremor returns at rest (simulated)"]
    head += [f"F1, marked gestures<br>(mean of {len(facts['gestures'])} kinds,<br>n = {n['gestures']})"]
    head += [f"F1, simulated gestures<br>(mean of {len(facts['simulated'])} conditions,<br>n = {n['simulated']})"]
    head += ["worst condition", "latency, simulated gestures, ms<br>(p50 / p90)"]
    rows = []
    for method, s in facts["summary"].items():
        still = [rate(s["rest_per_minute"]), told(s["rest_sounding"]), rate(s["returning_per_minute"])]
        worst = f"{told(s['worst_f1'])} {esc(s['worst_condition'])}"
        late = f"{ms(s['p50_ms'])} / {ms(s['p90_ms'])}"
        rows.append([esc(method), *still, told(s["gestures_f1"], 3), told(s["simulated_f1"], 3), worst, late])
    return f"""<h2>In one table</h2>{table(head, rows, None)}
<p class="note">F1 counts missed gestures, onsets that nobody meant, and a second onset within one gesture; 1 is perfect.
Latency is from the start of a gesture to the onset, smoothing and waiting included, without the way from sensor to sound.
The three careful rivals leave room for a worse day. Below them the same three, set to answer as soon as the excerpt allows:
quick, and worse on what comes after. The plots show them as they leave room.</p>"""


def _as_good(facts: dict) -> str:
    def compared(found: list, tell: Callable) -> str:
        return "<br>".join(f"{esc(group)}: {tell(other)} ({tell(own)})" for group, other, own in found) or "–"

    def counted(found: list) -> str:
        return f"{len(found)}: {esc(', '.join(found))}" if found else "–"

    rows = []
    for method, of in facts["as_good"].items():
        better = [compared(of["f1_better"], told), counted(of["f1_equal"])]
        sooner = [counted(of["sooner"]), str(len(of["sooner_but_worse"])) if of["sooner_but_worse"] else "–"]
        rows.append([esc(method), *better, *sooner, compared(of["fewer_at_rest"], rate)])
    count = next(iter(facts["as_good"].values()))["of"]
    head = ["", "better F1 (reachnote)", f"as good an F1, of {count}", "no worse an F1 and sooner", "sooner at a worse F1"]
    head.append("fewer false onsets a minute at rest (reachnote)")
    return f"""<h2>Where a rival is as good or better</h2><div class="words">{table(head, rows, None)}</div>
<p class="note">Of {count} kinds of marked gestures and simulated conditions. Sooner: the median latency of what sounded. A note
that sounds on and on is one onset: the tables below also mark where a rival sounded for less of the rest.</p>"""


def _people(facts: dict) -> str:
    figures = (("f1", "F1, own gestures", told), ("tremor_f1", "F1, simulated gestures with this person's tremor", told))
    figures += (("rest_per_minute", "false onsets a minute at rest", rate),)
    out = "<h2>Person by person</h2><p>The person whom each method serves least, by the code of the recordings:</p>"
    rows = []
    for method in facts["methods"]:
        of = facts["worst"][method]
        rows.append(
            [esc(method)] + [_named(of.get(key), tell, "min" if key == "rest_per_minute" else "") for key, _, tell in figures]
        )
    out += table(["", *(f"worst {head}" for _, head, _ in figures)], rows, None)
    for key, head, tell in figures:
        rows = []
        for row in facts["people"]:
            values = [row["methods"][method][key] for method in facts["methods"]]
            if values[0] is None:
                continue
            n = {"f1": row["n"], "tremor_f1": row["tremor_n"], "rest_per_minute": told(row["rest_minutes"])}[key]
            rows.append([esc(row["person"]), str(n), *_marked(values, tell, key != "rest_per_minute")])
        count = "min" if key == "rest_per_minute" else "n"
        everyone = table(["person", count, *map(esc, facts["methods"])], rows, 2)
        out += f"<details><summary>{head}, everyone</summary>{everyone}</details>"
    return out


def _named(of: list | None, tell: Callable, unit: str) -> str:
    if of is None:
        return "–"
    person, value, count = of
    of_what = f"{count:.1f}&nbsp;min" if unit else f"n&nbsp;=&nbsp;{count}"
    return f"{tell(value)} {esc(person)} ({of_what})"


def _marked(values: list, tell: Callable, more: bool) -> list[str]:
    own = values[0]

    def better(v: float | None) -> bool:
        return v is not None and own is not None and (v > own if more else v < own)

    return [("+" if k and better(v) else "") + tell(v) for k, v in enumerate(values)]


def _tables(facts: dict) -> str:
    methods = facts["methods"]
    head = ["", *map(esc, methods)]
    out = "<h2>Tables</h2><p class='note'>Green: better than reachnote.</p>"
    for key, tell, title in (
        ("per_minute", rate, "False onsets a minute at rest"),
        ("sounding", told, "Share of the rest that it sounded"),
    ):
        rows = [[esc(row["group"]), *_marked([row["methods"][m][key] for m in methods], tell, False)] for row in facts["rest"]]
        out += f"<h3>{title}</h3>{table(head, rows)}"
    both = facts["gestures"] + facts["simulated"]
    rows = []
    for row in both:
        values = [row["methods"][method]["f1"] for method in methods]
        rows.append([f"{esc(row['group'])} (n&nbsp;{row['n']})", *_marked(values, told, True)])
    out += "<h3>F1</h3>" + table(head, rows)
    columns = ["", "precision", "recall", "hit", "false", "again", "p50 ms", "p90 ms"]
    for row in both:
        detail = []
        for method in methods:
            of = row["methods"][method]
            counts = [str(of[key]) for key in ("hit", "false", "again")]
            shares = [told(of["precision"], 3), told(of["recall"], 3)]
            detail.append([esc(method), *shares, *counts, ms(of["p50_ms"]), ms(of["p90_ms"])])
        out += f"<details><summary>{esc(row['group'])}: {row['n']} gestures</summary>{table(columns, detail, None)}</details>"
    return out


def _how(facts: dict) -> str:
    listed = "".join(f"<dt>{esc(method)}</dt><dd>{WHAT[method]}</dd>" for method in facts["methods"])
    return f"""<h2>What was compared</h2><dl>{listed}</dl>
<p>Every method gets the same excerpt: some seconds of rest where the recording has them, and the first 4 to 8 gestures.
Where there are none to show, a reach is given as if set by hand: at rest, and for the pen, whose reach is what 95 % of its
pressed readings stay below, which flatters whoever trusts the range.</p>
<p>The three careful ones take the middle of the rest for 0 and the middle gesture for 1, try every setting on the excerpt and
keep the one with the best F1; among equals, with the fewest false onsets; then the one that still does best with the excerpt
moved off its rest by up to half the reach, as a person leaves room; then the soonest. A reach set by hand counts for them as
four gestures of that height on the excerpt's own rest. Seven ways of leaving room were tried, and the one that served them
best on this very page was kept. What each was set to is in report.json.</p>
<p>A gesture counts as sounded if an onset lies between 150 ms before and 50 ms after it. A recording's first gestures, on
which everything was set, are never scored. Pads (hits) are not on this page: recordings of them may not be carried here.</p>
<p>reachnote's own constants were chosen with these recordings among others in view; tools/bench/leave_one_out.py
shows what choosing them without any one source changes.</p>"""


def _data(facts: dict) -> str:
    rows = [[esc(what), esc(who), licence] for what, who, licence in DATA]
    people = ", ".join(row["person"] for row in facts["people"])
    return f"""<h2>Recordings</h2>{table(["", "recorded by", "licence"], rows, None)}
<p>{len(facts["people"])} people ({esc(people)}), pseudonymous in the sources. pd2458 and all H_ and P_ have Parkinson's
disease, C_0009 is healthy, of u0 nothing is told. Files, origins and licences: tests/data/README.md.</p>
<p>Again: <code>python3 tools/bench/calibration_report.py --out DIR</code></p>"""
