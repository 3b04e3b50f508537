"""Explanations: the parts of every reward add up to it, to the rao."""

import pytest

from consensus.fixed import mul
from consensus.reward.backing import Backing
from consensus.reward.emission import divide
from consensus.reward.explain import Basis, explain
from consensus.reward.yuma import trace_epoch
from tests.consensus.reward.epochs import make_epoch, make_random_epoch

POTS = (10**9 + 7, 10**9 + 9)
OWN = (Backing(alpha=300, root=100, take=11_796),)


@pytest.mark.parametrize("seed", range(60))
def test_the_parts_of_every_reward_add_up_to_the_rao(seed: int):
    epoch = make_random_epoch(seed)
    trace = trace_epoch(epoch)
    paid = divide(trace.terms, *POTS)
    explained = [explain(trace, POTS, uid, OWN, (0,)) for uid in range(len(epoch.stake))]
    for uid, one in enumerate(explained):
        assert one.miner_emission == paid.miners[uid]
        assert one.validator_emission == paid.validators[uid]
        assert one.emission == one.miner_emission + one.validator_emission
        assert sum(vote.amount for vote in one.votes) == one.miner_emission
        assert one.owner + one.delegators + one.sold + one.lenders == one.validator_emission
        assert one.alpha_part + one.root_part == one.validator_emission
        if one.basis is Basis.DIVIDENDS:
            assert sum(bond.amount for bond in one.bonds) == one.validator_emission
    assert sum(one.emission for one in explained) + paid.recycled == sum(POTS)


def test_a_vote_shows_what_consensus_cut_off():
    weights = {0: ([2, 3], [65_535, 1]), 1: ([2, 3], [1, 65_535])}
    trace = trace_epoch(make_epoch([60, 40, 0, 0], weights))
    vote = next(vote for vote in explain(trace, POTS, 3, OWN, ()).votes if vote.validator == 1)
    assert vote.weight == 65_535
    assert vote.counted + vote.clip == vote.weight_share
    assert vote.clip > 0
    assert vote.contribution == mul(vote.stake, vote.counted)


def test_a_bond_shows_its_share_of_the_miner_it_backed():
    trace = trace_epoch(make_epoch([60, 60, 0], {0: ([2], [65_535]), 1: ([2], [65_535])}))
    one = explain(trace, POTS, 0, OWN, ())
    assert [bond.miner for bond in one.bonds] == [2]
    assert one.bonds[0].incentive == trace.terms.incentive[2]
    assert abs(one.bonds[0].bond_share - 2**31) <= 1


def test_a_reward_for_stake_alone_says_so():
    stake_only = explain(trace_epoch(make_epoch([60, 40], {})), POTS, 0, OWN, ())
    assert stake_only.basis is Basis.ACTIVE_STAKE
    assert stake_only.bonds == ()
    nobody = explain(trace_epoch(make_epoch([0, 0], {})), POTS, 0, OWN, ())
    assert nobody.basis is Basis.NOBODY
    assert nobody.emission == 0
