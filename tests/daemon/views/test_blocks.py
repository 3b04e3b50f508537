from config.address import format_address
from config.network import Founder, found_network, load_template
from consensus.calls.accounts import Transfer
from consensus.calls.weights import RevealWeights
from consensus.crypto import compute_public_key, compute_transaction_id
from consensus.ledger import queries
from consensus.ledger.genesis import build_genesis, get_entries
from consensus.quantities import (
    U16,
    U64,
    ZERO_HASH,
    Amount,
    Epoch,
    Height,
    NetUid,
    Nonce,
    PublicKey,
    Salt,
    Signature,
    TimeMs,
    Uid,
    Weight,
)
from consensus.types import Block, Receipt, SignedTransaction, Transaction
from daemon.views import accounts, neurons
from daemon.views.blocks import present_block
from daemon.views.plain import format_peer_id, present_call
from daemon.views.supply import present_supply


def key(number: int) -> PublicKey:
    return PublicKey(bytes([number]) * 32)


GENESIS = found_network(
    load_template("devnet"),
    Founder(key(1), ZERO_HASH, key(2), key(3), key(4)),
    TimeMs(1_700_000_000_000),
    lambda _task: (U64(1), ZERO_HASH),
)
STATE, HEADER = build_genesis(GENESIS)


def sign(amount: int) -> SignedTransaction:
    call = Transfer(key(9), Amount(amount))
    transaction = Transaction(ZERO_HASH, key(2), Nonce(0), Height(9), Amount(1), call)
    return SignedTransaction(transaction, Signature(bytes(64)))


def test_the_first_metagraph_shows_the_registered_neuron():
    shown = neurons.metagraph(NetUid(1)).answer(STATE)
    (neuron,) = shown.neurons
    assert (shown.task, shown.tempo, shown.epoch) == ("text", 20, 0)
    assert neuron.hotkey == format_address(key(4))
    assert neuron.coldkey == format_address(key(2))
    assert neuron.endpoint is None


def test_an_account_shows_its_stake_and_a_hotkey_its_owner():
    cold = accounts.account(key(2)).answer(STATE)
    assert [stake.hotkey for stake in cold.stakes] == [format_address(key(3))]
    hot = accounts.account(key(4)).answer(STATE)
    assert hot.owner == format_address(key(2))
    assert hot.neurons == ((1, 0),)
    assert hot.take is not None
    assert 0 < hot.take < 1


def test_the_supply_adds_up_as_its_description_says():
    supply = present_supply(queries.supply(STATE))
    held = supply.free + supply.staked + supply.unbonding + supply.pending
    assert supply.issued == held + supply.pooled + supply.locked + supply.ordered


def test_a_block_shows_its_transactions_with_their_receipts():
    sent = sign(5)
    receipt = Receipt(compute_transaction_id(sent.transaction), U16(3), Amount(7))
    block = Block(HEADER, (sent,), ())
    shown = present_block(block, ZERO_HASH, (receipt,), get_entries(GENESIS))
    (transaction,) = shown.transactions
    assert (transaction.call, transaction.fee, transaction.code) == ("transfer", 7, 3)
    assert transaction.error == "AmountTooSmall"
    assert transaction.fields == {"to": format_address(key(9)), "amount": "5"}
    unknown = present_block(block, ZERO_HASH, None, get_entries(GENESIS)).transactions[0]
    assert (unknown.fee, unknown.code) == (None, None)


def test_bytes_are_shown_in_hexadecimal_and_rows_as_lists():
    call = RevealWeights(
        NetUid(1), Epoch(2), Salt(bytes(32)), U64(1), (Uid(0), Uid(3)), (Weight(5), Weight(65535))
    )
    shown = present_call(call)
    assert shown["salt"] == "00" * 32
    assert shown["uids"] == [0, 3]


def test_a_peer_id_is_shown_as_libp2p_shows_it():
    public = compute_public_key(bytes(32))
    shown = format_peer_id(bytes.fromhex("002408011220") + public)
    assert shown.startswith("12D3KooW")
