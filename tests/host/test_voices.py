"""Voices: from gestures to notes, with harmony, grid, chords, limits. Invented time, literal notes."""

from __future__ import annotations

import pytest

from reachnote.chords import parse_chord, parse_line
from reachnote.harmony import Harmony
from reachnote.lists import Chance
from reachnote.model import Gesture, Kind, Move
from reachnote.music import SCALES
from reachnote.tempo import Tempo
from reachnote.timeline import Timeline
from reachnote.voice_rule import VoiceProblem, VoiceRule, read_voice
from reachnote.voices import Voice

NAMES = {Kind.NOTE_ON: "on", Kind.NOTE_OFF: "off", Kind.CONTROL: "cc", Kind.PROGRAM: "program", Kind.BEND: "bend"}


def voice(harmony=None, number=0, **written):
    return Voice(read_voice(written), harmony or Harmony(0, SCALES["major"]), number, 2, 1, Tempo(60.0))


def on(time, strength=1.0, zone=-1):
    return Gesture(0, time, Move.ONSET, strength, zone)


def off(time):
    return Gesture(0, time, Move.RELEASE, 0.0, -1)


def zone(time, to):
    return Gesture(0, time, Move.ZONE, 0.5, to)


def said(events):
    return [(NAMES[Kind(e.kind)], e.a) for e in events]


def test_each_onset_brings_the_next_note():
    it = voice(notes=3)
    found = [said(it.gesture(on(n)) + it.gesture(off(n + 0.5))) for n in range(4)]
    assert found == [[("on", key), ("off", key)] for key in (60, 62, 64, 60)]


def test_zones_play_the_note_of_the_place_and_change_without_a_gap():
    it = voice(play="zones", notes=4)
    assert said(it.gesture(on(0, zone=1))) == [("on", 62)]
    assert said(it.gesture(zone(0.5, 3))) == [("off", 62), ("on", 65)]
    assert said(it.gesture(off(1))) == [("off", 65)]


def test_a_triad_ends_exactly_its_own_notes():
    it = voice(chord="triad", notes=3)
    assert said(it.gesture(on(0))) == [("on", 60), ("on", 64), ("on", 67)]
    assert said(it.gesture(off(1))) == [("off", 60), ("off", 64), ("off", 67)]
    assert said(it.gesture(on(2))) == [("on", 62), ("on", 65), ("on", 69)]


def test_an_inversion_and_a_spread_chord():
    assert said(voice(chord="triad", inversion=1).gesture(on(0))) == [("on", 64), ("on", 67), ("on", 72)]
    assert said(voice(chord="triad", spread="open").gesture(on(0))) == [("on", 60), ("on", 67), ("on", 76)]


def test_notes_of_the_chord_of_the_moment_follow_it_and_what_sounds_goes_on():
    harmony = Harmony(0, SCALES["major"], parse_line("C F"))
    it = voice(harmony, source="chord", play="zones", notes=4)
    assert it.keys == (60, 64, 67, 72)
    it.gesture(on(0, zone=1))
    harmony.step()
    assert it.keys == (60, 65, 69, 72)
    assert it.sounding == (64,)
    assert said(it.gesture(zone(1, 2))) == [("off", 64), ("on", 69)]


def test_unclear_harmony_leaves_the_last_chord():
    harmony = Harmony(0, SCALES["major"])
    assert harmony.sounding_chord().classes == (0, 4, 7)
    assert harmony.follow(parse_chord("Am"))
    assert not harmony.follow(None)
    assert harmony.chord.name == "Am"


def test_a_note_ends_on_the_key_that_it_began_with_when_all_is_transposed():
    harmony = Harmony(0, SCALES["major"])
    it = voice(harmony)
    it.gesture(on(0))
    harmony.transpose(5)
    assert said(it.gesture(off(1))) == [("off", 60)]
    assert said(it.gesture(on(2))) == [("on", 67)]
    harmony.transpose(-100)
    assert harmony.shift == -72


def test_quantise_moves_a_start_to_the_beat_and_drops_none():
    it = voice(quantise=100, grid=1.0)
    assert it.gesture(on(0.4)) == []
    assert it.due == 1.0
    assert it.gesture(off(0.6)) == []
    assert said(it.tick(1.0)) == [("on", 60)]
    assert said(it.tick(1.1)) == [("off", 60)]
    assert it.due == float("inf")


def test_quantise_plays_what_waited_at_its_own_time():
    it = voice(quantise=100, grid=1.0)
    it.gesture(on(0.4))
    found = it.tick(1.003)
    assert (said(found), found[0].time) == ([("on", 60)], 1.0)


def test_without_quantise_a_note_is_at_once():
    assert voice(quantise=0).gesture(on(0.4))[0].time == 0.4


def test_more_notes_than_the_limit_end_the_oldest_first():
    it = voice(trigger="latch", voices=2, notes=5)
    for n in range(2):
        it.gesture(on(n))
        it.gesture(off(n + 0.5))
    it = Voice(VoiceRule(trigger="sustain-n", voices=2), Harmony(0, SCALES["major"]), 0, 2, 1)
    found = [said(it.gesture(on(n)) + it.gesture(off(n + 0.5))) for n in range(3)]
    assert found == [[("on", 60)], [("on", 62)], [("off", 60), ("on", 64)]]
    assert it.sounding == (62, 64)
    assert said(it.stop(9)) == [("off", 62), ("off", 64)]


def test_two_starts_of_one_key_end_with_the_last_of_them():
    it = voice(notes=1)
    first, events = it.play((60,), 1.0, 0.0)
    second, more = it.play((60,), 1.0, 1.0)
    assert said(events + more) == [("on", 60), ("off", 60), ("on", 60)]
    assert said(it.end(first, 2.0)) == []
    assert said(it.end(second, 3.0)) == [("off", 60)]
    assert it.end(second, 4.0) == []


def test_bank_and_program_come_before_what_controls_rest_at():
    it = voice(bank=129, program=12, controls=[{"send": "cc 74"}, {"send": "bend"}])
    found = it.begin(0.0)
    assert said(found)[:3] == [("cc", 0), ("cc", 32), ("program", 11)]
    assert said(found)[3] == ("cc", 74) and said(found)[-1][0] == "bend"


def test_a_control_follows_the_level_and_goes_home():
    it = voice(controls=[{"send": "cc 74", "from": 20, "to": 120}])
    it.begin(0.0)
    assert [(e.a, e.b) for e in it.level(0.5, 1.0)] == [(74, 70)]
    assert it.level(0.5, 1.1) == []
    assert [(e.a, e.b) for e in it.level(0.0, 2.0)] == [(74, 20)]
    assert it.level(0.0, 3.0) == []


def test_drums_play_on_channel_10_and_are_not_transposed():
    harmony = Harmony(0, SCALES["major"])
    harmony.transpose(7)
    it = voice(harmony, source="drums", keys="snare, bass drum")
    assert (it.channel, it.keys) == (10, (38, 36))


def test_clusters_are_neighbouring_semitones():
    found = voice(source="clusters", notes=2).gesture(on(0))
    keys = sorted(e.a for e in found)
    assert keys == list(range(keys[0], keys[0] + 3))


def test_the_loudness_is_written_or_follows_the_gesture():
    assert voice(velocity=80).velocity(1.0) == 80
    assert voice(velocity=80).velocity(0.0) == 44
    told = voice(velocity={"from": "speed", "floor": 30, "ceiling": 90})
    assert [told.velocity(s) for s in (0.0, 0.5, 1.0)] == [30, 60, 90]
    assert voice(velocity={"from": "fixed", "ceiling": 77}).velocity(0.1) == 77


def test_wandering_plays_another_note_at_the_clients_own_moment():
    it = voice(notes=4)
    it.wander(Chance(3))
    found = it.gesture(on(1.0))
    assert found[0].a != 60 and found[0].time == 1.0


def test_what_was_forgotten_is_not_ended_again():
    it = voice(trigger="latch")
    it.gesture(on(0))
    it.forget()
    assert it.stop(1) == [] and it.due == float("inf")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"source": "keys"}, 'source = "keys" needs keys, as in keys = "C4 E4 G4".'),
        ({"source": "keys", "keys": "C4 H4"}, "'H4' is no key; write a note and its octave, as in C4 or F#3."),
        ({"source": "keys", "keys": "C14"}, "'C14' is outside the keyboard; keys go from C-1 to G9."),
        ({"widths": [1, 2], "notes": 3}, "widths = [1, 2]; write as many numbers as there are notes (3)."),
        ({"widths": [1, 100], "notes": 2}, "widths = [1, 100]; no zone may be narrower than 2 % of the whole."),
        ({"trigger": "latsh"}, "Did you mean 'latch'?"),
        ({"trigger": {"mode": "dwell", "dwel_s": 1}}, "trigger 'dwell': unknown option 'dwel_s'; known are dwell_s, accept_s."),
        ({"gesture": {"name": "long-press", "hold": 1}}, "Did you mean 'hold_s'?"),
        ({"velocity": {"floor": 99, "ceiling": 20}}, "floor = 99 is above ceiling = 20"),
        ({"controls": [{"send": "cc"}]}, 'write "cc 74", "cc14 1", "bend" or "pressure"'),
        ({"controls": [{"send": "cc 174"}]}, "number = 174; write a whole number from 0 to 119"),
        ({"steers": "transpse"}, "Did you mean 'transpose'?"),
        ({"steps": [1]}, 'steps belong to steers = "transpose"'),
        ({"transpose": 99}, "transpose = 99; write a whole number from -36 to 36"),
        ({"chord": "triat"}, "Did you mean 'triad'?"),
    ],
    ids=range(15),
)
def test_a_voice_that_cannot_be_says_the_key_and_what_is_allowed(written, says):
    with pytest.raises(VoiceProblem) as caught:
        read_voice(written)
    assert says in str(caught.value)


def test_own_widths_become_shares_of_the_reach():
    assert read_voice({"widths": [2, 1, 1], "notes": 3, "play": "zones"}).shares == (512, 768)


# ---------------------------------------------------------------- the timeline


def test_a_timeline_gives_back_in_order_of_time_and_of_adding():
    line: Timeline[str] = Timeline(3)
    assert line.due == float("inf")
    for time, thing in ((2.0, "b"), (1.0, "a"), (2.0, "c")):
        assert line.add(time, thing)
    assert not line.add(3.0, "d") and line.refused == 1
    assert line.due == 1.0
    assert line.take(0.5) == []
    assert line.take(2.0) == [(1.0, "a"), (2.0, "b"), (2.0, "c")]
    assert len(line) == 0
