# What moves a device model: a callable, position(t_s) -> number in the model's own unit (1/0 pressed, Pa, mm, V, uS).
#
#   Hand("taps.csv", step=True)                          plays a recording of "t_s,value" lines, as fast as it was made
#   Hand(["a.csv", "b.csv"], scale=8, offset=101325,     several end to end; value * scale + offset, kept within clip;
#        clip=(98000, 110000), start_s=12, loop=True)    begun somewhere inside; begun again at the end
#   Moved(client_of("weak", 3), 4000, 101325)            a simulated client (clients.py): place * scale + offset; with
#                                                        `step` pressed beyond half of what is full for this client
#   Hits(Hand("taps.csv", step=True), 0.3, 2.4)          every tap a hit on a pad, 0.3 the softest, 2.4 the hardest
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


class Hits:
    """What a pad rings with: a blow at every beginning of a press, over within LASTS_S."""

    LASTS_S = 0.004
    LOOK_S = 0.0005

    def __init__(self, presses, softest, hardest):
        self._presses = presses
        self._softest = softest
        self._span = hardest - softest
        self._down = 1  # the first look is no hit
        self._looked_s = self._begun_s = -1
        self._top = 0

    def __call__(self, t_s):
        if not 0 <= t_s - self._looked_s < self.LOOK_S:
            self._looked_s = t_s
            down = self._presses(t_s)
            if down and not self._down:
                self._begun_s = t_s
                self._top = self._softest + self._span * self._presses.force(t_s)
            self._down = down
        left = 1 - (t_s - self._begun_s) / self.LASTS_S
        return self._top * left if 0 < left <= 1 else 0


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

    def force(self, t_s):
        """0..1, how hard a press is that begins now: by how quickly the place rises."""
        t = t_s + self._start_s
        return min(max((self.client(t) - self.client(t - 0.02)) / 0.2, 0), 1)


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

    def force(self, t_s):
        """0..1, how hard a tap is that begins now: a short contact is a hard one, 0.25 s and more the softest."""
        self(t_s)
        i = self._index
        lasts = self._times[i + 1] - self._times[i] if i + 1 < len(self._times) else 0.25
        return min(max(1 - lasts / 0.25, 0), 1)

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


KEYS = ("file", "value", "client", "seed", "step", "hit", "scale", "offset", "clip", "start_s", "loop")


def hand_of(told, folder=""):
    """A hand from its table in hands.json; file names are relative to the folder of that file."""
    for key in told:
        if key not in KEYS:
            raise ValueError("a hand does not know '%s'; it knows: %s" % (key, ", ".join(KEYS)))
    if "hit" in told:
        presses = {key: told[key] for key in told if key != "hit"}
        presses["step"] = True
        return Hits(hand_of(presses, folder), *told["hit"])
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
