"""The verbs that ask a node about the chain: one entry per question."""
