"""The short form of the guest: boards on its USB, notes through its ALSA sequencer, once. What is timed and repeated: test_guest_usb.py, test_guest_alsa.py.

Nothing here asks how long it took: the guest is emulated, and beside other work it takes as long as it takes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.guest_play import PATIENCE_S, of, played

SHORT = ("found", "two=1", "echoed", "named", "compared")
CHANNEL = {"A": 2, "B": 5}

pytestmark = [pytest.mark.long, pytest.mark.timeout(PATIENCE_S + 60)]


@pytest.fixture(scope="module")
def figures(tmp_path_factory) -> Iterator[dict]:
    yield played(*SHORT, seconds=PATIENCE_S, folder=str(tmp_path_factory.mktemp("guest")))


def test_serial_auto_finds_the_board_that_was_there_and_the_one_that_comes(figures):
    first, second = of("found", figures)
    for came in (first, second):
        assert came["channel"] == CHANNEL[came["board"]] and came["hello_at"] == came["serial_number_at"], came
    assert (first["hello_at"], second["hello_at"]) == ("/dev/ttyACM0", "/dev/ttyACM1")


def test_both_play_each_on_its_own_channel(figures):
    notes = of("two", figures)[-1]
    assert set(notes) == {"2", "5"} and min(notes.values()) >= 1


def test_what_modem_programs_send_is_counted_and_changes_nothing(figures):
    came = of("echoed", figures)[-1]
    assert came["state"] == "ready" and came["noise"] >= 1 and set(came["during"]) == {"2", "5"}


def test_the_port_has_our_name_and_every_receiver_got_exactly_the_notes(figures):
    assert of("named", figures)["joined"] == ["Pure Data", "aseqdump"]
    told = of("compared", figures)
    dumped = told["aseqdump"]
    assert len(dumped) >= 20
    assert dumped == told["feed"][-len(dumped) :] == told["raw"][-len(dumped) :]
