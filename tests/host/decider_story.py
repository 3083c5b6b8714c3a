"""Stories for the decider that any interpreter can tell: `micropython decider_story.py [heap]` prints what was decided.

Runs under CPython and MicroPython alike, so it knows nothing of the host.
"""

import sys

from reachnote_play import TIME_MASK
from reachnote_play.contact import Contact
from reachnote_play.decider import Decider
from reachnote_play.entry import Entry
from reachnote_play.impact import Impact

TREMOR = (0, 59, 95, 95, 59, 0, -59, -95, -95, -59)


WRAP = (1 << 30) - 4000


class Chance:
    def __init__(self, seed):
        self.n = seed

    def below(self, most):
        self.n = (self.n * 1103 + 12345) & 0x3FFFF
        return (self.n >> 3) % most


def movement(chance, i, base, span):
    """A raw number: presses of many heights and speeds, noise, tremor now and then, spasms, spikes."""
    k = i % 700
    up = 30 + (i // 700 % 7) * 12
    tall = 40 + (i // 700 * 37) % 90
    x = 0
    if 200 < k < 200 + up:
        x = (k - 200) * tall // up
    elif 200 + up <= k < 450:
        x = tall
    elif 450 <= k < 520:
        x = tall * (520 - k) // 70
    if (i // 2100) % 2:
        x += TREMOR[i // 2 % 10] * 12 // 100
    if k == 600:
        x += 120
    x = x * span // 100 + chance.below(max(1, abs(span) // 40 + 1))
    return base + x


def status_of(chance, i):
    n = chance.below(400)
    if i % 9000 > 8800:
        return 6
    return 3 if n == 0 else 2 if n < 9 else 4 if n == 11 else 0


SETTINGS = (
    ("pressure, 250 Hz", {"jolt": 98304, "zones": 8, "dwell": 60000}, 100, 900, 4000),
    ("distance, 50 Hz", {"lowest": -9830, "highest": 11878, "speed": 98304, "window": 80000, "zones": 5}, 900, -600, 20000),
    ("slow, 12 Hz", {"median": 5, "listen": 70000, "window": 160000}, 8000000, 3000000, 83000),
    ("fast, 1 kHz", {"window": 30000, "accept": 20000, "apart": 200000, "tremor_half": 120000}, 20, 37, 1000),
)  # fmt: skip


def continuous(count, start):
    for name, settings, base, span, step in SETTINGS:
        print(name)
        decider = Decider(settings, Entry(base + 0.25, span), 96)
        chance = Chance(7)
        now = start
        for i in range(count):
            now = now + step + chance.below(step // 8 + 1) & TIME_MASK
            if i % 5000 == 4000:
                now = now + 600000 & TIME_MASK
            raw = movement(chance, i, base, span)
            done = decider.step(now, raw if raw > 0 else 0, status_of(chance, i))
            if i % 997 == 0:
                decider.set("reach", 4000 + chance.below(5000))
            if i % 2501 == 2500:
                done |= decider.let_go()
            if done or i % 50 == 0:
                print(i, done, decider.level, decider.strength, decider.zone, decider.floor, decider.tall)


def pads_and_switches(count, start):
    pad = Impact({"threshold": 300}, Entry(0, 2000))
    wire_pad = Impact({"threshold": 300}, Entry(0, 2000))
    switch = Contact()
    wire_switch = Contact({"refractory": 30000})
    chance = Chance(3)
    ring = hits = edges = pressed = 0
    now = start
    for i in range(count):
        now = now + 1000 & TIME_MASK
        if i % 211 == 50:
            ring = 200 + chance.below(3800)
            hits = hits + 1 & 15
        status = 6 if i % 3000 > 2950 else 0
        done = pad.take(now, pad.entry.place(ring * (100 + (i % 3) * 20) // 140), status)
        done |= wire_pad.step(now, hits << 20 | ring << 8 | i % 4, status) << 4
        ring = ring * 9 // 10
        if chance.below(40) == 0:
            pressed = 1 - pressed
            edges = edges + 1 + 2 * (chance.below(9) == 0) & 255
        done |= switch.take(now, pressed if chance.below(7) else 1 - pressed, status) << 8
        done |= wire_switch.step(now, pressed << 20 | edges << 12 | 3, status) << 12
        if done:
            print(i, done, pad.strength, wire_pad.strength, wire_pad.age, wire_switch.age, switch.sounding)


def entries():
    for rest, span in ((0.5, 3), (100, -37), (9000000.75, 7000000), (12, 1 << 24), (4000, -0.5)):
        entry = Entry(rest, span)
        print([entry.place(int(rest) + int(span * k / 7)) for k in range(-20, 30)])


class Heap:
    """One step of everything, over and over, with the heap locked."""

    def __init__(self):
        self.decider = Decider(
            {"jolt": 98304, "zones": 8, "window": 60000, "median": 5, "lowest": -9830, "speed": 90000}, Entry(100.5, 900), 96
        )
        self.pad = Impact({}, Entry(0, 2000))
        self.switch = Contact()
        self.chance = Chance(5)
        self.now = (1 << 30) - 20000000

    def run(self, count):
        decider, chance = self.decider, self.chance
        now = self.now
        onsets = 0
        for i in range(count):
            now = now + 4000 if now < WRAP else now - WRAP  # never beyond 2**30, as on a board
            raw = movement(chance, i, 100, 900)
            status = status_of(chance, i)
            onsets += decider.step(now, raw, status) & 1
            if i % 700 == 0:
                decider.set("reach", 5000 + i % 3000)
            self.pad.step(now, (i // 40 & 15) << 20 | raw << 8, status)
            self.switch.step(now, (i // 30 & 1) << 20 | (i // 30 & 255) << 12, status)
        return onsets


def heap():
    import micropython

    story = Heap()
    micropython.heap_lock()
    try:
        onsets = story.run(9000)
    finally:
        micropython.heap_unlock()
    try:
        micropython.heap_lock()
        greedy = [1, 2, 3]
        micropython.heap_unlock()
        print("greed is missed", greedy)
    except MemoryError:
        micropython.heap_unlock()
        print("greed is noticed")
    print("onsets", onsets)


if "heap" in sys.argv:
    heap()
else:
    for start in (0, (1 << 30) - 30000000):
        continuous(9500, start)
        pads_and_switches(9000, start)
    entries()
