"""A familiar song in steps: each activation plays the next note, phrase or chord, and the song waits for ever. Pure.

    stepper = Stepper(song, "note", beats=tempo)
    events = stepper.press(time, velocity)     what `stepper.took` says became of it
    events = stepper.release(time)
    events = stepper.tick(now)                 what is due; not needed before `stepper.due`

Nothing here is wrong: a press too many is passed over without a sound, and at the end the song rests and begins anew.
"""

from __future__ import annotations

from dataclasses import replace

from reachnote.backing import Backing
from reachnote.model import ALL_OUTPUTS, Event, Kind, note_off, note_on
from reachnote.music import into_range
from reachnote.song import Note, Song, Step, steps
from reachnote.tempo import NEVER, Beats, Tempo

SHORTEST_S = 0.1  # a note sounds at least so long, whatever the tempo


class Stepper:
    """One client's way through a song.

    A note or chord sounds for its written length at the tempo of `beats` (the song's own when None), and longer while it
    is held; the next one ends it. A phrase plays by itself. `forgive_s`: a press this soon after the last one that
    counted does not count, and neither does one while a phrase still has notes to begin. `backing` plays along up to
    where the next step begins and waits there; hand over one of the same `beats`, without the melody's part.
    After the last step everything rings out, then `pause_s` seconds pass without an answer, then the first step is next.

    took        "step", "forgiven" or "resting": what became of the last press
    index       the step that the next press plays, 0 .. count - 1
    step        the last one played, None before the first
    transpose   semitones; may be changed, what sounds ends as it began
    """

    def __init__(
        self,
        song: Song,
        by: str = "note",
        *,
        beats: Beats | None = None,
        backing: Backing | None = None,
        part: int | None = None,
        forgive_s: float = 0.3,
        pause_s: float = 3.0,
        channel: int = 2,
        source: int = 0,
        outputs: int = ALL_OUTPUTS,
        transpose: int = 0,
    ) -> None:
        self.took = ""
        self.index = 0
        self.step: Step | None = None
        self.transpose = transpose
        self.finishing = False
        self._steps = steps(song, by, part)
        self._by = by
        self._song = song
        self._beats: Beats = beats or Tempo(song.bpm)
        self._backing = backing
        self._forgive, self._pause = forgive_s, pause_s
        self._channel, self._source, self._outputs = channel, source, outputs
        self._phrase: Backing | None = None
        self._begins_last = -NEVER  # when the last note of the phrase began
        self._sounding: dict[int, float] = {}  # key: when it ends, if nobody holds it
        self._held = False
        self._pressed = self._released = -NEVER
        self._over = NEVER  # when the song begins anew

    # ------------------------------------------------------------ where we are

    @property
    def count(self) -> int:
        return len(self._steps)

    def back(self, by: int = 1) -> None:
        """The next press plays the step that was played last, or an earlier one."""
        self.go(self.index - by if not self.finishing else self.count - by)

    def again(self) -> None:
        """The next press begins the song anew."""
        self.go(0)

    def go(self, index: int) -> None:
        """The next press plays this step."""
        self.index = min(max(index, 0), self.count - 1)
        self.finishing, self._over, self._pressed = False, NEVER, -NEVER

    # ------------------------------------------------------------ playing

    def press(self, time: float, velocity: int = 0) -> list[Event]:
        """An activation. `velocity` 1..127 is its loudness; 0 takes the song's own."""
        events = self.tick(time)
        if self.finishing:
            self.took = "resting"
        elif time - self._pressed < self._forgive or not self._phrase_lets(time):
            self.took = "forgiven"
        else:
            self.took = "step"
            events += self._play(self._steps[self.index], time, velocity)
        return events

    def release(self, time: float) -> list[Event]:
        """The activation is over: what has had its length ends."""
        self._held, self._released = False, time
        return self.tick(time)

    @property
    def due(self) -> float:
        own = NEVER if self._held else min(self._sounding.values(), default=NEVER)
        phrase = self._phrase.due if self._phrase else NEVER
        backing = self._backing.due if self._backing else NEVER
        return min(own, phrase, backing, self._over)

    def tick(self, now: float) -> list[Event]:
        """What is due until now, in order; at the end of the song, the rest before it begins anew."""
        events = [] if self._held else self._ended(now)
        for inner in (self._phrase, self._backing):
            if inner:
                played = inner.tick(now)
                events += played
                if inner is self._phrase:
                    self._begins_last = max([e.time for e in played if e.kind == Kind.NOTE_ON], default=self._begins_last)
        events.sort(key=lambda event: event.time)
        if self.finishing:
            self._finish(events[-1].time if events else now, now)
        return events

    def stop(self, now: float) -> list[Event]:
        """Everything ends; the next press goes on where we are, from the end at the beginning."""
        self._held = False
        events = self._all_off(now)
        for inner in (self._phrase, self._backing):
            if inner:
                events += inner.stop(now)
        self._phrase = None
        if self.finishing:
            self.go(0)
        return events

    def forget(self) -> None:
        """Somebody else ended everything: nothing is ended again."""
        self._sounding.clear()
        for inner in (self._phrase, self._backing):
            if inner:
                inner.forget()

    # ------------------------------------------------------------ a step

    def _play(self, step: Step, time: float, velocity: int) -> list[Event]:
        events = self._all_off(time)
        self._pressed, self._held, self.step = time, True, step
        self.finishing = self.index == self.count - 1
        self.index = (self.index + 1) % self.count
        if self._by == "phrase":
            events += self._play_phrase(step, time, velocity)
        else:
            for note in step.notes:
                events += self._begin(note, time, velocity)
        return events + self._play_backing(step, time)

    def _begin(self, note: Note, time: float, velocity: int) -> list[Event]:
        key = into_range(note.key + self.transpose)
        if key in self._sounding:
            return []
        self._sounding[key] = time + max(note.length * 60.0 / self._beats.bpm, SHORTEST_S)
        return [note_on(self._channel, key, velocity or note.velocity, self._source, time, self._outputs)]

    def _play_phrase(self, step: Step, time: float, velocity: int) -> list[Event]:
        events = self._phrase.stop(time) if self._phrase else []
        loudest = max(note.velocity for note in step.notes)
        part = step.notes[0].part
        parts = tuple(one._replace(program=0) for one in self._song.parts)
        self._phrase = Backing(
            replace(self._song, notes=step.notes, controls=(), chords=(), parts=parts),
            self._beats,
            self.transpose,
            channels={part: self._channel},
            loudness=velocity / loudest if velocity else 1.0,
            source=self._source,
            outputs=self._outputs,
        )
        events += self._phrase.start(time, step.beat) + self._phrase.tick(time)
        self._begins_last = time
        return events

    def _play_backing(self, step: Step, time: float) -> list[Event]:
        backing = self._backing
        if backing is None:
            return []
        until = NEVER if self.finishing else step.end
        if not backing.playing:
            return backing.start(time, step.beat, until) + backing.tick(time)
        if abs(backing.position(time) - step.beat) > 1e-6:
            backing.jump(step.beat, time)
        backing.play_to(until, time)
        return backing.tick(time)

    def _phrase_lets(self, time: float) -> bool:
        """No phrase plays, or its last note began long enough ago."""
        phrase = self._phrase
        return phrase is None or phrase.ended or (phrase.begun and time - self._begins_last >= self._forgive)

    # ------------------------------------------------------------ ends

    def _ended(self, now: float) -> list[Event]:
        over = [(max(end, self._released), key) for key, end in self._sounding.items() if end <= now]
        for _, key in over:
            del self._sounding[key]
        return [note_off(self._channel, key, self._source, end, self._outputs) for end, key in sorted(over)]

    def _all_off(self, time: float) -> list[Event]:
        events = [note_off(self._channel, key, self._source, time, self._outputs) for key in self._sounding]
        self._sounding.clear()
        return events

    def _finish(self, quiet_since: float, now: float) -> None:
        if self._over == NEVER:
            rings = self._sounding or any(inner and inner.due < NEVER for inner in (self._phrase, self._backing))
            if not rings:
                self._over = quiet_since + self._pause
        if now >= self._over:
            self.go(0)
            self._phrase = None
            if self._backing:
                self._backing.stop(now)
