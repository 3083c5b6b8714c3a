"""Three simulated instruments, moved by recorded real movement, playing. Ctrl-C ends in silence.

    python3 tools/demo.py [--seconds N] [--out DIR] [--headless] [--client NAME]

Makes its own environment first. Plays on a virtual MIDI port where the system has one, through FluidSynth where it is
installed, always into DIR/demo.mid; keeps what the boards sent in DIR/journal.jsonl. Prints one JSON summary line last.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from firmware.desktop.clients import KINDS, LISTED, NAMES

from tools import prepare

INSTRUMENTS = ("two-switch-box", "squeeze-ball", "reach-beam")
END_S = 30.0  # saving and rendering may take this long


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--seconds", type=float, default=0.0, help="end after this long; without it, at Ctrl-C")
    words.add_argument("--out", type=Path, default=None, metavar="DIR", help="where demo.mid and journal.jsonl go")
    words.add_argument("--headless", action="store_true", help="no live view, nothing audible")
    words.add_argument("--client", metavar="NAME", help=f"a simulated client moves them instead ({LISTED})")
    given = words.parse_args()
    if given.client is not None and given.client not in NAMES:
        from tools import simulate

        return prepare.stop(simulate.unknown_client(given.client))
    _into_environment()
    out = given.out or Path(tempfile.mkdtemp(prefix="reachnote-demo-"))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        print(f"The folder {out} cannot be made ({problem.strerror}). Choose another: --out DIR", file=sys.stderr)
        return 2
    for name in ("demo.mid", "demo.wav", "journal.jsonl"):
        (out / name).unlink(missing_ok=True)
    return Demo(out.resolve(), given.seconds, given.headless, given.client).run()


def _into_environment() -> None:
    """Go on under the project's own Python."""
    python = prepare.environment("run")
    if Path(sys.prefix).resolve() != prepare.VENV.resolve():
        os.execv(python, [str(python), *sys.argv])


class Demo:
    def __init__(self, out: Path, seconds: float, headless: bool, client: str | None = None) -> None:
        self.out = out
        self.client = client
        self.seconds = seconds
        self.headless = headless
        self.notes: dict[str, list[int]] = {}
        self.latencies: list[float] = []
        self.said: list[str] = []
        self.figures: dict = {}
        self._rest = b""
        self._code = 1

    def run(self) -> int:
        from reachnote.view import View
        from tools import micropython, simulate

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        boards: list[simulate.SimulatedBoard] = []
        recordings: dict[str, list[str]] = {}
        called = ""
        folder = Path(tempfile.mkdtemp(prefix="reachnote-"))
        try:
            micropython.find(prepare=True)
            argv, called = simulate.interpreter()
            for n, name in enumerate(INSTRUMENTS):
                instrument = prepare.ROOT / "hardware" / name
                wiring = simulate.wiring_of(instrument)
                hands = simulate.client_hands(wiring, self.client, 1 + 10 * n) if self.client else None
                board = simulate.SimulatedBoard(instrument, hands, argv, folder=folder / name, wiring=wiring, plugged=False)
                boards.append(board)
                for sensor, hand in board.hands.items():
                    if "file" in hand:
                        recordings[f"{board.wiring['name']}/{sensor}"] = hand["file"]
            extra = [f"Firmware runs under {called}.", self._moved(recordings)]
            view = None if self.headless else View("reachnote demo", extra)
            self._play(boards, folder, view)
        except KeyboardInterrupt:
            self.said.append("Ended before anything played.")
        finally:
            for board in boards:
                board.close()
            shutil.rmtree(folder, ignore_errors=True)
        return self._summary(called, recordings)

    def _moved(self, recordings: dict[str, list[str]]) -> str:
        if self.client:
            about = next(kind.about for kind in KINDS if kind.name == self.client)
            return f"Moved by the simulated client '{self.client}': {about}."
        return "Moved by recordings of real movement:" + "".join(
            f"\n    {sensor}: {', '.join(files)}" for sensor, files in recordings.items()
        )

    # ------------------------------------------------------------ playing

    def _play(self, boards: list, folder: Path, view: object) -> None:
        links = [word for board in boards for word in ("--link", f"serial:{board.path}")]
        outs = [word for spec in self._outputs() for word in ("--out", spec)]
        record = ["--record", str(self.out / "journal.jsonl")]
        play = subprocess.Popen(
            [sys.executable, "-m", "reachnote", "play", "--json", *links, *outs, *record],
            stdout=subprocess.PIPE,
            env={**os.environ, "REACHNOTE_RUNTIME": str(folder), "REACHNOTE_STATE": str(folder)},
            start_new_session=True,
        )
        end = time.monotonic() + self.seconds if self.seconds else float("inf")
        with contextlib.suppress(KeyboardInterrupt):
            self._follow(play, end, boards, view)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        with contextlib.suppress(ProcessLookupError):
            play.send_signal(signal.SIGTERM)
        os.set_blocking(play.stdout.fileno(), True)
        while self._read(play, view):
            pass
        if view is not None:
            view.close()
        try:
            self._code = play.wait(END_S)
        except subprocess.TimeoutExpired:
            play.kill()
            self.said.append(f"The session did not end within {END_S:.0f} s and was stopped.")

    def _outputs(self) -> list[str]:
        outs = [f"file:{self.out / 'demo.mid'}", "midi:virtual"]
        if shutil.which("fluidsynth"):
            outs.append(f"sound:{self.out / 'demo.wav'}")
            if not self.headless:
                outs.append("live=sound:")
        return outs

    def _follow(self, play: subprocess.Popen, end: float, boards: list, view: object) -> None:
        os.set_blocking(play.stdout.fileno(), False)
        plugged = False
        while time.monotonic() < end and play.poll() is None:
            if select.select([play.stdout], [], [], 0.05)[0]:
                self._read(play, view)
                if not plugged:  # once the session is there: a hand that moves already is taken for a held one
                    plugged = True
                    for board in boards:
                        board.plug()
            if view is not None:
                view.draw()
            for board in boards:
                if board.problem() is not None:
                    self.said.append(f"{board.name} stopped: {board.problem()}")
                    return

    def _read(self, play: subprocess.Popen, view: object) -> bool:
        chunk = os.read(play.stdout.fileno(), 65536)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take(json.loads(line), view)
        return bool(chunk)

    def _take(self, thing: dict, view: object) -> None:
        if view is not None:
            view.take(thing)
        feed = thing.get("feed")
        if feed == "note":
            counts = self.notes.setdefault(thing["sensor"], [0, 0])
            counts[0 if thing["note"] == "on" else 1] += 1
        elif feed == "figures":
            self.latencies += thing["latencies_ms"]
            self.figures = {key: thing[key] for key in ("ons", "offs", "refused", "dropped")}
        elif feed == "news" and thing.get("text"):
            self.said.append(thing["text"])
            if self.headless and thing.get("news") in ("output", "problem", "record-failed"):
                print(thing["text"], file=sys.stderr)

    # ------------------------------------------------------------ the end

    def _summary(self, called: str, recordings: dict) -> int:
        ordered = sorted(self.latencies)
        at = lambda share: ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None  # noqa: E731
        made = {name: str(self.out / name) for name in ("demo.mid", "journal.jsonl", "demo.wav") if (self.out / name).exists()}
        summary = {
            "note_ons": self.figures.get("ons", 0),
            "note_offs": self.figures.get("offs", 0),
            "notes": {sensor: counts[0] for sensor, counts in sorted(self.notes.items())},
            "refused_by_guard": self.figures.get("refused", 0),
            "latency_p50_ms": at(0.5),
            "latency_p99_ms": at(0.99),
            "interpreter": called,
            "recordings": recordings,
            "files": made,
            "said": self.said,
        }
        if self.client:
            summary["client"] = self.client
        if not self.headless:
            print(f"\n{summary['note_ons']} notes began, {summary['note_offs']} ended. Open {self.out / 'demo.mid'}")
        if self.headless or not sys.stdout.isatty():
            print(json.dumps(summary))
        good = self._code == 0 and summary["note_ons"] == summary["note_offs"] and bool(self.notes)
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
