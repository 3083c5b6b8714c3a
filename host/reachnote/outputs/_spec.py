"""What every output asks of its spec: known options, numbers in range, a path that can exist."""

from __future__ import annotations

import difflib
import os

from . import OutputProblem


def only_options(options: dict[str, str], allowed: tuple[str, ...], example: str) -> None:
    """OutputProblem when `options` has a key that is not in `allowed`."""
    for key in options:
        if key in allowed:
            continue
        near = difflib.get_close_matches(key, allowed, 1)
        what = f"Did you mean '{near[0]}'?" if near else f"Allowed here: {', '.join(allowed) or 'no option at all'}."
        raise OutputProblem(
            f"The option '{key}' is not known to this output, so it was not opened. {what} Right is for example {example} here."
        )


def number(options: dict[str, str], key: str, low: float, high: float) -> float | None:
    """The option as a number of `low` .. `high`, None when it was not given; else OutputProblem."""
    if key not in options:
        return None
    try:
        value = float(options[key])
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise OutputProblem(
            f"The option '{key}' is '{options[key]}', so the output was not opened. Write a number from {low:g} to {high:g}."
        )
    return value


def usable_path(target: str, example: str, ending: str = "") -> str:
    """`target` as a path of a file that may be there or may come; else OutputProblem."""
    path = os.path.expanduser(target.strip())
    if not path or not path.isprintable():
        raise OutputProblem(f"No file or port is named, so nothing was opened. Write it as in '{example}'.")
    if ending and not path.lower().endswith(ending):
        raise OutputProblem(f"'{path}' does not end in '{ending}', so it was not opened. Write it as in '{example}'.")
    if os.path.isdir(path):
        raise OutputProblem(f"'{path}' is a folder, so nothing can be written to it. Add a name, as in '{example}'.")
    return path
