"""Flashing, step by step. Every step first looks whether it is done already, so a second run goes on where one stopped.

The order keeps the board playable: a starter where there is none (it shows the lamp's pattern), then the program in the
place that does not play now, its list last; then the wiring in the slot that does not play now; then what an older
program left goes.
"""

from __future__ import annotations

import ast
import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import reachnote_wire as wire
from reachnote.board import Board, Hello
from reachnote.flashing import FlashProblem, Progress, compiling, program
from reachnote.flashing.prompt import AGAIN, Facts, Prompt
from reachnote.model import Reading

STEPS = ("micropython", "program", "wiring", "restart", "test")
WORDS = {
    "micropython": "MicroPython onto the board",
    "program": "reachnote onto the board",
    "wiring": "The instrument's wiring",
    "restart": "Restart",
    "test": "Test at rest",
}
Tell = Callable[[str, int, int], None]
"""Told (step, done, total) as a step goes on; done == total when it is over."""


@dataclass
class Outcome:
    """What became of a board."""

    facts: Facts
    build: str = ""
    place: str = ""
    wrote: bool = False
    wiring_kept: bool = False
    hello: Hello | None = None
    readings: list[Reading] | None = None


def progress_of(tell: Tell, step: str, before: int, total: int) -> Progress:
    return lambda done, _: tell(step, before + done, total)


# ---------------------------------------------------------------- program


def whole_programs(prompt: Prompt) -> list[tuple[int, str]]:
    """(sequence, place) of every whole program, as the starter judges them on the board."""
    # Under another name than __main__ the starter starts nothing.
    said = prompt.run(
        f"s={{'__name__':'starter'}}\nexec({compiling.starter().decode()!r},s)\n"
        "import json\nprint(json.dumps([[p[0],p[1]] for p in s['programs']()]))"
    )
    return [(int(sequence), str(place)) for sequence, place in json.loads(said)]


def write_program(prompt: Prompt, files: dict[str, bytes], tell: Tell) -> tuple[str, str, bool]:
    """(place, build, whether anything was written) of a program that is whole on the board in the end."""
    there = prompt.files()
    starter = compiling.starter()
    total = sum(map(len, files.values())) + len(starter)
    tell("program", 0, total)
    if program.STARTER not in there:
        prompt.put(program.STARTER, starter)
    found = whole_programs(prompt)
    for _, place in sorted(found, reverse=True)[:1]:
        whole = prompt.get(f"{place}/{program.LIST}")
        if program.same(whole, files):
            renewed = _renew_starter(prompt, starter)
            tell("program", total, total)
            return place, program.build_of(whole), renewed
    place, sequence = program.next_place(found)
    _copy(prompt, place, files, there, tell, total)
    whole = program.listing(files, sequence)
    prompt.put(f"{place}/{program.LIST}", whole)
    _renew_starter(prompt, starter)
    tell("program", total, total)
    return place, program.build_of(whole), True


def plan(prompt: Prompt, files: dict[str, bytes], wanted: dict | None) -> list[str]:
    """What `flash` would do, in words; nothing when the board has all of it."""
    found = sorted(whole_programs(prompt), reverse=True)
    place = found[0][1] if found else ""
    steps = []
    if not place or not program.same(prompt.get(f"{place}/{program.LIST}"), files):
        steps.append("write the program")
    there = board_wiring(prompt)
    if wanted is not None and there != (json.dumps(wanted).encode(), True):
        steps.append("write the wiring")
    return steps


def _copy(prompt: Prompt, place: str, files: dict[str, bytes], there: dict[str, int], tell: Tell, total: int) -> None:
    # The list first, so that a half emptied place is never taken for whole; a file that is there already stays.
    prompt.remove([f"{place}/{program.LIST}"])
    old = [name for name in there if name.startswith(f"{place}/") and name.removeprefix(f"{place}/") not in files]
    prompt.remove(sorted((name for name in old if name != f"{place}/" and not _folder_of(name, files, place)), reverse=True))
    done = 0
    for name, content in sorted(files.items()):
        path = f"{place}/{name}"
        if there.get(path) != len(content) or prompt.get(path) != content:
            prompt.put(path, content, progress_of(tell, "program", done, total))
        done += len(content)
        tell("program", done, total)


def _folder_of(name: str, files: dict[str, bytes], place: str) -> bool:
    return name.endswith("/") and any(f"{place}/{known}".startswith(name) for known in files)


def _renew_starter(prompt: Prompt, starter: bytes) -> bool:
    if prompt.get(program.STARTER) == starter:
        return False
    prompt.put("main.new", starter)
    prompt.run(f"import os\nos.rename('main.new',{program.STARTER!r})")
    return True


# ---------------------------------------------------------------- wiring


def board_wiring(prompt: Prompt, places: Sequence[str] = program.PLACES) -> tuple[bytes, bool] | None:
    """(text of the wiring that the board plays with, whether it lies in a slot); None without a usable one.

    `places` are where the board's program may be, whose own judgement counts.
    """
    said = prompt.run(
        f"import sys\nsys.path[:0]={[*places, '']!r}\nfrom binascii import b2a_base64 as b\nt=None\n"
        "try:\n from reachnote_board import slots\n t=slots.text('')\n"
        "except (ImportError,AttributeError): pass\n"
        "print((b(t[0]).decode().strip(),t[1]) if t else None)"
    )
    found = ast.literal_eval(said.splitlines()[-1])
    return (base64.b64decode(found[0]), bool(found[1])) if found else None


def write_wiring(prompt: Prompt, place: str, wanted: dict | None, tell: Tell) -> bool:
    """The wiring stored in a slot and read back; with None the one that is there stays. True when anything was written."""
    tell("wiring", 0, 1)
    there = board_wiring(prompt, [place])
    if wanted is None and there is None:
        raise FlashProblem(
            "This board has no wiring yet, so it does not know what is plugged into it. "
            "Name its instrument: reachnote flash --instrument hardware/NAME"
        )
    text = there[0] if wanted is None and there else json.dumps(wanted).encode()
    wrote = there != (text, True)
    if wrote:
        prompt.put("wiring.new", text)
        said = prompt.run(
            f"import sys\nsys.path.insert(0,{place!r})\nfrom reachnote_board import slots\n"
            "with open('wiring.new','rb') as f: print(slots.write('',f.read()) or 'stored')"
        )
        if said.splitlines()[-1:] != ["stored"]:
            raise FlashProblem(f"The board did not take the wiring: {said}")
        if board_wiring(prompt, [place]) != (text, True):
            raise FlashProblem(f"The board at {prompt.port} did not keep the wiring as it was sent. {AGAIN}")
    tell("wiring", 1, 1)
    return wrote


def tidy(prompt: Prompt) -> None:
    """What a program copied by hand left at the top goes, now that the new one is whole and has its wiring."""
    there = prompt.files()
    old = [name for name in there if name.split("/")[0] in program.OLDER or name in ("wiring.json", "main.new", "wiring.new")]
    if old:
        prompt.remove(sorted(old, reverse=True))


# ---------------------------------------------------------------- restart and test


def meet(prompt: Prompt, tell: Tell, patience_s: float) -> tuple[Board, Hello]:
    """Restart the board and hear its hello."""
    tell("restart", 0, 1)
    prompt.restart()
    board, splitter = Board(), wire.Splitter()
    end = time.monotonic() + patience_s
    asked = 0.0
    heard = b""
    while board.hello is None and time.monotonic() < end:
        if time.monotonic() - asked > wire.KEEP_ALIVE_MS / 1000:
            asked = time.monotonic()
            prompt.say(wire.frame(wire.KEEP_ALIVE))
        chunk = prompt.listen(0.1)
        heard = (heard + chunk)[-2000:]
        for body in splitter.feed(chunk):
            board.take(body, time.monotonic())
    if board.problem:
        raise FlashProblem(board.problem)
    if board.hello is None:
        raise FlashProblem(
            f"The board was written but does not introduce itself. Unplug it, count to three, plug it in. {AGAIN}{_traceback(heard)}"
        )
    tell("restart", 1, 1)
    return board, board.hello


def _traceback(heard: bytes) -> str:
    lines = [line for line in heard.decode("ascii", "replace").splitlines() if "Error" in line]
    return f" It said: {lines[-1][:200]}" if lines else ""


def listen(prompt: Prompt, board: Board, seconds: float, tell: Tell, patience_s: float) -> list[Reading]:
    """What the sensors say for so long of the board's own time. `board.said` then holds its troubles."""
    assert board.hello is not None
    board.numbers = list(range(len(board.hello.sensors)))
    splitter = wire.Splitter()
    found: list[Reading] = []
    total = round(seconds * 1000)
    end, kept, elapsed_us, last_us = time.monotonic() + patience_s, 0.0, 0, -1
    tell("test", 0, total)
    while elapsed_us < seconds * 1e6 and time.monotonic() < end:
        if time.monotonic() - kept > wire.KEEP_ALIVE_MS / 1000:
            kept = time.monotonic()
            prompt.say(wire.frame(wire.KEEP_ALIVE))
        for body in splitter.feed(prompt.listen(0.1)):
            for reading in board.take(body, time.monotonic()) or ():
                found.append(reading)
                if last_us >= 0:
                    elapsed_us += reading.board_us - last_us & wire.TIME_MASK
                last_us = reading.board_us
        tell("test", min(total, elapsed_us // 1000), total)
    if not found:
        raise FlashProblem(f"The board introduced itself but sends no readings. {AGAIN}")
    tell("test", total, total)
    return found


def flash(
    prompt: Prompt,
    wanted: dict | None,
    tell: Tell,
    test_s: float = 2.0,
    patience_s: float = 20.0,
    check: Callable[[Facts], None] = lambda facts: None,
) -> tuple[Outcome, list[tuple[str, str]]]:
    """Program, wiring, restart and test of a board that runs MicroPython; answers that and the board's own troubles.

    `wanted` is the wiring, or None to keep the board's. `check(facts)` may refuse the board before anything is written.
    """
    prompt.enter()
    facts = prompt.facts()
    check(facts)
    files = compiling.program_files(compiling.march_of(facts.mpy))
    place, build, wrote = write_program(prompt, files, tell)
    rewired = write_wiring(prompt, place, wanted, tell)
    tidy(prompt)
    board, hello = meet(prompt, tell, patience_s)
    outcome = Outcome(facts, build, place, wrote or rewired, not rewired, hello)
    if _build_of(board) not in ("", build):
        raise FlashProblem(f"The board still plays another program than the one just written. {AGAIN}")
    if test_s:
        outcome.readings = listen(prompt, board, test_s, tell, patience_s + test_s)
    return outcome, list(board.said)


def _build_of(board: Board) -> str:
    return board.hello.build if board.hello else ""
