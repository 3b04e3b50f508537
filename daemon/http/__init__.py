"""The local door: chain routes, health, metrics, events."""
