# What every driver does, in stories: played by CPython and by real MicroPython, the printed logs must be the same.
#
#   INTERPRETER scenarios.py [CSV]      CSV: a recording of "t_s,value" lines

import sys

from hand import Hand
from reachnote_wire import STATUS_WORDS
from rig import Rig as QuietRig

story = ""


class Rig(QuietRig):
    def note(self, ms, status, value):
        print(story, ms, STATUS_WORDS[status], value)



def throw(rig, fault, ms):
    setattr(rig.model, fault, True)
    rig.run(ms)
    setattr(rig.model, fault, False)
    rig.run(ms)


def switch():
    rig = Rig("switch", "switch", pin=14)
    rig.model.bounce_us = (3000, 2000, 4000, 1000)
    rig.model.hand = lambda t: 1 if 0.1 <= t % 0.4 < 0.25 else 0
    return rig.run(1500, every=50)


def switch_normally_closed():
    rig = Rig("switch", "switch", pin=14)
    rig.model.closed = True
    rig.model.hand = lambda t: 1 if 3.0 <= t < 3.5 or t > 4 else 0
    return rig.run(16000, every=100)


def switch_across_the_wrap():
    rig = Rig("switch", "switch", start_us=(1 << 30) - 150000, pin=14)
    rig.model.hand = lambda t: 1 if 0.1 <= t < 0.25 else 0
    return rig.run(500, every=50)


def voltage():
    rig = Rig("voltage", "divider", pin=26)
    rig.model.hand = lambda t: 1.65 + 1.6 * ((t * 3) % 1)
    rig.run(300)
    for fault in ("saturated", "noisy", "stuck", "absent"):
        throw(rig, fault, 1800)
    return rig


def fsr():
    rig = Rig("fsr", "divider", pin=26)
    rig.model.hand = lambda t: 400 * (t % 0.5)
    rig.run(1000)
    throw(rig, "saturated", 800)
    return rig


def mprls():
    rig = Rig("mprls", "mprls")
    rig.model.hand = lambda t: 101325 + 4000 * (t % 1)
    rig.run(300)
    for fault in ("absent", "stuck", "saturated", "integrity"):
        throw(rig, fault, 1700)
    return rig


def vl53l1x():
    rig = Rig("vl53l1x", "vl53l1x")
    rig.model.hand = lambda t: 500 - 400 * (t % 1)
    rig.run(300)
    for fault in ("absent", "no_target", "weak", "faint", "stuck"):
        throw(rig, fault, 900)
    return rig


def hcsr04():
    rig = Rig("hcsr04", "hcsr04", trigger=2, echo=3)
    rig.model.hand = lambda t: 500 - 400 * (t % 1)
    rig.run(300)
    for fault in ("absent", "no_target", "stuck"):
        throw(rig, fault, 1500)
    return rig


def hcsr04_across_the_wrap():
    rig = Rig("hcsr04", "hcsr04", start_us=(1 << 30) - 150000, trigger=2, echo=3)
    return rig.run(500)


def vl53l0x():
    rig = Rig("vl53l0x", "vl53l0x")
    rig.model.hand = lambda t: 500 - 400 * (t % 1)
    rig.run(400)
    for fault in ("absent", "no_target", "weak", "faint", "wrapped", "stuck"):
        throw(rig, fault, 900)
    return rig


def hx711():
    rig = Rig("hx711", "hx711", clock=2, data=3)
    rig.model.hand = lambda t: 30 * (t % 1)
    rig.run(300)
    for fault in ("absent", "stuck", "saturated", "deaf"):
        throw(rig, fault, 1700)
    return rig


def hx711_across_the_wrap():
    rig = Rig("hx711", "hx711", start_us=(1 << 30) - 150000, clock=2, data=3, gain=64, reach_n=-20)
    return rig.run(500)


def sharp_ir():
    rig = Rig("sharp_ir", "sharp_ir", pin=26)
    rig.model.hand = lambda t: abs(500 - 500 * (t % 2))
    rig.run(3000)
    for fault in ("absent", "stuck", "noisy", "no_target"):
        throw(rig, fault, 1800)
    return rig


def piezo():
    rig = Rig("piezo", "piezo", pin=26)
    rig.model.hand = lambda t: (1 - t % 0.25 * 100) * (t % 0.25 < 0.005)
    rig.run(1500, every=10)
    for fault in ("absent", "stuck", "saturated", "noisy"):
        throw(rig, fault, 1800)
    return rig


def piezo_across_the_wrap():
    rig = Rig("piezo", "piezo", start_us=(1 << 30) - 350000, pin=26)
    rig.model.hand = lambda t: 0.5 * (t % 0.07 < 0.002)
    return rig.run(700, every=10)


def scripted():
    rig = Rig("scripted", wave="ramp", low=100, high=9000000, period_ms=777)
    return rig.run(1000, every=10)


def scripted_switch():
    rig = Rig("scripted", kind="switch", samples=[[0, 0], [100.25, 1], [200, 0]], period_ms=333)
    return rig.run(1200, every=20)


def recording(path):
    rig = Rig("mprls", "mprls")
    rig.model.hand = Hand([path, path], scale=100, offset=101325, start_s=0.05)
    rig.run(800)
    rig = Rig("scripted", kind="pressure", source=path, scale=1000, smooth=True)
    rig.run(800, every=7)


STORIES = (
    switch,
    switch_normally_closed,
    switch_across_the_wrap,
    voltage,
    fsr,
    mprls,
    vl53l1x,
    hcsr04,
    hcsr04_across_the_wrap,
    vl53l0x,
    hx711,
    hx711_across_the_wrap,
    sharp_ir,
    piezo,
    piezo_across_the_wrap,
    scripted,
    scripted_switch,
)


if __name__ == "__main__":
    for play in STORIES:
        story = play.__name__
        for text in play().troubles:
            print(story, "trouble:", text)
    if len(sys.argv) > 1:
        story = "recording"
        recording(sys.argv[1])
