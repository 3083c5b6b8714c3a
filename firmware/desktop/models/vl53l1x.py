# An ST VL53L1X on I2C, as its ultra lite driver sees it. The hand gives the distance in mm.
#
# ST DS12385: no acknowledge for 1.2 ms after power; 16-bit register addresses that count up. ST UM2510: 0xE5 bit 0
# booted; 0x87 = 0x40 starts measuring every intermeasurement period, 0 stops; 0x31 bit 0, in the polarity of 0x30
# bit 4, says that a measurement is ready; result registers then stand still until 0x86 = 1 clears it. What is
# configured while measuring counts from the next start. Range status 0x89: 9 valid, 6 sigma, 4 weak signal,
# 5 phase, 8 clipped near; mm in 0x96, signal rate in 0x98 (9.7 bits of Mcps).
# Faults: absent, stuck (measures no more), no_target, weak (sigma), faint (weak signal).

from hand import Still
from models import Device

BOOT_US = 1200
SHORT, LONG = 0x14, 0x0A
REACH_MM = {SHORT: 1360, LONG: 4000}
# Timing budget in ms by mode and range timeouts A, B (UM2510).
BUDGETS = {
    (SHORT, 0x001D, 0x0027): 15,
    (SHORT, 0x0051, 0x006E): 20,
    (SHORT, 0x00D6, 0x006E): 33,
    (SHORT, 0x01AE, 0x01E8): 50,
    (SHORT, 0x02E1, 0x0388): 100,
    (LONG, 0x001E, 0x0022): 20,
    (LONG, 0x0060, 0x006E): 33,
    (LONG, 0x00AD, 0x00C6): 50,
    (LONG, 0x01CC, 0x01EA): 100,
}
POWER_ON = {0x31: 0x02, 0x4B: LONG, 0x6E: 0x0F, 0x6F: 0x89, 0xDF: 37, 0x10F: 0xEA, 0x110: 0xCC, 0x111: 0x10}


class Vl53l1x(Device):
    FAULTS = ("absent", "stuck", "no_target", "weak", "faint")

    def __init__(self, hand, noise=4):
        super().__init__(hand)
        self.noise = noise  # mm, the widest; a quarter of it is the deviation
        self.registers = bytearray(0x200)
        self._power_on(-BOOT_US)

    def _power_on(self, us):
        self._powered_us = us
        for n in range(len(self.registers)):
            self.registers[n] = POWER_ON.get(n, 0)
        self._pointer = 0
        self._next_us = -1  # when the running measurement ends
        self._ready = False

    def word(self, register):
        return self.registers[register] << 8 | self.registers[register + 1]

    # ------------------------------------------------------------ on the bus

    def write(self, us, data):
        if not self._here(us):
            return False
        self._measure(us)
        if len(data) >= 2:
            self._pointer = data[0] << 8 | data[1]
        for n in range(2, len(data)):
            self._set(us, self._pointer, data[n])
            self._pointer += 1
        return True

    def read(self, us, buffer):
        if not self._here(us):
            return False
        self._measure(us)
        for n in range(len(buffer)):
            buffer[n] = self._get(us, self._pointer)
            self._pointer += 1
        return True

    def _here(self, us):
        self.keep_faults(us)
        if self.absent:
            self._power_on(us)
            return False
        return us - self._powered_us >= BOOT_US

    def _get(self, us, register):
        if register == 0xE5:
            return 3
        if register == 0x31:
            active_low = self.registers[0x30] >> 4 & 1
            return 0x02 | ((1 if self._ready else 0) ^ active_low)
        return self.registers[register] if register < len(self.registers) else 0

    def _set(self, us, register, byte):
        if register >= len(self.registers):
            return
        self.registers[register] = byte
        if register == 0x86 and byte & 1:
            self._ready = False
        elif register == 0x87:
            self._start(us) if byte & 0x40 else self._stop()
        elif register == 0x00 and byte == 0:
            self._power_on(us)

    # ------------------------------------------------------------ measuring

    def _start(self, us):
        self._mode = self.registers[0x4B]
        self.budget_ms = BUDGETS.get((self._mode, self.word(0x5E), self.word(0x61)), 100)
        period = (self.word(0x6C) << 16 | self.word(0x6E)) * 1000 / 1.075 / (self.word(0xDE) & 0x3FF or 1)
        self._period_us = max(int(period), self.budget_ms * 1000)
        self._next_us = us + self.budget_ms * 1000

    def _stop(self):
        self._next_us = -1

    def _measure(self, us):
        if self._next_us < 0 or us < self._next_us or self.stuck:
            return
        behind = (us - self._next_us) // self._period_us
        done_us = self._next_us + behind * self._period_us
        self._next_us = done_us + self._period_us
        if not self._ready:
            self._ready = True
            self._show(self.position(done_us - self.budget_ms * 500))

    def _show(self, mm):
        state, signal = 9, 900000 / (max(mm, 10) + 100)
        if self.no_target or mm > 4000:
            state, signal, mm = 5, 4, 0
        elif mm > REACH_MM.get(self._mode, 1360):
            state, signal, mm = 7, 10, mm % REACH_MM.get(self._mode, 1360)
        elif self.faint:
            state, signal = 4, 80
        elif self.weak:
            state = 6
        self.registers[0x89] = state
        self.registers[0x8B] = self.registers[0x8B] + 1 & 255
        self._put(0x96, max(0, int(mm + self.chance() * self.noise + 0.5)))
        self._put(0x98, int(signal))

    def _put(self, register, word):
        self.registers[register] = word >> 8 & 255
        self.registers[register + 1] = word & 255


def wire(sensor, attach_pin, attach_adc, attach_i2c):
    model = Vl53l1x(Still(sensor.get("rest_mm", 500)))
    attach_i2c(sensor.get("bus", "i2c0"), sensor.get("address", 0x29), model)
    return model
