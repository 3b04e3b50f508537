"""One entry per call, a file per family of rules."""
