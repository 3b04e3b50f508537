"""A hash chain shows its values backwards, one per block, and never anything else."""

import pytest

from consensus.agreement.beacon import HashChain
from consensus.crypto import hash_beacon


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 1_000])
def test_every_value_of_a_chain_is_revealed_once_in_order(length: int) -> None:
    chain = HashChain(b"seed", length)
    tip, count = chain.tip, 0
    while (reveal := chain.reveal(tip)) is not None:
        assert hash_beacon(reveal) == tip
        tip, count = reveal, count + 1
    assert count == length


def test_the_same_tip_is_revealed_again_unchanged() -> None:
    chain = HashChain(b"seed", 100)
    first = chain.reveal(chain.tip)
    assert first is not None
    chain.reveal(first)
    assert chain.reveal(chain.tip) == first, "a block that never became final gives no choice"


def test_a_tip_of_another_chain_has_no_reveal() -> None:
    chain = HashChain(b"seed", 100)
    assert chain.reveal(HashChain(b"other", 100).tip) is None
    assert chain.reveal(hash_beacon(chain.tip)) is None
