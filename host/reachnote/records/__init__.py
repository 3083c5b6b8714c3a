"""Records: the process that keeps the last 60 s in memory, and writes a journal while Record is on."""
