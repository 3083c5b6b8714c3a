# What a board starts with; on the board it is main.py. It finds the newest whole program and runs it.
#
# A program is a folder, program.a or program.b, and whole once its file `whole` is there, which is written last:
#
#   reachnote-program FORMAT SEQUENCE LENGTH CRC      the last three as 8 hex digits; the CRC-32 is of the header
#   [["main.mpy", LENGTH, CRC], ...]                  up to it and of the JSON below it
#
# So a power cut while a program is copied leaves the old one or the new one. Without any, the lamp gives two short
# flashes and a pause, over and over, and the prompt can be reached (Ctrl-C).

import binascii
import json
import sys
import time

PLACES = ("program.a", "program.b")
MAGIC = b"reachnote-program 1 "
PATTERN_MS = (100, 400, 100, 1900)
PIECE = 1024
AGAIN = 4  # rounds of the pattern before a program that stopped is started again


def programs(root=""):
    """[(sequence, place, CRC of its list)] of every whole program, the newest first."""
    found = []
    for place in PLACES:
        try:
            found.append(look(root + place))
        except (OSError, ValueError):
            pass
    found.sort()
    found.reverse()
    return found


def look(place):
    """(sequence, place, CRC of its list); OSError or ValueError when the program there is not whole."""
    with open(place + "/whole", "rb") as file:
        text = file.read()
    end = text.find(b"\n") + 1
    head, listed = text[:end], text[end:]
    if head[: len(MAGIC)] != MAGIC:
        raise ValueError
    sequence, length, crc = [int(word, 16) for word in head[len(MAGIC) :].split()]
    if length != len(listed) or crc != binascii.crc32(listed, binascii.crc32(head[:-9])):
        raise ValueError
    for name, size, sum in json.loads(listed):
        check(place + "/" + name, size, sum)
    return sequence, place, crc


def check(path, size, wanted):
    sum = 0
    with open(path, "rb") as file:
        while True:
            piece = file.read(PIECE)
            if not piece:
                break
            size -= len(piece)
            sum = binascii.crc32(piece, sum)
    if size or sum != wanted:
        raise ValueError


def blink(light, rounds):
    for _ in range(rounds):
        on = 1
        for ms in PATTERN_MS:
            light(on)
            on = 1 - on
            time.sleep_ms(ms)


def lamp():
    try:
        from machine import Pin

        if sys.platform != "esp32":
            return Pin("LED", Pin.OUT).value
        from neopixel import NeoPixel

        strip = NeoPixel(Pin(48, Pin.OUT), 1)

        def light(on):
            strip[0] = (20 * on, 20 * on, 20 * on)
            strip.write()

        return light
    except (ImportError, ValueError, TypeError, OSError):
        return lambda on: None


def forget(place):
    if place in sys.path:
        sys.path.remove(place)
    for name in list(sys.modules):
        if name == "main" or name.startswith("reachnote"):
            del sys.modules[name]


def start():
    for _, place, crc in programs():
        sys.path.insert(0, "/" + place)
        try:
            import main

            run = main.run
        except Exception as fault:
            # Whole, but not for this MicroPython: the one before it may be.
            sys.print_exception(fault)
            forget("/" + place)
            continue
        try:
            run(build="%08x" % crc)
        except Exception as fault:
            sys.print_exception(fault)
        blink(lamp(), AGAIN)
        import machine

        machine.reset()
    print("reachnote: there is no whole program on this board. On the computer: reachnote flash")
    while True:
        blink(lamp(), 1)


if __name__ == "__main__":
    start()
