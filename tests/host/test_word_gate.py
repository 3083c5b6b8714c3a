"""What the project says about itself and to people: a musical instrument, in words that promise nothing else.

The words and where they are looked for are in tools/words.py. Some words below are spelled backwards, or in parts, so that
this file itself stays clean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from reachnote import programme, scenes_command
from reachnote.purpose import PURPOSE
from tools import words
from tools.words import ROOT, TOP, findings, places_of, text_of, tracked

HOSTS = [
    "gro.ipyp", "gro.detsohnohtyp", "gro.naibed.bed", "gro.naibed.ytiruces", "gro.sjmpn", "moc.kcigamt",
    "moc.utnubu.evihcra", "oi.setarc",
]  # fmt: skip
MACHINE = re.compile(r"(?<![\w.\-}])/(" + "|".join(["wo" + "rk", "ro" + "ot"]) + r"|home/[a-z]\w*)/\w")
MAKERS = [
    "edualc", "ciporhtna", "ianepo", "tpgtahc", "tolipoc", "tnegabus", "ledom egaugnal", "detareneg-ia",
    "ia na sa",
]  # fmt: skip


def naming(words: list[str]) -> list[str]:
    """The files that hold one of the words (given backwards)."""
    pattern = re.compile("|".join(rf"\b{re.escape(word[::-1])}\b" for word in words), re.IGNORECASE)
    found = ((path, pattern.search(text_of(path))) for path in tracked())
    return [f"{path.relative_to(ROOT)}: {hit[0]}" for path, hit in found if hit]


def _python(text: str, said: str) -> str:
    return f"{text}\n\ndef planted(count):\n    print(f'{said}: {{count}}')\n"


def _script(text: str, said: str) -> str:
    return f"{text}\nfoot.append(`${{name}}: {said}`);\n"


def _catalogue(text: str, said: str) -> str:
    return json.dumps(json.loads(text) | {"musician.planted": {"one": said}, "today.planted": {"other": said}})


def _settings(text: str, said: str) -> str:
    return re.sub(r'^(says|title|name)( *)= ".*"$', rf'\1\2= "{said}"', text, count=1, flags=re.MULTILINE)


def _page(text: str, said: str) -> str:
    return text.replace("</body>", f'<p title="{said}"></p></body>')


def _prose(text: str, said: str) -> str:
    return f"{text}\n- **{said}**\n"


PLANTS: dict[str, Callable[[str, str], str]] = {
    ".py": _python, ".js": _script, ".json": _catalogue, ".toml": _settings, ".html": _page, ".md": _prose, ".yml": _prose,
    ".csv": _prose,
}  # fmt: skip
COVERED = [  # one file of each place, and who reads it
    ("host/reachnote/desk/page/words/en-GB.json", "therapist"),
    ("host/reachnote/desk/page/words/de.json", "therapist"),
    ("host/reachnote/desk/page/words/reach.en-GB.json", "therapist"),
    ("host/reachnote/desk/page/trouble.js", "therapist"),
    ("host/reachnote/desk/page/screens/play.js", "therapist"),
    ("host/reachnote/desk/page/index.html", "therapist"),
    ("host/reachnote/desk/page/client.html", "therapist"),
    ("host/reachnote/calibration/dialogue.py", "therapist"),
    ("host/reachnote/calibration/words.py", "therapist"),
    ("host/reachnote/calibrate_view.py", "therapist"),
    ("host/reachnote/desk/answers/reach_shown.py", "therapist"),
    ("host/reachnote/sentences.py", "therapist"),
    ("host/reachnote/scenes/storm.toml", "therapist"),
    ("host/reachnote/scenes/storm.md", "therapist"),
    ("host/reachnote/songs/hello.toml", "therapist"),
    ("hardware/squeeze-ball/SAFETY.md", "therapist"),
    ("hardware/common/safety.md", "therapist"),
    ("hardware/squeeze-ball/README.md", "maker"),
    ("hardware/squeeze-ball/instrument.toml", "maker"),
    ("hardware/squeeze-ball/wiring.yml", "maker"),
    ("hardware/squeeze-ball/bom.csv", "maker"),
    ("host/reachnote/command_line.py", "maker"),
    ("host/reachnote/flash_command.py", "maker"),
    ("host/reachnote/scenes_command.py", "maker"),
    ("firmware/reachnote_board/slots.py", "maker"),
    ("firmware/README.md", "maker"),
    ("README.md", "maker"),
    ("protocols/control.md", "programmer"),
]
PLANTED = [  # (what is planted, the word that is named, who must not read it)
    ("Tremor detected", "detected", ("therapist", "maker", "programmer")),
    ("A tremor at rest", "tremor", ("therapist", "maker")),
    ("The patient plays", "patient", ("therapist", "maker", "programmer")),
    ("Die Patientin spielt", "Patientin", ("therapist", "maker", "programmer")),
    ("The device is there", "device", ("therapist", "maker")),
    ("This has failed", "failed", ("therapist", "maker")),
    ("An invalid name", "invalid", ("therapist", "maker")),
    ("Fehler beim Laden", "Fehler", ("therapist", "maker")),
    ("Choose COM3 for it", "COM3", ("therapist",)),
    ("Its port number", "port", ("therapist",)),
    ("The baud rate", "baud", ("therapist",)),
    ("Start the daemon", "daemon", ("therapist",)),
]


def test_nothing_claims_more_than_music_and_nothing_is_jargon():
    assert words.everything() == []


@pytest.mark.parametrize(("said", "word", "readers"), PLANTED)
@pytest.mark.parametrize(("name", "reader"), COVERED)
def test_a_planted_word_is_found_where_its_reader_reads(name: str, reader: str, said: str, word: str, readers: tuple[str, ...]):
    text = text_of(ROOT / name)
    planted = PLANTS["." + name.rpartition(".")[2]](text, said)
    new = [finding for finding in findings(name, planted) if finding not in findings(name, text)]
    assert any(finding.startswith(f"{name}: {word}: ") for finding in new) == (reader in readers)


def test_each_place_has_a_file_in_which_words_are_planted():
    covered = {place.name for name, _ in COVERED for place in places_of(name)}
    assert {place.name for place in words.PLACES} - covered == set()


def test_the_musicians_own_words_may_name_a_port_and_nobody_elses():
    name = "host/reachnote/desk/page/words/en-GB.json"
    assert findings(name, '{"musician.where": "Choose the port", "sent.title": "velocity"}') == []
    assert findings(name, '{"today.where": "Choose the port"}') == [f"{name}: port: ...Choose the port..."]
    assert findings(name, '{"musician.where": "Choose the device"}') == [f"{name}: device: ...Choose the device..."]


def test_what_the_scenes_command_prints_is_clean():
    printed = "\n".join(scenes_command.lines(programme.listing()))
    assert [words.hits(words.CLAIM, printed), words.hits(words.THERAPIST, printed)] == [[], []]
    thing = {"name": "storm", "kind": "scene", "says": "For a patient, by port.", "activity": "free-play", "song": ""}
    planted = "\n".join(scenes_command.lines([thing]))
    assert [hit.split(":")[0] for hit in words.hits(words.CLAIM, planted)] == ["patient"]
    assert [hit.split(":")[0] for hit in words.hits(words.THERAPIST, planted)] == ["port"]


@pytest.mark.parametrize(
    "planted",
    ["It monitors your arm.", "For patients", "an assessment of reach", "compensates weak hands", "**Treatment** plan"],
)
def test_a_planted_claim_is_found_in_any_page(planted: str):
    assert findings("docs/new.md", f"Play a note. {planted}") != []


def test_the_intended_purpose_passes_in_any_layout():
    assert findings("README.md", "> " + PURPOSE.replace(" controller", "\n> controller")) == []
    assert findings("README.md", PURPOSE + " It treats.") == ["README.md: treats: ...It treats...."]


def test_what_is_allowed_is_needed_and_lets_nothing_else_through():
    for files, why, phrases in words.ALLOWED[1:]:
        text = (ROOT / files).read_text(encoding="utf-8")
        assert why and [phrase for phrase in phrases if phrase not in text] == []
    name = "firmware/reachnote_play/parameters.py"
    assert findings(name, 'SAYS = "half height from which tremor matters"') == []
    assert findings(name, 'SAYS = "half height of a tremor"') == [f"{name}: tremor: ...half height of a tremor..."]


def test_a_python_file_is_read_for_its_strings_alone():
    source = '"""What errors are for."""\ntreat = 1  # patient\nname = f"a deficit of {treat}"\nkind = "error"\n'
    assert [finding.split(":")[1] for finding in findings("host/new.py", source)] == [" deficit"]


def test_a_script_is_read_for_claims_whole_and_for_jargon_in_its_sentences_alone():
    name = "host/reachnote/desk/page/new.js"
    assert findings(name, 'link.addEventListener("error", failed);  // a device') == []
    assert findings(name, "// for a patient") == [f"{name}: patient: ...// for a patient..."]
    assert findings(name, "say(`${error} Failed`);") == [f"{name}: Failed: ...… Failed..."]


def test_a_page_is_read_without_its_code():
    name = "host/reachnote/scenes/new.md"
    assert findings(name, "Write `velocity = 70` or\n```\nport = 1\n```\n[here](port.md).") == []
    assert findings(name, "The velocity [of the port](here.md)") != []


def test_no_file_names_a_package_server():
    assert naming(HOSTS) == []


def test_no_file_names_a_place_on_one_machine():
    found = ((path, MACHINE.search(text_of(path))) for path in tracked())
    assert [f"{path.relative_to(ROOT)}: {hit[0]}" for path, hit in found if hit] == []


def test_no_file_tells_how_it_was_written():
    assert naming(MAKERS) == []


def test_the_top_level_is_what_was_agreed():
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP
