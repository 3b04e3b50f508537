"""Secret keys on disk: sealed files, and the folder that only their owner may read."""
