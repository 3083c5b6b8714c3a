"""The library of simulated clients: the same on every interpreter, and moving as its numbers say."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from firmware.desktop.clients import KINDS, NAMES, client_of

from tools import micropython, simulate

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATHS = os.pathsep.join(str(ROOT / folder) for folder in ("firmware/desktop", "firmware", "protocols"))
STEP = 0.01


def tell(argv: list[str], *words: str) -> list[list[str]]:
    surroundings = dict(os.environ, MICROPYPATH=PATHS, PYTHONPATH=PATHS, PYTHONDONTWRITEBYTECODE="1")
    command = [*argv, str(HERE / "clients_story.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings, timeout=100)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    return [line.split() for line in done.stdout.splitlines()]


@pytest.fixture(params=[64, 32], ids=["64-bit", "32-bit"])
def board_like(request):
    argv = micropython.find() if request.param == 64 else micropython.find_32bit()
    if argv is None:
        pytest.skip(micropython.why_not(request.param))
    return argv


def movement(client, a: float, b: float) -> list[float]:
    return [client(a + STEP * i) for i in range(int((b - a) / STEP))]


def size_at(values: list[float], hz: float) -> float:
    """Half height of the wave of that pace within the values (Goertzel, Hann window)."""
    n = len(values)
    middle = sum(values) / n
    real = imaginary = 0.0
    for i, v in enumerate(values):
        w = (v - middle) * (1 - math.cos(2 * math.pi * i / n))
        real += w * math.cos(2 * math.pi * hz * i * STEP)
        imaginary += w * math.sin(2 * math.pi * hz * i * STEP)
    return 2 * math.hypot(real, imaginary) / n


def pace(values: list[float]) -> float:
    """Waves a second, from how often the middle is crossed upwards."""
    middle = sum(values) / len(values)
    ups = [i for i, (x, y) in enumerate(pairwise(values)) if x < middle <= y]
    return (len(ups) - 1) / ((ups[-1] - ups[0]) * STEP)


def holding(name: str, seed: int = 4, **own: object) -> list[float]:
    """From 4 s to 14 s of one hold."""
    client = client_of(name, seed, hold=20.0, creep=0.0, wander=0.0, physiological=0.0, **own)
    start = client.gesture(0).start
    return movement(client, start + 4, start + 14)


def resting(name: str, seed: int = 4, **own: object) -> list[float]:
    """16 s before anything is meant."""
    return movement(client_of(name, seed, first_s=20.0, wander=0.0, physiological=0.0, **own), 2, 18)


# ---------------------------------------------------------------- the same everywhere


def test_every_interpreter_tells_the_same_movement(board_like):
    ours, theirs = tell([sys.executable]), tell(board_like)
    assert (
        [line[0] for line in theirs]
        == [line[0] for line in ours]
        == [*(n for name in NAMES for n in (name, name)), "mm", "switch"]
    )
    for mine, other in zip(ours, theirs, strict=True):
        assert [float(v) for v in other[1:]] == pytest.approx([float(v) for v in mine[1:]], abs=2e-9), mine[0]


def test_what_was_told_once_stays_told():
    steady, tremor = client_of("steady", 1), client_of("rest-tremor", 1)
    assert [round(steady(t), 6) for t in (0.0, 1.5, 30.0)] == [0.002489, -0.004749, 0.903277]
    assert [round(tremor(t), 6) for t in (0.0, 1.5, 30.0)] == [-0.090661, 0.079186, 0.919698]
    assert [(round(a, 3), round(b, 3)) for a, b in steady.gestures(0, 6)] == [(1.732, 3.062), (4.83, 6.305)]


@pytest.mark.parametrize("name", NAMES)
def test_a_client_can_be_asked_about_any_time_in_any_order(name):
    one, other = client_of(name, 9), client_of(name, 9)
    times = [0.173 * i for i in range(600)]
    forth = [one(t) for t in times]
    assert [other(t) for t in reversed(times)] == forth[::-1]
    assert forth != [client_of(name, 10)(t) for t in times]


@pytest.mark.parametrize("name", NAMES)
def test_an_hour_of_movement_leaves_nothing_on_the_heap(name):
    argv = micropython.find()
    if argv is None:
        pytest.skip(micropython.why_not(64))
    assert abs(int(tell(argv, "heap", name)[0][0])) < 1000


# ---------------------------------------------------------------- what is meant


@pytest.mark.parametrize("name", NAMES)
def test_gestures_and_rests_share_all_the_time(name):
    client = client_of(name, 6)
    gestures, rests = client.gestures(0, 300), client.rests(0, 300)
    assert len(gestures) >= 8
    edges = sorted([*gestures, *rests])
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(edges))
    assert (edges[0][0], edges[-1][1]) == (0, pytest.approx(300, abs=10))
    assert client.gestures(*gestures[3]) == [gestures[3]]


def test_a_client_without_trouble_moves_only_when_it_means_to():
    client = client_of("steady", 2)
    for a, b in client.rests(0, 60):
        assert max(map(abs, movement(client, a, b)), default=0) < 0.02
    for a, b in client.gestures(0, 60):
        assert 0.75 < max(movement(client, a, b)) < 1.25


def test_no_client_jumps_but_in_a_spasm():
    for name in NAMES:
        if name != "spasm":
            values = movement(client_of(name, 3), 0, 60)
            assert max(abs(b - a) for a, b in pairwise(values)) < 0.35, name


# ---------------------------------------------------------------- the stated numbers


@pytest.mark.parametrize("name,hz", [("rest-tremor", (4, 6)), ("action-tremor", (4, 8)), ("re-emerging-tremor", (3.6, 4.6))])
def test_the_paces_of_tremor_are_those_of_the_literature(name, hz):
    drawn = [client_of(name, seed).hz for seed in range(1, 41)]
    assert hz[0] <= min(drawn) < hz[0] + 0.3 * (hz[1] - hz[0])
    assert hz[1] >= max(drawn) > hz[1] - 0.3 * (hz[1] - hz[0])


@pytest.mark.parametrize("hz", [4.0, 5.0, 6.0])
def test_rest_tremor_shakes_at_rest_and_goes_with_action(hz):
    own = {"hz": hz, "half_height": 0.1, "least": 1.0, "left_in_action": 0.2}
    assert pace(resting("rest-tremor", **own)) == pytest.approx(hz, rel=0.03)
    assert max(map(abs, resting("rest-tremor", **own))) == pytest.approx(0.1, abs=0.002)
    held = holding("rest-tremor", **own)
    assert (max(held) - min(held)) / 2 == pytest.approx(0.02, abs=0.002)


@pytest.mark.parametrize("hz", [4.0, 6.0, 8.0])
def test_action_tremor_shakes_in_action_and_not_at_rest(hz):
    held = holding("action-tremor", hz=hz, half_height=0.1, height=1.0)
    assert pace(held) == pytest.approx(hz, rel=0.03)
    assert (max(held) - min(held)) / 2 == pytest.approx(0.1, abs=0.003)
    assert max(map(abs, resting("action-tremor", hz=hz))) == 0


def test_re_emerging_tremor_comes_after_two_to_three_seconds_of_holding():
    client = client_of("re-emerging-tremor", 3, hold=8.0, hz=4.0, creep=0.0, wander=0.0, physiological=0.0)
    g = client.gesture(0)
    top = g.start + g.rise
    early, late = movement(client, top + 0.1, top + 2.0), movement(client, top + 4, top + 8)
    assert max(early) - min(early) < 0.02 * (max(late) - min(late))
    assert pace(late) == pytest.approx(4.0, rel=0.1)
    assert 2.0 <= client.after_s <= 3.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_spasm_is_single_seldom_quick_and_three_times_the_range(seed):
    client = client_of("spasm", seed, height=0.0, wander=0.0, physiological=0.0)
    spasms = client.besides(0, 600)
    assert 600 / 40 - 1 <= len(spasms) <= 600 / 15 + 1
    for a, b in spasms:
        values = [client(a + i * 0.001) for i in range(int((b - a) * 1000) + 1)]
        top = max(values)
        assert 2.5 <= top <= 3.5
        assert values.index(top) <= 80
        assert 0.06 < sum(v > 0.5 * top for v in values) * 0.001 + 0.04 < 0.16


@pytest.mark.parametrize("hz", [4.0, 6.0, 8.0])
def test_clonus_beats_in_bursts_at_its_pace(hz):
    client = client_of("clonus", 2, burst_hz=hz, burst_s=2.0, burst_height=0.5, wander=0.0, physiological=0.0)
    a, b = client.besides(0, 120)[0]
    beats = movement(client, a, b)
    assert max((2 + 0.1 * k for k in range(101)), key=lambda at: size_at(beats, at)) == pytest.approx(hz, abs=0.2)
    assert 0.35 < max(beats) <= 0.5
    assert any(start < a and abs(end + 0.15 - a) < 1e-6 for start, end in client.gestures(0, 120))


@pytest.mark.parametrize("hz", [1.0, 1.5, 2.0])
def test_wringing_goes_to_and_fro_at_its_pace(hz):
    client = client_of("wringing", 2, stroke_hz=hz, stroke_height=0.4, first_s=70.0, wander=0.0, physiological=0.0)
    strokes = client.besides(0, 60)
    assert len(strokes) == pytest.approx(60 * hz, abs=2)
    a, b = strokes[7]
    assert (client(a), client((a + b) / 2)) == (pytest.approx(0, abs=1e-3), pytest.approx(0.4, abs=0.01))
    values = movement(client, 0, 60)
    assert sum(x < 0.2 <= y for x, y in pairwise(values)) == pytest.approx(60 * hz, abs=2)


def test_wringing_may_begin_later():
    client = client_of("wringing", 2, calm_s=30.0, height=0.0, wander=0.0, physiological=0.0)
    assert max(movement(client, 0, 30)) == 0
    assert max(movement(client, 30, 40)) > 0.15
    assert min(a for a, _ in client.besides(0, 60)) >= 30


def test_athetosis_writhes_between_a_fifth_of_a_hertz_and_two():
    values = resting("athetosis", writhing=0.2)
    inside = max(size_at(values, 0.2 + 0.1 * k) for k in range(19))
    outside = max(size_at(values, 3 + 0.25 * k) for k in range(30))
    assert inside > 0.04 and outside < 0.02 * inside
    assert 0.08 < max(map(abs, values)) <= 0.2


def test_fatigue_takes_a_fifth_of_the_first_peak_a_minute():
    client = client_of("fatigue", 1, fall_per_min=0.2, floor_per_min=0.0, height=1.0, creep=0.0, wander=0.0, physiological=0.0)
    peaks = [(a, max(movement(client, a, b))) for a, b in client.gestures(0, 300)]
    for at, peak in peaks:
        assert peak == pytest.approx(max(0.4, 1 - 0.2 * at / 60), abs=0.005)


def test_a_slow_release_takes_seconds_and_leaves_something():
    client = client_of("slow-release", 1, height=1.0, creep=0.0, left=0.1, fades_s=4.0, wander=0.0, physiological=0.0)
    for k in range(8):
        g = client.gesture(k)
        assert 1.5 <= g.fall <= 3.5
        assert client(g.let_go + g.fall / 4) > 0.4
        assert client(g.end + 0.1) == pytest.approx(0.1 * math.exp(-0.1 / 4), abs=1e-6)


def test_sizes_are_the_stated_ones():
    sizes = {"weak": (0.06, 0.13), "large": (1.0, 2.1), "fifteen-mm": (13 / 300, 18 / 300)}
    for name, (least, most) in sizes.items():
        client = client_of(name, 5)
        for a, b in client.gestures(0, 60):
            assert least < max(movement(client, a, b)) < most, name


def test_the_late_client_answers_after_eight_seconds():
    client = client_of("late", 3)
    waited = [client.gesture(k).start - client.cue(k) for k in range(20)]
    assert min(waited) >= 7 and max(waited) <= 9
    assert len(client.gestures(0, 600)) < 30


# ---------------------------------------------------------------- words


def test_an_unknown_client_or_number_is_named_with_what_there_is():
    with pytest.raises(ValueError, match="there is no client 'strong'; there are: steady, weak, large,"):
        client_of("strong")
    with pytest.raises(ValueError, match="client 'weak' has no 'hz'; it has: creep, fall, first_s, gap"):
        client_of("weak", 1, hz=4)


def test_every_client_says_in_a_line_what_it_does():
    assert len(set(NAMES)) == len(NAMES) == 14
    assert all(10 < len(kind.about) < 90 and not kind.about.endswith(".") for kind in KINDS)


@pytest.mark.parametrize("command", [["demo.py"], ["simulate.py", "hardware/squeeze-ball"]])
def test_an_unknown_client_ends_in_a_sentence_with_the_nearest(command):
    argv = [sys.executable, str(ROOT / "tools" / command[0]), *command[1:], "--client", "fatige"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("There is no client 'fatige'. Did you mean 'fatigue'? There are: steady, weak,")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("instrument", ["two-switch-box", "squeeze-ball", "reach-beam"])
def test_a_client_moves_every_sensor_of_an_instrument_and_no_two_in_step(instrument):
    wiring = simulate.wiring_of(ROOT / "hardware" / instrument)
    hands = simulate.client_hands(wiring, "weak", 7)
    assert list(hands) == [sensor["name"] for sensor in wiring["sensors"]]
    assert [hand["seed"] for hand in hands.values()] == [7, 8][: len(hands)]
    assert {hand["client"] for hand in hands.values()} == {"weak"}
