"""The demo: three simulated instruments play from recorded movement, end in silence, and their journal plays again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest

from support.asking import ask, place
from support.running import ROOT, Receiver, Running, until
from tools.demo import INSTRUMENTS

SECONDS = 20
AT_LEAST = {
    "Two switches/left": 20,
    "Two switches/right": 20,
    "Squeeze ball/ball": 20,
    "Reach beam/hand": 5,
}


class Ran:
    """The demo's 20 seconds: what it printed, and the folder that it left."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.done = subprocess.run(command(out, "--seconds", str(SECONDS)), capture_output=True, text=True, timeout=90)
        self.summary = json.loads(self.done.stdout.splitlines()[-1])


def command(out: Path, *words: str) -> list[str]:
    return [sys.executable, str(ROOT / "tools" / "demo.py"), "--headless", "--out", str(out), *words]


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Ran:
    return Ran(tmp_path_factory.mktemp("demo"))


def notes(path: Path) -> dict[str, list[tuple[str, int, int]]]:
    """Of every track, by its name: (on or off, channel 1-16, key) in order."""
    found = {}
    for track in mido.MidiFile(path).tracks:
        played = [(m.type, m.channel + 1, m.note) for m in track if m.type in ("note_on", "note_off")]
        if played:
            found[track.name] = played
    return found


def starts(path: Path) -> dict[str, list[tuple[float, int]]]:
    """Of every track, by its name: (seconds since the first note of all, velocity) of each note's start."""
    file = mido.MidiFile(path)
    found: dict[str, list[tuple[float, int]]] = {}
    for track in file.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == "note_on":
                found.setdefault(track.name, []).append((mido.tick2second(now, file.ticks_per_beat, 500_000), message.velocity))
    first = min(at for begun in found.values() for at, _ in begun)
    return {name: [(at - first, velocity) for at, velocity in begun] for name, begun in found.items()}


def unbalanced(path: Path) -> dict[tuple[int, int], int]:
    """(channel, key) -> how many more begin than end, where these differ."""
    count: Counter[tuple[int, int]] = Counter()
    for played in notes(path).values():
        for kind, channel, key in played:
            count[channel, key] += 1 if kind == "note_on" else -1
    return {place: n for place, n in count.items() if n}


# ---------------------------------------------------------------- the run


@pytest.mark.timeout(150)
def test_it_ends_well_and_without_a_trace(ran):
    assert ran.done.returncode == 0, ran.done.stderr
    assert "Traceback" not in ran.done.stdout + ran.done.stderr
    assert "ended" in ran.summary["said"][-1]


def test_every_instrument_plays(ran):
    assert set(ran.summary["notes"]) == set(AT_LEAST)
    for sensor, least in AT_LEAST.items():
        assert ran.summary["notes"][sensor] >= least, ran.summary["notes"]


def test_every_note_ends(ran):
    assert ran.summary["note_ons"] == ran.summary["note_offs"] == sum(ran.summary["notes"].values())
    assert unbalanced(ran.out / "demo.mid") == {}


def test_the_file_has_the_notes_that_were_counted(ran):
    counted = {sensor: sum(kind == "note_on" for kind, _, _ in played) for sensor, played in notes(ran.out / "demo.mid").items()}
    assert counted == ran.summary["notes"]


def test_the_summary_names_interpreter_and_recordings(ran):
    assert ran.summary["interpreter"].startswith(("MicroPython ", "CPython "))
    assert set(ran.summary["recordings"]) == set(AT_LEAST)
    data = ROOT / "tests" / "data"
    assert all((data / name).is_file() for names in ran.summary["recordings"].values() for name in names)
    assert {"demo.mid", "journal.jsonl"} <= set(ran.summary["files"])


def test_it_plays_in_time(ran):
    assert ran.summary["latency_p50_ms"] < 5 and ran.summary["refused_by_guard"] == 0


# ---------------------------------------------------------------- its journal


def replayed(ran: Ran, out: Path) -> dict:
    answer = ask(place(out.parent), "replay", "--json", str(ran.out / "journal.jsonl"), "--out", f"file:{out}")
    assert (answer.code, answer.err) == (0, "")
    return answer.values()[0]


def test_the_journal_replays_to_the_same_notes_byte_for_byte_each_time(ran, tmp_path):
    summary = replayed(ran, tmp_path / "one.mid")
    replayed(ran, tmp_path / "two.mid")
    assert (tmp_path / "one.mid").read_bytes() == (tmp_path / "two.mid").read_bytes()
    assert summary["notes"] == summary["note_offs"] == ran.summary["note_ons"]
    assert notes(tmp_path / "one.mid") == notes(ran.out / "demo.mid")
    again = starts(tmp_path / "one.mid")
    for sensor, begun in starts(ran.out / "demo.mid").items():
        for (at, velocity), (then, loud) in zip(begun, again[sensor], strict=True):
            assert velocity == loud and abs(at - then) < 0.02


def test_the_journal_plays_live_through_its_link(ran):
    receiver = Receiver()
    running = Running([f"replay:{ran.out / 'journal.jsonl'}"], [receiver.spec])
    try:
        running.ready(len(INSTRUMENTS))
        assert {board["name"] for board in running.status()["boards"]} == {"Two switches", "Squeeze ball", "Reach beam"}
        until(lambda: len(receiver.notes_on()) >= 10, 10, "notes of the journal")
    finally:
        running.stop()
        receiver.close()
    assert receiver.sounding == {} and receiver.ons == receiver.offs


# ---------------------------------------------------------------- Ctrl-C


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory) -> Iterator[tuple[Path, subprocess.CompletedProcess]]:
    out = tmp_path_factory.mktemp("interrupted")
    demo = subprocess.Popen(command(out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    journal = out / "journal.jsonl"
    until(lambda: journal.exists() and '["e"' in journal.read_text(), 30, "the demo's first note")
    time.sleep(1.5)
    os.killpg(demo.pid, signal.SIGINT)
    out_text, err_text = demo.communicate(timeout=40)
    yield out, subprocess.CompletedProcess(demo.args, demo.returncode, out_text, err_text)


def test_ctrl_c_ends_in_silence_with_a_whole_file(interrupted):
    out, done = interrupted
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["note_ons"] == summary["note_offs"] > 0
    assert unbalanced(out / "demo.mid") == {} and notes(out / "demo.mid")
    assert not list(out.glob("*.part"))


def test_ctrl_c_leaves_no_process_behind(interrupted):
    out, _ = interrupted
    assert not _with_words(str(out))


def _with_words(words: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if words in line and folder.name != str(os.getpid()):
            found.append(line)
    return found
