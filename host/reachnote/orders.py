"""What people set while a session runs: a calibration, easier or harder, one parameter, freeze. Pure.

An order is a plain JSON object, as `protocols/control.md` describes and a journal keeps it:

    {"order": "tune", "board": B, "sensor": S, "rest": .., "span": .., "rate_hz": .., "parameters": {..}, "factor": 1.0}
    {"order": "plain", "board": B, "sensor": S}
    {"order": "easier"} {"order": "harder"} {"order": "more-sensitive"} {"order": "less-sensitive"} {"order": "freeze", "on": true}
                                                             of one sensor with board and sensor, else of all
    {"order": "block", "kind": "with sound"}                 or "without sound", or "end" (the session itself carries this one out)
    {"order": "set", "board": B, "sensor": S, "name": "onset", "value": 2000}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reachnote.chain import EASIER, HARDER, Chain, OrderProblem, declared, read_tuning
from reachnote_play import REACH
from reachnote_play.parameters import bounded

ORDERS = ("tune", "plain", "easier", "harder", "more-sensitive", "less-sensitive", "freeze", "set")


def find(chains: Iterable[tuple[str, Chain]], thing: Mapping) -> list[tuple[str, Chain]]:
    """(board, chain) of every sensor that an order means; all of them when it names none."""
    board, sensor = thing.get("board"), thing.get("sensor")
    return [(name, chain) for name, chain in chains if board in (None, name) and sensor in (None, chain.info.name)]


def carry_out(thing: Mapping, found: list[tuple[str, Chain]]) -> str:
    """Do it and say what was done. The caller has ended what sounds where `ends` is true. OrderProblem says why not."""
    what = thing.get("order")
    if what not in ORDERS:
        raise OrderProblem(f"There is no order {what!r}; known are {', '.join(ORDERS)}.")
    if not found:
        raise OrderProblem(f"There is no sensor {_named(thing)} now. Plug its board in, or look: reachnote boards")
    return "\n".join(_one(what, thing, f"{board}, {chain.info.name}", chain) for board, chain in found)


def ends(thing: Mapping) -> bool:
    """True of orders before which what sounds must end."""
    return thing.get("order") in ("tune", "plain")


def _one(what: str, thing: Mapping, name: str, chain: Chain) -> str:
    if what == "tune":
        chain.tune(read_tuning(thing, chain.info.kind))
        chain.scale(_factor(thing))
        return f"{name} plays with its calibration."
    if what == "plain":
        chain.tune(declared(chain.info), calibrated=False)
        return f"{name} plays without a calibration."
    if what in ("easier", "harder"):
        if chain.info.kind in ("switch", "impact"):
            return f"{name} has no reach to change."
        changed = chain.scale(EASIER if what == "easier" else HARDER)
        end = "" if changed else f" It cannot be {what} still."
        return f"{name}: full sound at {chain.factor:.0%} of the calibrated reach.{end}"
    if what in ("more-sensitive", "less-sensitive"):
        if chain.info.kind in ("switch", "impact"):
            return f"{name} has no onset to change."
        onset = chain.decider.get("onset")
        factor = EASIER if what == "more-sensitive" else HARDER
        kept = chain.set("onset", bounded("onset", onset * factor))
        return f"{name}: sounds from {kept / REACH:.0%} of the reach on."
    if what == "freeze":
        chain.adaptation.frozen = thing.get("on", True) is not False
        return f"{name}: the reach {'stays as it is' if chain.adaptation.frozen else 'follows the client'}."
    kept = chain.set(str(thing.get("name")), thing.get("value"))  # type: ignore[arg-type]
    return f"{name}: {thing['name']} is {kept}."


def _factor(thing: Mapping) -> float:
    factor = thing.get("factor", 1.0)
    return float(factor) if isinstance(factor, (int, float)) and 0.1 < factor < 10 else 1.0


def _named(thing: Mapping) -> str:
    if not thing.get("sensor"):
        return "at all"
    return f"'{thing['board']}/{thing['sensor']}'" if thing.get("board") else f"'{thing['sensor']}'"


def present(board: str, chain: Chain) -> list[dict]:
    """The orders that bring a fresh sensor to where this one is."""
    where = {"board": board, "sensor": chain.info.name}
    tuning = chain.tuning
    found: list[dict] = []
    if chain.calibrated:
        places = {"rest": tuning.rest, "span": tuning.span, "rate_hz": tuning.rate_hz}
        found.append({"order": "tune", **where, **places, "parameters": dict(tuning.parameters), "factor": chain.factor})
    elif chain.changed:
        found += [{"order": "set", **where, "name": name, "value": tuning.parameters[name]} for name in sorted(chain.changed)]
    if chain.adaptation.frozen:
        found.append({"order": "freeze", **where, "on": True})
    return found
