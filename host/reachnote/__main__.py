"""reachnote: the command line.

Exit codes: 0 well, 1 something a person must mend, 2 the command was written wrongly, 3 nothing is running,
4 reachnote is already running.
"""

from __future__ import annotations

import sys

SILENCE = (["silence"], ["silence", "--twice"])


def main(argv: list[str] | None = None) -> int:
    """The exit code. Silence waits for no other command to be read."""
    argv = sys.argv[1:] if argv is None else argv
    if argv in SILENCE and _silent("--twice" in argv):
        return 0
    from reachnote import command_line

    return command_line.main(argv)


def _silent(twice: bool) -> bool:
    """False where that went wrong: then the whole command says what."""
    from reachnote.ask import NotRunning, Session

    try:
        with Session() as session:
            done = bool(session.ask("silence", twice=twice)["ok"])
    except NotRunning:
        return False
    if done:
        print("Silence.", flush=True)
    return done


if __name__ == "__main__":
    sys.exit(main())
