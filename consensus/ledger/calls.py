"""One transaction in a block: charge it, do what it asks, leave a receipt."""

from collections.abc import Callable
from typing import TypeVar

from consensus.calls.accounts import SetIdentity, Transfer
from consensus.calls.governance import CastVote, Propose
from consensus.calls.neurons import LeaveSubnet, PublishModel, RegisterNeuron, Serve
from consensus.calls.payments import CloseChannel, OpenChannel, RedeemVoucher
from consensus.calls.rotation import (
    AnnounceColdkeySwap,
    CancelColdkeySwap,
    SetConsensusKey,
    SwapColdkey,
    SwapHotkey,
)
from consensus.calls.staking import (
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
from consensus.calls.subnets import (
    RegisterSubnet,
    SetHyperparameter,
    SetMechanism,
    SetSubnetIdentity,
    StartSubnet,
)
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.errors import CallError, InvalidTransaction
from consensus.ledger.accounts import process_transfer
from consensus.ledger.channels import process_close, process_open, process_redeem
from consensus.ledger.events import LedgerEvent
from consensus.ledger.fees import Measured, check_account, is_free
from consensus.ledger.identity.identities import process_set_identity, process_set_subnet_identity
from consensus.ledger.identity.rotation import (
    process_announce,
    process_cancel,
    process_swap_coldkey,
    process_swap_hotkey,
)
from consensus.ledger.membership.models import process_publish
from consensus.ledger.membership.registration import process_leave, process_register
from consensus.ledger.membership.serving import process_serve
from consensus.ledger.membership.weights import process_commit, process_reveal
from consensus.ledger.records import Account, get_account, put_account
from consensus.ledger.stake.autostake import process_set_auto_stake
from consensus.ledger.stake.children import process_set_children
from consensus.ledger.stake.delegation import process_move, process_transfer_stake
from consensus.ledger.stake.staking import process_set_take, process_stake, process_unstake
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.founding import process_start
from consensus.ledger.subnet.hyperparameters import process_set_hyperparameter
from consensus.ledger.subnet.mechanism import process_set_mechanism
from consensus.ledger.subnet.netuids import process_register_subnet
from consensus.ledger.trade.trading import (
    process_stake_alpha,
    process_swap_stake,
    process_unstake_alpha,
)
from consensus.ledger.validators.eras import process_set_consensus_key
from consensus.ledger.voting.governance import process_propose, process_vote
from consensus.quantities import U16, Amount, Nonce, PublicKey
from consensus.types import Call, Receipt, SignedTransaction

C = TypeVar("C")
Rule = Callable[[Draft, PublicKey, Call], LedgerEvent | None]


def _bind(kind: type[C], rule: Callable[[Draft, PublicKey, C], LedgerEvent | None]) -> Rule:
    """Return `rule`, which takes calls of `kind` alone, as a function of any call."""

    def run(draft: Draft, signer: PublicKey, call: Call) -> LedgerEvent | None:
        assert isinstance(call, kind)
        return rule(draft, signer, call)

    return run


_RULES: dict[type, Rule] = {
    Transfer: _bind(Transfer, process_transfer),
    RegisterNeuron: _bind(RegisterNeuron, process_register),
    LeaveSubnet: _bind(LeaveSubnet, process_leave),
    Serve: _bind(Serve, process_serve),
    CommitWeights: _bind(CommitWeights, process_commit),
    RevealWeights: _bind(RevealWeights, process_reveal),
    StakeRoot: _bind(StakeRoot, process_stake),
    UnstakeRoot: _bind(UnstakeRoot, process_unstake),
    SetConsensusKey: _bind(SetConsensusKey, process_set_consensus_key),
    SetTake: _bind(SetTake, process_set_take),
    StakeAlpha: _bind(StakeAlpha, process_stake_alpha),
    UnstakeAlpha: _bind(UnstakeAlpha, process_unstake_alpha),
    MoveStake: _bind(MoveStake, process_move),
    TransferStake: _bind(TransferStake, process_transfer_stake),
    SetAutoStake: _bind(SetAutoStake, process_set_auto_stake),
    SetChildren: _bind(SetChildren, process_set_children),
    SwapHotkey: _bind(SwapHotkey, process_swap_hotkey),
    AnnounceColdkeySwap: _bind(AnnounceColdkeySwap, process_announce),
    CancelColdkeySwap: _bind(CancelColdkeySwap, process_cancel),
    SwapColdkey: _bind(SwapColdkey, process_swap_coldkey),
    SwapStake: _bind(SwapStake, process_swap_stake),
    RegisterSubnet: _bind(RegisterSubnet, process_register_subnet),
    StartSubnet: _bind(StartSubnet, process_start),
    SetHyperparameter: _bind(SetHyperparameter, process_set_hyperparameter),
    SetMechanism: _bind(SetMechanism, process_set_mechanism),
    OpenChannel: _bind(OpenChannel, process_open),
    RedeemVoucher: _bind(RedeemVoucher, process_redeem),
    CloseChannel: _bind(CloseChannel, process_close),
    Propose: _bind(Propose, process_propose),
    CastVote: _bind(CastVote, process_vote),
    SetIdentity: _bind(SetIdentity, process_set_identity),
    SetSubnetIdentity: _bind(SetSubnetIdentity, process_set_subnet_identity),
    PublishModel: _bind(PublishModel, process_publish),
}
"""The rule of every call, by family."""


def process_transaction(
    draft: Draft, measured: Measured, tell: Callable[[LedgerEvent], None]
) -> Receipt:
    """Charge fee and tip (rao that leave the account for good), then try the call.

    A call that fails is undone and leaves its code; a free one must not fail.

    Raises:
        InvalidTransaction: it must not be in a block on this state.
    """
    transaction = measured.signed.transaction
    signer = transaction.signer
    account = get_account(draft, signer)
    check_account(measured, account)
    left = account.free - measured.fee - transaction.tip
    draft.mark()
    put_account(draft, signer, Account(Amount(left), Nonce(account.nonce + 1)))
    if is_free(transaction.call):
        _process_free(draft, measured, tell)
        return Receipt(measured.transaction_id, U16(0), measured.fee)
    draft.mark()
    try:
        event = process_call(draft, signer, transaction.call)
    except CallError as error:
        draft.undo()
        return Receipt(measured.transaction_id, U16(error.code), measured.fee)
    if event is not None:
        tell(event)
    return Receipt(measured.transaction_id, U16(0), measured.fee)


def process_call(draft: Draft, signer: PublicKey, call: Call) -> LedgerEvent | None:
    """Do what `call` asks in the name of `signer`; the caller undoes a failed one.

    Raises:
        CallError: as the rule of the call says.
    """
    return _RULES[type(call)](draft, signer, call)


def check_free(state: State, signed: SignedTransaction) -> None:
    """Check that a free call would succeed in the block after `state`.

    Raises:
        InvalidTransaction: it would fail, so it can't be included.
    """
    transaction = signed.transaction
    try:
        process_call(Draft(state), transaction.signer, transaction.call)
    except CallError as error:
        message = f"{type(error).__name__}: {error}. {error.remedy}"
        raise InvalidTransaction(message, is_final=False) from error


def _process_free(draft: Draft, measured: Measured, tell: Callable[[LedgerEvent], None]) -> None:
    transaction = measured.signed.transaction
    try:
        event = process_call(draft, transaction.signer, transaction.call)
    except CallError as error:
        draft.undo()
        message = f"{type(error).__name__}: {error}. {error.remedy}"
        raise InvalidTransaction(message, is_final=False) from error
    if event is not None:
        tell(event)
