"""How nodes agree on the next block."""
