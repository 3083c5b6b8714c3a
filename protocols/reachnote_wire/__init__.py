# The reachnote wire: one source for board (MicroPython) and host (CPython).
#
# A line is  $ + letter + text + CRC-32 + newline,  printable ASCII throughout.
# protocols/wire.md is the contract in words, protocols/vectors/ the golden lines.
#
# Room rules: no clock, no I/O; nothing that packs a reading touches the heap;
# '$' stands only at the start of a line, so a line can be found behind any noise.

import json
from array import array
from binascii import crc32, hexlify, unhexlify

VERSION = 1  # what a board speaks; a host reads every released version
MAX_LINE = 8192  # a hello of 32 sensors; bytes of one line, newline included
MAX_SENSORS = 32
LEASE_MS = 2000  # a board streams while it heard a keep-alive this recently
KEEP_ALIVE_MS = 500
TIME_BITS = 30  # board time: microseconds, modulo 2**30 (about 17.9 minutes)
TIME_MASK = (1 << TIME_BITS) - 1

HELLO, READING, ERROR, SILENCE, MIDI = "h", "r", "e", "q", "m"  # board to host
KEEP_ALIVE, ASK_HELLO, SET = "k", "a", "s"  # host to board
LETTERS = "hreqmkas"

# Status of a sensor, sent with every value.
OK = 0  # trust the value
STARTING = 1  # no value yet
WEAK = 2  # usable, less certain
NO_TARGET = 3  # nothing in reach of the sensor: rest, not a fault
SATURATED = 4  # at the end of what the sensor can tell
STUCK = 5  # has not moved as a live sensor does
ABSENT = 6  # does not answer
SHORTED = 7  # a switch closed since power-on
CLOSED_CONTACT = 8  # a normally-closed switch: usable, the board turns it round
NOISY = 9  # jumps faster than anything can move
FAULT = 10  # the driver gave up; a board error line says why
STATUS_WORDS = (
    "ok",
    "starting",
    "weak",
    "no_target",
    "saturated",
    "stuck",
    "absent",
    "shorted",
    "closed_contact",
    "noisy",
    "fault",
)
USABLE = (OK, WEAK, CLOSED_CONTACT)

# How the 24 bits of a value are read, by the kind that the hello names.
KINDS = ("switch", "pressure", "distance", "voltage", "force", "impact")

# ---------------------------------------------------------------- values


def switch_value(pressed, edges, age_us, strength=0):
    # State, edge count modulo 256, age of the last edge in 250 us steps (full scale: that or longer),
    # strength of the last press 1..7 where the switch knows it.
    age = age_us // 250
    if age > 4095:
        age = 4095
    return (strength & 7) << 21 | (1 << 20 if pressed else 0) | (edges & 255) << 12 | age


def read_switch(value):
    # (pressed 0/1, edge count 0..255, age of the last edge in us)
    return value >> 20 & 1, value >> 12 & 255, (value & 4095) * 250


def switch_strength(value):
    # Strength of the last press 1..7, 0 where the switch knows none.
    return value >> 21 & 7


def impact_value(hits, peak, age_us):
    # Hit count modulo 16, peak 0..4095, age of the peak in 500 us steps.
    age = age_us // 500
    if age > 255:
        age = 255
    return (hits & 15) << 20 | (peak & 4095) << 8 | age


def read_impact(value):
    # (hit count 0..15, peak 0..4095, age of the peak in us)
    return value >> 20 & 15, value >> 8 & 4095, (value & 255) * 500


# ---------------------------------------------------------------- CRC-32 in 16-bit halves
# A CRC above 2**30 is a heap object on a 32-bit board; two halves never are.

CRC_LOW = array("H", bytes(512))
CRC_HIGH = array("H", bytes(512))


def _fill_tables():
    for n in range(256):
        low, high = n, 0
        for _ in range(8):
            odd = low & 1
            low = low >> 1 | (high & 1) << 15
            high = high >> 1
            if odd:
                low ^= 0x8320  # 0xEDB88320, the reflected polynomial of zlib's CRC-32
                high ^= 0xEDB8
        CRC_LOW[n] = low
        CRC_HIGH[n] = high


_fill_tables()

# ---------------------------------------------------------------- lines


def frame(letter, text=""):
    """One whole line as bytes. `text` is printable ASCII without '$'."""
    body = ("$" + letter + text).encode()
    return body + check_of(body) + b"\n"


def check_of(body):
    """The 8 digits that end a line. (On a board b"%08x" % crc takes as long as a tick.)"""
    return hexlify(crc32(body).to_bytes(4, "big"))


def body_of(line):
    """Letter and text of one line (bytes, no newline) as bytes, or None when it is damaged."""
    if len(line) < 10 or line[0] != 36:
        return None
    body = line[:-8]
    if line[-8:] != check_of(body):
        return None
    return body[1:]


def ascii_json(thing):
    """JSON text of printable ASCII; '$' and everything beyond ASCII is escaped."""
    text = json.dumps(thing)
    if len(text.encode()) == len(text) and "$" not in text and "\x7f" not in text:
        return text
    for c in set(text):
        n = ord(c)
        if n == 36 or n < 32 or n > 126:
            text = text.replace(c, _escape(n))
    return text


def _escape(n):
    if n <= 0xFFFF:
        return "\\u%04x" % n
    n -= 0x10000
    return "\\u%04x\\u%04x" % (0xD800 + (n >> 10), 0xDC00 + (n & 0x3FF))


class Splitter:
    """Cuts a stream of bytes into lines, in any chunking.

    `feed(chunk)` returns the bodies (letter and text, bytes) of every intact line. What is
    not a line is counted: `damaged` (a line that fails its CRC, or is over-long) and
    `noise` (text that never claimed to be one: a print, a traceback, a modem's AT).
    Memory stays below 2 * MAX_LINE whatever comes.
    """

    def __init__(self):
        self.damaged = 0
        self.noise = 0
        self._rest = b""
        self._skip = False

    def feed(self, chunk):
        if self._rest:
            chunk = self._rest + chunk
            self._rest = b""
        found = []
        if chunk.find(b"\n") < 0:
            self._keep(chunk)
            return found
        lines = chunk.split(b"\n")
        last = lines.pop()
        for line in lines:
            if not line:
                continue
            body = body_of(line)
            if body is None:
                body = self._rescue(line)
            if body is not None:
                found.append(body)
        self._skip = False
        if last:
            self._keep(last)
        return found

    def _keep(self, rest):
        if len(rest) < MAX_LINE:
            self._rest = rest
            return
        at = rest.rfind(b"$")
        if not self._skip:
            self._skip = True
            self.damaged += 1
        if at >= 0 and len(rest) - at < MAX_LINE:
            self._rest = rest[at:]

    def _rescue(self, line):
        # An intact line may stand behind a torn one or a print without a newline.
        if line.endswith(b"\r"):  # a console in between turned \n into \r\n
            line = line[:-1]
            body = body_of(line)
            if body is not None:
                return body
        at = line.rfind(b"$")
        if at < 0:
            if line.strip() and not self._skip:
                self.noise += 1
            return None
        body = body_of(line[at:]) if at else None
        if body is None or line.find(b"$") < at:
            if not self._skip:
                self.damaged += 1
        elif line[:at].strip() and not self._skip:
            self.noise += 1
        return body


# ---------------------------------------------------------------- the reading line, board side


class Packer:
    """Writes reading lines of one instrument into one buffer, made once.

    Fill `status[i]` and `value[i]` (0 .. 2**24-1), then `pack(time_us)`; the line, newline
    included, is `buffer`, filled up with newlines to a multiple of `block` bytes where one is given.
    `pack` takes nothing from the heap.
    """

    def __init__(self, count, native=None, block=1):
        if not 0 < count <= MAX_SENSORS:
            raise ValueError("a board carries 1 to %d sensors" % MAX_SENSORS)
        self.status = bytearray(count)
        self.value = array("i", [0] * count)
        length = 2 + 12 + 8 * count + 9
        self.buffer = bytearray(b"\n" * (length + -length % block))
        self.buffer[0] = 36
        self.buffer[1] = ord(READING)
        self._head = array("i", (0, 0, count))
        self._write = native or write_plain

    def pack(self, time_us):
        head = self._head
        head[1] = time_us
        self._write(self.buffer, self.status, self.value, head)
        head[0] = head[0] + 1 & 0xFFFF


def write_plain(buffer, status, value, head):
    # The plain twin of native.write; the vectors hold both to the same bytes.
    at = _hex(buffer, 2, head[0], 4)
    at = _hex(buffer, at, head[1], 8)
    for i in range(head[2]):
        at = _hex(buffer, at, status[i], 2)
        at = _hex(buffer, at, value[i], 6)
    low = high = 0xFFFF
    for i in range(at):
        n = (low ^ buffer[i]) & 255
        low = (low >> 8 | (high & 255) << 8) ^ CRC_LOW[n]
        high = high >> 8 ^ CRC_HIGH[n]
    at = _hex(buffer, at, high ^ 0xFFFF, 4)
    _hex(buffer, at, low ^ 0xFFFF, 4)


def _hex(buffer, at, number, digits):
    end = at + digits
    i = end
    while i > at:
        i -= 1
        n = number & 15
        buffer[i] = n + 48 if n < 10 else n + 87
        number >>= 4
    return end


def native_writer():
    """The packer in machine code where this port has it, else None."""
    try:
        from reachnote_wire import native

        return native.write
    except (ImportError, SyntaxError, ValueError):  # no emitter; compiled for another chip
        return None


# ---------------------------------------------------------------- the reading line, host side


def read_line(body):
    """(seq, time_us, [(status, value), ...]) of a reading's body, or None when it is not one."""
    text = body[1:]
    if len(text) < 20 or (len(text) - 12) % 8:
        return None
    try:
        raw = unhexlify(text)
    except ValueError:
        return None
    seq = raw[0] << 8 | raw[1]
    time_us = raw[2] << 24 | raw[3] << 16 | raw[4] << 8 | raw[5]
    words = []
    for i in range(6, len(raw), 4):
        words.append((raw[i], raw[i + 1] << 16 | raw[i + 2] << 8 | raw[i + 3]))
    return seq, time_us, words
