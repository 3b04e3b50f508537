"""The benchmarks' reading of the event stream."""

from benchmarks.daemons import Final, read_final


def test_a_final_block_is_read_with_its_finality():
    line = 'data: {"height":3,"digest":"00","time_ms":1000,"final_ms":1034,"transactions":7}'
    final = read_final(line)
    assert final == Final(3, 1000, 1034, 7)
    assert final is not None
    assert final.finality_ms == 34


def test_other_events_are_passed_over():
    assert read_final("event: final") is None
    assert read_final(": still here") is None
    assert read_final('data: {"height":3,"peer_id":"12D3","is":"up"}') is None
