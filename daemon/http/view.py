"""What the HTTP door shows of the node: `NodeView`, which `daemon/views/node.py` fulfils.

The door knows the node through this Protocol alone. Answers are frozen values whose fields are the
JSON's: addresses are SS58, hashes and peer ids are text, amounts are whole rao (or alpha's equal)
as JSON integers, which may exceed 2^53; shares are fractions for people, exact figures are in
`explain`. Reads are sync and must be short (a value in memory, or one small read); what waits is
async.

What is asked of the ledger's state is a `Question`: a path, and a function from any ledger to the
answer. The node runs it on the state of a height, a client with a proof on the proven entries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from consensus.errors import NeurondError
from consensus.ledger.state import Reading
from consensus.quantities import Era, Hash32, Height, NetUid, PublicKey
from consensus.reward.explain import Explanation
from daemon.engine.errors import NodeError
from daemon.http.market_values import MarketAnswer, PreviewView
from daemon.http.values import (
    ConcentrationView,
    DelegateAnswer,
    DelegatesAnswer,
    EntriesView,
    ErrorDetail,
    ProofView,
    ReceiptView,
    ValidatorsAnswer,
    WhatIfEdits,
    WhatIfView,
)
from daemon.views.events import EventBus


class ApiError(NeurondError):
    """A request that can't be answered: HTTP status, a fixed code, and what to do about it."""

    def __init__(self, status: int, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """The body of every error."""

    error: ErrorDetail


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness; `remedy` says what to do while it is not `ok`."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class ReadyAnswer:
    """Whether this node does its job, and each condition of it."""

    ready: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class PeerView:
    """One connected peer."""

    peer_id: str
    address: str
    direction: Literal["in", "out"]
    score: float
    rtt_ms: float | None


@dataclass(frozen=True, slots=True)
class NeuronStatus:
    """The neuron this node runs.

    `state` is starting, training, ready, restarting, failed (no model: see `reason`) or stopped.
    """

    role: str
    netuid: int
    hotkey: str
    uid: int | None
    state: str
    device: str = ""
    model: str = ""
    queue: int = 0
    worker_restarts: int = 0
    weights_age_epochs: int | None = None
    reason: str = ""
    """Why a validator sets no weights or a miner has no model; empty when all is well."""


@dataclass(frozen=True, slots=True)
class SupplyView:
    """Where every rao is: `issued` is the sum of all others but `burned`, which is no more."""

    issued: int
    free: int
    staked: int
    unbonding: int
    pending: int
    burned: int = 0
    pooled: int = 0
    locked: int = 0
    ordered: int = 0


@dataclass(frozen=True, slots=True)
class StatusView:
    """The node at a glance."""

    name: str
    version: str
    network: str
    chain_id: str
    peer_id: str
    addresses: tuple[str, ...]
    reachable: str
    """yes, no or unknown; then why, and what to do about it."""
    height: int
    head: str
    head_time_ms: int
    state_root: str
    view: int
    era: int
    """Of the next block; its validator set votes and leads."""
    era_last: int | None
    """The era's last height; None if it never ends."""
    validators: int
    is_validator: bool
    syncing: bool
    peers: tuple[PeerView, ...]
    mempool_transactions: int
    uptime_s: float
    neuron: NeuronStatus | None = None
    supply: SupplyView | None = None
    protocol: int = 1
    """The newest version of the law this node knows."""
    upgrade: str | None = None
    """A version that was decided and is too new for this node: when it stops, and what to do."""


@dataclass(frozen=True, slots=True)
class TransactionView:
    """One included transaction, its call by name, and what became of it."""

    id: str
    signer: str
    nonce: int
    call: str
    fields: Mapping[str, object]
    tip: int
    fee: int | None
    code: int | None
    """0: it took effect; None: the receipt is not known yet (the newest block)."""
    error: str | None = None
    """The name of a code other than 0."""


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """A final block without its transactions."""

    height: int
    digest: str
    parent: str
    view: int
    era: int
    proposer: str
    time_ms: int
    transaction_count: int
    state_root: str


@dataclass(frozen=True, slots=True)
class BlockView:
    """A final block."""

    summary: BlockSummary
    transactions: tuple[TransactionView, ...]
    signers: tuple[str, ...] = ()
    """Hotkeys whose votes finalised it, where its own certificate is kept."""


@dataclass(frozen=True, slots=True)
class BlocksAnswer:
    """Blocks, newest first."""

    blocks: tuple[BlockSummary, ...]


@dataclass(frozen=True, slots=True)
class EndpointView:
    """Where a neuron answers, as it announced on chain."""

    peer_id: str
    protocols: tuple[str, ...]
    price: int
    capacity: int
    model_hash: str


@dataclass(frozen=True, slots=True)
class NeuronView:
    """One row of the metagraph; shares are of the subnet's sum."""

    uid: int
    hotkey: str
    coldkey: str
    stake: int
    has_permit: bool
    is_active: bool
    consensus: float
    incentive: float
    dividends: float
    validator_trust: float
    emission: int
    registered_block: int
    commit_block: int
    endpoint: EndpointView | None = None


@dataclass(frozen=True, slots=True)
class MetagraphView:
    """One subnet as of `height`; `burn` is the price of a registration in rao."""

    netuid: int
    height: int
    task: str
    tempo: int
    epoch: int
    burn: int
    neurons: tuple[NeuronView, ...]
    supply: SupplyView | None = None
    """Of its alpha."""
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class StakeView:
    """What a coldkey has staked on a hotkey; netuid 0 is root and its amount is rao."""

    netuid: int
    hotkey: str
    amount: int


@dataclass(frozen=True, slots=True)
class UnbondingView:
    """Root stake on its way out."""

    hotkey: str
    amount: int
    release_height: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """What a key has and is."""

    address: str
    free: int
    nonce: int
    stakes: tuple[StakeView, ...] = ()
    unbonding: tuple[UnbondingView, ...] = ()
    owner: str | None = None
    """The coldkey, where the address is a hotkey."""
    take: float | None = None
    """What a hotkey's owner keeps of its delegators' rewards, as a fraction."""
    neurons: tuple[tuple[int, int], ...] = ()
    """(netuid, uid) where the address is registered."""
    height: int = 0
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class ExplainView:
    """The reward of the last epoch step taken apart; the parts add up to it to the rao."""

    netuid: int
    uid: int
    hotkey: str
    epoch: int
    explanation: Explanation
    lenders: tuple[str, ...] = ()
    """Who lent it stake: the hotkeys of `explanation.backings` after the first."""
    height: int = 0
    proof: ProofView | None = None


StateAnswer = (
    AccountView
    | MetagraphView
    | ExplainView
    | EntriesView
    | DelegatesAnswer
    | DelegateAnswer
    | ConcentrationView
    | ValidatorsAnswer
    | MarketAnswer
)
"""What is computed from the state of one height, says which, and can carry a proof."""
Answer = TypeVar("Answer", bound=StateAnswer)
Shown_co = TypeVar("Shown_co", bound=StateAnswer, covariant=True)


@dataclass(frozen=True, slots=True)
class Question(Generic[Shown_co]):
    """Something asked of the state; made in `daemon/http/questions.py`."""

    path: str
    """Of its route, parameters filled in; the height and the proof are added as a query."""
    answer: Callable[[Reading], Shown_co]
    """Computes the answer from a ledger; raises `ApiError` for what does not exist."""


class NodeView(Protocol):
    """What the door asks of the node; raises `ApiError` (use the helpers below), nothing else."""

    @property
    def events(self) -> EventBus:
        """Return where the node announces what happens."""
        ...

    def status(self) -> StatusView:
        """Return the node at a glance."""
        ...

    def readiness(self) -> tuple[Check, ...]:
        """Return every condition of readiness."""
        ...

    def block(self, height: Height) -> BlockView:
        """Return the final block at `height`."""
        ...

    def blocks(self, start: Height | None, count: int) -> tuple[BlockSummary, ...]:
        """Return at most `count` final blocks, newest first, from `start` (the head) downward."""
        ...

    def hand_offs(self, first: Era, count: int) -> tuple[str, ...]:
        """Return how at most `count` eras from `first` on ended, as far as they have."""
        ...

    def receipt(self, transaction_id: Hash32) -> ReceiptView:
        """Return what became of a transaction."""
        ...

    async def ask(self, question: Question[Answer], height: Height | None) -> Answer:
        """Return the answer as of the final block `height` (None: the head)."""
        ...

    async def ask_proved(self, question: Question[Answer], height: Height | None) -> Answer:
        """Return it with a proof; None is the newest height that can be proved."""
        ...

    async def what_if(
        self, netuid: NetUid, edits: WhatIfEdits, height: Height | None
    ) -> WhatIfView:
        """Return what the last epoch step before `height` paid, and would have paid."""
        ...

    async def submit(self, data: bytes) -> Hash32:
        """Let an encoded SignedTransaction into the mempool and gossip it; return its id."""
        ...

    async def drip(self, key: PublicKey) -> Hash32:
        """Let the faucet give something to `key`; return the transaction's id."""
        ...

    async def submit_many(self, items: Sequence[bytes]) -> tuple[Hash32 | NodeError, ...]:
        """Do the same for many; return the id of each or why it was refused."""
        ...

    async def preview(self, data: bytes) -> PreviewView:
        """Return what would become of an encoded transaction, signed or not; nothing is kept."""
        ...
