"""The ledger of sounding notes and the guard in front of it. Pure; lives in the outlet.

A note that starts is in the ledger, keyed by source, so that sources which share a channel and a key stay exact:
the key ends at the synth when its last holder lets go, and is struck anew when another holder starts.
Every Note On that leaves has exactly one Note Off.
"""

from __future__ import annotations

from dataclasses import dataclass

from reachnote.model import Event, Kind, note_off

LOUDEST = 90  # velocity
SOFT = 40  # velocity of the first note of a source after a start, a reconnect or a silence
SOURCE_RATE = 12.0  # notes a second of one source, lasting
SOURCE_BURST = 12.0
TOTAL_RATE = 48.0  # notes a second of all sources, lasting
TOTAL_BURST = 64.0
TOTAL = -1

CONTROLS_OFF = ((64, 0), (66, 0), (67, 0))
CENTRE = (0, 64)  # bend, low and high seven bits of 8192


@dataclass
class Budget:
    """A token bucket: `left` notes now, `rate` more each second, at most `burst`."""

    rate: float
    burst: float
    left: float
    time: float = 0.0

    def take(self, time: float) -> bool:
        if time > self.time:
            self.left = min(self.burst, self.left + (time - self.time) * self.rate)
            self.time = time
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


class Guard:
    """The loudness and startle guard: no mapping goes round it."""

    def __init__(self) -> None:
        self.refused = 0
        self._woken: set[int] = set()
        self._budgets: dict[int, Budget] = {TOTAL: Budget(TOTAL_RATE, TOTAL_BURST, TOTAL_BURST)}

    def note(self, event: Event) -> Event | None:
        """The Note On as it may sound, or None when there are too many."""
        budget = self._budgets.get(event.source)
        if budget is None:
            budget = self._budgets[event.source] = Budget(SOURCE_RATE, SOURCE_BURST, SOURCE_BURST)
        if not budget.take(event.time) or not self._budgets[TOTAL].take(event.time):
            self.refused += 1
            return None
        ceiling = LOUDEST
        if event.source not in self._woken:
            self._woken.add(event.source)
            ceiling = SOFT
        velocity = min(max(event.b, 1), ceiling)
        return event if velocity == event.b else event._replace(b=velocity)

    def soften(self, source: int) -> None:
        """The next note of `source` starts softly."""
        self._woken.discard(source)

    def soften_all(self) -> None:
        self._woken.clear()


class Ledger:
    """Which notes sound, who holds them, and on which outputs."""

    def __init__(self) -> None:
        self.guard = Guard()
        self.ons = 0
        self.offs = 0
        self._held: dict[tuple[int, int], dict[int, int]] = {}  # (channel, key) -> source -> outputs
        self._used: dict[int, int] = {}  # channel -> outputs

    def sounding(self) -> list[tuple[int, int]]:
        """(channel, key) of every sounding note."""
        return list(self._held)

    def take(self, event: Event) -> list[Event]:
        """The MIDI messages that follow from one event or order, in sending order."""
        kind = event.kind
        if kind == Kind.NOTE_ON:
            return self._on(event)
        if kind == Kind.NOTE_OFF:
            return self._off(event.channel, event.a, event.source, event.time)
        if kind < Kind.LEVEL:
            if event.channel:
                self._used[event.channel] = self._used.get(event.channel, 0) | event.outputs
            return [event]
        if kind == Kind.RELEASE:
            return self.release(event.source, event.time)
        if kind == Kind.SOFTEN:
            self.guard.soften(event.source)
        elif kind == Kind.RELEASE_ALL:
            self.guard.soften_all()
            return self.release_all(event.time)
        elif kind == Kind.SILENCE:
            self.guard.soften_all()
            return self.silence(event.time, event.b >= 2)
        return []

    def release(self, source: int, time: float) -> list[Event]:
        """End every note that `source` holds."""
        out: list[Event] = []
        for channel, key in [place for place, held in self._held.items() if source in held]:
            out += self._off(channel, key, source, time)
        return out

    def release_all(self, time: float) -> list[Event]:
        """End every note: exact Note Offs, sustain off, bend centred, then all-notes-off on the channels used."""
        out = []
        for (channel, key), held in self._held.items():
            out.append(note_off(channel, key, next(iter(held)), time, _union(held)))
        self.offs += len(out)
        self._held.clear()
        for channel, outputs in sorted(self._used.items()):
            out += [Event(Kind.CONTROL, channel, number, value, 0, outputs, time) for number, value in CONTROLS_OFF]
            out.append(Event(Kind.BEND, channel, *CENTRE, 0, outputs, time))
            out.append(Event(Kind.CONTROL, channel, 123, 0, 0, outputs, time))
        return out

    def silence(self, time: float, twice: bool) -> list[Event]:
        """What a person's silence sends; asked twice, also all-sound-off and reset on the channels used."""
        out = self.release_all(time)
        if twice:
            for channel, outputs in sorted(self._used.items()):
                out.append(Event(Kind.CONTROL, channel, 120, 0, 0, outputs, time))
                out.append(Event(Kind.CONTROL, channel, 121, 0, 0, outputs, time))
        return out

    def adopt(self, channel: int, key: int, outputs: int) -> None:
        """A note that a former outlet left sounding: it is ours to end."""
        self._held[channel, key] = {-1: outputs}
        self._used[channel] = self._used.get(channel, 0) | outputs

    def _on(self, event: Event) -> list[Event]:
        allowed = self.guard.note(event) if event.outputs else None  # a sensor without a voice
        if allowed is None:
            return []
        place = (allowed.channel, allowed.a)
        held = self._held.setdefault(place, {})
        out = []
        again = _union(held) & allowed.outputs
        if again:
            out.append(note_off(*place, allowed.source, allowed.time, again))
            self.offs += 1
        held[allowed.source] = held.get(allowed.source, 0) | allowed.outputs
        self._used[allowed.channel] = self._used.get(allowed.channel, 0) | allowed.outputs
        self.ons += 1
        out.append(allowed)
        return out

    def _off(self, channel: int, key: int, source: int, time: float) -> list[Event]:
        held = self._held.get((channel, key))
        if held is None or source not in held:
            return []
        mine = held.pop(source)
        if not held:
            del self._held[channel, key]
        ending = mine & ~_union(held)
        if not ending:
            return []
        self.offs += 1
        return [note_off(channel, key, source, time, ending)]


def _union(held: dict[int, int]) -> int:
    mask = 0
    for outputs in held.values():
        mask |= outputs
    return mask
