"""Terminal captures in the guides: what the programs themselves print, written between the markers of a page.

    python3 tools/captures.py             make every capture and write it where it is wanted
    python3 tools/captures.py --check     write nothing; exit 1 where a page shows something else than is printed now
    python3 tools/captures.py --show      print them, write nothing

A page of README.md, hardware/ or firmware/ asks for one by

    <!-- capture: flash -->
    <!-- /capture -->

Port names, build numbers, versions, times, how many notes and how long a bar is do not count: what differs by them alone stays
as it stands. The programs run behind a pseudo-terminal of 80 columns. Stood in for are the board (real MicroPython and the
shipped firmware: tests/support/prompt_board.py, tools/simulate.py), what moves its sensors, the drive of a board in boot
mode, and what this computer shows of its USB; a capture's first line leaves out what names them (--link).
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / part) for part in ("host", "protocols", "", "tests")]

from support.terminal import ORDERS, Terminal  # noqa: E402
from tools import prepare  # noqa: E402

COLUMNS = 80
PICO = ("2e8a", "0005")  # how MicroPython on a Pico names itself on USB
INFO = "UF2 Bootloader v2.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"
IMAGE_BYTES = 330_000  # about as much as MicroPython for a Pico
TRIES = 3  # where a hand has to come at the right moment, which a busy computer may miss
REST_S = 6.0  # before a hand first moves
HELD_S = 2.0  # it holds at least so long
INSIDE = "from tools import captures; captures.inside()"

STOOD_IN = [("(linux, firmware", "(rp2, firmware")]
"""(printed, shown): what the board's stand-in says of its chip, and what a Pico says there."""

UNCOUNTED = [
    (re.compile(r"/dev/\w+"), "PORT"),
    (re.compile(r"\bProgram [0-9a-f]{8}\b"), "Program BUILD"),
    (re.compile(r"\bv?\d+\.\d+\.\d+\b"), "VERSION"),
    (re.compile(r"\s*\b\d+(\.\d+)? m?s\b"), " TIME"),
    (re.compile(r"\b\d+ notes?\b"), "NOTES"),
    (re.compile(r"█+·*"), "BAR"),
]
"""What may differ between two captures that are the same."""


class Missed(Exception):
    """The programs did not show what the capture is about."""


# ---------------------------------------------------------------- the computer, as the programs see it


class Bench:
    """A folder that stands in for the computer's USB, drives and ports; `run` starts a command on it."""

    def __init__(self, root: Path) -> None:
        from support.asking import place
        from support.usb_tree import Tree

        self.root = root
        self.tree = Tree(root)
        self.tree.plug("1-3", "046d", "c077", 3)  # a mouse
        (root / "hardware").symlink_to(ROOT / "hardware")
        kept = {name: value for name, value in place(root / "own").items() if name not in ("COLUMNS", "LINES")}
        self.env = {**kept, "PYTHONPATH": os.pathsep.join([kept["PYTHONPATH"], str(ROOT)])}
        self.open = contextlib.ExitStack()

    def run(self, *words: str, columns: int = COLUMNS) -> Terminal:
        return Terminal(self.env, *words, columns=columns, program=("-c", INSIDE, str(self.root)))

    def plug(self, path: str) -> None:
        """A board that runs MicroPython, whose port really is `path`."""
        self.tree.plug("1-2", *PICO, 2, "ttyACM0")
        (self.root / "dev" / "ttyACM0").symlink_to(path)

    def simulated(self, name: str, hands: dict[str, dict]) -> str:
        """The path of a simulated board. A hand is {"moves": [(s, value), ...]} in a loop, and whether it steps."""
        from tools import simulate

        told = {}
        for sensor, hand in hands.items():
            file = self.root / f"{sensor}.csv"
            file.write_text("t_s,value\n" + "".join(f"{t},{value}\n" for t, value in hand["moves"]))
            told[sensor] = {"step": hand.get("step", False), "file": [str(file)]}
        board = simulate.SimulatedBoard(ROOT / "hardware" / name, told, folder=self.root / "board")
        self.open.callback(board.close)
        return board.path

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.open.close()


def inside() -> None:
    """In the command's own process: `reachnote WORDS`, on the computer that the first word's folder stands in for."""
    from reachnote import doctor_command, flash_command
    from reachnote.__main__ import main
    from reachnote.flashing import boot_mode, picoboot
    from reachnote.links import serial
    from reachnote.usb_places import Computer

    root, words = Path(sys.argv[1]), sys.argv[2:]
    find = boot_mode.find
    picoboot.find = lambda backend=None: []
    flash_command.boot_mode.find = lambda: find([root / "RPI-RP2"], ports=())
    flash_command.board_ports = lambda: [str(port) for port in (root / "dev").glob("ttyACM*")]
    doctor_command.Computer = lambda: Computer(root)
    serial.who_holds = lambda path: None  # whoever stands in for a board has its port open
    os.chdir(root)
    sys.exit(main(words))


# ---------------------------------------------------------------- what the terminal shows


def printed(text: str) -> list[str]:
    """A finished screen without its orders to the terminal: of a line that was written over, what stands there last."""
    lines = [line.rstrip("\r").split("\r")[-1].rstrip() for line in ORDERS.sub("", text).split("\n")]
    return trimmed(lines)


def trimmed(lines: list[str]) -> list[str]:
    """Without empty lines at both ends."""
    while lines and not lines[0]:
        lines = lines[1:]
    while lines and not lines[-1]:
        lines = lines[:-1]
    return lines


def cleaned(lines: list[str], root: Path) -> list[str]:
    """As it would be on a computer with a real board. Missed where a line does not fit."""
    said = []
    for line in lines:
        line = line.replace(str(root), "")
        for was, now in STOOD_IN:
            line = line.replace(was, now)
        if len(line) > COLUMNS:
            raise Missed(f"wider than {COLUMNS} columns: {line}")
        said.append(line)
    return said


def same(one: list[str], other: list[str]) -> bool:
    """Whether two captures differ by nothing that counts."""
    return list(map(counted, one)) == list(map(counted, other))


def counted(line: str) -> str:
    for pattern, word in UNCOUNTED:
        line = pattern.sub(word, line)
    return line


# ---------------------------------------------------------------- the captures

PRESSED_LATER = {"left": REST_S, "right": REST_S + 4.5}
"""When each switch is pressed, so that the wiring check, which takes them one after another, has asked for it by then."""


def flash(bench: Bench) -> list[str]:
    """A blank Pico made an instrument."""
    from reachnote import instruments
    from support.prompt_board import PromptBoard
    from tools import firmware_image, micropython

    argv = micropython.find(prepare=True)
    if argv is None:
        raise Missed(micropython.why_not())
    drive, folder = bench.root / "RPI-RP2", bench.root / "pico"
    drive.mkdir()
    folder.mkdir()
    (drive / "INFO_UF2.TXT").write_text(INFO)
    image = firmware_image.uf2(os.urandom(IMAGE_BYTES))
    (bench.root / "pico.uf2").write_bytes(image)

    def restarts() -> None:  # as a Pico does when it has the whole image
        file = drive / "REACHNOTE.UF2"
        while not bench.root.joinpath("over").exists():
            if file.exists() and file.stat().st_size == len(image):
                (drive / "INFO_UF2.TXT").unlink()
                wiring = instruments.wiring_of(ROOT / "hardware" / "two-switch-box")
                bench.plug(bench.open.enter_context(PromptBoard(argv, folder, wiring)).path)
                return
            time.sleep(0.05)

    board = threading.Thread(target=restarts)
    bench.open.callback(board.join)
    bench.open.callback((bench.root / "over").touch)
    board.start()
    screen = bench.run("flash", "--instrument", "hardware/two-switch-box", "--image", "pico.uf2")
    bench.open.callback(_over, screen)
    code = screen.end(90.0)
    said = printed(screen.text)
    if code or sum("100 %" in line for line in said) != 5:
        raise Missed("\n".join(said))
    return ["$ reachnote flash --instrument hardware/two-switch-box --image pico.uf2", *said]


def sensors(bench: Bench) -> list[str]:
    """The wiring of a good board: the first question, and the sheet in the end."""
    path = bench.simulated("two-switch-box", {name: _pressed(at, 0.3, 20.0) for name, at in PRESSED_LATER.items()})
    screen, asked = _asked(bench, path)
    screen.until("good: It was pressed and let go of.", 15.0)
    code = screen.end(30.0)
    sheet = printed(screen.picture)
    if code:
        raise Missed("\n".join(sheet))
    return ["$ reachnote doctor --sensors", *asked, "...", *sheet]


def unplugged(bench: Bench) -> list[str]:
    """The same with the right switch's plug out: what the check says of it."""
    path = bench.simulated("two-switch-box", {"left": _pressed(PRESSED_LATER["left"], 0.3, 60.0)})
    screen, _ = _asked(bench, path)
    told = _frame(screen, "unplugged:", "Q: end", 40.0)
    screen.press("q")
    screen.end()
    if "sensor 2 of 2" not in told[0]:
        raise Missed("\n".join(told))
    return ["$ reachnote doctor --sensors", "...", *told]


def _asked(bench: Bench, path: str) -> tuple[Terminal, list[str]]:
    screen = bench.run("doctor", "--sensors", "--link", f"serial:{path}")
    bench.open.callback(_over, screen)
    return screen, _frame(screen, "Press the left switch now and let it go.", "Q: end", 15.0)


def doctor_nothing(bench: Bench) -> list[str]:
    """Nothing is plugged in but a mouse."""
    screen = bench.run("doctor")
    if screen.end() != 1:
        raise Missed(screen.picture)
    return ["$ reachnote doctor", *printed(screen.text)]


def doctor_board(bench: Bench) -> list[str]:
    """A board is ready."""
    bench.plug(bench.simulated("two-switch-box", {}))
    screen = bench.run("doctor", columns=COLUMNS + len(str(bench.root)))
    if screen.end():
        raise Missed(screen.picture)
    return ["$ reachnote doctor", *printed(screen.text)]


def play(bench: Bench) -> list[str]:
    """One of two switches is held."""
    path = bench.simulated("two-switch-box", {"left": _pressed(REST_S, 5.0, 30.0)})
    return _playing(bench, path, [r"left +█{32}  \S+$", r"right +·{32}$"])


def play_table(bench: Bench) -> list[str]:
    """Switch, bulb and hand at the same time."""
    hands = {
        "button": _pressed(REST_S, 6.0, 30.0),
        "ball": {"moves": [(0, 101325), (REST_S, 101325), (REST_S + 0.5, 104000), (REST_S + 6, 104000), (30, 101325)]},
        "hand": {"moves": [(0, 1200), (REST_S, 1200), (REST_S + 0.5, 210), (REST_S + 6, 210), (30, 1200)]},
    }
    path = bench.simulated("mixed-table", hands)
    return _playing(bench, path, [rf"{sensor} +█+·*  \S+$" for sensor in ("button", "ball", "hand")])


def _pressed(at_s: float, for_s: float, all_s: float) -> dict:
    return {"step": True, "moves": [(0, 0), (at_s, 1), (at_s + for_s, 0), (all_s, 0)]}


def _playing(bench: Bench, path: str, bars: list[str]) -> list[str]:
    """The live view once these bars are there, with the figures that come once a second."""
    screen = bench.run("play", "--view", "--link", f"serial:{path}", "--out", "file:session.mid")
    bench.open.callback(_over, screen)
    screen.until("movement to note", 30.0)
    end = time.monotonic() + HELD_S
    while time.monotonic() < end:  # until every hand has come to rest where it holds
        screen.read()
    seen = _frame(screen, "movement to note", "Ctrl-C ends in silence.", 5.0)
    if not all(any(re.search(bar, line) for line in seen) for bar in bars):
        raise Missed("\n".join(seen))
    screen.press("\x03")
    screen.end(30.0)
    news = [line for line in seen if line.startswith("  ") and line.endswith(".") and "Ctrl-C" not in line]
    if len(news) != 1:  # the board is ready, and nothing else
        raise Missed("\n".join(seen))
    return ["$ reachnote play --view --out file:session.mid", *seen]


def _frame(screen: Terminal, words: str, last: str, seconds: float) -> list[str]:
    """The first picture with these words that has come whole, down to its last line."""
    end = time.monotonic() + seconds
    while not (words in screen.picture and printed(screen.picture)[-1].endswith(last)):
        if time.monotonic() > end:
            raise Missed(f"'{words}' never came:\n{screen.picture}")
        screen.read()
    return printed(screen.picture)


def _over(screen: Terminal) -> None:
    """End a command that is there still."""
    with contextlib.suppress(OSError, AssertionError):
        if os.waitpid(screen.pid, os.WNOHANG)[0] == 0:
            screen.press("\x03")
            screen.end()


CAPTURES: dict[str, Callable[[Bench], list[str]]] = {
    "flash": flash,
    "sensors": sensors,
    "unplugged": unplugged,
    "doctor-nothing": doctor_nothing,
    "doctor-board": doctor_board,
    "play": play,
    "play-table": play_table,
}


def made(name: str) -> list[str]:
    """The lines of a capture. Missed where it does not come about."""
    for left in reversed(range(TRIES)):
        with tempfile.TemporaryDirectory(prefix="rn") as folder, Bench(Path(folder)) as bench:
            try:
                return cleaned(CAPTURES[name](bench), bench.root)
            except (Missed, AssertionError) as why:
                if not left:
                    raise Missed(f"{name}: {why}") from None
    raise AssertionError


# ---------------------------------------------------------------- the pages

MARKED = re.compile(r"^( *)<!-- capture: ([\w-]+) -->\n(.*?)^ *<!-- /capture -->$", re.M | re.S)


def pages() -> Iterator[Path]:
    """Every page that may show a capture."""
    yield ROOT / "README.md"
    for folder in ("hardware", "firmware"):
        yield from sorted((ROOT / folder).rglob("*.md"))


def shown(text: str) -> dict[str, list[str]]:
    """The captures that stand on a page, by their names; nothing in one that was not made yet."""
    found = {}
    for indent, name, block in MARKED.findall(text):
        lines = [line.removeprefix(indent) for line in block.splitlines()]
        found[name] = lines[1:-1] if lines[:1] == ["```text"] and lines[-1:] == ["```"] else []
    return found


def with_captures(text: str, captures: dict[str, list[str]]) -> str:
    """The page with these captures in their places."""

    def block(found: re.Match) -> str:
        indent, name, was = found.groups()
        lines = ["```text", *captures[name], "```"] if name in captures else was.splitlines()
        made = [f"{indent}{line}" if line and name in captures else line for line in lines]
        return "\n".join([f"{indent}<!-- capture: {name} -->", *made, f"{indent}<!-- /capture -->"])

    return MARKED.sub(block, text)


def main() -> int:
    words = argparse.ArgumentParser(description="Terminal captures in the guides.")
    words.add_argument("--check", action="store_true", help="write nothing; exit 1 where a page shows something else")
    words.add_argument("--show", action="store_true", help="print them, write nothing")
    given = words.parse_args()
    _into_environment()
    texts = {page: page.read_text("utf-8") for page in pages()}
    wanted = {name for text in texts.values() for name in shown(text)}
    if unknown := wanted - CAPTURES.keys():
        print(f"There is no capture {', '.join(sorted(unknown))}; there are {', '.join(CAPTURES)}.", file=sys.stderr)
        return 2
    try:
        captures = {name: made(name) for name in CAPTURES if name in wanted}
    except Missed as why:
        print(why, file=sys.stderr)
        return 1
    if given.show:
        print("\n\n".join("\n".join([f"{name}:", *lines]) for name, lines in captures.items()))
        return 0
    return checked(texts, captures) if given.check else written(texts, captures)


def stale(text: str, captures: dict[str, list[str]]) -> dict[str, list[str]]:
    """Those of `captures` that a page shows otherwise."""
    return {name: captures[name] for name, lines in shown(text).items() if not same(lines, captures[name])}


def checked(texts: dict[Path, str], captures: dict[str, list[str]]) -> int:
    """Say what is no longer so; 1 then."""
    code = 0
    for page, text in texts.items():
        for name, lines in stale(text, captures).items():
            code = 1
            print(f"{page.relative_to(ROOT)} shows another {name} than is printed now (python3 tools/captures.py mends it):")
            print("\n".join(difflib.unified_diff(shown(text)[name], lines, "page", "printed", lineterm="")))
    if not code:
        print(f"{len(captures)} captures are what the programs print.")
    return code


def written(texts: dict[Path, str], captures: dict[str, list[str]]) -> int:
    for page, text in texts.items():
        if fresh := stale(text, captures):
            page.write_text(with_captures(text, fresh), "utf-8")
            print(f"{page.relative_to(ROOT)}: {', '.join(fresh)}")
    return 0


def _into_environment() -> None:
    """Go on under the project's own Python, which has what flashing and the stand-ins need."""
    python = prepare.environment("test")
    if Path(sys.prefix).resolve() != prepare.VENV.resolve():
        os.execv(python, [str(python), *sys.argv])


if __name__ == "__main__":
    sys.exit(main())
