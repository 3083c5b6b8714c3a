"""reachnote: a musical instrument and controller for making music."""

__version__ = "0.1.0"
