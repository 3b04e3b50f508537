"""Stake and who shares in it: pools, delegates, loans, where earnings go."""
