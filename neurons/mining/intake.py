"""Who may ask a miner, how often, and never the same query twice; time is an argument.

Three gates, cheapest first. A token bucket per peer, before a byte is decoded. After the signature
is checked: validators pass by their permit, strangers share one small bucket (a new hotkey costs
nothing, so a bucket of their own would be no limit). Last, the memory of queries: within `SKEW_MS`
of our clock a query id counts once, outside of it the query is stale.
"""

from collections import OrderedDict
from dataclasses import dataclass

PEERS_MAX = 1_024
"""Buckets kept; the one unused for longest is forgotten first, and was full again long ago."""
SKEW_MS = 60_000
"""How far an asker's clock may be from ours."""
SEEN_MAX = 65_536
"""Query ids remembered: a thousand a second over twice the skew would be 120,000; far above use."""


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate` tokens a second, `burst` at most."""

    rate: float
    burst: float
    tokens: float
    filled_s: float

    def take(self, now_s: float) -> float:
        """Take one token and return 0, or take none and return in how many seconds there is one."""
        self.tokens = min(self.burst, self.tokens + (now_s - self.filled_s) * self.rate)
        self.filled_s = now_s
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


class PeerBuckets:
    """One bucket per peer, a bounded number of them."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[bytes, Bucket] = OrderedDict()

    def take(self, peer: bytes, now_s: float) -> float:
        """Take one token of `peer`; return 0, or the seconds until it has one."""
        bucket = self._buckets.get(peer)
        if bucket is None:
            bucket = self._buckets[peer] = Bucket(self._rate, self._burst, self._burst, now_s)
            if len(self._buckets) > PEERS_MAX:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(peer)
        return bucket.take(now_s)


class SeenQueries:
    """The queries of the last two minutes, by asker and id."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def add(self, name: bytes, now_ms: int) -> bool:
        """Remember `name`; False when it is remembered already."""
        while self._seen:
            oldest, time_ms = next(iter(self._seen.items()))
            if now_ms - time_ms <= 2 * SKEW_MS and len(self._seen) < SEEN_MAX:
                break
            del self._seen[oldest]
        if name in self._seen:
            return False
        self._seen[name] = now_ms
        return True
