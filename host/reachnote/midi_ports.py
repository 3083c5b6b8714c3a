"""The MIDI ports that take notes now, asked for in a process of its own: a MIDI library may hang, or take its process with it.

    python -m reachnote.midi_ports        prints one line, a JSON array of names
"""

from __future__ import annotations

import json
import subprocess
import sys

from reachnote.midi_system import plain_name

PATIENCE_S = 5.0
THROUGH = "midi through"
"""What only hands on what it is given: nobody looks for it by name."""


def ask() -> list[str]:
    """Their names without the numbers that change, in order; [] where the MIDI system does not answer."""
    try:
        done = subprocess.run([sys.executable, "-m", __spec__.name], capture_output=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL)
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def main() -> int:
    from reachnote.outputs._ports import connector

    try:
        port = connector("reachnote-look", None)()
        names = port.destinations()
        port.close()
    except Exception:  # whatever a library answers: there is nothing to choose from
        names = []
    kept = [plain_name(name) for name in names if not name.lower().startswith(THROUGH)]
    print(json.dumps(list(dict.fromkeys(kept))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
