"""Gesture to "which voice, when". One file an activity; pure.

A file has NAME (what a scene calls it), SAYS (one line for people), OPTIONS ({name: default}) and `begin(table, options)`,
which answers an `Activity`. It may keep state; it is told the time and draws chance from `table.chance` alone, so that the
same session gives the same notes. What it starts it ends: whatever comes, `end` leaves nothing sounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reachnote.harmony import Harmony
from reachnote.lists import Chance
from reachnote.model import Event, Gesture
from reachnote.song import Song
from reachnote.tempo import Beats
from reachnote.voices import Voice

NEVER = float("inf")


class ActivityProblem(Exception):
    """An option or a song that an activity cannot use; the text is for a person."""


@dataclass
class Table:
    """What the activity of a scene shares with everybody: the music of the moment, chance, the voices that are there."""

    harmony: Harmony
    tempo: Beats
    chance: Chance
    voices: Callable[[], Sequence[Voice]] = lambda: ()
    say: Callable[[dict], None] = lambda thing: None
    song: Song | None = None
    facts: dict = field(default_factory=dict)  # of the client, from earlier sessions and on: {"response_s": [...]}
    names: dict[int, str] = field(default_factory=dict)  # "board/sensor" by the sensor's number
    began: float = 0.0  # of this scene, so that `due` can ask for a first tick; 0.0 where nobody knows


def takes_part(voice: Voice) -> bool:
    """A voice that the scene gives a sound of its own, and that does not steer."""
    return voice.outputs != 0 and not voice.rule.steers


class Activity:
    """The plainest activity: it hands every gesture to the voice of its sensor. Others override what they do otherwise."""

    due = NEVER  # when `tick` wants to be called, if nothing happens before

    def __init__(self, table: Table, options: Mapping) -> None:
        self.table = table
        self.options = options

    def gesture(self, did: Gesture, voice: Voice) -> list[Event]:
        """The events of one gesture of a client, in order of time."""
        return voice.gesture(did)

    def heard(self, message: bytes, time: float) -> list[Event]:
        """A MIDI message of the therapist's keyboard."""
        return []

    def pedal(self, action: str, time: float) -> list[Event]:
        """Something the therapist asked for by key, pedal or page: what an activity does with it is its own."""
        return []

    def tick(self, now: float) -> list[Event]:
        """What time alone brings about."""
        return []

    def played(self, events: Sequence[Event], voice: Voice) -> list[Event]:
        """What a voice does by time alone (a repetition, what waited for the beat): it sounds anyway. What goes before it."""
        return []

    def let_go(self, voice: Voice, now: float) -> list[Event]:
        """The sensor of this voice is not there any more, and its notes were ended by others: no release will come."""
        return []

    def forget(self, now: float) -> None:
        """Everything was ended by others (silence, say): end nothing again, and begin nothing before somebody plays."""

    def end(self, now: float) -> list[Event]:
        """The scene changes or the session ends: end what the activity itself began. Voices end what is theirs."""
        return []

    def status(self) -> dict:
        """What is shown to people, as plain JSON values."""
        return {}


class Module(Protocol):
    """A file of this folder."""

    NAME: str
    SAYS: str
    OPTIONS: Mapping

    def begin(self, table: Table, options: Mapping) -> Activity: ...
