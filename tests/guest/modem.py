"""What ModemManager does to every new serial port, until it is ended: it asks whether there is a modem.

    modem.py writes     opens each /dev/ttyACM* and writes its questions for ever, thirty times as quickly, never reading
    modem.py reads      and takes what comes back, too
    modem.py alone      and nobody but the administrator may open the port meanwhile
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import glob
import itertools
import os
import sys
import termios
import time

QUESTIONS = (b"AT\r", b"ATE1 E0\r", b"AT+GCAP\r", b"ATI\r", b"AT+CGMI\r", b"\x7e\x00\x78\xf0\x7e", b"AT+CPIN?\r")
PAUSE_S = 0.1
PR_SET_NAME = 15


def main(manner: str) -> None:
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"ModemManager", 0, 0, 0)
    ports: dict[str, int] = {}
    questions = itertools.cycle(QUESTIONS)
    print("here", flush=True)
    while True:
        question = next(questions)
        for path in set(glob.glob("/dev/ttyACM*")) - set(ports):
            with contextlib.suppress(OSError):
                ports[path] = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                if manner == "alone":
                    fcntl.ioctl(ports[path], termios.TIOCEXCL)
        for path, port in list(ports.items()):
            try:
                with contextlib.suppress(BlockingIOError):
                    os.write(port, question)
                if manner != "writes":
                    with contextlib.suppress(BlockingIOError):
                        os.read(port, 4096)
            except OSError:
                os.close(ports.pop(path))
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(sys.argv[1])
