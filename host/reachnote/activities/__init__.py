"""Gesture to "which voice, when". One file an activity; pure.

An activity has `gesture(gesture, voice) -> list[Event]`, called with every gesture and the voice of its sensor.
"""
