# Simulated clients: a library of movement for the simulated boards, the tests and the demo.
#
#   client = client_of("rest-tremor", 3, hz=4.8)
#   client(12.5)             place at 12.5 s: 0 rest, 1 what most people find a comfortable full movement
#   client.gestures(0, 60)   [(start_s, end_s), ...] that the client means to play
#   client.rests(0, 60)      [(start_s, end_s), ...] that the client means to rest: all the rest of it
#   client.besides(0, 60)    [(start_s, end_s), ...] of single things that nobody means: spasms, bursts, strokes
#
# A place is a share of a movement, so one client can move any sensor: place * scale + offset in mm, Pa or V (hand.py).
# The noise of a sensor is not the client's and is not in here.
#
# Every value follows from seed and time alone, so a client can be asked about any time in any order, says the same
# under MicroPython and CPython, and keeps nothing but the gesture of the moment. The numbers in capitals below are
# parameters: a pair is a range, drawn anew for every gesture where it is in GESTURE, else once for the client by its
# seed; a keyword of client_of() replaces it by a number or another pair. Lengths are seconds, frequencies Hz, heights
# shares of the full movement. [Sn], [D] and [M] are the marks of the project's calibration page, section 1.4 unless
# another is named: published source, measured on recordings, general knowledge. "Chosen": nothing is known of it.

from math import exp, floor, log, log10, pi, sin

FULL_MM = 300  # what 1 is worth over a distance sensor, where a client is told in millimetres


def chance(seed, stream, n):
    """0 <= chance < 1, the same for the same three whole numbers."""
    x = (seed * 0x9E3779B1 ^ stream * 0x85EBCA6B ^ (n + 1) * 0xC2B2AE35) & 0xFFFFFFFF
    for _ in range(3):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x = (x ^ x << 5) * 0x2C1B3C6D & 0xFFFFFFFF
    return x / 4294967296


def ease(u):
    """Minimum-jerk movement from 0 to 1 (Flash and Hogan 1985)."""
    if u <= 0:
        return 0.0
    if u >= 1:
        return 1.0
    return u * u * u * (10 - 15 * u + 6 * u * u)


class Gesture:
    """One intended movement: rises to `top` from `start` on, stays, and is over at `end`."""

    def __init__(self, start, rise, hold, fall, height, creep):
        self.start = start
        self.rise = rise
        self.hold = hold
        self.fall = fall
        self.height = height
        self.creep = creep
        self.let_go = start + rise + hold
        self.end = self.let_go + fall


class Client:
    """Whoever plays without trouble. The others differ from this one by what they name anew."""

    name = "steady"
    about = "plays without trouble"

    # Of a gesture. Chosen after the labelled gestures of the recordings [D].
    first_s = 1.0  # nothing is meant before this
    gap = (0.8, 1.8)  # s of rest before a gesture
    rise = (0.2, 0.45)  # s
    hold = (0.3, 0.9)  # s
    fall = (0.25, 0.4)  # s
    height = (0.8, 1.15)
    # Of the body. A hand at rest wanders by much more than it shakes [D] 1.1; 8-12 Hz, tiny [S16].
    creep = (-0.05, 0.05)  # of a height, in a factor of ten of the time it is held: 1.2, FSR
    wander = (0.004, 0.012)  # half height of the slow drift of a resting hand
    wander_hz = (0.05, 0.2)
    physiological = (0.0005, 0.002)  # half height
    physiological_hz = (8.0, 12.0)

    GESTURE = ("gap", "rise", "hold", "fall", "height", "creep")
    DRAWN = ("wander", "wander_hz", "physiological", "physiological_hz")

    def __init__(self, seed=1, **own):
        self.seed = seed
        for name in own:
            if name not in self.GESTURE and name not in self.DRAWN and name != "first_s":
                known = ", ".join(sorted(("first_s",) + self.GESTURE + self.DRAWN))
                raise ValueError("client '%s' has no '%s'; it has: %s" % (self.name, name, known))
            setattr(self, name, own[name])
        for n, name in enumerate(self.DRAWN):
            setattr(self, name, self._drawn(name, 1, n))
        self._turns = [2 * pi * chance(seed, 2, n) for n in range(8)]
        self._slot_s = sum(_most(getattr(self, name)) for name in ("gap", "rise", "hold", "fall"))
        self._k = None
        self._now = self._before = None  # the gestures of this slot and of the last one

    @property
    def usual(self):
        """The middle height of a gesture: what "full" is for this client."""
        return (_least(self.height) + _most(self.height)) / 2

    def __call__(self, t):
        k = self._slot(t)
        if k != self._k:
            self._enter(k)
        meant = self.meant(t, self._now)
        slow = self.wander * self._wave(0, self.wander_hz, t)
        return meant + slow + self.physiological * self._wave(1, self.physiological_hz, t) + self.unmeant(t, meant)

    def _enter(self, k):
        self._k = k
        self._now = self.gesture(k) if k >= 0 else None
        self._before = self.gesture(k - 1) if k > 0 else None

    # ------------------------------------------------------------ what is meant

    def gesture(self, k):
        """The client's gesture number k, from 0."""
        gap, rise, hold, fall, height, creep = self._all(k)
        start = self.first_s + k * self._slot_s + gap - _least(self.gap)
        return Gesture(start, rise, hold, fall, height * self.strength(start), creep)

    def strength(self, t):
        return 1.0

    def meant(self, t, g):
        if g is None or t <= g.start or t >= g.end:
            return 0.0
        held = t - g.start - g.rise
        x = g.height * ease((t - g.start) / g.rise)
        if held > 0:
            x *= 1 + g.creep * log10(1 + min(held, g.hold))
            x *= self.falling((t - g.let_go) / g.fall)
        return x

    def falling(self, u):
        return 1 - ease(u)

    def gestures(self, a, b):
        out = []
        k = max(0, self._slot(a))
        while True:
            g = self.gesture(k)
            if g.start >= b:
                return out
            if g.end > a:
                out.append((g.start, g.end))
            k += 1

    def rests(self, a, b):
        out = []
        for start, end in self.gestures(a, b):
            if start > a:
                out.append((a, start))
            a = end
        if b > a:
            out.append((a, b))
        return out

    # ------------------------------------------------------------ what is not

    def unmeant(self, t, meant):
        return 0.0

    def acting(self, meant):
        """How far into a usual gesture that is, 0 .. about 1."""
        return meant / self.usual if self.usual else 0.0

    def besides(self, a, b):
        return []

    # ------------------------------------------------------------ by the seed

    def _slot(self, t):
        return floor((t - self.first_s) / self._slot_s)

    def _all(self, k):
        return [self._drawn(name, 10 + n, k) for n, name in enumerate(self.GESTURE)]

    def _drawn(self, name, stream, n):
        value = getattr(self, name)
        if not isinstance(value, (tuple, list)):
            return value
        return value[0] + (value[1] - value[0]) * chance(self.seed, stream, n)

    def _phase(self, n, hz, t):
        """Of a shaking that keeps its pace to about a tenth, in turns."""
        return hz * (t + 0.1 / 0.7 * sin(0.7 * t + self._turns[n])) + self._turns[n] / (2 * pi)

    def _wave(self, n, hz, t):
        return sin(2 * pi * self._phase(n, hz, t))

    def _waxing(self, t, least, period):
        """What comes and goes: least .. 1."""
        return least + (1 - least) * (0.5 + 0.5 * sin(2 * pi * t / period + self._turns[7]))


def _least(value):
    return value[0] if isinstance(value, (tuple, list)) else value


def _most(value):
    return value[1] if isinstance(value, (tuple, list)) else value


class Weak(Client):
    """Small and slow. Eyelid-size movement is to be played with (1.1 [S11]); the sizes are chosen."""

    name = "weak"
    about = "small, slow movements: a tenth of what most people make"
    height = (0.07, 0.12)
    rise = (0.3, 0.6)
    wander = (0.0005, 0.0015)
    physiological = (0.0002, 0.0006)


class Large(Client):
    """Big, uneven, quick, and lively at rest. Chosen."""

    name = "large"
    about = "big, uneven movements"
    height = (1.0, 1.9)
    rise = (0.15, 0.35)
    wander = (0.02, 0.05)


class RestTremor(Client):
    """4-6 Hz, falls with action [S16]; comes and goes [M]."""

    name = "rest-tremor"
    about = "shakes at rest, 4 to 6 Hz, and less while moving"
    hz = (4.0, 6.0)
    half_height = (0.04, 0.15)
    left_in_action = (0.1, 0.3)  # share of it
    least = (0.0, 0.8)  # share of it when it wanes
    waxes_s = (5.0, 40.0)  # from one height of it to the next
    DRAWN = Client.DRAWN + ("hz", "half_height", "left_in_action", "least", "waxes_s")

    def unmeant(self, t, meant):
        size = self.half_height * (1 - (1 - self.left_in_action) * min(1.0, 2 * self.acting(meant)))
        return size * self._waxing(t, self.least, self.waxes_s) * self._wave(2, self.hz, t)


class ActionTremor(Client):
    """Essential: 4-12 Hz, in posture and action, its frequency stable under load [S16][S17]; more often below 8 Hz."""

    name = "action-tremor"
    about = "shakes while moving and holding, 4 to 8 Hz, and not at rest"
    hold = (0.5, 1.5)
    hz = (4.0, 8.0)
    half_height = (0.04, 0.15)
    DRAWN = Client.DRAWN + ("hz", "half_height")

    def unmeant(self, t, meant):
        return self.half_height * self.acting(meant) * self._wave(2, self.hz, t)


class ReemergingTremor(Client):
    """Starts 2-3 s after the hand is held up, at about 4 Hz, more than 50 times the quiet value [D]."""

    name = "re-emerging-tremor"
    about = "holds long; shakes at 4 Hz after 2 to 3 s of holding"
    gap = (1.5, 3.0)
    hold = (5.0, 8.0)
    hz = (3.6, 4.6)
    half_height = (0.08, 0.25)
    after_s = (2.0, 3.0)
    DRAWN = Client.DRAWN + ("hz", "half_height", "after_s")

    def unmeant(self, t, meant):
        g = self._now
        if g is None or not g.start < t < g.end:
            return 0.0
        grown = ease((t - g.start - g.rise - self.after_s) / 0.8)
        return self.half_height * grown * self.acting(meant) * self._wave(2, self.hz, t)


class Spasm(Client):
    """Single, rise below 80 ms, often larger than any intended movement [M]."""

    name = "spasm"
    about = "now and then a jerk of three times the range"
    spasm_every_s = (15.0, 40.0)
    spasm_height = (2.6, 3.4)
    spasm_rise = (0.03, 0.07)  # s
    spasm_fall = (0.05, 0.09)  # s
    DRAWN = Client.DRAWN + ("spasm_every_s", "spasm_height", "spasm_rise", "spasm_fall")

    def spasm(self, k):
        """Start and end of the client's spasm number k, from 0."""
        start = (k + 0.1 + 0.8 * chance(self.seed, 30, k)) * self.spasm_every_s
        return start, start + self.spasm_rise + self.spasm_fall

    def unmeant(self, t, meant):
        if t < 0:
            return 0.0
        start, end = self.spasm(int(t / self.spasm_every_s))
        if not start < t < end:
            return 0.0
        return self.spasm_height * (ease((t - start) / self.spasm_rise) - ease((t - end + self.spasm_fall) / self.spasm_fall))

    def besides(self, a, b):
        numbers = range(max(0, int(a / self.spasm_every_s) - 1), int(b / self.spasm_every_s) + 1)
        return [(start, end) for start, end in [self.spasm(k) for k in numbers] if end > a and start < b]


class Clonus(Client):
    """4-8 Hz bursts after stretch [M]: here after one letting go in three. Length and height chosen."""

    name = "clonus"
    about = "after some movements a burst of beats, 4 to 8 Hz"
    gap = (3.0, 4.5)
    burst_hz = (4.0, 8.0)
    burst_height = (0.2, 0.6)  # whole height of the first beat
    burst_s = (0.8, 2.0)
    burst_share = 0.33  # of the gestures
    DRAWN = Client.DRAWN + ("burst_hz", "burst_height", "burst_s", "burst_share")

    def burst(self, k):
        """Start and end of what follows gesture number k, or None."""
        if k < 0 or chance(self.seed, 40, k) >= self.burst_share:
            return None
        start = self.gesture(k).end + 0.15
        return start, start + self.burst_s

    def _enter(self, k):
        super()._enter(k)
        self._bursts = (self.burst(k), self.burst(k - 1))  # one may reach into the slot after its gesture's

    def unmeant(self, t, meant):
        for found in self._bursts:
            if found and found[0] < t < found[1]:
                since = t - found[0]
                beat = 0.5 - 0.5 * _cosine(self.burst_hz * since)
                return self.burst_height * beat * exp(-since / self.burst_s) * (1 - ease((t - found[1] + 0.2) / 0.2))
        return 0.0

    def besides(self, a, b):
        bursts = [self.burst(k) for k in range(self._slot(a) - 1, self._slot(b) + 1)]
        return [found for found in bursts if found and found[1] > a and found[0] < b]


def _cosine(turns):
    return sin(2 * pi * (turns + 0.25))


class Wringing(Client):
    """Hand stereotypy beside purposeful presses, as in Rett syndrome (2.10, 1.7 [S27]); 1-2 Hz, its height chosen."""

    name = "wringing"
    about = "the hand goes to and fro at 1 to 2 Hz all the time; presses besides"
    gap = (2.0, 3.5)
    stroke_hz = (1.0, 2.0)
    stroke_height = (0.2, 0.5)  # whole height
    goes_on = (0.3, 1.0)  # share of the stroke left during a press
    calm_s = 0.0  # before it begins
    DRAWN = Client.DRAWN + ("stroke_hz", "stroke_height", "goes_on", "calm_s")

    def unmeant(self, t, meant):
        if t < self.calm_s:
            return 0.0
        left = 1 - (1 - self.goes_on) * min(1.0, self.acting(meant))
        return self.stroke_height * left * (0.5 - 0.5 * _cosine(self._phase(2, self.stroke_hz, t)))

    def besides(self, a, b):
        """The strokes, each from one low point to the next."""
        out = []
        a = max(a, self.calm_s)
        n = floor(self._phase(2, self.stroke_hz, a)) + 1
        low = self._time_of(n, a)
        while low < b:
            n += 1
            after = self._time_of(n, low)
            out.append((low, after))
            low = after
        return out

    def _time_of(self, phase, t):
        for _ in range(30):
            t += (phase - self._phase(2, self.stroke_hz, t)) / self.stroke_hz
        return t


class Athetosis(Client):
    """Slow writhing, 0.2-2 Hz, inside the voluntary band [M]."""

    name = "athetosis"
    about = "slow writhing, 0.2 to 2 Hz, all the time"
    writhing = (0.05, 0.2)  # half height
    least_hz = 0.2
    most_hz = 2.0
    DRAWN = Client.DRAWN + ("writhing", "least_hz", "most_hz")

    def unmeant(self, t, meant):
        x = 0.0
        ratio = log(self.most_hz / self.least_hz) / 4
        for n in range(4):  # one pace in each quarter of the band, the slow ones wider
            hz = self.least_hz * exp(ratio * (n + 0.1 + 0.8 * self._turns[n] / (2 * pi)))
            x += (4 - n) / 10 * sin(2 * pi * (hz * t + self._turns[n + 3]))
        return self.writhing * x


class Fatigue(Client):
    """The grip lost about 20 % of its first peak a minute [D] 6; the floor between rose by a fifth in 3 minutes [D] 1.1."""

    name = "fatigue"
    about = "the peak falls by a fifth of the first one a minute; the hand no longer opens quite"
    fall_per_min = (0.17, 0.23)
    floor_per_min = (0.03, 0.07)
    least_left = 0.4  # share of the first peak
    DRAWN = Client.DRAWN + ("fall_per_min", "floor_per_min", "least_left")

    def strength(self, t):
        return max(self.least_left, 1 - self.fall_per_min * max(0.0, t) / 60)

    def unmeant(self, t, meant):
        return min(0.2, self.floor_per_min * max(0.0, t) / 60)


class SlowRelease(Client):
    """Velocity-dependent resistance, slow incomplete release ([S18] spasticity and reach, [M])."""

    name = "slow-release"
    about = "lets go slowly and not quite"
    gap = (1.0, 2.5)
    fall = (1.5, 3.5)
    left = (0.05, 0.2)  # share of the height that stays for `fades_s`
    fades_s = (2.0, 5.0)
    DRAWN = Client.DRAWN + ("left", "fades_s")

    def falling(self, u):
        # Quick first, then slower and slower; what is left of it is the rest's.
        u = min(max(u, 0.0), 1.0)
        return ((exp(-4 * u) - exp(-4.0)) / (1 - exp(-4.0))) * (1 - self.left) + self.left

    def unmeant(self, t, meant):
        g = self._now
        if g is None or t <= g.start:
            return self._remains(t, self._before)
        if t < g.end:
            return self._remains(t, self._before) * (1 - ease((t - g.start) / g.rise))
        return self._remains(t, g)

    def _remains(self, t, g):
        return g.height * self.left * exp(-(t - g.end) / self.fades_s) if g else 0.0


class FifteenMm(Client):
    """15 mm of movement, over a sensor whose readings scatter by 2.1-2.5 mm [D] 1.2."""

    name = "fifteen-mm"
    about = "moves by 15 mm"
    height = (13.5 / FULL_MM, 17 / FULL_MM)
    hold = (0.5, 1.2)
    wander = (0.0004, 0.0012)
    physiological = (0.0001, 0.0004)


class Late(Client):
    """Latencies of seconds are normal, and waiting is the rule (1.7 [S27]); 8 s after whatever invites to play."""

    name = "late"
    about = "plays seldom, 8 s after it is asked to"
    gap = (10.0, 20.0)
    delay_s = (7.0, 9.0)
    GESTURE = Client.GESTURE + ("delay_s",)

    def gesture(self, k):
        _, rise, hold, fall, height, creep, delay = self._all(k)
        return Gesture(self.cue(k) + delay, rise, hold, fall, height, creep)

    def cue(self, k):
        """When the client is invited to play for the time number k, from 0."""
        return self.first_s + k * self._slot_s + self._drawn("gap", 10, k) - _least(self.gap)


KINDS = (
    Client,
    Weak,
    Large,
    RestTremor,
    ActionTremor,
    ReemergingTremor,
    Spasm,
    Clonus,
    Wringing,
    Athetosis,
    Fatigue,
    SlowRelease,
    FifteenMm,
    Late,
)
NAMES = tuple(kind.name for kind in KINDS)
LISTED = "; ".join("%s: %s" % (kind.name, kind.about) for kind in KINDS)


def client_of(name, seed=1, **own):
    """The client of that name. Raises ValueError for an unknown name or parameter."""
    for kind in KINDS:
        if kind.name == name:
            return kind(seed, **own)
    raise ValueError("there is no client '%s'; there are: %s" % (name, ", ".join(NAMES)))
