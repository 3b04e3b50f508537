"""What a transaction may ask for: a frozen dataclass per call, a file per family of rules."""
