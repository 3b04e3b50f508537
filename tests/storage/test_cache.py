from storage.cache import RowCache

ROW = bytes(100)


def test_a_row_read_before_a_commit_does_not_come_in_after_it():
    cache = RowCache(1 << 20)
    stamp = cache.stamp
    cache.advance({b"k": b"new row"})
    cache.fill(b"k", b"old row", stamp)
    assert cache.young[b"k"] == b"new row"


def test_a_commit_replaces_a_row_of_the_old_generation():
    cache = RowCache(10_000)
    cache.fill(b"k", b"old row", cache.stamp)
    for number in range(20):  # enough to make the first row old, too little to drop it
        cache.fill(bytes([number]), ROW, cache.stamp)
    assert b"k" not in cache.young
    assert cache.promote(b"k") == b"old row"
    cache.advance({b"k": b"new row"})
    assert cache.promote(b"k") is None or cache.promote(b"k") == b"new row"
    assert cache.young.get(b"k") == b"new row"


def test_rows_long_unused_go_and_used_ones_stay():
    cache = RowCache(20_000)
    for number in range(1_000):
        cache.fill(number.to_bytes(2, "big"), ROW, cache.stamp)
        if b"used" not in cache.young and cache.promote(b"used") is None:
            cache.fill(b"used", ROW, cache.stamp)
            assert number == 0, "it was dropped although it is used all the time"
    assert cache.promote(bytes(2)) is None
    assert len(cache.young) * 262 <= 20_000


def test_a_row_that_would_fill_the_cache_is_not_kept():
    cache = RowCache(10_000)
    cache.fill(b"k", ROW, cache.stamp)
    cache.advance({b"k": bytes(5_000)})
    assert b"k" not in cache.young
    assert cache.promote(b"k") is None


def test_a_cache_of_no_bytes_keeps_nothing():
    cache = RowCache(0)
    cache.fill(b"k", b"", cache.stamp)
    assert cache.young == {}
