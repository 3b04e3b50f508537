"""Operators and developers start here; nothing imports this folder."""
