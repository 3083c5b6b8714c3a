"""What people ask of a session beside its music: a pause, switches that steer, one control to teach, a test note, a moment again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reachnote import allowed, orders
from reachnote.guard import MOMENT, TRIED
from reachnote.model import Kind, note_off, note_on, order
from reachnote.moment import Moment
from reachnote.pedals import ACTIONS
from reachnote.teaching import HIGHEST, Teaching

if TYPE_CHECKING:
    from reachnote.session import Session

BESIDE = ("pause", "steer", "note", "teach", "moment")
"""The orders that it carries out."""
NEVER = float("inf")
TEST_NOTE, TEST_LOUDNESS, TEST_S = 60, 64, 0.7

Switch = tuple[str, str]
"""Board and sensor."""


class BesideMusic:
    """Of one session, whose `out` it adds to. Ask `on_time` when `due`."""

    def __init__(self, session: Session) -> None:
        self.teaching = Teaching()
        self.paused = False
        self._session = session
        self._steers: dict[Switch, str] = {}  # what people put on switches while it runs
        self._moment = Moment()
        self._tested = NEVER  # when the test note ends

    @property
    def hushes(self) -> bool:
        """While it does, nothing that anybody plays may sound."""
        return self.paused or self.teaching.on

    @property
    def repeats(self) -> bool:
        """A moment sounds again."""
        return self._moment.runs

    @property
    def due(self) -> float:
        return min(self.teaching.due, self._moment.due, self._tested)

    def on_time(self, now: float) -> None:
        """What is due by now."""
        out = self._session.out
        if self.teaching.due <= now:
            out += self.teaching.tick(now)
            if not self.teaching.on:
                self._taught(now)
        if self._moment.due <= now:
            out += self._moment.tick(now)
        if self._tested <= now:
            self._tested = NEVER
            out.append(note_off(1, TEST_NOTE, TRIED, now))

    def order(self, thing: Mapping, now: float) -> str:
        """Carry out one of BESIDE and say what was done. ValueError, PedalProblem or MomentProblem says why not."""
        what = thing["order"]
        if what == "pause":
            return self.pause(allowed.yes("on", thing.get("on", not self.paused)), now)
        if what == "steer":
            return self._steer_order(thing, now)
        if what == "teach":
            return self._teach_order(thing, now)
        if what == "note":
            self._session.out.append(note_on(1, TEST_NOTE, TEST_LOUDNESS, TRIED, now))
            self._tested = now + TEST_S
            return "A test note sounds."
        self.played(now)
        count = self._moment.begin(thing.get("notes"), now)
        return f"{count} {'note sounds' if count == 1 else 'notes sound'} again."

    def pause(self, on: bool, now: float) -> str:
        """Nothing sounds until it is taken back; what is held then begins only after a rest."""
        if on is not self.paused:
            self.paused = on
            self._session.release_all(now)
            text = "A pause: nothing sounds until it is over." if on else "The pause is over; everybody plays again."
            self._session.news.append({"news": "pause", "on": on, "text": text})
        return "It is a pause." if on else "Everybody plays."

    def played(self, now: float) -> None:
        """Somebody plays: a moment that sounds again gives way."""
        if self._moment.runs:
            self._moment.end()
            self._session.out.append(order(Kind.RELEASE, now, MOMENT))

    def forget(self) -> None:
        """Everything was ended by others."""
        self._moment.end()
        self._tested = NEVER

    def silence(self, now: float) -> None:
        """A person asked for silence: nothing is taught any more either."""
        self._end_teaching(now)

    # ------------------------------------------------------------ switches that steer

    def present(self) -> list[dict]:
        """The orders that bring a fresh session to where this one is."""
        found: list[dict] = [{"order": "pause", "on": True}] if self.paused else []
        return found + [{"order": "steer", "board": board, "sensor": sensor, "action": action} for (board, sensor), action in self._steers.items()]

    def steer_all(self, steers: Mapping[Switch, str], now: float) -> None:
        """These switches steer from now on, and no others."""
        for switch in self._steers.keys() - steers.keys():
            self._steer(switch, "", now)
        for switch, action in steers.items():
            self._steer(switch, action, now)

    def _steer_order(self, thing: Mapping, now: float) -> str:
        board, sensor = str(thing.get("board") or ""), str(thing.get("sensor") or "")
        if not board or not sensor:
            raise ValueError("board and sensor: name the switch that is meant")
        for name, chain in orders.find(self._session.boards_and_chains(), {"board": board, "sensor": sensor}):
            if chain.info.kind != "switch":
                raise ValueError(f"{name}, {sensor} is no switch, so it goes on playing")
        action = str(thing.get("action") or "")
        self._steer((board, sensor), action, now)
        return f"{board}, {sensor}: {ACTIONS[action]}." if action else f"{board}, {sensor} plays again."

    def _steer(self, switch: Switch, action: str, now: float) -> None:
        # "" makes it play; one whose board is not there yet will do as it is told.
        self._session.pedals.bind_switch("/".join(switch), action)
        self._steers.pop(switch, None)
        if action:
            self._steers[switch] = action
        self._session.resteer(*switch, now)

    # ------------------------------------------------------------ teach one control

    def _teach_order(self, thing: Mapping, now: float) -> str:
        if thing.get("controller") is None:
            return "Teaching is over; everybody plays again." if self._end_teaching(now) else "Nothing was being taught."
        channel = allowed.whole("channel", thing.get("channel"), 1, 16)
        controller = allowed.whole("controller", thing.get("controller"), 0, HIGHEST)
        if not self.teaching.on:
            self._session.release_all(now)
        if self.teaching.ask(channel, controller, now):
            self._session.out += self.teaching.tick(now)
        return f"Only controller {controller} of channel {channel} moves, until that is ended."

    def _end_teaching(self, now: float) -> bool:
        was = self.teaching.end()
        if was:
            self._taught(now)
        return was

    def _taught(self, now: float) -> None:
        """Nothing is taught any more: synths stand again where the scene wants them."""
        self._session.release_all(now)
        for chain in self._session.chains:
            self._session.out += chain.voice.begin(now)


def read_steers(said: object) -> dict[Switch, str]:
    """What a profile puts on switches, {"board/sensor": action}. ValueError for anything else."""
    found = {}
    for switch, action in said.items() if isinstance(said, dict) else [("", said)]:
        board, slash, sensor = str(switch).partition("/")
        if not (slash and board and sensor):
            raise ValueError(f"steers: {str(switch)[:80]!r}; write a switch by board and sensor, as in Two switches/left")
        found[board, sensor] = allowed.word(f"steers: {switch}", action, ACTIONS)
    return found
