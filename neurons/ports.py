"""The few verbs a neuron needs from the node, as Protocols: ask, submit, metagraph, and the store.

`daemon/hosting/port.py` fulfils them; tests fulfil them with a world in memory. Everything a view
says is of the FINAL chain state (never of a block that may still vanish), read in one go and
frozen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from consensus.quantities import (
    U64,
    ZERO_HASH,
    Epoch,
    Hash32,
    Height,
    NetUid,
    PublicKey,
    Ratio16,
    Signature,
    TimeMs,
    Uid,
)
from consensus.reward.commit_reveal import WeightSecret
from consensus.types import Call, MinerKey

# -- what a neuron sees of the chain ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChainView:
    """The final head: its height and the beacon's mix after it."""

    chain_id: Hash32
    height: Height
    time_ms: TimeMs
    mix: Hash32


@dataclass(frozen=True, slots=True)
class NeuronView:
    """One registered neuron; `peer_id` is that of its served endpoint, None when it serves none."""

    uid: Uid
    hotkey: PublicKey
    registered_block: Height
    peer_id: bytes | None
    has_permit: bool


@dataclass(frozen=True, slots=True)
class MetagraphView:
    """One subnet's rules that concern a neuron, and its neurons by ascending uid."""

    netuid: NetUid
    tempo: int
    """Blocks per epoch."""
    reveal_blocks: int
    """Reveals of epoch e count in the first so many blocks of e + 1, until its epoch step."""
    commit_interval_blocks: int
    scorer_version: U64
    min_allowed_weights: int
    max_weight: Ratio16
    neurons: tuple[NeuronView, ...]
    scorer_hash: Hash32 = ZERO_HASH
    """The evaluation code whose rows count; all zero: any."""


@dataclass(frozen=True, slots=True)
class WeightsState:
    """What the final state holds for our hotkey in one subnet; None: nothing of the kind yet.

    `commit_digest` is the commitment that stands, of epoch `commit_epoch` (of two, the older; one
    that was opened may be shown or not). `revealed_epoch` is the last whose row we revealed.
    """

    commit_epoch: Epoch | None
    commit_digest: Hash32 | None
    revealed_epoch: Epoch | None


INTERVAL_MS = "interval_ms"
TRANSACTIONS = "transactions"
FEES_RAO = "fees_rao"
SIZE_BYTES = "size_bytes"
SERIES: Mapping[str, str] = {
    INTERVAL_MS: "milliseconds between a block's time and its parent's",
    TRANSACTIONS: "transactions in a block, those that failed too",
    FEES_RAO: "fees burned in a block, in rao, without tips",
    SIZE_BYTES: "length of a block's canonical encoding, in bytes",
}
"""What `ChainRecord.get_series` can be asked for, by name: what its number of a block says."""


class ChainRecord(Protocol):
    """What final blocks made public, up to one final height: it never changes."""

    @property
    def height(self) -> Height:
        """The last final height it covers."""
        ...

    def get_series(self, name: str, first: Height, count: int) -> tuple[int, ...]:
        """Return the series `name` of `SERIES`, one number a block, of `count` blocks from `first`.

        Blocking (the disk): call it in a thread.

        Raises:
            SeriesNotKept: no such series, or one of the blocks is unknown here.
        """
        ...


# -- verbs ----------------------------------------------------------------------------------------


class Log(Protocol):
    """A room's logger: an event's name and its fields."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Log `event`."""
        ...


class Inference(Protocol):
    """What a miner needs of a model; `neurons.worker.runtime.Runtime` is one."""

    async def infer(self, body: bytes, units: int) -> bytes:
        """Return the answer to the query `body`, `units` of work as its task measures them.

        Raises:
            WorkerUnavailable: not now; come back in `retry_ms`.
            ModelFault: not this one.
        """
        ...


class MinerNode(Protocol):
    """What a miner needs: to know itself and its subnet, and to sign."""

    @property
    def hotkey(self) -> PublicKey:
        """The hotkey this neuron runs under."""
        ...

    def sign(self, message: bytes) -> Signature:
        """Sign `message` (already domain-separated) with the hotkey."""
        ...

    def now_ms(self) -> TimeMs:
        """Return wall time, ms since 1970."""
        ...

    def chain(self) -> ChainView:
        """Return the final head."""
        ...

    def metagraph(self, netuid: NetUid) -> MetagraphView:
        """Return the subnet at the final head; cheap enough to call for every query."""
        ...


class Node(MinerNode, Protocol):
    """What a validator needs on top: to ask, to wait, to submit, and to keep its secrets."""

    def record(self) -> ChainRecord:
        """Return what final blocks made public, up to the final head."""
        ...

    def weights_state(self, netuid: NetUid) -> WeightsState:
        """Return what the final state holds of our weights."""
        ...

    async def wait_height(self, height: Height) -> None:
        """Return once the final height is at least `height`."""
        ...

    async def ask(self, peer_id: bytes, payload: bytes) -> bytes:
        """Send `payload` as a `query` and return the reply, at most `REPLY_BYTES_MAX` bytes.

        The deadline is the caller's cancel scope.

        Raises:
            NodeUnreachable: not connected, or the connection broke.
            PeerBusy: the peer's node refused for now.
            PeerFault: the peer broke the protocol.
        """
        ...

    async def submit(self, call: Call) -> None:
        """Sign `call` with the hotkey and publish it; inclusion is not waited for.

        A refusal by our own mempool is logged by the node, not raised: the caller reads back the
        chain's state anyway and submits again.
        """
        ...

    async def keep_weights(self, secret: WeightSecret) -> None:
        """Make `secret` durable; returns only once a power cut can't lose it."""
        ...

    async def load_weights(self, netuid: NetUid) -> tuple[WeightSecret, ...]:
        """Return every kept secret of our hotkey in `netuid`, any order; old ones may be gone."""
        ...


class ValidatorMemory(Protocol):
    """What a validator remembers of one subnet, read when it was opened; written on, it follows.

    Scores, receipts and pending rows are bytes that only the validator reads.
    """

    @property
    def cursor(self) -> Height:
        """Height whose round was recorded last; 0 when none was."""
        ...

    @property
    def scores(self) -> Mapping[MinerKey, bytes]:
        """`scoring.pack_score` of each miner's standing."""
        ...

    @property
    def pending(self) -> Mapping[bytes, bytes]:
        """What waits to be judged (`validating/pending.py`), by key."""
        ...

    async def write(
        self,
        cursor: Height,
        scores: Mapping[MinerKey, bytes | None],
        receipts: Sequence[bytes],
        pending: Mapping[bytes, bytes | None],
    ) -> None:
        """Write one round in one transaction: all of it or nothing, durable on return.

        `scores` and `pending` hold what changed; None drops a row.
        """
        ...
