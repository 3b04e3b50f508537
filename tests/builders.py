"""The smallest valid things, any field overridable: keys, a genesis, states, transactions, blocks.

Keys come from names: `key_of("alice")` is always the same. The little network of `make_genesis` has
four agreement validators; 0 and 1 are validators and 2 and 3 miners of subnet 1 (their coldkeys are
"cold0".., hotkeys "hot0".., consensus keys "consensus0"..). "alice", "bob" and "cold0" have TAO.
"""

# ruff: noqa: ANN401 - a builder hands any field on to the dataclass

from dataclasses import replace
from functools import cache
from hashlib import blake2b
from typing import Any

from nacl.signing import SigningKey

from consensus import crypto
from consensus.calls.accounts import Transfer
from consensus.calls.neurons import RegisterNeuron, Serve
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.ledger.fees import Measured, measure
from consensus.ledger.genesis import (
    Genesis,
    GenesisAccount,
    GenesisNeuron,
    GenesisSubnet,
    GenesisValidator,
    build_genesis,
)
from consensus.ledger.mempool import Mempool
from consensus.ledger.queries import nonce
from consensus.ledger.records import get_beacon_tip, get_head, get_member, get_network
from consensus.ledger.state import State
from consensus.ledger.transition import Applied, apply_block, get_receipts_root
from consensus.ledger.validators.eras import get_era, get_set
from consensus.params import Hyperparameters, Params
from consensus.quantities import (
    RAO_PER_TAO,
    U16,
    U32,
    U64,
    ZERO_HASH,
    Amount,
    Epoch,
    Era,
    Hash32,
    Height,
    NetUid,
    PublicKey,
    Salt,
    ShortText,
    Signature,
    TaskParams,
    TimeMs,
    Uid,
    ValidatorIndex,
    View,
    Weight,
)
from consensus.reward.commit_reveal import compute_digest
from consensus.types import (
    Block,
    BlockKind,
    Call,
    Header,
    SignedTransaction,
    Transaction,
    ValidatorEntry,
    Vote,
    VoteKind,
)

TAO = RAO_PER_TAO
SUBNET = NetUid(1)
CONSENSUS_KEYS = 256
"""How many validators a test may have."""
CHAIN_LENGTH = 512
"""Links of every test validator's beacon chain; so many blocks it can propose."""


# -- keys -----------------------------------------------------------------------------------------


@cache
def signer_of(name: str) -> SigningKey:
    return SigningKey(blake2b(name.encode(), digest_size=32).digest())


@cache
def key_of(name: str) -> PublicKey:
    return PublicKey(bytes(signer_of(name).verify_key))


def sign_as(name: str, message: bytes) -> Signature:
    return crypto.sign(signer_of(name), message)


@cache
def beacon_chain(index: int, length: int = CHAIN_LENGTH) -> tuple[Hash32, ...]:
    """Return a validator's chain from its tip (the genesis value) down to its seed."""
    link = Hash32(blake2b(b"beacon%d" % index, digest_size=32).digest())
    links = [link]
    for _ in range(length):
        links.append(crypto.hash_beacon(links[-1]))
    return tuple(reversed(links))


def next_reveal(state: State, proposer: int) -> Hash32:
    """Return what `proposer` must show in the block after `state`."""
    member = get_member(state, ValidatorIndex(proposer))
    assert member is not None
    name = next(
        i for i in range(CONSENSUS_KEYS) if key_of(f"consensus{i}") == member.entry.consensus_key
    )
    tip = get_beacon_tip(state, member.entry.consensus_key)
    assert tip is not None
    chain = beacon_chain(name)
    return chain[chain.index(tip) + 1]


# -- genesis and states ---------------------------------------------------------------------------


def make_params(**fields: Any) -> Params:
    """Return fast devnet parameters: 1 s blocks, short unbonding, cheap commits."""
    values: dict[str, Any] = {
        "block_ms": U32(1_000),
        "unbonding_blocks": U32(5),
        "take_raise_blocks": U32(10),
        "commit_interval_blocks": U32(2),
    }
    return Params(**(values | fields))


def make_hyper(**fields: Any) -> Hyperparameters:
    """Return a subnet's rules with a tempo of 8, reveals in the first 2 blocks, 2 permits."""
    values: dict[str, Any] = {
        "tempo": U16(8),
        "reveal_blocks": U16(2),
        "max_uids": U16(8),
        "max_validators": U16(2),
        "immunity_blocks": U32(10),
        "serving_rate_limit": U32(4),
    }
    return Hyperparameters(**(values | fields))


def make_validator(index: int, **fields: Any) -> GenesisValidator:
    entry = ValidatorEntry(
        consensus_key=key_of(f"consensus{index}"),
        hotkey=key_of(f"hot{index}"),
        stake=Amount(1_000 * TAO),
    )
    value = GenesisValidator(entry, key_of(f"cold{index}"), beacon_chain(index)[0])
    return replace(value, **fields)


def make_subnet(**fields: Any) -> GenesisSubnet:
    neurons = tuple(GenesisNeuron(key_of(f"hot{i}"), key_of(f"cold{i}")) for i in range(4))
    value = GenesisSubnet(
        netuid=SUBNET,
        task=ShortText("text"),
        task_params=TaskParams(b""),
        owner=(),
        hyper=make_hyper(),
        neurons=neurons,
    )
    return replace(value, **fields)


def make_genesis(**fields: Any) -> Genesis:
    value = Genesis(
        network=ShortText("unit"),
        params=make_params(),
        time_ms=TimeMs(1_000_000),
        accounts=(
            GenesisAccount(key_of("alice"), Amount(1_000 * TAO)),
            GenesisAccount(key_of("bob"), Amount(10 * TAO)),
            GenesisAccount(key_of("cold0"), Amount(10 * TAO)),
        ),
        validators=tuple(
            make_validator(i, entry=replace(make_validator(i).entry, stake=Amount(s * TAO)))
            for i, s in enumerate((1_000, 1_000, 900, 900))
        ),
        hotkeys=(),
        stakes=(),
        subnets=(make_subnet(),),
    )
    return replace(value, **fields)


@cache
def _build(genesis: Genesis) -> tuple[State, Header]:
    return build_genesis(genesis)


def make_state(**fields: Any) -> State:
    """Return the state of `make_genesis(**fields)`."""
    return _build(make_genesis(**fields))[0]


def make_genesis_header(**fields: Any) -> Header:
    """Return the header of `make_genesis(**fields)`."""
    return _build(make_genesis(**fields))[1]


# -- transactions and blocks ----------------------------------------------------------------------


def make_transaction(
    state: State, signer: str = "alice", call: Call | None = None, **fields: Any
) -> SignedTransaction:
    """Return a signed transaction that may be in the block after `state`."""
    value = Transaction(
        chain_id=get_network(state).chain_id,
        signer=key_of(signer),
        nonce=nonce(state, key_of(signer)),
        valid_until=Height(state.height + 100),
        tip=Amount(0),
        call=Transfer(key_of("bob"), Amount(TAO)) if call is None else call,
    )
    return crypto.sign_transaction(signer_of(signer), replace(value, **fields))


def admit(pool: Mempool, state: State, signed: SignedTransaction) -> Measured:
    """Let `signed` into `pool`, its signature unseen; return what was measured."""
    measured = measure(get_network(state).params, signed)
    pool.admit(state, measured)
    return measured


def make_header(state: State, **fields: Any) -> Header:
    """Return the header of an empty block after `state`; its parent digest is made up."""
    proposer = int(fields.get("proposer", state.height % len(get_set(state))))
    head = get_head(state)
    value = Header(
        era=get_era(state).era,
        view=View(state.height + 1),
        height=Height(state.height + 1),
        kind=BlockKind.BLOCK,
        parent=ZERO_HASH,
        parent_view=View(state.height),
        proposer=ValidatorIndex(proposer),
        time_ms=TimeMs(head.time_ms + 1_000),
        reveal=fields["reveal"] if "reveal" in fields else next_reveal(state, proposer),
        body_root=crypto.compute_body_root(()),
        justify_root=crypto.compute_justify_root(()),
        state_root=state.root,
        receipts_root=get_receipts_root(state),
        vset_hash=ZERO_HASH,
        next_vset_hash=ZERO_HASH,
    )
    return replace(value, **fields)


def make_block(state: State, *transactions: SignedTransaction, **fields: Any) -> Block:
    """Return the block with `transactions` after `state`; fields are the header's."""
    given = {"body_root": crypto.compute_body_root(transactions)} | fields
    return Block(make_header(state, **given), transactions, ())


def apply(state: State, *transactions: SignedTransaction, **fields: Any) -> Applied:
    """Apply `make_block(...)` to `state`."""
    return apply_block(state, make_block(state, *transactions, **fields))


def do(state: State, signer: str, call: Call, **fields: Any) -> Applied:
    """Apply a block with one transaction of `signer`."""
    return apply(state, make_transaction(state, signer, call, **fields))


def advance(state: State, height: int) -> State:
    """Apply empty blocks until `height`."""
    while state.height < height:
        state = apply(state).state
    return state


# -- weights ---------------------------------------------------------------------------------------


def make_reveal(weights: dict[int, int], epoch: int = 0, **fields: Any) -> RevealWeights:
    """Return the reveal of `weights` (uid to u16, largest 65535) in subnet 1."""
    value = RevealWeights(
        netuid=SUBNET,
        epoch=Epoch(epoch),
        salt=Salt(bytes(32)),
        version=U64(1),
        uids=tuple(Uid(uid) for uid in sorted(weights)),
        values=tuple(Weight(weights[uid]) for uid in sorted(weights)),
    )
    return replace(value, **fields)


def make_commit(state: State, hotkey: str, reveal: RevealWeights) -> CommitWeights:
    """Return the commitment that `reveal` opens."""
    digest = compute_digest(get_network(state).chain_id, key_of(hotkey), reveal)
    return CommitWeights(reveal.netuid, reveal.epoch, digest, ZERO_HASH)


def make_registration(
    state: State, hotkey: str, coldkey: str = "alice", **fields: Any
) -> RegisterNeuron:
    """Return the call that gives `hotkey`, which consents, a uid in subnet 1 at any price."""
    value = RegisterNeuron(
        netuid=SUBNET,
        hotkey=key_of(hotkey),
        max_price=Amount(2**64 - 1),
        consent=(make_consent(state, hotkey, coldkey),),
    )
    return replace(value, **fields)


def make_consent(state: State, hotkey: str, coldkey: str) -> Signature:
    """Return the signature with which `hotkey` becomes `coldkey`'s."""
    chain_id = get_network(state).chain_id
    return sign_as(hotkey, crypto.claim_message(chain_id, key_of(hotkey), key_of(coldkey)))


def make_serve(state: State, hotkey: str, node: str = "node", **fields: Any) -> Serve:
    """Return an announcement of `hotkey` in subnet 1 to which the node key `node` consents."""
    message = crypto.serve_message(get_network(state).chain_id, SUBNET, key_of(hotkey))
    value = Serve(
        netuid=SUBNET,
        node_key=key_of(node),
        node_signature=sign_as(node, message),
        protocols=(ShortText("text/1"),),
        price=Amount(10),
        capacity=U32(4),
        model_hash=ZERO_HASH,
    )
    return replace(value, **fields)


def play_epoch(state: State, rows: dict[str, dict[int, int]]) -> State:
    """Commit and reveal `rows` (by hotkey) for the epoch of the next block, then step it.

    The tempo is 8 with 2 reveal blocks; the returned state is that after the epoch step.
    """
    epoch = (state.height + 1) // 8
    reveals = {hotkey: make_reveal(row, epoch) for hotkey, row in rows.items()}
    commits = [
        make_transaction(state, hotkey, make_commit(state, hotkey, reveal))
        for hotkey, reveal in reveals.items()
    ]
    state = advance(apply(state, *commits).state, 8 * epoch + 7)
    signed = [make_transaction(state, hotkey, reveal) for hotkey, reveal in reveals.items()]
    return advance(apply(state, *signed).state, 8 * epoch + 10)


# -- votes ----------------------------------------------------------------------------------------


def make_vote(state: State, signer: int = 0, **fields: Any) -> Vote:
    """Return a vote of era 1, view 1, signed by validator `signer` with what is in the fields."""
    value = Vote(
        kind=VoteKind.NOTARIZE,
        era=Era(1),
        view=View(1),
        digest=Hash32(bytes([7] * 32)),
        signer=ValidatorIndex(signer),
        signature=Signature(bytes(64)),
    )
    value = replace(value, **fields)
    chain_id = get_network(state).chain_id
    message = crypto.vote_message(chain_id, value.kind, value.era, value.view, value.digest)
    signature = fields.get("signature", sign_as(f"consensus{signer}", message))
    return replace(value, signature=signature)
