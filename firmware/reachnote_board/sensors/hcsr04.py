# HC-SR04 ultrasound distance: a pulse on the trigger pin, then an echo pulse as long as the sound was under way.
#
# Facts: HC-SR04 data sheet (trigger at least 10 us; 60 ms between measurements; 20 to 4000 mm; without an echo the
# pulse ends by itself after about 38 ms, on some makes after 200 ms). 343 m/s, there and back: mm = us * 343 / 2000.
# The echo pin of a 5 V module needs a divider.
#
# The trigger goes up in one tick and down in the next. Edges are timed by interrupt; every value is sent as it is,
# for a median is the host's decision. Two of them must not hear each other: the same period, different phases.

from reachnote_board.plausible import later, whole
from reachnote_board.sensors import REQUIRED, Sensor, since
from reachnote_wire import ABSENT, NO_TARGET, OK, STUCK, WEAK

TIMEOUT_US = 35000
NEAREST, FARTHEST = 20, 4000
MISSED = 5  # measurements without any echo pulse
TURN_US = 5000  # so late after its turn a sensor waits for the next
LONGEST_US = 1000000  # the echo pin is never high for so long

RESTING, PULSE, LISTENING = 0, 1, 2


class Driver(Sensor):
    OPTIONS = {
        "trigger": (REQUIRED, "GPIO number of the trigger pin"),
        "echo": (REQUIRED, "GPIO number of the echo pin, behind its divider"),
        "period_ms": (60, "time from one measurement to the next, ms, 60 to 1000"),
        "phase_ms": (0, "delay of the first measurement, ms, 0 to 1000"),
        "rest_mm": (500, "distance where nobody plays, mm, 20 to 4000"),
        "reach_mm": (60, "distance of a full reach, mm, 20 to 4000, not rest_mm"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._clock = hardware.clock
        self._trigger = hardware.pin_out(whole(self, "trigger", 0, 99))
        self._echo = hardware.pin_in(whole(self, "echo", 0, 99), pull_up=False)
        self._period_us = whole(self, "period_ms", 60, 1000) * 1000
        self._phase_us = whole(self, "phase_ms", 0, 1000) * 1000
        self._rest = whole(self, "rest_mm", NEAREST, FARTHEST)
        self._reach = whole(self, "reach_mm", NEAREST, FARTHEST)
        if self._rest == self._reach:
            raise ValueError("sensor '%s': rest_mm and reach_mm are the same" % self.name)
        self._phase = RESTING
        self._at = -1  # when the last measurement began
        self._wait_us = self._phase_us
        self._high_at = 0
        self._missed = 0
        self._rise = 0
        self._fall = 0
        self._seen = 0  # bit 0: the echo began, bit 1: it ended
        hardware.on_edges(self._echo, self._on_edge)

    def describe(self):
        return {
            "kind": "distance",
            "unit": "mm",
            "per_unit": 1,
            "min": NEAREST,
            "max": FARTHEST,
            "rest": self._rest,
            "reach": self._reach,
            "rate_hz": 1000000 // self._period_us,
        }

    def _on_edge(self, pin):
        # In an interrupt: nothing from the heap.
        if pin.value():
            self._rise = self._clock()
            self._seen |= 1
        elif self._seen & 1:
            self._fall = self._clock()
            self._seen |= 2

    def step(self, now):
        if self._at < 0:
            self._at = self._high_at = now
        if self._phase == PULSE:
            self._trigger.value(0)
            self._phase = LISTENING
            return
        high = self._echo.value()
        if not high:
            self._high_at = now
        if self._phase == LISTENING and self._seen == 3:
            self._phase = RESTING
            self._missed = 0
            self._judge(since(self._fall, self._rise))
        if since(now, self._at) >= self._wait_us:
            self._next(now, high)

    def _next(self, now, high):
        if high:
            self._wait_for_silence(now)
            return
        if self._phase == LISTENING:
            self._missed += 1
            if self._missed >= MISSED:
                self._missed = MISSED
                self.status = ABSENT
        late = since(now, self._at) - self._wait_us
        self._at = later(self._at, self._wait_us)
        self._wait_us = self._period_us
        self._seen = 0
        if late > TURN_US:  # its turn is over: two sensors that take turns must never listen at once
            self._phase = RESTING
            return
        self._trigger.value(1)
        self._phase = PULSE

    def _wait_for_silence(self, now):
        # Still listening after the whole period: nothing came back, and the next pulse has to wait.
        if since(now, self._high_at) >= LONGEST_US:
            self._high_at = self._at = now
            self.status = STUCK
        elif self.status != STUCK:
            self.status = NO_TARGET

    def _judge(self, us):
        if us >= TIMEOUT_US:
            self.status = NO_TARGET
            return
        mm = us * 343 // 2000
        if mm > FARTHEST:
            self.status = NO_TARGET
        elif mm < NEAREST:
            self.status = WEAK
            self.value = NEAREST
        else:
            self.status = OK
            self.value = mm
