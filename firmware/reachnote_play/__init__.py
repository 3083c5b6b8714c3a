# The play-time part of the signal chain, in the MicroPython dialect: board and host run this one source.
#
# Every number is an integer. A place is told in REACH-ths of the client's comfortable reach (0 rest, REACH full reach),
# a time in microseconds, a speed in REACH-ths a second. Board time comes round at 2**30, so times are compared through
# TIME_MASK and anything that lasts is a countdown. No product goes beyond 2**30: on a board that would be a heap object.

REACH = 8192
CEILING = 32000  # no place is told beyond this, either way
TIME_MASK = (1 << 30) - 1
TIME_HALF = 1 << 29

# What a step answers, added up. ONSET and RELEASE together: while it sounds afterwards the release came first, else the
# onset did (a whole press between two lines).
ONSET, RELEASE, ZONE = 1, 2, 4

# Statuses of the wire that matter here, as in reachnote_wire.
WEAK, NO_TARGET, SATURATED, CLOSED_CONTACT = 2, 3, 4, 8


def usable(status):
    return status == 0 or status == WEAK or status == CLOSED_CONTACT
