# Everything that can be set, in one table: name, unit, default, least, most, and what it means to a person.
#
# Units: "reach" REACH-ths of the comfortable reach, "us" microseconds, "reach/s" REACH-ths a second, "share" REACH-ths
# of one, "count", "yes/no", "effort": reach/s, of sensors slow enough to listen reach. The defaults are those of the
# published practice that the calibration page cites; a fit replaces the ones that follow from the client.

TABLE = (
    # the gate
    ("lowest", "reach", -32000, -32000, 0, "readings below this are no target"),
    ("highest", "reach", 32000, 8192, 32000, "readings above this are doubted"),
    ("speed", "reach/s", 0, 0, 262143, "nobody moves faster than this; 0: not looked at"),
    ("median", "count", 3, 1, 5, "odd number of readings whose middle one counts"),
    ("hold", "us", 250000, 20000, 1000000, "a sensor silent for this long has let go"),
    # smoothing
    ("window", "us", 0, 0, 340000, "moving average before the slow path"),
    # the trigger
    ("onset", "reach", 2294, 164, 8192, "rise above the floor that starts a gesture"),
    ("fast", "reach", 819, 0, 16384, "clearer than the onset by this: no wait for the smoothing"),
    ("release", "share", 4096, 1638, 6554, "share of the gesture's own peak below which it ends"),
    ("accept", "us", 0, 0, 500000, "a gesture sounds once it lasted this long"),
    ("refractory", "us", 30000, 0, 1000000, "rest after a gesture before the next can start"),
    ("apart", "us", 0, 0, 500000, "least time from one start to the next"),
    ("listen", "us", 0, 0, 150000, "wait for the strength of slow sensors"),
    ("jolt", "reach/s", 0, 0, 262143, "a rise faster than this may be a spasm; 0: not looked at"),
    ("jolt_wait", "us", 120000, 0, 300000, "what a rise that may be a spasm has to outlast"),
    # the floor
    ("floor_down", "us", 250000, 20000, 2000000, "time constant of a falling floor"),
    ("floor_up", "us", 5000000, 500000, 60000000, "time constant of a rising floor"),
    ("creep", "reach/s", 983, 0, 8192, "a rise no faster than this is drift, whatever its height"),
    ("settle", "us", 300000, 50000, 5000000, "time constant of a rising floor just after a gesture"),
    ("floor_bound", "reach", 4915, 0, 8192, "the floor stays this near to the calibrated rest"),
    ("drift", "reach", 983, 0, 4915, "how much of the floor's wander the level follows"),
    # the tremor guard
    ("tremor", "yes/no", 1, 0, 1, "the guard may act"),
    ("tremor_half", "us", 166667, 41667, 166667, "longest half wave that can be tremor: above the client's own rate"),
    ("tremor_size", "reach", 459, 40, 8192, "half height from which tremor matters"),
    ("tremor_tall", "reach", 4915, 400, 16384, "half height from which it is playing, not tremor"),
    ("envelope", "reach", 0, 0, 8192, "half height of the tremor found at calibration"),
    # strength
    ("soft", "effort", 4096, 64, 4000000, "effort of the softest strength"),
    ("strong", "effort", 65536, 128, 4000000, "effort of the fullest strength"),
    # level and zones
    ("calm", "reach", 80, 8, 2048, "wobble that the level does not show"),
    ("zones", "count", 0, 0, 64, "steps of the reach; 0: none"),
    ("zone_margin", "share", 1229, 0, 4096, "share of a zone to cross before it changes"),
    ("dwell", "us", 0, 0, 1000000, "time in a new zone before it changes"),
    # what follows the client while playing
    ("reach", "reach", 8192, 3686, 16384, "today's reach as a share of the calibrated one"),
)

# Impacts (pads): places are REACH-ths of the median calibrated hit.
IMPACT_TABLE = (
    ("threshold", "reach", 410, 8, 8192, "hits below this are not heard"),
    ("loudest", "reach", 16384, 64, 32000, "the hit that is the fullest strength"),
    ("scan", "us", 3000, 0, 6000, "time in which a hit's peak is awaited"),
    ("mask", "us", 45000, 5000, 250000, "no second hit within this"),
    ("retrigger", "share", 4506, 0, 8192, "share of the last peak that a further hit must exceed"),
    ("decay", "us", 55000, 5000, 500000, "time constant in which that share fades"),
    ("sound", "us", 100000, 10000, 2000000, "how long a hit counts as sounding"),
)

# Switches.
SWITCH_TABLE = (
    ("debounce", "us", 8000, 0, 30000, "contacts bounce no longer than this"),
    ("accept", "us", 0, 0, 500000, "a press sounds once it lasted this long"),
    ("refractory", "us", 0, 0, 1000000, "rest after a press before the next can start"),
)


def table_of(kind):
    """The table of a kind of sensor, as a hello names it."""
    return SWITCH_TABLE if kind == "switch" else IMPACT_TABLE if kind == "impact" else TABLE


def defaults(table=TABLE):
    """A fresh dict of every default of a table."""
    return {row[0]: row[2] for row in table}


def bounded(name, value, table=TABLE):
    """`value` as an integer within its bounds. Raises KeyError for an unknown name."""
    for row in table:
        if row[0] == name:
            value = int(value)
            return row[3] if value < row[3] else row[4] if value > row[4] else value
    raise KeyError(name)
