"""`reachnote play` in the guest (tests/guest/play.py), its short form started once for all tests that look at what came of it."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path

import pytest

from support import guest
from tools.micropython import Unavailable

MODULES = ("dummy_hcd num=2", "usb_f_acm", "cdc-acm", "snd-seq", "snd-seq-dummy")
SHORT = ("found", "two=1", "replugged=5", "swapped", "asked", "echoed", "compared", "named", "reopened", "killed")
PATIENCE_S = 300.0
"""For the short form, on a machine that is busy with other things; alone it takes 40 s."""


class Failed(Exception):
    """The guest or its script did not come to an end; str() is what it said."""


@functools.cache
def _played(words: tuple[str, ...], seconds: float, folder: str) -> dict | Exception:
    try:
        done = guest.run("tests/guest/play.py", *words, out=Path(folder), modules=MODULES, seconds=seconds)
    except (Unavailable, TimeoutError) as why:
        return why
    if done.status:
        return Failed(done.said)
    print(done.said, f"{done.seconds:.1f} s in all", sep="\n")
    return json.loads((Path(folder) / "figures.json").read_text())


def played(*words: str, seconds: float, folder: str) -> dict:
    """What came of each of these scenarios. Skips where there can be no guest."""
    figures = _played(words, seconds, folder)
    if isinstance(figures, Unavailable):
        pytest.skip(str(figures))
    assert not isinstance(figures, Exception), str(figures)
    return figures


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="reachnote-played-")


def short(what: str) -> object:
    """What came of one scenario of the short form."""
    return of(what, played(*SHORT, seconds=PATIENCE_S, folder=_folder().name))


def of(what: str, figures: dict) -> object:
    came = figures[what]
    assert not (isinstance(came, dict) and "failed" in came), came["failed"]
    return came
