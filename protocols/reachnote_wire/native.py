# The reading line in machine code (MicroPython's viper). Same bytes as write_plain.
# Importing this where the port has no emitter raises SyntaxError: see native_writer().

import micropython
from reachnote_wire import CRC_HIGH, CRC_LOW


@micropython.viper
def _digits(buffer: ptr8, at: int, number: int, digits: int):
    i = at + digits
    while i > at:
        i -= 1
        n = number & 15
        buffer[i] = n + 48 if n < 10 else n + 87
        number = number >> 4


@micropython.viper
def _line(buffer: ptr8, status: ptr8, value: ptr32, head: ptr32) -> int:
    at = 14
    count = head[2]
    for i in range(count):
        n = status[i]
        h = n >> 4
        buffer[at] = h + 48 if h < 10 else h + 87
        h = n & 15
        buffer[at + 1] = h + 48 if h < 10 else h + 87
        n = value[i]
        j = at + 8
        at += 2
        while j > at:
            j -= 1
            h = n & 15
            buffer[j] = h + 48 if h < 10 else h + 87
            n = n >> 4
        at += 6
    return at


@micropython.viper
def _crc(buffer: ptr8, end: int, low_table: ptr16, high_table: ptr16) -> int:
    low = 0xFFFF
    high = 0xFFFF
    i = 0
    while i < end:
        n = (low ^ buffer[i]) & 255
        low = ((low >> 8) | ((high & 255) << 8)) ^ low_table[n]
        high = (high >> 8) ^ high_table[n]
        i += 1
    # 32 bits would not fit a small integer: hand the halves over in the buffer's last bytes.
    low ^= 0xFFFF
    high ^= 0xFFFF
    j = 8
    while j > 4:
        j -= 1
        h = low & 15
        buffer[end + j] = h + 48 if h < 10 else h + 87
        low = low >> 4
    while j > 0:
        j -= 1
        h = high & 15
        buffer[end + j] = h + 48 if h < 10 else h + 87
        high = high >> 4
    return end


def write(buffer, status, value, head):
    _digits(buffer, 2, head[0], 4)
    _digits(buffer, 6, head[1], 8)
    _crc(buffer, _line(buffer, status, value, head), CRC_LOW, CRC_HIGH)
