# The link over the board's own console: USB serial on a board, a pseudo-terminal on a desktop.
#
# Streams only while a keep-alive was heard in the last 2 s (the lease), and drops a whole line rather than wait.
# On an RP2040 "ready to write" means one free byte, and a write to a host that does not read waits up to 500 ms:
# so after the console was full we leave it alone until it was ready for two ticks on end.

import select

from reachnote_board.sensors import since
from reachnote_wire import ASK_HELLO, ERROR, HELLO, KEEP_ALIVE, LEASE_MS, SET, ascii_json, body_of, frame

READ_A_TICK = 12  # a keep-alive is 11 bytes
HELLO_A_TICK = 128
TAIL_A_TICK = 32


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
        self._ready = 0
        self._tail = bytearray(512)
        self._tail_at = 0
        self._tail_end = 0
        self._long = None  # hello or error on its way, sent a piece a tick
        self._long_at = 0

    def step(self, now):
        readable = False
        writable = False
        for what in self._poll.ipoll(0):
            if what[0] is self._stdin:
                readable = True
            elif what[1] & select.POLLOUT:
                writable = True
        self._ready = (self._ready + 1 if self._ready < 3 else 3) if writable else 0
        if self.streaming and since(now, self._heard) > LEASE_MS * 1000:
            self.streaming = False
            self._long = None
            self._tail_at = self._tail_end = 0
        if readable:
            self._hear(now)
        if writable:
            if self._tail_at < self._tail_end:
                self._send_tail()
            elif self._long is not None:
                self._send_long()

    def send(self, buffer):
        if not self.streaming:
            return False
        if self._ready == 0 or self._long is not None or self._tail_at < self._tail_end:
            self._ready = -2 if self._ready == 0 else self._ready
            self.dropped += 1
            return False
        if self._ready < 0:
            self.dropped += 1
            return False
        sent = self._write(buffer)
        if sent is None:
            self.dropped += 1
            self._ready = -2
            return False
        if sent < len(buffer):
            self._keep_tail(buffer, sent)
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
        end = self._long_at + HELLO_A_TICK
        sent = self._write(self._long[self._long_at : end])
        if sent:
            self._long_at += sent
        if self._long_at >= len(self._long):
            self._long = None

    def _keep_tail(self, buffer, sent):
        n = 0
        while sent < len(buffer):
            self._tail[n] = buffer[sent]
            n += 1
            sent += 1
        self._tail_at = 0
        self._tail_end = n

    def _send_tail(self):
        for _ in range(TAIL_A_TICK):
            if self._tail_at >= self._tail_end:
                return
            self._one[0] = self._tail[self._tail_at]
            if not self._write(self._one):
                return
            self._tail_at += 1

    # ------------------------------------------------------------ in

    def _hear(self, now):
        one = self._one
        line = self._line
        for n in range(READ_A_TICK):
            if n and not self._more():
                return
            if not self._read(one):
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

    def _more(self):
        for what in self._poll.ipoll(0):
            if what[0] is self._stdin:
                return True
        return False

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
