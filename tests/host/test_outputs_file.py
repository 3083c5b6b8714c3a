"""A MIDI file that is always whole, and a part file that a crash cannot take."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import mido
import pytest

from reachnote.model import Event, Kind, note_off, note_on, order
from reachnote.outputs import OutputProblem, file, open_output

TUNE = [
    (order(Kind.NAME, 1000.0, 7), "Grüne Matte am linken Fuß"),
    (order(Kind.NAME, 1000.0, 2), "Blue pads"),
    (note_on(2, 60, 64, 7, 1000.5), ""),
    (note_on(3, 64, 80, 2, 1000.75), ""),
    (Event(Kind.BEND, 3, 0, 64, 2, 1, 1000.8), ""),
    (Event(Kind.LEVEL, 0, 5, 5, 2, 1, 1000.85), ""),
    (note_off(2, 60, 7, 1001.0), ""),
    (note_off(3, 64, 2, 1002.0), ""),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.mid"


def play(output, tune=TUNE):
    for event, text in tune:
        output.send(event, text)


def tracks(path):
    """{track name: [(tick from the beginning, message without its time), ...]} of the tracks that sound."""
    found = {}
    for track in mido.MidiFile(path, charset="utf-8").tracks[1:]:
        tick, found[track.name] = 0, []
        for message in track:
            tick += message.time
            if not message.is_meta:
                found[track.name].append((tick, str(message.copy(time=0)).removesuffix(" time=0")))
    return found


def test_each_source_has_a_track_with_its_name_and_times_count_from_the_first_event(path):
    output = open_output(f"file:{path}")
    play(output)
    output.close()
    assert tracks(path) == {
        "Blue pads": [
            (720, "note_on channel=2 note=64 velocity=80"),
            (768, "pitchwheel channel=2 pitch=0"),
            (1920, "note_off channel=2 note=64 velocity=64"),
        ],
        "Grüne Matte am linken Fuß": [
            (480, "note_on channel=1 note=60 velocity=64"),
            (960, "note_off channel=1 note=60 velocity=64"),
        ],
    }
    assert os.listdir(path.parent) == ["session.mid"]


def test_the_file_is_format_1_with_480_ticks_a_quarter_at_120(path):
    output = open_output(f"file:{path}")
    play(output)
    output.close()
    seen = mido.MidiFile(path)
    assert (seen.type, seen.ticks_per_beat, seen.tracks[0][0].tempo) == (1, 480, 500_000)
    assert seen.length == pytest.approx(2.0)


def test_the_same_events_give_the_same_bytes(tmp_path):
    for name in ("a.mid", "b.mid"):
        output = open_output(f"file:{tmp_path}/{name}")
        play(output)
        output.close()
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_nothing_played_is_still_a_valid_file(path):
    open_output(f"file:{path}").close()
    assert tracks(path) == {}


def test_time_never_goes_back_and_a_note_keeps_its_end_behind_its_beginning(path):
    output = open_output(f"file:{path}")
    play(output, [(note_on(1, 60, 64, 1, 10.0), ""), (note_on(1, 61, 64, 1, 11.0), ""), (note_off(1, 61, 1, 10.5), "")])
    output.close()
    assert tracks(path)["sensor 1"] == [
        (0, "note_on channel=0 note=60 velocity=64"),
        (960, "note_on channel=0 note=61 velocity=64"),
        (960, "note_off channel=0 note=61 velocity=64"),
        (960, "note_off channel=0 note=60 velocity=64"),
    ]


def test_a_killed_process_loses_nothing_that_was_played(path):
    program = textwrap.dedent(f"""
        import os, signal
        from reachnote.model import note_on
        from reachnote.outputs import open_output
        output = open_output("file:{path}")
        for key in range(100):
            output.send(note_on(1, key, 64, 1, key / 10))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert file.recover(str(path)) is True
    seen = tracks(path)["sensor 1"]
    assert seen[:100] == [(key * 96, f"note_on channel=0 note={key} velocity=64") for key in range(100)]
    assert seen[100:] == [(99 * 96, f"note_off channel=0 note={key} velocity=64") for key in range(100)]
    assert file.recover(str(path)) is False


def crash(output):
    """What a killed process leaves: the descriptor is closed, nothing else is done."""
    os.close(output._fd)


@pytest.mark.parametrize(
    ("later", "tick"),
    [(1003.0, 1920), (1062.0, 58560), (1062.1, 1920), (3.0, 1920)],
    ids=["a second later", "a minute later", "more than a minute later", "the clock began anew"],
)
def test_opening_again_after_a_crash_goes_on_behind_what_was_there(path, later, tick):
    first = open_output(f"file:{path}")
    first.send(note_on(1, 60, 64, 1, 1001.0))
    first.send(note_off(1, 60, 1, 1002.0))
    crash(first)
    second = open_output(f"file:{path}")
    second.send(note_on(1, 62, 64, 1, later))
    second.close()
    assert tracks(path)["sensor 1"][2] == (tick, "note_on channel=0 note=62 velocity=64")


def test_a_note_that_a_crash_left_sounding_ends_where_the_crash_was(path):
    first = open_output(f"file:{path}")
    first.send(note_on(1, 60, 64, 1, 10.0))
    first.send(note_on(1, 61, 64, 1, 11.0))
    first.send(note_off(1, 61, 1, 12.0))
    crash(first)
    second = open_output(f"file:{path}")
    second.send(note_on(1, 62, 64, 1, 13.0))
    second.close()
    assert tracks(path)["sensor 1"][3] == (1920, "note_off channel=0 note=60 velocity=64")


@pytest.mark.parametrize("torn", range(1, 32))
def test_a_torn_last_record_costs_only_itself(path, torn):
    output = open_output(f"file:{path}")
    play(output)
    crash(output)
    part = path.parent / "session.mid.part"
    os.truncate(part, part.stat().st_size - torn)
    again = open_output(f"file:{path}")
    again.send(note_on(3, 65, 80, 2, 1002.5))
    again.close()
    assert [what for _, what in tracks(path)["Blue pads"]] == [
        "note_on channel=2 note=64 velocity=80",
        "pitchwheel channel=2 pitch=0",
        "note_off channel=2 note=64 velocity=64",  # made by the recovery, the torn one said the same
        "note_on channel=2 note=65 velocity=80",
        "note_off channel=2 note=65 velocity=64",
    ]


def test_any_damaged_byte_costs_one_record(path):
    output = open_output(f"file:{path}")
    play(output)
    crash(output)
    whole = (path.parent / "session.mid.part").read_bytes()
    records = len(list(file.unpack(whole)))
    for at in range(32, len(whole)):
        damaged = whole[:at] + bytes((whole[at] ^ 0x55,)) + whole[at + 1 :]
        assert len(list(file.unpack(damaged))) == records - 1


@pytest.mark.parametrize("step", ["save", "fsync", "replace"])
def test_when_finishing_fails_the_old_file_is_whole_and_the_part_is_kept(path, step, monkeypatch):
    path.write_bytes(b"the old file")
    output = open_output(f"file:{path}")
    play(output)

    def fails(*args, **kwargs):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(*{"save": (mido.MidiFile, "save"), "fsync": (os, "fsync"), "replace": (os, "replace")}[step], fails)
    output.close()
    assert output.trouble() == (
        f"'{path}' is not being written: The disk is full. Playing goes on. Make room; it goes on by itself. "
        f"What was played is kept in '{path}.part'; opening the same file again goes on with it."
    )
    assert path.read_bytes() == b"the old file"
    assert sorted(os.listdir(path.parent)) == ["session.mid", "session.mid.part"]
    monkeypatch.undo()
    assert file.recover(str(path)) is True
    assert len(tracks(path)["Blue pads"]) == 3


def test_a_full_disk_costs_no_event_when_room_comes_back(path, monkeypatch):
    output = open_output(f"file:{path}")
    real, room = os.write, [40]

    def full(fd, data):
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "no space")
        written = real(fd, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", full)
    play(output)
    assert (
        output.trouble() == f"'{path}' is not being written: The disk is full. Playing goes on. Make room; it goes on by itself."
    )
    monkeypatch.undo()
    output.beat(1.0)
    assert output.trouble() is None
    assert output.dropped == 0
    output.close()
    assert [len(track) for track in tracks(path).values()] == [3, 2]


def test_on_a_full_disk_memory_is_bounded_and_drops_are_counted(path, monkeypatch):
    output = open_output(f"file:{path}")

    def full(fd, data):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "write", full)
    for turn in range(8192 + 100):
        output.send(note_on(1, 60, 64, 1, turn / 100))
    output.send(note_off(1, 60, 1, 100.0))
    assert (len(output._waiting), output.dropped) == (8193 * 32, 100)


def test_a_folder_that_is_missing_is_waited_for_and_nothing_is_lost(tmp_path):
    path = tmp_path / "stick" / "session.mid"
    output = open_output(f"file:{path}")
    assert output.trouble() == (
        f"'{path}' is not being written: Its folder is not there. Playing goes on. "
        "Make the folder or plug the disk in; it goes on by itself."
    )
    play(output)
    path.parent.mkdir()
    output.beat(1.0)
    assert output.trouble() is None
    output.close()
    assert [len(track) for track in tracks(path).values()] == [3, 2]


def test_a_folder_that_may_not_be_written_is_told(path, monkeypatch):
    def closed(*args, **kwargs):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(os, "open", closed)
    assert "may not be written by you" in open_output(f"file:{path}").trouble()


def test_two_outputs_never_write_one_file(path):
    first = open_output(f"file:{path}")
    with pytest.raises(OutputProblem, match="Another reachnote is writing it"):
        open_output(f"file:{path}")
    play(first)
    first.close()
    assert len(tracks(path)) == 2


def test_when_nothing_was_played_an_older_file_stays(path):
    path.write_bytes(b"the old file")
    open_output(f"file:{path}").close()
    assert path.read_bytes() == b"the old file"
    assert os.listdir(path.parent) == ["session.mid"]


def test_a_part_file_of_something_else_is_not_touched(path):
    part = path.parent / "session.mid.part"
    part.write_bytes(b"my diary")
    output = open_output(f"file:{path}")
    assert "is a file of something else" in output.trouble()
    play(output)
    output.close()
    assert part.read_bytes() == b"my diary"


@pytest.mark.parametrize("spec", ["file:", "file:song.wav", "file:x.mid,tempo=3"])
def test_a_spec_that_can_never_work_is_refused(spec):
    with pytest.raises(OutputProblem):
        open_output(spec)
