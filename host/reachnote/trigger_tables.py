"""The modes of `reachnote.triggers` as tables: state -> what comes -> what is to be done, and the state that follows. Pure.

What a row does not name changes nothing. The first state is the one to begin in. A transition ends the timer that ran.
"""

from __future__ import annotations

from enum import IntEnum


class In(IntEnum):
    """What can come to a table."""

    ONSET = 1
    RELEASE = 2
    ZONE = 3
    TIME = 4
    ENDED = 5


class Do(IntEnum):
    """What a table can ask for."""

    START = 1
    STOP = 2
    PAUSE = 3
    RESUME = 4
    PLACE = 5  # make room for one more start: the oldest stops if there are `keep`
    LENGTH = 6  # time comes when the length is over
    DWELL = 7  # time comes when it has stayed long enough
    FIRST = 8  # repetitions begin: time comes where this one stops sounding
    AGAIN = 9  # a further repetition: time comes where it stops sounding
    WAIT = 10  # time comes at the next repetition


Row = dict[In, tuple[tuple[Do, ...], str]]
Table = dict[str, Row]

_ONSET, _RELEASE, _ZONE, _TIME, _ENDED = In
_START, _STOP, _PAUSE, _RESUME, _PLACE, _LENGTH, _DWELL, _FIRST, _AGAIN, _WAIT = Do

_MOMENTARY: Table = {
    "idle": {_ONSET: ((_START,), "held")},
    "held": {_ONSET: ((_STOP, _START), "held"), _ZONE: ((_STOP, _START), "held"), _RELEASE: ((_STOP,), "idle")},
}
_LATCH: Table = {
    "off": {_ONSET: ((_START,), "on, held")},
    "on, held": {
        _ONSET: ((_STOP,), "off"),
        _ZONE: ((_STOP, _START), "on, held"),
        _RELEASE: ((), "on"),
        _ENDED: ((), "off"),
    },
    "on": {_ONSET: ((_STOP,), "off"), _ENDED: ((), "off")},
}
_ONE_SHOT: Table = {
    "idle": {_ONSET: ((_START, _LENGTH), "playing")},
    "playing": {_TIME: ((_STOP,), "idle"), _ENDED: ((), "idle")},
}
_ONE_SHOT_AGAIN: Table = {
    "idle": _ONE_SHOT["idle"],
    "playing": {**_ONE_SHOT["playing"], _ONSET: ((_STOP, _START, _LENGTH), "playing")},
}
_REPEAT: Table = {
    "idle": {_ONSET: ((_START, _FIRST), "sounding")},
    "sounding": {
        _ONSET: ((_STOP, _START, _FIRST), "sounding"),
        _RELEASE: ((_STOP,), "idle"),
        _TIME: ((_STOP, _WAIT), "between"),
    },
    "between": {
        _ONSET: ((_START, _FIRST), "sounding"),
        _RELEASE: ((), "idle"),
        _TIME: ((_START, _AGAIN), "sounding"),
    },
}
_SUSTAIN: Table = {
    "free": {_ONSET: ((_PLACE, _START), "held")},
    "held": {
        _ONSET: ((_PLACE, _START), "held"),
        _ZONE: ((_PLACE, _START), "held"),
        _RELEASE: ((), "free"),
    },
}
_START_STOP: Table = {
    "stopped": {_ONSET: ((_START,), "playing")},
    "playing": {_ONSET: ((_STOP,), "stopped"), _ENDED: ((), "stopped")},
}
_START_PAUSE: Table = {
    "stopped": {_ONSET: ((_START,), "playing")},
    "playing": {_ONSET: ((_PAUSE,), "paused"), _ENDED: ((), "stopped")},
    "paused": {_ONSET: ((_RESUME,), "playing"), _ENDED: ((), "stopped")},
}
_PLAY_WHILE_HELD: Table = {
    "stopped": {_ONSET: ((_START,), "playing")},
    "playing": {_RELEASE: ((_PAUSE,), "paused"), _ENDED: ((), "stopped")},
    "paused": {_ONSET: ((_RESUME,), "playing"), _ENDED: ((), "stopped")},
}
_DWELLING: Table = {
    "idle": {_ONSET: ((_DWELL,), "waiting")},
    "waiting": {
        _ONSET: ((_DWELL,), "waiting"),
        _ZONE: ((_DWELL,), "waiting"),
        _RELEASE: ((), "idle"),
        _TIME: ((_START,), "staying"),
    },
    "staying": {
        _ONSET: ((_STOP, _DWELL), "waiting"),
        _ZONE: ((_STOP, _DWELL), "waiting"),
        _RELEASE: ((_STOP,), "idle"),
    },
}


def table_of(mode: str, restart: bool, while_held: bool) -> Table:
    """The table of a mode; `restart` is one-shot's `again = "restart"`, `while_held` an option of start/pause."""
    return {
        "momentary": _MOMENTARY,
        "latch": _LATCH,
        "one-shot": _ONE_SHOT_AGAIN if restart else _ONE_SHOT,
        "repeat-while-held": _REPEAT,
        "sustain-n": _SUSTAIN,
        "start/stop": _START_STOP,
        "start/pause": _PLAY_WHILE_HELD if while_held else _START_PAUSE,
        "dwell": _DWELLING,
    }[mode]
