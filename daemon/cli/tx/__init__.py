"""The verbs that change the chain: one entry per call, and what all of them have in common."""
