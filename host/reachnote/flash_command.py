"""reachnote flash: from a blank board, or one that plays already, to the instrument of a folder, tested."""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

from reachnote import instruments, places, profiles, wiring_check
from reachnote.board import Hello
from reachnote.doctor_command import known_pins
from reachnote.flashing import FlashProblem, boot_mode, chips, compiling, image, steps
from reachnote.flashing.prompt import Facts, Prompt
from reachnote.instrument import InstrumentProblem
from reachnote.links.serial import board_ports
from reachnote.profile import ProfileProblem, client_code, new_profile
from reachnote.profile_text import write_profile

WAIT_S = 120.0  # for a board to be plugged in
RETURN_S = 30.0  # for a board to come back with MicroPython on it
LOOK_S = 0.3
TEST_S = 2.2  # a sensor in trouble says so within 2 s
BAR = 24
STOPPED = "Stopped. The same command again goes on where this one stopped."


def add(under: Any) -> None:
    """Add `flash` to the commands of __main__."""
    words = under.add_parser("flash", help="make the board that is plugged in an instrument, or write its program anew")
    words.add_argument("--instrument", default="", metavar="DIR", help="a folder of hardware/; without it the board's wiring stays")
    words.add_argument("--client", default="", metavar="CODE", help="also write a start profile for this client")
    words.add_argument("--name", default="", help="what the board is called")
    words.add_argument("--image", default="", metavar="FILE", help="MicroPython for a blank board (.uf2, ESP32: .bin)")
    words.add_argument("--sha256", default="", metavar="SUM", help="what the image's SHA-256 must be")
    words.add_argument("--port", default="", metavar="PORT", help="which board, where several are plugged in")
    words.add_argument("--again", action="store_true", help="another one like the board that is plugged in")
    words.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    words.add_argument("--no-test", action="store_true", help="leave the test at rest out")
    words.add_argument("--patience", type=float, default=20.0, metavar="S", help=argparse.SUPPRESS)
    words.add_argument("--json", action="store_true", help="one JSON object a line")
    words.set_defaults(run=flash)


def flash(arguments: argparse.Namespace) -> int:
    teller = Teller(arguments.json)
    try:
        return Flash(arguments, teller).run()
    except (FlashProblem, InstrumentProblem, ProfileProblem) as problem:
        teller.end()
        if arguments.json:
            teller.thing({"result": "problem", "text": str(problem)})
        else:
            print(_for_screen(str(problem)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        teller.end()
        print(STOPPED, file=sys.stderr)
        return 1


def _for_screen(text: str) -> str:
    """Lines of at most 79 characters where a person reads them."""
    if not sys.stderr.isatty():
        return text
    return "\n".join(textwrap.fill(line, 79, break_on_hyphens=False, break_long_words=False) for line in text.splitlines())


class Teller:
    """What a person, or a program with --json, is shown while it goes on."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._live = sys.stdout.isatty() and not as_json
        self._open = ""
        self._over = ""
        self._shown = -1

    def step(self, step: str, done: int, total: int) -> None:
        percent = 100 * done // max(1, total)
        if step == self._over or (step == self._open and percent == self._shown):
            return
        if self._open not in ("", step):
            self.end()
        self._open, self._shown = step, percent
        if self._json:
            self.thing({"step": step, "done": done, "total": total})
        elif self._live:
            full = BAR * percent // 100
            print(f"\r  {steps.WORDS[step]:28} {'█' * full}{'·' * (BAR - full)} {percent:3} %", end="", flush=True)
        elif percent == 100:
            print(f"  {steps.WORDS[step]:28} done", flush=True)
        if percent == 100:
            self.end()
            self._over = step

    def end(self) -> None:
        """Close an open progress line."""
        if self._open and self._live:
            print(flush=True)
        self._open, self._shown = "", -1

    def say(self, text: str) -> None:
        self.end()
        if self._json:
            self.thing({"said": text})
        elif self._live:
            width = shutil.get_terminal_size((80, 24)).columns - 1
            print(textwrap.fill(text, max(width, 30), break_on_hyphens=False), flush=True)
        else:
            print(text, flush=True)

    def thing(self, thing: dict) -> None:
        print(json.dumps(thing), flush=True)


class Flash:
    """One run. FlashProblem where it cannot go on."""

    def __init__(self, arguments: argparse.Namespace, teller: Teller) -> None:
        self.arguments = arguments
        self.teller = teller
        self.wiring: dict | None = None
        self.board: chips.Board | None = None
        self.ports = {}  # uid of the board that --again copies: its port

    def run(self) -> int:
        given = self.arguments
        client = client_code(given.client) if given.client else ""
        if given.sha256 and not given.image:
            raise FlashProblem("--sha256 is the sum of an image file: name the file with --image.")
        self._loadable(given.image)
        if given.again:
            self._copy_wiring()
        elif given.instrument:
            self._use(instruments.wiring_of(instruments.folder_of(given.instrument)))
        if given.name and self.wiring is not None:
            self.wiring["name"] = given.name
        found = self._find()
        if given.dry_run:
            return self._dry(found)
        port = found if isinstance(found, str) else self._write_micropython(found)
        with Prompt(port, given.patience) as prompt:
            outcome, troubles = steps.flash(
                prompt, self.wiring, self.teller.step, 0.0 if given.no_test else TEST_S, 3 * given.patience, self._check
            )
        return self._told(outcome, troubles, client)

    # ------------------------------------------------------------ what is wanted

    def _use(self, wiring: dict) -> None:
        self.wiring = wiring
        self.board = chips.BOARDS.get(wiring.get("board", ""))

    def _loadable(self, path: str) -> None:
        if path:
            image.load(path, self._sum(path))

    def _sum(self, path: str) -> str:
        beside = Path(f"{path}.sha256")
        return self.arguments.sha256 or (beside.read_text("ascii", "replace") if beside.is_file() else "")

    def _copy_wiring(self) -> None:
        """The wiring of the board that is plugged in, for another one."""
        ports = board_ports()
        if self.arguments.instrument:
            raise FlashProblem("--again takes the instrument from the board that is plugged in: leave --instrument out.")
        if len(ports) != 1:
            which = "No board is plugged in" if not ports else "Several boards are plugged in"
            raise FlashProblem(f"{which}. For --again plug in just the one that the new one shall be like, then give the command again.")
        with Prompt(ports[0], self.arguments.patience) as prompt:
            prompt.enter()
            facts = prompt.facts()
            kept = steps.board_wiring(prompt)
            prompt.restart()
        if kept is None:
            raise FlashProblem("The board that is plugged in has no wiring, so there is nothing to copy. Write it from a folder: --instrument")
        self._use(json.loads(kept[0]))
        assert self.wiring is not None
        if not self.arguments.name:
            self.wiring["name"] = f"{self.wiring.get('name', '')} 2".strip()
        self.ports[facts.uid] = ports[0]
        self.teller.say(f"It will be another {self.wiring.get('instrument') or 'one'} called {self.wiring['name']}. Now the new board:")

    # ------------------------------------------------------------ which board

    def _find(self) -> str | boot_mode.Blank:
        """The port of a board that runs MicroPython, or a blank board."""
        if self.arguments.port:
            return self.arguments.port
        end, told = time.monotonic() + WAIT_S, False
        while True:
            found = self._candidates()
            if len(found) == 1:
                return found[0]
            if found:
                names = ", ".join(thing if isinstance(thing, str) else f"a blank {thing.chip} ({thing.where})" for thing in found)
                raise FlashProblem(f"Several boards are plugged in: {names}. Unplug all but one, or name one with --port.")
            if time.monotonic() > end or self.arguments.json or self.arguments.dry_run:
                raise FlashProblem(self._nobody())
            if not told:
                told = True
                self.teller.say(f"{self._nobody()} Waiting ... (Ctrl-C ends)")
            time.sleep(LOOK_S)

    def _candidates(self) -> list[str | boot_mode.Blank]:
        blanks: list[str | boot_mode.Blank] = list(boot_mode.find())
        waiting = {thing.where for thing in blanks if not isinstance(thing, str)}
        return blanks + [port for port in board_ports() if port not in self.ports.values() and port not in waiting]

    def _nobody(self) -> str:
        how = self.board.boot_mode if self.board else "hold BOOTSEL (BOOT on an ESP32) while you plug in the cable, then let go"
        return (
            f"No board is there. A new board: {how}. One that was used before: plug it in. "
            "A cable that only charges shows power but no board: try another one."
        )

    def _check(self, facts: Facts) -> None:
        """Before anything is written: the right chip, and not the board that is copied."""
        if facts.uid in self.ports:
            raise FlashProblem("This is the board that is to be copied. Unplug it and plug in the new one, then give the command again.")
        if self.board is not None and self.board.machine not in facts.machine:
            raise FlashProblem(
                f"This board is a {facts.machine}, but the instrument is built with {self.board.in_words}. "
                "Nothing was written. Plug in the right board, or change board in instrument.toml."
            )

    def _dry(self, found: str | boot_mode.Blank) -> int:
        plan: list[str] = []
        if isinstance(found, str):
            with Prompt(found, self.arguments.patience) as prompt:
                prompt.enter()
                facts = prompt.facts()
                self._check(facts)
                files = compiling.program_files(compiling.march_of(facts.mpy))
                plan += steps.plan(prompt, files, self.wiring)
                prompt.restart()
        else:
            self._image_for(found)
            plan += ["write MicroPython", "write the program", "write the wiring"]
        where = found if isinstance(found, str) else found.where
        text = f"The board at {where}: would {', '.join(plan)}." if plan else f"The board at {where} has all of it already."
        self.teller.thing({"result": "dry-run", "port": where, "plan": plan}) if self.arguments.json else print(f"{text} Nothing was written.")
        return 0

    # ------------------------------------------------------------ MicroPython

    def _write_micropython(self, blank: boot_mode.Blank) -> str:
        path = self._image_for(blank)
        data = image.load(path, self._sum(str(path)))
        before = set(board_ports())
        size = len(data)
        self.teller.step("micropython", 0, size)
        blank.write(data, lambda done, total: self.teller.step("micropython", done * 99 // max(1, total), 100))
        end = time.monotonic() + RETURN_S
        while time.monotonic() < end:
            fresh = [port for port in board_ports() if port not in before]
            if fresh:
                self.teller.step("micropython", 1, 1)
                time.sleep(1.0)  # the system is still giving out its rights
                return fresh[0]
            time.sleep(LOOK_S)
        raise FlashProblem(
            "MicroPython was written, but the board does not come back. Unplug it, count to three, plug it in without holding "
            "any button, then give the same command again."
        )

    def _image_for(self, blank: boot_mode.Blank) -> Path:
        board = self.board or chips.first_of(blank.chip)
        if board.chip != blank.chip:
            theirs = chips.first_of(blank.chip)
            raise FlashProblem(
                f"The board that waits is {theirs.in_words}, but the instrument is built with {board.in_words}. "
                "Nothing was written. Plug in the right board, or change board in instrument.toml."
            )
        path = Path(self.arguments.image) if self.arguments.image else self._built(board)
        image.check(image.load(path, self._sum(str(path))), board)
        return path

    def _built(self, board: chips.Board) -> Path:
        clone = places.clone()
        if clone is None or board.board != "pico":
            raise FlashProblem(
                f"This board is blank and needs MicroPython first. Fetch the file for {board.micropython} from "
                "micropython.org, then add: --image FILE"
            )
        self.teller.say("Building MicroPython for the board (once, about a minute) ...")
        target = Path(tempfile.mkdtemp(prefix="reachnote-")) / f"{board.micropython}.uf2"
        argv = [sys.executable, str(clone / "tools" / "firmware_image.py"), "--board", board.micropython, "--out", str(target)]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            raise FlashProblem(f"MicroPython could not be built here. {done.stderr.strip()[-300:]} Or fetch it and add: --image FILE")
        image.load(target, done.stdout.split()[-1])
        return target

    # ------------------------------------------------------------ in the end

    def _told(self, outcome: steps.Outcome, troubles: list[tuple[str, str]], client: str) -> int:
        hello = outcome.hello
        assert hello is not None
        sheet = self._sheet(hello, outcome, troubles)
        file = _start_profile(client, hello.name) if client else None
        code = 0 if sheet is None or sheet.good else 1  # the board is well, its wiring is not
        if self.arguments.json:
            self.teller.thing(
                {
                    "result": "ok",
                    "name": hello.name,
                    "uid": hello.uid,
                    "instrument": hello.instrument,
                    "build": outcome.build,
                    "micropython": outcome.facts.version,
                    "wrote": outcome.wrote,
                    "sheet": wiring_check.sheet_json(sheet) if sheet else None,
                    "troubles": troubles,
                    "profile": str(file) if file else None,
                }
            )
            return code
        kept = " Its wiring is kept." if outcome.wiring_kept and self.wiring is None else ""
        print(f"\n{hello.name} is ready.{kept}\nProgram {outcome.build}, MicroPython {outcome.facts.version}.")
        if sheet:
            print("\n".join(["", *wiring_check.sheet_lines(sheet), ""]))
        print(f"{'That was at rest. Now try' if sheet else 'Try'} each sensor by hand: reachnote doctor --sensors")
        print("Then play: reachnote play --view --out sound:")
        if file:
            print(f"\nA start profile for {client} is in {file}.\nOn the therapist's computer, in that file's folder:")
            print(f"  reachnote clients open {file.name}")
        return code

    def _sheet(self, hello: Hello, outcome: steps.Outcome, troubles: list[tuple[str, str]]) -> wiring_check.Sheet | None:
        if not outcome.readings:
            return None
        return wiring_check.resting_verdicts(hello, outcome.readings, TEST_S, known_pins(hello), troubles)


def _start_profile(client: str, instrument: str) -> Path:
    """A profile file that plays with the sensors' own ranges until somebody calibrates; never over another file."""
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    base = f"{client}-{profiles.file_name(instrument).removesuffix('.json')}"
    path, n = Path(f"{base}.reachnote.json"), 2
    while path.exists():
        path, n = Path(f"{base}-{n}.reachnote.json"), n + 1
    try:
        path.write_text(write_profile(new_profile(client, instrument, now)), "ascii")
    except OSError as problem:
        raise FlashProblem(
            f"The board is ready, but the start profile could not be written here ({problem.strerror}). "
            "Go to a folder of yours and give the command again."
        ) from None
    return path
