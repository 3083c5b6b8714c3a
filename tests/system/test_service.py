"""`reachnote service`: a unit that systemd accepts, run by a real user manager, and a sentence where there is none."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reachnote import servicing
from support.asking import Answer, Table, ask, place
from support.running import until

SYSTEMD = Path("/lib/systemd/systemd")
BACK_S = 5.0

# A user manager of its own, as pid 1's child in a private corner of the machine: only there are /run and the control
# groups replaced. $1 is the folder for its runtime folder, $2 the name of its control group.
GUEST = """set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /sys/fs/cgroup/$2
echo $$ > /sys/fs/cgroup/$2/cgroup.procs
trap 'kill $manager' TERM
/lib/systemd/systemd --user --log-target=null --unit=basic.target &
manager=$!
while kill -0 $manager 2> /dev/null; do wait $manager || true; done
"""


def unit() -> dict[str, list[str]]:
    """The keys of the unit file, each with its values."""
    found: dict[str, list[str]] = {}
    for line in servicing.unit_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_comes_back_soon_and_always(monkeypatch):
    monkeypatch.setenv("REACHNOTE_STATE", "/a b/100%/c")
    said = unit()
    assert said["Restart"] == ["always"] and float(said["RestartSec"][0]) <= 1
    assert said["StartLimitIntervalSec"] == ["0"]
    assert said["ExecStart"][0].endswith(" -m reachnote play --resume") and said["WantedBy"] == ["default.target"]
    assert said["KillMode"] == ["control-group"]  # "mixed" would end the outlet before it ended its notes
    assert '"REACHNOTE_STATE=/a b/100%%/c"' in said["Environment"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize("folder", ["plain", 'a b "c" 100% $HOME \\d it\'s'])
def test_systemd_accepts_the_unit(tmp_path, monkeypatch, folder):
    python = tmp_path / folder / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / folder))
    path = tmp_path / servicing.NAME
    path.write_text(servicing.unit_text())
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "SYSTEMD_LOG_LEVEL": "warning"}
    done = subprocess.run(["systemd-analyze", "--user", "verify", str(path)], capture_output=True, text=True, env=env, timeout=30)
    about = [line for line in done.stderr.splitlines() if servicing.NAME in line or str(tmp_path) in line]
    assert (done.returncode, about) == (0, [])


@pytest.mark.parametrize("action", ["install", "status", "stop", "remove"])
def test_without_systemd_there_is_a_sentence(tmp_path, action):
    answer = ask(place(tmp_path, PATH=str(tmp_path)), "service", action)
    assert answer == Answer(
        1, "", "This computer has no systemd, so reachnote cannot start with it. Start it by hand: reachnote play --resume\n"
    )


@pytest.mark.parametrize("action", ["install", "status"])
def test_with_a_systemd_that_does_not_answer_there_is_a_sentence(tmp_path, action):
    (tmp_path / "systemctl").write_text("#!/bin/sh\necho 'Failed to connect to bus: No such file or directory' >&2\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    answer = ask(place(tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}"), "service", action)
    assert answer.code == 1 and answer.err.startswith("systemd does not answer for this account. Log in on the computer itself")


# ---------------------------------------------------------------- a real manager


class Manager:
    """A running `systemd --user`; `before` puts a command beside it."""

    def __init__(self, folder: Path) -> None:
        self.runtime = folder / "xdg"
        self.runtime.mkdir(mode=0o700)
        self.group = f"reachnote-{os.getpid()}"
        env = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(self.runtime), "XDG_CONFIG_HOME": str(folder / "config")}
        argv = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--cgroup"]
        argv += ["bash", "-c", GUEST, "guest", str(folder), self.group]
        self._log = open(folder / "guest.log", "w+b")  # noqa: SIM115
        self._process = subprocess.Popen(argv, env=env, stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL)
        until(lambda: (self.runtime / "systemd" / "private").exists(), 10, f"the manager; see {folder / 'guest.log'}")
        self.env = {name: env[name] for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")}

    @property
    def before(self) -> tuple[str, ...]:
        return ("nsenter", f"--target={self._first()}", "--mount", "--pid")

    def _first(self) -> int:
        """The process that is number 1 in there."""
        return int(Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()[0])

    def close(self) -> None:
        os.kill(self._first(), signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.kill(self._first(), signal.SIGKILL)
            self._process.wait(5)
        self._log.close()
        for base in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
            for left in sorted(Path(base).glob(f"{self.group}/**/"), reverse=True):
                with contextlib.suppress(OSError):
                    left.rmdir()


@pytest.fixture
def manager(tmp_path) -> Iterator[Manager]:
    manager = Manager(tmp_path)
    yield manager
    manager.close()


@pytest.fixture
def table(tmp_path) -> Iterator[Table]:
    scene = tmp_path / "mine.toml"
    scene.write_text('format = 1\n[[voice]]\nfor = "switch"\noctave = 3\n')
    table = Table(tmp_path, "--client", "k7", "--scene", str(scene))
    assert table.asks("stop").code == 0
    table.running.play.wait(5)
    yield table
    table.close()


@pytest.mark.skipif(os.geteuid() != 0 or not SYSTEMD.exists(), reason="a user manager of our own needs root and systemd")
def test_the_service_is_back_within_5_s_of_kill_9_with_client_and_scene_and_silent(table, manager):
    running = table.running
    running.env.update(manager.env)

    def service(*words: str) -> Answer:
        return ask(running.env, "service", *words, before=manager.before)

    assert service("status").code == 3
    answer = service("install")
    assert answer.code == 0 and answer.out.startswith("reachnote runs now, and starts "), answer
    running.ready()
    assert service("status") == Answer(0, "reachnote is running as a service.\n", "")
    first = running.status()
    assert (first["client"], Path(first["scene"]).name) == ("k7", "mine.toml")
    for module in ("reachnote", "reachnote.engine"):
        _killed_and_back(table, first, module)
    assert service("stop").code == 0 and running.status() == {} and not table.receiver.sounding
    assert service("remove", "--json").values() == [{"ok": True, "state": "not installed", "text": "The service is removed."}]
    assert not list(Path(manager.env["XDG_CONFIG_HOME"]).rglob("*reachnote*"))


def _killed_and_back(table: Table, first: dict, module: str) -> None:
    running = table.running
    table.holds()
    before = running.status()["pid"]
    victim = next(pid for pid, words in running.pids().items() if "-m" in words and words[words.index("-m") + 1] == module)
    os.kill(victim, signal.SIGKILL)
    killed = time.monotonic()
    table.receiver.wait_sounding(0, 1)
    until(lambda: running.status().get("pid") not in (None, before), BACK_S, "the service's return")
    running.ready(seconds=BACK_S)
    assert time.monotonic() - killed < BACK_S
    after = running.status()
    kept = ("client", "scene", "links", "outputs")
    assert {key: after[key] for key in kept} == {key: first[key] for key in kept}
    time.sleep(0.3)
    assert not table.receiver.notes_on(since=killed) and after["recording"] == ""
    table.board.press(0, False)
    table.taps()
