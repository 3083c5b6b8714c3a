"""How a calibration looks in a terminal: head, prompt, bar, counts, note and keys, at any width."""

from __future__ import annotations

import textwrap

from reachnote.calibration.dialogue import Dialogue

BAR = 40


def picture(talk: Dialogue, client: str, width: int, away: str = "") -> list[str]:
    """The dialogue as lines of at most `width` characters."""
    sensor = talk.sensor
    head = f"Calibrating {sensor.board}, {sensor.name}" + (f" for {client}" if client else "")
    body = [*talk.sentences] if talk.step == "result" else [talk.prompt]
    out = [*_wrapped(head, width, ""), ""]
    for line in body:
        out += _wrapped(line, width)
    if talk.step != "result":
        out += ["", f"  {_bar(talk, max(min(BAR, width - 4), 4))}", f"  {_counts(talk)}"]
    out += [*_wrapped(away or talk.note, width), ""]
    line = " "
    for _, key in talk.keys:
        if len(line) + len(key) + 3 > width and line.strip():
            out.append(line)
            line = " "
        line += f" {key}  "
    return [text[:width].rstrip() for text in [*out, line]]


def _wrapped(text: str, width: int, deep: str = "  ") -> list[str]:
    return textwrap.wrap(text, max(width, 12), initial_indent=deep, subsequent_indent=deep) or [""]


def _bar(talk: Dialogue, size: int) -> str:
    full = round(talk.level * size)
    cells = ["█"] * full + ["·"] * (size - full)
    if talk.mark is not None:
        cells[min(round(talk.share_of(talk.mark) * size), size - 1)] = "┃"
    return "".join(cells)


def _counts(talk: Dialogue) -> str:
    said = []
    if talk.step in ("play", "compare", "watch", "fast"):
        said.append(f"{talk.gestures} movement{'' if talk.gestures == 1 else 's'}")
    if talk.step == "try":
        said.append(f"{talk.meant} meant, {talk.not_meant} not")
    if talk.mark is not None:
        said.append(f"mark at {talk.mark / talk.sensor.per_unit:.0f} {talk.sensor.unit}".rstrip())
    if talk.left_s is not None:
        said.append(f"{talk.left_s:.0f} s")
    return "   ".join(said)
