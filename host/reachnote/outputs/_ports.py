"""The MIDI system of this computer behind one small class, whichever library is installed."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Any, Protocol

from reachnote.midi_system import (
    ALSA_SEQUENCER,
    fitting,
    hush_jack,
    listed,
    no_server_start,
    quiet,
    sockets,
    which,
)

from . import OutputProblem


class Port(Protocol):
    """One connection to the MIDI system. Everything may raise anything; `send` must be quick."""

    def destinations(self) -> list[str]:
        """Names of the ports that take MIDI, as the system tells them."""

    def connect(self, there: str, label: str) -> None:
        """Send to the port that `destinations` calls `there`; `label` is what people see of us."""

    def publish(self, label: str) -> None:
        """Open a port of our own, to which programs connect."""

    def alive(self) -> bool:
        """False when the MIDI system ended, so that the connection, and a port of our own, is worth nothing."""

    def send(self, message: bytes) -> None: ...

    def close(self) -> None: ...


def find(wanted: str, names: list[str]) -> str:
    """The one of `names` that `wanted` means, the clearest fit first; OutputProblem with a sentence when none or several fit."""
    found = fitting(wanted, names)
    if len(found) == 1:
        return found[0]
    if found:
        raise OutputProblem(
            f"Several MIDI ports fit '{wanted}': {listed(found)}. None was opened. Write more of the name of one."
        )
    raise OutputProblem(
        f"There is no MIDI port '{wanted}' now, so nothing sounds there. Start or plug in what it belongs to; "
        f"playing goes on by itself then. Ports that are there: {listed(names)}."
    )


def connector(client: str, api: str | None) -> Callable[[], Port]:
    """What opens a connection as `client`, with the first MIDI library that can be loaded; else OutputProblem."""
    if api not in (None, "alsa", "jack"):
        raise OutputProblem(f"The option 'api' is '{api}', so the output was not opened. Write api=alsa or api=jack.")
    no_server_start()
    for load in LIBRARIES:
        try:
            open_port = load()
        except Exception:
            continue
        return lambda: open_port(client, _system(api))
    raise OutputProblem(
        "No MIDI library is installed for this Python, so MIDI ports cannot be used. Install one: pip install python-rtmidi. "
        "What still works: 'file:' writes a MIDI file, 'raw:' plays a DIN adapter, 'osc:' sends to other programs."
    )


def _system(api: str | None) -> str:
    return which(api, ALSA_SEQUENCER)


def _no_system(system: str, reason: object) -> OutputProblem:
    if system == "jack":
        what = (
            "No JACK server answers and the ALSA sequencer is not there"
            if not os.path.exists(ALSA_SEQUENCER)
            else "No JACK server answers"
        )
        todo = "Start JACK, or load the sequencer (modprobe snd-seq)"
    elif system == "alsa":
        what, todo = "The ALSA sequencer does not answer", "Load it (modprobe snd-seq), or use JACK with api=jack"
    else:
        what, todo = f"The MIDI system of this computer does not answer ({reason})", "Restart the computer if that lasts"
    return OutputProblem(
        f"{what}, so this MIDI output is silent. {todo}; it is tried again every second. "
        "'file:', 'raw:' and 'osc:' outputs work without it."
    )


def _not_jack(system: str, library: str) -> None:
    # Their wheels carry the libjack of JACK 1: it does not find a JACK 2 server, and rtmidi2 then ends the whole process.
    if system == "jack":
        raise OutputProblem(
            f"The MIDI library that is installed ({library}) does not reach JACK, and there is no ALSA sequencer, so this "
            "MIDI output is silent. Install the other library: pip install python-rtmidi. "
            "'file:', 'raw:' and 'osc:' outputs work without it."
        )


def _no_virtual() -> OutputProblem:
    return OutputProblem(
        "This system has no MIDI ports of our own, so midi:virtual stays silent. Make a loopback port "
        "(Windows MIDI Services, or loopMIDI) and write midi: and its name."
    )


def _rtmidi() -> Callable[[str, str], Port]:
    import rtmidi

    systems = {"": rtmidi.API_UNSPECIFIED, "alsa": rtmidi.API_LINUX_ALSA, "jack": rtmidi.API_UNIX_JACK}
    hush_jack()

    class RtMidiPort:
        def __init__(self, client: str, system: str) -> None:
            before = sockets()
            try:
                with quiet():
                    self._out = rtmidi.MidiOut(systems[system], name=client)
            except Exception as reason:
                raise _no_system(system, reason) from None
            self._lines = sockets() - before if system == "jack" else set()
            self.send = self._out.send_message  # no call of our own in the way

        def destinations(self) -> list[str]:
            with quiet():
                return list(self._out.get_ports())

        def connect(self, there: str, label: str) -> None:
            with quiet():
                index = self._out.get_ports().index(there)
                self._out.open_port(index, label)
                if self._out.get_ports()[index : index + 1] != [there]:
                    raise OSError("the ports changed meanwhile")

        def publish(self, label: str) -> None:
            try:
                with quiet():
                    self._out.open_virtual_port(label)
            except NotImplementedError:
                raise _no_virtual() from None

        def alive(self) -> bool:
            # A JACK server that ended still lists its ports, and nobody tells: its end of our sockets does.
            poll = select.poll()
            for line in self._lines:
                poll.register(line, 0)
            return not poll.poll(0)

        def send(self, message: bytes) -> None: ...

        def close(self) -> None:
            with quiet():
                self._out.delete()

    return RtMidiPort


def _libremidi() -> Callable[[str, str], Port]:
    import pylibremidi as libremidi

    return lambda client, system: _LibremidiPort(libremidi, client, system)


class _LibremidiPort:
    def __init__(self, library: Any, client: str, system: str) -> None:
        _not_jack(system, "pylibremidi")
        api = library.API.ALSA_SEQ if system == "alsa" else library.midi1_default_api()
        try:
            with quiet():
                self._observer = library.Observer(library.ObserverConfiguration(), api)
                self._out = library.MidiOut(library.OutputConfiguration(), api)
        except Exception as reason:
            raise _no_system(system, reason) from None

    def _ports(self) -> list[Any]:
        with quiet():
            return list(self._observer.get_output_ports())

    def destinations(self) -> list[str]:
        return [_libremidi_name(port) for port in self._ports()]

    def connect(self, there: str, label: str) -> None:
        port = next(port for port in self._ports() if _libremidi_name(port) == there)
        with quiet():
            _check(self._out.open_port(port, label))

    def publish(self, label: str) -> None:
        with quiet():
            _check(self._out.open_virtual_port(label))

    def alive(self) -> bool:
        return True

    def send(self, message: bytes) -> None:
        _check(self._out.send_message(list(message)))

    def close(self) -> None:
        with quiet():
            self._out.close_port()


def _libremidi_name(port: Any) -> str:
    device, name = port.device_name, port.port_name
    return name if not device or name.startswith(device) else f"{device}:{name}"


def _check(error: object) -> None:
    if error:
        raise OSError(str(error))


def _rtmidi2() -> Callable[[str, str], Port]:
    import rtmidi2

    return lambda client, system: _RtMidi2Port(rtmidi2, client, system)


class _RtMidi2Port:
    def __init__(self, library: Any, client: str, system: str) -> None:
        _not_jack(system, "rtmidi2")
        try:
            with quiet():
                self._out = library.MidiOut(client, library.API_LINUX_ALSA if system else library.API_UNSPECIFIED)
        except Exception as reason:
            raise _no_system(system, reason) from None

    def destinations(self) -> list[str]:
        with quiet():
            return list(self._out.ports)

    def connect(self, there: str, label: str) -> None:
        with quiet():
            self._out.open_port(self._out.ports.index(there))

    def publish(self, label: str) -> None:
        with quiet():
            self._out.open_virtual_port(label)

    def alive(self) -> bool:
        return True

    def send(self, message: bytes) -> None:
        self._out.send_raw(*message)

    def close(self) -> None:
        with quiet():
            self._out.close_port()


LIBRARIES: list[Callable[[], Callable[[str, str], Port]]] = [_rtmidi, _libremidi, _rtmidi2]
"""How each library is loaded, the preferred first. Each raises ImportError where it is not installed."""
