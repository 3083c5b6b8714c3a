"""The calibration report: its rivals do what they are named for, and its page says what its figures say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tools.bench import calibration_report, leave_one_out
from tools.bench import report_rivals as rivals
from tools.bench import report_runs as runs
from tools.bench.report_plots import ms, rate, told

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"

T = [k / 10 for k in range(12)]
V = [0.0, 0.1, 0.4, 0.7, 0.5, 0.7, 0.2, 0.1, 0.6, 0.1, 0.0, 0.0]

# ---------------------------------------------------------------- rivals on a literal sequence


def test_hysteresis_ends_lower_than_it_starts():
    assert rivals.by_hysteresis(T, V, {"on": 0.6, "off": 0.5}) == [(0.3, 0.6), (0.8, 0.9)]
    assert rivals.by_hysteresis(T, V, {"on": 0.6, "off": 1.0}) == [(0.3, 0.4), (0.5, 0.6), (0.8, 0.9)]


def test_what_starts_above_the_level_comes_down_first():
    assert rivals.above([0.0, 0.1, 0.2, 0.3], [1.0, 1.0, 0.0, 1.0], 0.5, 0.5) == [(0.3, 0.3)]


def test_acceptance_delays_and_ignore_repeat_swallows():
    setting = {"level": 0.6, "accept": 0.0, "ignore": 0.0}
    assert rivals.by_timing(T, V, setting) == [(0.3, 0.4), (0.5, 0.6), (0.8, 0.9)]
    assert rivals.by_timing(T, V, setting | {"ignore": 0.15}) == [(0.3, 0.4), (0.8, 0.9)]
    longer = [0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0]
    assert rivals.by_timing(T, longer, setting | {"accept": 0.2}) == [(0.3, 0.5)]


def test_the_distance_range_has_an_edge_and_a_dwell_and_leaves_out_what_is_out_of_range():
    setting = {"far": 0.4, "edge": 0.25, "dwell": 0.0}
    assert rivals.by_range(T, V, setting) == [(0.3, 0.6), (0.8, 0.9)]
    assert rivals.by_range(T, V, setting | {"dwell": 0.16}) == [(0.5, 0.6)]
    assert rivals.plausible([0.1, 9.0, -3.0, 0.2]) == [0.1, 0.1, 0.1, 0.2]
    assert rivals.median_of_three([0.0, 1.0, 0.0, 0.0]) == [0.0, 0.0, 0.0, 0.0]


def test_the_moving_average_is_of_the_last_stretch():
    assert rivals.moving_average([0.0, 0.1, 0.2, 0.3], [0.0, 1.0, 1.0, 1.0], 0.1) == [0.0, 0.5, 1.0, 1.0]


def test_one_euro_lags_less_the_faster_it_goes():
    t = [k / 50 for k in range(50)]
    slow, fast = [0.5 * x for x in t], [5 * x for x in t]
    assert (slow[-1] - rivals.one_euro(t, slow)[-1]) / 0.5 > (fast[-1] - rivals.one_euro(t, fast)[-1]) / 5 > 0


def test_a_gesture_takes_one_onset():
    sounds = [(0.0, 0.1), (1.0, 1.1), (1.3, 1.4), (3.0, 3.1), (5.0, 5.1)]
    score = rivals.match(sounds, [(1.1, 1.5), (4.0, 4.5)], [(2.9, 3.0)])
    assert score["verdicts"] == ["false", "hit", "again", "brief", "false"]
    assert (score["n"], score["hit"], score["again"], score["false"]) == (2, 1, 1, 2)
    assert score["late"] == [pytest.approx(-100)]
    assert rivals.f1(score) == pytest.approx(2 / 6)


@pytest.mark.parametrize("name", rivals.CAREFUL)
def test_a_careful_person_finds_a_setting_between_rest_and_gesture(name):
    t = [k / 50 for k in range(500)]
    presses = [(2.0, 3.0), (5.0, 6.0), (8.0, 9.0)]
    v = [(1.0 if any(a <= x < b for a, b in presses) else 0.0) + 0.2 * (k % 2) for k, x in enumerate(t)]
    heard = rivals.Heard(t, v, presses, 0.0, 1.0)
    method = rivals.CAREFUL[name]
    setting = method.tuned(heard)
    score = rivals.match(method.way(t, method.smooth(t, v, setting), setting), presses)
    assert (rivals.f1(score), score["false"]) == (1.0, 0)
    level = setting.get("on") or setting.get("level") or setting["far"]
    assert 0.2 < level < 0.95
    soonest = method.soonest().tuned(heard)
    assert rivals.match(method.way(t, method.smooth(t, v, soonest), soonest), presses)["late"] <= score["late"]


# ---------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    tremor = runs.tremors()["rest pd2458"]
    tasks = [next(task for task in runs.resting() if task.group == "pen held up, height")]
    tasks.append(next(runs.pens()))
    tasks += [runs.simulated(condition, "rest pd2458", tremor, 60.0) for condition in ("no tremor", "all together")]
    facts = calibration_report.Report(tasks).facts()
    calibration_report.write(facts, out)
    return json.loads((out / "report.json").read_text()), (out / "index.html").read_text()


def cells(page: str, method: str) -> list[str]:
    """The cells of a method's first row: the summary."""
    row = re.search(rf"<tr><th>{re.escape(method)}</th>(.*?)</tr>", page)
    return [re.sub(r"&nbsp;", " ", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row[1])]


def test_every_method_is_on_the_page_with_the_figures_of_the_json(made):
    facts, page = made
    assert facts["methods"] == ["reachnote", *rivals.RIVALS]
    assert list(facts["summary"]) == ["reachnote", *rivals.RIVALS, *rivals.SOONEST]
    for method, s in facts["summary"].items():
        row = cells(page, method)
        assert row[:3] == [rate(s["rest_per_minute"]), told(s["rest_sounding"]), rate(s["returning_per_minute"])]
        assert row[3:5] == [told(s["gestures_f1"], 3), told(s["simulated_f1"], 3)]
        assert row[5] == f"{told(s['worst_f1'])} {s['worst_condition']}"
        assert row[6] == f"{ms(s['p50_ms'])} / {ms(s['p90_ms'])}"
    assert facts["worst"]["reachnote"]["f1"][0] in page


def test_the_page_stands_alone_and_says_what_is_simulated(made):
    _, page = made
    assert "http" not in page and "src=" not in page and "<script" not in page
    assert "simulated" in page and "CC BY 4.0" in page and "MIT" in page
    assert "no medical claim" in page and "patient" not in page.lower()
    assert page.count("<svg") == 4 and page.count("<figure") == page.count("</figure")


def test_where_a_rival_is_better_is_counted_from_the_figures(made):
    facts, _ = made
    rows = {row["group"]: row["methods"] for row in facts["gestures"] + facts["simulated"]}
    for method, of in facts["as_good"].items():
        for group, other, own in of["f1_better"]:
            assert other == rows[group][method]["f1"] > own == rows[group]["reachnote"]["f1"]
        named = {group for group, *_ in of["f1_better"]} | set(of["f1_equal"])
        assert {group for group, row in rows.items() if row[method]["f1"] >= row["reachnote"]["f1"]} <= named


def test_every_recording_is_carried_with_its_licence():
    told_of = [
        re.sub(r"\*$", "", name) for name in re.findall(r"^\| `([^`]+)`.*(?:MIT|CC BY)", (DATA / "README.md").read_text(), re.M)
    ]
    for path in DATA.glob("*.csv"):
        assert any(path.stem.startswith(start) for start in told_of), path.name


# ---------------------------------------------------------------- leave one out


def test_every_tuned_constant_can_be_set_and_comes_back():
    for constant in leave_one_out.constants():
        before = constant.get()
        for value in constant.values():
            constant.set(value)
            assert constant.get() == value != before
        constant.set(before)
        assert constant.get() == before


def test_a_changed_default_reaches_the_decider():
    from reachnote_play.contact import Contact
    from reachnote_play.decider import Decider

    for where, name, made in (("TABLE", "release", Decider), ("SWITCH_TABLE", "debounce", Contact)):
        constant = leave_one_out.Constant(where, name)
        before = constant.get()
        constant.set(before + 100)
        try:
            assert made().get(name) == before + 100
        finally:
            constant.set(before)
        assert made().get(name) == before


def test_a_miss_is_told_in_shares_of_what_may_be_missed():
    assert leave_one_out.missed("B_f1", 0.95) == 0
    assert leave_one_out.missed("B_f1", 0.92) == pytest.approx(1)
    assert leave_one_out.missed("A_false_on_per_min", 2.2) == pytest.approx(1)
    assert leave_one_out.missed("F_delay_ms", -1.0) > 0
    assert leave_one_out.missed("D_extra_on", 1) > 1
    assert leave_one_out.sources_of("hover_y + re-emerging tremor (rest pd2458)") == {
        "hover", "phone", "person pd2458", "tremor rest pd2458",
    }  # fmt: skip
