"""Every fenced example of protocols/wire.md, files.md and control.md runs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import reachnote_wire as wire
from reachnote import control, gestures, journal, loudness, orders, programme, replaying, runtime, voice_rule
from reachnote import scene as scene_module
from reachnote.board import Board
from reachnote.engine import levels_page
from reachnote.instrument import read_instrument
from reachnote.journal import Left, Line
from reachnote.ledger import Ledger
from reachnote.lists import ORDERS
from reachnote.model import Kind
from reachnote.pedals import ACTIONS
from reachnote.records import frames
from reachnote.render_command import clients
from reachnote.rendering import rendered
from reachnote.scene import read_scene
from reachnote.session import MUSIC, Session
from reachnote.triggers import MODES
from support.invented import Receiver
from support.running import PATHS, until

ROOT = Path(__file__).resolve().parents[2]
PAGES = {page: (ROOT / "protocols" / f"{page}.md").read_text("utf-8") for page in ("wire", "files", "control")}
RUN_HERE = {"wire": {"wire"}, "files": {"profile", "scene", "plan", "instrument", "journal"}, "control": {"control"}}


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


def test_the_first_scene_is_read_as_it_is_written():
    scene = read_scene(blocks("files", "scene")[0], "files.md")
    assert scene.name == "Five notes" and len(scene.voices) == 2
    assert scene.voices[1].sensor == "Reach beam/hand" and scene.voices[1].program == 12


@pytest.mark.parametrize("text", blocks("files", "scene"), ids=lambda text: tomllib.loads(text)["name"])
def test_every_scene_of_the_page_plays_and_ends_silent(text):
    take = rendered([programme.read(text, "files.md")], clients("steady"), 8.0)
    receiver = Receiver()
    for event in take.events:
        receiver.take(event)
    assert take.notes > 0 and receiver.unpaired() == {}
    assert [thing for thing in take.news if thing["news"] == "problem"] == []


def table_after(head: str, page: str = "files") -> dict[str, str]:
    """The rows of the first table behind `head`, by the names in their first cell."""
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", PAGES[page].partition(head)[2].partition("\n\n\n")[0], re.M)
    found: dict[str, str] = {}
    for names, told in rows:
        for name in re.findall(r"`([^`]+)`", names):
            found.setdefault(name, told)
    return found


def test_every_key_of_a_scene_is_in_its_table_and_in_an_example():
    scenes, voices = set(), set()
    for text in blocks("files", "scene"):
        table = tomllib.loads(text)
        scenes |= set(table)
        voices |= {key for voice in table.get("voice", ()) for key in voice}
    assert scenes == set(scene_module._KEYS) and voices == set(voice_rule._KEYS)
    section = PAGES["files"].partition("## Scene (TOML)")[2].partition("## Plan")[0]
    of_scene, _, of_voice = section.partition("Of a voice:")
    for keys, part in ((scenes, of_scene), (voices, of_voice)):
        told = re.findall(r"^\| (`\w.*?) \|", part, re.M)
        assert {name for cell in told for name in re.findall(r"`(\w+)`", cell)} == keys


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("for", voice_rule.KINDS),
        ("play", voice_rule.PLAYS),
        ("source", voice_rule.SOURCES),
        ("spread", voice_rule.SPREADS),
        ("steers", voice_rule.STEERS),
        ("order", ORDERS),
        ("gesture", tuple(gestures.kinds())),
        ("velocity", (*loudness.SOURCES, *loudness.CURVES)),
    ],
)
def test_the_words_of_a_voice_are_the_programs_own(key, words):
    told = table_after("Of a voice:")[key]
    assert set(words) <= set(re.findall(r"`([a-z/-]+)`", told)), told


def test_the_modes_of_a_trigger_are_on_the_page_that_the_table_names():
    assert "(triggers.md)" in table_after("Of a voice:")["trigger"]
    page = (ROOT / "protocols" / "triggers.md").read_text("utf-8")
    assert all(f"| `{mode}` |" in page for mode in MODES)


def test_what_is_left_out_is_as_the_tables_say():
    plain = read_scene("[[voice]]", "files.md")
    rule, told = plain.voices[0], table_after("Of a voice:")
    for key, value in (("play", rule.play), ("order", rule.order), ("octave", rule.octave), ("source", rule.source), ("grid", rule.grid),
                       ("voices", rule.voices), ("velocity", rule.velocity), ("quantise", rule.quantise), ("spread", rule.spread),
                       ("gesture", rule.gesture), ("trigger", rule.trigger), ("inversion", rule.inversion)):  # fmt: skip
        assert told[key].rpartition("| ")[2].strip("`") == str(value), key
    assert table_after("Of the scene")["tempo"].endswith(f"| {plain.tempo:g}")


@pytest.mark.parametrize("text", blocks("files", "plan"))
def test_the_plan_is_read(text, tmp_path):
    (tmp_path / "monday.toml").write_text(text, "utf-8")
    plan = programme.load(str(tmp_path / "monday.toml"))
    assert [scene.name for scene, _ in plan] == ["Very quiet", "Five notes", "Very quiet"]


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
    scene = read_scene(blocks("files", "scene")[0], "files.md")
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
    assert told[2] == {"id": 7, "do": "order", "order": "scene", "name": "storm"}
    assert told[5] == {"id": 10, "do": "order", "order": "limits", "preset": "child"}
    assert told[6]["parameters"] == {"onset": 2300}


def test_the_orders_and_actions_of_the_page_are_the_programs_own():
    def first_cells(head: str, end: str) -> set[str]:
        part = PAGES["control"].partition(head)[2].partition(end)[0]
        return {name for cell in re.findall(r"^\| (`.*?) \|", part, re.M) for name in re.findall(r"`([a-z-]+)`", cell)}

    assert first_cells("Orders. ", "Orders that") == {*orders.ORDERS, "block"}
    assert first_cells("Orders that steer", "| action |") == set(MUSIC)
    assert first_cells("| action |", "```") == set(ACTIONS)


@pytest.mark.parametrize("request_line", [line for line in requests() if line["do"] == "order"], ids=lambda line: line["order"])
def test_an_order_of_the_page_is_carried_out_by_a_session(request_line):
    session = Session(read_scene("chords = 'C F'\n[[voice]]", "mine.toml"))
    session.order({**request_line, **(programme.order_of("storm") if request_line["order"] == "scene" else {})}, 1.0)
    (said,) = [thing for thing in session.news if thing["news"] == "order"]
    assert said["id"] == request_line["id"]
    assert said["ok"] or "There is no sensor" in said["text"], said


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
