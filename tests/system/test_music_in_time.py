"""Music in real time: a backing on JACK, our clock at a receiver, another machine's clock, and the guard on every way out.

With REACHNOTE_FIGURES naming a file, the measured times are added to it as JSON. Short forms run in the suite; the long ones hold the limits.
"""

from __future__ import annotations

import json
import os
import time
import wave
from itertools import pairwise
from pathlib import Path

import pytest

from reachnote import runtime
from reachnote.keep_piece import keep
from reachnote.limits import CHILD
from reachnote.model import Event, Kind, note_off, note_on
from reachnote.outputs.sound import find_soundfont
from reachnote.smf import open_song
from reachnote.smf_bytes import take_to_smf
from reachnote.song import way_to
from support.boards import PtyBoard
from support.guarding import Watch
from support.jack import Jack, missing
from support.running import Receiver, Running, percentile, until

LONG = pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(900)], id="long")
SHORT = pytest.param(False, id="short")
ALONG = """
key = "F"
tempo = {tempo}
song = "frere-jacques"
[activity]
name = "play-along"
level = 1.0
chords = true
[[voice]]
notes = 1
"""


def figures(name: str, values: dict) -> None:
    print(f"\n{name}: {json.dumps(values)}")
    path = os.environ.get("REACHNOTE_FIGURES")
    if path:
        known = json.loads(Path(path).read_text()) if os.path.exists(path) else {}
        Path(path).write_text(json.dumps({**known, name: values}, indent=2))


def off_line(times: list[float], places: list[float]) -> tuple[list[float], float]:
    """How far each time is from the straight line through all, and the line's slope: seconds a place."""
    count = len(times)
    middle, at = sum(places) / count, sum(times) / count
    slope = sum((p - middle) * (t - at) for p, t in zip(places, times, strict=True)) / sum((p - middle) ** 2 for p in places)
    return [t - at - slope * (p - middle) for p, t in zip(places, times, strict=True)], slope


# ---------------------------------------------------------------- a backing on JACK


@pytest.fixture
def jack(monkeypatch):
    pytest.importorskip("rtmidi", reason="python-rtmidi is not installed here")
    if lacking := missing():
        pytest.skip(lacking)
    with Jack() as server:
        for key, value in server.variables().items():
            monkeypatch.setenv(key, value)
        yield server


@pytest.mark.parametrize("long", [LONG])
def test_a_backing_is_played_on_time_at_a_receiver_on_jack(jack, tmp_path, long):
    song, worst = open_song("frere-jacques"), []
    board = PtyBoard()
    board.stream(250)
    for tempo in (40, 90, 180) if long else (180,):
        (tmp_path / "along.toml").write_text(ALONG.format(tempo=tempo))
        with jack.midi_sink() as sink:
            more = ("--scene", str(tmp_path / "along.toml"), "--limits", "stage")
            with Running([f"serial:{board.path}"], ["midi:sink,api=jack"], *more) as run:
                run.ready(1)
                until(lambda run=run: not [n for n in run.news() if n.get("news") == "output"], 5.0, "the output")
                time.sleep(0.3)
                board.press(0)
                time.sleep(0.1)
                board.press(0, False)
                time.sleep(song.length * 60 / tempo + 0.5)
                heard = [(at, data[1]) for at, data in sink.received if data[0] >> 4 == 9 and data[0] & 15 != 1]
        way = way_to(song, 5)
        wanted = sorted((note.beat * 60 / tempo, note.key + way) for note in song.notes if note.part == song.melody)
        tune = {key for _, key in wanted}
        found = sorted((at, key) for at, key in heard if key in tune)
        begins = [at for at, _ in wanted]
        # The tune's notes by their order in time; chord notes of the same key are struck with or between them.
        matched = []
        for at, key in wanted:
            near = [(abs((when - found[0][0]) - at), when) for when, sounded in found if sounded == key]
            matched.append(min(near)[1])
        late, slope = off_line(matched, begins)
        assert slope == pytest.approx(1.0, abs=0.003)
        worst += [1000 * abs(seconds) for seconds in late]
    figures("backing_on_jack", {"notes": len(worst), "p50_ms": percentile(worst, 0.5), "p99_ms": percentile(worst, 0.99)})
    assert percentile(worst, 0.99) <= (5.0 if long else 20.0)


# ---------------------------------------------------------------- our clock


@pytest.mark.parametrize("long", [SHORT, LONG])
def test_our_clock_is_steady_and_does_not_drift(tmp_path, long):
    runtime.hurry()  # a synth has a processor of its own: what stands for it goes before other work, as the engine does
    seconds = 600.0 if long else 4.0
    (tmp_path / "beat.toml").write_text("tempo = 120\n[[voice]]\nnotes = 5\n")
    receiver, board = Receiver(), PtyBoard()
    board.stream(250)
    try:
        with Running([f"serial:{board.path}"], [receiver.spec], "--scene", str(tmp_path / "beat.toml"), "--clock", "send") as run:
            run.ready(1)
            until(lambda: receiver.transport, 5.0, "a clock")
            end = time.monotonic() + seconds
            pressed = False
            while time.monotonic() < end:
                board.press(0, pressed := not pressed)
                time.sleep(0.21)
        assert [m.status for m in receiver.transport if m.status != 0xF8] == [0xFA, 0xFC]
        times = [m.time for m in receiver.transport if m.status == 0xF8]
    finally:
        board.unplug()
        receiver.close()
    period = 60 / 120 / 24
    assert len(times) == pytest.approx(seconds / period, rel=0.15 if not long else 0.01)
    late, slope = off_line(times, [float(n) for n in range(len(times))])
    jitter = [1000 * abs(seconds) for seconds in late]
    apart = [1000 * abs(b - a - period) for a, b in pairwise(times)]
    drift = 1000 * (slope - period) * len(times)
    told = {"clocks": len(times), "jitter_p50_ms": percentile(jitter, 0.5), "jitter_p99_ms": percentile(jitter, 0.99)}
    figures("clock_out", {**told, "interval_p99_ms": percentile(apart, 0.99), "drift_ms": round(drift, 4)})
    assert abs(drift) <= (0.5 if long else 5.0)
    assert percentile(jitter, 0.99) <= (1.0 if long else 10.0)


# ---------------------------------------------------------------- the guard on every way out

LOUD = """
[[voice]]
velocity = 127
chord = "triad"
notes = 4
program = 80
"""


def test_midi_fluidsynth_and_feed_are_guarded_alike(tmp_path):
    if find_soundfont() is None:
        pytest.skip("FluidSynth's sounds are not installed here")
    (tmp_path / "loud.toml").write_text(LOUD)
    receiver, board = Receiver(), PtyBoard()
    board.stream(250)
    take = tmp_path / "take.wav"
    fed: list[tuple[int, int]] = []
    try:
        more = ("--scene", str(tmp_path / "loud.toml"), "--limits", "child")
        with Running([f"serial:{board.path}"], [receiver.spec, f"sound:{take}"], *more) as run:
            run.ready(1)
            with run.session() as session:
                session.ask("feed", levels_hz=0)
                time.sleep(0.3)
                began = time.monotonic()
                for n in range(120):
                    board.press(n % 2, n % 4 < 2)
                    time.sleep(0.03)
                board.press(0, False)
                board.press(1, False)
                until(lambda: not receiver.sounding, 5.0, "silence")
                for thing in session.follow(0.1):
                    if thing is None:
                        break
                    if thing.get("feed") == "note" and thing["note"] == "on":
                        fed.append((thing["key"], thing["velocity"]))
                figures_ = run.reply()["figures"]
        heard = [(m.a, m.b) for m in receiver.notes_on()]
    finally:
        board.unplug()
        receiver.close()
    assert heard == fed and len(heard) >= 60
    assert max(velocity for _, velocity in heard) == CHILD.loudest
    assert figures_["guard"]["limits"] == "child" and figures_["refused"] > 0
    watch = Watch(CHILD)
    events = [
        (note_on if m.status == 0x90 else note_off)(m.channel, m.a, *([m.b] if m.status == 0x90 else []), m.channel, m.time - began)
        for m in receiver.heard
        if m.status in (0x80, 0x90)
    ]
    for event in events:
        watch.take(event)
    # Times are those of arrival: what left a moment apart may arrive together, so rates are judged a little kinder.
    assert [wrong for wrong in watch.broken if "too many" not in wrong] == []
    programs = [Event(Kind.PROGRAM, m.channel, m.a, 0, m.channel, 1, 0.0) for m in receiver.heard if m.status == 0xC0]
    (tmp_path / "again.mid").write_bytes(take_to_smf([*programs, *events], {}))
    keep((tmp_path / "again.mid").read_bytes(), tmp_path / "again.wav")
    # Energy, not the highest peak: how the waves of a chord add up at one moment hangs on a start no note decides.
    assert energy(take) == pytest.approx(energy(tmp_path / "again.wav"), rel=0.15)


def energy(path: Path) -> float:
    """The sum of the squares of all samples, in the square of full scale times seconds."""
    import numpy

    with wave.open(str(path)) as file:
        samples = numpy.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float) / 32768
        return float((samples**2).sum()) / file.getframerate()
