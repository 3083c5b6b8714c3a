"""The words of every command, and how it ends; the exit codes are those of __main__."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import traceback
from typing import NoReturn

from reachnote import (
    __version__,
    adjust_command,
    calibrate_command,
    client_commands,
    commands,
    desk_command,
    doctor_command,
    flash_command,
    keeper,
    limits_command,
    pieces_command,
    render_command,
    scenes_command,
)
from reachnote.limits import PRESETS
from reachnote.purpose import PURPOSE
from reachnote.session import CLOCKS

LINKS = "serial:auto (the default), serial:PATH, osc:PORT, replay:FILE, midi_in:PORT NAME, keys:ITS NAME, therapist:PORT NAME, page:; may be repeated"
OUTS = "midi:virtual, midi:PORT NAME, file:PATH.mid, raw:PATH, osc:HOST:PORT, sound:, page:; may be repeated"
LIMITS = f"the loudness guard of this session: {', '.join(PRESETS)} (standard)"
PEDAL = '"cc 64 = next-scene", "note C2 = mark", "key PageDown = next-scene", "switch left = softer"; may be repeated'
CLOCK = "MIDI clock: send ours to every MIDI output, or follow that of the therapist:PORT link"
RECORD = "record the session into a journal; without it no movement is stored"


OWN = ("--help", "--version")
"""Options of no command; any other one before a command is the desk's."""


class Words(argparse.ArgumentParser):
    """Says what is wrong with a command in one sentence instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        choice = re.match(r"argument (\S+): invalid choice: (.+?) \(choose from (.+)\)$", message)
        if choice:
            known = choice[3].replace("'", "")
            near = difflib.get_close_matches(choice[2].strip("'"), known.split(", "), 1)
            message = f"There is no {choice[2]}; write one of: {known}.{f' Did you mean {near[0]!r}?' if near else ''}"
        else:
            message = f"This command is not right: {message}."
        self.exit(2, f"{message} Look: {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    top = Words(prog="reachnote", description=PURPOSE, epilog="Without a COMMAND: the desk, a page in the browser.")
    top.add_argument("--version", action="version", version=f"reachnote {__version__}")
    under = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    play = under.add_parser("play", help="play: every board that is plugged in sounds")
    _playing(play)
    play.add_argument("--view", action="store_true", help="show bars and notes")
    play.set_defaults(run=commands.play)

    watch = under.add_parser("watch", help="bars, notes and latency of the running session")
    watch.add_argument("--json", action="store_true", help="one JSON object a line")
    watch.add_argument("--seconds", type=float, default=0.0, help="stop after this long")
    watch.set_defaults(run=commands.watch)

    boards = under.add_parser("boards", help="which boards are there")
    boards.add_argument("--json", action="store_true")
    boards.add_argument("--link", action="append", default=[], metavar="LINK")
    boards.set_defaults(run=commands.boards)

    check = under.add_parser("check", help="what this computer has and lacks for playing")
    check.add_argument("--json", action="store_true")
    check.add_argument("--scene", default=None, metavar="FILE", help="also check a scene you wrote")
    check.set_defaults(run=commands.check)

    replay = under.add_parser("replay", help="play a journal again, faster than it happened")
    replay.add_argument("journal", metavar="JOURNAL")
    replay.add_argument("--out", action="append", default=[], metavar="OUT", help="where to (file:PATH.mid)")
    replay.add_argument("--scene", default=None, metavar="NAME|FILE", help="another scene than the one that was played")
    replay.add_argument("--json", action="store_true")
    replay.set_defaults(run=commands.replay)

    calibrate_command.add(under)
    adjust_command.add(under)
    client_commands.add(under)
    flash_command.add(under)
    doctor_command.add(under)
    scenes_command.add(under)
    limits_command.add(under)
    pieces_command.add(under)
    render_command.add(under)
    desk_command.add(under, _playing)

    silence = under.add_parser("silence", help="end every sound now; again within 2 s: reset the synths as well")
    silence.add_argument("--twice", action="store_true", help="reset the synths as well")
    silence.set_defaults(run=commands.silence)

    record = under.add_parser("record", help="begin or end a recording of the running session")
    record.add_argument("to", metavar="FILE|off")
    record.set_defaults(run=commands.record)

    stop = under.add_parser("stop", help="end the running session")
    stop.set_defaults(run=commands.stop)

    service = under.add_parser("service", help="start with the computer (Linux, systemd)")
    service.add_argument("action", choices=("install", "status", "stop", "remove"))
    service.add_argument("--json", action="store_true")
    service.set_defaults(run=commands.service)
    return top


def _playing(play: argparse.ArgumentParser) -> None:
    play.add_argument("--link", action="append", default=[], metavar="LINK", help=LINKS)
    play.add_argument("--out", action="append", default=[], metavar="[NAME=]OUT", help=OUTS)
    play.add_argument("--scene", default=None, metavar="NAME|FILE", help="a carried scene or a TOML file (five-notes)")
    play.add_argument("--client", default=None, metavar="CODE", help="a code for the client, never a name")
    play.add_argument("--record", default="", metavar="FILE", help=RECORD)
    play.add_argument("--limits", default="", choices=PRESETS, metavar="PRESET", help=LIMITS)
    play.add_argument("--pedal", action="append", default=[], metavar="WHAT=ACTION", help=PEDAL)
    play.add_argument("--clock", default="", choices=CLOCKS, metavar="none|send|follow", help=CLOCK)
    play.add_argument("--name", default="", help="what the MIDI port is called (reachnote)")
    play.add_argument("--resume", action="store_true", help="client, scene, links and outputs of last time")
    play.add_argument("--json", action="store_true", help="one JSON object a line")


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    if not argv or (argv[0].startswith("--") and argv[0] not in OWN):
        argv = ["desk", *argv]
    arguments = parser().parse_args(argv)
    try:
        code = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except commands.Trouble as trouble:
        print(trouble, file=sys.stderr)
        return trouble.code
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # Whoever read us has gone; the interpreter must not try to tell them more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as surprise:
        return _surprised(surprise)


def _surprised(surprise: Exception) -> int:
    kept = keeper.open_trouble()
    if kept is not None:
        with kept:
            kept.write("".join(traceback.format_exception(surprise)).encode("utf-8", "replace"))
    where = f" What happened is written in {keeper.trouble_path()}" if kept is not None else ""
    print(f"reachnote met something it does not know ({type(surprise).__name__}) and stopped.{where}", file=sys.stderr)
    return 1
