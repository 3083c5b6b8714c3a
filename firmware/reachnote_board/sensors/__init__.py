# One file a driver: reachnote_board/sensors/<driver>.py with one class Driver.
#
#   Driver(options, hardware)   options: the sensor's table of wiring.json (driver, name, pins, ...)
#                               hardware: see reachnote_board/hardware.py (pin, adc, i2c, clock)
#                               an unknown option or an impossible value raises ValueError with a sentence
#   OPTIONS                     {option: (default or REQUIRED, "what it means, unit, bounds")}
#   describe() -> dict          what the hello says of it: kind, unit, per_unit (raw counts a unit),
#                               min, max (plausible raw range), rest, reach (raw where nobody plays, raw of a
#                               full reach; reach < rest where nearer is more), rate_hz (of fresh values)
#   step(now)                   every 1 ms tick; now: us, modulo 2**30. Never waits: at most about 400 us on an
#                               RP2040, one short bus transfer. Decides by itself whether it is due.
#   report(now)                 just before a line is packed: bring status and value up to `now`
#   status, value               reachnote_wire status, 0 .. 2**24 - 1
#   edge                        set True by step when a line should leave at once; the sampler clears it. A driver that
#                               sets it has a report of its own: those are stepped first, the others sit out that tick
#   trouble                     None, or a sentence for a board error line (set once per fault)
#
# Nothing in step and report touches the heap: buffers are made in __init__, attributes hold small integers.
# A driver that is absent, stuck, saturated or without echo says so in `status` within 2 s, and recovers by itself.

from reachnote_wire import STARTING, TIME_MASK

REQUIRED = object()
HALF = (TIME_MASK + 1) >> 1


def since(now, then):
    """Microseconds from `then` to `now`, both modulo 2**30; negative when `then` lies ahead."""
    # Every step stays a small integer: above 2**30 a 32-bit board would take it from the heap.
    ahead = now - then & TIME_MASK
    return ahead - HALF - HALF if ahead >= HALF else ahead


class Sensor:
    OPTIONS = {}

    def __init__(self, options):
        for key in options:
            if key not in self.OPTIONS and key not in ("name", "driver", "label"):
                raise ValueError(
                    "sensor '%s' has an unknown option '%s'; it knows: %s"
                    % (options.get("name"), key, ", ".join(sorted(self.OPTIONS)))
                )
        for key in self.OPTIONS:
            if self.OPTIONS[key][0] is REQUIRED and key not in options:
                raise ValueError("sensor '%s' needs '%s': %s" % (options.get("name"), key, self.OPTIONS[key][1]))
        self._options = options
        self.name = options.get("name", "sensor")
        self.status = STARTING
        self.value = 0
        self.edge = False
        self.trouble = None

    def option(self, key):
        return self._options.get(key, self.OPTIONS[key][0])

    def step(self, now):
        pass

    def report(self, now):
        pass
