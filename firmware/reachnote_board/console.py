# The link over the board's own console: USB serial on a board, a pseudo-terminal on a desktop.
#
# Streams only while a keep-alive was heard in the last 2 s (the lease), and drops a whole line rather than wait.
#
# On an RP2040 "ready to write" means one free byte, and a write that does not fit waits for the host, 500 ms and more.
# Its buffer empties in USB packets of 64 bytes: as long as everything is written in whole blocks of 64, each block after
# a look, what is free is a multiple of 64 and a block never waits. Lines are filled up with newlines for that.

import select
import sys

from reachnote_board.sensors import since
from reachnote_wire import ASK_HELLO, ERROR, HELLO, KEEP_ALIVE, LEASE_MS, SET, ascii_json, body_of, frame

READ_A_TICK = 12  # a keep-alive is 11 bytes
BLOCK = 64 if sys.platform == "rp2" else 1
BLOCKS_A_TICK = 2 if BLOCK > 1 else 128
TAIL = 512  # more than the longest line


class Console:
    """`hello()` gives the introduction as a dict; `set_option(name, value)` returns None or a sentence why not.

    `step(now)` once a tick, before `send`. `send(buffer)` True when the whole line left (or is leaving).
    """

    def __init__(self, stdin, stdout, hello, set_option):
        self.dropped = 0
        self.streaming = False
        self._hello = hello
        self._set_option = set_option
        self._stdin = stdin
        self._stdout = stdout
        self._read = stdin.buffer.readinto
        self._write = stdout.buffer.write
        self._poll = select.poll()
        self._poll.register(stdin, select.POLLIN)
        self._poll.register(stdout, select.POLLOUT)
        self._one = bytearray(1)
        self._keep = frame(KEEP_ALIVE)
        self._line = bytearray(256)
        self._length = 0
        self._skip = False
        self._heard = 0
        self._ready = False
        self._buffer = None
        self._blocks = ()
        self._tail = bytearray(TAIL)
        view = memoryview(self._tail)
        self._tail_blocks = [view[n : n + BLOCK] for n in range(0, TAIL, BLOCK)]
        self._tail_at = 0
        self._tail_end = 0
        self._long = None  # hello or error on its way, sent a piece a tick
        self._long_at = 0

    def step(self, now):
        readable = self._look()
        if self.streaming and since(now, self._heard) > LEASE_MS * 1000:
            self.streaming = False
            self._long = None
            self._tail_at = self._tail_end = 0
        if readable:
            self._hear(now)
        if self._ready:
            if self._tail_at < self._tail_end:
                self._send_tail()
            elif self._long is not None:
                self._send_long()

    def send(self, buffer):
        if not self.streaming:
            return False
        if not self._ready or self._long is not None or self._tail_at < self._tail_end:
            self.dropped += 1
            return False
        if buffer is not self._buffer:
            self._cut(buffer)
        at = 0
        for block in self._blocks:
            if at and not self._free():
                break
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
        self._say(frame(ERROR, ascii_json({"sensor": sensor, "text": text})))

    # ------------------------------------------------------------ out

    def _say(self, line):
        # What is under way is finished first: half a line would only be noise.
        if self._long is None:
            self._long = line
            self._long_at = 0
        elif len(self._long) < 4096:
            self._long += line

    def _send_long(self):
        size = BLOCK if BLOCK > 1 else 128
        for n in range(2):
            if n and not self._free():
                return
            piece = self._long[self._long_at : self._long_at + size]
            piece += b"\n" * (-len(piece) % BLOCK)
            self._long_at += self._put(piece)
            if self._long_at >= len(self._long):
                self._long = None
                return

    def _cut(self, buffer):
        # The packer's buffer is always the same one: cut it into blocks once.
        view = memoryview(buffer)
        size = BLOCK if BLOCK > 1 else len(buffer)
        self._blocks = [view[n : n + size] for n in range(0, len(buffer), size)]
        self._buffer = buffer

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
        for n in range(BLOCKS_A_TICK):
            if self._tail_at >= self._tail_end or n and BLOCK > 1 and not self._free():
                return
            sent = self._put(self._tail_blocks[self._tail_at // BLOCK])
            if not sent:
                return
            self._tail_at += sent

    def _put(self, data):
        try:
            return self._write(data) or 0
        except OSError:  # nobody has the port open
            return 0

    def _free(self):
        self._look()
        return self._ready

    # ------------------------------------------------------------ in

    def _hear(self, now):
        one = self._one
        line = self._line
        for n in range(READ_A_TICK):
            if n and not self._look():
                return
            try:
                if not self._read(one):
                    return
            except OSError:  # nobody has the port open
                return
            c = one[0]
            if c == 10:
                if not self._skip:
                    self._heard_line(now)
                self._length = 0
                self._skip = False
            elif self._length < 256:
                line[self._length] = c
                self._length += 1
            else:
                self._skip = True

    def _look(self):
        # True when there is something to read; whether there is room to write is kept.
        readable = False
        self._ready = False
        for what in self._poll.ipoll(0):
            if what[0] is self._stdin:
                readable = True
            elif what[1] & select.POLLOUT:
                self._ready = True
        return readable

    def _heard_line(self, now):
        if self._is_keep_alive():
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

    def _is_keep_alive(self):
        keep = self._keep
        if self._length != len(keep) - 1:
            return False
        for n in range(self._length):
            if self._line[n] != keep[n]:
                return False
        return True

    def _lease(self, now):
        self._heard = now
        if not self.streaming:
            self.streaming = True
            self._introduce()

    def _introduce(self):
        self._say(frame(HELLO, ascii_json(self._hello())))

    def _set(self, text):
        import json

        try:
            wanted = json.loads(text)
            why = None
            for name in wanted:
                why = why or self._set_option(name, wanted[name])
        except (ValueError, TypeError, AttributeError):
            why = "set: this is not a JSON object"
        if why:
            self.trouble("", why)
        else:
            self._introduce()
