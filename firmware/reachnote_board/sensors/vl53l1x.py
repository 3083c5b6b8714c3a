# ST VL53L1X time-of-flight distance on I2C, in short mode (to 1.3 m, insensitive to ambient light).
#
# Facts: ST data sheet DS12385 (boot 1.2 ms, I2C with 16-bit register addresses) and user manual UM2510 of the
# ultra lite driver (configuration block 0x2D..0x87, modes, timing budgets, range status). Raw range status: 9 valid,
# 6 sigma, 4 weak signal, 8 clipped at the near end, 19 no wrap check; 5 and 7 phase or wrap-around; 1..3 hardware.
#
# Starting it is a walk, one short transfer a tick; a lost sensor walks again, four times a second. The same
# distance many times over is no fault here: a near, bright target has no visible noise.
# Transfers are plain writes from buffers made once: writeto_mem makes a buffer on the heap on some ports.

from binascii import unhexlify

from reachnote_board.plausible import choice, whole
from reachnote_board.sensors import Sensor, since
from reachnote_wire import ABSENT, FAULT, NO_TARGET, OK, STUCK, WEAK

# Registers 0x2D to 0x87, seven rows of 13, with short mode's values in 0x4B, 0x60, 0x63, 0x69 and 0x78 to 0x7B.
BLOCK_AT = 0x2D
BLOCK = (
    "00000001020002080008100101"
    "00000000ff000f000000000020"
    "0b000002142100000500000000"
    "c8000038ff010008000001cc07"
    "01f10501680080083800000000"
    "0f890000000000000001070506"
    "06000002c7ff9b000000010000"
)
ROW = 13
# Timing budget in ms: range timeouts A (0x5E) and B (0x61) of short mode.
TIMEOUTS = {15: "001d0027", 20: "0051006e", 33: "00d6006e", 50: "01ae01e8"}

BOOTED = b"\x00\xe5"
MODEL = b"\x01\x0f"  # 0xEA, 0xCC
READY = b"\x00\x31"
CLOCK = b"\x00\xde"
RESULT = b"\x00\x89"  # to 0x99: status, ..., 0x96 mm, 0x98 signal rate
STOP = b"\x00\x87\x00"
START = b"\x00\x87\x40"
CLEAR = b"\x00\x86\x01"
TWO_BOUNDS = b"\x00\x08\x09"  # temperature calibration: two bounds,
KEEP_LAST = b"\x00\x0b\x00"  # begun from the last one

SIGNAL_LOW = 32  # 0.25 Mcps in 9.7 bits: less than that comes back from nothing at all
RETRY_US = 250000
SOON_US = 10000
SILENT_US = 500000


class Driver(Sensor):
    OPTIONS = {
        "bus": ("i2c0", "I2C bus of the wiring"),
        "address": (0x29, "I2C address, 8 to 119"),
        "budget_ms": (20, "time of one measurement, ms: 15, 20, 33 or 50; longer is steadier"),
        "rest_mm": (500, "distance where nobody plays, mm, 40 to 1300"),
        "reach_mm": (60, "distance of a full reach, mm, 0 to 1300, not rest_mm"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._i2c = hardware.i2c(self.option("bus"))
        self._address = whole(self, "address", 8, 119)
        self._budget_ms = choice(self, "budget_ms", (15, 20, 33, 50))
        self._rest = whole(self, "rest_mm", 40, 1300)
        self._reach = whole(self, "reach_mm", 0, 1300)
        if self._rest == self._reach:
            raise ValueError("sensor '%s': rest_mm and reach_mm are the same" % self.name)
        self._period = bytearray(b"\x00\x6c\x00\x00\x00\x00")
        self._two = bytearray(2)
        self._result = bytearray(17)
        rows = self._rows()
        self._walk = [BOOTED, MODEL, STOP] + rows + [START, READY, CLEAR, STOP, TWO_BOUNDS, KEEP_LAST, CLOCK]
        self._walk += [self._period, START]
        self._at = 0  # place in the walk; past its end: measuring
        self._fresh = 0  # 0 waiting for a measurement, 1 one to fetch, 2 one to clear
        self._failed = False
        self._heard_at = -1  # last progress
        self._waited_at = 0
        self._wait_us = 0

    def _rows(self):
        block = bytearray(unhexlify(BLOCK))
        timeouts = unhexlify(TIMEOUTS[self._budget_ms])
        block[0x5E - BLOCK_AT : 0x60 - BLOCK_AT] = timeouts[:2]
        block[0x61 - BLOCK_AT : 0x63 - BLOCK_AT] = timeouts[2:]
        return [bytes([0, BLOCK_AT + n]) + bytes(block[n : n + ROW]) for n in range(0, len(block), ROW)]

    def describe(self):
        return {
            "kind": "distance",
            "unit": "mm",
            "per_unit": 1,
            "min": 0,
            "max": 1360,
            "rest": self._rest,
            "reach": self._reach,
            "rate_hz": 1000 // self._budget_ms,
        }

    def step(self, now):
        if self._heard_at < 0:
            self._heard_at = self._waited_at = now
        if since(now, self._waited_at) < self._wait_us:
            return
        self._wait_us = 0
        try:
            if self._at < len(self._walk):
                self._take_step(now)
            elif self._fresh == 0:
                self._look(now)
            elif self._fresh == 1:
                self._read(RESULT, self._result)
                self._fresh = 2
                self._judge()
            else:
                self._i2c.writeto(self._address, CLEAR)
                self._fresh = 0
                self._wait(now, self._budget_ms * 1000 - 4000)
        except OSError:
            self._miss(now)
            return
        if since(now, self._heard_at) > SILENT_US:
            self.status = STUCK
            self._again(now)

    def _read(self, register, into):
        self._i2c.writeto(self._address, register, False)
        self._i2c.readfrom_into(self._address, into)

    def _wait(self, now, us):
        self._waited_at = now
        self._wait_us = us

    def _take_step(self, now):
        what = self._walk[self._at]
        if len(what) > 2:
            self._i2c.writeto(self._address, what)
        else:
            self._read(what, self._two)
            if not self._goes_on(what, now):
                return
        self._at += 1
        self._fresh = 0

    def _goes_on(self, what, now):
        two = self._two
        if what is BOOTED or what is READY:
            return two[0] & 1
        if what is MODEL and (two[0] != 0xEA or two[1] != 0xCC):
            if self.status != FAULT:
                self.status = FAULT
                self.trouble = "what answers at this address is no VL53L1X"
            self._again(now)
            return False
        if what is CLOCK:
            # UM2510: the period counts ticks of the calibrated oscillator, 10 bits, with 7.5 % in hand.
            ticks = ((two[0] & 3) << 8 | two[1]) * self._budget_ms * 1075 // 1000
            self._period[3] = ticks >> 16
            self._period[4] = ticks >> 8 & 255
            self._period[5] = ticks & 255
            self._heard_at = now
        return True

    def _look(self, now):
        self._read(READY, self._two)
        if self._two[0] & 1:
            self._fresh = 1
            self._failed = False
            self._heard_at = now

    def _judge(self):
        result = self._result
        raw = result[0] & 31
        signal = result[15] << 8 | result[16]
        if raw == 9:
            self.status = OK
        elif raw == 6 or raw == 8 or raw == 19 or (raw == 4 and signal >= SIGNAL_LOW):
            self.status = WEAK
        elif 1 <= raw <= 3:
            if self.status != FAULT:
                self.status = FAULT
                self.trouble = "the distance sensor reports a fault of its own light source: replace it"
            return
        else:
            self.status = NO_TARGET
            return
        mm = result[13] << 8 | result[14]
        self.value = 0 if mm > 32767 else mm  # a hand on the glass can measure a little below zero

    def _miss(self, now):
        # One miss may be a spark; a second one names it.
        if self._failed:
            self.status = ABSENT
        self._again(now)
        if not self._failed:
            self._failed = True
            self._wait_us = SOON_US

    def _again(self, now):
        self._at = 0
        self._fresh = 0
        self._heard_at = now
        self._wait(now, RETRY_US)
