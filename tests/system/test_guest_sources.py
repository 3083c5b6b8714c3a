"""Links that hear others, on devices of a real kernel: switch boxes made with uinput, instruments on the ALSA sequencer.

It runs in a guest with Debian's kernel (tests/guest/sources.py). Seconds are the guest's, which is emulated and about ten times
slower.
"""

from __future__ import annotations

import json

import pytest

from support import guest
from tools.micropython import Unavailable

PATIENCE_S = 300.0  # on a machine that is busy with other things; alone it takes half a minute

pytestmark = [pytest.mark.long, pytest.mark.timeout(PATIENCE_S + 60)]


@pytest.fixture(scope="module")
def came(tmp_path_factory) -> dict:
    modules = ("uinput", "evdev", "snd-seq")
    try:
        done = guest.run("tests/guest/sources.py", out=tmp_path_factory.mktemp("sources"), modules=modules, seconds=PATIENCE_S)
    except Unavailable as why:
        pytest.skip(str(why))
    print(done.said, f"{done.seconds:.1f} s in all", sep="\n")
    assert done.status == 0, done.said
    return json.loads((done.out / "figures.json").read_text())


def of(scenario: str, came: dict) -> dict:
    assert "failed" not in came[scenario], came[scenario].get("failed")
    return came[scenario]


def test_a_switch_box_is_introduced_whole_and_lets_go_when_it_is_pulled_out(came):
    box = of("box", came)
    assert (box["name"], box["sensors"]) == ("Guest Switch Box", ["Enter", "Space", "X"])
    assert (box["edges"], box["held"]) == (20, False)
    assert box["said"][0] == "Guest Switch Box went away. Plug it in again; playing goes on by itself."


def test_a_page_turner_that_is_grabbed_is_heard_by_nobody_else(came):
    turner = of("turner", came)
    assert turner["sensors"] == ["PageDown"]
    assert turner["second"].startswith("Guest Page Turner is held by another program, so its keys would type there too.")


def test_who_may_not_read_input_devices_is_told_the_command(came):
    assert of("forbidden", came)["said"] == (
        "You may not read switch box yet. Type: sudo usermod -a -G input $USER   then log out and in. "
        "It is tried again until it works."
    )


@pytest.mark.parametrize("scenario", ["heard", "second_library"])
def test_an_instrument_on_alsa_is_a_board_that_comes_and_goes(came, scenario):
    heard = of(scenario, came)
    assert (heard["uid"], heard["name"], heard["held"]) == ("midi:soundbeam:beams", "Soundbeam", False)


def test_the_therapists_keyboard_on_alsa_arrives_whole_and_comes_up_when_it_goes(came):
    keyboard = of("keyboard", came)
    assert keyboard["name"] == "therapist: Soundbeam:beams"
    assert keyboard["bodies"] == ["m903c40", "mf8", "mb0407f", "me00141", "mc005", "m803c40", "mb04000"]
