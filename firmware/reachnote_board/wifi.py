# Wi-Fi beside the tick: joins in the background, tries again for ever, never waits.
#
# wiring.json's table:  "network": {"ssid": "...", "password": "...", "host": "192.168.1.20", "port": 9137}
#   host      the computer that plays, its address in numbers: looking a name up would wait
#   port      where it listens; the board sends from the same one, so that it keeps its identity over a restart
#   always    true: stream without keep-alives, for a program that cannot answer
#
# Ran: the steps below against a stand-in for network.WLAN, and the sockets on one computer. Not run: a Wi-Fi chip.
# There `connect` returns at once and the chip works by itself; how long its driver holds the processor is not measured.

import socket

from reachnote_board.osc_link import OscLink
from reachnote_board.sensors import since

LOOK_US = 250000  # between looks at the chip
PATIENCE_US = 15000000  # for one attempt to join
REST_US = 2000000  # before the next


def open_link(network, hello, set_option, uid):
    """The link that wiring.json's table `network` describes. ValueError with a sentence when it cannot be used."""
    host, port = check(network)
    link = OscLink(None, hello, set_option, uid, bool(network.get("always")))
    try:
        from network import STA_IF, WLAN
    except ImportError:  # a desktop: its own network is there already
        link.use(open_socket(host, port))
        return link
    return WifiLink(WLAN(STA_IF), link, network, host, port)


def check(network):
    """(host, port) of the table. ValueError with a sentence."""
    host = network.get("host")
    port = network.get("port", 9137)
    parts = host.split(".") if isinstance(host, str) else ()
    if len(parts) != 4 or not all(part.isdigit() and int(part) < 256 for part in parts):
        raise ValueError("network: host is the address of the computer in numbers, as in 192.168.1.20")
    if not isinstance(port, int) or not 1 <= port <= 65535:
        raise ValueError("network: port is a number from 1 to 65535")
    return host, port


def open_socket(host, port, here=0):
    """A non-blocking UDP socket connected to the host; it sends from port `here` (0: any)."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if here:
            sock.bind(socket.getaddrinfo("0.0.0.0", here)[0][-1])
        sock.connect(socket.getaddrinfo(host, port)[0][-1])
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


class WifiLink:
    """A link like any other (`step`, `send`, `trouble`) that is silent while the board is off the network."""

    def __init__(self, wlan, link, network, host, port):
        self.joined = 0  # how often the network was joined
        self._wlan = wlan
        self._link = link
        self._network = network
        self._where = (host, port)
        self._sock = None
        self._looked = None
        self._began = None  # of the attempt to join under way
        self._rested = None  # since when the chip rests
        self._wlan.active(True)

    def step(self, now):
        if self._looked is None or since(now, self._looked) >= LOOK_US:
            self._looked = now
            try:
                self._look(now)
            except (OSError, RuntimeError):  # the chip's driver is busy or refuses: look again
                self._leave()
        if self._sock is not None:
            self._link.step(now)

    def send(self, line):
        return self._sock is not None and self._link.send(line)

    def trouble(self, sensor, sentence):
        self._link.trouble(sensor, sentence)

    def silence(self, asked):
        self._link.silence(asked)

    def _look(self, now):
        if self._wlan.isconnected():
            self._began = self._rested = None
            if self._sock is None:
                self._sock = open_socket(self._where[0], self._where[1], self._where[1])
                self._link.use(self._sock)
                self.joined += 1
            return
        self._leave()
        if self._began is None:
            if self._rested is None or since(now, self._rested) >= REST_US:
                self._began = now
                self._wlan.connect(self._network.get("ssid", ""), self._network.get("password") or None)
        elif since(now, self._began) >= PATIENCE_US:
            # A second connect while one is under way is refused: let go first.
            self._began = None
            self._rested = now
            self._wlan.disconnect()

    def _leave(self):
        if self._sock is not None:
            self._link.use(None)
            self._sock.close()
            self._sock = None
