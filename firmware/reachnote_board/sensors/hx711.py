# Avia HX711: a load cell's bridge, 24 bits, over a clock and a data line.
#
# Facts: HX711 data sheet. Data low: a conversion waits; 24 clocks shift it out, most significant bit first, two's
# complement, ends 0x800000 and 0x7FFFFF; one to three more choose input and gain of the next and put data high. A
# clock high for 60 us switches it off, low again starts it anew on channel A, 128; four conversions to settle then.
# Full scale is +-0.5 V / gain of a 1 V supply. RATE at the supply: 80 a second; at ground, as most boards come, 10.
#
# A read is two halves in two ticks, for 27 clocks at once take 0.7 ms of an RP2040. A half takes as long as any other one;
# where it took longer, an interrupt may have held the clock high: the conversion is thrown away, and where a long gap
# follows (it did start anew), those that come before it has settled too.
#
# The raw value is the conversion + 2**23. Where it rests depends on cell and mounting ("floats").

from reachnote_board.plausible import choice, number, whole
from reachnote_board.sensors import REQUIRED, Sensor, since
from reachnote_wire import ABSENT, OK, SATURATED, STUCK, WEAK

MIDDLE = 0x800000
CLOCKS = {128: 25, 32: 26, 64: 27}
LATE_US = 35  # with the 10 us that a clock is high anyway: well below 60
LONG_US = 40000  # a gap at 80 Hz in which it was started anew; the usual one at 10 Hz
LONGER_US = 250000
SETTLES = 4
SLOW = 4  # long gaps in a row
SILENT_US = 1000000
STUCK_US = 1500000
REST_US = 5000


class Driver(Sensor):
    OPTIONS = {
        "clock": (REQUIRED, "GPIO number of PD_SCK"),
        "data": (REQUIRED, "GPIO number of DOUT"),
        "gain": (128, "128 or 64 on channel A, 32 on channel B"),
        "rated_n": (49, "rated load of the cell, N, 0.1 to 20000"),
        "mv_per_v": (1, "output at the rated load, mV for each V of supply, 0.1 to 10"),
        "reach_n": (10, "force of a full reach above rest, N; negative for a pull; -20000 to 20000"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._now = hardware.clock
        self._clock = hardware.pin_out(whole(self, "clock", 0, 99)).value
        self._data = hardware.pin_in(whole(self, "data", 0, 99)).value
        gain = choice(self, "gain", (128, 64, 32))
        self._clocks = CLOCKS[gain]
        share = number(self, "mv_per_v", 0.1, 10) / number(self, "rated_n", 0.1, 20000)
        self._per_unit = share * gain * MIDDLE / 500
        self._reach = round(number(self, "reach_n", -20000, 20000) * self._per_unit)
        if not 0 < abs(self._reach) < MIDDLE:
            raise ValueError("sensor '%s': reach_n is 0 or beyond what gain %d can tell" % (self.name, gain))
        self._rest_us = 0
        self._looked_at = -1
        self._heard_at = 0  # the last sound read
        self._ready_at = 0
        self._half = 0
        self._raw = 0
        self._held = False  # an interrupt may have held the clock
        self._shortest = [1 << 20, 1 << 20]
        self._long = 0  # long gaps in a row
        self._skip = SETTLES
        self._last = -1
        self._moved_at = 0
        self._stuck = False

    def describe(self):
        return {
            "kind": "force",
            "unit": "N",
            "per_unit": self._per_unit,
            "min": 0,
            "max": 0xFFFFFF,
            "rest": MIDDLE,
            "reach": MIDDLE + self._reach,
            "rate_hz": 80,
            "floats": True,
        }

    def step(self, now):
        if self._looked_at < 0:
            self._looked_at = self._heard_at = self._ready_at = now
        if self._half:
            if since(now, self._looked_at) > REST_US:  # the next conversion may have come in between
                self._held = True
            self._shift(self._clocks - 12)
            if not self._held and self._data():
                self._heard_at = now
                self._take(self._raw >> self._clocks - 24, now)
            return
        if since(now, self._looked_at) < self._rest_us:
            return
        waiting = self._data()
        if since(now, self._heard_at) >= SILENT_US:
            self._lose(now, waiting)
        self._looked_at = now
        if waiting:
            self._rest_us = 0
            return
        self._rest_us = REST_US
        self._raw = 0
        self._held = False
        self._shift(12)

    def _shift(self, clocks):
        clock = self._clock
        data = self._data
        raw = self._raw
        begin = self._now()
        for _ in range(clocks):
            clock(1)
            raw = raw << 1 | data()
            clock(0)
        took = since(self._now(), begin)
        self._raw = raw
        half = self._half
        self._half = 1 - half
        if took < self._shortest[half]:
            self._shortest[half] = took
        elif took > self._shortest[half] + LATE_US:
            self._held = True

    def _take(self, raw, now):
        gap = since(now, self._ready_at)
        self._ready_at = now
        if not 0 <= gap <= LONG_US:
            if self._long < SLOW or not 0 <= gap <= LONGER_US:
                self._skip = SETTLES
            if self._long < SLOW:
                self._long += 1
                if self._long == SLOW:
                    self._skip = 0
                    self.trouble = "the force sensor measures 10 times a second: connect RATE to its supply for 80"
        else:
            self._long = 0
        if self._skip:
            self._skip -= 1
            return
        if raw != self._last:
            self._last = raw
            self._moved_at = now
            self._stuck = False
        elif not self._stuck and since(now, self._moved_at) >= STUCK_US:
            self._stuck = True
        self.value = raw ^ MIDDLE
        if raw == MIDDLE or raw == MIDDLE - 1:
            self.status = SATURATED
        else:
            self.status = STUCK if self._stuck else WEAK if self._long == SLOW else OK

    def _lose(self, now, waiting):
        # Data high for a second: nothing there. Low for a second: the clock does not reach it.
        self._heard_at = self._ready_at = self._moved_at = now
        self._skip = SETTLES
        self._last = -1
        self.status = ABSENT if waiting else STUCK
