"""A MIDI instrument as a board: its notes and controllers as sensors, a port that comes and goes, and the therapist's keyboard."""

from __future__ import annotations

import json
import sys

import pytest

import reachnote_wire as wire
from reachnote.found_sensors import FoundBoard
from reachnote.links import Gone, LinkProblem, Opened, Said, midi_in, open_link
from reachnote.links._feed import MOST as FEED_MOST
from reachnote.links._feed import Feed
from reachnote.links._port import shown_name
from reachnote.links.midi_in import MidiInLink
from reachnote.links.therapist import TherapistLink
from reachnote.midi_sensors import Picked, put_on_board
from reachnote.model import Kind
from reachnote.scene import read_scene
from reachnote.session import Session
from support.invented import SCENE

SOUNDBEAM = "Soundbeam:Soundbeam MIDI 1 20:0"


class System:
    """Stands for the computer's MIDI system: `names` are there; `play` sends from whatever is connected."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.answers = True
        self.opened: list[str] = []
        self.heard = None

    def source(self) -> Source:
        return Source(self)

    def play(self, *message: int) -> None:
        self.heard(bytes(message))


class Source:
    def __init__(self, system: System) -> None:
        if not system.answers:
            raise OSError("no system")
        self.system = system

    def sources(self) -> list[str]:
        return list(self.system.names)

    def connect(self, there, label, heard) -> None:
        self.system.opened.append(there)
        self.system.heard = heard

    def publish(self, label, heard) -> None:
        self.system.opened.append(f"our {label}")
        self.system.heard = heard

    def alive(self) -> bool:
        return self.system.answers

    def close(self) -> None:
        raise RuntimeError("closing what is gone")


class Room:
    """A link on an invented clock, and what came of it."""

    def __init__(self, link_class, *more, names=(SOUNDBEAM,), wanted="Soundbeam") -> None:
        self.system = System()
        self.system.names = list(names)
        self.link = link_class(self.system.source, wanted, *more, lambda: None, None)
        self.now = 100.0
        self.changes: list = []
        self.bodies: list[tuple[object, bytes]] = []
        self.hello: dict = {}
        self.step()

    def step(self, seconds: float = 0.0) -> None:
        """Time passes in turns of 20 ms; the engine reads after each."""
        for _ in range(max(round(seconds / 0.02), 1)):
            self.now += 0.02 if seconds else 0.0
            self.link.turn(self.now)
            self.collect()

    def play(self, *message: int) -> None:
        self.link.now = self.now
        self.system.play(*message)
        self.collect()

    def collect(self) -> None:
        self.changes += self.link.changes()
        self.bodies += self.link.read()
        self.changes += self.link.changes()
        self.hello = next((json.loads(body[1:]) for _, body in reversed(self.bodies) if body[:1] == b"h"), self.hello)

    def said(self) -> list[str]:
        return [change.text for change in self.changes if isinstance(change, Said)]

    def hellos(self) -> list[dict]:
        return [json.loads(body[1:]) for _, body in self.bodies if body[:1] == b"h"]

    def last(self) -> dict[str, int]:
        """The values of the last reading line by sensor."""
        names = [sensor["name"] for sensor in self.hello["sensors"]]
        _, _, words = wire.read_line(next(body for _, body in reversed(self.bodies) if body[:1] == b"r"))
        return {name: value for name, (status, value) in zip(names, words, strict=True) if status == wire.OK}


@pytest.fixture
def rooms():
    """Makes rooms and closes their links."""
    made = []

    def make(link_class=MidiInLink, *more, **options) -> Room:
        if link_class is MidiInLink and not more:
            more = (Picked({}),)
        made.append(Room(link_class, *more, **options))
        return made[-1]

    yield make
    for room in made:
        room.link.close()


NAMED = {"notes": "C4+E4", "hits": "36", "controls": "1+bend+pressure"}

# ---------------------------------------------------------------- messages


def board(**options: str) -> tuple[FoundBoard, Picked]:
    picked = Picked(options)
    found = FoundBoard("midi:x", "X", "midi", picked.all)
    picked.declare(found)
    return found, picked


def values(found: FoundBoard, now_us: int = 2_000_000) -> list[int]:
    return [value for _, value in wire.read_line(found.line(now_us))[2]]


@pytest.mark.parametrize(("velocity", "strength"), [(1, 1), (18, 1), (19, 1), (20, 2), (64, 4), (92, 6), (110, 7), (127, 7)])
def test_a_note_is_a_switch_with_the_strength_of_its_velocity(velocity, strength):
    found, picked = board(notes="C4")
    assert put_on_board(found, picked, bytes((0x90, 60, velocity)), 1_000_000)
    assert values(found, 1_002_000) == [wire.switch_value(1, 1, 2000, strength)]
    assert put_on_board(found, picked, bytes((0x80, 60, 64)), 1_500_000)
    assert values(found, 1_500_000) == [wire.switch_value(0, 2, 0, strength)]


def test_a_note_on_of_velocity_nought_is_the_end():
    found, picked = board(notes="C4")
    put_on_board(found, picked, b"\x90\x3c\x40", 0)
    assert put_on_board(found, picked, b"\x90\x3c\x00", 1)
    assert wire.read_switch(values(found)[0])[0] == 0


def test_a_note_named_under_hits_is_an_impact():
    found, picked = board(hits="36")
    for n, velocity in enumerate((127, 1, 64)):
        assert put_on_board(found, picked, bytes((0x99, 36, velocity)), n * 1_000_000)
        assert not put_on_board(found, picked, bytes((0x89, 36, 0)), n * 1_000_000 + 5)
        assert values(found, n * 1_000_000 + 4000) == [wire.impact_value(n + 1, velocity * 4095 // 127, 4000)]


def test_controllers_bend_and_pressure_are_values():
    found, picked = board(controls="1+bend+pressure")
    assert values(found) == [0, 8192, 0]
    for message in (b"\xb0\x01\x7f", b"\xe0\x7f\x7f", b"\xd0\x40"):
        assert put_on_board(found, picked, message, 0)
    assert values(found) == [127, 16383, 64]
    said = json.loads(found.hello()[1:])["sensors"]
    assert said == [
        {"name": "CC 1", "kind": "voltage", "min": 0, "max": 127, "rest": 0, "reach": 127},
        {"name": "bend", "kind": "voltage", "min": 0, "max": 16383, "rest": 8192, "reach": 16383},
        {"name": "pressure", "kind": "voltage", "min": 0, "max": 127, "rest": 0, "reach": 127},
    ]


@pytest.mark.parametrize(
    "message",
    [b"\xf8", b"\x90", b"\x90\x3c", b"\xb0\x01", b"\xc0\x05", b"\xf0\x7e\xf7", b"\xb0\x79\x00", b"\xb0\x21\x05", b"\x3c\x40\x00"],
)
def test_other_messages_are_no_sensors(message):
    found, picked = board()
    assert not put_on_board(found, picked, message, 0)
    found.settle(10_000_000)
    assert found.known == 0


def test_what_is_not_named_is_not_heard_once_something_is():
    found, picked = board(notes="C4")
    for message in (b"\x90\x3d\x40", b"\xb0\x01\x40", b"\xd0\x40", b"\xe0\x00\x41"):
        assert not put_on_board(found, picked, message, 0)
    assert not found.settle(10_000_000)


def test_a_channel_that_is_named_is_the_only_one():
    found, picked = board(notes="C4", channel="3")
    assert not put_on_board(found, picked, b"\x90\x3c\x40", 0)
    assert put_on_board(found, picked, b"\x92\x3c\x40", 0)
    assert json.loads(found.hello()[1:])["sensors"][0]["name"] == "C4 ch3"


def test_what_is_named_without_a_channel_is_heard_on_every_one():
    found, picked = board(notes="C4")
    assert put_on_board(found, picked, b"\x95\x3c\x40", 0)
    assert put_on_board(found, picked, b"\x85\x3c\x40", 1)


@pytest.mark.parametrize("ends", [b"\xb0\x7b\x00", b"\xb0\x78\x00"])
def test_all_notes_off_lets_every_switch_up(ends):
    found, picked = board(notes="C4+E4", controls="1")
    for message in (b"\x90\x3c\x40", b"\x90\x40\x40", b"\xb0\x01\x40"):
        put_on_board(found, picked, message, 0)
    assert put_on_board(found, picked, ends, 1)
    assert [wire.read_switch(value)[:2] for value in values(found)[:2]] == [(0, 2), (0, 2)]
    assert values(found)[2] == 64


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (SOUNDBEAM, "Soundbeam"),
        ("system:midi_capture_1", "system:midi_capture_1"),
        ("a2j:Skoog (capture): MIDI 1", "a2j:Skoog (capture): MIDI 1"),
        ("USB Uno MIDI Interface 24:0", "USB Uno MIDI Interface"),
        ("A/B box:out", "A B box"),
        ("", "MIDI in"),
    ],
)
def test_a_port_is_called_as_its_instrument(name, shown):
    assert shown_name(name) == shown


# ---------------------------------------------------------------- found as they speak


def test_the_lines_are_those_of_the_wires_own_packer():
    found, picked = board(**NAMED)
    put_on_board(found, picked, b"\x90\x3c\x40", 1_000_000)
    put_on_board(found, picked, b"\xe0\x00\x00", 1_000_000)
    packer = wire.Packer(6)
    for seq, now_us in enumerate((1_000_000, 1_004_000, (1 << 30) + 77)):
        line = found.line(now_us)
        for n, value in enumerate(values(found, now_us)):
            packer.value[n] = value
        packer._head[0] = 2 * seq
        packer.pack(now_us & wire.TIME_MASK)
        assert wire.body_of(bytes(packer.buffer)[:-1]) == line


def test_new_sensors_are_introduced_together_when_nothing_new_came_for_half_a_second():
    found, picked = board()
    for n, key in enumerate((60, 62, 64)):
        assert not put_on_board(found, picked, bytes((0x90, key, 70)), n * 300_000)
    assert not found.settle(1_099_000)
    assert found.settle(1_100_000)
    assert [s["name"] for s in json.loads(found.hello()[1:])["sensors"]] == ["C4", "D4", "E4"]
    assert wire.read_switch(values(found, 1_100_000)[0])[:2] == (1, 1)


def test_new_sensors_wait_two_seconds_at_most():
    found, picked = board()
    said = [found.settle(n * 100_000) or put_on_board(found, picked, bytes((0x90, 40 + n, 70)), n * 100_000) for n in range(21)]
    assert said.index(True) == 20


def test_sensors_keep_their_order_when_others_come():
    found, picked = board()
    put_on_board(found, picked, b"\x90\x40\x40", 0)
    found.settle(1_000_000)
    put_on_board(found, picked, b"\x90\x30\x40", 2_000_000)
    put_on_board(found, picked, b"\xb0\x0b\x40", 2_000_000)
    found.settle(3_000_000)
    assert [s["name"] for s in json.loads(found.hello()[1:])["sensors"]] == ["E4", "C3", "CC 11"]


def test_a_board_carries_32_sensors_and_says_when_there_are_more():
    found, picked = board()
    for key in range(40, 80):
        put_on_board(found, picked, bytes((0x90, key, 70)), 0)
    found.settle(10_000_000)
    assert (found.known, found.crowded) == (32, True)


# ---------------------------------------------------------------- options


def test_options_name_notes_hits_and_controls():
    picked = Picked({"notes": "C4-E4+72", "hits": "C2+38", "controls": "1+7-9+bend+pressure"})
    assert (picked.notes, picked.hits) == ([60, 61, 62, 63, 64, 72], [36, 38])
    assert (picked.controls, picked.all, picked.channel) == ([1, 7, 8, 9, "bend", "pressure"], False, 0)
    assert Picked({"notes": "C-1"}).notes == [0]
    assert Picked({"notes": "C-1-D-1+0-1"}).notes == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("midi_in:", "midi_in: no MIDI port is named. Write midi_in:Soundbeam, or midi_in:virtual"),
        ("midi_in:X,note=C4", "has no option 'note'; known are notes, hits, controls, channel, api. Did you mean 'notes'?"),
        ("midi_in:X,notes=H4", "notes: 'H4' is no key of a MIDI keyboard; write one from C-1 to G9"),
        ("midi_in:X,notes=C4+", "notes=C4+ has a gap. Join several with +, as in notes=C4+E4+G4."),
        ("midi_in:X,notes=E4-C4", "notes=E4-C4 goes down; write the lower key first."),
        ("midi_in:X,notes=C0-C9", "109 notes and controllers are named; a board has at most 32."),
        ("midi_in:X,notes=C4,hits=60", "C4 is named under notes and under hits; leave it in one of them."),
        ("midi_in:X,controls=120", "controls '120'; write a number from 0 to 119, bend or pressure."),
        ("midi_in:X,controls=bent", "Did you mean 'bend'?"),
        ("midi_in:X,channel=0", "channel '0'; write a number from 1 to 16"),
        ("midi_in:X,api=pipe", "api 'pipe'; write api=alsa or api=jack"),
        ("therapist:", "therapist: no MIDI port is named. Write therapist:Digital Piano, or therapist:virtual"),
        ("therapist:X,notes=C4", "therapist: has no option 'notes'; known are api."),
    ],
)
def test_a_spec_that_can_never_work_is_refused(spec, words):
    with pytest.raises(LinkProblem) as problem:
        open_link(spec, lambda: None)
    assert words in str(problem.value)


@pytest.mark.parametrize("scheme", ["midi_in", "therapist"])
def test_without_a_midi_library_the_sentence_says_what_to_install(scheme, monkeypatch):
    for name in ("rtmidi", "rtmidi2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        LinkProblem, match=f"{scheme}: no MIDI library is installed for this Python. Install one: pip install python-rt"
    ):
        open_link(f"{scheme}:virtual", lambda: None)


# ---------------------------------------------------------------- a port that comes and goes


def test_a_port_whose_sensors_are_named_is_a_board_at_once(rooms):
    room = rooms(MidiInLink, Picked(NAMED))
    (opened,) = room.changes
    assert isinstance(opened, Opened) and opened.name == "Soundbeam"
    assert opened.fileno == room.link.fileno_of(opened.key)
    (hello,) = room.hellos()
    assert (hello["uid"], hello["name"], hello["wire"]) == ("midi:soundbeam:soundbeam midi 1", "Soundbeam", 1)
    assert [s["name"] for s in hello["sensors"]] == ["C4", "E4", "C2", "CC 1", "bend", "pressure"]


def test_a_port_without_named_sensors_waits_for_them(rooms):
    room = rooms()
    assert room.said() == ["Soundbeam is there. Play every note and move everything that is to be a sensor once."]
    room.step(5.0)
    assert room.bodies == []
    room.play(0x90, 60, 70)
    room.step(0.52)
    assert [type(change) for change in room.changes] == [Said, Opened]
    assert [s["name"] for s in room.hellos()[-1]["sensors"]] == ["C4"]
    room.play(0x80, 60, 64)
    assert wire.read_switch(room.last()["C4"])[:2] == (0, 2)


def test_a_line_goes_50_times_a_second_and_at_once_on_an_edge(rooms):
    room = rooms(MidiInLink, Picked(NAMED))
    room.bodies.clear()
    room.step(2.0)
    assert 95 <= len(room.bodies) <= 101
    assert {body[:1] for _, body in room.bodies} == {b"r"}
    before = len(room.bodies)
    room.play(0x90, 60, 70)
    assert len(room.bodies) == before + 1


def test_a_flood_of_controllers_sends_no_more_than_250_lines_a_second(rooms):
    room = rooms(MidiInLink, Picked(NAMED))
    room.bodies.clear()
    for n in range(1000):
        room.now += 0.001
        room.play(0xB0, 1, n % 128)
    assert 200 <= len(room.bodies) <= 251
    room.step(0.02)
    assert room.last()["CC 1"] == 999 % 128


def test_a_board_is_introduced_again_when_it_is_asked(rooms):
    room = rooms(MidiInLink, Picked(NAMED))
    opened = room.changes[0]
    room.link.write(opened.key, "k", "")
    room.step(0.1)
    assert len(room.hellos()) == 1
    room.link.write(opened.key, "a", "")
    room.step(0.1)
    assert len(room.hellos()) == 2


def test_a_port_that_goes_ends_what_is_held_and_comes_back_as_the_same_board(rooms):
    room = rooms(MidiInLink, Picked(NAMED))
    room.play(0x90, 60, 70)
    room.system.names.clear()
    room.step(1.0)
    assert wire.read_switch(room.last()["C4"])[0] == 0
    gone = [change for change in room.changes if isinstance(change, Gone)]
    assert gone == [Gone(room.changes[0].key)]
    assert room.said()[0] == "'Soundbeam' went away. Start it or plug it in again; playing goes on by itself."
    assert room.said()[1].startswith(
        "There is no MIDI port 'Soundbeam' yet. It is used as soon as it appears. Ports that are there:"
    )
    room.bodies.clear()
    room.step(3.0)
    assert room.bodies == []
    room.system.names = ["Soundbeam:Soundbeam MIDI 1 24:0"]
    room.step(1.0)
    opened = [change for change in room.changes if isinstance(change, Opened)]
    assert len(opened) == 2 and opened[0].key != opened[1].key
    assert room.hellos()[-1]["uid"] == "midi:soundbeam:soundbeam midi 1"


def test_several_ports_that_fit_are_named_instead_of_guessed(rooms):
    room = rooms(names=["Skoog A:1", "Skoog B:1"], wanted="Skoog")
    room.step(3.0)
    assert room.said() == ["Several MIDI ports fit 'Skoog': 'Skoog A:1', 'Skoog B:1'. Write more of the name of one."]


def test_a_midi_system_that_does_not_answer_is_tried_again(rooms):
    room = rooms(MidiInLink, Picked(NAMED))
    room.system.answers = False
    room.step(2.0)
    assert any("does not open (no system)" in text for text in room.said())
    room.system.answers = True
    room.step(1.0)
    assert len([change for change in room.changes if isinstance(change, Opened)]) == 2


def test_a_port_of_our_own_is_published_and_never_goes(rooms):
    room = rooms(MidiInLink, Picked(NAMED), names=[], wanted="virtual")
    assert room.system.opened == ["our sensors"]
    room.step(3.0)
    assert room.hellos()[-1]["name"] == "MIDI in"
    assert not [change for change in room.changes if isinstance(change, Gone)]


def test_a_device_that_sent_active_sensing_and_fell_silent_lets_go(rooms):
    room = rooms(MidiInLink, Picked(NAMED))
    room.play(0x90, 60, 70)
    room.step(2.0)
    assert wire.read_switch(room.last()["C4"])[0] == 1  # one that never sent it may be silent
    for _ in range(5):
        room.play(0xFE)
        room.step(0.3)
    assert wire.read_switch(room.last()["C4"])[0] == 1
    room.step(0.5)
    assert wire.read_switch(room.last()["C4"])[0] == 0


def test_more_sensors_than_a_board_carries_are_said_once(rooms):
    room = rooms()
    for key in range(40, 80):
        room.play(0x90, key, 70)
    room.play(0x90, 80, 70)
    told = [text for text in room.said() if "more than 32" in text]
    assert told == [
        "Soundbeam sends more than 32 different notes and controllers; the others are not heard. Name those that matter, as in "
        "midi_in:Soundbeam,notes=C3-C5,controls=1+11."
    ]


# ---------------------------------------------------------------- what the session makes of it


def in_session(room: Room, session: Session) -> None:
    """Hand everything that came since the last call to a session, as the engine does."""
    for change in room.changes:
        if isinstance(change, Opened):
            session.opened(0, change.name, room.now, network=True)
        elif isinstance(change, Gone):
            session.closed(0, room.now)
    for _, body in room.bodies:
        session.bodies_in(0, [body], room.now)
    room.changes.clear()
    room.bodies.clear()
    session.tick(room.now)


def test_a_session_plays_the_notes_of_a_midi_instrument_and_ends_them_when_it_goes(rooms):
    session = Session(read_scene(SCENE, "test.toml"), ["one"])
    room = rooms(MidiInLink, Picked({"notes": "C4+E4"}))
    in_session(room, session)
    for _ in range(50):
        room.step(0.02)
        in_session(room, session)
    room.play(0x90, 60, 100)
    in_session(room, session)
    assert [e.kind for e in session.out if e.kind in (Kind.NOTE_ON, Kind.NOTE_OFF)] == [Kind.NOTE_ON]
    room.system.names.clear()
    for _ in range(60):
        room.step(0.02)
        in_session(room, session)
    kinds = [e.kind for e in session.out]
    assert Kind.NOTE_OFF in kinds or Kind.RELEASE in kinds
    assert any(news["news"] == "gone" for news in session.news)


def test_a_session_goes_on_when_an_instrument_shows_another_sensor(rooms):
    session = Session(read_scene(SCENE, "test.toml"), ["one"])
    room = rooms()

    def passes(seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            room.step(0.02)
            in_session(room, session)

    def starts(key: int) -> int:
        """Notes that a press of this key began."""
        session.out.clear()
        room.play(0x90, key, 100)
        in_session(room, session)
        passes(0.1)
        room.play(0x80, key, 0)
        in_session(room, session)
        passes(0.1)
        return sum(e.kind == Kind.NOTE_ON for e in session.out)

    assert starts(60) == 0  # it introduces itself
    passes(1.0)
    assert starts(60) == 1
    assert starts(64) == 0
    passes(1.0)
    assert (starts(60), starts(64)) == (1, 1)
    assert [sensor["name"] for sensor in session.status()[0]["sensors"]] == ["C4", "E4"]


# ---------------------------------------------------------------- the therapist's keyboard


def test_a_keyboards_messages_are_m_bodies(rooms):
    room = rooms(TherapistLink)
    (opened,) = room.changes
    assert (opened.key, opened.name) == (1, "therapist: Soundbeam:Soundbeam MIDI 1")
    for message in ((0x90, 60, 64), (0xF8,), (0xC0, 5), (0xFE,), (0xF0, 1, 2, 0xF7), (0xB0, 64, 127)):
        room.play(*message)
    assert room.bodies == [(1, b"m903c40"), (1, b"mf8"), (1, b"mc005"), (1, b"mb0407f")]


def test_a_keyboard_that_goes_in_mid_chord_comes_up_first(rooms):
    room = rooms(TherapistLink)
    for message in ((0x90, 60, 64), (0x91, 64, 64), (0x90, 67, 64), (0x80, 67, 0), (0xB0, 64, 127)):
        room.play(*message)
    room.bodies.clear()
    room.system.names.clear()
    room.step(1.0)
    assert room.bodies == [(1, b"m803c40"), (1, b"m814040"), (1, b"mb04000")]
    assert [change for change in room.changes if isinstance(change, Gone)] == [Gone(1)]
    room.system.names = [SOUNDBEAM]
    room.step(1.0)
    assert [change.key for change in room.changes if isinstance(change, Opened)] == [1, 2]


def test_a_keyboard_that_fell_silent_after_active_sensing_comes_up(rooms):
    room = rooms(TherapistLink)
    room.play(0xFE)
    room.play(0x90, 60, 64)
    room.bodies.clear()
    room.step(0.4)
    assert room.bodies == []
    room.step(0.2)
    assert room.bodies == [(1, b"m803c40")]


# ---------------------------------------------------------------- from thread to engine


def test_the_end_of_a_channel_is_told_after_its_last_body():
    woken = []
    feed = Feed(lambda: woken.append(1))
    feed.put("a", b"r1")
    feed.end("a")
    feed.put("b", b"r2")
    assert feed.read() == [("a", b"r1")]
    assert feed.changes() == []
    assert feed.read() == [("b", b"r2")]
    assert feed.changes() == [Gone("a")]
    assert feed.read() == []
    feed.close()
    feed.put("a", b"r")  # nobody reads any more


def test_readings_that_nobody_reads_are_dropped_and_counted():
    feed = Feed(lambda: None)
    for _ in range(FEED_MOST + 5):
        feed.put("a", b"r")
    feed.put("a", b"h")
    assert (feed.dropped, len(feed.read())) == (5, FEED_MOST + 1)
    feed.close()


def test_the_links_are_found_by_their_files():
    from reachnote.links import schemes

    for scheme, module in schemes().items():
        assert module.EXAMPLE.startswith(f"{scheme}:") and module.SAYS
    assert {"midi_in", "therapist"} <= schemes().keys()
    assert midi_in.LIBRARIES[0] is midi_in._rtmidi
