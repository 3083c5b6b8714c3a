"""Which note of a list comes next. Pure; chance is handed in."""

from __future__ import annotations

from reachnote.allowed import number, whole, word

ORDERS = ("forward", "back", "there-and-back", "random")
_MASK = (1 << 64) - 1


class Chance:
    """Seeded numbers, the same on every machine and in every Python: SplitMix64 (Steele, Lea and Flood 2014)."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def bits(self) -> int:
        """The next 64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1, each as likely (to one part in 2**64 / n); n is at least 1."""
        return (self.bits() * n) >> 64


class NoteList:
    """The notes 0 .. count-1 in one of ORDERS, one at each `next`.

    "forward" and "back" begin again after the last note, "there-and-back" turns at both ends without playing them twice,
    "random" plays every note once a round and never the same note twice in a row. After `restart_s` seconds of silence
    (0: never) the list begins anew. ValueError says what is not allowed; "random" needs a `chance`.
    """

    def __init__(self, count: int, order: str = "forward", restart_s: float = 0.0, chance: Chance | None = None) -> None:
        self.count = whole("notes", count, 1, 128)
        self.order = word("order", order, ORDERS)
        self.restart_s = number("restart_s", restart_s, 0.0, 600.0)
        if order == "random" and chance is None:
            raise ValueError("a random order needs a chance")
        self._chance = chance
        self._low, self._high = 0, count - 1
        self._heard = float("-inf")  # when something of this list last began or ended
        self._last = -1
        self._down = False
        self._round: list[int] = []  # what is left of a random round

    @property
    def window(self) -> tuple[int, int]:
        """(first, last) of the notes that are in play."""
        return self._low, self._high

    def narrow(self, first: int, last: int) -> None:
        """Play only the notes from `first` to `last`, from the next one on, which goes on from where the list is.

        A window that reaches outside the list is cut to it; ValueError when nothing is left.
        """
        low, high = max(first, 0), min(last, self.count - 1)
        if low > high:
            raise ValueError(f"a window from {first} to {last} has none of the {self.count} notes")
        self._low, self._high = low, high
        self._round.clear()

    def next(self, time: float) -> int:
        """The note to play at `time`, as a place in the list."""
        if self.restart_s and time - self._heard >= self.restart_s:
            self.restart()
        self._heard = max(time, self._heard)
        self._last = self._random() if self.order == "random" else self._step()
        return self._last

    def ended(self, time: float) -> None:
        """A note of this list ended: silence is counted from here. Without it, it is counted from the last start."""
        self._heard = max(time, self._heard)

    def restart(self) -> None:
        """Begin the list anew; a random list still does not repeat its last note."""
        if self.order != "random":
            self._last = -1
        self._round.clear()

    def _step(self) -> int:
        low, high, last = self._low, self._high, self._last
        if last < 0:
            return high if self.order == "back" else low
        if self.order == "forward":
            return last + 1 if low <= last + 1 <= high else low
        if self.order == "back":
            return last - 1 if low <= last - 1 <= high else high
        if last >= high:
            self._down = True
        elif last <= low:
            self._down = False
        step = last - 1 if self._down else last + 1
        return min(max(step, low), high)

    def _random(self) -> int:
        chance, left = self._chance, self._round
        assert chance is not None
        fresh = not left
        if fresh:
            left += range(self._low, self._high + 1)
        choices = len(left)
        if fresh and choices > 1 and self._last in left:
            left.remove(self._last)
            left.append(self._last)
            choices -= 1  # all but the last one
        place = chance.below(choices)
        left[place], left[-1] = left[-1], left[place]
        return left.pop()
