"""The command line as people use it: what each command says, its exit code, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from reachnote import __main__
from support.asking import Answer, Table, ask, place
from support.boards import PtyBoard
from support.running import Running, until

WELL, MEND, WRONG, NOTHING, TAKEN = 0, 1, 2, 3, 4


@pytest.fixture
def alone(tmp_path) -> dict[str, str]:
    """Surroundings in which nothing runs."""
    return place(tmp_path)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Iterator[Table]:
    table = Table(tmp_path_factory.mktemp("table"))
    yield table
    table.close()


# ---------------------------------------------------------------- nothing runs


def test_the_exit_codes_are_documented():
    assert __main__.__doc__ is not None
    assert [int(code) for code in re.findall(r"\b(\d) [a-z]", __main__.__doc__)] == [WELL, MEND, WRONG, NOTHING, TAKEN]


@pytest.mark.parametrize("words", ["watch", "silence", "silence --twice", "record x.jsonl", "record off", "stop"])
def test_without_a_session_there_is_a_sentence_and_code_3(alone, words):
    answer = ask(alone, *words.split())
    assert (answer.code, answer.out) == (NOTHING, "")
    assert answer.err == "reachnote is not running. Start it: reachnote play\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("play --scene nothing", "There is no scene 'nothing'"),
        ("play --out pipe:x", "'pipe:x' names no output"),
        ("play --link cable:x", "'cable:x' names no link"),
        ("boards --link cable:x", "'cable:x' names no link"),
        ("play --loud", "unrecognized arguments"),
        ("dance", "There is no 'dance'"),
    ],
)
def test_a_command_written_wrongly_has_code_2(alone, words, said):
    answer = ask(alone, *words.split())
    assert answer.code == WRONG and said in answer.err and answer.out == ""


def test_check_speaks_to_people_and_to_programs(alone):
    answer = ask(alone, "check")
    assert answer.code == WELL and all(len(line) < 80 for line in answer.out.splitlines())
    assert "Ready to play." in answer.out or "nothing sounds yet" in answer.out
    (found,) = ask(alone, "check", "--json").values()
    assert all(set(thing) == {"what", "ok", "needed", "text"} for thing in found)
    assert {"Boards on USB", "MIDI port", "Own sound"} <= {thing["what"] for thing in found}


def test_boards_are_found_without_a_session(alone, tmp_path):
    board = PtyBoard("pads", path=str(tmp_path / "port"))
    link = f"serial:{tmp_path / 'port'}"
    try:
        board.stream(250)
        answer = ask(alone, "boards", "--link", link)
        assert (answer.code, answer.err) == (WELL, "")
        first, *sensors = answer.out.splitlines()
        assert first == f"board pads is ready ({tmp_path / 'port'})"
        assert sensors == ["    s0 (switch) is fine", "    s1 (switch) is fine"]
        (found,) = ask(alone, "boards", "--json", "--link", link).values()
        assert found[0]["uid"] == "pads"
    finally:
        board.close()


def test_no_board_is_something_to_mend(alone, tmp_path):
    answer = ask(alone, "boards", "--json", "--link", f"serial:{tmp_path / 'none'}")
    assert answer.code == MEND and answer.values() == [[]]
    assert answer.err == f"There is no port {tmp_path / 'none'} yet. It is used as soon as it appears.\n"


@pytest.mark.parametrize("text", ["", "{}", "no journal\n", '{"reachnote-journal": 99}\n', "\x00\xff\n" * 5])
def test_what_is_no_journal_is_said(alone, tmp_path, text):
    (tmp_path / "x.jsonl").write_text(text)
    answer = ask(alone, "replay", str(tmp_path / "x.jsonl"))
    assert answer.code == MEND and "journal" in answer.err and answer.out == ""
    assert ask(alone, "replay", str(tmp_path / "none.jsonl")).code == MEND


# ---------------------------------------------------------------- a session runs


def test_a_second_session_is_refused_with_a_sentence_and_code_4(table):
    answer = table.asks("play")
    assert answer.code == TAKEN and answer.out == ""
    assert answer.err == f"reachnote is already running (process {table.running.engine()}). Stop it first: reachnote stop\n"
    table.taps()


def test_boards_of_the_session(table):
    answer = table.asks("boards")
    assert answer.code == WELL and "board pads is ready" in answer.out and "s1 (switch) is fine" in answer.out
    (found,) = table.asks("boards", "--json").values()
    assert found[0]["state"] == "ready" and found[0]["damaged"] == 0


def test_watch_gives_one_json_value_a_line(table):
    watching = table.running.command("watch", "--json", "--seconds", "2", stdout=subprocess.PIPE, text=True)
    time.sleep(0.8)
    table.taps(2)
    out, _ = watching.communicate(timeout=10)
    values = [json.loads(line) for line in out.splitlines()]
    assert watching.returncode == WELL
    assert {"levels", "gesture", "note", "figures"} <= {thing["feed"] for thing in values}


def test_watch_into_a_pipe_is_read_line_by_line(table):
    watching = table.running.command("watch", "--seconds", "1.5", stdout=subprocess.PIPE, text=True)
    time.sleep(0.8)
    table.taps()
    out, _ = watching.communicate(timeout=10)
    assert out.splitlines()[0] == "Not recording."
    assert re.search(r"^[A-G]#?\d on channel 2 from board pads/s0$", out, re.M)


def test_ctrl_c_ends_watching_and_not_the_session(table):
    watching = table.running.command("watch", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(0.8)
    watching.send_signal(signal.SIGINT)
    assert (watching.communicate(timeout=5)[1], watching.returncode) == ("", WELL)
    table.taps()


def test_whoever_stops_reading_gets_no_complaint(table):
    watching = table.running.command("watch", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watching.stdout.readline()
    watching.stdout.close()
    assert watching.wait(5) == WELL and watching.stderr.read() == b""


def test_silence_ends_every_note_and_starts_none_again(table):
    table.holds(0)
    before = len(table.receiver.notes_on())
    assert table.asks("silence") == Answer(WELL, "Silence.\n", "")
    table.receiver.wait_sounding(0)
    time.sleep(0.2)  # the switch is still held
    assert len(table.receiver.notes_on()) == before
    table.board.press(0, False)
    assert not [m for m in table.receiver.heard if m.status == 0xB0 and m.a in (120, 121)]
    assert table.asks("silence", "--twice").code == WELL
    until(lambda: {120, 121} <= {m.a for m in table.receiver.heard if m.status == 0xB0}, 2, "the reset of the synths")
    table.taps()


def test_recording_begins_and_ends_and_never_overwrites(table, tmp_path):
    path = tmp_path / "session.jsonl"
    answer = table.asks("record", str(path))
    assert answer == Answer(WELL, f"Recording to {path}.\n", "")
    assert table.running.status()["recording"] == str(path)
    table.taps(3)
    assert table.asks("record", "off") == Answer(WELL, f"Not recording. Saved: {path}\n", "")
    assert table.asks("record", "off") == Answer(WELL, "Not recording.\n", "")
    again = table.asks("record", str(path))
    assert again.code == WRONG and "never overwrites" in again.err
    answer = table.asks("replay", "--json", str(path))
    (summary,) = answer.values()
    assert summary["notes"] == summary["note_offs"] == 3  # a recording begun in the middle has the board's introduction


def test_a_place_where_nothing_can_be_written_is_said_by_record(table):
    answer = table.asks("record", "/proc/session.jsonl")
    assert answer.code == MEND and answer.err.startswith("Not recording: /proc/session.jsonl cannot be written")
    assert table.running.status()["recording"] == ""
    table.taps()


# ---------------------------------------------------------------- begin and end


def test_play_says_whether_it_records_and_movement_stays_off_the_disk(tmp_path):
    table = Table(tmp_path)
    try:
        table.taps(5)
        lines = table.running.said().splitlines()
        assert lines[0] == "Not recording." and lines.count("Not recording.") == 1
        during = {path.name: path.read_bytes() for path in table.files()}
        assert not any(b"$r" in data or b'"l"' in data for data in during.values())
        assert table.asks("stop") == Answer(WELL, "The session has ended.\n", "")
        assert table.running.play.wait(5) == WELL
        after = {path.name: path.read_bytes() for path in table.files()}
        assert set(after) <= {"said", "lock", "ledger", "last.json", "trouble.txt"}
        assert not any(after["ledger"]) and not after["trouble.txt"]
    finally:
        table.close()


def test_play_says_recording_and_its_json_is_one_value_a_line(tmp_path):
    path = tmp_path / "session.jsonl"
    table = Table(tmp_path, "--record", str(path), "--json")
    table.taps(2)
    table.running.play.send_signal(signal.SIGTERM)
    assert table.running.play.wait(5) == WELL
    values = [json.loads(line) for line in table.running.said().splitlines()]
    texts = [thing.get("text") for thing in values if thing["feed"] == "news"]
    assert texts.count(f"Recording to {path}.") == 1 and "The session has ended." in texts
    assert len([thing for thing in values if thing["feed"] == "note"]) == 4
    table.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_session_in_silence_with_code_0(tmp_path, number):
    table = Table(tmp_path)
    table.holds()
    table.running.play.send_signal(number)
    table.receiver.wait_sounding(0, 2)
    assert table.running.play.wait(5) == WELL
    assert "Traceback" not in table.running.said() and "The session has ended." in table.running.said()
    until(lambda: not table.running.pids(), 3, "every process to end")
    table.close()


def test_ctrl_c_while_it_starts_is_no_trouble(alone, tmp_path):
    for wait in (0.35, 0.6):
        running = Running([f"serial:{tmp_path / 'none'}"], ["raw:/dev/null"])
        time.sleep(wait)
        running.play.send_signal(signal.SIGTERM)
        assert running.play.wait(8) in (WELL, -signal.SIGTERM)  # before the first word of ours the system ends it
        assert "Traceback" not in running.said()
        running.stop()


def test_resume_brings_back_client_scene_links_and_outputs(tmp_path):
    scene = tmp_path / "mine.toml"
    scene.write_text('format = 1\nname = "Mine"\n[[voice]]\nfor = "switch"\nplay = "step"\noctave = 3\n')
    table = Table(tmp_path, "--client", "k7", "--scene", str(scene), "--name", "pads")
    before = table.running.status()
    table.taps()
    table.asks("stop")
    table.running.play.wait(5)
    again = table.running.command("play", "--resume", stdout=subprocess.PIPE, text=True)
    try:
        table.running.ready()
        after = table.running.status()
        kept = ("client", "scene", "links", "outputs")
        assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
        assert after["client"] == "k7" and after["recording"] == "" and after["pid"] != before["pid"]
        assert not table.receiver.sounding
        table.taps()
        assert table.receiver.notes_on()[-1].a < 60
    finally:
        again.send_signal(signal.SIGTERM)
        assert again.wait(5) == WELL
        table.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"links": 5, "outputs": 1}', '{"links": ["serial:auto"], "outputs": [[1]]}'])
def test_a_damaged_memory_of_last_time_is_no_trouble(alone, tmp_path, text):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "last.json").write_text(text)
    answer = ask(alone, "play", "--resume", "--out", "pipe:x")
    assert answer.code == WRONG and "names no output" in answer.err


def test_a_crash_of_the_engine_is_said_in_one_sentence_and_play_goes_on(tmp_path):
    table = Table(tmp_path)
    table.holds()
    first = table.running.engine()
    os.kill(first, signal.SIGKILL)
    table.receiver.wait_sounding(0, 2)
    until(lambda: table.running.status().get("pid") not in (None, first), 8, "a new engine")
    table.running.ready()
    assert table.running.said().count("reachnote stopped by surprise and starts again now.") == 1
    table.board.press(0, False)
    table.taps()
    assert table.close() == WELL


def test_an_engine_that_cannot_start_is_given_up_with_a_sentence(alone, tmp_path):
    planted = "import os, sys\nif 'reachnote.engine' in sys.orig_argv:\n    os.write(2, b'Traceback, planted')\n    os._exit(7)\n"
    (tmp_path / "sitecustomize.py").write_text(planted)
    answer = ask({**alone, "PYTHONPATH": f"{tmp_path}{os.pathsep}{alone['PYTHONPATH']}"}, "play")
    assert answer.code == MEND and answer.out.count("starts again") == 4
    assert re.fullmatch(r"reachnote cannot go on: it stopped 5 times. What happened is written in (.*)\n", answer.err)
    assert (tmp_path / "run" / "trouble.txt").read_text().count("planted") == 5


def test_a_surprise_inside_a_command_is_one_sentence(alone, tmp_path):
    planted = "import sys\nsys.modules['reachnote.checking'] = type(sys)('reachnote.checking')\n"
    (tmp_path / "sitecustomize.py").write_text(planted)
    answer = ask({**alone, "PYTHONPATH": f"{tmp_path}{os.pathsep}{alone['PYTHONPATH']}"}, "check")
    assert answer.code == MEND and answer.err.startswith("reachnote met something it does not know (AttributeError)")
    assert "Traceback" in (tmp_path / "run" / "trouble.txt").read_text()
