"""What a therapist does to a session beside a client: pedals, prompt levels, recalled scenes, the clock, limits, MPE."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

import reachnote_wire as wire
from reachnote.limits import CHILD, STANDARD, VERY_QUIET
from reachnote.model import Kind, Transport
from reachnote.pedals import read_bindings
from reachnote.scene import SceneProblem, read_scene
from reachnote.session import Session
from support.boards import PRESSURE
from support.invented import Table
from support.therapist_file import Performance, therapist_file

PLAIN = "[[voice]]\nnotes = 1"
LOW, HIGH = "name = 'low'\n[[voice]]\nnotes = 1\noctave = 3", "name = 'high'\n[[voice]]\nnotes = 1\noctave = 6"
SWITCH = {"kind": "switch", "name": "left"}
OTHER = {"kind": "switch", "name": "right"}
PEDAL_DOWN, PEDAL_UP = bytes((0xB3, 64, 127)), bytes((0xB3, 64, 0))


def bound(*lines: str):
    return read_bindings("\n".join(lines), "test")


def ons(table: Table) -> list[tuple[int, int]]:
    return [(event.channel, event.a) for event in table.receiver.heard if event.kind == Kind.NOTE_ON]


def transport(table: Table) -> list[str]:
    """Everything but the beats themselves."""
    found = [event for event in table.receiver.heard if event.kind == Kind.TRANSPORT and event.a != Transport.CLOCK]
    return [f"position {event.source}" if event.a == Transport.POSITION else Transport(event.a).name.lower() for event in found]


def said(table: Table, news: str) -> list[dict]:
    return [thing for thing in table.news if thing["news"] == news]


# ---------------------------------------------------------------- pedals


def test_a_bound_pedal_does_what_it_is_bound_to_and_is_not_music():
    table = Table(plan=(LOW, HIGH), pedals=bound("cc 64 = next-scene", "note C2 = mark"))
    keys = table.keyboard()
    table.play(keys, PEDAL_DOWN)
    table.play(keys, PEDAL_UP)
    assert [thing["text"] for thing in said(table, "scene")] == ["Now: high."]
    table.play(keys, bytes((0x90, 36, 90)))
    assert len(said(table, "mark")) == 1
    assert not table.session.music.listener._pedal and not table.session.music.listener._held


def test_a_pedal_that_nobody_bound_is_the_sustain_of_the_keyboard():
    table = Table(pedals=bound("cc 66 = mark"))
    table.play(table.keyboard(), PEDAL_DOWN)
    assert table.session.music.listener._pedal and table.news == []


def test_a_switch_that_is_a_pedal_sounds_nothing_and_the_one_beside_it_does():
    table = Table(scene=PLAIN, pedals=bound("switch left = mark"))
    board = table.board(sensors=[SWITCH, OTHER])
    for sensor in (0, 1):
        board.tap(sensor)
        table.run(0.3)
    assert len(said(table, "mark")) == 1
    assert [channel for channel, _ in ons(table)] == [3]


def test_a_switch_stays_a_pedal_in_the_next_scene():
    table = Table(plan=(LOW, HIGH), pedals=bound("switch left = next-scene"))
    board = table.board(sensors=[SWITCH])
    for _ in range(2):
        board.tap()
        table.run(0.5)
    assert [thing["text"] for thing in said(table, "scene")] == ["Now: high.", "This is the last scene of the plan; it goes on."]
    assert ons(table) == []


# ---------------------------------------------------------------- prompt levels


def test_the_prompt_pedal_goes_through_the_levels_and_round():
    table = Table()
    for _ in range(4):
        table.session.asked("prompt", table.now)
    table.drain()
    assert [thing["level"] for thing in said(table, "prompt")] == ["verbal", "physical", "independent", "verbal"]


def test_a_level_of_its_own_is_set_and_kept_for_a_fresh_session():
    table = Table()
    table.session.order({"order": "pedal", "action": "prompt-physical"}, table.now)
    assert table.session.prompt == "physical"
    assert table.session.present_orders() == [{"order": "pedal", "action": "prompt-physical"}]


# ---------------------------------------------------------------- scenes by Program Change


def test_a_program_change_recalls_the_scene_of_that_place():
    table = Table(plan=(LOW, HIGH, LOW))
    board, keys = table.board(sensors=[SWITCH]), table.keyboard()
    board.press()
    table.run(0.1)
    table.play(keys, bytes((0xC0, 1)))
    assert table.receiver.sounding() == []
    board.press(pressed=False)
    table.run(0.3)
    board.tap()
    table.run(0.2)
    assert [key for _, key in ons(table)] == [48, 84]
    table.play(keys, bytes((0xC0, 7)))
    assert said(table, "scene")[-1]["text"] == "Program 8 asks for the scene in place 8, but the plan has 3; the present one goes on."


def test_a_program_change_is_passed_on_where_there_is_one_scene():
    table = Table(scene="thru = true\n" + PLAIN)
    table.play(table.keyboard(), bytes((0xC4, 17)))
    assert [(event.channel, event.a) for event in table.receiver.heard if event.kind == Kind.PROGRAM] == [(5, 17)]


# ---------------------------------------------------------------- our clock


def test_our_clock_starts_on_a_beat_and_is_24_a_beat():
    table = Table(scene="tempo = 120\n" + PLAIN, clock="send", start=1000.13)
    table.run(2.6)
    heard = [event for event in table.receiver.heard if event.kind == Kind.TRANSPORT]
    start = next(n for n, event in enumerate(heard) if event.a == Transport.START)
    assert transport(table) == ["start"]
    first = heard[start + 1]
    assert first.a == Transport.CLOCK and first.time % 0.5 == pytest.approx(0.0, abs=1e-6)
    times = [event.time for event in heard if event.a == Transport.CLOCK]
    assert all(b - a == pytest.approx(60 / 120 / 24) for a, b in pairwise(times))


def test_silence_stops_those_that_follow_and_the_next_note_takes_them_along():
    table = Table(scene="tempo = 120\n" + PLAIN, clock="send")
    board = table.board(sensors=[SWITCH])
    table.session.silence(table.now)
    table.run(2.0)
    assert transport(table) == ["start", "stop"]
    board.tap()
    table.run(0.5)
    position = transport(table)[2]
    assert transport(table) == ["start", "stop", position, "continue"]
    heard = [event for event in table.receiver.heard if event.kind == Kind.TRANSPORT]
    goes_on = next(n for n, event in enumerate(heard) if event.a == Transport.CONTINUE)
    begun = next(n for n, event in enumerate(heard) if event.a == Transport.START)
    beats = (heard[goes_on + 1].time - heard[begun + 1].time) * 2
    assert beats * 4 == pytest.approx(int(position.split()[1]))


def test_another_scene_stops_and_starts_them_in_its_own_tempo():
    table = Table(plan=("tempo = 60\n" + LOW, "tempo = 180\n" + HIGH), clock="send")
    table.run(1.2)
    table.session.asked("next-scene", table.now)
    table.drain()
    since = len(table.receiver.heard)
    table.run(1.0)
    assert transport(table) == ["start", "stop", "start"]
    times = [event.time for event in table.receiver.heard[since:] if event.a == Transport.CLOCK]
    assert times[9] - times[8] == pytest.approx(60 / 180 / 24)


# ---------------------------------------------------------------- another machine's clock

QUANTISED = "[[voice]]\nnotes = 1\nquantise = 100\ngrid = 1.0\ntrigger = {mode = 'one-shot', length_s = 0.1}"


def clocked(table: Table, link: int, beats: float, bpm: float) -> float:
    """That many beats of clock from a link; the time of the last beat."""
    last = table.now
    for n in range(round(24 * beats)):
        table.play(link, b"\xf8")
        if n % 24 == 0:
            last = table.now
        table.run(round(60_000 / bpm / 24) / 1000)
    return last


def test_grids_follow_the_clock_of_the_therapists_port():
    table = Table(scene=QUANTISED, clock="follow")
    board, link = table.board(sensors=[SWITCH]), table.keyboard()
    table.play(link, b"\xfa")
    began = table.now
    clocked(table, link, 4.25, 125.0)
    board.press()
    clocked(table, link, 2, 125.0)
    found = [event.time for event in table.receiver.heard if event.kind == Kind.NOTE_ON]
    assert found == [pytest.approx(began + 5 * 0.48, abs=0.006)]
    assert [thing["state"] for thing in said(table, "clock")] == ["found"]


def test_a_clock_that_stops_coming_is_told_once_and_the_beat_goes_on():
    table = Table(scene=QUANTISED, clock="follow")
    board, link = table.board(sensors=[SWITCH]), table.keyboard()
    table.play(link, b"\xfa")
    last = clocked(table, link, 5, 125.0)
    table.run(3.0)
    assert [thing["state"] for thing in said(table, "clock")] == ["found", "lost"]
    board.press()
    table.run(1.0)
    found = [event.time for event in table.receiver.heard if event.kind == Kind.NOTE_ON]
    assert len(found) == 1 and (found[0] - last) / 0.48 % 1 == pytest.approx(0.0, abs=0.03)


def test_the_tempo_of_a_followed_clock_is_not_set_here():
    table = Table(clock="follow")
    table.session.order({"id": 1, "order": "tempo", "bpm": 80}, table.now)
    assert table.session.news[-1]["ok"] is False
    assert table.session.news[-1]["text"] == "The tempo is that of the clock which is followed; change it there."


def test_clock_messages_mean_nothing_where_nobody_follows():
    table = Table(scene="thru = true\n" + PLAIN)
    link = table.keyboard()
    for message in (b"\xfa", b"\xf8", b"\xfc", b"\xfb", bytes((0xF2, 1, 2)), b"\xfe", b"\xff"):
        table.play(link, message)
    assert [event for event in table.receiver.heard if event.kind < Kind.LEVEL] == []


# ---------------------------------------------------------------- limits


def test_a_preset_that_a_person_chose_holds_for_the_session():
    table = Table(scene=PLAIN)
    table.session.order({"id": 1, "order": "limits", "preset": "child"}, table.now)
    assert table.session.news[-1]["text"] == "The loudness guard is child: no note is louder than 75."
    table.drain()
    assert table.ledger.guard.preset == CHILD
    assert table.session.present_orders() == [{"order": "limits", "preset": "child"}]


def test_an_unknown_preset_is_refused_and_the_guard_stays():
    table = Table(scene=PLAIN)
    table.session.order({"id": 1, "order": "limits", "preset": "chidl"}, table.now)
    assert "Did you mean 'child'?" in table.session.news[-1]["text"]
    table.drain()
    assert table.ledger.guard.preset == STANDARD


def test_a_client_and_a_scene_can_only_be_stricter_than_the_session():
    table = Table(plan=(LOW, "limits = 'very-quiet'\n" + HIGH, "limits = {preset = 'child', loudest = 60}\n" + LOW))
    loudest = []
    table.session.order({"order": "client", "music": {"limits": "child"}}, table.now)
    for _ in range(3):
        table.drain()
        loudest.append(table.ledger.guard.limits.loudest)
        table.session.asked("next-scene", table.now)
    assert loudest == [75, VERY_QUIET.loudest, 60]
    table.session.order({"order": "limits", "preset": "stage"}, table.now)
    table.drain()
    assert table.ledger.guard.limits.loudest == 60


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("limits = 'stage'", "mine.toml: limits: preset = 'stage' turns the loudness guard off."),
        ("limits = 'quiet'", "mine.toml: limits: preset = 'quiet'; known are very-quiet, child, standard."),
        ("limits = 60", "mine.toml: limits = 60; write a preset in quotes"),
        ("limits = {preset = 'child', loudest = 90}", "mine.toml: limits: loudest = 90; with the preset 'child' it is at most 75."),
    ],
)
def test_limits_of_a_scene_that_cannot_be_are_told(text, words):
    with pytest.raises(SceneProblem) as problem:
        read_scene(text + "\n[[voice]]", "mine.toml")
    assert words in str(problem.value)


# ---------------------------------------------------------------- a client's own music


def test_what_a_profile_says_of_the_music_holds_in_every_scene_and_for_a_fresh_session():
    table = Table(plan=(LOW, HIGH))
    board = table.board(sensors=[SWITCH])
    music = {"transpose": -2, "limits": {"preset": "child"}, "response_s": [2.0, 3.5], "scene": "storm"}
    table.session.order({"order": "client", "music": music}, table.now)
    for _ in range(2):
        table.run(0.1)
        board.tap()
        table.run(0.3)
        table.session.asked("next-scene", table.now)
    assert [key for _, key in ons(table)] == [46, 82]
    assert table.session.music.facts["response_s"] == [2.0, 3.5]
    other = Session(read_scene(LOW, "test"), plan=table.session.music.plan)
    for thing in table.session.present_orders():
        other.order(thing, 0.0)
    assert other.present_orders() == table.session.present_orders()
    assert other.music.base == -2 and other.music.facts["response_s"] == [2.0, 3.5]


@pytest.mark.parametrize("music", [None, [], {"transpose": 99}, {"transpose": "up"}, {"limits": "stage"}, {"limits": {"loudest": 300}}])
def test_music_that_cannot_be_changes_nothing(music):
    table = Table()
    table.session.order({"id": 1, "order": "client", "music": music}, table.now)
    assert table.session.news[-1]["ok"] is False
    assert table.session.present_orders() == [] and table.session.limits == []


# ---------------------------------------------------------------- boards that grow, switches that know how hard


def test_a_board_that_shows_one_more_sensor_keeps_what_it_had():
    table = Table(scene=PLAIN)
    board = table.board(sensors=[SWITCH])
    first = table.session.chains[0]
    board.sensors = [SWITCH, OTHER]
    board.reset()
    board.packer, board.edges, board.edge_at, board.pressed = wire.Packer(2), [0, 0], [-10.0, -10.0], [False, False]
    board.hello()
    table.run(0.5)
    board.tap(1)
    table.run(0.2)
    assert table.session.chains[0] is first and [chain.number for chain in table.session.chains] == [0, 1]
    assert ons(table) == [(3, 60)]


# ---------------------------------------------------------------- MPE

MPE = """
[[voice]]
for = ["pressure", "switch"]
notes = 3
mpe = "lower"
controls = [{send = "bend", semitones = 12}, {send = "pressure"}]
[[voice]]
for = "distance"
"""


def test_each_note_of_an_mpe_voice_has_a_channel_of_its_own_and_the_zone_is_told_once():
    table = Table(scene=MPE)
    board = table.board(sensors=[SWITCH, OTHER])
    for sensor in (0, 1):
        board.press(sensor)
        table.run(0.2)
    assert [channel for channel, _ in ons(table)] == [2, 3]
    zone = [event for event in table.receiver.heard if event.kind == Kind.CONTROL and (event.a, event.b) == (100, 6)]
    assert [event.channel for event in zone] == [1]
    board.press(0, False)
    table.run(0.1)
    assert [channel for channel, _ in table.receiver.sounding()] == [3]
    board.unplug()
    assert table.receiver.sounding() == []


def test_the_level_moves_the_note_that_it_holds_and_no_other():
    table = Table(scene=MPE)
    board = table.board(sensors=[SWITCH, PRESSURE])
    rest, full = PRESSURE["rest"], PRESSURE["reach"]
    board.move(1, rest)
    board.press(0)
    table.run(0.5)
    since = len(table.receiver.heard)
    for step in range(20):
        board.move(1, round(rest + (full - rest) * step / 19))
        table.run(0.02)
    channel = ons(table)[1][0]
    assert channel == 3
    moved = {event.channel for event in table.receiver.heard[since:] if event.kind == Kind.PRESSURE}
    assert moved == {3}
    bends = [event.a + 128 * event.b for event in table.receiver.heard if event.kind == Kind.BEND and event.channel == 3]
    assert 8192 + 1990 < max(bends) <= 8192 + round(8191 * 12 / 48)


def test_other_voices_get_the_channels_that_a_zone_leaves():
    scene = read_scene(MPE, "test")
    assert scene.channels == (9, 11, 12, 13, 14, 15, 16)
    assert read_scene("[[voice]]\nmpe = {zone = 'upper', members = 4}", "test").channels == (2, 3, 4, 5, 6, 7, 8, 9, 11)


def test_a_scene_that_ends_closes_its_zone():
    table = Table(plan=(MPE, LOW))
    table.board(sensors=[SWITCH])
    since = len(table.receiver.heard)
    table.session.asked("next-scene", table.now)
    table.drain()
    told = [(event.channel, event.a, event.b) for event in table.receiver.heard[since:] if event.kind == Kind.CONTROL]
    at = told.index((1, 100, 6))
    assert told[at + 1] == (1, 6, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[voice]]\nmpe = 'left'", "zone = 'left'; known are lower, upper"),
        ("[[voice]]\nmpe = {zone = 'lower', members = 16}", "members = 16; write a whole number from 1 to 15"),
        ("[[voice]]\nmpe = 'lower'\nchannel = 3", "channel: with mpe each note has a channel of its own; leave channel out"),
        ("[[voice]]\nmpe = 'lower'\ncontrols = [{send = 'cc 1'}]", 'send = "cc 1"; with mpe a note has bend, pressure and cc 74'),
        ("[[voice]]\nmpe = 'lower'\n[[voice]]\nchannel = 4", "voice 2: its channel 4 belongs to an MPE zone; give the zone fewer members"),
        (
            "[[voice]]\nmpe = {zone = 'lower', members = 15}\n[[voice]]\n",
            "voice 2: its channel belongs to an MPE zone; give the zone fewer members",
        ),
        (
            "[[voice]]\nmpe = {zone = 'lower', members = 8}\n[[voice]]\nmpe = {zone = 'upper', members = 7}",
            "the lower and the upper zone of one output have 15 members and share channel 9",
        ),
    ],
)
def test_zones_that_cannot_be_are_told(text, words):
    with pytest.raises(SceneProblem) as problem:
        read_scene(text, "mine.toml")
    assert words in str(problem.value)


# ---------------------------------------------------------------- the harmony that a therapist plays

FOLLOWS = """
[[voice]]
source = "chord"
notes = 6
order = "random"
octave = 4
voices = 4
"""


def session_with(performance: Performance, seed: int) -> tuple[Table, list[tuple[float, int]], list[str]]:
    """A client presses for 30 to 500 ms, again after 60 to 200 ms, while that is played: (key, time) of each note, and the wrong ones."""
    table, chance = Table(scene=FOLLOWS, start=1000.0), random.Random(seed)
    board, link = table.board(sensors=[SWITCH]), table.keyboard()
    began, messages, down, next_edge, n = table.now, performance.messages, False, 0.3, 0
    while table.now - began < performance.end + 1.0:
        while n < len(messages) and messages[n][0] <= table.now - began:
            table.play(link, messages[n][1])
            n += 1
        if table.now - began >= next_edge:
            down = not down
            board.press(0, down)
            next_edge += chance.uniform(0.03, 0.5) if down else chance.uniform(0.06, 0.2)
        table.run(0.004)
    board.press(0, False)
    table.run(0.2)
    played = [(event.time - began, event.a) for event in table.receiver.heard if event.kind == Kind.NOTE_ON]
    wrong, changes = [], performance.changes
    for time, key in played:
        at = max((n for n, change in enumerate(changes) if change.start <= time), default=-1)
        if at < 0 or (at == 0 and time <= changes[0].clear + 0.1):
            continue
        new, old = changes[at], changes[max(at - 1, 0)]
        if key % 12 not in (new.classes if time > new.clear + 0.1 else new.classes | old.classes):
            wrong.append(f"{time - new.clear:+.2f} s after {old.chord} -> {new.chord} ({new.way}): key {key}")
    return table, played, wrong


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_note_of_a_client_is_outside_the_harmony_100_ms_after_any_of_60_changes_and_no_held_one_is_cut(seed):
    table, played, wrong = session_with(therapist_file(seed), seed)
    assert len(played) > 250
    assert wrong == []
    assert table.receiver.unpaired() == {}
    lengths, begun = [], {}
    for event in table.receiver.heard:
        if event.kind == Kind.NOTE_ON:
            begun[event.channel, event.a] = event.time
        elif event.kind == Kind.NOTE_OFF:
            lengths.append(event.time - begun.pop((event.channel, event.a)))
    assert min(lengths) >= 0.025 and max(lengths) > 0.45


def test_a_keyboard_that_transposes_chooses_the_key_by_the_shorter_way():
    table = Table(scene="key = 'C'\nkeyboard = 'transposes'\n[[voice]]\nnotes = 1")
    board, link = table.board(sensors=[SWITCH]), table.keyboard()
    for key in (62, 69, 48, 67):
        table.play(link, bytes((0x90, key, 80)))
        table.play(link, bytes((0x80, key, 64)))
        board.tap()
        table.run(0.3)
    assert [key for _, key in ons(table)] == [62, 57, 60, 55]


def test_a_keyboard_for_nothing_is_not_followed():
    table = Table(scene="keyboard = 'nothing'\nchords = 'C'\n[[voice]]\nsource = 'chord'\nnotes = 1")
    board, link = table.board(sensors=[SWITCH]), table.keyboard()
    for key in (50, 54, 57):
        table.play(link, bytes((0x90, key, 80)))
    table.run(0.5)
    board.tap()
    table.run(0.2)
    assert [key for _, key in ons(table)] == [60]
