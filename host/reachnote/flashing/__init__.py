"""From a blank board to one that runs MicroPython. Each way to write a board is one module; all speak of trouble in one way."""

from __future__ import annotations

from collections.abc import Callable

# Told (done, total) in bytes of the image, from 0 up to total and never backwards within one step.
Progress = Callable[[int, int], None]


class FlashProblem(Exception):
    """The board is not written. The text is for a person: what happened, what it means, what to do; a second run is safe."""
