"""Real programs hear what is sent: a private JACK server, FluidSynth, ZynAddSubFX and Yoshimi, judged by their sound.

With REACHNOTE_FIGURES naming a file, the measured times are added to it as JSON.
"""

import json
import os
import random
import time

import pytest

from reachnote.model import Event, Kind, note_off, note_on
from reachnote.outputs import open_output as open_now
from support.jack import Jack, end, missing, pitch, pitches, wait_until

pytest.importorskip("rtmidi", reason="python-rtmidi is not installed here")
LACKING = missing("fluidsynth")
pytestmark = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))

C4, G4, A4 = 261.63, 392.00, 440.00
OCARINA = Event(Kind.PROGRAM, 1, 79, 0, 1, 1, 0.0)  # nearly a pure tone


@pytest.fixture
def jack(monkeypatch):
    with Jack() as server:
        for key, value in server.variables().items():
            monkeypatch.setenv(key, value)
        yield server


@pytest.fixture
def open_output():
    """open_output, closed before the server ends: JACK finds a forgotten client again in the next server of its name."""
    opened = []

    def open_here(*spec):
        opened.append(open_now(*spec))
        return opened[-1]

    yield open_here
    for output in opened:
        output.close()


def on(key, velocity=100, channel=1):
    return note_on(channel, key, velocity, 1, time.monotonic())


def off(key, channel=1):
    return note_off(channel, key, 1, time.monotonic())


def level(sound):
    return float(abs(sound).max())


def beat_until(output, true, seconds=10.0):
    wait_until(lambda: (output.beat(time.monotonic()), true())[1], seconds)


def figures(name, values):
    """Print the measured values, and add them to the file that REACHNOTE_FIGURES names."""
    print(f"\n{name}: {json.dumps(values)}")
    path = os.environ.get("REACHNOTE_FIGURES")
    if not path:
        return
    known = {}
    if os.path.exists(path):
        with open(path) as file:
            known = json.load(file)
    with open(path, "w") as file:
        json.dump({**known, name: values}, file, indent=2)


@pytest.mark.parametrize(("key", "hertz"), [(60, C4), (67, G4), (69, A4)])
def test_a_port_found_by_name_sounds_at_the_pitch_of_the_note(jack, key, hertz, open_output):
    with jack.fluidsynth(), jack.recorder("fsm:left") as ear:
        output = open_output("midi:fsm")
        assert output.trouble() is None
        silence = level(ear.hear(0.2))
        output.send(OCARINA)
        output.send(on(key))
        sound = ear.hear(1.0)
        output.send(off(key))
        output.close()
    assert silence < 0.001 < 0.02 < level(sound)
    assert pitch(sound, jack.rate) == pytest.approx(hertz, rel=0.005)


def test_our_own_port_connected_by_hand_sounds_a_chord(jack, open_output):
    with jack.fluidsynth(), jack.recorder("fsm:left") as ear:
        output = open_output("midi:virtual")
        jack.connect("reachnote:reachnote", "fsm:midi_00")
        output.send(OCARINA)
        for key in (60, 67, 69):
            output.send(on(key))
        sound = ear.hear(1.0)
        output.close()
    assert pitches(sound, jack.rate, 3) == pytest.approx([C4, G4, A4], rel=0.005)


def test_a_receiver_gets_the_very_bytes_in_order(jack, open_output):
    with jack.midi_sink() as sink:
        output = open_output("midi:virtual", "Blue pads")
        jack.connect("Blue pads:Blue pads", sink.port)
        for event in (on(60, 1, 16), Event(Kind.BEND, 2, 1, 65, 1, 1, 0.0), Event(Kind.PROGRAM, 3, 9, 0, 1, 1, 0.0), off(60, 16)):
            output.send(event)
        sink.wait_for(4)
        output.close()
    assert [message for _, message in sink.received] == [b"\x9f\x3c\x01", b"\xe1\x01\x41", b"\xc2\x09", b"\x8f\x3c\x40"]
    assert sink.sounding() == set()


def test_the_sound_output_plays_without_any_midi_port(jack, open_output):
    output = open_output("sound:,driver=jack")
    try:
        beat_until(output, lambda: output.trouble() is None)
        with jack.recorder("reachnote:left") as ear:
            assert level(ear.hear(0.2)) < 0.0001
            output.send(on(69))
            sound = ear.hear(1.0)
            assert pitch(sound, jack.rate) == pytest.approx(A4, rel=0.005)
            assert 0.01 < level(sound) < 0.1  # quiet: 20 to 40 dB below full scale
    finally:
        output.close()
    wait_until(lambda: "reachnote:left" not in jack.ports())


def test_the_wav_of_what_was_played_has_its_pitch(tmp_path, open_output):
    import wave

    import numpy

    output = open_output(f"sound:{tmp_path}/demo.wav")
    output.send(note_on(1, 69, 100, 1, 10.0))
    output.send(note_off(1, 69, 1, 12.0))
    output.close()
    assert output.trouble() is None
    with wave.open(f"{tmp_path}/demo.wav") as file:
        rate = file.getframerate()
        sound = numpy.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[:, 0] / 32768
    assert len(sound) > 2.0 * rate
    assert pitch(sound[: 2 * rate], rate) == pytest.approx(A4, rel=0.005)


def onsets(sound, seconds, rate, threshold, quiet):
    """The seconds at which `sound` rises over `threshold` after `quiet` seconds below it."""
    import numpy

    loud = numpy.flatnonzero(abs(sound) > threshold)
    first = numpy.concatenate(([True], numpy.diff(loud) > quiet * rate)) if len(loud) else loud.astype(bool)
    return seconds[loud[first]]


def measure(jack, output, ear):
    """Sorted milliseconds from decision to sound; a machine that stood still meanwhile gets two more tries."""
    for _ in range(3):
        late = measure_once(jack, output, ear)
        if late:
            return late
    raise AssertionError("not every note was heard, three times over")


def measure_once(jack, output, ear, count=80):
    """Milliseconds from the call of `send` to the first loud sample of each wood block; [] when not all were heard apart."""
    chance = random.Random(1)
    output.send(Event(Kind.PROGRAM, 1, 115, 0, 1, 1, time.monotonic()))  # wood block: loud at once, short
    time.sleep(0.3)
    for _ in range(2):
        output.send(on(76, 127))
        time.sleep(0.3)
    ear.clear()
    time.sleep(0.05)
    sent = []
    for _ in range(count):
        event = on(76, 127)
        sent.append(time.monotonic())
        output.send(event)
        time.sleep(0.04)
        output.send(off(76))
        time.sleep(0.16 + chance.random() * 0.02)
    sound, seconds = ear.audio()
    heard = onsets(sound, seconds, jack.rate, level(sound) / 5, 0.08)
    if len(heard) != count:
        print(f"{len(heard)} notes were heard apart of {count}")
        return []
    return sorted(1000 * (at - begin) for begin, at in zip(sent, heard, strict=True))


def summary(late, jack):
    return {
        "notes": len(late),
        "period_frames": jack.period,
        "rate_hz": jack.rate,
        "p50_ms": round(late[len(late) // 2], 2),
        "p99_ms": round(late[int(len(late) * 0.99)], 2),
        "max_ms": round(late[-1], 2),
    }


@pytest.mark.long
def test_decision_to_sound_through_a_midi_port_stays_under_20_ms(jack, open_output):
    with jack.fluidsynth(), jack.recorder("fsm:left") as ear:
        output = open_output("midi:fsm")
        late = measure(jack, output, ear)
        output.close()
    figures("decision_to_sound_midi_jack_fluidsynth", summary(late, jack))
    assert late[0] > 0.0
    assert late[len(late) // 2] < 20.0


@pytest.mark.long
def test_decision_to_sound_through_the_sound_output_stays_under_20_ms(jack, open_output):
    output = open_output("sound:,driver=jack")
    try:
        beat_until(output, lambda: output.trouble() is None)
        with jack.recorder("reachnote:left") as ear:
            late = measure(jack, output, ear)
    finally:
        output.close()
    figures("decision_to_sound_child_fluidsynth", summary(late, jack))
    assert late[0] > 0.0
    assert late[len(late) // 2] < 20.0


def test_decision_to_midi_bytes_at_the_receiver_stays_under_10_ms(jack, open_output):
    with jack.midi_sink() as sink:
        output = open_output("midi:virtual")
        jack.connect("reachnote:reachnote", sink.port)
        chance, sent = random.Random(2), []
        for turn in range(200):
            event = on(60 + turn % 12)
            sent.append(time.monotonic())
            output.send(event)
            time.sleep(0.01 + chance.random() * 0.005)
        sink.wait_for(200)
        output.close()
    late = sorted(1000 * (at - begin) for begin, (at, _) in zip(sent, sink.received, strict=True))
    figures("decision_to_midi_bytes_jack", summary(late, jack))
    assert late[0] > 0.0
    assert late[100] < 10.0


@pytest.mark.parametrize(
    ("program", "port", "ear_at"),
    [("zynaddsubfx", "midi:zynaddsubfx", "zynaddsubfx:out_1"), ("yoshimi", "midi:yoshimi", "yoshimi:left")],
)
def test_other_synthesizers_sound_at_the_pitch_of_the_note(jack, program, port, ear_at, open_output):
    if lacking := missing(program):
        pytest.skip(lacking)
    with getattr(jack, program)(), jack.recorder(ear_at) as ear:
        output = open_output(port)
        assert output.trouble() is None
        noise = level(ear.hear(0.3))
        output.send(on(69))
        sound = ear.hear(1.5)
        output.send(off(69))
        output.close()
    assert level(sound) > max(0.01, 10 * noise)
    assert pitch(sound, jack.rate) == pytest.approx(A4, rel=0.01)


def test_a_synthesizer_that_is_killed_and_started_again_plays_again(jack, capfd, open_output):
    with jack.fluidsynth() as synth:
        output = open_output("midi:fsm")
        synth.kill()
        synth.wait()
        beat_until(output, lambda: output.trouble() is not None)
        assert output.trouble().startswith("There is no MIDI port 'fsm' now")
        output.send(on(60))
        output.send(off(60))
    with jack.fluidsynth(), jack.recorder("fsm:left") as ear:
        beat_until(output, lambda: output.trouble() is None)
        assert (output.lost_and_found(), output.lost_and_found()) == (True, False)
        assert level(ear.hear(0.3)) < 0.001  # the note from while it was away does not sound
        output.send(on(69))
        assert pitch(ear.hear(1.0), jack.rate) == pytest.approx(A4, rel=0.005)
        output.close()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("spec", ["midi:virtual", "midi:fsm"])
def test_a_jack_server_that_is_killed_and_started_again_is_found_again(jack, spec, capfd, open_output):
    with jack.fluidsynth():
        output = open_output(spec)
        assert output.trouble() is None
        jack.server.kill()
        jack.stop()
        beat_until(output, lambda: output.trouble() is not None)
        assert output.trouble().startswith("No JACK server answers")
    jack.start()
    with jack.fluidsynth():
        beat_until(output, lambda: output.trouble() is None)
        assert output.lost_and_found() is True
        if spec == "midi:virtual":
            jack.connect("reachnote:reachnote", "fsm:midi_00")
        with jack.recorder("fsm:left") as ear:
            output.send(on(69))
            assert pitch(ear.hear(1.0), jack.rate) == pytest.approx(A4, rel=0.005)
        output.close()
    assert capfd.readouterr().err == ""


def test_before_any_jack_server_the_output_waits_and_starts_none(monkeypatch, capfd, open_output):
    jack = Jack()
    for key, value in jack.variables().items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("JACK_NO_START_SERVER")
    output = open_output("midi:virtual,api=jack")
    assert output.trouble().startswith("No JACK server answers")
    with jack:
        beat_until(output, lambda: output.trouble() is None)
        assert "reachnote:reachnote" in jack.ports()
        output.close()
    assert capfd.readouterr().err == ""


def test_a_killed_fluidsynth_child_is_started_again_and_sounds(jack, open_output):
    output = open_output("sound:,driver=jack")
    try:
        beat_until(output, lambda: output.trouble() is None)
        end(output._child)
        beat_until(output, lambda: output.lost_and_found())
        with jack.recorder("reachnote:left") as ear:
            output.send(on(69))
            assert pitch(ear.hear(1.0), jack.rate) == pytest.approx(A4, rel=0.005)
    finally:
        output.close()
