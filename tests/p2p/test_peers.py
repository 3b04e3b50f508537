"""The peer book: whom to dial, whom to trust, whom to ban."""
# pyright: reportPrivateUsage=false
# How many are known shows from outside as memory alone.

from random import Random

import pytest

from consensus.crypto import compute_peer_id
from consensus.quantities import PublicKey
from p2p import peers
from p2p.addresses import Address
from p2p.peers import Deed, PeerBook, PeerStanding, Source


def _peer(number: int) -> bytes:
    return compute_peer_id(PublicKey(number.to_bytes(32, "big")))


def _place(number: int, host: str = "127.0.0.1") -> Address:
    return Address("ip4", host, 1_000 + number, _peer(number))


def _book() -> PeerBook:
    return PeerBook(_peer(0), Random(1))


def test_we_are_never_in_our_own_book():
    book = _book()
    book.add(_place(0), Source.CHOSEN)
    assert book.choose(0.0, 9, {}) == []


def test_chosen_peers_are_dialled_before_met_ones_and_those_before_hearsay():
    book = _book()
    book.add(_place(3), Source.HEARSAY)
    book.add(_place(2), Source.MET)
    book.add(_place(1), Source.CHOSEN)
    assert book.choose(0.0, 2, {}) == [_place(1), _place(2)]
    assert book.choose(0.0, 9, {_peer(1): "127.0.0.1"}) == [_place(2), _place(3)]


def test_a_failed_dial_waits_longer_each_time_but_never_for_ever():
    book = _book()
    book.add(_place(1), Source.CHOSEN)
    waits: list[float] = []
    now_s = 0.0
    for _ in range(12):
        book.on_dialling(_peer(1), now_s)
        assert book.choose(now_s, 9, {}) == []
        book.on_failed(_peer(1), now_s)
        start_s = now_s
        while not book.choose(now_s, 9, {}):
            now_s += 0.05
        waits.append(now_s - start_s)
    assert waits[0] < 0.6
    assert waits[4] > waits[0]
    assert peers.BACKOFF_S_MAX / 2 <= waits[-1] <= peers.BACKOFF_S_MAX * 1.5 + 0.1


def test_hearsay_that_never_answers_is_forgotten_and_the_chosen_never():
    book = _book()
    book.add(_place(1), Source.CHOSEN)
    book.add(_place(2), Source.HEARSAY)
    for _ in range(20):
        book.on_failed(_peer(1), 0.0)
        book.on_failed(_peer(2), 0.0)
    assert book.choose(1e6, 9, {}) == [_place(1)]


def test_the_addresses_of_a_peer_are_tried_in_turn():
    book = _book()
    book.add(_place(1), Source.MET)
    other = Address("ip4", "127.0.0.1", 9, _peer(1))
    book.add(other, Source.MET)
    first = book.choose(0.0, 1, {})
    book.on_failed(_peer(1), 0.0)
    assert {*first, *book.choose(100.0, 1, {})} == {_place(1), other}


def test_outbound_peers_come_from_many_networks():
    book = _book()
    for number in range(1, 9):
        book.add(_place(number, f"20.1.0.{number}"), Source.HEARSAY)
    book.add(_place(9, "30.1.0.1"), Source.HEARSAY)
    chosen = {address.host for address in book.choose(0.0, 9, {})}
    assert len(chosen) == peers.GROUP_MAX + 1
    assert "30.1.0.1" in chosen


def test_rejected_messages_make_a_peer_grey_and_then_banned_for_longer_each_time():
    book = _book()
    standings = [book.judge(_peer(1), Deed.REJECTED, 0.0) for _ in range(7)]
    assert standings == [PeerStanding.GOOD] * 2 + [PeerStanding.GREY] * 4 + [PeerStanding.BANNED]
    assert book.standing(_peer(1), peers.BAN_S - 1) is PeerStanding.BANNED
    assert book.standing(_peer(1), peers.BAN_S + 200) is PeerStanding.GOOD
    now_s = peers.BAN_S + 1
    while book.judge(_peer(1), Deed.REJECTED, now_s) is not PeerStanding.BANNED:
        pass
    assert book.standing(_peer(1), now_s + peers.BAN_S + 1) is PeerStanding.BANNED


def test_a_banned_peer_is_not_dialled():
    book = _book()
    book.add(_place(1), Source.CHOSEN)
    while book.judge(_peer(1), Deed.BROKE_PROTOCOL, 0.0) is not PeerStanding.BANNED:
        pass
    assert book.choose(1.0, 9, {}) == []
    assert book.choose(peers.BAN_S + 1, 9, {}) == [_place(1)]


def test_a_score_halves_with_time_and_praise_is_capped():
    book = _book()
    book.judge(_peer(1), Deed.REJECTED, 0.0)
    assert abs(book.score(_peer(1), peers.HALF_LIFE_S) + 5) < 0.01
    book.judge(_peer(2), Deed.FIRST, 0.0, count=100_000)
    assert book.score(_peer(2), 0.0) == peers.SCORE_MAX


def test_hearsay_cannot_fill_the_book_nor_push_out_proved_addresses(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(peers, "RECORDS_MAX", 10)
    book = _book()
    book.add(_place(1), Source.MET)
    for number in range(2, 50):
        book.add(_place(number), Source.HEARSAY)
    for port in range(10):
        book.add(Address("ip4", "9.9.9.9", port + 1, _peer(1)), Source.HEARSAY)
    assert book.addresses_of(_peer(1))[0] == _place(1)
    assert len(book.addresses_of(_peer(1))) <= peers.ADDRESSES_MAX
    assert len(book.choose(0.0, 99, {})) <= 10


def test_the_book_survives_the_disk_and_damage_to_it():
    book = _book()
    for number in range(1, 4):
        book.add(_place(number), Source.MET)
    book.add(_place(5), Source.HEARSAY)
    again = _book()
    assert again.load(book.dump()) == 3
    assert {address.port for address in again.choose(0.0, 9, {})} == {1_001, 1_002, 1_003}
    assert _book().load(b"damaged") == 0
    assert _book().load(b"") == 0


def test_only_peers_we_have_met_are_told_to_others_and_nobody_itself():
    book = _book()
    book.add(_place(1), Source.MET)
    book.add(_place(2), Source.MET)
    book.add(_place(3), Source.HEARSAY)
    assert book.sample(9, _peer(1)) == [_place(2)]


def _fill(book: PeerBook, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "RECORDS_MAX", 20)
    for number in range(1, 21):
        book.add(_place(number), source)


def _knows(book: PeerBook, number: int) -> bool:
    return book.addresses_of(_peer(number)) != ()


def test_deeds_of_ever_new_peers_do_not_make_the_book_grow(monkeypatch: pytest.MonkeyPatch):
    book = _book()
    _fill(book, Source.MET, monkeypatch)
    for number in range(100, 200):
        book.judge(_peer(number), Deed.REJECTED, 0.0)
    assert len(book._records) <= peers.RECORDS_MAX


def test_a_book_full_of_bad_names_still_learns_of_peers_that_are_met(
    monkeypatch: pytest.MonkeyPatch,
):
    book = _book()
    monkeypatch.setattr(peers, "RECORDS_MAX", 20)
    for number in range(100, 120):
        for _ in range(7):
            book.judge(_peer(number), Deed.REJECTED, 0.0)
    book.add(_place(1), Source.MET)
    assert _knows(book, 1)


def test_claims_of_where_peers_are_push_out_none_we_found_ourselves(
    monkeypatch: pytest.MonkeyPatch,
):
    book = _book()
    _fill(book, Source.MET, monkeypatch)
    for number in range(1, 11):
        book.on_connected(_peer(number), is_dialled=True)
    for number in range(100, 200):
        book.add(_place(number), Source.MET)
    assert all(_knows(book, number) for number in range(1, 11))
    assert _knows(book, 199)
