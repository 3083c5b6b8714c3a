"""A song plays by itself, at the scene's tempo and in its key, and clients play over it. Pure.

It begins with the first thing that a client does. The chord of the moment is the song's, so whatever plays with
`source = "chord"` fits it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reachnote.activities import NEVER, Activity, ActivityProblem, Table, takes_part
from reachnote.allowed import number, yes
from reachnote.backing import Backing, channels_beside
from reachnote.model import Event, Gesture, Kind, Move
from reachnote.music import DRUM_CHANNEL, into_range
from reachnote.song import Song, accompanied, chords_of, way_to
from reachnote.voices import Voice

NAME = "play-along"
SAYS = "A song plays by itself; what the client does sounds over it, in its harmony."
OPTIONS = {"level": 0.7, "tune": True, "chords": False, "again": True, "pause_s": 4.0}

CHORDS_CHANNEL = 1
_NEAR = 1e-6  # of a beat


def begin(table: Table, options: Mapping) -> Activity:
    """`level` (0.1 to 1): the song's velocities are so much of what is written. `tune` false leaves the tune to the clients;
    `chords` adds the song's chords as a part of their own. `again`: after `pause_s` (0 to 60) it begins anew by itself.

    The scene has to name a song.
    """
    if table.song is None:
        raise ActivityProblem('the activity "play-along" needs a song: write song = "frere-jacques" above [activity]')
    try:
        kept = {key: yes(key, options[key]) for key in ("tune", "chords", "again")} | {
            "level": number("level", options["level"], 0.1, 1.0),
            "pause_s": number("pause_s", options["pause_s"], 0.0, 60.0),
        }
        return PlayAlong(table, kept, table.song)
    except ValueError as problem:
        raise ActivityProblem(str(problem)) from None


class PlayAlong(Activity):
    def __init__(self, table: Table, options: Mapping, song: Song) -> None:
        super().__init__(table, options)
        parts = set(range(len(song.parts)))
        if not options["tune"]:
            parts.discard(song.melody)
        if options["chords"] or not any(note.part in parts for note in song.notes):
            parts.add(len(song.parts))
            song = accompanied(song, CHORDS_CHANNEL)
        if not any(note.part in parts for note in song.notes):
            raise ValueError(f"tune = false, but '{song.title}' has only its tune and no chords; leave tune out")
        self._song = song
        self._parts = frozenset(parts)
        self._way = way_to(song, table.harmony.tonic)
        self._chords = chords_of(song.chords, self._way)
        self._backing: Backing | None = None
        self._next_chord = 0
        self._again = NEVER  # when it begins anew by itself
        self._due: tuple[int, float] | None = None  # what was found for a version of the tempo; None: look again
        self._sounding: dict[tuple[int, int], int] = {}  # (channel, key) as the song has it -> the key that sounds

    # ------------------------------------------------------------ what comes

    def gesture(self, did: Gesture, voice: Voice) -> list[Event]:
        events = self.tick(did.time)
        if did.move is Move.ONSET and takes_part(voice) and self._backing is None:
            events += self._begin(did.time)
        return events + voice.gesture(did)

    def pedal(self, action: str, time: float) -> list[Event]:
        events = self.tick(time)
        if action == "again":
            events += self.end(time) + self._begin(time)
        elif action == "next":
            ended = self._backing is not None
            events += self.end(time)
            if ended:
                self._say(time, "ended")
        return events

    @property
    def due(self) -> float:
        if self._backing is None:
            return self._again
        if self._due is None or self._due[0] != self.table.tempo.version:
            due = min(self._backing.due, self._chord_due(), self._over_at())
            self._due = (self.table.tempo.version, due)
        return self._due[1]

    def tick(self, now: float) -> list[Event]:
        events: list[Event] = []
        while self._backing is not None and self.due <= now:
            self._due = None
            at = min(self._chord_due(), self._over_at(), now)
            events += self._placed(self._backing.tick(at))
            if self._chord_due() <= at:
                self.table.harmony.follow(self._chords[self._next_chord][1])
                self._next_chord += 1
            elif self._over_at() <= at:
                self._over(at)
        if self._backing is None and self._again <= now:
            events += self._begin(now)
        return events

    def end(self, now: float) -> list[Event]:
        self._again, self._due = NEVER, None
        backing, self._backing = self._backing, None
        return self._placed(backing.stop(now)) if backing is not None else []

    def forget(self, now: float) -> None:
        self._backing, self._again, self._due = None, NEVER, None
        self._sounding.clear()

    def status(self) -> dict:
        return {"song": self._song.title, "playing": self._backing is not None}

    # ------------------------------------------------------------ the song

    def _begin(self, time: float) -> list[Event]:
        self._again, self._due = NEVER, None
        taken = {voice.channel for voice in self.table.voices() if takes_part(voice)}
        channels = channels_beside({part.channel for part in self._song.parts}, taken)
        parts = tuple(part._replace(channel=channels[part.channel]) for part in self._song.parts)
        song = replace(self._song, parts=parts)
        self._backing = Backing(song, self.table.tempo, self._way, self._parts, loudness=self.options["level"])
        self._next_chord = 0
        self._say(time, "begun")
        return self._placed(self._backing.start(time)) + self.tick(time)

    def _chord_due(self) -> float:
        if self._backing is None or self._next_chord >= len(self._chords):
            return NEVER
        return self._backing.time_of(self._chords[self._next_chord][0])

    def _over_at(self) -> float:
        """When its last bar is over and nothing of it sounds."""
        backing = self._backing
        if backing is None or not backing.begun:
            return NEVER
        end = backing.time_of(self._song.length)
        return end if backing.ended else max(end, backing.due)

    def _over(self, time: float) -> None:
        self._backing = None
        self._again = time + self.options["pause_s"] if self.options["again"] else NEVER
        self._say(time, "over")

    def _placed(self, events: list[Event]) -> list[Event]:
        """The song's events as they sound: transposed as everything is when they begin, and ended on that key."""
        found = []
        for event in events:
            place = (event.channel, event.a)
            if event.kind == Kind.NOTE_ON:
                drums = event.channel == DRUM_CHANNEL
                key = self._sounding[place] = event.a if drums else into_range(event.a + self.table.harmony.shift)
                event = event._replace(a=key)
            elif event.kind == Kind.NOTE_OFF:
                if place not in self._sounding:
                    continue
                event = event._replace(a=self._sounding.pop(place))
            found.append(event)
        return found

    def _say(self, time: float, what: str) -> None:
        words = {"begun": "plays", "over": "was played to its end", "ended": "was ended here"}
        text = f"'{self._song.title}' {words[what]}."
        self.table.say({"news": "song", "song": self._song.title, "what": what, "time": time, "text": text})
