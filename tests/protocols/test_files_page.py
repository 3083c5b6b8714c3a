"""What protocols/files.md says about profiles is what the program does."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from reachnote import profile_text, profiles
from reachnote.profile import LEAST_FACTOR, MODES, MOST_FACTOR, current, restore, undo
from reachnote.profile_text import read_profile, write_profile
from reachnote_play.parameters import IMPACT_TABLE, SWITCH_TABLE, TABLE

ROOT = Path(__file__).resolve().parents[2]
WHOLE = (ROOT / "protocols" / "files.md").read_text("utf-8")
PAGE = WHOLE.partition("## Profile (JSON)")[2]
(EXAMPLE,) = re.findall(r"^```profile\n(.*?)^```$", PAGE, re.M | re.S)


def rows(head: str) -> dict[str, str]:
    """The fields of the table behind `head`, each with the rest of its row."""
    table = PAGE.partition(head)[2].strip().partition("\n\n")[0]
    found: dict[str, str] = {}
    for names, told in re.findall(r"^\| (`.*?) \| (.*) \|$", table, re.M):
        found.update(dict.fromkeys(re.findall(r"`([^`]+)`", names), told))
    return found


@pytest.fixture
def store(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("REACHNOTE_CLIENTS", str(tmp_path / "clients"))
    monkeypatch.setenv("REACHNOTE_STATE", str(tmp_path / "state"))
    place = tmp_path / "clients" / "k7"
    place.mkdir(parents=True)
    (place / "squeeze-ball.json").write_text(EXAMPLE)
    return tmp_path


def test_the_profile_is_read_and_written_again_to_the_letter():
    profile = read_profile(EXAMPLE, "files.md")
    assert write_profile(profile) == EXAMPLE
    assert (profile.client, profile.instrument, profile.settings.factor) == ("k7", "Squeeze ball", 0.8)
    assert profile.unknown == {"sitting": {"table": "low"}}


def test_the_restored_calibration_of_the_profile_plays_and_can_be_undone():
    profile = read_profile(EXAMPLE, "files.md")
    assert current(profile, "ball").span == 41250.5
    assert current(undo(profile, "ball", "2031-03-19"), "ball").span == 30110.0
    assert current(restore(profile, "ball", "2031-03-18", "2031-03-19"), "ball").span == 30110.0


def test_every_field_of_the_profile_is_in_the_tables_and_the_reverse():
    table = json.loads(EXAMPLE)
    assert set(rows("Of the profile:")) - {"calibration"} == set(table) - {"sitting"} == set(profile_text._PROFILE)
    assert set(rows("Of the settings:")) == set(table["settings"]) == set(profile_text._SETTINGS)
    assert set(rows("Of an entry of the history:")) == set(table["history"][0]) == set(profile_text._CALIBRATION)
    assert set(table["history"][2]) == set(profile_text._CHANGE)


def test_the_words_and_bounds_of_the_tables_are_the_programs_own():
    told = rows("Of an entry of the history:")
    assert tuple(re.findall(r"`([^`]+)`", told["mode"])) == MODES
    assert tuple(re.findall(r"`(\w+)`", told["did"])) == (*profile_text._DID, "number")
    assert f"{LEAST_FACTOR} to {MOST_FACTOR}" in rows("Of the settings:")["factor"]
    assert f"{profile_text.LARGEST // 2**20} MiB and {profile_text.DEEPEST} brackets deep" in PAGE


def test_the_file_stands_where_the_page_says(store):
    assert profiles.path_of("k7", "Squeeze ball") == store / "clients" / "k7" / "squeeze-ball.json"
    profile = profiles.load("K7", "squeeze BALL")
    assert profile == read_profile(EXAMPLE, "files.md")
    assert profiles.save(replace(profile, edited="2031-03-20")).saves == 5


def test_the_export_holds_what_the_page_says(store):
    (store / "session.jsonl").write_text("{}\n")
    profiles.export("k7", store / "k7.zip", [store / "session.jsonl"])
    with zipfile.ZipFile(store / "k7.zip") as packed:
        folders = {name.rpartition("/")[0].replace("k7", "CODE") + "/" for name in packed.namelist()}
        assert folders == set(rows("writes one zip. The same files give the same bytes."))
        assert packed.read("k7/profiles/squeeze-ball.json").decode() == EXAMPLE


@pytest.mark.parametrize(
    ("head", "table"), [("Continuous sensors (", TABLE), ("Pads:", IMPACT_TABLE), ("Switches:", SWITCH_TABLE)], ids=["all", "pads", "switches"]
)
def test_every_parameter_is_on_the_page_with_unit_and_bounds(head, table):
    section = WHOLE.partition("## Parameters")[2].partition(head)[2].partition("| --- | --- | --- | --- | --- | --- |\n")[2]
    found = re.findall(r"^\| `(\w+)` \| (\S+) \| (-?\d+) \| (-?\d+) \| (-?\d+) \| (.+) \|$", section.partition("\n\n")[0], re.M)
    assert [(n, u, int(d), int(low), int(high), told) for n, u, low, high, d, told in found] == [tuple(row) for row in table]
