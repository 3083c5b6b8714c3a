# The reading line in machine code (MicroPython's viper). Same bytes as write_plain.
# Importing this where the port has no emitter raises SyntaxError: see native_writer().
# One function: a call costs more than a line's whole CRC.

import micropython
from reachnote_wire import CRC_HIGH, CRC_LOW


@micropython.viper
def write(buffer: ptr8, status: ptr8, value: ptr32, head: ptr32):
    low_table = ptr16(CRC_LOW)
    high_table = ptr16(CRC_HIGH)
    count = head[2]
    end = 14 + 8 * count
    at = 2
    field = -2
    # Sequence number, time, then status and value of each sensor.
    while at < end:
        digits = 4
        if field == -2:
            number = head[0]
        elif field == -1:
            number = head[1]
            digits = 8
        elif field & 1:
            number = value[field >> 1]
            digits = 6
        else:
            number = status[field >> 1]
            digits = 2
        i = at + digits
        while i > at:
            i -= 1
            n = number & 15
            buffer[i] = n + 48 if n < 10 else n + 87
            number = number >> 4
        at += digits
        field += 1
    low = 0xFFFF
    high = 0xFFFF
    i = 0
    while i < end:
        n = (low ^ buffer[i]) & 255
        low = ((low >> 8) | ((high & 255) << 8)) ^ low_table[n]
        high = (high >> 8) ^ high_table[n]
        i += 1
    low ^= 0xFFFF
    high ^= 0xFFFF
    i = end + 8
    while i > end:
        i -= 1
        n = low & 15
        buffer[i] = n + 48 if n < 10 else n + 87
        low = low >> 4
        if i == end + 4:
            low = high
