"""What is played: a scene by name or file, or a plan of several, with their songs. Reads files; the music is pure.

    format = 1                   # a plan: TOML as a scene is, with `scenes` instead of voices
    name = "Monday, with k7"
    scenes = ["hello", "five-notes", "frere-jacques", "goodbye"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from reachnote import places
from reachnote.ensemble import Ensemble
from reachnote.scene import Scene, SceneProblem, read_scene
from reachnote.smf import carried as songs
from reachnote.smf import open_song
from reachnote.song import Song
from reachnote.song_text import SongProblem
from reachnote.unknown import listed, nearest, only_known

MOST = 64
Played = tuple[Scene, Song | None]


def carried() -> dict[str, Path]:
    """The scenes and plans that come with reachnote, by name."""
    return {path.stem: path for path in sorted(places.scenes().glob("*.toml"))}


def load(name: str) -> list[Played]:
    """Every scene that `name` (a scene's or plan's, or a file) means, in order. SceneProblem says what is wrong where."""
    text, where = _text(name)
    table = _table(text)
    if not isinstance(table, Mapping) or "scenes" not in table:
        return [_played(text, where, Path(name).parent)]
    only_known(table, ("format", "name", "says", "scenes"), where, "plan", SceneProblem)
    named = table["scenes"]
    if not isinstance(named, list) or not 1 <= len(named) <= MOST or not all(isinstance(one, str) for one in named):
        raise SceneProblem(f"{where}: scenes = {named!r}; write 1 to {MOST} names of scenes.")
    folder = Path(name).parent
    return [_played(*_text(one if one in carried() else str(folder / one)), folder) for one in named]


def read(text: str, where: str) -> Played:
    """A scene's text with the song that it names. SceneProblem otherwise."""
    return _played(text, where, Path())


def order_of(name: str, outputs: Sequence[str] = ()) -> dict:
    """The order that puts this scene on, complete: its text and its song's, as a journal keeps it. SceneProblem otherwise.

    `outputs` are the names of those that there are; a scene that asks for another one is refused. None given: not looked at.
    """
    text, where = _text(name)
    if is_plan(text):
        raise SceneProblem(f"{where} is a plan of several scenes; name one of them, or begin with it: reachnote play --scene {name}")
    scene, _ = _played(text, where, Path(name).parent)
    if outputs and (problem := missing_output(scene, outputs)):
        raise SceneProblem(f"{where}: {problem}")
    order = {"order": "scene", "name": where, "text": text}
    if not scene.song:
        return order
    path = songs().get(scene.song) or Path(name).parent / scene.song
    if path.suffix.lower() != ".toml":
        raise SceneProblem(f"{where}: song = {scene.song!r} is a MIDI file, which is read before a session begins: reachnote play --scene {name}")
    return order | {"song": path.read_text("utf-8")}


def is_plan(text: str) -> bool:
    """True of a plan's text, False of a scene's and of anything else."""
    table = _table(text)
    return isinstance(table, Mapping) and "scenes" in table


def missing_output(scene: Scene, outputs: Sequence[str]) -> str:
    """A sentence about an output that a voice asks for and that there is not; '' when all are there."""
    for rule in scene.voices:
        for name in rule.outputs:
            if name not in outputs:
                return f"outputs names '{name}', but there is only {listed(sorted(outputs))}."
    return ""


def listing() -> list[dict]:
    """The scenes and plans that come with reachnote: name, kind ("scene" or "plan"), title, says, and what belongs to the kind."""
    found = []
    for name, path in carried().items():
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
        said = {"name": name, "kind": "scene", "title": str(table.get("name", name)), "says": str(table.get("says", ""))}
        if is_plan(text):
            found.append({**said, "kind": "plan", "scenes": list(table["scenes"])})
        else:
            scene = read_scene(text, path.name)
            found.append({**said, "activity": scene.activity, "song": scene.song})
    return found


def _played(text: str, where: str, folder: Path) -> Played:
    scene = read_scene(text, where)
    song = load_song(scene.song, folder, where) if scene.song else None
    Ensemble([(scene, song)])  # what its activity cannot use is said before anybody plays
    return scene, song


def load_song(name: str, folder: Path, where: str) -> Song:
    """A song by name, or a .toml or .mid file beside the scene."""
    try:
        return open_song(name if name in songs() else str(folder / name) if Path(name).suffix else name)
    except SongProblem as problem:
        raise SceneProblem(f"{where}: song: {problem}") from None


def _text(name: str) -> tuple[str, str]:
    path = carried().get(name) or Path(name)
    try:
        return path.read_text("utf-8"), path.name if name in carried() else str(path)
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is not text"
        raise SceneProblem(
            f"There is no scene '{name}' ({why}). Carried scenes: {listed(carried())}; or write a file's path.{nearest(name, carried())}"
        ) from None


def _table(text: str) -> object:
    try:
        return tomllib.loads(text[: 64 * 1024])
    except (ValueError, RecursionError):
        return None  # reading it as a scene says what is wrong

