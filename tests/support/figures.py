"""Measured figures: printed, and with REACHNOTE_FIGURES naming a file added to it as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path


def figures(name: str, values: dict) -> None:
    print(f"\n{name}: {json.dumps(values)}")
    path = os.environ.get("REACHNOTE_FIGURES")
    if path:
        known = json.loads(Path(path).read_text()) if os.path.exists(path) else {}
        Path(path).write_text(json.dumps({**known, name: values}, indent=2))
