"""Answer queries, whatever the task: bounded intake, batches, honest refusal when full.

`Miner.answer` is what the node calls for every question of kind `query`. The gates stand in the
order of their cost: the peer's bucket, the size, the decoding, the addressee and the clock, the
signature, the permit, the replay memory, the task's measure of the work, the intake. Only then
does the model see anything; neither query nor answer is looked into here. Whatever happens the
asker gets a reply: a signed completion, `Busy` with a hint when waiting would help, a `Refusal`
with a reason when it would not.
"""

from dataclasses import dataclass

import trio

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import Bytes64K, NetUid, PublicKey
from neurons import messages
from neurons.errors import MalformedQuery, ModelFault, WorkerUnavailable
from neurons.messages import (
    AnswerReceipt,
    Busy,
    Completion,
    Query,
    Refusal,
    RefusalCode,
    Reply,
    SignedQuery,
    refuse,
)
from neurons.mining.intake import SKEW_MS, Bucket, PeerBuckets, SeenQueries
from neurons.ports import Inference, Log, MinerNode
from neurons.task import Task


@dataclass(frozen=True, slots=True)
class MinerSettings:
    """How much a miner takes on."""

    netuid: NetUid
    intake_max: int = 2_048
    """Units of work in hand at once, as the task measures them; what is more hears `Busy`."""
    peer_rate: float = 20.0
    """Queries a second of one peer, validators included."""
    peer_burst: float = 40.0
    stranger_rate: float = 2.0
    """Queries a second of all hotkeys without a permit together."""
    stranger_burst: float = 10.0


@dataclass(slots=True)
class MinerCounts:
    """What a miner did since it started, for status and metrics."""

    asked: int = 0
    answered: int = 0
    busy: int = 0
    refused: int = 0
    in_hand: int = 0
    """Units of work."""


class Miner:
    """One hotkey's answers in one subnet, from one worker."""

    def __init__(
        self, node: MinerNode, runtime: Inference, task: Task, settings: MinerSettings, log: Log
    ) -> None:
        now_s = trio.current_time()
        self.counts = MinerCounts()
        self._node = node
        self._runtime = runtime
        self._task = task
        self._settings = settings
        self._log = log
        self._peers = PeerBuckets(settings.peer_rate, settings.peer_burst)
        self._strangers = Bucket(
            settings.stranger_rate, settings.stranger_burst, settings.stranger_burst, now_s
        )
        self._seen = SeenQueries()

    async def answer(self, peer: bytes, payload: bytes) -> bytes:
        """Return the encoded reply to `payload`, a `SignedQuery` that came from `peer`.

        The deadline is the caller's cancel scope; a query given up leaves the model's queue.
        """
        self.counts.asked += 1
        reply = await self._reply(peer, payload)
        match reply:
            case Completion():
                self.counts.answered += 1
            case Busy():
                self.counts.busy += 1
            case Refusal():
                self.counts.refused += 1
                self._log("query_refused", code=reply.code.name, reason=str(reply.message))
        return messages.encode_reply(reply)

    async def _reply(self, peer: bytes, payload: bytes) -> Reply:
        wait_s = self._peers.take(peer, trio.current_time())
        if wait_s:
            return Busy(messages.clip_retry(wait_s * 1_000))
        if len(payload) > messages.QUERY_BYTES_MAX:
            return refuse(RefusalCode.MALFORMED, f"{len(payload)} bytes are too long for a query")
        try:
            signed = codec.decode(SignedQuery, payload, messages.QUERY_BYTES_MAX)
        except DecodeError as error:
            return refuse(RefusalCode.MALFORMED, str(error))
        refusal = self._check_query(signed)
        if refusal is not None:
            return refusal
        try:
            units = self._task.measure(signed.query.body)
        except MalformedQuery as error:
            return refuse(RefusalCode.MALFORMED, str(error))
        if units > self._settings.intake_max:
            limit = self._settings.intake_max
            return refuse(RefusalCode.NOT_ALLOWED, f"{units} units of work: {limit} are allowed")
        if self.counts.in_hand + units > self._settings.intake_max:
            return Busy(messages.clip_retry(1_000))
        self.counts.in_hand += units
        try:
            return await self._work(signed.query, units)
        finally:
            self.counts.in_hand -= units

    def _check_query(self, signed: SignedQuery) -> Reply | None:
        """Return why `signed` is not for the model; None when it is."""
        query = signed.query
        if query.miner != self._node.hotkey or query.netuid != self._settings.netuid:
            return refuse(RefusalCode.NOT_FOR_ME, "the query names another miner or subnet")
        now_ms = self._node.now_ms()
        if abs(now_ms - query.time_ms) > SKEW_MS:
            return refuse(RefusalCode.STALE, f"our clocks differ by over {SKEW_MS // 1000} s")
        if not messages.is_query_signed(self._node.chain().chain_id, signed):
            return refuse(RefusalCode.FORGED, "the signature is not the asker's")
        if not self._has_permit(query.asker):
            wait_s = self._strangers.take(trio.current_time())
            if wait_s:
                return Busy(messages.clip_retry(wait_s * 1_000))
        if not self._seen.add(query.asker + query.query_id, now_ms):
            return refuse(RefusalCode.REPLAYED, "this query was asked before")
        return None

    def _has_permit(self, asker: PublicKey) -> bool:
        neurons = self._node.metagraph(self._settings.netuid).neurons
        return any(neuron.hotkey == asker and neuron.has_permit for neuron in neurons)

    async def _work(self, query: Query, units: int) -> Reply:
        """Have the model answer; why it failed is for our log, and none of the asker's business."""
        try:
            answer = await self._runtime.infer(query.body, units)
        except WorkerUnavailable as error:
            return Busy(messages.clip_retry(error.retry_ms))
        except ModelFault as error:
            self._log("model_failed", reason=str(error))
            return refuse(RefusalCode.MODEL_FAILED, "the model has no answer to this query")
        limit = self._task.answer_bytes_max
        if len(answer) > limit:
            self._log("model_failed", reason=f"an answer of {len(answer)} bytes: {limit} may be")
            return refuse(RefusalCode.MODEL_FAILED, "the model has no answer to this query")
        return self._complete(query, answer)

    def _complete(self, query: Query, answer: bytes) -> Completion:
        """Sign for `answer`: which query, which answer, who and when."""
        receipt = AnswerReceipt(
            query_hash=messages.compute_query_hash(self._node.chain().chain_id, query),
            answer_hash=messages.compute_answer_hash(answer),
            miner=self._node.hotkey,
            time_ms=self._node.now_ms(),
        )
        signature = self._node.sign(messages.compute_receipt_hash(receipt))
        return Completion(Bytes64K(answer), receipt, signature)
