"""FluidSynth as a child: its lines, its end, its absence. A stand-in program writes down what it was told."""

import os
import stat
import sys
import textwrap

import pytest

from reachnote.model import Event, Kind, note_off, note_on
from reachnote.outputs import OutputProblem, open_output
from reachnote.outputs.sound import command

STAND_IN = """
    #!{python} -u
    import sys
    with open("{log}", "a", buffering=1) as log:
        print(*sys.argv[1:], file=log)
        if "-F" in sys.argv:
            open(sys.argv[sys.argv.index("-F") + 1], "wb").write(b"RIFF of " + open(sys.argv[-1], "rb").read(4))
            sys.exit({code})
        print("> ", end="")
        for line in sys.stdin:
            word, _, rest = line.partition(" ")
            if word == "echo":
                print(line + rest, end="")
            elif word == "cc" and rest.startswith("0 99"):
                sys.exit(3)
            else:
                log.write(line)
        log.write("end\\n")
"""


@pytest.fixture
def fluidsynth(tmp_path, monkeypatch):
    """Put the stand-in first on the path; what it was told is in the returned file."""
    return install(tmp_path, monkeypatch)


def install(tmp_path, monkeypatch, code=0):
    log = tmp_path / "log"
    program = tmp_path / "bin" / "fluidsynth"
    program.parent.mkdir()
    program.write_text(textwrap.dedent(STAND_IN).strip().format(python=sys.executable, log=log, code=code))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "some.sf2").touch()
    monkeypatch.setenv("PATH", str(program.parent))
    return log


def started(tmp_path, extra=""):
    output = open_output(f"sound:,driver=jack,soundfont={tmp_path}/some.sf2{extra}")
    until_ready(output)
    return output


def until_ready(output, now=10.0):
    while output.trouble() is not None:
        output.beat(now)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (b"\x90\x3c\x40", b"noteon 0 60 64\n"),
        (b"\x8f\x3c\x40", b"noteoff 15 60\n"),
        (b"\xb1\x40\x7f", b"cc 1 64 127\n"),
        (b"\xc2\x30", b"prog 2 48\n"),
        (b"\xd0\x46", b"cc 0 1 70\n"),
        (b"\xe0\x00\x40", b"pitch_bend 0 8192\n"),
        (b"\xe0\x7f\x7f", b"pitch_bend 0 16383\n"),
    ],
)
def test_a_message_is_one_line_of_fluidsynths_shell(message, line):
    assert command(message) == line


def test_events_reach_fluidsynth_in_order_and_closing_ends_it(tmp_path, fluidsynth):
    output = started(tmp_path)
    output.send(note_on(2, 60, 64, 1, 10.0))
    output.send(note_off(2, 60, 1, 10.5))
    child = output._child
    output.close()
    assert child.returncode == 0
    assert fluidsynth.read_text().splitlines()[1:] == ["noteon 1 60 64", "noteoff 1 60", "end"]


def test_it_starts_quietly_without_midi_system_and_under_the_given_name(tmp_path, fluidsynth):
    started(tmp_path).close()
    told = fluidsynth.read_text().splitlines()[0].split()
    assert "synth.gain=0.2" in told
    assert "audio.jack.id=reachnote" in told
    assert "-n" in told
    assert told[-1] == f"{tmp_path}/some.sf2"


def test_a_gain_may_be_given(tmp_path, fluidsynth):
    started(tmp_path, ",gain=0.5").close()
    assert "synth.gain=0.5" in fluidsynth.read_text().splitlines()[0].split()


def test_what_is_played_before_it_is_ready_does_not_sound_late_but_ends_arrive(tmp_path, fluidsynth):
    output = open_output(f"sound:,driver=jack,soundfont={tmp_path}/some.sf2")
    output.send(note_on(1, 60, 64, 1, 0.0))
    output.send(note_off(1, 60, 1, 0.0))
    until_ready(output)
    output.close()
    assert fluidsynth.read_text().splitlines()[1:] == ["noteoff 0 60", "end"]
    assert output.dropped == 1


def test_when_fluidsynth_ends_it_is_told_and_started_again(tmp_path, fluidsynth):
    output = started(tmp_path)
    assert output.lost_and_found() is False
    child = output._child
    output.send(Event(Kind.CONTROL, 1, 99, 0, 1, 1, 10.0))  # the stand-in ends itself at this one
    child.wait()
    output.send(note_off(1, 60, 1, 10.0))
    assert output.trouble().startswith("FluidSynth ended, so this computer makes no sound. It is started again by itself")
    until_ready(output, now=20.0)
    assert (output.lost_and_found(), output.lost_and_found()) == (True, False)
    output.close()
    assert fluidsynth.read_text().splitlines()[2:] == ["noteoff 0 60", "end"]


def test_a_fluidsynth_that_takes_nothing_more_never_makes_send_wait(tmp_path, fluidsynth):
    import signal

    output = started(tmp_path)
    child = output._child
    os.kill(child.pid, signal.SIGSTOP)
    try:
        for turn in range(20_000):
            output.send(note_on(1, turn % 128, 64, 1, 10.0))
        assert len(output._backlog) > 0
        assert output.dropped > 0
    finally:
        os.kill(child.pid, signal.SIGCONT)
    output.close()


def test_a_killed_player_leaves_no_fluidsynth(tmp_path, fluidsynth):
    import signal
    import subprocess

    program = textwrap.dedent(f"""
        import os, signal
        from reachnote.outputs import open_output
        output = open_output("sound:,driver=jack,soundfont={tmp_path}/some.sf2")
        while output.trouble():
            output.beat(10.0)
        print(output._child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    path = os.pathsep.join(sys.path)
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    # The orphan's stdout was a pipe of the dead player; its log says that it came to its end by itself.
    for _ in range(200):
        if fluidsynth.read_text().endswith("end\n"):
            break
        os.sched_yield() if _ < 100 else __import__("select").select([], [], [], 0.05)
    assert fluidsynth.read_text().endswith("end\n")


def test_without_fluidsynth_the_sentence_has_the_apt_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutputProblem) as problem:
        open_output("sound:")
    assert str(problem.value) == (
        "FluidSynth is not installed, so this computer makes no sound itself. "
        "On Debian and Ubuntu: sudo apt install fluidsynth timgm6mb-soundfont"
    )


def test_without_a_soundfont_the_sentence_has_the_apt_line(fluidsynth, monkeypatch):
    monkeypatch.setattr("reachnote.outputs.sound._SOUNDFONTS", ())
    with pytest.raises(OutputProblem, match=r"There is no SoundFont, so FluidSynth has no instruments.*apt install"):
        open_output("sound:")
    with pytest.raises(OutputProblem, match=r"'/nowhere/x.sf2'"):
        open_output("sound:,soundfont=/nowhere/x.sf2")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the signs of sound systems are Linux's")
def test_a_missing_sound_card_is_told_and_waited_for(tmp_path, fluidsynth, monkeypatch):
    monkeypatch.setattr("reachnote.outputs.sound.available_drivers", list)
    output = open_output(f"sound:,soundfont={tmp_path}/some.sf2")
    assert output.trouble().startswith("There is no sound card and no sound server")
    monkeypatch.setattr("reachnote.outputs.sound.available_drivers", lambda: ["jack"])
    until_ready(output)
    output.close()
    assert fluidsynth.read_text().endswith("end\n")


def test_a_wav_is_made_of_what_was_played_when_closing(tmp_path, fluidsynth):
    output = open_output(f"sound:{tmp_path}/demo.wav,soundfont={tmp_path}/some.sf2")
    output.send(note_on(1, 60, 64, 1, 10.0))
    output.close()
    assert (tmp_path / "demo.wav").read_bytes() == b"RIFF of MThd"
    assert sorted(os.listdir(tmp_path)) == ["bin", "demo.wav", "log", "some.sf2"]
    assert output.trouble() is None


def test_when_a_wav_cannot_be_made_the_notes_are_kept(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, code=1)
    output = open_output(f"sound:{tmp_path}/demo.wav,soundfont={tmp_path}/some.sf2")
    output.send(note_on(1, 60, 64, 1, 10.0))
    output.close()
    assert output.trouble() == (
        f"'{tmp_path}/demo.wav' was not made (FluidSynth stopped early). "
        f"The notes are kept in '{tmp_path}/demo.wav.mid'; play that file with any synthesizer."
    )
    assert (tmp_path / "demo.wav.mid").read_bytes()[:4] == b"MThd"


@pytest.mark.parametrize("spec", ["sound:demo.mp3", "sound:,gain=9", "sound:,driver=tape", "sound:,volume=1"])
def test_a_spec_that_can_never_work_is_refused(spec):
    with pytest.raises(OutputProblem):
        open_output(spec)
