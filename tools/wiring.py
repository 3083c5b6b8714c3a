"""The wiring.json of an instrument, from its instrument.toml.

python3 tools/wiring.py hardware/two-switch-box > wiring.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools.simulate import InstrumentProblem, wiring_of


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        print(json.dumps(wiring_of(Path(sys.argv[1]))))
    except (InstrumentProblem, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
