"""The pending transactions as a bounded, ordered pool: admit, evict, take.

Reveals go first, then commits, in order of arrival: both are late at once, and few, since each
must succeed on the head as it is and is a validator's. All others go by tip per byte, then by
arrival. Announcements, which any neuron may make for nothing, come after all that pay: or a crowd
of cheap neurons could fill pool and blocks for nothing; one of a hotkey waits per subnet. Within a
signer, nonces decide.

A signer may run `SIGNER_COUNT_MAX` nonces ahead, with gaps (gossip has no order); `take` stops at a
gap. A transaction replaces a waiting one of the same nonce if it tips at least a tenth more. When
the pool is full, the last transaction of the signer with the lowest tip per byte makes way, or the
newcomer is refused.

The pool is the one mutable object here; it reads no clock, and checks no signature: its one door
(`daemon/engine/pool.py`) does, in a thread.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from consensus.calls.neurons import Serve
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.errors import InvalidTransaction
from consensus.ledger.calls import check_free
from consensus.ledger.fees import (
    Measured,
    check_ahead,
    check_shape,
    check_window,
    is_free,
)
from consensus.ledger.records import get_account, get_network
from consensus.ledger.state import State
from consensus.quantities import Hash32, Height, PublicKey, Signature
from consensus.types import SignedTransaction

COUNT_MAX = 16_384
"""Two full blocks of the largest number of transactions."""
BYTES_MAX = 8 << 20
"""32 full block bodies."""
SIGNER_COUNT_MAX = 1_024
"""What one busy exchange may have waiting; also how far a nonce may run ahead."""
SIGNER_BYTES_MAX = 512 << 10
"""Two full block bodies."""
FREE_COUNT_MAX = 8
"""Free calls of one hotkey: one commit, reveal or announcement per subnet at a time is usual."""
_COMMIT_RATE = 1 << 80
"""Ranks commits above every tip per byte; reveals twice as high."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A transaction in the pool, and its rank: higher rate first, then earlier arrival."""

    measured: Measured
    rate: int
    """Tip per byte in 2^-16 rao."""
    arrival: int


@dataclass(slots=True)
class _Signer:
    """What one signer has waiting, by nonce, and the sums that bound it."""

    waiting: dict[int, Pending] = field(default_factory=dict[int, Pending])
    weights: set[int] = field(default_factory=set[int])
    """The nonces of commits and reveals."""
    price: int = 0
    size_bytes: int = 0

    def rank(self, pending: Pending) -> int:
        """Return what to order by: nothing may hold up the weights that come after it."""
        nonce = pending.measured.signed.transaction.nonce
        later = [self.waiting[each].rate for each in self.weights if each > nonce]
        return max([pending.rate, *later])

    def add(self, pending: Pending) -> None:
        measured = pending.measured
        self.waiting[measured.signed.transaction.nonce] = pending
        if pending.rate >= _COMMIT_RATE:
            self.weights.add(measured.signed.transaction.nonce)
        self.price += _get_price(measured)
        self.size_bytes += measured.size_bytes

    def drop(self, pending: Pending) -> None:
        measured = pending.measured
        del self.waiting[measured.signed.transaction.nonce]
        self.weights.discard(measured.signed.transaction.nonce)
        self.price -= _get_price(measured)
        self.size_bytes -= measured.size_bytes


class Mempool:
    """The pool; every method is synchronous and leaves it within its bounds."""

    def __init__(self, count_max: int = COUNT_MAX, bytes_max: int = BYTES_MAX) -> None:
        """Start empty, never to hold more than `count_max` transactions or `bytes_max` bytes."""
        self._count_max = count_max
        self._bytes_max = bytes_max
        self._signers: dict[PublicKey, _Signer] = {}
        self._by_id: dict[Hash32, Pending] = {}
        self._worst: list[tuple[int, int, Hash32]] = []  # a heap; entries of the dropped stay in it
        self._size_bytes = 0
        self._arrivals = 0

    def __len__(self) -> int:
        """Return how many transactions wait."""
        return len(self._by_id)

    @property
    def size_bytes(self) -> int:
        """Return how many bytes of signed encodings wait."""
        return self._size_bytes

    def is_verified(self, transaction_id: Hash32, signature: Signature) -> bool:
        """Tell whether this very signature was checked when its transaction came in."""
        pending = self._by_id.get(transaction_id)
        return pending is not None and pending.measured.signed.signature == signature

    def get(self, transaction_id: Hash32) -> SignedTransaction | None:
        """Return a waiting transaction, or None."""
        pending = self._by_id.get(transaction_id)
        return None if pending is None else pending.measured.signed

    def next_nonce(self, state: State, signer: PublicKey) -> int:
        """Return the first nonce of `signer` that neither the head nor the pool has used."""
        nonce = get_account(state, signer).nonce
        waiting = self._get_waiting(signer)
        while nonce in waiting:
            nonce += 1
        return nonce

    def check(self, state: State, measured: Measured) -> None:
        """Check that `measured` could come in now, its signature apart.

        Raises:
            InvalidTransaction: it can't be included, or not now, or there is no room for it.
        """
        network, signed = get_network(state), measured.signed
        if measured.transaction_id in self._by_id:
            raise InvalidTransaction("it is waiting already", is_final=False)
        check_shape(network, measured)
        check_window(network.params, measured, Height(state.height + 1))
        self._check_signer(state, measured)
        if is_free(signed.transaction.call):
            check_free(state, signed)
        if self._is_full(measured):
            self._find_worse(_compute_rate(measured), signed.transaction.signer)

    def admit(self, state: State, measured: Measured) -> None:
        """Take `measured` in, whose signature the caller has found good.

        That costs more than all the rest: `check` first, then look at the signature.

        Raises:
            InvalidTransaction: as `check`.
        """
        self.check(state, measured)
        self._insert(self._rank(measured))

    def take(self, state: State) -> Iterator[Measured]:
        """Yield what could be in the block after `state`, best first, nonces of a signer in order.

        Nothing leaves the pool. Whoever builds a block tries each on its own draft.
        """
        heads: list[tuple[int, int, PublicKey, int]] = []
        for signer, held in self._signers.items():
            nonce = get_account(state, signer).nonce
            pending = held.waiting.get(nonce)
            if pending is not None:
                heads.append((-held.rank(pending), pending.arrival, signer, nonce))
        heapq.heapify(heads)
        while heads:
            _, _, signer, nonce = heads[0]
            held = self._signers[signer]
            yield held.waiting[nonce].measured
            following = held.waiting.get(nonce + 1)
            if following is None:
                heapq.heappop(heads)
            else:
                item = (-held.rank(following), following.arrival, signer, nonce + 1)
                heapq.heapreplace(heads, item)

    def remove(self, transactions: Iterable[SignedTransaction]) -> None:
        """Forget what waits with the nonces of `transactions`, which a block has included."""
        for signed in transactions:
            transaction = signed.transaction
            pending = self._get_waiting(transaction.signer).get(transaction.nonce)
            if pending is not None:
                self._drop(pending)

    def advance(self, state: State) -> int:
        """Forget what the new head's `state` has made impossible; return how many.

        Used nonces, expired transactions, and free calls that would fail by now.
        """
        before = len(self)
        for signer, held in list(self._signers.items()):
            nonce = get_account(state, signer).nonce
            for pending in list(held.waiting.values()):
                transaction = pending.measured.signed.transaction
                if transaction.nonce < nonce or transaction.valid_until <= state.height:
                    self._drop(pending)
                elif is_free(transaction.call):
                    self._drop_failing(state, pending)
        return before - len(self)

    # -- bounds ---------------------------------------------------------------------------------

    def _check_signer(self, state: State, measured: Measured) -> None:
        """Raise InvalidTransaction unless nonce, funds and share of the pool allow `measured`."""
        transaction = measured.signed.transaction
        account = get_account(state, transaction.signer)
        check_ahead(measured, account)
        if transaction.nonce >= account.nonce + SIGNER_COUNT_MAX:
            raise InvalidTransaction(f"nonce {transaction.nonce} is far ahead", is_final=False)
        held = self._signers.get(transaction.signer, _Signer())
        count, price, size = len(held.waiting) + 1, held.price, held.size_bytes
        replaced = held.waiting.get(transaction.nonce)
        if replaced is not None:
            least = replaced.measured.signed.transaction.tip * 11 // 10 + 1
            if transaction.tip < least:
                raise InvalidTransaction(f"to replace it, tip {least} rao", is_final=False)
            count -= 1
            price -= _get_price(replaced.measured)
            size -= replaced.measured.size_bytes
        price += _get_price(measured)
        if price > account.free:
            raise InvalidTransaction(
                f"fees and tips of {price} rao exceed the balance of {account.free}",
                is_final=False,
            )
        if isinstance(transaction.call, Serve):
            _check_announced(held, transaction.nonce, transaction.call.netuid)
        count_max = FREE_COUNT_MAX if is_free(transaction.call) else SIGNER_COUNT_MAX
        if count > count_max or size + measured.size_bytes > SIGNER_BYTES_MAX:
            raise InvalidTransaction(f"{count - 1} of this signer wait", is_final=False)

    def _rank(self, measured: Measured) -> Pending:
        self._arrivals += 1
        return Pending(measured, _compute_rate(measured), self._arrivals)

    def _is_full(self, newcomer: Measured) -> bool:
        size_bytes = self._size_bytes + newcomer.size_bytes
        return len(self._by_id) >= self._count_max or size_bytes > self._bytes_max

    def _find_worse(self, rate: int, newcomer: PublicKey) -> PublicKey:
        """Return whose last transaction makes way for one of `newcomer` at `rate`."""
        while self._worst and self._worst[0][2] not in self._by_id:
            heapq.heappop(self._worst)
        worst = self._by_id[self._worst[0][2]] if self._worst else None
        signer = newcomer if worst is None else worst.measured.signed.transaction.signer
        if worst is None or worst.rate >= rate or signer == newcomer:
            raise InvalidTransaction("the pool is full; tip more", is_final=False)
        return signer

    def _insert(self, pending: Pending) -> None:
        """Hold `pending`; worse ones make way until it fits, or it is refused."""
        measured = pending.measured
        transaction = measured.signed.transaction
        while self._is_full(measured):
            waiting = self._get_waiting(self._find_worse(pending.rate, transaction.signer))
            self._drop(waiting[max(waiting)])
        replaced = self._get_waiting(transaction.signer).get(transaction.nonce)
        if replaced is not None:
            self._drop(replaced)
        self._signers.setdefault(transaction.signer, _Signer()).add(pending)
        self._by_id[measured.transaction_id] = pending
        self._size_bytes += measured.size_bytes
        if len(self._worst) > 2 * self._count_max:
            self._worst = [item for item in self._worst if item[2] in self._by_id]
            heapq.heapify(self._worst)
        item = (pending.rate, -pending.arrival, measured.transaction_id)
        heapq.heappush(self._worst, item)

    def _drop(self, pending: Pending) -> None:
        measured = pending.measured
        signer = measured.signed.transaction.signer
        del self._by_id[measured.transaction_id]
        held = self._signers[signer]
        held.drop(pending)
        if not held.waiting:
            del self._signers[signer]
        self._size_bytes -= measured.size_bytes

    def _get_waiting(self, signer: PublicKey) -> dict[int, Pending]:
        held = self._signers.get(signer)
        return {} if held is None else held.waiting

    def _drop_failing(self, state: State, pending: Pending) -> None:
        try:
            check_free(state, pending.measured.signed)
        except InvalidTransaction:
            self._drop(pending)


def _check_announced(held: _Signer, nonce: int, netuid: int) -> None:
    """Raise InvalidTransaction if another announcement of a signer in a subnet waits."""
    for waiting in held.waiting.values():
        transaction = waiting.measured.signed.transaction
        call = transaction.call
        if isinstance(call, Serve) and call.netuid == netuid and transaction.nonce != nonce:
            raise InvalidTransaction(f"an announcement in subnet {netuid} waits", is_final=False)


def _compute_rate(measured: Measured) -> int:
    """Return the tip per byte in 2^-16 rao, higher or lower for the calls without a fee."""
    transaction = measured.signed.transaction
    rate = (transaction.tip << 16) // measured.size_bytes
    match transaction.call:
        case RevealWeights():
            return rate + 2 * _COMMIT_RATE
        case CommitWeights():
            return rate + _COMMIT_RATE
        case Serve():
            return rate - 1
        case _:
            return rate


def _get_price(measured: Measured) -> int:
    return measured.fee + measured.signed.transaction.tip
