"""A neuron's life in a subnet: in, out, what it serves and what it publishes."""

from dataclasses import dataclass
from typing import Annotated

from consensus.quantities import (
    U32,
    Amount,
    Consent,
    CountMax,
    Hash32,
    NetUid,
    PublicKey,
    ShortText,
    Signature,
)


@dataclass(frozen=True, slots=True)
class RegisterNeuron:
    """Give `hotkey` a uid in `netuid` for the current burn, refused above `max_price` rao.

    `consent` is the hotkey's signature on `crypto.claim_message`; needed while it is unclaimed.
    """

    netuid: NetUid
    hotkey: PublicKey
    max_price: Amount
    consent: Consent


@dataclass(frozen=True, slots=True)
class LeaveSubnet:
    """Give up the uid of `hotkey` in `netuid`; its owner coldkey signs."""

    netuid: NetUid
    hotkey: PublicKey


@dataclass(frozen=True, slots=True)
class Serve:
    """Announce where and at what price the signing hotkey answers queries of `netuid`.

    No address goes on chain: the peer id follows from `node_key`, whose `node_signature` over
    (chain id, netuid, hotkey) proves the node's consent (`crypto.serve_message`).
    """

    netuid: NetUid
    node_key: PublicKey
    node_signature: Signature
    protocols: Annotated[tuple[ShortText, ...], CountMax(8)]
    price: Amount
    capacity: U32
    model_hash: Hash32


@dataclass(frozen=True, slots=True)
class PublishModel:
    """Commit the signing hotkey to a model's content in `netuid`; its block proves priority."""

    netuid: NetUid
    content: Hash32
    uri: ShortText
