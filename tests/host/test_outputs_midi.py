"""MIDI bytes against mido, port names, and a port that comes and goes."""

import os
import sys

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reachnote.midi_system import stable_name
from reachnote.model import Event, Kind, note_off, note_on, order
from reachnote.outputs import OutputProblem, _ports, open_output
from reachnote.outputs.midi import to_bytes

ALSA = [
    "Midi Through:Midi Through Port-0 14:0",
    "FLUID Synth (4711):Synth input port (4711:0) 128:0",
    "Scarlett 2i4 USB:Scarlett 2i4 USB MIDI 1 20:0",
]


class System:
    """Stands for the computer's MIDI system: `names` are there, `sent` arrived, `answers` False when it is gone."""

    def __init__(self):
        self.names, self.sent, self.published, self.answers, self.opened = [], [], [], True, 0

    def load(self):
        return lambda client, system: Port(self)


class Port:
    def __init__(self, system):
        if not system.answers:
            raise OSError("no system")
        self.system, self.there = system, None

    def destinations(self):
        return list(self.system.names)

    def connect(self, there, label):
        self.there = there
        self.system.opened += 1

    def publish(self, label):
        self.system.published.append(label)

    def alive(self):
        return self.system.answers

    def send(self, message):
        if self.there is not None and self.there not in self.system.names:
            raise TypeError("an odd type, as libraries raise them")
        self.system.sent.append(message)

    def close(self):
        raise RuntimeError("closing what is gone")


@pytest.fixture
def system(monkeypatch):
    system = System()
    monkeypatch.setattr(_ports, "LIBRARIES", [system.load])
    return system


def as_mido(event):
    channel = event.channel - 1
    match event.kind:
        case Kind.NOTE_ON:
            return mido.Message("note_on", channel=channel, note=event.a, velocity=event.b)
        case Kind.NOTE_OFF:
            return mido.Message("note_off", channel=channel, note=event.a, velocity=event.b)
        case Kind.CONTROL:
            return mido.Message("control_change", channel=channel, control=event.a, value=event.b)
        case Kind.PROGRAM:
            return mido.Message("program_change", channel=channel, program=event.a)
        case Kind.PRESSURE:
            return mido.Message("aftertouch", channel=channel, value=event.a)
        case Kind.BEND:
            return mido.Message("pitchwheel", channel=channel, pitch=event.a + 128 * event.b - 8192)


@given(
    st.sampled_from([kind for kind in Kind if kind <= Kind.BEND]), st.integers(1, 16), st.integers(0, 127), st.integers(0, 127)
)
def test_bytes_are_those_of_mido(kind, channel, a, b):
    event = Event(kind, channel, a, b, 1, 1, 0.0)
    assert to_bytes(event) == as_mido(event).bin()


def test_channel_1_is_0_on_the_wire_and_16_is_15():
    assert to_bytes(note_on(1, 60, 64, 1, 0.0)) == b"\x90\x3c\x40"
    assert to_bytes(note_on(16, 60, 64, 1, 0.0)) == b"\x9f\x3c\x40"


@pytest.mark.parametrize(
    "event",
    [note_on(0, 60, 64, 1, 0.0), note_on(17, 60, 64, 1, 0.0), order(Kind.RELEASE_ALL, 0.0), Event(99, 1, 1, 1, 1, 1, 0.0)],
)
def test_what_is_no_midi_message_has_no_bytes(event):
    assert to_bytes(event) == b""


def test_values_beyond_midi_are_brought_to_its_ends():
    assert to_bytes(Event(Kind.CONTROL, 1, -3, 900, 1, 1, 0.0)) == b"\xb0\x00\x7f"


@pytest.mark.parametrize(
    ("name", "stable"),
    [
        ("FLUID Synth (4711):Synth input port (4711:0) 128:0", "fluid synth:synth input port"),
        ("a2j:FLUID Synth (123) [128] (playback): Synth input", "a2j:fluid synth (playback): synth input"),
        ("reachnote-01:out", "reachnote:out"),
        ("Scarlett 2i4 USB MIDI 1 20:0", "scarlett 2i4 usb midi 1"),
        ("MIDI-12 box", "midi-12 box"),
    ],
)
def test_numbers_that_change_are_no_part_of_a_stable_name(name, stable):
    assert stable_name(name) == stable


@pytest.mark.parametrize("wanted", ["fluid", "FLUID Synth", "synth input", "FLUID Synth (99):Synth input port (99:0) 131:0"])
def test_a_port_is_found_whatever_numbers_it_has_now(wanted):
    assert _ports.find(wanted, ALSA) == ALSA[1]


def test_a_whole_name_wins_over_a_beginning_and_a_beginning_over_a_middle():
    names = ["My Synth", "Synth Two", "Synth"]
    assert _ports.find("synth", names) == "Synth"
    assert _ports.find("synth t", names) == "Synth Two"
    assert _ports.find("y syn", names) == "My Synth"


def test_of_one_programs_ports_the_one_that_says_midi_is_meant():
    assert _ports.find("zynaddsubfx", ["zynaddsubfx:osc", "zynaddsubfx:midi_input"]) == "zynaddsubfx:midi_input"


def test_several_fits_are_named_instead_of_guessed():
    with pytest.raises(OutputProblem, match="'Synth A', 'Synth B'"):
        _ports.find("synth", ["Synth A", "Synth B", "Other"])


def test_two_of_the_same_make_are_told_apart_by_the_full_name():
    assert _ports.find("Box 21:0", ["Box 20:0", "Box 21:0"]) == "Box 21:0"


def test_a_port_that_is_not_there_yet_is_waited_for(system):
    system.names = ["Other"]
    output = open_output("midi:fluid")
    assert output.trouble() == (
        "There is no MIDI port 'fluid' now, so nothing sounds there. Start or plug in what it belongs to; "
        "playing goes on by itself then. Ports that are there: 'Other'."
    )
    system.names = ALSA
    output.beat(1.0)
    output.send(note_on(2, 60, 64, 1, 1.0))
    assert (output.trouble(), output.lost_and_found(), output.lost_and_found()) == (None, True, False)
    assert system.sent == [b"\x91\x3c\x40"]


def test_a_lost_port_returns_under_other_numbers_with_endings_but_no_old_notes(system):
    system.names = ["FLUID Synth (1):in 128:0"]
    output = open_output("midi:fluid")
    system.names = []
    output.send(note_on(1, 60, 64, 1, 10.0))
    output.send(note_off(1, 61, 1, 10.0))
    assert output.trouble() is not None
    system.names = ["FLUID Synth (2):in 129:0"]
    output.beat(12.0)
    assert (output.trouble(), output.lost_and_found()) == (None, True)
    assert system.sent == [b"\x80\x3d\x40"]
    assert output.dropped == 1


def test_a_port_that_vanishes_while_nothing_plays_is_noticed_by_the_next_look(system):
    system.names = ["Synth"]
    output = open_output("midi:synth")
    output.beat(1.0)
    system.names = []
    output.beat(1.9)
    assert output.trouble() is None  # at most one look a second
    output.beat(2.0)
    assert "There is no MIDI port 'synth' now" in output.trouble()


def test_a_thousand_losses_leave_one_open_port_and_lose_no_ending(system):
    output = open_output("midi:synth")
    for turn in range(1000):
        system.names = [f"Synth ({turn}):in {turn}:0"]
        output.beat(4.0 * turn)
        assert output.lost_and_found() is True
        output.send(note_on(1, 60, 64, 1, 4.0 * turn))
        system.names = []
        output.send(note_off(1, 60, 1, 4.0 * turn + 1))
        output.beat(4.0 * turn + 2)
    system.names = ["Synth"]
    output.beat(9000.0)
    assert system.sent == [b"\x90\x3c\x40", b"\x80\x3c\x40"] * 1000
    assert system.opened == 1001


def test_a_virtual_port_has_the_given_name_and_is_published_again_when_the_system_returns(system):
    output = open_output("midi:virtual", "Blue pads")
    assert system.published == ["Blue pads"]
    system.published, system.answers = [], False
    output.beat(1.0)
    assert "tried again every second" in output.trouble()
    system.answers = True
    output.beat(2.0)
    assert (system.published, output.trouble(), output.lost_and_found()) == (["Blue pads"], None, True)


def test_the_first_library_that_loads_is_taken(system, monkeypatch):
    def absent():
        raise ImportError

    def broken():
        raise OSError("libasound.so.2 is missing")

    monkeypatch.setattr(_ports, "LIBRARIES", [absent, broken, system.load])
    assert open_output("midi:virtual").trouble() is None


def test_without_any_library_the_sentence_says_what_to_install_and_what_still_works(monkeypatch):
    for name in ("rtmidi", "pylibremidi", "rtmidi2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(OutputProblem) as problem:
        open_output("midi:virtual")
    assert str(problem.value) == (
        "No MIDI library is installed for this Python, so MIDI ports cannot be used. Install one: pip install python-rtmidi. "
        "What still works: 'file:' writes a MIDI file, 'raw:' plays a DIN adapter, 'osc:' sends to other programs."
    )


@pytest.mark.parametrize(
    ("load", "library"), [(_ports._rtmidi, "rtmidi"), (_ports._libremidi, "pylibremidi"), (_ports._rtmidi2, "rtmidi2")]
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="JACK servers are looked for on Linux")
def test_the_real_libraries_without_a_jack_server_give_a_sentence_and_print_nothing(load, library, monkeypatch, capfd):
    pytest.importorskip(library)
    monkeypatch.setattr(_ports, "LIBRARIES", [load])
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "reachnote-no-such-server")
    output = open_output("midi:virtual,api=jack")
    output.beat(1.0)
    trouble = output.trouble()
    assert "'file:', 'raw:' and 'osc:' outputs work without it." in trouble
    output.send(note_on(1, 60, 64, 1, 0.0))
    output.close()
    assert capfd.readouterr() == ("", "")


def test_opening_never_lets_libjack_start_a_server(system, monkeypatch):
    monkeypatch.delenv("JACK_NO_START_SERVER", raising=False)
    open_output("midi:virtual")
    assert os.environ["JACK_NO_START_SERVER"] == "1"


@pytest.mark.parametrize(("usable", "chosen"), [(True, "alsa"), (False, "jack")])
def test_on_linux_alsa_is_chosen_when_its_sequencer_may_be_used_else_jack(usable, chosen, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(_ports, "ALSA_SEQUENCER", str(tmp_path / "seq"))
    if usable:
        (tmp_path / "seq").touch()
    assert _ports._system(None) == chosen
    assert _ports._system("jack") == "jack"


@pytest.mark.parametrize("spec", ["midi:", "midi:virtual,api=coremidi", "midi:x,port=3"])
def test_a_spec_that_can_never_work_is_refused(spec, system):
    with pytest.raises(OutputProblem):
        open_output(spec)
