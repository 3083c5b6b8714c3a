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
RECENT = 4


class View:
    """Takes feed lines (`protocols/control.md`), draws at most 15 times a second."""

    def __init__(self, title: str = "reachnote", extra: list[str] | None = None) -> None:
        self.title = title
        self.extra = extra or []
        self._levels: dict[str, float] = {}
        self._sounding: dict[str, list[int]] = {}
        self._news: collections.deque[str] = collections.deque(maxlen=RECENT)
        self._latencies: collections.deque[float] = collections.deque(maxlen=500)
        self._notes = 0
        self._next = 0.0
        self._drawn = 0
        self._recording = ""
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
        elif feed == "news" and thing.get("text"):
            if thing.get("news") == "recording":
                self._recording = thing["path"]
            elif thing.get("news") in ("recorded", "record-failed"):
                self._recording = ""
            self._news.append(thing["text"])

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
        if now < self._next or not self._terminal:
            return
        self._next = now + FRAME_S
        lines = self.lines(shutil.get_terminal_size((80, 24)).columns)
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        sys.stdout.write(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        sys.stdout.flush()
        self._drawn = len(lines)

    def lines(self, width: int) -> list[str]:
        """The view as lines of at most `width` characters."""
        wide = max([len(name) for name in self._levels] or [10])
        out = [f"{self.title}   {'Recording to ' + self._recording if self._recording else 'Not recording'}", ""]
        for name, level in self._levels.items():
            full = round(level * BAR)
            notes = " ".join(note_name(key) for key in self._sounding.get(name, []))
            out.append(f"  {name:<{wide}}  {'█' * full}{'·' * (BAR - full)}  {notes}")
        if not self._levels:
            out.append("  No sensor yet. Plug a board in.")
        out += ["", f"  {self._latency()}", ""]
        for text in [*self.extra, *self._news]:
            deeper = " " * (len(text) - len(text.lstrip()) + 2)
            out += textwrap.wrap(text.strip(), max(width - 8, 20), initial_indent=deeper, subsequent_indent=deeper)
        out += ["", "  Ctrl-C ends in silence."]
        return [line[:width] for line in out]

    def _latency(self) -> str:
        said = f"{self._notes} notes"
        if self._latencies:
            ordered = sorted(self._latencies)
            middle, late = ordered[len(ordered) // 2], ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]
            said += f" · movement to note {middle:.1f} ms, 99 of 100 within {late:.1f} ms"
        return said

    def close(self) -> None:
        if self._terminal:
            sys.stdout.write("\n")
            sys.stdout.flush()
