# Stands in for MicroPython's `machine` when the firmware runs on a desktop. What is wired to it: see bench.py.
#
# Errors and semantics are those of the rp2 port: an I2C transfer nobody answers raises OSError EIO.

import bench

EIO = 5

clock_of = bench.clock_of


def unique_id():
    return bench.uid


def freq(hz=None):
    return 125000000


def reset():
    raise SystemExit


class Pin:
    IN, OUT, OPEN_DRAIN = 0, 1, 2
    PULL_UP, PULL_DOWN = 1, 2
    IRQ_FALLING, IRQ_RISING = 4, 8

    def __init__(self, id, mode=-1, pull=None, value=None):
        self.id = id
        self._mode = mode
        self._pull = pull
        self._out = 0
        if value is not None:
            self._drive(value)

    def value(self, level=None):
        if level is not None:
            self._drive(level)
            return None
        bench.deliver()
        if self._mode == self.OUT:
            return self._out
        model = bench.pins.get(self.id)
        if model is None:
            return 1 if self._pull == self.PULL_UP else 0
        return model.level(bench.time_us())

    __call__ = value

    def on(self):
        self._drive(1)

    def off(self):
        self._drive(0)

    high = on
    low = off

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, hard=False):
        bench.watch(self, handler, trigger)

    def _drive(self, level):
        self._out = 1 if level else 0
        bench.deliver()
        model = bench.pins.get(self.id)
        if model is not None:
            model.drive(bench.time_us(), self._out)


class ADC:
    """12 bits, widened to 16 as the rp2 port does; full scale is 3.3 V."""

    def __init__(self, pin):
        self._number = pin.id if isinstance(pin, Pin) else pin

    def read_u16(self):
        model = bench.adcs.get(self._number)
        if model is None:
            return 0
        n = int(model.volts(bench.time_us()) * 4095 / 3.3 + 0.5)
        n = 0 if n < 0 else 4095 if n > 4095 else n
        return n << 4 | n >> 8


class I2C:
    def __init__(self, id, scl=None, sda=None, freq=400000, timeout=50000):
        self._bus = "i2c%d" % id

    def scan(self):
        return [key[1] for key in bench.buses if key[0] == self._bus and bench.buses[key].write(bench.time_us(), b"")]

    def _device(self, address):
        device = bench.buses.get((self._bus, address))
        if device is None:
            raise OSError(EIO)
        return device

    def writeto(self, address, data, stop=True):
        if not self._device(address).write(bench.time_us(), data):
            raise OSError(EIO)
        return len(data)

    def readfrom_into(self, address, buffer, stop=True):
        if not self._device(address).read(bench.time_us(), buffer):
            raise OSError(EIO)

    def readfrom(self, address, count, stop=True):
        buffer = bytearray(count)
        self.readfrom_into(address, buffer)
        return bytes(buffer)

    def writeto_mem(self, address, register, data, addrsize=8):
        self.writeto(address, register.to_bytes(addrsize // 8, "big") + bytes(data))

    def readfrom_mem_into(self, address, register, buffer, addrsize=8):
        self.writeto(address, register.to_bytes(addrsize // 8, "big"), False)
        self.readfrom_into(address, buffer)

    def readfrom_mem(self, address, register, count, addrsize=8):
        buffer = bytearray(count)
        self.readfrom_mem_into(address, register, buffer, addrsize)
        return bytes(buffer)
