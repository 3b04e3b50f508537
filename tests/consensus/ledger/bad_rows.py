"""Each call as it is done, and the answer to each bad value of each field and each wrong key."""

from consensus import crypto
from consensus.calls.accounts import SetIdentity, Transfer
from consensus.calls.governance import CastVote
from consensus.calls.neurons import LeaveSubnet, PublishModel
from consensus.calls.payments import CloseChannel, RedeemVoucher
from consensus.calls.rotation import (
    AnnounceColdkeySwap,
    CancelColdkeySwap,
    SetConsensusKey,
    SwapColdkey,
    SwapHotkey,
)
from consensus.calls.staking import (
    Child,
    MoveStake,
    SetAutoStake,
    SetChildren,
    SetTake,
    StakeAlpha,
    StakeRoot,
    SwapStake,
    TransferStake,
    UnstakeAlpha,
    UnstakeRoot,
)
from consensus.calls.subnets import SetSubnetIdentity, StartSubnet
from consensus.ledger.channels import make_voucher
from consensus.ledger.records import get_network
from consensus.quantities import (
    U32,
    ZERO_HASH,
    Hash32,
    Nonce,
    Ratio16,
    ShortText,
)
from consensus.refusals import (
    AmountTooSmall,
    CommitClosed,
    CostTooHigh,
    ExpiryOutOfBounds,
    HotkeyRefused,
    InvalidProposal,
    KeyRefused,
    LimitOutOfReach,
    NodeRefused,
    NoPermit,
    NoRootStake,
    NotEnoughFunds,
    NotEnoughStake,
    NothingAnnounced,
    NotOwner,
    NotParty,
    NotPayee,
    NotPrintable,
    NotRegistered,
    OutOfBounds,
    PriceOutOfBounds,
    PriceTooHigh,
    RevealClosed,
    RevealMismatch,
    RootIsBonded,
    TakeOutOfBounds,
    TooEarly,
    UnknownChannel,
    UnknownHotkey,
    UnknownName,
    UnknownProposal,
    UnknownSubnet,
)
from tests.builders import (
    SUBNET,
    beacon_chain,
    key_of,
    make_commit,
    make_consent,
    make_registration,
    make_reveal,
    make_serve,
    sign_as,
    signer_of,
)
from tests.consensus.ledger.bad_values import (
    ANY,
    CHANGE,
    COIN,
    HOT0,
    HOT1,
    HOT9,
    NEW,
    NONE,
    OPEN,
    ROW,
    STATE,
    TWO,
    WHO,
    Answers,
    Case,
)
from tests.consensus.ledger.subnets import make_foundation, set_mechanism, set_rule

UNKNOWN_SUBNET: Answers = (UnknownSubnet,) * 3
UNKNOWN_HOTKEY: Answers = (UnknownHotkey,) * 2
UNCLAIMED: Answers = (HotkeyRefused,) * 2
SPENT: Answers = (AmountTooSmall, NotEnoughFunds)
SOLD: Answers = (AmountTooSmall, NotEnoughStake)
LOWEST: Answers = (None, None)
"""A lowest price: at all, or one that is never met, which is known only when the block settles."""
HIGHEST: Answers = (LimitOutOfReach, None)
FREE: Answers = (None,)
"""Any value of this field is as good as another."""

CHAIN = get_network(STATE).chain_id
CHANNEL = crypto.compute_channel_id(CHAIN, key_of("alice"), Nonce(1))
TIP = beacon_chain(7)[0]
VOTER = sign_as("consensus7", crypto.consensus_message(CHAIN, HOT0, TIP))
FRESH = (make_consent(STATE, "fresh", "cold1"),)
VOUCHER = make_voucher(signer_of("alice"), CHANNEL, COIN, ZERO_HASH)
PLAIN: dict[str, Answers] = {"netuid": UNKNOWN_SUBNET, "hotkey": UNKNOWN_HOTKEY}

CASES = (
    Case(
        "alice",
        Transfer(key_of("bob"), COIN),
        {"to": (None, None), "amount": SPENT},
        {"stranger": NotEnoughFunds},
    ),
    Case("alice", SetIdentity(WHO), {"identity": (NotPrintable,)}, {}),
    Case(
        "hot1",
        CHANGE,
        {"activation": (InvalidProposal,) * 2},
        {"alice": NoRootStake, "cold1": NoRootStake, "stranger": NoRootStake},
    ),
    Case(
        "hot1",
        CastVote(U32(0), is_yes=True),
        {"proposal": (UnknownProposal,)},
        {"alice": NoRootStake, "cold1": NoRootStake, "stranger": NoRootStake},
    ),
    Case(
        "alice",
        make_registration(STATE, "new"),
        {"netuid": UNKNOWN_SUBNET, "hotkey": UNCLAIMED, "max_price": (PriceTooHigh, None)},
        {"hot0": HotkeyRefused, "bob": HotkeyRefused},
    ),
    Case("cold3", LeaveSubnet(SUBNET, key_of("hot3")), PLAIN, {"hot3": NotOwner, "bob": NotOwner}),
    Case(
        "hot2",
        make_serve(STATE, "hot2"),
        {
            "netuid": UNKNOWN_SUBNET,
            "node_key": (NodeRefused,) * 2,
            "node_signature": (NodeRefused,),
            "price": (None, PriceOutOfBounds),
            "capacity": FREE,
            "model_hash": FREE,
        },
        {"cold2": NotRegistered, "hot3": NodeRefused, "stranger": NotRegistered},
    ),
    Case(
        "hot2",
        PublishModel(SUBNET, Hash32(b"\1" * 32), ShortText("hf://a/b")),
        {"netuid": UNKNOWN_SUBNET, "content": FREE, "uri": (NotPrintable,)},
        {"cold2": NotRegistered, "stranger": NotRegistered},
    ),
    Case(
        "alice",
        OPEN,
        {
            "payee": (NotRegistered,) * 2,
            "netuid": UNKNOWN_SUBNET,
            "deposit": SPENT,
            "expiry": (ExpiryOutOfBounds,) * 2,
        },
        {"stranger": NotEnoughFunds},
    ),
    Case(
        "hot2", RedeemVoucher(VOUCHER), {}, {"cold2": NotPayee, "alice": NotPayee, "hot3": NotPayee}
    ),
    Case(
        "alice",
        CloseChannel(CHANNEL),
        {"channel": (UnknownChannel,)},
        {"cold2": NotParty, "stranger": NotParty},
    ),
    Case(
        "cold1",
        SwapHotkey(HOT1, key_of("fresh"), FRESH),
        {"hotkey": UNKNOWN_HOTKEY, "new_hotkey": UNCLAIMED},
        {"hot1": NotOwner, "bob": NotOwner},
    ),
    Case("cold1", AnnounceColdkeySwap(key_of("cold-new")), {"new_coldkey": (None, None)}, {}),
    Case("bob", CancelColdkeySwap(), {}, {"hot0": NothingAnnounced, "bob2": NothingAnnounced}),
    Case(
        "bob",
        SwapColdkey(key_of("bob2")),
        {"new_coldkey": (NothingAnnounced,) * 2},
        {"hot0": NothingAnnounced, "bob2": NothingAnnounced},
    ),
    Case(
        "cold0",
        SetConsensusKey(HOT0, key_of("consensus7"), VOTER, TIP),
        {
            "hotkey": UNKNOWN_HOTKEY,
            "consensus_key": (KeyRefused,) * 2,
            "consensus_signature": (KeyRefused,),
            "beacon_tip": (KeyRefused,),
        },
        {"hot0": NotOwner, "cold1": NotOwner},
    ),
    Case(
        "alice",
        StakeRoot(HOT0, COIN),
        {"hotkey": UNKNOWN_HOTKEY, "amount": SPENT},
        {"stranger": NotEnoughFunds},
    ),
    Case(
        "alice",
        UnstakeRoot(HOT0, COIN),
        {"hotkey": UNKNOWN_HOTKEY, "amount": SOLD},
        {"hot0": NotEnoughStake, "stranger": NotEnoughStake},
    ),
    Case(
        "alice",
        StakeAlpha(SUBNET, HOT0, COIN, ANY),
        PLAIN | {"amount": SPENT, "limit": HIGHEST},
        {"stranger": NotEnoughFunds},
    ),
    Case(
        "alice",
        UnstakeAlpha(SUBNET, HOT0, COIN, NONE),
        PLAIN | {"amount": SOLD, "limit": LOWEST},
        {"hot0": NotEnoughStake, "cold0": NotEnoughStake},
    ),
    Case(
        "alice",
        MoveStake(SUBNET, HOT0, HOT1, COIN),
        PLAIN
        | {
            "netuid": (RootIsBonded, UnknownSubnet, UnknownSubnet),
            "to_hotkey": UNKNOWN_HOTKEY,
            "amount": SOLD,
        },
        {"hot0": NotEnoughStake, "cold0": NotEnoughStake},
    ),
    Case(
        "alice",
        SwapStake(SUBNET, HOT0, TWO, HOT0, COIN, NONE, ANY),
        PLAIN
        | {
            "to_netuid": UNKNOWN_SUBNET,
            "to_hotkey": UNKNOWN_HOTKEY,
            "amount": SOLD,
            "limit": LOWEST,
            "to_limit": HIGHEST,
        },
        {"hot0": NotEnoughStake, "cold0": NotEnoughStake},
    ),
    Case(
        "alice",
        TransferStake(SUBNET, HOT0, key_of("bob"), COIN),
        PLAIN
        | {"netuid": (None, UnknownSubnet, UnknownSubnet), "to": (None, None), "amount": SOLD},
        {"hot0": NotEnoughStake, "cold0": NotEnoughStake},
    ),
    Case("alice", SetAutoStake(SUBNET, HOT1), PLAIN, {}),
    Case(
        "cold1",
        SetTake(HOT9, Ratio16(10)),
        {"hotkey": UNKNOWN_HOTKEY, "take": (TakeOutOfBounds,)},
        {"hot9": NotOwner, "bob": NotOwner},
    ),
    Case(
        "cold1",
        SetChildren(SUBNET, HOT9, (Child(HOT0, Ratio16(100)),)),
        PLAIN,
        {"hot9": NotOwner, "bob": NotOwner},
    ),
    Case(
        "alice",
        make_foundation(STATE, "owner2"),
        {
            "hotkey": UNCLAIMED,
            "task": (NotPrintable,),
            "scorer_version": FREE,
            "scorer_hash": FREE,
            "max_cost": (CostTooHigh, None),
        },
        {"hot0": HotkeyRefused, "bob": HotkeyRefused},
    ),
    Case(
        "alice",
        StartSubnet(NEW),
        {"netuid": UNKNOWN_SUBNET},
        {"owner": NotOwner, "bob": NotOwner},
    ),
    Case(
        "cold0",
        set_rule("bonds_penalty", 1),
        {"netuid": UNKNOWN_SUBNET, "name": (UnknownName,), "value": (OutOfBounds,) * 2},
        {"hot0": NotOwner, "alice": NotOwner},
    ),
    Case(
        "cold0",
        set_mechanism(100),
        {
            "netuid": UNKNOWN_SUBNET,
            "task": (NotPrintable,),
            "scorer_version": FREE,
            "scorer_hash": FREE,
            "activation": (TooEarly, None),
        },
        {"hot0": NotOwner, "alice": NotOwner},
    ),
    Case(
        "cold0",
        SetSubnetIdentity(SUBNET, WHO),
        {"netuid": UNKNOWN_SUBNET, "identity": (NotPrintable,)},
        {"hot0": NotOwner, "alice": NotOwner},
    ),
    Case(
        "hot1",
        make_commit(STATE, "hot1", make_reveal({2: 65_535}, 1)),
        {
            "netuid": UNKNOWN_SUBNET,
            "epoch": (CommitClosed,) * 2,
            "digest": FREE,
            "scorer": FREE,
        },
        {"cold1": NotRegistered, "hot2": NoPermit, "stranger": NotRegistered},
    ),
    Case(
        "hot0",
        ROW,
        {
            "netuid": UNKNOWN_SUBNET,
            "epoch": (RevealClosed,) * 2,
            "salt": (RevealMismatch,),
            "version": (RevealMismatch,),
        },
        {"cold0": NotRegistered, "stranger": NotRegistered},
    ),
)
