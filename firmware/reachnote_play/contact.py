# Switches: debounce, and the three times of switch access, off unless someone sets them (calibration page, 1.5 and 2.6).

from reachnote_play import ONSET, REACH, RELEASE, TIME_HALF, TIME_MASK, usable
from reachnote_play.parameters import SWITCH_TABLE, bounded, defaults


class Contact:
    """One switch. `take` a state polled often, or `step` what the wire carries: state, edge count, age of the last edge.

    `strength` is REACH for a switch that knows none. Starts unarmed, so a switch held at the start stays silent.
    """

    def __init__(self, parameters=None):
        p = defaults(SWITCH_TABLE)
        if parameters:
            for name in parameters:
                p[name] = bounded(name, parameters[name], SWITCH_TABLE)
        self._p = p
        self.sounding = False
        self.strength = REACH
        self.level = 0
        self.zone = -1
        self._now = -1
        self.age = 0
        self._edges = -1
        self._was = 0
        self._armed = False
        self._held = 0  # of a press that has not sounded yet
        self._quiet = 0  # debounce left
        self._refractory = 0

    def set(self, name, value):
        self._p[name] = bounded(name, value, SWITCH_TABLE)

    def get(self, name):
        return self._p[name]

    def let_go(self):
        done = RELEASE if self.sounding else 0
        self.sounding = self._armed = False
        self.level = 0
        return done

    def disarm(self):
        self._armed = False

    @property
    def armed(self):
        return self._armed

    def step(self, now, raw, status):
        """One value of the wire, debounced by the board. `age` is then how long ago what is answered happened."""
        dt = self._pass(now)
        if not usable(status):
            self._edges = -1
            return self.let_go()
        pressed = raw >> 20 & 1
        self.strength = (raw >> 21 & 7) * REACH // 7 or REACH
        edges = raw >> 12 & 255
        self.age = (raw & 4095) * 250
        new = (edges - self._edges) & 255 if self._edges >= 0 else 0
        if self._edges < 0 and pressed:
            self._armed = False
        was, self._was = self._was, pressed
        self._edges = edges
        done = 0
        if new > 1 or (new and pressed == was):  # a press, or a pause, was whole between two lines
            if self.sounding:
                done = self._released()
            elif pressed:
                self._armed = True  # it was open in between
            elif self._armed:
                if not self._p["accept"] and self._refractory <= 0:
                    done = self._pressed() | self._released()
        return done | self._state(dt, pressed)

    def take(self, now, pressed, status=0):
        """One state, contacts and all."""
        dt = self._pass(now)
        self.age = 0
        if not usable(status):
            return self.let_go()
        if self._quiet > 0:
            self._quiet -= dt
            if self._quiet > 0:
                return 0
        return self._state(dt, pressed)

    def _pass(self, now):
        dt = (now - self._now) & TIME_MASK
        self._now = now
        if dt > TIME_HALF:
            dt = 0
        if self._refractory > 0:
            self._refractory -= dt
        return dt

    def _state(self, dt, pressed):
        self.level = REACH if pressed else 0
        if self.sounding:
            return 0 if pressed else self._released()
        if not pressed:
            self._armed = True
            self._held = 0
            return 0
        if not self._armed or self._refractory > 0:
            return 0
        if self._p["accept"]:
            self._held = self._held + dt if self._held else 1 + self.age
            if self._held <= self._p["accept"]:
                return 0
        return self._pressed()

    def _pressed(self):
        self.sounding = True
        self.level = REACH
        self._quiet = self._p["debounce"]
        return ONSET

    def _released(self):
        self.sounding = False
        self.level = 0
        self._held = 0
        self._quiet = self._p["debounce"]
        self._refractory = self._p["refractory"]
        return RELEASE
