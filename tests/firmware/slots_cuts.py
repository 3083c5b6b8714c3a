# Cuts the power at every program and erase of writing a wiring into its slot: on littlefs over NOR flash in RAM, and
# on FAT over sectors in RAM, where a file that is written again is gone meanwhile.
#
#   micropython slots_cuts.py cuts POINTS [SEED [fat] [careless | newest]]
#                                                              after each cut: the old or the new, then a second write
#   micropython slots_cuts.py full                             a full flash, room made, a second write
#   INTERPRETER slots_cuts.py judge                            what is made of fuzzed slots
#   micropython slots_cuts.py board                            main.py's Board with slots, without, with a damaged one

import json
import os
import sys

from reachnote_board import slots

BLOCK = 4096
BLOCKS = 24
SECTOR = 512
DEAD = -5
NOTHING, PART, NOISE, ALL = 0, 1, 2, 3  # what came of the last thing done when the power ended
AT = "/ram"
EMPTY = b"\xff" * BLOCK
MAIN = b"# something else that lives on the board\n" * 40


class Chance:
    """The same numbers under every interpreter and seed."""

    def __init__(self, seed):
        self._now = seed * 7919 + 12345

    def below(self, n):
        self._now = (self._now * 1103515245 + 12345) & 0x3FFFFFFF
        return (self._now >> 8) % n


class Flash:
    """NOR flash: an erase makes a block ff, a program can only clear bits. From operation `cut` on it is dead.

    Nothing is raised: MicroPython closes forgotten files while it collects, with the heap locked.
    """

    SYSTEM = "VfsLfs2"
    OPTIONS = {"progsize": 256, "readsize": 256}
    TEARS = (NOTHING, PART, NOISE, ALL)

    def __init__(self, data=None, cut=-1, tear=0, chance=None):
        self.data = bytearray(data) if data else bytearray(EMPTY * BLOCKS)
        self.done = 0
        self.dead = False
        self.answer = DEAD  # where it is dead
        self._cut = cut
        self._tear = tear
        self._chance = chance

    def readblocks(self, block, buffer, offset=0):
        if self.dead:
            return self.answer
        at = block * BLOCK + offset
        buffer[:] = memoryview(self.data)[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        if self.dead:
            return self.answer
        at = block * BLOCK + offset
        old = self.data[at : at + len(buffer)]
        if old == EMPTY[: len(buffer)]:
            new = bytes(buffer)
        else:
            both = int.from_bytes(old, "little") & int.from_bytes(buffer, "little")
            new = both.to_bytes(len(buffer), "little")
        return self._change(at, old, new, len(buffer))

    def ioctl(self, what, block):
        if what == 4:
            return BLOCKS
        if what == 5:
            return BLOCK
        if what == 6:
            if self.dead:
                return self.answer
            at = block * BLOCK
            return self._change(at, self.data[at : at + BLOCK], EMPTY, BLOCK)
        return 0

    def _change(self, at, old, new, length):
        last = self.done == self._cut
        self.done += 1
        if not last:
            self.data[at : at + length] = new
            return 0
        self.dead = True
        if self._tear != NOTHING:
            half = length if self._tear == ALL else self._chance.below(length)
            self.data[at : at + half] = new[:half]
            if self._tear == NOISE:  # cells that were between their states
                for n in range(at, at + length, 1 + self._chance.below(9)):
                    self.data[n] ^= self._chance.below(256) & (old[n - at] ^ new[n - at])
        return DEAD


class Card(Flash):
    """Sectors of 512 bytes, each written whole or not at all."""

    SYSTEM = "VfsFat"
    OPTIONS = {}
    TEARS = (NOTHING, ALL)

    def writeblocks(self, block, buffer):
        if self.dead:
            return self.answer
        for at in range(0, len(buffer), SECTOR):
            if self._change(block * SECTOR + at, b"", bytes(buffer[at : at + SECTOR]), SECTOR):
                return DEAD
        return 0

    def readblocks(self, block, buffer):
        if self.dead:
            return self.answer
        buffer[:] = memoryview(self.data)[block * SECTOR : block * SECTOR + len(buffer)]

    def ioctl(self, what, block):
        return BLOCK * BLOCKS // SECTOR if what == 4 else SECTOR if what == 5 else 0


def mount(flash, fresh=False):
    system = getattr(os, flash.SYSTEM, None)  # not in every build
    if system is None:
        print("no", flash.SYSTEM)
        sys.exit()
    if fresh:
        system.mkfs(flash, **flash.OPTIONS)
    os.mount(system(flash, **flash.OPTIONS), AT)


class Mounted:
    def __init__(self, flash, fresh=False):
        self._flash, self._fresh = flash, fresh

    def __enter__(self):
        mount(self._flash, self._fresh)

    def __exit__(self, kind, fault, trace):
        os.umount(AT)
        self._flash.answer = 0  # a forgotten file that is closed later would print


def put(name, content):
    with open(AT + "/" + name, "wb") as file:
        file.write(content)


def got(name):
    with open(AT + "/" + name, "rb") as file:
        return file.read()


def text_of(number, chance):
    """A wiring of 1 to 32 sensors: within a littlefs metadata block, and over several blocks."""
    count = 1 + chance.below(32) * chance.below(32) // 31
    sensors = [f'{{"name": "s{number}-{n}", "driver": "switch", "pin": {n}}}' for n in range(count)]
    # By hand: under MicroPython a dict has no order.
    text = '{{"format": 1, "name": "w{}", "sensors": [{}], "label": "{}"}}'
    return text.format(number, ", ".join(sensors), "x" * chance.below(6000))


def loaded():
    """The number of the wiring that loads; -1 for none. One that is mixed is no JSON, or names another's sensors."""
    try:
        found, _ = slots.load(AT + "/")
    except (OSError, ValueError):
        return -1
    names = [sensor["name"].split("-")[0] for sensor in found["sensors"]]
    assert set(names) == {"s" + found["name"][1:]}, "mixed"
    return int(found["name"][1:])


def careless(folder, text):
    """What must not pass: the old one goes before the new one is there."""
    try:
        for name in (slots.FILES[0], slots.FILES[1], "wiring.json"):
            if name in os.listdir(folder[:-1]):
                os.remove(folder + name)
    except OSError as fault:
        return str(fault)
    return slots.write(folder, text)


def newest(folder, text):
    """What must not pass where files are written in place: into the newest slot."""
    whole = slots._newest
    slots._newest = lambda looks: 1 - whole(looks) if whole(looks) >= 0 else 0
    try:
        return slots.write(folder, text)
    finally:
        slots._newest = whole


def fresh_board(number, chance, memory=Flash):
    flash = memory()
    with Mounted(flash, True):
        put("main.py", MAIN)
        put("wiring.json", text_of(number, chance).encode())
    return bytes(flash.data)


def cuts(points, seed, write, memory):
    tears = memory.TEARS
    chance = Chance(seed)
    number = cut = chains = writes = lost = seen_old = seen_new = 0
    base = None
    while cut < points:
        if base is None or chance.below(8) == 0:
            chains += 1
            number += 1
            base = fresh_board(number, chance, memory)
        number += 2
        first, second = text_of(number - 1, chance), text_of(number, chance)
        whole = memory(base)
        with Mounted(whole):
            old = loaded()
            assert old > 0, "nothing loads from the base"
            assert write(AT + "/", first) is None
            assert loaded() == number - 1
        writes += 1
        keep = chance.below(whole.done * len(tears))
        kept = bytes(whole.data)
        for n in range(whole.done * len(tears)):
            if cut == points:
                break
            flash = memory(base, n // len(tears), tears[n % len(tears)], chance)
            with Mounted(flash):
                said = write(AT + "/", first)
                assert flash.dead and said is not None, "a cut write said that it was stored"
            cut += 1
            again = memory(flash.data)
            with Mounted(again):
                now = loaded()
                if now == old:
                    seen_old += 1
                elif now == number - 1:
                    seen_new += 1
                else:
                    lost += 1
                assert got("main.py") == MAIN
                assert write(AT + "/", second) is None, "the second write did not complete"
                assert loaded() == number
            if n == keep and now > 0:  # the next round begins where a cut left the flash, or where it was mended
                kept = bytes(again.data) if chance.below(2) else bytes(flash.data)
        base = kept
    print("points", cut, "old", seen_old, "new", seen_new, "neither", lost, "writes", writes, "boards", chains)


def full():
    chance = Chance(1)
    flash = Flash(fresh_board(1, chance))
    long = json.dumps({"format": 1, "name": "w3", "sensors": [{"name": "s3-0"}], "label": "x" * 9000})
    with Mounted(flash):
        assert slots.write(AT + "/", text_of(2, chance)) is None
        size = BLOCK
        while size:
            try:
                with open(AT + "/rubbish", "ab") as file:
                    file.write(b"r" * size)
            except OSError:
                size //= 2
        print(slots.write(AT + "/", long))
        print(loaded())
    with Mounted(Flash(flash.data)):
        print(loaded())
        os.remove(AT + "/rubbish")
        print(slots.write(AT + "/", long))
        print(loaded())


def board():
    import main

    def wiring(name):
        return json.dumps({"format": 1, "name": name, "sensors": [{"name": "it", "driver": "scripted"}]}).encode()

    def told():
        found = main.Board(AT + "/")
        print(found.hello()["name"], "|", found._fault)

    flash = Flash()
    with Mounted(flash, True):
        put("wiring.json", wiring("plain"))
        told()
        slots.write(AT + "/", wiring("first"))
        slots.write(AT + "/", wiring("second"))
        told()
        put(slots.FILES[1], b"\xff" * 300)
        told()


def judge():
    chance = Chance(7)
    folder = "/nowhere-"
    found = []
    slots._look = lambda path: slots._judge(found[0 if path.endswith("a") else 1])
    for n in range(600):
        del found[:]
        for k in range(2):
            text = b'{"format": 9}' if chance.below(4) == 0 else text_of(2 * n + k, chance).encode()
            whole = bytearray(slots._header(chance.below(1 << 30) * 4 + k, text) + text)
            for _ in range(chance.below(3)):
                at = chance.below(chance.below(len(whole) - 1) + 1)
                whole[at] = (32, 49, 50, 102, 255, 10, chance.below(256))[chance.below(7)]
            found.append(bytes(whole))
        try:
            wiring, passed = slots.load(folder)
            print(n, wiring["name"], passed)
        except (OSError, ValueError) as fault:
            print(n, fault if isinstance(fault, ValueError) else "none")


if __name__ == "__main__":
    if sys.argv[1] == "cuts":
        seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
        how = careless if "careless" in sys.argv else newest if "newest" in sys.argv else slots.write
        cuts(int(sys.argv[2]), seed, how, Card if "fat" in sys.argv else Flash)
    elif sys.argv[1] == "full":
        full()
    elif sys.argv[1] == "judge":
        judge()
    else:
        board()
