# Pads: one hit, one onset (calibration page 2.7, after the drum modules' threshold, scan, mask and retrigger cancel).

from reachnote_play import ONSET, REACH, RELEASE, TIME_HALF, TIME_MASK, usable
from reachnote_play.parameters import IMPACT_TABLE, bounded, defaults
from reachnote_play.strength import between

SHARE = (8192, 7230, 6380, 5630, 4969, 4385, 3870, 3415, 3014)  # REACH * exp(-k / 8)


class Impact:
    """One pad. `take` reads an envelope of at least 500 readings a second, `hit` a hit that the board already found."""

    def __init__(self, parameters=None, entry=None):
        p = defaults(IMPACT_TABLE)
        if parameters:
            for name in parameters:
                p[name] = bounded(name, parameters[name], IMPACT_TABLE)
        self._p = p
        self.entry = entry
        self.sounding = False
        self.strength = 0
        self.level = 0
        self.zone = -1
        self.age = 0
        self._now = -1
        self._peak = 0  # while scanning
        self._scan = -1  # time left; -1: not scanning
        self._mask = 0
        self._fading = 0
        self._fade = 0
        self._sound = 0
        self._hits = -1

    def set(self, name, value):
        self._p[name] = bounded(name, value, IMPACT_TABLE)

    def get(self, name):
        return self._p[name]

    def let_go(self):
        done = RELEASE if self.sounding else 0
        self.sounding = False
        self._scan = -1
        return done

    def disarm(self):
        self._scan = -1

    @property
    def armed(self):
        return True

    def step(self, now, raw, status):
        """One value of the wire: hit count, peak, age. `age` is then how long ago what is answered happened."""
        self.age = (raw & 255) * 500
        peak = self.entry.place(raw >> 8 & 4095) if self.entry else (raw >> 8 & 4095) << 1
        return self.hit(now, raw >> 20 & 15, peak, status)

    def take(self, now, x, status=0):
        """One reading of the envelope; answers ONSET and RELEASE added up, 0 as a rule."""
        dt = self._pass(now)
        done = self._fade_out(dt)
        if not usable(status):
            self._scan = -1
            return done
        self._relax(dt)
        if self._scan >= 0:
            if x > self._peak:
                self._peak = x
            self._scan -= dt
            if self._scan <= 0:
                self._scan = -1
                return done | self._struck(self._peak)
            return done
        if self._mask > 0:
            self._mask -= dt
            ring = x * self._p["retrigger"] >> 13  # ringing is no hit, but what follows is measured from it
            if ring > self._fading:
                self._fading = ring
            return done
        if x >= self._least():
            self._peak = x
            self._scan = self._p["scan"]
            if not self._scan:
                self._scan = -1
                return done | self._struck(x)
        return done

    def hit(self, now, hits, peak, status=0):
        """What the wire carries: the count of hits and the peak of the last, already a place."""
        dt = self._pass(now)
        done = self._fade_out(dt)
        if not usable(status):
            self._hits = -1
            return done
        new = self._hits >= 0 and hits != self._hits
        self._hits = hits
        self._relax(dt)
        if self._mask > 0:
            self._mask -= dt
        if new and self._mask <= 0 and peak >= self._least():
            done |= self._struck(peak)
        return done

    def _pass(self, now):
        dt = (now - self._now) & TIME_MASK
        self._now = now
        return 0 if dt > TIME_HALF else 250000 if dt > 250000 else dt

    def _least(self):
        least = self._p["threshold"]
        if self._fading > least:
            least = self._fading
        return least

    def _struck(self, peak):
        p = self._p
        self.strength = between(peak, p["threshold"], p["loudest"])
        self.level = REACH if peak > REACH else peak
        self._mask = p["mask"]
        self._fading = peak * p["retrigger"] >> 13
        self._fade = 0
        done = ONSET | RELEASE if self.sounding else ONSET
        self.sounding = True
        self._sound = p["sound"]
        return done

    def _relax(self, dt):
        # The fading threshold, by eighths of its time constant.
        if not self._fading:
            return
        self._fade += dt
        eighth = self._p["decay"] >> 3
        n = self._fade // eighth
        if n:
            self._fade -= n * eighth
            while n > 8 and self._fading:
                self._fading = self._fading * SHARE[8] >> 13
                n -= 8
            self._fading = self._fading * SHARE[n if n < 8 else 8] >> 13

    def _fade_out(self, dt):
        if not self.sounding:
            return 0
        self._sound -= dt
        if self._sound > 0:
            return 0
        self.sounding = False
        self.level = 0
        return RELEASE
