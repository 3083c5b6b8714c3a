"""Where the files are that reachnote carries: the same answers in a clone and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

import reachnote_wire

_PACKAGE = Path(__file__).resolve().parent
_CARRIED = _PACKAGE / "_carried"


def firmware() -> Path:
    """The folder with main.py, reachnote_board, reachnote_play and desktop/ (the stand-ins used off the board)."""
    return _carried("firmware")


def hardware() -> Path:
    """The folder with one folder per instrument, each with its instrument.toml."""
    return _carried("hardware")


def protocols() -> Path:
    """The folder with the pages wire.md, osc.md, midi.md, control.md and files.md."""
    return _carried("protocols")


def wire() -> Path:
    """The package folder reachnote_wire, as it is copied to a board."""
    return Path(reachnote_wire.__file__).resolve().parent


def scenes() -> Path:
    """The folder with the scenes that come with reachnote."""
    return _PACKAGE / "scenes"


def songs() -> Path:
    """The folder with the songs that come with reachnote."""
    return _PACKAGE / "songs"


def clone() -> Path | None:
    """The clone that this reachnote runs from, or None when it was installed."""
    root = _PACKAGE.parents[1]
    return root if (root / "pyproject.toml").is_file() and (root / "firmware").is_dir() else None


def _carried(name: str) -> Path:
    root = clone()
    found = root / name if root else _CARRIED / name
    if not found.is_dir():
        raise FileNotFoundError(
            f"The folder {name} is missing from this reachnote, so it was not installed whole. Install reachnote again."
        )
    return found
