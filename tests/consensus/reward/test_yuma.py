"""The epoch law: against vectors, against a plain reference, and against its own promises."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consensus.fixed import share
from consensus.params import Q32, Hyperparameters, Params
from consensus.reward import medians
from consensus.reward.epoch import EpochInput, EpochTerms, select_params
from consensus.reward.rows import get_cell
from consensus.reward.yuma import run_epoch, select_top
from scripts.tools.vectors.epoch import check_law_case
from tests.consensus.reward import reference
from tests.consensus.reward.epochs import PLAIN, make_epoch, make_random_epoch

LAW = Path(__file__).parents[2] / "vectors" / "epoch_law.json"


def read_law() -> list[dict[str, Any]]:
    return json.loads(LAW.read_text())["cases"]


def assert_equal_terms(a: EpochTerms, b: EpochTerms):
    for name in EpochTerms.__dataclass_fields__:
        if name != "bonds":
            assert getattr(a, name) == getattr(b, name), name
    assert a.bonds.uids == b.bonds.uids
    assert (a.bonds.cells == b.bonds.cells).all()


def test_every_case_of_the_law_is_met_exactly():
    cases = read_law()
    assert len(cases) == 230
    assert [case["source"] for case in cases if check_law_case(case)] == []


@pytest.mark.parametrize("start", range(0, 400, 20))
def test_random_epochs_equal_the_plain_reference(start: int):
    for seed in range(start, start + 20):
        epoch = make_random_epoch(seed)
        got, want = run_epoch(epoch), reference.run(epoch)
        assert got.consensus == want.consensus, seed
        assert got.validator_trust == want.validator_trust, seed
        assert got.incentive == want.incentive, seed
        assert got.dividends == want.dividends, seed
        for uid, permit in enumerate(got.permits_next):
            cells = [get_cell(got.bonds, uid, j) for j in range(len(epoch.stake))]
            assert cells == (want.bonds[uid] if permit else [0] * len(cells)), seed


def test_where_blocks_are_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    epochs = [make_wide_epoch(liquid=liquid) for liquid in (False, True)]
    whole = [run_epoch(epoch) for epoch in epochs]
    monkeypatch.setattr(medians, "_BLOCK_CELLS", 1)
    for epoch, terms in zip(epochs, whole, strict=True):
        assert_equal_terms(run_epoch(epoch), terms)


def make_wide_epoch(*, liquid: bool) -> EpochInput:
    rng = np.random.default_rng(5)
    size, validators = 100, 9
    cells = rng.integers(0, 65_536, (validators, size))
    bonds = rng.integers(0, Q32 + 1, (validators, size))
    columns = list(range(size))
    return make_epoch(
        [10**12 + uid if uid < validators else 0 for uid in range(size)],
        {uid: (columns, cells[uid].tolist()) for uid in range(validators)},
        replace(PLAIN, liquid_alpha=liquid, bonds_penalty=30_000),
        {uid: (columns, bonds[uid].tolist()) for uid in range(validators)},
    )


def test_an_epoch_leaves_its_input_alone():
    epoch = make_wide_epoch(liquid=True)
    weights, bonds = epoch.weights.cells.copy(), epoch.bonds.cells.copy()
    first = run_epoch(epoch)
    assert (epoch.weights.cells == weights).all()
    assert (epoch.bonds.cells == bonds).all()
    assert_equal_terms(run_epoch(epoch), first)


def test_an_empty_subnet_has_an_epoch():
    terms = run_epoch(make_epoch([], {}))
    assert terms.incentive == terms.validator_basis == []


def test_nobody_without_stake_gets_a_permit():
    terms = run_epoch(make_epoch([0, 5, 0], {}))
    assert terms.permits_next == [False, True, False]


def test_of_equal_stakes_the_higher_uids_get_the_permits():
    assert select_top([7, 7, 7, 9], 2) == [False, False, True, True]


def test_a_validator_alone_can_not_pay_itself():
    terms = run_epoch(make_epoch([5, 0], {0: ([0, 1], [65_535, 1])}))
    assert terms.incentive == [0, Q32]


def test_what_a_minority_adds_is_clipped():
    weights = {0: ([2, 3], [65_535, 0]), 1: ([2, 3], [0, 65_535])}
    terms = run_epoch(make_epoch([60, 40, 0, 0], weights))
    assert terms.consensus[2] > 0
    assert terms.consensus[3] == 0
    assert terms.incentive == [0, 0, Q32, 0]


def test_a_miner_registered_since_the_commit_earns_nothing():
    epoch = make_epoch([5, 0, 0], {0: ([1, 2], [65_535, 65_535])})
    late = replace(epoch, registered_block=[1, 350, 349])
    assert run_epoch(late).incentive == [0, 0, Q32]


def test_an_inactive_validator_keeps_its_permit_and_loses_its_say():
    epoch = make_epoch([5, 5, 0], {0: ([2], [65_535]), 1: ([2], [65_535])})
    terms = run_epoch(replace(epoch, active_block=[370, 0, 370], block=5_001, last_epoch_block=20))
    assert terms.permits_next[1]
    assert terms.active_stake == [Q32, 0, 0]


def test_a_withheld_reveal_keeps_its_stake_in_the_median_and_earns_nothing():
    weights = {0: ([3], [65_535]), 1: ([3], [65_535])}
    stake = [30, 30, 40, 0]
    bonds = {2: ([3], [Q32])}
    honest = run_epoch(make_epoch(stake, weights, bonds=bonds))
    terms = run_epoch(make_epoch(stake, weights, bonds=bonds, forfeits=frozenset({2})))
    assert terms.active_stake == honest.active_stake
    assert terms.consensus == honest.consensus
    assert honest.dividends[2] > 0
    assert terms.dividends[2] == 0
    assert terms.bonds.uids == (0, 1, 2)


def test_who_withheld_is_left_out_of_the_fall_back_too():
    terms = run_epoch(make_epoch([30, 70], {}, forfeits=frozenset({1})))
    assert terms.validator_basis == [share([30, 70])[0], 0]


def test_bonds_are_kept_only_for_those_with_a_permit_from_now_on():
    weights = {uid: ([3], [65_535]) for uid in range(3)}
    epoch = make_epoch([1, 3, 2, 0], weights, replace(PLAIN, max_validators=2))
    assert run_epoch(epoch).bonds.uids == (1, 2)


def test_a_weight_beyond_u16_is_a_bug():
    with pytest.raises(AssertionError):
        run_epoch(make_epoch([5, 0], {0: ([1], [65_536])}))


def test_a_bond_above_one_is_a_bug():
    with pytest.raises(AssertionError):
        run_epoch(make_epoch([5, 0], {0: ([1], [1])}, bonds={0: ([1], [Q32 + 1])}))


def test_a_steepness_beyond_the_exponential_s_bound_is_a_bug():
    with pytest.raises(AssertionError):
        replace(PLAIN, alpha_steepness=1_001)


def test_a_new_subnet_s_numbers_are_accepted():
    assert select_params(Params(), Hyperparameters()).kappa == 32_767


def test_stakes_of_the_whole_supply_don_t_overflow():
    size = 64
    columns = list(range(size))
    weights = {uid: (columns, [65_535] * size) for uid in range(size)}
    terms = run_epoch(make_epoch([2**64 - 1] * size, weights))
    assert 0 < sum(terms.incentive) <= Q32
    assert 0 < sum(terms.dividends) <= Q32
