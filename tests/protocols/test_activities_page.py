"""Every example of protocols/activities.md is read and played, and its tables are the program's own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from reachnote import choice, programme
from reachnote.activities.choices import OPTIONS as CHOICES
from reachnote.ensemble import known
from reachnote.model import Kind, Move
from support.room import Room

PAGE = (Path(__file__).resolve().parents[2] / "protocols" / "activities.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## ([\w-]+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
EXAMPLES = re.findall(r"^```scene\n(.*?)^```$", PAGE, re.M | re.S)
PADS = ("Pads/left", "Pads/right", "Pads/foot", "Pads/head")


def rows(section: str, head: str) -> dict[str, str]:
    """First column without its quotes -> last column of the table whose first heading is `head`."""
    table = section.partition(f"| {head} |")[2].partition("\n\n")[0]
    return {name: last.strip() for name, last in re.findall(r"^\| `([\w-]+)` \|.*\|([^|]*)\|$", table, re.M)}


def test_every_activity_has_a_section_and_every_section_is_one():
    assert set(SECTIONS) == set(known())


@pytest.mark.parametrize("name", SECTIONS)
def test_the_options_of_the_page_are_the_programs_own_with_their_defaults(name):
    told, options = rows(SECTIONS[name], "set"), known()[name].OPTIONS
    assert list(told) == list(options)
    for key, default in options.items():
        if default is not CHOICES["choices"]:
            assert tomllib.loads(f"x = {told[key].strip('`')}")["x"] == default


def test_what_a_choice_can_have_is_on_the_page():
    assert set(rows(SECTIONS["choices"], "of a choice")) == set(choice.KEYS)


def test_every_link_of_the_page_leads_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (Path(__file__).resolve().parents[2] / "protocols" / target).exists(), target


def test_every_activity_has_an_example():
    assert {programme.read(text, "activities.md")[0].activity for text in EXAMPLES} == set(known())


@pytest.mark.parametrize("text", EXAMPLES, ids=[tomllib.loads(text)["name"] for text in EXAMPLES])
def test_the_example_plays_and_ends_silent(text):
    _, song = programme.read(text, "activities.md")
    room = Room(text, song, PADS)
    room.key(0.0, 60, 0.4)
    for n in range(12):
        sensor = n // 2 % 2
        zone = 0 if room.voices[sensor].zones else -1
        room.did(Move.ONSET, 3.0 * n + 3.0, sensor, zone)
        room.did(Move.RELEASE, 3.0 * n + (3.2 if n < 8 else 5.5), sensor)
    begun = [event for event in room.events if event.kind == Kind.NOTE_ON and event.outputs]
    assert len(begun) >= 6
    if room.music.scene.activity == "call-and-response":
        assert any(said.get("answered") for said in room.told("turn"))
    elif room.music.scene.activity == "choices":
        assert room.told("choice")
    room.end(60.0)
    room.nothing_hangs()
