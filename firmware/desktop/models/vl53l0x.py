# An ST VL53L0X on I2C, as ST's library sees it. The hand gives the distance in mm.
#
# ST DS11555 section 3: no acknowledge for 1.2 ms after power; 8-bit register addresses that count up; 0xC0 to 0xC2 read
# EE AA 10. ST UM2039 and the library's sources: 0xFF chooses a page; 0xBF = 0 holds it in reset; 0x00 begins a measurement
# (1 one, 2 back to back), with 1 or 2 in 0x01 a calibration; 0x13 bits 2..0 say that it ended, 0x0B = 1 clears them;
# 0x14 holds status << 3, then signal rate (0x1A, 9.7 bits of Mcps) and mm (0x1E). How long one takes: UM2039's timing budget.
# Faults: absent, stuck (measures no more), no_target, weak (sigma), faint (weak signal), wrapped (phase).

from hand import Still
from models import Device

BOOT_US = 1200
STROBE_US = 300
CALIBRATION_US = 4000
REACH_MM = 2000
STOP = 0x3C  # differs from chip to chip, like the SPADs
SPADS = 0x85  # 5, behind apertures
POWER_ON = {
    0: {0x01: 0xFF, 0x50: 0x06, 0x70: 0x04, 0x84: 0x11, 0xC0: 0xEE, 0xC1: 0xAA, 0xC2: 0x10,
        0xB0: 0xFF, 0xB1: 0x5F, 0xB2: 0xFB, 0xB3: 0xFF, 0xB4: 0xFF, 0xB5: 0x0F},
    1: {0x91: STOP},
    7: {0x92: SPADS},
}  # fmt: skip


class Vl53l0x(Device):
    FAULTS = ("absent", "stuck", "no_target", "weak", "faint", "wrapped")

    def __init__(self, hand, noise=4):
        super().__init__(hand)
        self.noise = noise  # mm, the widest; a quarter of it is the deviation
        self._power_on(-BOOT_US)

    def _power_on(self, us):
        self._powered_us = us
        self.pages = {}
        for page in (0, 1, 6, 7):
            self.pages[page] = bytearray(256)
            for register, byte in POWER_ON.get(page, {}).items():
                self.pages[page][register] = byte
        self._page = 0
        self._pointer = 0
        self._reset = False
        self._next_us = -1  # when the running measurement ends
        self._period_us = 0  # 0: only one
        self._calibrating = 0
        self._calibrated = 0
        self._released = False
        self._strobe_us = -1
        self._ready = False

    def word(self, register):
        return self.pages[0][register] << 8 | self.pages[0][register + 1]

    # ------------------------------------------------------------ on the bus

    def write(self, us, data):
        if not self._here(us):
            return False
        self._measure(us)
        if len(data):
            self._pointer = data[0]
        for n in range(1, len(data)):
            self._set(us, self._pointer, data[n])
            self._pointer = self._pointer + 1 & 255
        return True

    def read(self, us, buffer):
        if not self._here(us):
            return False
        self._measure(us)
        for n in range(len(buffer)):
            buffer[n] = self._get(us, self._pointer)
            self._pointer = self._pointer + 1 & 255
        return True

    def _here(self, us):
        self.keep_faults(us)
        if self.absent:
            self._power_on(us)
            return False
        return us - self._powered_us >= BOOT_US

    def _registers(self):
        return self.pages.get(self._page, self.pages[0])

    def _get(self, us, register):
        if self._reset:
            return 0
        if self._page == 0 and register == 0x13:
            return 4 if self._ready else 0
        if self._page == 7 and register == 0x83:
            return 1 if 0 <= self._strobe_us <= us - STROBE_US else 0
        return self._registers()[register]

    def _set(self, us, register, byte):
        if register == 0xFF:
            self._page = byte
            return
        if self._page == 0 and register == 0xBF:
            if byte == 0:
                self._reset = True
            elif self._reset:
                self._power_on(us)
            return
        if self._page == 0 and register == 0x00:
            self._start(us, byte)
            return
        self._registers()[register] = byte
        if self._page == 0 and register == 0x0B and byte & 1:
            self._ready = False
        elif self._page == 1 and register == 0x91:
            self._released = byte == STOP
        elif self._page == 7 and register == 0x83:
            self._strobe_us = us if byte == 0 else -1

    # ------------------------------------------------------------ measuring

    def _start(self, us, byte):
        sequence = self.pages[0][0x01]
        self._next_us = -1
        self._period_us = 0
        if not byte & 3:
            return
        if sequence in (1, 2):
            self._calibrating = sequence
            self._next_us = us + CALIBRATION_US
        elif self._released:
            self._calibrating = 0
            self.budget_us = self._budget_us(sequence)
            self._period_us = self.budget_us if byte & 2 else 0
            self._next_us = us + self.budget_us

    def _budget_us(self, sequence):
        early = (self.pages[0][0x50] + 1) * 2
        final = (self.pages[0][0x70] + 1) * 2
        step_us = clocks_us(self.pages[0][0x46] + 1, early)
        before = timeout_of(self.word(0x51))
        us = 1320 + 960
        if sequence & 0x10:
            us += step_us + 590
        if sequence & 0x08:
            us += 2 * (step_us + 690)
        elif sequence & 0x04:
            us += step_us + 660
        if sequence & 0x40:
            us += clocks_us(before, early) + 660
        if sequence & 0x80:
            us += clocks_us(timeout_of(self.word(0x71)) - (before if sequence & 0x40 else 0), final) + 550
        return us

    def _measure(self, us):
        if self._next_us < 0 or us < self._next_us or self.stuck:
            return
        if self._calibrating:
            self._calibrated |= self._calibrating
            self._calibrating = 0
            self._ready = True
            self._next_us = -1
            return
        done_us = self._next_us
        if self._period_us:
            done_us += (us - done_us) // self._period_us * self._period_us
            self._next_us = done_us + self._period_us
        else:
            self._next_us = -1
        self._ready = True
        self._show(self.position(done_us - self.budget_us // 2))

    def _show(self, mm):
        state, signal = 11, 900000 / (max(mm, 10) + 100)
        if self._calibrated != 3:
            state, mm = 3, 8190
        elif self.no_target or mm > REACH_MM:
            state, signal, mm = 4, 3, 8190
        elif self.wrapped:
            state = 6
        elif self.faint:
            state, signal = 4, 20
        elif self.weak:
            state = 7
        self.pages[0][0x14] = state << 3 | 1
        self._put(0x1A, int(signal))
        self._put(0x1E, 8190 if mm == 8190 else max(0, int(mm + self.chance() * self.noise + 0.5)))

    def _put(self, register, word):
        self.pages[0][register] = word >> 8 & 255
        self.pages[0][register + 1] = word & 255


def timeout_of(word):
    return ((word & 255) << (word >> 8)) + 1


def clocks_us(clocks, period):
    # UM2039: a macro period is 2304 clocks of 1.655 ns for each clock of the laser's pulse period.
    macro_ns = (2304 * period * 1655 + 500) // 1000
    return (clocks * macro_ns + macro_ns // 2) // 1000


def wire(sensor, attach_pin, attach_adc, attach_i2c):
    model = Vl53l0x(Still(sensor.get("rest_mm", 500)))
    attach_i2c(sensor.get("bus", "i2c0"), sensor.get("address", 0x29), model)
    return model
