# A piezo disc as a pad, behind an analogue peak hold on an ADC input.
#
# A hit rings at some kHz and is over within 10 ms. The board looks once a ms and would see any part of it or none, so the
# peak is held outside, where it falls by 4 % a ms: so much too low is it read at most.
#
#   pad --- 4.7 kOhm ---+----|>|----+------+---- ADC    diodes: Schottky (BAT85)
#    |                  |           |      |
#   10 MOhm to 3V3   clamps to    22 nF  1 MOhm         2.7 V: 1 kOhm from 3V3, 4.7 kOhm and 47 uF to GND,
#   in its plug      GND, 2.7 V    GND    GND           so that no hit lifts the pin above 3.3 V (hardware/drum-pad)
#
# The 10 MOhm bring about 0.25 V (idle_v) to the ADC, past the diode's own threshold, so soft hits are not lost; and
# an unplugged pad reads 0 and can be named. Without them, with idle_v = 0, it reads as one that nobody hits.
#
# A hit is a rise by `threshold` above what the last one left; its peak is awaited for scan_ms, then it is counted and a
# line leaves at once; what follows within mask_ms is ringing. Which hits sound is the host's decision.

from reachnote_board.plausible import Watch, number, whole
from reachnote_board.sensors import REQUIRED, Sensor, since
from reachnote_wire import ABSENT, OK, impact_value

PER_VOLT = 4095 / 3.3
GONE_US = 1000000
CALM_US = 250000  # after a fault: plugging in is no hit
OLD_US = 128000  # above what the wire can tell of an age


class Driver(Sensor):
    OPTIONS = {
        "pin": (REQUIRED, "GPIO number of the ADC input"),
        "threshold": (60, "rise that is a hit, in steps of 4095 for 3.3 V, 8 to 4000"),
        "scan_ms": (3, "how long a peak is awaited, ms, 0 to 10"),
        "mask_ms": (30, "what follows a peak within this is ringing, ms, 5 to 250"),
        "idle_v": (0.25, "voltage where nobody hits, V, 0 to 1; below half of it the pad is unplugged; 0: cannot tell"),
        "reach": (3000, "peak of a full hit, in steps of 4095 for 3.3 V, 50 to 4095"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        pin = whole(self, "pin", 0, 99)
        self._adc = hardware.adc(pin)
        self._threshold = whole(self, "threshold", 8, 4000)
        self._scan_us = whole(self, "scan_ms", 0, 10) * 1000
        self._ring_us = whole(self, "mask_ms", 5, 250) * 1000
        self._least = round(number(self, "idle_v", 0, 1) * PER_VOLT / 2)
        self._reach = whole(self, "reach", 50, 4095)
        self._watch = Watch("top")
        self._sum = 0
        self._taken = -(pin & 3)  # several pads look after themselves in different ticks
        self._gone = False
        self._live_at = -1
        self._low = 0  # what a rise is measured from
        self._scanning = False
        self._begun = 0
        self._top = 0
        self._top_at = 0
        self._masked = False
        self._masked_at = 0
        self._mask_us = 0
        self._hits = 0
        self._peak = 0
        self._peak_at = 0
        self._old = True  # the hit is further back than the wire can tell

    def describe(self):
        return {
            "kind": "impact",
            "unit": "V",
            "per_unit": PER_VOLT,
            "min": 0,
            "max": 4095,
            "rest": 0,
            "reach": self._reach,
            "rate_hz": 1000,
        }

    def step(self, now):
        raw = self._adc.read_u16()
        self._taken += 1
        self._sum = raw if self._taken == 1 else self._sum + raw
        if self._taken == 4:
            self._taken = 0
            self._look(self._sum >> 2, now)
        raw >>= 4
        if self._scanning:
            self._scan(raw, now)
        elif self._masked:
            self._low = raw
            if since(now, self._masked_at) >= self._mask_us:
                self._masked = False
        elif raw < self._low:
            self._low = raw
        elif raw - self._low >= self._threshold and self.status == OK:
            self._scanning = True
            self._begun = now
            self._top = 0
            self._scan(raw, now)
        if not self._old and since(now, self._peak_at) >= OLD_US:
            self._old = True

    def report(self, now):
        self.value = impact_value(self._hits, self._peak, OLD_US if self._old else since(now, self._peak_at))

    def _scan(self, raw, now):
        if raw > self._top:
            self._top = raw
            self._top_at = now
        if since(now, self._begun) >= self._scan_us:
            self._scanning = False
            self._hits = self._hits + 1 & 15
            self._peak = self._top - self._low
            self._peak_at = self._top_at
            self._old = False
            self.edge = True
            self._mask(self._ring_us, now)

    def _mask(self, us, now):
        self._masked = True
        self._masked_at = now
        self._mask_us = us

    def _look(self, raw, now):
        """Every 4 ms: is the input alive, and where does it rest?"""
        if self._live_at < 0:
            self._live_at = now
        state = self._watch.judge(raw, now)
        raw >>= 4
        if raw >= self._least:
            self._live_at = now
            self._gone = False
        elif self._gone or since(now, self._live_at) >= GONE_US:
            self._gone = True
            self._live_at = now
        if state == OK and self._gone:
            state = ABSENT
        if state != self.status:
            self.status = state
            self._scanning = False
            self._mask(CALM_US, now)
        above = raw - self._low
        if above > 0 and not self._scanning:
            self._low += above + 31 >> 5
