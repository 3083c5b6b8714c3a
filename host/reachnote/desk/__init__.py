"""The desk: a local page for whoever does not type commands, served by a process of its own (protocols/desk.md).

It speaks to the session over the control socket like any other program, so it may crash, hang or be closed without a note
changing. It listens on this computer alone, and lets in only pages that came through a link of its own (`gate`).
"""
