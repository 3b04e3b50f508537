"""Calls of who has subnets and neurons, as `purposes.py` describes."""

from consensus import crypto
from consensus.calls import neurons, subnets, weights
from consensus.calls.accounts import SetIdentity
from consensus.ledger.keys import Family
from consensus.ledger.records import (
    get_hotkey,
    get_network,
)
from consensus.ledger.state import State
from consensus.ledger.subnet.records import get_hotkeys, get_netuids, get_subnet
from consensus.quantities import (
    I64,
    U32,
    U64,
    U64_MAX,
    ZERO_HASH,
    Amount,
    Epoch,
    Hash32,
    Height,
    Identity,
    LongText,
    NetUid,
    PublicKey,
    Salt,
    ShortText,
    TaskParams,
    Uid,
    Weight,
)
from consensus.refusals import SubnetClosed
from consensus.reward.commit_reveal import compute_digest
from tests.builders import TAO, key_of, sign_as
from tests.consensus.ledger.picks import (
    COLDKEYS,
    HOTKEYS,
    NAME_OF,
    NEW_HOTKEYS,
    Made,
    Pick,
    consent_of,
    get_owner_name,
    list_neurons,
    pick_netuid,
)

RULES = (
    ("tempo", (10, 12, 16)),
    ("reveal_blocks", (1, 2)),
    ("immunity_blocks", (36, 60)),
    ("activity_cutoff", (60, 500)),
    ("max_uids", (16, 17)),
    ("max_validators", (1, 3, 16)),
    ("min_allowed_weights", (0, 2)),
    ("max_weight", (30_000, 65_535)),
    ("liquid_alpha", (0, 1)),
    ("bonds_penalty", (0, 30_000)),
    ("stake_threshold", (0, TAO)),
    ("burn_half_life", (1, 9)),
    ("burn_increase_ppm", (1_050_000, 3_000_000)),
    ("registration_open", (0, 1)),
)
"""Changes of a subnet's rules that are within bounds, often."""
# -- subnets and neurons --------------------------------------------------------------------------


def _newcomer(state: State, pick: Pick) -> tuple[str, str]:
    """Return the names of a hotkey, often unclaimed, and of a coldkey that may use it."""
    hotkey = pick.of((*NEW_HOTKEYS, *HOTKEYS))
    is_claimed = get_hotkey(state, key_of(hotkey)) is not None
    return hotkey, get_owner_name(state, key_of(hotkey)) if is_claimed else pick.of(COLDKEYS)


def make_register(state: State, pick: Pick) -> Made:
    hotkey, owner = _newcomer(state, pick)
    consent, price = consent_of(state, hotkey, owner), Amount(U64_MAX)
    return owner, neurons.RegisterNeuron(pick_netuid(state, pick), key_of(hotkey), price, consent)


def make_found(state: State, pick: Pick) -> Made:
    hotkey, owner = _newcomer(state, pick)
    call = subnets.RegisterSubnet(
        hotkey=key_of(hotkey),
        task=ShortText("text"),
        task_params=TaskParams(b""),
        scorer_version=U64(1),
        scorer_hash=ZERO_HASH,
        max_cost=Amount(U64_MAX),
        consent=consent_of(state, hotkey, owner),
    )
    return owner, call


def _governed(state: State, pick: Pick) -> tuple[NetUid, str]:
    """Return a subnet and its owner; alice for one without."""
    netuid = pick.of(get_netuids(state))
    data = state.get(bytes((Family.SUBNET,)) + netuid.to_bytes(2, "big"))
    assert data is not None
    try:
        owners = get_subnet(state, netuid).owner
    except SubnetClosed:
        owners = ()
    return netuid, get_owner_name(state, owners[0]) if owners else COLDKEYS[0]


def make_start(state: State, pick: Pick) -> Made:
    netuid, owner = _governed(state, pick)
    return owner, subnets.StartSubnet(netuid)


def make_rule(state: State, pick: Pick) -> Made:
    netuid, owner = _governed(state, pick)
    name, values = pick.of(RULES)
    return owner, subnets.SetHyperparameter(netuid, ShortText(name), I64(pick.of(values)))


def make_mechanism(state: State, pick: Pick) -> Made:
    netuid, owner = _governed(state, pick)
    at, version = Height(state.height + pick.of((18, 30))), U64(1 + pick.below(2))
    task = ShortText("text")
    return owner, subnets.SetMechanism(netuid, task, TaskParams(b""), version, ZERO_HASH, at)


def _words(pick: Pick) -> Identity:
    short = ShortText(pick.of(("", "größer", "a\nb")))
    return Identity(short, ShortText(""), ShortText(""), LongText("about"))


def make_subnet_identity(state: State, pick: Pick) -> Made:
    netuid, owner = _governed(state, pick)
    return owner, subnets.SetSubnetIdentity(netuid, _words(pick))


def make_identity(_state: State, pick: Pick) -> Made:
    return pick.of(COLDKEYS), SetIdentity(_words(pick))


def make_leave(state: State, pick: Pick) -> Made:
    netuid, hotkey = pick.of(list_neurons(state))
    return get_owner_name(state, hotkey), neurons.LeaveSubnet(netuid, hotkey)


def make_serve(state: State, pick: Pick) -> Made:
    netuid, hotkey = pick.of(list_neurons(state))
    message = crypto.serve_message(get_network(state).chain_id, netuid, hotkey)
    call = neurons.Serve(
        netuid=netuid,
        node_key=key_of("node"),
        node_signature=sign_as("node", message),
        protocols=(ShortText("text/1"),),
        price=Amount(pick.below(100)),
        capacity=U32(1),
        model_hash=ZERO_HASH,
    )
    return NAME_OF[hotkey], call


def make_publish(state: State, pick: Pick) -> Made:
    netuid, hotkey = pick.of(list_neurons(state))
    content = Hash32(bytes([pick.below(3)]) * 32)
    return NAME_OF[hotkey], neurons.PublishModel(netuid, content, ShortText("file"))


# -- weights --------------------------------------------------------------------------------------


def _row(state: State, netuid: NetUid, hotkey: PublicKey, epoch: int) -> weights.RevealWeights:
    """Return the weights that a hotkey binds itself to in an epoch, always the same ones."""
    uids = (Uid(0), Uid(1)) if len(get_hotkeys(state, netuid)) > 1 else (Uid(0),)
    values = (Weight(65_535), Weight(30_000 + hotkey[0] * 100))[: len(uids)]
    version = get_subnet(state, netuid).scorer_version
    return weights.RevealWeights(
        netuid, Epoch(epoch), Salt(bytes(32)), version, uids, values[: len(uids)]
    )


def make_commit(state: State, pick: Pick) -> Made:
    netuid, hotkey = pick.of(list_neurons(state))
    try:
        epoch = (state.height + 1) // get_subnet(state, netuid).hyper.tempo
        row = _row(state, netuid, hotkey, epoch)
    except SubnetClosed:
        return None
    digest = compute_digest(get_network(state).chain_id, hotkey, row)
    return NAME_OF[hotkey], weights.CommitWeights(netuid, Epoch(epoch), digest, ZERO_HASH)


def make_reveal(state: State, pick: Pick) -> Made:
    bound = [key for key, _ in state.scan(bytes((Family.COMMIT,)))]
    if not bound:
        return None
    key = pick.of(bound)
    netuid, epoch = NetUid(int.from_bytes(key[1:3], "big")), int.from_bytes(key[3:11], "big")
    hotkey = get_hotkeys(state, netuid)[int.from_bytes(key[11:], "big")]
    try:
        return NAME_OF[hotkey], _row(state, netuid, hotkey, epoch)
    except SubnetClosed:
        return None
