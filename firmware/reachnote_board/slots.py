# The wiring in two slots, so that a power cut leaves the old one or the new one, never none.
#
# A slot is a file: one header line, then wiring.json's text as it is.
#
#   reachnote-slot FORMAT SEQUENCE LENGTH CRC      the last three as 8 hex digits
#
# The CRC-32 is of the header up to it and of the text. `write` fills the slot that is not the newest, syncs, reads it
# back; the higher sequence number counts. Without a usable slot the plain wiring.json does.
#
# The computer's side is `reachnote flash`.

import binascii
import os

from reachnote_board import wiring

FILES = ("wiring.a", "wiring.b")
MAGIC = b"reachnote-slot"
FORMAT = 1
LARGEST = 16384  # bytes of text; 32 sensors need about 5000
HEAD = 44  # bytes of a header, newline included, FORMAT of one digit
ENOENT, ENOSPC = 2, 28

GONE, DAMAGED, OTHER, GOOD = 0, 1, 2, 3  # OTHER: whole as far as can be told, but not for this firmware

AGAIN = "Write it again: reachnote flash --instrument hardware/NAME"
PASSED = (
    None,
    "a wiring on this board is damaged or was not written to its end, so the one before it plays. Write the new one again.",
    "a wiring on this board is for another version of its firmware, so the one before it plays. Update the firmware.",
)
NOTHING = (
    None,
    "every wiring on this board is damaged. " + AGAIN,
    "the wiring on this board is for another version of its firmware. Write both again: "
    "reachnote flash --instrument hardware/NAME",
)


def load(folder):
    """(wiring, None or a sentence about a slot that was passed over): the newest that can be used.

    OSError when there is none at all, ValueError with a sentence when none can be used.
    """
    looks = [_look(folder + name) for name in FILES]
    newest = _newest(looks)
    spoilt = max([0] + [look[0] for look in looks if look[0] != GOOD])
    if newest >= 0:
        return looks[newest][2], PASSED[spoilt]
    try:
        return wiring.load(folder + "wiring.json"), PASSED[spoilt]
    except OSError:
        if spoilt:
            raise ValueError(NOTHING[spoilt])
        raise


def text(folder):
    """(the text that `load` would use, whether it lies in a slot), or None without a usable one."""
    looks = [_look(folder + name) for name in FILES]
    newest = _newest(looks)
    if newest >= 0:
        with open(folder + FILES[newest], "rb") as file:
            file.readline()
            return file.read(), True
    try:
        with open(folder + "wiring.json", "rb") as file:
            found = file.read(LARGEST)
        wiring.of_text(found)
    except (OSError, ValueError):
        return None
    return found, False


def write(folder, text):
    """None when the text of a wiring.json is stored and was read back, else a sentence; then the old one stays."""
    if isinstance(text, str):
        text = text.encode()
    if len(text) > LARGEST:
        return "this wiring is longer than %d bytes, so it was not stored; the old one stays." % LARGEST
    try:
        wiring.of_text(text)
    except ValueError as fault:
        return "this wiring was not stored, the old one stays: %s" % fault
    looks = [_look(folder + name) for name in FILES]
    newest = _newest(looks)
    if newest >= 0:
        target, sequence = 1 - newest, looks[newest][1] + 1
    else:
        target, sequence = 0 if looks[0][0] <= looks[1][0] else 1, 1
    try:
        return _store(folder + FILES[target], _header(sequence, text) + text)
    except OSError as fault:
        if fault.args[0] == ENOSPC:
            return "this board's memory is full: the new wiring was not stored, the old one stays. Delete files, write again."
        return "this board's memory did not take the new wiring (number %s); the old one stays. Write it again." % fault.args[0]


def _store(path, whole):
    with open(path, "wb") as file:
        file.write(whole)
        file.flush()
        if hasattr(os, "fsync"):  # CPython; its os.sync would wait for the whole machine
            os.fsync(file.fileno())
    if hasattr(os, "sync") and not hasattr(os, "fsync"):
        os.sync()
    with open(path, "rb") as file:
        if file.read(len(whole) + 1) != whole:
            return "this board's memory did not keep the new wiring, so the old one stays. Write it again."


def _look(path):
    # (state, sequence, wiring)
    try:
        size = os.stat(path)[6]
        if size > HEAD + LARGEST:
            return DAMAGED, 0, None
        with open(path, "rb") as file:
            found = file.read(size)
    except OSError as fault:
        return (GONE if fault.args[0] == ENOENT else DAMAGED), 0, None
    return _judge(found)


def _judge(found):
    end = found.find(b"\n") + 1
    words = found[:end].split(b" ")
    if len(words) < 2 or words[0] != MAGIC:
        return DAMAGED, 0, None
    if len(words) != 5 or words[1] != b"%d" % FORMAT:
        return (OTHER if words[1].isdigit() and words[1] != b"%d" % FORMAT else DAMAGED), 0, None
    text = found[end:]
    try:
        sequence = int(words[2], 16)
        if found[:end] != _header(sequence, text):
            return DAMAGED, 0, None
    except ValueError:
        return DAMAGED, 0, None
    try:
        return GOOD, sequence, wiring.of_text(text)
    except ValueError:
        return OTHER, 0, None


def _header(sequence, text):
    head = b"%s %d %08x %08x " % (MAGIC, FORMAT, sequence & 0xFFFFFFFF, len(text))
    return head + b"%08x\n" % binascii.crc32(text, binascii.crc32(head))


def _newest(looks):
    # -1, 0 or 1; the number comes round after 2**32
    a, b = looks
    if a[0] == GOOD and b[0] == GOOD:
        return 0 if a[1] - b[1] & 0xFFFFFFFF < 0x80000000 else 1
    return 0 if a[0] == GOOD else 1 if b[0] == GOOD else -1
