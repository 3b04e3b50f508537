"""Multiaddrs in and out."""

import pytest

from consensus.crypto import compute_peer_id
from consensus.quantities import PublicKey
from p2p.addresses import (
    Address,
    BadAddress,
    compute_network_group,
    format_peer_id,
    parse_address,
    parse_peer_id,
)

PEER = compute_peer_id(PublicKey(bytes(range(32))))


@pytest.mark.parametrize(
    "text",
    [
        "/ip4/127.0.0.1/tcp/0",
        "/ip6/::1/tcp/30333",
        "/dns/seed.example.org/tcp/443",
        f"/ip4/10.0.0.1/tcp/65535/p2p/{format_peer_id(PEER)}",
    ],
)
def test_an_address_is_written_as_it_was_read(text: str):
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:80",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/udp/80",
        "/ip4/127.0.0.1/tcp/65536",
        "/ip4/127.0.0.1/tcp/-1",
        "/ip4/127.0.0.1/tcp/٣",
        "/ip4/300.0.0.1/tcp/80",
        "/ip4/::1/tcp/80",
        "/ip6/127.0.0.1/tcp/80",
        "/dns//tcp/80",
        "/dns/two words/tcp/80",
        "/dns/a\nb/tcp/80",
        "/dns/" + "a" * 128 + "/tcp/80",
        "/ip4/127.0.0.1/tcp/80/p2p",
        "/ip4/127.0.0.1/tcp/80/p2p/",
        "/ip4/127.0.0.1/tcp/80/p2p/0OIl",
        "/ip4/127.0.0.1/tcp/80/p2p/abc",
        "/ip4/127.0.0.1/tcp/80/ws/x",
    ],
)
def test_what_is_no_address_of_ours_is_refused_with_its_reason(text: str):
    with pytest.raises(BadAddress):
        parse_address(text)


def test_a_peer_id_is_the_same_in_text_and_bytes():
    assert parse_peer_id(format_peer_id(PEER)) == PEER
    assert format_peer_id(PEER).startswith("12D3Koo")


def test_neighbours_in_one_sixteenth_share_a_group_and_others_do_not():
    assert compute_network_group("10.1.2.3") == compute_network_group("10.1.200.1")
    assert compute_network_group("10.1.2.3") != compute_network_group("10.2.2.3")
    assert compute_network_group("127.0.0.1") == "loopback"
    assert compute_network_group("::1") == "loopback"


def test_wildcards_and_loopback_are_known():
    assert Address("ip4", "0.0.0.0", 1).is_wildcard
    assert Address("ip4", "127.0.0.2", 1).is_loopback
    assert not Address("dns", "localhost", 1).is_loopback
