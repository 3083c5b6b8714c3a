# What moves a device model: a callable, position(t_s) -> number in the model's own unit (1/0 pressed, Pa, mm, V, uS).
#
#   Hand("taps.csv", step=True)                          plays a recording of "t_s,value" lines, as fast as it was made
#   Hand(["a.csv", "b.csv"], scale=8, offset=101325,     several end to end; value * scale + offset, kept within clip;
#        clip=(98000, 110000), start_s=12, loop=True)    begun somewhere inside; begun again at the end
#   Moved(client_of("weak", 3), 4000, 101325)            a simulated client (clients.py): place * scale + offset; with
#                                                        `step` pressed beyond half of what is full for this client
#   Still(480)                                           does not move
#
# Between two samples a straight line, with `step` the earlier one. A looked-up time is never far from the last one, so
# the place is kept and moved on.

from array import array


class Still:
    def __init__(self, value):
        self.value = value

    def __call__(self, t_s):
        return self.value


class Moved:
    def __init__(self, client, scale=1, offset=0, clip=None, start_s=0, step=False):
        self.client = client
        self._scale = scale
        self._offset = offset
        self._clip = clip
        self._start_s = start_s
        self._step = step

    def __call__(self, t_s):
        place = self.client(t_s + self._start_s)
        if self._step:
            return 1 if place > self.client.usual / 2 else 0
        value = place * self._scale + self._offset
        return value if self._clip is None else min(max(value, self._clip[0]), self._clip[1])


class Hand:
    def __init__(self, files, step=False, scale=1, offset=0, clip=None, start_s=0, loop=True):
        if isinstance(files, str):
            files = [files]
        rows = 0
        for name in files:
            rows += _count(name)
        if not rows:
            raise ValueError("there is no 't_s,value' line in %s" % ", ".join(files))
        self._times = array("d", (0 for _ in range(rows)))
        self._values = array("d", (0 for _ in range(rows)))
        self._step = step
        self._start_s = start_s
        self._loop = loop
        self._index = 0
        self._read(files, scale, offset, clip)
        # The last sample lasts as long as the one before it.
        self.length_s = self._times[-1] + (self._times[-1] - self._times[-2] if rows > 1 else 1)

    def __call__(self, t_s):
        t = t_s + self._start_s
        if self._loop:
            t %= self.length_s
        i = self._find(t)
        here = self._values[i]
        if self._step or i + 1 == len(self._times) or t <= self._times[i]:
            return here
        gap = self._times[i + 1] - self._times[i]
        return here + (self._values[i + 1] - here) * (t - self._times[i]) / gap

    def _find(self, t):
        times = self._times
        i = self._index
        if t < times[i]:
            i = 0
        last = len(times) - 1
        while i < last and times[i + 1] <= t:
            i += 1
        self._index = i
        return i

    def _read(self, files, scale, offset, clip):
        at = 0
        begin = 0
        for name in files:
            first = None
            with open(name) as file:
                for line in file:
                    row = _row(line)
                    if row is None:
                        continue
                    if first is None:
                        first = row[0]
                    t = begin + row[0] - first
                    if at and t <= self._times[at - 1]:
                        raise ValueError("%s: times must ascend, %s does not" % (name, row[0]))
                    value = row[1] * scale + offset
                    self._times[at] = t
                    self._values[at] = value if clip is None else min(max(value, clip[0]), clip[1])
                    at += 1
            begin = self._times[at - 1] + (self._times[at - 1] - self._times[at - 2] if at > 1 else 1)


def _row(line):
    t, _, value = line.partition(",")
    try:
        return float(t), float(value)
    except ValueError:  # the heading
        return None


def _count(name):
    rows = 0
    with open(name) as file:
        for line in file:
            if _row(line) is not None:
                rows += 1
    return rows


KEYS = ("file", "value", "client", "seed", "step", "scale", "offset", "clip", "start_s", "loop")


def hand_of(told, folder=""):
    """A hand from its table in hands.json; file names are relative to the folder of that file."""
    for key in told:
        if key not in KEYS:
            raise ValueError("a hand does not know '%s'; it knows: %s" % (key, ", ".join(KEYS)))
    if "value" in told:
        return Still(told["value"])
    if "client" in told:
        from clients import client_of

        return Moved(
            client_of(told["client"], told.get("seed", 1)),
            told.get("scale", 1),
            told.get("offset", 0),
            told.get("clip"),
            told.get("start_s", 0),
            told.get("step", False),
        )
    files = told["file"] if isinstance(told["file"], list) else [told["file"]]
    return Hand(
        [name if name[0] == "/" else folder + name for name in files],
        told.get("step", False),
        told.get("scale", 1),
        told.get("offset", 0),
        told.get("clip"),
        told.get("start_s", 0),
        told.get("loop", True),
    )
