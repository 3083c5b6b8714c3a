# The link over the board's own console: USB serial on a board, a pseudo-terminal on a desktop.
#
# Streams only while a keep-alive was heard in the last 2 s (the lease), and drops a whole line rather than wait.
#
# On an RP2040 "ready to write" means one free byte, and a write that does not fit waits for the host, 500 ms and more.
# Its buffer empties in USB packets of 64 bytes: as long as everything is written in whole blocks of 64, each block
# after a look, what is free is a multiple of 64 and a block never waits. Lines are filled up with newlines for that.
#
# A hello takes an RP2040 10 ms to make, so it is made a piece a tick while reading lines leave, and then sent at once.

import select
import sys

from reachnote_board.sensors import since
from reachnote_wire import ASK_HELLO, ERROR, HELLO, KEEP_ALIVE, LEASE_MS, SET, SILENCE, ascii_json, body_of, check_of, frame

READ_A_TICK = 4  # bytes; a keep-alive has 11
LISTEN_TICKS = 4  # between two looks for input
POLLIN, POLLOUT = select.POLLIN, select.POLLOUT
BLOCK = 64 if sys.platform == "rp2" else 1
BLOCKS_A_TICK = 3
PIECE = BLOCK if BLOCK > 1 else 128
TAIL = 512  # more than the longest line
MOST_WAITING = 34  # hellos and errors; one for each sensor that is broken


class Console:
    """`hello()` gives the introduction as a dict; `set_option(name, value)` returns None or a sentence why not.

    `step(now)` once a tick. `send(buffer)` True when the whole line left (or is leaving).
    """

    def __init__(self, stdin, stdout, hello, set_option):
        self.dropped = 0
        self.streaming = False
        self._hello = hello
        self._set_option = set_option
        self._read = stdin.buffer.readinto
        self._write = stdout.buffer.write
        self._input = _poll_of(stdin, POLLIN)
        self._output = _poll_of(stdout, POLLOUT)
        self._one = bytearray(1)
        self._line = bytearray(256)
        self._length = 0
        self._skip = False
        self._keep = frame(KEEP_ALIVE)[:-1]
        self._first = memoryview(self._line)[: len(self._keep)]
        self._heard = 0
        self._rest = 0  # ticks until the next look for input
        self._buffer = None
        self._blocks = ()
        self._tail = bytearray(TAIL)
        self._tail_blocks = _cut(self._tail, BLOCK)
        self._tail_at = 0
        self._tail_end = 0
        self._greeted = False
        self._waiting = []  # hellos and errors still to be made: generators
        self._long = None  # the one on its way
        self._long_at = 0

    def step(self, now):
        if self._tail_at < self._tail_end:
            self._send_tail()
        elif self._long is not None:
            self._send_long()
        elif self._waiting:
            self._make()
        if self._rest:
            self._rest -= 1
            return
        if not self._hear(now):
            self._rest = LISTEN_TICKS - 1
        if self.streaming and since(now, self._heard) > LEASE_MS * 1000:
            self.streaming = False
            self._forget()

    def send(self, buffer):
        if not self.streaming or not self._greeted:
            return False
        if self._long is not None or self._tail_at < self._tail_end:
            self.dropped += 1
            return False
        if buffer is not self._buffer:
            # The packer's buffer is always the same one: cut it into blocks once.
            self._blocks = _cut(buffer, BLOCK if BLOCK > 1 else len(buffer))
            self._buffer = buffer
        at = 0
        for block in self._blocks:
            sent = self._put(block)
            at += sent
            if sent < len(block):
                break
        if at == 0:
            self.dropped += 1
            return False
        if at < len(buffer):
            self._keep_tail(buffer, at)
        return True

    def trouble(self, sensor, text):
        self._say(ERROR, {"sensor": sensor, "text": text})

    def silence(self, asked):
        """The board's own button asks for silence, for the `asked`th time since the start."""
        self._say(SILENCE, {"asked": asked})

    # ------------------------------------------------------------ out

    def _say(self, letter, thing):
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(_pieces(letter, thing))

    def _make(self):
        line = next(self._waiting[0])
        if line is not None:
            self._waiting.pop(0)
            self._long = memoryview(line)
            self._long_at = 0

    def _send_long(self):
        for _ in range(BLOCKS_A_TICK):
            sent = self._put(self._long[self._long_at : self._long_at + PIECE])
            if not sent:
                return
            self._long_at += sent
            if self._long_at == len(self._long):
                if self._long[1] == ord(HELLO):
                    self._greeted = True
                self._long = None
                return

    def _forget(self):
        self._long = None
        self._tail_at = self._tail_end = 0
        self._waiting.clear()

    def _keep_tail(self, buffer, at):
        # The packer writes the next line over this one: the rest is copied.
        n = 0
        while at < len(buffer):
            self._tail[n] = buffer[at]
            n += 1
            at += 1
        self._tail_at = 0
        self._tail_end = n

    def _send_tail(self):
        for _ in range(BLOCKS_A_TICK if BLOCK > 1 else PIECE):
            sent = self._put(self._tail_blocks[self._tail_at // BLOCK])
            self._tail_at += sent
            if not sent or self._tail_at >= self._tail_end:
                return

    def _put(self, data):
        # Bytes taken of one block, 0 when the console is not free.
        for what in self._output.ipoll(0):
            if what[1] & POLLOUT:
                try:
                    return self._write(data) or 0
                except OSError:  # nobody has the port open
                    return 0
        return 0

    # ------------------------------------------------------------ in

    def _hear(self, now):
        """True when there may be more."""
        one = self._one
        for _ in range(READ_A_TICK):
            for _ in self._input.ipoll(0):
                break
            else:
                return False
            try:
                if not self._read(one):
                    return False
            except OSError:  # nobody has the port open
                return False
            self._take(one[0], now)
        return True

    def _take(self, c, now):
        if c == 10:
            if not self._skip:
                self._heard_line(now)
            self._length = 0
            self._skip = False
        elif self._length < 256:
            self._line[self._length] = c
            self._length += 1
        else:
            self._skip = True

    def _heard_line(self, now):
        if self._length == len(self._keep) and self._first == self._keep:
            self._lease(now)
            return
        line = bytes(self._line[: self._length])
        at = line.rfind(b"$")
        body = body_of(line[at:]) if at >= 0 else None
        if body is None:
            return
        letter = chr(body[0])
        if letter == KEEP_ALIVE:
            self._lease(now)
        elif letter == ASK_HELLO:
            self._introduce()
        elif letter == SET:
            self._set(body[1:])

    def _lease(self, now):
        self._heard = now
        if not self.streaming:
            self.streaming = True
            self._greeted = False  # no reading line before the hello that explains it
            self._waiting.clear()
            self._introduce()

    def _introduce(self):
        # Its own troubles come behind it.
        at = len(self._waiting)
        hello = _pieces(HELLO, self._hello())
        if at < MOST_WAITING:
            self._waiting.insert(at, hello)

    def _set(self, text):
        import json

        try:
            wanted = json.loads(text)
            if not isinstance(wanted, dict):
                raise ValueError
            why = None
            for name in wanted:
                why = why or self._set_option(name, wanted[name])
        except ValueError:
            why = "set: this is not a JSON object"
        if why:
            self.trouble("", why)
        else:
            self._introduce()


def _poll_of(stream, event):
    poll = select.poll()
    poll.register(stream, event)
    return poll


def _cut(buffer, size):
    view = memoryview(buffer)
    return [view[n : n + size] for n in range(0, len(buffer), size)]


def _pieces(letter, thing):
    """None a few times, then frame(letter, ascii_json(thing)) of a dict, filled up to whole blocks."""
    line = bytearray(("$" + letter).encode())
    before = "{"
    for key in thing:
        line += (before + ascii_json(key) + ": ").encode()
        before = ", "
        value = thing[key]
        if isinstance(value, list) and value:
            between = "["
            for item in value:
                line += (between + ascii_json(item)).encode()
                between = ", "
                yield None
            line += b"]"
        else:
            line += ascii_json(value).encode()
            yield None
    line += b"}" if thing else b"{}"
    line += check_of(line) + b"\n"
    yield None
    line += b"\n" * (-len(line) % BLOCK)
    yield line
