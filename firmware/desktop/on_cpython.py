# Gives CPython what the MicroPython dialect expects: ticks, sleep_us, ipoll, an unbuffered console.

import os
import select
import sys
import time

time.ticks_us = lambda: time.monotonic_ns() // 1000
time.ticks_ms = lambda: time.monotonic_ns() // 1000000
time.ticks_diff = lambda a, b: a - b
time.sleep_us = lambda us: time.sleep(us * 1e-6)
time.sleep_ms = lambda ms: time.sleep(ms * 1e-3)


class _Raw:
    def __init__(self, fd):
        self._fd = fd

    def readinto(self, buffer):
        try:
            got = os.read(self._fd, len(buffer))
        except BlockingIOError:
            return None
        buffer[: len(got)] = got
        return len(got)

    def write(self, data):
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return None


class _Console:
    def __init__(self, fd):
        self.fd = fd
        self.buffer = _Raw(fd)

    def fileno(self):
        return self.fd

    def flush(self):
        pass


class _Poll:
    def __init__(self):
        self._poll = _poll()
        self._known = {}

    def register(self, thing, events):
        fd = thing.fileno()
        self._known.setdefault(fd, []).append((thing, events))
        self._poll.register(fd, sum(e for _, e in self._known[fd]))

    def ipoll(self, timeout):
        for fd, events in self._poll.poll(timeout):
            for thing, wanted in self._known[fd]:
                if events & wanted:
                    yield thing, events & wanted


_poll = select.poll
select.poll = _Poll
sys.stdin = _Console(0)
sys.stdout = _Console(1)
