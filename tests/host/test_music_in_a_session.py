"""Scenes, waiting notes, controls and orders in a session: literal notes, invented time."""

from __future__ import annotations

import pytest

from reachnote import journal, programme
from reachnote.controls import Control, Pace
from reachnote.harmony import Harmony
from reachnote.journal import Line, Opened, Ordered
from reachnote.model import Gesture, Kind, Move
from reachnote.music import SCALES
from reachnote.programme import order_of
from reachnote.scene import SceneProblem, read_scene
from reachnote.session import Session
from reachnote.tempo import Tempo
from reachnote.voice_rule import VoiceProblem, read_voice
from reachnote.voices import Voice
from reachnote_play import REACH
from reachnote_play.decider import Decider
from reachnote_play.zones import Zones
from support.boards import DISTANCE, PRESSURE, SWITCH
from support.invented import Table
from support.replays import replayed


def voice(harmony=None, **written):
    return Voice(read_voice(written), harmony or Harmony(0, SCALES["major"]), 0, 2, 1, Tempo(60.0))


def on(time, strength=1.0):
    return Gesture(0, time, Move.ONSET, strength, -1)


def off(time):
    return Gesture(0, time, Move.RELEASE, 0.0, -1)


def keys(found, kind=Kind.NOTE_ON):
    return [event.a for event in found if event.kind == kind]


# ---------------------------------------------------------------- notes that wait for the grid


def test_a_start_that_finds_no_room_to_wait_sounds_at_once_and_every_one_ends():
    it, found = voice(quantise=100, grid=4.0, notes=1), []
    for n in range(80):
        found += it.gesture(on(0.01 + n / 100)) + it.gesture(off(0.015 + n / 100))
    found += it.tick(4.0) + it.tick(10.0)
    assert keys(found).count(60) == keys(found, Kind.NOTE_OFF).count(60) > 32
    assert it.sounding == () and it.due == float("inf")


def test_what_waited_sounds_before_what_comes_after_it():
    it = voice(quantise=100, grid=1.0, trigger={"mode": "one-shot", "length_s": 5.0})
    it.gesture(on(0.5))
    found = it.gesture(off(1.4))
    assert [(event.a, event.time) for event in found] == [(60, 1.0)]


def test_a_pause_before_the_beat_lets_nothing_begin_until_it_goes_on():
    it = voice(quantise=100, grid=4.0, trigger="start/pause")
    assert it.gesture(on(0.5)) + it.gesture(off(0.6)) + it.gesture(on(0.7)) + it.gesture(off(0.8)) == []
    assert it.tick(5.0) == []
    assert keys(it.gesture(on(6.0))) == [60]


# ---------------------------------------------------------------- loudness and chords


def test_a_peak_is_the_highest_level_since_the_onset():
    it = voice(velocity={"from": "peak", "floor": 20, "ceiling": 120}, trigger={"mode": "dwell", "dwell_s": 0.5})
    assert it.follows
    it.level(0.9, 0.5)
    it.level(0.1, 0.9)
    it.gesture(on(1.0))
    it.level(0.6, 1.2)
    it.level(0.4, 1.4)
    assert [event.b for event in it.tick(1.5)] == [80]


def test_a_peak_is_listened_for_by_the_session():
    table = Table(
        scene="[[voice]]\nvelocity = {from = 'peak', floor = 20, ceiling = 80}\ntrigger = {mode = 'dwell', dwell_s = 0.3}"
    )
    board = table.board(sensors=[PRESSURE])
    table.ledger.guard.limits = table.ledger.guard.limits.__class__(first=127)
    board.move(0, 1000)
    table.run(0.6)
    assert [velocity for word, _, _, velocity in table.notes() if word == "on"] == [80]


def test_a_chord_of_the_moment_is_so_many_neighbouring_notes_of_it():
    it = voice(source="chord", chord="triad", notes=2)
    assert it.notes() == ((60, 64, 67), (64, 67, 72))


@pytest.mark.parametrize("source", ["keys", "drums", "clusters", "noise"])
def test_a_chord_beside_a_source_that_has_none_is_refused(source):
    with pytest.raises(VoiceProblem, match=f'chord = 3 belongs to source = "scale" or "chord", not to source = "{source}"'):
        read_voice({"source": source, "chord": 3, **({"keys": "C4"} if source == "keys" else {})})


def test_sixty_four_zones_are_sixty_four_notes():
    assert Decider({"zones": 64}).get("zones") == 64
    zones = Zones({"zones": 64, "zone_margin": 0, "dwell": 0})
    seen = set()
    for level in range(0, REACH, 16):
        zones.start(level)
        seen.add(zones.zone)
    assert seen == set(range(64))


# ---------------------------------------------------------------- controls


SLIDING = "[[voice]]\nfor = 'pressure'\ncontrols = [{send = 'cc 11', from = 20}, {send = 'bend', home = 4096}]\n[[voice]]\nfor = 'switch'"


def controls(table, number):
    return [event.b for event in table.receiver.heard if event.kind == Kind.CONTROL and event.a == number]


def bends(table):
    return [event.a + 128 * event.b for event in table.receiver.heard if event.kind == Kind.BEND]


def test_a_control_is_where_the_movement_is_before_the_note_begins():
    table = Table(scene=SLIDING)
    board = table.board(sensors=[PRESSURE])
    board.move(0, 1000)
    table.run(0.1)
    kinds = [(event.kind, event.a) for event in table.receiver.heard]
    assert controls(table, 11)[0] == 20 and controls(table, 11)[-1] > 120
    last = max(n for n, kind in enumerate(kinds) if kind[0] == Kind.NOTE_ON)
    assert any(
        kind == (Kind.CONTROL, 11) and event.b > 20 for kind, event in zip(kinds[:last], table.receiver.heard, strict=False)
    )


def test_controls_are_at_rest_after_a_silence_and_after_the_plug_is_pulled():
    table = Table(scene=SLIDING)
    board = table.board(sensors=[PRESSURE])
    board.move(0, 600)
    table.run(0.2)
    board.move(0, 0)
    table.run(0.1)
    table.session.silence(table.now)
    table.run(0.05)
    assert (controls(table, 11)[-1], bends(table)[-2:]) == (20, [8192, 4096])
    board.move(0, 1000)
    table.run(0.2)
    assert controls(table, 11)[-1] > 120 and bends(table)[-1] > 16000
    board.unplug()
    table.run(0.05)
    assert (controls(table, 11)[-1], bends(table)[-1]) == (20, 4096)


def test_another_scene_finds_controls_where_a_synth_has_them_by_itself():
    table = Table(scene=SLIDING)
    board = table.board(sensors=[PRESSURE])
    board.move(0, 500)
    table.run(0.2)
    table.session.order({"order": "scene", "name": "plain", "text": "[[voice]]"}, table.now)
    table.run(0.1)
    assert (controls(table, 11)[-1], bends(table)[-1]) == (127, 8192)


@pytest.mark.parametrize(
    ("kind", "number", "left"),
    [
        ("cc", 74, [(74, 64)]),
        ("cc", 7, [(7, 100)]),
        ("cc14", 1, [(1, 0), (33, 0)]),
        ("bend", 0, [(0, 64)]),
        ("pressure", 0, [(0, 0)]),
    ],
)
def test_a_control_that_is_left_says_so_at_once(kind, number, left):
    control = Control(kind, Pace(), 2, number=number)
    control.begin(0.0)
    control.level(0.5, 0.001)
    assert [(event.a, event.b) for event in control.leave(0.002)] == left


# ---------------------------------------------------------------- what clients ask for themselves


@pytest.mark.parametrize(("word", "kind"), [("stop", Kind.STOP), ("softer", Kind.SOFTER)])
def test_what_a_client_asks_for_with_a_switch_of_their_own_counts_however_late_it_comes(word, kind):
    table = Table(scene=f"[[voice]]\nfor = 'switch'\nsteers = '{word}'")
    board = table.board()
    board.press(send=False)
    table.asleep(0.3)
    board.send(board.line())
    assert [event.kind for event in table.orders if event.kind in (Kind.STOP, Kind.SOFTER)] == [kind]
    table.run(0.1)
    table.session.order({"order": "pedal", "action": "lift"}, table.now)
    table.drain()
    assert table.orders[-1].kind == Kind.LIFT


# ---------------------------------------------------------------- a journal


REPEATING = (
    "tempo = 120\n[[voice]]\nfor = 'switch'\ntrigger = {mode = 'one-shot', length_s = 0.333}\n"
    "[[voice]]\nfor = 'distance'\nquantise = 100\ngrid = 1.0"
)


def taped(scene=REPEATING):
    """A second and a half of a board as a journal has it, and what the session played meanwhile."""
    table = Table(scene=scene)
    board = table.board(sensors=[SWITCH, DISTANCE])
    entries = [Opened(table.now, 0, "port", False)]
    bytes_in = table.session.bytes_in

    def kept(link, data, now):
        entries.append(Line(now, 0, data.rstrip(b"\n")))
        bytes_in(link, data, now)

    table.session.bytes_in = kept
    board.hello()
    board.move(1, 500)
    table.run(0.4)
    board.tap()
    board.move(1, 60)
    table.run(1.2)
    board.move(1, 500)
    table.run(0.8)
    return entries, table


def test_a_replay_plays_what_time_brings_about_at_its_own_time():
    entries, _ = taped()
    found = [event for event, _ in replayed(entries, REPEATING)[0] if event.kind in (Kind.NOTE_ON, Kind.NOTE_OFF)]
    switch = [event.time for event in found if event.source == 0]
    distance = [event.time for event in found if event.source == 1]
    assert len(switch) == 2 and switch[1] - switch[0] == pytest.approx(0.333)
    assert distance[0] % 0.5 == pytest.approx(0.0, abs=1e-6)


def test_the_present_orders_bring_the_music_to_where_it_is():
    plan = [(read_scene(f"name = '{name}'\nchords = 'C F G'\n[[voice]]", "test"), None) for name in ("one", "two")]
    session = Session(plan[0][0], ["one"], plan=plan)
    assert session.present_orders() == []
    for thing in (
        {"order": "pedal", "action": "next-scene"},
        {"order": "scene", "name": "own", "text": "chords = 'Am Dm'\n[[voice]]"},
        {"order": "pedal", "action": "next-chord"},
        {"order": "transpose", "by": 3},
        {"order": "tempo", "bpm": 70},
    ):
        session.order(thing, 1.0)
    found = session.present_orders()
    other = Session(plan[0][0], ["one"], plan=plan)
    for thing in found:
        other.order(thing, 0.0)
    assert other.present_orders() == found
    for one in (session.music, other.music):
        assert (one.scene.name, one.harmony.chord.name, one.harmony.shift, one.tempo.bpm, one.at) == ("own", "Dm", 3, 70, 1)


def test_a_chord_by_hand_is_among_the_present_orders():
    session = Session(read_scene("chords = 'C F'\n[[voice]]", "test"))
    session.order({"order": "chord", "chord": "F#m7"}, 1.0)
    assert session.present_orders() == [{"order": "chord", "chord": "F#m7"}]


def test_a_scene_put_on_is_played_again_by_a_replay():
    entries, _ = taped()
    put = {"order": "scene", "name": "high", "text": "[[voice]]\noctave = 7"}
    middle = entries[1].time + 0.1
    entries = sorted([*entries, Ordered(middle, put)], key=lambda entry: entry.time)
    text = "".join(journal.write(entry) for entry in entries)
    _, again = journal.read([journal.header({}), *text.splitlines(keepends=True)], "a")
    found = [event.a for event, _ in replayed(list(again), REPEATING)[0] if event.kind == Kind.NOTE_ON]
    assert found and min(found) >= 96


# ---------------------------------------------------------------- which scenes can be put on


def test_a_plan_is_not_put_on_as_a_scene(tmp_path):
    (tmp_path / "monday.toml").write_text('scenes = ["five-notes"]')
    with pytest.raises(SceneProblem, match=r"monday\.toml is a plan of several scenes; name one of them, or begin with it"):
        order_of(str(tmp_path / "monday.toml"))


def test_a_song_of_ones_own_goes_along_with_its_scene(tmp_path):
    own = programme.songs()["hello"].read_text("utf-8").replace("Hello, come and play", "Our hello")
    (tmp_path / "ours.toml").write_text(own)
    (tmp_path / "mine.toml").write_text('song = "ours.toml"\n[activity]\nname = "song"\n[[voice]]\n')
    thing = order_of(str(tmp_path / "mine.toml"))
    assert thing["song"] == own
    session = Session(read_scene("[[voice]]", "test"))
    session.order({**thing, "id": 1}, 1.0)
    assert session.news[-1]["ok"] and session.music.status()["song"] == "Our hello"


def test_a_scene_that_asks_for_an_output_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "mine.toml").write_text('[[voice]]\noutputs = ["synth"]\n')
    assert order_of(str(tmp_path / "mine.toml"), ["synth"])["order"] == "scene"
    with pytest.raises(SceneProblem, match=r"outputs names 'synth', but there is only file, midi\."):
        order_of(str(tmp_path / "mine.toml"), ["midi", "file"])


def test_a_midi_file_is_read_before_a_session_and_not_in_it(tmp_path):
    from reachnote.smf_bytes import to_smf

    song = programme.load_song("hello", tmp_path, "here")
    (tmp_path / "ours.mid").write_bytes(to_smf(song))
    (tmp_path / "mine.toml").write_text('song = "ours.mid"\n[activity]\nname = "song"\n[[voice]]\n')
    with pytest.raises(SceneProblem, match="is a MIDI file, which is read before a session begins: reachnote play --scene"):
        order_of(str(tmp_path / "mine.toml"))
