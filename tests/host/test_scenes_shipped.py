"""Every scene that comes with reachnote: its page in words, and a simulated session of every client with it.

A rendered session ends silent, inside its guard, and on keys that its voices can play.
"""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from itertools import product

import pytest

from reachnote import limits, places, programme, rendering
from reachnote.__main__ import main
from reachnote.activities.call_response import CUE_OCTAVE
from reachnote.choice import MOODS, read_choices
from reachnote.commands import Trouble
from reachnote.ensemble import Ensemble
from reachnote.limits import Limits
from reachnote.model import Kind
from reachnote.render_command import clients, library
from reachnote.rendering import Take, rendered
from reachnote.scene import Scene, SceneProblem
from reachnote.smf_bytes import take_to_smf
from reachnote.song import Song, accompanied, chords_of, transposed, way_to
from reachnote.voice_rule import VoiceProblem, read_voice
from support.guarding import Watch
from support.invented import Receiver

SCENES = tuple(programme.carried())
NAMES = library().NAMES


# ---------------------------------------------------------------- what is played


@cache
def fitted(who: str, kind: str, seed: int) -> dict:
    return ORIGINAL(clients(who), kind, seed)


ORIGINAL = rendering.fitted


class Remembered(rendering._Board):
    """A board that moves as it moved before, with the same sensors and the same client: most scenes have the same board."""

    lines: dict[tuple, dict[int, bytes]] = {}
    who = ""

    def __init__(self, link, name, parts, made, seed) -> None:
        super().__init__(link, name, parts, made, seed)
        self._lines = self.lines.setdefault((self.who, link, tuple(parts), seed), {})

    def line(self, ms: int) -> bytes:
        found = self._lines.get(ms)
        if found is None:
            found = self._lines[ms] = super().line(ms)
        return found


def played(name: str, who: str, seconds: float, monkeypatch, preset: Limits = limits.STANDARD) -> Take:
    monkeypatch.setattr(rendering, "_Board", Remembered)
    monkeypatch.setattr(rendering, "fitted", lambda _, kind, seed: fitted(who, kind, seed))
    Remembered.who = who
    return rendered(programme.load(name), clients(who), seconds, 1, preset)


def pitches(scene: Scene, song: Song | None, boards: dict) -> set[tuple[int, int]]:
    """(channel, key) of everything that a scene's voices can play at these boards, in every chord and key that can come."""
    ensemble = Ensemble([(scene, song)], ["file"])
    parts = [(seat, part) for seat, board in enumerate(boards.values()) for part in board]
    for number, (seat, part) in enumerate(parts):
        ensemble.voice(part.board, part.name, part.kind, number, seat)
    harmony = ensemble.harmony
    steps = {0} | {step for rule in scene.voices for step in rule.steps}
    found = set()
    of_song = [chord for _, chord in chords_of(song.chords, way_to(song, scene.tonic))] if song and scene.activity == "play-along" else []
    for shift, n in product(steps, range(max(len(harmony.line), 1 + len(of_song)))):
        harmony.transpose(scene.transpose + shift)
        if n:
            harmony.follow(of_song[n - 1]) if of_song else harmony.step()
        found |= {(voice.channel, key) for voice in ensemble.voices if voice.outputs for keys in voice.notes() for key in keys}
    return found


def beside(scene: Scene, song: Song | None) -> set[int]:
    """Keys that an activity plays besides its voices, on whatever channel: a song's, the cue's, what can be chosen."""
    if scene.activity in ("song", "play-along") and song is not None:
        whole = transposed(accompanied(song, 1), way_to(song, scene.tonic))
        return {note.key for note in whole.notes}
    if scene.activity == "call-and-response":
        return {12 * (CUE_OCTAVE + 1) + scene.tonic}
    if scene.activity == "choices":
        offered = read_choices(scene.options.get("choices", MOODS), song, scene.tonic)
        return {heard.key for choice in offered for heard in choice.tune(scene.tempo, scene.transpose, 1.0, 2, 1)}
    return set()


def check(name: str, take: Take, preset: Limits) -> None:
    receiver, watch = Receiver(), Watch(preset)
    for event in take.events:
        receiver.take(event)
        watch.take(event)
        assert 1 <= event.channel <= 16 and 0 <= event.a <= 127 and 0 <= event.b <= 127
    assert receiver.sounding() == [] and receiver.unpaired() == {}
    assert watch.broken == []
    plan = programme.load(name)
    boards = rendering.boards_of([scene for scene, _ in plan])
    allowed = set.union(*(pitches(scene, song, boards) for scene, song in plan))
    allowed |= {(channel, key) for scene, song in plan for key in beside(scene, song) for channel in range(1, 17)}
    heard = {(event.channel, event.a) for event in take.events if event.kind == Kind.NOTE_ON}
    assert heard - {(channel, preset.place(key)) for channel, key in allowed} == set()
    assert [thing for thing in take.news if thing["news"] == "problem"] == []


@pytest.mark.parametrize("name", SCENES)
def test_a_shipped_scene_ends_silent_inside_its_guard_and_its_pitch_set_for_every_client(name, monkeypatch):
    for who in NAMES:
        take = played(name, who, 20.0, monkeypatch)
        assert take.notes > 0, who
        check(name, take, limits.STANDARD)


@pytest.mark.parametrize(("name", "preset"), [(name, ("very-quiet", "child", "stage")[n % 3]) for n, name in enumerate(SCENES)])
def test_every_preset_bounds_a_shipped_scene(name, preset, monkeypatch):
    check(name, played(name, "spasm", 20.0, monkeypatch, limits.PRESETS[preset]), limits.PRESETS[preset])


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SCENES)
def test_a_shipped_scene_does_so_for_two_minutes(name):
    for who in NAMES:
        check(name, rendered(programme.load(name), clients(who), 120.0, 2), limits.STANDARD)


def test_the_same_seed_gives_the_same_file_and_another_one_another(monkeypatch):
    takes = [rendered(programme.load("storm"), clients("spasm"), 15.0, seed) for seed in (7, 7, 8)]
    files = [take_to_smf(take.events, take.names) for take in takes]
    assert files[0] == files[1] != files[2]


# ---------------------------------------------------------------- the commands


def run(capsys, *words: str) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_scenes_are_listed_with_what_they_are(capsys):
    found = {thing["name"]: thing for thing in json.loads(run(capsys, "scenes", "--json"))}
    assert tuple(found) == SCENES
    assert found["storm"] == {
        "name": "storm",
        "kind": "scene",
        "title": "Storm",
        "says": "Thunder, wind and waves, as wild as you like.",
        "activity": "free-play",
        "song": "",
    }
    assert found["plan-first-session"]["kind"] == "plan" and "first-sounds" in found["plan-first-session"]["scenes"]
    listed = run(capsys, "scenes")
    assert re.search(r"^storm +Thunder, wind and waves, as wild as you like\.$", listed, re.M)
    assert "a plan: " in listed


def test_a_rendered_file_is_the_same_again(tmp_path, capsys):
    said = []
    for name in ("one.mid", "two.mid"):
        words = ("--scene", "rhythm-help", "--client", "weak", "--seconds", "12", "--seed", "3", "--out", str(tmp_path / name))
        said.append(json.loads(run(capsys, "render", *words, "--json")))
    assert (tmp_path / "one.mid").read_bytes() == (tmp_path / "two.mid").read_bytes()
    assert (tmp_path / "one.mid").read_bytes()[:4] == b"MThd"
    assert said[0]["notes"] == said[1]["notes"] > 10 and said[0]["readings"] == 3600


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["render", "--out", "x.mid", "--client", "weka"], "There is no client 'weka'; there are: steady, weak, "),
        (["render", "--out", "x.mid", "--client", "weka"], "Did you mean 'weak'?"),
        (["render", "--out", "x.mid", "--scene", "strom"], "Did you mean 'storm'?"),
        (["render", "--out", "x.wav"], "'x.wav' is no MIDI file's name; write one that ends in .mid."),
        (["render", "--out", "x.mid", "--seconds", "0"], "--seconds 0 is not possible; write 1 to 3600."),
        (["render", "--out", "/nowhere/at/all/x.mid", "--seconds", "2"], "was not written (No such file or directory)."),
        (["scene", "strom"], "Did you mean 'storm'?"),
        (
            ["scene", "plan-first-session"],
            "is a plan of several scenes; name one of them, or begin with it: reachnote play --scene",
        ),
        (["scene", "storm"], "reachnote is not running. Start it: reachnote play"),
        (["pedal", "next-scene"], "reachnote is not running. Start it: reachnote play"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("REACHNOTE_RUNTIME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(words) in (1, 2, 3)
    assert said in capsys.readouterr().err


def test_a_client_that_is_not_there_is_told(monkeypatch):
    with pytest.raises(Trouble, match="There is no client 'nobody'"):
        clients("nobody")


# ---------------------------------------------------------------- the pages in words


PARTS = ("**Plug in**", "**The client**", "**What sounds**", "**The therapist**", "**To change it**")


def page(name: str) -> str:
    return places.scenes().joinpath(f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_has_a_page_in_words(name):
    said = tomllib.loads(programme.carried()[name].read_text("utf-8"))
    text = page(name)
    assert text.startswith(f"# {said['name']}\n\n")
    assert said["says"].endswith((".", "!"))
    assert [text.count(part) for part in PARTS] == [1] * len(PARTS)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (places.scenes() / target).resolve().exists(), target


def test_there_is_no_page_without_a_scene():
    assert sorted(path.stem for path in places.scenes().glob("*.md")) == sorted(SCENES)


def can_be(setting: str) -> bool:
    """True of a line that some place of a scene takes."""
    along = "song = 'hello'\n[activity]\nname = 'play-along'\n{}"
    for place in ("{}", along, "[[voice]]\n{}", "[[voice]]\nsource = 'keys'\n{}", "[[voice]]\nsource = 'drums'\n{}"):
        try:
            programme.read(place.format(setting), "page")
            return True
        except SceneProblem:
            pass
    inner = [f"trigger = {{{{mode = '{mode}', {{}}}}}}" for mode in ("one-shot", "repeat-while-held", "momentary", "dwell")]
    for within in (*inner, "controls = [{{send = 'bend', {}}}]"):
        try:
            read_voice(tomllib.loads(within.format(setting)))
            return True
        except (VoiceProblem, ValueError):
            pass
    return False


@pytest.mark.parametrize("name", SCENES)
def test_what_a_page_says_to_change_can_be_changed(name):
    settings = re.findall(r"`(\w+ = [^`]+)`", page(name))
    assert settings or name.startswith("plan")
    assert [setting for setting in settings if not can_be(setting)] == []


def test_a_setting_that_cannot_be_would_be_found():
    assert not can_be("notes = 0") and not can_be("octve = 3") and can_be("length_s = 4.0") and can_be("widths = [1, 1, 1, 1, 4]")
