# The door to `machine`: pins, ADCs and buses, each made once and shared. Drivers get it handed in,
# so that the desktop (firmware/desktop/machine.py) and the tests can stand in for a board.

import machine


class Hardware:
    """`buses` is wiring.json's {"i2c0": {"sda": 4, "scl": 5, "freq": 400000}}; `clock()` gives us modulo 2**30."""

    def __init__(self, buses, clock):
        # Off-board an edge is delivered late, with the clock set back to the edge's own time.
        stand_in = getattr(machine, "clock_of", None)
        self.clock = stand_in(clock) if stand_in else clock
        self._buses = buses or {}
        self._made = {}

    def pin_in(self, number, pull_up=True):
        return machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP if pull_up else None)

    def pin_out(self, number):
        return machine.Pin(number, machine.Pin.OUT, value=0)

    def on_edges(self, pin, handler):
        # A soft interrupt waits for a collection to end: 1 ms late is 170 mm of sound. Not every port knows hard ones.
        both = machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING
        try:
            pin.irq(handler=handler, trigger=both, hard=True)
        except TypeError:
            pin.irq(handler=handler, trigger=both)

    def adc(self, number):
        return machine.ADC(machine.Pin(number))

    def i2c(self, name):
        if name not in self._made:
            if name not in self._buses:
                raise ValueError("there is no bus '%s'; the wiring names: %s" % (name, ", ".join(self._buses)))
            bus = self._buses[name]
            freq = bus.get("freq", 400000)
            # A bus held low by a broken cable costs at most this, not the port's 50 ms; 4 times our longest transfer.
            patience_us = 20 * 9 * 4 * 1000000 // freq
            self._made[name] = machine.I2C(  # pyright: ignore[reportCallIssue]  the stubs leave out timeout
                int(name[-1]), sda=machine.Pin(bus["sda"]), scl=machine.Pin(bus["scl"]), freq=freq, timeout=patience_us
            )
        return self._made[name]
