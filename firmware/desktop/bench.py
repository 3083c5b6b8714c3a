# The workbench behind the desktop's `machine`: which device model is wired to which pin, ADC input and bus,
# and the time they live in.
#
# By hand (tests, special benches); a model is told the time as whole us since the bench began:
#
#     bench.begin(clock)                        clock() gives us, may come round at 2**30
#     bench.attach_pin(14, model)               model.level(us) -> 0/1; drive(us, level) where the board drives it;
#                                               next_edge(after_us) -> us or -1, where interrupts are wanted
#     bench.attach_adc(26, model)               model.volts(us) -> V
#     bench.attach_i2c("i2c0", 0x18, model)     model.write(us, data), read(us, buffer) -> False: no acknowledge
#
# From files: set_up(folder, clock) reads the folder's wiring.json, wires one model to every sensor that has one,
# and lets hands.json say what moves them, by the sensor's name (see hand.py for the keys of a hand):
#
#     {"left": {"file": "taps.csv", "step": true},
#      "breath": {"file": ["soft.csv", "strong.csv"], "scale": 8.0, "offset": 101325, "faults": {"absent": [30, 35]}},
#      "slide": {"value": 480}}
#
# "faults" are times in s [from, to] during which a fault of the model is thrown (absent, stuck, saturated,
# no_target, ...), or true for always; other keys ("bounce_us", "noise", ...) go to the model. A sensor without
# a hand rests.
#
# There are no interrupts here: an edge is delivered at the next look at the clock or a pin, and meanwhile the clock
# stands at the edge's own time, so what is measured is exact.

import json

MASK = (1 << 30) - 1
MODELS = {
    "switch": "switch",
    "voltage": "divider",
    "fsr": "divider",
    "mprls": "mprls",
    "vl53l1x": "vl53l1x",
    "hcsr04": "hcsr04",
    "vl53l0x": "vl53l0x",
    "hx711": "hx711",
    "sharp_ir": "sharp_ir",
    "piezo": "piezo",
}

pins = {}
adcs = {}
buses = {}
uid = b"desktop1"
_watched = []
_clock = None
_zero = 0
_last = 0
_total = 0
_pinned = -1


def begin(clock):
    """Clear the bench; time starts now."""
    global _clock, _zero, _last, _total, _pinned
    for wired in (pins, adcs, buses):
        wired.clear()
    del _watched[:]
    _clock = clock
    _zero = _last = clock() & MASK
    _total = 0
    _pinned = -1


def attach_pin(number, model):
    pins[number] = model


def attach_adc(number, model):
    adcs[number] = model


def attach_i2c(bus, address, model):
    buses[(bus, address)] = model


def time_us():
    """Whole us since begin(), never coming round; within an interrupt the time of its edge."""
    global _last, _total
    if _pinned >= 0:
        return _pinned
    now = _clock() & MASK
    _total += (now - _last) & MASK
    _last = now
    return _total


def clock():
    """What the firmware reads: us modulo 2**30."""
    if _pinned < 0:
        deliver()
    return (_zero + time_us()) & MASK


def clock_of(given):
    """The clock that Hardware hands to drivers."""
    if _clock is None:
        begin(given)
    return clock


# ---------------------------------------------------------------- interrupts


class _Watch:
    def __init__(self, pin, handler, trigger):
        self.pin = pin
        self.handler = handler
        self.trigger = trigger
        self.seen_us = time_us()


def watch(pin, handler, trigger):
    for old in _watched:
        if old.pin.id == pin.id:
            _watched.remove(old)
            break
    if handler:
        _watched.append(_Watch(pin, handler, trigger))


def deliver():
    """Deliver every edge up to now, in the order of time."""
    global _pinned
    if _pinned >= 0 or not _watched:
        return
    now = time_us()
    while True:
        first, at = _first_edge(now)
        if first is None:
            break
        first.seen_us = at
        level = pins[first.pin.id].level(at)
        if first.trigger & (8 if level else 4):
            _pinned = at
            try:
                first.handler(first.pin)
            finally:
                _pinned = -1


def _first_edge(now):
    first, at = None, now
    for watch in _watched:
        model = pins.get(watch.pin.id)
        edge = model.next_edge(watch.seen_us) if model is not None else -1
        if 0 <= edge <= at and (first is None or edge < at):
            first, at = watch, edge
    return first, at


# ---------------------------------------------------------------- from files


def set_up(folder, clock):
    """Wire what the folder's wiring.json and hands.json describe."""
    global uid
    begin(clock)
    wiring = _read(folder + "wiring.json")
    hands = _read(folder + "hands.json")
    uid = _uid_of(str(hands.get("uid", folder)))
    for sensor in wiring.get("sensors", ()):
        module = MODELS.get(sensor.get("driver"))
        if module is not None:
            wire(module, sensor, hands.get(sensor.get("name"), {}), folder)


def wire(module, sensor, told, folder=""):
    """Make the model of one sensor of the wiring, moved as `told`, and attach it. Returns the model."""
    from hand import hand_of

    made = __import__("models." + module, None, None, ("wire",)).wire(sensor, attach_pin, attach_adc, attach_i2c)
    faults = {}
    hand = {}
    for key in told:
        if key == "faults":
            faults = told[key]
        elif hasattr(made, key):
            setattr(made, key, told[key])
        else:
            hand[key] = told[key]
    if hand:
        made.hand = hand_of(hand, folder)
    made.throw(faults)
    return made


def _read(path):
    try:
        with open(path) as file:
            text = file.read()
    except OSError:
        return {}
    try:
        found = json.loads(text)
    except ValueError:  # the board itself says what is wrong with its wiring
        return {}
    return found if isinstance(found, dict) else {}


def _uid_of(text):
    from binascii import crc32

    return b"desk" + (crc32(text.encode()) & 0xFFFFFFFF).to_bytes(4, "big")
