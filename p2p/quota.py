"""Token buckets; sans-IO, time is an argument.

A peer may do `burst` at once and `rate` per second in the long run, counted in messages and in
bytes, BEFORE anything of its is decoded. The limits are generous to an honest node at full load and
far below what would fill a core.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """What one peer may send: per second in the long run, and at once."""

    rate: float
    burst: float


class TokenBucket:
    """A level that `rate` fills up to `burst` and every `take` lowers."""

    __slots__ = ("_burst", "_level", "_rate", "_seen_s")

    def __init__(self, limit: Limit, now_s: float) -> None:
        self._rate, self._burst = limit.rate, limit.burst
        self._level = limit.burst
        self._seen_s = now_s

    def take(self, amount: float, now_s: float) -> bool:
        """Take `amount` if that much is available at `now_s`; return whether it was."""
        if now_s > self._seen_s:
            self._level = min(self._burst, self._level + (now_s - self._seen_s) * self._rate)
            self._seen_s = now_s
        if amount > self._level:
            return False
        self._level -= amount
        return True


@dataclass(frozen=True, slots=True)
class Quota:
    """What one peer may send us on one kind of stream."""

    messages: Limit
    bytes: Limit


GOSSIP_QUOTA = Quota(Limit(4_000, 12_000), Limit(8e6, 32e6))
"""Four nodes at 1,000 messages/s send each other at most 1,000/s a link; four times that, and
bursts of three seconds of it (repair after a partition)."""
ASK_QUOTA = Quota(Limit(60_000, 120_000), Limit(64e6, 128e6))
"""Asks are answered under a concurrency bound as well, so this only stops a flood that is cheap to
send and dear to read; a peer pipelining 200 B queries reaches some 20,000/s."""


class PeerQuota:
    """One peer's two buckets under one `Quota`."""

    __slots__ = ("_bytes", "_messages", "exceeded")

    def __init__(self, quota: Quota, now_s: float) -> None:
        self._messages = TokenBucket(quota.messages, now_s)
        self._bytes = TokenBucket(quota.bytes, now_s)
        self.exceeded = 0

    def take(self, size_bytes: int, now_s: float) -> bool:
        """Return whether one message of `size_bytes` is within the quota; count it if not."""
        if self._messages.take(1, now_s) and self._bytes.take(size_bytes, now_s):
            return True
        self.exceeded += 1
        return False
