"""`reachnote adjust` and `reachnote preview` beside a running session."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from reachnote import profiles
from reachnote.profile import Calibration, current, new_profile, with_calibration
from support.boards import PtyBoard
from support.running import Receiver, Running, until

PAD = {"kind": "pressure", "min": 0, "max": 1000, "rest": 0, "reach": 1000, "name": "pad"}
MADE = Calibration("2026-01-01T10:00:00+00:00", "guided", "pressure", "", 250.0, 0.0, 200.0, {"onset": 2300}, {}, "A", "fine")


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setenv("REACHNOTE_CLIENTS", str(tmp_path / "clients"))
    profiles.save(with_calibration(new_profile("k7", "board b1", MADE.date), "pad", MADE))
    board, receiver = PtyBoard("b1", [PAD]), Receiver()
    board.stream(250)
    with Running([f"serial:{board.path}"], [receiver.spec], "--client", "k7") as run:
        run.ready(1)
        time.sleep(0.5)
        yield board, receiver, run
    board.unplug()
    receiver.close()


def said(run: Running, *words: str) -> tuple[int, str]:
    done = run.command(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text, _ = done.communicate(timeout=20)
    return done.returncode, text


def squeeze(board: PtyBoard, raw: int) -> None:
    board.move(0, raw)
    time.sleep(0.3)
    board.move(0, 0)
    time.sleep(0.5)


def test_easier_is_heard_and_kept_for_the_client(table):
    _, _, run = table
    assert said(run, "adjust", "easier") == (0, "board b1, pad: full sound at 80% of the calibrated reach.\n")
    assert profiles.load("k7", "board b1").settings.factor == 0.8
    assert said(run, "adjust", "less-sensitive") == (0, "board b1, pad: sounds from 35% of the reach on.\n")
    made = current(profiles.load("k7", "board b1"), "pad")
    assert (made.number, made.parameters["onset"]) == (2, 2875)
    assert said(run, "clients", "restore", "k7", "1")[0] == 0  # the session takes it at once
    assert said(run, "adjust", "less-sensitive") == (0, "board b1, pad: sounds from 35% of the reach on.\n")
    assert said(run, "adjust", "freeze") == (0, "board b1, pad: the reach stays as it is.\n")
    assert profiles.load("k7", "board b1").settings.frozen is True
    assert said(run, "adjust", "easier", "--sensor", "nobody")[0] == 1


def test_the_last_minute_is_previewed_with_other_settings_and_leaves_no_file(table, tmp_path):
    board, receiver, run = table
    for raw in (180, 45, 180, 45):
        squeeze(board, raw)
    until(lambda: len(receiver.notes_on()) == 2, 5.0, "two notes")
    before = sorted(str(path) for path in run.folder.rglob("*"))
    code, text = said(run, "preview", "--try", "more-sensitive", "--try", "more-sensitive", "--json")
    found = json.loads(text)
    pad = found["sensors"]["board b1/pad"]
    assert (code, pad["as_set"]["notes"], pad["as_tried"]["notes"]) == (0, 2, 4)
    assert found["took"] < 0.2 * found["seconds"] + 0.1
    assert sorted(str(path) for path in run.folder.rglob("*")) == before
    code, text = said(run, "preview")
    assert code == 0
    assert "as set" in text
    assert "2 notes" in text


def test_a_recording_begun_in_the_middle_is_replayed_with_the_calibration(table, tmp_path):
    board, receiver, run = table
    path = tmp_path / "take.jsonl"
    assert said(run, "record", str(path))[0] == 0
    time.sleep(0.5)
    for _ in range(3):
        squeeze(board, 120)
    assert said(run, "record", "off")[0] == 0
    assert len(receiver.notes_on()) == 3
    code, text = said(run, "replay", str(path), "--out", f"file:{tmp_path / 'again.mid'}", "--json")
    assert (code, json.loads(text)["notes"]) == (0, 3)
