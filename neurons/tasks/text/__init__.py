"""The task `text`: the next byte after a prefix of source code."""
