# A switch between a pin and ground, looked at every tick; the pin is pulled up, so closed reads 0.
#
# The first edge is reported at once. What follows within debounce_ms is bounce; if the contact is elsewhere when
# that time is over, it moved for good, at the moment it was last seen to change.
#
# Pressed since power-on means nobody pressed it: it stays silent, and after 2 s it is named, SHORTED (or, where
# "closed" was declared, ABSENT: unplugged). A shorted one that opens is a normally-closed switch and is turned
# round from then on. If it stays open for 10 s it was merely held at power-on, and it is turned back: so a
# normally-closed switch that is to be held for longer needs `contact = "closed"`.

from reachnote_board.plausible import choice, whole
from reachnote_board.sensors import REQUIRED, Sensor, since
from reachnote_wire import ABSENT, CLOSED_CONTACT, OK, SHORTED, switch_value

NAMED_US = 2000000
HELD_US = 10000000
OLD_US = 1100000  # above what the wire can tell of an age

NEW, SILENT, NAMED, PLAYING = 0, 1, 2, 3


class Driver(Sensor):
    OPTIONS = {
        "pin": (REQUIRED, "GPIO number of the switch's contact, the other contact goes to ground"),
        "debounce_ms": (20, "how long a contact may bounce, ms, 0 to 100"),
        "contact": ("open", '"open": closes when pressed; "closed": opens when pressed'),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._pin = hardware.pin_in(whole(self, "pin", 0, 99))
        self._debounce_us = whole(self, "debounce_ms", 0, 100) * 1000
        self._declared = choice(self, "contact", ("open", "closed")) == "closed"
        self._turned = self._declared
        self._phase = NEW
        self._closed = 0  # the contact as last seen
        self._pressed = 0  # as accepted
        self._edges = 0
        self._changed_at = 0  # when the contact was last seen to change
        self._edge_at = 0  # when the accepted state began
        self._old = True  # the edge is further back than the wire can tell
        self._quiet_at = 0
        self._quiet = False  # within the time of bounce
        self._held = False  # turned round by what was seen, and pressed since _held_at
        self._held_at = 0
        if self._declared:
            self.status = CLOSED_CONTACT

    def describe(self):
        return {"kind": "switch", "unit": "", "per_unit": 1, "min": 0, "max": 1, "rest": 0, "reach": 1, "rate_hz": 1000}

    def step(self, now):
        closed = 1 - self._pin.value()
        pressed = closed ^ 1 if self._turned else closed
        if self._phase == PLAYING:
            if closed != self._closed:
                self._closed = closed
                self._changed_at = now
            self._play(pressed, now)
            return
        if self._phase == NEW:
            self._closed = closed
            self._changed_at = now
            if pressed:
                self._phase = SILENT
                return
        if not pressed:
            self._begin(closed, now)
        elif self._phase == SILENT and since(now, self._changed_at) >= NAMED_US:
            self._phase = NAMED
            self.status = ABSENT if self._declared else SHORTED

    def report(self, now):
        age = OLD_US if self._old else since(now, self._edge_at)
        self.value = switch_value(self._pressed, self._edges, age)

    def _begin(self, closed, now):
        # At rest for the first time; bounce of the way there must not sound.
        named = self._phase == NAMED
        late = self._phase != NEW
        self._phase = PLAYING
        self._closed = closed
        self._changed_at = now
        self.status = CLOSED_CONTACT if self._declared else OK
        if named and not self._declared:
            self._turned = True
            self.status = CLOSED_CONTACT
            self._accept(1, now, now)
        elif late:
            self._quiet = True
            self._quiet_at = now

    def _play(self, pressed, now):
        if self._quiet and since(now, self._quiet_at) >= self._debounce_us:
            self._quiet = False
        if not self._old and since(now, self._edge_at) > OLD_US:
            self._old = True
        if pressed != self._pressed and not self._quiet:
            self._accept(pressed, self._changed_at, now)
        elif self._held and since(now, self._held_at) > HELD_US:
            self._turned = False
            self.status = OK
            self._accept(0, now, now)

    def _accept(self, pressed, at, now):
        self._pressed = pressed
        self._edges = self._edges + 1 & 255
        self._edge_at = at
        self._old = False
        self._quiet = self._debounce_us > 0
        self._quiet_at = now
        self._held = self._turned and not self._declared and pressed == 1
        self._held_at = now
        self.edge = True
