# Steps every driver, healthy and through every fault, with MicroPython's heap locked: whatever a driver takes from the
# heap is a MemoryError. The device models are not on a board, so the heap is open while they work.
#
#   micropython heap.py [START_US [MS [driver|board]]]   prints one line a driver: name, steps, us a step

import sys
import time

from micropython import heap_lock, heap_unlock
from reachnote_board.hardware import Hardware
from reachnote_wire import FAULT
from rig import BUSES, Rig, driver_class, whole_board


class LeafPin:
    def __init__(self, pin):
        self._pin = pin

    def value(self, level=None):
        heap_unlock()
        try:
            return self._pin.value(level)
        finally:
            heap_lock()


class LeafAdc:
    def __init__(self, adc):
        self._adc = adc

    def read_u16(self):
        heap_unlock()
        try:
            return self._adc.read_u16()
        finally:
            heap_lock()


class LeafI2C:
    def __init__(self, i2c):
        self._i2c = i2c

    def writeto(self, address, data, stop=True):
        heap_unlock()
        try:
            return self._i2c.writeto(address, data, stop)
        finally:
            heap_lock()

    def readfrom_into(self, address, buffer, stop=True):
        heap_unlock()
        try:
            self._i2c.readfrom_into(address, buffer, stop)
        finally:
            heap_lock()


class LeafHardware(Hardware):
    def __init__(self, buses, clock):
        super().__init__(buses, clock)
        inner = self.clock

        def outside():
            heap_unlock()
            try:
                return inner()
            finally:
                heap_lock()

        self.clock = outside

    def pin_in(self, number, pull_up=True):
        return LeafPin(super().pin_in(number, pull_up))

    def pin_out(self, number):
        return LeafPin(super().pin_out(number))

    def adc(self, number):
        return LeafAdc(super().adc(number))

    def i2c(self, name):
        return LeafI2C(super().i2c(name))

    def on_edges(self, pin, handler):
        def locked(_):
            heap_lock()
            try:
                handler(pin)
            finally:
                heap_unlock()

        super().on_edges(pin._pin, locked)


CASES = (
    ("switch", "switch", {"pin": 14}),
    ("voltage", "divider", {"pin": 26}),
    ("fsr", "divider", {"pin": 27}),
    ("mprls", "mprls", {}),
    ("vl53l1x", "vl53l1x", {}),
    ("hcsr04", "hcsr04", {"trigger": 2, "echo": 3}),
    ("vl53l0x", "vl53l0x", {}),
    ("hx711", "hx711", {"clock": 2, "data": 3}),
    ("sharp_ir", "sharp_ir", {"pin": 26}),
    ("piezo", "piezo", {"pin": 26}),
    ("scripted", None, {"kind": "switch", "samples": [[0, 0], [130, 1], [200, 0]], "period_ms": 333}),
    ("scripted", None, {"wave": "ramp", "low": 3, "high": 16777215}),
)


class Greedy:
    """What must not pass: a driver that takes from the heap."""

    def __init__(self, driver):
        self.status = self.value = 0
        self.edge = False
        self.trouble = None
        self.name = driver.name

    def step(self, now):
        self.value = [now]

    def report(self, now):
        pass


def rig_of(name, model, options, start_us):
    rig = Rig(name, model, start_us=start_us, **options)
    if model:
        # The same driver once more, this time behind the leaves.
        rig.hardware = LeafHardware(BUSES, rig.time.clock)
        rig.driver = driver_class(name)(dict(options, name="it", driver=name), rig.hardware)
    if model in ("switch", "piezo"):
        rig.model.hand = lambda t: 1 if t % 0.3 > 0.2 else 0
    return rig


def play(rig, ms, sampled):
    """us a step, models not included in what is locked but in what is timed."""
    faults = rig.model.FAULTS if rig.model else ()
    sampler = whole_board(rig) if sampled else None
    spent = 0
    for n in range(ms):
        if faults and n % 1000 == 0:
            throw_next(rig, faults, n // 1000)
        now = rig.time.clock()
        begin = time.ticks_us()
        if sampler:
            step_board(sampler, now)
        else:
            step_driver(rig.driver, now)
        spent += time.ticks_diff(time.ticks_us(), begin)
        rig.time.us += 1000
    return spent / ms


def step_driver(driver, now):
    heap_lock()
    try:
        driver.step(now)
        driver.report(now)
        driver.trouble = None
    finally:
        heap_unlock()


def step_board(sampler, now):
    heap_lock()
    try:
        sampler.step(now)
        sampler.trouble = None
    finally:
        heap_unlock()
    if sampler.packer.status[0] == FAULT and sampler._dead[0]:
        raise RuntimeError("the sampler gave up on a driver")


def throw_next(rig, faults, turn):
    for fault in faults:
        setattr(rig.model, fault, False)
    if turn % 2:
        setattr(rig.model, faults[turn // 2 % len(faults)], True)


def greed_is_noticed():
    rig = Rig("scripted")
    rig.driver = Greedy(rig.driver)
    for sampled in (False, True):
        try:
            play(rig, 1, sampled)
        except (MemoryError, RuntimeError):
            continue
        return False
    return True


if __name__ == "__main__":
    start_us = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    ms = int(sys.argv[2]) if len(sys.argv) > 2 else 12000
    ways = (False,) if "driver" in sys.argv else (True,) if "board" in sys.argv else (False, True)
    print("greed is noticed" if greed_is_noticed() else "greed passes")
    for name, model, options in CASES:
        for sampled in ways:
            us = play(rig_of(name, model, options, start_us), ms, sampled)
            print(name, "sampler" if sampled else "driver", ms, "steps without the heap,", round(us, 1), "us each")
