# Sharp GP2Y0A21YK0F, GP2Y0A02YK0F, GP2Y0A41SK0F: infrared distance as a voltage.
#
# Facts: Sharp's data sheets (measuring range; a new voltage each 38.3 ms +- 9.6 ms, GP2Y0A41 16.5 ms +- 3.7 ms; output
# against distance, output against the inverse of distance). In between, distance = A / (V - V0) - K: fitted to the
# figures' points within 2 % (GP2Y0A21), 6 % (GP2Y0A02), 3 % (GP2Y0A41); parts differ from each other by more.
#
# Nearer than its range the voltage falls again, and a hand at 30 mm looks like one at 150. So what is nearer than the
# range is SATURATED, and so is all that follows until it was half as far again for four measurements. A hand that rests on
# the lens is taken for a far one all the same: mount the sensor as deep behind a grille as its range begins.
#
# The module wants 5 V and 10 uF beside it; 100 kOhm from its output to ground makes an unplugged one read 0, ABSENT.

from reachnote_board.plausible import LOW, Watch, choice, whole
from reachnote_board.sensors import REQUIRED, Sensor, since
from reachnote_wire import ABSENT, NO_TARGET, OK, SATURATED

# Part: A (V mm), V0 (V), K (mm), range (mm; that of the GP2Y0A02 begins where its curve is steep enough), period (us),
# rest and reach (mm) where none is told.
PARTS = {
    "GP2Y0A21": (287, 0.06, 29, 100, 800, 38000, 500, 150),
    "GP2Y0A02": (702, 0.0, 69, 220, 1500, 38000, 900, 330),
    "GP2Y0A41": (145, -0.035, 12, 40, 300, 16000, 200, 60),
}
PER_VOLT = 65535 / 3.3
BLOCK = 8  # readings, a ms each
STEP = 1024  # 50 mV: the module has a new voltage
CLEAR = 4  # measurements
GONE_US = 1000000


class Driver(Sensor):
    OPTIONS = {
        "pin": (REQUIRED, "GPIO number of the ADC input"),
        "part": ("GP2Y0A21", 'the part: "GP2Y0A21" (100 to 800 mm), "GP2Y0A02" (220 to 1500), "GP2Y0A41" (40 to 300)'),
        "rest_mm": (None, "distance where nobody plays, mm, within the part's range; untold 500, 900, 200"),
        "reach_mm": (None, "distance of a full reach, mm, within it, not rest_mm; untold 150, 330, 60"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._adc = hardware.adc(whole(self, "pin", 0, 99))
        volt_mm, zero, self._lens, self._nearest, self._farthest, self._period_us, rest, reach = PARTS[
            choice(self, "part", tuple(PARTS))
        ]
        self._volt_mm = round(volt_mm * PER_VOLT)
        self._zero = round(zero * PER_VOLT)
        self._empty = self._farthest + (self._farthest >> 3)  # beyond this there is nothing
        self._rest = self._within("rest_mm", rest)
        self._reach = self._within("reach_mm", reach)
        if self._rest == self._reach:
            raise ValueError("sensor '%s': rest_mm and reach_mm are the same" % self.name)
        self._watch = Watch("none")
        self._sum = 0
        self._taken = 0
        self._shown = -STEP  # the last one told
        self._shown_at = -1
        self._live_at = 0
        self._gone = False
        self._near = False  # it was nearer than its range, and not clearly out of there since
        self._near_at = 0

    def _within(self, key, untold):
        return untold if self.option(key) is None else whole(self, key, self._nearest, self._farthest)

    def describe(self):
        return {
            "kind": "distance",
            "unit": "mm",
            "per_unit": 1,
            "min": self._nearest,
            "max": self._farthest,
            "rest": self._rest,
            "reach": self._reach,
            "rate_hz": 1000000 // self._period_us,
        }

    def step(self, now):
        self._sum += self._adc.read_u16()
        self._taken += 1
        if self._taken == BLOCK:
            raw = self._sum >> 3
            self._sum = 0
            self._taken = 0
            self._look(raw, now)

    def _look(self, raw, now):
        if self._shown_at < 0:
            self._shown_at = self._live_at = now
        judged = self._watch.judge(raw, now)
        if raw > LOW:
            self._live_at = now
            self._gone = False
        elif self._gone or since(now, self._live_at) >= GONE_US:
            self._gone = True
            self._live_at = now
        mm = self._distance(raw)
        if mm < self._nearest:
            self._near = True
            self._near_at = now
        elif self._near:
            if mm * 2 < self._nearest * 3:
                self._near_at = now
            elif since(now, self._near_at) >= CLEAR * self._period_us:
                self._near = False
        if judged != OK or self._gone:
            self.status = judged if judged != OK else ABSENT
        elif self._near:
            self.status = SATURATED
            self.value = self._nearest
        elif mm > self._empty:
            self.status = NO_TARGET
        elif self.status != OK or abs(raw - self._shown) > STEP or since(now, self._shown_at) >= self._period_us:
            # The line tells a value once a period: noise in between is nothing new.
            self._shown = raw
            self._shown_at = now
            self.status = OK
            self.value = min(mm, self._farthest)

    def _distance(self, raw):
        above = raw - self._zero
        if above * (self._empty + self._lens + 1) <= self._volt_mm:
            return self._empty + 1
        return self._volt_mm // above - self._lens
