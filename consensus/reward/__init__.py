"""Who earned what."""
