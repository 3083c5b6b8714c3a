# The link over the network: the serial wire's meaning as OSC messages over UDP (protocols/osc.md).
#
# Same lease and same rule as on the console: streams only while a keep-alive was heard in the last 2 s, and drops
# a whole reading rather than wait. The socket is connected, so only the host that the wiring names is ever heard.
#
# Ran: unix MicroPython and CPython sockets, on one computer. Not run: the sockets of an RP2040 or ESP32. What is used
# of them is the stream protocol (`readinto`, `write`: None when there is nothing or no room), since it takes nothing
# from the heap; `recv`, `recvfrom` and raising EAGAIN do.

import struct

from reachnote_board.sensors import since
from reachnote_wire import LEASE_MS, ascii_json

HELLO_US = 2000000  # until somebody listens
KEEP_ALIVE = b"/reachnote/keepalive\0\0\0\0"
ASK_HELLO = b"/reachnote/askhello\0"
SET = b"/reachnote/set\0\0"
HEAD = 14  # of a reading line: $ r, 4 digits of sequence, 8 of time
PLAIN, SWITCH, IMPACT = 0, 1, 2


class OscLink:
    """`sock`: connected to the host, non-blocking, or None while there is no network (see `use`).

    `hello()` gives the introduction as a dict; `set_option(name, value)` returns None or a sentence why not.
    `step(now)` once a tick, before `send`. `send(line)` takes a whole reading line, True when it left as one datagram.
    With `always` it streams without keep-alives, for programs that cannot answer.
    """

    def __init__(self, sock, hello, set_option, uid, always=False):
        self.dropped = 0
        self.streaming = False
        self._hello = hello
        self._set_option = set_option
        self._uid = uid
        self._always = always
        self._heard = 0
        self._said = None
        self._in = bytearray(256)
        self._length = 0
        self._layout = bytearray([_layout_of(sensor.get("kind")) for sensor in hello()["sensors"]])
        ints = 2
        for layout in self._layout:
            ints += 2 if layout == PLAIN else 4
        head = text("/reachnote/reading") + text(",s" + "i" * ints) + text(uid)
        self._at = len(head)
        self._out = bytearray(len(head) + 4 * ints)
        self._out[: self._at] = head
        self.use(sock)

    def use(self, sock):
        """Another socket, or None while there is no network."""
        self._read = self._write = None
        self.streaming = False
        self._said = None
        if sock is not None:
            # CPython's sockets have no stream protocol.
            self._read = getattr(sock, "readinto", None) or sock.recv_into
            self._write = getattr(sock, "write", None) or sock.send

    def step(self, now):
        if self._read is None:
            return
        self._hear(now)
        if self._always:
            if not self.streaming:
                self._lease(now)
        elif self.streaming and since(now, self._heard) > LEASE_MS * 1000:
            self.streaming = False
            self._said = None
        if not self.streaming and (self._said is None or since(now, self._said) >= HELLO_US):
            self._introduce(now)

    def send(self, line):
        if not self.streaming or self._write is None:
            return False
        self._fill(line)
        return self._put(self._out)

    def trouble(self, sensor, sentence):
        self._put(text("/reachnote/error") + text(",sss") + text(self._uid) + text(sensor) + text(sentence))

    def silence(self, asked):
        """The board's own button asks for silence, for the `asked`th time since the start."""
        self._put(text("/reachnote/silence") + text(",si") + text(self._uid) + struct.pack(">i", asked))

    # ------------------------------------------------------------ out

    def _fill(self, line):
        # From the serial line's digits, so that both links say the same by construction.
        out = self._out
        at = self._at
        _put_int(out, at, _digits(line, 2, 6))
        _put_int(out, at + 4, _digits(line, 6, HEAD))
        at += 8
        i = HEAD
        for layout in self._layout:
            out[at + 3] = _digits(line, i, i + 2)
            value = _digits(line, i + 2, i + 8)
            i += 8
            at += 4
            if layout == SWITCH:
                out[at + 3] = value >> 20 & 1
                out[at + 7] = value >> 12 & 255
                _put_int(out, at + 8, (value & 4095) * 250)
                at += 12
            elif layout == IMPACT:
                out[at + 3] = value >> 20 & 15
                _put_int(out, at + 4, value >> 8 & 4095)
                _put_int(out, at + 8, (value & 255) * 500)
                at += 12
            else:
                _put_int(out, at, value)
                at += 4

    def _put(self, packet):
        if self._write is None:
            return False
        try:
            if self._write(packet) == len(packet):
                return True
        except OSError:  # no room, no route, nobody there: the next reading carries the full state again
            pass
        self.dropped += 1
        return False

    def _introduce(self, now):
        self._said = now
        self._put(text("/reachnote/hello") + text(",ss") + text(self._uid) + text(ascii_json(self._hello())))

    def _lease(self, now):
        self._heard = now
        if not self.streaming:
            self.streaming = True
            self._introduce(now)

    # ------------------------------------------------------------ in

    def _hear(self, now):
        try:
            self._length = self._read(self._in) or 0
        except OSError:  # nothing there (CPython), or an answer of the network to what was sent
            return
        # MicroPython's readinto joins whatever datagrams are there; each begins at a multiple of four.
        asked = False
        at = 0
        while at < self._length:
            if self._is(KEEP_ALIVE, at):
                self._lease(now)
            elif self._is(ASK_HELLO, at):
                asked = True
            elif self._is(SET, at) and self._set(at):
                asked = True
            at += 4
        if asked:
            self._introduce(now)

    def _is(self, head, at):
        if self._length < at + len(head):
            return False
        for c in head:
            if self._in[at] != c:
                return False
            at += 1
        return True

    def _set(self, at):
        try:
            name, value = read_set(bytes(self._in[at : self._length]))
            why = self._set_option(name, value)
        except (ValueError, IndexError):
            why = "set: this is not a name and one value"
        if why:
            self.trouble("", why)
        return not why


def read_set(packet):
    """(name, value) of a /reachnote/set; another message may follow. ValueError or IndexError when it is none."""
    at = len(SET)
    end = packet.find(b"\0", at)
    tags = packet[at:end]
    if len(tags) != 3 or tags[:2] != b",s":
        raise ValueError
    at += 4
    end = packet.find(b"\0", at)
    if end < 0:
        raise ValueError
    name = packet[at:end].decode()
    at = end + 4 & ~3
    tag = tags[2]
    if tag == 84 or tag == 70:  # T F
        return name, tag == 84
    if tag == 115:  # s
        end = packet.find(b"\0", at)
        if end < 0:
            raise ValueError
        return name, packet[at:end].decode()
    if len(packet) < at + 4 or tag not in b"if":
        raise ValueError
    return name, struct.unpack(">i" if tag == 105 else ">f", packet[at : at + 4])[0]


def text(words):
    """An OSC string: zero-ended, padded with zeros to a multiple of four."""
    raw = words.encode()
    return raw + bytes(4 - len(raw) % 4)


def _layout_of(kind):
    return SWITCH if kind == "switch" else IMPACT if kind == "impact" else PLAIN


def _digits(line, at, end):
    n = 0
    while at < end:
        c = line[at]
        n = n << 4 | (c - 48 if c < 58 else c - 87)
        at += 1
    return n


def _put_int(out, at, n):
    out[at] = n >> 24
    out[at + 1] = n >> 16 & 255
    out[at + 2] = n >> 8 & 255
    out[at + 3] = n & 255
