"""What a node says of whether others can call it."""

import pytest

from daemon.engine.reach import find_farthest, judge_reach

LOOPBACK = "/ip4/127.0.0.1/tcp/9945"
PRIVATE = "/ip4/192.168.1.7/tcp/9945"
PUBLIC = "/ip4/8.8.8.8/tcp/9945"
ANY = "/ip4/0.0.0.0/tcp/9945"


@pytest.mark.parametrize(
    ("listening", "callers", "verdict", "word"),
    [
        ([LOOPBACK], [], "no", "0.0.0.0"),
        (["/ip6/::1/tcp/9945"], [], "no", "loopback"),
        ([PRIVATE, LOOPBACK], [], "unknown", "forward TCP port 9945"),
        ([PUBLIC], [], "unknown", "Firewalls"),
        ([ANY], [], "unknown", "Firewalls"),
        (["/dns4/node.example.org/tcp/9945"], [], "unknown", "Firewalls"),
        ([LOOPBACK], [LOOPBACK], "yes", "on this machine"),
        ([ANY], [LOOPBACK, PRIVATE], "yes", "of the local network"),
        ([ANY], [LOOPBACK, PUBLIC], "yes", "from outside"),
        ([], [], "no", "p2p.listen"),
    ],
)
def test_reach_follows_from_addresses_and_callers(
    listening: list[str], callers: list[str], verdict: str, word: str
) -> None:
    reach = judge_reach(listening, callers)
    assert reach.verdict == verdict
    assert word in str(reach)


def test_what_is_not_reachable_comes_with_a_remedy_and_what_is_without() -> None:
    assert judge_reach([LOOPBACK], []).remedy
    assert not judge_reach([LOOPBACK], [LOOPBACK]).remedy


def test_of_all_callers_the_farthest_is_remembered() -> None:
    assert find_farthest([LOOPBACK, PUBLIC, PRIVATE]) == (PUBLIC,)
    assert find_farthest([]) == ()
