"""What answers queries, inside the worker's process: one file a backend, all of one shape."""
