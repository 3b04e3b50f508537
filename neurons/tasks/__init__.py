"""One file per built-in task."""
