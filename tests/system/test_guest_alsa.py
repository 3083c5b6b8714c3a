"""The ALSA sequencer for real: ports of ours and of others in a guest with Debian's kernel; aseqdump, Pure Data and FluidSynth listen.

The notes come from two boards on the guest's USB. Seconds are the guest's, which is emulated and about ten times slower.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.guest_play import PATIENCE_S, of, played, short
from support.jack import pitch

HERTZ = {72: 523.25, 74: 587.33, 76: 659.26}
LONG = ("found", "replugged=3", "compared", "named", "reopened=5", "killed=5", "sequenced=120", "synthesized=2")

pytestmark = [pytest.mark.long, pytest.mark.timeout(PATIENCE_S + 60)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("alsa")


@pytest.fixture(scope="module")
def long(folder) -> dict:
    return played(*LONG, seconds=700, folder=str(folder))


def test_the_virtual_port_has_our_name_and_each_listener_is_joined_to_it():
    came = short("named")
    assert came["clients"].count("reachnote") == 2  # the virtual port, and what plays Pure Data
    assert came["joined"] == ["Pure Data", "aseqdump"]


def test_every_receiver_got_exactly_the_notes_that_the_session_says_it_sent():
    same(short("compared"), 150)


@pytest.mark.long
@pytest.mark.timeout(800)
def test_every_receiver_got_exactly_the_notes_again(long):
    same(of("compared", long), 30)


def same(told: dict[str, list], at_least: int) -> None:
    """aseqdump and the feed joined when A had begun to play; Pure Data does not tell the velocity of an end."""
    dumped = told["aseqdump"]
    assert len(dumped) >= at_least
    assert dumped == told["feed"][-len(dumped) :] == told["raw"][-len(dumped) :]
    assert told["pure data"] == [
        [what, channel, key, velocity if what == "on" else 0] for what, channel, key, velocity in told["raw"]
    ]
    ends = {(channel, key): 0 for _, channel, key, _ in told["raw"]}
    for what, channel, key, _ in told["raw"]:
        ends[channel, key] += 1 if what == "on" else -1
    assert set(ends.values()) == {0}  # what began has ended


def test_receivers_that_were_closed_get_notes_when_they_are_opened_again():
    reopened(short("reopened"), 1)


@pytest.mark.long
@pytest.mark.timeout(800)
def test_receivers_are_closed_and_opened_again_five_times(long):
    reopened(of("reopened", long), 5)


def reopened(times: list[list[dict]], count: int) -> None:
    assert len(times) == count
    for *_, came in times:
        assert came["pure data"] <= 4.0  # its own start, a look each second, the next note
        assert came["aseqdump"] <= 4.0  # joins by itself
        lost, back = came["said"]
        assert lost.startswith("There is no MIDI port 'Pure Data' now, so nothing sounds there. Start or plug in what it belongs to;")
        assert back == "The output is back."


def test_when_the_outlet_is_killed_a_port_that_we_chose_gets_the_end_and_ours_is_there_again():
    ended(short("killed"), 1, ("raw", "pure data"))


@pytest.mark.long
@pytest.mark.timeout(800)
def test_when_the_outlet_is_killed_five_times_each_note_ends(long):
    ended(of("killed", long), 5, ("raw", "pure data", "aseqdump"))


def test_when_the_outlet_is_killed_who_listens_to_our_port_gets_the_end():
    ended(short("killed"), 1, ("aseqdump",))


@pytest.mark.long
@pytest.mark.timeout(800)
def test_a_sequencer_records_what_a_client_plays(long):
    came = of("sequenced", long)
    recorded, left = came["recorded"], came["left"]
    assert len(recorded) >= 100
    begins = [n for n in range(len(left) - len(recorded) + 1) if left[n : n + len(recorded)] == recorded]
    assert begins, (recorded, left)


def ended(batches: list[list[dict]], count: int, receivers: tuple[str, ...]) -> None:
    """The press goes on for 9 s after the kill: an end within 8 s is the next outlet's. (It takes 1 s in a guest that has the machine.)"""
    times = batches[-1]
    print(times)
    assert len(times) == count
    for came in times:
        assert set(receivers) <= came.keys(), came
        assert came["clients"].count("reachnote") == 2


@pytest.mark.long
@pytest.mark.timeout(800)
def test_a_synthesizer_sounds_our_notes_before_and_after_it_was_started_again(long, folder):
    """Named by its port without the numbers that change with each start; `--name` names our own port."""
    came = of("synthesized", long)
    assert "Drums" in came["clients"]
    assert len(came["keys"]) == 2
    for n, key in enumerate(came["keys"]):
        assert abs(heard(folder / f"{n}.raw") / HERTZ[key] - 1) < 0.01


def heard(path: Path) -> float:
    """The strongest frequency of what a synthesizer made."""
    import numpy

    return pitch(numpy.fromfile(path, numpy.int16)[::2].astype(float), 22050, 200, 1000)
