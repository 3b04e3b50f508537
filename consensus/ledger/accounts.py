"""Money in accounts: transfers."""

from consensus.calls.accounts import Transfer
from consensus.ledger.records import Account, credit, get_account, put_account
from consensus.ledger.state import Draft
from consensus.quantities import Amount, PublicKey
from consensus.refusals import AmountTooSmall, NotEnoughFunds


def process_transfer(draft: Draft, signer: PublicKey, call: Transfer) -> None:
    """Move rao between two accounts; to oneself changes nothing.

    Raises:
        CallError: AmountTooSmall, NotEnoughFunds.
    """
    if call.amount == 0:
        raise AmountTooSmall("a transfer of nothing")
    withdraw(draft, signer, call.amount)
    credit(draft, call.to, call.amount)


def withdraw(draft: Draft, key: PublicKey, amount: int) -> None:
    """Take `amount` rao from the free balance of `key`; the caller puts them elsewhere.

    Raises:
        NotEnoughFunds: there is less.
    """
    account = get_account(draft, key)
    if account.free < amount:
        raise NotEnoughFunds(f"{amount} rao wanted, {account.free} free")
    put_account(draft, key, Account(Amount(account.free - amount), account.nonce))
