# The board's own button: held for 1 s it asks for silence. What a client plays with never does.
#
# On an RP2040 or RP2350 it is BOOTSEL, on an ESP32-S3 BOOT (pin 0); `silence_pin` in the wiring names another pin,
# with a button to ground.

import sys

from reachnote_board.sensors import since

LOOK_US = 20000
HELD_US = 1000000
AGAIN_US = 100000
TIMES = 3  # a silence is said so often, for a line may be damaged
NOBODY = 0
BOOT_PIN = {"esp32": 0}


def reader_of(wiring, hardware):
    """A function that is True while the board's button is down, or None when this board has none."""
    number = wiring.get("silence_pin", BOOT_PIN.get(sys.platform))
    if number is not None:
        pin = hardware.pin_in(number)
        return lambda: not pin.value()
    if sys.platform == "rp2":
        import rp2

        return rp2.bootsel_button  # 20 us, interrupts off
    return None


class Button:
    """`step(now)` once a tick: the number of silences asked for since the start when one is to be said, else 0."""

    def __init__(self, pressed):
        self._pressed = pressed
        self._looked = None
        self._down = False
        self._since = 0
        self._asked = 0
        self._left = 0  # times that it is still to be said
        self._said = 0

    def step(self, now):
        if self._left and since(now, self._said) >= AGAIN_US:
            self._left -= 1
            self._said = now
            return self._asked
        if self._pressed is None or (self._looked is not None and since(now, self._looked) < LOOK_US):
            return NOBODY
        self._looked = now
        if not self._pressed():
            self._down = False
        elif not self._down:
            self._down = True
            self._since = now
        elif self._since is not None and since(now, self._since) >= HELD_US:
            self._since = None  # once for each time it is held
            self._asked += 1
            self._left = TIMES - 1
            self._said = now
            return self._asked
        return NOBODY
