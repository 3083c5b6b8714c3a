"""What the project says about itself and to people: a musical instrument, in words that promise nothing else.

The gate reads pages, instrument files and every string of the host and the board. A word that is right in one place is
let through by a line in ALLOWED with its file and its sentence. Some words below are spelled backwards, or in parts, so
that this file itself stays clean.
"""

from __future__ import annotations

import ast
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from reachnote.purpose import PURPOSE

ROOT = Path(__file__).resolve().parents[2]
TOP = {"firmware", "host", "hardware", "protocols", "tests", "tools", ".ci"}
TOP |= {"pyproject.toml", "README.md", "LICENSE", ".gitignore"}

BANNED = re.compile(
    r"\b(diagnos\w*|treat(s|ed|ing|ments?)?|patients?|symptom\w*|monitor(s|ed|ing)?|assess(es|ed|ing|ments?)?"
    r"|rehabilit\w*|deficits?|compensat\w*|alleviat\w*|clinical\w*|outcome scores?|normal range|motor function)\b",
    re.IGNORECASE,
)
ALLOWED: list[tuple[str, str]] = [  # (files, the words around it): why it is no claim is plain from the words
]

HOSTS = [
    "gro.ipyp", "gro.detsohnohtyp", "gro.naibed.bed", "gro.naibed.ytiruces", "gro.sjmpn", "moc.kcigamt",
    "moc.utnubu.evihcra", "oi.setarc",
]  # fmt: skip
MACHINE = re.compile(r"(?<![\w.\-}])/(" + "|".join(["wo" + "rk", "ro" + "ot"]) + r"|home/[a-z]\w*)/\w")
MAKERS = [
    "edualc", "ciporhtna", "ianepo", "tpgtahc", "tolipoc", "tnegabus", "ledom egaugnal", "detareneg-ia",
    "ia na sa",
]  # fmt: skip


def tracked() -> list[Path]:
    """Every file of the project, committed or about to be."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    # A copy without its history: what the project names, less what running it leaves behind.
    found = (path for name in TOP for path in [ROOT / name, *(ROOT / name).rglob("*")])
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a picture or another file without words


def strings(source: str) -> str:
    """Every string of a Python source, docstrings too, one a line."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return "\n".join(" ".join(value.split()) for value in constants if isinstance(value, str))


def spoken(path: Path) -> str:
    """What the gate reads of a file: pages and settings whole, of Python its strings, of the rest nothing."""
    name = path.relative_to(ROOT).as_posix()
    if name.startswith(("tests/", "tools/")) and not name.endswith(".md"):
        return ""
    if path.suffix == ".py":
        return strings(text_of(path))
    whole = {".md", ".toml", ".txt", ".html", ".js", ".css", ".json", ".svg", ".yml", ".yaml", ".csv", ".scad"}
    return text_of(path) if path.suffix in whole else ""


def claims(text: str, name: str = "") -> list[str]:
    """The banned words in a text, each with what stands around it; the intended purpose and ALLOWED are let through."""
    flat = " ".join(re.sub(r"^[\s>*#|]+", " ", text, flags=re.MULTILINE).split())
    for sentence in [PURPOSE, *(words for files, words in ALLOWED if fnmatch(name, files))]:
        flat = re.sub(re.escape(sentence), " ", flat, flags=re.IGNORECASE)
    return [flat[max(0, hit.start() - 40) : hit.end() + 40] for hit in BANNED.finditer(flat)]


def naming(words: list[str]) -> list[str]:
    """The files that hold one of the words (given backwards)."""
    pattern = re.compile("|".join(rf"\b{re.escape(word[::-1])}\b" for word in words), re.IGNORECASE)
    found = ((path, pattern.search(text_of(path))) for path in tracked())
    return [f"{path.relative_to(ROOT)}: {hit[0]}" for path, hit in found if hit]


def test_nothing_claims_more_than_music():
    names = {path: path.relative_to(ROOT).as_posix() for path in tracked()}
    assert [f"{name}: ...{claim}..." for path, name in names.items() for claim in claims(spoken(path), name)] == []


@pytest.mark.parametrize(
    "planted",
    ["It monitors your arm.", "For patients", "an assessment of reach", "compensates weak hands", "**Treatment** plan"],
)
def test_a_planted_claim_is_found(planted):
    assert claims(f"Play a note. {planted}") != []


def test_the_intended_purpose_passes_in_any_layout():
    assert claims("> " + PURPOSE.replace(" controller", "\n> controller")) == []
    assert claims(PURPOSE + " It treats.") != []


def test_a_python_file_is_read_for_its_strings_alone():
    source = 'treat = 1  # patient\nname = f"a deficit of {treat}"\n'
    assert "deficit" in strings(source) and "patient" not in strings(source)


def test_no_file_names_a_package_server():
    assert naming(HOSTS) == []


def test_no_file_names_a_place_on_one_machine():
    found = ((path, MACHINE.search(text_of(path))) for path in tracked())
    assert [f"{path.relative_to(ROOT)}: {hit[0]}" for path, hit in found if hit] == []


def test_no_file_tells_how_it_was_written():
    assert naming(MAKERS) == []


def test_the_top_level_is_what_was_agreed():
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP
