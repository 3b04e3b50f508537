"""The state a network starts from, and the header that names it.

A `Genesis` is what a network file says, in the chain's own types. The chain id is the hash of its
canonical encoding, so two networks that differ in anything differ in that. Its validators form
eras 1 and 2; `entry.stake` is the root stake their coldkey has on their hotkey.
"""

from dataclasses import dataclass
from typing import Annotated

from consensus import codec, crypto
from consensus.errors import CallError, InvalidGenesis
from consensus.ledger.earnings.epochs import process_first_permits
from consensus.ledger.membership.registration import assign_uid, found_hotkey
from consensus.ledger.records import (
    ROOT,
    Head,
    Hotkey,
    Member,
    Rules,
    credit,
    get_account,
    get_hotkey,
    get_network,
    mint,
    put_head,
    put_hotkey,
    put_network,
)
from consensus.ledger.stake.shares import deposit
from consensus.ledger.state import Draft, State, Total
from consensus.ledger.subnet.records import (
    Subnet,
    find_subnet,
    find_uid,
    get_hotkeys,
    open_market,
    put_market,
    put_subnet,
)
from consensus.ledger.supply import assert_totals
from consensus.ledger.validators.eras import FIRST_ERA, process_first_era, put_consensus_key
from consensus.params import SUPPLY_CAP, Hyperparameters, Params
from consensus.quantities import (
    RAO_PER_TAO,
    U64,
    ZERO_HASH,
    Amount,
    CountMax,
    Hash32,
    Height,
    NetUid,
    PublicKey,
    Ratio16,
    ShortText,
    TaskParams,
    TimeMs,
    Uid,
    ValidatorIndex,
    View,
)
from consensus.refusals import NotOwner
from consensus.types import BlockKind, Header, ValidatorEntry

_MANY = CountMax(1 << 16)
LAW = 2
"""Which law the blocks of a chain obey from genesis on; part of the chain id, so that nodes of two
laws never meet. Law 2 names scorers by their golden vectors."""
FIRST_SCORER = U64(1)
POOL_DEFAULT = Amount(1_000 * RAO_PER_TAO)
"""Both sides of a genesis subnet's pool, unless its file says otherwise: a price of one."""


@dataclass(frozen=True, slots=True)
class GenesisAccount:
    """A key with free TAO from the start."""

    key: PublicKey
    free: Amount


@dataclass(frozen=True, slots=True)
class GenesisValidator:
    """A member of eras 1 and 2, the coldkey that owns it, and the tip of its beacon hash chain."""

    entry: ValidatorEntry
    coldkey: PublicKey
    beacon_tip: Hash32


@dataclass(frozen=True, slots=True)
class GenesisHotkey:
    """A hotkey with an owner and a take from the start."""

    hotkey: PublicKey
    coldkey: PublicKey
    take: Ratio16


@dataclass(frozen=True, slots=True)
class GenesisStake:
    """Stake that is there from the start: TAO at root (netuid 0), or a subnet's alpha."""

    netuid: NetUid
    hotkey: PublicKey
    coldkey: PublicKey
    amount: Amount


@dataclass(frozen=True, slots=True)
class GenesisNeuron:
    """A hotkey with a uid from the start; uids follow the order of the list."""

    hotkey: PublicKey
    coldkey: PublicKey


@dataclass(frozen=True, slots=True)
class GenesisSubnet:
    """A subnet that is there from the start; `owner` is a hotkey, or nothing."""

    netuid: NetUid
    task: ShortText
    task_params: TaskParams
    owner: Annotated[tuple[PublicKey, ...], CountMax(1)]
    hyper: Hyperparameters
    neurons: Annotated[tuple[GenesisNeuron, ...], CountMax(4096)]
    scorer_version: U64 = FIRST_SCORER
    scorer_hash: Hash32 = ZERO_HASH
    pool_tao: Amount = POOL_DEFAULT
    pool_alpha: Amount = POOL_DEFAULT
    """What its liquidity pool starts with; minted, neither may be zero."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """All that two nodes must have in common to be of one network."""

    network: ShortText
    params: Params
    time_ms: TimeMs
    accounts: Annotated[tuple[GenesisAccount, ...], _MANY]
    validators: Annotated[tuple[GenesisValidator, ...], CountMax(1024)]
    hotkeys: Annotated[tuple[GenesisHotkey, ...], _MANY]
    stakes: Annotated[tuple[GenesisStake, ...], _MANY]
    subnets: Annotated[tuple[GenesisSubnet, ...], CountMax(256)]


def compute_chain_id(genesis: Genesis) -> Hash32:
    """Return the network's name for itself: a hash over the law and everything in its genesis."""
    return crypto.hash32(b"neurond/genesis", bytes([LAW]), codec.encode(genesis))


def compute_first_law_id(genesis: Genesis) -> Hash32:
    """Return the chain id that `genesis` had under law 1, to tell whose network file it is."""
    return crypto.hash32(b"neurond/genesis", codec.encode(genesis))


def get_entries(genesis: Genesis) -> tuple[ValidatorEntry, ...]:
    """Return the ordered validator set of era 1."""
    return tuple(validator.entry for validator in genesis.validators)


def compute_first_seed(genesis: Genesis) -> Hash32:
    """Return what elects the leaders of era 1; no one could have chosen it without the chain id."""
    return crypto.compute_seed(FIRST_ERA, compute_first_mix(genesis))


def compute_first_mix(genesis: Genesis) -> Hash32:
    """Return the beacon's mix before the first reveal."""
    return crypto.hash32(b"neurond/mix", compute_chain_id(genesis))


def build_genesis(genesis: Genesis) -> tuple[State, Header]:
    """Return the state before block 1 and the header that block 1 names as its parent.

    Raises:
        InvalidGenesis: two parts contradict each other, or a bound is broken.
    """
    draft = Draft(State.empty(), Height(0))
    put_network(draft, Rules(compute_chain_id(genesis), genesis.params))
    _check_supply(genesis)
    for account in genesis.accounts:
        if get_account(draft, account.key).free:
            raise InvalidGenesis(f"account {account.key.hex()} is listed twice")
        mint(draft, ROOT, account.free)
        credit(draft, account.key, account.free)
    try:
        _process_validators(draft, genesis)
        _process_subnets(draft, genesis)
    except CallError as error:
        raise InvalidGenesis(f"{type(error).__name__}: {error}") from error
    for subnet in genesis.subnets:
        stored = find_subnet(draft, subnet.netuid)
        assert stored is not None
        process_first_permits(draft, genesis.params, subnet.netuid, stored)
    receipts_root = crypto.compute_receipts_root(())
    head = Head(Height(0), genesis.time_ms, receipts_root, compute_first_mix(genesis))
    put_head(draft, head)
    assert_totals(draft)
    state = draft.freeze()
    return state, _build_header(genesis, state.root, receipts_root)


def _build_header(genesis: Genesis, state_root: Hash32, receipts_root: Hash32) -> Header:
    """Return the header of height 0. Having no parent, it names the state of genesis itself."""
    vset_hash = crypto.compute_vset_hash(get_entries(genesis))
    return Header(
        era=FIRST_ERA,
        view=View(0),
        height=Height(0),
        kind=BlockKind.BLOCK,
        parent=ZERO_HASH,
        parent_view=View(0),
        proposer=ValidatorIndex(0),
        time_ms=genesis.time_ms,
        reveal=ZERO_HASH,
        body_root=crypto.compute_body_root(()),
        justify_root=crypto.compute_justify_root(()),
        state_root=state_root,
        receipts_root=receipts_root,
        vset_hash=vset_hash,
        next_vset_hash=vset_hash,
    )


def _check_supply(genesis: Genesis) -> None:
    total = sum(account.free for account in genesis.accounts)
    total += sum(validator.entry.stake for validator in genesis.validators)
    total += sum(stake.amount for stake in genesis.stakes if stake.netuid == ROOT)
    total += sum(subnet.pool_tao for subnet in genesis.subnets)
    if total > SUPPLY_CAP:
        raise InvalidGenesis(f"{total} rao in all, above the cap of {SUPPLY_CAP}")


def _process_validators(draft: Draft, genesis: Genesis) -> None:
    """Write the validator set, the hotkeys, and all stake that needs no subnet."""
    for hotkey in genesis.hotkeys:
        if get_hotkey(draft, hotkey.hotkey) is not None:
            raise InvalidGenesis(f"hotkey {hotkey.hotkey.hex()} is listed twice")
        if hotkey.take > genesis.params.take_max:
            raise InvalidGenesis(f"take {hotkey.take} of hotkey {hotkey.hotkey.hex()}")
        key = hotkey.hotkey
        put_hotkey(draft, key, Hotkey(hotkey.coldkey, hotkey.take, Height(0), key))
    entries = get_entries(genesis)
    if len({entry.consensus_key for entry in entries}) < len(entries):
        raise InvalidGenesis("two validators share a consensus key")
    if len({entry.hotkey for entry in entries}) < len(entries):
        raise InvalidGenesis("two validators share a hotkey")
    for validator in genesis.validators:
        entry = validator.entry
        _claim(draft, entry.hotkey, validator.coldkey)
        _add_stake(draft, GenesisStake(ROOT, entry.hotkey, validator.coldkey, entry.stake))
        put_consensus_key(draft, entry.hotkey, entry.consensus_key, validator.beacon_tip)
    members = tuple(Member(each.entry, each.coldkey) for each in genesis.validators)
    process_first_era(draft, members, compute_first_mix(genesis))


def _process_subnets(draft: Draft, genesis: Genesis) -> None:
    """Write the subnets, their neurons, and the stakes."""
    for subnet in genesis.subnets:
        netuid = subnet.netuid
        if netuid == ROOT or find_subnet(draft, netuid) is not None:
            raise InvalidGenesis(f"subnet {netuid} is root, or is listed twice")
        put_subnet(draft, netuid, _build_subnet(subnet))
        _add_pool(draft, subnet)
        for neuron in subnet.neurons:
            _claim(draft, neuron.hotkey, neuron.coldkey)
            if find_uid(draft, netuid, neuron.hotkey) is not None:
                raise InvalidGenesis(f"neuron {neuron.hotkey.hex()} is listed twice")
            assign_uid(draft, netuid, Uid(len(get_hotkeys(draft, netuid))), neuron.hotkey)
        if len(subnet.neurons) > subnet.hyper.max_uids:
            raise InvalidGenesis(f"{len(subnet.neurons)} neurons in subnet {netuid}")
    for stake in genesis.stakes:
        if stake.netuid != ROOT and find_subnet(draft, stake.netuid) is None:
            raise InvalidGenesis(f"stake in subnet {stake.netuid}, which is not listed")
        _add_stake(draft, stake)
    for subnet in genesis.subnets:
        for owner in subnet.owner:
            _check_claimed(draft, owner)


def _claim(draft: Draft, hotkey: PublicKey, coldkey: PublicKey) -> None:
    """Make `coldkey` the owner of a hotkey; in a genesis nobody else has to consent.

    Raises:
        NotOwner: another coldkey was listed before.
    """
    record = get_hotkey(draft, hotkey)
    if record is None:
        found_hotkey(draft, hotkey, coldkey)
    elif record.owner != coldkey:
        raise NotOwner(f"{hotkey.hex()} belongs to {record.owner.hex()}")


def _build_subnet(subnet: GenesisSubnet) -> Subnet:
    return Subnet(
        task=subnet.task,
        task_params=subnet.task_params,
        scorer_version=subnet.scorer_version,
        scorer_hash=subnet.scorer_hash,
        owner=subnet.owner,
        hyper=subnet.hyper,
        created_at=Height(0),
        is_started=True,
    )


def _add_pool(draft: Draft, subnet: GenesisSubnet) -> None:
    """Mint both sides of the subnet's liquidity pool."""
    tao, alpha = subnet.pool_tao, subnet.pool_alpha
    if tao == 0 or alpha == 0 or alpha > SUPPLY_CAP:
        raise InvalidGenesis(f"a pool of {tao} rao and {alpha} alpha in subnet {subnet.netuid}")
    mint(draft, ROOT, tao)
    mint(draft, subnet.netuid, alpha)
    put_market(draft, subnet.netuid, open_market(subnet.hyper.min_burn, tao, alpha))


def _add_stake(draft: Draft, stake: GenesisStake) -> None:
    _check_claimed(draft, stake.hotkey)
    if stake.amount < get_network(draft).params.stake_min:
        raise InvalidGenesis(f"stake of {stake.amount} rao on {stake.hotkey.hex()}")
    if draft.get_total(stake.netuid, Total.ISSUED) + stake.amount > SUPPLY_CAP:
        raise InvalidGenesis(f"stakes of coin {stake.netuid} exceed the cap")
    mint(draft, stake.netuid, stake.amount)
    deposit(draft, stake.netuid, stake.hotkey, stake.coldkey, stake.amount)


def _check_claimed(draft: Draft, hotkey: PublicKey) -> None:
    if get_hotkey(draft, hotkey) is None:
        raise InvalidGenesis(f"hotkey {hotkey.hex()} has no owner")
