# Honeywell MPRLS0025PA00001A: absolute pressure, 0 to 25 psi, on I2C. For sip and puff and air bulbs.
#
# Facts: Honeywell data sheet 32332628 "MicroPressure MPR Series", I2C chapter: command AA 00 00 starts a
# measurement, at least 5 ms later 4 bytes hold status and 24-bit counts; status bit 6 powered, 5 busy, 2 memory
# integrity failed, 0 math saturation, the others always 0; transfer function A, 10 % to 90 % of 2**24 counts
# for 0 to 25 psi: pressure = (counts - 0x19999A) * 25 psi / (0xE66666 - 0x19999A).
#
# rest depends on the weather and the altitude ("floats"): the host takes it from the first half second.

from reachnote_board.plausible import whole
from reachnote_board.sensors import Sensor, since
from reachnote_wire import ABSENT, FAULT, OK, SATURATED, STUCK

LOWEST, HIGHEST = 0x19999A, 0xE66666
FULL_PA = 172369  # 25 psi
# Pa a count, times 2**24. Both products below stay under 2**30.
FACTOR = 215461
CONVERSION_US = 5000
BUSY_US = 30000  # busy for longer is no conversion
RETRY_US = 250000
SOON_US = 10000
STUCK_US = 1500000

POWERED, BUSY, INTEGRITY, SATURATION, NEVER = 0x40, 0x20, 0x04, 0x01, 0x9A


class Driver(Sensor):
    OPTIONS = {
        "bus": ("i2c0", "I2C bus of the wiring"),
        "address": (0x18, "I2C address, 8 to 119"),
        "reach_pa": (4000, "full reach above rest, Pa; negative for a sip; -60000 to 60000"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._i2c = hardware.i2c(self.option("bus"))
        self._address = whole(self, "address", 8, 119)
        self._reach = whole(self, "reach_pa", -60000, 60000)
        if self._reach == 0:
            raise ValueError("sensor '%s': reach_pa is 0, it must be above or below rest" % self.name)
        self._command = b"\xaa\x00\x00"
        self._answer = bytearray(4)
        self._measuring = False
        self._failed = 0
        self._wait_us = 0
        self._at = -1
        self._counts = -1
        self._moved_at = 0
        self._stuck = False

    def describe(self):
        return {
            "kind": "pressure",
            "unit": "Pa",
            "per_unit": 1,
            "min": 0,
            "max": FULL_PA,
            "rest": 101325,
            "reach": 101325 + self._reach,
            "rate_hz": 150,
            "floats": True,
        }

    def step(self, now):
        if self._at < 0:
            self._at = now
        waited = since(now, self._at)
        if waited < self._wait_us:
            return
        try:
            if self._measuring:
                self._i2c.readfrom_into(self._address, self._answer)
                self._hear(now, waited)
            else:
                self._i2c.writeto(self._address, self._command)
                self._measuring = True
                self._at = now
                self._wait_us = CONVERSION_US
        except OSError:
            self._miss(now)

    def _hear(self, now, waited):
        state = self._answer[0]
        if state & NEVER or not state & POWERED:
            self._miss(now)
            return
        if state & BUSY:
            if waited > BUSY_US:
                self._miss(now)
            return
        self._measuring = False
        self._failed = 0
        self._at = now
        self._wait_us = 0
        if state & INTEGRITY:
            if self.status != FAULT:
                self.status = FAULT
                self.trouble = "the pressure sensor's memory is damaged: replace it"
            self._wait_us = RETRY_US
            return
        self._take(state, now)

    def _take(self, state, now):
        answer = self._answer
        counts = answer[1] << 16 | answer[2] << 8 | answer[3]
        if counts != self._counts or self.status == ABSENT:
            self._counts = counts
            self._moved_at = now
            self._stuck = False
        elif not self._stuck and since(now, self._moved_at) >= STUCK_US:
            self._stuck = True
        self.value = pascal(counts)
        if state & SATURATION or not LOWEST <= counts <= HIGHEST:
            self.status = SATURATED
        else:
            self.status = STUCK if self._stuck else OK

    def _miss(self, now):
        # One miss may be a spark; a second one names it.
        self._measuring = False
        self._at = now
        self._wait_us = RETRY_US if self._failed else SOON_US
        if self._failed:
            self.status = ABSENT
        self._failed = 1


def pascal(counts):
    above = counts - LOWEST
    pa = ((above >> 12) * FACTOR + ((above & 4095) * FACTOR >> 12) + 2048) >> 12
    return 0 if pa < 0 else pa
