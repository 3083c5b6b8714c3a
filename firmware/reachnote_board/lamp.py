# The board's own lamp: two short flashes and a pause, over and over, where there is nothing to play with.

from reachnote_board.sensors import since

PATTERN_MS = (100, 400, 100, 1900)  # lit, dark, lit, dark; never more than 3 flashes a second
NEOPIXELS = {"esp32": 48}
DIM = 20


def lamp_of(platform):
    """A function that lights the lamp (1) or not (0); one that does nothing on a board without a known lamp."""
    import machine

    try:
        if platform in NEOPIXELS:
            import neopixel

            strip = neopixel.NeoPixel(machine.Pin(NEOPIXELS[platform], machine.Pin.OUT), 1)

            def light(on):
                strip[0] = (DIM * on, DIM * on, DIM * on)
                strip.write()

            return light
        return machine.Pin("LED", machine.Pin.OUT).value  # pyright: ignore[reportArgumentType]  the stubs know numbers only
    except (ImportError, ValueError, TypeError, OSError):
        return lambda on: None


class Lamp:
    """`step(now)` once a tick shows the pattern."""

    def __init__(self, light):
        self._light = light
        self._part = len(PATTERN_MS) - 1
        self._since = None

    def step(self, now):
        if self._since is None or since(now, self._since) >= PATTERN_MS[self._part] * 1000:
            self._since = now
            self._part = (self._part + 1) % len(PATTERN_MS)
            self._light(1 - self._part % 2)
