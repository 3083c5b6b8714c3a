"""The live view in a terminal: a bar a sensor, notes by name, latency. Nothing flashes; colour is never alone."""

from __future__ import annotations

import collections
import shutil
import sys
import textwrap
import time

from reachnote.music import note_name

FRAME_S = 1 / 15
BAR = 32
SHORTEST_BAR = 8
RECENT = 6
FEW = 4
NOTES = 14  # columns for the notes of a bar
FOOT = "Ctrl-C ends in silence."

AWAITED = "There is no port"
LIMITS = {"standard": "", "stage": "STAGE: the loudness guard is off"}


class View:
    """Takes feed lines (`protocols/control.md`), draws at most 15 times a second."""

    def __init__(self, title: str = "reachnote", extra: list[str] | None = None, foot: str = FOOT) -> None:
        self.title = title
        self.foot = foot
        self.extra = extra or []
        self._levels: dict[str, float] = {}
        self._sounding: dict[str, list[int]] = {}
        self._news: collections.deque[str] = collections.deque(maxlen=RECENT)
        self._lasting: dict[object, str] = {}  # an output's trouble stays in view until it is over
        self._latencies: collections.deque[float] = collections.deque(maxlen=500)
        self._notes = 0
        self._next = 0.0
        self._drawn = 0
        self._recording = ""
        self._guard: dict = {}
        self._ended = False
        self._terminal = sys.stdout.isatty()

    def status(self, state: dict) -> None:
        self._recording = state.get("recording", "")

    def take(self, thing: dict) -> None:
        feed = thing.get("feed")
        if feed == "levels":
            self._levels = thing["levels"]
        elif feed == "note":
            self._note(thing)
        elif feed == "figures":
            self._latencies.extend(thing.get("latencies_ms", []))
            self._guard = thing.get("guard", {})
        elif feed == "news" and thing.get("text"):
            self._told(thing)

    def _told(self, thing: dict) -> None:
        news, text = thing.get("news"), thing["text"]
        if news == "recording":
            self._recording = thing["path"]
            return
        if news in ("recorded", "record-failed"):
            self._recording = ""
        elif news == "ended":
            self._ended, self._recording = True, ""
            self._sounding.clear()
            self._levels = dict.fromkeys(self._levels, 0.0)
        elif news == "output" and thing.get("output") in self._lasting:
            del self._lasting[thing["output"]]
        if news == "ready":  # what was waited for is there
            self._news = collections.deque((told for told in self._news if not told.startswith(AWAITED)), maxlen=RECENT)
        if news == "output" and not text.endswith("is back."):
            self._lasting[thing.get("output")] = text
        elif text not in self._news:
            self._news.append(text)

    def _note(self, thing: dict) -> None:
        keys = self._sounding.setdefault(thing["sensor"], [])
        if thing["note"] == "on":
            keys.append(thing["key"])
            self._notes += 1
        elif thing["key"] in keys:
            keys.remove(thing["key"])
        elif not keys:
            for other in self._sounding.values():
                if thing["key"] in other:
                    other.remove(thing["key"])
                    break

    def draw(self) -> None:
        now = time.monotonic()
        if now >= self._next and self._terminal:
            self._next = now + FRAME_S
            self._show()

    def _show(self) -> None:
        size = shutil.get_terminal_size((80, 24))
        lines = self.lines(size.columns, size.lines - 1)
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        sys.stdout.write(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        sys.stdout.flush()
        self._drawn = len(lines)

    def lines(self, width: int, height: int = 1000) -> list[str]:
        """The view as at most `height` lines of at most `width` characters. What has no room is left out whole."""
        head = [self.title, f"Recording to {self._recording}" if self._recording else "Not recording"]
        if limits := LIMITS.get(self._guard.get("limits", "standard"), f"Limits: {self._guard.get('limits')}"):
            head.append(limits)
        first = "   ".join(head)
        top = [first] if len(first) <= width else [line for part in head for line in _wrapped(part, width)]
        figures = _wrapped(f"  {self._latency()}", width)
        room = height - len(top) - len(figures) - 5  # empty lines between the parts, and the last one
        lasting = [_wrapped("  " + text, width) for text in self._lasting.values()]
        news = [_wrapped("  " + text, width) for text in self._news]
        few = min(len(self._levels), FEW)  # bars of a few sensors come before what was told
        bars = self._bars(width, max(room - sum(map(len, lasting)) - sum(map(len, news[-1:])), min(few, room), 1))
        said = _fitting([*lasting, *reversed(news)], room - len(bars))
        told = said[: len(lasting)] + said[len(lasting) :][::-1]
        extra = _fitting([_wrapped("  " + text, width) for text in self.extra], room - len(bars) - sum(map(len, told)))
        out = [*top, "", *bars, "", *figures, "", *(line for part in [*extra, *told] for line in part)]
        out += [] if self._ended else ["", f"  {self.foot}"]
        return [line[:width] for line in out][:height]

    def _bars(self, width: int, room: int) -> list[str]:
        if not self._levels:
            return ["  No sensor yet. Plug a board in."]
        wide = min(max(map(len, self._levels)), max(width - SHORTEST_BAR - NOTES - 6, 8))
        bar = max(min(BAR, width - wide - NOTES - 6), 1)
        shown = list(self._levels.items())
        if len(shown) > room:
            shown = shown[: max(room - 1, 0)]
        out = []
        for name, level in shown:
            full = round(min(max(level, 0.0), 1.0) * bar)
            notes = " ".join(note_name(key) for key in self._sounding.get(name, []))
            out.append(f"  {_short(name, wide):<{wide}}  {'█' * full}{'·' * (bar - full)}  {notes}".rstrip())
        if len(shown) < len(self._levels):
            out.append(f"  and {len(self._levels) - len(shown)} more sensors")
        return out

    def _latency(self) -> str:
        said = f"{self._notes} note{'' if self._notes == 1 else 's'}"
        if self._latencies:
            ordered = sorted(self._latencies)
            middle, late = ordered[len(ordered) // 2], ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]
            said += f" · movement to note {middle:.1f} ms, 99 of 100 within {late:.1f} ms"
        return said

    def close(self) -> None:
        """The last picture, with everything that was told."""
        if self._terminal:
            self._show()


def plain(thing: dict) -> str:
    """A feed line for whoever reads line by line, "" for what is not worth one."""
    if thing.get("feed") == "news":
        return thing.get("text", "")
    if thing.get("feed") == "note" and thing["note"] == "on":
        return f"{note_name(thing['key'])} on channel {thing['channel']} from {thing['sensor']}"
    return ""


def _wrapped(text: str, width: int) -> list[str]:
    """`text` in whole words, each line of it at its depth; only a word longer than a line is cut in two."""
    out = []
    for line in text.splitlines():
        deep = " " * (len(line) - len(line.lstrip()))
        out += textwrap.wrap(line.strip(), max(width, 20), initial_indent=deep, subsequent_indent=deep, break_on_hyphens=False)
    return out


def _short(name: str, wide: int) -> str:
    return name if len(name) <= wide else name[: wide - 1] + "…"


def _fitting(parts: list[list[str]], room: int) -> list[list[str]]:
    """The first of `parts` that have room one after another, whole."""
    found = []
    for part in parts:
        room -= len(part)
        if room < 0:
            break
        found.append(part)
    return found
