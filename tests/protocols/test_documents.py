"""Every fenced example of protocols/wire.md, files.md and control.md runs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import reachnote_wire as wire
from reachnote import control, journal, replaying, runtime
from reachnote.board import Board
from reachnote.engine import levels_page
from reachnote.instrument import read_instrument
from reachnote.journal import Left, Line
from reachnote.ledger import Ledger
from reachnote.model import Kind
from reachnote.records import frames
from reachnote.scene import read_scene
from reachnote.session import Session
from support.running import PATHS, until

ROOT = Path(__file__).resolve().parents[2]
PAGES = {page: (ROOT / "protocols" / f"{page}.md").read_text("utf-8") for page in ("wire", "files", "control")}
RUN_HERE = {"wire": {"wire"}, "files": {"profile", "scene", "instrument", "journal"}, "control": {"control"}}


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGES[page], re.M | re.S)


def wire_lines() -> list[bytes]:
    return [line.encode("ascii") for block in blocks("wire", "wire") for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_no_example_is_of_a_kind_that_runs_nowhere(page):
    kinds = set(re.findall(r"^```(\w+)$", PAGES[page], re.M))
    assert kinds == RUN_HERE[page]


# ---------------------------------------------------------------- wire.md


@pytest.mark.parametrize("line", wire_lines(), ids=lambda line: line.decode()[:24])
def test_every_line_of_the_wire_is_whole(line):
    splitter = wire.Splitter()
    (body,) = splitter.feed(line + b"\n")
    assert splitter.damaged == splitter.noise == 0
    assert wire.frame(chr(body[0]), body[1:].decode()) == line + b"\n"


def test_the_page_shows_every_letter():
    letters = set(re.findall(r"^\| `([a-z])` \| (?:board|host) to", PAGES["wire"], re.M))
    assert {chr(line[1]) for line in wire_lines()} == letters


def test_the_boards_lines_are_understood_as_the_page_says():
    board = Board(numbers=[0, 1])
    readings = []
    for line in wire_lines():
        if line[1:2] in b"hre":
            readings.append(board.take(line[1:-8], 1.0))
    assert board.hello is not None and board.hello.name == "Two switches" and board.problem is None
    assert board.said == [("ball", "there is no driver 'mprl' on this board")]
    taken = [found for found in readings if found is not None]
    assert [wire.read_switch(found[0].raw)[0] for found in taken] == [False, False, True]
    assert board.counts.lost == 0 and board.counts.refused == 0


def test_the_third_line_says_the_time_of_the_edge():
    times, ages = [], []
    for line in (line for line in wire_lines() if line[1:2] == b"r"):
        _, time_us, values = wire.read_line(line[1:-8])
        times.append(time_us)
        ages.append(wire.read_switch(values[0][1])[2])
    assert times[2] - times[1] == 2500 and ages[2] == 2 * 250


def test_the_page_has_every_status_and_kind():
    table = PAGES["wire"].partition("Status:")[2]
    assert re.findall(r"^\| \d+ \| (\w+) \|", table, re.M) == list(wire.STATUS_WORDS)
    kinds = re.search(r"kind: (`.*`)", PAGES["wire"])
    assert kinds is not None and set(re.findall(r"`(\w+)`", kinds[1])) == set(wire.KINDS)


# ---------------------------------------------------------------- files.md


@pytest.mark.parametrize("text", blocks("files", "scene"))
def test_the_scene_is_read(text):
    scene = read_scene(text, "files.md")
    assert scene.name == "Five notes" and len(scene.voices) == 2
    assert scene.voices[1].sensor == "Reach beam/hand" and scene.voices[1].program == 12


@pytest.mark.parametrize("text", blocks("files", "instrument"))
def test_the_instrument_is_read(text):
    folder = ROOT / "firmware" / "reachnote_board" / "sensors"
    wiring = read_instrument(text, "files.md", {path.stem: path.read_text("utf-8") for path in folder.glob("*.py")})
    assert wiring["name"] == "Ball and button" and [s["driver"] for s in wiring["sensors"]] == ["mprls", "switch"]


@pytest.mark.parametrize("text", blocks("files", "journal"))
def test_the_journal_is_read_written_again_and_replayed(text):
    lines = text.splitlines()
    facts, entries = journal.read(lines, "files.md")
    found = list(entries)
    assert facts["scene"] == "five-notes" and len(found) == len(lines) - 1
    assert [journal.write(entry).rstrip("\n") for entry in found] == lines[1:]
    (left,) = (entry.event for entry in found if isinstance(entry, Left))
    assert left.kind == Kind.NOTE_ON and left.channel == 2
    (line,) = (entry.line for entry in found if isinstance(entry, Line))
    assert wire.Splitter().feed(line + b"\n")
    scene = read_scene(blocks("files", "scene")[0].replace('outputs = ["synth"]', ""), "files.md")
    assert list(replaying.events(iter(found), Session(scene), Ledger())) == []  # a line before its hello plays nothing


def test_every_array_of_the_journal_is_in_its_table():
    told = set(re.findall(r'^\| `\["(\w)"', PAGES["files"], re.M))
    shown = {json.loads(line)[0] for block in blocks("files", "journal") for line in block.splitlines()[1:]}
    assert told == shown


# ---------------------------------------------------------------- control.md


class ControlProcess:
    """A control process as the engine starts one; the test stands in for the engine."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "control"
        down_read, self.down = os.pipe()
        self.up, up_write = os.pipe()
        env = {**os.environ, "PYTHONPATH": PATHS, "REACHNOTE_RUNTIME": str(folder)}
        argv = [sys.executable, "-m", "reachnote.control", str(down_read), str(up_write), str(self.path)]
        self._process = subprocess.Popen(argv, pass_fds=(down_read, up_write), env=env)
        os.close(down_read)
        os.close(up_write)
        until(self.path.exists, 10, "the control socket")

    def connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        sock.connect(str(self.path))
        return sock

    def tell(self, kind: int, data: bytes) -> None:
        os.write(self.down, frames.watch(kind, data))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.down)
        self._process.wait(5)
        os.close(self.up)


@pytest.fixture
def running(tmp_path, monkeypatch) -> Iterator[ControlProcess]:
    monkeypatch.setenv("REACHNOTE_RUNTIME", str(tmp_path))
    assert len(levels_page()) and runtime.levels_path().exists()
    process = ControlProcess(tmp_path)
    yield process
    process.close()


def requests() -> list[dict]:
    return [json.loads(line[2:]) for block in blocks("control", "control") for line in block.splitlines() if line[0] == ">"]


def replies() -> list[dict]:
    return [json.loads(line[2:]) for block in blocks("control", "control") for line in block.splitlines() if line[0] == "<"]


def test_requests_of_the_page_get_their_replies(running):
    with running.connect() as sock:
        lines = sock.makefile("rw")
        for request in requests():
            lines.write(json.dumps(request) + "\n")
        lines.flush()
        heard = {}
        while len(heard) < len(requests()):
            said = json.loads(lines.readline())
            if "id" in said:
                heard[said["id"]] = said
    for reply in replies():
        assert heard[reply["id"]] == reply
    written = {reply["id"] for reply in replies()}
    assert all(heard[request["id"]]["ok"] for request in requests() if request["id"] not in written)
    told = [json.loads(line) for line in os.read(running.up, 4096).splitlines()]
    assert told[:2] == [{"do": "silence"}, {"id": 5, "do": "order", "order": "easier"}]
    assert told[2]["parameters"] == {"onset": 2300}


def test_the_table_of_requests_is_the_programs_own():
    table = PAGES["control"].partition("| do |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == list(control.COMMANDS)


def test_feed_lines_have_the_fields_of_the_page(running):
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGES["control"].partition("| feed |")[2], re.M))
    with running.connect() as sock:
        lines = sock.makefile("rw")
        lines.write(json.dumps({"id": 1, "do": "feed", "levels_hz": 60}) + "\n")
        lines.flush()
        assert json.loads(lines.readline())["ok"]
        told = {"ons": 1, "offs": 1, "refused": 0, "dropped": 0, "latencies_ms": [0.2]}
        running.tell(frames.WORDS, json.dumps({"news": {"news": "figures", **told}}).encode())
        running.tell(frames.WORDS, json.dumps({"news": {"news": "ready", "text": "Pads is ready."}}).encode())
        seen: dict[str, dict] = {}
        while not {"levels", "figures", "news"} <= set(seen):
            said = json.loads(lines.readline())
            seen[said["feed"]] = said
    for feed, thing in seen.items():
        assert feed in rows
        for field in thing:
            assert field == "feed" or f"`{field}`" in rows[feed], (feed, field)


def test_the_page_names_news_that_exist():
    row = re.search(r"`news` \((.*?)\)", PAGES["control"].partition("| feed |")[2])
    assert row is not None
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "host" / "reachnote").rglob("*.py"))
    for word in row[1].split(", "):
        assert f'"{word}"' in sources, word
