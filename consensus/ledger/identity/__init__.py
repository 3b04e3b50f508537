"""Keys that change, names people give themselves, and who votes in which era."""
