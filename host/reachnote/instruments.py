"""Instrument folders: found by path or by the name of one that reachnote carries, read as the wiring of a board."""

from __future__ import annotations

from pathlib import Path

from reachnote import places
from reachnote.instrument import InstrumentProblem, read_instrument
from reachnote.unknown import nearest

FILE = "instrument.toml"


def drivers() -> dict[str, str]:
    """The source of every driver by its name."""
    folder = places.firmware() / "reachnote_board" / "sensors"
    return {path.stem: path.read_text("utf-8") for path in folder.glob("*.py") if path.stem != "__init__"}


def carried() -> list[str]:
    """The names of the instruments that come with reachnote."""
    return sorted(path.parent.name for path in places.hardware().glob(f"*/{FILE}"))


def folder_of(wanted: str) -> Path:
    """The folder that `wanted` names: a path, hardware/NAME, or NAME alone. InstrumentProblem when there is none."""
    path = Path(wanted)
    if path.name == FILE:
        path = path.parent
    for folder in (path, places.hardware() / path.name):
        if (folder / FILE).is_file():
            return folder
    raise InstrumentProblem(f"There is no instrument {wanted}; there are {', '.join(carried())}.{nearest(path.name, carried())}")


def wiring_of(folder: Path) -> dict:
    """The wiring of an instrument's folder, ready for JSON. InstrumentProblem when its file is wrong."""
    path = folder / FILE
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InstrumentProblem(f"{path} cannot be read ({problem}).") from None
    return read_instrument(text, str(path), drivers())
