# The play-time part of the signal chain, in the MicroPython dialect: board and host run this one source.
