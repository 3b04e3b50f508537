"""Whole nodes in one trio loop: real LMDB folders, real libp2p hosts on loopback, quick blocks.

`open_node` puts a node together as `daemon/node.py` does, without keys on disk and HTTP; `grow`
makes final blocks without a network, each one certified by every validator's real signature.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import trio

from consensus import crypto
from consensus.agreement.beacon import HashChain
from consensus.agreement.certificates import Committee, build_certificate
from consensus.agreement.headers import as_genesis, build_block
from consensus.agreement.messages import BlockBody, Timing
from consensus.ledger.genesis import Genesis
from consensus.ledger.records import get_beacon_tip
from consensus.ledger.state import State
from consensus.quantities import U32, ZERO_HASH, Hash32, PublicKey, TimeMs, ValidatorIndex, View
from consensus.types import Block, Certificate, SignedTransaction, Vote, VoteKind
from consensus.verdict import Verdict
from daemon.engine.answers import make_answers
from daemon.engine.bootstrap import open_chain
from daemon.engine.chain import Chain
from daemon.engine.clock import read_time_ms
from daemon.engine.driver import Driver, Voter
from daemon.engine.eras import build_committee, read_committee
from daemon.engine.inbox import Inbox
from daemon.engine.pool import PoolDoor, Submitter
from daemon.engine.syncing import Syncing
from daemon.telemetry import Telemetry
from daemon.views.face import Face as NodeShown
from daemon.views.face import NodeInfo
from p2p.network import Answer, Network, NetworkSettings, Topic, open_network
from storage.store import Store, open_store
from tests import builders

BEACON_LENGTH = 4_096
BLOCK_MS, DELTA_MS = 20, 150
ALL = (0, 1, 2, 3)


@cache
def beacon_of(index: int) -> HashChain:
    return HashChain(b"beacon of %d" % index, BEACON_LENGTH)


def make_world(age_ms: int = 10_000, **params: int) -> Genesis:
    """Return a genesis of four validators that began `age_ms` ago; three are a quorum."""
    fast = {"block_ms": U32(BLOCK_MS), "delta_ms": U32(DELTA_MS)} | params
    validators = tuple(
        replace(validator, beacon_tip=beacon_of(i).tip)
        for i, validator in enumerate(builders.make_genesis().validators)
    )
    return builders.make_genesis(
        params=builders.make_params(**fast),
        validators=validators,
        time_ms=TimeMs(read_time_ms() - age_ms),
    )


def make_voter(index: int) -> Voter:
    key = builders.signer_of(f"consensus{index}")
    return Voter(key, beacon_of(index))


# -- chains without a network ----------------------------------------------------------------------


def name_of(consensus_key: PublicKey) -> str:
    """Return whose consensus key that is."""
    return next(name for i in ALL if builders.key_of(name := f"consensus{i}") == consensus_key)


def make_era_vote(committee: Committee, signer: int = 0, *, forged: bool = False) -> Vote:
    """Return a vote to nullify the first view of `committee`'s era."""
    fixed = (VoteKind.NULLIFY, committee.era, View(1), ZERO_HASH)
    message = crypto.vote_message(committee.chain_id, *fixed)
    name = name_of(committee.entries[signer].consensus_key)
    signature = builders.sign_as("somebody else" if forged else name, message)
    return Vote(*fixed, ValidatorIndex(signer), signature)


def answers_of(node: "Node") -> dict[str, Callable[[bytes, bytes], Awaitable[bytes]]]:
    """Return what a node answers to the questions about its chain."""
    return dict(make_answers(node.store, node.driver))  # type: ignore[arg-type]  # awaitables


def certify(committee: Committee, digest: Hash32, view: View, **fields: VoteKind) -> Certificate:
    """Return the certificate of all four validators."""
    kind = fields.get("kind", VoteKind.FINALIZE)
    message = crypto.vote_message(committee.chain_id, kind, committee.era, view, digest)
    votes: dict[ValidatorIndex, Vote] = {}
    for number, entry in enumerate(committee.entries):
        index = ValidatorIndex(number)
        signature = builders.sign_as(name_of(entry.consensus_key), message)
        votes[index] = Vote(kind, committee.era, view, digest, index, signature)
    certificate = build_certificate(committee, votes)
    assert certificate is not None
    return certificate


def make_next(
    committee: Committee, chain: Chain, *transactions: SignedTransaction, time_ms: int | None = None
) -> Block:
    """Return the block that follows the final head, by the leader of the next view.

    Without `transactions` it takes what the mempool has.
    """
    head = chain.head
    header = head.header
    if header.era != committee.era:
        header = as_genesis(header, committee.era)
    view = View(header.view + 1)
    leader = committee.entries[committee.leader(view)].consensus_key
    tip = get_beacon_tip(head.state, leader)
    assert tip is not None
    reveal = beacon_of(int(name_of(leader).removeprefix("consensus"))).reveal(tip)
    body = chain.build(head.digest)
    assert reveal is not None
    assert body is not None
    parts = BlockBody(
        transactions or body.transactions, body.state_root, body.receipts_root, reveal
    )
    at_ms = TimeMs(head.header.time_ms + BLOCK_MS if time_ms is None else time_ms)
    return build_block(committee, view, (head.digest, header), at_ms, parts, ())


async def add_block(
    committee: Committee, chain: Chain, *transactions: SignedTransaction, time_ms: int | None = None
) -> Block:
    """Make one more block final."""
    block = make_next(committee, chain, *transactions, time_ms=time_ms)
    digest = crypto.compute_header_digest(block.header)
    assert await chain.execute(block, digest) is None
    await chain.commit((block,), certify(committee, digest, block.header.view))
    return block


Fill = Callable[[State], tuple[SignedTransaction, ...]]


def _leave_empty(_state: State) -> tuple[SignedTransaction, ...]:
    return ()


async def grow(
    genesis: Genesis, folder: Path, count: int, every: int = 1, fill: Fill = _leave_empty
) -> None:
    """Lay `count` more blocks into `folder`; each `every`-th, and an era's last, is certified."""
    committee = build_committee(genesis)
    async with open_store(folder, committee.chain_id) as store:
        chain = await open_chain(store, genesis)
        scratch = await open_chain(store, genesis)
        waiting: list[Block] = []
        for number in range(1, count + 1):
            committee = read_committee(scratch.head.state)
            block = make_next(committee, scratch, *fill(scratch.head.state))
            digest = crypto.compute_header_digest(block.header)
            assert await chain.execute(block, digest) is None
            waiting.append(block)
            state = chain.state_after(digest)
            assert state is not None
            scratch._head = replace(  # pyright: ignore[reportPrivateUsage]
                scratch.head, digest=digest, header=block.header, state=state
            )
            is_due = number % every == 0 or number == count
            if is_due or block.header.height == committee.last:
                await chain.commit(waiting, certify(committee, digest, block.header.view))
                waiting = []


# -- nodes ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    """One node's parts, running."""

    store: Store
    chain: Chain
    driver: Driver
    inbox: Inbox
    network: Network
    submitter: Submitter
    syncing: Syncing
    view: NodeShown
    telemetry: Telemetry
    heard: list[tuple[Topic, bytes]]
    """What gossip brought, oldest first."""

    @property
    def height(self) -> int:
        return self.chain.head.header.height


@asynccontextmanager
async def open_parts(
    genesis: Genesis,
    folder: Path,
    voter: Voter | None = None,
    seed: int = 99,
    answers: Mapping[str, Answer] | None = None,
    bootstrap: tuple[str, ...] = (),
) -> AsyncGenerator[Node]:
    """Open a node's parts, its network included, with no task of the daemon running."""
    committee = build_committee(genesis)
    timing = Timing(genesis.params.block_ms, genesis.params.delta_ms, genesis.params.clock_drift_ms)
    telemetry = Telemetry()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(folder, committee.chain_id))
        chain = await open_chain(store, genesis)
        driver = Driver(timing, () if voter is None else (voter,), chain, store, telemetry)
        pool = PoolDoor(chain)
        inbox = Inbox(driver, chain, pool, telemetry)

        heard: list[tuple[Topic, bytes]] = []

        async def judge(topic: Topic, peer: bytes, payload: bytes) -> Verdict:
            heard.append((topic, payload))
            return await inbox.judge(topic, peer, payload)

        network = await stack.enter_async_context(
            open_network(
                NetworkSettings(bootstrap=bootstrap),
                (1_000 + seed).to_bytes(32, "big"),
                committee.chain_id,
                judge,
                {**make_answers(store, driver), **(answers or {})},
            )
        )
        syncing = Syncing(chain, driver, telemetry)
        info = NodeInfo(f"node{seed}", "test", genesis.network, committee.chain_id, BLOCK_MS)
        submitter = Submitter(pool, chain, network)
        view = NodeShown(info, chain, store, driver, syncing, network, submitter, None)
        yield Node(store, chain, driver, inbox, network, submitter, syncing, view, telemetry, heard)


@asynccontextmanager
async def open_node(
    genesis: Genesis,
    folder: Path,
    index: int | None = None,
    answers: Mapping[str, Answer] | None = None,
    bootstrap: tuple[str, ...] = (),
) -> AsyncGenerator[Node]:
    """Run validator `index` (None: a follower) until the block ends."""
    voter = None if index is None else make_voter(index)
    seed = 99 if index is None else index
    async with (
        open_parts(genesis, folder, voter, seed, answers, bootstrap) as node,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(node.driver.run, node.network)
        nursery.start_soon(node.syncing.run, node.network)
        yield node
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_cluster(
    genesis: Genesis, folder: Path, indices: tuple[int, ...] = ALL
) -> AsyncGenerator[dict[int, Node]]:
    """Run several validators, each connected to those before it."""
    async with AsyncExitStack() as stack:
        nodes: dict[int, Node] = {}
        for index in indices:
            known = tuple(node.network.addresses[0] for node in nodes.values())
            nodes[index] = await stack.enter_async_context(
                open_node(genesis, folder / f"node{index}", index, bootstrap=known)
            )
        yield nodes


async def wait_height(height: int, *nodes: Node, limit_s: float = 20.0) -> None:
    """Return when every node has `height` final blocks; fail after `limit_s`."""
    with trio.fail_after(limit_s):
        for node in nodes:
            await node.chain.wait_height(height)


async def wait_until(is_true: Callable[[], bool], limit_s: float = 10.0) -> None:
    """Return when `is_true`; fail after `limit_s`."""
    with trio.fail_after(limit_s):
        while not is_true():  # noqa: ASYNC110 - any condition at all
            await trio.sleep(0.005)
