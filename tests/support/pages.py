"""Pages of a desk that are open and read everything, in a process of their own: what they cost is no part of what is timed.

As a program it takes host, cookie and how many; a line on its input asks what came since the line before.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from support.desks import Door


class Pages:
    """`count` open pages. `so_far()` is what each was told since the last call."""

    def __init__(self, door: Door, count: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), door.host, door.cookie, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "open\n", "the pages did not open"

    def so_far(self) -> list[dict]:
        """Of each page: `levels_hz`, `gap_ms` (the longest between two), `sensors` and `moving` of a line in the middle."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Count:
    def __init__(self) -> None:
        self.status = asyncio.Event()
        self._levels: dict[str, float] = {}
        self._last = 0.0
        self._begin()

    def _begin(self) -> None:
        self._since = time.monotonic()
        self._gap = 0.0
        self._sensors: list[int] = []
        self._moving: list[int] = []

    def take(self, text: str | bytes) -> None:
        line = json.loads(text)
        if line.get("id") == "status":
            self.status.set()
        if line.get("feed") != "levels":
            return
        now, levels = time.monotonic(), line["levels"]
        self._gap, self._last = max(self._gap, now - max(self._last, self._since)), now
        self._sensors.append(len(levels))
        self._moving.append(sum(levels[place] != self._levels.get(place) for place in levels))
        self._levels = levels

    def told(self) -> dict:
        middle = len(self._sensors) // 2
        found = {
            "levels_hz": round(len(self._sensors) / (time.monotonic() - self._since), 1),
            "gap_ms": round(1000 * self._gap, 1),
            "sensors": sorted(self._sensors)[middle] if self._sensors else 0,
            "moving": sorted(self._moving)[middle] if self._moving else 0,
        }
        self._begin()
        return found


async def page(host: str, cookie: str, count: Count) -> None:
    async with connect(
        f"ws://{host}/talk", origin=f"http://{host}", additional_headers={"Cookie": cookie}, compression=None
    ) as socket:  # type: ignore[arg-type]
        async for text in socket:
            count.take(text)


async def read(host: str, cookie: str, many: int) -> None:
    counts = [Count() for _ in range(many)]
    pages = [asyncio.create_task(page(host, cookie, count)) for count in counts]
    await asyncio.wait_for(asyncio.gather(*[count.status.wait() for count in counts]), 20)
    print("open", flush=True)

    def asked() -> None:
        if not os.read(0, 4096):
            os._exit(0)
        print(json.dumps([count.told() for count in counts]), flush=True)

    asyncio.get_running_loop().add_reader(0, asked)
    await asyncio.gather(*pages)


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3])))
