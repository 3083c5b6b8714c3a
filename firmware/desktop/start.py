# Runs the shipped firmware on a desktop: unix MicroPython or CPython.
#
#   INTERPRETER firmware/desktop/start.py FOLDER
#
# FOLDER holds wiring.json and may hold hands.json, which says what moves the sensors (see bench.py). The console is
# standard input and output, as on a board; whoever starts this hands over a pseudo-terminal.

import sys

HERE = __file__.rsplit("/", 1)[0] if "/" in __file__ else "."
FIRMWARE = HERE + "/.."
for path in (FIRMWARE + "/../protocols", FIRMWARE, HERE):
    sys.path.insert(0, path)

if sys.implementation.name == "cpython":
    import on_cpython  # noqa: F401  gives CPython what the MicroPython dialect expects

import bench  # noqa: E402
import main  # noqa: E402

folder = sys.argv[1] + "/"
bench.set_up(folder, main.clock)
main.run(folder)
