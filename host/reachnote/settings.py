"""What a run is given, and what is remembered of it for the next one."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field

from reachnote import runtime


@dataclass
class Settings:
    """What a run of the engine is given. `outputs` are (name, spec); `record` is a path, empty for not recording.

    `limits` is a preset that a person chose for this session, `pedals` are bindings (reachnote.pedals), `clock` a word of
    session.CLOCKS. `again`: the session before crashed, and this one goes on with what it was asked for.
    """

    links: list[str] = field(default_factory=lambda: ["serial:auto"])
    outputs: list[tuple[str, str]] = field(default_factory=lambda: [("midi", "midi:virtual")])
    scene: str = "five-notes"
    client: str = ""
    record: str = ""
    name: str = "reachnote"
    limits: str = ""
    pedals: list[str] = field(default_factory=list)
    clock: str = "none"
    again: bool = False


def remember(settings: Settings) -> None:
    """Keep client and scene for a restart. A home that cannot be written is no reason to stop."""
    folder = runtime.state_folder()
    if folder is None:
        return
    kept = asdict(settings)
    kept["record"] = ""  # recording is never resumed by itself
    del kept["again"]
    with contextlib.suppress(OSError):
        new = folder / "last.json.new"
        new.write_text(json.dumps(kept, indent=1))
        new.replace(folder / "last.json")


def remembered() -> Settings | None:
    """The settings of the last run, or None."""
    folder = runtime.state_folder()
    if folder is None:
        return None
    try:
        kept = json.loads((folder / "last.json").read_text())
        words = {key: str(kept[key]) for key in ("scene", "client", "name") if key in kept}
        links = [str(spec) for spec in kept["links"]]
        outputs = [(str(name), str(spec)) for name, spec in kept["outputs"]]
        return Settings(links=links, outputs=outputs, **words)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
