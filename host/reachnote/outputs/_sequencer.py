"""The ALSA sequencer, asked what listens to a port of our own (see `_joins`)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

DEVICE = "/dev/snd/seq"
_DUPLEX = 3
_LISTENED_TO = 1 << 0 | 1 << 5  # may be read, and others may join it
_LISTENERS = 0


class _Address(ctypes.Structure):
    _fields_ = (("client", ctypes.c_ubyte), ("port", ctypes.c_ubyte))


class Sequencer:
    """A client without ports, through the libasound that the MIDI library loaded. Ports are written as b"129:0".

    A listener is written "131:0 0 0 0 0 its name": its address, then the queue and the marks that its connection has
    (times rewritten, in seconds, alone).
    """

    _MARKS = ("queue", "time_update", "time_real", "exclusive")

    def __init__(self, library: ctypes.CDLL, client: ctypes.c_void_p) -> None:
        self._library, self._client = library, client

    @classmethod
    def open(cls) -> Sequencer | None:
        """None where there is no libasound in this process, or no sequencer."""
        if not sys.platform.startswith("linux") or not os.access(DEVICE, os.R_OK | os.W_OK):
            return None
        with open("/proc/self/maps") as maps:
            paths = {line.split(None, 5)[5].strip() for line in maps if "libasound" in line}
        if len(paths) != 1:
            return None
        library, client = ctypes.CDLL(paths.pop()), ctypes.c_void_p()
        library.snd_seq_client_info_get_name.restype = ctypes.c_char_p
        library.snd_seq_query_subscribe_get_addr.restype = ctypes.POINTER(_Address)
        if library.snd_seq_open(ctypes.byref(client), b"default", _DUPLEX, 0) < 0:
            return None
        library.snd_seq_set_client_name(client, b"reachnote-look")
        return cls(library, client)

    def outputs(self) -> set[bytes]:
        """Every port that can be listened to."""
        lib, found = self._library, set()
        with self._room("client_info") as client, self._room("port_info") as port:
            lib.snd_seq_client_info_set_client(client, -1)
            while lib.snd_seq_query_next_client(self._client, client) >= 0:
                number = lib.snd_seq_client_info_get_client(client)
                lib.snd_seq_port_info_set_client(port, number)
                lib.snd_seq_port_info_set_port(port, -1)
                while lib.snd_seq_query_next_port(self._client, port) >= 0:
                    if lib.snd_seq_port_info_get_capability(port) & _LISTENED_TO == _LISTENED_TO:
                        found.add(f"{number}:{lib.snd_seq_port_info_get_port(port)}".encode())
        return found

    def joined(self, port: bytes) -> list[str]:
        """The listeners of that port."""
        lib, found = self._library, []
        with self._room("query_subscribe") as query:
            lib.snd_seq_query_subscribe_set_root(query, ctypes.byref(_address(port)))
            lib.snd_seq_query_subscribe_set_type(query, _LISTENERS)
            lib.snd_seq_query_subscribe_set_index(query, 0)
            while lib.snd_seq_query_port_subscribers(self._client, query) >= 0:
                there = lib.snd_seq_query_subscribe_get_addr(query).contents
                marks = " ".join(str(getattr(lib, f"snd_seq_query_subscribe_get_{mark}")(query)) for mark in self._MARKS)
                found.append(f"{there.client}:{there.port} {marks} {self._name(there.client)}")
                lib.snd_seq_query_subscribe_set_index(query, len(found))
        return sorted(found)

    def join(self, port: bytes, there: bytes) -> bool:
        """Connect our port to that listener again, unless its number belongs to another program by now."""
        lib = self._library
        address, *marks, name = there.decode().split(" ", len(self._MARKS) + 1)
        to = _address(address.encode())
        if self._name(to.client) != name:
            return False
        with self._room("port_subscribe") as wanted:
            lib.snd_seq_port_subscribe_set_sender(wanted, ctypes.byref(_address(port)))
            lib.snd_seq_port_subscribe_set_dest(wanted, ctypes.byref(to))
            for mark, value in zip(self._MARKS, marks, strict=True):
                getattr(lib, f"snd_seq_port_subscribe_set_{mark}")(wanted, int(value))
            return lib.snd_seq_subscribe_port(self._client, wanted) >= 0

    def close(self) -> None:
        self._library.snd_seq_close(self._client)

    def _name(self, client: int) -> str:
        with self._room("client_info") as info:
            if self._library.snd_seq_get_any_client_info(self._client, client, info) < 0:
                return ""
            return self._library.snd_seq_client_info_get_name(info).decode("utf-8", "replace")

    @contextlib.contextmanager
    def _room(self, kind: str) -> Iterator[ctypes.c_void_p]:
        """One of libasound's own structures."""
        room = ctypes.c_void_p()
        getattr(self._library, f"snd_seq_{kind}_malloc")(ctypes.byref(room))
        try:
            yield room
        finally:
            getattr(self._library, f"snd_seq_{kind}_free")(room)


def _address(text: bytes) -> _Address:
    return _Address(*map(int, text.split(b":")))
