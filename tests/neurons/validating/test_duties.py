"""When commits and reveals are due."""

from dataclasses import replace

import pytest

from consensus.calls.weights import RevealWeights
from consensus.quantities import (
    U64,
    Epoch,
    Hash32,
    Height,
    PublicKey,
    Ratio16,
    Salt,
    Uid,
    Weight,
)
from consensus.reward.commit_reveal import WeightSecret
from neurons.ports import MetagraphView, WeightsState
from neurons.validating import duties
from tests.neurons.world import NETUID, FakeNode, World

META: MetagraphView = FakeNode(World(tempo=20, reveal_blocks=5)).metagraph(NETUID)
KEY = PublicKey(bytes(32))
NOTHING = WeightsState(None, None, None)
DIGEST = Hash32(b"d" * 32)


def make_secret(epoch: int, digest: Hash32 = DIGEST) -> WeightSecret:
    row = RevealWeights(NETUID, Epoch(epoch), Salt(bytes(32)), U64(1), (), ())
    return WeightSecret(KEY, digest, row)


def test_a_row_that_breaks_the_rules_of_now_is_not_committed_again() -> None:
    uids, values = (Uid(1), Uid(2)), (Weight(65_535), Weight(30_000))
    secret = make_secret(0)
    secret = replace(secret, row=replace(secret.row, uids=uids, values=values))
    assert duties.is_allowed(secret, META)
    assert not duties.is_allowed(secret, replace(META, max_weight=Ratio16(40_000)))
    assert not duties.is_allowed(secret, replace(META, min_allowed_weights=3))
    assert not duties.is_allowed(secret, replace(META, scorer_version=U64(2)))


def test_only_a_pinned_scorer_other_than_ours_is_a_misfit() -> None:
    ours, other = Hash32(b"a" * 32), Hash32(b"b" * 32)
    assert duties.find_misfit(META, ours) == ""
    assert duties.find_misfit(replace(META, scorer_hash=ours), ours) == ""
    misfit = duties.find_misfit(replace(META, scorer_hash=other), ours)
    assert other.hex()[:16] in misfit
    assert ours.hex()[:16] in misfit


@pytest.mark.parametrize("tempo", [4, 8, 10, 20, 100, 360])
def test_commit_comes_after_the_reveals_and_leaves_a_margin(tempo: int) -> None:
    for key in range(256):
        phase = duties.compute_commit_phase(
            tempo, max(1, tempo // 4), PublicKey(bytes([0, 0, 0, key]) * 8)
        )
        assert max(1, tempo // 4) <= phase <= tempo - 1
        if tempo >= 8:
            assert tempo - 1 - phase >= 3


def test_commit_is_due_from_its_phase_to_the_end_of_the_epoch() -> None:
    due = [h for h in range(40) if duties.get_commit_epoch(Height(h), META, KEY) is not None]
    assert due == [15, 16, 17, 18, 35, 36, 37, 38]
    assert duties.get_commit_epoch(Height(38), META, KEY) == 1


def test_reveal_is_due_from_the_last_block_of_its_epoch_through_the_reveal_blocks() -> None:
    state = WeightsState(Epoch(0), DIGEST, None)
    secrets = [make_secret(0)]
    due = [h for h in range(60) if duties.find_due_reveal(Height(h), META, state, secrets)]
    assert due == [19, 20, 21, 22, 23]


def test_what_is_revealed_or_unknown_is_not_revealed() -> None:
    state = WeightsState(Epoch(0), DIGEST, None)
    at = Height(20)
    assert duties.find_due_reveal(at, META, state, [make_secret(0)]) is not None
    done = replace(state, revealed_epoch=Epoch(0))
    assert duties.find_due_reveal(at, META, done, [make_secret(0)]) is None
    assert duties.find_due_reveal(at, META, NOTHING, [make_secret(0)]) is None
    assert duties.find_due_reveal(at, META, state, [make_secret(0, Hash32(bytes(32)))]) is None


def test_commitment_made_elsewhere_does_not_count_as_ours() -> None:
    state = WeightsState(Epoch(0), DIGEST, None)
    assert duties.is_committed(Epoch(0), state, [make_secret(0)])
    assert not duties.is_committed(Epoch(0), state, [])
    assert not duties.is_committed(Epoch(1), state, [make_secret(0)])


@pytest.mark.parametrize(
    ("height", "revealed", "registered", "age"),
    [
        (3, None, 0, 0),
        (24, None, 0, 0),
        (25, None, 0, 1),
        (25, 0, 0, 0),
        (44, 0, 0, 0),
        (45, 0, 0, 1),
        (105, 0, 0, 4),
        (105, None, 90, 0),
        (125, None, 90, 1),
    ],
)
def test_age_of_weights_counts_closed_epochs(
    height: int, revealed: int | None, registered: int, age: int
) -> None:
    last = None if revealed is None else Epoch(revealed)
    assert duties.compute_weights_age(Height(height), META, last, Height(registered)) == age
