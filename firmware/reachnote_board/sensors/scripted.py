# A sensor that plays a script instead of measuring: for benches, demonstrations and tests of everything behind it.
#
# The script is `samples` [[ms, value], [ms, value, status], ...], or a `wave`, or a file of "t_s,value" lines read at
# start (`source`; on a desktop). It starts with the first tick and loops. A switch passes on its edges with
# their true times.

from array import array

from reachnote_board.plausible import choice, later, number, whole
from reachnote_board.sensors import Sensor, since
from reachnote_wire import KINDS, OK, STATUS_WORDS, switch_value

LARGEST = 0xFFFFFF
LONGEST_US = 500000000  # between two samples
OLD_US = 1100000


class Driver(Sensor):
    OPTIONS = {
        "kind": ("voltage", "kind it claims to be: " + ", ".join(KINDS)),
        "samples": (None, "[[ms, raw value, status (default ok)], ...], ms ascending from 0"),
        "wave": (None, '"square" (high, then low; played when nothing is told) or "ramp" (low to high and back)'),
        "source": (None, 'path of a file of "t_s,value" lines'),
        "period_ms": (None, "length of a loop, ms, 1 to 500000; untold 1000 for a wave, else the script's own"),
        "low": (0, "lowest raw value of a wave, 0 to 16777215"),
        "high": (1, "highest raw value of a wave, 0 to 16777215"),
        "smooth": (False, "true: straight lines between samples"),
        "scale": (1, "what a value of the file is multiplied by"),
        "offset": (0, "what is added to it"),
        "unit": ("", "unit of the hello"),
        "per_unit": (1, "raw counts a unit"),
        "min": (0, "lowest plausible raw value"),
        "max": (None, "highest plausible raw value; else the script's own"),
        "rest": (None, "raw value where nobody plays; else the script's lowest"),
        "reach": (None, "raw value of a full reach; else the script's highest"),
        "rate_hz": (1000, "rate of fresh values, Hz"),
    }

    def __init__(self, options, hardware):
        super().__init__(options)
        self._kind = choice(self, "kind", KINDS)
        self._switch = self._kind == "switch"
        self._smooth = self.option("smooth") or self.option("wave") == "ramp"
        rows = self._read()
        self._length = len(rows)
        self._values = array("i", [row[1] for row in rows])
        self._states = bytearray([row[2] for row in rows])
        self._gaps = array("i", self._gaps_of(rows))  # us from each sample to the next one
        self._index = 0
        self._at = -1  # when the present sample began
        self._pressed = 0
        self._edges = 0
        self._edge_at = 0
        self._old = True

    def describe(self):
        rest = self._or(self.option("rest"), min(self._values))
        reach = self._or(self.option("reach"), max(self._values))
        if reach == rest:
            reach = rest + 1 if rest < LARGEST else rest - 1
        return {
            "kind": self._kind,
            "unit": self.option("unit"),
            "per_unit": self.option("per_unit"),
            "min": self.option("min"),
            "max": self._or(self.option("max"), max(rest, reach)),
            "rest": rest,
            "reach": reach,
            "rate_hz": self.option("rate_hz"),
        }

    def _or(self, told, otherwise):
        return otherwise if told is None else told

    def step(self, now):
        if self._at < 0:
            self._at = now
            self._show(self._index)
        while True:
            gap = self._gaps[self._index]
            if since(now, self._at) < gap:
                break
            self._at = later(self._at, gap)
            self._index = (self._index + 1) % self._length
            self._show(self._index)
        if not self._old and since(now, self._edge_at) > OLD_US:
            self._old = True

    def report(self, now):
        if self._switch:
            self.value = switch_value(self._pressed, self._edges, OLD_US if self._old else since(now, self._edge_at))
        elif self._smooth:
            self.value = self._between(since(now, self._at))

    def _show(self, index):
        self.status = self._states[index]
        value = self._values[index]
        if not self._switch:
            self.value = value
            return
        pressed = 1 if value else 0
        if pressed != self._pressed:
            self._pressed = pressed
            self._edges = self._edges + 1 & 255
            self._edge_at = self._at
            self._old = False
            self.edge = True

    def _between(self, us):
        here = self._values[self._index]
        there = self._values[(self._index + 1) % self._length]
        part = us // ((self._gaps[self._index] >> 10) + 1)  # 0..1023
        rise = there - here
        return here + (rise >> 10) * part + ((rise & 1023) * part >> 10)

    # ------------------------------------------------------------ reading the script, at start

    def _read(self):
        given = [key for key in ("samples", "wave", "source") if self.option(key) is not None]
        if len(given) > 1:
            raise ValueError("sensor '%s' takes one of samples, wave, source" % self.name)
        how = given[0] if given else "wave"
        rows = self._wave() if how == "wave" else self._file() if how == "source" else self._list()
        if not rows or rows[0][0] != 0:
            raise ValueError("sensor '%s': the script must begin at time 0" % self.name)
        for row in rows:
            if not isinstance(row[1], int) or not 0 <= row[1] <= LARGEST:
                raise ValueError("sensor '%s': the value %s is not within 0 to %d" % (self.name, row[1], LARGEST))
        return rows

    def _list(self):
        rows = []
        for row in self.option("samples"):
            state = row[2] if len(row) > 2 else OK
            if state not in range(len(STATUS_WORDS)):
                raise ValueError("sensor '%s': there is no status %s" % (self.name, state))
            rows.append((round(row[0] * 1000), row[1], state))
        return rows

    def _wave(self):
        low, high = whole(self, "low", 0, LARGEST), whole(self, "high", 0, LARGEST)
        half = self._period_us(1000000) // 2
        if choice(self, "wave", (None, "square", "ramp")) != "ramp":
            return [(0, high, OK), (half, low, OK)]
        return [(0, low, OK), (half, high, OK)]

    def _file(self):
        scale, offset = number(self, "scale", -1e9, 1e9), number(self, "offset", -1e9, 1e9)
        rows = []
        with open(self.option("source")) as file:
            for line in file:
                t, _, value = line.partition(",")
                if not t or t[0] not in "0123456789.":
                    continue
                raw = round(float(value) * scale + offset)
                rows.append((round(float(t) * 1000000), max(0, min(LARGEST, raw)), OK))
        return [(us - rows[0][0], raw, state) for us, raw, state in rows]

    def _period_us(self, otherwise):
        if self.option("period_ms") is None:
            return otherwise
        return round(number(self, "period_ms", 1, 500000) * 1000)

    def _gaps_of(self, rows):
        # The last sample lasts to the end of the loop, and where no length is told as long as the one before.
        last = rows[-1][0]
        guess = last + (last - rows[-2][0] if len(rows) > 1 else 1000000)
        end = self._period_us(guess if self.option("samples") or self.option("source") else 1000000)
        times = [row[0] for row in rows] + [end]
        gaps = [times[n + 1] - times[n] for n in range(len(rows))]
        for gap in gaps:
            if not 0 < gap <= LONGEST_US:
                text = "sensor '%s': times must ascend, by at most 500 s, and end within the loop"
                raise ValueError(text % self.name)
        return gaps
