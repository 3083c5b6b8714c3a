"""The words that people read, looked through: a musical instrument, in words that promise nothing else and need no glossary.

    python3 tools/words.py        each word that may not stand where it stands, one a line; exit 1 when there is one

Every text of the project is read for CLAIMS, the protocols for no more. PLACES are read as people meet them, for CONDITIONS and
JARGON, and where a therapist reads, for DESK too. A word that is right in one place is let through by a line of ALLOWED, with its reason.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "host")]

from reachnote.purpose import PURPOSE  # noqa: E402

TOP = {"firmware", "host", "hardware", "protocols", "tests", "tools", ".ci"}
TOP |= {"pyproject.toml", "README.md", "LICENSE", ".gitignore"}

CLAIMS = r"""diagnos\w* treat(s|ed|ing|ments?)? patient(s|en|in|innen)? symptom\w* monitor(s|ed|ing)? assess(es|ed|ing|ments?)?
    rehabilit\w* deficits? compensat\w* alleviat\w* clinical\w* outcome\sscores? normal\srange motor\sfunction detect(s|ed|ing|ions?)?
    therapy therapies therapeutic\w* diseases?
    behandl\w* überwach\w* kompensi\w* klinisch\w* therapie\w* krank\w* normalbereich"""  # fmt: skip
"""What would make a medical product of an instrument, in both languages."""
CONDITIONS = r"""tremors? spasms? spastic\w* clonus impair(ed|ments?)? zittern krampf krämpfe spastik\w*"""
"""What a body has: a setting may be called so in the protocols, nobody is told so."""
JARGON = r"""errors? fail(s|ed|ing|ures?)? invalid devices? exceptions? tracebacks? fatal abort(s|ed|ing)? illegal (?<!\$)users?
    fehler\w* fehlgeschlagen gescheitert ungültig\w* geräte?s? (be)?nutzer\w*"""
"""What nobody is told, neither maker nor therapist."""
DESK = r"""(?-i:COM\d*) ports? baud\w* daemons? measur(e|es|ed|ing|ements?) servers? firmware drivers? latency threshold\w* parameters?
    config\w* kernel localhost packets? timeouts? sysex (?-i:API|JSON|URL|TCP|UDP|CPU|OSC|CRC|HTTP) velocity
    mess(en|ung|ungen) gemessen schwellwert\w* treiber latenz"""
"""What a maker may read and a therapist need not know."""

HIDDEN = "another program's words or the computer's, looked for and never shown"
ALLOWED: list[tuple[str, str, list[str]]] = [  # (files, why, the words around it; one word: the whole string)
    ("*", "the intended purpose", [PURPOSE]),
    ("README.md", "it denies the claim", ["using it is not by itself music therapy"]),
    ("README.md", "a simulated client's name, for who tries the decider", ["--client spasm"]),
    ("host/reachnote/calibrate_command.py", "help for who writes programs", ["the result as one JSON object"]),
    ("host/reachnote/command_line.py", HIDDEN, ["invalid choice: (.+?)"]),
    ("host/reachnote/servicing.py", HIDDEN, ["Failed to connect"]),
    ("host/reachnote/flashing/steps.py", "looked for in what a board's Python says; a maker needs that line as it is", ["Error"]),
    (
        "host/reachnote/flashing/espressif.py",
        HIDDEN,
        [
            "Failed to connect|No serial data", "Invalid head of packet", "serial exception", "detected flash size|",
            "^(ERROR: )?(A fatal error occurred: )?",
        ],
    ),
    (
        "firmware/reachnote_play/parameters.py",
        "what settings mean to who writes programs: protocols/files.md alone shows it",
        [
            "a rise faster than this may be a spasm; 0:", "what a rise that may be a spasm has to outlast",
            "longest half wave that can be tremor:", "half height from which tremor matters",
            "half height from which it is playing, not tremor", "half height of the tremor found at calibration",
        ],
    ),
]  # fmt: skip


def _any(*lists: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)({'|'.join(word for words in lists for word in words.split())})(?!\w)", re.IGNORECASE)


CLAIM, MAKER, THERAPIST = _any(CLAIMS), _any(CONDITIONS, JARGON), _any(CONDITIONS, JARGON, DESK)


def sentences(values: Iterable[str]) -> str:
    """Of the strings of a source what is for people, one a line: a lower-case word by itself is a name in the program."""
    flat = (" ".join(value.split()) for value in values if " " in value or value[:1].isupper())
    return "\n".join(filter(None, flat))


def strings(source: str, docstrings: bool = True) -> list[str]:
    """Every string of a Python source."""
    tree = ast.parse(source)
    loose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)} if not docstrings else set()
    found = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in loose)
    return [value for value in found if isinstance(value, str)]


def leaves(value: Any) -> Iterator[str]:
    """Every string in what a JSON or TOML file holds, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)


_JS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"((?:\\.|[^"\\\n])*)"|'((?:\\.|[^'\\\n])*)'|`((?:\\.|\$\{(?:[^{}`]|`[^`]*`|\{[^{}]*\})*\}|[^`\\])*)`""",
    re.DOTALL,
)


def literals(source: str) -> list[str]:
    """Every string of a script, templates without what is put into them."""
    found = (hit[hit.lastindex] for hit in _JS.finditer(source) if hit.lastindex)
    return [re.sub(r"\$\{[^}]*\}", "…", text) for text in found]


def _python(text: str) -> str:
    return sentences(strings(text, docstrings=False))


def _script(text: str) -> str:
    return sentences(literals(text))


_MUSICIANS = ("musician.", "sent.")  # keys of what only who sets up a music program opens


def _catalogue(text: str) -> str:
    return "\n".join(leaves({key: said for key, said in json.loads(text).items() if not key.startswith(_MUSICIANS)}))


def _catalogue_of_musicians(text: str) -> str:
    return "\n".join(leaves({key: said for key, said in json.loads(text).items() if key.startswith(_MUSICIANS)}))


def _settings(text: str) -> str:
    return sentences(leaves(tomllib.loads(text)))


def _markup(text: str) -> str:
    shown = re.findall(r'(?:title|alt|placeholder|aria-\w+)="([^"]*)"', text)
    return "\n".join([re.sub(r"<!--.*?-->|<[^>]*>", " ", text, flags=re.DOTALL), *shown])


def _prose(text: str) -> str:
    """A page without its code and the places its links lead to."""
    return re.sub(r"^```.*?^```|`[^`\n]*`|\]\([^)]*\)", " ", text, flags=re.DOTALL | re.MULTILINE)


class Place(NamedTuple):
    """Where people read. `read` makes of a file what they meet; `banned` is what may not be there besides the claims."""

    name: str
    files: list[str]
    read: Callable[[str], str]
    banned: re.Pattern[str]


_REACHNOTE = "host/reachnote/"
_CATALOGUES = [_REACHNOTE + "desk/page/words/*.json"]
PLACES = [
    Place("the page's words", _CATALOGUES, _catalogue, THERAPIST),
    Place("the musician's words", _CATALOGUES, _catalogue_of_musicians, MAKER),
    Place("the page's code", [_REACHNOTE + "desk/page/*.js"], _script, THERAPIST),
    Place("the page", [_REACHNOTE + "desk/page/*.html"], _markup, THERAPIST),
    Place("calibration", [_REACHNOTE + "calibrat*.py"], _python, THERAPIST),
    Place("the desk's answers", [_REACHNOTE + "desk/answers/*.py"], _python, THERAPIST),
    Place("boards' states", [_REACHNOTE + "sentences.py"], _python, THERAPIST),
    Place("scenes", [_REACHNOTE + "scenes/*.toml"], _settings, THERAPIST),
    Place("scenes in words", [_REACHNOTE + "scenes/*.md"], _prose, THERAPIST),
    Place("songs", [_REACHNOTE + "songs/*.toml"], _settings, THERAPIST),
    Place("safety", ["hardware/*SAFETY.md", "hardware/common/safety.md"], _prose, THERAPIST),
    Place("assembly", ["hardware/*.md", "firmware/*.md"], _prose, MAKER),
    Place("instruments", ["hardware/*.toml"], _settings, MAKER),
    Place("drawings and bills", ["hardware/*.yml", "hardware/*.csv"], str, MAKER),
    Place("the terminal", ["host/*.py"], _python, MAKER),
    Place("the board", ["firmware/*.py"], _python, MAKER),
    Place("README", ["README.md"], _prose, MAKER),
]


def places_of(name: str) -> list[Place]:
    """Where people meet the file `name`."""
    return [place for place in PLACES if any(fnmatch(name, files) for files in place.files)]


def spoken(name: str, text: str) -> str:
    """What is read of any file: pages and settings whole, of Python its strings, of the rest nothing."""
    suffix = Path(name).suffix
    if name.startswith(("tests/", "tools/")) and suffix != ".md":
        return ""
    if suffix == ".py":
        return "\n".join(" ".join(value.split()) for value in strings(text))
    whole = {".md", ".toml", ".txt", ".html", ".js", ".css", ".json", ".svg", ".yml", ".yaml", ".csv", ".scad"}
    return text if suffix in whole else ""


def hits(banned: re.Pattern[str], text: str, name: str = "") -> list[str]:
    """Each banned word in a text, with what stands around it, less what ALLOWED lets through in the file `name`."""
    allowed = [phrase for files, _, phrases in ALLOWED if fnmatch(name, files) for phrase in phrases]
    lines = (line for line in text.splitlines() if line not in allowed)
    flat = " ".join(re.sub(r"^[\s>*#|]+", " ", "\n".join(lines), flags=re.MULTILINE).split())
    for phrase in allowed:
        if " " in phrase:
            flat = re.sub(re.escape(phrase), "", flat, flags=re.IGNORECASE).strip()
    return [f"{hit[0]}: ...{flat[max(0, hit.start() - 40) : hit.end() + 40]}..." for hit in banned.finditer(flat)]


def findings(name: str, text: str) -> list[str]:
    """What may not stand in the file `name` with this text: file, word and what stands around it."""
    found = hits(CLAIM, spoken(name, text), name)
    for place in places_of(name):
        found += hits(place.banned, place.read(text), name)
    return [f"{name}: {hit}" for hit in dict.fromkeys(found)]


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


def everything() -> list[str]:
    """The findings in every file of the project."""
    return [finding for path in tracked() for finding in findings(path.relative_to(ROOT).as_posix(), text_of(path))]


if __name__ == "__main__":
    found = everything()
    print("\n".join(found) or "Nothing found.")
    sys.exit(bool(found))
