"""Voices: how one sensor sounds. Pure.

Channels are 1..16. Channel 10 is kept for drums and channel 1 for what concerns everybody.
"""

from __future__ import annotations

from reachnote.model import ALL_OUTPUTS, Event, Kind, note_off, note_on
from reachnote.music import degree
from reachnote.scene import Scene, VoiceRule

SOFTEST = 0.55
CHANNELS = (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16)


def channel_for(sensor: int, board: int) -> int:
    """A channel for each sensor while they last, then one for each board."""
    return CHANNELS[sensor] if sensor < len(CHANNELS) else CHANNELS[board % len(CHANNELS)]


def output_mask(wanted: tuple[str, ...], outputs: tuple[str, ...]) -> int:
    """Bit n for the n-th of `outputs` that is wanted; all of them when none is named."""
    if not wanted:
        return ALL_OUTPUTS
    return sum(1 << n for n, name in enumerate(outputs) if name in wanted)


class Voice:
    """One note at a time for one sensor: the next of its notes at each start, or the note of a zone."""

    def __init__(self, rule: VoiceRule, scene: Scene, sensor: int, channel: int, outputs: int) -> None:
        tonic = 12 * (rule.octave + 1) + scene.tonic
        self.keys = tuple(min(degree(tonic, scene.scale, n), 127) for n in range(rule.notes))
        self.channel = channel
        self.zones = rule.notes if rule.play == "zones" else 0
        self._velocity = rule.velocity
        self._program = rule.program
        self._sensor = sensor
        self._outputs = outputs
        self._next = 2 * sensor % rule.notes
        self._sounding = -1

    def begin(self, time: float) -> list[Event]:
        """What a synth must know before the first note."""
        if not self._program:
            return []
        return [Event(Kind.PROGRAM, self.channel, self._program - 1, 0, self._sensor, self._outputs, time)]

    def start(self, zone: int, strength: float, time: float) -> list[Event]:
        events = self.stop(time)
        if zone >= 0:
            key = self.keys[min(zone, len(self.keys) - 1)]
        else:
            key = self.keys[self._next]
            self._next = (self._next + 1) % len(self.keys)
        self._sounding = key
        events.append(note_on(self.channel, key, self._loudness(strength), self._sensor, time, self._outputs))
        return events

    def _loudness(self, strength: float) -> int:
        """MIDI velocity: the scene's at full strength, `SOFTEST` of it at none, so that nothing is inaudible."""
        return max(round(self._velocity * (SOFTEST + (1.0 - SOFTEST) * strength)), 1)

    def stop(self, time: float) -> list[Event]:
        if self._sounding < 0:
            return []
        key, self._sounding = self._sounding, -1
        return [note_off(self.channel, key, self._sensor, time, self._outputs)]

    def forget(self) -> None:
        """The outlet already ended everything: do not end it again."""
        self._sounding = -1
