"""Call and response: the therapist plays a phrase, the client answers, the answer may be echoed. Pure.

Whose turn it is follows from what is played. The call ends by itself (`reachnote.phrase_end`) or by the pedal action
"phrase-end"; then the client is waited for as long as this client takes (`reachnote.answers`). The client's sensors
sound at any time. An answer that comes before the call's end was certain, or after the window closed, is an answer too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reachnote.activities import NEVER, Activity, ActivityProblem, Table, takes_part
from reachnote.allowed import number, yes
from reachnote.answers import Answer, AnswerWindow
from reachnote.model import Event, Gesture, Kind, Move, order
from reachnote.phrase_end import HUNG_S, Note, PhraseEnd
from reachnote.therapist import thru
from reachnote.tune import CUE, ECHO, Heard, Player
from reachnote.voices import Voice

NAME = "call-and-response"
SAYS = "The therapist plays a phrase, the client answers."
OPTIONS = {
    "echo": False,
    "echo_level": 0.9,
    "cue": False,
    "window_s": 20.0,
    "rest_s": 0.9,
    "caller": "",
}

CUE_VELOCITY, CUE_OCTAVE, CUE_S = 30, 5, 0.3
LATE_S = 0.1  # what a gesture may take from the sensor to here
LATEST_S = 60.0  # after a call what is played is no answer to it
OPEN_S = 0.75  # a window is open at least so long
LASTING = ("latch", "sustain-n", "start/stop", "start/pause")  # triggers whose notes sound on when the client has let go
KEYBOARD = -1  # stands for the number of a sensor
ALL_OFF = (120, 123, 124, 125, 126, 127)  # controls that end every key


def begin(table: Table, options: Mapping) -> Activity:
    """`echo`: answers come back, at `echo_level` (0.1 to 1) of their velocities.

    `cue`: a quiet note when it is the client's turn. `window_s`: how long an answer is waited for until five are known.
    `rest_s`: the silence that ends a phrase until its own gaps are known. `caller`: "board/sensor" of a sensor that plays
    the therapist's phrases. Earlier delays are in `table.facts["response_s"]`, and new ones are added to them.
    """
    try:
        kept = {key: yes(key, options[key]) for key in ("echo", "cue")}
        kept |= {
            "echo_level": number("echo_level", options["echo_level"], 0.1, 1.0),
            "window_s": number("window_s", options["window_s"], 2.0, 60.0),
            "rest_s": number("rest_s", options["rest_s"], 0.3, 3.0),
        }
        if not isinstance(options["caller"], str):
            raise ValueError(f'caller = {options["caller"]!r}; write a sensor in quotes, as in "Blue pads/left"')
    except ValueError as problem:
        raise ActivityProblem(str(problem)) from None
    return CallResponse(table, {**kept, "caller": options["caller"]})


class CallResponse(Activity):
    """`turn` is "therapist", "client" or "echo"."""

    def __init__(self, table: Table, options: Mapping) -> None:
        super().__init__(table, options)
        self.turn = "therapist"
        self._call, self._answer = PhraseEnd(options["rest_s"]), Answer(options["rest_s"])
        self._echo, self._cue = Player(ECHO), Player(CUE)
        if not isinstance(table.facts.get("response_s"), list):
            table.facts["response_s"] = []
        self._delays: list = table.facts["response_s"]
        self._window = AnswerWindow(self._delays, options["window_s"])
        self._ended = NEVER  # the call, from which the answer is waited for
        self._closes = self._last_chance = NEVER
        self._missed = False  # the window closed, and nobody played since
        self._beside = False  # the therapist played while the client answered
        self._fresh = False  # a board came back: the guard begins it softly, and so it does the echo
        self._prompts = self._answers = 0

    # ------------------------------------------------------------ what comes

    def heard(self, message: bytes, time: float) -> list[Event]:
        events = self.tick(time)
        whole = message and max(message[1:], default=0) < 128
        said = thru(message, time) if whole else None
        if said is None:
            return events
        if said.kind in (Kind.NOTE_ON, Kind.NOTE_OFF):
            events += self._therapist((KEYBOARD, said.channel, said.a), said.kind == Kind.NOTE_ON, time)
        elif said.kind == Kind.CONTROL and said.a in ALL_OFF:
            self._call.let_go(KEYBOARD, time)
        return events

    def gesture(self, did: Gesture, voice: Voice) -> list[Event]:
        events = self.tick(did.time)
        sounds = voice.gesture(did)
        events += self.played(sounds, voice) + sounds
        events.sort(key=lambda event: event.time)
        if did.move is Move.RELEASE and voice.rule.trigger in LASTING:
            (self._call if self._calls(voice) else self._answer).let_go(voice.sensor, did.time)
        return events

    def played(self, events: Sequence[Event], voice: Voice) -> list[Event]:
        follows: list[Event] = []
        if not takes_part(voice):
            return follows
        calls = self._calls(voice)
        for event in events:
            if event.kind not in (Kind.NOTE_ON, Kind.NOTE_OFF):
                continue
            starts = event.kind == Kind.NOTE_ON
            if calls:
                follows += self._therapist((event.source, event.channel, event.a), starts, event.time)
            elif starts:
                follows += self._client(event)
            else:
                self._answer.take(event)
        return follows

    def pedal(self, action: str, time: float) -> list[Event]:
        events = self.tick(time)
        if action == "prompt" and self._waits:
            self._prompts += 1
            events += self._sound_cue(time)
        if action != "phrase-end":
            return events
        if self.turn == "echo":
            events += self._echo.stop(time)
            self._therapists_turn(time)
        elif self._waits:
            self._close(time)
        elif self.turn == "client":
            events += self._end_answer(time)
        elif self._call.begun:
            events += self._open(time if self._call.held else self._call.quiet, time)
        return events

    @property
    def due(self) -> float:
        due = min(self._echo.due, self._cue.due)
        if self.turn == "echo":
            return due
        if self.turn == "therapist":
            return min(due, self._call.due)
        if self._waits:
            return min(due, self._closes + LATE_S)
        return min(due, self._answer.due)

    def tick(self, now: float) -> list[Event]:
        events = self._echo.tick(now) + self._cue.tick(now)
        events.sort(key=lambda event: event.time)
        if self.turn == "echo" and not self._echo.playing:
            self._therapists_turn(now)
        if self.turn == "therapist" and self._call.due <= now:
            events += self._open(min(self._call.quiet, now), now)
        if self._waits and self._closes + LATE_S <= now and not self._wait_longer():
            self._close(self._closes)
            self._window.missed()
        if self.turn == "client" and self._answer.begun and self._answer.over(now):
            events += self._end_answer(now)
        return events

    def end(self, now: float) -> list[Event]:
        return self._echo.stop(now) + self._cue.stop(now)

    def forget(self, now: float) -> None:
        for inner in (self._echo, self._cue):
            inner.forget()
        self._therapists_turn(now)

    def let_go(self, voice: Voice, now: float) -> list[Event]:
        self._call.let_go(voice.sensor, now)
        self._answer.lost(voice.sensor, now)
        self._fresh = True
        return []

    def status(self) -> dict:
        return {"turn": self.turn, "window_s": round(self._window.seconds, 1), "answers": self._answers}

    # ------------------------------------------------------------ the therapist plays

    def _therapist(self, note: Note, starts: bool, time: float) -> list[Event]:
        """A note of the therapist's begins or ends: what ends by it."""
        if not starts:
            self._call.off(note, time)
            return []
        events: list[Event] = []
        if self.turn == "echo":
            events = self._echo.stop(time)
            self._therapists_turn(time)
        elif self._waits:
            goes_on = self._call.joins(time)
            self._therapists_turn(time, keep_call=goes_on, goes_on=goes_on)
        elif self.turn == "client" and not self._beside:
            self._call.restart()
            self._beside = True
        if self.turn == "therapist":
            self._missed = False
            self._answer.restart()
        self._call.on(note, time)
        return events

    def _open(self, ended: float, now: float) -> list[Event]:
        """The call is over."""
        self.turn = "client"
        self._ended = ended
        self._prompts = 0
        self._closes = max(ended + self._window.seconds, now + OPEN_S)
        self._last_chance = self._closes + HUNG_S
        self._tell(now, "The client's turn.", window_s=round(self._closes - ended, 3))
        if self._answer.begun:  # before the end was certain
            self._begin_answer(self._answer.first, False)
            return []
        return self._sound_cue(now)

    def _close(self, time: float) -> None:
        """Nobody answered."""
        waited = time - self._ended
        said = {"answered": False, "waited_s": round(waited, 3), "prompts": self._prompts}
        self._therapists_turn(time, f"No answer in {waited:.1f} s; one that comes now still counts.", **said)
        self._missed = True

    def _wait_longer(self) -> bool:
        """A client has begun something that may sound in a moment."""
        soon = [voice.due for voice in self._clients() if voice.due <= self._last_chance]
        if soon and self._closes < max(soon):
            self._closes = max(soon)
            return True
        return False

    # ------------------------------------------------------------ the client plays

    def _client(self, event: Event) -> list[Event]:
        """A note of a client's begins: what ends by it."""
        events: list[Event] = []
        time = event.time
        if self.turn == "therapist":
            if self._missed and time - self._ended <= LATEST_S:
                self.turn, self._missed = "client", False
                self._begin_answer(time, True)
            elif not self._call.begun:
                return events
        elif self.turn == "echo":
            if not self._answer.may_go_on(time):
                return events
            events = self._echo.stop(time)
            self.turn = "client"
            self._tell(time, "The client goes on.")
        elif not self._answer.begun:
            self._begin_answer(time, False)
        self._answer.take(event)
        return events

    def _begin_answer(self, time: float, late: bool) -> None:
        delay = time - self._ended
        self._closes = NEVER
        self._answers += 1
        if delay >= 0.0:
            self._window.learn(delay)
            self._delays.append(round(delay, 3))
        delay = max(delay, 0.0)
        said = {"answered": True, "answer_s": round(delay, 3), "late": late, "prompts": self._prompts}
        self._tell(time, f"An answer after {delay:.1f} s.", **said)

    def _end_answer(self, now: float) -> list[Event]:
        notes = self._answer.notes(now)
        said = {"notes": len(notes), "lasted_s": round(max((n.at + n.lasts for n in notes), default=0.0), 3)}
        calls = self._beside and self._call.due > now  # what was over before was only played along
        if not self.options["echo"] or calls or not notes:
            self._therapists_turn(now, keep_call=calls, **said)
            return []
        self.turn = "echo"
        self._tell(now, "The answer is echoed.", **said)
        events = [order(Kind.SOFTEN, now, ECHO)] if self._fresh else []
        self._fresh = False
        level = self.options["echo_level"]
        return events + self._echo.begin([n._replace(velocity=max(int(level * n.velocity), 1)) for n in notes], now)

    # ------------------------------------------------------------ both

    @property
    def _waits(self) -> bool:
        """The window is open and nobody has answered."""
        return self.turn == "client" and not self._answer.begun

    def _therapists_turn(self, now: float, text: str = "The therapist's turn.", keep_call: bool = False, **said: object) -> None:
        if not keep_call:
            self._call.restart()
        self._answer.restart()
        self.turn, self._beside, self._missed, self._closes = "therapist", False, False, NEVER
        self._tell(now, text, **said)

    def _calls(self, voice: Voice) -> bool:
        caller = self.options["caller"]
        name = self.table.names.get(voice.sensor, "")
        return bool(caller) and (caller in (name, voice.rule.sensor) or name.endswith(f"/{caller}"))

    def _clients(self) -> Iterable[Voice]:
        return (voice for voice in self.table.voices() if takes_part(voice) and not self._calls(voice))

    def _sound_cue(self, now: float) -> list[Event]:
        voice = next(iter(self._clients()), None) if self.options["cue"] else None
        if voice is None:
            return []
        (key,) = self.table.harmony.keys("scale", CUE_OCTAVE, 1)
        return self._cue.begin([Heard(0.0, CUE_S, voice.channel, key, CUE_VELOCITY, voice.outputs)], now)

    def _tell(self, time: float, text: str, **said: object) -> None:
        self.table.say({"news": "turn", "turn": self.turn, "time": time, "text": text, **said})
