"""Judge gossip: Accept, Ignore or Reject, one pure function per topic.

Accept: forward it and let it in. Ignore: not now, and nobody's fault (old, early, known). Reject:
no honest peer sends this; drop it and penalise the sender.
"""

from dataclasses import dataclass

from consensus.errors import InvalidTransaction, MalformedTransaction
from consensus.ledger.calls import check_free
from consensus.ledger.fees import (
    IsVerified,
    check_ahead,
    check_form,
    check_window,
    is_free,
    measure,
    never_verified,
)
from consensus.ledger.records import get_account, get_network
from consensus.ledger.state import State
from consensus.types import Height, SignedTransaction


@dataclass(frozen=True, slots=True)
class Accept:
    """Let it in and forward it."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Drop it without blame."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Drop it and penalise whoever sent it."""

    reason: str


Verdict = Accept | Ignore | Reject


# -- transactions ---------------------------------------------------------------------------------


def judge_transaction(
    state: State, signed: SignedTransaction, is_verified: IsVerified = never_verified
) -> Verdict:
    """Judge a gossiped transaction against the state of the head; its signature included.

    Reject what no state can make right (another network, over-size, forged). Ignore what an honest
    peer may pass on late or early: used nonces, expired, unaffordable here, a free call whose time
    is over or not yet come. The mempool decides about room and order.
    """
    network = get_network(state)
    measured = measure(network.params, signed)
    try:
        check_form(network, measured, is_verified)
        check_window(network.params, measured, Height(state.height + 1))
        check_ahead(measured, get_account(state, signed.transaction.signer))
        if is_free(signed.transaction.call):
            check_free(state, signed)
    except MalformedTransaction as error:
        return Reject(str(error))
    except InvalidTransaction as error:
        return Ignore(str(error))
    return Accept()
