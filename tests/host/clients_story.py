"""Where every simulated client is, for any interpreter to tell: `micropython clients_story.py [heap]`. Knows no host."""

# ruff: noqa: UP031
import sys

from clients import NAMES, client_of
from hand import hand_of


def places():
    for name in NAMES:
        client = client_of(name, 5)
        print(name, " ".join("%.9f" % client(i * 0.37) for i in range(400)))
        print(name, " ".join("%.6f" % s for a, b in client.gestures(0, 90) + client.besides(0, 90) for s in (a, b)))


def moved():
    told = {"client": "weak", "seed": 3, "scale": -300, "offset": 500, "clip": [40, 1200]}
    hand = hand_of(told)
    print("mm", " ".join("%.6f" % hand(i / 10) for i in range(100)))
    switch = hand_of({"client": "weak", "seed": 3, "step": True})
    print("switch", " ".join("%d" % switch(i / 10) for i in range(100)))


def heap():
    """What an hour of movement leaves on the heap."""
    import gc

    client = client_of(sys.argv[2], 5)
    for i in range(100):
        client(i * 0.1)
    gc.collect()
    before = gc.mem_alloc()
    for i in range(3600):
        client(i * 1.0)
    gc.collect()
    print(gc.mem_alloc() - before)


if "heap" in sys.argv:
    heap()
else:
    places()
    moved()
