"""`reachnote scene` and `reachnote pedal` beside a running session: another scene in under a second, and no hanging note."""

from __future__ import annotations

import subprocess
import time

import pytest

from support.boards import PtyBoard
from support.running import Receiver, Running, until

TWO = """
name = "Two chords"
chords = "C F"
[[voice]]
for = "all"
source = "chord"
octave = 3
trigger = "latch"
program = 12
"""


@pytest.fixture
def table(tmp_path):
    board, receiver = PtyBoard(), Receiver()
    board.stream(250)
    with Running([f"serial:{board.path}"], [receiver.spec]) as run:
        run.ready(1)
        time.sleep(0.3)
        yield board, receiver, run
    board.unplug()
    receiver.close()


def said(run: Running, *words: str) -> tuple[int, str]:
    done = run.command(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text, _ = done.communicate(timeout=20)
    return done.returncode, text


def test_a_scene_is_put_on_while_a_note_sounds_and_steps_by_a_pedal(table, tmp_path):
    board, receiver, run = table
    (tmp_path / "two.toml").write_text(TWO)
    board.press(0)
    until(lambda: len(receiver.notes_on()) == 1, 5.0, "a note")
    assert said(run, "scene", str(tmp_path / "two.toml")) == (0, "Now: Two chords.\n")
    until(lambda: not receiver.sounding, 1.0, "silence")
    board.press(0, False)
    time.sleep(0.3)
    board.press(0)
    until(lambda: len(receiver.notes_on()) == 2, 5.0, "a note of the chord")
    assert receiver.notes_on()[-1].a == 48
    assert said(run, "pedal", "next-chord") == (0, "Done: next-chord.\n")
    assert receiver.sounding
    assert said(run, "pedal", "silence") == (0, "Done: silence.\n")
    until(lambda: not receiver.sounding, 1.0, "silence")
    code, text = said(run, "scene", "strom")
    assert (code, "Did you mean 'storm'?" in text) == (1, True)


def test_an_order_for_a_scene_that_nobody_knows_leaves_the_session_as_it_is(table):
    _, _, run = table
    with run.session() as session:
        session.ask("feed", levels_hz=0)
        began = time.monotonic()
        session.tell({"id": 77, "do": "order", "order": "scene", "name": "strom"})
        heard = next(thing for thing in session.follow() if thing and thing.get("news") == "order" and thing.get("id") == 77)
        assert (heard["ok"], "Carried scenes:" in heard["text"]) == (False, True)
        session.tell({"id": 78, "do": "order", "order": "scene", "name": "storm"})
        heard = next(thing for thing in session.follow() if thing and thing.get("news") == "order" and thing.get("id") == 78)
        assert (heard["ok"], heard["text"]) == (True, "Now: Storm.")
        assert time.monotonic() - began < 2.0
        assert session.ask("status")["status"]["music"]["scene"] in ("Storm", "Five notes")
        until(lambda: session.ask("status")["status"]["music"]["scene"] == "Storm", 3.0, "the state")
