"""Another client in a running session, and what is kept for one for good: limits, transposition, the scene."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from reachnote import profiles
from reachnote.limits import VERY_QUIET
from reachnote.profile import with_setting
from support.boards import PtyBoard
from support.running import Receiver, Running, until

DATE = "2031-03-04T10:15:00+01:00"


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("REACHNOTE_CLIENTS", str(tmp_path / "clients"))
    for code, music in (("k7", {"transpose": 5, "limits": {"preset": "very-quiet"}}), ("m2", {"scene": "two-notes-conversation"})):
        profile = profiles.begin(code, "board b1", DATE)
        profiles.save(with_setting(profile, "music", music, DATE))
    return tmp_path


def pressed(board: PtyBoard, receiver: Receiver) -> int:
    """Press the first switch; the key of the note."""
    count = len(receiver.notes_on())
    time.sleep(0.2)
    board.press(0)
    until(lambda: len(receiver.notes_on()) > count, 5.0, "a note")
    board.press(0, False)
    until(lambda: not receiver.sounding, 5.0, "its end")
    return receiver.notes_on()[-1].a


def test_another_client_plays_with_their_own_music_and_the_former_one_is_put_away(kept):
    receiver, board = Receiver(), PtyBoard()
    board.stream(250)
    (kept / "one.toml").write_text("[[voice]]\nnotes = 1\noctave = 4\nvelocity = 100")
    try:
        with Running([f"serial:{board.path}"], [receiver.spec], "--scene", str(kept / "one.toml")) as run:
            run.ready(1)
            assert pressed(board, receiver) == 60
            run.ask("client", code="K7")
            until(lambda: run.status()["client"] == "k7", 3.0, "the client")
            assert pressed(board, receiver) == 65
            time.sleep(0.5)
            assert pressed(board, receiver) == 65
            assert max(m.b for m in receiver.notes_on()[1:]) <= VERY_QUIET.loudest
            run.ask("client", code="<script>")
            until(lambda: "is not a code for a client" in str(run.news()[-1]), 3.0, "a sentence")
            assert run.status()["client"] == "k7"
            run.ask("client", code="")
            until(lambda: run.status()["client"] == "", 3.0, "nobody")
            assert pressed(board, receiver) == 60
    finally:
        board.unplug()
        receiver.close()


def said(*words: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", "reachnote", *words], capture_output=True, text=True, env=dict(os.environ))
    return done.returncode, done.stdout + done.stderr


def test_limits_and_transposition_are_kept_for_a_client_without_a_session(kept, monkeypatch):
    monkeypatch.setenv("REACHNOTE_RUNTIME", str(kept / "run"))
    assert said("limits", "child", "--client", "m2") == (0, "m2: The loudness guard is child: no note is louder than 75.\n")
    assert said("transpose", "-3", "--client", "m2") == (0, "m2: everything is transposed by -3.\n")
    assert said("scene", "storm", "--client", "m2") == (0, "m2 plays storm from the next session on.\n")
    assert profiles.load("m2", "board b1").settings.music == {"scene": "storm", "limits": {"preset": "child"}, "transpose": -3}
    code, text = said("limits", "stage", "--client", "m2")
    assert code == 2 and "never kept in a profile" in " ".join(text.split())
    code, text = said("limits", "child", "--client", "nobody")
    assert (code, text) == (1, "nobody has no profile yet. Calibrate first: reachnote calibrate --client nobody\n")


def test_the_limits_of_a_running_session_are_set_by_a_command(kept):
    receiver, board = Receiver(), PtyBoard()
    board.stream(250)
    try:
        with Running([f"serial:{board.path}"], [receiver.spec]) as run:
            run.ready(1)
            done = run.command("limits", "child", stdout=subprocess.PIPE, text=True)
            assert done.communicate(timeout=20)[0] == "The loudness guard is child: no note is louder than 75.\n"
            until(lambda: run.reply()["figures"].get("guard", {}).get("limits") == "child", 3.0, "the outlet's word")
    finally:
        board.unplug()
        receiver.close()


def test_a_clients_own_scene_plays_where_no_other_is_named(kept):
    receiver, board = Receiver(), PtyBoard()
    board.stream(250)
    try:
        with Running([f"serial:{board.path}"], [receiver.spec], "--client", "m2") as run:
            run.ready(1)
            assert run.status()["scene"] == "two-notes-conversation"
    finally:
        board.unplug()
        receiver.close()
