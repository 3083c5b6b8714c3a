# wiring.json to drivers. Written by the host from an instrument.toml; the board only believes it.

import json

FORMAT = 1


class Broken:
    """Stands in for a sensor whose wiring cannot be used, so that the others play."""

    def __init__(self, name, kind, text):
        from reachnote_wire import FAULT

        self.name = name
        self.status = FAULT
        self.value = 0
        self.edge = False
        self.trouble = None
        self.why = text
        self._kind = kind

    def describe(self):
        return {"kind": self._kind}

    def step(self, now):
        pass

    def report(self, now):
        pass


def load(path):
    """The wiring as a dict. OSError when there is none, ValueError with a sentence when it cannot be read."""
    with open(path, "rb") as file:
        return of_text(file.read())


def of_text(text):
    """The wiring that is written in these bytes; ValueError with a sentence."""
    try:
        wiring = json.loads(text)
    except (ValueError, RuntimeError):  # also brackets too deep
        raise ValueError("wiring.json is damaged. Write it again: reachnote flash --instrument hardware/NAME")
    if not isinstance(wiring, dict) or wiring.get("format") != FORMAT or not wiring.get("sensors"):
        raise ValueError("wiring.json is of another version. Write it again: reachnote flash --instrument hardware/NAME")
    return wiring


def sensors_of(wiring, hardware):
    """One driver for each sensor of the wiring, in its order."""
    made = []
    for options in wiring["sensors"]:
        name = options.get("name", "sensor %d" % (len(made) + 1))
        driver = str(options.get("driver"))
        try:
            module = __import__("reachnote_board.sensors." + driver, None, None, ("Driver",))
            made.append(module.Driver(options, hardware))
        except ImportError:
            made.append(Broken(name, "voltage", "there is no driver '%s' on this board" % driver))
        except (ValueError, OSError, TypeError, KeyError) as fault:
            made.append(Broken(name, "voltage", str(fault)))
    return made


def describe(sensors):
    """What the hello says of each."""
    described = []
    for sensor in sensors:
        entry = sensor.describe()
        entry["name"] = sensor.name
        described.append(entry)
    return described


def hello_of(wiring, described, facts):
    """The board's introduction as a dict for JSON."""
    hello = {
        "name": wiring.get("name", ""),
        "instrument": wiring.get("instrument", ""),
        "rate_hz": wiring.get("rate_hz", 250),
        "sensors": described,
    }
    hello.update(facts)
    return hello
