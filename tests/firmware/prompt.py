# Stands in for what a board has and the unix port lacks: the raw prompt, a flash with littlefs at "/", main.py at power-on.
#
#   micropython prompt.py FLASH BENCH raw|main [BLOCKS [CUT]]
#
# The interpreter, its file system and everything that is run are real; FLASH is a file that outlives the process, BENCH a
# folder with the wiring.json of what is at the pins. `sys.implementation._machine` is what a Pico says. Ends with status
# 10 for a soft reset to the raw prompt, 11 for one that runs main.py, 9 when the power was cut at the CUTth write.

import io
import os
import sys
import time

BLOCK = 4096
FLASH, BENCH, FIRST = sys.argv[1:4]
BLOCKS = int(sys.argv[4]) if len(sys.argv) > 4 else 350
CUT = int(sys.argv[5]) if len(sys.argv) > 5 else 0
RAW, MAIN = 10, 11
WINDOW = 1024
MACHINE = "'Raspberry Pi Pico with RP2040'"


class Flash:
    def __init__(self):
        self.file = open(FLASH, "r+b")  # noqa: SIM115
        self.writes = 0

    def readblocks(self, block, buffer, offset=0):
        self.file.seek(block * BLOCK + offset)
        self.file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self.writes += 1
        if self.writes == CUT:
            buffer = buffer[: len(buffer) // 2]
        self.file.seek(block * BLOCK + offset)
        self.file.write(buffer)
        self.file.flush()
        if self.writes == CUT:
            sys.stdout.buffer.write(b"\r\n")
            os.system("kill -9 $PPID")

    def ioctl(self, what, block):
        if what == 4:
            return BLOCKS
        if what == 5:
            return BLOCK
        if what == 6:
            self.file.seek(block * BLOCK)
            self.file.write(b"\xff" * BLOCK)
            self.file.flush()
            return 0


def mount():
    flash = Flash()
    for part in list(sys.path):
        if part.startswith("/"):
            sys.path.append("/host" + part)
    import vfs

    vfs.umount("/")
    try:
        made = vfs.VfsLfs2(flash, progsize=256, readsize=256)
    except OSError:
        vfs.VfsLfs2.mkfs(flash, progsize=256, readsize=256)
        made = vfs.VfsLfs2(flash, progsize=256, readsize=256)
    vfs.mount(made, "/")
    vfs.mount(vfs.VfsPosix("/"), "/host")
    os.chdir("/")


def say(text):
    sys.stdout.buffer.write(text if isinstance(text, bytes) else text.encode())


def one():
    while True:
        try:
            got = sys.stdin.buffer.read(1)
        except KeyboardInterrupt:
            continue
        if not got:
            sys.exit(1)
        return got


def run_source(source, place):
    """What an exception says, or None."""
    try:
        exec(source.replace("sys.implementation._machine", MACHINE), place)
    except KeyboardInterrupt:
        return "KeyboardInterrupt: \r\n"
    except SystemExit:
        sys.exit(MAIN)
    except Exception as fault:
        text = io.StringIO()
        sys.print_exception(fault, text)
        return text.getvalue()


def wire_up():
    import bench

    bench.set_up("/host" + BENCH + "/", lambda: time.ticks_us() & 0x3FFFFFFF)


def run_main():
    try:
        with open("main.py") as file:
            source = file.read()
    except OSError:
        return
    said = run_source(source, {"__name__": "__main__"})
    if said:
        say(said)


def paste():
    """A source in the raw prompt's paste mode, acknowledged a window at a time."""
    say(b"R\x01" + WINDOW.to_bytes(2, "little"))
    found = bytearray()
    while True:
        c = one()
        if c == b"\x04":
            say(c)
            return bytes(found)
        found += c
        if len(found) % WINDOW == 0:
            say(b"\x01")


def raw():
    """Until somebody asks for the friendly prompt."""
    place = {"__name__": "__main__"}
    say("raw REPL; CTRL-B to exit\r\n>")
    while True:
        try:
            return raw_once(place)
        except KeyboardInterrupt:
            pass


def raw_once(place):
    source = b""
    while True:
        c = one()
        if c == b"\x01":
            say("raw REPL; CTRL-B to exit\r\n>")
            source = b""
        elif c == b"\x02":
            return
        elif c == b"\x03":
            source = b""
        elif c == b"\x05":
            one()
            one()
            source = paste()
            said = run_source(source.decode(), place)
            say(b"\x04" + (said or "").encode() + b"\x04>")
            source = b""
        elif c == b"\x04" and source:
            say("OK")
            said = run_source(source.decode(), place)
            say(b"\x04" + (said or "").encode() + b"\x04>")
            source = b""
        elif c == b"\x04":
            say("OK\r\nMPY: soft reboot\r\n")
            sys.exit(RAW)
        elif c not in b"\r" or source:
            source += c


def main():
    ready = open(BENCH + "/ready", "w")  # noqa: SIM115
    mount()
    wire_up()
    ready.write("ready")
    ready.close()
    talk(run_main if FIRST == "main" else raw)


def talk(does):
    while True:
        try:
            does()
            say("MicroPython stand-in\r\n>>> ")
        except KeyboardInterrupt:
            pass
        does = friendly


def forever():
    talk(friendly)


def friendly():
    while True:
        c = one()
        if c == b"\x01":
            return raw()
        if c == b"\x04":
            say("MPY: soft reboot\r\n")
            sys.exit(MAIN)


first = main
while True:
    try:
        first()
    except KeyboardInterrupt:  # between two looks
        first = forever
