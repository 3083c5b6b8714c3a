"""What a person is told of a word that a file does not know: what is known, and the nearest of it. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

LONGEST = 64


def listed(words: Iterable[object]) -> str:
    """The words with commas between."""
    return ", ".join(str(word) for word in words)


def nearest(word: object, known: Iterable[object]) -> str:
    """A question with the nearest of `known`, with a space before it; nothing when none is near."""
    short = [str(one) for one in islice(known, 100) if len(str(one)) <= LONGEST]  # what comes from outside may be anything
    close = difflib.get_close_matches(str(word)[:LONGEST], short, 1)
    return f" Did you mean '{close[0]}'?" if close else ""


def only_known(table: Iterable[str], keys: Iterable[str], where: str, part: str, problem: type[Exception]) -> None:
    """`problem` with file, key, what is allowed and the nearest when `table` has a key that is not in `keys`."""
    keys = tuple(keys)
    for key in table:
        if key not in keys:
            raise problem(f"{where}: {part} has an unknown key '{key}'; known are {listed(keys)}.{nearest(key, keys)}")
