"""One file per figure the README states."""
