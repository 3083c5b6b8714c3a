"""What was saved before a crash is never written over by the restart."""

from __future__ import annotations

from reachnote.keeper import next_take


def test_after_a_crash_a_midi_file_gets_the_next_number(tmp_path):
    assert next_take(f"file:{tmp_path}/song.mid") == f"file:{tmp_path}/song-2.mid"
    (tmp_path / "song-2.mid").touch()
    assert next_take(f"file:{tmp_path}/song.mid") == f"file:{tmp_path}/song-3.mid"
    assert next_take(f"file:{tmp_path}/song-2.mid") == f"file:{tmp_path}/song-3.mid"


def test_every_other_output_stays_what_it_was():
    assert next_take("midi:virtual") == "midi:virtual"
    assert next_take("raw:/dev/ttyUSB0,pace=31250") == "raw:/dev/ttyUSB0,pace=31250"
