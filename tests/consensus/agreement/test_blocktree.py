"""The tree keeps what may still become final, and no more than its bound."""

import pytest

from consensus.agreement import blocktree
from consensus.agreement.blocktree import BlockStanding, BlockTree
from consensus.quantities import Hash32
from consensus.types import Proposal
from tests.consensus.agreement.play import GENESIS, make_chain, make_proposal, name

RIVAL = Hash32(b"r" * 32)


def grow(tree: BlockTree, *proposals: Proposal) -> None:
    for proposal in proposals:
        entry = tree.add(proposal.block, name(proposal), proposal)
        assert entry is not None
        entry.standing = BlockStanding.GOOD


def test_a_cut_keeps_what_stands_on_the_new_root_alone() -> None:
    tree = BlockTree(name(GENESIS), GENESIS)
    chain = make_chain(4)
    fork = make_proposal(2, chain[0].block.header, reveal=RIVAL)
    grow(tree, *chain, fork)
    tree.cut(name(chain[1]))
    assert tree.root_header == chain[1].block.header
    assert [tree.get(name(each)) is not None for each in (*chain, fork)] == [
        False,
        False,
        True,
        True,
        False,
    ]


def test_a_cut_keeps_later_blocks_whose_ancestry_is_not_known_yet() -> None:
    tree = BlockTree(name(GENESIS), GENESIS)
    chain = make_chain(6)
    grow(tree, *chain[:2])
    tree.add(chain[4].block, name(chain[4]), None)  # its parent, of view 4, is missing
    stale = make_proposal(3, make_proposal(1, reveal=RIVAL).block.header)
    tree.add(stale.block, name(stale), None)  # its parent would be of view 1
    tree.cut(name(chain[1]))
    assert tree.get(name(chain[4])) is not None
    assert tree.get(name(stale)) is None


def test_what_stands_on_a_bad_block_is_bad() -> None:
    tree = BlockTree(name(GENESIS), GENESIS)
    chain = make_chain(3)
    grow(tree, *chain)
    tree.condemn(name(chain[1]))
    assert [tree.is_good(name(each)) for each in chain] == [True, False, False]


def test_a_path_runs_from_above_the_root() -> None:
    tree = BlockTree(name(GENESIS), GENESIS)
    chain = make_chain(3)
    grow(tree, *chain)
    assert [entry.digest for entry in tree.path(name(chain[2]))] == [name(each) for each in chain]


def test_a_full_tree_keeps_what_is_vouched_for_and_its_ancestors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocktree, "BLOCKS_MAX", 4)
    tree = BlockTree(name(GENESIS), GENESIS)
    chain = make_chain(2)
    junk = [make_proposal(1, reveal=Hash32(bytes([i]) * 32)) for i in range(1, 3)]
    grow(tree, *junk, *chain)
    late = make_proposal(3, chain[1].block.header)
    assert tree.add(late.block, name(late), late) is None
    tree.keep([name(chain[1])], late.block.header.view)
    assert len(tree) == 2
    assert tree.add(late.block, name(late), late) is not None


def test_a_tree_full_of_vouched_blocks_gives_up_the_farthest_waiting_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocktree, "BLOCKS_MAX", 2)
    tree = BlockTree(name(GENESIS), GENESIS)
    chain = make_chain(9)
    far = chain[7:9]
    for each in far:
        tree.add(each.block, name(each), each)
    vouched = [name(each) for each in far]
    tree.keep(vouched, chain[0].block.header.view)
    assert [tree.get(name(each)) is not None for each in far] == [True, False]
