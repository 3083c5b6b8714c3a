# ST VL53L0X time-of-flight distance on I2C, measuring back to back, to 1.2 m (2 m on a white wall in the dark).
#
# Facts: ST data sheet DS11555 (boot 1.2 ms; 8-bit register addresses that count up; 0xC0 and 0xC1 read 0xEE, 0xAA) and
# user manual UM2039 of ST's library: reset, reference SPADs, tuning values, two reference calibrations, timing budget.
# Raw range status, bits 6 to 3 of 0x14: 11 valid, 7 sigma, 4 weak signal, 8 and 10 too near; 6 and 9 phase or
# wrap-around; 1..3 hardware. Without a target it says 8190 mm.
#
# Starting it is a walk of pairs, register and value, one short transfer a tick, 0.2 s in all; registers from 0xF0 to
# 0xFD do not exist and stand for what is no plain write. A lost sensor walks again, four times a second.

from binascii import unhexlify

from reachnote_board.plausible import choice, whole
from reachnote_board.sensors import Sensor, since
from reachnote_wire import ABSENT, FAULT, NO_TARGET, OK, STUCK, WEAK

READ = 0xF0  # the register told into _kept
SET = 0xF1  # write it back with these bits set
CLEAR = 0xF2  # with these bits cleared
UNTIL = 0xF3  # wait until the register told is not 0
MODEL = 0xF4  # wait for the boot, look whether it is a VL53L0X
PAUSE = 0xF5  # ms
STOP_READ, STOP_WRITTEN = 0xF6, 0xF7  # a value of the chip's own that lets it start
SPADS = 0xF8  # _kept is how many reference SPADs it wants
MAP_READ, MAP_CHOSEN, MAP_WRITTEN = 0xF9, 0xFA, 0xFB  # which are good; which of a byte are used
BUDGET = 0xFC
CHECK = 0xFD  # is what was set first still set? Otherwise its supply dipped on the way: once more

WALK = unhexlify(
    "ff008000bf00bf01f502f400"  # whatever it was at: page 0, reset, boot
    "f089f101"  # bus of 2.8 V, as on every breakout
    "88008001ff010000f091f6000001ff008000"
    "01ff"
    "8001ff010000ff06f083f104ff0781018001946b8300f3838301f092f8008100ff06f083f204ff010001ff008000"
    "f900ff014f004e2cff00b6b4fa00fa01fa02fa03fa04fa05fb00"
    # Tuning values of ST's library.
    "ff010000ff00090010001100240125ff7500ff014e2c48003020ff003009540031043203408346256000270050065100"
    "529656085730610062006400650066a0ff012232471449ff4a00ff007a0a7b007821ff012334420044ff452646054040"
    "0e06201a4340ff0034033544ff0131044b094c054d04ff00440045204708482867007004710172fe76007700ff010d01"
    "ff00800101f8ff018e010001ff008000"
    "0a04f084f2100b0101e8fc00"  # "new measurement" in 0x13, pin active low
    "01010041f3130b010000"  # calibrate the supply of the detector
    "01020001f3130b010000"  # and the phase
    "01e8"
    "8001ff010000f7000001ff0080000002fd89"  # measure back to back
)
# Timing budget in ms: range timeout (0x71) of final ranging, what UM2039's other steps leave of it.
TIMEOUTS = {20: 0x00E3, 33: 0x028E, 50: 0x02FD}

RESULT = b"\x14"  # to 0x1F: status, ..., 0x1A signal rate, 0x1C ambient rate, 0x1E mm
READY = b"\x13"
DONE = b"\x0b\x01"
STROBE = 0x83

FARTHEST = 2000
SIGNAL_LOW = 13  # 0.1 Mcps in 9.7 bits, the limit of ST's long range profile; the chip itself asks for 0.25
RETRY_US = 250000
SOON_US = 10000
SILENT_US = 500000


class Driver(Sensor):
    OPTIONS = {
        "bus": ("i2c0", "I2C bus of the wiring"),
        "address": (0x29, "I2C address, 8 to 119"),
        "budget_ms": (20, "time of one measurement, ms: 20, 33 or 50; longer is steadier"),
        "rest_mm": (500, "distance where nobody plays, mm, 40 to 1200"),
        "reach_mm": (60, "distance of a full reach, mm, 0 to 1200, not rest_mm"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._i2c = hardware.i2c(self.option("bus"))
        self._address = whole(self, "address", 8, 119)
        self._budget_ms = choice(self, "budget_ms", (20, 33, 50))
        self._rest = whole(self, "rest_mm", 40, 1200)
        self._reach = whole(self, "reach_mm", 0, 1200)
        if self._rest == self._reach:
            raise ValueError("sensor '%s': rest_mm and reach_mm are the same" % self.name)
        timeout = TIMEOUTS[self._budget_ms]
        self._timeout = bytes([0x71, timeout >> 8, timeout & 255])
        self._pair = bytearray(2)
        self._register = bytearray(1)
        self._one = bytearray(1)
        self._two = bytearray(2)
        self._result = bytearray(12)
        self._map = bytearray(b"\xb0\0\0\0\0\0\0")
        self._map_bytes = memoryview(self._map)[1:]
        self._kept = 0
        self._stop = 0
        self._spads = 0
        self._chosen = 0
        self._at = 0  # place in the walk; past its end: measuring
        self._fresh = 0  # 0 waiting for a measurement, 1 one to fetch, 2 one to clear
        self._failed = False
        self._heard_at = -1  # last progress
        self._waited_at = 0
        self._wait_us = 0

    def describe(self):
        return {
            "kind": "distance",
            "unit": "mm",
            "per_unit": 1,
            "min": 0,
            "max": FARTHEST,
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
            if self._at < len(WALK):
                self._take_step(now)
            elif self._fresh == 0:
                self._look(now)
            elif self._fresh == 1:
                self._read(RESULT, self._result)
                self._fresh = 2
                self._judge()
            else:
                self._i2c.writeto(self._address, DONE)
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

    # ------------------------------------------------------------ starting

    def _take_step(self, now):
        what, about = WALK[self._at], WALK[self._at + 1]
        if not READ <= what <= CHECK:
            self._write(what, about)
        elif what <= UNTIL:
            if not self._change(what, about):
                return
        elif what == MODEL:
            if not self._is_one(now):
                return
        elif what == CHECK:
            self._change(READ, about)
            if not self._kept & 1:
                self._again(now)
                return
        elif what == PAUSE:
            self._wait(now, about * 1000)
        elif what == BUDGET:
            self._i2c.writeto(self._address, self._timeout)
        else:
            self._take_its_own(what, about)
        self._at += 2
        self._fresh = 0

    def _write(self, register, value):
        self._pair[0] = register
        self._pair[1] = value
        self._i2c.writeto(self._address, self._pair)

    def _change(self, what, about):
        if what == SET:
            self._write(self._register[0], self._kept | about)
        elif what == CLEAR:
            self._write(self._register[0], self._kept & (about ^ 255))
        else:
            self._register[0] = about
            self._read(self._register, self._one)
            self._kept = self._one[0]
            if what == UNTIL:
                return self._kept if about == STROBE else self._kept & 7
        return True

    def _is_one(self, now):
        self._register[0] = 0xC0
        self._read(self._register, self._two)
        if self._two[0] == 0:  # still booting
            return False
        if self._two[0] != 0xEE or self._two[1] != 0xAA:
            if self.status != FAULT:
                self.status = FAULT
                self.trouble = "what answers at this address is no VL53L0X"
            self._again(now)
            return False
        self._heard_at = now
        return True

    def _take_its_own(self, what, about):
        if what == STOP_READ:
            self._stop = self._kept
        elif what == STOP_WRITTEN:
            self._write(0x91, self._stop)
        elif what == SPADS:
            self._spads = self._kept
        elif what == MAP_READ:
            self._register[0] = 0xB0
            self._read(self._register, self._map_bytes)
        elif what == MAP_CHOSEN:
            self._choose(about)
        else:
            self._i2c.writeto(self._address, self._map)

    def _choose(self, n):
        # Of the good ones the first so many, those behind apertures (from the 12th on) where it wants these.
        if n == 0:
            self._chosen = 0
        first = 12 if self._spads & 128 else 0
        wanted = self._spads & 127
        good = self._map[n + 1]
        for bit in range(8):
            if n * 8 + bit < first or self._chosen >= wanted:
                good &= 255 ^ 1 << bit
            elif good & 1 << bit:
                self._chosen += 1
        self._map[n + 1] = good

    # ------------------------------------------------------------ measuring

    def _look(self, now):
        self._read(READY, self._one)
        if self._one[0] & 7:
            self._fresh = 1
            self._failed = False
            self._heard_at = now

    def _judge(self):
        result = self._result
        raw = result[0] >> 3 & 15
        signal = result[6] << 8 | result[7]
        mm = result[10] << 8 | result[11]
        if 1 <= raw <= 3:
            if self.status != FAULT:
                self.status = FAULT
                self.trouble = "the distance sensor reports a fault of its own light source: replace it"
            return
        if mm > FARTHEST:
            self.status = NO_TARGET
        elif raw == 11:
            self.status = OK
            self.value = mm
        elif raw == 7 or raw == 8 or raw == 10 or (raw == 4 and signal >= SIGNAL_LOW):
            self.status = WEAK
            self.value = mm
        else:
            self.status = NO_TARGET

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
