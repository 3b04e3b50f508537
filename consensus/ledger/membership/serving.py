"""Announcements: which node answers a neuron's queries, for what price, with what capacity.

What stands may exceed a price cap that was lowered since; the next announcement may not.
No address goes on chain; the peer id follows from the node key, which must have signed its consent.

Source: `docs/spec/ledger.md` 10.
"""

from consensus.calls.neurons import Serve
from consensus.crypto import is_signed, serve_message
from consensus.ledger.records import get_network
from consensus.ledger.state import Draft
from consensus.ledger.subnet.records import Served, find_served, get_subnet, get_uid, put_served
from consensus.ledger.texts import check_printable
from consensus.quantities import PublicKey
from consensus.refusals import NodeRefused, PriceOutOfBounds, RateLimited


def process_serve(draft: Draft, signer: PublicKey, call: Serve) -> None:
    """Write what the signing hotkey announces, at most once per `serving_rate_limit` blocks.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotRegistered, NotPrintable, PriceOutOfBounds,
            RateLimited, NodeRefused.
    """
    hyper = get_subnet(draft, call.netuid).hyper
    uid = get_uid(draft, call.netuid, signer)
    check_printable(*call.protocols)
    if call.price > hyper.miner_price_cap:
        raise PriceOutOfBounds(f"{call.price} rao, the cap is {hyper.miner_price_cap}")
    last = find_served(draft, call.netuid, uid)
    if last is not None and draft.height < last.height + hyper.serving_rate_limit:
        raise RateLimited(f"served at {last.height}, next {hyper.serving_rate_limit} blocks later")
    message = serve_message(get_network(draft).chain_id, call.netuid, signer)
    if not is_signed(call.node_key, message, call.node_signature):
        raise NodeRefused(f"node key {call.node_key.hex()}")
    served = Served(
        call.node_key, call.protocols, call.price, call.capacity, call.model_hash, draft.height
    )
    put_served(draft, call.netuid, uid, served)
