"""The store of profiles: old or new after a cut anywhere, nobody's history lost, everything out, everything gone."""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reachnote import client_commands, disk, profiles
from reachnote import settings as last_session
from reachnote.profile import Calibration, Profile, ProfileProblem, calibrations, current, with_calibration, with_setting
from reachnote.profile_text import read_profile, write_profile

FIRST, SECOND, THIRD = "2031-03-04T10:15:00", "2031-03-11T10:20:00", "2031-03-18T11:00:00"
CALLS = ("open", "write", "fsync", "close", "replace", "mkdir", "chmod", "unlink", "rmdir")
CUT = 77  # the exit code of a child that was cut


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("REACHNOTE_CLIENTS", str(tmp_path / "clients"))
    monkeypatch.setenv("REACHNOTE_STATE", str(tmp_path / "state"))
    return tmp_path / "clients"


def made(date: str, span: float = 400.0) -> Calibration:
    return Calibration(date, "guided", "pressure", "raw", 250.0, 100.0, span, {"onset": 2294}, {"gestures": 6}, "B", "delay")


def kept(*dates: str, client: str = "k7", instrument: str = "Squeeze ball") -> Profile:
    """A saved profile with a calibration of the ball for each date."""
    profile = profiles.begin(client, instrument, "2031-03-01")
    for date in dates:
        profile = with_calibration(profile, "ball", made(date))
    return profiles.save(profile)


def files(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def refused(what: Callable[[], object]) -> str:
    with pytest.raises(ProfileProblem) as found:
        what()
    return str(found.value)


# ---------------------------------------------------------------- where and how


def test_what_was_saved_is_loaded(place):
    profile = kept(FIRST)
    assert profiles.load("K7", "squeeze ball") == profile and profile.saves == 1
    assert files(place) == [".lock", "k7/squeeze-ball.json"]
    assert profiles.load("k7", "Reach beam") is None and profiles.load("k8", "Squeeze ball") is None


def test_nobody_else_can_read_a_profile(place):
    before = os.umask(0)
    try:
        kept(FIRST)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (place, place / "k7", place / "k7" / "squeeze-ball.json")]
    assert modes == [0o700, 0o700, 0o600]


def test_a_folder_that_others_could_read_is_closed(place):
    (place / "k7").mkdir(parents=True, mode=0o755)
    kept(FIRST)
    assert stat.S_IMODE((place / "k7").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("instrument", "name"),
    [
        ("Squeeze ball", "squeeze-ball.json"),
        ("SQUEEZE BALL", "squeeze-ball.json"),
        ("Pads 2", "pads-2.json"),
        ("Two-switch box", "two-switch-box-fd71eaf4.json"),
        ("Con", "con-1143da2b.json"),
        ("../../x", "x-"),
        ("Ключ", "instrument-"),
        ("/", "instrument-"),
        ("a" * 64, "a" * 48 + "-"),
    ],
)
def test_every_instrument_has_a_plain_file_name_of_its_own(instrument, name):
    found = profiles.file_name(instrument)
    assert found.startswith(name) and len(found) <= 62 and found.removesuffix(".json").replace("-", "").isalnum()


def test_names_that_only_look_alike_are_different_files():
    names = ["Squeeze ball", "Squeeze-ball", "Squeeze  ball", "Squeeze ball!", "Squeezeball", "Sqüeeze ball"]
    assert len({profiles.file_name(name) for name in names}) == len(names)


def test_the_folder_is_where_programs_keep_files(monkeypatch, tmp_path):
    monkeypatch.delenv("REACHNOTE_CLIENTS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert profiles.folder() == tmp_path / "data" / "reachnote" / "clients"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert profiles.folder() == tmp_path / "home" / ".local" / "share" / "reachnote" / "clients"


@pytest.mark.parametrize("code", ["Anna Smith", "../k7", "..", "", "/etc", "k7/../k8"])
def test_a_name_or_a_path_reaches_no_file(place, code):
    for what in (
        lambda: profiles.load(code, "Squeeze ball"),
        lambda: profiles.save(replace(kept(FIRST), client=code)),
        lambda: profiles.export(code, place.parent / "x.zip"),
        lambda: profiles.delete(code),
        lambda: profiles.kept(code),
    ):
        assert "Use a code, never a name" in refused(what)
        if place.exists() and (place / "k7").exists():
            profiles.delete("k7")


def test_clients_and_their_instruments_are_listed(place):
    kept(FIRST)
    kept(FIRST, client="B2")
    kept(FIRST, client="b2", instrument="Reach beam")
    (place / "Not A Code").mkdir()
    (place / "b2" / "notes.txt").write_text("x")
    assert profiles.clients() == ["b2", "k7"]
    assert profiles.instruments("b2") == ["Reach beam", "Squeeze ball"]
    assert refused(lambda: profiles.instruments("k9")) == "There is no client k9, so nothing was done. Clients: b2, k7."


def test_a_profile_for_another_instrument_begins_with_the_clients_music():
    profiles.save(with_setting(kept(FIRST), "music", {"scene": "evening"}, SECOND))
    begun = profiles.begin("k7", "Reach beam", THIRD)
    assert (begun.settings.music, begun.sensors, begun.saves) == ({"scene": "evening"}, {}, 0)
    assert profiles.save(begun).saves == 1
    assert len(profiles.load("k7", "Squeeze ball").history) == 1
    assert profiles.begin("k8", "Reach beam", THIRD).settings.music == {}


# ---------------------------------------------------------------- what cannot be read


def test_a_newer_profile_is_never_overwritten(place):
    profile = kept(FIRST)
    path = place / "k7" / "squeeze-ball.json"
    newer = path.read_text().replace('"format": 1', '"format": 2')
    path.write_text(newer)
    for what in (lambda: profiles.load("k7", "Squeeze ball"), lambda: profiles.save(profile)):
        assert "a newer one wrote it. Update reachnote on this computer; the profile stays as it is." in refused(what)
    assert path.read_text() == newer


@pytest.mark.parametrize("damage", [b"", b"\x00" * 100, b'{"format": 1', b"\xff", b"[" * 5000])
def test_a_damaged_profile_is_left_as_it_is(place, damage):
    profile = kept(FIRST)
    path = place / "k7" / "squeeze-ball.json"
    path.write_bytes(damage)
    for what in (lambda: profiles.load("k7", "Squeeze ball"), lambda: profiles.save(profile)):
        assert refused(what).endswith(profiles.DAMAGED)
    assert path.read_bytes() == damage
    ((found, held),) = profiles.kept("k7")
    assert found == path and isinstance(held, ProfileProblem)


def test_a_profile_in_a_wrong_place_is_not_played(place):
    kept(FIRST)
    (place / "k8").mkdir()
    os.rename(place / "k7" / "squeeze-ball.json", place / "k8" / "squeeze-ball.json")
    assert "is the profile of k7 on Squeeze ball, so it stands in a wrong place" in refused(
        lambda: profiles.load("k8", "Squeeze ball")
    )


# ---------------------------------------------------------------- two at once


def test_who_saves_second_is_refused_and_looks_again(place):
    opened = kept(FIRST)
    first = profiles.save(with_calibration(opened, "ball", made(SECOND)))
    told = refused(lambda: profiles.save(with_calibration(opened, "ball", made(THIRD))))
    assert told == (
        "The profile of k7 on Squeeze ball was changed by another program since it was opened. Nothing was overwritten "
        "and your last change is not saved: open the profile again and make the change once more."
    )
    assert profiles.load("k7", "Squeeze ball") == first
    added = profiles.change("k7", "Squeeze ball", lambda held: with_calibration(held, "ball", made(THIRD)))
    assert [c.date for c in calibrations(added)] == [FIRST, SECOND, THIRD]


def test_two_that_begin_a_profile_do_not_lose_one(place):
    one, two = (profiles.begin("k7", "Squeeze ball", FIRST) for _ in range(2))
    profiles.save(with_calibration(one, "ball", made(FIRST)))
    assert "changed by another program" in refused(lambda: profiles.save(with_calibration(two, "ball", made(SECOND))))


def test_settings_of_two_programs_do_not_overwrite_each_other(place):
    opened = kept(FIRST)
    profiles.save(with_setting(opened, "factor", 0.8, SECOND))
    assert "changed by another program" in refused(lambda: profiles.save(with_setting(opened, "frozen", True, SECOND)))
    both = profiles.change("k7", "Squeeze ball", lambda held: with_setting(held, "frozen", True, SECOND))
    assert (both.settings.factor, both.settings.frozen, both.saves) == (0.8, True, 3)
    profiles.delete("k7")
    assert "has no profile for Squeeze ball, so nothing was changed" in refused(
        lambda: profiles.change("k7", "Squeeze ball", lambda held: held)
    )


def test_another_history_of_the_same_length_is_not_overwritten(place):
    profile = kept(FIRST)
    other = replace(profile, history=(replace(profile.history[0], span=7.0),))
    assert "changed by another program" in refused(lambda: profiles.save(other))


def test_saving_the_same_again_after_a_trouble_is_well(place):
    profile = kept(FIRST)
    saved = profiles.save(with_setting(profile, "frozen", True, SECOND))
    assert profiles.save(with_setting(profile, "frozen", True, SECOND)) == saved


def test_a_deleted_client_does_not_come_back_by_a_session_that_still_runs(place):
    profile = kept(FIRST)
    profiles.delete("k7")
    assert "was deleted or moved away since it was opened, so it was not saved again" in refused(lambda: profiles.save(profile))
    assert files(place) == [".lock"]


def child(do: Callable[[], object]) -> int:
    """The exit code of `do` in a process of its own: 0, or 1 for a ProfileProblem, or what it ended itself with."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            do()
            code = 0
        except ProfileProblem:
            code = 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_programs_that_save_at_the_same_time_lose_nothing(place):
    kept()
    start_read, start = os.pipe()

    def calibrate_often() -> None:
        os.read(start_read, 1)
        for n in range(15):
            profiles.change(
                "k7", "Squeeze ball", lambda held, n=n: with_calibration(held, f"s{os.getpid()}", made(FIRST, n + 1.0))
            )

    children = []
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            try:
                calibrate_often()
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(pid)
    os.write(start, b"go")
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0]
    profile = profiles.load("k7", "Squeeze ball")
    assert sorted(c.number for c in calibrations(profile)) == list(range(1, 31))
    for pid in children:
        assert [c.span for c in calibrations(profile, f"s{pid}")] == [n + 1.0 for n in range(15)]
    os.close(start)
    os.close(start_read)


def test_a_lock_that_is_never_given_back_is_told(place, monkeypatch):
    profile = kept(FIRST)
    monkeypatch.setattr(disk, "WAIT_S", 0.0)
    with disk.locked(place):
        assert "another reachnote has been saving for too long" in refused(lambda: profiles.save(profile))
    assert profiles.save(profile).saves == 2


def test_without_locks_the_second_is_still_refused(place, monkeypatch):
    monkeypatch.setattr(disk, "fcntl", None)
    opened = kept(FIRST)
    profiles.save(with_calibration(opened, "ball", made(SECOND)))
    assert "changed by another program" in refused(lambda: profiles.save(with_calibration(opened, "ball", made(THIRD))))


# ---------------------------------------------------------------- cut anywhere


class Faults:
    """The n-th call that can change the disk does what `how` says; `how` None ends the process before it."""

    def __init__(self, patch: pytest.MonkeyPatch, n: int, how: OSError | None, after: bool = False, slow: bool = False) -> None:
        self.n, self.how, self.after, self.count = n, how, after, 0
        done = ("write", "fsync", "close", "replace")  # these can do their work and fail all the same
        for name in done if how and after else CALLS:
            patch.setattr(os, name, self._hurt(getattr(os, name), slow and name == "write"))

    def _hurt(self, real: Callable, slow: bool) -> Callable:
        def call(*words, **more):
            self.count += 1
            hit = self.count == self.n
            if hit and not self.after:
                self._strike(real, words)
            try:
                return real(words[0], words[1][:100]) if slow else real(*words, **more)
            finally:
                if hit:
                    self._strike(real, words)

        return call

    def _strike(self, real: Callable, words: tuple) -> None:
        if self.how is None:
            os._exit(CUT)
        if real.__name__ == "close" and not self.after:
            real(*words)  # even a close that fails has closed
        raise self.how


def prepare(new: bool) -> tuple[Profile | None, Profile]:
    """What is saved before, and what is to be saved."""
    if new:
        return None, with_calibration(profiles.begin("k7", "Squeeze ball", FIRST), "ball", made(FIRST))
    old = kept(FIRST)
    return old, with_calibration(old, "ball", made(SECOND))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("new", [False, True], ids=["changed", "new"])
def test_after_a_cut_at_every_call_there_is_the_old_profile_or_the_new_one(place, new, after):
    seen = set()
    n = 0
    while True:
        n += 1
        old, wanted = prepare(new)

        def cut_save(n=n, wanted=wanted) -> None:
            with pytest.MonkeyPatch.context() as patch:
                Faults(patch, n, None, after, slow=True)
                profiles.save(wanted)

        code = child(cut_save)
        found = profiles.load("k7", "Squeeze ball")
        saved = replace(wanted, saves=wanted.saves + 1)
        assert found in (old, saved) and code in (CUT, 0)
        seen.add(found == saved)
        again = profiles.save(with_setting(found or wanted, "frozen", True, THIRD))  # the cut hinders nobody
        assert profiles.load("k7", "Squeeze ball") == again
        assert files(place) == [".lock", "k7/squeeze-ball.json"]
        profiles.delete("k7")
        assert files(place) == [".lock"]
        if code == 0:
            break
    assert seen == {True, False} and n > 10


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("new", [False, True], ids=["changed", "new"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES], ids=errno.errorcode.get)
def test_a_disk_that_refuses_any_call_gives_a_sentence_and_the_old_profile_or_the_new_one(place, number, new, after):
    n = 0
    while True:
        n += 1
        old, wanted = prepare(new)
        told = ""
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, n, OSError(number, os.strerror(number)), after, slow=True)
            try:
                profiles.save(wanted)
            except ProfileProblem as problem:
                told = str(problem)
        found = profiles.load("k7", "Squeeze ball")
        assert found in (old, replace(wanted, saves=wanted.saves + 1))
        assert [name for name in files(place) if name.endswith(".new")] == []
        if told:
            assert told.startswith("The profile of k7 on Squeeze ball was not saved: ") and told.endswith(".")
            assert profiles.save(wanted) == replace(wanted, saves=wanted.saves + 1)  # the same again, once the disk is well
        profiles.delete("k7")
        if faults.count < n:
            break
    assert not told and n > 10


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full. What was kept before is still there. Make room on the disk and try again."),
        (errno.EROFS, "the disk is read-only. What was kept before is still there. Make it writable, or name another folder"),
        (errno.EACCES, "this account may not use that place. Allow it, or name another folder in REACHNOTE_CLIENTS."),
    ],
)
def test_a_trouble_with_the_disk_says_what_to_do(place, monkeypatch, number, words):
    profile = kept(FIRST)

    def refuse(fd: int, text: bytes) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", refuse)
    assert words in refused(lambda: profiles.save(profile))


def test_a_file_where_the_folder_should_be_is_told(place):
    place.write_text("x")
    profile = profiles.new_profile("k7", "Squeeze ball", FIRST)
    assert "something else is there already" in refused(lambda: profiles.save(profile))
    assert "cannot be read" in refused(profiles.clients)


def test_a_delete_that_was_cut_is_finished_by_the_next(place):
    n = 0
    while True:
        n += 1
        kept(FIRST)
        kept(FIRST, instrument="Reach beam")

        def cut_delete(n=n) -> None:
            with pytest.MonkeyPatch.context() as patch:
                Faults(patch, n, None)
                profiles.delete("k7")

        code = child(cut_delete)
        for name in files(place):
            assert name == ".lock" or read_profile((place / name).read_bytes(), name)
        if code == 0:
            break
        if "k7" in profiles.clients():
            profiles.delete("k7")
        assert files(place) == [".lock"] and profiles.clients() == []
    assert n > 5


# ---------------------------------------------------------------- export, delete


def test_an_export_holds_every_file_of_the_client_and_nothing_else(place, tmp_path):
    kept(FIRST)
    kept(FIRST, instrument="Reach beam")
    kept(FIRST, client="k8")
    (place / "k7" / ".old.123.new").write_text("left by a cut")
    (place / "k7" / "damaged.json").write_text("{")
    os.symlink("/etc/passwd", place / "k7" / "link.json")
    recordings = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        recordings.append(tmp_path / folder / "Übung 1.jsonl")
        recordings[-1].write_text(folder)
    names = profiles.export("K7", tmp_path / "k7.zip", recordings)
    assert names == (
        "k7/profiles/damaged.json",
        "k7/profiles/reach-beam.json",
        "k7/profiles/squeeze-ball.json",
        "k7/recordings/_bung_1.jsonl",
        "k7/recordings/_bung_1-2.jsonl",
    )
    with zipfile.ZipFile(tmp_path / "k7.zip") as packed:
        assert tuple(packed.namelist()) == names and packed.testzip() is None
        assert packed.read("k7/profiles/squeeze-ball.json") == (place / "k7" / "squeeze-ball.json").read_bytes()
        assert [packed.read(name) for name in names[3:]] == [b"a", b"b"]
    assert stat.S_IMODE((tmp_path / "k7.zip").stat().st_mode) == 0o600


def test_the_same_client_gives_the_same_bytes(place, tmp_path):
    kept(FIRST)
    (tmp_path / "one.jsonl").write_text("1")
    (tmp_path / "two.jsonl").write_text("2")
    profiles.export("k7", tmp_path / "a.zip", [tmp_path / "one.jsonl", tmp_path / "two.jsonl"])
    os.utime(place / "k7" / "squeeze-ball.json", (0, 0))
    profiles.export("k7", tmp_path / "b.zip", [tmp_path / "two.jsonl", tmp_path / "one.jsonl"])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_exported_profile_put_back_plays_as_before(place, tmp_path):
    profile = kept(FIRST, SECOND)
    profiles.export("k7", tmp_path / "k7.zip")
    profiles.delete("k7")
    with zipfile.ZipFile(tmp_path / "k7.zip") as packed:
        (place / "k7").mkdir()
        (place / "k7" / "squeeze-ball.json").write_bytes(packed.read("k7/profiles/squeeze-ball.json"))
    assert profiles.load("k7", "Squeeze ball") == profile


def test_an_export_that_cannot_be_leaves_nothing(place, tmp_path, monkeypatch):
    kept(FIRST)
    (tmp_path / "there.zip").write_text("mine")
    for path, further, words in (
        ("there.zip", [], "exists already; an export never overwrites one. Choose another name."),
        ("none/k7.zip", [], "so nothing was exported. Make it, or choose another."),
        ("k7.zip", [tmp_path / "none.jsonl"], "so nothing was exported. Check its name."),
        ("k7.zip", [tmp_path], "so nothing was exported. Check its name."),
    ):
        assert words in refused(lambda path=path, further=further: profiles.export("k7", tmp_path / path, further))
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    assert "The export of k7 was not written: the disk is full." in refused(lambda: profiles.export("k7", tmp_path / "k7.zip"))
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".zip", ".new")] == ["there.zip"]
    assert (tmp_path / "there.zip").read_text() == "mine"


def test_nothing_of_a_deleted_client_is_left(place, tmp_path):
    kept(FIRST)
    kept(FIRST, client="k8")
    (place / "k7" / ".squeeze-ball.9.new").write_text("left by a cut")
    (place / "k7" / "deeper").mkdir()
    (place / "k7" / "deeper" / "x").write_text("x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").write_text("x")
    os.symlink(tmp_path / "elsewhere", place / "k7" / "link")
    last_session.remember(last_session.Settings(scene="evening", client="K7"))
    assert sorted(profiles.delete("K7")) == [
        "k7/.squeeze-ball.9.new",
        "k7/deeper/x",
        "k7/link",
        "k7/squeeze-ball.json",
        "the client of the last session",
    ]
    assert files(place) == [".lock", "k8/squeeze-ball.json"] and profiles.clients() == ["k8"]
    assert last_session.remembered().client == "" and last_session.remembered().scene == "evening"
    assert not any(b"k7" in path.read_bytes().lower() for path in tmp_path.rglob("*") if path.is_file())
    assert (tmp_path / "elsewhere" / "precious").read_text() == "x"
    assert refused(lambda: profiles.delete("k7")) == "There is no client k7, so nothing was done. Clients: k8."


def test_of_a_client_that_is_a_link_only_the_link_is_removed(place, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").write_text("x")
    place.mkdir()
    os.symlink(tmp_path / "elsewhere", place / "k7")
    assert profiles.delete("k7") == ("k7",)
    assert (tmp_path / "elsewhere" / "precious").exists() and files(place) == [".lock"]


def test_a_client_who_only_played_is_forgotten_too(place):
    last_session.remember(last_session.Settings(client="k5"))
    assert profiles.delete("k5") == ("the client of the last session",)
    assert last_session.remembered().client == ""


# ---------------------------------------------------------------- the command


class Said:
    """`reachnote clients ...` as __main__ runs it: its exit code and what it said."""

    def __init__(self, capsys: pytest.CaptureFixture) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        top = argparse.ArgumentParser()
        client_commands.add(top.add_subparsers())
        arguments = top.parse_args(["clients", *words])
        code = arguments.run(arguments)
        return code, *self._capsys.readouterr()


@pytest.fixture
def ask(capsys) -> Said:
    return Said(capsys)


def test_list_names_clients_instruments_and_the_last_change(ask, place):
    assert ask("list") == (0, client_commands.NONE_YET + "\n", "")
    kept(FIRST)
    (place / "k7" / "bad.json").write_text("{")
    assert ask("list") == (0, "k7: bad.json (cannot be read), Squeeze ball (last changed 2031-03-04)\n", "")
    bad, good = json.loads(ask("list", "--json")[1])[0]["profiles"]
    assert bad["file"] == "bad.json" and "not JSON" in bad["problem"]
    assert good == {"file": "squeeze-ball.json", "instrument": "Squeeze ball", "edited": FIRST}


def test_show_tells_what_plays_without_a_grade(ask):
    profile = with_setting(with_setting(kept(FIRST), "factor", 0.8, SECOND), "music", {"scene": "evening"}, SECOND)
    profile = profiles.save(profile)
    assert ask("show", "k7")[:2] == (
        0,
        "k7 on Squeeze ball, since 2031-03-01, last changed 2031-03-11\n"
        "    ball: calibrated 2031-03-04 10:15, guided\n"
        "    easier: the reach is 80 % of the calibrated one\n"
        "    music of their own: scene\n",
    )
    assert json.loads(ask("show", "k7", "--json")[1]) == [json.loads(write_profile(profile))]


def test_history_and_restore(ask):
    kept(FIRST, SECOND)
    assert ask("history", "k7")[1] == (
        "k7 on Squeeze ball\n     1  2031-03-04 10:15  ball  guided, works\n     2  2031-03-11 10:20  ball  guided, works  (plays now)\n"
    )
    code, out, err = ask("restore", "k7", "2031-03-04")
    assert (code, err) == (0, "") and out.startswith("ball plays with calibration 1 of 2031-03-04 10:15 again.")
    assert current(profiles.load("k7", "Squeeze ball"), "ball").number == 1
    assert ask("restore", "k7", "1")[1] == "ball plays with calibration 1 already.\n"
    entries = json.loads(ask("history", "k7", "--json")[1])
    assert [(e["did"], e["number"], e.get("current")) for e in entries] == [
        ("calibrated", 1, True),
        ("calibrated", 2, False),
        ("restored", 1, None),
    ]


def test_with_several_instruments_restore_asks_which(ask):
    kept(FIRST, SECOND)
    kept(THIRD, instrument="Reach beam")
    code, out, err = ask("restore", "k7", "1")
    assert (code, out) == (2, "") and "Say which with --on" in err
    assert ask("restore", "k7", "1", "--on", "squeeze ball")[0] == 0
    code, _, err = ask("show", "k7", "--on", "Pads")
    assert code == 1 and err == "k7 has no profile for Pads. Instruments with a profile: Reach beam, Squeeze ball.\n"


@pytest.mark.parametrize("words", ["show", "history", "export", "delete", "restore"])
def test_a_name_instead_of_a_code_is_a_command_written_wrongly(ask, words):
    more = {"export": ["x.zip"], "restore": ["1"]}.get(words, [])
    code, out, err = ask(words, "Anna Smith", *more)
    assert (code, out) == (2, "") and "Use a code, never a name" in err
    assert ask(words, "k9", *more) == (1, "", "There is no client k9, so nothing was done. Clients: none yet.\n")


def test_export_says_what_the_file_holds(ask, tmp_path):
    kept(FIRST)
    code, out, _ = ask("export", "k7", str(tmp_path / "k7.zip"), "--json")
    assert code == 0 and json.loads(out)["names"] == ["k7/profiles/squeeze-ball.json"]
    assert ask("export", "k7", str(tmp_path / "k7.zip"))[0] == 1


@pytest.mark.parametrize(("typed", "gone"), [("k7\n", True), ("K7\n", True), ("k8\n", False), ("yes\n", False), ("", False)])
def test_delete_asks_for_the_code_again(ask, monkeypatch, typed, gone):
    kept(FIRST)
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    code, out, err = ask("delete", "k7")
    assert "Everything about k7 will be gone for good. Type the code again: " in err
    assert (code == 0, profiles.clients() == [], "Everything that reachnote kept of k7 is deleted" in out) == (gone,) * 3


def test_delete_with_yes_asks_nothing(ask):
    kept(FIRST)
    code, out, err = ask("delete", "k7", "--yes", "--json")
    assert (code, err) == (0, "") and json.loads(out)["deleted"] == ["k7/squeeze-ball.json"]


def test_what_cannot_be_read_is_said_beside_what_can(ask, place):
    kept(FIRST)
    (place / "k7" / "bad.json").write_text("{")
    code, out, err = ask("show", "k7")
    assert code == 0 and "ball: calibrated" in out and "bad.json: this is not JSON" in err
    (place / "k7" / "squeeze-ball.json").unlink()
    assert ask("show", "k7")[0] == 1
