"""A committee with real keys and machines driven by hand: agreement's smallest valid things."""

# ruff: noqa: ANN401 - a builder hands any field on to the dataclass

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from consensus import crypto
from consensus.agreement import messages as m
from consensus.agreement.certificates import Committee, build_certificate
from consensus.agreement.simplex import Simplex
from consensus.quantities import (
    ZERO_HASH,
    Amount,
    Era,
    Hash32,
    Height,
    Signature,
    TimeMs,
    ValidatorIndex,
    View,
)
from consensus.types import (
    Block,
    BlockKind,
    Certificate,
    Header,
    Proposal,
    ValidatorEntry,
    Vote,
    VoteKind,
)
from tests.builders import key_of, sign_as

ERA = Era(1)
CHAIN = Hash32(b"c" * 32)
START_MS = 1_000_000
TIMING = m.Timing(block_ms=100, delta_ms=1_000, drift_ms=500)
N, X, F = VoteKind.NOTARIZE, VoteKind.NULLIFY, VoteKind.FINALIZE


def make_committee(*stakes: int) -> Committee:
    entries = tuple(
        ValidatorEntry(key_of(f"consensus{i}"), key_of(f"hot{i}"), Amount(stake))
        for i, stake in enumerate(stakes or (10, 10, 10, 10))
    )
    return Committee(ERA, CHAIN, entries, crypto.compute_seed(ERA, ZERO_HASH))


FOUR = make_committee()


def make_header(**fields: Any) -> Header:
    """Return the era's genesis, or that with some fields changed."""
    value = Header(
        era=ERA,
        view=View(0),
        height=Height(0),
        kind=BlockKind.BLOCK,
        parent=ZERO_HASH,
        parent_view=View(0),
        proposer=ValidatorIndex(0),
        time_ms=TimeMs(START_MS),
        reveal=ZERO_HASH,
        body_root=crypto.compute_body_root(()),
        justify_root=crypto.compute_justify_root(()),
        state_root=ZERO_HASH,
        receipts_root=ZERO_HASH,
        vset_hash=FOUR.vset_hash,
        next_vset_hash=FOUR.vset_hash,
    )
    return replace(value, **fields)


GENESIS = make_header()


def name(header: Header | Proposal) -> Hash32:
    header = header.block.header if isinstance(header, Proposal) else header
    return crypto.compute_header_digest(header)


def make_vote(signer: int, kind: VoteKind, view: int, digest: Hash32 = ZERO_HASH) -> Vote:
    message = crypto.vote_message(CHAIN, kind, ERA, View(view), digest)
    signature = sign_as(f"consensus{signer}", message)
    return Vote(kind, ERA, View(view), digest, ValidatorIndex(signer), signature)


def make_certificate(
    kind: VoteKind, view: int, digest: Hash32 = ZERO_HASH, signers: Iterable[int] = (0, 1, 2)
) -> Certificate:
    votes = {ValidatorIndex(i): make_vote(i, kind, view, digest) for i in signers}
    certificate = build_certificate(FOUR, votes)
    assert certificate is not None
    return certificate


def make_proposal(
    view: int, parent: Header = GENESIS, justify: tuple[Certificate, ...] = (), **fields: Any
) -> Proposal:
    """Return what the leader of `view` proposes on `parent`."""
    leader = FOUR.leader(View(view))
    values: dict[str, Any] = {
        "view": View(view),
        "height": Height(parent.height + 1),
        "parent": name(parent),
        "parent_view": parent.view,
        "proposer": leader,
        "time_ms": TimeMs(parent.time_ms + TIMING.block_ms),
        "justify_root": crypto.compute_justify_root(justify),
    }
    header = make_header(**(values | fields))
    vote = make_vote(leader, VoteKind.PROPOSE, view, name(header))
    return Proposal(Block(header, (), justify), vote.signature)


def make_chain(count: int, first_view: int = 1) -> list[Proposal]:
    """Return `count` proposals in consecutive views, each on the one before."""
    chain: list[Proposal] = []
    parent = GENESIS
    for view in range(first_view, first_view + count):
        justify = () if not chain else (make_certificate(N, view - 1, name(parent)),)
        chain.append(make_proposal(view, parent, justify))
        parent = chain[-1].block.header
    return chain


class Player:
    """One machine whose ledger answers at once; it remembers what the machine asked for."""

    def __init__(
        self, me: int | None, recovered: m.Recovered | None = None, committee: Committee = FOUR
    ) -> None:
        def sign(message: bytes) -> Signature:
            return sign_as(f"consensus{me}", message)

        index = None if me is None else ValidatorIndex(me)
        start = recovered or m.Recovered(View(0), name(GENESIS), GENESIS, None)
        self.machine = Simplex(committee, index, sign, TIMING, start)
        self.refused: set[Hash32] = set()
        self.now_ms = START_MS
        self.log: list[m.Effect] = []
        self.persisted: list[m.Persist] = []

    def do(self, event: m.Event, after_ms: int = 0) -> list[m.Effect]:
        """Step, and step again with the ledger's answers; return all effects."""
        self.now_ms += after_ms
        effects: list[m.Effect] = []
        events = [event]
        for each in events:
            for effect in self.machine.step(self.now_ms, each):
                effects.append(effect)
                if isinstance(effect, m.ExecuteBlock):
                    is_valid = effect.digest not in self.refused
                    events.append(m.Executed(effect.digest, is_valid))
                elif isinstance(effect, m.BuildBlock):
                    body = m.BlockBody((), ZERO_HASH, ZERO_HASH, ZERO_HASH)
                    events.append(m.Built(effect.view, effect.parent, body))
                elif isinstance(effect, m.Persist):
                    self.persisted.append(effect)
        self.log += effects
        return effects

    def start(self) -> list[m.Effect]:
        return self.do(m.Start())

    def propose(self, proposal: Proposal) -> list[m.Effect]:
        return self.do(m.ProposalReceived(b"p", proposal, name(proposal)))

    def vote(self, *votes: Vote) -> list[m.Effect]:
        return [effect for vote in votes for effect in self.do(m.VoteReceived(b"p", vote))]

    def certify(self, certificate: Certificate) -> list[m.Effect]:
        return self.do(m.CertificateReceived(b"p", certificate))

    def ring(self, kind: m.TimerKind, after_ms: int = 0) -> list[m.Effect]:
        return self.do(m.TimerFired(m.Tag(kind, self.machine.view)), after_ms)


def votes_in(effects: Iterable[m.Effect]) -> list[tuple[VoteKind, int]]:
    """Return kind and view of every vote that is told."""
    told = (effect.message for effect in effects if isinstance(effect, m.Publish))
    return [(vote.kind, int(vote.view)) for vote in told if isinstance(vote, Vote)]


def find(effects: Iterable[m.Effect], kind: type[m.Effect]) -> list[Any]:
    return [effect for effect in effects if isinstance(effect, kind)]


def other_than(*indices: int) -> int:
    """Return a validator that is none of these."""
    return next(i for i in range(4) if i not in indices)


LEADER = int(FOUR.leader(View(1)))
FOLLOWER = other_than(LEADER)


def started(me: int | None) -> Player:
    """Return a machine at the moment when a block may follow genesis."""
    player = Player(me)
    player.start()
    player.now_ms += TIMING.block_ms
    return player
