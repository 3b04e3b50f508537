"""Swaps between TAO and alpha, settled once a block."""
