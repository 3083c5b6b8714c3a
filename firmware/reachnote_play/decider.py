# The decider: when a movement of a continuous sensor starts, ends and changes a gesture, and how strong it is.
#
#   REST --rise above the floor--> WAIT --accept--> SOUND --below a share of its own peak--> REST (refractory)
#   UNARMED until it rested: after the start, a stall, a scene's end, a fault
#
# Calibration page 2.5. Two paths start a gesture: the smoothed rise over `onset`, and the unsmoothed one when it is
# clearer than that by `fast`. Both are measured from a floor that sinks fast, rises slowly, rests while a gesture
# sounds and stays near the calibrated rest. What holds for readings is done on each, what is slow on a tick of 16 ms.

from reachnote_play import (
    CLOSED_CONTACT,
    NO_TARGET,
    ONSET,
    RELEASE,
    SATURATED,
    TIME_HALF,
    TIME_MASK,
    WEAK,
    ZONE,
)
from reachnote_play.control import Control
from reachnote_play.gate import NOTHING, Gate
from reachnote_play.parameters import bounded, defaults
from reachnote_play.strength import between
from reachnote_play.tremor import Tremor
from reachnote_play.window import Window
from reachnote_play.zones import Zones

UNARMED, REST, WAIT, SOUND = 0, 1, 2, 3

TICK = 15000
GAP = 250000  # longer than this between two readings: nothing is known of what went on
RATE_SPAN = 340000
SETTLES = 1500000
UNDERSHOOT = 150000  # a load cell swings below rest for this long after a release
PEAK_FADE = 8000000  # a long press may sag slowly and goes on sounding
LEAST = 4915  # of REACH: a gesture never ends above this share of its onset
FALLING = 40000
TREMOR_DWELL = 120000


class Decider:
    """One continuous sensor.

    `step(now_us, raw, status)` answers ONSET, RELEASE, ZONE added up, 0 as a rule. `now_us` is board time modulo 2**30.
    Then `level` (0 .. CEILING, REACH at full reach), `strength` (0 .. REACH, of the last onset), `zone`, `sounding`.
    After construction nothing is taken from the heap. `room`: readings in 340 ms at the sensor's rate.
    """

    def __init__(self, parameters=None, entry=None, room=96):
        p = defaults()
        if parameters:
            for name in parameters:
                p[name] = bounded(name, parameters[name])
        self.entry = entry
        self.sounding = False
        self.strength = 0
        self.effort = 0  # what the strength was told from: a rise in places a second, of slow sensors a place
        self.tall = 0  # the greatest rise of the gesture that sounds or sounded last
        self.level = 0
        self.floor = 0
        self.gate = Gate(p)
        self.window = Window(room, p["window"])
        self.tremor = Tremor(p)
        self.zones = Zones(p)
        self.control = Control(p["reach"])
        self._now = -1
        self._state = UNARMED
        self._floor64 = 0
        self._beyond = 0  # where a hand let go beyond `floor_bound`: so far up the floor may be until that hand came down
        self._behind = 0  # time since the last tick
        self._before = 0  # place at the last tick
        self._waited = 0
        self._wait = 0
        self._jolted = 0
        self._refractory = 0
        self._lasted = 0  # what sounds has sounded for this long
        self._settling = 0
        self._falling = False
        self._undershoot = 0
        self._under = 0
        self._peak = 0
        self._shaking = False
        self._p = p
        self._fit()

    # ------------------------------------------------------------ setting

    def set(self, name, value):
        """Change one parameter while playing; a sounding gesture goes on. Raises KeyError for an unknown name."""
        self._p[name] = bounded(name, value)
        self._fit()

    def get(self, name):
        return self._p[name]

    def _fit(self):
        p = self._p
        gate = self.gate
        gate.lowest = p["lowest"]
        gate.highest = p["highest"]
        gate.speed = p["speed"]
        gate.median = p["median"]
        gate.hold = p["hold"]
        tremor = self.tremor
        tremor.longest = p["tremor_half"]
        tremor.least = p["tremor_size"]
        tremor.most = p["tremor_tall"]
        zones = self.zones
        zones.count = p["zones"]
        zones.margin = p["zone_margin"]
        zones.dwell = p["dwell"]
        zones.first = (p["onset"] * p["reach"] >> 13) * 3 >> 2
        self._guarded = p["tremor"]
        self._jolt = p["jolt"]
        self._creep = p["creep"]
        self._floor_up = p["floor_up"]
        self._settle = p["settle"]
        self._floor_most = p["floor_bound"] << 6
        self._drift = p["drift"]
        self._reach = p["reach"]
        self._release_share = p["release"]
        self._floor_down = p["floor_down"]
        self._guard()

    def _guard(self):
        # What depends on the reach of the day and on whether the hand is shaking.
        p = self._p
        tremor = self.tremor
        shaking = tremor.left > 0 and p["tremor"] == 1
        self._shaking = shaking
        reach = p["reach"]
        on = p["onset"] * reach >> 13
        span = p["window"]
        size = p["envelope"]
        if p["tremor"] and (shaking or tremor.alert):
            # It shakes, or did lately and may again: smoothed over one period; clear gestures need not wait for it.
            if tremor.period > span:
                span = tremor.period
            if tremor.size > size:
                size = tremor.size
            n = size * 6144 >> 13
            if shaking and n > on:
                on = n
        calm = p["calm"] + size
        self._fast = on + (p["fast"] * reach >> 13) + size + (size >> 1)
        self._on = on
        # Coming back from beyond rest to where the client rested at calibration is no gesture: it would sound on and on.
        least = (on - (on >> 3)) << 6
        self._floor_least = least if least < self._floor_most else self._floor_most
        self._off = on * LEAST >> 13
        self._calm = calm
        self._dwell = TREMOR_DWELL if shaking and p["dwell"] < TREMOR_DWELL else p["dwell"]
        if span > 340000:
            span = 340000
        if self.window.span != span:
            self.window.widen(span)

    # ------------------------------------------------------------ letting go

    def let_go(self):
        """End what sounds (RELEASE, or 0) and start nothing before it rested."""
        done = self._end() if self.sounding else 0
        self._state = UNARMED
        return done

    def disarm(self):
        """Start nothing before it rested; what sounds goes on."""
        if not self.sounding:
            self._state = UNARMED

    def _lose(self, rested):
        # Nothing to go by any more. A hand that left the sensor's reach has rested.
        done = self._end() if self.sounding else 0
        self._refractory = 0
        self._state = REST if rested else UNARMED
        self.window.clear()
        self.tremor.clear()
        self.control.clear()
        self.level = 0
        return done

    # ------------------------------------------------------------ readings

    def step(self, now, raw, status):
        """Take one raw reading through the entry."""
        return self.take(now, self.entry.place(raw), status)

    def take(self, now, x, status=0):
        """Take one reading whose place is known."""
        dt = (now - self._now) & TIME_MASK
        if dt > TIME_HALF:
            dt = 0
        self._now = now
        done = 0
        gate = self.gate
        if dt > GAP:
            if dt > gate.hold and not gate.lost:
                gate.lost = True
                done = self._lose(False)
            dt = GAP
        if status and status != WEAK and status != CLOSED_CONTACT:
            if status == SATURATED and self.sounding:
                return done
            if gate.miss(dt):
                done |= self._lose(status == NO_TARGET)
            x = NOTHING
        else:
            x = gate.take(dt, x)
            if x == NOTHING and gate.lost:
                done |= self._lose(True)
        self._behind += dt
        if x == NOTHING:
            return done
        s = self.window.push(now, x)
        if self._behind >= TICK:
            self._tick(x, s)
        rise = s - self.floor
        clear = x - self.floor
        state = self._state
        if state == SOUND:
            if self._lasted < TIME_HALF:
                self._lasted += dt
            if rise > self._peak:
                self._peak = rise
                if rise > self.tall:
                    self.tall = rise
            off = self._peak * self._release_share >> 13
            if off < self._off:
                off = self._off
            if rise < off and clear < off:
                done |= self._end()
                self._after(s)
        elif self._refractory > 0:
            self._refractory -= dt
        elif state == UNARMED:
            if rise < self._off and clear < self._on:
                self._state = REST
        elif rise >= self._on or clear >= self._fast:
            done |= self._crossed(dt, x, clear, rise)
        elif state == WAIT:
            self._state = REST
        control = self.control
        control.step(x, s, self._calm)
        self.level = control.level
        if self.sounding and self.zones.count:
            if done & ONSET:
                self.zones.start(self.level)
            elif self.zones.step(dt, self.level, self._dwell):
                done |= ZONE
        return done

    @property
    def armed(self):
        return self._state != UNARMED

    @property
    def drifted(self):
        """True while the floor is as far from the calibrated rest as it may go: it should be found anew."""
        return self._floor64 >= self._floor_most or self._floor64 <= -self._floor_least

    @property
    def zone(self):
        return self.zones.zone if self.sounding else -1

    # ------------------------------------------------------------ the trigger

    def _crossed(self, dt, x, clear, rise):
        # Above a threshold while nothing sounds: it sounds once it lasted as long as it must.
        p = self._p
        if self._state == REST:
            self._state = WAIT
            self._waited = 0
            self._wait = p["accept"] if p["accept"] > p["listen"] else p["listen"]
        else:
            self._waited += dt
        if self._jolt:
            if not self._jolted and self._behind:
                self._look_for_jolt(x, self._behind)
            if self._jolted:
                if clear < self._off:
                    self._state = REST
                    return 0
                if self._wait < p["jolt_wait"]:
                    self._wait = p["jolt_wait"]
        if self._waited < self._wait:
            return 0
        self.effort = clear if p["listen"] else self.window.rate(self.floor + (clear >> 2), x - (clear >> 2), RATE_SPAN)
        self.strength = between(self.effort, p["soft"], p["strong"])
        self.sounding = True
        self._state = SOUND
        self._lasted = 0
        self._peak = self.tall = rise
        return ONSET

    def _end(self):
        self.sounding = False
        self._state = REST
        p = self._p
        if self.tall > self._reach >> 1:  # tremor that comes through is never as tall as half a reach
            self.tremor.forget()
        left = p["apart"] - self._lasted
        self._refractory = left if left > p["refractory"] else p["refractory"]
        return RELEASE

    def _after(self, s):
        # The next gesture is measured from where the hand lets go to, so a hand that lets go half way can play on, and a
        # rebound is no gesture. The floor follows the hand down to what it was before at once, then as ever.
        self._settling = SETTLES
        self._undershoot = UNDERSHOOT
        self._under = self._floor64
        if s << 6 > self._floor64:
            self._beyond = s << 6
            self._put_floor(s << 6)
        self._falling = True

    # ------------------------------------------------------------ every 16 ms

    def _tick(self, x, s):
        dt = self._behind
        self._behind = 0
        if dt > GAP:
            dt = GAP
        if self._guarded:
            tremor = self.tremor
            tremor.step(dt, x)
            if tremor.changed:
                tremor.changed = False
                self._guard()
        if self._jolt:
            if self._jolted:
                self._jolted = self._jolted - dt if self._jolted > dt else 0
            self._look_for_jolt(x, dt)
        self._before = x
        sounding = self.sounding
        if sounding:
            d = self._peak - s + self.floor
            if d > 0:
                self._peak -= d * (dt >> 10) // (PEAK_FADE >> 10)
        else:
            self._track(dt, s)
        self.control.follow(dt, self.floor, self._drift, self._reach, not sounding)

    def _look_for_jolt(self, x, dt):
        d = x - self._before
        if d > 0 and dt > 4096 and d * 15625 // (dt >> 6) > self._jolt:
            self._jolted = self._p["jolt_wait"] + self.window.span

    def _track(self, dt, s):
        # The floor of section 2.5: sinks with `floor_down`, rises with `floor_up`, faster just after a gesture.
        floor = self._floor64
        d = (s << 6) - floor
        if self._settling:
            self._settling = self._settling - dt if self._settling > dt else 0
        if self._undershoot:
            self._undershoot = self._undershoot - dt if self._undershoot > dt else 0
        if d < 0:
            if self._falling and floor <= self._under:
                self._falling = False
            if self._undershoot and not self._falling:
                return
            tau = FALLING if self._falling else self._floor_down
        else:
            self._falling = False
            creep = (self._creep * (dt >> 10) >> 4) + 1  # dt >> 10 is milliseconds, 64 / 1000 is near 1 / 16
            if creep > d:
                creep = d
            floor += creep
            d -= creep
            if d >> 6 >= self._on >> 1 and self._state != UNARMED:
                d = 0
            tau = self._settle if self._settling else self._floor_up
        floor += d * (dt >> 10) // ((tau + dt) >> 10)
        self._put_floor(floor)
        if self._beyond > self._floor64:
            self._beyond = self._floor64

    def _put_floor(self, floor):
        most = self._floor_most
        if self._beyond > most:
            most = self._beyond
        if floor > most:
            floor = most
        elif floor < -self._floor_least:
            floor = -self._floor_least
        self._floor64 = floor
        self.floor = floor >> 6
