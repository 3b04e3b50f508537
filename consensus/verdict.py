"""Judge gossip: Accept, Ignore or Reject, one pure function per topic.

Accept: forward it and let it in. Ignore: not now, and nobody's fault (old, early, known). Reject:
no honest peer sends this; drop it and penalise the sender.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accept:
    """Let it in and forward it."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Drop it without blame."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Drop it and penalise whoever sent it."""

    reason: str


Verdict = Accept | Ignore | Reject
