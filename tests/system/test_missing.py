"""Without network, room on the disk, a home or a MIDI library: play starts or goes on, and says what is missing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.asking import OBEDIENT, Table, ask, place
from support.running import until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the network or the disk away")


# ---------------------------------------------------------------- network


@needs_root
def test_without_any_network_everything_local_works(tmp_path):
    table = Table(tmp_path, links=("osc:19139",), before=("unshare", "--net"))
    try:
        table.taps(2)
        assert table.asks("silence").code == 0 and table.running.told("problem") is None
        assert ask(table.running.env, "check", before=("unshare", "--net")).code == 0
    finally:
        table.close()


# ---------------------------------------------------------------- disk


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(folder)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


@needs_root
def test_a_full_disk_ends_the_recording_with_one_sentence_and_playing_goes_on(tmp_path, small_disk):
    path = small_disk / "session.jsonl"
    table = Table(tmp_path, "--record", str(path))
    try:
        until(lambda: table.running.told(f"Recording to {path}."), 3, "that it records")
        until(lambda: table.running.told("the disk is full"), 10, "a sentence about the disk")
        assert table.running.status()["recording"] == ""
        table.taps(3)
        line = f"Not recording: {path} cannot be written, because the disk is full. Playing goes on. Choose another place"
        assert table.running.said().count("cannot be written") == 1 and line in table.running.said()
    finally:
        assert table.close() == 0
    kept = path.read_bytes()
    assert len(kept) >= 24 * 1024 and kept.startswith(b'{"reachnote-journal"')
    assert ask(place(tmp_path), "replay", str(path)).code == 0  # what was written until then is a journal


def test_a_home_that_cannot_be_written_is_said_and_play_starts(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    table = Table(tmp_path, before=OBEDIENT, HOME=str(home), REACHNOTE_STATE=None, XDG_STATE_HOME=None)
    try:
        said = "The home folder cannot be written, so client and scene are not remembered for next time. Playing works."
        assert table.running.told(said)
        table.taps()
        checked = ask(table.running.env, "check", before=OBEDIENT)
        assert checked.code == 0 and "missing  Memory of last time: The home folder cannot be" in checked.out
    finally:
        table.close()


# ---------------------------------------------------------------- MIDI libraries

HIDDEN = "raise ImportError('not here')\n"
BROKEN = """API_UNSPECIFIED, API_LINUX_ALSA, API_UNIX_JACK = 0, 1, 2
class MidiOut:
    def __init__(self, *words, **more):
        raise SystemError('<class> returned a result with an exception set')
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [(HIDDEN, "No MIDI library is installed for this Python"), (BROKEN, "so this MIDI output is silent")],
    ids=["no library", "SystemError"],
)
def test_without_a_working_midi_library_play_starts_and_says_so(tmp_path, source, said):
    for name in ("rtmidi", "rtmidi2", "pylibremidi"):
        (tmp_path / f"{name}.py").write_text(source)
    paths = f"{tmp_path}{os.pathsep}{place(tmp_path)['PYTHONPATH']}"
    table = Table(tmp_path, "--out", "midi:virtual", PYTHONPATH=paths)
    try:
        until(lambda: table.running.told(said), 3, "a sentence about the MIDI library")
        table.taps(2)
        checked = ask(table.running.env, "check")
        assert checked.code == 0 and "missing  MIDI port:" in checked.out
    finally:
        table.close()
