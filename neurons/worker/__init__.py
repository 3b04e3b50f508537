"""The model's own process, and the runtime in the daemon that keeps it alive."""
