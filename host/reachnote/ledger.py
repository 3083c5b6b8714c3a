"""The ledger of sounding notes, behind the guard. Pure; lives in the outlet.

A note that starts is in the ledger, keyed by source, so that sources which share a channel and a key stay exact:
the key ends at the synth when its last holder lets go, and is struck anew when another holder starts.
Every Note On that leaves has exactly one Note Off, on the key that the guard moved it to.
"""

from __future__ import annotations

import contextlib

from reachnote.guard import Guard
from reachnote.limits import LimitsProblem, unpack_limits
from reachnote.model import Event, Kind, note_off

CONTROLS_OFF = ((64, 0), (66, 0), (67, 0))
CENTRE = (0, 64)  # bend, low and high seven bits of 8192
FORMER = -1  # the source of what a former outlet left sounding

Holder = tuple[int, int, int]  # source, channel and key as the source asked for it


class Ledger:
    """Which notes sound, who holds them, and on which outputs."""

    def __init__(self) -> None:
        self.guard = Guard()
        self.ons = 0
        self.offs = 0
        self._held: dict[tuple[int, int], dict[Holder, int]] = {}  # (channel, key) -> holder -> outputs
        self._keys: dict[Holder, int] = {}  # the key that sounds for a holder
        self._used: dict[int, int] = {}  # channel -> outputs

    def sounding(self) -> list[tuple[int, int]]:
        """(channel, key) of every sounding note."""
        return list(self._held)

    def take(self, event: Event, text: str = "") -> list[Event]:
        """The MIDI messages that follow from one event or order, in sending order; `text` belongs to LIMITS."""
        kind = event.kind
        self.guard.clock(event.time)
        if kind == Kind.NOTE_ON:
            return self._on(event)
        if kind == Kind.NOTE_OFF:
            return self._off((event.source, event.channel, event.a), event.time)
        if kind < Kind.LEVEL:
            return self._other(event)
        return self._order(event, text)

    def _other(self, event: Event) -> list[Event]:
        if event.kind == Kind.TRANSPORT:
            return [event]
        if not Kind.CONTROL <= event.kind <= Kind.BEND or not 1 <= event.channel <= 16:
            return []
        self._used[event.channel] = self._used.get(event.channel, 0) | event.outputs
        return self.guard.other(event)

    def _order(self, event: Event, text: str) -> list[Event]:
        kind, time, guard = event.kind, event.time, self.guard
        if kind == Kind.RELEASE:
            return self.release(event.source, time)
        if kind == Kind.SOFTEN:
            guard.soften(event.source)
        elif kind == Kind.RELEASE_ALL:
            guard.soften_all()
            return self.release_all(time)
        elif kind == Kind.SILENCE:
            guard.soften_all()
            return self.silence(time, event.b >= 2)
        elif kind == Kind.LIMITS:
            with contextlib.suppress(LimitsProblem):  # then the former ones stay
                return guard.take(*unpack_limits(text), time) + self._give_back(time)
        elif kind == Kind.SOFTER:
            return guard.softer(self._used, time)
        elif kind == Kind.STOP:
            guard.stop(time)
            return self.release_all(time)
        elif kind == Kind.LIFT:
            guard.lift()
            return self._give_back(time)
        return []

    def _give_back(self, time: float) -> list[Event]:
        return self.guard.give_back(time) if self.guard.owes and not self._held else []

    def release(self, source: int, time: float) -> list[Event]:
        """End every note that `source` holds."""
        out: list[Event] = []
        for holder in [holder for holder in self._keys if holder[0] == source]:
            out += self._off(holder, time)
        return out

    def release_all(self, time: float) -> list[Event]:
        """End every note: exact Note Offs, sustain off, bend centred, then all-notes-off on the channels used."""
        out = []
        for (channel, key), held in self._held.items():
            out.append(note_off(channel, key, next(iter(held))[0], time, _union(held)))
        if out:
            self.guard.quiet(time)
        self.offs += len(out)
        self._held.clear()
        self._keys.clear()
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
                out += self.guard.was_reset(channel, outputs, time)
        return out

    def adopt(self, channel: int, key: int, outputs: int) -> None:
        """A note that a former outlet left sounding: it is ours to end."""
        holder = (FORMER, channel, key)
        self._held[channel, key] = {holder: outputs}
        self._keys[holder] = key
        self._used[channel] = self._used.get(channel, 0) | outputs

    def _on(self, event: Event) -> list[Event]:
        allowed = self.guard.note(event, self._held) if event.outputs else None  # a sensor without a voice
        if allowed is None:
            return []
        time = event.time
        out = self._give_back(time)
        place = (allowed.channel, allowed.a)
        holder = (event.source, event.channel, event.a)
        if self._keys.get(holder, allowed.a) != allowed.a:  # it sounds elsewhere, moved by other limits
            out += self._off(holder, time)
        held = self._held.setdefault(place, {})
        again = _union(held) & allowed.outputs
        if again:
            out.append(note_off(*place, allowed.source, time, again))
            self.offs += 1
        held[holder] = held.get(holder, 0) | allowed.outputs
        self._keys[holder] = allowed.a
        self._used[allowed.channel] = self._used.get(allowed.channel, 0) | allowed.outputs
        self.ons += 1
        out.append(allowed)
        return out

    def _off(self, holder: Holder, time: float) -> list[Event]:
        key = self._keys.pop(holder, None)
        if key is None:
            return []
        source, channel, _ = holder
        held = self._held[channel, key]
        mine = held.pop(holder)
        if not held:
            del self._held[channel, key]
            if not self._held:
                self.guard.quiet(time)
        ending = mine & ~_union(held)
        if not ending:
            return []
        self.offs += 1
        return [note_off(channel, key, source, time, ending)]


def _union(held: dict[Holder, int]) -> int:
    mask = 0
    for outputs in held.values():
        mask |= outputs
    return mask
