"""MicroPython's prompt on a board: files in, files out, a word with its interpreter. The one door to mpremote.

mpremote speaks the raw prompt; files go in larger pieces than its own copying uses, and every byte is read back.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import errno
import io
import os
from dataclasses import dataclass
from typing import Any

from reachnote.flashing import FlashProblem, Progress
from reachnote.flashing.compiling import MAKER
from reachnote.flashing.program import OLDER, PLACES
from reachnote.links.serial import why_not

PIECE = 1536  # bytes; as base64 it fits a board's heap many times over
FULL = "ENOSPC"

FACTS = (
    "import sys,os,machine,binascii\n"
    "f=os.statvfs('/')\n"
    "print((sys.platform,sys.implementation._machine,'.'.join(str(n) for n in sys.implementation.version[:3]),"
    "sys.implementation._mpy,binascii.hexlify(machine.unique_id()).decode(),f[0]*f[3]))"
)
# Only into folders of ours: there may be a memory card.
WALK = (
    "import os\n"
    "def w(d):\n"
    " for e in os.ilistdir(d or '/'):\n"
    "  p=d+'/'+e[0]\n"
    "  if e[1]==0x4000:\n"
    "   print((p+'/',0))\n"
    "   if d or e[0] in o: w(p)\n"
    "  else:\n"
    "   print((p,e[3] if len(e)>3 else 0))\n"
    "w('')"
)


@dataclass(frozen=True)
class Facts:
    """What a board's MicroPython says of itself. `free` in bytes of its file system."""

    platform: str
    machine: str
    version: str
    mpy: int
    uid: str
    free: int


class Prompt:
    """The prompt of the board at a serial port. Entering it ends the program that the board runs, until it restarts.

    Every method raises FlashProblem; after one the board is in no worse state than after a power cut.
    """

    def __init__(self, port: str, patience_s: float = 10.0) -> None:
        try:
            from mpremote.transport import TransportError, TransportExecError
            from mpremote.transport_serial import SerialTransport
        except ImportError:
            raise FlashProblem(f"The program that talks to boards (mpremote) is not installed. {MAKER}") from None
        self.port = port
        self._faults: Any = TransportError
        self._raised: Any = TransportExecError
        self._patience_s = patience_s
        try:
            self._board = SerialTransport(port, 115200, timeout=patience_s)
        except Exception:  # mpremote keeps the reason to itself
            raise FlashProblem(_unopened(port)) from None

    def enter(self) -> None:
        """Stop what the board runs and get its prompt, in a fresh interpreter."""
        with self._told("gave no prompt"):
            try:
                self._board.enter_raw_repl(soft_reset=True, timeout_overall=self._patience_s)
            except self._faults:  # a board that was just starting may miss it once
                self._board.enter_raw_repl(soft_reset=True, timeout_overall=self._patience_s)

    def close(self) -> None:
        with contextlib.suppress(Exception):  # a board that is gone cannot be said goodbye to
            self._board.close()

    def __enter__(self) -> Prompt:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ words

    def run(self, source: str) -> str:
        """What this source prints on the board."""
        with self._told("stopped answering"):
            return self._board.exec(source).decode("utf-8", "replace").strip()

    def facts(self) -> Facts:
        said = ast.literal_eval(self.run(FACTS))
        return Facts(*said)

    def restart(self) -> None:
        """Start the board's main.py, as after power-on; the port stays open."""
        with self._told("stopped answering"):
            self._board.exit_raw_repl()
            self._board.read_until(1, b">>> ", timeout_overall=self._patience_s)
            self._board.serial.write(b"\x04")

    def listen(self, wait_s: float) -> bytes:
        """What the running board said, after at most this long."""
        with self._told("is gone"):
            serial = self._board.serial
            serial.timeout = wait_s
            found = serial.read(1)
            return found + serial.read(serial.in_waiting)

    def say(self, data: bytes) -> None:
        with self._told("is gone"):
            self._board.serial.write(data)

    # ------------------------------------------------------------ files

    def files(self) -> dict[str, int]:
        """What lies at the top and in reachnote's folders, with its size in bytes; a folder's name ends in / and has none."""
        said = self.run(f"o={(*PLACES, *OLDER)!r}\n{WALK}")
        return {str(name)[1:]: int(size) for name, size in map(ast.literal_eval, said.splitlines())}

    def put(self, path: str, content: bytes, progress: Progress = lambda done, total: None) -> None:
        """Write a file, making its folders, and read every byte back."""
        pieces = [content[n : n + PIECE] for n in range(0, len(content), PIECE)]
        try:
            self._make_folders(path)
            self.run(f"from binascii import a2b_base64 as a\nf=open({path!r},'wb')\nw=f.write")
            for n, piece in enumerate(pieces):
                self.run(f"w(a({base64.b64encode(piece)!r}))")
                progress(n * PIECE + len(piece), len(content))
            self.run("f.close()")
        except _Full:
            raise FlashProblem(self._full(path)) from None
        if self.get(path) != content:
            raise FlashProblem(
                f"The board at {self.port} did not keep {path} as it was sent. Its memory may be worn or its power weak. "
                "Plug it straight into the computer and write it again."
            )

    def get(self, path: str) -> bytes:
        """The content of a file."""
        said = self.run(
            "from binascii import b2a_base64 as b\n"
            f"with open({path!r},'rb') as f:\n while True:\n  p=f.read({PIECE})\n  if not p: break\n  print(b(p).decode(),end='')"
        )
        return b"".join(base64.b64decode(line) for line in said.splitlines())

    def remove(self, paths: list[str]) -> None:
        """Delete files, and folders that are empty by then (names ending in /), in this order; what is not there is well."""
        self.run(
            f"import os\nfor p in {paths!r}:\n"
            " try:\n  (os.rmdir if p[-1]=='/' else os.remove)(p.rstrip('/'))\n except OSError: pass"
        )

    def _make_folders(self, path: str) -> None:
        parts = path.split("/")
        folders = ["/".join(parts[:n]) for n in range(1, len(parts))]
        if folders:
            self.run(
                f"import os\nfor d in {folders!r}:\n try: os.mkdir(d)\n except OSError as e:\n  if e.args[0]!={errno.EEXIST}: raise"
            )

    def _full(self, path: str) -> str:
        return (
            f"The board's memory is full: {path} did not fit. What was on it still plays. "
            f"Look what else is on it with: mpremote connect {self.port} ls   then remove it with: mpremote rm FILE"
        )

    # ------------------------------------------------------------ trouble

    @contextlib.contextmanager
    def _told(self, what: str) -> Any:
        # mpremote prints what it did not expect before it raises.
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                yield
            except self._raised as problem:
                words = str(problem.error_output).strip().splitlines() or ["no words"]
                if FULL in words[-1] or words[-1].endswith(": 28"):
                    raise _Full(self._full("a file")) from None
                raise FlashProblem(f"The board at {self.port} refused a step ({words[-1]}). {AGAIN}") from None
            except FlashProblem:
                raise
            except self._faults:
                raise FlashProblem(f"The board at {self.port} {what}. Unplug it, count to three, plug it in. {AGAIN}") from None
            except Exception:  # a board that is pulled out raises whatever the system has for that
                raise FlashProblem(f"The board at {self.port} is gone. Plug it in again. {AGAIN}") from None


LATER = " Then give the command again."
AGAIN = "Then give the same command again; it goes on where this one stopped."


class _Full(FlashProblem):
    """No room left on the board."""


def _unopened(port: str) -> str:
    """Why a port does not open, found by trying again."""
    try:
        os.close(os.open(port, os.O_RDWR | os.O_NONBLOCK | getattr(os, "O_NOCTTY", 0)))
        problem = OSError(errno.EBUSY, "busy")
    except OSError as found:
        problem = found
    said = why_not(port, problem)
    for later in (" It is tried again until it works.", "; it is tried again until it works.", " It is used as soon as it appears."):
        said = said.replace(later, LATER if later[0] == " " else f"; {LATER.strip()[0].lower()}{LATER.strip()[1:]}")
    return said
