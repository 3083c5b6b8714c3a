# Strength on a logarithmic scale, as people judge effort and loudness (Stevens' power law).

from array import array

from reachnote_play import REACH

# 256 * log2(1 + k / 32)
_LOG = array("H", (0, 11, 22, 33, 44, 54, 63, 73, 82, 92, 100, 109, 118, 126, 134, 142, 150, 157, 165, 172, 179, 186,
                   193, 200, 207, 213, 220, 226, 232, 238, 244, 250, 256))  # fmt: skip


def log2(n):
    """256 * log2(n) of a whole number, 0 below 1; never off by more than 2."""
    if n < 1:
        return 0
    k = 0
    while n >> k > 63:
        k += 1
    if k == 0:
        up = 0
        while n < 32:
            n <<= 1
            up += 1
        return (5 - up) * 256 + _LOG[n - 32]
    top = n >> k
    part = (n >> (k - 1) & 1) if k else 0
    low = _LOG[top - 32]
    return (5 + k) * 256 + low + ((_LOG[top - 31] - low) * part >> 1)


def between(n, low, high):
    """0 .. REACH of where n lies between low and high on a logarithmic scale."""
    if n <= low:
        return 0
    if n >= high:
        return REACH
    bottom = log2(low)
    width = log2(high) - bottom
    if width < 1:
        return REACH // 2
    u = (log2(n) - bottom) * REACH // width
    return 0 if u < 0 else REACH if u > REACH else u
