"""Level to Gesture. One file a detector; pure.

A detector has `level(level) -> Gesture | None` for every level in order, `let_go(time) -> Gesture | None` when the
sensor or its board is lost, and `disarm()` after which nothing starts before the level was at rest.
"""
