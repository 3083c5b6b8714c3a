# What drivers share: bounds of an option, adding to a board time, and telling a live analog signal from a dead one.

from reachnote_board.sensors import since
from reachnote_wire import NOISY, OK, SATURATED, STUCK, TIME_MASK

RAIL_US = 500000
STUCK_US = 1500000
WINDOW = 32  # samples looked at for noise
WILD, CALM = 10, 3  # jumps back and forth among them: noisy above, trusted again at or below
LOW, HIGH = 131, 65404  # 0.2 % and 99.8 % of 16 bits
JUMP = 16384  # a quarter of 16 bits


def whole(sensor, key, low, high):
    """The whole number an option holds, or ValueError with a sentence."""
    value = sensor.option(key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        text = "sensor '%s': %s is %s, it must be a whole number from %d to %d"
        raise ValueError(text % (sensor.name, key, value, low, high))
    return value


def number(sensor, key, low, high):
    """The number an option holds, or ValueError with a sentence."""
    value = sensor.option(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        text = "sensor '%s': %s is %s, it must be a number from %s to %s"
        raise ValueError(text % (sensor.name, key, value, low, high))
    return value


def choice(sensor, key, words):
    """The word an option holds, or ValueError with a sentence."""
    value = sensor.option(key)
    if value not in words:
        known = ", ".join([str(word) for word in words if word is not None])
        raise ValueError("sensor '%s': %s is %s, it must be one of: %s" % (sensor.name, key, value, known))
    return value


def later(time, us):
    """Board time `us` after `time`; no step of it exceeds 2**30, so a 32-bit board makes no heap object."""
    room = TIME_MASK - time
    return us - room - 1 if us > room else time + us


class Watch:
    """Judges 16-bit samples, one by one: `judge(raw, now)` gives OK, SATURATED, STUCK or NOISY.

    `rails` says at which ends a live sensor never rests: "both", "top", "bottom", "none"; `highest`
    is where the top end begins.
    """

    def __init__(self, rails="both", highest=HIGH):
        self._highest = highest
        self._top = rails in ("both", "top")
        self._bottom = rails in ("both", "bottom")
        self._started = False
        self._raw = 0
        self._moved_at = 0
        self._inside_at = 0
        self._stuck = False
        self._rail = False
        self._noisy = False
        self._direction = 0
        self._jumps = bytearray(WINDOW)
        self._at = 0
        self._count = 0

    def judge(self, raw, now):
        if not self._started:
            self._started = True
            self._raw = raw
            self._moved_at = self._inside_at = now
        high = raw >= self._highest
        low = raw <= LOW
        if not ((high and self._top) or (low and self._bottom)):
            self._inside_at = now
            self._rail = False
        elif since(now, self._inside_at) >= RAIL_US:
            self._rail = True
        if self._rail:
            self._inside_at = now  # keeps the interval short: board time comes round
        if raw != self._raw or high or low:
            self._moved_at = now
            self._stuck = False
        elif since(now, self._moved_at) >= STUCK_US:
            self._stuck = True
        if self._stuck:
            self._moved_at = now
        self._watch_noise(raw - self._raw)
        self._raw = raw
        return NOISY if self._noisy else SATURATED if self._rail else STUCK if self._stuck else OK

    def _watch_noise(self, jump):
        turned = 0
        if jump > JUMP and self._direction <= 0:
            turned = self._direction = 1
        elif jump < -JUMP and self._direction >= 0:
            turned = 1
            self._direction = -1
        at = self._at
        self._count += turned - self._jumps[at]
        self._jumps[at] = turned
        self._at = (at + 1) % WINDOW
        if self._count > WILD:
            self._noisy = True
        elif self._count <= CALM:
            self._noisy = False
