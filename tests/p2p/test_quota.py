"""Token buckets fill with time and never beyond their burst."""

from p2p.quota import Limit, PeerQuota, Quota, TokenBucket


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate():
    bucket = TokenBucket(Limit(rate=10, burst=5), 0.0)
    assert [bucket.take(1, 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert not bucket.take(1, 0.05)
    assert bucket.take(1, 0.11)


def test_a_bucket_never_holds_more_than_its_burst():
    bucket = TokenBucket(Limit(rate=10, burst=5), 0.0)
    assert not bucket.take(6, 1_000.0)
    assert bucket.take(5, 1_000.0)
    assert not bucket.take(1, 1_000.0)


def test_time_that_goes_back_gives_nothing():
    bucket = TokenBucket(Limit(rate=10, burst=1), 100.0)
    assert bucket.take(1, 100.0)
    assert not bucket.take(1, 50.0)


def test_a_quota_counts_messages_and_bytes_and_what_exceeds_them():
    quota = PeerQuota(Quota(Limit(1, 3), Limit(100, 100)), 0.0)
    assert quota.take(90, 0.0)
    assert not quota.take(20, 0.0)
    assert quota.take(10, 0.0)
    assert not quota.take(1, 0.0)
    assert quota.exceeded == 2
