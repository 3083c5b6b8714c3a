"""Build hook: what a wheel carries as data, so that an installed reachnote can fill a board without the clone.

    firmware/       -> reachnote/_carried/firmware     (desktop stand-ins too)
    hardware/       -> reachnote/_carried/hardware
    protocols/*.md  -> reachnote/_carried/protocols

`reachnote.places` finds them in either place.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("firmware", "hardware")
LEAVE = {"__pycache__", "typings", "build"}


class Carried(BuildHookInterface):
    """Adds every file under FOLDERS and the protocol pages to a wheel; an editable install needs none of it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        # A source file has one place in a wheel, but reachnote_play is a package too: the carried files are copies.
        self._copies = Path(tempfile.mkdtemp(prefix="carried-"))
        found = [path for folder in FOLDERS for path in (root / folder).rglob("*") if wanted(path.relative_to(root))]
        for path in sorted([*found, *(root / "protocols").glob("*.md")]):
            if path.is_file():
                name = path.relative_to(root).as_posix()
                (self._copies / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, self._copies / name)
                build_data["force_include"][str(self._copies / name)] = f"reachnote/_carried/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            shutil.rmtree(self._copies, ignore_errors=True)


def wanted(path: Path) -> bool:
    return not any(part in LEAVE or part.startswith(".") for part in path.parts)
