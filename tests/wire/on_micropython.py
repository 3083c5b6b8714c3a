# Run by real MicroPython: python twin of test_lines.py. argv: mode, folder with reachnote_wire's parent, vectors file.
# Prints one JSON object; every mode is a function of the vectors alone.

import json
import sys

sys.path.insert(0, sys.argv[2])

import micropython
import reachnote_wire as wire


def packed(native):
    # The packer's line of every reading vector.
    lines = []
    for vector in vectors:
        means = vector["means"]
        if means["letter"] != "r":
            continue
        packer = wire.Packer(len(means["sensors"]), native)
        fill(packer, means)
        packer.pack(means["time_us"])
        lines.append(packer.buffer.decode())
    return lines


def fill(packer, means):
    packer._head[0] = means["seq"]
    for i, sensor in enumerate(means["sensors"]):
        packer.status[i] = sensor["status"]
        packer.value[i] = sensor["value"]


def read():
    # What this end makes of every line, and whether it accepts a damaged one.
    found = []
    for vector in vectors:
        line = vector["line"].encode()
        body = wire.body_of(line[:-1])
        thing = {"letter": chr(body[0]), "damaged": damaged(line[:-1])}
        if thing["letter"] == "r":
            seq, time_us, words = wire.read_line(body)
            thing["seq"], thing["time_us"] = seq, time_us
            thing["sensors"] = [{"status": s, "value": v} for s, v in words]
        elif thing["letter"] == "m":
            thing["midi"] = body[1:].decode()
        elif len(body) > 1:
            thing["json"] = json.loads(body[1:])
        found.append(thing)
    return found


def damaged(line):
    accepted = 0
    for at in range(len(line)):
        bad = bytearray(line)
        for bit in range(8):
            bad[at] ^= 1 << bit
            if wire.body_of(bytes(bad)) is not None:
                accepted += 1
            bad[at] ^= 1 << bit
    return accepted


def chunked():
    stream = "".join(vector["line"] for vector in vectors).encode()
    counts = []
    for size in (1, 2, 3, 7, 64, 255, len(stream)):
        splitter = wire.Splitter()
        bodies = []
        for at in range(0, len(stream), size):
            bodies += splitter.feed(stream[at : at + size])
        same = [wire.body_of(v["line"].encode()[:-1]) for v in vectors] == bodies
        counts.append([size, same, splitter.damaged, splitter.noise])
    return counts


def framed():
    return [wire.frame(v["line"][1], v["line"][2:-9]).decode() for v in vectors]


def heap():
    # Bytes that 200 packs of 32 sensors take from the heap, with the heap locked for as many.
    means = next(v["means"] for v in vectors if len(v["means"].get("sensors", ())) == 32)
    out = {}
    for name, native in (("plain", None), ("native", wire.native_writer())):
        if name == "native" and native is None:
            continue
        packer = wire.Packer(32, native)
        fill(packer, means)
        packer.pack(0)
        try:
            locked(packer)
            out[name] = "locked"
        except MemoryError:
            micropython.heap_unlock()
            out[name] = "allocated"
    return out


def locked(packer):
    pack = packer.pack
    micropython.heap_lock()
    for n in range(200):
        pack(n * 5000000 & 0x3FFFFFFF)
    micropython.heap_unlock()


with open(sys.argv[3]) as file:
    vectors = json.load(file)
mode = sys.argv[1]
result = {"bits": 64 if sys.maxsize > 2**31 else 32, "native": wire.native_writer() is not None}
if mode == "read":
    result["read"] = read()
elif mode == "pack":
    result["plain"] = packed(None)
    result["fast"] = packed(wire.native_writer()) if result["native"] else None
    result["framed"] = framed()
elif mode == "chunks":
    result["chunks"] = chunked()
elif mode == "heap":
    result["heap"] = heap()
print(wire.ascii_json(result))
