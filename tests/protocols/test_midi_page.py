"""protocols/midi.md: its messages are those that leave, its table is the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reachnote import controls, mpe, music, tempo, therapist, voice_rule, voices
from reachnote.controls import Control, Pace
from reachnote.ensemble import Ensemble
from reachnote.ledger import Ledger
from reachnote.limits import STAGE
from reachnote.model import Event, Kind, note_off, note_on, order
from reachnote.outputs.midi import to_bytes
from reachnote.scene import read_scene

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "protocols" / "midi.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^```midi ([^\n]+)\n(.*?)^```$", PAGE, re.M | re.S))


def spelled(messages: list[bytes]) -> list[str]:
    return [" ".join(f"{byte:02X}" for byte in message) for message in messages]


def of_events(events: list[Event]) -> list[str]:
    return spelled([to_bytes(event) for event in events])


def begun(voice: str) -> list[Event]:
    """What the first voice of a scene sends before its first note."""
    ensemble = Ensemble([(read_scene(f"[[voice]]\n{voice}", "midi.md"), None)], ["one"])
    return ensemble.voice("Board", "switch", "switch", 0, 0).begin(0.0)


def played() -> Ledger:
    """A C4 sounds on channel 2."""
    ledger = Ledger()
    ledger.take(note_on(2, 60, 70, 0, 1.0))
    return ledger


def silenced(ledger: Ledger, times: int) -> list[Event]:
    return ledger.take(order(Kind.SILENCE, 2.0, b=times))


def again() -> list[Event]:
    ledger = played()
    first = silenced(ledger, 1)
    return silenced(ledger, 2)[len(first) - 1 :]  # there is no note to end any more


def in_the_middle() -> list[Event]:
    control = Control("cc14", Pace(), 2, number=1)
    control.begin(0.0)
    return control.set(8192, 1.0)


def clocked() -> list[bytes]:
    out = tempo.ClockOut(tempo.Tempo(150.0, start=1.0), 0.999)
    return [message for _, message in [*out.start(0.999), *out.tick(1.0 + 5.5 * 60 / 150 / 24)]]


SHOWN = {
    "program 12 of bank 129 on channel 3": lambda: of_events(begun("channel = 3\nprogram = 12\nbank = 129")),
    "a bend of 12 semitones begins on channel 2": lambda: of_events(begun("controls = [{send = 'bend', semitones = 12}]")),
    "a 14-bit control 1 goes to 8192 on channel 2": lambda: of_events(in_the_middle()),
    "silence on channel 2": lambda: of_events(silenced(played(), 1)),
    "silence asked for twice, after the above": lambda: of_events(again()),
    "a lower zone of 2 members begins": lambda: of_events(mpe.Zone("lower", 2).begin(0.0)),
    "clock starts, one sixteenth at 150 beats a minute": lambda: spelled(clocked()),
    "song position 17 sixteenths": lambda: spelled([tempo.position_message(17)]),
}


def test_every_block_of_the_page_runs_here():
    assert set(BLOCKS) == set(SHOWN)
    assert len(re.findall(r"^```\w", PAGE, re.M)) == len(SHOWN)


@pytest.mark.parametrize("name", BLOCKS)
def test_the_messages_of_the_page_are_those_that_leave(name):
    assert SHOWN[name]() == BLOCKS[name].splitlines()


def rows(head: str) -> dict[str, list[str]]:
    table = PAGE.partition(head)[2].strip().partition("\n\n")[0]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {cells[0]: cells[1:] for cells in found}


def test_the_channels_are_the_programs_own():
    assert tuple(rows("## Channels\n")) == ("1", "2-9, 11-16", "10")
    assert (*range(2, 10), *range(11, 17)) == voices.CHANNELS and music.DRUM_CHANNEL == 10
    assert len(voices.CHANNELS) == 14 and "beyond 14 sensors" in PAGE


def test_the_chart_has_the_rows_of_the_standards_chart():
    chart = rows("runs as a test.\n")
    for function in ("basic channel", "mode", "note number", "velocity, Note On", "key pressure", "channel pressure", "pitch bend", "control change",
                     "program change", "system exclusive", "all notes off (123)", "local on/off"):  # fmt: skip
        assert function in chart, function
    assert all(len(cells) == 3 for cells in chart.values())


def test_the_numbers_of_the_page_are_the_programs_own():
    assert to_bytes(note_off(2, 60, 0, 1.0))[2] == 64
    assert controls.MESSAGES == 200 and "at most 200 messages a second" in PAGE
    assert (mpe.BEND_RANGE, mpe.TIMBRE) == (48, 74)
    assert tempo.TICKS == 24
    assert (tempo.ClockIn.QUIET_S, tempo.ClockIn.QUIET_TICKS) == (0.5, 4)


@pytest.mark.parametrize(
    ("send", "number", "by_itself"),
    [("bend", 0, 8192), ("pressure", 0, 0), ("cc", 7, 100), ("cc", 8, 64), ("cc", 10, 64), ("cc", 11, 127), ("cc", 70, 64), ("cc", 79, 64),
     ("cc", 1, 0), ("cc", 91, 0), ("cc14", 7, 12800), ("cc14", 1, 0), ("cc14", 11, 16383)],
)  # fmt: skip
def test_a_control_goes_where_a_synth_has_it_by_itself(send, number, by_itself):
    control = Control(send, Pace(), 2, number=number)
    control.begin(0.0)
    control.level(0.3, 1.0)
    left = control.leave(2.0)
    value = left[0].a if send == "pressure" else left[0].a + 128 * left[0].b if send == "bend" else left[0].b
    if send == "cc14":
        value = 128 * left[0].b + left[1].b
    assert value == by_itself


def test_what_is_said_to_be_passed_on_is():
    passed = {kind: therapist.thru(bytes((kind, 60, 70)), 1.0) for kind in (0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF2)}
    assert {kind for kind, event in passed.items() if event is not None} == {0x80, 0x90, 0xB0, 0xC0, 0xD0, 0xE0}
    assert therapist.thru(bytes((0x90, 60, 0)), 1.0).kind == Kind.NOTE_OFF


def test_what_never_leaves_a_voice_or_the_ledger_is_not_sent():
    sent = {to_bytes(event)[0] & 0xF0 for event in Ledger().take(note_on(2, 60, 70, 0, 1.0))}
    assert sent == {0x90}
    assert {word.partition(" ")[0] for word in controls.KINDS} == {"cc", "cc14", "bend", "pressure"}
    assert to_bytes(order(Kind.SILENCE, 1.0)) == b"" and not any(kind.name.startswith("SYS") for kind in Kind)


def used(word: str, here: str) -> bool:
    """Whether any part of the host but its own module names it."""
    sources = (path for path in (ROOT / "host" / "reachnote").rglob("*.py") if path.name != here)
    return any(re.search(rf"\b{word}\b", path.read_text("utf-8")) for path in sources)


@pytest.mark.parametrize(
    ("word", "here", "sentence"),
    [
        ("Members", "mpe.py", "**Not sent yet**: no key of a scene asks for it"),
        ("ClockOut", "tempo.py", "Sending is **not connected yet**"),
        ("ClockIn", "tempo.py", "following is **not connected yet**"),
    ],
)
def test_the_page_says_what_is_not_connected_and_only_that(word, here, sentence):
    assert (sentence in " ".join(PAGE.split())) is not used(word, here)


def test_the_limits_of_a_level_hold_for_its_fine_half_too():
    ledger = Ledger()
    assert ledger.guard.other(Event(Kind.CONTROL, 2, 39, 90, 0, 1, 1.0))[0].b == 90
    assert STAGE.control == 127 and set(voice_rule.CONTROLS) == set(controls.KINDS)
